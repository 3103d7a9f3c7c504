/* A trained agent of mamba-dqn in plain C99: this header and the weights file beside it, nothing else.
 *
 *     #define MAMBA_DQN_IMPLEMENTATION     // in one file of the program
 *     #include "agent.h"
 *
 *     const char *problem;
 *     mdqn_agent *agent = mdqn_open("agent.weights", &problem);   // NULL, and why, where it cannot be read
 *     mdqn_begin(agent, observation);                             // the first of an episode
 *     int action = mdqn_action(agent);                            // or mdqn_q(agent), mdqn_latent(agent)
 *     mdqn_observe(agent, next_observation, action, reward);
 *     mdqn_close(agent);
 *
 * Observations are as the environment gives them. An agent that remembers by a recurrent state does the same work at every
 * observation; one that reads windows, the work of a window. Nothing is allocated after mdqn_open. Needs <math.h> (-lm) and a
 * little-endian machine. */
#ifndef MAMBA_DQN_AGENT_H
#define MAMBA_DQN_AGENT_H

#ifdef __cplusplus
extern "C" {
#endif

typedef struct mdqn_agent mdqn_agent;

mdqn_agent *mdqn_open(const char *path, const char **problem);
void mdqn_close(mdqn_agent *agent);

int mdqn_observation_size(const mdqn_agent *agent);
int mdqn_action_count(const mdqn_agent *agent);
int mdqn_latent_size(const mdqn_agent *agent);

/* An episode begins with this observation [observation_size]. */
void mdqn_begin(mdqn_agent *agent, const float *observation);
/* The next observation, after an action [0, action_count) and its reward. */
void mdqn_observe(mdqn_agent *agent, const float *observation, int action, float reward);

/* At the present observation: Q-values [action_count], the latent [latent_size], and the action of the largest Q-value. */
const float *mdqn_q(const mdqn_agent *agent);
const float *mdqn_latent(const mdqn_agent *agent);
int mdqn_action(const mdqn_agent *agent);

#ifdef __cplusplus
}
#endif
#endif

#ifdef MAMBA_DQN_IMPLEMENTATION
#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- The weights file: "MDQN", a version, the numbers of mdqn_sizes, then named tensors; all little-endian. ---- */

enum { MDQN_VERSION = 1, MDQN_NAME = 80, MDQN_RANK = 4, MDQN_MOST = 1 << 28 /* numbers of all tensors */ };

typedef struct {
  int32_t observation, actions, model, window; /* window 0: a recurrent state */
  int32_t heads, context;                      /* of attention */
  int32_t entities, entity_features;           /* 0: the observation is no list */
  int32_t members, blocks, residual;
  int32_t reads_differences, reads_action, reads_reward;
  float reward_scale;
  int32_t tensors;
} mdqn_sizes;

typedef struct {
  char name[MDQN_NAME];
  int32_t shape[MDQN_RANK]; /* 1 beyond its rank */
  const float *values;
} mdqn_tensor;

typedef struct { const float *weight, *bias; int inputs, outputs; } mdqn_linear; /* y = W x + b */
typedef struct { const float *gain, *bias; int size; } mdqn_norm;

enum { MDQN_MAMBA = 1, MDQN_MAMBA2, MDQN_MAMBA3, MDQN_LSTM, MDQN_GRU, MDQN_ATTENTION, MDQN_MLP };

/* What reads a sequence one position at a time: x [size] and a state [state_count] that moves on -> y [size]. */
typedef struct {
  int kind, size, inner, states, taps, rank, heads, angles, context, state_count;
  mdqn_linear in, select, step, out;
  const float *conv, *conv_bias, *a /* -exp(A_log) */, *skip, *step_bias, *norm;
  const float *b_bias, *c_bias, *b_norm, *c_norm;
  const float *norm_before; /* a block of a residual stack: x + mixer(norm(x)) */
} mdqn_mixer;

/* One Q-function: torso -> mixers (or the published transformer) -> head. */
typedef struct {
  mdqn_linear entity[2], torso[2], hidden, advantage, value;
  mdqn_norm torso_norm[2];
  int torso_layers, is_linear, mixers, transformer;
  mdqn_mixer *mixer;
  const float *norm_after, *position;
  struct { mdqn_linear in, out, up, down; mdqn_norm norm[2]; } layer[2];
  float *window, *state; /* features [window, model], the newest last; the mixers' states */
} mdqn_function;

struct mdqn_agent {
  mdqn_sizes sizes;
  int input, state_count, has_begun;
  mdqn_tensor *tensor;
  float *memory; /* the tensors' values */
  mdqn_function *function;
  const float *scale, *difference_scale;
  float *previous, *x, *features, *y, *scratch, *rotation, *q, *member_q, *latent;
};

static const mdqn_tensor *mdqn_find(const mdqn_agent *a, const char *prefix, const char *name) {
  char full[2 * MDQN_NAME];
  snprintf(full, sizeof full, "%s%s", prefix, name);
  for (int i = 0; i < a->sizes.tensors; i++)
    if (strcmp(a->tensor[i].name, full) == 0) return &a->tensor[i];
  return NULL;
}
static const float *mdqn_values(const mdqn_agent *a, const char *prefix, const char *name) {
  const mdqn_tensor *t = mdqn_find(a, prefix, name);
  return t ? t->values : NULL;
}
static mdqn_linear mdqn_find_linear(const mdqn_agent *a, const char *prefix, const char *weight, const char *bias) {
  const mdqn_tensor *w = mdqn_find(a, prefix, weight);
  mdqn_linear l = {NULL, NULL, 0, 0};
  if (!w) return l;
  l.weight = w->values, l.outputs = w->shape[0], l.inputs = w->shape[1];
  l.bias = mdqn_values(a, prefix, bias);
  return l;
}
static mdqn_norm mdqn_find_norm(const mdqn_agent *a, const char *prefix, const char *gain, const char *bias) {
  const mdqn_tensor *g = mdqn_find(a, prefix, gain);
  mdqn_norm n = {NULL, NULL, 0};
  if (g) n.gain = g->values, n.size = g->shape[0], n.bias = mdqn_values(a, prefix, bias);
  return n;
}

/* ---- Arithmetic ---- */

static void mdqn_apply(mdqn_linear l, const float *x, float *y) {
  for (int i = 0; i < l.outputs; i++) {
    const float *w = l.weight + (size_t)i * l.inputs;
    float part[8] = {0}, total = l.bias ? l.bias[i] : 0; /* eight sums side by side: what vector units do */
    int j = 0;
    for (; j + 8 <= l.inputs; j += 8)
      for (int k = 0; k < 8; k++) part[k] += w[j + k] * x[j + k];
    for (; j < l.inputs; j++) total += w[j] * x[j];
    for (int k = 0; k < 8; k++) total += part[k];
    y[i] = total;
  }
}
static void mdqn_relu(float *x, int n) {
  for (int i = 0; i < n; i++) x[i] = x[i] > 0 ? x[i] : 0;
}
static float mdqn_sigmoid(float x) { return 1 / (1 + expf(-x)); }
static float mdqn_silu(float x) { return x * mdqn_sigmoid(x); }
static float mdqn_softplus(float x) { return x > 20 ? x : log1pf(expf(x)); }

static void mdqn_rms_norm(const float *x, const float *weight, int n, float *y) {
  float total = 0;
  for (int i = 0; i < n; i++) total += x[i] * x[i];
  float inverse = 1 / sqrtf(total / n + 1e-5f);
  for (int i = 0; i < n; i++) y[i] = x[i] * inverse * weight[i];
}
static void mdqn_layer_norm(float *x, mdqn_norm norm) {
  float mean = 0, variance = 0;
  for (int i = 0; i < norm.size; i++) mean += x[i];
  mean /= norm.size;
  for (int i = 0; i < norm.size; i++) variance += (x[i] - mean) * (x[i] - mean);
  float inverse = 1 / sqrtf(variance / norm.size + 1e-5f);
  for (int i = 0; i < norm.size; i++) x[i] = (x[i] - mean) * inverse * norm.gain[i] + norm.bias[i];
}

/* silu of the causal convolution, one filter a channel; tail [channels, taps], the newest last, moves on. */
static void mdqn_convolve(const mdqn_mixer *m, int channels, float *tail, const float *x, float *y) {
  for (int e = 0; e < channels; e++) {
    float *t = tail + (size_t)e * m->taps, total = m->conv_bias ? m->conv_bias[e] : 0;
    for (int j = 0; j + 1 < m->taps; j++) t[j] = t[j + 1];
    t[m->taps - 1] = x[e];
    for (int j = 0; j < m->taps; j++) total += m->conv[(size_t)e * m->taps + j] * t[j];
    y[e] = mdqn_silu(total);
  }
}

/* ---- One position of each mixer. s is scratch. ---- */

static void mdqn_mamba(const mdqn_mixer *m, const float *x, float *state, float *y, float *s) {
  const int E = m->inner, N = m->states, R = m->rank;
  float *xz = s, *u = xz + 2 * E, *selected = u + E, *delta = selected + R + 2 * N, *gated = delta + E;
  float *h = state + (size_t)E * m->taps;
  mdqn_apply(m->in, x, xz);
  mdqn_convolve(m, E, state, xz, u);
  mdqn_apply(m->select, u, selected);
  mdqn_apply(m->step, selected, delta);
  const float *b = selected + R, *c = b + N;
  for (int e = 0; e < E; e++) {
    float d = mdqn_softplus(delta[e]), total = m->skip[e] * u[e];
    for (int n = 0; n < N; n++) {
      size_t i = (size_t)e * N + n;
      h[i] = expf(d * m->a[i]) * h[i] + d * b[n] * u[e];
      total += c[n] * h[i];
    }
    gated[e] = total * mdqn_silu(xz[E + e]);
  }
  mdqn_apply(m->out, gated, y);
}

static void mdqn_mamba2(const mdqn_mixer *m, const float *x, float *state, float *y, float *s) {
  const int E = m->inner, N = m->states, H = m->heads, P = E / H, channels = E + 2 * N;
  float *projected = s, *xbc = projected + E + channels + H, *gated = xbc + channels;
  float *h = state + (size_t)channels * m->taps;
  mdqn_apply(m->in, x, projected);
  mdqn_convolve(m, channels, state, projected + E, xbc);
  const float *b = xbc + E, *c = b + N, *step = projected + E + channels;
  for (int head = 0; head < H; head++) {
    float d = mdqn_softplus(step[head] + m->step_bias[head]), decay = expf(d * m->a[head]);
    for (int e = head * P; e < (head + 1) * P; e++) {
      float total = m->skip[head] * xbc[e];
      for (int n = 0; n < N; n++) {
        float *cell = h + (size_t)e * N + n;
        *cell = decay * *cell + d * xbc[e] * b[n];
        total += c[n] * *cell;
      }
      gated[e] = total * mdqn_silu(projected[e]);
    }
  }
  mdqn_rms_norm(gated, m->norm, E, gated);
  mdqn_apply(m->out, gated, y);
}

/* Turns pairs (2s, 2s + 1) by the angles. */
static void mdqn_turn(float *x, const float *angle, int angles) {
  for (int s = 0; s < angles; s++) {
    float c = cosf(angle[s]), d = sinf(angle[s]), a = x[2 * s], b = x[2 * s + 1];
    x[2 * s] = a * c - b * d, x[2 * s + 1] = a * d + b * c;
  }
}

static void mdqn_mamba3(const mdqn_mixer *m, const float *x, float *state, float *y, float *s) {
  const int E = m->inner, N = m->states, H = m->heads, P = E / H, S = m->angles;
  float *z = s, *v = z + E, *b = v + E, *c = b + N, *step = c + N, *rate = step + H, *mix = rate + H, *turn = mix + H;
  float *normed = turn + S, *k = normed + 2 * N, *q = k + N, *gated = q + N;
  float *angle = state, *h = angle + H * S, *before_k = h + (size_t)E * N, *before_v = before_k + H * N;
  mdqn_apply(m->in, x, z);
  mdqn_rms_norm(b, m->b_norm, N, normed);
  mdqn_rms_norm(c, m->c_norm, N, normed + N);
  for (int head = 0; head < H; head++) {
    float d = mdqn_softplus(step[head] + m->step_bias[head]), r = rate[head];
    float a = -((r > 0 ? r : 0) + 1 / (1 - (r < 0 ? r : 0)));
    if (a > -1e-4f) a = -1e-4f;
    float lambda = mdqn_sigmoid(mix[head]), alpha = expf(a * d), beta = (1 - lambda) * d * alpha, gamma = lambda * d;
    float *theta = angle + head * S;
    for (int i = 0; i < S; i++)
      theta[i] = remainderf(theta[i] + 3.14159265358979f * tanhf(turn[i]) * d, 6.28318530717959f);
    for (int n = 0; n < N; n++) {
      k[n] = normed[n] + m->b_bias[head * N + n];
      q[n] = normed[N + n] + m->c_bias[head * N + n];
    }
    mdqn_turn(k, theta, S);
    mdqn_turn(q, theta, S);
    for (int e = head * P; e < (head + 1) * P; e++) {
      float total = m->skip[head] * v[e];
      for (int n = 0; n < N; n++) {
        float *cell = h + (size_t)e * N + n;
        *cell = alpha * *cell + beta * before_v[e] * before_k[head * N + n] + gamma * v[e] * k[n];
        total += *cell * q[n];
      }
      gated[e] = total * mdqn_silu(z[e]);
      before_v[e] = v[e];
    }
    memcpy(before_k + head * N, k, N * sizeof(float));
  }
  mdqn_apply(m->out, gated, y);
}

static void mdqn_lstm(const mdqn_mixer *m, const float *x, float *state, float *y, float *s) {
  const int D = m->size;
  float *a = s, *b = a + 4 * D, *h = state, *c = state + D;
  mdqn_apply(m->in, x, a);
  mdqn_apply(m->step, h, b);
  for (int j = 0; j < D; j++) {
    float i = mdqn_sigmoid(a[j] + b[j]), f = mdqn_sigmoid(a[D + j] + b[D + j]);
    float g = tanhf(a[2 * D + j] + b[2 * D + j]), o = mdqn_sigmoid(a[3 * D + j] + b[3 * D + j]);
    c[j] = f * c[j] + i * g;
    y[j] = o * tanhf(c[j]);
  }
  memcpy(h, y, D * sizeof(float));
}

static void mdqn_gru(const mdqn_mixer *m, const float *x, float *h, float *y, float *s) {
  const int D = m->size;
  float *a = s, *b = a + 3 * D;
  mdqn_apply(m->in, x, a);
  mdqn_apply(m->step, h, b);
  for (int j = 0; j < D; j++) {
    float r = mdqn_sigmoid(a[j] + b[j]), z = mdqn_sigmoid(a[D + j] + b[D + j]);
    float n = tanhf(a[2 * D + j] + r * b[2 * D + j]);
    y[j] = n + z * (h[j] - n);
  }
  memcpy(h, y, D * sizeof(float));
}

/* Softmax of scores [n] in place. */
static void mdqn_softmax(float *scores, int n) {
  float greatest = scores[0], total = 0;
  for (int i = 1; i < n; i++) greatest = scores[i] > greatest ? scores[i] : greatest;
  for (int i = 0; i < n; i++) total += scores[i] = expf(scores[i] - greatest);
  for (int i = 0; i < n; i++) scores[i] /= total;
}

/* Keys and values [context, size] lie in a ring; a product turns a key by how far it lies back (rotation [context, 2, pairs]). */
static void mdqn_attention(const mdqn_agent *agent, const mdqn_mixer *m, const float *x, float *state, float *y, float *s) {
  const int D = m->size, C = m->context, W = D / m->heads, pairs = W / 2;
  float *qkv = s, *scores = qkv + 3 * D, *attended = scores + C;
  float *keys = state, *values = keys + (size_t)C * D, *counter = values + (size_t)C * D;
  int count = (int)*counter, newest = count % C, seen = count + 1 < C ? count + 1 : C;
  mdqn_apply(m->in, x, qkv);
  memcpy(keys + (size_t)newest * D, qkv + D, D * sizeof(float));
  memcpy(values + (size_t)newest * D, qkv + 2 * D, D * sizeof(float));
  for (int head = 0; head < m->heads; head++) {
    const float *q = qkv + head * W;
    for (int age = 0; age < seen; age++) {
      const float *k = keys + (size_t)((newest - age + C) % C) * D + head * W;
      const float *cosine = agent->rotation + (size_t)age * 2 * pairs, *sine = cosine + pairs;
      float total = W % 2 ? q[W - 1] * k[W - 1] : 0;
      for (int j = 0; j < pairs; j++)
        total += cosine[j] * (q[j] * k[j] + q[j + pairs] * k[j + pairs]) + sine[j] * (q[j] * k[j + pairs] - q[j + pairs] * k[j]);
      scores[age] = total / sqrtf((float)W);
    }
    mdqn_softmax(scores, seen);
    for (int j = 0; j < W; j++) {
      float total = 0;
      for (int age = 0; age < seen; age++) total += scores[age] * values[(size_t)((newest - age + C) % C) * D + head * W + j];
      attended[head * W + j] = total;
    }
  }
  *counter = (float)(count + 1 < 2 * C ? count + 1 : C);
  mdqn_apply(m->out, attended, y);
}

static void mdqn_mix(const mdqn_agent *agent, const mdqn_mixer *m, const float *x, float *state, float *y, float *s) {
  switch (m->kind) {
    case MDQN_MAMBA: mdqn_mamba(m, x, state, y, s); break;
    case MDQN_MAMBA2: mdqn_mamba2(m, x, state, y, s); break;
    case MDQN_MAMBA3: mdqn_mamba3(m, x, state, y, s); break;
    case MDQN_LSTM: mdqn_lstm(m, x, state, y, s); break;
    case MDQN_GRU: mdqn_gru(m, x, state, y, s); break;
    case MDQN_ATTENTION: mdqn_attention(agent, m, x, state, y, s); break;
    case MDQN_MLP:
      mdqn_apply(m->in, x, s);
      mdqn_relu(s, m->in.outputs);
      mdqn_apply(m->out, s, y);
      break;
  }
}

/* All mixers at one position: x [model] -> y [model]; state moves on. */
static void mdqn_mix_all(const mdqn_agent *agent, const mdqn_function *f, const float *x, float *state, float *y, float *s) {
  const int D = agent->sizes.model;
  float *normed = s, *mixed = s + D, *rest = s + 2 * D;
  memcpy(y, x, D * sizeof(float));
  for (int i = 0; i < f->mixers; i++) {
    const mdqn_mixer *m = &f->mixer[i];
    if (m->norm_before) {
      mdqn_rms_norm(y, m->norm_before, D, normed);
      mdqn_mix(agent, m, normed, state, mixed, rest);
      for (int j = 0; j < D; j++) y[j] += mixed[j];
    } else {
      mdqn_mix(agent, m, y, state, mixed, rest);
      memcpy(y, mixed, D * sizeof(float));
    }
    state += m->state_count;
  }
  if (f->norm_after) mdqn_rms_norm(y, f->norm_after, D, y);
}

/* The published transformer: learned positions, two causal layers with their norms after; the last position's output. */
static void mdqn_transform(const mdqn_agent *agent, const mdqn_function *f, float *y, float *s) {
  const int D = agent->sizes.model, T = agent->sizes.window, W = D / agent->sizes.heads;
  float *x = s, *qkv = x + T * D, *attended = qkv + 3 * T * D, *scores = attended + D, *wide = scores + T;
  for (int i = 0; i < T * D; i++) x[i] = f->window[i] + f->position[i];
  for (int layer = 0; layer < 2; layer++) {
    for (int t = 0; t < T; t++) mdqn_apply(f->layer[layer].in, x + t * D, qkv + 3 * t * D);
    for (int t = layer == 1 ? T - 1 : 0; t < T; t++) {
      for (int head = 0; head < agent->sizes.heads; head++) {
        const int at = head * W;
        for (int j = 0; j <= t; j++) {
          float total = 0;
          for (int i = 0; i < W; i++) total += qkv[3 * t * D + at + i] * qkv[3 * j * D + D + at + i];
          scores[j] = total / sqrtf((float)W);
        }
        mdqn_softmax(scores, t + 1);
        for (int i = 0; i < W; i++) {
          float total = 0;
          for (int j = 0; j <= t; j++) total += scores[j] * qkv[3 * j * D + 2 * D + at + i];
          attended[at + i] = total;
        }
      }
      float *row = x + t * D, *out = wide + f->layer[layer].up.outputs;
      mdqn_apply(f->layer[layer].out, attended, out);
      for (int i = 0; i < D; i++) row[i] += out[i];
      mdqn_layer_norm(row, f->layer[layer].norm[0]);
      mdqn_apply(f->layer[layer].up, row, wide);
      mdqn_relu(wide, f->layer[layer].up.outputs);
      mdqn_apply(f->layer[layer].down, wide, out);
      for (int i = 0; i < D; i++) row[i] += out[i];
      mdqn_layer_norm(row, f->layer[layer].norm[1]);
    }
  }
  memcpy(y, x + (T - 1) * D, D * sizeof(float));
}

/* The torso: x [input] -> features [model]. */
static void mdqn_torso(const mdqn_agent *agent, const mdqn_function *f, const float *x, float *features, float *s) {
  const mdqn_sizes *z = &agent->sizes;
  if (f->entity[0].weight) { /* maximum and sum over the entities present, then the first entity and what stands behind all */
    const int F = z->entity_features, W = f->entity[1].outputs, rest = agent->input - z->entities * F;
    float *joined = s, *pair = joined + 2 * W + F + rest, *hidden = pair + 2 * F, *encoded = hidden + W;
    int is_first = 1;
    memset(joined, 0, 2 * W * sizeof(float));
    for (int e = 1; e < z->entities; e++) {
      if (x[e * F] == 0) continue;
      memcpy(pair, x, F * sizeof(float));
      memcpy(pair + F, x + e * F, F * sizeof(float));
      mdqn_apply(f->entity[0], pair, hidden);
      mdqn_relu(hidden, W);
      mdqn_apply(f->entity[1], hidden, encoded);
      mdqn_relu(encoded, W);
      for (int i = 0; i < W; i++) {
        joined[W + i] += encoded[i];
        if (is_first || encoded[i] > joined[i]) joined[i] = encoded[i];
      }
      is_first = 0;
    }
    memcpy(joined + 2 * W, x, F * sizeof(float));
    memcpy(joined + 2 * W + F, x + z->entities * F, rest * sizeof(float));
    x = joined;
    s = encoded;
  }
  for (int i = 0; i < f->torso_layers; i++) {
    float *y = i + 1 == f->torso_layers ? features : s;
    mdqn_apply(f->torso[i], x, y);
    if (f->torso_norm[i].gain) mdqn_layer_norm(y, f->torso_norm[i]);
    if (!f->is_linear) mdqn_relu(y, f->torso[i].outputs);
    x = y;
  }
}

static void mdqn_head(const mdqn_agent *agent, const mdqn_function *f, const float *latent, float *q, float *s) {
  const int A = agent->sizes.actions;
  if (f->hidden.weight) {
    mdqn_apply(f->hidden, latent, s);
    mdqn_relu(s, f->hidden.outputs);
    latent = s;
  }
  mdqn_apply(f->advantage, latent, q);
  if (f->value.weight) {
    float value, mean = 0;
    mdqn_apply(f->value, latent, &value);
    for (int i = 0; i < A; i++) mean += q[i] / A;
    for (int i = 0; i < A; i++) q[i] += value - mean;
  }
}

/* ---- Reading ---- */

static int mdqn_read_mixer(const mdqn_agent *a, const char *prefix, mdqn_mixer *m) {
  const int D = a->sizes.model;
  memset(m, 0, sizeof *m);
  m->size = D;
  const mdqn_tensor *a_log = mdqn_find(a, prefix, "A_log"), *b_bias = mdqn_find(a, prefix, "B_bias");
  m->skip = mdqn_values(a, prefix, "D"), m->step_bias = mdqn_values(a, prefix, "dt_bias");
  m->conv = mdqn_values(a, prefix, "conv1d.weight"), m->conv_bias = mdqn_values(a, prefix, "conv1d.bias");
  m->in = mdqn_find_linear(a, prefix, "in_proj.weight", "in_proj.bias");
  m->out = mdqn_find_linear(a, prefix, "out_proj.weight", "out_proj.bias");
  m->inner = m->out.inputs;
  if (m->conv) m->taps = mdqn_find(a, prefix, "conv1d.weight")->shape[2];
  if (a_log) m->a = a_log->values;
  if (a_log && mdqn_find(a, prefix, "x_proj.weight")) {
    m->kind = MDQN_MAMBA;
    m->select = mdqn_find_linear(a, prefix, "x_proj.weight", "x_proj.bias");
    m->step = mdqn_find_linear(a, prefix, "dt_proj.weight", "dt_proj.bias");
    m->states = a_log->shape[1], m->rank = m->step.inputs;
    m->state_count = m->inner * (m->taps + m->states);
    return m->skip && m->conv && m->in.weight && m->select.weight && m->step.weight && m->out.weight;
  }
  if (a_log) {
    m->kind = MDQN_MAMBA2;
    m->heads = a_log->shape[0], m->norm = mdqn_values(a, prefix, "norm.weight");
    if (!m->conv) return 0;
    m->states = (mdqn_find(a, prefix, "conv1d.weight")->shape[0] - m->inner) / 2;
    m->state_count = (m->inner + 2 * m->states) * m->taps + m->inner * m->states;
    return m->skip && m->in.weight && m->out.weight && m->norm && m->step_bias;
  }
  if (b_bias) {
    m->kind = MDQN_MAMBA3;
    m->heads = b_bias->shape[0], m->states = b_bias->shape[2], m->b_bias = b_bias->values;
    m->c_bias = mdqn_values(a, prefix, "C_bias");
    m->b_norm = mdqn_values(a, prefix, "B_norm.weight"), m->c_norm = mdqn_values(a, prefix, "C_norm.weight");
    m->angles = m->in.outputs - 2 * m->inner - 2 * m->states - 3 * m->heads;
    m->state_count = m->heads * (m->angles + m->states) + m->inner * (m->states + 1);
    return m->skip && m->step_bias && m->c_bias && m->b_norm && m->c_norm && m->in.weight && m->out.weight && m->angles >= 0;
  }
  m->in = mdqn_find_linear(a, prefix, "weight_ih_l0", "bias_ih_l0");
  if (m->in.weight) {
    m->kind = m->in.outputs == 4 * D ? MDQN_LSTM : MDQN_GRU;
    m->step = mdqn_find_linear(a, prefix, "weight_hh_l0", "bias_hh_l0");
    m->state_count = m->kind == MDQN_LSTM ? 2 * D : D;
    return m->step.weight != NULL;
  }
  m->in = mdqn_find_linear(a, prefix, "in_proj_weight", "in_proj_bias");
  if (m->in.weight) {
    m->kind = MDQN_ATTENTION;
    m->heads = a->sizes.heads, m->context = a->sizes.context;
    m->state_count = 2 * m->context * D + 1;
    return m->heads > 0 && m->context > 0 && m->out.weight;
  }
  m->kind = MDQN_MLP;
  m->in = mdqn_find_linear(a, prefix, "linear1.weight", "linear1.bias");
  m->out = mdqn_find_linear(a, prefix, "linear2.weight", "linear2.bias");
  return m->in.weight && m->out.weight;
}

static int mdqn_read_function(mdqn_agent *a, const char *prefix, mdqn_function *f) {
  char name[2 * MDQN_NAME];
  static const char *const alone[] = {"mamba.", "mamba2.", "mamba3.", "lstm.", "gru."};
  const mdqn_sizes *z = &a->sizes;
  memset(f, 0, sizeof *f);
  f->torso[0] = mdqn_find_linear(a, prefix, "input.weight", "input.bias");
  f->is_linear = f->torso[0].weight != NULL;
  f->torso_layers = 1;
  if (!f->is_linear) {
    f->entity[0] = mdqn_find_linear(a, prefix, "entity_mlp.0.weight", "entity_mlp.0.bias");
    f->entity[1] = mdqn_find_linear(a, prefix, "entity_mlp.2.weight", "entity_mlp.2.bias");
    f->torso[0] = mdqn_find_linear(a, prefix, "input_mlp.0.weight", "input_mlp.0.bias");
    f->torso_norm[0] = mdqn_find_norm(a, prefix, "input_mlp.1.weight", "input_mlp.1.bias");
    f->torso[1] = f->torso_norm[0].gain ? mdqn_find_linear(a, prefix, "input_mlp.3.weight", "input_mlp.3.bias")
                                        : mdqn_find_linear(a, prefix, "input_mlp.2.weight", "input_mlp.2.bias");
    f->torso_norm[1] = mdqn_find_norm(a, prefix, "input_mlp.4.weight", "input_mlp.4.bias");
    if (f->torso[1].weight) f->torso_layers = 2;
  }
  int is_stack = mdqn_find(a, prefix, "norm_f.weight") != NULL;
  f->norm_after = mdqn_values(a, prefix, "norm_f.weight");
  f->position = mdqn_values(a, prefix, "position");
  f->transformer = f->position != NULL;
  f->mixer = (mdqn_mixer *)calloc((size_t)(is_stack ? z->blocks : 1), sizeof *f->mixer);
  if (!f->mixer) return 0;
  if (is_stack) {
    for (int i = 0; i < z->blocks; i++) {
      snprintf(name, sizeof name, "%slayers.%d.mixer.", prefix, i);
      if (!mdqn_read_mixer(a, name, &f->mixer[i])) return 0;
      snprintf(name, sizeof name, "%slayers.%d.norm.weight", prefix, i);
      if (!(f->mixer[i].norm_before = mdqn_values(a, name, ""))) return 0;
    }
    f->mixers = z->blocks;
  } else {
    for (size_t i = 0; i < sizeof alone / sizeof *alone; i++) {
      snprintf(name, sizeof name, "%s%s", prefix, alone[i]);
      int found = 0; /* any tensor under the name */
      for (int t = 0; t < z->tensors; t++) found |= strncmp(a->tensor[t].name, name, strlen(name)) == 0;
      if (!found) continue;
      if (!mdqn_read_mixer(a, name, &f->mixer[0])) return 0;
      f->mixers = 1;
    }
  }
  for (int i = 0; f->transformer && i < 2; i++) {
    snprintf(name, sizeof name, "%sencoder.layers.%d.", prefix, i);
    f->layer[i].in = mdqn_find_linear(a, name, "self_attn.in_proj_weight", "self_attn.in_proj_bias");
    f->layer[i].out = mdqn_find_linear(a, name, "self_attn.out_proj.weight", "self_attn.out_proj.bias");
    f->layer[i].up = mdqn_find_linear(a, name, "linear1.weight", "linear1.bias");
    f->layer[i].down = mdqn_find_linear(a, name, "linear2.weight", "linear2.bias");
    f->layer[i].norm[0] = mdqn_find_norm(a, name, "norm1.weight", "norm1.bias");
    f->layer[i].norm[1] = mdqn_find_norm(a, name, "norm2.weight", "norm2.bias");
    if (!f->layer[i].in.weight || !f->layer[i].out.weight || !f->layer[i].up.weight || !f->layer[i].down.weight) return 0;
  }
  const char *head = is_stack ? "head" : "output_head";
  snprintf(name, sizeof name, "%s%s.", prefix, head);
  f->hidden = mdqn_find_linear(a, name, "0.weight", "0.bias");
  f->advantage = f->hidden.weight ? mdqn_find_linear(a, name, "2.weight", "2.bias") : mdqn_find_linear(a, name, "weight", "bias");
  f->value = mdqn_find_linear(a, prefix, "value_head.weight", "value_head.bias");
  return f->torso[0].weight && f->advantage.weight && f->advantage.outputs == z->actions;
}

/* Floats of scratch that any part of the network needs: the width of everything in it, over all positions of a window. */
static size_t mdqn_scratch_count(const mdqn_agent *a) {
  size_t widest = 64;
  for (int i = 0; i < a->sizes.tensors; i++)
    for (int d = 0; d < 2; d++)
      if (a->tensor[i].shape[d] > (int64_t)widest) widest = a->tensor[i].shape[d];
  size_t window = a->sizes.window > 0 ? a->sizes.window : 1;
  return 16 * widest + 6 * window * a->sizes.model + a->sizes.context + 2 * a->input;
}

void mdqn_close(mdqn_agent *a) {
  if (!a) return;
  for (int i = 0; a->function && i < a->sizes.members; i++) {
    free(a->function[i].mixer), free(a->function[i].window), free(a->function[i].state);
  }
  free(a->function), free(a->tensor), free(a->memory), free(a->previous), free(a->x), free(a->features), free(a->y);
  free(a->scratch), free(a->rotation), free(a->q), free(a->member_q), free(a->latent), free(a);
}

static float *mdqn_floats(size_t count) { return (float *)calloc(count ? count : 1, sizeof(float)); }

static const char *mdqn_read(mdqn_agent *a, FILE *file) {
  static const char *const wrong = "not a weights file of this version of mamba-dqn, or not whole";
  static const char *const full = "not enough memory";
  char magic[4];
  int32_t version;
  mdqn_sizes *z = &a->sizes;
  if (fread(magic, 4, 1, file) != 1 || memcmp(magic, "MDQN", 4) != 0) return wrong;
  if (fread(&version, 4, 1, file) != 1 || version != MDQN_VERSION || fread(z, sizeof *z, 1, file) != 1) return wrong;
  if (z->observation < 1 || z->actions < 1 || z->model < 1 || z->window < 0 || z->members < 1 || z->members > 1000 ||
      z->blocks < 0 || z->blocks > 10000 || z->tensors < 1 || z->tensors > 1000000 || z->context < 0)
    return wrong;
  if (!(a->tensor = (mdqn_tensor *)calloc((size_t)z->tensors, sizeof *a->tensor))) return full;
  size_t total = 0;
  for (int i = 0; i < z->tensors; i++) {
    mdqn_tensor *t = &a->tensor[i];
    if (fread(t->name, MDQN_NAME, 1, file) != 1 || fread(t->shape, sizeof t->shape, 1, file) != 1) return wrong;
    t->name[MDQN_NAME - 1] = 0;
    size_t count = 1;
    for (int d = 0; d < MDQN_RANK; d++) {
      if (t->shape[d] < 1 || count > MDQN_MOST / (size_t)t->shape[d]) return wrong;
      count *= (size_t)t->shape[d];
    }
    if ((total += count) > MDQN_MOST) return wrong;
  }
  if (!(a->memory = mdqn_floats(total))) return full;
  if (fread(a->memory, sizeof(float), total, file) != total) return wrong;
  float *next = a->memory, *end;
  for (int i = 0; i < z->tensors; i++) {
    a->tensor[i].values = next;
    end = next + (size_t)a->tensor[i].shape[0] * a->tensor[i].shape[1] * a->tensor[i].shape[2] * a->tensor[i].shape[3];
    size_t length = strlen(a->tensor[i].name);
    int is_rate = length >= 5 && strcmp(a->tensor[i].name + length - 5, "A_log") == 0;
    for (; next < end; next++)
      if (is_rate) *next = -expf(*next); /* a step needs only this of it */
  }
  a->scale = mdqn_values(a, "", "input_encoder.scale");
  a->difference_scale = mdqn_values(a, "", "input_encoder.difference_scale");
  a->input = z->observation * (z->reads_differences ? 2 : 1) + (z->reads_action ? z->actions : 0) + (z->reads_reward ? 1 : 0);
  if (!(a->function = (mdqn_function *)calloc((size_t)z->members, sizeof *a->function))) return full;
  for (int i = 0; i < z->members; i++) {
    char prefix[32] = "";
    if (i > 0) snprintf(prefix, sizeof prefix, "members.%d.", i);
    mdqn_function *f = &a->function[i];
    if (!mdqn_read_function(a, prefix, f)) return wrong;
    size_t states = 0;
    for (int m = 0; m < f->mixers; m++) states += (size_t)f->mixer[m].state_count;
    if ((int)states > a->state_count) a->state_count = (int)states;
    if (!(f->window = mdqn_floats((size_t)z->window * z->model)) || !(f->state = mdqn_floats(states))) return full;
  }
  a->previous = mdqn_floats((size_t)z->observation), a->x = mdqn_floats((size_t)a->input);
  a->features = mdqn_floats((size_t)z->model), a->y = mdqn_floats((size_t)z->model), a->latent = mdqn_floats((size_t)z->model);
  a->q = mdqn_floats((size_t)z->actions), a->member_q = mdqn_floats((size_t)z->actions);
  a->scratch = mdqn_floats(mdqn_scratch_count(a));
  int pairs = z->heads > 0 ? z->model / z->heads / 2 : 0;
  a->rotation = mdqn_floats((size_t)z->context * 2 * pairs);
  if (!a->previous || !a->x || !a->features || !a->y || !a->latent || !a->q || !a->member_q || !a->scratch || !a->rotation)
    return full;
  for (int age = 0; age < z->context; age++)
    for (int j = 0; j < pairs; j++) {
      double angle = age * pow(10000.0, -(double)j / pairs);
      a->rotation[(size_t)age * 2 * pairs + j] = (float)cos(angle);
      a->rotation[(size_t)age * 2 * pairs + pairs + j] = (float)sin(angle);
    }
  return NULL;
}

mdqn_agent *mdqn_open(const char *path, const char **problem) {
  const char *found = "not enough memory";
  FILE *file = fopen(path, "rb");
  mdqn_agent *a = file ? (mdqn_agent *)calloc(1, sizeof *a) : NULL;
  if (!file) found = "cannot be opened";
  if (a) found = mdqn_read(a, file);
  if (file) fclose(file);
  if (problem) *problem = found;
  if (!found) return a;
  mdqn_close(a);
  return NULL;
}

/* ---- Acting ---- */

static void mdqn_move(mdqn_agent *a, const float *observation, int is_first, int action, float reward) {
  const mdqn_sizes *z = &a->sizes;
  const int O = z->observation, D = z->model, T = z->window;
  int next = O;
  for (int i = 0; i < O; i++) a->x[i] = observation[i] * (a->scale ? a->scale[i] : 1);
  if (z->reads_differences) {
    for (int i = 0; i < O; i++) {
      float d = is_first ? 0 : (observation[i] - a->previous[i]) * (a->difference_scale ? a->difference_scale[i] : 1);
      a->x[next + i] = d < -5 ? -5 : d > 5 ? 5 : d;
    }
    next += O;
  }
  if (z->reads_action)
    for (int i = 0; i < z->actions; i++) a->x[next++] = !is_first && i == action ? 1 : 0;
  if (z->reads_reward) a->x[next] = is_first ? 0 : reward * z->reward_scale;
  memcpy(a->previous, observation, O * sizeof(float));

  for (int i = 0; i < z->members; i++) {
    mdqn_function *f = &a->function[i];
    mdqn_torso(a, f, a->x, a->features, a->scratch);
    if (T == 0) { /* a recurrent state */
      if (is_first && f->state) {
        size_t states = 0;
        for (int m = 0; m < f->mixers; m++) states += (size_t)f->mixer[m].state_count;
        memset(f->state, 0, states * sizeof(float));
      }
      mdqn_mix_all(a, f, a->features, f->state, a->y, a->scratch);
    } else { /* the window moves on; it is a sequence from the zero state, read at its last position */
      for (int t = is_first ? 0 : T - 1; t < T; t++) {
        if (!is_first) memmove(f->window, f->window + D, (size_t)(T - 1) * D * sizeof(float));
        memcpy(f->window + (size_t)t * D, a->features, D * sizeof(float));
      }
      if (f->transformer) {
        mdqn_transform(a, f, a->y, a->scratch);
      } else {
        memset(f->state, 0, (size_t)a->state_count * sizeof(float));
        int starts = a->state_count ? 0 : T - 1; /* without state only the last position counts */
        for (int t = starts; t < T; t++) mdqn_mix_all(a, f, f->window + (size_t)t * D, f->state, a->y, a->scratch);
      }
    }
    if (z->residual)
      for (int j = 0; j < D; j++) a->y[j] += a->features[j];
    mdqn_head(a, f, a->y, a->member_q, a->scratch);
    for (int j = 0; j < z->actions; j++) a->q[j] = (i ? a->q[j] : 0) + a->member_q[j] / z->members;
    if (i == 0) memcpy(a->latent, a->y, D * sizeof(float));
  }
}

void mdqn_begin(mdqn_agent *agent, const float *observation) { mdqn_move(agent, observation, 1, 0, 0); }
void mdqn_observe(mdqn_agent *agent, const float *observation, int action, float reward) {
  mdqn_move(agent, observation, 0, action, reward);
}
int mdqn_observation_size(const mdqn_agent *agent) { return agent->sizes.observation; }
int mdqn_action_count(const mdqn_agent *agent) { return agent->sizes.actions; }
int mdqn_latent_size(const mdqn_agent *agent) { return agent->sizes.model; }
const float *mdqn_q(const mdqn_agent *agent) { return agent->q; }
const float *mdqn_latent(const mdqn_agent *agent) { return agent->latent; }
int mdqn_action(const mdqn_agent *agent) {
  int best = 0;
  for (int i = 1; i < agent->sizes.actions; i++)
    if (agent->q[i] > agent->q[best]) best = i;
  return best;
}
#endif /* MAMBA_DQN_IMPLEMENTATION */

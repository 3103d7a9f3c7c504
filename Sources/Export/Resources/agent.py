"""A trained agent of mamba-dqn in PyTorch: this file and the weights beside it. Needs torch and safetensors; to play, gymnasium.

    python agent.py --env LunarLander-v3 --episodes 5      # plays, and prints each episode's return as a line of JSON

    from agent import Agent
    agent = Agent("agent.safetensors")
    agent.begin(observation)                               # the first of an episode; agent.q and agent.latent are there now
    action = agent.action()
    agent.observe(next_observation, action, reward)

`forward` is the same as a pure function of a batch, differentiable, with the recurrent state (or the window of recent features)
going in and coming out. `state_dict()` has the published names under `members.K.`.
"""
import argparse, json, math, pathlib

import torch
from safetensors import safe_open
from torch import cat, cos, exp, sigmoid, sin, tanh, where
from torch.nn.functional import layer_norm, linear, relu, silu, softplus


class Parameters(torch.nn.Module):
    """Tensors under dotted names: p.in_proj.weight, p["layers"]["0"]."""

    def __init__(self, tensors):
        super().__init__()
        parts = {}
        for name, tensor in tensors.items():
            first, _, rest = name.partition(".")
            if rest:
                parts.setdefault(first, {})[rest] = tensor
            else:
                self.register_parameter(first, torch.nn.Parameter(tensor))
        for name, part in parts.items():
            self.add_module(name, Parameters(part))

    def __getitem__(self, name):
        return getattr(self, name)

    def __contains__(self, name):
        return hasattr(self, name)


def apply(p, x):
    return linear(x, p.weight, p.bias if "bias" in p else None)


def rms_norm(x, weight):
    return x / (x.pow(2).mean(-1, keepdim=True) + 1e-5).sqrt() * weight


def norm(p, x):
    return layer_norm(x, p.weight.shape, p.weight, p.bias)


def filters(p):
    """A causal filter a channel: weights [taps, channels] and biases [channels]."""
    return p.weight[:, 0].t(), p.bias if "bias" in p else torch.zeros(p.weight.shape[0])


def convolve(p, before, x):
    """before [batch, (taps - 1) * channels], the newest last, moves on by x [batch, channels]."""
    weight, bias = filters(p)
    recent = cat([before, x], -1)
    y = (recent * weight.flatten()).reshape(-1, *weight.shape).sum(1)
    return recent[:, len(bias):], silu(y + bias)


# One position of each layer: parameters, x [batch, model] and the state before -> y [batch, model] and the state after, whose
# parts are flat. Beside each, the sizes of those parts. docs of mamba-ssm and PyTorch have the names.
#
# A graph of these small operations costs their number more than their arithmetic: so states lie as [states, channels], where
# one product reads them, and dimensions of one are there from the start.


def mamba(p, x, state, sizes):
    tail, h = state
    channels, states = p.A_log.shape
    u, z = apply(p.in_proj, x).split([channels, channels], -1)
    tail, u = convolve(p.conv1d, tail, u)
    step, b, c = apply(p.x_proj, u).split([p.dt_proj.weight.shape[1], states, states], -1)
    step = softplus(apply(p.dt_proj, step))
    h = h.reshape(-1, states, channels) * exp(step[:, None] * -exp(p.A_log).t()) + b[:, :, None] * (step * u)[:, None]
    y = (c[:, None] @ h)[:, 0] + p.D * u
    return apply(p.out_proj, y * silu(z)), (tail, h.flatten(1))


def mamba_state(p, sizes):
    channels, states = p.A_log.shape
    return (p.conv1d.weight.shape[2] - 1) * channels, states * channels


class MambaWindow:
    """The same over a window from the zero state, read at its last position: what position t brought has decayed by exp(A times
    the steps after t). A position's u, step and b stay as they are while the window moves on, except at its start, where the
    filter meets its edge: so those few and the last are computed, and the others kept."""

    def __init__(self, p, window):
        (self.channels, self.states), self.taps = p.A_log.shape, p.conv1d.weight.shape[2]
        self.edges, self.kept = min(self.taps, window) - 1, max(window - self.taps, 0)
        # Positions computed, then positions kept; the last comes first.
        positions = torch.tensor([window - 1, *range(window - 1)])
        taps = positions[:self.edges + 1, None] + torch.arange(1 - self.taps, 1)  # what each filter reads
        self.reads, self.is_inside = taps.clamp(min=0), (taps >= 0).float()[:, :, None]
        self.is_later = (positions > positions[1:, None]).float()  # [window - 1, window]
        self.rows = [window - 1, self.kept], [self.channels, 2 * self.channels + self.states]
        self.state_size = sum(count * size for count, size in zip(*self.rows))

    def __call__(self, p, x, state, begins):
        """x [batch, model], the new position's -> its output and the state after."""
        channels, states = self.channels, self.states
        (earlier, kept), (inner, row) = self.rows
        u, z = apply(p.in_proj, x).split([channels, channels], -1)
        before, known = state.split([earlier * inner, kept * row], -1) if kept else (state, None)
        before = where(begins, u[:, None], before.reshape(-1, earlier, inner))
        before = cat([before, u[:, None]], 1)
        weight, bias = filters(p.conv1d)
        u = silu((before[:, self.reads] * (weight * self.is_inside)).sum(2) + bias)  # [batch, 1 + edges, channels]
        step, b, c = apply(p.x_proj, u).split([p.dt_proj.weight.shape[1], states, states], -1)
        step = softplus(apply(p.dt_proj, step))
        after = [before[:, 1:].flatten(1)]
        brought = step * u
        if kept:
            new = cat([step[:, :1], brought[:, :1], b[:, :1]], -1)
            known = where(begins, new, known.reshape(-1, kept, row))
            after.append(cat([known[:, 1:], new], 1).flatten(1))
            known = known.split([channels, channels, states], -1)
            step, brought, b = (cat(both, 1) for both in zip((step, brought, b), known))
        reads = b * c[:, :1]
        decay = exp((self.is_later @ step)[:, :, None] * -exp(p.A_log).t())  # [batch, window - 1, states, channels]
        y = ((reads[:, 1:, None] @ decay)[:, :, 0] * brought[:, 1:]).sum(1, keepdim=True)
        y = y + brought[:, :1] * reads[:, :1].sum(-1, keepdim=True) + p.D * u[:, :1]
        return apply(p.out_proj, y[:, 0] * silu(z)), cat(after, -1) if kept else after[0]


def mamba2(p, x, state, sizes):
    tail, h = state
    heads, inner, channels = p.A_log.shape[0], p.norm.weight.shape[0], p.conv1d.weight.shape[0]
    states = (channels - inner) // 2
    z, xbc, step = apply(p.in_proj, x).split([inner, channels, heads], -1)
    tail, xbc = convolve(p.conv1d, tail, xbc)
    u, b, c = xbc.split([inner, states, states], -1)
    u = u.reshape(-1, heads, 1, inner // heads)
    step = softplus(step + p.dt_bias)[:, :, None, None]
    h = h.reshape(-1, heads, states, inner // heads) * exp(step * -exp(p.A_log)[:, None, None])
    h = h + b[:, None, :, None] * (step * u)
    y = c[:, None, None] @ h + p.D[:, None, None] * u
    return apply(p.out_proj, rms_norm(y.reshape(-1, inner) * silu(z), p.norm.weight)), (tail, h.flatten(1))


def mamba2_state(p, sizes):
    inner, (channels, _, taps) = p.norm.weight.shape[0], p.conv1d.weight.shape
    return (taps - 1) * channels, inner * (channels - inner) // 2


def mamba3(p, x, state, sizes):
    """The state's angles are in whole turns."""
    angle, h, k_before, v_before = state
    (heads, _, states), inner = p.B_bias.shape, p.out_proj.weight.shape[1]
    angles = p.in_proj.weight.shape[0] - 2 * inner - 2 * states - 3 * heads
    # Pairs (2s, 2s + 1) turn. What is said of states is put in another order: all first ones, all second ones, the rest.
    order = torch.tensor([*range(0, 2 * angles, 2), *range(1, 2 * angles, 2), *range(2 * angles, states)])
    rows = torch.arange(p.in_proj.weight.shape[0])
    rows = cat([rows[:2 * inner], 2 * inner + order, 2 * inner + states + order, rows[2 * (inner + states):]])
    projected = linear(x, p.in_proj.weight[rows], p.in_proj.bias[rows] if "bias" in p.in_proj else None)
    z, v, bc, scalars, rotation = projected.split([inner, inner, 2 * states, 3 * heads, angles], -1)
    v_after, v = v, v.reshape(-1, heads, 1, inner // heads)
    step, rate, mix = scalars.reshape(-1, 3 * heads, 1, 1).split([heads, heads, heads], 1)
    step, mix = softplus(step + p.dt_bias[:, None, None]), sigmoid(mix)
    # A: the greater of the two is 1 + rate above zero and 1 / (1 - rate) below.
    rate = torch.maximum(1 + rate, 1 / (1 + rate.abs())).clamp(min=1e-4)
    alpha, gamma = exp(step * -rate), mix * step
    beta = (step - gamma) * alpha
    angle = angle.reshape(-1, heads, 1, angles) + (0.5 * tanh(rotation))[:, None, None] * step
    angle = angle - torch.round(angle)
    kq = rms_norm(bc.reshape(-1, 1, 2, states), torch.ones(states))
    kq = (kq * torch.stack([p.B_norm.weight[order], p.C_norm.weight[order]])
          + torch.stack([p.B_bias[:, 0, order], p.C_bias[:, 0, order]], 1))  # [batch, heads, 2, states]
    c, s = cos(2 * math.pi * angle), sin(2 * math.pi * angle)
    first, second, rest = kq.split([angles, angles, states - 2 * angles], 3)
    k, q = cat([first * c - second * s, first * s + second * c, rest], 3).split([1, 1], 2)
    k = k.reshape(-1, heads, states, 1)
    h = (alpha * h.reshape(-1, heads, states, inner // heads) + gamma * v * k
         + beta * v_before.reshape(-1, heads, 1, inner // heads) * k_before.reshape(-1, heads, states, 1))
    y = q @ h + p.D[:, None, None] * v
    return apply(p.out_proj, y.reshape(-1, inner) * silu(z)), (angle.flatten(1), h.flatten(1), k.flatten(1), v_after)


def mamba3_state(p, sizes):
    (heads, _, states), inner = p.B_bias.shape, p.out_proj.weight.shape[1]
    angles = p.in_proj.weight.shape[0] - 2 * inner - 2 * states - 3 * heads
    return heads * angles, inner * states, heads * states, inner


def lstm(p, x, state, sizes):
    h, c = state
    size = p.weight_hh_l0.shape[1]
    gates = linear(cat([x, h], -1), cat([p.weight_ih_l0, p.weight_hh_l0], 1), p.bias_ih_l0 + p.bias_hh_l0)
    i, f, g, o = gates.split([size] * 4, -1)
    c = sigmoid(f) * c + sigmoid(i) * tanh(g)
    h = sigmoid(o) * tanh(c)
    return h, (h, c)


def lstm_state(p, sizes):
    size = p.weight_hh_l0.shape[1]
    return size, size


def gru(p, x, state, sizes):
    h, = state
    size = p.weight_hh_l0.shape[1]
    ours = linear(x, p.weight_ih_l0, p.bias_ih_l0).split([2 * size, size], -1)
    theirs = linear(h, p.weight_hh_l0, p.bias_hh_l0).split([2 * size, size], -1)
    r, z = sigmoid(ours[0] + theirs[0]).split([size, size], -1)
    n = tanh(ours[1] + r * theirs[1])
    h = n + z * (h - n)
    return h, (h,)


def gru_state(p, sizes):
    return (p.weight_hh_l0.shape[1],)


def attention(p, x, state, sizes):
    """Keys and values [context - 1, model], the newest last. A product turns a key by how far it lies back (rotary)."""
    keys, values, count = state
    heads, context, model = sizes["heads"], sizes["context"], x.shape[-1]
    width, pairs = model // heads, model // heads // 2
    q, k, v = linear(x, p.in_proj_weight, p.in_proj_bias).split([model] * 3, -1)
    keys, values = cat([keys, k], -1), cat([values, v], -1)
    count = torch.clamp(count + 1, max=context)
    age = torch.arange(context - 1, -1, -1, dtype=torch.float64)
    angle = age[:, None] * 10000 ** (-torch.arange(pairs, dtype=torch.float64) / max(pairs, 1))
    c, s = cos(angle).float(), sin(angle).float()  # [context, pairs]
    # The query turned by every age instead: as good, and one product with the keys.
    q = q.reshape(-1, heads, 1, width) / math.sqrt(width)
    first, second, rest = q.split([pairs, pairs, width % 2], -1)
    q = cat([first * c - second * s, first * s + second * c, rest.expand(-1, -1, context, -1)], -1)
    scores = (q * keys.reshape(-1, context, heads, width).transpose(1, 2)).sum(-1)  # [batch, heads, context]
    scores = where((age.float() >= count)[:, None], torch.tensor(-1e30), scores)
    y = torch.softmax(scores, -1)[:, :, None] @ values.reshape(-1, context, heads, width).transpose(1, 2)
    return apply(p.out_proj, y.reshape(-1, model)), (keys[:, model:], values[:, model:], count)


def attention_state(p, sizes):
    size = (sizes["context"] - 1) * p.in_proj_weight.shape[1]
    return size, size, 1


def mlp(p, x, state, sizes):
    return apply(p.linear2, relu(apply(p.linear1, x))), ()


def kind(p):
    """The layer whose parameters these are, and the sizes of its state."""
    if "A_log" in p:
        return (mamba, mamba_state) if "x_proj" in p else (mamba2, mamba2_state)
    if "B_bias" in p:
        return mamba3, mamba3_state
    if "weight_ih_l0" in p:
        return (lstm, lstm_state) if p.weight_ih_l0.shape[0] == 4 * p.weight_hh_l0.shape[1] else (gru, gru_state)
    return (attention, attention_state) if "in_proj_weight" in p else (mlp, lambda p, sizes: ())


class Layers(torch.nn.Module):
    """Layers one after another, alone or as residual blocks x + layer(norm(x)), as one step over one flat state."""

    def __init__(self, p, sizes):
        super().__init__()
        if "layers" in p:
            parts = [p.layers[str(i)] for i in range(sizes["blocks"])]
            self.parts = [(part.norm.weight, part.mixer) for part in parts]
            self.after = p.norm_f.weight
        else:
            names = [name for name in ("mamba", "mamba2", "mamba3", "lstm", "gru") if name in p]
            self.parts, self.after = [(None, p[name]) for name in names], None
        self.sizes = sizes
        self.state_sizes = [kind(part)[1](part, sizes) for _, part in self.parts]
        self.state_size = sum(map(sum, self.state_sizes))

    def step(self, x, state):
        """x [batch, model], state [batch, state_size] -> the same."""
        before, after = list(state.split([size for own in self.state_sizes for size in own], -1)) if self.state_size else [], []
        for (weight, part), own in zip(self.parts, self.state_sizes):
            y, moved = kind(part)[0](part, x if weight is None else rms_norm(x, weight), before[:len(own)], self.sizes)
            x = y if weight is None else x + y
            before, after = before[len(own):], [*after, *moved]
        return x if self.after is None else rms_norm(x, self.after), cat(after, -1) if after else state


def transform(p, x, heads):
    """The published transformer: learned positions and causal layers with their norms after; x [batch, time, model] -> the last
    position's output."""
    x = x + p.position
    batch, time, model = x.shape
    # The last layer is read at the last position alone.
    for layer, read in ((p.encoder.layers["0"], time), (p.encoder.layers["1"], 1)):
        q, k, v = linear(x, layer.self_attn.in_proj_weight, layer.self_attn.in_proj_bias).reshape(
            -1, time, 3, heads, model // heads).permute(2, 0, 3, 1, 4)
        x = x[:, time - read:]
        scores = q[:, :, time - read:] @ k.transpose(-1, -2) / math.sqrt(model // heads)
        if read > 1:
            scores = scores + torch.ones(time, time).triu(1) * -1e30
        y = torch.softmax(scores, -1) @ v
        x = norm(layer.norm1, x + apply(layer.self_attn.out_proj, y.transpose(1, 2).reshape(-1, read, model)))
        x = norm(layer.norm2, x + apply(layer.linear2, relu(apply(layer.linear1, x))))
    return x[:, 0]


class QFunction(torch.nn.Module):
    def __init__(self, p, sizes):
        super().__init__()
        self.sizes, self.layers = sizes, Layers(p, sizes)
        self.__dict__["p"] = p  # registered once, by the agent
        self.window, model = sizes["window"], sizes["model"]
        # Of a window the older features are kept, unless only the last observation is read; or what Mamba made of them.
        keeps = self.window > 1 and ("position" in p or self.layers.state_size > 0)
        self.mamba_window = MambaWindow(p.mamba, self.window) if keeps and "mamba" in p else None
        self.state_size = (
            self.mamba_window.state_size if self.mamba_window else (self.window - 1) * model if keeps
            else self.layers.state_size if self.window == 0 else 0)

    def features(self, x):
        p, sizes = self.p, self.sizes
        if "input" in p:
            return apply(p.input, x)
        if "entity_mlp" in p:
            count, size = sizes["entities"], sizes["entity_features"]
            entities, rest = x[:, :count * size].reshape(-1, count, size), x[:, count * size:]
            first, others = entities[:, :1], entities[:, 1:]
            pairs = cat([first.expand(-1, count - 1, -1), others], -1)
            encoded = relu(apply(p.entity_mlp["2"], relu(apply(p.entity_mlp["0"], pairs))))
            encoded = where(others[:, :, :1] != 0, encoded, torch.zeros_like(encoded))  # after a ReLU, 0 is the least
            x = cat([encoded.amax(1), encoded.sum(1), first[:, 0], rest], -1)
        has_norms = "1" in p.input_mlp
        for index in range(len(list(p.input_mlp.children())) // (2 if has_norms else 1)):
            x = apply(p.input_mlp[str(index * (3 if has_norms else 2))], x)
            x = relu(norm(p.input_mlp[str(index * 3 + 1)], x) if has_norms else x)
        return x

    def forward(self, x, state, begin):
        """x [batch, input], state [batch, state_size], begin [batch] -> q, latent, state."""
        p, features, begins = self.p, self.features(x), begin.reshape(-1, 1, 1) != 0
        if self.mamba_window:
            latent, state = self.mamba_window(p.mamba, features, state, begins)
        elif self.window:  # a sequence from the zero state, read at its last position
            window = features[:, None]
            if self.state_size:
                older = where(begins, window, state.reshape(-1, self.window - 1, features.shape[-1]))
                window = cat([older, window], 1)
                state = window[:, 1:].flatten(1)
            if "position" in p:
                latent = transform(p, window, self.sizes["heads"])
            else:
                inner = features.new_zeros(features.shape[0], self.layers.state_size)
                for position in window.unbind(1) if self.state_size else [features]:
                    latent, inner = self.layers.step(position, inner)
        else:
            latent, state = self.layers.step(features, state * (1 - begin[:, None]))
        if self.sizes["residual"]:
            latent = latent + features
        head = p.head if "head" in p else p.output_head
        y = relu(apply(head["0"], latent)) if "0" in head else latent
        q = apply(head["2"] if "2" in head else head, y)
        if "value_head" in p:
            q = q + apply(p.value_head, y) - q.mean(-1, keepdim=True)
        return q, latent, state


class Agent(torch.nn.Module):
    def __init__(self, path):
        super().__init__()
        with safe_open(path, "pt") as file:
            self.metadata = file.metadata()
            tensors = {name: file.get_tensor(name) for name in file.keys()}
        self.sizes = sizes = {key: int(value) for key, value in json.loads(self.metadata["sizes"]).items()}
        self.reward_scale = float(self.metadata["rewardScale"])
        # Of everything that the network reads, in its order; None where nothing is scaled.
        scale = tensors.pop("input_encoder.scale", torch.ones(sizes["observation"]))
        others = sizes["observation"] * sizes["reads_differences"] + sizes["actions"] * sizes["reads_action"]
        scale = cat([scale, torch.ones(others), torch.full((sizes["reads_reward"],), self.reward_scale)])
        self.register_buffer("scale", None if bool((scale == 1).all()) else scale)
        self.register_buffer(
            "difference_scale", tensors.pop("input_encoder.difference_scale", torch.ones(sizes["observation"])))
        self.register_buffer("actions", torch.eye(sizes["actions"]))
        groups = [{} for _ in range(sizes["members"])]
        for name, tensor in tensors.items():
            parts = name.split(".")
            if parts[0] == "members":
                groups[int(parts[1])][".".join(parts[2:])] = tensor
            else:
                groups[0][name] = tensor
        self.members = torch.nn.ModuleList(Parameters(group) for group in groups)
        self.functions = [QFunction(p, sizes) for p in self.members]
        self.state_sizes = [f.state_size for f in self.functions] + [sizes["observation"]] * sizes["reads_differences"]
        if sum(self.state_sizes) == 0:
            self.state_sizes[0] = 1  # goes in and comes out unread
        self.state_size = sum(self.state_sizes)
        self.q = self.latent = self.state = None

    def forward(self, observation, state, begin, action=None, reward=None):
        """All of a batch: observation [batch, observation]; state [batch, state_size]; begin [batch], 1 where an episode begins
        (then the state does not count); the last action [batch] and its reward [batch], where the agent reads them.
        -> Q-values [batch, actions], latent [batch, model], state."""
        sizes = self.sizes
        states = list(state.split(self.state_sizes, -1)) if len(self.state_sizes) > 1 else [state]
        since = []  # what there is only since the last observation
        if sizes["reads_differences"]:
            since.append(torch.clamp((observation - states.pop()) * self.difference_scale, -5, 5))
        if sizes["reads_action"]:
            since.append(self.actions[action])
        if sizes["reads_reward"]:
            since.append(reward[:, None])
        x = cat([observation, cat(since, -1) * (1 - begin[:, None])], -1) if since else observation
        x = x if self.scale is None else x * self.scale
        answers = [f(x, own, begin) for f, own in zip(self.functions, states)]
        q = sum(answer[0] for answer in answers) / len(answers) if len(answers) > 1 else answers[0][0]
        after = [answer[2] for answer in answers] + [observation] * sizes["reads_differences"]
        return q, answers[0][1], cat(after, -1) if len(after) > 1 else after[0]

    @torch.no_grad()
    def _move(self, observation, begin, action=0, reward=0.0):
        observation = torch.as_tensor(observation, dtype=torch.float32).reshape(1, -1)
        state = torch.zeros(1, self.state_size) if begin else self.state
        q, latent, self.state = self(
            observation, state, torch.tensor([float(begin)]), torch.tensor([action]), torch.tensor([float(reward)]))
        self.q, self.latent = q[0], latent[0]

    def begin(self, observation):
        """An episode begins."""
        self._move(observation, True)

    def observe(self, observation, action=0, reward=0.0):
        """The next observation, after an action and its reward."""
        self._move(observation, False, int(action), reward)

    def action(self):
        return int(self.q.argmax())


def play(agent, environment, seed):
    """One greedy episode -> return, length."""
    observation, _ = environment.reset(seed=seed)
    agent.begin(observation.ravel())
    total, length, done = 0.0, 0, False
    while not done:
        action = agent.action()
        observation, reward, terminated, truncated, _ = environment.step(action)
        agent.observe(observation.ravel(), action, reward)
        total, length, done = total + float(reward), length + 1, terminated or truncated
    return total, length


def main():
    parser = argparse.ArgumentParser(description="Plays greedy episodes in Gymnasium.")
    parser.add_argument("--weights", default=str(pathlib.Path(__file__).resolve().parent / "agent.safetensors"))
    parser.add_argument("--env", help="a Gymnasium environment (default: the one that the agent was trained in)")
    parser.add_argument("--episodes", type=int, default=10)
    parser.add_argument("--seed", type=int, default=0, help="of the first episode; the others count up from it")
    options = parser.parse_args()
    import gymnasium

    torch.set_num_threads(1)
    agent = Agent(options.weights)
    name = options.env or agent.metadata.get("environment", "").removeprefix("gymnasium:")
    environment = gymnasium.make(name)
    for seed in range(options.seed, options.seed + options.episodes):
        total, length = play(agent, environment, seed)
        print(json.dumps({"seed": seed, "return": total, "length": length}), flush=True)


if __name__ == "__main__":
    main()

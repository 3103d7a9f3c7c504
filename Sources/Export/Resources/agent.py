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
from torch.nn.functional import layer_norm, linear, pad, relu, silu, softplus


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
    return x * torch.rsqrt(x.square().mean(-1, keepdim=True) + 1e-5) * weight


def norm(p, x):
    return layer_norm(x, p.weight.shape, p.weight, p.bias)


def convolve(p, tail, x):
    """A causal filter a channel; tail [batch, channels, taps], the newest last, moves on by x [batch, channels]."""
    tail = cat([tail[:, :, 1:], x[:, :, None]], -1)
    y = (tail * p.weight[:, 0]).sum(-1)
    return tail, silu(y + p.bias if "bias" in p else y)


# One position of each layer: parameters, x [batch, model] and the state before -> y [batch, model] and the state after. Beside
# each, the shapes of its state. docs of mamba-ssm and PyTorch have the names.


def mamba(p, x, state, sizes):
    tail, h = state
    u, z = apply(p.in_proj, x).chunk(2, -1)
    tail, u = convolve(p.conv1d, tail, u)
    states, rank = p.A_log.shape[1], p.dt_proj.weight.shape[1]
    step, b, c = apply(p.x_proj, u).split([rank, states, states], -1)
    step = softplus(apply(p.dt_proj, step))
    h = exp(step[:, :, None] * -exp(p.A_log)) * h + (step * u)[:, :, None] * b[:, None, :]
    y = (h @ c[:, :, None])[:, :, 0] + p.D * u
    return apply(p.out_proj, y * silu(z)), (tail, h)


def mamba_state(p, sizes):
    return (p.conv1d.weight.shape[0], p.conv1d.weight.shape[2]), tuple(p.A_log.shape)


def mamba_window(p, x):
    """The same over a window x [batch, time, model] from the zero state, read at its last position, without a loop: what position
    t brought has decayed by exp(A times the steps after t)."""
    time, taps = x.shape[1], p.conv1d.weight.shape[2]
    u, z = apply(p.in_proj, x).chunk(2, -1)
    padded = pad(u, (0, 0, taps - 1, 0))
    u = sum(padded[:, j:j + time] * p.conv1d.weight[:, 0, j] for j in range(taps))
    u = silu(u + p.conv1d.bias if "bias" in p.conv1d else u)
    states, rank = p.A_log.shape[1], p.dt_proj.weight.shape[1]
    step, b, c = apply(p.x_proj, u).split([rank, states, states], -1)
    step = softplus(apply(p.dt_proj, step))
    later = step.sum(1, keepdim=True) - step.cumsum(1)
    read = exp(later[..., None] * -exp(p.A_log)) @ (b * c[:, -1:])[..., None]  # [batch, time, channels, 1]
    y = (read[..., 0] * step * u).sum(1) + p.D * u[:, -1]
    return apply(p.out_proj, y * silu(z[:, -1]))


def mamba2(p, x, state, sizes):
    tail, h = state
    heads, inner, channels = p.A_log.shape[0], p.norm.weight.shape[0], p.conv1d.weight.shape[0]
    states = (channels - inner) // 2
    z, xbc, step = apply(p.in_proj, x).split([inner, channels, heads], -1)
    tail, xbc = convolve(p.conv1d, tail, xbc)
    u, b, c = xbc.split([inner, states, states], -1)
    u = u.reshape(-1, heads, inner // heads)
    step = softplus(step + p.dt_bias)[:, :, None]
    h = exp(step * -exp(p.A_log)[:, None])[..., None] * h + (step * u)[..., None] * b[:, None, None, :]
    y = (h * c[:, None, None, :]).sum(-1) + p.D[:, None] * u
    return apply(p.out_proj, rms_norm(y.reshape(-1, inner) * silu(z), p.norm.weight)), (tail, h)


def mamba2_state(p, sizes):
    heads, inner, channels = p.A_log.shape[0], p.norm.weight.shape[0], p.conv1d.weight.shape[0]
    return (channels, p.conv1d.weight.shape[2]), (heads, inner // heads, (channels - inner) // 2)


def turn(x, angle):
    """Pairs (2s, 2s + 1) of x [batch, heads, states] by angle [batch, heads, s]."""
    turning = 2 * angle.shape[-1]
    first, second = x[..., 0:turning:2], x[..., 1:turning:2]
    c, s = cos(angle), sin(angle)
    turned = torch.stack([first * c - second * s, first * s + second * c], -1).flatten(-2)
    return cat([turned, x[..., turning:]], -1)


def mamba3(p, x, state, sizes):
    angle, h, k_before, v_before = state
    heads, _, states = p.B_bias.shape
    inner = p.out_proj.weight.shape[1]
    angles = angle.shape[-1]
    z, v, b, c, step, rate, mix, rotation = apply(p.in_proj, x).split(
        [inner, inner, states, states, heads, heads, heads, angles], -1)
    v = v.reshape(-1, heads, inner // heads)
    step, mix = softplus(step + p.dt_bias), sigmoid(mix)
    rate = torch.clamp(-(relu(rate) + 1 / (1 + relu(-rate))), max=-1e-4)
    alpha, gamma = exp(rate * step), mix * step
    beta = (1 - mix) * step * alpha
    angle = angle + math.pi * tanh(rotation)[:, None, :] * step[:, :, None]
    angle = angle - 2 * math.pi * torch.floor(angle / (2 * math.pi) + 0.5)
    k = turn(rms_norm(b, p.B_norm.weight)[:, None, :] + p.B_bias[:, 0], angle)
    q = turn(rms_norm(c, p.C_norm.weight)[:, None, :] + p.C_bias[:, 0], angle)
    h = (alpha[..., None, None] * h + (beta[..., None] * v_before)[..., None] * k_before[:, :, None, :]
         + (gamma[..., None] * v)[..., None] * k[:, :, None, :])
    y = (h * q[:, :, None, :]).sum(-1) + p.D[:, None] * v
    return apply(p.out_proj, y.reshape(-1, inner) * silu(z)), (angle, h, k, v)


def mamba3_state(p, sizes):
    (heads, _, states), inner = p.B_bias.shape, p.out_proj.weight.shape[1]
    angles = p.in_proj.weight.shape[0] - 2 * inner - 2 * states - 3 * heads
    return (heads, angles), (heads, inner // heads, states), (heads, states), (heads, inner // heads)


def lstm(p, x, state, sizes):
    h, c = state
    gates = linear(x, p.weight_ih_l0, p.bias_ih_l0) + linear(h, p.weight_hh_l0, p.bias_hh_l0)
    i, f, g, o = gates.chunk(4, -1)
    c = sigmoid(f) * c + sigmoid(i) * tanh(g)
    h = sigmoid(o) * tanh(c)
    return h, (h, c)


def lstm_state(p, sizes):
    size = p.weight_hh_l0.shape[1]
    return (size,), (size,)


def gru(p, x, state, sizes):
    h, = state
    a, b = linear(x, p.weight_ih_l0, p.bias_ih_l0), linear(h, p.weight_hh_l0, p.bias_hh_l0)
    (ar, az, an), (br, bz, bn) = a.chunk(3, -1), b.chunk(3, -1)
    z, n = sigmoid(az + bz), tanh(an + sigmoid(ar + br) * bn)
    h = n + z * (h - n)
    return h, (h,)


def gru_state(p, sizes):
    return (p.weight_hh_l0.shape[1],),


def attention(p, x, state, sizes):
    """Keys and values [batch, context, model], the newest last. A product turns a key by how far it lies back (rotary)."""
    keys, values, count = state
    heads, context, model = sizes["heads"], sizes["context"], x.shape[-1]
    width, pairs = model // heads, model // heads // 2
    q, k, v = linear(x, p.in_proj_weight, p.in_proj_bias).chunk(3, -1)
    keys, values = cat([keys[:, 1:], k[:, None]], 1), cat([values[:, 1:], v[:, None]], 1)
    count = torch.clamp(count + 1, max=context)
    age = torch.arange(context - 1, -1, -1, dtype=torch.float64)
    angle = age[:, None] * 10000 ** (-torch.arange(pairs, dtype=torch.float64) / max(pairs, 1))
    c, s = cos(angle).float()[:, None], sin(angle).float()[:, None]  # [context, 1, pairs]
    q, k = q.reshape(-1, 1, heads, width), keys.reshape(-1, context, heads, width)
    qa, qb, ka, kb = q[..., :pairs], q[..., pairs:2 * pairs], k[..., :pairs], k[..., pairs:2 * pairs]
    scores = (c * (qa * ka + qb * kb) + s * (qa * kb - qb * ka)).sum(-1)
    if width % 2:
        scores = scores + q[..., -1] * k[..., -1]
    unseen = age.float()[None, :, None] >= count[:, :, None]
    weights = torch.softmax(where(unseen, torch.full_like(scores, -1e30), scores / math.sqrt(width)), 1)
    y = (weights[..., None] * values.reshape(-1, context, heads, width)).sum(1)
    return apply(p.out_proj, y.reshape(-1, model)), (keys, values, count)


def attention_state(p, sizes):
    model = p.in_proj_weight.shape[1]
    return (sizes["context"], model), (sizes["context"], model), (1,)


def mlp(p, x, state, sizes):
    return apply(p.linear2, relu(apply(p.linear1, x))), ()


def kind(p):
    """The layer whose parameters these are, and the shapes of its state."""
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
        self.shapes = [kind(part)[1](part, sizes) for _, part in self.parts]
        self.state_size = sum(math.prod(shape) for shapes in self.shapes for shape in shapes)

    def step(self, x, state):
        """x [batch, model], state [batch, state_size] -> the same."""
        after, start = [], 0
        for (before, part), shapes in zip(self.parts, self.shapes):
            own = []
            for shape in shapes:
                own.append(state[:, start:start + math.prod(shape)].reshape(-1, *shape))
                start += math.prod(shape)
            y, own = kind(part)[0](part, x if before is None else rms_norm(x, before), own, self.sizes)
            x = y if before is None else x + y
            after += [part.flatten(1) for part in own]
        return x if self.after is None else rms_norm(x, self.after), cat(after, -1) if after else state


def transform(p, x, heads):
    """The published transformer: learned positions and causal layers with their norms after; x [batch, time, model] -> the last
    position's output."""
    x = x + p.position
    batch, time, model = x.shape
    for name in ("0", "1"):
        layer = p.encoder.layers[name]
        q, k, v = linear(x, layer.self_attn.in_proj_weight, layer.self_attn.in_proj_bias).reshape(
            batch, time, 3, heads, model // heads).permute(2, 0, 3, 1, 4)
        hidden = torch.ones(time, time).triu(1) * -1e30
        y = torch.softmax(q @ k.transpose(-1, -2) / math.sqrt(model // heads) + hidden, -1) @ v
        x = norm(layer.norm1, x + apply(layer.self_attn.out_proj, y.transpose(1, 2).reshape(batch, time, model)))
        x = norm(layer.norm2, x + apply(layer.linear2, relu(apply(layer.linear1, x))))
    return x[:, -1]


class QFunction(torch.nn.Module):
    def __init__(self, p, sizes):
        super().__init__()
        self.sizes, self.layers = sizes, Layers(p, sizes)
        self.__dict__["p"] = p  # registered once, by the agent
        self.window, model = sizes["window"], sizes["model"]
        # A window of features needs its older ones kept, unless only the last observation is read.
        self.reads_window = self.window > 0 and ("position" in p or self.layers.state_size > 0)
        self.state_size = (self.window - 1) * model if self.reads_window else self.layers.state_size * (self.window == 0)

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
        """x [batch, input], state [batch, state_size], begin [batch, 1] -> q, latent, state."""
        p, features = self.p, self.features(x)
        if self.reads_window:
            older = state.reshape(-1, self.window - 1, features.shape[-1])
            older = where(begin[:, :, None] != 0, features[:, None].expand(-1, self.window - 1, -1), older)
            window = cat([older, features[:, None]], 1)
            state = window[:, 1:].flatten(1)
            if "position" in p:
                latent = transform(p, window, self.sizes["heads"])
            elif "mamba" in p:
                latent = mamba_window(p.mamba, window)
            else:  # a sequence from the zero state, read at its last position
                inner = torch.zeros_like(features[:, :1]).expand(-1, self.layers.state_size)
                for t in range(self.window):
                    latent, inner = self.layers.step(window[:, t], inner)
        else:
            latent, state = self.layers.step(features, state * (1 - begin))
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
        for name in ("scale", "difference_scale"):
            self.register_buffer(name, tensors.pop("input_encoder." + name, torch.ones(sizes["observation"])))
        groups = [{} for _ in range(sizes["members"])]
        for name, tensor in tensors.items():
            parts = name.split(".")
            if parts[0] == "members":
                groups[int(parts[1])][".".join(parts[2:])] = tensor
            else:
                groups[0][name] = tensor
        self.members = torch.nn.ModuleList(Parameters(group) for group in groups)
        self.functions = [QFunction(p, sizes) for p in self.members]
        self.state_sizes = [f.state_size for f in self.functions] + [sizes["observation"] * sizes["reads_differences"]]
        self.state_size = max(sum(self.state_sizes), 1)
        self.q = self.latent = self.state = None

    def forward(self, observation, state, begin, action=None, reward=None):
        """All of a batch: observation [batch, observation]; state [batch, state_size]; begin [batch], 1 where an episode begins
        (then the state does not count); the last action [batch] and its reward [batch], where the agent reads them.
        -> Q-values [batch, actions], latent [batch, model], state."""
        sizes, begin = self.sizes, begin[:, None]
        *states, previous, rest = state.split(self.state_sizes + [self.state_size - sum(self.state_sizes)], -1)
        x = [observation * self.scale]
        if sizes["reads_differences"]:
            difference = (observation - previous) * self.difference_scale * (1 - begin)
            x.append(torch.clamp(difference, -5, 5))
            previous = observation
        if sizes["reads_action"]:
            taken = action[:, None] == torch.arange(sizes["actions"])
            x.append(taken.float() * (1 - begin))
        if sizes["reads_reward"]:
            x.append(reward[:, None] * self.reward_scale * (1 - begin))
        x = cat(x, -1)
        answers = [f(x, own, begin) for f, own in zip(self.functions, states)]
        q = sum(answer[0] for answer in answers) / len(answers)
        return q, answers[0][1], cat([answer[2] for answer in answers] + [previous, rest], -1)

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

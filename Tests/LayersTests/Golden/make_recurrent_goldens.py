"""Records what LSTM, GRU and rotary attention must compute, from PyTorch on a CPU: python make_recurrent_goldens.py

Weights and inputs are float32; outputs, final states and gradients of sum(output * upstream) are evaluated in float64 and
rounded once. Keys as in the Mamba recordings beside them: `weight.P`, `input`, `upstream`, `output`, `grad.input`, `grad.P`,
`initial.S_state`, `grad.initial.S_state`, `final.S_state`, `reset`. The state of a position with reset 1 is zero before it.
"""
import json, math, os, torch
from safetensors.torch import save_file

here = os.path.dirname(os.path.abspath(__file__))
draw = lambda *shape: torch.randn(*shape).double().float().double()


def record(name, seed, settings, weights, forward, states, batch, time, width, outputs, resets):
    x, upstream = draw(batch, time, width), draw(batch, time, outputs)
    reset = torch.zeros(batch, time, dtype=torch.float64)
    for b, positions in enumerate(resets):
        for t in positions: reset[b, t] = 1
    leaves = {f"weight.{k}": v for k, v in weights.items()} | {"input": x} | {f"initial.{k}_state": v for k, v in states.items()}
    for leaf in leaves.values(): leaf.requires_grad_(True)
    output, final = forward(weights, x, states, reset)
    (output * upstream).sum().backward()
    tensors = {k: v.detach() for k, v in leaves.items()} | {"upstream": upstream, "output": output.detach()}
    for key, leaf in leaves.items(): tensors["grad." + key.removeprefix("weight.")] = torch.zeros_like(leaf) if leaf.grad is None else leaf.grad
    for key, value in final.items(): tensors[f"final.{key}_state"] = value.detach()
    if resets: tensors["reset"] = reset
    tensors = {k: v.float().contiguous() for k, v in tensors.items()}
    metadata = {"settings": json.dumps(settings | {"seed": seed}), "torch": torch.__version__}
    save_file(tensors, os.path.join(here, name + ".safetensors"), metadata)
    print(name, os.path.getsize(os.path.join(here, name + ".safetensors")))


def recurrent(name, kind, seed, inputs, size, layers, batch, time, state, resets):
    """PyTorch's own module, run from one reset to the next."""
    torch.manual_seed(seed)
    module = kind(inputs, size, layers, batch_first=True)
    weights = {k: p.detach().double() for k, p in module.named_parameters()}
    module = module.double()
    parts = ("h", "c") if kind is torch.nn.LSTM else ("h",)
    shape = lambda b: (b, layers, size) if layers > 1 or kind is torch.nn.LSTM else (b, size)
    states = {p: draw(*shape(batch)) for p in parts} if state else {}

    def forward(weights, x, states, reset):
        rows, finals = [], []
        for b in range(batch):
            now = {p: states[p][b].reshape(layers, 1, size) if state else torch.zeros(layers, 1, size, dtype=torch.float64) for p in parts}
            outs = []
            for t in range(time):
                if reset[b, t]: now = {p: torch.zeros_like(v) for p, v in now.items()}
                given = (now["h"], now["c"]) if kind is torch.nn.LSTM else now["h"]
                y, new = torch.func.functional_call(module, weights, (x[b : b + 1, t : t + 1], given))
                now = dict(zip(parts, new)) if kind is torch.nn.LSTM else {"h": new}
                outs.append(y[0, 0])
            rows.append(torch.stack(outs)); finals.append(now)
        final = {p: torch.stack([f[p][:, 0] for f in finals]).reshape(shape(batch)) for p in parts}
        return torch.stack(rows), final

    record(name, seed, dict(inputs=inputs, size=size, layers=layers), weights, forward, states, batch, time, inputs, size, resets)


def attention(name, seed, size, heads, context, batch, time, counts, resets):
    """nn.MultiheadAttention's projections; query and keys turned by their position (pairs j, j + width/2, base 10000); a
    position sees itself and the `context` - 1 before it, back to its episode's beginning. In the state, `k` is not turned."""
    torch.manual_seed(seed)
    weights = {"in_proj_weight": draw(3 * size, size) / math.sqrt(size), "in_proj_bias": draw(3 * size) * .3,
               "out_proj.weight": draw(size, size) / math.sqrt(size), "out_proj.bias": draw(size) * .3}
    weights = {k: v.float().double() for k, v in weights.items()}
    width = size // heads; pairs = width // 2
    theta = 10000.0 ** (-torch.arange(pairs, dtype=torch.float64) / max(pairs, 1))
    states = {}
    if counts:
        states = {"k": draw(batch, context, size), "v": draw(batch, context, size), "count": torch.tensor(counts, dtype=torch.float64)[:, None]}
        for b, n in enumerate(counts):
            for s in range(n, context): states["k"][b, s] = 0; states["v"][b, s] = 0

    def turned(v, position):
        v = v.reshape(-1, heads, width); c, s = torch.cos(position * theta), torch.sin(position * theta)
        a, b, rest = v[..., :pairs], v[..., pairs : 2 * pairs], v[..., 2 * pairs :]
        return torch.cat([a * c - b * s, a * s + b * c, rest], -1)[0]

    def forward(w, x, states, reset):
        outs, final = [], {"k": [], "v": [], "count": []}
        for b in range(batch):
            n = int(counts[b]) if counts else 0
            # (k, v) in order of time, with the slot each lies in
            held = [((n - a) % context, states["k"][b, (n - a) % context], states["v"][b, (n - a) % context]) for a in range(min(n, context), 0, -1)] if counts else []
            for t in range(time):
                if reset[b, t]: held, n = [], 0
                q, k, v = (w["in_proj_weight"] @ x[b, t] + w["in_proj_bias"]).split(size)
                held = (held + [(n % context, k, v)])[-context:]
                n = n + 1 if n + 1 < 2 * context else context
                keys = torch.stack([turned(k, i) for i, (_, k, _) in enumerate(held)])         # [s, heads, width]
                values = torch.stack([v.reshape(heads, width) for _, _, v in held])
                p = torch.softmax(torch.einsum("hw,shw->hs", turned(q, len(held) - 1), keys) / math.sqrt(width), -1)
                outs.append(w["out_proj.weight"] @ torch.einsum("hs,shw->hw", p, values).reshape(-1) + w["out_proj.bias"])
            k, v = torch.zeros(context, size, dtype=torch.float64), torch.zeros(context, size, dtype=torch.float64)
            for slot, key, value in held: k[slot], v[slot] = key.detach(), value.detach()
            final["k"].append(k); final["v"].append(v); final["count"].append(torch.tensor([float(n)]))
        return torch.stack(outs).reshape(batch, time, size), {k: torch.stack(v) for k, v in final.items()}

    record(name, seed, dict(size=size, heads=heads, context=context), weights, forward, states, batch, time, size, size, resets)


LSTM, GRU = torch.nn.LSTM, torch.nn.GRU
recurrent("lstm", LSTM, 1, inputs=16, size=24, layers=1, batch=3, time=10, state=False, resets=[])
recurrent("lstm-layers-resets", LSTM, 2, inputs=5, size=11, layers=3, batch=4, time=9, state=True, resets=[[0], [4], [], [2, 3, 8]])
recurrent("gru", GRU, 3, inputs=16, size=24, layers=1, batch=3, time=10, state=False, resets=[])
recurrent("gru-resets", GRU, 4, inputs=5, size=13, layers=1, batch=4, time=9, state=True, resets=[[0], [4], [], [2, 3, 8]])
attention("attention", 5, size=16, heads=2, context=5, batch=3, time=11, counts=[], resets=[])
attention("attention-resets", 6, size=14, heads=2, context=4, batch=4, time=9, counts=[2, 7, 3, 4], resets=[[0], [4], [], [2, 3, 8]])

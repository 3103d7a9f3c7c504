#!/usr/bin/env python3
"""Records what a reference on this machine computes, for `mamba-dqn parity` to hold ours against.

    make-parity.py block OUT.safetensors --kind mamba1 --d-model 32 --time 37 --set d_state=16
        A block of mamba-ssm (mamba1, mamba2, mamba3; GPU kernels need a CUDA device), or of transformers on the CPU
        (--library transformers: mamba1, mamba2), or PyTorch's own nn.LSTM and nn.GRU (lstm, gru; --set hidden_size=24), whose
        states are recorded too: the final one, and with --state one to begin from. --resets: episodes begin inside the sequences;
        the reference reads each by itself.
    make-parity.py model OUT.safetensors --checkpoint DIR --ids 1,2,3 --count 20
        A causal language model that transformers loads from DIR: logits, every layer's output, greedy tokens.

Weights and inputs are float32. Where the reference runs in float64 (--precision float64, the default on a CPU) results are its
float64 evaluation rounded once, and the metadata `f32_error` says how far its own float32 is from that; a GPU's fused kernels
know only float32. Keys: `weight.P`, `input`, `upstream`, `output`, `grad.input`, `grad.P`, where there are any `reset`,
`initial.S_state`, `final.S_state`, `grad.initial.S_state`, `step.output`; or `weight.P`, `input_ids`, `logits`, `hidden.K`,
`hidden.norm`, `greedy`. Needs torch, safetensors, and mamba-ssm or transformers.
"""
import argparse, copy, json, sys

import torch
from safetensors.torch import save_file

KINDS = {"mamba1": "Mamba", "mamba2": "Mamba2", "mamba3": "Mamba3"}
# PyTorch's layers, and the parts of their states.
RECURRENT = {"lstm": ("h", "c"), "gru": ("h",)}
# transformers' names of what mamba-ssm calls so.
TRANSFORMERS_NAMES = {"d_state": "state_size", "d_conv": "conv_kernel", "headdim": "head_dim", "ngroups": "n_groups",
                      "bias": "use_bias", "conv_bias": "use_conv_bias", "dt_rank": "time_step_rank"}


def setting(text):
    key, _, value = text.partition("=")
    if not value:
        raise argparse.ArgumentTypeError(f"{text!r}: KEY=VALUE is needed, such as d_state=16")
    try:
        return key, json.loads(value)
    except json.JSONDecodeError:
        return key, value


def mamba_ssm_block(kind, d_model, settings):
    import importlib
    try:
        module = importlib.import_module(f"mamba_ssm.modules.{'mamba_simple' if kind == 'mamba1' else kind}")
    except ImportError as error:
        sys.exit(f"make-parity: mamba-ssm does not import here ({error}); --library transformers has mamba1 and mamba2")
    return getattr(module, KINDS[kind])(d_model, **settings)


def transformers_block(kind, d_model, settings):
    if kind == "mamba3":
        sys.exit("make-parity: transformers has no mamba3; --library mamba_ssm has it")
    settings = dict(settings)
    expand = settings.pop("expand", 2)
    names = {TRANSFORMERS_NAMES.get(key, key): value for key, value in settings.items()}
    if kind == "mamba1":
        from transformers import MambaConfig
        from transformers.models.mamba.modeling_mamba import MambaMixer
        return MambaMixer(MambaConfig(hidden_size=d_model, expand=expand, use_mambapy=False, **names), layer_idx=0)
    from transformers import Mamba2Config
    from transformers.models.mamba2.modeling_mamba2 import Mamba2Mixer
    head = names.setdefault("head_dim", 16)
    names.setdefault("n_groups", 1)
    config = Mamba2Config(hidden_size=d_model, expand=expand, num_heads=expand * d_model // head, **names)
    return Mamba2Mixer(config, layer_idx=0)


def torch_layer(kind, d_model, settings):
    settings = {"hidden_size": d_model} | settings
    return getattr(torch.nn, kind.upper())(d_model, batch_first=True, **settings)


def run_torch_layer(block, x, state):
    """A sequence [1, time, d] from the parts of a state [layers, size]; None is zero."""
    given = None if state is None else tuple(part.unsqueeze(1) for part in state)
    y, final = block(x, given if given is None or len(given) > 1 else given[0])
    return y, tuple(part.squeeze(1) for part in (final if isinstance(final, tuple) else (final,)))


def run_block(block, x, state):
    """A sequence from zero; these libraries' training passes hand no state out."""
    y = block(x)
    return (y[0] if isinstance(y, tuple) else y), None


def read_episodes(run, block, x, reset, state):
    """Every episode by itself: the outputs of all sequences, and the state after each [batch, …], part by part."""
    outputs, finals = [], []
    for b in range(len(x)):
        begins = [t for t in range(1, x.shape[1]) if reset[b, t]]
        present = None if state is None or reset[b, 0] else tuple(part[b] for part in state)
        episodes = []
        for start, end in zip([0] + begins, begins + [x.shape[1]]):
            y, final = run(block, x[b:b + 1, start:end], present if start == 0 else None)
            episodes.append(y)
        outputs.append(torch.cat(episodes, 1))
        finals.append(final)
    return torch.cat(outputs), None if finals[0] is None else tuple(torch.stack(parts) for parts in zip(*finals))


def step_by_step(run, block, x, reset, state):
    """[batch, time, d], a call a position."""
    outputs = []
    with torch.no_grad():
        for b in range(len(x)):
            present = None if state is None else tuple(part[b] for part in state)
            for t in range(x.shape[1]):
                y, present = run(block, x[b:b + 1, t:t + 1], None if reset[b, t] else present)
                outputs.append(y)
    return torch.cat(outputs, 1).reshape(len(x), x.shape[1], -1)


def evaluate(block, kind, x, upstream, reset, state, dtype, device):
    """Results of one pass forward and back as float64 on the CPU."""
    block = copy.deepcopy(block).to(device, dtype)
    block.zero_grad()
    x = x.detach().clone().to(device, dtype).requires_grad_(True)
    if state is not None:
        state = tuple(part.detach().clone().to(device, dtype).requires_grad_(True) for part in state)
    parts = RECURRENT.get(kind, ())
    run = run_torch_layer if parts else run_block
    if reset is None and not parts:
        output, final = run(block, x, None)
    else:
        reset = torch.zeros(x.shape[:2]) if reset is None else reset
        output, final = read_episodes(run, block, x, reset, state)
    (output * upstream.to(device, dtype)).sum().backward()
    tensors = {"output": output, "grad.input": x.grad}
    tensors |= {f"grad.{name}": p.grad for name, p in block.named_parameters()}
    if final is not None:
        tensors |= {f"final.{part}_state": value for part, value in zip(parts, final)}
        tensors["step.output"] = step_by_step(run, block, x.detach(), reset, state)
    if state is not None:
        tensors |= {f"grad.initial.{part}_state": value.grad for part, value in zip(parts, state)}
    missing = [name for name, value in tensors.items() if value is None]
    if missing:
        sys.exit(f"make-parity: the reference gives no {', '.join(missing)}")
    return {name: value.detach().double().cpu() for name, value in tensors.items()}


def difference(a, b):
    return float((a - b).abs().max() / b.abs().max().clamp(min=1e-300))


def make_block(options):
    torch.manual_seed(options.seed)
    settings = dict(options.set)
    make = mamba_ssm_block if options.library == "mamba_ssm" else transformers_block
    if options.kind in RECURRENT:
        make = torch_layer
    elif options.state:
        sys.exit(f"make-parity: --state: the reference's {options.kind} begins from zero; {', '.join(RECURRENT)} have states")
    block = make(options.kind, options.d_model, settings).float().cpu()
    with torch.no_grad():
        # Away from values that are all alike, so that a wrong axis shows.
        for name, parameter in block.named_parameters():
            parameter.add_(0.1 * torch.randn_like(parameter))
    x = torch.randn(options.batch, options.time, options.d_model)
    upstream = torch.randn(options.batch, options.time, getattr(block, "hidden_size", options.d_model))
    reset = (torch.rand(options.batch, options.time) < 0.1).float() if options.resets else None
    state = None
    if options.state:
        shape = (options.batch, block.num_layers, block.hidden_size)
        state = tuple(0.5 * torch.randn(shape) for _ in RECURRENT[options.kind])
    single = evaluate(block, options.kind, x, upstream, reset, state, torch.float32, options.device)
    results, metadata = single, {}
    if options.precision == "float64":
        results = evaluate(block, options.kind, x, upstream, reset, state, torch.float64, options.device)
        metadata["f32_error"] = json.dumps({name: difference(single[name], results[name]) for name in results})
    tensors = {f"weight.{name}": p.detach() for name, p in block.named_parameters()}
    tensors |= {"input": x, "upstream": upstream} | results
    if reset is not None:
        tensors["reset"] = reset
    if state is not None:
        tensors |= {f"initial.{part}_state": value for part, value in zip(RECURRENT[options.kind], state)}
    if options.kind == "gru":  # of one layer, which is all that is read here
        tensors = {name: t.squeeze(1) if name.endswith("_state") else t for name, t in tensors.items()}
    library = "torch" if options.kind in RECURRENT else options.library
    metadata["settings"] = json.dumps({"kind": options.kind, "library": library, "d_model": options.d_model,
                                       "seed": options.seed, **settings})
    save(tensors, metadata, options.out)


def make_model(options):
    from transformers import AutoModelForCausalLM
    model = AutoModelForCausalLM.from_pretrained(options.checkpoint, dtype=torch.float32).to(options.device).eval()
    ids = torch.tensor([[int(id) for id in options.ids.split(",")]], device=options.device)
    backbone = getattr(model, model.base_model_prefix)
    hidden = {}

    def keep(name):
        def hook(module, inputs, output):
            hidden[name] = output[0] if isinstance(output, tuple) else output
        return hook

    # What `output_hidden_states` lists differs from version to version.
    hooks = [layer.register_forward_hook(keep(f"hidden.{k}")) for k, layer in enumerate(backbone.layers)]
    hooks.append(backbone.norm_f.register_forward_hook(keep("hidden.norm")))
    with torch.no_grad():
        logits = model(ids, use_cache=False).logits
        for hook in hooks:
            hook.remove()
        tokens, greedy = ids, []
        for _ in range(options.count):  # without a cache: nothing of the reference's own stepping is taken on trust
            token = model(tokens, use_cache=False).logits[:, -1].argmax(-1, keepdim=True)
            greedy.append(int(token))
            tokens = torch.cat([tokens, token], 1)
    tensors = {f"weight.{name}": value for name, value in model.state_dict().items()}
    if model.config.tie_word_embeddings:
        tensors.pop("weight.lm_head.weight", None)
    tensors |= hidden | {"input_ids": ids, "logits": logits}
    if greedy:
        tensors["greedy"] = torch.tensor(greedy)
    config = {k: v for k, v in model.config.to_dict().items() if k in
              ("model_type", "n_groups", "vocab_size", "layer_norm_epsilon", "hidden_act", "time_step_limit")}
    save(tensors, {"settings": json.dumps(config)}, options.out)


def save(tensors, metadata, path):
    tensors = {name: (t if t.dtype == torch.int64 else t.float()).detach().cpu().contiguous().clone()
               for name, t in tensors.items()}
    save_file(tensors, path, metadata | {"torch": torch.__version__})
    print(f"{path}: {len(tensors)} tensors; now: mamba-dqn parity {path}")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(dest="command", required=True)
    device = "cuda" if torch.cuda.is_available() else "cpu"
    block = commands.add_parser("block", help="a block, with every gradient")
    block.add_argument("out")
    block.add_argument("--kind", choices=[*KINDS, *RECURRENT], required=True)
    block.add_argument("--library", choices=["mamba_ssm", "transformers"], default="mamba_ssm")
    block.add_argument("--d-model", type=int, default=32)
    block.add_argument("--batch", type=int, default=2)
    block.add_argument("--time", type=int, default=37)
    block.add_argument("--seed", type=int, default=0)
    block.add_argument("--resets", action="store_true", help="episodes begin inside the sequences")
    block.add_argument("--state", action="store_true", help="begin from a random state (lstm, gru)")
    block.add_argument("--set", type=setting, action="append", default=[], metavar="KEY=VALUE", help="a size or option of the block")
    block.add_argument("--device", default=device)
    block.add_argument("--precision", choices=["float32", "float64"], help="default: float64 on a CPU, float32 elsewhere")
    model = commands.add_parser("model", help="a language model")
    model.add_argument("out")
    model.add_argument("--checkpoint", required=True)
    model.add_argument("--ids", required=True)
    model.add_argument("--count", type=int, default=20)
    model.add_argument("--device", default="cpu")
    options = parser.parse_args()
    if options.command == "block":
        options.precision = options.precision or ("float64" if options.device == "cpu" else "float32")
        make_block(options)
    else:
        make_model(options)


main()

#!/usr/bin/env python3
"""Times mamba-dqn beside the PyTorch and Python programs that docs/benchmarks.md compares it with, one after the other on
one core (the two-core rows on two), and prints every ratio. The machine should be idle; it takes about five minutes.

  scripts/compare-with-peers.py PEERS [--python PYTHON] [--repo CHECKOUT] [--memorax CHECKOUT[,FOLDER…]]
                                [--only update,act,environment,loop,sequence,recurrent]

PEERS is the folder with bench_update.py, bench_env.py, bench_e2e.py and bench_sequence.py; PYTHON has their packages
(PEERS/README.md names them); CHECKOUT, of the published repository, is wanted by `loop` only. `sequence` takes a quarter of an
hour more, most of it the compilers', and takes bench_sequence_jax.py beside it; without JAX and flax it compares with PyTorch
alone, and says so. `recurrent`, with bench_memorax.py, wants a CHECKOUT of memorax and after it the folders of what it imports
and PYTHON has not; it is left out without them.
"""
import argparse, csv, json, os, pathlib, subprocess, sys, tempfile

parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
parser.add_argument("peers", type=pathlib.Path)
parser.add_argument("--python", default=sys.executable)
parser.add_argument("--repo")
parser.add_argument("--memorax")
PARTS = ("update", "act", "environment", "loop", "sequence", "recurrent")
parser.add_argument("--only")
options = parser.parse_args()
program = pathlib.Path(__file__).resolve().parent.parent / ".build/release/mamba-dqn"
if not program.exists():
    sys.exit(f"error: {program} is not there; run `make build` first")
if not (options.peers / "bench_update.py").exists():
    sys.exit(f"error: {options.peers} holds no bench_update.py; PEERS is the folder of the peer programs")
what = options.only.split(",") if options.only else [part for part in PARTS if part != "recurrent" or options.memorax]
if unknown := set(what) - set(PARTS):
    sys.exit(f"error: --only {','.join(sorted(unknown))}; write some of {','.join(PARTS)}")
if "loop" in what and not options.repo:
    sys.exit("error: the loop needs --repo CHECKOUT; or leave it out with --only update,act,environment,sequence")
if "recurrent" in what and not options.memorax:
    sys.exit("error: recurrent needs --memorax CHECKOUT; or leave it out with --only update,act,environment,sequence")


def output(command, threads=1):
    environment = {**os.environ, "OMP_NUM_THREADS": str(threads), "TORCHINDUCTOR_COMPILE_THREADS": "1"}
    cores = "1" if threads == 1 else f"0-{threads - 1}"
    done = subprocess.run(["taskset", "-c", cores, *map(str, command)], env=environment, capture_output=True, text=True)
    if done.returncode:
        sys.exit(f"error: {' '.join(map(str, command))}\n{done.stderr}")
    return done.stdout


def lines(*command, **keywords):
    return [json.loads(line) for line in output(command, **keywords).splitlines() if line.startswith("{")]


def peer(name, *arguments, **keywords):
    return lines(options.python, options.peers / name, *arguments, **keywords)


def row(name, ours, theirs, unit, faster_is_more=False):
    ratio = ours / theirs if faster_is_more else theirs / ours
    print(f"{name:52} {ours:12,.3f} {theirs:12,.3f} {unit:8} {ratio:9,.2f}", flush=True)


def loop_rate(environment, encoder, threads, first, last):
    """Steps a second of a training run between two rows of its progress.csv."""
    with tempfile.TemporaryDirectory() as folder:
        settings = [f"encoder={encoder}", f"threads={threads}", "evaluationEpisodes=0", "logInterval=250"]
        arguments = [word for setting in settings for word in ("--set", setting)]
        output([program, "train", environment, "--preset", "paper", "--steps", last, "--out", folder + "/run", *arguments], threads)
        with open(folder + "/run/progress.csv") as file:
            seconds = {int(entry["step"]): float(entry["time_elapsed"]) for entry in csv.DictReader(file)}
    return (last - first) / (seconds[last] - seconds[first])


print(f"{'':52} {'ours':>12} {'theirs':>12} {'':8} {'ratio':>9}")
for subject in [subject for subject in ("update", "act") if subject in what]:
    theirs = peer("bench_update.py", "--alloc", "keep", "--configs", "lunar", "--blocks", "steps+compile", "--what", subject)
    theirs = {entry["model"]: entry["median"] for entry in theirs if entry["bench"] == subject}
    for encoder in ("mamba", "transformer", "lstm", "dqn"):
        ours = lines(program, "bench", subject, "--set", f"encoder={encoder}")[0]
        row(f"{subject}, {encoder}, LunarLander sizes", ours["median"], theirs[encoder], ours["unit"])
if "environment" in what:
    for environment in ("LunarLander-v3", "highway-fast-v0", "highway-v0"):
        ours = lines(program, "bench", "environment", "--env", environment)[0]["median"]
        for entry in peer("bench_env.py", "--only", environment, "--rounds", "3", "--seconds", "1.5"):
            if entry.get("bench") == "env":
                row(f"{environment}, beside {entry['case']}", ours, entry["median"], "steps/s", faster_is_more=True)
if "loop" in what:
    for config, environment, encoder, threads, first, last in [
        ("lunar", "LunarLander-v3", "mamba", 1, 10000, 10750), ("lunar", "LunarLander-v3", "mamba", 2, 10000, 10750),
        ("highway", "highway-fast-v0", "mamba", 1, 500, 1250), ("highway", "highway-fast-v0", "mamba", 2, 500, 1250),
        ("highway", "highway-fast-v0", "dqn", 1, 500, 5000),
    ]:
        arguments = ["--repo", options.repo, "--config", config, "--model", encoder, "--block", "steps+compile"]
        theirs = peer("bench_e2e.py", *arguments, "--alloc", "keep", "--steps", "150", "--threads", threads, threads=threads)
        ours = loop_rate(environment, encoder, threads, first, last)
        row(f"whole loop, {environment}, {encoder}, {threads} core(s)", ours, theirs[-1]["median"], "steps/s", faster_is_more=True)
if "sequence" in what:
    LAYERS = {"mamba": "mamba1", "mamba2": "mamba2", "mamba3": "mamba3", "lstm": "lstm"}

    # The least of all rounds on either side: of forms there are many, and where a neighbour slows every second minute down the
    # least median of many would stand beside the median of one. Ours runs before and after.
    def best(entries, layer, **wanted):
        """The fastest of all forms of a layer that the peers know, in milliseconds or microseconds."""
        return min(entry["min"] for entry in entries
                   if entry["family"] == LAYERS[layer] and "min" in entry and all(entry.get(k) == v for k, v in wanted.items()))

    def beside(theirs, *command):
        """Our lines by their name, the least of their rounds before and after `theirs()`, and what that returned."""
        before, entries, after = lines(program, "bench", *command), theirs(), lines(program, "bench", *command)
        return {a["bench"]: min(a["min"], b["min"]) for a, b in zip(before, after)}, entries

    has_jax = subprocess.run([options.python, "-c", "import jax, flax"], capture_output=True).returncode == 0
    print(f"sequence layers beside {'the fastest of PyTorch and JAX' if has_jax else 'PyTorch alone: JAX or flax is missing'}")
    only = "mamba1:steps,mamba1:steps+compile,mamba1:two-level+compile,mamba1:compile,mamba1:eager in place,mamba2,mamba3,lstm"
    for shape in ("16,64,64,16", "32,80,128,64", "1,1024,768,16"):
        ours, theirs = beside(
            lambda: peer("bench_sequence.py", "--alloc", "keep", "--what", "block", "--shapes", shape, "--only", only)
            + (peer("bench_sequence_jax.py", "--what", "block", "--shapes", shape) if has_jax else []),
            "sequence", "--shape", shape, "--layers", ",".join(LAYERS))
        for layer in LAYERS:
            for direction in ("forward", "forward+backward"):
                row(f"{layer} ({shape}) {direction}", ours[f"{layer} {direction}"], best(theirs, layer, direction=direction), "ms")
    ours, theirs = beside(
        lambda: peer("bench_sequence.py", "--alloc", "keep", "--what", "scan,step", "--step-shapes", "64,16;768,16", "--only", only)
        + (peer("bench_sequence_jax.py", "--what", "scan") if has_jax else []),
        "scan", "--shape", "1,2048,1536,16")
    for layer in ("mamba", "mamba2"):
        for direction in ("forward", "forward+backward"):
            row(f"{layer}, the recurrence alone, {direction}", ours[f"scan {layer} {direction}"],
                best(theirs, layer, bench="scan", direction=direction), "ms")
    for model in (64, 768):
        ours, _ = beside(lambda: None, "sequence", "--shape", f"1,1,{model},16", "--layers", ",".join(LAYERS))
        for layer in LAYERS:
            row(f"{layer}, one token, d {model}", ours[f"{layer} step"],
                best(theirs, layer, bench="step", B=1, d_model=model), "us")
if "recurrent" in what:
    # 16 sequences of 64 rows, one block of d 64 with 16 states in heads of 16, replay and optimizer included.
    repository, *extra = options.memorax.split(",")
    sizes = ["modelSize=64", "stateSize=16", "headSize=16", "headHidden=64", "batchSize=16", "sequenceLength=64"]
    for encoder in ("mamba2", "mamba3", "lstm"):
        theirs = peer("bench_memorax.py", "--repo", repository, "--extra", ",".join(extra), "--algorithm", "r2d2",
                      "--model", encoder, "--env", "CartPole", "--what", "update", "--cpu", "1")
        settings = [word for setting in [*sizes, f"encoder={encoder}"] for word in ("--set", setting)]
        ours = lines(program, "bench", "update", "--env", "RepeatPreviousEasy", *settings)[0]
        least = [entry["median"] for entry in theirs if "median" in entry]
        if not least:
            sys.exit(f"error: bench_memorax.py measured nothing: {theirs}")
        row(f"recurrent update, {encoder}, 16 x 64 rows, d 64", ours["median"], min(least), ours["unit"])

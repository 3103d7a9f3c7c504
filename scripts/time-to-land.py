#!/usr/bin/env python3
"""Seconds on one core until the mean of greedy episodes first reaches 200 and 250 on LunarLander-v3: our presets beside
Stable-Baselines3's DQN with rl-zoo3's settings, same machine, one after the other. Evaluations, and whatever comes before the
first step, are not counted on either side. Both judge by episodes of the same seeds.

  scripts/time-to-land.py PEERS [--python PYTHON] [--seeds 0,1,2,3,4] [--presets fast,default] [--every 5000]
                          [--episodes 100] [--core 1] [--steps N] [--no-peer]

PEERS is the folder with bench_time_to_land.py; PYTHON has its packages (PEERS/README.md names them). --steps shortens all runs
(a short look, not a result). Each of our seeds is trained twice, once with the evaluations and once without them against the
clock; both must end in the same bytes. Five seeds take about an hour, of which ours is a quarter.
"""
import argparse, ast, csv, json, math, os, pathlib, statistics, struct, subprocess, sys, tempfile, zipfile

parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
parser.add_argument("peers", type=pathlib.Path)
parser.add_argument("--python", default=sys.executable)
parser.add_argument("--seeds", default="0,1,2,3,4")
parser.add_argument("--presets", default="fast,default")
parser.add_argument("--every", type=int, default=5000)
parser.add_argument("--episodes", type=int, default=100)
parser.add_argument("--core", type=int, default=1)
parser.add_argument("--steps", type=int)
parser.add_argument("--no-peer", action="store_true")
options = parser.parse_args()
program = pathlib.Path(__file__).resolve().parent.parent / ".build/release/mamba-dqn"
peer = options.peers / "bench_time_to_land.py"
if not program.exists():
    sys.exit(f"error: {program} is not there; run `make build` first")
if not options.no_peer and not peer.exists():
    sys.exit(f"error: {options.peers} holds no bench_time_to_land.py; PEERS is the folder of the peer programs")
levels = (200, 250)


def output(command):
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    done = subprocess.run(["taskset", "-c", str(options.core), *map(str, command)], env=environment, capture_output=True, text=True)
    if done.returncode:
        sys.exit(f"error: {' '.join(map(str, command))}\n{done.stderr}")
    return done.stdout


def array(file, name):
    """Rows of 64-bit numbers out of an .npz, without numpy."""
    data = zipfile.ZipFile(file).read(name + ".npy")
    start = 10 + struct.unpack("<H", data[8:10])[0]
    header = ast.literal_eval(data[10:start].decode())
    values = struct.unpack(f"<{(len(data) - start) // 8}{'q' if header['descr'] == '<i8' else 'd'}", data[start:])
    width = math.prod(header["shape"][1:])
    return [values[at:at + width] for at in range(0, len(values), width)]


def train(folder, preset, seed, **settings):
    arguments = [word for key, value in settings.items() for word in ("--set", f"{key}={value}")]
    steps = ["--steps", options.steps] if options.steps else []
    output([program, "train", "LunarLander-v3", "--preset", preset, "--seed", seed, "--out", folder, *steps,
            "--set", "checkpointInterval=1000000000", "--set", f"logInterval={options.every}", *arguments])
    return pathlib.Path(folder)


def ours(preset, seed):
    """[level] -> seconds, and the mean at the end."""
    with tempfile.TemporaryDirectory() as folder:
        judged = train(f"{folder}/judged", preset, seed, evaluationInterval=options.every, evaluationEpisodes=options.episodes)
        timed = train(f"{folder}/timed", preset, seed, evaluationEpisodes=0)
        if (judged / "model.safetensors").read_bytes() != (timed / "model.safetensors").read_bytes():
            sys.exit(f"error: {preset}, seed {seed}: evaluations changed the run; this is a fault of mamba-dqn")
        with open(timed / "progress.csv") as file:
            seconds = {int(row["step"]): float(row["time_elapsed"]) for row in csv.DictReader(file)}
        steps = [row[0] for row in array(judged / "evaluations.npz", "timesteps")]
        means = [statistics.fmean(row) for row in array(judged / "evaluations.npz", "results")]
    first = {level: next((seconds[step] for step, mean in zip(steps, means) if mean >= level), math.inf) for level in levels}
    return first, means[-1]


def theirs(seed):
    short = ["--steps", options.steps] if options.steps else []
    text = output([options.python, peer, "--algorithm", "dqn-zoo", "--seed", seed, "--alloc", "keep", "--episodes", options.episodes,
                   "--every", options.every, *short])
    summary = next(entry for entry in map(json.loads, text.splitlines()) if entry.get("summary"))
    return {level: summary[f"seconds_to_{level}"] or math.inf for level in levels}, summary["final_mean"]


def shown(seconds):
    return "never" if seconds == math.inf else f"{seconds:.1f}"


contenders = {f"ours, {preset}": lambda seed, preset=preset: ours(preset, seed) for preset in options.presets.split(",")}
if not options.no_peer:
    contenders["SB3 DQN, rl-zoo3"] = theirs
seeds = [int(seed) for seed in options.seeds.split(",")]
print(f"{'':24} {'seed':>6} {'s to 200':>10} {'s to 250':>10} {'last mean':>10}")
medians = {}
for name, run in contenders.items():
    found = []
    for seed in seeds:
        first, last = run(seed)
        found.append(first)
        print(f"{name:24} {seed:6} {shown(first[200]):>10} {shown(first[250]):>10} {last:10.1f}", flush=True)
    medians[name] = {level: statistics.median(entry[level] for entry in found) for level in levels}
    print(f"{name:24} {'median':>6} {shown(medians[name][200]):>10} {shown(medians[name][250]):>10}", flush=True)
if not options.no_peer:
    for name in list(medians)[:-1]:
        for level in levels:
            mine, other = medians[name][level], medians["SB3 DQN, rl-zoo3"][level]
            ratio = "neither got there" if mine == other == math.inf else "only they did" if mine == math.inf \
                else "only we did" if other == math.inf else f"{other / mine:.1f} times sooner"
            print(f"{name}, to {level}: {ratio} (medians of {len(seeds)} seeds)")

#!/usr/bin/env python3
"""Steps a second of one run behind the bridge with one slow environment and with several at once (`actors=n`, a worker process
each), from the same machine, one after the other. The environment computes for as long as --milliseconds says, or sleeps for as
long where --sleep is given, as one that waits for a simulator would.

  scripts/compare-actors.py [--milliseconds 5] [--actors 1,2] [--steps 2000] [--rounds 3] [--sleep]
"""
import argparse, csv, os, pathlib, statistics, subprocess, sys, tempfile

ENVIRONMENT = """
import time
import gymnasium, numpy


class Slow(gymnasium.Env):
    observation_space = gymnasium.spaces.Box(-1, 1, (4,), numpy.float32)
    action_space = gymnasium.spaces.Discrete(2)

    def __init__(self, milliseconds, sleep):
        self.seconds, self.wait = milliseconds / 1000, time.sleep if sleep else self.compute

    def compute(self, seconds):
        # Processor time: a machine that is busy otherwise makes the step no shorter.
        end = time.process_time() + seconds
        while time.process_time() < end:
            pass

    def observed(self):
        return self.np_random.uniform(-1, 1, 4).astype(numpy.float32), {}

    def reset(self, seed=None, options=None):
        super().reset(seed=seed)
        self.left = 100
        return self.observed()

    def step(self, action):
        self.wait(self.seconds)
        self.left -= 1
        observation, info = self.observed()
        return observation, float(action), self.left == 0, False, info


gymnasium.register("Slow-v0", Slow)
"""

parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
parser.add_argument("--milliseconds", type=float, default=5)
parser.add_argument("--actors", default="1,2")
parser.add_argument("--steps", type=int, default=2000)
parser.add_argument("--rounds", type=int, default=3)
parser.add_argument("--sleep", action="store_true")
options = parser.parse_args()
program = pathlib.Path(__file__).resolve().parent.parent / ".build/release/mamba-dqn"
if not program.exists():
    sys.exit(f"error: {program} is not there; run `make build` first")


def rate(folder, actors, round):
    """Between the first and the last row of progress.csv: starting Python is not counted."""
    run = f"{folder}/{actors}-{round}"
    name = f"gymnasium:slow:Slow-v0?milliseconds={options.milliseconds}&sleep={options.sleep}"
    settings = dict(encoder="dqn", windowLength=1, residual="false", hiddenSize=16, modelSize=16, learningStarts=100, actors=actors,
                    logInterval=100, evaluationEpisodes=0)
    arguments = [word for key, value in settings.items() for word in ("--set", f"{key}={value}")]
    done = subprocess.run([program, "train", name, "--steps", str(options.steps), "--out", run, *arguments], capture_output=True,
                          text=True, env={**os.environ, "PYTHONPATH": folder})
    if done.returncode:
        sys.exit(f"error: {done.stderr.strip().splitlines()[-1]}")
    with open(run + "/progress.csv") as file:
        rows = [(int(row["step"]), float(row["time_elapsed"])) for row in csv.DictReader(file)]
    return (rows[-1][0] - rows[0][0]) / (rows[-1][1] - rows[0][1])


with tempfile.TemporaryDirectory() as folder:
    pathlib.Path(folder, "slow.py").write_text(ENVIRONMENT)
    counts = [int(actors) for actors in options.actors.split(",")]
    # In turn, so that whatever else the machine does meets all of them.
    rates = {actors: [] for actors in counts}
    for round in range(options.rounds):
        for actors in counts:
            rates[actors].append(rate(folder, actors, round))
    first = statistics.median(rates[counts[0]])
    for actors in counts:
        middle = statistics.median(rates[actors])
        print(f"actors={actors}: {middle:.0f} steps/s, {middle / first:.2f} times (from {min(rates[actors]):.0f} to {max(rates[actors]):.0f})")

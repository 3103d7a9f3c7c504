#!/usr/bin/env python3
"""Films of LunarLander's heuristic, ours beside Gymnasium's RecordVideo: the same seeds, one after the other on the same
machine, which should be idle. Prints wall-clock and processor seconds of each, and the ratios.

  scripts/compare-rendering.py [EPISODES] [--python PYTHON]

PYTHON has gymnasium[box2d] and moviepy. RecordVideo draws 600 x 400 pixels and writes MP4 at 50 frames a second through
ffmpeg; `render` draws 566 x 424 and writes the same, and GIFs.
"""
import argparse, os, pathlib, resource, subprocess, sys, tempfile, time

PEER = """
import sys, warnings
warnings.simplefilter("ignore")
import gymnasium
from gymnasium.envs.box2d.lunar_lander import heuristic
from gymnasium.wrappers import RecordVideo
environment = gymnasium.make("LunarLander-v3", render_mode="rgb_array")
environment = RecordVideo(environment, sys.argv[2], episode_trigger=lambda episode: True, disable_logger=True)
for seed in range(int(sys.argv[1])):
    observation, _ = environment.reset(seed=seed)
    done = False
    while not done:
        observation, _, terminated, truncated, _ = environment.step(heuristic(environment.unwrapped, observation))
        done = terminated or truncated
environment.close()
"""

parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
parser.add_argument("episodes", type=int, nargs="?", default=100)
parser.add_argument("--python", default=sys.executable)
options = parser.parse_args()
program = pathlib.Path(__file__).resolve().parent.parent / ".build/release/mamba-dqn"
if not program.exists():
    sys.exit(f"error: {program} is not there; run `make build` first")


def measured(name, command):
    before, start = resource.getrusage(resource.RUSAGE_CHILDREN), time.monotonic()
    done = subprocess.run(command, capture_output=True, text=True, cwd=folder)
    if done.returncode:
        sys.exit(f"error: {name}: {done.stderr.strip().splitlines()[-1]}")
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return time.monotonic() - start, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


with tempfile.TemporaryDirectory() as folder:
    def ours(format):
        return [program, "render", "--policy", "heuristic", "--env", "LunarLander-v3", "--episodes", str(options.episodes),
                "--format", format, "--out", f"{folder}/ours.{format}"]
    theirs = measured("RecordVideo", [options.python, "-c", PEER, str(options.episodes), folder + "/theirs"])
    print(f"{options.episodes} episodes          wall s     ratio  processor s     ratio")
    print(f"{'RecordVideo, mp4':18} {theirs[0]:10.1f}           {theirs[1]:10.1f}")
    for format in ["mp4", "gif", "html"]:
        wall, processor = measured(format, ours(format))
        print(f"{'render, ' + format:18} {wall:10.1f} {theirs[0] / wall:9.1f} {processor:12.1f} {theirs[1] / processor:9.1f}", flush=True)

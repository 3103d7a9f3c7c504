"""Two successive episodes of every POPGym task we have, the second reset without a seed: python3 record_memory.py > memory.json

With popgym 1.0.7, gymnasium 1.4.0, numpy 2.4.6. The action at step t is (7 t + t // 5) mod the number of actions; a Pendulum's
torque is that minus 2, of five. Observations are flattened by `gymnasium.spaces.flatten` and hashed (FNV-1a, 64 bits, of
their float32 bytes); rewards are added in order.
"""
import json
import warnings

import numpy as np
from gymnasium.spaces import flatten

warnings.filterwarnings("ignore")
import popgym.envs

TASKS = [
    "RepeatPrevious", "RepeatFirst", "Autoencode", "CountRecall", "Concentration", "PositionOnlyCartPole", "VelocityOnlyCartPole",
    "NoisyPositionOnlyCartPole", "PositionOnlyPendulum", "NoisyPositionOnlyPendulum",
]


def play(environment, observation):
    hashed, total, step = 0xCBF29CE484222325, 0.0, 0
    while True:
        for byte in flatten(environment.observation_space, observation).astype(np.float32).tobytes():
            hashed = (hashed ^ byte) * 0x100000001B3 % 2**64
        if step and (terminated or truncated):
            return {"steps": step, "return": total, "terminated": bool(terminated), "truncated": truncated, "hash": str(hashed)}
        choice = 7 * step + step // 5
        action = choice % environment.action_space.n if hasattr(environment.action_space, "n") else np.array([choice % 5 - 2.0])
        observation, reward, terminated, truncated, _ = environment.step(action)
        total, step = total + float(reward), step + 1


recorded = []
for name in [task + difficulty for task in TASKS for difficulty in ["Easy", "Medium", "Hard"]]:
    for seed in [7, 2**33 + 5]:
        environment = getattr(popgym.envs, name)()
        episodes = [play(environment, environment.reset(seed=s)[0]) for s in [seed, None]]
        recorded.append({"task": name, "seed": seed, "episodes": episodes})
print(json.dumps({"episodes": recorded}))

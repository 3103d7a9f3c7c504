"""Records episodes of the real highway-env: python3 record_highway.py ENV COUNT OUT.json [--large-seeds]

Actions are [4,1,4,0,1,4,2,1][(seed+t)%8] for even seeds (careful, long episodes) and (seed*7+t*3)%5 for odd ones.
Arrays are base64 of little-endian: obs_f32 (n+1) x 25, row 0 the reset; step_f64 n x [reward, speed, x, y, heading] of the
agent's vehicle; flags_u8 n x [terminated, truncated, crashed]; veh_f64, at the end, vehicles x [x, y, heading, speed,
timer]; veh_u8 vehicles x [lane, target lane, crashed].

On processors with AVX-512, NumPy and its OpenBLAS round some functions and dot products differently in the last bit, so
both are held to AVX2: the recording is then the same on every machine.
"""
import base64, json, os, sys
os.environ.setdefault("NPY_DISABLE_CPU_FEATURES", "X86_V4 AVX512_ICL AVX512_SPR")
os.environ.setdefault("OPENBLAS_CORETYPE", "Haswell")
import numpy as np, gymnasium, highway_env  # noqa: F401

name, count, out = sys.argv[1], int(sys.argv[2]), sys.argv[3]
first = 2**32 + 12345 if "--large-seeds" in sys.argv else 1000
encode = lambda values, dtype: base64.b64encode(np.asarray(values, dtype).tobytes()).decode()
env, episodes = gymnasium.make(name), []
for seed in range(first, first + count):
    observation, _ = env.reset(seed=seed)
    world = env.unwrapped
    observations, rows, flags, actions = [observation], [], [], ""
    while not flags or not (flags[-1][0] or flags[-1][1]):
        t = len(flags)
        action = [4, 1, 4, 0, 1, 4, 2, 1][(seed + t) % 8] if seed % 2 == 0 else (seed * 7 + t * 3) % 5
        observation, reward, terminated, truncated, _ = env.step(action)
        ego = world.vehicle
        actions += str(action)
        observations.append(observation)
        rows.append([reward, ego.speed, *ego.position, ego.heading])
        flags.append([terminated, truncated, ego.crashed])
    vehicles = world.road.vehicles
    episodes.append(dict(
        seed=seed, n=len(flags), actions=actions, obs_f32=encode(observations, "<f4"), step_f64=encode(rows, "<f8"),
        flags_u8=encode(flags, "u1"),
        veh_f64=encode([[*v.position, v.heading, v.speed, getattr(v, "timer", 0)] for v in vehicles], "<f8"),
        veh_u8=encode([[v.lane_index[2], v.target_lane_index[2], v.crashed] for v in vehicles], "u1")))
    print(seed, len(flags), flush=True)
with open(out, "w") as file:
    json.dump(dict(env=name, episodes=episodes), file)

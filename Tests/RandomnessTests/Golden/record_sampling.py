"""Records numpy's shuffles and normal draws, and its legacy generator's draws: python3 record_sampling.py > sampling.json

normal_bits is the wrapping sum of the bit patterns of 100,000 normal draws: every branch of the ziggurat in one number.
"""
import json

import numpy as np

modern = []
for seed in [0, 1, 11, 12345, 2**40 + 7]:
    generator = np.random.default_rng(seed)
    deck, long = np.arange(52), np.arange(832)
    generator.shuffle(deck)
    generator.shuffle(long)  # may begin with the half of a draw that the first one left over
    normals = generator.normal(0, np.full(100_000, 0.1))
    again = np.arange(104)
    generator.shuffle(again)
    modern.append({
        "seed": str(seed), "deck": deck.tolist(), "long": long.tolist(), "normals": [repr(float(x)) for x in normals[:16]],
        "normal_bits": str(int(np.sum(normals.view(np.uint64), dtype=np.uint64))), "again": again.tolist(),
    })
legacy = []
for seed in [0, 1, 3, 2**32 - 1, 2**32 + 5, 2**64 - 3]:
    low, high = seed % 2**32, seed // 2**32
    generator = np.random.RandomState([low, high] if high else low)
    legacy.append({
        "seed": str(seed), "words": generator.randint(0, 2**32, 700, dtype=np.uint32).tolist()[::50],
        "uniform": [repr(x) for x in generator.random_sample(8).tolist()],
        "below3": [int(generator.randint(3)) for _ in range(20)], "coin": generator.binomial(1, 0.5, 20).tolist(),
        "below1": int(generator.randint(1)), "choice": [int(generator.choice([-1, 1])) for _ in range(20)],
    })
print(json.dumps({"numpy": np.__version__, "modern": modern, "legacy": legacy}))

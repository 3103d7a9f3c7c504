"""Estimates and bootstrap intervals of rliable (Agarwal et al. 2021): python3 record_rliable.py > rliable.json

Needs: rliable 1.2.0 with arch 7.2.0, numpy 2.4.6, scipy 1.17.1, and pandas below 3 (arch 7.2.0 does not import with 3).
Takes some minutes. Everything is seeded; a second run writes the same bytes.

Scores are [task][run], as in our Swift (rliable's arrays are [run][task]). Each estimate is {value, interval, low, high}:
`interval` is rliable's 95% interval; `low` and `high` bracket each of its ends by the same bootstrap's quantiles at
0.025 -/+ margin and 0.975 -/+ margin. `margin` is four standard deviations of the difference between two independent
empirical 2.5% levels of REPS resamples each, so another correct bootstrap's ends lie inside, however discrete they are.
"""
import json, math
import numpy as np
from rliable import library, metrics

REPS = 20000
MARGIN = 4 * math.sqrt(2 * 0.025 * 0.975 / REPS)


def estimates(scores, function):
    """One estimate per element of what `function` returns."""
    def bounds(size):
        np.random.seed(2021)  # rliable's bootstrap draws from NumPy's global generator
        values, intervals = library.get_interval_estimates(
            {"x": scores}, function, reps=REPS, confidence_interval_size=size)
        return values["x"], intervals["x"]
    value, interval = bounds(0.95)
    _, outer = bounds(0.95 + 2 * MARGIN)
    _, inner = bounds(0.95 - 2 * MARGIN)
    return [
        {"value": float(value[i]), "interval": interval[:, i].tolist(), "low": [float(outer[0, i]), float(inner[0, i])],
         "high": [float(inner[1, i]), float(outer[1, i])]}
        for i in range(len(value))]


def case(name, x, y, thresholds):
    x, y = np.array(x, float).T, np.array(y, float).T
    profile = lambda scores: library.score_distributions(scores, thresholds)
    values, _ = library.create_performance_profile({"x": x}, thresholds, reps=2)
    recorded = estimates(x, profile)
    assert [share["value"] for share in recorded] == values["x"].tolist()
    return {
        "name": name, "x": x.T.tolist(), "y": y.T.tolist(), "thresholds": thresholds,
        "interquartileMean": estimates(x, lambda x: np.array([metrics.aggregate_iqm(x)]))[0],
        "profile": recorded,
        "probabilityOfImprovement":
            estimates([x, y], lambda x, y: np.array([metrics.probability_of_improvement(x, y)]))[0],
    }


random = np.random.default_rng(7)
cases = [
    case("one task, five runs", [[212.4, 251.9, 198.3, 264.0, 239.5]], [[180.2, 245.1, 201.7, 222.2, 199.9]],
         [150, 198.3, 220, 240, 264]),
    case("three tasks, seven runs, negative scores",
         random.normal([[-120], [0.5], [30]], [[60], [0.3], [80]], (3, 7)).round(4),
         random.normal([[-150], [0.4], [30]], [[60], [0.3], [80]], (3, 7)).round(4), [-200, -100, -20, 0, 0.5, 20, 100]),
    case("ties, and fewer runs in y", [[1, 2, 2, 3, 3, 3], [-1, -1, 0, 0, 1, 5]], [[2, 2, 3, 1], [0, -1, 0, 0]],
         [-1, 0, 1, 2, 3]),
    case("equal scores on one of two tasks", [[4, 7, 9, 2], [1, 1, 1, 1]], [[3, 8, 5, 5], [1, 1, 1, 1]], [1, 4, 8]),
]
print(json.dumps({"resamples": REPS, "margin": MARGIN, "cases": cases}, indent=1))

"""Environments that do what environments do to a bridge: odd spaces, prints, exceptions, deaths, hangs."""
import os, pathlib, time, zlib
import gymnasium, numpy as np
from gymnasium import spaces


class Echo(gymnasium.Env):
    """Its reward is the action it got; its arguments are its observation."""
    action_space = spaces.Discrete(3, start=5)
    observation_space = spaces.Box(-10, 10, (3,), np.float64)

    def __init__(self, gain=1.0, flag=False, label=""):
        self.observation = np.array([gain, flag, len(label)], np.float64)

    def reset(self, seed=None, options=None):
        super().reset(seed=seed)
        return self.observation, {}

    def step(self, action):
        return self.observation, float(action), False, action == 7, {}


class Spaces(gymnasium.Env):
    """One observation of every kind of space."""
    action_space = spaces.Discrete(2)
    kinds = {
        "discrete": (spaces.Discrete(4, start=-1), 1),
        "binary": (spaces.MultiBinary(3), np.array([1, 0, 1], np.int8)),
        "multidiscrete": (spaces.MultiDiscrete([2, 3]), np.array([1, 2])),
        "tuple": (spaces.Tuple((spaces.Discrete(2), spaces.Box(0, 9, (2, 2), np.float32))),
                  (1, np.arange(4, dtype=np.float32).reshape(2, 2))),
        "dict": (spaces.Dict(b=spaces.Box(0, 9, (2,), np.float64), a=spaces.Discrete(3)),
                 {"b": np.array([0.5, 8.0]), "a": 2}),
        "image": (spaces.Box(0, 255, (2, 3, 1), np.uint8), np.array([[[0], [1], [2]], [[253], [254], [255]]], np.uint8)),
        "sequence": (spaces.Sequence(spaces.Discrete(2)), (1, 0)),
    }

    def __init__(self, kind):
        self.observation_space, self.observation = self.kinds[kind]

    def reset(self, seed=None, options=None):
        return self.observation, {}

    def step(self, action):
        return self.observation, 0.0, True, False, {}


class Continuous(Echo):
    action_space = spaces.Box(-1, 1, (2,))


class Frame(gymnasium.Env):
    """The recorded frame of Pong."""
    action_space = spaces.Discrete(2)
    observation_space = spaces.Box(0, 255, (210, 160, 3), np.uint8)

    def reset(self, seed=None, options=None):
        path = pathlib.Path(__file__).parent.parent / "Golden" / "pong_210x160x3.bin.z"
        pixels = zlib.decompress(path.read_bytes())
        return np.frombuffer(pixels, np.uint8).reshape(210, 160, 3), {}

    def step(self, action):
        raise NotImplementedError


class Faulty(Echo):
    """Does something bad in one of its steps."""
    action_space = spaces.Discrete(2)

    def __init__(self, fault, at=3):
        super().__init__()
        self.fault, self.at, self.steps = fault, at, 0

    def step(self, action):
        self.steps += 1
        if self.fault == "prints":
            print("a line on stdout", flush=True)
            os.write(1, b"and some bytes\n")
        if self.steps == self.at:
            if self.fault == "raises":
                raise RuntimeError("the wheels came off")
            if self.fault == "exits":
                os._exit(3)
            if self.fault == "hangs":
                time.sleep(1000)
            if self.fault == "spins":
                while True:
                    pass
            if self.fault == "shape":
                return np.zeros(4), 0.0, False, False, {}
            if self.fault == "garbage":
                for descriptor in range(3, 64):
                    try:
                        os.write(descriptor, b"\xff" * 64)
                    except OSError:
                        pass
        return self.observation, 0.0, False, False, {}


for kind in (Echo, Spaces, Continuous, Frame, Faulty):
    gymnasium.register(f"{kind.__name__}-v0", kind, disable_env_checker=True)

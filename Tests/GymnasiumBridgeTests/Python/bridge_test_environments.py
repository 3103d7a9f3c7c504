"""Environments that do what environments do to a bridge: odd spaces, prints, exceptions, deaths, hangs."""
import os, pathlib, re, time, zlib
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
        self.fault, self.at, self.steps, self.resets = fault, at, 0, 0

    def reset(self, **arguments):
        self.resets += 1
        if self.fault == "resets" and self.resets == self.at:
            time.sleep(1000)
        return super().reset(**arguments)

    def step(self, action):
        self.steps += 1
        if self.fault == "resets":
            return self.observation, 0.0, self.steps % 50 == 0, False, {}
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


class Literals(Echo):
    """Says what it was made with, as Python writes it."""

    def __init__(self, **arguments):
        super().__init__()
        self.action_space = spaces.Discrete(len(arguments))
        self.texts = [f"{key}={value!r}" for key, value in arguments.items()]

    def get_action_meanings(self):
        return self.texts


class Named(Echo):
    """Three actions with names."""
    names = ["LEFT", "NOTHING", "RIGHT"]
    action_space = spaces.Discrete(3)

    def get_action_meanings(self):
        return self.names


class Reversed(gymnasium.ActionWrapper):
    """The same space, but action 0 is another now."""

    def action(self, action):
        return 2 - action


class Fewer(gymnasium.Wrapper):
    def __init__(self, env):
        super().__init__(env)
        self.action_space = spaces.Discrete(2)

    def step(self, action):
        return self.env.step(2 * action)


class Renamed(Fewer):
    def get_action_meanings(self):
        return ["LEFT", "RIGHT"]


def wrapped(wrapper):
    return {"reversed": Reversed, "fewer": Fewer, "renamed": Renamed, "plain": gymnasium.Wrapper}[wrapper](Named())


class OwnDiscrete(spaces.Discrete):
    """What users derive to give an action a meaning."""


class NumPyActions(Echo):
    """Written for what `action_space.sample()` gives."""

    def __init__(self, type="int64", start=-1):
        super().__init__()
        self.action_space = OwnDiscrete(3, start=start, dtype=np.dtype(type))

    def step(self, action):
        assert self.action_space.contains(action) and action.dtype == self.action_space.dtype
        return self.observation, float(action.item()), False, False, {}


class Masked(Echo):
    """Action (step + 1) mod 3 alone is forbidden; with `broken`, the mask is."""
    action_space = spaces.Discrete(3)

    def __init__(self, broken=""):
        super().__init__()
        self.broken = broken

    def info(self):
        mask = np.ones(3, np.int8)
        mask[(self.steps + 1) % 3] = 0
        if self.broken and self.steps == 2:
            mask = {"shape": mask[:2], "empty": mask * 0, "none": None, "list": mask.tolist(), "ended": mask * 0}[self.broken]
        return {"action_mask": mask}

    def reset(self, seed=None, options=None):
        self.steps = 0
        return self.observation, self.info()

    def step(self, action):
        assert self.broken or action != (self.steps + 1) % 3, "a masked action was taken"
        self.steps += 1
        ended = self.steps == (2 if self.broken == "ended" else 30)
        return self.observation, float(action), False, ended, self.info()


class Strange(Echo):
    """Each action returns something else than Gymnasium says, or raises something else than an exception with a text."""
    whats = ["surrogate", "mute", "exit", "old", "none", "array", "text", "scalar", "whole"]
    action_space = spaces.Discrete(len(whats))

    def __init__(self, broken=False):
        super().__init__()
        if broken:
            self.grid = 5 + None

    def get_action_meanings(self):
        return self.whats

    def step(self, action):
        what = self.whats[action]
        if what == "surrogate":
            raise ValueError("no file \udcff\ud800")
        if what == "mute":
            class Mute(Exception):
                def __str__(self):
                    raise RuntimeError
            raise Mute
        if what == "exit":
            raise SystemExit(4)
        if what == "old":
            return self.observation, 0.0, False, {}
        reward = {"none": None, "array": np.array([2.5]), "text": "1", "scalar": np.float32(2.5), "whole": 2}[what]
        return self.observation, reward, False, False, None


class OddSpaces(Echo):
    """Observations without a number in them."""

    def __init__(self, kind):
        super().__init__()
        self.observation_space = {"zero": spaces.Box(-1, 1, (0, 3)), "dict": spaces.Dict({})}[kind]


class Forks(Echo):
    """Leaves processes behind: one in its group, one that made itself a daemon; both hold all that this one has open."""
    action_space = spaces.Discrete(2)

    def __init__(self, then=""):
        super().__init__()
        self.then = then
        for is_daemon in (False, True):
            if os.fork() == 0:
                if is_daemon:
                    os.setsid()
                    if os.fork():
                        os._exit(0)
                time.sleep(1000)
                os._exit(0)

    def step(self, action):
        if self.then == "crashes":
            os.kill(os.getpid(), 11)
        if self.then == "exits":
            os._exit(7)
        if self.then == "hangs":
            time.sleep(1000)
        if self.then == "holds":  # Python's lock, so that no other thread runs
            re.match("(a+)+b", "a" * 100)
        return self.observation, 0.0, False, False, {}

    def close(self):
        if self.then == "closes slowly":
            time.sleep(1000)


class Slow(Echo):
    """Works for `work` seconds of processor time a step and waits for `wait` seconds; ends after 7 steps."""
    action_space = spaces.Discrete(2)

    def __init__(self, wait=0.0, work=0.0, fault_at=-1, reset=0.0):
        super().__init__()
        self.wait, self.work, self.fault_at, self.reset_time = wait, work, fault_at, reset

    def reset(self, seed=None, options=None):
        gymnasium.Env.reset(self, seed=seed)
        time.sleep(self.reset_time)
        self.steps = 0
        return self.np_random.uniform(-1, 1, 3), {}

    def step(self, action):
        self.steps += 1
        if self.steps == self.fault_at:
            raise RuntimeError("the wheels came off")
        time.sleep(self.wait * self.np_random.uniform(0, 2))
        end = time.process_time() + self.work
        while time.process_time() < end:
            pass
        return self.np_random.uniform(-1, 1, 3), float(action), self.steps == 7, False, {}


class Meeting(Slow):
    """A step ends only when `count` environments are in theirs: one after the other, none ever would."""

    def __init__(self, folder, index, count):
        super().__init__()
        self.folder, self.index, self.count = pathlib.Path(str(folder)), index, count

    def step(self, action):
        (self.folder / f"{self.steps}-{self.index}").touch()
        while len(list(self.folder.glob(f"{self.steps}-*"))) < self.count:
            time.sleep(0.005)
        return super().step(action)


class GlobalRandom(Echo):
    """Does not use its seed."""
    action_space = spaces.Discrete(2)
    observation_space = spaces.Box(-np.inf, np.inf, (3,), np.float32)

    def reset(self, seed=None, options=None):
        return np.random.normal(size=3), {}

    def step(self, action):
        return np.random.normal(size=3), 0.0, False, False, {}


for kind in (Echo, Spaces, Continuous, Frame, Faulty, Literals, Named, NumPyActions, Masked, Strange, OddSpaces, Forks, Slow,
             Meeting, GlobalRandom):
    gymnasium.register(f"{kind.__name__}-v0", kind, disable_env_checker=True)
gymnasium.register("Wrapped-v0", wrapped, disable_env_checker=True)

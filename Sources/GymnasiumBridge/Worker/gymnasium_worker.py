"""Plays one Gymnasium environment for the Swift side, which started this process.

A frame is u32 length | u8 kind | payload, little-endian. Requests arrive on stdin, each is answered by one frame on what
was stdout:

    1 MAKE   JSON {id, arguments, grayscale}   ->  JSON {observation, actions, ...}; arguments may hold a render_mode
    2 RESET  u8 seeded | u64 seed              ->  observation
    3 STEP   i64 action                        ->  f64 reward | u8 terminated | u8 truncated | observation
    4 RENDER                                   ->  u32 height | u32 width | rgb bytes, row-major
    0xEE in a reply: JSON {type, message, traceback}; the worker lives on and answers the next request.

An observation is float32, or uint8 where the space is a uint8 box, row-major. Spaces other than boxes are flattened by
gymnasium.spaces.flatten.
"""
import os, sys

# What an environment prints belongs on stderr; what it reads from stdin is empty.
requests, replies = os.dup(0), os.dup(1)
os.dup2(2, 1)
os.dup2(os.open(os.devnull, os.O_RDONLY), 0)

# On processors with AVX-512, NumPy and OpenBLAS round some results differently in the last bit; held to AVX2, an
# environment gives the same numbers on every x86-64 machine. Both are read when NumPy is imported.
import platform
if platform.machine() == "x86_64":
    os.environ.setdefault("NPY_DISABLE_CPU_FEATURES", "X86_V4 AVX512_ICL AVX512_SPR")
    os.environ.setdefault("OPENBLAS_CORETYPE", "Haswell")
for name in ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS"):
    os.environ.setdefault(name, "1")

import json, select, signal, struct, threading, time, traceback, warnings

MAKE, RESET, STEP, RENDER, FAILED = 1, 2, 3, 4, 0xEE


def die_with_parent():
    """Ends this process and its children once the other side is gone, even while an environment hangs."""
    poll = select.poll()
    poll.register(requests, 0)  # hang-up only
    poll.poll()
    time.sleep(2)  # an environment that is not hung has closed itself by now
    os.killpg(os.getpgrp(), signal.SIGKILL)


def read(count):
    data = b""
    while len(data) < count:
        part = os.read(requests, count - len(data))
        if not part:
            return None
        data += part
    return data


def reply(kind, payload):
    view = memoryview(struct.pack("<IB", len(payload), kind) + payload)
    while view:
        view = view[os.write(replies, view):]


class World:
    def __init__(self, id, arguments, grayscale):
        import gymnasium, numpy
        self.numpy, self.spaces = numpy, gymnasium.spaces
        self.environment = self.make(gymnasium, id, arguments)
        actions = self.environment.action_space
        if type(actions) is not self.spaces.Discrete:
            raise TypeError(f"{id} has the action space {actions}; only Discrete actions are supported")
        self.action_count, self.first_action = int(actions.n), int(actions.start)
        space = self.environment.observation_space
        self.is_box = isinstance(space, self.spaces.Box)
        self.space = space if self.is_box else self.spaces.flatten_space(space)
        self.gray = None
        if grayscale:
            if not (self.is_box and space.dtype == numpy.uint8 and len(space.shape) == 3 and space.shape[2] == 3):
                raise TypeError(f"grayscale needs observations that are RGB images of uint8; {id} has {space}")
            self.gray = Grayscale(numpy, space.shape[:2], grayscale)
            self.space = self.spaces.Box(0, 255, tuple(grayscale), numpy.uint8)
        if not isinstance(self.space, self.spaces.Box):
            raise TypeError(f"{id} has the observation space {space}, which gymnasium cannot flatten into a box")
        self.type = numpy.dtype(numpy.uint8 if self.space.dtype == numpy.uint8 else "<f4")

    def make(self, gymnasium, id, arguments):
        try:
            return gymnasium.make(id, **arguments)
        except gymnasium.error.UnregisteredEnv:
            # Packages that bring environments register them when imported.
            for package in ("highway_env", "ale_py"):
                try:
                    gymnasium.register_envs(__import__(package))
                except ImportError:
                    pass
            return gymnasium.make(id, **arguments)

    def action_names(self):
        world = self.environment.unwrapped
        if hasattr(world, "get_action_meanings"):
            return list(world.get_action_meanings())
        names = getattr(getattr(world, "action_type", None), "actions", None)  # highway-env
        if isinstance(names, dict) and sorted(names) == list(range(self.action_count)):
            return [str(names[index]) for index in range(self.action_count)]
        return [str(self.first_action + index) for index in range(self.action_count)]

    def description(self):
        def bound(values):
            return [float(v) if abs(v) < 3.4e38 else None for v in values.astype("f8").ravel()]
        low, high = bound(self.space.low), bound(self.space.high)
        uniform = len(set(low)) <= 1 and len(set(high)) <= 1
        return dict(
            shape=list(self.space.shape), type=str(self.type.name), low=low[:1] if uniform else low,
            high=high[:1] if uniform else high, actions=self.action_names(),
            framesPerSecond=self.environment.metadata.get("render_fps"))

    def encode(self, observation):
        space = self.environment.observation_space
        if not self.is_box:
            observation = self.spaces.flatten(space, observation)
        array = self.numpy.asarray(observation)
        expected = space.shape if self.is_box else self.space.shape
        if array.shape != expected:
            raise ValueError(f"an observation of shape {array.shape}, but the space says {expected}")
        if self.gray:
            array = self.gray(array)
        return array.astype(self.type, order="C", copy=False).tobytes()

    def render(self):
        frame = self.numpy.asarray(self.environment.render())
        if frame.dtype != self.numpy.uint8 or frame.ndim != 3 or frame.shape[2] != 3:
            raise TypeError(f"its frames are not RGB images of uint8 but {frame.dtype} of shape {frame.shape}")
        return struct.pack("<II", *frame.shape[:2]) + frame.tobytes()

    def reset(self, seed):
        observation, _ = self.environment.reset(seed=seed)
        return self.encode(observation)

    def step(self, action):
        if not 0 <= action < self.action_count:
            raise ValueError(f"action {action} is not in 0 ... {self.action_count - 1}")
        observation, reward, terminated, truncated, _ = self.environment.step(action + self.first_action)
        return struct.pack("<dBB", float(reward), bool(terminated), bool(truncated)) + self.encode(observation)


class Grayscale:
    """RGB to gray, truncated to whole numbers, then every new pixel the mean of the area that it covers."""

    def __init__(self, numpy, old, new):
        self.numpy = numpy
        weights = [0.2125, 0.7154, 0.0721]
        # One table a channel: cheaper than converting the image to floats.
        self.tables = [(numpy.arange(256) * weight) for weight in weights]
        self.rows = self.overlap(old[0], new[0])
        self.columns = numpy.ascontiguousarray(self.overlap(old[1], new[1]).T)

    def overlap(self, old, new):
        """[new, old]: which part of each new pixel every old pixel makes up."""
        scale, matrix = old / new, self.numpy.zeros((new, old), "f4")
        for target in range(new):
            for source in range(old):
                shared = min((target + 1) * scale, source + 1) - max(target * scale, source)
                matrix[target, source] = max(shared, 0) / scale
        return matrix

    def __call__(self, image):
        red, green, blue = self.tables
        gray = red[image[:, :, 0]] + green[image[:, :, 1]] + blue[image[:, :, 2]]
        gray = gray.astype(self.numpy.uint8).astype("f4")
        return self.numpy.rint(self.rows @ gray @ self.columns).astype(self.numpy.uint8)


def main():
    threading.Thread(target=die_with_parent, daemon=True).start()
    warnings.simplefilter("ignore", DeprecationWarning)
    world = None
    while (header := read(5)) is not None:
        length, kind = struct.unpack("<IB", header)
        payload = read(length)
        if payload is None:
            break
        try:
            if kind == STEP:
                reply(STEP, world.step(struct.unpack("<q", payload)[0]))
            elif kind == RESET:
                seeded, seed = struct.unpack("<BQ", payload)
                reply(RESET, world.reset(seed if seeded else None))
            elif kind == RENDER:
                reply(RENDER, world.render())
            elif kind == MAKE:
                world = World(**json.loads(payload))
                reply(MAKE, json.dumps(world.description()).encode())
            else:
                raise ValueError(f"request {kind} is not known")
        except Exception as error:
            kinds = [base.__name__ for base in type(error).__mro__]
            reply(FAILED, json.dumps(dict(
                type=kinds[0], isUnregistered="UnregisteredEnv" in kinds, message=str(error),
                traceback=traceback.format_exc())).encode())
    if world is not None:
        world.environment.close()


main()

"""Plays one Gymnasium environment for the Swift side; guardian.py, which stands above this text, started it.

A frame is u32 length | u8 kind | payload, little-endian. Requests arrive on stdin, each is answered by one frame on what
was stdout:

    1 MAKE   JSON {id, arguments, grayscale}   ->  JSON {shape, type, low, high, actions, framesPerSecond}
    2 RESET  u8 seeded | u64 seed              ->  mask | observation
    3 STEP   i64 action                        ->  f64 reward | u8 terminated | u8 truncated | mask | observation
    4 RENDER                                   ->  u32 height | u32 width | rgb bytes, row-major
    0xEE in a reply: JSON {kind, type, message, traceback}; the worker lives on and answers the next request.

An observation is float32, or uint8 where the space is a uint8 box, row-major. Spaces other than boxes are flattened by
gymnasium.spaces.flatten. A mask is one byte 0, or a byte 1 and then a byte for each action, 1 where it is allowed.
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

import ast, json, struct, traceback, warnings

MAKE, RESET, STEP, RENDER, FAILED = 1, 2, 3, 4, 0xEE


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


class Unsupported(Exception):
    """An environment that cannot be played, whoever asks."""


def literal(text):
    """A keyword argument as Python would read it; what is neither a literal nor JSON (true, null) is text."""
    for read in (ast.literal_eval, json.loads):
        try:
            return read(text)
        except Exception:
            pass
    return text


def items(values, names, what):
    if not isinstance(values, (tuple, list)) or len(values) != len(names):
        found = f"{len(values)} values" if isinstance(values, (tuple, list)) else f"a {type(values).__name__}"
        raise TypeError(f"{what} returned {found}, not ({', '.join(names)})")
    return values


class World:
    def __init__(self, id, arguments, grayscale):
        import gymnasium, numpy
        self.numpy, self.spaces, self.ActionWrapper = numpy, gymnasium.spaces, gymnasium.ActionWrapper
        self.environment = self.make(gymnasium, id, {key: literal(text) for key, text in arguments.items()})
        self.actions = self.environment.action_space
        if not isinstance(self.actions, self.spaces.Discrete):
            raise Unsupported(f"{id} has the action space {self.actions}; only Discrete actions are supported")
        self.action_count, self.first_action = int(self.actions.n), int(self.actions.start)
        # What `action_space.sample()` gives, and so what environments are written for.
        self.action_type = numpy.int64 if self.actions.dtype is None else self.actions.dtype.type
        space = self.environment.observation_space
        self.is_box = isinstance(space, self.spaces.Box)
        try:
            numbers = self.spaces.flatdim(space)
        except (NotImplementedError, ValueError):  # Graph, Sequence, or a space of somebody's own
            raise Unsupported(f"{id} has the observation space {space}, which gymnasium cannot flatten into a box")
        if numbers == 0:
            raise Unsupported(f"{id} has the observation space {space}, which holds no numbers")
        self.space = space if self.is_box else self.spaces.flatten_space(space)
        self.gray = None
        if grayscale:
            if not (self.is_box and space.dtype == numpy.uint8 and len(space.shape) == 3 and space.shape[2] == 3):
                raise Unsupported(f"grayscale needs observations that are RGB images of uint8; {id} has {space}")
            self.gray = Grayscale(numpy, space.shape[:2], grayscale)
            self.space = self.spaces.Box(0, 255, tuple(grayscale), numpy.uint8)
        self.type = numpy.dtype(numpy.uint8 if self.space.dtype == numpy.uint8 else "<f4")
        self.mask = None

    def make(self, gymnasium, id, arguments):
        if arguments.get("render_mode") == "rgb_array":  # no window: SDL would look for a screen, and complain where there is none
            os.environ.setdefault("SDL_VIDEODRIVER", "dummy")
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
        """Those of the outermost layer that names its actions, unless a wrapper around it may have changed them."""
        layer, names = self.environment, None
        while names is None:
            if hasattr(type(layer), "get_action_meanings"):
                names = list(layer.get_action_meanings())
            elif isinstance(found := getattr(vars(layer).get("action_type"), "actions", None), dict):  # highway-env
                names = [name for _, name in sorted(found.items())]
            inner = getattr(layer, "env", None)
            if inner is None or inner.action_space is not self.actions or isinstance(layer, self.ActionWrapper):
                break
            layer = inner
        if names is None or len(names) != self.action_count:
            names = [self.first_action + index for index in range(self.action_count)]
        return [printable(name) for name in names]

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
        observation, info = items(self.environment.reset(seed=seed), ("observation", "info"), "reset")
        return self.encode_mask(info, False) + self.encode(observation)

    def step(self, action):
        if not 0 <= action < self.action_count:
            raise ValueError(f"action {action} is not in 0 ... {self.action_count - 1}")
        if self.mask is not None and not self.mask[action]:
            raise ValueError(f"action {action} is masked here; allowed are {self.numpy.flatnonzero(self.mask).tolist()}")
        observation, reward, terminated, truncated, info = items(
            self.environment.step(self.action_type(action + self.first_action)),
            ("observation", "reward", "terminated", "truncated", "info"), "step")
        ended = struct.pack("<dBB", self.number(reward), bool(terminated), bool(truncated))
        return ended + self.encode_mask(info, terminated or truncated) + self.encode(observation)

    def number(self, reward):
        array = self.numpy.asarray(reward)
        if array.size != 1 or array.dtype.kind not in "biuf":
            raise TypeError(f"a reward of {reward!r}, which is not a number")
        return float(array.reshape(()))

    def encode_mask(self, info, is_last):
        """`info["action_mask"]`, as `Discrete.sample(mask=...)` takes it."""
        mask = info.get("action_mask") if isinstance(info, dict) else None
        if mask is not None:
            mask = self.numpy.asarray(mask) != 0
            if mask.shape != (self.action_count,):
                raise ValueError(f"an action_mask of shape {mask.shape} for {self.action_count} actions")
            if not mask.any():
                if not is_last:
                    raise ValueError("an action_mask that allows no action, in the middle of an episode")
                mask = None
        self.mask = mask
        return b"\0" if mask is None else b"\1" + mask.tobytes()


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


def printable(value):
    """As text that UTF-8 can hold; an exception's may have lone surrogates, or raise another exception."""
    try:
        text = str(value)
    except Exception as error:
        text = f"<{type(value).__name__} whose text raises {type(error).__name__}>"
    return text[:20000].encode("utf-8", "backslashreplace").decode()


def failure(error, request, payload):
    """What the Swift side needs to know of an exception. Its kind: `usage` (the name or its arguments), `module` (the user's
    own is not found), `package` (one that an environment needs is not), `error` (somebody's code raised)."""
    kinds = [base.__name__ for base in type(error).__mro__]
    kind = "error"
    if request == MAKE:
        import_of = json.loads(payload)["id"].rpartition(":")[0]
        if isinstance(error, ModuleNotFoundError):
            parts = import_of.split(".")
            own = {".".join(parts[:count + 1]) for count in range(len(parts))}
            kind = "module" if any(f"No module named '{name}'" in str(error) for name in own) else "package"
        elif "DependencyNotInstalled" in kinds:
            kind = "package"
        elif isinstance(error, Unsupported) or any(base.__module__ == "gymnasium.error" for base in type(error).__mro__):
            kind = "usage"
        elif isinstance(error, TypeError) and isinstance(error.__context__, TypeError):
            # gymnasium.make words anew what the constructor raised. Where it was the call itself, the arguments are wrong;
            # where it came from within, it is the environment's own.
            frames = traceback.extract_tb(error.__context__.__traceback__)
            if frames and os.path.basename(frames[-1].filename) == "registration.py":
                kind = "usage"
            else:
                error = error.__context__
    elif "DependencyNotInstalled" in kinds:
        kind = "package"
    where = error.__traceback__
    while where and where.tb_frame.f_code.co_filename == failure.__code__.co_filename:
        where = where.tb_next  # our own lines tell nobody anything
    lines = traceback.format_exception(type(error), error, where) if where else []
    return dict(kind=kind, type=type(error).__name__, message=printable(error), traceback=printable("".join(lines).rstrip()))


def main():
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
        except BaseException as error:  # SystemExit too: an environment's is no reason for ours
            reply(FAILED, json.dumps(failure(error, kind, payload)).encode())
    if world is not None:
        try:
            world.environment.close()
        except Exception as error:
            print(f"warning: close() raised {type(error).__name__}: {printable(error)}", file=sys.stderr)


main()

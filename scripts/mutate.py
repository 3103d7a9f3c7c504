#!/usr/bin/env python3
"""Changes files that the program reads, seeded, and holds it to four numbers: no trap, no hang (5 s of a processor, 60 s in
all), nothing above 1 GB, and nothing accepted in silence that is damaged (safetensors: what the `safetensors` package refuses; a
checkpoint whose checksum does not match; a configuration other than the checkpoint's).

usage: scripts/mutate.py [CASES] [SEED] [PROGRAM]     (in .venv, which `make python` fills)

PROGRAM may be one with AddressSanitizer: swift build -c release --sanitize=address --scratch-path .build-asan --product mamba-dqn
"""

import collections
import json
import os
import random
import re
import resource
import shutil
import signal
import struct
import subprocess
import sys
import tempfile
import time

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
CASES = int(sys.argv[1]) if len(sys.argv) > 1 else 10_000
SEED = int(sys.argv[2]) if len(sys.argv) > 2 else 1
PROGRAM = os.path.abspath(sys.argv[3]) if len(sys.argv) > 3 else ROOT + "/.build/release/mamba-dqn"
MASK = (1 << 64) - 1
# No ffmpeg and no rsvg-convert: they are not what is tried here.
# Of a program built with --sanitize=address: what is still there at the end is no fault, and everything else is a trap.
ENVIRONMENT = {"PATH": "/nowhere", "LC_ALL": "C.UTF-8", "ASAN_OPTIONS": "detect_leaks=0:abort_on_error=1"}
TINY = """--set encoder=dqn --set norm=none --set residual=false --set replay=window --set latents=stored --set sequenceStart=anywhere
  --set hiddenSize=4 --set modelSize=4 --set batchSize=2 --set learningStarts=40 --set replayCapacity=60 --set evaluationInterval=50
  --set evaluationEpisodes=1 --set logInterval=20 --set checkpointInterval=50""".split()
RECURRENT = """--set encoder=lstm --set norm=rms --set replay=sequence --set latents=state --set sequenceStart=anywhere --set actors=2
  --set hiddenSize=0 --set modelSize=4 --set headHidden=0 --set batchSize=2 --set sequenceLength=8 --set sequenceOverlap=4
  --set learningStarts=40 --set replayCapacity=96 --set evaluationInterval=50 --set evaluationEpisodes=1 --set logInterval=20
  --set checkpointInterval=50 --set inputs=observation,action""".split()

STUDY = b"""name: mutated
environment: MemoryChain-5
preset: default
models: [dqn, lstm]
settings: {gradientClip: [1.0, 0.5], batchSize: 4}
seeds: [0, 1, 2]
steps: 20000
"""

NUMBERS = ["0", "-1", "1", "2", "255", "2147483648", "4294967296", "4611686018427387904", "9223372036854775807",
           "18446744073709551615", "18446744073709551616", "-9223372036854775808", "1e308", "-1e308", "1e999", "nan", "NaN", "inf",
           "-0", "0.5", "1e-320", "null", "true", "[]", "{}", "\"\"", "\"x\"", "9" * 400]
TEXTS = ["<script>alert(1)</script>", "\n", "\0", "\\u0000", "\\ud800", "'", "\"", "`", "|", "x" * 5000, "\u202e", "é", "\x1b[2J", "&", "../..",
         "*a", "&a", "!!python/object", "- - - -", "{", "[", ": ", "#"]


def run(arguments, folder):
    """Status, output, errors, processor seconds and largest memory (bytes) of the program."""
    out, err = open(folder + "/.out", "wb+"), open(folder + "/.err", "wb+")
    start = time.monotonic()
    process = subprocess.Popen([PROGRAM] + arguments, cwd=folder, env=ENVIRONMENT, stdin=subprocess.DEVNULL, stdout=out, stderr=err)
    status = None
    while status is None:
        pid, code, usage = os.wait4(process.pid, os.WNOHANG)
        if pid:
            status = code
        elif time.monotonic() - start > 60:
            process.kill()
            _, status, usage = os.wait4(process.pid, 0)
            status = "hang"
        else:
            time.sleep(0.002)
    process.returncode = 0
    texts = []
    for file in (out, err):
        file.seek(0)
        texts.append(file.read().decode("utf8", "replace"))
        file.close()
    if status != "hang":
        status = -os.WTERMSIG(status) if os.WIFSIGNALED(status) else os.WEXITSTATUS(status)
    return status, texts[0], texts[1], usage.ru_utime + usage.ru_stime, usage.ru_maxrss * 1024


def change(data, rng, text):
    """A few random changes of bytes; of text also whole numbers and words."""
    data = bytearray(data)
    for _ in range(rng.choice([1, 1, 1, 2, 4])):
        size = len(data)
        place = rng.randrange(size) if size else 0
        kind = rng.randrange(9 if text else 6)
        if kind == 0 and size:
            data[place] ^= 1 << rng.randrange(8)
        elif kind == 1 and size:
            data[place] = rng.randrange(256)
        elif kind == 2:
            del data[place:place + rng.choice([1, 2, 8, 64])]
        elif kind == 3:
            data[place:place] = bytes(rng.randrange(256) for _ in range(rng.choice([1, 4, 8])))
        elif kind == 4:
            piece = data[place:place + rng.choice([4, 16, 100])]
            data[place:place] = piece
        elif kind == 5:
            del data[place if rng.random() < 0.3 else max(size - rng.randrange(1, 40), 0):]
        else:
            words = data.decode("utf8", "replace")
            found = list(re.finditer(r"-?\d[\d.e+-]*" if kind < 8 else r"[A-Za-z_]\w*", words))
            if found:
                match = rng.choice(found)
                words = words[:match.start()] + rng.choice(NUMBERS if kind < 8 else TEXTS + NUMBERS) + words[match.end():]
                data = bytearray(words.encode("utf8", "replace"))
    return bytes(data)


def checksum(body):
    lanes = [0x9E3779B97F4A7C15, 0xBF58476D1CE4E5B9, 0x94D049BB133111EB, 0xD6E8FEB86659FD93]
    for index, (word,) in enumerate(struct.iter_unpack("<Q", body)):
        lane = ((lanes[index & 3] ^ word) * 0x100000001B3) & MASK
        lanes[index & 3] = lane ^ (lane >> 29)
    value = len(body)
    for lane in lanes:
        value = (((value ^ lane) * 0x9E3779B97F4A7C15) & MASK) ^ (value >> 31)
    return value


def forged(data, rng):
    """A checkpoint with one section or its index changed, and everything else made to fit."""
    start, length, _ = struct.unpack("<QQQ", data[-24:])
    index = json.loads(data[start:start + length])
    sections = {name: data[place:place + count] for name, (place, count) in index.items()}
    kind = rng.randrange(10)
    name = rng.choice(sorted(sections))
    if kind < 6:
        old = sections[name]
        is_text = name in ("trainer", "config")
        if is_text or len(old) < 8 or rng.random() < 0.4:
            sections[name] = change(old, rng, is_text)
        else:
            place = rng.randrange(len(old) // 8) * 8
            value = rng.choice([0, 1, -1, 2**31, 2**62, -2**63, 2**63 - 1, rng.randrange(2**32)])
            sections[name] = old[:place] + struct.pack("<q", value) + old[place + 8:]
    elif kind == 6:
        del sections[name]
    elif kind == 7:
        sections[name] = sections[rng.choice(sorted(sections))]
    body, index = bytearray(data[:8]), {}
    for key, value in sections.items():
        index[key] = [len(body), len(value)]
        body += value + bytes(-len(value) % 8)
    if kind >= 8:
        index[name][rng.randrange(2)] = rng.choice([-1, 0, 2**31, 2**62, 2**63, len(body), "x", None, 1.5])
    text = json.dumps(index, sort_keys=True).encode()
    if kind == 9 and rng.random() < 0.5:
        text = change(text, rng, True)
    text += b" " * (-len(text) % 8)
    start = len(body)
    body += text
    return bytes(body) + struct.pack("<QQQ", start, len(text), checksum(bytes(body)))


def read(path):
    with open(path, "rb") as file:
        return file.read()


def write(path, data):
    with open(path, "wb") as file:
        file.write(data)


def package_reads(path):
    from safetensors import safe_open
    try:
        with safe_open(path, "numpy") as file:
            return bool(file.keys()) or True
    except Exception:
        return False


def newest(folder):
    return max(os.path.join(folder, name) for name in os.listdir(folder))


class Cases:
    """Whole files to begin from, made by the program itself."""

    def __init__(self, folder):
        self.folder = folder
        self.runs = []
        for number, settings in enumerate((TINY, RECURRENT)):
            path = f"{folder}/whole{number}"
            status, _, error, _, _ = run(["train", "MemoryChain-5", "--steps", "150", "--seed", "3", "--out", path] + settings, folder)
            assert status == 0, error
            self.runs.append(path)
        write(folder + "/study.yaml", STUDY)
        weights = read(self.runs[0] + "/model.safetensors")
        length = struct.unpack("<Q", weights[:8])[0]
        features = json.loads(weights[8:8 + length])["input_mlp.0.weight"]["shape"][1]
        header = json.dumps({"input": {"dtype": "F32", "shape": [2, 3, features], "data_offsets": [0, 24 * features]}}).encode()
        write(folder + "/input.safetensors", struct.pack("<Q", len(header)) + header + struct.pack(f"<{6 * features}f", *[0.5] * (6 * features)))

    def copy(self, rng, finished=False):
        """A run folder, as a stop before its last checkpoint leaves it."""
        source, target = rng.choice(self.runs), self.folder + "/run"
        shutil.rmtree(target, ignore_errors=True)
        shutil.copytree(source, target)
        if not finished:
            os.remove(newest(target + "/checkpoints"))
            for name in ("model.safetensors", "evaluation.json", "episode.html"):
                os.remove(f"{target}/{name}")
        return target

    # Each: what to do, and whether status 0 would mean that damage was accepted in silence.

    def weights(self, rng):
        path = self.folder + "/changed.safetensors"
        write(path, change(read(rng.choice(self.runs) + "/model.safetensors"), rng, False))
        return ["evaluate", path, "--episodes", "1"], lambda: not package_reads(path)

    def weights_header(self, rng):
        path = self.folder + "/changed.safetensors"
        data = read(rng.choice(self.runs) + "/model.safetensors")
        length = struct.unpack("<Q", data[:8])[0]
        header = change(data[8:8 + length], rng, True)
        write(path, struct.pack("<Q", len(header)) + header + data[8 + length:])
        return ["evaluate", path, "--episodes", "1"], lambda: not package_reads(path)

    def metadata(self, rng):
        path = self.folder + "/changed.safetensors"
        data = read(rng.choice(self.runs) + "/model.safetensors")
        length = struct.unpack("<Q", data[:8])[0]
        header = json.loads(data[8:8 + length])
        key = rng.choice(sorted(header["__metadata__"]) + ["headSize", "residual", "entities", "inputs"])
        header["__metadata__"][key] = rng.choice(NUMBERS + TEXTS)
        text = json.dumps(header).encode()
        write(path, struct.pack("<Q", len(text)) + text + data[8 + length:])
        return ["evaluate", path, "--episodes", "1"], lambda: False

    def input(self, rng):
        path = self.folder + "/changed.safetensors"
        write(path, change(read(self.folder + "/input.safetensors"), rng, rng.random() < 0.3))
        return ["predict", self.runs[0] + "/model.safetensors", "--input", path], lambda: not package_reads(path)

    def configuration(self, rng):
        target = self.copy(rng)
        path = target + "/config.json"
        before = read(path)
        write(path, change(before, rng, True))

        def differs():
            try:
                found, original = json.loads(read(path)), json.loads(before)
            except ValueError:
                return True
            free = {"startTimeout", "resetTimeout", "stepTimeout"}
            return any(found.get(key) != value for key, value in original.items() if key not in free)
        # Before the program writes it again, if it does.
        verdict = differs()
        return ["resume", target], lambda: verdict

    def damaged(self, rng):
        target = self.copy(rng)
        path = newest(target + "/checkpoints")
        data = read(path)
        changed = change(data, rng, False)
        write(path, changed)
        return ["resume", target], lambda: changed != data and "warning: " not in self.error

    def forged(self, rng):
        target = self.copy(rng)
        path = newest(target + "/checkpoints")
        write(path, forged(read(path), rng))
        return ["resume", target], lambda: False

    def logs(self, rng):
        target = self.copy(rng, finished=True)
        path = f"{target}/" + rng.choice(["progress.csv", "monitor.csv", "evaluation.json", "provenance.json", "config.json", "command.txt"])
        write(path, change(read(path), rng, True))
        return ["report", target, "--out", self.folder + "/report"], lambda: False

    def study(self, rng):
        path = self.folder + "/changed.yaml"
        write(path, change(read(self.folder + "/study.yaml"), rng, True))
        return ["study", "show", path], lambda: False

    def status(self, rng):
        task = self.folder + "/runs/mutated/dqn-s0"
        shutil.rmtree(self.folder + "/runs", ignore_errors=True)
        shutil.copytree(self.runs[0], task)
        write(task + "/status.json", change(
            b'{"step":10,"totalSteps":150,"stepsPerSecond":3.5,"epsilon":0.5,"sessionSeconds":2,"updated":"2026-01-01T00:00:00Z"}', rng, True))
        return ["study", "status", self.folder + "/study.yaml"] + rng.choice([[], ["--json"]]), lambda: False


def main():
    rng = random.Random(SEED)
    counts, bad = collections.Counter(), collections.Counter()
    with tempfile.TemporaryDirectory() as folder:
        cases = Cases(folder)
        kinds = [cases.weights, cases.weights_header, cases.metadata, cases.input, cases.configuration, cases.damaged, cases.forged,
                 cases.forged, cases.logs, cases.study, cases.status]
        for number in range(CASES):
            if sys.stderr.isatty() or number % 500 == 0:
                print(f"\r{number} of {CASES}", end="" if sys.stderr.isatty() else "\n", file=sys.stderr, flush=True)
            kind = kinds[number % len(kinds)]
            arguments, is_damaged = kind(rng)
            status, output, cases.error, seconds, memory = run(arguments, folder)
            counts[kind.__name__, "accepted" if status == 0 else "refused"] += 1
            found = []
            if status == "hang" or seconds > 5:
                found.append("hang")
            elif status < 0 or status > 128:
                found.append("trap")
            elif status == 0 and is_damaged():
                found.append("silently accepted")
            elif status != 0 and not cases.error.strip().split("\n")[-1].startswith("error: "):
                found.append("no one-line error")
            if memory > 1e9:
                found.append("above 1 GB")
            for problem in found:
                bad[problem] += 1
                print(f"case {number} (seed {SEED}), {kind.__name__}: {problem}: status {status}, {seconds:.1f} s, {memory / 1e6:.0f} MB: "
                      f"{' '.join(arguments)}: {cases.error.strip()[-300:]!r}", flush=True)
                if os.environ.get("KEEP"):
                    shutil.copytree(folder, f"{os.environ['KEEP']}/{number}", dirs_exist_ok=True)
    for (kind, verdict), count in sorted(counts.items()):
        print(f"{kind:16} {verdict:9} {count}")
    print(f"{CASES} cases: {bad['trap']} traps, {bad['hang']} hangs, {bad['above 1 GB']} above 1 GB, "
          f"{bad['silently accepted']} silently accepted, {bad['no one-line error']} without a line that says why")
    sys.exit(1 if bad else 0)


main()

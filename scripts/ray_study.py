#!/usr/bin/env python3
"""Runs a study's tasks on a Ray cluster: `mamba-dqn study run NAME --index I` each, with the task's cores, so many at once as the
cluster has. What is finished is skipped, what was cut short goes on at its checkpoint, also when a node dies; the bytes are those
of `study run` on one machine. Ctrl-C saves every task.

  scripts/ray_study.py paper-highway --address auto            # auto: the cluster that this machine belongs to

The folder --root, this program and the study's file must lie at the same path on every node (docs/scale.md). Needs Ray on every
node, of one version: `pip install ray`.
"""
import argparse, json, os, pathlib, signal, subprocess, sys, time

program = pathlib.Path(__file__).resolve().parent.parent / ".build/release/mamba-dqn"


def fail(message, status=1):
    print(f"error: {message}", file=sys.stderr)
    sys.exit(status)


def run_task(index, arguments, folder):
    """On a node of the cluster: one task, to its end or to the end of this worker. Returns its error, or none."""
    def start():
        return subprocess.Popen(["setpriv", "--pdeathsig", "TERM", *arguments, "--index", str(index)], cwd=folder,
                                stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    # A task of a node that died saves for a moment before it lets go of its lock; on a network file system, for its lease.
    for attempt in range(60):
        process = start()
        text = process.communicate()[1]
        if process.returncode == 0 or "is being run by" not in text:
            break
        time.sleep(2)
    lines = [line for line in text.splitlines() if line.startswith("error: ") or "Fatal error" in line]
    if process.returncode < 0 or process.returncode > 128:
        # Stopped from outside and saved: Ray starts it again.
        raise RuntimeError(f"stopped by signal {abs(process.returncode) % 128}")
    return "" if process.returncode == 0 else lines[-1].removeprefix("error: ") if lines else f"ended with status {process.returncode}"


def status(options):
    """Where every task stands, as `study status` says."""
    command = [program, "study", "status", options.study, "--root", options.root, "--json"]
    done = subprocess.run(command + (["--seeds", options.seeds] if options.seeds else []), capture_output=True, text=True)
    if done.returncode:
        fail(done.stderr.strip().removeprefix("error: "), done.returncode)
    return [json.loads(line) for line in done.stdout.splitlines()]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.error = lambda message: fail(message, 64)
    parser.add_argument("study", help="a built-in study, or the path of a .yaml file")
    parser.add_argument("--address", required=True, help="of the cluster's head: auto, or HOST:PORT")
    parser.add_argument("--root", default="runs", help="the folder that holds <study>/<task>/")
    parser.add_argument("--seeds", help="only these of the study's seeds, separated by commas")
    parser.add_argument("--cores", type=int, default=1, help="of a task: its setting `threads`, if it has one (default: 1)")
    options = parser.parse_args()
    if not program.exists():
        fail(f"{program} is not there; run `make build` first")
    tasks = status(options)
    try:
        import ray
    except ImportError:
        fail(f"ray is not installed for {sys.executable}; pip install ray", 64)
    if options.address != "auto" and ":" not in options.address:
        fail(f"--address {options.address}: must be auto or HOST:PORT", 64)
    try:
        ray.init(address=options.address, log_to_driver=False, logging_level="ERROR", namespace="mamba-dqn")
    except Exception as error:
        fail(f"--address {options.address}: no Ray cluster there: {' '.join(str(error).split())[:200]}")

    # SIGTERM to this process ends it; Ray then ends its workers, whose tasks save.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    remote = ray.remote(run_task).options(num_cpus=options.cores, max_retries=-1, retry_exceptions=[RuntimeError])
    arguments = [str(program), "study", "run", options.study, "--root", options.root]
    waiting = {remote.remote(task["index"], arguments, os.getcwd()): task["name"] for task in tasks if task["state"] != "finished"}
    failed, shown = [], time.monotonic()
    try:
        while waiting:
            for reference in ray.wait(list(waiting), timeout=5)[0]:
                name = waiting.pop(reference)
                try:
                    error = ray.get(reference)
                except ray.exceptions.RayError as problem:
                    error = str(problem).strip().splitlines()[-1]
                print(f"{name} {'failed: ' + error if error else 'finished'}", flush=True)
                failed += [name] if error else []
            if waiting and time.monotonic() - shown > 30:
                shown = time.monotonic()
                subprocess.run([program, "study", "status", options.study, "--root", options.root])
    except KeyboardInterrupt:
        print("stopped; tasks save and end. The same command goes on.")
        sys.exit(130)
    subprocess.run([program, "study", "status", options.study, "--root", options.root])
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()

#!/usr/bin/env python3
"""scripts/ray_study.py on a Ray cluster of two nodes on this machine, one of which is killed in the middle: all tasks must end in
the bytes of a run without Ray. Needs Ray (`pip install ray`). usage: scripts/check-ray.py
"""
import os, pathlib, subprocess, sys, tempfile, time

root = pathlib.Path(__file__).resolve().parent.parent
program = root / ".build/release/mamba-dqn"
os.environ.setdefault("RAY_raylet_start_wait_time_s", "300")  # a busy machine
try:
    import ray.cluster_utils
except ImportError:
    sys.exit(f"error: ray is not installed for {sys.executable}")
names = ["mamba-s0", "mamba-s1", "lstm-s0", "lstm-s1"]


def digest(run):
    return subprocess.run([root / "scripts/run-digest.sh", run], check=True, capture_output=True).stdout


with tempfile.TemporaryDirectory() as name:
    folder = pathlib.Path(name)
    (folder / "check.yaml").write_text(
        "name: check\nenvironment: highway-fast-v0\npreset: paper\nmodels: [mamba, lstm]\nseeds: [0, 1]\nsteps: 3000\n"
        "settings: {modelSize: 16, hiddenSize: 16, stateSize: 8, checkpointInterval: 500, evaluationInterval: 1000, evaluationEpisodes: 2}\n")
    runs, plain = folder / "runs/check", folder / "plain/check"
    cluster = ray.cluster_utils.Cluster(initialize_head=True, head_node_args={"num_cpus": 0, "include_dashboard": False})
    cluster.add_node(num_cpus=1)
    doomed = cluster.add_node(num_cpus=1)
    study = subprocess.Popen([sys.executable, root / "scripts/ray_study.py", "check.yaml", "--address", cluster.address], cwd=folder)
    # Both nodes have a task with a checkpoint, and neither is done.
    while study.poll() is None and len(list(runs.glob("*/checkpoints/*.checkpoint"))) < 4:
        time.sleep(0.05)
    held = [line for line in subprocess.run([program, "study", "status", "check.yaml", "--root", "runs"], cwd=folder, capture_output=True,
                                            text=True).stdout.splitlines() if "run by" in line]
    print(f"running: {'; '.join(held)}; one node is killed", flush=True)
    cluster.remove_node(doomed, allow_graceful=False)
    ended = study.wait()
    cluster.shutdown()
    subprocess.run([program, "study", "run", "check.yaml", "--root", "plain"], cwd=folder, check=True, capture_output=True)
    same = 0
    for task in names:
        is_same = (runs / task / "evaluation.json").exists() and digest(runs / task) == digest(plain / task)
        same += is_same
        print(f"{task}: {'identical' if is_same else 'DIFFERENT'}")
    print(f"{same} of {len(names)} tasks ended in the plain run's bytes; ray_study.py ended with {ended}")
    sys.exit(0 if same == len(names) and ended == 0 and len(held) == 2 else 1)

"""agent_test.py torch|onnx RESOURCES FOLDER…: of the agent in each folder, the same output as agent_test.c's, into FOLDER/out."""
import pathlib, runpy, sys

import numpy as np

form, resources, *folders = sys.argv[1:]
sys.path.insert(0, resources)
import torch
from agent import Agent

torch.set_num_threads(1)


def steps(folder):
    for line in (folder / "steps").read_text().splitlines():
        first, action, reward, *observation = line.split()
        yield int(first), int(action), float(reward), np.array(observation, np.float32)


def through_torch(folder):
    agent = Agent(folder / "agent.safetensors")
    for first, action, reward, observation in steps(folder):
        if first:
            agent.begin(observation)
        else:
            agent.observe(observation, action, reward)
        yield agent.action(), agent.q, agent.latent


def through_onnx(folder):
    import onnxruntime

    sys.argv = ["to_onnx.py", str(folder), str(folder / "agent.onnx")]
    runpy.run_path(resources + "/to_onnx.py")
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads, options.log_severity_level = 1, 3
    session = onnxruntime.InferenceSession(folder / "agent.onnx", options)
    sizes = {entry.name: entry.shape for entry in session.get_inputs()}
    state = np.full((1, sizes["state"][1]), 7, np.float32)  # where an episode begins it does not count
    for first, action, reward, observation in steps(folder):
        inputs = {
            "observation": observation[None], "state": state, "begin": np.array([first], np.float32),
            "action": np.array([action]), "reward": np.array([reward], np.float32)}
        q, latent, state = session.run(None, {name: value for name, value in inputs.items() if name in sizes})
        yield int(q[0].argmax()), q[0], latent[0]


for folder in map(pathlib.Path, folders):
    answers = through_torch(folder) if form == "torch" else through_onnx(folder)
    (folder / "out").write_text("".join(
        f"{action} {' '.join(f'{float(x):.9g}' for x in [*q, *latent])}\n" for action, q, latent in answers))

#!/usr/bin/env python3
"""What a step of an exported graph costs in onnxruntime, on one thread at batch 1, in the middle of an episode.

usage: scripts/time-onnx.py AGENT.onnx…     (in .venv, which `make exporters` fills; on an otherwise idle core)

Microseconds, the least and the median of 10,000: as Python calls it (`run`), and with inputs and outputs bound once (`bound`),
which is nearer to what a program in C pays. `empty` is a graph of one Identity, and `node` what each of 64 more small products
adds to it: less than these no graph takes.
"""
import os, statistics, sys, tempfile, time

import numpy as np
import onnx
import onnxruntime
from onnx import TensorProto, helper


def open_session(model, optimised=""):
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads, options.log_severity_level, options.optimized_model_filepath = 1, 3, optimised
    return onnxruntime.InferenceSession(model, options)


def time_calls(call):
    times = []
    for _ in range(10_000):
        start = time.perf_counter_ns()
        call()
        times.append((time.perf_counter_ns() - start) / 1000)
    return {"least": round(min(times), 1), "median": round(statistics.median(times), 1)}


def measure(session, inputs):
    binding = session.io_binding()
    for name, value in inputs.items():
        binding.bind_ortvalue_input(name, onnxruntime.OrtValue.ortvalue_from_numpy(value))
    for output, value in zip(session.get_outputs(), session.run(None, inputs)):
        binding.bind_ortvalue_output(output.name, onnxruntime.OrtValue.ortvalue_from_numpy(value))
    run, bound = time_calls(lambda: session.run(None, inputs)), time_calls(lambda: session.run_with_iobinding(binding))
    return {"run": run, "bound": bound}


def products(count):
    """A graph of so many products of [1, 64], or an empty one."""
    nodes = [helper.make_node("Mul", [f"x{i}", "weight"], [f"x{i + 1}"]) for i in range(count)]
    nodes = nodes or [helper.make_node("Identity", ["x0"], ["x1"])]
    weight = onnx.numpy_helper.from_array(np.full((1, 64), 0.9, np.float32), "weight")
    ends = [helper.make_tensor_value_info(name, TensorProto.FLOAT, [1, 64]) for name in ("x0", f"x{len(nodes)}")]
    graph = helper.make_graph(nodes, "products", ends[:1], ends[1:], [weight])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    return measure(open_session(model.SerializeToString()), {"x0": np.ones((1, 64), np.float32)})["bound"]["least"]


def agent(path):
    with tempfile.TemporaryDirectory() as folder:
        optimised = os.path.join(folder, "optimised.onnx")
        open_session(path, optimised)
        nodes = len(onnx.load(optimised).graph.node)
    session, draw = open_session(path), np.random.default_rng(0)
    shapes = {entry.name: [1 if isinstance(size, str) else size for size in entry.shape] for entry in session.get_inputs()}
    inputs = {name: draw.standard_normal(shape).astype(np.float32) for name, shape in shapes.items()}
    if "action" in inputs:
        inputs["action"] = np.zeros(1, np.int64)
    if "begin" in inputs:  # not where nothing is remembered
        inputs["begin"][:] = 1
        inputs["state"] = session.run(["next_state"], inputs)[0]
        inputs["begin"][:] = 0
    return {"nodes": nodes, **measure(session, inputs)}


if len(sys.argv) < 2 or sys.argv[1].startswith("-"):
    sys.exit(__doc__)
one, many = products(0), products(65)
print({"empty": one, "node": round((many - one) / 64, 2)})
for path in sys.argv[1:]:
    print({"graph": path, **agent(path)})

"""agent.py and its weights -> agent.onnx: one step of the agent, batch first. Run by `mamba-dqn export --to onnx`."""
import sys, warnings

sys.path.insert(0, sys.argv[1])
try:
    import onnx, torch
    from agent import Agent
except ImportError as error:
    sys.exit(f"{error}: exporting to ONNX needs torch, onnx and safetensors in this Python")

agent = Agent(sys.argv[1] + "/agent.safetensors").eval()
inputs = {
    "observation": torch.randn(2, agent.sizes["observation"]), "state": torch.randn(2, agent.state_size),
    "begin": torch.tensor([0.0, 1.0]), "action": torch.tensor([0, 1]), "reward": torch.randn(2)}
outputs = ["q", "latent", "next_state"]
with warnings.catch_warnings(), torch.no_grad():
    warnings.simplefilter("ignore")
    torch.onnx.export(
        agent, tuple(inputs.values()), sys.argv[2], input_names=list(inputs), output_names=outputs, opset_version=17,
        dynamic_axes={name: {0: "batch"} for name in [*inputs, *outputs]}, dynamo=False)
model = onnx.load(sys.argv[2])
for key, value in {**agent.metadata, "state": "next_state goes back in as state; begin 1 where an episode begins"}.items():
    entry = model.metadata_props.add()
    entry.key, entry.value = key, value
onnx.checker.check_model(model, full_check=True)
onnx.save(model, sys.argv[2])

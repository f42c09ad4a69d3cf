"""Runs the networks in the folders of DIR on their inputs: DIR/*/{net.py, weights.safetensors, input.safetensors} to output.safetensors."""
import importlib.util
import json
import pathlib
import sys

root = pathlib.Path(sys.argv[1])
sys.path.insert(0, str(root / "program"))
import tensors
import torch

torch.manual_seed(0)
for folder in sorted(p.parent for p in root.glob("*/net.py")):
    spec = importlib.util.spec_from_file_location("net", folder / "net.py")
    net = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(net)
    weights, metadata = tensors.read(str(folder / "weights.safetensors"))
    network = net.Net(json.loads(metadata["decision"]))
    network.load(weights, str(folder))
    if set(network.state_dict()) != set(network.tensors()):
        sys.exit(f"{folder}: the state dict has other names than the weights")
    network.eval()
    inputs, _ = tensors.read(str(folder / "input.safetensors"))
    shares = None
    if network.sites:
        shares = {site: dict(zip(options, torch.softmax(weights[site + ".logits"], 0))) for site, options in network.sites.items()}
    with torch.no_grad():
        y = network(inputs["x"], shares)
    if "trained" in metadata:  # gradients reach every weight
        network.train()
        network(inputs["x"].repeat(2, *[1] * (inputs["x"].dim() - 1)), shares).sum().backward()
        missing = [path for path, p in network.named_parameters() if p.grad is None]
        if missing:
            sys.exit(f"{folder}: no gradient for {missing}")
    tensors.write(str(folder / "output.safetensors"), {"y": y})

"""Trains the networks in the folders of DIR for the steps of a few batches: DIR/*/{net.py, state.safetensors, settings.json} to after.safetensors."""
import importlib.util
import json
import pathlib
import sys
import types

root = pathlib.Path(sys.argv[1])
sys.path.insert(0, str(root / "program"))
import ranks
import search
import tensors
import torch
import torch.nn.functional as F
import training

for folder in sorted(p.parent for p in root.glob("*/net.py")):
    spec = importlib.util.spec_from_file_location("net", folder / "net.py")
    net = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(net)
    state, _ = tensors.read(str(folder / "state.safetensors"))
    o = types.SimpleNamespace(**json.loads((folder / "settings.json").read_text()))
    network = net.Net()
    network.load(state, str(folder))
    logits = {site: state[site + ".logits"].clone().requires_grad_() for site in network.sites}
    shares = lambda: search.named(search.softmax_shares(logits), network.sites) if logits else None
    x, y = state["x"], state["labels"].argmax(1)
    network.train()

    # What a step of the logits is made of: gradients by weights and logits, which leave running statistics as they are.
    network.tracking = False
    loss = F.cross_entropy(network(x, shares()), y, label_smoothing=o.smoothing)
    of = {**dict(network.named_parameters()), **{site + ".logits": l for site, l in logits.items()}}
    after = {path + ".grad": g for path, g in zip(of, torch.autograd.grad(loss, list(of.values())))}
    network.tracking = True

    parameters, optimiser = list(network.parameters()), training.optimiser_of(o, list(network.parameters()))
    for rate in o.rates:
        with torch.no_grad():
            fixed = shares()
        loss = F.cross_entropy(network(x, fixed), y, label_smoothing=o.smoothing)
        optimiser.zero_grad(set_to_none=True)
        loss.backward()
        training.descend(optimiser, rate, parameters, o.clip)
    network.eval()
    with torch.no_grad():
        after["evaluated"] = F.cross_entropy(network(x, shares()), y).reshape(1)
    after["loss"] = loss.detach().reshape(1)
    tensors.write(str(folder / "after.safetensors"), {**after, **network.tensors()})

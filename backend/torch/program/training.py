"""Training: rates, optimisers, the folder of a run with its checkpoint, and epochs."""
import json
import math
import os
import time

import torch
import torch.nn.functional as F

import tensors


class Schedule:
    """The learning rate at a moment of a training, in epochs from its beginning. A warm-up rises in a straight line; behind it, cosine falls to the
    least rate within the epochs, restarts fall so again and again, each twice as long as before, step falls by a factor every so often, constant
    stays."""

    def __init__(self, o, kind="cosine", warm_up=0.0):
        self.o, self.kind, self.warm_up = o, kind, warm_up

    def rate(self, at):
        o = self.o
        if at < self.warm_up:
            return o.rate * at / self.warm_up
        at, epochs = at - self.warm_up, o.epochs - self.warm_up
        if self.kind == "constant":
            return o.rate
        if self.kind == "step":
            return o.rate * o.step_factor ** (at // o.step_epochs)
        if self.kind == "restarts":
            epochs = o.restart
            while at >= epochs:
                at -= epochs
                epochs *= 2
        return o.least_rate + (o.rate - o.least_rate) * (1 + math.cos(math.pi * min(at / epochs, 1.0))) / 2


def optimiser_of(o, parameters):
    matrices = [p for p in parameters if p.dim() > 1]
    others = [p for p in parameters if p.dim() <= 1]
    groups = [{"params": matrices, "weight_decay": o.decay}, {"params": others, "weight_decay": o.decay if o.decay_of == "all" else 0.0}]
    groups = [g for g in groups if g["params"]]
    if o.optimiser == "adam":
        return torch.optim.Adam(groups, lr=o.rate, betas=(o.momentum, 0.999))
    return torch.optim.SGD(groups, lr=o.rate, momentum=o.momentum, nesterov=o.optimiser == "nesterov")


def descend(optimiser, rate, parameters, clip):
    """One step by the gradients that the parameters hold."""
    for group in optimiser.param_groups:
        group["lr"] = rate
    if clip:
        torch.nn.utils.clip_grad_norm_(parameters, clip)
    optimiser.step()


def optimiser_tensors(optimiser, prefix):
    """The optimiser's state as tensors by name."""
    state = optimiser.state_dict()["state"]
    return {f"{prefix}{i}/{name}": x for i, entry in state.items() for name, x in entry.items() if torch.is_tensor(x)}


def restore_optimiser(optimiser, held, prefix):
    state = {}
    for name, x in held.items():
        if name.startswith(prefix):
            i, entry = name[len(prefix) :].split("/")
            state.setdefault(int(i), {})[entry] = x
    optimiser.load_state_dict({"state": state, "param_groups": optimiser.state_dict()["param_groups"]})


class Run:
    """The folder of a run: the checkpoint of its last epoch, and the entries of all epochs as lines of JSON. It goes on where the checkpoint is."""

    def __init__(self, o, ranks):
        self.folder, self.ranks, self.entries, self.held = o.output, ranks, [], None
        self.settings = {k: v for k, v in vars(o).items() if k not in ("output", "resume", "device", "run")}
        if os.path.exists(self.path("checkpoint.safetensors")):
            if not o.resume:
                raise SystemExit(f"{o.output} holds a run: --resume goes on with it, another --output begins one")
            self.held, metadata = tensors.read(self.path("checkpoint.safetensors"))
            self.check(json.loads(metadata["settings"]))
            self.entries = json.loads(metadata["entries"])
        elif o.resume:
            raise SystemExit(f"{o.output} holds no checkpoint to resume")
        os.makedirs(o.output, exist_ok=True)

    def path(self, name):
        return os.path.join(self.folder, name)

    def check(self, begun):
        for name, value in self.settings.items():
            if begun.get(name) != value:
                was = f"{name.replace('_', '-')} {begun.get(name)}"
                raise SystemExit(f"{self.folder} was begun with {was}, not {value}: accepted are the same settings")

    @property
    def epochs(self):
        """How many epochs are over."""
        return len(self.entries)

    def save(self, entry, held):
        """Notes an epoch, with the tensors that a resumed run begins with."""
        self.entries.append(entry)
        if self.ranks.rank == 0:
            metadata = {"settings": json.dumps(self.settings), "entries": json.dumps(self.entries)}
            tensors.write(self.path("checkpoint.safetensors"), held, metadata)
            self.write("log.jsonl", "".join(json.dumps(e) + "\n" for e in self.entries))
            print(json.dumps(entry), flush=True)

    def write(self, name, text):
        with open(self.path(name) + ".new", "w") as f:
            f.write(text)
        os.replace(self.path(name) + ".new", self.path(name))

    def finish(self, held, result):
        """Writes the weights that were trained, and says what came out."""
        if self.ranks.rank == 0:
            tensors.write(self.path("weights.safetensors"), held, {"format": "pt"})
            print(json.dumps({"sotto": 1, "weights": self.path("weights.safetensors"), **result}), flush=True)


def seed_epoch(o, number, ranks):
    """Draws of dropout follow from the seed, the epoch and the process alone."""
    torch.manual_seed(((o.seed << 20) + number) * ranks.world + ranks.rank)


class Meter:
    """Sums of losses and of right answers, kept on the device."""

    def __init__(self, device):
        self.sums = torch.zeros(3, dtype=torch.float64, device=device)

    def add(self, loss, logits, labels):
        right = (logits.argmax(1) == labels).sum()
        self.sums += torch.stack([loss.detach().double() * len(labels), right.double(), torch.full_like(right, len(labels)).double()])

    def result(self, ranks):
        """The mean loss and the accuracy over all processes."""
        loss, right, n = ranks.total(*self.sums.tolist())
        return loss / n, right / n


def train_epoch(o, number, trained, network, batches, optimiser, schedule, ranks):
    """One epoch; trained is the network as it is wrapped for several processes."""
    seed_epoch(o, number, ranks)
    network.train()
    parameters, meter = list(network.parameters()), Meter(ranks.device)
    for i, (x, y) in enumerate(batches.epoch(number, ranks.part)):
        logits = trained(x)
        loss = F.cross_entropy(logits, y, label_smoothing=o.smoothing)
        optimiser.zero_grad(set_to_none=True)
        loss.backward()
        descend(optimiser, schedule.rate(number + i / len(batches)), parameters, o.clip)
        meter.add(loss, logits, y)
    return meter.result(ranks)


@torch.no_grad()
def evaluate(network, split, batch, preprocess, ranks, shares=None):
    """Mean loss and accuracy on a split."""
    network.eval()
    first, end = ranks.share(len(split))
    meter = Meter(ranks.device)
    for i in range(first, end, batch):
        part = split.part(i, min(i + batch, end)).to(ranks.device)
        logits = network(preprocess(part.images), shares)
        meter.add(F.cross_entropy(logits, part.labels), logits, part.labels)
    return meter.result(ranks)


def train(o, network, batches, held_out, preprocess, ranks):
    """All epochs, from the checkpoint on if there is one. held_out is the split that accuracies are of."""
    run = Run(o, ranks)
    optimiser = optimiser_of(o, list(network.parameters()))
    schedule = Schedule(o, o.schedule, o.warm_up)
    if run.held:
        network.load({k[len("net/") :]: v for k, v in run.held.items() if k.startswith("net/")}, "the checkpoint")
        restore_optimiser(optimiser, run.held, "optimiser/")
    trained = ranks.wrap(network, o.batchnorm == "joined")
    for number in range(run.epochs, o.epochs):
        begun = time.monotonic()
        loss, accuracy = train_epoch(o, number, trained, network, batches, optimiser, schedule, ranks)
        entry = {"sotto": 1, "epoch": number + 1, "rate": schedule.rate(number), "loss": loss, "train_accuracy": accuracy}
        seconds = time.monotonic() - begun
        if held_out:
            entry["held_out_loss"], entry["accuracy"] = evaluate(network, held_out, o.batch, preprocess, ranks)
        entry["seconds"], entry["images_per_s"] = round(seconds, 3), round(len(batches) * batches.size / seconds, 1)
        held = {"net/" + path: t for path, t in network.tensors().items()}
        run.save(entry, {**held, **optimiser_tensors(optimiser, "optimiser/")})
    last = run.entries[-1]
    run.finish(network.tensors(), {k: last[k] for k in ("accuracy", "loss", "train_accuracy") if k in last})

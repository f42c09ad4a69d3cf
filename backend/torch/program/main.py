"""Searches, trains and evaluates the network of net.py. One process, or many under torchrun.

  python3 main.py search --data DIR -o found --price latency=0.02 --budget relus=50K
  python3 main.py train --data DIR --decision found/decision.json --init found/weights.safetensors -o trained
  python3 main.py evaluate --data DIR --decision found/decision.json --weights trained/weights.safetensors
  torchrun --nproc_per_node 8 main.py train --data DIR -o trained
"""
import argparse
import json
import os

import torch

import data
import net
import search as searching
import tensors
import training
from ranks import Ranks

HERE = os.path.dirname(os.path.abspath(__file__))


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    defaults = argparse.ArgumentDefaultsHelpFormatter
    s = commands.add_parser("search", help="choose an option for every site", formatter_class=defaults)
    common(s)
    steps(s, epochs=50, optimiser="sgd", rate=0.025, least_rate=0.001, decay=3e-4, clip=5.0)
    logits(s)
    s.set_defaults(run=run_search, **settings(s))
    t = commands.add_parser("train", help="train a network whose choices are decided", formatter_class=defaults)
    common(t)
    steps(t, epochs=100, optimiser="nesterov", rate=0.01, least_rate=0.0, decay=5e-4, clip=0.0)
    schedules(t)
    t.set_defaults(run=run_train)
    e = commands.add_parser("evaluate", help="accuracy on a split", formatter_class=defaults)
    common(e)
    e.add_argument("--weights", required=True, help="safetensors file")
    e.add_argument("--split", choices=data.SPLITS, default="test")
    e.add_argument("--batch", type=int, default=256, help="samples at a time")
    e.set_defaults(run=run_evaluate)
    o = parser.parse_args()
    ranks = Ranks(o.device)
    try:
        o.run(o, ranks)
    finally:
        ranks.close()


def settings(parser):
    """What the search block of the network's file sets, in place of defaults."""
    path = os.path.join(HERE, "settings.json")
    if not os.path.exists(path):
        return {}
    with open(path) as f:
        given = json.load(f)
    flags = {option.lstrip("-").replace("-", "_"): action for action in parser._actions for option in action.option_strings}
    out = {}
    for name, value in given.items():
        if name not in flags:
            raise SystemExit(f"settings.json: {name} is no setting of a search: accepted are {', '.join(flags)}")
        of = flags[name]
        out[of.dest] = of.type(value) if of.type and not isinstance(value, str) else value
    return out


def common(p):
    p.add_argument("--data", required=True, help="folder of IDX, CIFAR or .npy files, or an .npz file")
    p.add_argument("--decision", help='JSON file, {"sotto":1,"choices":{path:option}}')
    p.add_argument("--device", default="auto", help="auto, cpu or cuda")


def steps(p, epochs, optimiser, rate, least_rate, decay, clip):
    p.add_argument("-o", "--output", required=True, help="folder of the run: checkpoint, log.jsonl and what comes out")
    p.add_argument("--resume", action="store_true", help="go on where the run in --output was stopped")
    p.add_argument("--init", help="safetensors file of weights to begin with")
    p.add_argument("--seed", type=int, default=1)
    p.add_argument("--epochs", type=int, default=epochs)
    p.add_argument("--batch", type=int, default=64, help="samples of a step, of all processes together")
    p.add_argument("--optimiser", choices=["sgd", "nesterov", "adam"], default=optimiser, help="of the weights")
    p.add_argument("--momentum", type=float, default=0.9, help="of adam the first beta")
    p.add_argument("--decay", "--weight-decay", type=float, default=decay, help="so much of a weight is added to its gradient")
    p.add_argument("--decay-of", choices=["all", "matrices"], default="all", help="matrices: no biases, normalisations and activations")
    p.add_argument("--rate", type=float, default=rate, help="learning rate")
    p.add_argument("--least-rate", type=float, default=least_rate, help="where cosines end")
    p.add_argument("--clip", type=float, default=clip, help="greatest norm of a step's gradients together; 0: any")
    p.add_argument("--smoothing", type=float, default=0.0, help="how much of a label is spread over the classes")
    changes = "pad=N (shifts by up to N pixels), flip (mirrors one in two), cutout=N (a square of N pixels), with commas"
    p.add_argument("--augment", default="", help=changes)
    moments = "moments of the batch of all processes, or of each process's part"
    p.add_argument("--batchnorm", choices=["joined", "rank"], default="joined", help=moments)


def schedules(p):
    p.add_argument("--schedule", choices=["cosine", "restarts", "step", "constant"], default="cosine", help="how the rate falls")
    p.add_argument("--warm-up", type=float, default=0.0, help="epochs in which the rate rises from 0")
    p.add_argument("--restart", type=float, default=10.0, help="epochs of the first cosine of restarts; each is twice as long as the one before")
    p.add_argument("--step-epochs", type=float, default=30.0, help="epochs between falls of step")
    p.add_argument("--step-factor", type=float, default=0.1, help="what step multiplies the rate by")


def logits(p):
    p.add_argument("--order", type=int, choices=[1, 2], default=2, help="2: logits look one step of the weights ahead")
    figures = ", ".join(searching.FIGURES)
    p.add_argument("--price", default="latency=0.01", help=f"what figures count in the loss, FIGURE=WEIGHT with commas: {figures}; in ms, bytes, counts")
    p.add_argument("--budget", default="", help="greatest figures of the decision, such as relus=86K,latency=40ms, by the sum of its options")
    p.add_argument("--logit-rate", type=float, default=3e-4, help="learning rate of the logits (Adam)")
    p.add_argument("--logit-decay", type=float, default=1e-3, help="weight decay of the logits")
    p.add_argument("--warm-up", type=int, default=0, help="epochs in which weights alone are trained")
    p.add_argument("--gumbel", type=float, default=0.0, help="temperature of Gumbel noise on the logits; 0: none")


def check(o, ranks):
    for name in ("epochs", "batch"):
        if getattr(o, name) < 1:
            raise SystemExit(f"--{name} {getattr(o, name)}: accepted are 1 and more")
    if o.batch % ranks.world:
        raise SystemExit(f"--batch {o.batch} does not divide among {ranks.world} processes")
    if getattr(o, "schedule", "") == "restarts" and o.restart < 1:
        raise SystemExit(f"--restart {o.restart}: accepted are at least 1")
    if not 0 <= o.seed < 1 << 32:
        raise SystemExit(f"--seed {o.seed}: accepted are 0 to 2^32-1")


def network_of(o, seed=None):
    """The network, decided as asked for."""
    decision = {}
    if o.decision:
        try:
            with open(o.decision) as f:
                decision = json.load(f)["choices"]
        except (OSError, ValueError, KeyError, TypeError) as e:
            raise SystemExit(f'{o.decision}: {e}; accepted is {{"sotto":1,"choices":{{path:option}}}}')
    network = net.Net(decision)
    if seed is not None:
        network.initialise(seed)
    return network


def split_of(o, name, ranks):
    s = data.load(o.data, name, net.INPUT["shape"], net.CLASSES, net.INPUT["crop"])
    return s and s.to(ranks.device, data.MOST_ON_DEVICE)


def needed(o, name, ranks):
    s = split_of(o, name, ranks)
    if s is None:
        raise SystemExit(f"{o.data} has no split {name}: accepted are files or arrays with that in their names")
    return s


def preprocess_of(ranks):
    return data.Preprocess(net.INPUT["mean"], net.INPUT["std"], ranks.device)


def decided(network):
    if network.sites:
        raise SystemExit(f"choices without a decision: {', '.join(network.sites)}; accepted is --decision FILE, which search writes")


def run_search(o, ranks):
    check(o, ranks)
    network = network_of(o, o.seed)
    if not network.sites:
        raise SystemExit("the network has no choice that is open: there is nothing to search")
    if o.init:
        network.load(tensors.read(o.init)[0], o.init, network.optional)
    with open(os.path.join(HERE, "table.json")) as f:
        prices = searching.Prices(json.load(f), network.sites)
    network.to(ranks.device)
    of_weights, of_logits = needed(o, "train", ranks), split_of(o, "validation", ranks)
    if of_logits is None:  # PASNet divides the training images in halves
        order = torch.randperm(len(of_weights), generator=torch.Generator().manual_seed(o.seed))
        of_weights, of_logits = of_weights.take(order[: len(order) // 2]), of_weights.take(order[len(order) // 2 :])
    preprocess = preprocess_of(ranks)
    train = data.Batches(of_weights, o.batch, 2 * o.seed, o.augment, preprocess)
    validation = data.Batches(of_logits, o.batch, 2 * o.seed + 1, "", preprocess)
    searching.search(o, network, prices, train, validation, preprocess, ranks)


def run_train(o, ranks):
    check(o, ranks)
    network = network_of(o, None if o.init else o.seed)
    decided(network)
    if o.init:
        network.load(tensors.read(o.init)[0], o.init)
    network.to(ranks.device)
    preprocess = preprocess_of(ranks)
    batches = data.Batches(needed(o, "train", ranks), o.batch, o.seed, o.augment, preprocess)
    held_out = split_of(o, "validation", ranks) or split_of(o, "test", ranks)
    training.train(o, network, batches, held_out, preprocess, ranks)


def run_evaluate(o, ranks):
    network = network_of(o)
    decided(network)
    network.load(tensors.read(o.weights)[0], o.weights)
    network.to(ranks.device)
    split = needed(o, o.split, ranks)
    loss, accuracy = training.evaluate(network, split, o.batch, preprocess_of(ranks), ranks)
    if ranks.rank == 0:
        print(json.dumps({"sotto": 1, "split": o.split, "n": len(split), "loss": loss, "accuracy": accuracy}))


if __name__ == "__main__":
    main()

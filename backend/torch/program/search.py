"""The search by gradient (PASNet; DARTS): a logit for each option of each site, softmax shares, the price of the options on the target in the loss.

Weights and logits take turns: weights descend the loss on the training data, logits that on validation data, with the price. A step of the logits
looks one step of the weights ahead (order 2), or takes the weights as they are (order 1).
"""
import itertools
import json
import math
import re
import time

import torch
import torch.nn.functional as F

import training

# What a price may be of, as in the language, and which entries of table.json it sums up.
FIGURES = {
    "latency": ["online_ms"], "offline": ["offline_ms"], "total": ["online_ms", "offline_ms"], "online": ["online_bytes"],
    "traffic": ["online_bytes", "offline_bytes"], "rounds": ["online_rounds"], "relus": ["relus"],
}
ROUNDING = 1e-9  # what sums of prices may be off, in parts of a budget
STEP = 0.01  # of the finite difference, divided by the length of the gradient


# Units of figures: milliseconds, bytes and plain numbers.
UNITS = {"": 1, "K": 1e3, "M": 1e6, "G": 1e9, "us": 1e-3, "ms": 1, "s": 1e3, "B": 1, "KB": 1e3, "MB": 1e6, "GB": 1e9}


def parse_figures(flag, text):
    """FIGURE=NUMBER, several with commas, as a dict."""
    out = {}
    for part in filter(None, text.split(",")):
        found = re.fullmatch(r"(\w+)=([-+.0-9e]+)([a-zA-Z]*)", part)
        try:
            name, number = found[1], float(found[2]) * UNITS[found[3]]
        except (TypeError, ValueError, KeyError):
            name, number = None, 0
        if name not in FIGURES:
            form = f"FIGURE=NUMBER, such as relus=86K or latency=40ms, several with commas; figures are {', '.join(FIGURES)}"
            raise SystemExit(f"--{flag} {text}: accepted is {form}")
        out[name] = number
    return out


class Prices:
    """What the options cost, as table.json says: a figure of a network is that of the mean network and what the options add."""

    def __init__(self, table, sites):
        self.table, self.sites = table, sites
        self.adds = {s["path"]: {x["name"]: x["adds"] for x in s["options"]} for s in table["sites"]}
        for site, options in sites.items():
            if set(self.adds.get(site, ())) != set(options):
                raise SystemExit(f"table.json is of another network: it has no prices of {site} and its options {', '.join(options)}")

    def of(self, figure, decision):
        """A figure of a network."""
        networks = [self.table["mean"], *(self.adds[site][option] for site, option in decision.items() if site in self.adds)]
        return sum(x[name] for x in networks for name in FIGURES[figure])

    def expected(self, figure, shares, decided):
        """A figure that is expected of shares by site; decided are the options of the other sites."""
        total = self.of(figure, decided)
        for site, options in self.sites.items():
            adds = [sum(self.adds[site][x][name] for name in FIGURES[figure]) for x in options]
            total = total + (shares[site] * shares[site].new_tensor(adds)).sum()
        return total


def softmax_shares(logits):
    return {site: torch.softmax(l, 0) for site, l in logits.items()}


def gumbel_shares(logits, temperature, draw):
    """Shares that are nearly one option's, drawn by the logits (Gumbel softmax); every process draws the same."""
    out = {}
    for site, l in logits.items():
        noise = -torch.log(-torch.log(torch.rand(l.shape, generator=draw).clamp(1e-9, 1 - 1e-9)))
        out[site] = torch.softmax((l + noise.to(l.device)) / temperature, 0)
    return out


def named(shares, sites):
    """Shares of the options by name, as a network takes them."""
    return {site: dict(zip(options, shares[site])) for site, options in sites.items()}


def entropy(shares):
    """The mean over sites, in nats: 0 where all is decided."""
    each = [-(p * p.clamp(min=1e-12).log()).sum().item() for p in shares.values()]
    return sum(each) / len(each)


def first_order(validation_loss, logits, mean):
    return mean(list(torch.autograd.grad(validation_loss(), logits)))


def second_order(train_loss, validation_loss, weights, logits, rate, update, mean):
    """The gradient of the validation loss by the logits, where the weights are one step of training further.

    update(i, w, g) is the direction in which training would step weight i at gradient g; mean is over processes. With w' = w - rate*update, and
    dw' the gradient of the validation loss there: da' - rate * (da+ - da-) / (2*eps), da+ and da- being the gradients of the training loss
    by the logits at w + eps*dw' and w - eps*dw' (a product of the second derivatives with a vector). Weights stay as they are.
    """
    kept = [w.detach().clone() for w in weights]
    ahead = mean(list(torch.autograd.grad(train_loss(), weights)))
    place(weights, kept, [update(i, w, g) for i, (w, g) in enumerate(zip(kept, ahead))], -rate)
    gradients = mean(list(torch.autograd.grad(validation_loss(), list(logits) + list(weights))))
    da, dw = gradients[: len(logits)], gradients[len(logits) :]
    length = math.sqrt(sum(d.double().pow(2).sum().item() for d in dw))
    if length > 0:
        eps = STEP / length
        place(weights, kept, dw, eps)
        above = mean(list(torch.autograd.grad(train_loss(), logits)))
        place(weights, kept, dw, -eps)
        below = mean(list(torch.autograd.grad(train_loss(), logits)))
        da = [a - rate * (p - m) / (2 * eps) for a, p, m in zip(da, above, below)]
    place(weights, kept, kept, 0)
    return da


@torch.no_grad()
def place(weights, origin, direction, factor):
    for w, o, d in zip(weights, origin, direction):
        w.copy_(o + factor * d if factor else o)


def endless(batches, first, part):
    """The batches from number first on, counted from the beginning of the run, epoch after epoch."""
    epoch, at = divmod(first, len(batches))
    for number in itertools.count(epoch):
        yield from batches.epoch(number, part, at)
        at = 0


class Search:
    def __init__(self, o, network, prices, ranks):
        self.o, self.network, self.prices, self.ranks = o, network, prices, ranks
        self.weighed, self.budgets = parse_figures("price", o.price), parse_figures("budget", o.budget)
        self.sites = network.sites
        self.logits = {site: torch.zeros(len(options), device=ranks.device, requires_grad=True) for site, options in self.sites.items()}
        self.weights = list(network.parameters())
        self.trained = None  # the network, wrapped, once weights are what the search begins with
        self.optimiser = training.optimiser_of(o, self.weights)
        self.of_logits = torch.optim.Adam(self.logits.values(), lr=o.logit_rate, betas=(0.5, 0.999), weight_decay=o.logit_decay)
        self.draw = torch.Generator()

    def shares(self):
        return gumbel_shares(self.logits, self.o.gumbel, self.draw) if self.o.gumbel else softmax_shares(self.logits)

    def loss(self, x, y, shares, network=None):
        logits = (network or self.network)(x, named(shares, self.sites))
        return F.cross_entropy(logits, y, label_smoothing=self.o.smoothing), logits

    def price(self, shares):
        """What the figures that are weighed count in the loss."""
        return sum(w * self.prices.expected(figure, shares, self.network.decision) for figure, w in self.weighed.items())

    def update(self, i, w, g):
        """The direction of the optimiser's step, as PASNet looks ahead: momentum's velocity, the gradient and decay."""
        velocity = self.optimiser.state[self.weights[i]].get("momentum_buffer")
        if self.o.decay_of == "all" or w.dim() > 1:
            g = g + self.o.decay * w
        return g if velocity is None else self.o.momentum * velocity + g

    def step_logits(self, train, validation, rate):
        """One step of the logits, by a batch of each split."""
        self.network.tracking = False
        noise = self.draw.get_state()

        def shares():
            self.draw.set_state(noise)  # all losses of a step are of the same draw
            return self.shares()

        def train_loss():
            return self.loss(*train, shares())[0]  # without the price, which does not depend on weights: it cancels out

        def validation_loss():
            s = shares()
            return self.loss(*validation, s)[0] + self.price(s)

        logits = list(self.logits.values())
        if self.o.order == 1:
            gradients = first_order(validation_loss, logits, self.ranks.mean)
        else:
            gradients = second_order(train_loss, validation_loss, self.weights, logits, rate, self.update, self.ranks.mean)
        for l, g in zip(logits, gradients):
            l.grad = g.detach()
        self.of_logits.step()
        self.network.tracking = True

    def epoch(self, number, train, validation, schedule):
        """One epoch of the weights' split."""
        training.seed_epoch(self.o, number, self.ranks)
        self.draw.manual_seed((self.o.seed << 20) + number)
        self.network.train()
        meter = training.Meter(self.ranks.device)
        others = endless(validation, number * len(train), self.ranks.part)
        for i, of_weights in enumerate(train.epoch(number, self.ranks.part)):
            rate = schedule.rate(number + i / len(train))
            if number >= self.o.warm_up:
                self.step_logits(of_weights, next(others), rate)
            shares = {site: p.detach() for site, p in self.shares().items()}
            loss, logits = self.loss(*of_weights, shares, self.trained)
            self.optimiser.zero_grad(set_to_none=True)
            loss.backward()
            training.descend(self.optimiser, rate, self.weights, self.o.clip)
            meter.add(loss, logits, of_weights[1])
        return meter.result(self.ranks)

    def held(self):
        """What a resumed run begins with."""
        return {
            **{"net/" + path: t for path, t in self.network.tensors().items()},
            **{"logits/" + site: l for site, l in self.logits.items()},
            **training.optimiser_tensors(self.optimiser, "optimiser/"),
            **training.optimiser_tensors(self.of_logits, "of_logits/"),
        }

    def restore(self, held):
        self.network.load({k[len("net/") :]: v for k, v in held.items() if k.startswith("net/")}, "the checkpoint")
        with torch.no_grad():
            for site, l in self.logits.items():
                l.copy_(held["logits/" + site])
        training.restore_optimiser(self.optimiser, held, "optimiser/")
        training.restore_optimiser(self.of_logits, held, "of_logits/")

    def excess(self, decision):
        """By how much a decision breaks the budgets, in parts of these."""
        over = [(self.prices.of(figure, decision) - most) / max(most, 1.0) for figure, most in self.budgets.items()]
        return sum(x for x in over if x > ROUNDING)

    def decision(self):
        """The likeliest option of each site. Where that breaks a budget, the options change that give up the least likelihood for what they
        bring the figures nearer to it, until all are within."""
        log = {site: torch.log_softmax(l.detach().double(), 0).tolist() for site, l in self.logits.items()}
        likely = {site: dict(zip(options, log[site])) for site, options in self.sites.items()}
        taken = {**self.network.decision, **{site: max(l, key=l.get) for site, l in likely.items()}}
        while (excess := self.excess(taken)) > 0:
            changes = []
            for site, options in likely.items():
                for option in options:
                    less = excess - self.excess({**taken, site: option})
                    if less > 0:
                        changes.append(((options[taken[site]] - options[option]) / less, site, option))
            if not changes:
                figures = ", ".join(f"{name} {self.prices.of(name, taken):.6g}" for name in self.budgets)
                raise SystemExit(f"--budget {self.o.budget}: no network within was found; the nearest has {figures}")
            _, site, option = min(changes)
            taken[site] = option
        return taken


def search(o, network, prices, train, validation, preprocess, ranks):
    """All epochs, from the checkpoint on if there is one; writes the decision."""
    run = training.Run(o, ranks)
    s = Search(o, network, prices, ranks)
    if run.held:
        s.restore(run.held)
    s.trained = ranks.wrap(network, o.batchnorm == "joined")
    schedule = training.Schedule(o)
    for number in range(run.epochs, o.epochs):
        begun = time.monotonic()
        loss, accuracy = s.epoch(number, train, validation, schedule)
        shares = {site: p.detach() for site, p in softmax_shares(s.logits).items()}
        entry = {"sotto": 1, "epoch": number + 1, "rate": schedule.rate(number), "loss": loss, "train_accuracy": accuracy}
        entry["held_out_loss"], entry["accuracy"] = training.evaluate(network, validation.split, o.batch, preprocess, ranks, named(shares, s.sites))
        entry["expected"] = {figure: float(prices.expected(figure, shares, network.decision)) for figure in FIGURES}
        entry["entropy"], entry["seconds"] = entropy(shares), round(time.monotonic() - begun, 3)
        run.save(entry, s.held())
    decision = s.decision()
    said = {"expected": {figure: prices.of(figure, decision) for figure in FIGURES}, "target": prices.table["target"]}
    if ranks.rank == 0:
        run.write("decision.json", json.dumps({"sotto": 1, "choices": decision, **said}, indent=1) + "\n")
    logits = {site + ".logits": l.detach() for site, l in s.logits.items()}
    said = {"decision": run.path("decision.json"), **said, "accuracy": run.entries[-1]["accuracy"]}
    run.finish({**network.tensors(), **logits}, said)

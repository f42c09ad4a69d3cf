"""What net.py is made of: a module whose weights have the paths of Sotto's network, and the layers that PyTorch does not have.

Activations have the batch as their first dimension, [B,C,H,W] or [B,N].
"""
import functools

import torch
import torch.nn.functional as F
from torch import nn

MOMENTUM = 0.1  # of running statistics: the share of the newest batch


class Network(nn.Module):
    """A network, or with undecided choices a supernet. Keys of the state dict are the paths of the weights.

    decision gives the option of every site that is decided: of these sites the other options have no weights here.
    """

    def __init__(self, params, sites, decision=None):
        super().__init__()
        self.decision = checked(decision or {}, {site: options for site, options, *_ in sites})
        self.sites = {site: options for site, options, *of in sites if site not in self.decision and self.holds(of)}
        self.optional = {path for path, *_, of in (p for p in params if len(p) > 4)}  # weights that are of some options alone
        self.initial, self.holders = {}, {}  # by path: what a weight starts as, and the table that it is in
        for path, shape, kind, value, *of in params:
            if self.holds(of):
                self.hold(path, shape, kind, value)
        self.sums = None  # of several processes: adds tensors up, with gradients (ranks.py)
        self.tracking = True  # whether a forward pass in training updates the running statistics

    def holds(self, of):
        """Whether the network has what is of some places: of none, it always has it."""
        return not of or any(self.takes(place) for place in of[0])

    def takes(self, place):
        """Whether the decision leaves the options of a place in the network."""
        return all(self.decision.get(site, option) == option for site, option in place)

    def hold(self, path, shape, kind, value):
        """Makes a weight under its path. Parts of a path may be called as methods of modules are, so the module's tables are written."""
        *parts, name = path.split(".")
        module = self
        for part in parts:
            module = module._modules.setdefault(part, nn.Module())
        table = module._buffers if kind == "running" else module._parameters
        empty = torch.zeros(shape)
        table[name] = empty if kind == "running" else nn.Parameter(empty)
        self.initial[path] = (kind, value)
        self.holders[path] = (table, name)

    def weight(self, path):
        """The tensor of that path."""
        table, name = self.holders[path]
        return table[name]

    def initialise(self, seed):
        """Sets all weights as training begins: uniform of the variance 2/fan-in (He), normalisations as the identity."""
        generator = torch.Generator().manual_seed(seed)
        with torch.no_grad():
            for path in sorted(self.initial):
                kind, value = self.initial[path]
                if kind == "given":
                    raise SystemExit(f"weight {path} is what a pass made: nothing is known of how it starts; accepted is --init FILE")
                tensor = self.weight(path)
                if kind == "uniform":
                    tensor.copy_((2 * torch.rand(tensor.shape, generator=generator) - 1) * value)
                else:
                    tensor.fill_(value)

    def tensors(self):
        """All weights and statistics by path."""
        return {path: self.weight(path) for path in self.initial}

    def load(self, tensors, source, starting=()):
        """Takes weights from tensors by path. Those that are missing there have to be of the starting ones, which stay as they are."""
        with torch.no_grad():
            for path, tensor in self.tensors().items():
                if path not in tensors:
                    if path not in starting:
                        raise SystemExit(f"{source}: weight {path} is missing")
                    continue
                if tensors[path].shape != tensor.shape:
                    raise SystemExit(f"{source}: weight {path} has shape {list(tensors[path].shape)}, the network takes {list(tensor.shape)}")
                tensor.copy_(tensors[path].to(tensor.dtype))

    def mixing(self, given):
        """The share of each option by site: that of decided ones is None, others are given or, without, equal."""
        shares = {site: {option: None} for site, option in self.decision.items()}
        for site, options in self.sites.items():
            shares[site] = given[site] if given else {option: 1 / len(options) for option in options}
        return shares

    def batchnorm(self, x, gamma, beta, mean, var, eps):
        """Normalises by the moments of the batch in training, by running ones else."""
        if not self.training:
            return F.batch_norm(x, mean, var, gamma, beta, False, 0.0, eps)
        if self.sums is not None:
            return self.joined(x, gamma, beta, mean, var, eps)
        running = (mean, var) if self.tracking else (None, None)
        return F.batch_norm(x, *running, gamma, beta, True, MOMENTUM, eps)

    def joined(self, x, gamma, beta, mean, var, eps):
        """The same by the moments of the joined batch of all processes."""
        over = [d for d in range(x.dim()) if d != 1]
        count = self.sums(torch.tensor([x.numel() / x.shape[1]], device=x.device))
        centre = self.sums(x.sum(over)) / count
        away = x - per_channel(centre, x)
        variance = self.sums((away * away).sum(over)) / count
        if self.tracking:
            with torch.no_grad():
                mean.lerp_(centre, MOMENTUM)
                var.lerp_(variance * count / (count - 1).clamp(min=1), MOMENTUM)
        return away * per_channel(gamma / torch.sqrt(variance + eps), x) + per_channel(beta, x)


def checked(decision, sites):
    """The entries of a decision, which must be of these sites and options."""
    for site, option in decision.items():
        if site not in sites:
            raise SystemExit(f"the decision names {site}: accepted are {', '.join(sites) or 'none, the network has no choices'}")
        if option not in sites[site]:
            raise SystemExit(f"the decision takes {option} for {site}: accepted are {', '.join(sites[site])}")
    return dict(decision)


def per_channel(w, x):
    """A factor or summand for all, or one a channel, in a shape that goes with x."""
    return w.reshape([1, -1] + [1] * (x.dim() - 2))


def mix(options, shares):
    """The sum of options, each times its share; a decided one as it is."""
    if len(options) == 1 and None in shares.values():
        return next(iter(options.values()))
    return sum(shares[label] * y for label, y in options.items())


def mixed(shares, options):
    """The sum of options, each times its share."""
    return sum(s * y for s, y in zip(shares, options))


def scale(x, s):
    return x * per_channel(s, x)


def shift(x, c):
    return x + per_channel(c, x)


def quadratic(x, b):
    return x * x + per_channel(b, x) * x


def x2act(x, a, b, c, scale):
    """PASNet's activation: scale*a*x^2 + b*x + c, of x as it is and not rectified."""
    return (scale * a * x + b) * x + c


def argmax(x):
    """The index of the greatest element, the first of equals, as a number."""
    return x.argmax(1, keepdim=True).to(x.dtype)


def every(x, start, stride):
    """Every stride-th row and column from start on, zeros beyond the edge."""
    return F.pad(x, (0, start, 0, start))[:, :, start::stride, start::stride]


def scale_rows(w, s):
    """Each slice along the first dimension times its factor."""
    return w * s.reshape([-1] + [1] * (w.dim() - 1))


def kept(f, x, keep):
    """f of the elements within the ranges keep = (lo, hi, lo, hi, ...) of a sample, the others as they are."""
    return torch.where(within(keep, tuple(x.shape[1:]), x.device), f(x), x)


@functools.lru_cache(maxsize=None)
def within(keep, shape, device):
    mask = torch.zeros(shape, dtype=torch.bool)
    flat = mask.view(-1)
    for lo, hi in zip(keep[::2], keep[1::2]):
        flat[lo:hi] = True
    return mask.to(device)


def walk(x, loops, shape):
    """A movement by nested loops (first, rounds, step, rounds, step, ...): the result's elements in order, by their places in x."""
    return x.flatten(1).index_select(1, places(loops, x.device)).reshape(len(x), *shape)


@functools.lru_cache(maxsize=None)
def places(loops, device):
    at = torch.tensor([loops[0]])
    for rounds, step in zip(loops[1::2], loops[2::2]):
        at = (at[:, None] + torch.arange(rounds)[None] * step).reshape(-1)
    return at.to(device)

"""The processes of a run: one by itself, or those that torchrun starts, each with its device. Rank 0 writes and prints."""
import os

import torch
import torch.distributed as dist


class Sum(torch.autograd.Function):
    """The sum of a tensor over all processes; so is its gradient."""

    @staticmethod
    def forward(_, x):
        y = x.clone()
        dist.all_reduce(y)
        return y

    @staticmethod
    def backward(_, dy):
        dx = dy.clone()
        dist.all_reduce(dx)
        return dx


class Ranks:
    def __init__(self, device):
        self.rank = int(os.environ.get("RANK", 0))
        self.world = int(os.environ.get("WORLD_SIZE", 1))
        if device == "auto":
            device = "cuda" if torch.cuda.is_available() else "cpu"
        if device == "cuda":
            device = f"cuda:{os.environ.get('LOCAL_RANK', 0)}"
            torch.cuda.set_device(device)
            torch.backends.cudnn.benchmark = True  # batches are all of one shape
        self.device = torch.device(device)
        if self.world > 1:
            dist.init_process_group("nccl" if self.device.type == "cuda" else "gloo")

    def close(self):
        if self.world > 1:
            dist.destroy_process_group()

    def part(self, batch):
        """This process's part of a batch, which is divided evenly."""
        size = len(batch) // self.world
        return batch[self.rank * size : (self.rank + 1) * size]

    def share(self, n):
        """Which of n things are this process's, from a first to before an end: all are somebody's, once."""
        return n * self.rank // self.world, n * (self.rank + 1) // self.world

    def wrap(self, network, joined):
        """The network in the form that is trained: gradients become the means over processes. joined: batches are normalised as one."""
        if self.world == 1:
            return network
        network.sums = Sum.apply if joined else None
        devices = [self.device] if self.device.type == "cuda" else None
        return torch.nn.parallel.DistributedDataParallel(network, device_ids=devices, broadcast_buffers=not joined)

    def mean(self, tensors):
        """Tensors of a list, each its mean over processes."""
        if self.world == 1:
            return tensors
        flat = torch.cat([t.reshape(-1) for t in tensors])
        dist.all_reduce(flat)
        flat /= self.world
        return [part.view_as(t) for part, t in zip(flat.split([t.numel() for t in tensors]), tensors)]

    def total(self, *numbers):
        """Sums of numbers over processes."""
        t = torch.tensor(numbers, dtype=torch.float64)
        if self.world > 1:
            t = t.to(self.device, torch.float64)
            dist.all_reduce(t)
        return t.tolist()

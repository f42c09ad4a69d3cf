"""Tests of the program's parts. parts.py PROGRAM."""
import math
import os
import struct
import sys
import tempfile
import types
import zipfile

sys.path.insert(0, sys.argv[1])
import data
import layers
import search
import tensors
import torch
import training


def refused(f, *args):
    try:
        f(*args)
    except SystemExit as e:
        return str(e)
    sys.exit(f"{f.__name__}{args}: an error is missing")


def expect(condition, *what):
    if not condition:
        sys.exit(" ".join(map(str, what)))


# A step of the logits in a bilevel problem whose hypergradient has a formula: training loss |w - M a|^2/2, validation loss |w - t|^2/2. One step
# of training is w' = w - rate*(momentum*v + w - M a + decay*w), so that the gradient is (dw'/da)^T (w' - t) = rate * M^T (w' - t).
def hypergradients():
    torch.manual_seed(1)
    m = torch.randn(5, 3, dtype=torch.float64)
    a = torch.randn(3, dtype=torch.float64, requires_grad=True)
    w = torch.randn(5, dtype=torch.float64, requires_grad=True)
    t, v = torch.randn(5, dtype=torch.float64), torch.randn(5, dtype=torch.float64)
    rate, momentum, decay = 0.1, 0.9, 3e-4
    before = w.detach().clone()
    got = search.second_order(
        lambda: (w - m @ a).pow(2).sum() / 2, lambda: (w - t).pow(2).sum() / 2 + 0 * a.sum(), [w], [a], rate,
        lambda _, w, g: momentum * v + g + decay * w, lambda gradients: gradients)
    ahead = before - rate * (momentum * v + before - m @ a.detach() + decay * before)
    want = rate * m.T @ (ahead - t)
    expect(torch.allclose(got[0], want, rtol=1e-6), "hypergradient", got[0], "by formula", want)
    expect(torch.equal(w, before), "the weights were", before, "and are", w)


def schedules():
    o = types.SimpleNamespace(rate=1.0, least_rate=0.0, restart=1.0, step_epochs=2.0, step_factor=0.1, epochs=5)
    rates = lambda *kind: [round(training.Schedule(o, *kind).rate(step / 2), 9) for step in range(10)]
    cosine = rates("cosine", 1.0)
    expect(cosine[:3] == [0, 0.5, 1] and cosine[6] == 0.5, "cosine", cosine)
    again = rates("restarts")
    expect(again[0] == again[2] == again[6] == 1 and again[1] == again[4] == 0.5, "restarts", again)
    expect(rates("step")[::2] == [1, 1, 0.1, 0.1, 0.01], "step", rates("step"))
    expect(set(rates("constant")) == {1}, "constant")


def files(folder):
    at = lambda name: os.path.join(folder, name)
    written = {"a.b": torch.randn(2, 3), "none": torch.zeros(0, 4), "one": torch.tensor(3.0), "bytes": torch.arange(5, dtype=torch.uint8), "half": torch.randn(3).half()}
    tensors.write(at("t"), written, {"key": "value"})
    read, metadata = tensors.read(at("t"))
    expect(metadata == {"key": "value"} and set(read) == set(written), metadata, set(read))
    for name, t in written.items():
        expect(torch.equal(read[name], t) and read[name].dtype == t.dtype, name, read[name], t)
    whole = open(at("t"), "rb").read()
    for n in (0, 7, 20, len(whole) - 1):
        open(at("cut"), "wb").write(whole[:n])
        refused(tensors.read, at("cut"))
    open(at("long"), "wb").write(struct.pack("<Q", 1 << 60) + whole[8:])
    refused(tensors.read, at("long"))

    images = torch.randint(0, 256, (6, 2, 2), dtype=torch.uint8)
    labels = torch.tensor([0, 1, 2, 0, 1, 2], dtype=torch.uint8)
    head = lambda t: bytes([0, 0, 8, t.dim()]) + struct.pack(f">{t.dim()}I", *t.shape)
    open(at("train-images-idx3-ubyte"), "wb").write(head(images) + bytes(images.flatten().tolist()))
    open(at("train-labels-idx1-ubyte"), "wb").write(head(labels) + bytes(labels.tolist()))
    got = data.load(folder, "train", [1, 2, 2], 3)
    expect(torch.equal(got.images[:, 0], images) and got.labels.tolist() == labels.tolist(), "IDX", got.images)
    expect(data.load(folder, "train", [4], 3).images.shape == (6, 4), "IDX as vectors")
    expect(data.load(folder, "test", [1, 2, 2], 3) is None, "a split that is not there")
    expect("the network takes [3, 2, 2]" in refused(data.load, folder, "train", [3, 2, 2], 3), "shapes")
    expect("classes 0 to 1" in refused(data.load, folder, "train", [1, 2, 2], 2), "classes")
    open(at("test-images"), "wb").write((head(images) + bytes(images.flatten().tolist()))[:-1])
    open(at("test-labels"), "wb").write(head(labels) + bytes(labels.tolist()))
    expect("has 23 elements, its header says [6, 2, 2]" in refused(data.load, folder, "test", [1, 2, 2], 3), "cut IDX")

    records = torch.randint(0, 256, (3, 3073), dtype=torch.uint8)
    records[:, 0] = torch.tensor([1, 0, 9])
    os.mkdir(at("cifar"))
    os.mkdir(at("empty"))
    open(at("cifar/data_batch_1.bin"), "wb").write(bytes(records.flatten().tolist()))
    got = data.load(at("cifar"), "train", [3, 32, 32], 10)
    expect(got.labels.tolist() == [1, 0, 9] and torch.equal(got.images.flatten(1), records[:, 1:]), "CIFAR-10")
    open(at("cifar/test_batch.bin"), "wb").write(bytes(100))
    expect("no records of 3073" in refused(data.load, at("cifar"), "test", [3, 32, 32], 10), "cut CIFAR-10")

    def npy(t, descr):
        text = f"{{'descr': '{descr}', 'fortran_order': False, 'shape': {tuple(t.shape)}, }}".encode()
        text += b" " * (-(len(text) + 11) % 64) + b"\n"
        return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(text)) + text + bytes(tensors.content(t))

    colours = torch.rand(4, 2, 2, 3)
    with zipfile.ZipFile(at("set.npz"), "w") as z:
        z.writestr("x_train.npy", npy(colours, "<f4"))
        z.writestr("y_train.npy", npy(torch.tensor([0, 1, 1, 0]), "<i8"))
        z.writestr("x_test.npy", npy(colours, "<f4")[:-4])
        z.writestr("y_test.npy", npy(torch.tensor([0, 1, 1, 0]), "<c8"))
    got = data.load(at("set.npz"), "train", [3, 2, 2], 2)
    expect(torch.equal(got.images, colours.permute(0, 3, 1, 2)) and got.labels.tolist() == [0, 1, 1, 0], ".npz")
    expect("188 bytes of <f4" in refused(data.load, at("set.npz"), "test", [3, 2, 2], 2), "cut .npz")
    refused(data.load, at("nowhere"), "train", [1], 2)
    expect("no data set in it" in refused(data.load, at("empty"), "train", [1], 2), "an empty folder")


# The parts of two processes are, put together, the batches of one, and an epoch is drawn the same again.
def batches():
    images = torch.arange(10 * 9, dtype=torch.uint8).reshape(10, 1, 3, 3)
    split = data.Split(images, torch.arange(10))
    b = data.Batches(split, 4, 7, "pad=1,flip,cutout=1", data.Preprocess([], [], torch.device("cpu")))
    halves = [[b.epoch(3, lambda at, r=r: at[2 * r : 2 * r + 2])] for r in (0, 1)]
    for (x, y), (x0, y0), (x1, y1) in zip(b.epoch(3, lambda at: at), halves[0][0], halves[1][0]):
        expect(torch.equal(x, torch.cat([x0, x1])) and torch.equal(y, torch.cat([y0, y1])), "parts of a batch")
    some = search.endless(b, 3, lambda at: at)  # of two batches an epoch
    again = [y.tolist() for epoch in (1, 2) for _, y in b.epoch(epoch, lambda at: at)]
    expect([next(some)[1].tolist() for _ in range(3)] == again[1:], "batches from the fourth on", again)
    moved = data.shifted(images, torch.tensor([0] * 10), torch.tensor([2] * 10), 1)
    expect(torch.equal(moved[:, :, 1:, :2], images[:, :, :2, 1:]) and moved[:, :, 0].sum() == 0 and moved[:, :, :, 2].sum() == 0, "moved by a row down and a column to the left", moved[0])
    cut = data.squares((2, 1, 3, 3), torch.tensor([[0.0, 0.99], [0.0, 0.5]]), 2).long()
    expect(cut[:, 0].tolist() == [[[1, 0, 0], [0, 0, 0], [0, 0, 0]], [[0, 0, 0], [1, 1, 0], [1, 1, 0]]], "squares", cut)
    refused(data.Batches, split, 11, 7, "", None)
    refused(data.Batches, split, 2, 7, "rotate", None)


def moments():
    """Batches that are normalised together, by one process that counts for all."""
    n = layers.Network([("g", [3], "fill", 1.0), ("b", [3], "fill", 0.0), ("m", [3], "running", 0.0), ("v", [3], "running", 1.0)], [])
    n.initialise(1)
    x = torch.randn(4, 3, 2, 2)
    alone = n.batchnorm(x, *(n.weight(w) for w in "gbmv"), 1e-5)
    kept = n.weight("m").clone(), n.weight("v").clone()
    n.initialise(1)
    n.sums = lambda x: x
    joined = n.batchnorm(x, *(n.weight(w) for w in "gbmv"), 1e-5)
    expect(torch.allclose(alone, joined, atol=1e-5), "normalised together", alone, joined)
    expect(torch.allclose(kept[0], n.weight("m")) and torch.allclose(kept[1], n.weight("v")), "running statistics", kept)


def figures():
    expect(search.parse_figures("budget", "relus=86K,latency=0.04s") == {"relus": 86000, "latency": 40}, "figures")
    for text in ("relus", "relus=", "speed=3", "relus=3 K", "latency=3h"):
        refused(search.parse_figures, "budget", text)


def gumbel():
    logits = {"a": torch.tensor([2.0, 0.0], requires_grad=True)}
    draw = torch.Generator().manual_seed(1)
    first = sum(search.gumbel_shares(logits, 0.01, draw)["a"][0].item() for _ in range(500)) / 500
    expect(abs(first - 1 / (1 + math.exp(-2))) < 0.05, "Gumbel's softmax takes the first of logits 2 and 0 in a part of", first)


with tempfile.TemporaryDirectory() as folder:
    files(folder)
for test in (hypergradients, schedules, batches, moments, figures, gumbel):
    test()

"""Data sets of images and labels, read without a package: folders of IDX files (the MNIST family), of CIFAR-10's or CIFAR-100's
binary files or of .npy files, and .npz files. Bytes are pixels, which are normalised as the network asks; floats are taken as they are.

A file or array is of the test split if its name has test or t10k in it, of validation if it has val, else of training.
"""
import ast
import gzip
import math
import mmap
import os
import re
import struct
import zipfile

import torch

SPLITS = ("train", "validation", "test")
IMAGES, LABELS = {"images", "image", "data", "x"}, {"labels", "label", "targets", "y"}  # words in the names of arrays
CIFAR_SHAPE = (3, 32, 32)


class Damaged(Exception):
    """A file that does not hold what it should; it says which and why."""


MOST_ON_DEVICE = 8 << 30  # bytes of images; of more, batches alone are sent there


class Split:
    """Images [N,C,H,W] or vectors [N,L], and labels [N]."""

    def __init__(self, images, labels):
        self.images, self.labels = images, labels

    def __len__(self):
        return len(self.labels)

    def take(self, indices):
        return Split(self.images[indices.to(self.images.device)], self.labels[indices.to(self.labels.device)])

    def part(self, lo, hi):
        return Split(self.images[lo:hi], self.labels[lo:hi])

    def to(self, device, most=None):
        """The split on a device, unless its images have more bytes than most."""
        if most is not None and self.images.numel() * self.images.element_size() > most:
            return self
        return Split(self.images.to(device), self.labels.to(device))


def load(path, split, shape, classes, crop=0):
    """A split of the data set at a path, checked against the shape of the network's input and its number of classes; None if the set does not
    have it."""
    try:
        images, labels = read(path, split)
    except (Damaged, OSError, EOFError, zipfile.BadZipFile) as e:
        raise SystemExit(f"{path}: {e}")
    if images is None and labels is None:
        return None
    where = f"{path}, {split}"
    if images is None or labels is None or len(images) != len(labels) or not len(labels):
        raise SystemExit(f"{where}: {len(images) if images is not None else 0} images and {len(labels) if labels is not None else 0} labels")
    if labels.min() < 0 or labels.max() >= classes:
        raise SystemExit(f"{where}: labels from {labels.min()} to {labels.max()}, the network has classes 0 to {classes - 1}")
    images = images.reshape(len(images), -1) if len(shape) == 1 else centre(images, crop)
    if list(images.shape[1:]) != list(shape):
        raise SystemExit(f"{where}: samples of shape {list(images.shape[1:])}, the network takes {list(shape)}")
    return Split(images, labels.long())


def centre(images, crop):
    """The middle of images that are larger than the network crops them to."""
    if images.dim() == 3:
        images = images[:, None]
    h, w = images.shape[2:]
    if not crop or h < crop or w < crop:
        return images
    y, x = (h - crop) // 2, (w - crop) // 2
    return images[:, :, y : y + crop, x : x + crop]


def split_of(name):
    name = os.path.basename(name).lower()
    if "test" in name or "t10k" in name:
        return "test"
    return "validation" if "val" in name else "train"


def read(path, split):
    """Images and labels of a split; None for what is not there."""
    images, labels = [], []
    for name, open_ in sorted(parts(path).items()):
        if split_of(name) == split:
            x, y = open_()
            images += [x] if x is not None else []
            labels += [y] if y is not None else []
    return joined(images), joined(labels)


def joined(parts):
    """Tensors one behind the other, None if there are none; a single one as it is, as it may be larger than memory."""
    return parts[0] if len(parts) == 1 else torch.cat(parts) if parts else None


def parts(path):
    """By name, functions that read a part of the set: images, or labels, or both."""
    if os.path.isfile(path):
        z = zipfile.ZipFile(path)
        arrays = [n for n in z.namelist() if n.endswith(".npy")]
        return {n: lambda n=n: array(n, bytearray(z.read(n))) for n in arrays if words(n) & (IMAGES | LABELS)}
    out = {}
    for name in os.listdir(path):
        at = os.path.join(path, name)
        if not os.path.isfile(at) or name.startswith("."):
            continue
        with open(at, "rb") as f:
            head = f.read(len(NPY_MAGIC)).ljust(len(NPY_MAGIC))
        if head[:2] == b"\0\0" and 8 <= head[2] <= 14 and not name.endswith(".bin") or head[:2] == b"\x1f\x8b":
            out[at] = lambda at=at: idx(at)
        elif head == NPY_MAGIC and words(name) & (IMAGES | LABELS):
            out[at] = lambda at=at, name=name: array(name, contents(at))
        elif name.endswith(".bin") and os.path.getsize(at):
            out[at] = lambda at=at: cifar(at)
    if not out:
        raise Damaged("no data set in it: accepted are IDX files, CIFAR's binary files and .npy files")
    return out


def contents(path):
    """The bytes of a file, read when they are used: data sets may be larger than memory."""
    with open(path, "rb") as f:
        return memoryview(mmap.mmap(f.fileno(), 0, access=mmap.ACCESS_COPY))


def words(name):
    return set(re.split("[_.-]", os.path.basename(name).lower()))


# IDX: two zero bytes, the type (8 is unsigned bytes), the number of dimensions, their sizes, the elements. Labels have one dimension.


def idx(path):
    with gzip.open(path, "rb") if path.endswith(".gz") else open(path, "rb") as f:
        head = f.read(4)
        if len(head) < 4 or head[:3] != b"\0\0\x08" or not 1 <= head[3] <= 4:
            raise Damaged(f"{path} does not begin as an IDX file of bytes does")
        sizes = f.read(4 * head[3])
        if len(sizes) < 4 * head[3]:
            raise Damaged(f"{path} ends within its header")
        shape = struct.unpack(f">{head[3]}I", sizes)
        data = f.read()
    if len(data) != math.prod(shape):
        raise Damaged(f"{path} has {len(data)} elements, its header says {list(shape)}")
    t = torch.frombuffer(bytearray(data), dtype=torch.uint8).reshape(shape)
    return (None, t) if len(shape) == 1 else (t, None)


# CIFAR: records of one label, or of CIFAR-100 a coarse and a fine one, and 3072 bytes.


def cifar(path):
    data, image = contents(path), math.prod(CIFAR_SHAPE)
    of = [n for n in (1, 2) if len(data) % (n + image) == 0]
    if not of:
        raise Damaged(f"{path} has {len(data)} bytes, which are no records of {1 + image} (CIFAR-10) or {2 + image} (CIFAR-100)")
    records = torch.frombuffer(data, dtype=torch.uint8).reshape(-1, of[0] + image)
    return records[:, of[0] :].reshape(-1, *CIFAR_SHAPE), records[:, of[0] - 1]


# .npy: a magic number, a version, the length of a header that is a dict in Python's syntax, the elements.

NPY_MAGIC = b"\x93NUMPY"
NPY_TYPES = {
    "|u1": torch.uint8, "|i1": torch.int8, "<i2": torch.int16, "<i4": torch.int32, "<i8": torch.int64, "<f4": torch.float32, "<f8": torch.float64,
}


def array(name, data):
    """An array by its name: images or labels."""
    t = npy(name, memoryview(data))
    return (None, t.reshape(-1)) if words(name) & LABELS else (pixels(t), None)


def pixels(images):
    """Images as [N,C,H,W]; colours that come last are put first."""
    if images.dtype.is_floating_point:
        images = images.float()
    if images.dim() == 4 and images.shape[3] in (1, 3) and images.shape[1] not in (1, 3):
        images = images.permute(0, 3, 1, 2).contiguous()
    return images


def npy(name, data):
    if data[:6] != NPY_MAGIC or len(data) < 12:
        raise Damaged(f"{name} does not begin as a .npy file does")
    length, begin = (struct.unpack("<H", data[8:10])[0], 10) if data[6] == 1 else (struct.unpack("<I", data[8:12])[0], 12)
    try:
        head = ast.literal_eval(bytes(data[begin : begin + length]).decode("latin1"))
        dtype, shape, fortran = NPY_TYPES[head["descr"]], tuple(head["shape"]), head["fortran_order"]
    except (KeyError, SyntaxError, ValueError, TypeError) as e:
        raise Damaged(f"{name}: a header that is damaged or of another type than {', '.join(NPY_TYPES)} ({e})")
    body = data[begin + length :]
    if fortran or len(body) != math.prod(shape) * torch.zeros((), dtype=dtype).element_size() or not body:
        raise Damaged(f"{name}: {len(body)} bytes of {head['descr']}{list(shape)}{', in Fortran order' if fortran else ''}")
    return torch.frombuffer(body, dtype=dtype).reshape(shape)


# Batches. What is drawn follows from the seed and the epoch alone, so that a run that is resumed, or divided among processes, draws the same.


class Batches:
    """Batches of a split for training: in a new order every epoch, changed as augment says. What does not fill a batch is left out."""

    def __init__(self, split, size, seed, augment, preprocess):
        if size > len(split):
            raise SystemExit(f"a batch of {size} of {len(split)} samples: accepted is a smaller --batch")
        self.split, self.size, self.seed, self.preprocess = split, size, seed, preprocess
        self.changes = parse_augment(augment)
        if self.changes and split.images.dim() != 4:
            raise SystemExit(f"--augment {augment}: the samples are no images")

    def __len__(self):
        return len(self.split) // self.size

    def epoch(self, number, part, first=0):
        """Normalised inputs and labels of the batches of an epoch from one on, of each the part that part takes."""
        generator = torch.Generator().manual_seed((self.seed << 20) + number)
        order = torch.randperm(len(self.split), generator=generator)
        draws = torch.rand(5, len(self.split), generator=generator)  # of each sample
        for i in range(first, len(self)):
            at = part(torch.arange(i * self.size, (i + 1) * self.size))
            batch = self.split.take(order[at]).to(self.preprocess.device)
            yield self.changed(batch.images, draws[:, at].to(self.preprocess.device)), batch.labels

    def changed(self, images, draws):
        """Normalised images after their changes; a row of draws for each number that these take."""
        pad, cutout = self.changes.get("pad", 0), self.changes.get("cutout", 0)
        if pad:
            dy, dx = (draws[:2] * (2 * pad + 1)).long()
            images = shifted(images, dy, dx, pad)
        if "flip" in self.changes:
            images = torch.where((draws[2] < 0.5)[:, None, None, None], images.flip(3), images)
        x = self.preprocess(images)
        return x.masked_fill(squares(x.shape, draws[3:], cutout), 0.0) if cutout else x


def parse_augment(text):
    """pad=N, flip, cutout=N, with commas, as a dict."""
    changes = {}
    for part in filter(None, text.split(",")):
        name, _, n = part.partition("=")
        if not (part == "flip" or name in ("pad", "cutout") and n.isdigit() and int(n) > 0):
            changes = "pad=N (shifts by up to N pixels, zeros come in), flip (mirrors one in two), cutout=N (a square of N pixels becomes the mean)"
            raise SystemExit(f"--augment {text}: accepted are {changes}, with commas")
        changes[name] = int(n or 1)
    return changes


def squares(shape, draws, side):
    """Where images of a shape are cut out: squares around any pixel, cut at the edges."""
    _, _, h, w = shape
    (y, x), rows, columns = draws, torch.arange(h, device=draws.device), torch.arange(w, device=draws.device)
    top, left = (y * h).long() - side // 2, (x * w).long() - side // 2
    down = (rows >= top[:, None]) & (rows < top[:, None] + side)
    across = (columns >= left[:, None]) & (columns < left[:, None] + side)
    return (down[:, :, None] & across[:, None, :])[:, None]


def shifted(images, dy, dx, most):
    """Images moved by dy - most rows and dx - most columns; zeros come in."""
    n, c, h, w = images.shape
    padded = torch.nn.functional.pad(images, (most, most, most, most))
    device = images.device
    rows = dy[:, None] + torch.arange(h, device=device)
    columns = dx[:, None] + torch.arange(w, device=device)
    sample, channel = torch.arange(n, device=device), torch.arange(c, device=device)
    return padded[sample[:, None, None, None], channel[None, :, None, None], rows[:, None, :, None], columns[:, None, None, :]]


class Preprocess:
    """Bytes to what the network takes: (v/255 - mean) / std by channel."""

    def __init__(self, mean, std, device):
        self.device = device
        self.mean = torch.tensor(mean or [0.0], device=device)
        self.std = torch.tensor(std or [1.0], device=device)

    def __call__(self, images):
        if images.dtype != torch.uint8:
            return images.float()
        sides = [1, -1] + [1] * (images.dim() - 2)
        return (images.float() / 255 - self.mean.reshape(sides)) / self.std.reshape(sides)

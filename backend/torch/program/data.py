"""Data sets of images and labels, read whole into memory without a package: IDX (the MNIST family), CIFAR-10 and CIFAR-100 in their binary
form, and .npz. Pixels are bytes and are normalised as the network asks; arrays of floats are taken as they are.
"""
import ast
import glob
import gzip
import math
import os
import re
import struct
import zipfile

import torch

SPLITS = {"train": ("train",), "validation": ("validation", "val", "valid"), "test": ("test", "t10k")}
CIFAR_SHAPE = (3, 32, 32)


class Damaged(Exception):
    """A file that does not hold what it should; it says which and why."""


class Split:
    """Images [N,C,H,W] or vectors [N,L], and labels [N]; on the device on which they are used."""

    def __init__(self, images, labels):
        self.images, self.labels = images, labels

    def __len__(self):
        return len(self.labels)

    def take(self, indices):
        return Split(self.images[indices], self.labels[indices])

    def to(self, device):
        return Split(self.images.to(device), self.labels.to(device))


def load(path, split, shape, classes, crop=0):
    """A split of the data set at a path, checked against the shape of the network's input and its number of classes; None if the set does not
    have it."""
    try:
        found = read(path, SPLITS[split])
    except (Damaged, OSError, EOFError, zipfile.BadZipFile) as e:
        raise SystemExit(f"{path}: {e}")
    if found is None:
        return None
    images, labels = found
    where = f"{path}, {split}"
    if len(images) != len(labels) or not len(labels):
        raise SystemExit(f"{where}: {len(images)} images and {len(labels)} labels")
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


def read(path, names):
    """Images and labels of the split of one of these names."""
    if os.path.isfile(path):
        return read_npz(path, names)
    for name in names:
        for reader in (read_idx, read_cifar):
            found = reader(path, name)
            if found is not None:
                return found
        if os.path.isfile(os.path.join(path, f"{name}.npz")):
            return read_npz(os.path.join(path, f"{name}.npz"), names)
    if not os.path.isdir(path):
        raise Damaged("there is no such file or folder")
    return None


def opened(path):
    return gzip.open(path, "rb") if path.endswith(".gz") else open(path, "rb")


# IDX: two zero bytes, the type (8 is unsigned bytes), the number of dimensions, their sizes, the elements.


def read_idx(folder, name):
    files = [matching(folder, rf"{name}[-_]images.*"), matching(folder, rf"{name}[-_]labels.*")]
    if None in files:
        return None
    return tuple(idx(f) for f in files)


def matching(folder, pattern):
    found = [f for f in sorted(os.listdir(folder)) if re.fullmatch(pattern, f)] if os.path.isdir(folder) else []
    return os.path.join(folder, found[0]) if found else None


def idx(path):
    with opened(path) as f:
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
    return torch.frombuffer(bytearray(data), dtype=torch.uint8).reshape(shape)


# CIFAR: records of one label (of CIFAR-100 a coarse one before it) and 3072 bytes.


def read_cifar(folder, name):
    ten = sorted(glob.glob(os.path.join(glob.escape(folder), "data_batch_*.bin" if name == "train" else f"{name}_batch.bin")))
    hundred = [f for f in [os.path.join(folder, f"{name}.bin")] if os.path.isfile(f)]
    if not ten and not hundred:
        return None
    records = torch.cat([cifar(f, 1 if ten else 2) for f in ten or hundred])
    return records[:, -math.prod(CIFAR_SHAPE) :].reshape(-1, *CIFAR_SHAPE), records[:, 0 if ten else 1]


def cifar(path, labels):
    size = labels + math.prod(CIFAR_SHAPE)
    with open(path, "rb") as f:
        data = f.read()
    if not data or len(data) % size:
        raise Damaged(f"{path} has {len(data)} bytes, which are no records of {size}")
    return torch.frombuffer(bytearray(data), dtype=torch.uint8).reshape(-1, size)


# .npz: a zip of .npy files.

NPY_TYPES = {
    "|u1": torch.uint8, "|i1": torch.int8, "<i2": torch.int16, "<i4": torch.int32, "<i8": torch.int64, "<f4": torch.float32, "<f8": torch.float64,
}


def read_npz(path, names):
    with zipfile.ZipFile(path) as z:
        held = {n[: -len(".npy")] for n in z.namelist() if n.endswith(".npy")}
        pairs = [p for n in names for p in ((f"x_{n}", f"y_{n}"), (f"{n}_images", f"{n}_labels"), (f"{n}_x", f"{n}_y"))]
        if os.path.basename(path) in [f"{n}.npz" for n in names]:
            pairs += [("images", "labels"), ("x", "y")]
        for images, labels in pairs:
            if {images, labels} <= held:
                return pixels(npy(z, images)), npy(z, labels).reshape(-1)
    return None


def pixels(images):
    """Images as [N,C,H,W]; colours that come last are put first."""
    if images.dtype.is_floating_point:
        images = images.float()
    if images.dim() == 4 and images.shape[3] in (1, 3) and images.shape[1] not in (1, 3):
        images = images.permute(0, 3, 1, 2).contiguous()
    return images


def npy(z, name):
    data = z.read(name + ".npy")
    if data[:6] != b"\x93NUMPY" or len(data) < 12:
        raise Damaged(f"{name} does not begin as a .npy file does")
    length, begin = (struct.unpack("<H", data[8:10])[0], 10) if data[6] == 1 else (struct.unpack("<I", data[8:12])[0], 12)
    try:
        head = ast.literal_eval(data[begin : begin + length].decode("latin1"))
        dtype, shape, fortran = NPY_TYPES[head["descr"]], tuple(head["shape"]), head["fortran_order"]
    except (KeyError, SyntaxError, ValueError, TypeError) as e:
        raise Damaged(f"{name}: a header that is damaged or of another type than {', '.join(NPY_TYPES)} ({e})")
    body = bytearray(data[begin + length :])
    if fortran or len(body) != math.prod(shape) * torch.zeros((), dtype=dtype).element_size() or not body:
        raise Damaged(f"{name}: {len(body)} bytes of {head['descr']}{list(shape)}{', in Fortran order' if fortran else ''}")
    return torch.frombuffer(body, dtype=dtype).reshape(shape)


# Batches. What is drawn follows from the seed and the epoch alone, so that a run that is resumed, or divided among processes, draws the same.


class Batches:
    """Batches of a split for training: in a new order every epoch, moved and mirrored where that is asked for. What does not fill a batch is left
    out."""

    def __init__(self, split, size, seed, augment, preprocess):
        if size > len(split):
            raise SystemExit(f"a batch of {size} of {len(split)} samples: accepted is a smaller --batch")
        self.split, self.size, self.seed, self.preprocess = split, size, seed, preprocess
        self.shift, self.mirror = parse_augment(augment)
        if (self.shift or self.mirror) and split.images.dim() != 4:
            raise SystemExit(f"--augment {augment}: the samples are no images")

    def __len__(self):
        return len(self.split) // self.size

    def epoch(self, number, part):
        """Normalised inputs and labels of the batches of an epoch, of each the part that part takes."""
        draw = torch.Generator().manual_seed((self.seed << 20) + number)
        n = len(self.split)
        order = torch.randperm(n, generator=draw)
        dy, dx = (torch.randint(0, 2 * self.shift + 1, (n,), generator=draw) for _ in range(2))
        mirrored = torch.rand(n, generator=draw) < 0.5
        device = self.split.labels.device
        for i in range(len(self)):
            at = part(torch.arange(i * self.size, (i + 1) * self.size))
            batch = self.split.take(order[at].to(device))
            images = batch.images
            if self.shift:
                images = shifted(images, dy[at].to(device), dx[at].to(device), self.shift)
            if self.mirror:
                images = torch.where(mirrored[at].to(device)[:, None, None, None], images.flip(3), images)
            yield self.preprocess(images), batch.labels


def parse_augment(text):
    """shift=N, flip, or both with a comma."""
    shift, mirror = 0, False
    for part in filter(None, text.split(",")):
        if part == "flip":
            mirror = True
        elif part.startswith("shift=") and part[6:].isdigit():
            shift = int(part[6:])
        else:
            raise SystemExit(f"--augment {text}: accepted are shift=N (by up to N pixels, zeros come in) and flip (mirrored half of the time), with a comma")
    return shift, mirror


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
        self.mean = torch.tensor(mean or [0.0], device=device)
        self.std = torch.tensor(std or [1.0], device=device)

    def __call__(self, images):
        if images.dtype != torch.uint8:
            return images.float()
        sides = [1, -1] + [1] * (images.dim() - 2)
        return (images.float() / 255 - self.mean.reshape(sides)) / self.std.reshape(sides)

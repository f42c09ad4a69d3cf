"""Safetensors files, read and written by PyTorch alone: a length of 8 bytes, a header in JSON, and the bytes of the tensors."""
import json
import math
import os
import struct

import torch

DTYPES = {
    "F64": torch.float64, "F32": torch.float32, "F16": torch.float16, "BF16": torch.bfloat16,
    "I64": torch.int64, "I32": torch.int32, "I16": torch.int16, "I8": torch.int8, "U8": torch.uint8, "BOOL": torch.bool,
}
NAMES = {dtype: name for name, dtype in DTYPES.items()}
MOST_HEADER = 100 << 20  # bytes


def write(path, tensors, metadata=None):
    """Writes tensors by name, and a dict of strings, in place of what path holds."""
    header, at, order = {"__metadata__": metadata or {}}, 0, sorted(tensors)
    for name in order:
        t = tensors[name]
        size = t.numel() * t.element_size()
        header[name] = {"dtype": NAMES[t.dtype], "shape": list(t.shape), "data_offsets": [at, at + size]}
        at += size
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    with open(path + ".new", "wb") as f:
        f.write(struct.pack("<Q", len(text)) + text)
        for name in order:
            f.write(content(tensors[name].detach()))
        f.flush()
        os.fsync(f.fileno())
    os.replace(path + ".new", path)  # whole or not at all, whatever stops the process


def content(t):
    """The bytes of a tensor."""
    data = bytearray(t.numel() * t.element_size())
    if data:
        torch.frombuffer(data, dtype=t.dtype).view(t.shape).copy_(t)
    return data


def read(path):
    """The tensors of a file by name, and its dict of strings."""
    try:
        with open(path, "rb") as f:
            return parse(f, os.fstat(f.fileno()).st_size)
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as e:
        raise SystemExit(f"{path}: {e if isinstance(e, OSError) else f'no safetensors file, or a damaged one ({e})'}")


def parse(f, size):
    if size < 8:
        raise ValueError(f"{size} bytes")
    length = struct.unpack("<Q", f.read(8))[0]
    if length > min(MOST_HEADER, size - 8):
        raise ValueError(f"a header of {length} bytes in a file of {size}")
    header = json.loads(f.read(length))
    metadata = header.pop("__metadata__", {})
    return {name: tensor(f, 8 + length, size, **entry) for name, entry in header.items()}, metadata


def tensor(f, begin, size, dtype, shape, data_offsets):
    lo, hi = data_offsets
    want = math.prod(shape) * torch.zeros((), dtype=DTYPES[dtype]).element_size()
    if not 0 <= lo <= hi <= size - begin or hi - lo != want or min(shape, default=0) < 0:
        raise ValueError(f"a tensor of {dtype}{shape} at bytes {lo} to {hi} of {size - begin}")
    if hi == lo:
        return torch.zeros(shape, dtype=DTYPES[dtype])
    f.seek(begin + lo)
    return torch.frombuffer(bytearray(f.read(hi - lo)), dtype=DTYPES[dtype]).reshape(shape)

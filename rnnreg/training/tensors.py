"""Tensors by name in one file of the format safetensors, read and written whole.

The format (github.com/huggingface/safetensors, README): eight bytes, the length of a JSON header;
the header, with type, shape and place of each tensor and notes under "__metadata__"; and the bytes
of the tensors, one after another. Among the notes is a hash of all the rest, so that no damaged
byte is taken for a number.
"""

import hashlib
import json
import math
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from rnnreg.study import records

TYPES = {
    "F64": (torch.float64, "<f8"),
    "I64": (torch.int64, "<i8"),
    "F32": (torch.float32, "<f4"),
    "BOOL": (torch.bool, "?"),
}
NAMES = {kind: name for name, (kind, _) in TYPES.items()}
NOTES, CONTENT = "__metadata__", "content"


def write(file: Path, tensors: dict[str, Tensor], notes: dict[str, str]) -> None:
    """Write tensors of any device, and notes, in place of what the file holds."""
    header, parts, end = {}, [], 0
    for name, tensor in tensors.items():
        parts.append(tensor.detach().cpu().contiguous().numpy().tobytes())
        start, end = end, end + len(parts[-1])
        shape = list(tensor.shape)
        header[name] = {"dtype": NAMES[tensor.dtype], "shape": shape, "data_offsets": [start, end]}
    body = b"".join(parts)
    told = json.dumps({NOTES: {**notes, CONTENT: _hash(header, notes, body)}, **header}).encode()
    told += b" " * (-len(told) % 8)
    records.write_bytes(file, b"".join((len(told).to_bytes(8, "little"), told, body)))


def read(file: Path) -> tuple[dict[str, Tensor], dict[str, str]]:
    """What `write` wrote, in its order: tensors on the CPU, and notes.

    ValueError where anything is damaged.
    """
    data = memoryview(file.read_bytes())
    start = 8 + int.from_bytes(data[:8], "little")
    try:
        header = json.loads(bytes(data[8:start]))
        notes = header.pop(NOTES)
        content = notes.pop(CONTENT)
        if content == _hash(header, notes, data[start:]):
            return {name: _tensor(data[start:], **given) for name, given in header.items()}, notes
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
        raise ValueError("damaged: it has no header that can be read") from error
    raise ValueError("damaged: its content has another hash")


def _tensor(body: memoryview, dtype: str, shape: list[int], data_offsets: list[int]) -> Tensor:
    count, (start, _) = math.prod(shape), data_offsets
    kind, code = TYPES[dtype]
    found = np.frombuffer(body, code, count, start) if count else np.empty(0)
    return torch.tensor(found).to(kind).view(shape)


def _hash(header: dict, notes: dict[str, str], body: bytes | memoryview) -> str:
    told = json.dumps([header, notes]).encode()
    return hashlib.sha256(told + hashlib.sha256(body).digest()).hexdigest()

"""A GGUF file read with every length checked against the file: it may come from anybody.

The layout is that of the format's own description (github.com/ggml-org/ggml, docs/gguf.md). The `gguf` package reads it
too, in ten seconds for a vocabulary of 150,000 tokens and without looking at bounds; it is used here to unpack tensors.
"""

from __future__ import annotations

import mmap
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from core.errors import ModelError

MAGIC, VERSIONS = b"GGUF", (2, 3)
STRING, ARRAY, BOOL = 8, 9, 7
SCALARS = {0: "<B", 1: "<b", 2: "<H", 3: "<h", 4: "<I", 5: "<i", 6: "<f", BOOL: "<?", 10: "<Q", 11: "<q", 12: "<d"}
ALIGNMENT = 32  # bytes, unless the file says otherwise
MOST_DIMENSIONS = 4
MOST_DEPTH = 4  # arrays within arrays
MOST_ENTRIES = 1 << 22  # of one array: a number of one byte takes forty as an object, and a vocabulary has 250,000


@dataclass(frozen=True)
class Tensor:
    """`shape` as NumPy has it (rows first); `kind` is the number of its packing; `begin` and `size` are bytes in the file."""

    name: str
    shape: tuple[int, ...]
    kind: int
    begin: int
    size: int


@dataclass(frozen=True)
class Gguf:
    path: Path
    values: dict[str, Any]
    tensors: dict[str, Tensor]

    @property
    def architecture(self) -> str:
        return str(self.values.get("general.architecture", ""))

    def value(self, name: str) -> Any:
        """A value of the file; `{arch}` in the name stands for the architecture. Raises ModelError if it is missing."""
        name = name.format(arch=self.architecture)
        if name not in self.values:
            raise ModelError(f"{self.path.name} lacks the value {name}: it is no complete model; take another file")
        return self.values[name]

    def unpacked(self, tensor: Tensor) -> np.ndarray[Any, Any]:
        """A tensor in float32, of its own shape."""
        from gguf.constants import GGMLQuantizationType
        from gguf.quants import dequantize

        with self.path.open("rb") as file:
            file.seek(tensor.begin)
            packed = np.frombuffer(file.read(tensor.size), np.uint8)
        rows = tensor.shape[:-1]
        kind = GGMLQuantizationType(tensor.kind)
        raw = {GGMLQuantizationType.F32: np.float32, GGMLQuantizationType.F16: np.float16}.get(kind)
        if raw is not None:
            return packed.view(raw).reshape(tensor.shape).astype(np.float32)
        return dequantize(packed.reshape(*rows, -1), kind).reshape(tensor.shape).astype(np.float32)


def read_gguf(path: Path) -> Gguf:
    """Read what the file says of itself; tensors stay where they are.

    Raises:
        ModelError: it cannot be read, is no GGUF, or names places outside itself.
    """
    try:
        with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content:
            return _parsed(path, Cursor(path.name, content))
    except (OSError, ValueError) as error:
        raise ModelError(f"{path} cannot be read as a GGUF file: {error}") from error


class Cursor:
    """Reads one thing after the other and never past the end."""

    def __init__(self, name: str, content: mmap.mmap) -> None:
        self._name, self._content = name, content
        self.at, self.size = 0, len(content)

    def broken(self, why: str) -> ModelError:
        return ModelError(f"{self._name} is no sound GGUF file: {why} (byte {self.at:,} of {self.size:,})")

    def bytes(self, count: int) -> bytes:
        if count > self.size - self.at:
            raise self.broken(f"{count:,} bytes should follow")
        self.at += count
        return self._content[self.at - count : self.at]

    def number(self, form: str) -> Any:
        return struct.unpack(form, self.bytes(struct.calcsize(form)))[0]

    def text(self) -> str:
        try:
            return self.bytes(self.number("<Q")).decode("utf-8")
        except UnicodeDecodeError as error:
            raise self.broken(f"a text is not UTF-8 ({error.reason})") from None

    def value(self, kind: int, depth: int = 0) -> Any:
        if kind == STRING:
            return self.text()
        if kind in SCALARS:
            return self.number(SCALARS[kind])
        if kind != ARRAY or depth >= MOST_DEPTH:
            raise self.broken(f"there is no kind of value {kind}")
        inner, count = self.number("<I"), self.number("<Q")
        if inner in SCALARS:
            form = SCALARS[inner][1]
            return list(struct.unpack(f"<{count}{form}", self.bytes(self.checked(count, struct.calcsize(form)))))
        self.checked(count, 8)  # a text or an array has its own length before it
        return [self.value(inner, depth + 1) for _ in range(count)]

    def checked(self, count: int, least: int) -> int:
        """The bytes that `count` things of `least` bytes each take at least."""
        if count > MOST_ENTRIES or count * least > self.size - self.at:
            raise self.broken(f"{count:,} entries should follow")
        return count * least


def _parsed(path: Path, cursor: Cursor) -> Gguf:
    if cursor.bytes(4) != MAGIC:
        raise cursor.broken("it does not begin with GGUF")
    version = cursor.number("<I")
    if version not in VERSIONS:
        raise cursor.broken(f"version {version} is not known here")
    tensors, entries = cursor.number("<Q"), cursor.number("<Q")
    cursor.checked(tensors, 24)
    cursor.checked(entries, 12)
    values: dict[str, Any] = {}
    for _ in range(entries):
        name = cursor.text()
        values[name] = cursor.value(cursor.number("<I"))
    headers = [_header(cursor) for _ in range(tensors)]
    alignment = values.get("general.alignment", ALIGNMENT)
    if not isinstance(alignment, int) or not 1 <= alignment <= 1 << 20:
        raise cursor.broken(f"an alignment of {alignment} is not possible")
    start = -(-cursor.at // alignment) * alignment
    return Gguf(path, values, dict(_placed(cursor, headers, start)))


Header = tuple[str, tuple[int, ...], int, int]


def _header(cursor: Cursor) -> Header:
    name, dimensions = cursor.text(), cursor.number("<I")
    if not 1 <= dimensions <= MOST_DIMENSIONS:
        raise cursor.broken(f"{name} has {dimensions} dimensions")
    shape = tuple(cursor.number("<Q") for _ in range(dimensions))
    return name, shape[::-1], cursor.number("<I"), cursor.number("<Q")


def _placed(cursor: Cursor, headers: list[Header], start: int) -> Iterator[tuple[str, Tensor]]:
    from gguf.constants import GGML_QUANT_SIZES, GGMLQuantizationType

    known = {int(kind): GGML_QUANT_SIZES[kind] for kind in GGMLQuantizationType if kind in GGML_QUANT_SIZES}
    seen: set[str] = set()
    for name, shape, kind, offset in headers:
        if name in seen:
            raise cursor.broken(f"{name} stands in it twice")
        if kind not in known:
            raise cursor.broken(f"{name} is packed in a way ({kind}) that is not known here")
        block, size = known[kind]
        count = 1
        for length in shape:
            count *= length
        if not count or shape[-1] % block:
            raise cursor.broken(f"{name} has the shape {shape}, which its packing does not allow")
        tensor = Tensor(name, shape, kind, start + offset, count // block * size)
        if tensor.begin + tensor.size > cursor.size:
            raise cursor.broken(f"{name} should lie at byte {tensor.begin:,} with {tensor.size:,} bytes")
        seen.add(name)
        yield name, tensor

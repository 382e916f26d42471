"""Record files of NAS-Bench-101 made of made-up trainings, for tests: framing, JSON, base64.

The checksum and the messages are written independently of the reader, bit by bit and byte by byte.
"""

import base64
import struct
from collections.abc import Iterable
from functools import cache, lru_cache
from pathlib import Path
from typing import BinaryIO

import numpy as np

from nasbench.spaces.graph import Graph
from nasbench.spaces.nb101 import NasBench101
from nasbench.spaces.nb101_cells import enumerated


@cache
def _byte(value: int) -> int:
    for _ in range(8):
        value = value >> 1 ^ (0x82F63B78 if value & 1 else 0)
    return value


def crc32c(data: bytes) -> int:
    """Castagnoli's CRC, bit by bit in tables of one byte."""
    state = 0xFFFFFFFF
    for byte in data:
        state = _byte((state ^ byte) & 0xFF) ^ state >> 8
    return state ^ 0xFFFFFFFF


def masked(data: bytes) -> bytes:
    crc = crc32c(data)
    return struct.pack("<I", ((crc >> 15 | crc << 17) + 0xA282EAD8) & 0xFFFFFFFF)


def framed(content: bytes) -> bytes:
    length = struct.pack("<Q", len(content))
    return length + masked(length) + content + masked(content)


def double(field: int, value: float) -> bytes:
    return bytes([field << 3 | 1]) + struct.pack("<d", value)


def varint(value: int) -> bytes:
    parts = bytearray()
    while value > 127:
        parts.append(value & 127 | 128)
        value >>= 7
    return bytes([*parts, value])


def metrics(epochs: int, valid: float, test: float, seconds: float, parameters: int) -> bytes:
    """The message of a training: before it, after half of it and at its end."""
    message = evaluations(epochs, valid, test, seconds)
    return message + b"\x10" + varint(parameters) + double(3, seconds + 60)


@lru_cache(maxsize=10_000)
def evaluations(epochs: int, valid: float, test: float, seconds: float) -> bytes:
    message = b""
    for part, worth in ((0.0, 0.1), (0.5, 0.5), (1.0, 1.0)):
        values = (epochs * part, seconds * part, worth, valid * worth, test * worth)
        inner = b"".join(double(field, value) for field, value in enumerate(values, 1))
        message += b"\x0a" + varint(len(inner)) + inner
    return message


def content(name: str, epochs: int, cell: Graph, packed: bytes) -> bytes:
    """The JSON row of a training, with line breaks in its base64 as in the official files."""
    measured = base64.encodebytes(packed).replace(b"\n", b"\\n").decode()
    return f'["{name}", {epochs}, {_graph(cell)}, "{measured}"]'.encode()


@lru_cache(maxsize=16)
def _graph(cell: Graph) -> str:
    nodes = range(cell.nodes)
    matrix = "".join(str(int((a, b) in cell.edges)) for a in nodes for b in nodes)
    return f'"{matrix}", "{",".join(("input", *cell.operations, "output"))}"'


def write(path: Path, contents: Iterable[bytes]) -> Path:
    with path.open("wb") as out:
        write_to(out, contents)
    return path


def write_to(out: BinaryIO, contents: Iterable[bytes]) -> None:
    for one in contents:
        out.write(framed(one))


def framed_alike(contents: list[bytes]) -> bytes:
    """Frame contents of one length, whose checksums advance together, byte by byte."""
    table = np.array([_byte(value) for value in range(256)], dtype=np.uint32)
    data = np.frombuffer(b"".join(contents), dtype=np.uint8).reshape(len(contents), -1)
    state = np.full(len(contents), 0xFFFFFFFF, dtype=np.uint32)
    for column in data.T:
        state = table[(state ^ column) & 0xFF] ^ state >> np.uint32(8)
    state ^= np.uint32(0xFFFFFFFF)
    sums = ((state >> np.uint32(15) | state << np.uint32(17)) + np.uint32(0xA282EAD8)).tolist()
    length = struct.pack("<Q", data.shape[1])
    head = length + masked(length)
    return b"".join(
        part for one, crc in zip(contents, sums, strict=True)
        for part in (head, one, struct.pack("<I", crc))
    )  # fmt: skip


def official_size(path: Path, fidelities: Iterable[int]) -> Path:
    """Write three trainings of every cell and number of epochs, cell after cell."""
    space = NasBench101()
    codes, names = enumerated()
    assert np.array_equal(codes, space.codes)
    worth = (np.random.default_rng(0).integers(500, size=(len(names), 3)) / 500).tolist()
    with path.open("wb") as out:
        waiting: dict[int, list[bytes]] = {}
        for name, cell, trials in zip(names, space.architectures, worth, strict=True):
            size = space.parameters(cell)
            for epochs in fidelities:
                for valid in trials:
                    packed = metrics(epochs, valid, 1 - valid, epochs * 16.0, size)
                    one = content(name, epochs, cell, packed)
                    waiting.setdefault(len(one), []).append(one)
            for length in [key for key, many in waiting.items() if len(many) >= 5_000]:
                out.write(framed_alike(waiting.pop(length)))
        for many in waiting.values():
            out.write(framed_alike(many))
    return path

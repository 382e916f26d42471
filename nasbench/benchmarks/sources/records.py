"""Reading record files of NAS-Bench-101: TFRecord framing, JSON, base64, and a protocol buffer.

A record is its length (8 bytes), a checksum of the length (4), the content and a checksum of that
(4). The content is a JSON list: the hash of a cell, the epochs of its training, its matrix as zeros
and ones, the operations of its vertices, and the measurements, a base64 text of the message

    ModelMetrics    1 evaluations (EvaluationData, several), 2 parameters, 3 total seconds
    EvaluationData  1 epoch, 2 training seconds, 3 training accuracy, 4 validation accuracy,
                    5 test accuracy; in files of EC-NAS also 6 energy (kWh)

of which only these fields are read. A training has three evaluations: before it, after half of its
epochs, and at its end; the last two are read. Neither TensorFlow nor a library of protocol
buffers is needed, and a file is read in parts, so that memory does not grow with it.
"""

import base64
import json
import struct
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple

import numpy as np
from numpy.typing import NDArray

from nasbench.errors import DataError

_HEAD, _FOOT = 12, 4
_LONGEST = 1 << 16
"""Bytes of the longest content that is accepted; official ones have fewer than 1,000."""
_TOGETHER = 4096
"""Records whose checksums are computed together."""
_POLYNOMIAL = 0x82F63B78
_MASK_DELTA = 0xA282EAD8
_PARAMETERS, _EVALUATIONS = 2, 1
_EPOCH, _SECONDS, _TRAIN, _VALID, _TEST, _ENERGY = 1, 2, 3, 4, 5, 6
_VARINT, _FIXED64, _BYTES, _FIXED32 = 0, 1, 2, 5


class Halfway(NamedTuple):
    """What a record says after half of the epochs; accuracies are between 0 and 1."""

    seconds: float
    train: float
    valid: float
    test: float


class Training(NamedTuple):
    """One training of a cell: what a record says at its end."""

    hash: str
    epochs: int
    matrix: str
    """The adjacency matrix row by row, as zeros and ones."""
    operations: str
    """The operations of all vertices, with commas between them."""
    parameters: int
    seconds: float
    train: float
    """Accuracies are between 0 and 1."""
    valid: float
    test: float
    energy: float | None
    """Energy of the training in kWh, where the file has it."""
    halfway: Halfway | None = None
    """Read if asked for, where the file has it."""


def is_record_file(path: Path) -> bool:
    """Whether a file begins with the length of a record and the checksum of that length."""
    try:
        with path.open("rb") as stream:
            return _length_of(stream.read(_HEAD)) is not None
    except OSError:
        return False


def trainings(path: Path, *, halfway: bool = False) -> Iterator[Training]:
    """Yield the trainings of a record file in its order; `DataError` names the record at fault.

    With `halfway`, each has what was measured after half of its epochs.
    """
    number = 0
    for contents in _checked(path):
        for content in contents:
            number += 1
            found = _training(content, path, number)
            yield found._replace(halfway=_half(content)) if halfway else found


def _half(content: bytes) -> Halfway | None:
    """Return what a training that was read already has after half of its epochs."""
    message = base64.b64decode(json.loads(content)[4])
    every = [_fields(one) for one in _repeated(message, _EVALUATIONS)]
    if len(every) < 3 or not all(one in every[1] for one in (_SECONDS, _TRAIN, _VALID, _TEST)):
        return None
    return Halfway(*(float(every[1][one]) for one in (_SECONDS, _TRAIN, _VALID, _TEST)))


def _repeated(message: bytes, field: int) -> Iterator[bytes]:
    """Yield every message in a repeated field of a protocol buffer that `_fields` has read."""
    place = 0
    while place < len(message):
        key, place = _varint(message, place)
        kind = key & 7
        if kind == _BYTES:
            size, place = _varint(message, place)
            if key >> 3 == field:
                yield message[place : place + size]
            place += size
        elif kind == _VARINT:
            _, place = _varint(message, place)
        else:
            place += 8 if kind == _FIXED64 else 4


def _training(content: bytes, path: Path, number: int) -> Training:
    try:
        name, epochs, matrix, operations, packed = json.loads(content)
        if not all(isinstance(one, str) for one in (name, matrix, operations, packed)):
            raise TypeError("a text is missing")
        if type(epochs) is not int or epochs < 1:
            raise ValueError(f"it has {epochs!r} epochs")
        metrics = _fields(base64.b64decode(packed))
        end = _fields(metrics[_EVALUATIONS])
        if end[_EPOCH] != epochs:
            raise ValueError(f"it ends after {end[_EPOCH]:g} of {epochs} epochs")
        seconds, train, valid, test = (
            float(end[field]) for field in (_SECONDS, _TRAIN, _VALID, _TEST)
        )
        energy = float(end[_ENERGY]) if _ENERGY in end else None
        parameters = int(metrics[_PARAMETERS])
        return Training(
            name, epochs, matrix, operations, parameters, seconds, train, valid, test, energy
        )
    except (ValueError, TypeError, LookupError, RecursionError, struct.error) as error:
        raise DataError(
            f"'{path}', record {number}: it is no training of NAS-Bench-101 "
            f"({type(error).__name__}: {error})"
        ) from error


def _fields(message: bytes) -> dict[int, Any]:
    """Return the fields of a protocol buffer by their numbers; of a repeated one the last."""
    found: dict[int, Any] = {}
    place, end = 0, len(message)
    while place < end:
        key, place = _varint(message, place)
        kind = key & 7
        if kind == _FIXED64:
            found[key >> 3] = _DOUBLE(message, place)[0]
            place += 8
        elif kind == _VARINT:
            found[key >> 3], place = _varint(message, place)
        elif kind == _BYTES:
            size, place = _varint(message, place)
            if place + size > end:
                raise ValueError("its measurements are cut")
            found[key >> 3] = message[place : place + size]
            place += size
        elif kind == _FIXED32:
            place += 4
        else:
            raise ValueError(f"its measurements have a field of type {kind}")
    if place != end:
        raise ValueError("its measurements are cut")
    return found


_DOUBLE = struct.Struct("<d").unpack_from


def _varint(message: bytes, place: int) -> tuple[int, int]:
    """Return the number that begins at `place` in 7-bit groups, and the place after it."""
    number = shift = 0
    while True:
        byte = message[place]
        place += 1
        number |= (byte & 127) << shift
        if byte < 128:
            return number, place
        shift += 7
        if shift > 63:
            raise ValueError("its measurements have a number of more than 64 bits")


def _checked(path: Path) -> Iterator[list[bytes]]:
    """Yield the contents of a file's records, some at a time, after checking their checksums."""
    number = 0
    try:
        with path.open("rb") as stream:
            while True:
                contents, sums = _some(stream, path, number)
                if not contents:
                    break
                wrong = np.flatnonzero(_masked_sums(contents) != np.array(sums, np.uint32))
                if len(wrong):
                    raise DataError(
                        f"'{path}', record {number + int(wrong[0]) + 1}: its checksum is wrong: "
                        "the file is damaged, get it again"
                    )
                yield contents
                number += len(contents)
    except FileNotFoundError:
        raise DataError(f"'{path}' does not exist") from None
    except OSError as error:
        raise DataError(f"cannot read '{path}': {error.strerror or error}") from error
    if not number:
        raise DataError(f"'{path}' is empty")


def _some(stream: BinaryIO, path: Path, before: int) -> tuple[list[bytes], list[int]]:
    """Return the contents and stored checksums of the next records, fewer at the file's end."""
    contents: list[bytes] = []
    sums: list[int] = []
    while len(contents) < _TOGETHER:
        head = stream.read(_HEAD)
        if not head:
            break
        number = before + len(contents) + 1
        if len(head) < _HEAD:
            raise _cut(path, number)
        size = _length_of(head)
        if size is None:
            raise DataError(
                f"'{path}', record {number}: it does not begin with a length and its checksum: "
                "this is no TFRecord file, or it is damaged"
            )
        if size > _LONGEST:
            raise DataError(
                f"'{path}', record {number}: it has {size:,} bytes, too many for NAS-Bench-101"
            )
        rest = stream.read(size + _FOOT)
        if len(rest) < size + _FOOT:
            raise _cut(path, number)
        contents.append(rest[:size])
        sums.append(int.from_bytes(rest[size:], "little"))
    return contents, sums


def _cut(path: Path, number: int) -> DataError:
    return DataError(f"'{path}' ends within record {number}: it is cut, get it again")


def _length_of(head: bytes) -> int | None:
    """Return the length in a record's head; None if the checksum is not that of the length."""
    state = 0xFFFFFFFF
    for byte in head[:8]:
        state = _table()[(state ^ byte) & 0xFF] ^ (state >> 8)
    if len(head) < _HEAD or _masked(state ^ 0xFFFFFFFF) != int.from_bytes(head[8:], "little"):
        return None
    return int.from_bytes(head[:8], "little")


def _masked(checksum: int) -> int:
    return ((checksum >> 15 | checksum << 17) + _MASK_DELTA) & 0xFFFFFFFF


@cache
def _table() -> list[int]:
    """Return the CRC-32C of every byte, for a table-driven checksum."""
    table = []
    for byte in range(256):
        state = byte
        for _ in range(8):
            state = state >> 1 ^ (_POLYNOMIAL if state & 1 else 0)
        table.append(state)
    return table


def _masked_sums(contents: list[bytes]) -> NDArray[np.uint32]:
    """Return the masked CRC-32C of every content, shape (contents,); all advance byte by byte.

    Contents are sorted by length, so that at each byte those that are longer come first.
    """
    sizes = np.array([len(one) for one in contents])
    order = np.argsort(-sizes, kind="stable")
    longest = int(sizes.max())
    padded = b"".join(contents[one].ljust(longest, b"\0") for one in order.tolist())
    columns = np.ascontiguousarray(
        np.frombuffer(padded, dtype=np.uint8).reshape(len(contents), longest).T
    )
    still = np.searchsorted(-sizes[order], -np.arange(longest), side="left")
    table = np.array(_table(), dtype=np.uint32)
    state = np.full(len(contents), 0xFFFFFFFF, dtype=np.uint32)
    for column, number in zip(columns, still.tolist(), strict=True):
        part = state[:number]
        state[:number] = table[(part ^ column[:number]) & 0xFF] ^ (part >> np.uint32(8))
    state ^= np.uint32(0xFFFFFFFF)
    masked = np.empty_like(state)
    masked[order] = (state >> np.uint32(15) | state << np.uint32(17)) + np.uint32(_MASK_DELTA)
    return masked

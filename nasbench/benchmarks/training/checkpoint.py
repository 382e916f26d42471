"""Checkpoints: tensors and plain values in one file that contains its own SHA-256.

The hash (see `seal`) is the comment of the zip archive that torch writes, so `torch.load` can read
these files too. Files of earlier versions have no comment and are read without this check.
"""

import io
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from nasbench.errors import DataError
from nasbench.files import DATA, FileKind, atomic_write, read_whole
from nasbench.seal import BLANK, Broken, check_seal, sealed

_ZIP_END = b"PK\x05\x06"
"""First bytes of the last record of a zip archive: 22 bytes, then its comment."""


def write_checkpoint(path: Path, content: Mapping[str, Any], kind: FileKind = DATA) -> None:
    """Write a checkpoint atomically; `kind` gives the error of a disk that refuses it."""
    made = io.BytesIO()  # in memory, since torch hides the errors of a full disk
    torch.save(dict(content), made)
    comment = BLANK.encode()
    archive = made.getvalue()[:-2] + len(comment).to_bytes(2, "little") + comment
    with atomic_write(path, kind) as file:
        file.write(sealed(archive))


def read_checkpoint(path: Path, device: torch.device | str = "cpu") -> dict[str, Any]:
    """Return the content of a checkpoint, with its tensors on `device`.

    Raises `DataError` for a file that is not a checkpoint or has changed since it was written. The
    caller must check the content.
    """
    try:
        archive = read_whole(path)
        if not check_seal(archive) and not _is_of_an_earlier_version(archive):
            raise Broken("no checkpoint of ours")
        content = torch.load(io.BytesIO(archive), map_location=device, weights_only=True)
    except Exception as error:  # torch may raise any error for a damaged file
        raise unreadable(path, error) from error
    if not isinstance(content, dict):
        raise unreadable(path, "no checkpoint of ours")
    return content


def unreadable(path: Path, reason: object) -> DataError:
    """Return the one-line error for a damaged checkpoint."""
    first_line = str(reason).strip().split("\n")[0][:200] or type(reason).__name__
    return DataError(f"checkpoint {path} cannot be read: remove it ({first_line})")


def check_tensors(found: object, like: Mapping[str, Tensor], what: str) -> None:
    """Raise `ValueError` unless `found` has the tensors of `like`: names, shapes and types."""
    if not isinstance(found, dict) or found.keys() != like.keys():
        raise ValueError(f"its {what} are others than this training's")
    for name, expected in like.items():
        check_tensor(found[name], expected, f"{what} '{name}'")


def check_tensor(found: object, like: Tensor, what: str) -> None:
    """Raise `ValueError` unless `found` is a tensor of the shape and type of `like`."""
    if not isinstance(found, Tensor) or (found.shape, found.dtype) != (like.shape, like.dtype):
        raise ValueError(f"its {what} are of another shape or type")


def same_values(found: object, wanted: object) -> bool:
    """Whether a checkpoint's values equal the plain values `wanted`, with exact numbers.

    Python's `==` is not used, since `found` may be anything, such as a tensor in place of a number,
    for which `==` raises an error.
    """
    try:
        return json.dumps(found, sort_keys=True) == json.dumps(wanted, sort_keys=True)
    except (TypeError, ValueError, RecursionError):
        return False


def _is_of_an_earlier_version(archive: bytes) -> bool:
    """Whether a zip archive has no comment, like those that torch itself writes."""
    return archive[-22:-18] == _ZIP_END and archive[-2:] == bytes(2)

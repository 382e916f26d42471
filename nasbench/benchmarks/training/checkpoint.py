"""Checkpoints: tensors and plain values in one file that holds its own SHA-256.

The hash (see `seal`) is the comment of the zip archive that torch writes, so `torch.load` reads
these files too. Those of earlier versions have no comment, and are read without a check.
"""

import io
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from nasbench.errors import DataError
from nasbench.files import DATA, Place, atomic_write, read_whole
from nasbench.seal import BLANK, Broken, check_seal, sealed

_ZIP_END = b"PK\x05\x06"
"""First bytes of the last record of a zip archive: 22 bytes, then its comment."""


def write_checkpoint(path: Path, content: Mapping[str, Any], place: Place = DATA) -> None:
    """Write a checkpoint, whole or not at all; see `atomic_write`."""
    made = io.BytesIO()  # torch hides what a full disk says
    torch.save(dict(content), made)
    comment = BLANK.encode()
    archive = made.getvalue()[:-2] + len(comment).to_bytes(2, "little") + comment
    with atomic_write(path, place) as file:
        file.write(sealed(archive))


def read_checkpoint(path: Path, device: torch.device | str = "cpu") -> dict[str, Any]:
    """Return a checkpoint, its tensors on a device; `DataError` for a file that is none.

    No byte of it has changed since it was written. What it holds is for the caller to check.
    """
    try:
        archive = read_whole(path)
        if not check_seal(archive) and not _is_of_an_earlier_version(archive):
            raise Broken("no checkpoint of ours")
        content = torch.load(io.BytesIO(archive), map_location=device, weights_only=True)
    except Exception as error:  # of a damaged file torch raises whatever it stumbles on
        raise unreadable(path, error) from error
    if not isinstance(content, dict):
        raise unreadable(path, "no checkpoint of ours")
    return content


def unreadable(path: Path, reason: object) -> DataError:
    """Return the error of one line for a damaged checkpoint."""
    first_line = str(reason).strip().split("\n")[0][:200] or type(reason).__name__
    return DataError(f"checkpoint {path} cannot be read: remove it ({first_line})")


def check_tensors(found: object, like: Mapping[str, Tensor], what: str) -> None:
    """Raise `ValueError` where tensors by name are others than `like` in shape or type."""
    if not isinstance(found, dict) or found.keys() != like.keys():
        raise ValueError(f"its {what} are others than this training's")
    for name, expected in like.items():
        check_tensor(found[name], expected, f"{what} '{name}'")


def check_tensor(found: object, like: Tensor, what: str) -> None:
    """Raise `ValueError` for anything but a tensor of the same shape and type."""
    if not isinstance(found, Tensor) or (found.shape, found.dtype) != (like.shape, like.dtype):
        raise ValueError(f"its {what} are of another shape or type")


def same_values(found: object, wanted: object) -> bool:
    """Whether what a checkpoint holds are these plain values, numbers as precise as they are.

    What it holds may be anything, such as tensors where a number belongs, for which Python's `==`
    raises an error of its own.
    """
    try:
        return json.dumps(found, sort_keys=True) == json.dumps(wanted, sort_keys=True)
    except (TypeError, ValueError, RecursionError):
        return False


def _is_of_an_earlier_version(archive: bytes) -> bool:
    """Whether a zip archive ends as torch lets it end: a comment was never there."""
    return archive[-22:-18] == _ZIP_END and archive[-2:] == bytes(2)

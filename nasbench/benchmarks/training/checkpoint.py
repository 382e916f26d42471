"""Checkpoints: tensors and plain values in one file."""

import io
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch

from nasbench.errors import DataError
from nasbench.files import DATA, Place, atomic_write, readable


def write_checkpoint(path: Path, content: Mapping[str, Any], place: Place = DATA) -> None:
    """Write a checkpoint, whole or not at all; see `atomic_write`."""
    made = io.BytesIO()  # torch hides what a full disk says
    torch.save(dict(content), made)
    with atomic_write(path, place) as file:
        file.write(made.getbuffer())


def read_checkpoint(path: Path, device: torch.device | str = "cpu") -> dict[str, Any]:
    """Return a checkpoint, its tensors on a device; `DataError` for a file that is none."""
    try:
        content = torch.load(readable(path), map_location=device, weights_only=True)
    except Exception as error:  # of a damaged file torch raises whatever it stumbles on
        raise DataError(f"checkpoint {path} cannot be read: remove it ({error})") from error
    if not isinstance(content, dict):
        raise DataError(f"checkpoint {path} cannot be read: remove it (no checkpoint of ours)")
    return content

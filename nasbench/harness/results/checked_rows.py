"""Rows as arrays, with checks that name the first row and column that is wrong."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

TOO_MUCH = 2**63
"""Counts and seeds are below this, as they are stored in 64 bits."""


class Misfit(ValueError):
    """Rows cannot be runs of their experiment; the message names column and row."""


@dataclass(frozen=True)
class Lists:
    """A list column as NumPy arrays: list i is `values[offsets[i]:offsets[i + 1]]`."""

    name: str
    values: NDArray[Any]
    offsets: NDArray[np.int32]

    @classmethod
    def of(cls, table: pa.Table, name: str) -> "Lists":
        """Return a list column; `Misfit` where a list has a null inside."""
        column = table[name].combine_chunks()
        offsets = column.offsets.to_numpy()  # without the cost of flatten(), as no list is null
        flat = column.values.slice(offsets[0], offsets[-1] - offsets[0])
        if flat.null_count:
            raise Misfit(f"column '{name}' has a null inside a list")
        if pa.types.is_dictionary(flat.type):
            flat = flat.indices
        return cls(name, flat.to_numpy(zero_copy_only=False), offsets - offsets[0])

    @property
    def lengths(self) -> NDArray[np.int32]:
        """Length of every list, shape (rows,)."""
        return self.offsets[1:] - self.offsets[:-1]

    def row(self, element: int) -> int:
        """Return the row whose list an element is in."""
        return int(np.searchsorted(self.offsets, element, side="right")) - 1


class Rows:
    """Rows of the right types, and checks that raise `Misfit` for the first wrong row."""

    def __init__(self, table: pa.Table) -> None:
        self.table = table
        self._lists: dict[str, Lists] = {}
        self.failed = pc.not_equal(table["error"], "").to_numpy()

    def lists(self, name: str) -> Lists:
        """Return a list column as arrays, converted once."""
        if name not in self._lists:
            self._lists[name] = Lists.of(self.table, name)
        return self._lists[name]

    def refuse(self, wrong: NDArray[np.bool_], name: str, what: Callable[[int], str]) -> None:
        """Raise `Misfit` for the first row that is wrong."""
        if wrong.any():
            row = int(np.argmax(wrong))
            raise self.misfit(name, row, what(row))

    def misfit(self, name: str, row: int, what: str) -> Misfit:
        """Return the error for a row, which names its column, its number and its seed."""
        seed = self.table["seed"][row].as_py()
        return Misfit(f"column '{name}', row {row} (seed {seed}): {what}")

    def range(self, name: str, least: float, most: float) -> None:
        """Check that every value is at least `least` and below `most`."""
        values = self.table[name].to_numpy()
        wrong = ~((values >= least) & (values < most))
        self.refuse(wrong, name, lambda row: f"{values[row]} is out of range")

    def each(self, name: str, good: Callable[[NDArray[Any]], NDArray[np.bool_]], what: str) -> None:
        """Check that `good` is true for every element of every list."""
        lists = self.lists(name)
        fine = good(lists.values)
        if not fine.all():
            at = int(np.argmin(fine))
            raise self.misfit(name, lists.row(at), f"{lists.values[at]} {what}")

    def long(self, name: str, wanted: NDArray[np.int32], what: str) -> None:
        """Check that lists have the lengths `wanted`."""
        lengths = self.lists(name).lengths
        if np.array_equal(lengths, wanted):
            return
        self.refuse(
            lengths != wanted, name, lambda row: f"{lengths[row]} values for {wanted[row]} {what}"
        )

"""Lists of different lengths, one per run, in one array."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nasbench.harness.results.architectures import texts_of


@dataclass(frozen=True)
class Ragged:
    """One list per run, all in one array: list i is `values[offsets[i]:offsets[i + 1]]`."""

    values: NDArray[Any]
    offsets: NDArray[np.int64]  #: shape (runs + 1,)

    def __len__(self) -> int:
        return len(self.offsets) - 1

    def __getitem__(self, run: int) -> NDArray[Any]:
        return self.values[self.offsets[run] : self.offsets[run + 1]]

    @property
    def lengths(self) -> NDArray[np.int64]:
        """Length of every list, shape (runs,)."""
        return np.diff(self.offsets)

    def each(self, function: Callable[[NDArray[Any]], NDArray[Any]]) -> "Ragged":
        """Apply a function to every list; it must return an array of the same length."""
        if not len(self.values):
            return self
        parts = [function(self[run]) for run in range(len(self))]
        return Ragged(np.concatenate(parts), self.offsets)

    def at(self, positions: "Ragged") -> "Ragged":
        """Return, for every run, the elements of its list at its list of `positions`."""
        flat = positions.values + np.repeat(self.offsets[:-1], positions.lengths)
        return Ragged(self.values[flat], positions.offsets)

    def last(self) -> NDArray[Any]:
        """Return the last element of every list; none may be empty."""
        return self.values[self.offsets[1:] - 1]


@dataclass(frozen=True)
class Architectures:
    """The architectures of all runs' evaluations, with each text stored once."""

    codes: Ragged
    """Positions in `texts`, one per evaluation."""
    texts: NDArray[Any]
    space: str

    def at(self, positions: Ragged) -> "Architectures":
        """Return, for every run, the architectures of the evaluations at its `positions`."""
        return replace(self, codes=self.codes.at(positions))

    def of(self, run: int) -> NDArray[Any]:
        """Return the texts of a run's evaluations, in order."""
        return np.asarray(self.texts[self.codes[run]])

    @cached_property
    def indices(self) -> Ragged:
        """The architectures as indices in their space.

        Raises `InvalidInput` for a space whose architectures have no indices.
        """
        used, places = np.unique(self.codes.values, return_inverse=True)
        found = texts_of(self.space).indices(self.texts[used].tolist())
        return Ragged(found[places.ravel()], self.codes.offsets)

"""The plan of a tabulation: what to train, and where to keep the results."""

import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from nasbench.benchmarks.training.data import DataSet
from nasbench.benchmarks.training.grouped import layout_for
from nasbench.benchmarks.training.recipes import Recipe
from nasbench.benchmarks.training.shards import Identity
from nasbench.benchmarks.training.train import find_device
from nasbench.errors import InvalidInput
from nasbench.files import RESULTS, disk_error, not_there
from nasbench.limits import GROUP
from nasbench.spaces import find_space, get_enumerable
from nasbench.spaces.base import EnumerableSpace
from nasbench.spaces.networks.base import networks_of

_SAMPLE = 201
"""Seed of the order in which subsets of the distinct cells are drawn."""


def distinct_cells(space: EnumerableSpace, number: int | None = None) -> tuple[int, ...]:
    """Return the canonical index of every distinct network, or of `number` random ones, sorted.

    A larger sample contains the smaller ones. Raises `InvalidInput` unless `number` is from 1 to
    the number of distinct networks.
    """
    every = np.unique(networks_of(space).classes)
    if number is None:
        return tuple(every.tolist())
    if not 1 <= number <= len(every):
        raise InvalidInput(f"cells {number}: the space has 1 to {len(every)} distinct cells")
    order = np.random.default_rng(_SAMPLE).permutation(len(every))
    return tuple(np.sort(every[order[:number]]).tolist())


@dataclass(frozen=True)
class Plan:
    """What to train and where to keep it; it can be sent to worker processes.

    `cells` are canonical indices. `data` is a function that builds the data set in each process.
    Shards are written to `out`/shards; trainings in the folders `also` count as finished.
    """

    data: Callable[[], DataSet]
    recipe: Recipe
    out: Path
    cells: tuple[int, ...]
    seeds: tuple[int, ...] = (0, 1, 2)
    group: int = 32
    device: str = "cpu"
    precision: str = "float32"
    also: tuple[Path, ...] = ()
    space: str = "nb201"
    threads: int = 1
    """CPU threads of each worker. Like `group`, it changes last bits, so shards record both."""
    layout: str | None = None
    """How a group is computed, which changes last bits too; None means what suits the device."""

    def identity(self, data: DataSet) -> Identity:
        """Return the identity that all shards of this plan must share; `data` is the data set."""
        threads = self.threads if torch.device(self.device).type == "cpu" else None
        layout = layout_for(self.device, self.layout)
        return Identity.of(
            self.space, data, self.recipe, self.precision, self.group, threads, layout
        )

    @property
    def searched(self) -> EnumerableSpace:
        """The space; `InvalidInput` for an unknown name and for a space without indices."""
        found = find_space(self.space)  # in workers too, since it may be in a user's module
        return get_enumerable(found.name)

    @property
    def shards(self) -> Path:
        """The folder of shards that this tabulation writes to."""
        return self.out / "shards"

    @property
    def folders(self) -> tuple[Path, ...]:
        """All folders from which shards are read."""
        return (self.shards, *(_shards_of(folder) for folder in self.also))

    def check(self) -> None:
        """Raise a one-line error for settings and folders that would fail during the work.

        It is `InvalidInput`, or `StoreError` for a folder that cannot be written.
        """
        GROUP.check(self.group)
        if not self.seeds or not self.cells:
            raise InvalidInput("nothing to train: ask for one seed and one cell or more")
        find_device(self.device)
        layout_for(self.device, self.layout)
        for folder in self.folders[1:]:
            if not folder.is_dir():
                raise InvalidInput(f"folder of shards '{folder}' {not_there(folder)}")
        try:
            self.shards.mkdir(parents=True, exist_ok=True)
            if not os.access(self.shards, os.W_OK):
                raise PermissionError(13, "no permission")
        except OSError as error:
            raise disk_error(self.shards, error, RESULTS) from error


def _shards_of(folder: Path) -> Path:
    """Return the folder of shards, given either it or the folder of a tabulation."""
    return folder / "shards" if (folder / "shards").is_dir() else folder

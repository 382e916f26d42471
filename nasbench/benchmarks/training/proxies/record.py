"""Scores while they are measured: what is there already, kept on disk so that work can go on.

Unfinished scores are in a file of their own, beside the place of the finished one, so that a search
never finds half of a measurement.
"""

import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from nasbench.benchmarks.proxies import About, Floats, Proxies, read_proxies, write_proxies
from nasbench.benchmarks.training.proxies.catalogue import OF_NETWORKS
from nasbench.errors import InvalidInput

_KEPT_EVERY = 60.0
"""Seconds after which new scores are written."""
_MAY_DIFFER = ("wall", "notes")


class Record:
    """The scores and seconds of a table's architectures by proxy, NaN where they are missing."""

    def __init__(self, path: Path, about: About, *, fresh: bool = False) -> None:
        """Go on with what an earlier measurement left at `path`, unless it is to be `fresh`.

        Raises `InvalidInput` if that was made with other settings or on another machine,
        `DataError` if it is damaged.
        """
        self.path, self.about = path, about
        self.scores: dict[str, Floats] = {}
        self.seconds: dict[str, Floats] = {}
        self.wall: dict[str, float] = {}
        self._unfinished = path.with_name(f"{path.stem}.unfinished{path.suffix}")
        self._written = time.monotonic()
        there = [one for one in (self._unfinished, path) if one.is_file()]
        if there and not fresh:
            self._take(read_proxies(there[0]), there[0])

    def _take(self, found: Proxies, path: Path) -> None:
        if not set(found.names) & set(OF_NETWORKS):
            return  # sizes of networks, which are known at once
        if not self.about.batch:
            self.about = found.info  # no more than sizes are added
        for name in About.model_fields:
            before, now = getattr(found.info, name), getattr(self.about, name)
            if name not in _MAY_DIFFER and before != now:
                raise InvalidInput(
                    f"'{path}' was measured with {name} '{before}', here it is '{now}': go on as "
                    "it was begun, or measure all anew with --force"
                )
        for name in found.names:
            self.scores[name] = found.scores[name].copy()
            self.seconds[name] = found.seconds[name].copy()
        self.wall = dict(found.info.wall)

    def columns(self, name: str) -> tuple[Floats, Floats]:
        """Return the scores and the seconds of a proxy, which may be changed in place."""
        if name not in self.scores:
            self.scores[name] = np.full(self.about.size, np.nan)
            self.seconds[name] = np.full(self.about.size, np.nan)
        return self.scores[name], self.seconds[name]

    def share(self, name: str, classes: NDArray[np.int64], wanted: NDArray[np.int64]) -> None:
        """Give architectures at `wanted` the score that another of the same network has.

        `classes` is the class of every architecture, shape (size,).
        """
        scores, seconds = self.columns(name)
        known = np.flatnonzero(~np.isnan(scores))
        by_class = dict(zip(classes[known].tolist(), known.tolist(), strict=True))
        for position in wanted[np.isnan(scores[wanted])].tolist():
            twin = by_class.get(int(classes[position]))
            if twin is not None:
                scores[position], seconds[position] = scores[twin], seconds[twin]

    def keep(self, *, now: bool = False) -> None:
        """Write the unfinished scores, if the last time is a minute ago or it must be `now`."""
        if now or time.monotonic() - self._written > _KEPT_EVERY:
            if any((~np.isnan(one)).any() for one in self.scores.values()):
                write_proxies(self._unfinished, self._proxies([*self.scores]))
            self._written = time.monotonic()

    def finish(self, order: Sequence[str]) -> Proxies:
        """Write the finished scores, with the proxies in an `order`, and return them."""
        found = self._proxies([name for name in order if name in self.scores])
        write_proxies(self.path, found)
        self._unfinished.unlink(missing_ok=True)
        return found

    def _proxies(self, names: Sequence[str]) -> Proxies:
        return Proxies(
            tuple(names),
            {name: rounded(self.scores[name]) for name in names},
            {name: rounded(self.seconds[name]) for name in names},
            self.about.model_copy(update={"wall": dict(self.wall)}),
        )


def rounded(values: Floats) -> Floats:
    """Return values rounded to single precision, unless one of them is too large for it."""
    with np.errstate(over="ignore"):
        single = values.astype(np.float32).astype(np.float64)
    return single if (np.isinf(single) == np.isinf(values)).all() else values

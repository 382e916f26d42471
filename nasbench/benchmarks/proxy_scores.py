"""The scores of zero-cost proxies that a search on a table may ask for, and who answers.

A proxy is a number that says of a network, before it is trained, how good it might become. The
number of weights and that of multiply-adds are proxies too, the baseline of all others: every table
that has them as columns has them as proxies, at no cost. The others are measured once per table
and data set and kept in a file (see `nasbench.benchmarks.proxies`).
"""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from nasbench.benchmarks.asked import check_architecture
from nasbench.benchmarks.base import Session
from nasbench.benchmarks.proxies import find_proxies
from nasbench.benchmarks.tables.costs import per_architecture
from nasbench.benchmarks.tables.objectives import SIZES, objectives_of, read_cost
from nasbench.benchmarks.tables.table import Table
from nasbench.errors import InvalidInput
from nasbench.problem import Score, Scores
from nasbench.spaces.base import Architecture, EnumerableSpace

Floats = NDArray[np.float64]


class Proxy(NamedTuple):
    """A proxy's scores of all architectures of a table, in the order of its space's indices."""

    scores: Floats  #: shape (size,), NaN where an architecture was not measured; more is better
    seconds: Floats  #: what measuring each took, shape (size,); 0 where nothing was measured


@dataclass(frozen=True)
class ProxyUse:
    """The proxies that an experiment asks for, and what their scores cost on a run's clock."""

    names: tuple[str, ...]
    content: str
    """SHA-256 of their scores and seconds, see `content_of`."""
    factor: float | None = None
    """Seconds on the run's clock for each measured second; None where scores take no time."""


def own_proxies(table: Table, dataset: str) -> dict[str, Proxy]:
    """Return the proxies that are columns of a table, `params` and `flops`, as far as it has them.

    They cost nothing.
    """
    found = {}
    for metric in objectives_of(table, dataset):
        if metric.name in SIZES:
            column = per_architecture(read_cost(table.search, metric, dataset), table.rows)
            scores = np.asarray(column, dtype=np.float64)
            found[metric.name] = Proxy(scores, np.zeros(len(scores)))
    return found


def known_proxies(table: Table, dataset: str) -> dict[str, Proxy]:
    """Return all proxies that there are for a data set of a table, by name.

    A measured proxy with the name of one of the table's own counts only where it has none. Raises
    `DataError` for a file of scores that is damaged or belongs to another table.
    """
    found = own_proxies(table, dataset)
    measured = find_proxies(table, dataset)
    if measured is None:
        return found
    for name in measured.names:
        if name not in found:
            scores = np.asarray(measured.scores[name], dtype=np.float64)
            seconds = np.asarray(measured.seconds[name], dtype=np.float64)
            found[name] = Proxy(scores, np.where(np.isnan(seconds), 0.0, seconds))
    return found


def content_of(proxies: Mapping[str, Proxy]) -> str:
    """Return the SHA-256 of proxies: of each, by name, its scores and seconds as 64-bit floats."""
    digest = hashlib.sha256()
    for name, one in sorted(proxies.items()):
        digest.update(name.encode() + b"\n")
        for numbers in one:
            plain = np.where(np.isnan(numbers), np.nan, numbers)  # one NaN of all that there are
            digest.update(plain.astype("<f8").tobytes())
    return digest.hexdigest()


class _Looked(dict[Architecture, tuple[float, float]]):
    """Score and seconds of each architecture by one proxy, looked up when first asked for."""

    def __init__(self, space: EnumerableSpace, of: Proxy) -> None:
        super().__init__()
        self._space, self._of = space, of

    def __missing__(self, architecture: Architecture) -> tuple[float, float]:
        check_architecture(self._space, architecture)
        index = self._space.index(architecture)
        found = float(self._of.scores[index]), float(self._of.seconds[index])
        self[architecture] = found
        return found


class ProxyScores:
    """Answers `Score` requests from stored numbers; shared by all runs of a process."""

    def __init__(
        self, space: EnumerableSpace, proxies: Mapping[str, Proxy], factor: float | None = None
    ) -> None:
        """Take the proxies that may be asked for; `factor` is that of `ProxyUse`."""
        self._looked = {name: _Looked(space, one) for name, one in proxies.items()}
        self._factor = factor

    @property
    def names(self) -> tuple[str, ...]:
        """The proxies that may be asked for."""
        return tuple(self._looked)

    def answer(self, request: Score) -> Scores:
        """Return the scores of the requested architectures, their seconds and their charges.

        Raises `InvalidInput` for a proxy that is not one of `names`, for what is no architecture
        of the space, and where none is named.
        """
        looked = self._looked.get(request.proxy) if isinstance(request.proxy, str) else None
        if looked is None:
            raise InvalidInput(
                f"the strategy asked for scores of proxy {request.proxy!r:.60}: it has named "
                f"{', '.join(self.names)}"
            )
        if not (isinstance(request.architectures, Sequence) and request.architectures):
            raise InvalidInput(
                "the strategy asked for the scores of no architecture: a nasbench.Score has a list "
                "of one or more"
            )
        try:
            found = [looked[one] for one in request.architectures]
        except TypeError:  # one cannot be hashed, so it is no architecture
            for one in request.architectures:
                check_architecture(looked._space, one)
            raise
        values, seconds = zip(*found, strict=True)
        factor = self._factor
        charges = () if factor is None else tuple([factor * one for one in seconds])
        return Scores(values, seconds, charges)


class ScoringSession:
    """A session of a benchmark that also answers `Score` requests, by its method `score`."""

    def __init__(self, session: Session, scores: ProxyScores) -> None:
        """Wrap the session that answers all other requests of one run."""
        self.answer = session.answer
        self.score = scores.answer
        self.told = getattr(session, "told", None)
        """Called with a request and its answer when an evaluation has ended; None is not called."""

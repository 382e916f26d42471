"""The interfaces of a benchmark, of its sessions and of its judge."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from nasbench.problem import Answer, Fidelity, Metric, SharedAnswer
from nasbench.randomness import Random
from nasbench.spaces.base import Architecture, Space


class Session(Protocol):
    """Answers the requests of one run."""

    def answer(self, request: Any) -> Answer | SharedAnswer:
        """Return the values of the objectives and the cost of one request, and nothing else."""


class Benchmark(Protocol):
    """Answers the requests of searches.

    A benchmark is immutable, is shared by all runs of a process, and holds no test values.
    """

    @property
    def space(self) -> Space:
        """The search space."""

    @property
    def objectives(self) -> tuple[Metric, ...]:
        """The metrics in an answer's values, in the same order."""

    @property
    def fidelities(self) -> tuple[Fidelity, ...]:
        """The fidelities that a request may name, from the cheapest to the most expensive."""

    def session(self, random: Random) -> Session:
        """Return a session, which answers one run.

        `random` draws a training seed where an evaluation could be of several.
        """

    @property
    def best_signal(self) -> float | None:
        """Best score of the first objective in the whole space; None where it is not known."""

    @property
    def note(self) -> str:
        """One line on how answers are made and on which clock; empty for a plain table."""

    @property
    def cheapest(self) -> float:
        """The least cost of one evaluation, in seconds."""


@dataclass(frozen=True)
class FinalValues:
    """Final values of n architectures on one data set; both arrays have shape (n, objectives)."""

    valid: NDArray[np.float64]  #: mean over the known training seeds; NaN where none is known
    test: NDArray[np.float64]


class Judge(Protocol):
    """The only reader of test values; it is called after a search has ended."""

    def read(self, architectures: Sequence[Architecture]) -> Mapping[str, FinalValues]:
        """Return the final values of `architectures`, in their order, by reported data set."""

"""What the harness asks of a benchmark and of its judge."""

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
        """Return the values of the objectives and the cost, and nothing else."""


class Benchmark(Protocol):
    """Answers searches; immutable, shared by all runs of a process. It holds no test number."""

    @property
    def space(self) -> Space:
        """What is searched."""

    @property
    def objectives(self) -> tuple[Metric, ...]:
        """What an answer has values of, in this order."""

    @property
    def fidelities(self) -> tuple[Fidelity, ...]:
        """Fidelities that can be asked for, from the cheapest to the dearest."""

    def session(self, random: Random) -> Session:
        """Return what answers one run; `random` picks among training trials if it must."""

    @property
    def best_signal(self) -> float | None:
        """Best score of the first objective in the whole space, None where it is not known."""

    @property
    def note(self) -> str:
        """One line on how it answers and on which clock, empty where the table says it all."""

    @property
    def cheapest(self) -> float:
        """Least seconds one evaluation can cost."""


@dataclass(frozen=True)
class Verdict:
    """Final values of some architectures on one data set, shape (n, objectives)."""

    valid: NDArray[np.float64]  #: mean over the training seeds there are; NaN where unknown
    test: NDArray[np.float64]


class Judge(Protocol):
    """The only reader of test, called after a search has ended."""

    def read(self, architectures: Sequence[Architecture]) -> Mapping[str, Verdict]:
        """Return the verdict of each reported data set."""

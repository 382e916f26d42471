"""The findings of an audit."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from nasbench.harness.results.ragged import Ragged
from nasbench.harness.results.runs import ExperimentRuns

_SHOWN = 3
"""Most seeds that a finding names."""


class Finding(NamedTuple):
    """One error in a results folder, or one thing that a reader should know."""

    check: str
    """Name of the check."""
    where: str
    """The experiment's path below the results folder, or a file."""
    what: str
    """One line: what is stored and what it should be."""
    fault: bool = True
    """Whether it makes a number wrong or a comparison unfair; otherwise it is a note."""

    def __str__(self) -> str:
        return f"{'FAULT' if self.fault else 'note '}  {self.check}: {self.where}: {self.what}"


@dataclass(frozen=True)
class Audit:
    """All findings of an audit, and how much was checked."""

    findings: tuple[Finding, ...]
    experiments: int
    runs: int
    evaluations: int
    """Number of evaluations in all checked runs that finished."""
    finals: int
    """Number of final values in all checked runs that finished."""
    numbers: int
    """Number of values in stored comparisons and reproductions that were computed again."""
    replayed: int
    """Number of runs that were made again from their seeds."""
    seed: int
    """The seed with which these runs were drawn; the same seed draws the same runs."""

    @property
    def faults(self) -> tuple[Finding, ...]:
        """The findings that make a number wrong or a comparison unfair."""
        return tuple(one for one in self.findings if one.fault)

    @property
    def summary(self) -> str:
        """One line: what was checked."""
        return (
            f"{self.experiments} experiments, {self.runs} runs, {self.evaluations} evaluations, "
            f"{self.finals} final values, {self.numbers} numbers of a stored comparison, "
            f"{self.replayed} runs replayed (--seed {self.seed}): faults {len(self.faults)}, "
            f"notes {len(self.findings) - len(self.faults)}"
        )

    def joined(self, other: "Audit", where: str) -> "Audit":
        """Return this audit with that of a folder below this one's, at `where`."""
        theirs = [one._replace(where=f"{where}/{one.where}") for one in other.findings]
        return Audit(
            in_order([*self.findings, *theirs]),
            seed=self.seed,
            **{
                name: getattr(self, name) + getattr(other, name)
                for name in (
                    "experiments", "runs", "evaluations", "finals", "numbers", "replayed"
                )
            },
        )  # fmt: skip

    def to_json(self) -> dict[str, Any]:
        """Return everything as JSON values."""
        counts = {name: value for name, value in vars(self).items() if name != "findings"}
        return {**counts, "findings": [one._asdict() for one in self.findings]}


def in_order(findings: Iterable[Finding]) -> tuple[Finding, ...]:
    """Return findings each once, faults first, else in the order in which they were found."""
    return tuple(sorted(dict.fromkeys(findings), key=lambda finding: not finding.fault))


def name_elements(runs: ExperimentRuns, lists: Ragged, wrong: NDArray[np.bool_]) -> str:
    """Name the first seeds whose lists have wrong elements, and count the others."""
    run = np.repeat(np.arange(len(lists)), lists.lengths)
    return name_seeds(runs, np.isin(np.arange(len(lists)), run[wrong]))


def name_seeds(runs: ExperimentRuns, wrong: NDArray[np.bool_]) -> str:
    """Name the first seeds whose runs are wrong, and count the others."""
    seeds = runs.seeds[wrong].tolist()
    shown = ", ".join(map(str, seeds[:_SHOWN]))
    more = f" and {len(seeds) - _SHOWN} more" if len(seeds) > _SHOWN else ""
    return f"seed {shown}{more}"

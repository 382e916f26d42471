"""Which rows and seeds of stored runs a comparison shows, and what it leaves out.

A choice cannot hide: what was left out stands in the notes of every table, in the captions of
figures and in `comparison.json`.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Any

import numpy as np

from nasbench.errors import InvalidInput
from nasbench.harness.compare.labels import known_as
from nasbench.harness.results.runs import ExperimentRuns
from nasbench.harness.search.seeds import parse_seeds
from nasbench.harness.search.task import Task
from nasbench.text import shown

COMMON = "common"
"""The choice of the seeds that all rows of a block have."""
_LONG = 60
"""Most characters of a list of seeds in a note; all of them stand in the JSON."""
_COMMA = re.compile(r",(?![^()]*\))")
"""A comma outside of brackets: those of a label separate settings."""


@dataclass(frozen=True)
class LeftOut:
    """Runs of one experiment that a choice of rows or seeds left out."""

    label: str  #: the row's label in the comparison of all runs
    title: str  #: the strategy's name for readers
    strategy: str
    settings: dict[str, Any]
    task: Task
    runs: int  #: runs left out
    stored: int  #: runs stored

    @classmethod
    def of(cls, label: str, row: ExperimentRuns, runs: int) -> "LeftOut":
        """Return that so many runs of a row are left out."""
        one = row.experiment
        return cls(label, row.title, one.strategy, dict(one.settings), one.task, runs, len(row))

    @property
    def called(self) -> str:
        """The label and, where a user's own name stands in it, the strategy."""
        return self.label if self.title in self.label else f"{self.label} ({self.title})"

    @property
    def key(self) -> tuple[str, Task]:
        """What tells a row from the others."""
        return self.label, self.task

    @property
    def whole(self) -> bool:
        """Whether the whole row is left out."""
        return self.runs == self.stored

    def to_json(self) -> dict[str, Any]:
        """Return it as JSON values."""
        task = self.task
        return {
            "label": self.label, "strategy": self.strategy, "settings": self.settings,
            "benchmark": task.benchmark, "searched": task.query.dataset,
            "protocol": task.protocol, "budget": str(task.budget),
            "runs": self.runs, "stored": self.stored,
        }  # fmt: skip


@dataclass(frozen=True)
class RowChoice:
    """A user's choice of rows and seeds; everything where nothing is given."""

    strategies: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()
    seeds: str = ""
    """Seeds as `parse_seeds` reads them, or `common`."""

    def __bool__(self) -> bool:
        return bool(self.strategies or self.exclude or self.seeds)

    def apply(
        self, found: Sequence[tuple[str, ExperimentRuns]]
    ) -> tuple[list[ExperimentRuns], list[LeftOut]]:
        """Return the chosen runs, and what is left out; `found` are labels and runs.

        Raises `InvalidInput` for a name that no row has, and where nothing is left.
        """
        rows = [(label, row, known_as(label, row)) for label, row in found]
        names = {name: None for _, _, known in rows for name in sorted(known)}
        wanted = set(_names(self.strategies, "strategy", names))
        unwanted = set(_names(self.exclude, "exclude", names))
        seeds = None
        if self.seeds and self.seeds != COMMON:
            seeds = np.array(parse_seeds(self.seeds), dtype=np.int64)
        chosen, left_out = [], []
        for label, row, known in rows:
            there = (not wanted or known & wanted) and not known & unwanted
            kept = row if there else row.select(np.zeros(len(row), dtype=bool))
            if seeds is not None:
                kept = kept.select(np.isin(kept.seeds, seeds))
            if len(kept):
                chosen.append(kept)
            if len(kept) < len(row):
                left_out.append(LeftOut.of(label, row, len(row) - len(kept)))
        if not chosen:
            options = [
                f"{name} {', '.join(values)}"
                for name, values in (("--strategy", self.strategies), ("--exclude", self.exclude))
                if values
            ] + ([f"--seeds {self.seeds}"] if self.seeds else [])
            said = " ".join(options)
            raise InvalidInput(f"{said} leaves no run to compare: choose more rows or seeds")
        return chosen, left_out


EVERYTHING = RowChoice()


def _names(values: Sequence[str], option: str, known: Sequence[str] | dict[str, None]) -> list[str]:
    """Return the rows' names in some texts, which may hold several with commas between them."""
    found = []
    for value in values:
        parts = [value] if value in known else [one.strip() for one in _COMMA.split(value)]
        for name in filter(None, parts):
            if name not in known:
                near = get_close_matches(name, known, n=1, cutoff=0.5)
                hint = f"did you mean '{near[0]}'? " if near else ""
                raise InvalidInput(
                    f"{option} {shown(name)} is no row of these runs: {hint}known are "
                    f"{', '.join(known)}"
                )
            found.append(name)
    return found


def about_rows(
    left_out: Sequence[LeftOut],
    shown_rows: int,
    others: Sequence[LeftOut],
    titles: Mapping[str, str],
    seeds: str = "",
) -> list[str]:
    """Return notes on what was left out of a block with some rows, and on other blocks' rows.

    `left_out` are runs of the block's task, `others` rows that are in no block, `titles` names of
    data sets for readers, `seeds` those that were asked for.
    """
    notes = []
    rows = [one for one in left_out if one.whole]
    if rows:
        of = shown_rows + len(rows)
        notes.append(
            f"chosen are {shown_rows} of {of} rows, left out: {', '.join(o.called for o in rows)}; "
            f"tests are corrected for the {pairs_text(shown_rows)} shown on a data set, all rows "
            f"would make {pairs_text(of)}"
        )
    cut: dict[tuple[int, int], list[str]] = {}
    for one in left_out:
        if not one.whole:
            cut.setdefault((one.runs, one.stored), []).append(one.label)
    for (runs, stored), labels in cut.items():
        which = "every row" if len(cut) == 1 and len(labels) == shown_rows else ", ".join(labels)
        notes.append(
            f"chosen by their seeds, {_short(seeds)}, are {stored - runs} of {stored} runs of "
            f"{which}"
        )
    by_task: dict[str, list[str]] = {}
    for one in others:
        task = one.task
        searched = titles.get(task.query.dataset, task.query.dataset)
        where = f"{task.benchmark} searched on {searched}, {task.protocol}, {task.budget}"
        by_task.setdefault(where, []).append(one.called)
    for where, labels in by_task.items():
        notes.append(f"left out of another block ({where}): {', '.join(labels)}")
    return notes


def _short(seeds: str) -> str:
    return seeds if len(seeds) <= _LONG else f"{seeds[:_LONG]}..."


def pairs(rows: int) -> int:
    """Return how many pairs some rows make: p-values on one data set are corrected for as many."""
    return rows * (rows - 1) // 2


def pairs_text(rows: int) -> str:
    """Return how many pairs some rows make, as `3 pairs`."""
    number = pairs(rows)
    return f"{number} pair" if number == 1 else f"{number} pairs"


def corrected_over(rows: int) -> str:
    """Return over which pairs of some rows a test is corrected: `all 3 pairs`, `the only pair`."""
    return "the only pair" if pairs(rows) == 1 else f"all {pairs_text(rows)}"

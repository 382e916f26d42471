"""What a reproduction found, as values, a table and a file that is small enough to publish."""

import json
import math
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from nasbench.errors import StoreError
from nasbench.files import RESULTS, atomic_write
from nasbench.harness.compare.estimates import summarise
from nasbench.harness.compare.formats import Cell, Section, TextTable
from nasbench.harness.reproduce.recipe import Published, Recipe
from nasbench.harness.reproduce.verdict import Outcome, Verdict, equivalence

FILE = "reproduction.json"


@dataclass(frozen=True)
class Measured:
    """A published row on one data set, and what came out here."""

    row: str
    dataset: str
    published_mean: float
    published_std: float
    published_runs: int
    mean: float | None
    """None where the row was not run."""
    std: float | None
    runs: int
    verdict: Verdict | None
    remark: str
    """Why the row was not run, or may differ."""
    cells: tuple[int, ...]
    """Index of every seed's final cell, by seed."""


@dataclass(frozen=True)
class Reproduction:
    """A published table run again."""

    name: str
    title: str
    command: str
    table: str
    """SHA-256 of the table."""
    protocol: str
    seeds: str
    margin: float
    budget_rule: str
    nasbench: str | None
    commit: str | None
    rows: tuple[Measured, ...]

    def save(self, folder: Path) -> None:
        """Write `reproduction.json`; `StoreError` where it cannot be."""
        with atomic_write(folder / FILE, RESULTS) as file:
            file.write((json.dumps(asdict(self)) + "\n").encode())

    @classmethod
    def load(cls, path: Path) -> "Reproduction":
        """Read what `save` wrote; `StoreError` where it is damaged."""
        from pydantic import TypeAdapter

        try:
            return TypeAdapter(cls).validate_json(path.read_bytes())
        except (OSError, ValueError) as error:
            raise StoreError(
                f"'{path}' is damaged: restore it, or run `nasbench reproduce` again"
            ) from error

    def to_table(self) -> TextTable:
        """Return published beside measured, a section per data set."""
        columns = ("row", "runs", "published", "runs here", "here", "difference", "verdict")
        sections = []
        for dataset in dict.fromkeys(row.dataset for row in self.rows):
            rows = [_cells(row) for row in self.rows if row.dataset == dataset]
            sections.append(Section(dataset, rows, []))
        remarks = {row.remark: None for row in self.rows if row.remark}
        notes = (
            f"verdict: two one-sided Welch tests at 0.05; the same is within {self.margin:g} "
            "published standard deviations; open: too few runs to tell",
            f"all rows: {self.budget_rule}",
            *(self._remark(remark) for remark in remarks),
            f"protocol {self.protocol}, seeds {self.seeds}, table {self.table[:8]}, "
            f"nasbench {self.nasbench or 'from source'}: {self.command}",
        )
        caption = f"{self.title}: test accuracy (%), mean ± standard deviation"
        return TextTable("reproduction", caption, columns, sections, notes)

    @property
    def summary(self) -> str:
        """How many rows, on every data set, came to each outcome, as one line."""
        outcomes = [row.verdict.outcome if row.verdict else "not run" for row in self.rows]
        return f"{self.name}: " + ", ".join(
            f"{outcomes.count(outcome)} {outcome}" for outcome in (*Outcome, "not run")
        )

    def _remark(self, remark: str) -> str:
        names = dict.fromkeys(row.row for row in self.rows if row.remark == remark)
        return f"{', '.join(names)}: {remark}"


def reproductions(results: Path) -> dict[Path, Reproduction]:
    """Return the reproductions below a results folder by their files, in path order."""
    found = sorted(results.rglob(FILE)) if results.is_dir() else ()
    return {path: Reproduction.load(path) for path in found}


def command(name: str, *, quick: bool) -> str:
    """Return the command that makes a reproduction."""
    return f"nasbench reproduce {name}{' --quick' if quick else ''}"


def measured(
    row: Published,
    dataset: str,
    recipe: Recipe,
    finals: NDArray[np.float64],
    cells: tuple[int, ...],
) -> Measured:
    """Return what came out for a row on a data set; `finals`, shape (runs,), none if not run."""
    mean, std = row.published[dataset]
    theirs = (mean, std, row.runs)
    if row.not_run or not len(finals):
        reason = row.not_run or "no run of it finished"
        return Measured(row.name, dataset, *theirs, None, None, 0, None, reason, ())
    ours = summarise(finals)
    verdict = equivalence(theirs, (ours.mean, ours.std, ours.n), recipe.margin * std)
    return Measured(
        row.name, dataset, *theirs, ours.mean, ours.std, ours.n, verdict, row.explanation, cells
    )


def _cells(row: Measured) -> list[Cell]:
    published = f"{row.published_mean:.2f} ± {row.published_std:.2f}"
    first = [Cell(row.row), Cell(str(row.published_runs)), Cell(published)]
    if row.mean is None or row.verdict is None:
        return [*first, Cell("–"), Cell("–"), Cell("–"), Cell("not run")]
    std = "" if row.std is None or math.isnan(row.std) else f" ± {row.std:.2f}"
    return [
        *first,
        Cell(str(row.runs)),
        Cell(f"{row.mean:.2f}{std}"),
        Cell(f"{row.verdict.difference:+.2f}"),
        Cell(row.verdict.outcome, row.verdict.outcome is Outcome.REPRODUCED),
    ]

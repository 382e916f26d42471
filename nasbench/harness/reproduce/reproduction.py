"""What a reproduction found, as values, a table and a file that is small enough to publish."""

import json
import math
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

from nasbench.errors import StoreError
from nasbench.files import RESULTS, atomic_write
from nasbench.harness.compare.formats import Cell, Section, TextTable
from nasbench.harness.reproduce.verdict import Outcome, Verdict

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


def reproductions(results: Path) -> Iterator[Reproduction]:
    """Yield the reproductions below a results folder, in path order."""
    for path in sorted(results.rglob(FILE)) if results.is_dir() else ():
        yield Reproduction.load(path)


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

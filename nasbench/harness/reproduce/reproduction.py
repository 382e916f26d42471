"""The result of a reproduction, as values, a table and a file that is small enough to publish."""

import json
import math
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from nasbench.benchmarks.titles import KNOWN
from nasbench.errors import StoreError
from nasbench.files import RESULTS, atomic_write, read_whole
from nasbench.harness.compare.estimates import LEVEL, summarise
from nasbench.harness.compare.tables.formats import Entry, Section, TextTable
from nasbench.harness.reproduce.published_table import Published, PublishedTable
from nasbench.harness.reproduce.verdict import (
    FEWEST,
    RULE,
    Moments,
    Outcome,
    Spread,
    Verdict,
    spread,
    verdict,
)

FILE = "reproduction.json"
ONE_FIDELITY = (
    "needs validation after several numbers of epochs, and the installed table has it after one; "
    "the official files have the whole curves: nasbench data import"
)
"""Why a row whose strategy compares fidelities is not run on some tables."""
_FIRST_RULE = 1  # files of this rule do not name their rule
_UNCONFIRMED = "(?)"
"""Mark beside a published figure that could not be confirmed."""


@dataclass(frozen=True)
class Measured:
    """A published row on one data set, and the result here; accuracies or errors, in percent."""

    row: str
    dataset: str
    published_mean: float
    published_std: float | None
    """None where it is not published."""
    published_runs: int
    mean: float | None
    """None where the row was not run."""
    std: float | None
    runs: int
    verdict: Verdict | None
    """None where the row was not run, or where its numbers allow no verdict."""
    spread: Spread | None
    remark: str
    """Why the row was not run, or why its result may differ."""
    unconfirmed: str
    """What could not be confirmed of the published figures; empty if all were."""
    cells: tuple[int, ...]
    """Index of the final cell of every run, in order of seeds."""


@dataclass(frozen=True)
class Reproduction:
    """The result of running a published table again."""

    name: str
    title: str
    command: str
    table: str
    """SHA-256 of the table; empty where no row could be run."""
    protocol: str
    seeds: str
    margin: float
    """Largest difference of means that counts as the same, see `PublishedTable.margin`."""
    deviations: tuple[str, ...]
    """Known differences from the original experiment that concern more than one row."""
    nasbench: str | None
    commit: str | None
    rows: tuple[Measured, ...]
    rule: Literal[1, 2] = RULE
    """Number of the rule that made the verdicts."""
    quantity: Literal["accuracy", "error"] = "accuracy"
    """What the figures are; an error is 100 minus the accuracy."""
    decimals: int = 2
    """Decimals that are shown."""

    @property
    def ran(self) -> bool:
        """Whether any row was run."""
        return any(row.mean is not None for row in self.rows)

    def save(self, folder: Path) -> None:
        """Write `reproduction.json` into a folder; raises `StoreError` where this fails."""
        with atomic_write(folder / FILE, RESULTS) as file:
            file.write((json.dumps(asdict(self)) + "\n").encode())

    @classmethod
    def load(cls, path: Path) -> "Reproduction":
        """Read what `save` wrote.

        Verdicts made by the earlier rule claimed more than they could, and are left out. Raises
        `StoreError` for a file that is damaged or of a later version.
        """
        from pydantic import TypeAdapter
        from pydantic_core import from_json

        try:
            data = from_json(read_whole(path))
            if data.get("rule", _FIRST_RULE) == _FIRST_RULE:
                data = _updated(data)
            return TypeAdapter(cls).validate_python(data)
        except (OSError, ValueError, TypeError, AttributeError, KeyError) as error:
            raise StoreError(
                f"'{path}' is damaged or of a later version: restore it, or run "
                "`nasbench reproduce` again"
            ) from error

    def to_table(self, titles: Mapping[str, str] = KNOWN) -> TextTable:
        """Return a table of published and measured values, a section per data set.

        `titles` are names of data sets for readers; a data set without one is called as it is.
        """
        columns = (
            "row", "verdict", "published", "here", "difference [95 %]", "margin",
            "variance ratio [95 %]", "runs", "runs here",
        )  # fmt: skip
        sections = []
        for dataset in dict.fromkeys(row.dataset for row in self.rows):
            rows = [_cells(row, self.decimals) for row in self.rows if row.dataset == dataset]
            sections.append(Section(titles.get(dataset, dataset), rows, []))
        remarks = {row.remark: None for row in self.rows if row.remark}
        caption = f"{self.title}: test {self.quantity} (%), mean ± standard deviation"
        notes = (
            *_method(self),
            *(f"{_UNCONFIRMED} {row.row} on {titles.get(row.dataset, row.dataset)}: "
              f"{row.unconfirmed}" for row in self.rows if row.unconfirmed),
            *(f"known to differ: {one}" for one in self.deviations),
            *(self._remark(remark) for remark in remarks),
            f"protocol {self.protocol}, seeds {self.seeds}, table {self.table[:8] or 'none'}, "
            f"nasbench {self.nasbench or 'from source'}: {self.command}",
        )  # fmt: skip
        return TextTable("reproduction", caption, columns, sections, notes, texts=2)

    @property
    def summary(self) -> str:
        """One line with the number of rows, over all data sets, that have each outcome."""
        verdicts = [row.verdict for row in self.rows if row.verdict]
        run = sum(row.mean is not None for row in self.rows)
        counts = {
            **{str(one): sum(v.outcome is one for v in verdicts) for one in Outcome},
            "numbers only": run - len(verdicts),
            "not run": len(self.rows) - run,
        }
        told = [f"{count} {name}" for name, count in counts.items() if count]
        spreads = [row.spread for row in self.rows if row.spread]
        if spreads:
            wide = sum(one.differs for one in spreads)
            told.append(f"variance differs in {wide} of {len(spreads)}")
        return f"{self.name}: {'; '.join(told)}"

    def _remark(self, remark: str) -> str:
        names = dict.fromkeys(row.row for row in self.rows if row.remark == remark)
        return f"{', '.join(names)}: {remark}"


def reproductions(
    results: Path, say: Callable[[str], None] = lambda _: None
) -> dict[Path, Reproduction]:
    """Return the reproductions below a results folder, keyed and ordered by their files' paths.

    Damaged files are left out, and `say` is called with a message for each.
    """
    found = {}
    for path in sorted(results.rglob(FILE)) if results.is_dir() else ():
        try:
            found[path] = Reproduction.load(path)
        except StoreError as error:
            say(f"left out: {error}")
    return found


def command(name: str, *, quick: bool) -> str:
    """Return the command that makes a reproduction."""
    return f"nasbench reproduce {name}{' --quick' if quick else ''}"


def measured(
    row: Published,
    dataset: str,
    paper: PublishedTable,
    finals: NDArray[np.float64],
    cells: tuple[int, ...],
    lacking: str = "",
) -> Measured:
    """Return the result of a row on a data set.

    `finals` are the runs' final test accuracies (%), shape (runs,), empty where no run finished.
    `lacking` is why the row was not run where that depends on the installed table.
    """
    theirs = row.moments(dataset)
    std = None if math.isnan(theirs.std) else theirs.std
    doubt = row.unconfirmed.get(dataset, "")
    if row.not_run or not len(finals):
        reason = row.not_run or lacking or "no run of it finished"
        return Measured(
            row=row.name, dataset=dataset,
            published_mean=theirs.mean, published_std=std, published_runs=theirs.n,
            mean=None, std=None, runs=0, verdict=None, spread=None,
            remark=reason, unconfirmed=doubt, cells=(),
        )  # fmt: skip
    values = 100 - finals if paper.quantity == "error" else finals
    ours = summarise(values)
    found = verdict(theirs, Moments(ours.mean, ours.std, ours.n), paper.margin_of(row, dataset))
    return Measured(
        row=row.name, dataset=dataset,
        published_mean=theirs.mean, published_std=std, published_runs=theirs.n,
        mean=ours.mean, std=ours.std, runs=ours.n, verdict=found, spread=spread(theirs, values),
        remark=row.explanation, unconfirmed=doubt, cells=cells,
    )  # fmt: skip


def _updated(data: dict[str, Any]) -> dict[str, Any]:
    """Return data that rule 1 stored in the form of the present rule, without its verdicts."""
    rows = [{**row, "verdict": None, "spread": None, "unconfirmed": ""} for row in data["rows"]]
    return {**data, "rows": rows, "deviations": [data["budget_rule"]], "rule": _FIRST_RULE}


def _method(found: Reproduction) -> tuple[str, ...]:
    """Return notes that explain the verdicts to a reader."""
    if found.rule != RULE:
        again = command(found.name, quick=False)
        return (f"verdicts were made by an earlier rule and are left out: run `{again}` again",)
    if all(row.published_std is None for row in found.rows):
        return (
            "numbers only: the published deviations are not known, so that there is no verdict; "
            "the interval of a difference is that of the mean here alone, as if the published mean "
            "had no error",
        )
    return (
        f"margin: {found.margin:g} published standard deviations, at most half the smallest "
        "difference between two published means on the data set",
        "verdict, at 0.05 and not corrected for the number of rows: reproduced is within the "
        "margin by two one-sided Welch tests; differs by is beyond the margin with its whole 95 % "
        "interval; differs, not shown to exceed the margin, has an interval without 0; undecided "
        "is none of these, with the runs here that would decide if difference and deviation stayed "
        "as they are; where no number of runs would then, the published mean's own error is too "
        "large for so small a difference, and only another difference would be decided",
        "numbers only: fewer than five runs, or a published deviation of 0",
        "variance ratio: here over published, by an F test with degrees of freedom that follow "
        "from the kurtosis here (Shoemaker 2003), as these accuracies are not normal; what is not "
        "told apart need not be equal",
    )


def _cells(row: Measured, decimals: int) -> list[Entry]:
    doubt = f" {_UNCONFIRMED}" if row.unconfirmed else ""
    theirs_std = row.published_std
    published = Entry(f"{_pair(row.published_mean, theirs_std, decimals)}{doubt}")
    theirs, none = Entry(str(row.published_runs)), Entry("–")
    if row.mean is None:
        return [Entry(row.row), Entry("not run"), published, *[none] * 4, theirs, none]
    wide = none if row.spread is None else Entry(str(row.spread))
    end = [wide, theirs, Entry(str(row.runs))]
    here, found = Entry(_pair(row.mean, row.std, decimals)), row.verdict
    if found is None:
        difference = Entry(_difference(row, row.mean, decimals))
        return [Entry(row.row), Entry("numbers only"), published, here, difference, none, *end]
    return [
        Entry(row.row),
        Entry(str(found), found.outcome is Outcome.REPRODUCED),
        published,
        here,
        Entry(f"{found.difference:+.2f} [{found.low:+.2f}, {found.high:+.2f}]"),
        Entry(f"{found.margin:.3f}"),
        *end,
    ]


def _pair(mean: float, std: float | None, decimals: int) -> str:
    """Return a mean and, where it is known, its standard deviation."""
    spread = "" if std is None or math.isnan(std) else f" ± {std:.{decimals}f}"
    return f"{mean:.{decimals}f}{spread}"


def _difference(row: Measured, mean: float, decimals: int) -> str:
    """Return the difference of a row's `mean` here, without a verdict.

    Where the published deviation is not known, its interval is that of the mean here.
    """
    difference = mean - row.published_mean
    text = f"{difference:+.{decimals}f}"
    if row.published_std is not None or row.std is None or row.runs < FEWEST:
        return text
    from scipy.stats import t

    half = float(t.ppf((1 + LEVEL) / 2, row.runs - 1)) * row.std / math.sqrt(row.runs)
    return f"{text} [{difference - half:+.{decimals}f}, {difference + half:+.{decimals}f}]"

"""The tables of a block, and a whole comparison as text."""

import json
import math
from collections.abc import Callable
from typing import TYPE_CHECKING

from nasbench.harness.compare.convergence import PARTS
from nasbench.harness.compare.estimates import Estimate
from nasbench.harness.compare.formats import (
    Entry,
    Section,
    TextTable,
    escape_markdown,
    frame_to_csv,
    to_latex,
    to_markdown,
)
from nasbench.harness.compare.references import Reference
from nasbench.harness.compare.rows import PartOfBudget, Row, Tested
from nasbench.harness.compare.sets import members_frame, sets_table
from nasbench.harness.compare.significance import ALPHA
from nasbench.harness.compare.table_notes import (
    BOLD_PART,
    PAIRS,
    PART,
    PERCENTILE,
    RANKS,
    RANKS_BOLD,
    RANKS_PLAIN,
    SHARED_TIME,
    TARGET,
    TUNING,
    WALL_TIME,
    about_bold,
    about_clock,
    about_detectable,
)
from nasbench.harness.compare.units import UNKNOWN, Units, mean_and_deviation
from nasbench.harness.compare.written_numbers import (
    count_text,
    interval_text,
    number_text,
    p_value_text,
    seconds_text,
)

if TYPE_CHECKING:
    from nasbench.harness.compare.comparison import Block, Comparison
    from nasbench.harness.compare.families import Family


def results_table(block: "Block") -> TextTable:
    """Return the table of final values: per data set, a row for each experiment and reference."""
    units = block.units
    failed = ("failed",) if any(one.failed for one in block.contenders) else ()
    columns = (
        "strategy", "n", *failed, "signal", "validation", "test", "test median",
        "regret test", "regret valid.", "evals",
    )  # fmt: skip
    sections = []
    for dataset in block.datasets:
        rows, references = block.of(dataset)
        sections.append(
            Section(
                dataset,
                [_result_cells(row, units, failed=bool(failed)) for row in rows],
                [_reference_cells(one, units, failed=bool(failed)) for one in references],
            )
        )
    caption = (
        f"Final incumbents, {units.title}, mean ± standard deviation over n runs; "
        f"{units.axis('regrets')} to the best architecture of the table"
    )
    notes = (*about_bold(block), *block.about_test, *block.notes, block.footer)
    return TextTable("results", caption, columns, sections, notes)


def cost_table(block: "Block") -> TextTable:
    """Return the table of what the searches cost, as means over the runs."""
    first, _ = block.of(block.datasets[0])
    units, digits = block.units, block.units.digits
    tuned = any(row.costs.tuning_runs for row in first)
    columns = (
        "method", "family", "n", "failed", "evals", "distinct", "training epochs",
        "clock s", "optimiser s", "real s", *(("tuning s",) if tuned else ()), "test",
    )  # fmt: skip
    rows = [
        [
            Entry(row.label),
            Entry(row.family),
            Entry(str(row.n)),
            Entry(str(row.failed)),
            Entry(number_text(row.costs.evaluations, 1)),
            Entry(number_text(row.costs.distinct, 1)),
            Entry(number_text(row.costs.training_epochs, 0)),
            Entry(number_text(row.costs.clock_seconds, 0)),
            Entry(seconds_text(row.costs.optimiser_seconds)),
            Entry(seconds_text(row.costs.wall_seconds)),
            *([Entry(number_text(row.costs.tuning_seconds, 0))] if tuned else []),
            Entry(interval_text(row.finals.test, digits), _bold(row.tested)),
        ]
        for row in first
    ]
    shared = [row.label for row in first if row.experiment.task.query.epochs == 0]
    real = (SHARED_TIME.format(", ".join(shared)),) if shared else ()
    clock = () if len(shared) == len(first) else (about_clock(block),)
    found = (TUNING,) if tuned else ()
    bold = about_bold(block, block.datasets[:1])
    notes = (*bold, *clock, *real, WALL_TIME, *found, *block.notes, block.footer)
    caption = (
        f"Search cost, and test {units.title} on {block.datasets[0]}, means over n runs, with the "
        f"95 % bootstrap interval of the {units.metric.name}"
    )
    return TextTable("cost", caption, columns, [Section("", rows, [])], notes, texts=2)


def estimates_table(block: "Block") -> TextTable:
    """Return the table of test values: three estimators, and standing among all cells."""
    units, digits = block.units, block.units.digits
    columns = (
        "strategy", "n", "mean", "median", "IQM", "percentile", "better than the mean",
        "random evaluations",
    )  # fmt: skip

    def cells(row: Row) -> list[Entry]:
        return [
            Entry(row.label),
            Entry(str(row.n)),
            Entry(interval_text(row.finals.test, digits), _bold(row.tested)),
            Entry(interval_text(row.finals.test_median, digits)),
            Entry(interval_text(row.finals.test_iqm, digits)),
            Entry(number_text(row.in_table.percentile, 2)),
            Entry(number_text(row.in_table.improvement, 2)),
            Entry(count_text(row.in_table.random_evaluations.value)),
        ]

    caption = (
        f"Test {units.title} of final incumbents, with 95 % bootstrap intervals: mean, median and "
        "interquartile mean (IQM) over n runs"
    )
    known = () if block.known is None else (PERCENTILE,)
    notes = (*about_bold(block), *known, *about_detectable(block), *block.notes, block.footer)
    return TextTable("estimates", caption, columns, _sections(block, cells), notes)


def course_table(block: "Block") -> TextTable:
    """Return the table of test values after parts of the budget, and of the time to a target."""
    units, digits = block.units, block.units.digits
    parts = tuple(f"{100 * part:.0f} %" for part in PARTS)
    columns = (
        "strategy", "n", *parts, "p", "mean regret", "reached", "median s", "expected s",
        "median evals", "expected evals",
    )  # fmt: skip

    def cells(row: Row) -> list[Entry]:
        whole, anytime = row.parts[-1], row.anytime
        seconds, evaluations = anytime.in_seconds, anytime.in_evaluations
        return [
            Entry(row.label),
            Entry(str(row.n)),
            *(Entry(interval_text(part.test, digits), _bold(part)) for part in row.parts),
            Entry(p_value_text(whole.p_value)),
            Entry(units.write(anytime.regret)),
            Entry(UNKNOWN if math.isnan(anytime.target) else f"{seconds.runs}/{row.n}"),
            Entry(count_text(seconds.median)),
            Entry(count_text(seconds.expected)),
            Entry(count_text(evaluations.median)),
            Entry(count_text(evaluations.expected)),
        ]

    targets = {
        row.dataset: row.anytime.target for row in block.rows if not math.isnan(row.anytime.target)
    }
    about = [f"{units.write(target)} on {dataset}" for dataset, target in targets.items()]
    caption = f"Test {units.title} after parts of the budget, with 95 % bootstrap intervals"
    name = units.metric.name
    notes = (
        BOLD_PART.format(name), PART,
        *([TARGET.format(f"{name} {', '.join(about)}")] if about else []), *block.notes,
        block.footer,
    )  # fmt: skip
    return TextTable("course", caption, columns, _sections(block, cells), notes)


def pairs_table(block: "Block") -> TextTable:
    """Return the table of pairs: p-values above the diagonal, effect sizes (A12) below it.

    It has one section per data set.
    """
    labels = [one.label for one in block.contenders]
    columns = ("", "strategy", *(str(number) for number in range(1, len(labels) + 1)))
    sections = []
    for dataset in block.datasets:
        grid = [[Entry("") for _ in labels] for _ in labels]
        for pair in block.pairs[dataset]:
            grid[pair.first][pair.second] = Entry(
                p_value_text(pair.corrected), pair.corrected < ALPHA
            )
            grid[pair.second][pair.first] = Entry(number_text(1 - pair.superiority, 2))
        lines = [
            [Entry(str(number)), Entry(label), *cells]
            for number, (label, cells) in enumerate(zip(labels, grid, strict=True), start=1)
        ]
        sections.append(Section(dataset, lines, []))
    caption = (
        f"Test {block.units.metric.name} of final incumbents in pairs: above the diagonal "
        "p-values, below it the chance that a run of the row beats one of the column (A12)"
    )
    told = about_detectable(block) or about_bold(block)
    notes = (PAIRS, *told, *block.notes, block.footer)
    return TextTable("pairs", caption, columns, sections, notes, texts=2, sortable=False)


def ranks_table(family: "Family") -> TextTable:
    """Return the table of mean ranks and aggregates over several data sets."""
    found = family.standings
    best = int(found.ranks.argmin())
    rivals = next((set(clique) for clique in found.cliques if best in clique), {best})
    columns = (
        "strategy", "mean rank", "normalised regret", "IQM",
        f"better than {found.labels[best]}",
    )  # fmt: skip
    lines = []
    for row in map(int, found.ranks.argsort(kind="stable")):
        chance = Estimate(
            found.better[row, best], found.better_low[row, best], found.better_high[row, best]
        )
        rank, regret, iqm = (
            Estimate(values[row], *intervals[row])
            for values, intervals in (
                (found.ranks, found.rank_intervals), (found.regret_mean, found.regret),
                (found.regret_iqm, found.regret_iqm_intervals),
            )
        )  # fmt: skip
        lines.append(
            [
                Entry(found.labels[row]),
                Entry(interval_text(rank), found.telling and row in rivals),
                Entry(interval_text(regret, digits=3)),
                Entry(interval_text(iqm, digits=3)),
                Entry(UNKNOWN if row == best else interval_text(chance)),
            ]
        )
    caption = (
        f"Test {family.metric.name} over {len(found.datasets)} data sets, with 95 % stratified "
        "bootstrap intervals over runs"
    )
    friedman = (
        () if math.isnan(found.friedman) else (f"Friedman's p: {p_value_text(found.friedman)}",)
    )
    difference = "Nemenyi's critical difference" if found.independent else "the critical difference"
    bold = RANKS_BOLD.format(difference, found.critical_difference)
    told = bold if found.telling else RANKS_PLAIN
    notes = (RANKS.format(family.metric.name), told, *friedman, *family.notes, family.footer)
    return TextTable("ranks", caption, columns, [Section("", lines, [])], notes)


def tables(block: "Block") -> list[TextTable]:
    """Return every table of a block."""
    if block.sets:
        return [sets_table(block)]
    found = [results_table(block), cost_table(block), estimates_table(block), course_table(block)]
    return [*found, pairs_table(block)] if len(block.contenders) > 1 else found


def _sections(block: "Block", cells: Callable[[Row], list[Entry]]) -> list[Section]:
    return [
        Section(dataset, [cells(row) for row in block.of(dataset)[0]], [])
        for dataset in block.datasets
    ]


def _bold(one: Tested | PartOfBudget) -> bool:
    return one.among_best and one.testable


def to_csv(comparison: "Comparison") -> str:
    """Return all numbers of all rows as CSV, and the members of final sets."""
    frames = [comparison.to_frame()] if comparison.rows else []
    frames += [members_frame(block) for block in comparison.blocks if block.sets]
    return "\n".join(map(frame_to_csv, frames))


def to_json(comparison: "Comparison") -> str:
    """Return the comparison as JSON text; unknown and infinite numbers are null."""
    return json.dumps(comparison.to_json(), indent=2, allow_nan=False)


def to_text(comparison: "Comparison", form: str) -> str:
    """Return the whole comparison as `markdown`, `latex`, `csv` or `json`."""
    if form == "csv":
        return to_csv(comparison)
    if form == "json":
        return to_json(comparison)
    write: Callable[[TextTable], str] = {"markdown": to_markdown, "latex": to_latex}[form]
    parts = []
    for title, block in zip(comparison.titles, comparison.blocks, strict=True):
        line = " ".join(title.split())  # a comment in LaTeX ends with its line
        parts.append(f"% {line}\n" if form == "latex" else f"## {escape_markdown(line)}\n")
        parts += [write(table) for table in tables(block)]
    parts += [write(ranks_table(family)) for family in comparison.families]
    return "\n".join(parts)


def _result_cells(row: Row, units: Units, *, failed: bool) -> list[Entry]:
    return [
        Entry(row.label),
        Entry(str(row.n)),
        *([Entry(str(row.failed))] if failed else []),
        Entry(units.write(row.finals.signal)),
        Entry(mean_and_deviation(row.finals.valid.mean, row.finals.valid.std, units.digits)),
        Entry(
            mean_and_deviation(row.finals.test.value, row.finals.test_std, units.digits),
            _bold(row.tested),
        ),
        Entry(units.write(row.finals.test_median.value)),
        Entry(units.write(row.in_table.regret)),
        Entry(units.write(row.in_table.valid_regret)),
        Entry(number_text(row.costs.evaluations, 1)),
    ]


def _reference_cells(one: Reference, units: Units, *, failed: bool) -> list[Entry]:
    return [
        Entry(one.reference),
        Entry(UNKNOWN),
        *([Entry(UNKNOWN)] if failed else []),
        Entry(units.write(one.signal_mean)),
        Entry(mean_and_deviation(one.valid_mean, one.valid_std, units.digits)),
        Entry(mean_and_deviation(one.test_mean, one.test_std, units.digits)),
        Entry(UNKNOWN),
        Entry(units.write(one.regret_mean)),
        Entry(units.write(one.valid_regret_mean)),
        Entry(number_text(one.evaluations_mean, 1)),
    ]

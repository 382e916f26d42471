"""The tables of a block, and a whole comparison as text."""

import json
import math
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING

from nasbench.harness.compare.convergence import PARTS
from nasbench.harness.compare.estimates import Estimate, known
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
from nasbench.harness.compare.significance import (
    ALPHA,
    detectable_difference,
    detectable_superiority,
    runs_to_detect,
)
from nasbench.harness.compare.units import UNKNOWN, Units, mean_and_deviation, written
from nasbench.harness.search.task import Kind

if TYPE_CHECKING:
    from nasbench.harness.compare.comparison import Block, Comparison
    from nasbench.harness.compare.families import Family

BOLD = (
    "bold: no other row has a significantly better test {} (Mann-Whitney, Holm over all pairs of "
    "rows of the data set, alpha 0.05, and the better mean)"
)
BOLD_PART = (
    "bold: no other row on this clock has a significantly better test {} at that part of the "
    "budget (Mann-Whitney, Holm over all pairs of these rows on the data set, alpha 0.05, and the "
    "better mean); none is where no test can be significant with so few rows or runs"
)
PSEUDO_TIME = "clock s: seconds of the benchmark's pseudo-time, not measured per run"
WALL_TIME = "real s: what a run took on the machine that ran it, everything included"
REAL_TIME = "seconds are real ones of training and validation on the machine that ran them"
SHARED_TIME = (
    "seconds of {} are real ones of training shared weights on the machine that ran them, and "
    "their evals are epochs of it"
)
TUNING = (
    "tuning s: seconds of the same clock that all searches took which chose a row's settings; 0 "
    "where no tuning is recorded"
)
MIXED_TIME = (
    "clock s: seconds of the table's pseudo-time; those of trained cells are real seconds times "
    "the number after * in the protocol's name, a ratio measured on 3 cells"
)
PERCENTILE = (
    "percentile: percent of all cells that the answer is better than; better than mean cell: by "
    "how many percent; random evaluations: after which the best cell by the search's signal is "
    "expected to be as good, in closed form without replacement"
)
PART = (
    "p: Wilcoxon signed-rank, the same runs at the end and at half of it, Holm-corrected over the "
    "rows of the data set; mean regret: area under "
    "the regret curve over its length, from when all runs have an answer"
)
TARGET = (
    "reached: runs that reached the target, test {}; median, and expected (taken by all "
    "runs, of those that did not their whole budget, over runs that reached it), in seconds of "
    "the clock and evaluations"
)
PAIRS = (
    "p: Mann-Whitney, two-sided, Holm-corrected over all pairs of the data set; bold: below 0.05"
)
RANKS = (
    "mean rank of mean test {}, 1 is best; normalised regret: 0 is the best cell, 1 the mean of "
    "all cells; better: chance that a run beats one of the other, mean over data sets"
)
RANKS_BOLD = "bold: mean rank less than {} {:.2f} behind the best"
RANKS_PLAIN = "nothing is bold: no difference of mean ranks can be significant"


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
        f"{units.axis('regrets')} to the best cell of the table"
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
            Entry(_number(row.costs.evaluations, 1)),
            Entry(_number(row.costs.distinct, 1)),
            Entry(_number(row.costs.training_epochs, 0)),
            Entry(_number(row.costs.clock_seconds, 0)),
            Entry(_seconds(row.costs.optimiser_seconds)),
            Entry(_seconds(row.costs.wall_seconds)),
            *([Entry(_number(row.costs.tuning_seconds, 0))] if tuned else []),
            Entry(_interval(row.finals.test, digits), _bold(row.tested)),
        ]
        for row in first
    ]
    shared = [row.label for row in first if row.experiment.task.query.epochs == 0]
    real = (SHARED_TIME.format(", ".join(shared)),) if shared else ()
    clock = () if len(shared) == len(first) else (_clock(block),)
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
        "strategy", "n", "mean", "median", "IQM", "percentile", "better than mean cell",
        "random evaluations",
    )  # fmt: skip

    def cells(row: Row) -> list[Entry]:
        return [
            Entry(row.label),
            Entry(str(row.n)),
            Entry(_interval(row.finals.test, digits), _bold(row.tested)),
            Entry(_interval(row.finals.test_median, digits)),
            Entry(_interval(row.finals.test_iqm, digits)),
            Entry(_number(row.in_table.percentile, 2)),
            Entry(_number(row.in_table.improvement, 2)),
            Entry(_count(row.in_table.random_evaluations.value)),
        ]

    caption = (
        f"Test {units.title} of final incumbents, with 95 % bootstrap intervals: mean, median and "
        "interquartile mean (IQM) over n runs"
    )
    known = () if block.known is None else (PERCENTILE,)
    notes = (*about_bold(block), *known, *_detectable(block), *block.notes, block.footer)
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
            *(Entry(_interval(part.test, digits), _bold(part)) for part in row.parts),
            Entry(_p_value(whole.p_value)),
            Entry(units.write(anytime.regret)),
            Entry(UNKNOWN if math.isnan(anytime.target) else f"{seconds.runs}/{row.n}"),
            Entry(_count(seconds.median)),
            Entry(_count(seconds.expected)),
            Entry(_count(evaluations.median)),
            Entry(_count(evaluations.expected)),
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
            grid[pair.first][pair.second] = Entry(_p_value(pair.corrected), pair.corrected < ALPHA)
            grid[pair.second][pair.first] = Entry(_number(1 - pair.superiority, 2))
        lines = [
            [Entry(str(number)), Entry(label), *cells]
            for number, (label, cells) in enumerate(zip(labels, grid, strict=True), start=1)
        ]
        sections.append(Section(dataset, lines, []))
    caption = (
        f"Test {block.units.metric.name} of final incumbents in pairs: above the diagonal "
        "p-values, below it the chance that a run of the row beats one of the column (A12)"
    )
    told = _detectable(block) or about_bold(block)
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
                Entry(_interval(rank), found.telling and row in rivals),
                Entry(_interval(regret, digits=3)),
                Entry(_interval(iqm, digits=3)),
                Entry(UNKNOWN if row == best else _interval(chance)),
            ]
        )
    caption = (
        f"Test {family.metric.name} over {len(found.datasets)} data sets, with 95 % stratified "
        "bootstrap intervals over runs"
    )
    friedman = () if math.isnan(found.friedman) else (f"Friedman's p: {_p_value(found.friedman)}",)
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


def about_bold(block: "Block", datasets: Sequence[str] | None = None) -> tuple[str, ...]:
    """Return notes on what bold means, or on why nothing is bold.

    Nothing is bold on data sets where no test between rows can be significant. `datasets` are those
    that a table shows, by default all of the block.
    """
    why: dict[str, list[str]] = {}
    datasets = block.datasets if datasets is None else datasets
    for name in datasets:
        rows, _ = block.of(name)
        if not any(row.tested.testable for row in rows):
            why.setdefault(_untold(_counts(block, name)), []).append(name)
    untold = [name for names in why.values() for name in names]
    found = [] if len(untold) == len(datasets) else [BOLD.format(block.units.metric.name)]
    for reason, names in why.items():
        where = "" if len(names) == len(datasets) else f" on {', '.join(names)}"
        found.append(f"nothing is bold{where}: {reason}")
    return tuple(found)


def _untold(counts: Sequence[int]) -> str:
    """Return why no test between rows can be significant, from the rows' numbers of runs."""
    if len(counts) < 2:
        return "there are no two rows to compare"
    return (
        f"with {counts[-1]} runs a row no difference among {len(counts)} rows can be "
        "significant, run more seeds"
    )


def _counts(block: "Block", dataset: str) -> list[int]:
    """Return how many runs of each row have a test value, ascending, without zeros."""
    counts = (len(known(one.final("test", dataset))) for one in block.contenders)
    return sorted(filter(None, counts))


def _bold(one: Tested | PartOfBudget) -> bool:
    return one.among_best and one.testable


def _detectable(block: "Block") -> tuple[str, ...]:
    """Return a note on the effects that so many runs can detect; none where nothing is testable."""
    counts = sorted(count for name in block.datasets for count in _counts(block, name))
    if not any(row.tested.testable for row in block.rows):
        return ()  # `about_bold` says so
    least = counts[0]
    widest = max(
        (row.finals.test_std for row in block.rows if math.isfinite(row.finals.test_std)),
        default=math.nan,
    )
    effect, difference = detectable_superiority(least), detectable_difference(widest, least)
    if math.isnan(effect) or math.isnan(difference):
        return (f"with {least} runs a row, only differences of several standard deviations show",)
    found = (
        f"with {least} runs a row, one test finds A12 = {effect:.2f} in 80 % of cases; between "
        "normal samples of the widest row's deviation that is a difference of "
        f"{block.units.write(difference)}{block.units.difference}"
    )
    return ("; ".join([found, *_needed(block)]),)


def _needed(block: "Block") -> Iterator[str]:
    """Yield, per data set, how many runs are needed to detect a difference of its best two rows."""
    score = block.units.metric.score
    for dataset in block.datasets:
        rows = [row for row in block.of(dataset)[0] if math.isfinite(row.finals.test_std)]
        best = sorted(rows, key=lambda row: -score(row.finals.test.value))[:2]
        widest = max((row.finals.test_std for row in best), default=0.0)
        between = (
            abs(best[0].finals.test.value - best[1].finals.test.value) if len(best) == 2 else 0.0
        )
        if widest and between:
            runs = runs_to_detect(between, widest)
            yield (
                f"to tell {between:.2g}{block.units.difference} on {dataset}, its best two rows, "
                f"takes {runs:,.0f}"
            )


def _clock(block: "Block") -> str:
    """Return the note on what kind of seconds a block's clock has."""
    if block.task.kind is Kind.TRAINED:
        return REAL_TIME
    if block.task.kind is Kind.FALLBACK:
        return MIXED_TIME
    return "; ".join([PSEUDO_TIME, *filter(None, [block.about_seconds])])


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
        Entry(_number(row.costs.evaluations, 1)),
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
        Entry(_number(one.evaluations_mean, 1)),
    ]


def _number(value: float, digits: int) -> str:
    return written(value, f".{digits}f")


def _interval(estimate: Estimate, digits: int = 2) -> str:
    centre, *ends = (_number(value, digits) for value in estimate)
    return centre if math.isnan(estimate.low) else f"{centre} [{', '.join(ends)}]"  # of one run


def _count(value: float) -> str:
    """Return a number of evaluations or seconds, which may be infinite, as text."""
    return written(value, ".0f")


def _p_value(value: float) -> str:
    """Return a p-value as text; all below 0.001 are written alike."""
    return "< 0.001" if value < 0.001 else written(value, ".3f")


def _seconds(value: float) -> str:
    return written(value, ".2g" if value < 10 else ".0f")

"""The tables of a block with a row for each experiment: final values, estimates and costs."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

from nasbench.harness.compare.references import Reference
from nasbench.harness.compare.rows import Row, Tested
from nasbench.harness.compare.tables.columns import COLUMNS, INFEASIBLE, SECONDS, SHORT, TEXTS
from nasbench.harness.compare.tables.formats import Entry, Section, TextTable
from nasbench.harness.compare.tables.note_texts import (
    CONSTRAINED,
    PERCENTILE,
    SCORES,
    TUNING,
    WALL_TIME,
    Note,
    filled,
)
from nasbench.harness.compare.tables.notes import (
    about_bold,
    about_clocks,
    about_detectable,
    written_notes,
)
from nasbench.harness.compare.tables.proxies import about_spearman, correlated
from nasbench.harness.compare.tables.written_numbers import (
    count_text,
    interval_text,
    number_text,
    seconds_text,
)
from nasbench.harness.compare.units import UNKNOWN, Units, mean_and_deviation
from nasbench.harness.search.task import Seconds

if TYPE_CHECKING:
    from nasbench.harness.compare.comparison import Block

Cells = Mapping[str, Entry]
"""A row's cells by the names of their columns; one that is missing is not known."""


def laid_out(name: str, cells: Cells) -> list[Entry]:
    """Return a row of a table in the order of its columns."""
    return [cells.get(column, Entry(UNKNOWN)) for column in COLUMNS[name]]


def text_table(
    name: str,
    caption: str,
    sections: list[Section],
    notes: tuple[tuple[str, ...], tuple[str, ...]],
) -> TextTable:
    """Return a table with the columns of its name; `notes` are in full and for a page."""
    columns = COLUMNS[name]
    texts = sum(column in TEXTS for column in columns)
    return TextTable(
        name, caption, columns, sections, notes[0], texts, short=SHORT[name], brief=notes[1]
    )


def results_table(block: "Block") -> TextTable:
    """Return the table of final values: per data set, a row for each experiment and reference."""
    units = block.units
    failed = any(one.failed for one in block.contenders)
    sections = []
    for dataset in block.datasets:
        rows, references = block.of(dataset)
        sections.append(
            Section(
                block.title_of(dataset),
                [
                    laid_out("results", _shown(block, _result(row, units, failed=failed)))
                    for row in rows
                ],
                [laid_out("results", _shown(block, _reference(one, units))) for one in references],
            )
        )
    caption = (
        f"{block.answers.capitalize()}, {units.title}, mean ± standard deviation over n runs; "
        f"{units.axis('regrets')} to {block.optimum} of the table"
    )
    told = (Note(one) for one in block.about_test)
    clocks = (note for note in about_clocks(block) if note.text.startswith("shared epochs"))
    notes = written_notes(block, *about_bold(block), *told, *clocks)
    return text_table("results", caption, sections, notes)


def cost_table(block: "Block") -> TextTable:
    """Return the table of what the searches cost, as means over the runs."""
    first, _ = block.of(block.datasets[0])
    failed = any(row.failed for row in first)
    tuned = any(row.costs.tuning_runs for row in first)
    rows = [
        laid_out(
            "cost",
            {**_cost(row, block.units.digits, failed=failed, tuned=tuned), **_scores(block, row)},
        )
        for row in first
    ]
    clocks = {row.costs.seconds: None for row in first}
    found = [filled(TUNING, f"{kind} s") for kind in clocks] if tuned else []
    if block.task.constraints:
        found.append(CONSTRAINED)
    if block.proxies:
        found += [SCORES, *about_spearman(block, block.datasets[:1])]
    notes = written_notes(
        block, *about_bold(block, block.datasets[:1]), *about_clocks(block), WALL_TIME, *found
    )
    caption = (
        f"Search cost, and {block.outcome} {block.units.title} on "
        f"{block.title_of(block.datasets[0])}, means over n runs, with the 95 % "
        f"bootstrap interval of the {block.units.metric.name}"
    )
    return text_table("cost", caption, [Section("", rows, [])], notes)


def estimates_table(block: "Block") -> TextTable:
    """Return the table of test values: three estimators, and standing among all cells."""
    digits = block.units.digits

    def cells(row: Row) -> Cells:
        return {
            "strategy": Entry(row.label),
            "n": Entry(str(row.n)),
            "mean": Entry(interval_text(row.finals.test, digits), is_bold(row.tested)),
            "median": Entry(interval_text(row.finals.test_median, digits)),
            "IQM": Entry(interval_text(row.finals.test_iqm, digits)),
            "percentile": Entry(number_text(row.in_table.percentile, 2)),
            "better than the mean": Entry(number_text(row.in_table.improvement, 2)),
            "random evaluations": Entry(count_text(row.in_table.random_evaluations.value)),
        }

    sections = [
        Section(
            block.title_of(name),
            [laid_out("estimates", cells(row)) for row in block.of(name)[0]],
            [],
        )
        for name in block.datasets
    ]
    caption = (
        f"{block.outcome.capitalize()} {block.units.title} of {block.answers}, with 95 % "
        "bootstrap intervals: mean, median and interquartile mean (IQM) over n runs"
    )
    known = () if block.known is None else PERCENTILE
    notes = written_notes(block, *about_bold(block), *known, *about_detectable(block))
    return text_table("estimates", caption, sections, notes)


def _shown(block: "Block", cells: Cells) -> Cells:
    """Return the cells without those of validation if it is the split that is reported."""
    if block.task.has_test:
        return cells
    return {name: one for name, one in cells.items() if name not in ("validation", "regret valid.")}


def is_bold(tested: Tested) -> bool:
    """Return whether a row is bold: a test can be significant, and none says it is worse."""
    return tested.among_best and tested.testable


def _result(row: Row, units: Units, *, failed: bool) -> Cells:
    finals, costs = row.finals, row.costs
    return {
        "strategy": Entry(row.label),
        "n": Entry(str(row.n)),
        **({"failed": Entry(str(row.failed))} if failed else {}),
        "signal": Entry(units.write(finals.signal)),
        "validation": Entry(mean_and_deviation(finals.valid.mean, finals.valid.std, units.digits)),
        "test": Entry(
            mean_and_deviation(finals.test.value, finals.test_std, units.digits),
            is_bold(row.tested),
        ),
        "test median": Entry(units.write(finals.test_median.value)),
        "regret test": Entry(units.write(row.in_table.regret)),
        "regret valid.": Entry(units.write(row.in_table.valid_regret)),
        "evals": Entry(number_text(costs.evaluations, 1)),
        "shared epochs": Entry(number_text(costs.shared_epochs, 1)),
    }


def _reference(one: Reference, units: Units) -> Cells:
    return {
        "strategy": Entry(one.reference),
        "signal": Entry(units.write(one.signal_mean)),
        "validation": Entry(mean_and_deviation(one.valid_mean, one.valid_std, units.digits)),
        "test": Entry(mean_and_deviation(one.test_mean, one.test_std, units.digits)),
        "regret test": Entry(units.write(one.regret_mean)),
        "regret valid.": Entry(units.write(one.valid_regret_mean)),
        "evals": Entry(number_text(one.evaluations_mean, 1)),
    }


def _cost(row: Row, digits: int, *, failed: bool, tuned: bool) -> Cells:
    costs = row.costs
    kinds = list(zip(Seconds, SECONDS, strict=True))
    tuning = {
        f"tuning {name}": Entry(number_text(costs.tuning_on(kind), 0)) for kind, name in kinds
    }
    return {
        "strategy": Entry(row.label),
        "family": Entry(row.family),
        "n": Entry(str(row.n)),
        **({"failed": Entry(str(row.failed))} if failed else {}),
        "evals": Entry(number_text(costs.evaluations, 1)),
        "shared epochs": Entry(number_text(costs.shared_epochs, 1)),
        "distinct": Entry(number_text(costs.distinct, 1)),
        INFEASIBLE: Entry(number_text(costs.infeasible, 1)),
        "training epochs": Entry(number_text(costs.training_epochs, 0)),
        **{name: Entry(number_text(costs.on(kind), 0)) for kind, name in kinds},
        "optimiser s": Entry(seconds_text(costs.optimiser_seconds)),
        "real s": Entry(seconds_text(costs.wall_seconds)),
        "prompt tokens": Entry(number_text(costs.prompt_tokens, 0)),
        "completion tokens": Entry(number_text(costs.completion_tokens, 0)),
        "model s": Entry(number_text(costs.model_seconds, 1)),
        **(tuning if tuned else {}),
        "test": Entry(interval_text(row.finals.test, digits), is_bold(row.tested)),
    }


def _scores(block: "Block", row: Row) -> Cells:
    """Return the cells of scores of zero-cost proxies; empty for a row that asks for none.

    Correlations are those of the row's proxy, if it is only one.
    """
    use = row.experiment.proxies
    if use is None:
        return {}
    own = [one for one in block.proxies if one.dataset == row.dataset and one.proxy in use.names]
    found = own[0] if len(own) == 1 else None
    return {
        "scores": Entry(number_text(row.costs.scores, 1)),
        "score s": Entry(seconds_text(row.costs.score_seconds)),
        **({} if found is None else correlated(found)),
    }

"""Final sets of searches with several objectives, as a plain table of the judge's values."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from nasbench.harness.compare.contender import Contender
from nasbench.harness.compare.estimates import Summary, summarise
from nasbench.harness.compare.final_sets import (
    dominated,
    judged_sets,
    known_points,
    member_values,
)
from nasbench.harness.compare.tables.columns import BEST, COLUMNS, OF_FRONT
from nasbench.harness.compare.tables.formats import Entry, Section, TextTable, columns_of
from nasbench.harness.compare.tables.note_texts import SETS_FRONT, SETS_PLAIN, SETS_SHARED, Note
from nasbench.harness.compare.tables.notes import about_clocks, written_notes
from nasbench.harness.compare.units import UNKNOWN, Units, mean_and_deviation, written
from nasbench.harness.results.records import SPLITS, value_column
from nasbench.harness.search.task import Seconds

if TYPE_CHECKING:
    from nasbench.harness.compare.comparison import Block
    from nasbench.problem import Metric


@dataclass(frozen=True)
class SetRow:
    """The final sets of one experiment on one data set; means and deviations are over its runs."""

    strategy: str
    label: str
    family: str
    dataset: str
    n: int
    failed: int
    members: Summary  #: numbers of members of the runs' sets
    dominated: Summary  #: numbers of those that another member dominates on test
    igd_plus: Summary  #: IGD+ of a set's test values to the exact front, see `fronts.Quality`
    epsilon: Summary  #: additive epsilon to the exact front
    share: Summary  #: percentage of the exact front's points that are in the set
    best: tuple[Summary, ...]  #: best value on test within a run's set, of every objective
    evaluations_mean: float
    shared_epochs_mean: float
    seconds: Seconds  #: what `clock_seconds_mean` are
    clock_seconds_mean: float

    def to_json(self, objectives: "Sequence[Metric]") -> dict[str, Any]:
        """Return the row as JSON values, the best values by objective."""
        best = {
            metric.name: one._asdict() for metric, one in zip(objectives, self.best, strict=True)
        }
        summaries = ("members", "dominated", "igd_plus", "epsilon", "share")
        several = {name: getattr(self, name)._asdict() for name in summaries}
        found = {**asdict(self), **several, "best": best}
        del found["seconds"], found["clock_seconds_mean"]
        return {**found, **{f"{kind}_seconds_mean": self.on(kind) for kind in Seconds}}

    def on(self, kind: Seconds) -> float:
        """Return the seconds on the clock if they are of a kind, else NaN."""
        return self.clock_seconds_mean if kind is self.seconds else np.nan


def set_rows(contenders: Sequence[Contender], dataset: str) -> list[SetRow]:
    """Return one row per contender on a reported data set."""
    return [
        SetRow(
            strategy=one.experiment.strategy,
            label=one.label,
            family=one.runs.family,
            dataset=dataset,
            n=len(one.runs),
            failed=one.failed,
            members=summarise(one.runs.lists("selected").lengths.astype(np.float64)),
            dominated=summarise(
                np.array([float(dominated(each).sum()) for each in judged_sets(one, dataset)])
            ),
            **_quality(one, dataset),
            best=tuple(_best(one, dataset, k) for k in range(len(one.experiment.task.objectives))),
            evaluations_mean=_counted(one, "evaluations"),
            shared_epochs_mean=_counted(one, "shared_epochs"),
            seconds=one.experiment.task.seconds,
            clock_seconds_mean=(
                _mean(one, "clock_seconds") if one.experiment.task.timed else np.nan
            ),
        )
        for one in contenders
    ]


def _quality(one: Contender, dataset: str) -> dict[str, Summary]:
    """Return how the runs' final sets are to the exact front; NaN where that is not known."""
    if one.fronts is None:
        return dict.fromkeys(("igd_plus", "epsilon", "share"), summarise(np.full(1, np.nan)))
    front = one.fronts.test[dataset]
    found = [front.quality(known_points(points)) for points in judged_sets(one, dataset)]
    return {
        "igd_plus": summarise(np.array([quality.igd_plus for quality in found])),
        "epsilon": summarise(np.array([quality.epsilon for quality in found])),
        "share": summarise(np.array([100 * quality.share for quality in found])),
    }


def _best(one: Contender, dataset: str, objective: int) -> Summary:
    """Summarise the best value within every run's final set, NaN where none is known."""
    metric, found = one.experiment.task.objectives[objective], []
    for values in member_values(one, dataset, objective):
        known = values[~np.isnan(values)]
        found.append(metric.score(metric.score(known).max()) if len(known) else np.nan)
    return summarise(np.array(found))


def _counted(one: Contender, count: str) -> float:
    """Return the mean number of answers if they are counted as `count`, else NaN."""
    return _mean(one, count) if one.experiment.task.count == count else np.nan


def _mean(one: Contender, column: str) -> float:
    return summarise(one.runs.column(column).astype(np.float64)).mean


def sets_table(block: "Block") -> TextTable:
    """Return a table of the final sets' sizes and the best values in them, a row per experiment."""
    objectives = block.task.objectives
    costs = COLUMNS["sets"].index(OF_FRONT[-1]) + 1
    columns = (
        *COLUMNS["sets"][:costs], *(f"{BEST}{one.title}" for one in objectives),
        *COLUMNS["sets"][costs:],
    )  # fmt: skip
    units = [
        Units.of(metric, [row.best[k].mean for row in block.sets])
        for k, metric in enumerate(objectives)
    ]
    failed = any(row.failed for row in block.sets)

    def cells(row: SetRow) -> list[Entry]:
        found = [
            row.label, str(row.n), str(row.failed) if failed else UNKNOWN,
            mean_and_deviation(row.members.mean, row.members.std, 1),
            mean_and_deviation(row.dominated.mean, row.dominated.std, 1),
            *(
                mean_and_deviation(one.mean, one.std, digits)
                for one, digits in ((row.share, 1), (row.igd_plus, 4), (row.epsilon, 4))
            ),
            *(
                mean_and_deviation(best.mean, best.std, unit.digits)
                for best, unit in zip(row.best, units, strict=True)
            ),
            *(written(one, ".1f") for one in (row.evaluations_mean, row.shared_epochs_mean)),
            *(written(row.on(kind), ".0f") for kind in Seconds),
        ]  # fmt: skip
        return [Entry(text) for text in found]

    sections = [
        Section(
            block.title_of(dataset),
            [cells(row) for row in block.sets if row.dataset == dataset],
            [],
        )
        for dataset in block.datasets
    ]
    caption = (
        f"Final sets: members, and the best {'value on test' if block.task.has_test else 'value'} "
        "within a set, mean ± standard deviation over n runs"
    )
    names = " and ".join(one.name for one in objectives)
    about = Note(
        "a set: all evaluations at the highest fidelity of the run that no other is better than "
        f"in {names} as the search saw them, of equals the first; the best values of a row need "
        "not be of one architecture",
        f"a set: evaluations that no other of the run is better than in {names}",
    )
    known: tuple[Note, ...] = () if block.contenders[0].fronts is None else (SETS_FRONT,)
    if any(one.experiment.task.shared for one in block.contenders):
        known = SETS_SHARED, *known
    split = Note(
        f"dominated: members that another one of the set dominates in {block.outcome} values; they "
        "stay in the set, which the search chose",
        f"dominated: by another member, in {block.outcome} values",
    )
    notes, brief = written_notes(block, about, split, *known, SETS_PLAIN, *about_clocks(block))
    short = tuple(name for name in columns if name not in COLUMNS["sets"][costs:])
    return TextTable("sets", caption, columns, sections, notes, short=short, brief=brief)


def members(block: "Block") -> dict[str, list[Any]]:
    """Return columns with one row per member of every final set: architecture and all values.

    `value/NAME` is an objective's value as the search saw it; `valid/NAME` and `test/NAME` are the
    judge's values, the latter where there are any. `dominated` is whether another member of the set
    dominates it by the judge's values on test, or by the only ones there are.
    """
    rows: list[dict[str, Any]] = []
    for dataset in block.datasets:
        for one in block.contenders:
            runs, selected = one.runs, one.runs.lists("selected")
            chosen = runs.architectures.at(selected)
            columns: dict[str, Any] = {
                "label": np.full(len(selected.values), one.label, dtype=object),
                "dataset": np.full(len(selected.values), dataset, dtype=object),
                "seed": np.repeat(runs.seeds, selected.lengths),
                "architecture": chosen.texts[chosen.codes.values],
                "fidelity": runs.lists("fidelity").at(selected).values,
                "dominated": np.concatenate(
                    [np.zeros(0, dtype=bool), *map(dominated, judged_sets(one, dataset))]
                ),
            }
            for k, metric in enumerate(one.experiment.task.objectives):
                told = runs.lists(value_column(metric)).at(selected)
                columns[value_column(metric)] = told.values
                for split in SPLITS if one.experiment.task.has_test else SPLITS[:1]:
                    values = list(member_values(one, dataset, k, split))
                    whole = np.concatenate(values) if values else np.empty(0)
                    columns[f"{split}/{metric.name}"] = whole
            lists = (column.tolist() for column in columns.values())
            rows += [dict(zip(columns, row, strict=True)) for row in zip(*lists, strict=True)]
    return columns_of(rows)

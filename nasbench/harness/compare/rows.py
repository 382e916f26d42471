"""The numbers of one row: one experiment on one reported data set."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from nasbench.harness.compare.blocks import Contender
from nasbench.harness.compare.convergence import PARTS, Course, courses, of_one_clock
from nasbench.harness.compare.estimates import (
    Floats,
    Interval,
    estimate,
    interquartile_mean,
    interval,
    median,
    summarise,
)
from nasbench.harness.compare.measures import (
    normalised_regret,
    percentile,
    random_evaluations,
    relative_improvement,
)
from nasbench.harness.compare.references import Known
from nasbench.harness.compare.significance import (
    Pair,
    Standing,
    detectable_difference,
    detectable_superiority,
    holm,
    standings,
    wilcoxon,
)
from nasbench.harness.compare.units import turned
from nasbench.problem import Metric


@dataclass(frozen=True)
class Part:
    """A row's value on test after a part of the budget."""

    part: float
    n: int  #: runs that had an answer by then
    mean: float
    low: float  #: of the 95 % bootstrap interval of the mean
    high: float
    among_best: bool  #: no row is significantly better at that part
    testable: bool  #: whether a test with so many runs could have said so
    p_value: float  #: Wilcoxon signed-rank, of the same runs against the part before; see `_parts`


@dataclass(frozen=True)
class Row:
    """One experiment on one data set; values of the first objective, and regrets in its unit.

    Means are over the n finished runs, NaN where a number is not known. Ends called low and high
    are those of 95 % bootstrap intervals.
    """

    strategy: str
    label: str
    family: str
    settings: dict[str, Any]
    experiment_seed: int
    benchmark: str
    searched: str
    dataset: str
    protocol: str
    budget: str
    signal_epochs: int
    trials: str
    repeats: str
    metric: str  #: name of the first objective, which all values and regrets are of
    direction: str  #: whether `max` or `min` is better
    unit: str
    table: str
    n: int
    failed: int
    signal_mean: float  #: validation of the final incumbent as the search saw it
    valid_mean: float  #: its validation after the final schedule
    valid_std: float
    valid_median: float
    test_mean: float
    test_std: float
    test_low: float  #: of the mean
    test_high: float
    test_median: float
    test_median_low: float
    test_median_high: float
    test_iqm: float  #: mean without the lowest and the highest quarter of runs
    test_iqm_low: float
    test_iqm_high: float
    regret_mean: float  #: in test, to the best cell of the table; never negative
    regret_median: float
    valid_regret_mean: float
    normalised_regret_mean: float  #: in test; the mean architecture's is 1
    percentile_mean: float  #: percentage of all cells that the answer is above in test
    improvement_mean: float  #: percent better in test than the mean architecture
    random_evaluations: float  #: after which random search is expected to have this mean
    random_evaluations_low: float
    random_evaluations_high: float
    clock: str  #: of the following: `seconds` or `evaluations`, which are epochs of shared weights
    course_start: float  #: when all runs of all rows on this clock have an answer
    course_end: float
    course_regret: float  #: mean test regret from start to end: the area under the regret curve
    target: float  #: value on test whose reaching is timed
    reached: int  #: runs that reached it
    reached_seconds_median: float  #: infinite where half of the runs or more did not
    reached_seconds_expected: float  #: spent by all runs over the runs that reached it
    reached_evaluations_median: float
    reached_evaluations_expected: float
    evaluations_mean: float
    distinct_mean: float
    training_epochs_mean: float
    clock_seconds_mean: float
    optimiser_seconds_mean: float
    wall_seconds_mean: float
    tuning_runs: int  #: searches made to choose the settings; 0 where none is recorded
    tuning_clock_seconds: float
    among_best: bool  #: no row is significantly better in test, see `significance.standings`
    testable: bool  #: whether a test between rows with so many runs could have said so
    worse_than: str  #: label of the row that is significantly better; empty where none is
    p_value: float
    """Against the row with the highest mean, Holm-corrected for all pairs; NaN for that itself."""
    superiority: float  #: A12 against that row
    detectable_superiority: float  #: A12 that one test between rows of n runs finds in 80 %
    detectable_difference: float  #: the same of means, between normal samples of this deviation
    parts: tuple[Part, ...]

    def to_json(self) -> dict[str, Any]:
        """Return the row as JSON values."""
        return asdict(self)


def rows(
    contenders: Sequence[Contender],
    dataset: str,
    known: Known | None,
    target: float | None = None,
    pairs: Sequence[Pair] | None = None,
) -> list[Row]:
    """Return one row per contender on a reported data set; what needs the table is NaN without.

    `target` is the test score whose reaching is timed; `pairs` are the tests of every row
    against every other where they have been made already.
    """
    tests = [one.final("test", dataset) for one in contenders]
    followed = courses(contenders, dataset, target)
    parts = _parts(contenders, followed)
    found = []
    for one, test, standing, course, at in zip(
        contenders, tests, standings(tests, pairs), followed, parts, strict=True
    ):
        finals = _finals(one, test, dataset)
        scored = {**finals, "target": np.nan if target is None else target}
        found.append(
            Row(
                **_identity(one, dataset), **_values(one.runs.metric, scored),
                **_in_table(finals, test, dataset, known), **_course(course, dataset, known),
                **_costs(one), **_tested(test, standing, contenders), parts=at,
            )
        )  # fmt: skip
    return found


def _identity(one: Contender, dataset: str) -> dict[str, Any]:
    experiment, task = one.experiment, one.experiment.task
    return {
        "strategy": experiment.strategy,
        "label": one.label,
        "family": one.runs.family,
        "settings": dict(experiment.settings),
        "experiment_seed": experiment.seed,
        "benchmark": task.benchmark,
        "searched": task.signal.dataset,
        "dataset": dataset,
        "protocol": task.protocol,
        "budget": str(task.budget),
        "signal_epochs": task.signal.epochs,
        "trials": task.signal.trials,
        "repeats": task.repeats,
        "metric": task.metric.name,
        "direction": task.metric.direction,
        "unit": task.metric.unit,
        "table": task.content,
        "n": len(one.runs),
        "failed": one.failed,
    }


def _finals(one: Contender, test: Floats, dataset: str) -> dict[str, Any]:
    """Return what is told of final incumbents, as scores."""
    valid, tested = summarise(one.final("valid", dataset)), summarise(test)
    found: dict[str, Any] = {
        "signal_mean": summarise(one.final("signal")).mean,
        "valid_mean": valid.mean,
        "valid_std": valid.std,
        "valid_median": valid.median,
        "test_mean": tested.mean,
        "test_std": tested.std,
        "test_median": tested.median,
        "test_iqm": estimate(test, interquartile_mean),
    }
    found["test_low"], found["test_high"] = interval(test)
    found["test_median_low"], found["test_median_high"] = interval(test, median)
    found["test_iqm_low"], found["test_iqm_high"] = interval(test, interquartile_mean)
    return found


_SPREADS = ("valid_std", "test_std")
_INTERVALS = ("test", "test_median", "test_iqm")


def _values(metric: Metric, scored: Mapping[str, Any]) -> dict[str, Any]:
    """Return scores as values of their metric; a spread is one already."""
    found = {
        name: value if name in _SPREADS else metric.score(value) for name, value in scored.items()
    }
    for name in _INTERVALS:
        ends = Interval(scored[f"{name}_low"], scored[f"{name}_high"])
        found[f"{name}_low"], found[f"{name}_high"] = turned(metric, ends)
    return found


def _in_table(
    finals: Mapping[str, Any], test: Floats, dataset: str, known: Known | None
) -> dict[str, Any]:
    """Return what final scores mean among all cells; `finals` is of `_finals`."""
    if known is None:
        names = (
            "regret_mean", "regret_median", "valid_regret_mean", "normalised_regret_mean",
            "percentile_mean", "improvement_mean", "random_evaluations", "random_evaluations_low",
            "random_evaluations_high",
        )  # fmt: skip
        return dict.fromkeys(names, np.nan)
    cells = known.test[dataset]
    best, best_valid = float(np.nanmax(cells)), float(np.nanmax(known.valid[dataset]))
    means = np.array([finals[name] for name in ("test_mean", "test_low", "test_high")])
    equal = random_evaluations(means, known, dataset)
    return {
        "regret_mean": best - finals["test_mean"],
        "regret_median": best - finals["test_median"],
        "valid_regret_mean": best_valid - finals["valid_mean"],
        "normalised_regret_mean": summarise(normalised_regret(test, cells)).mean,
        "percentile_mean": summarise(percentile(test, cells)).mean,
        "improvement_mean": summarise(relative_improvement(test, cells)).mean,
        "random_evaluations": float(equal[0]),
        "random_evaluations_low": float(equal[1]),
        "random_evaluations_high": float(equal[2]),
    }


def _course(course: Course, dataset: str, known: Known | None) -> dict[str, Any]:
    best = np.nan if known is None else float(np.nanmax(known.test[dataset]))
    hits = course.reached
    times = {
        f"reached_{clock}_{name}": getattr(hits[clock], name) if hits else np.nan
        for clock in ("seconds", "evaluations")
        for name in ("median", "expected")
    }
    return {
        "clock": course.clock,
        "course_start": course.start,
        "course_end": course.end,
        "course_regret": best - course.mean,
        "reached": hits["seconds"].runs if hits else 0,
        **times,
    }


def _costs(one: Contender) -> dict[str, Any]:
    names = (
        "evaluations", "distinct", "training_epochs", "clock_seconds", "optimiser_seconds",
        "wall_seconds",
    )  # fmt: skip
    tuning = one.runs.tuning
    return {
        **{
            f"{name}_mean": summarise(one.runs.column(name).astype(np.float64)).mean
            for name in names
        },
        "tuning_runs": tuning.runs if tuning else 0,
        "tuning_clock_seconds": tuning.simulated_seconds if tuning else 0.0,
    }


def _tested(test: Floats, standing: Standing, contenders: Sequence[Contender]) -> dict[str, Any]:
    found = summarise(test)
    rival = standing.worse_than
    return {
        **standing._asdict(),
        "worse_than": contenders[rival].label if rival >= 0 else "",
        "detectable_superiority": detectable_superiority(found.n),
        "detectable_difference": detectable_difference(found.std, found.n),
    }


def _parts(contenders: Sequence[Contender], followed: Sequence[Course]) -> list[tuple[Part, ...]]:
    """Return every row's values after parts of the budget.

    Tested against the rows that have the same clock, and against the part before: those p-values
    are Holm-corrected for the number of rows.
    """
    by_part = []
    for place, part in enumerate(PARTS):
        samples = [one.at[place] for one in followed]
        tested: dict[int, Standing] = {}
        for mine in of_one_clock(contenders):
            tested |= zip(mine, standings([samples[row] for row in mine]), strict=True)
        gained = holm(
            np.array(
                [
                    wilcoxon(sample, one.at[place - 1]) if place else np.nan
                    for one, sample in zip(followed, samples, strict=True)
                ]
            )
        )
        found = []
        for row, sample in enumerate(samples):
            metric, centre = contenders[row].runs.metric, summarise(sample)
            mean, ends = metric.score(centre.mean), turned(metric, interval(sample))
            among, testable = tested[row].among_best, tested[row].testable
            found.append(Part(part, centre.n, mean, *ends, among, testable, float(gained[row])))
        by_part.append(found)
    return [tuple(parts) for parts in zip(*by_part, strict=True)]

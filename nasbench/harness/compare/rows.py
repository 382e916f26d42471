"""The numbers of one row: one experiment on one reported data set."""

from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import Any, NamedTuple

import numpy as np

from nasbench.harness.compare.blocks import Contender
from nasbench.harness.compare.convergence import PARTS, Course, courses, of_one_clock
from nasbench.harness.compare.estimates import (
    UNKNOWN,
    Estimate,
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
from nasbench.harness.compare.units import estimate_of


@dataclass(frozen=True)
class Part:
    """A row's test value after a part of the budget."""

    part: float  #: fraction of the budget
    n: int  #: runs that had an incumbent by then
    test: Estimate  #: of the mean
    among_best: bool  #: whether no other row is significantly better at that part
    testable: bool  #: whether a test with so many runs can be significant
    p_value: float  #: Wilcoxon signed-rank test of the same runs against the part before, `_parts`

    def to_json(self) -> dict[str, Any]:
        """Return it as JSON values."""
        mean, low, high = self.test
        return {
            "part": self.part, "n": self.n, "mean": mean, "low": low, "high": high,
            "among_best": self.among_best, "testable": self.testable, "p_value": self.p_value,
        }  # fmt: skip


class Reached(NamedTuple):
    """Time to reach a target, on one clock: see `anytime.Reached`."""

    median: float  #: infinite where half of the runs or more did not reach it
    expected: float  #: total time of all runs divided by the number of runs that reached it


class Costs(NamedTuple):
    """Costs of a run, as means over the runs."""

    evaluations: float
    distinct: float
    training_epochs: float
    clock_seconds: float
    optimiser_seconds: float
    wall_seconds: float


@dataclass(frozen=True)
class Row:
    """One experiment on one data set; values of the first objective, and regrets in its unit.

    Means are over the n finished runs, NaN where a number is not known; intervals of estimates are
    95 % bootstrap intervals.
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
    test: Estimate  #: the mean
    test_std: float
    test_median: Estimate
    test_iqm: Estimate  #: mean without the lowest and the highest quarter of runs
    regret_mean: float  #: in test, to the best cell of the table; never negative
    regret_median: float
    valid_regret_mean: float
    normalised_regret_mean: float  #: in test; the mean architecture's is 1
    percentile_mean: float  #: percentage of all cells that the answer is above in test
    improvement_mean: float  #: percent better in test than the mean architecture
    random_evaluations: Estimate  #: evaluations for which random search expects the same test mean
    clock: str  #: clock of `course_*`: `seconds`, or `evaluations` (epochs, for one-shot rows)
    course_start: float  #: when all runs of all rows on this clock have an incumbent
    course_end: float  #: end of the budget on this clock, see `convergence.Course`
    course_regret: float  #: mean test regret from start to end: the area under the regret curve
    target: float  #: test value to which times are measured
    reached: int  #: runs that reached it
    reached_seconds: Reached
    reached_evaluations: Reached
    costs: Costs
    tuning_runs: int  #: searches made to choose the settings; 0 where none is recorded
    tuning_clock_seconds: float
    among_best: bool  #: whether no row is significantly better in test: `significance.standings`
    testable: bool  #: whether a test between rows with so many runs can be significant
    worse_than: str  #: label of the row that is significantly better; empty where none is
    p_value: float
    """p-value against the row with the best mean: Mann-Whitney, Holm-corrected for all pairs.

    NaN for the row with the best mean itself."""
    superiority: float  #: A12 against that row
    detectable_superiority: float  #: A12 that one test of rows with n runs finds with 80 % chance
    detectable_difference: float  #: difference of means that it finds, if normal with `test_std`
    parts: tuple[Part, ...]

    def to_json(self) -> dict[str, Any]:
        """Return the row as JSON values, each number under a name of its own."""
        found: dict[str, Any] = {}
        for field in fields(self):
            name, value = field.name, getattr(self, field.name)
            match value:
                case Estimate() if name == "test":
                    found |= {"test_mean": value.value, "test_std": self.test_std}
                    found |= {"test_low": value.low, "test_high": value.high}
                case Estimate():
                    found |= {name: value.value, f"{name}_low": value.low}
                    found[f"{name}_high"] = value.high
                case Reached():
                    found |= {f"{name}_{key}": number for key, number in value._asdict().items()}
                case Costs():
                    found |= {f"{key}_mean": number for key, number in value._asdict().items()}
                case _:
                    found[name] = value
        return {**found, "parts": [part.to_json() for part in self.parts]}


def rows(
    contenders: Sequence[Contender],
    dataset: str,
    known: Known | None,
    target: float | None = None,
    pairs: Sequence[Pair] | None = None,
) -> list[Row]:
    """Return one row per contender on a reported data set.

    Without the table (`known` is None), numbers that need it are NaN. `target` is the test score to
    which times are measured. `pairs` are the tests of every row against every other, if they have
    been made already.
    """
    tests = [one.final("test", dataset) for one in contenders]
    followed = courses(contenders, dataset, target)
    parts = _parts(contenders, followed)
    found = []
    for one, test, standing, course, at in zip(
        contenders, tests, standings(tests, pairs), followed, parts, strict=True
    ):
        ends = interval(test)
        found.append(
            Row(
                **_identity(one, dataset), **_values(one, test, ends, dataset, target),
                **_in_table(one, test, ends, dataset, known), **_course(course, dataset, known),
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


def _values(
    one: Contender, test: Floats, ends: Interval, dataset: str, target: float | None
) -> dict[str, Any]:
    """Return the fields on final incumbents, in the metric's unit.

    `ends` is the interval of the mean test score.
    """
    metric = one.runs.metric
    valid, tested = summarise(one.final("valid", dataset)), summarise(test)
    iqm = estimate(test, interquartile_mean)
    return {
        "signal_mean": metric.score(summarise(one.final("signal")).mean),
        "valid_mean": metric.score(valid.mean),
        "valid_std": valid.std,
        "valid_median": metric.score(valid.median),
        "test": estimate_of(metric, tested.mean, ends),
        "test_std": tested.std,
        "test_median": estimate_of(metric, tested.median, interval(test, median)),
        "test_iqm": estimate_of(metric, iqm, interval(test, interquartile_mean)),
        "target": metric.score(np.nan if target is None else target),
    }


def _in_table(
    one: Contender, test: Floats, ends: Interval, dataset: str, known: Known | None
) -> dict[str, Any]:
    """Return the fields that compare final scores with all architectures of the table.

    `ends` is the interval of the mean test score.
    """
    if known is None:
        names = (
            "regret_mean", "regret_median", "valid_regret_mean", "normalised_regret_mean",
            "percentile_mean", "improvement_mean",
        )  # fmt: skip
        return {**dict.fromkeys(names, np.nan), "random_evaluations": UNKNOWN}
    every = known.test[dataset]
    best, best_valid = float(np.nanmax(every)), float(np.nanmax(known.valid[dataset]))
    tested = summarise(test)
    equal = random_evaluations(np.array([tested.mean, *ends]), known, dataset)
    return {
        "regret_mean": best - tested.mean,
        "regret_median": best - tested.median,
        "valid_regret_mean": best_valid - summarise(one.final("valid", dataset)).mean,
        "normalised_regret_mean": summarise(normalised_regret(test, every)).mean,
        "percentile_mean": summarise(percentile(test, every)).mean,
        "improvement_mean": summarise(relative_improvement(test, every)).mean,
        "random_evaluations": Estimate(*map(float, equal)),
    }


def _course(course: Course, dataset: str, known: Known | None) -> dict[str, Any]:
    best = np.nan if known is None else float(np.nanmax(known.test[dataset]))
    hits = course.reached
    never = Reached(np.nan, np.nan)
    times = {
        f"reached_{clock}": Reached(hits[clock].median, hits[clock].expected) if hits else never
        for clock in ("seconds", "evaluations")
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
    tuning = one.runs.tuning
    means = (summarise(one.runs.column(name).astype(np.float64)).mean for name in Costs._fields)
    return {
        "costs": Costs(*means),
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

    Each part is tested against the other rows on the same clock, and against the part before of the
    same row; the latter p-values are Holm-corrected for the number of rows.
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
            mean = estimate_of(metric, centre.mean, interval(sample))
            among, testable = tested[row].among_best, tested[row].testable
            found.append(Part(part, centre.n, mean, among, testable, float(gained[row])))
        by_part.append(found)
    return [tuple(parts) for parts in zip(*by_part, strict=True)]

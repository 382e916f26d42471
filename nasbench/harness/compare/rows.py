"""The numbers of one row: one experiment on one reported data set."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from nasbench.harness.compare.anytime import TimeToTarget
from nasbench.harness.compare.contender import Contender, best_score
from nasbench.harness.compare.convergence import (
    PARTS,
    AnytimeScores,
    anytime_scores,
    of_one_clock,
)
from nasbench.harness.compare.costs import COUNTS, Costs, costs_of
from nasbench.harness.compare.estimates import (
    UNKNOWN,
    Estimate,
    Floats,
    Interval,
    Summary,
    estimate,
    interquartile_mean,
    interval,
    intervals,
    mean,
    median,
    summarise,
)
from nasbench.harness.compare.measures import (
    RandomEvaluations,
    normalised_regret,
    percentile,
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
from nasbench.harness.search.experiment import Experiment
from nasbench.harness.search.task import Seconds


@dataclass(frozen=True)
class PartOfBudget:
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


class Finals(NamedTuple):
    """Values of the final incumbents, in the unit of the first objective."""

    signal: float  #: mean of the validation that the searches saw
    valid: Summary  #: validation after the final schedule
    test: Estimate  #: mean
    test_std: float
    test_median: Estimate
    test_iqm: Estimate  #: mean without the lowest and the highest quarter of runs

    def to_json(self) -> dict[str, Any]:
        """Return it as JSON values."""
        valid, test = self.valid, self.test
        return {
            "signal_mean": self.signal,
            "valid_mean": valid.mean, "valid_std": valid.std, "valid_median": valid.median,
            "test_mean": test.value, "test_std": self.test_std,
            "test_low": test.low, "test_high": test.high,
            **_flat("test_median", self.test_median), **_flat("test_iqm", self.test_iqm),
        }  # fmt: skip


class InTable(NamedTuple):
    """How final incumbents stand among all architectures of the table; NaN without one."""

    regret: float = np.nan  #: mean test regret, to the best architecture; never negative
    regret_median: float = np.nan
    valid_regret: float = np.nan  #: mean regret in validation after the final schedule
    normalised_regret: float = np.nan  #: mean, in test; that of the mean architecture is 1
    percentile: float = np.nan  #: mean percentage of architectures that are worse in test
    improvement: float = np.nan  #: mean percentage better in test than the mean architecture
    random_evaluations: Estimate = UNKNOWN
    """Evaluations after which random search is expected to have the same mean test value."""

    def to_json(self) -> dict[str, Any]:
        """Return it as JSON values."""
        return {
            "regret_mean": self.regret, "regret_median": self.regret_median,
            "valid_regret_mean": self.valid_regret,
            "normalised_regret_mean": self.normalised_regret,
            "percentile_mean": self.percentile, "improvement_mean": self.improvement,
            **_flat("random_evaluations", self.random_evaluations),
        }  # fmt: skip


class Anytime(NamedTuple):
    """Results over the whole search, see `convergence.AnytimeScores`."""

    clock: str  #: of `start` and `end`: `seconds`, or what `counted` is
    seconds: Seconds  #: what seconds are
    counted: str  #: what answers are counted as: one of `COUNTS`
    start: float  #: when all runs of all rows on this clock have an incumbent
    end: float  #: end of the budget on this clock
    regret: float  #: mean test regret from start to end: the area under the regret curve
    target: float  #: test value to which times are measured; NaN without a target
    in_seconds: TimeToTarget
    in_evaluations: TimeToTarget

    def to_json(self) -> dict[str, Any]:
        """Return it as JSON values."""
        return {
            "clock": self.clock, "course_start": self.start, "course_end": self.end,
            "course_regret": self.regret, "target": self.target,
            "reached": self.in_evaluations.runs,
            **{
                f"reached_{clock}_{key}": getattr(found, key) if found else np.nan
                for clock, found in (
                    *((f"{kind}_seconds", self.in_kind(kind)) for kind in Seconds),
                    *((count, self.in_count(count)) for count in COUNTS),
                )
                for key in ("median", "expected")
            },
        }  # fmt: skip

    def in_kind(self, kind: Seconds) -> TimeToTarget | None:
        """Return the time to the target in seconds of a kind; None where it is another."""
        return self.in_seconds if kind is self.seconds else None

    def in_count(self, count: str) -> TimeToTarget | None:
        """Return the time to the target in one of `COUNTS`; None where rows have another."""
        return self.in_evaluations if count == self.counted else None


class Tested(NamedTuple):
    """A row against the other rows of its block and data set, see `significance.standings`."""

    among_best: bool  #: whether no row is significantly better in test
    testable: bool  #: whether a test between rows with so many runs can be significant
    worse_than: str  #: label of the row that is significantly better; empty where none is
    p_value: float
    """p-value against the row with the best mean: Mann-Whitney, Holm-corrected for all pairs.

    NaN for the row with the best mean itself."""
    superiority: float  #: A12 against that row
    detectable_superiority: float  #: A12 that one test of rows with n runs finds with 80 % chance
    detectable_difference: float
    """Difference of means that it finds so, if values are normal with the deviation `test_std`."""


@dataclass(frozen=True)
class Row:
    """One experiment on one data set; values of the first objective, and regrets in its unit.

    Means are over the n finished runs, NaN where a number is not known; intervals of estimates are
    95 % bootstrap intervals.
    """

    experiment: Experiment
    dataset: str
    label: str
    family: str
    n: int
    failed: int
    finals: Finals
    in_table: InTable
    anytime: Anytime
    costs: Costs
    tested: Tested
    parts: tuple[PartOfBudget, ...]

    def to_json(self) -> dict[str, Any]:
        """Return the row as JSON values, each number under a name of its own."""
        return {
            **self._identity(), "n": self.n, "failed": self.failed, **self.finals.to_json(),
            **self.in_table.to_json(), **self.anytime.to_json(), **self.costs.to_json(),
            **self.tested._asdict(), "parts": [part.to_json() for part in self.parts],
        }  # fmt: skip

    def _identity(self) -> dict[str, Any]:
        """Return what was run, as JSON values."""
        experiment, task = self.experiment, self.experiment.task
        return {
            "strategy": experiment.strategy,
            "label": self.label,
            "family": self.family,
            "settings": dict(experiment.settings),
            "experiment_seed": experiment.seed,
            "benchmark": task.benchmark,
            "searched": task.query.dataset,
            "dataset": self.dataset,
            "protocol": task.protocol,
            "budget": str(task.budget),
            "signal_epochs": task.query.epochs,
            "trials": task.query.signal,
            "repeats": task.repeats,
            "metric": task.measure.name,
            "direction": task.measure.direction,
            "unit": task.measure.unit,
            "table": task.content,
        }


def _flat(name: str, found: Estimate) -> dict[str, float]:
    return {name: found.value, f"{name}_low": found.low, f"{name}_high": found.high}


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
    followed = anytime_scores(contenders, dataset, target)
    ends = [intervals(sample, mean, median, interquartile_mean) for sample in tests]
    parts = _parts(contenders, followed, tests, [of_mean for of_mean, *_ in ends])
    random = None if known is None else RandomEvaluations(known, dataset)
    found = []
    for one, test, around, standing, scores, at in zip(
        contenders, tests, ends, standings(tests, pairs), followed, parts, strict=True
    ):
        found.append(
            Row(
                one.experiment, dataset, one.label, one.runs.family,
                n=len(one.runs),
                failed=one.failed,
                finals=_finals(one, test, around, dataset),
                in_table=_in_table(one, test, around[0], dataset, known, random),
                anytime=_anytime(one, scores, target, best_score(contenders, known, dataset)),
                costs=costs_of(one),
                tested=_tested(test, standing, contenders),
                parts=at,
            )
        )  # fmt: skip
    return found


def _finals(one: Contender, test: Floats, around: Sequence[Interval], dataset: str) -> Finals:
    """Return the values of final incumbents.

    `around` are the intervals of the mean, median and interquartile mean of the test scores.
    """
    metric = one.metric
    valid, tested = summarise(one.final("valid", dataset)), summarise(test)
    iqm = estimate(test, interquartile_mean)
    return Finals(
        metric.score(summarise(one.final("signal")).mean),
        valid._replace(mean=metric.score(valid.mean), median=metric.score(valid.median)),
        estimate_of(metric, tested.mean, around[0]),
        tested.std,
        estimate_of(metric, tested.median, around[1]),
        estimate_of(metric, iqm, around[2]),
    )


def _in_table(
    one: Contender,
    test: Floats,
    ends: Interval,
    dataset: str,
    known: Known | None,
    random: RandomEvaluations | None,
) -> InTable:
    """Compare final scores with the table's; `ends` is the interval of the mean test score."""
    best, best_valid = (best_score([one], known, dataset, split) for split in ("test", "valid"))
    tested = summarise(test)
    regrets = InTable(
        regret=best - tested.mean,
        regret_median=best - tested.median,
        valid_regret=best_valid - summarise(one.final("valid", dataset)).mean,
    )
    if known is None or random is None:
        return regrets
    every = known.test[dataset]
    equal = random.reaching(np.array([tested.mean, *ends]))
    return regrets._replace(
        normalised_regret=summarise(normalised_regret(test, every)).mean,
        percentile=summarise(percentile(test, every)).mean,
        improvement=summarise(relative_improvement(test, every)).mean,
        random_evaluations=Estimate(*map(float, equal)),
    )


def _anytime(one: Contender, scores: AnytimeScores, target: float | None, best: float) -> Anytime:
    """Return results over the search; `best` is the best test score, NaN if it is not known."""
    never = TimeToTarget(0, np.nan, np.nan)
    task = one.experiment.task
    clock = scores.clock if scores.clock == "seconds" else task.count
    return Anytime(
        clock, task.seconds, task.count, scores.start, scores.end, best - scores.mean,
        one.metric.score(np.nan if target is None else target),
        scores.to_target.get("seconds", never), scores.to_target.get("evaluations", never),
    )  # fmt: skip


def _tested(test: Floats, standing: Standing, contenders: Sequence[Contender]) -> Tested:
    found = summarise(test)
    rival = standing.worse_than
    worse_than = contenders[rival].label if rival >= 0 else ""
    return Tested(
        **{**standing._asdict(), "worse_than": worse_than},
        detectable_superiority=detectable_superiority(found.n),
        detectable_difference=detectable_difference(found.std, found.n),
    )


def _parts(
    contenders: Sequence[Contender],
    followed: Sequence[AnytimeScores],
    finals: Sequence[Floats],
    ends: Sequence[Interval],
) -> list[tuple[PartOfBudget, ...]]:
    """Return every row's values after parts of the budget.

    `finals` are every row's final test scores, `ends` the intervals of their means. Each part is
    tested against the other rows on the same clock, and against the part before of the same row;
    the latter p-values are Holm-corrected for the number of rows.
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
            metric, centre = contenders[row].metric, summarise(sample)
            same = np.array_equal(sample, finals[row], equal_nan=True)
            value = estimate_of(metric, centre.mean, ends[row] if same else interval(sample))
            among, testable = tested[row].among_best, tested[row].testable
            found.append(PartOfBudget(part, centre.n, value, among, testable, float(gained[row])))
        by_part.append(found)
    return [tuple(parts) for parts in zip(*by_part, strict=True)]

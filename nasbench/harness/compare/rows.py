"""The numbers of one row: one experiment on one reported data set."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from nasbench.harness.compare.blocks import Contender
from nasbench.harness.compare.curves import interval
from nasbench.harness.compare.references import Known
from nasbench.harness.compare.statistics import standings, summarise


@dataclass(frozen=True)
class Row:
    """One experiment on one data set; accuracies in percent, regrets in percentage points.

    Means are over the n finished runs, NaN where a number is not known.
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
    table: str
    n: int
    failed: int
    signal_mean: float  #: validation of the final incumbent as the search saw it
    valid_mean: float  #: its validation after the final schedule
    valid_std: float
    valid_median: float
    test_mean: float
    test_std: float
    test_median: float
    test_low: float  #: of the 95 % bootstrap interval of the mean
    test_high: float
    regret_mean: float  #: in test, to the best cell of the table
    regret_median: float
    valid_regret_mean: float
    queries_mean: float
    distinct_mean: float
    training_epochs_mean: float
    simulated_seconds_mean: float
    optimiser_seconds_mean: float
    tuning_runs: int  #: searches made to choose the settings; 0 where none is recorded
    tuning_simulated_seconds: float
    among_best: bool  #: not significantly worse than the best row in test
    p_value: float  #: against the best row, Holm-corrected; NaN for that row itself
    superiority: float  #: A12 against the best row

    def to_json(self) -> dict[str, Any]:
        """Return the row as JSON values."""
        return asdict(self)


def rows(contenders: Sequence[Contender], dataset: str, known: Known | None) -> list[Row]:
    """Return one row per contender on a reported data set; regrets need the table."""
    best_valid = float(np.nanmax(known.valid[dataset])) if known else np.nan
    best_test = float(np.nanmax(known.test[dataset])) if known else np.nan
    tests = [one.final(f"test/{dataset}") for one in contenders]
    return [
        _row(one, dataset, best_valid, best_test, standing._asdict())
        for one, standing in zip(contenders, standings(tests), strict=True)
    ]


def _row(
    one: Contender, dataset: str, best_valid: float, best_test: float, standing: dict[str, Any]
) -> Row:
    experiment, task = one.experiment, one.experiment.task
    valid = summarise(one.final(f"valid/{dataset}"))
    test = summarise(one.final(f"test/{dataset}"))
    tuning = one.runs.tuning
    low, high = interval(one.final(f"test/{dataset}"))
    means: dict[str, Any] = {
        f"{name}_mean": summarise(one.runs.column(name).astype(np.float64)).mean
        for name in (
            "queries", "distinct", "training_epochs", "simulated_seconds", "optimiser_seconds"
        )
    }  # fmt: skip
    return Row(
        strategy=experiment.strategy,
        label=one.label,
        family=one.runs.family,
        settings=dict(experiment.settings),
        experiment_seed=experiment.seed,
        benchmark=task.benchmark,
        searched=task.signal.dataset,
        dataset=dataset,
        protocol=task.protocol,
        budget=str(task.budget),
        signal_epochs=task.signal.epochs,
        trials=task.signal.trials,
        repeats=task.repeats,
        table=task.table,
        n=len(one.runs),
        failed=one.failed,
        signal_mean=summarise(one.final("accuracy")).mean,
        valid_mean=valid.mean,
        valid_std=valid.std,
        valid_median=valid.median,
        test_mean=test.mean,
        test_std=test.std,
        test_median=test.median,
        test_low=low,
        test_high=high,
        regret_mean=best_test - test.mean,
        regret_median=best_test - test.median,
        valid_regret_mean=best_valid - valid.mean,
        **means,
        tuning_runs=tuning.runs if tuning else 0,
        tuning_simulated_seconds=tuning.simulated_seconds if tuning else 0.0,
        **standing,
    )

"""The best run of an experiment: chosen by what its search saw in validation, never by test."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from nasbench.harness.results.records import SPLITS
from nasbench.harness.results.runs import ExperimentRuns


@dataclass(frozen=True)
class BestRun:
    """The run whose final incumbent has the best validation value, the search's own signal.

    Of equal ones it is that of the smallest seed. Where searches ask for several fidelities, only
    runs that ended at the highest one count. Its test values are those that a user who ran all
    seeds would report; being the best of many on validation, they are no estimate of a single run.
    """

    seed: int
    architecture: str
    signal: float
    """The validation value that the search was told, of the first objective."""
    finals: dict[str, float]
    """The judge's values by `valid/DATASET` and `test/DATASET`."""


def best_run(runs: ExperimentRuns) -> BestRun | None:
    """Return the best run; None where no run finished, and for several objectives.

    The answer of several objectives is a set, and no run is the best.
    """
    place = best_place(runs)
    if place is None:
        return None
    one = runs.select(np.arange(len(runs)) == place)
    steps = one.lists("incumbents")
    last = one.architectures.at(steps)
    return BestRun(
        int(one.seeds[0]),
        str(last.texts[last.codes.last()[0]]),
        float(one.signal.at(steps).last()[0]),
        {
            f"{split}/{name}": float(one.finals(split, name).last()[0])
            for name in one.experiment.task.reports
            for split in SPLITS
        },
    )


def best_place(runs: ExperimentRuns) -> int | None:
    """Return the position of the best run among `runs`, or None as `best_run` does."""
    places = np.flatnonzero(~runs.failed)
    if len(runs.experiment.task.objectives) > 1 or not len(places):
        return None
    finished = runs.select(~runs.failed)
    steps = finished.lists("incumbents")
    reached: NDArray[np.int64] = finished.lists("fidelity").at(steps).last()
    scores = runs.metric.score(finished.signal.at(steps).last())
    scores = np.where(reached == reached.max(), scores, -np.inf)
    return int(places[np.argmax(scores)])

"""What the runs of a row cost; each clock and each count under a name of its own."""

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from nasbench.benchmarks.constraints import all_met
from nasbench.harness.compare.contender import Contender
from nasbench.harness.compare.estimates import summarise
from nasbench.harness.results.ragged import Ragged
from nasbench.harness.search.task import Seconds
from nasbench.trace import MODEL_TRACES


class Costs(NamedTuple):
    """Costs of a run, as means over the runs, and of the tuning before.

    A count that the runs do not have is NaN.
    """

    evaluations: float
    shared_epochs: float  #: of training shared weights
    distinct: float
    training_epochs: float  #: of training single architectures
    seconds: Seconds  #: what `clock_seconds` and `tuning_seconds` are
    clock_seconds: float
    optimiser_seconds: float
    wall_seconds: float
    scores: float  #: of zero-cost proxies
    score_seconds: float  #: what measuring these took
    tuning_runs: int  #: searches made to choose the settings; 0 where none is recorded
    tuning_seconds: float  #: of all of them on the same clock
    prompt_tokens: float = np.nan  #: of a language model, as are the next two
    completion_tokens: float = np.nan
    model_seconds: float = np.nan  #: real ones of the recording, on no other clock
    infeasible: float = np.nan  #: percentage of evaluations that do not meet the constraints

    def on(self, kind: Seconds) -> float:
        """Return the seconds on the clock if they are of a kind, else NaN."""
        return self.clock_seconds if kind is self.seconds else np.nan

    def tuning_on(self, kind: Seconds) -> float:
        """Return the seconds of tuning if they are of a kind, else NaN."""
        return self.tuning_seconds if kind is self.seconds else np.nan

    def _of_model(self) -> dict[str, float]:
        """Return the costs of a language model; empty where none was asked."""
        found = {name: getattr(self, name) for name in MODEL}
        return found if any(map(np.isfinite, found.values())) else {}

    def to_json(self) -> dict[str, Any]:
        """Return it as JSON values; seconds of each kind have names of their own."""
        return {
            **{f"{name}_mean": getattr(self, name) for name in _COUNTS},
            **{f"{kind}_seconds_mean": self.on(kind) for kind in Seconds},
            "optimiser_seconds_mean": self.optimiser_seconds,
            "wall_seconds_mean": self.wall_seconds,
            **self._of_proxies,
            **{f"{name}_mean": value for name, value in self._of_model().items()},
            **({} if np.isnan(self.infeasible) else {"infeasible_mean": self.infeasible}),
            "tuning_runs": self.tuning_runs,
            **{f"tuning_{kind}_seconds": self.tuning_on(kind) for kind in Seconds},
        }

    @property
    def _of_proxies(self) -> dict[str, float]:
        """The costs of scores as JSON values; empty for a row without any."""
        found = {"scores_mean": self.scores, "score_seconds_mean": self.score_seconds}
        return {} if np.isnan(self.scores) else found


MODEL = ("prompt_tokens", "completion_tokens", "model_seconds")
"""Costs that only searches with a language model have."""
COUNTS = ("evaluations", "shared_epochs")
"""What answers of runs are counted as; a row has one of the two."""
_COUNTS = ("evaluations", "shared_epochs", "distinct", "training_epochs")


def costs_of(one: Contender) -> Costs:
    """Return the costs of a contender's runs."""
    tuning, task = one.runs.tuning, one.experiment.task

    def mean(values: NDArray[Any]) -> float:
        return summarise(values.astype(np.float64)).mean

    count, scored = mean(one.runs.counts), one.experiment.proxies is not None
    return Costs(
        evaluations=np.nan if task.shared else count,
        shared_epochs=count if task.shared else np.nan,
        training_epochs=np.nan if task.shared else mean(one.runs.column("training_epochs")),
        seconds=task.seconds,
        clock_seconds=mean(one.runs.column("clock_seconds")) if task.timed else np.nan,
        **{
            name: mean(one.runs.column(name))
            for name in ("distinct", "optimiser_seconds", "wall_seconds")
        },
        scores=mean(one.runs.column("scores")) if scored else np.nan,
        score_seconds=mean(one.runs.column("score_seconds")) if scored else np.nan,
        **_costs_of_model(one),
        infeasible=_infeasible(one) if task.constraints else np.nan,
        tuning_runs=tuning.runs if tuning else 0,
        tuning_seconds=tuning.clock_seconds if tuning else 0.0,
    )


def _infeasible(one: Contender) -> float:
    """Return the mean percentage of a run's evaluations that do not meet the constraints."""
    met = all_met(one.experiment.task.constraints, one.runs.constrained)
    lists = Ragged(met, one.runs.lists("seconds").offsets)
    shares = [100 * (1 - float(np.mean(lists[run]))) for run in range(len(lists))]
    return summarise(np.array(shares)).mean


def _costs_of_model(one: Contender) -> dict[str, float]:
    """Return the mean costs of a language model over the runs; empty where none was asked."""
    there = set(one.runs.traces())
    found = {}
    for name in MODEL:
        trace = MODEL_TRACES[name.replace("_", " ")]
        if trace in there:
            spent = one.runs.trace(trace)
            per_run = [float(np.sum(spent[run])) for run in range(len(spent))]
            found[name] = summarise(np.array(per_run)).mean
    return found

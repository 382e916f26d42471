"""One row of a block: an experiment's runs over the block's seeds, with their scores."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from nasbench.harness.compare.estimates import finite, highest
from nasbench.harness.compare.progress_of_sets import Qualities, hypervolumes, qualities
from nasbench.harness.compare.references import Known
from nasbench.harness.fronts import ExactFront, Fronts
from nasbench.harness.results.ragged import Architectures, Ragged
from nasbench.harness.results.runs import ExperimentRuns
from nasbench.harness.search.experiment import Experiment
from nasbench.problem import HYPERVOLUME, Metric, scores_of


@dataclass(frozen=True)
class Contender:
    """One experiment in a block: its runs over the block's seeds."""

    label: str
    experiment: Experiment
    runs: ExperimentRuns
    """Finished runs only."""
    failed: int
    """Number of failed runs."""
    scale: float = 1.0
    """Factor from seconds of its own clock to seconds of the clock it is drawn on."""
    colour: str = ""
    """A colour that a user chose, `#` and six hexadecimal digits; empty for the usual one."""
    line: str = ""
    """A line style that a user chose, an `appearance.LineStyle`; empty for the usual one."""
    fronts: Fronts | None = None
    """The exact fronts by which its sets are measured, for searches of several objectives."""

    def scores(self, what: str, dataset: str = "") -> Ragged:
        """Return the scores of each run's incumbents; `what` is `signal`, `valid` or `test`.

        `signal` is what the search saw; `valid` and `test` are final values on `dataset`; in a
        search without test values, `test` is that of validation. Scores are of the first objective:
        more is better. Infinite values count as not known: NaN. Of searches of several objectives,
        they are the hypervolumes of the set after each change, see `hypervolumes`.
        """
        if self.fronts is not None:
            key = what, dataset if what != "signal" else ""
            if key not in self._measured:
                self._measured[key] = self._hypervolumes(what, dataset, self.fronts)
            return self._measured[key]
        if what == "signal":
            values = self.runs.signal.at(self.runs.lists("incumbents"))
        else:
            values = self.judged(what, dataset)
        return Ragged(finite(self.runs.metric.score(values.values)), values.offsets)

    @cached_property
    def _measured(self) -> dict[tuple[str, str], Ragged]:
        return {}

    def qualities(self, dataset: str) -> Qualities:
        """Return how far the sets are from the exact front of test values, after each change.

        Raises `ValueError` where the exact front is not known.
        """
        if self.fronts is None:
            raise ValueError("the exact front is not known")
        if dataset not in self._qualities:
            self._qualities[dataset] = qualities(*self._of_sets("test", dataset, self.fronts))
        return self._qualities[dataset]

    @cached_property
    def _qualities(self) -> dict[str, Qualities]:
        return {}

    def _hypervolumes(self, what: str, dataset: str, fronts: Fronts) -> Ragged:
        return hypervolumes(*self._of_sets(what, dataset, fronts))

    def _of_sets(
        self, what: str, dataset: str, fronts: Fronts
    ) -> tuple[Ragged, Ragged, Ragged, ExactFront, Ragged | None]:
        """Return the arguments of `hypervolumes`."""
        steps, objectives = self.runs.lists("incumbents"), self.experiment.task.objectives
        seen = Ragged(self.runs.scores, self.runs.lists("seconds").offsets).at(steps)
        fidelity = self.runs.lists("fidelity").at(steps)
        shared = self.experiment.task.shared
        supernets = self.runs.supernets.at(steps) if shared else None
        if what == "signal":
            return seen, fidelity, seen, fronts.signal, supernets
        columns = [self.judged(what, dataset, place).values for place in range(len(objectives))]
        final = Ragged(scores_of(objectives, np.stack(columns, axis=1)), steps.offsets)
        return seen, fidelity, final, fronts.of(what)[dataset], supernets

    @property
    def metric(self) -> Metric:
        """What `scores` are the scores of."""
        return self.experiment.task.measure

    def judged(self, split: str, dataset: str, objective: int = 0) -> Ragged:
        """Return the judge's values of each run's incumbents: `valid`, or `test` where there is."""
        known = split if self.experiment.task.has_test else "valid"  # the only split there is
        return self.runs.finals(known, dataset, objective)

    def final(self, what: str, dataset: str = "") -> NDArray[np.float64]:
        """Return the score of each run's final incumbent, shape (runs,): see `scores`."""
        return np.asarray(self.scores(what, dataset).last(), dtype=np.float64)

    @property
    def incumbents(self) -> Architectures:
        """The architectures of each run's incumbents."""
        return self.runs.architectures.at(self.runs.lists("incumbents"))

    def when(self, clock: str) -> Ragged:
        """Return when each run's incumbents were finished, on clock `seconds` or `evaluations`."""
        steps = self.runs.lists("incumbents")
        if clock == "evaluations":
            return Ragged(steps.values.astype(np.float64) + 1, steps.offsets)
        seconds = self.runs.finished.at(steps)
        return Ragged(self.scale * seconds.values, seconds.offsets)

    def devices(self, clock: str) -> tuple[str, ...]:
        """Return the devices whose real seconds are a clock; empty for any other clock."""
        return self.runs.devices if clock == "seconds" else ()

    def spent(self, clock: str) -> float:
        """Return the most that a run spent on a clock; 0 without runs."""
        if clock == "evaluations":
            return float(self.runs.counts.max(initial=0))
        return self.scale * float(self.runs.column("clock_seconds").max(initial=0))


def best_score(
    contenders: Sequence[Contender], known: Known | None, dataset: str, split: str = "test"
) -> float:
    """Return the best final score that there is on a data set; NaN where it is not known.

    It is that of the best architecture of the table or, of sets, that of the whole exact front.
    """
    if contenders[0].fronts is not None:
        return HYPERVOLUME.high
    if known is None:
        return np.nan
    return highest({"test": known.test, "valid": known.valid}[split][dataset])

"""Expected hypervolume improvement: Bayesian optimisation of two objectives."""

from typing import TYPE_CHECKING

from nasbench.strategies.parts.improvement import AcquisitionSearch
from nasbench.strategies.parts.process_search import ProcessSettings
from nasbench.strategies.parts.several_scores import SeveralScores
from nasbench.strategies.registry import register

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy as np
    from numpy.typing import NDArray

    from nasbench.strategies.parts.predictors import Prediction
    from nasbench.strategies.parts.predictors.growing import GrowingProcess

    Numbers = NDArray[np.float64]

_BIBTEX = """
@inproceedings{emmerich2011hypervolume,
  author = {Michael T. M. Emmerich and Andr{\\'e} H. Deutz and Jan Willem Klinkenberg},
  title = {Hypervolume-Based Expected Improvement: Monotonicity Properties and Exact Computation},
  booktitle = {{IEEE} Congress on Evolutionary Computation},
  pages = {2147--2154},
  year = {2011}
}

@article{yang2019efficient,
  author = {Kaifeng Yang and Michael Emmerich and Andr{\\'e} Deutz and Thomas B{\\"a}ck},
  title = {Efficient Computation of Expected Hypervolume Improvement Using Box Decomposition
    Algorithms},
  journal = {Journal of Global Optimization},
  volume = {75},
  number = {1},
  pages = {3--34},
  year = {2019}
}
"""

MARGIN = 0.1
"""How far the reference point lies behind the worst scores, as a part of their range."""


def reference_of(scores: "Numbers") -> "Numbers":
    """Return the point from which hypervolumes are measured, shape (objectives,).

    It lies behind the worst of n scores, shape (n, objectives), by a tenth of their range, or by 1
    in an objective where all are equal.
    """
    import numpy as np

    width = np.ptp(scores, axis=0)
    point: Numbers = scores.min(axis=0) - MARGIN * np.where(width > 0, width, 1.0)
    return point


@register("ehvi")
class ExpectedHypervolumeSearch(SeveralScores, AcquisitionSearch):
    """The architecture comes next that is expected to add most to the hypervolume of the front."""

    title = "EHVI"
    family = "Bayesian optimisation"
    reference = "Emmerich et al., CEC 2011; Yang et al., Journal of Global Optimization 2019"
    bibtex = _BIBTEX
    colour = "#f000d8"
    least_objectives = most_objectives = 2
    Settings = ProcessSettings

    def setup(self) -> None:
        """Begin without processes; where they are missing, they learn all answers."""
        super().setup()
        self._processes: list[GrowingProcess] = []

    def worth(
        self, known: "Numbers", others: "Numbers", taken: "Sequence[int] | None"
    ) -> "Numbers":
        """Return the expected improvement of the hypervolume of normal scores.

        It is 0 for architectures that cannot have the largest.
        """
        import numpy as np

        from nasbench.strategies.parts.acquisition import largest_hypervolume_improvements

        first, second = self._predict(known, others, all_=taken is not None)
        usable = np.isfinite(self.scores).all(axis=1)
        scores = np.stack([one.scores for one in self._processes], axis=1)[usable]
        free = np.delete(np.arange(len(others)), taken or [])
        worth = np.zeros(len(others))
        worth[free] = largest_hypervolume_improvements(
            first.of(free), second.of(free), scores, reference_of(scores)
        )
        return worth

    def _predict(
        self, known: "Numbers", others: "Numbers", *, all_: bool
    ) -> "tuple[Prediction, Prediction]":
        """Predict the normal scores of each objective after learning all answers."""
        from nasbench.strategies.parts.predictors.growing import GrowingProcess

        scores, points = self.scores, self.settings.points
        if not self._processes:
            listed = others if all_ else None
            self._processes = [GrowingProcess(points, listed) for _ in range(2)]
        better = self._better(scores)
        for place, process in enumerate(self._processes):
            process.learn(known, scores[:, place], better=better)
        first, second = (
            one.predict_candidates() if all_ else one.predict(others) for one in self._processes
        )
        return first, second

    def _better(self, scores: "Numbers") -> "Numbers | None":
        """Return which of the answers of the last fit are to be kept: those with large numbers.

        None where all are kept. They are ordered by rank and then by crowding.
        """
        import numpy as np

        from nasbench.strategies.parts.populations import best_first
        from nasbench.strategies.parts.predictors.growing import last_fit
        from nasbench.strategies.parts.ranks import normal_scores

        answers, _ = last_fit(len(scores), self.settings.points)
        if answers <= self.settings.points:
            return None
        points = np.stack([normal_scores(one) for one in scores[:answers].T], axis=1)
        better = np.empty(answers)
        better[best_first(points.tolist())] = -np.arange(answers, dtype=np.float64)
        return better

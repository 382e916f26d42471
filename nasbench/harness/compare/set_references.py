"""Reference rows of searches for several objectives: hypervolumes of sets from the table itself."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from nasbench.harness.compare.known_sets import KnownSets
from nasbench.harness.compare.references import EXPECTED, Errors, Reference
from nasbench.harness.fronts import ExactFront
from nasbench.problem import HYPERVOLUME

Floats = NDArray[np.float64]

FRONT = "exact front"
FRONT_BY_VALIDATION = "exact front by validation"


class _Outcome(NamedTuple):
    mean: float
    std: float = np.nan
    error: float = 0.0


def set_references(known: KnownSets, dataset: str) -> list[Reference]:
    """Return the exact fronts, the expected random search and the mean architecture.

    All numbers are hypervolumes in percent of the exact front's, and regrets to it. The exact front
    by validation has all architectures that none is better than by their final validation values;
    it is left out where these are not known, and so are numbers in validation.
    The mean architecture is the mean over all of the set of one architecture alone.
    """
    fronts = [known.front(what, dataset) for what in ("signal", "valid", "test")]

    def row(name: str, outcomes: list[_Outcome], evaluations: float = np.nan) -> Reference:
        signal, valid, test = outcomes
        return Reference(
            reference=name,
            dataset=dataset,
            signal_mean=signal.mean,
            valid_mean=valid.mean,
            valid_std=valid.std,
            test_mean=test.mean,
            test_std=test.std,
            regret_mean=HYPERVOLUME.high - test.mean,
            valid_regret_mean=HYPERVOLUME.high - valid.mean,
            evaluations_mean=evaluations,
            errors=Errors(*(np.nan if np.isnan(one.mean) else one.error for one in outcomes)),
        )

    def front(name: str, members: NDArray[np.int64]) -> Reference:
        return row(name, [_Outcome(_of(one, members)) for one in fronts])

    rows = [front(FRONT, fronts[2].members)]
    if known.draws.task.has_test and fronts[1].known:
        rows.append(front(FRONT_BY_VALIDATION, fronts[1].members))
    if known.draws.has_expectation:
        n = known.draws.evaluations()
        found = [known.expect(what, dataset, n) for what in ("signal", "valid", "test")]
        if not np.isnan(found[2].mean[0]):
            outcomes = [_Outcome(*(float(each[0]) for each in one)) for one in found]
            rows.append(row(EXPECTED, outcomes, float(n[0])))
    return [*rows, row("mean architecture", [_alone(one) for one in fronts])]


def _of(front: ExactFront, members: NDArray[np.int64]) -> float:
    """Return the hypervolume of a set of architectures by its values on a front's split.

    It is NaN where no architecture has values there.
    """
    if not front.known:
        return np.nan
    points = front.scores[members]
    return 100 * front.share_of_hypervolume(points[np.isfinite(points).all(axis=1)])


def _alone(front: ExactFront) -> _Outcome:
    """Return the hypervolumes of all architectures, each as a set of its own; NaN as in `_of`."""
    if not front.known:
        return _Outcome(np.nan)
    known = front.scores[np.isfinite(front.scores).all(axis=1)]
    each = 100 * np.clip(known - front.reference, 0, None).prod(axis=1) / front.hypervolume
    return _Outcome(float(each.mean()), float(each.std()))

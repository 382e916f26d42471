"""Axes of figures of two objectives: the first is up, the second across, and the front is large."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import NDArray

from nasbench.problem import Metric

if TYPE_CHECKING:
    from matplotlib.axes import Axes

Floats = NDArray[np.float64]

_TAIL = 0.2
"""Share of a front's points, those with the worst scores, that may be left out of the axes."""
_ALONE = 0.5
"""They are left out if the others lie within this share of the whole range of scores."""
_NEAR = 0.25
"""Those of them stay that are behind the others by this share of the others' range or less."""
_DECADE = 10.0
"""Ratio of the largest to the smallest value above which the second objective has a log scale."""
_MARGIN = 0.05


class View(NamedTuple):
    """What part of a plane of two objectives is shown."""

    objectives: tuple[Metric, Metric]
    worst: tuple[float, float]
    """Scores of the corner with the worst scores that is shown."""
    best: tuple[float, float]
    """Scores of the opposite corner."""
    log: bool
    """Whether the scale of the second objective is logarithmic."""

    def shows(self, points: Floats) -> NDArray[np.bool_]:
        """Return for each of n points, shape (n, 2), whether its scores are within the axes."""
        return np.asarray(((points >= self.worst) & (points <= self.best)).all(axis=1))

    def ends(self, objective: int) -> tuple[float, float]:
        """Return the lowest and the highest value of an objective that are shown."""
        metric = self.objectives[objective]
        low, high = sorted(metric.score(one[objective]) for one in (self.worst, self.best))
        return low, high

    def set_limits(self, axes: "Axes") -> None:
        """Set scale and limits of the axes: the second objective is on x, the first on y."""
        if self.log:
            axes.set_xscale("log")
        axes.set_xlim(*self.ends(1))
        axes.set_ylim(*self.ends(0))

    @property
    def better(self) -> str:
        """Where better points are, in words: `up and left`."""
        up, right = (one.direction == "max" for one in self.objectives)
        return f"{'up' if up else 'down'} and {'right' if right else 'left'}"


def view_of(objectives: tuple[Metric, Metric], front: Floats, rows: Sequence[Floats]) -> View:
    """Return the part of the plane in which a front lies, and something of every row.

    `front` and each of `rows` hold the scores of at least one point, shape (points, 2). Where a few
    points of the front are far behind all others in an objective, as networks without any layer
    are, they are outside.
    """
    second = objectives[1]
    low = min(_core(front[:, 0]), *(one[:, 0].max() for one in rows))
    near = front[front[:, 0] >= low]
    values = second.score(near[:, 1])
    log = bool(values.min() > 0 and values.max() > _DECADE * values.min())

    def scaled(scores: Floats) -> Floats:
        if not log:
            return scores
        with np.errstate(divide="ignore"):  # 0 is infinitely far
            return second.score(np.log(np.maximum(second.score(scores), 0.0)))

    across = scaled(near[:, 1])
    ends = np.array([scaled(one[:, 1]).max() for one in rows])
    strict = min(_core(across), *ends[np.isfinite(ends)])
    shown = near[across >= strict]
    high = max(float(shown[:, 0].max()), *(one[:, 0].max() for one in rows))
    up, right = _widened(low, high), _widened(strict, float(across.max()))

    def plain(score: float) -> float:
        return second.score(float(np.exp(second.score(score)))) if log else score

    worst, best = zip(up, map(plain, right), strict=True)
    return View(objectives, worst, best, log)


def _core(scores: Floats) -> float:
    """Return the worst score of a front that is shown, see `_TAIL`."""
    ranked = np.sort(scores)
    low, tail, high = float(ranked[0]), float(ranked[int(_TAIL * len(ranked))]), float(ranked[-1])
    if high - tail >= _ALONE * (high - low):
        return low
    return float(ranked[ranked >= tail - _NEAR * (high - tail)][0])


def _widened(low: float, high: float) -> tuple[float, float]:
    """Return the ends of an axis from the worst and the best score that it shows."""
    room = _MARGIN * (high - low) or 0.01 * abs(high) or 1.0
    return low - room, high + room

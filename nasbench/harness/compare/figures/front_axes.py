"""Axes of figures of two objectives: the first is up, the second across, and the front is large."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import NDArray

from nasbench.benchmarks.tables.objectives import is_cost
from nasbench.harness.compare.figures.colours import REFERENCE
from nasbench.pareto.attainment import boundary
from nasbench.problem import Metric

if TYPE_CHECKING:
    from matplotlib.axes import Axes

Floats = NDArray[np.float64]

EXACT = "Exact front"
_TAIL = 0.2
"""Share of a front's points, the worst in the first objective, that may be outside the axes."""
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
    """Return the part of the plane in which a front lies, and the best point of every row.

    `front` and each of `rows` hold the scores of at least one point, shape (points, 2); the best
    point of a row is that with the best first score, which has its worst second one. Where a few
    points of the front are far behind all others in the first objective, as networks without any
    layer are, they are outside.
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
    ends = np.array([scaled(one[:, 1]).min() for one in rows])
    strict = min(float(across.min()), *ends[np.isfinite(ends)])
    high = max(float(near[:, 0].max()), *(one[:, 0].max() for one in rows))
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


def label_of(metric: Metric, outcome: str) -> str:
    """Return the label of an axis of final values: `test accuracy (%)`; costs are of no split."""
    return metric.title if is_cost(metric) else f"{outcome} {metric.title}"


def corner_line(view: View, corners: Floats) -> tuple[Floats, Floats]:
    """Return the edge of what corners enclose as values across and up, shape (vertices,) each.

    Corners are as `pareto.attainment` has them. The line goes beyond the axes on both ends.
    """
    worst = np.minimum(view.worst, corners.min(axis=0, initial=np.inf))
    first, second = view.objectives
    line = boundary(corners, (float(worst[0]), float(worst[1])))
    return second.score(line[:, 1]), first.score(line[:, 0])


def draw_exact(axes: "Axes", view: View, points: Floats) -> None:
    """Draw an exact front as points and the edge of what they reach.

    `points` are its scores, the best in the first objective first, shape (points, 2).
    """
    first, second = view.objectives
    axes.plot(*corner_line(view, points[::-1]), color=REFERENCE, linewidth=0.8, zorder=1.5)
    axes.plot(second.score(points[:, 1]), first.score(points[:, 0]), ".", color=REFERENCE,
              markersize=3, zorder=1.5)  # fmt: skip
    axes.plot([], [], ".-", color=REFERENCE, linewidth=0.8, markersize=3, label=EXACT)

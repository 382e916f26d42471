"""Attainment surfaces: what a given number of runs have reached in two objectives.

Grunert da Fonseca, Fonseca & Hall, EMO 2001.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

Points = NDArray[np.float64]


def attained_by(sets: Sequence[Points], number: int) -> Points:
    """Return the corners of the region that at least `number` of n sets dominate weakly.

    Each set has shape (points, 2). The result has shape (corners, 2), ascending in the first score
    and so descending in the second: a pair is reached by `number` sets exactly if it is at most as
    good as a corner in both scores. With `number` 1 this is the best surface of all sets, with
    (n + 1) // 2 the median one, and with n the worst; there are no corners if fewer sets have
    points.
    """
    firsts = np.unique(np.concatenate([one[:, 0] for one in sets]))
    if not len(firsts):
        return np.empty((0, 2))
    reached = np.array([_highest(one, firsts) for one in sets])
    level = np.partition(reached, len(sets) - number, axis=0)[len(sets) - number]
    corner = (level > np.append(level[1:], -np.inf)) & (level > -np.inf)
    return np.column_stack((firsts[corner], level[corner]))


def boundary(corners: Points, worst: tuple[float, float]) -> Points:
    """Return the line around the region that corners enclose, shape (2 * corners + 1, 2).

    `corners` ascend in the first score and descend in the second, as `attained_by` returns them,
    shape (corners, 2), at least one. The line goes from the worst first score to the worst second
    one, `worst`, which are at most as good as those of the corners.
    """
    firsts = np.repeat(corners[:, 0], 2)
    seconds = np.repeat(corners[:, 1], 2)
    line = np.column_stack((np.append(worst[0], firsts), np.append(seconds, worst[1])))
    return np.asarray(line)


def _highest(points: Points, firsts: Points) -> Points:
    """Return the highest second score among points whose first score is at least each of `firsts`.

    -inf where there is none.
    """
    order = np.argsort(points[:, 0], kind="stable")
    ascending = points[order]
    best = np.append(np.maximum.accumulate(ascending[::-1, 1])[::-1], -np.inf)
    highest: Points = best[np.searchsorted(ascending[:, 0], firsts, side="left")]
    return highest

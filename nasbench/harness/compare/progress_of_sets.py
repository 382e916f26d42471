"""The score of searches of several objectives: the hypervolume of the set when it changes."""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from nasbench.harness.fronts import ExactFront
from nasbench.harness.results.ragged import Ragged
from nasbench.harness.search.selection import Front

Floats = NDArray[np.float64]


def hypervolumes(seen: Ragged, fidelity: Ragged, measured: Ragged, front: ExactFront) -> Ragged:
    """Return the hypervolume of each run's set after each change, in percent of the exact front's.

    All lists have one entry per incumbent, the evaluations at which the set changed: `seen` holds
    the scores that the search was told, shape (n, objectives), `fidelity` its epochs, `measured`
    the scores by which the set is measured, those of test or the same. An entry of `measured` that
    is not finite adds nothing.
    """
    parts = [_of_run(seen[run], fidelity[run], measured[run], front) for run in range(len(seen))]
    return Ragged(np.concatenate(parts) if parts else np.empty(0), seen.offsets)


def _of_run(
    seen: Floats, fidelity: NDArray[np.int64], measured: Floats, front: ExactFront
) -> Floats:
    """Return the hypervolume after each change of one run's set."""
    counts = np.asarray(np.isfinite(measured).all(axis=1))
    found = []
    for members in _sets(seen, fidelity):
        points = measured[members][counts[members]]
        found.append(100 * front.share_of_hypervolume(points))
    return np.array(found, dtype=np.float64)


def _sets(seen: Floats, fidelity: NDArray[np.int64]) -> Iterator[list[int]]:
    """Yield the numbers of the set's members after each change."""
    front = Front()
    for number, (scores, epochs) in enumerate(zip(seen.tolist(), fidelity.tolist(), strict=True)):
        front.takes(tuple(scores), epochs, number)
        yield [member for member, _ in front.members]

"""The score of searches of several objectives: the hypervolume of the set when it changes."""

from collections.abc import Iterable, Iterator

import numpy as np
from numpy.typing import NDArray

from nasbench.harness.fronts import ExactFront
from nasbench.harness.results.ragged import Ragged
from nasbench.harness.search.selection import Front
from nasbench.harness.search.sweeps import sets_over

Floats = NDArray[np.float64]


def hypervolumes(
    seen: Ragged,
    fidelity: Ragged,
    measured: Ragged,
    front: ExactFront,
    supernets: Ragged | None = None,
) -> Ragged:
    """Return the hypervolume of each run's set after each change, in percent of the exact front's.

    All lists have one entry per incumbent, the evaluations at which the set changed: `seen` holds
    the scores that the search was told, shape (n, objectives), `fidelity` its epochs, `measured`
    the scores by which the set is measured, those of test or the same. An entry of `measured` that
    is not finite adds nothing. `supernets` are the numbers of the supernets of a search of shared
    weights, whose set is another: see `sweeps`.
    """
    parts = [
        _of_run(
            _sets(seen[run], fidelity[run])
            if supernets is None
            else sets_over(seen[run], supernets[run]),
            measured[run],
            front,
        )
        for run in range(len(seen))
    ]
    return Ragged(np.concatenate(parts) if parts else np.empty(0), seen.offsets)


def _of_run(sets: Iterable[list[int]], measured: Floats, front: ExactFront) -> Floats:
    """Return the hypervolume of one run's sets, which are numbers of rows of `measured`."""
    counts = np.asarray(np.isfinite(measured).all(axis=1))
    found = []
    for members in sets:
        points = measured[members][counts[members]]
        found.append(100 * front.share_of_hypervolume(points))
    return np.array(found, dtype=np.float64)


def _sets(seen: Floats, fidelity: NDArray[np.int64]) -> Iterator[list[int]]:
    """Yield the numbers of the set's members after each change."""
    front = Front()
    for number, (scores, epochs) in enumerate(zip(seen.tolist(), fidelity.tolist(), strict=True)):
        front.takes(tuple(scores), epochs, number)
        yield [member for member, _ in front.members]

"""Searches of several objectives over time: how good the set is whenever it changes."""

from collections.abc import Iterable
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from nasbench.harness.fronts import ExactFront
from nasbench.harness.results.ragged import Ragged
from nasbench.harness.search.sweeps import sets_over
from nasbench.pareto.hypervolume import areas

Floats = NDArray[np.float64]

_BLOCK = 1_000_000
"""Pairs of members that are compared at once."""


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
    weights, whose set is another: see `sweeps`. All are NaN where no architecture has values of all
    objectives.
    """
    if not front.known:
        return Ragged(np.full(len(seen.values), np.nan), seen.offsets)
    parts = [
        _of_run(seen[run], fidelity[run], measured[run], front)
        if supernets is None
        else _of_sets(sets_over(seen[run], supernets[run]), measured[run], front)
        for run in range(len(seen))
    ]
    return Ragged(np.concatenate(parts) if parts else np.empty(0), seen.offsets)


def _of_run(
    seen: Floats, fidelity: NDArray[np.int64], measured: Floats, front: ExactFront
) -> Floats:
    """Return the hypervolume after each change of one run's set."""
    changes = np.arange(len(seen))
    counts = np.flatnonzero(np.isfinite(measured).all(axis=1))
    points, end = measured[counts], leaves(seen, fidelity)[counts]
    if points.shape[1] == 2:
        found, rows = np.zeros(len(seen)), max(1, _BLOCK // max(1, len(points)))
        for start in range(0, len(seen), rows):
            now = changes[start : start + rows, None]
            held = (counts <= now) & (now < end)
            found[start : start + rows] = areas(points, held, front.reference.tolist())
        return 100 * (found / front.hypervolume)
    sets = (counts[(counts <= now) & (now < end)].tolist() for now in changes.tolist())
    return _of_sets(sets, measured, front)


def _of_sets(sets: Iterable[list[int]], measured: Floats, front: ExactFront) -> Floats:
    """Return the hypervolume of sets, which are numbers of rows of `measured`."""
    found = []
    for members in sets:
        points = measured[members]
        known = points[np.isfinite(points).all(axis=1)]
        found.append(100 * front.share_of_hypervolume(known))
    return np.array(found, dtype=np.float64)


class Qualities(NamedTuple):
    """How good each run's set is after each change, aligned with the run's incumbents.

    The measures are those of `fronts.Quality`, the share in percent. All are NaN for a set without
    a member whose values are known.
    """

    igd_plus: Ragged
    epsilon: Ragged
    share: Ragged


def qualities(
    seen: Ragged,
    fidelity: Ragged,
    measured: Ragged,
    front: ExactFront,
    supernets: Ragged | None = None,
) -> Qualities:
    """Return how far each run's set is from the exact front after each change.

    The arguments are those of `hypervolumes`.
    """
    found = [
        _distances(
            measured[run],
            _held(seen[run], fidelity[run], None if supernets is None else supernets[run]),
            front,
        )
        for run in range(len(seen))
    ]
    whole = np.concatenate([np.empty((0, 3)), *found])
    return Qualities(*(Ragged(column, seen.offsets) for column in whole.T))


def _held(
    seen: Floats, fidelity: NDArray[np.int64], supernets: NDArray[np.int64] | None
) -> NDArray[np.bool_]:
    """Return which entries are in the set after each change, shape (changes, entries)."""
    entries = np.arange(len(seen))
    if supernets is None:
        return (entries <= entries[:, None]) & (entries[:, None] < leaves(seen, fidelity))
    held = np.zeros((len(seen), len(seen)), dtype=bool)
    for change, members in enumerate(sets_over(seen, supernets)):
        held[change, members] = True
    return held


def _distances(measured: Floats, held: NDArray[np.bool_], front: ExactFront) -> Floats:
    """Return IGD+, epsilon and the percentage that was found after each change, shape (n, 3)."""
    points, wanted = ((one - front.nadir) / front.width for one in (measured, front.points))
    missing = wanted - points[:, None]  # shape (entries, points of the front, objectives)
    far = np.sqrt((np.maximum(missing, 0.0) ** 2).sum(axis=2))
    short = missing.max(axis=2)
    equal = (measured[:, None] == front.points).all(axis=2)
    known = np.isfinite(measured).all(axis=1)
    found = np.full((len(held), 3), np.nan)
    rows = max(1, _BLOCK // max(1, far.size))
    for start in range(0, len(held), rows):
        change, entry = np.nonzero(held[start : start + rows] & known)
        if not len(change):
            continue
        there, first = np.unique(change, return_index=True)  # each change's members are together
        nearest = np.minimum.reduceat(far[entry], first, axis=0)
        needed = np.minimum.reduceat(short[entry], first, axis=0)
        share = np.logical_or.reduceat(equal[entry], first, axis=0)
        found[start + there] = np.stack(
            [nearest.mean(axis=1), needed.max(axis=1), 100 * share.mean(axis=1)], axis=1
        )
    return found


def leaves(seen: Floats, fidelity: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return the change at which each member leaves a run's set, shape (n,); n if it never does.

    Entry k of `seen` and `fidelity` joins at change k. It leaves when another joins at a higher
    fidelity, or at the same one with scores that are all at least as high (see `Front`).
    """
    number = len(seen)
    found = np.full(number, number)
    rows = max(1, _BLOCK // max(1, number))
    for start in range(0, number, rows):
        mine = np.arange(start, min(start + rows, number))
        later = np.arange(number) > mine[:, None]
        higher = fidelity > fidelity[mine, None]
        as_good = fidelity == fidelity[mine, None]
        for column in seen.T:
            as_good &= column >= column[mine, None]
        out = later & (higher | as_good)
        found[mine] = np.where(out.any(axis=1), out.argmax(axis=1), number)
    return found

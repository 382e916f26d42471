"""Hypervolume of points that are drawn at random: expected in closed form, or simulated.

Of N pairs let k dominate a place of the plane. Then n draws with replacement reach that place with
probability 1 - (1 - k/N)^n, and n draws without replacement with 1 - C(N-k, n) / C(N, n). The
expected hypervolume is the integral of that probability. It is a sum over k, since the areas A_k
that exactly k pairs dominate are found once for all n: see `areas_by_count`.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from nasbench.pareto.hypervolume import hypervolume

Points = NDArray[np.float64]
Floats = NDArray[np.float64]
Integers = NDArray[np.int64]
Booleans = NDArray[np.bool_]

_TOGETHER = 4_000_000
"""Numbers that are held at once."""
_PLACES = 8
"""Members by which the room for sets grows."""
_STEP = 1.1
"""Ratio of the numbers of draws between which a simulation updates its sets."""


def areas_by_count(
    points: Points, reference: Sequence[float], copies: Integers | None = None
) -> Floats:
    """Return the areas that exactly k of N pairs dominate weakly, k from 0 to N, shape (N + 1,).

    `points` has shape (n, 2); NaN and -inf dominate nothing. `copies` says how often each pair
    counts, once by default, and N is their sum. Areas are measured from the point `reference` on;
    that of k = 0, which is infinite, is 0 here. Takes O(n d), where d is the number of different
    values of the score that has fewer of them.
    """
    low = np.asarray(reference, dtype=np.float64)
    copies = np.ones(len(points), dtype=np.int64) if copies is None else copies
    areas = np.zeros(int(copies.sum()) + 1)
    above = (points > low).all(axis=1) & (copies > 0)
    points, copies = points[above], copies[above]
    if not len(points):
        return areas
    if len({*points[:, 1].tolist()}) < len({*points[:, 0].tolist()}):
        points, low = points[:, ::-1], low[::-1]
    order = np.argsort(-points[:, 0], kind="stable")
    firsts, seconds, copies = points[order, 0], -points[order, 1], copies[order]
    ends = np.flatnonzero(np.append(firsts[1:] != firsts[:-1], True)) + 1
    widths = firsts[ends - 1] - np.append(firsts[ends[:-1]], low[0])
    ranked, counted, start = np.empty(0), np.empty(0, dtype=copies.dtype), 0
    for end, width in zip(ends.tolist(), widths.tolist(), strict=True):
        new = np.argsort(seconds[start:end], kind="stable") + start
        places = np.searchsorted(ranked, seconds[new])
        ranked = np.insert(ranked, places, seconds[new])  # the highest second score first
        counted = np.insert(counted, places, copies[new])
        heights = np.diff(ranked, append=-low[1])
        areas[np.cumsum(counted)] += width * heights
        start = end
    return areas


def none_drawn(marked: Floats, total: float, numbers: Floats, *, replacement: bool) -> Floats:
    """Return the probability that none of k marked things among `total` is drawn, shape (n, k).

    `marked` holds the numbers k, `numbers` those of draws, which need not be whole: binomial
    coefficients are those of the gamma function. More draws than things are as many as things
    where they are drawn without replacement.
    """
    if replacement:
        return np.asarray((1 - marked / total) ** numbers[:, None])
    from scipy.special import gammaln

    drawn = np.minimum(numbers, total)[:, None]
    enough = total - marked >= drawn
    left = np.where(enough, total - marked - drawn, 0.0)
    of_rest = gammaln(total - marked + 1) - gammaln(left + 1)
    of_all = gammaln(total + 1) - gammaln(total - drawn + 1)
    return np.where(enough, np.exp(of_rest - of_all), 0.0)


def expected_hypervolume(areas: Floats, numbers: Floats, *, replacement: bool) -> Floats:
    """Return the expected hypervolume of n of N random pairs for each n, in the shape of `numbers`.

    `areas` are those of `areas_by_count`. Each draw is any of the N with equal probability.
    """
    total = len(areas) - 1
    counts = np.flatnonzero(areas)
    parts = np.array_split(numbers, max(1, len(numbers) * len(counts) // _TOGETHER))
    missed = (
        none_drawn(counts.astype(float), total, part, replacement=replacement) for part in parts
    )
    return np.concatenate([(1 - one) @ areas[counts] for one in missed])


class Judged(NamedTuple):
    """Values by which sets are measured."""

    points: Points
    """Scores of everything that can be drawn, shape (size, objectives); NaN adds nothing."""
    reference: Sequence[float]


def drawn_hypervolumes(
    seen: Points, judged: Sequence[Judged], draws: Integers, numbers: Sequence[int]
) -> Floats:
    """Return the hypervolumes of the sets that are chosen from the first n draws of each run.

    `seen` holds the scores by which sets are chosen, shape (size, objectives), in which NaN and
    infinite rows are never chosen; `draws` has shape (runs, most) and indices into it. The set
    after n draws are those that no other of them dominates, and of equal ones the first.
    `numbers` are ascending. The result has shape (judged, runs, numbers); a run has NaN while its
    set is empty.
    """
    runs, most = draws.shape
    sets = _Sets(seen, runs)
    found = np.full((len(judged), runs, len(numbers)), np.nan)
    steps = np.geomspace(1, most, 2 + int(np.log(most) / np.log(_STEP))).round().astype(int)
    stops, wanted = np.union1d(steps, numbers).tolist(), {n: k for k, n in enumerate(numbers)}
    before, changed, now = 0, np.zeros(runs, dtype=bool), np.full((len(judged), runs), np.nan)
    for stop in stops:
        changed |= sets.add(draws[:, before:stop])
        before = stop
        if stop in wanted:
            members = sets.members[changed]
            for place, one in enumerate(judged):
                now[place, changed] = _hypervolumes(one, members)
            found[:, :, wanted[stop]] = now
            changed[:] = False
    return found


class _Sets:
    """The sets of many runs, updated together."""

    def __init__(self, seen: Points, runs: int) -> None:
        self._never: Booleans = np.asarray(~np.isfinite(seen).all(axis=1))
        self._seen: Points = np.where(self._never[:, None], -np.inf, seen)
        self.members = np.full((runs, _PLACES), -1)
        """Indices of each run's members in no order, -1 for none, shape (runs, places)."""
        self._scores = np.full((runs, _PLACES, seen.shape[1]), -np.inf)

    def add(self, draws: Integers) -> Booleans:
        """Add draws in their order, shape (runs, number); return which sets changed, (runs,)."""
        runs, number = draws.shape
        changed = np.zeros(runs, dtype=bool)
        block = max(1, _TOGETHER // (runs * self.members.shape[1]))
        for start in range(0, number, block):
            some = draws[:, start : start + block]
            new = ~self._never[some] & ~self._covered(some)
            counts = new.sum(axis=1)
            order = np.argsort(~new, axis=1, kind="stable")[:, : counts.max(initial=0)]
            for place in range(order.shape[1]):
                rows = np.flatnonzero(counts > place)
                changed[self._put(rows, some[rows, order[rows, place]])] = True
        return changed

    def _covered(self, draws: Integers) -> Booleans:
        """Return whether a member is as good as each draw in every score, in the shape of draws."""
        asked = self._seen[draws]
        as_good: Booleans = np.ones((*draws.shape, self.members.shape[1]), dtype=bool)
        for column in range(self._seen.shape[1]):
            as_good &= self._scores[:, None, :, column] >= asked[:, :, None, column]
        return np.asarray(as_good.any(axis=2))

    def _put(self, rows: Integers, draws: Integers) -> Integers:
        """Add one draw to each of some runs' sets, and return the runs whose sets it enters."""
        enters = ~self._covered_at(rows, draws)
        rows, draws = rows[enters], draws[enters]
        new = self._seen[draws]
        worse = self._worse(rows, new)
        if not worse.any(axis=1).all():  # a set is full
            more = _PLACES
            self.members = np.pad(self.members, ((0, 0), (0, more)), constant_values=-1)
            wide = ((0, 0), (0, more), (0, 0))
            self._scores = np.pad(self._scores, wide, constant_values=-np.inf)
            worse = self._worse(rows, new)
        self.members[rows] = np.where(worse, -1, self.members[rows])
        self._scores[rows] = np.where(worse[:, :, None], -np.inf, self._scores[rows])
        place = worse.argmax(axis=1)
        self.members[rows, place] = draws
        self._scores[rows, place] = new
        return rows

    def _worse(self, rows: Integers, new: Points) -> Booleans:
        """Return which places of some sets are empty or no better than a new row of scores."""
        return np.asarray((self._scores[rows] <= new[:, None]).all(axis=2))

    def _covered_at(self, rows: Integers, draws: Integers) -> Booleans:
        as_good: Booleans = np.asarray(
            (self._scores[rows] >= self._seen[draws][:, None]).all(axis=2)
        )
        return np.asarray(as_good.any(axis=1))


def _hypervolumes(judged: Judged, members: Integers) -> Floats:
    """Return the hypervolume of each row of members, -1 for none; NaN for a row without any."""
    low = np.asarray(judged.reference, dtype=np.float64)
    points = np.append(judged.points, np.full((1, len(low)), np.nan), axis=0)[members] - low
    counts = (points > 0).all(axis=2, keepdims=True)
    points = np.where(counts, points, 0.0)
    if len(low) == 2:
        order = np.argsort(-points[:, :, 0], axis=1, kind="stable")
        firsts, seconds = (np.take_along_axis(points[:, :, k], order, axis=1) for k in range(2))
        widths = firsts - np.append(firsts[:, 1:], np.zeros((len(firsts), 1)), axis=1)
        found = (widths * np.maximum.accumulate(seconds, axis=1)).sum(axis=1)
    else:
        zero = np.zeros(len(low)).tolist()
        found = np.array([hypervolume(one, zero) for one in points], dtype=np.float64)
    return np.where((members >= 0).any(axis=1), found, np.nan)

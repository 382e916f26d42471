"""The answer of a search of shared weights: what its supernets derive, one after the other.

After every epoch the present supernet derives an architecture. Without a sweep the answer is the
last one. A search that sweeps over a weight of the cost trains several supernets, and its answer
is a set. The candidates are the last architecture that each earlier supernet derived, and the
present supernet's latest one; those that no other candidate dominates are the set, of equals the
first. An epoch whose answer failed is passed over.
"""

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nasbench.harness.search.selection import Chosen, Front


def supernets_of(settings: Mapping[str, Any]) -> int:
    """Return how many supernets a search with these settings trains: one per weight in `sweep`.

    It is one where there is no such setting, or an empty one.
    """
    sweep = settings.get("sweep")
    return max(1, len(sweep)) if isinstance(sweep, list | tuple) else 1


def derived(scores: NDArray[np.float64], supernets: NDArray[np.integer[Any]]) -> Chosen:
    """Return the answers of a search of shared weights: all that did not fail, and the final set.

    `scores` has shape (epochs, objectives), NaN where an epoch failed; `supernets` are the numbers
    of the supernets that were trained in the epochs, shape (epochs,).
    """
    steps = np.flatnonzero(~np.isnan(scores).any(axis=1))
    *_, members = [], *sets_over(scores[steps], supernets[steps])
    return Chosen(steps, steps[members])


def sets_over(
    scores: NDArray[np.float64], supernets: NDArray[np.integer[Any]]
) -> Iterator[list[int]]:
    """Yield the members of the set after each epoch, as numbers of epochs, ascending.

    `scores` has shape (epochs, objectives), and no epoch failed; `supernets` has shape (epochs,).
    """
    ended: list[int] = []
    for step in range(len(scores)):
        if step and supernets[step] != supernets[step - 1]:
            ended.append(step - 1)
        front = Front()
        for one in (*ended, step):
            front.takes(tuple(scores[one].tolist()), 0, one)
        yield [number for number, _ in front.members]

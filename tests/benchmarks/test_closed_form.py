"""Random search in closed form against its simulation: every table, data set and metric.

The simulation draws architectures by the space's own `sample`, or uniformly where it says so, and
picks the best by what a search sees; it shares no code with the closed form.
"""

from collections.abc import Iterator
from functools import cache
from pathlib import Path

import numpy as np
import pytest

from nasbench.benchmarks.catalogue import given_tables, table_sources
from nasbench.benchmarks.protocols import searched_in
from nasbench.benchmarks.tables.objectives import is_cost, objectives_of
from nasbench.benchmarks.tables.table import Table
from nasbench.harness.compare.references import EXPECTED, open_known, references
from nasbench.harness.search.budget import Budget
from nasbench.harness.search.task import Task
from nasbench.harness.search.tasks import Wanted, make_tasks
from nasbench.randomness import Random
from tests.upstream import upstream

EVALUATIONS = 30
REPETITIONS = 4_000
_TOLERANCE = 5.0
"""Largest accepted distance, in standard errors; about 60 numbers are compared."""
TABLES = {
    "nb201": 3, "transnas-micro": 8, "transnas-macro": 8, "macro": 1, "gpt-s": 2, "nb101-20k": 1,
    "nb101-5v": 1,
}  # fmt: skip
"""Tables of public files that can be searched, with the number of their searches, see `searches`.

Of TransNAS they are the seven tasks and mIoU."""


@cache
def table(name: str) -> Table:
    source = table_sources()[name]
    return source.build([upstream() / file.place for file in source.files])


def searches(name: str, path: Path) -> Iterator[Task]:
    """Yield a task for every data set and metric of a table; losses of nb201 are left out."""
    of = table(name)
    for dataset in searched_in(of):
        for metric in objectives_of(of, dataset):
            if not is_cost(metric):
                wanted = Wanted(budget=Budget(evaluations=EVALUATIONS), objectives=(metric.name,))
                yield from make_tasks(path, [dataset], None, wanted)


@pytest.mark.parametrize("name", TABLES)
def test_it_is_what_simulated_searches_find(name: str, tmp_path: Path) -> None:
    path = tmp_path / f"{name}.safetensors"
    table(name).save(path)
    drawn, number = _drawn(table(name)), 0
    with given_tables({name: path}):
        for task in searches(name, path):
            number += 1
            known = open_known(task)
            expected = {one.reference: one for one in references(known, task.reports[0])}[EXPECTED]
            score = task.metric.score
            signal, test = known.signal, known.test[task.reports[0]]
            assert len(signal) == table(name).space.size, "one answer for each architecture"
            best = drawn[np.arange(len(drawn)), signal[drawn].argmax(axis=1)]
            for of_all, value in (
                (signal, expected.signal_mean), (test, expected.test_mean),
            ):  # fmt: skip
                error = of_all[best].std() / np.sqrt(len(best))
                assert abs(of_all[best].mean() - score(value)) < _TOLERANCE * error, task
            spread = test[best].std()
            assert expected.test_std == pytest.approx(spread, rel=0.25), task
    assert number == TABLES[name]


def test_free_repeats_of_a_law_that_is_not_uniform(tmp_path: Path) -> None:
    """On the small cells of NAS-Bench-101 most draws are repeated: seconds last for many more."""
    of = table("nb101-5v")
    path = tmp_path / "nb101-5v.safetensors"
    of.save(path)
    wanted = Wanted(budget=Budget(6000.0), repeats="free")
    with given_tables({"nb101-5v": path}):
        (task,) = make_tasks(path, ["cifar10"], None, wanted)
        known = open_known(task)
        found = {one.reference: one for one in references(known, "cifar10")}[EXPECTED]
    random, counts, test = np.random.default_rng(0), [], []
    cost = known.draws.costs[np.argsort(known.draws.cells)]
    for cells in random.choice(of.space.size, (2000, 3000), p=of.space.sampling_law):
        first = np.zeros(len(cells), dtype=bool)
        first[np.unique(cells, return_index=True)[1]] = True
        n = int(np.searchsorted(np.cumsum(np.where(first, cost[cells], 0.0)), 6000.0, side="right"))
        counts.append(n)
        test.append(known.test["cifar10"][cells[known.signal[cells[:n]].argmax()]])
    assert found.evaluations_mean == pytest.approx(np.mean(counts), rel=0.02)
    assert abs(found.test_mean - np.mean(test)) < _TOLERANCE * np.std(test) / np.sqrt(len(test))


def _drawn(of: Table) -> np.ndarray:
    """Return indices of random architectures, shape (repetitions, evaluations)."""
    shape = REPETITIONS, EVALUATIONS
    if of.space.sampling_law is None:
        return np.random.default_rng(0).integers(of.space.size, size=shape)
    random, space = Random(0), of.space
    each = [space.index(space.sample(random)) for _ in range(shape[0] * shape[1])]
    return np.array(each).reshape(shape)

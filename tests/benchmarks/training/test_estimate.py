"""How long a tabulation is expected to take, said before it starts or after its first group."""

from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest

from nasbench.benchmarks.training import estimate
from nasbench.benchmarks.training import tabulate as tabulation
from nasbench.benchmarks.training.digits import Distortion, Sizes, digits
from nasbench.benchmarks.training.one_shard import Done
from nasbench.benchmarks.training.plan import Plan, distinct_cells
from nasbench.benchmarks.training.recipes import RECIPES, Recipe
from nasbench.spaces.nb201 import NasBench201
from nasbench.spaces.networks.base import Shape

SPACE = NasBench201()
DATA = partial(digits, Distortion(), Sizes(weights=40, validation=20, test=20, copies=1))
TINY = Recipe("tiny", Shape(2, 1), epochs=1, batch=20)
FIRST_TWO = (0, 1)


def test_three_seeds_of_the_bundled_table_take_thirty_core_hours(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two seeds took 19.7 hours of a core (docs/digits.md); it is said before any training."""

    def stop(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(tabulation, "_work", stop)
    monkeypatch.setattr(tabulation, "cores", lambda: 2)
    said: list[str] = []
    plan = Plan(DATA, RECIPES["digits-15"], tmp_path, distinct_cells(SPACE))
    with pytest.raises(KeyboardInterrupt):
        tabulation.tabulate(plan, workers=2, say=said.append)
    (line,) = said
    assert line.startswith("15,780 trainings to do, about 30 core hours (6.7 s a training were")
    assert line.endswith("about 15 h with 2 workers")


def test_only_trainings_like_those_that_were_timed_are_known(tmp_path: Path) -> None:
    known = RECIPES["digits-15"]
    plan = Plan(DATA, known, tmp_path, FIRST_TWO)
    whole = estimate.published_cost(plan, "digits")
    third = estimate.published_cost(
        replace(plan, recipe=replace(known, epochs=5, name="x")), "digits"
    )
    assert whole is not None
    assert third is not None
    assert whole.seconds * 10_520 == pytest.approx(19.7 * 3600)
    assert third.seconds == pytest.approx(whole.seconds / 3)
    assert estimate.published_cost(plan, "npz:mine.npz") is None
    assert estimate.published_cost(replace(plan, recipe=TINY), "digits") is None
    assert estimate.published_cost(replace(plan, space="nb101"), "digits") is None
    assert estimate.published_cost(replace(plan, device="cuda"), "digits") is None


def test_other_recipes_are_known_after_the_first_group_and_from_what_is_stored(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    plan = Plan(DATA, TINY, tmp_path, distinct_cells(SPACE, 6), seeds=FIRST_TWO, group=3)
    monkeypatch.setattr(tabulation, "_work", lambda *_: iter([Done(3, 0, 1800.0)] * 4))
    said: list[str] = []
    tabulation.tabulate(plan, say=said.append)
    text = "12 trainings to do, about 2.0 core hours (as the first group took): "
    assert said == [f"{text}about 2.0 h with 1 worker"]
    assert estimate.stored_cost([]) is None
    assert estimate.stored_cost([{"trainings": 3}]) is None
    found = estimate.stored_cost([{"trainings": 3, "wall_seconds": 9.0}] * 2)
    assert found == (3.0, "as the stored ones took")


def test_short_work_is_not_announced(tmp_path: Path) -> None:
    said: list[str] = []
    plan = Plan(DATA, TINY, tmp_path, distinct_cells(SPACE, 2), seeds=(0,), group=2)
    tabulation.tabulate(plan, say=said.append)
    assert said == []
    gpu = replace(plan, device="cuda", threads=4)
    line = estimate.announcement(gpu, estimate.Cost(36.0, "x"), 1000, 1)
    assert line == "1,000 trainings to do, about 10 GPU hours (x): about 10 h with 1 worker"
    line = estimate.announcement(replace(gpu, device="cpu"), estimate.Cost(36.0, "x"), 1000, 2)
    assert line == "1,000 trainings to do, about 40 core hours (x): about 5.0 h with 2 workers"

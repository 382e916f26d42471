"""Every strategy that asks for evaluations, on odd tables: runs that end, or one clear line."""

import math
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest

import nasbench
from nasbench.errors import NasbenchError
from nasbench.problem import Answer, Evaluate, Fidelity
from nasbench.strategies.base import BEST, Tag
from nasbench.strategies.random_search import RandomSearch
from nasbench.strategies.registry import strategies
from nasbench.testing.strategies import toy_space

NAMES = sorted(
    name for name, one in strategies().items() if one.rule == BEST and Tag.RECORDED not in one.tags
)
NAN = math.nan


def save(path: Path, number: int, value: Callable[[int, int], float]) -> str:
    """Save a table of the first cells of NAS-Bench-201 at 1, 3 and 9 epochs; return its path."""
    rows = [
        {"index": index, "epochs": epochs, "seconds": float(epochs),
         "valid_accuracy": value(index, epochs), "test_accuracy": value(index, epochs),
         "params": 1_000 + index}
        for index in range(number) for epochs in (1, 3, 9)
    ]  # fmt: skip
    table = nasbench.table_from_frame(pd.DataFrame(rows), name=path.stem, space="nb201")
    table.save(path)
    return str(path)


def objective_of(name: str) -> str:
    """Return as many objectives as a strategy needs."""
    return ",".join(("accuracy", "params")[: strategies()[name].least_objectives])


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("workers", [1, 4])
def test_tables_of_one_architecture_of_equal_values_and_with_gaps(
    name: str, workers: int, tmp_path: Path
) -> None:
    tables = {
        "one": save(tmp_path / "one.safetensors", 1, lambda *_: 50.0),
        "equal": save(tmp_path / "equal.safetensors", 12, lambda *_: 50.0),
        "gaps": save(tmp_path / "gaps.safetensors", 12, lambda i, _: NAN if i % 3 else 40.0 + i),
    }
    for kind, path in tables.items():
        out = tmp_path / f"results-{kind}"

        def searched(path: str = path, out: Path = out) -> None:
            nasbench.run(name, seeds=2, benchmark=path, budget="25evals", workers=1, out=out,
                         simulated_workers=workers, objective=objective_of(name))  # fmt: skip

        if Tag.DECISIONS in strategies()[name].tags:
            with pytest.raises(NasbenchError, match="a pool of") as raised:
                searched()
            assert "\n" not in str(raised.value)
            continue
        searched()
        runs = nasbench.load_results(out).runs
        assert len(runs) == 2
        assert runs.evaluations.between(1, 25).all()


@pytest.mark.parametrize("name", NAMES)
def test_a_table_without_a_value_is_one_line(name: str, tmp_path: Path) -> None:
    path = save(tmp_path / "none.safetensors", 12, lambda *_: NAN)
    with pytest.raises(NasbenchError, match="no values of validation to search on"):
        nasbench.run(name, seeds=1, benchmark=path, out=tmp_path / "results",
                     objective=objective_of(name))  # fmt: skip


class Astray(RandomSearch):
    """Asks for a fidelity that no table has."""

    def ask(self) -> Evaluate:
        return Evaluate(self.space.sample(self.random), Fidelity(7))


def test_a_fidelity_that_does_not_exist_is_one_line(tmp_path: Path) -> None:
    path = save(tmp_path / "twelve.safetensors", 12, lambda i, epochs: 40.0 + i + epochs)
    with pytest.raises(NasbenchError, match="no validation after 7 epochs") as raised:
        nasbench.Study(Astray, benchmark=path, budget="3evals").run()
    assert "\n" not in str(raised.value)


def test_an_answer_that_is_no_number_has_failed() -> None:
    values = iter([NAN, 1.0, NAN])
    study = nasbench.Study(
        "random-search", objective=lambda _: Answer((next(values),), 1.0, 1),
        space=toy_space((3, 3)), budget="3evals",
    ).run()  # fmt: skip
    assert study.best.values == (1.0,)
    assert study.history["value/value"].isna().tolist() == [True, False, True]

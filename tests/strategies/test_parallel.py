"""What strategies declare of several workers: the documented table, the refusal, the list."""

import re
from pathlib import Path

import pytest

from nasbench.errors import InvalidInput
from nasbench.harness.execution.run import run
from nasbench.problem import Problem
from nasbench.strategies.base import DERIVED, Parallelism, require_tags
from nasbench.strategies.random_search import RandomSearch
from nasbench.strategies.registry import find_strategy, strategies
from nasbench.testing.strategies import toy_space

DOCUMENTED = Path(__file__).parents[2] / "docs" / "strategy.md"


def test_the_documented_table_is_that_of_the_cards() -> None:
    text = DOCUMENTED.read_text()
    for kind in Parallelism:
        (row,) = (line for line in text.splitlines() if line.startswith(f"| `{kind.name}`"))
        named = re.findall(r"`([a-z0-9-]+)`", row.rsplit("|", 2)[1])
        assert named == [name for name, one in strategies().items() if one.parallel is kind]


def test_those_that_share_weights_are_sequential() -> None:
    for name, one in strategies().items():
        assert (one.parallel is Parallelism.SEQUENTIAL) == (one.rule == DERIVED), name


class OneByOne(RandomSearch):
    parallel = Parallelism.SEQUENTIAL


def test_a_sequential_one_is_refused_with_several_workers() -> None:
    require_tags(OneByOne, "one-by-one", Problem(toy_space((2, 2))))
    with pytest.raises(InvalidInput, match="'one-by-one' has one trial at a time") as raised:
        require_tags(OneByOne, "one-by-one", Problem(toy_space((2, 2)), workers=4))
    assert "leave --simulated-workers away" in str(raised.value)


def test_a_run_of_it_is_refused_before_it_begins(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match="has one trial at a time, and this search has 4"):
        run(OneByOne, seeds=2, benchmark="digits", simulated_workers=4, out=tmp_path / "results")
    assert not (tmp_path / "results").exists()


def test_a_declaration_that_is_none_is_one_line() -> None:
    class Odd(RandomSearch):
        parallel = "often"  # type: ignore[assignment]

    with pytest.raises(InvalidInput, match=r"must be one of nasbench\.Parallelism: ASYNCHRONOUS"):
        run(Odd, seeds=1, benchmark="digits")
    assert find_strategy("random-search").parallel == "asynchronous"

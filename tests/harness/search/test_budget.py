"""Budgets and the clock."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nasbench.errors import InvalidInput
from nasbench.harness.search.budget import Budget, Clock, Stop
from nasbench.harness.search.seeds import parse_experiment_seed, parse_seeds
from nasbench.problem import Answer


@pytest.mark.parametrize(
    ("text", "seconds", "evaluations"),
    [
        ("12000s", 12000, None),
        ("5h", 18000, None),
        ("30min", 1800, None),
        ("1.5d", 129600, None),
        ("100evals", None, 100),
        ("1eval", None, 1),
        ("5h,100evals", 18000, 100),
        (" 7 s ", 7, None),
    ],
)
def test_budgets_as_users_write_them(text: str, seconds: float, evaluations: int) -> None:
    budget = Budget.parse(text)
    assert (budget.seconds, budget.evaluations) == (seconds, evaluations)
    assert Budget.parse(str(budget)) == budget


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("12000", "cannot read '12000'; write seconds"),
        ("", "cannot read ''"),
        ("5parsecs", "cannot read '5parsecs'"),
        ("0s", "seconds cannot be 0.0: it must be above 0"),
        ("-5s", "cannot read '-5s'"),
        ("5h,3min", "gives seconds twice"),
        ("2.5evals", "must be a whole number"),
        pytest.param(
            "9" * 5000 + "s", "so many seconds cannot be counted", id="seconds of 5,000 digits"
        ),
        pytest.param(
            "9" * 5000 + "evals",
            "so many evaluations cannot be counted",
            id="evaluations of 5,000 digits",
        ),
        pytest.param("x" * 5000, "cannot read 'xxx", id="5,000 letters"),
    ],
)
def test_malformed_budgets_are_named(text: str, message: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        Budget.parse(text)
    assert message in str(caught.value)
    assert len(str(caught.value)) < 300


def test_epochs_that_overshoot_do_not_count() -> None:
    """Twelve epochs an evaluation: two of them fit into 30."""
    budget = Budget.parse("30epochs")
    assert (budget.epochs, str(budget), Budget.parse(str(budget))) == (30, "30epochs", budget)
    assert str(Budget.parse("5h,30epochs,7evals")) == "18000s,7evals,30epochs"
    clock = Clock(budget)
    charged = [clock.charge(Answer((50.0,), 1.0, 12)) for _ in range(3)]
    assert charged == [True, True, False]
    assert (clock.epochs, clock.evaluations, clock.stop) == (24, 2, Stop.EPOCHS)


@given(st.lists(st.floats(0.1, 50), max_size=60), st.floats(0.1, 300))
def test_an_evaluation_that_overshoots_does_not_count(costs: list[float], limit: float) -> None:
    clock = Clock(Budget(seconds=limit))
    total, counted = 0.0, 0
    for cost in costs:
        if not clock.charge(Answer((50.0,), cost, 1)):
            assert total + cost > limit
            assert clock.stop == Stop.SECONDS
            break
        total, counted = total + cost, counted + 1
    assert (clock.seconds, clock.evaluations) == (total, counted)
    assert clock.seconds <= limit


def test_whichever_limit_comes_first() -> None:
    clock = Clock(Budget(seconds=100, evaluations=2))
    assert clock.charge(Answer((1,), 10, 1))
    assert clock.stop is None
    assert clock.charge(Answer((1,), 10, 1))
    assert clock.stop == Stop.EVALUATIONS


def test_an_evaluation_that_fills_the_budget_exactly_counts() -> None:
    clock = Clock(Budget(seconds=20))
    assert clock.charge(Answer((1,), 20, 1))
    assert clock.stop is None


def test_patience_counts_evaluations_without_improvement() -> None:
    clock = Clock(Budget(evaluations=100, patience=3))
    for accuracy in (50, 40, 50, 60, 60, 10):
        clock.charge(Answer((accuracy,), 1, 1))
        assert clock.stop is None
    clock.charge(Answer((59,), 1, 1))
    assert clock.stop == Stop.PATIENCE


def test_target_regret_is_of_the_signal() -> None:
    clock = Clock(Budget(evaluations=100, target_regret=0.5), 90.0)
    clock.charge(Answer((99,), 1, 1, failed=True))
    clock.charge(Answer((89.4,), 1, 1))
    assert clock.stop is None
    clock.charge(Answer((89.5,), 1, 1))
    assert clock.stop == Stop.TARGET
    with pytest.raises(InvalidInput, match="optimum is known"):
        Clock(Budget(evaluations=1, target_regret=0.5))


def test_free_answers_cannot_go_on_for_ever() -> None:
    clock = Clock(Budget(seconds=5))
    clock.charge(Answer((1,), 1, 1))
    for _ in range(9_999):
        clock.charge(Answer((1,), 0, 0))
    assert clock.stop is None
    clock.charge(Answer((1,), 0, 0))
    assert clock.stop == Stop.STALLED


@pytest.mark.parametrize(
    "values",
    [
        {},
        {"seconds": math.nan},
        {"seconds": math.inf},
        {"evaluations": 0},
        {"evaluations": 10**5000},
    ],
)
def test_budgets_without_an_end_are_refused(values: dict) -> None:
    with pytest.raises(InvalidInput):
        Budget(**values)


@pytest.mark.parametrize(
    ("text", "seeds"),
    [
        ("3", [0, 1, 2]),
        ("100-102", [100, 101, 102]),
        ("7,", [7]),
        ("0,3,5-7,3", [0, 3, 5, 6, 7]),
        (2, [0, 1]),
        ([4, 4, 9], [4, 9]),
        (np.int64(2), [0, 1]),
        (np.array([4, 9]), [4, 9]),
        (f"{2**63 - 1},", [2**63 - 1]),
        pytest.param("0" * 5000 + "2", [0, 1], id="5,000 zeros"),
    ],
)
def test_seeds_as_users_write_them(text: object, seeds: list[int]) -> None:
    assert parse_seeds(text) == seeds  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "cannot read ''"),
        ("ten", "cannot read 'ten'"),
        ("9-3", "runs backwards; write 3-9"),
        ("0", "the number of seeds cannot be 0: it must be a whole number of 1"),
        ("0-9999999", "the number of seeds cannot be 10000000: it must be a whole number of 1 to"),
        ("0-599999,1000000-1599999", "the number of seeds cannot be 1200000"),
        ([-1], "seed cannot be -1: it must be a whole number of 0 to"),
        ([True], "seed cannot be True: it must be a whole number"),
        ([2**63], "it must be a whole number of 0 to 9223372036854775807"),
        ([1.5], "seed cannot be 1.5: it must be"),
        (True, "the number of seeds cannot be True"),
        (2.5, "0 or more"),
        ([], "0 or more"),
        pytest.param(
            10**5000,
            "the number of seeds cannot be a number of so many digits",
            id="a number of 5,000 digits",
        ),
        pytest.param("9" * 5000, "the number of seeds cannot be '9999", id="5,000 digits"),
        (f"{2**63},", "a seed is at most"),
        pytest.param("1-" + "9" * 5000, "a seed is at most", id="a range of 5,000 digits"),
    ],
)
def test_malformed_seeds_are_named(text: object, message: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        parse_seeds(text)  # type: ignore[arg-type]
    assert message in str(caught.value)
    assert len(str(caught.value)) < 300


@pytest.mark.parametrize(
    "value", [-1, True, 1.0, "1", None, 2**63, pytest.param(10**5000, id="huge")]
)
def test_an_experiment_seed_is_a_whole_number_of_64_bits(value: object) -> None:
    assert parse_experiment_seed(np.int64(3)) == 3
    with pytest.raises(
        InvalidInput, match=r"^experiment seed cannot be .*: it must be a whole number"
    ):
        parse_experiment_seed(value)

"""Traces are read back from the names of the columns that hold them, also of earlier versions."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nasbench.trace import Trace, TraceKind

WORDS = st.text(min_size=1, max_size=12)


@pytest.mark.parametrize(
    ("column", "trace"),
    [
        ("figure/train loss", Trace.number("train loss")),
        ("figure/p/0->1/nor_conv_3x3", Trace.probability("0->1", "nor_conv_3x3")),
        ("figure/cell/1462", Trace.ranked(1462)),
        ("figure/cost (million multiply-adds)", Trace.cost("million multiply-adds")),
        ("figure/expected cost (ms)", Trace.expected_cost("ms")),
    ],
)
def test_columns_of_version_1(column: str, trace: Trace) -> None:
    """As runs of 0.1.0 name them."""
    assert Trace.read(column) == trace
    assert trace.column == column


@given(WORDS, WORDS, st.integers(0, 10**9))
def test_any_words_come_back(first: str, second: str, index: int) -> None:
    for trace in (
        Trace.probability(first, second), Trace.ranked(index), Trace.cost(first),
        Trace.expected_cost(second), Trace.number(first),
        Trace.number(Trace.probability(first, second).column.removeprefix("figure/")),
        Trace.number(f"cell/{index}"), Trace.number(f"number/{first}"),
        Trace.number(f"cost ({first})"),
    ):  # fmt: skip
        assert Trace.read(trace.column) == trace


def test_a_decision_may_have_a_slash_in_its_name() -> None:
    trace = Trace.probability("stage 1/block 2", "50%/2")
    assert Trace.read(trace.column) == trace
    assert trace.kind is TraceKind.PROBABILITY


def test_other_columns_hold_no_trace() -> None:
    assert Trace.read("seconds") is None
    assert Trace.read("valid/cifar10/accuracy") is None

"""A repeat that is free gives what the first one gave."""

import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from planting import Row, rewrite, settle

from nasbench.harness.audit import audit, ends
from nasbench.harness.audit.ends import Largest, Spent, charged, may_end
from nasbench.harness.execution.run import run
from nasbench.harness.results.store import experiments
from nasbench.harness.search import budget as budgets
from nasbench.harness.search.budget import Budget, Clock
from nasbench.problem import Answer, SharedAnswer

sys.path.append(str(Path(__file__).parents[1]))  # the strategies of `workers`


def test_a_free_repeat_with_another_answer(tmp_path: Path, synthetic_nb201: Path) -> None:
    run("workers:Same", seeds=2, budget="4evals", repeats="free", out=tmp_path)
    (folder,) = experiments(tmp_path)
    assert not any(one.check == "answers" for one in audit(tmp_path).findings)

    def other(rows: list[Row]) -> list[Row]:
        rows[1]["value/accuracy"][2] -= 1.0  # no incumbent, so nothing else changes
        return rows

    rewrite(folder, other)
    (found,) = audit(tmp_path).faults
    assert found.check == "answers"
    assert found.what.endswith("1 evaluations is not the table's: seed 1")


def test_a_repeat_that_is_charged_where_repeats_are_free(
    tmp_path: Path, synthetic_nb201: Path
) -> None:
    run("workers:Same", seeds=2, budget="4evals", repeats="free", out=tmp_path)
    (folder,) = experiments(tmp_path)

    def charged(rows: list[Row]) -> list[Row]:
        for name in ("seconds", "epochs"):
            rows[1][name][2] = rows[1][name][0]
        rows[1] = settle(folder, rows[1])
        return rows

    rewrite(folder, charged)
    (found,) = audit(tmp_path).faults
    assert found.check == "answers"
    assert found.what.endswith("1 evaluations is not the table's: seed 1")


def test_shared_training_may_not_be_cut_at_its_best_epoch() -> None:
    for epochs, may in ((50, False), (1, True)):
        clock = Clock(Budget(epochs=epochs))
        assert clock.charge(SharedAnswer((0,), (90.0,), 1.0))
        assert may_end("epochs", clock, Largest(1.0, 1)) is may


limits = st.none() | st.integers(1, 7)


@given(
    st.lists(st.tuples(st.sampled_from([0.0, 0.1, 0.7, 1.0]), st.integers(0, 2)), max_size=8),
    limits, limits, limits,
)  # fmt: skip
@example([(0.0, 0)] * 3, 5, None, None)
@example([(1.0, 0), (0.0, 0), (0.0, 0), (0.0, 0), (1.0, 0)], 5, None, None)
@example([], 1, 1, 1)
def test_evaluations_charged_at_once_are_those_charged_one_by_one(
    costs: list[tuple[float, int]],
    seconds: int | None,
    evaluations: int | None,
    epochs: int | None,
) -> None:
    with pytest.MonkeyPatch.context() as patch:
        for module in (budgets, ends):  # so that a few free evaluations end a run
            patch.setattr(module, "FREE_IN_A_ROW", 3)
        if (seconds, evaluations, epochs) == (None, None, None):
            evaluations = 9
        budget = Budget(seconds=seconds, evaluations=evaluations, epochs=epochs)
        clock, fits = Clock(budget), True
        for cost, trained in costs:
            fits = fits and clock.stop is None
            fits = fits and clock.charge(Answer((50.0,), cost, trained))
        found = charged(budget, np.array([one for one, _ in costs]),
                        np.array([one for _, one in costs], dtype=np.int64))  # fmt: skip
        expected = Spent(budget, clock.seconds, clock.epochs, clock.stop)
        assert found == (expected if fits else None)

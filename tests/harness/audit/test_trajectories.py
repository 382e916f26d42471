"""A repeat that is free gives what the first one gave."""

import sys
from pathlib import Path

from planting import Row, rewrite

from nasbench.harness.audit import audit
from nasbench.harness.audit.ends import Largest, may_end
from nasbench.harness.execution.run import run
from nasbench.harness.results.store import experiments
from nasbench.harness.search.budget import Budget, Clock
from nasbench.problem import SharedAnswer

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


def test_shared_training_may_not_be_cut_at_its_best_epoch() -> None:
    for epochs, may in ((50, False), (1, True)):
        clock = Clock(Budget(epochs=epochs))
        assert clock.charge(SharedAnswer((0,), (90.0,), 1.0))
        assert may_end("epochs", clock, Largest(1.0, 1)) is may

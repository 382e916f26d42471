"""Exact fronts: what nothing in a table dominates, by plain loops and by moocore."""

from dataclasses import replace
from pathlib import Path

import moocore
import numpy as np
import pytest
from typer.testing import CliRunner

from nasbench.benchmarks.catalogue import load_table
from nasbench.benchmarks.tables.costs import per_architecture
from nasbench.cli.app import app
from nasbench.errors import InvalidInput, NasbenchError
from nasbench.harness.compare import compare
from nasbench.harness.execution.run import run
from nasbench.harness.fronts import ExactFront, exact_fronts, front_task
from nasbench.harness.search.budget import Budget
from nasbench.harness.search.tasks import Wanted, make_tasks
from nasbench.problem import ACCURACY, Metric, scores_of
from nasbench.spaces.pool import PoolSpace

COST = Metric("latency", "min", "ms", 0.0)


def front_of(values: list[list[float]]) -> ExactFront:
    space = PoolSpace("pool", [f"network {k}" for k in range(len(values))])
    return ExactFront((ACCURACY, COST), space, scores_of((ACCURACY, COST), np.array(values)))


def test_a_front_by_hand() -> None:
    """Accuracies 90, 80, 70 at 9, 4, 2 ms; two are equal, one is dominated, one unknown."""
    front = front_of([[80, 4], [70, 2], [90, 9], [80, 5], [80, 4], [np.nan, 1], [70, 2.5]])
    assert front.members.tolist() == [2, 0, 4, 1]
    assert front.points.tolist() == [[90, -9], [80, -4], [70, -2]]
    assert front.known == 6
    assert front.ideal.tolist() == [90, -2]
    assert front.nadir.tolist() == [70, -9]
    assert front.reference == pytest.approx([68, -9.7])
    areas = (90 - 68) * (9.7 - 9) + (80 - 68) * (9 - 4) + (70 - 68) * (4 - 2)
    assert front.hypervolume == pytest.approx(areas)
    found = front.quality(np.array([[80.0, -4.0], [70.0, -9.0]]))
    assert found.hypervolume == pytest.approx((80 - 68) * (9.7 - 4) / areas)
    assert found.share == pytest.approx(1 / 3)
    # 90 is missed by 10 of 20 in accuracy; 2 ms by 2 of 7
    assert found.igd_plus == pytest.approx((10 / 20 + 0 + 2 / 7) / 3)
    assert found.epsilon == pytest.approx(10 / 20)
    whole = front.quality(front.points)
    assert (whole.hypervolume, whole.igd_plus, whole.epsilon, whole.share) == (1, 0, 0, 1)
    none = front.quality(np.empty((0, 2)))
    assert (none.hypervolume, none.igd_plus, none.share) == (0, np.inf, 0)


def test_a_front_of_one_architecture() -> None:
    front = front_of([[90, 1], [80, 2]])
    assert front.members.tolist() == [0]
    assert front.hypervolume == pytest.approx(0.1 * 0.1)
    assert front.quality(np.array([[90.0, -1.0]])).hypervolume == 1
    with pytest.raises(NasbenchError, match="no architecture has finite values"):
        _ = front_of([[np.nan, 1]]).members


def test_the_fronts_of_digits() -> None:
    """In the final test values of the bundled table, every architecture against every other."""
    fronts = exact_fronts(front_task("digits", None, "accuracy,latency"))
    table = load_table("digits")
    columns = table.test.mean("digits"), table.search.latency("digits", "amd-epyc")
    accuracy, latency = (per_architecture(one, table.rows).astype(float) for one in columns)
    better = [
        ((accuracy >= a) & (latency <= b) & ((accuracy > a) | (latency < b))).any()
        for a, b in zip(accuracy, latency, strict=True)
    ]
    final = fronts.test["digits"]
    assert sorted(final.members) == np.flatnonzero(~np.array(better)).tolist()
    for one in (final, fronts.signal):
        whole = moocore.hypervolume(one.scores, ref=one.reference, maximise=True)
        assert one.hypervolume == pytest.approx(float(whole), rel=1e-9)
        kept = moocore.is_nondominated(one.scores, maximise=True, keep_weakly=True)
        assert sorted(one.members) == np.flatnonzero(kept).tolist()


def test_what_has_no_front() -> None:
    with pytest.raises(InvalidInput, match="a front needs several objectives, not accuracy alone"):
        exact_fronts(front_task("digits", None, "accuracy"))
    (trained,) = make_tasks("train:nb201", ["digits"], None, Wanted(budget=Budget(evaluations=9)))
    both = replace(trained, objectives=(ACCURACY, COST))
    with pytest.raises(NasbenchError, match="a search by training does not know the whole space"):
        exact_fronts(both)


def test_the_command_prints_the_members() -> None:
    arguments = ["show", "digits", "--front", "--objective", "accuracy,latency"]
    printed = CliRunner().invoke(app, arguments, env={"COLUMNS": "200"}).output
    final = exact_fronts(front_task("digits", None, "accuracy,latency")).test["digits"]
    assert f"{len(final.members)} of 15,625 architectures" in printed
    for index in final.members.tolist():
        assert final.space.format(final.space.architecture(index)) in printed
    assert f"hypervolume {final.hypervolume:.6g} from accuracy 87.07" in printed


def test_a_front_of_four_objectives_has_no_hypervolume() -> None:
    objectives = "accuracy,latency,params,flops"
    result = CliRunner().invoke(app, ["show", "digits", "--front", "--objective", objectives])
    assert result.exception is None
    final = exact_fronts(front_task("digits", None, objectives)).test["digits"]
    assert f"{len(final.members)} of 15,625 architectures, {len(final.points)} different\n" in (
        result.output
    )
    assert "hypervolume" not in result.output


def test_searches_of_four_objectives_are_compared_without_a_hypervolume(tmp_path: Path) -> None:
    objectives = "accuracy,latency,params,flops"
    run(
        "random-search", benchmark="digits", objective=objectives, budget="5evals", seeds=2,
        out=tmp_path, workers=1,
    )  # fmt: skip
    (block,) = compare(tmp_path).blocks
    assert any(note.startswith("no hypervolume: ") for note in block.notes)
    assert block.sets


def test_objectives_without_a_front_are_refused() -> None:
    arguments = ["show", "digits", "--objective", "accuracy,latency"]
    refused = CliRunner().invoke(app, arguments).exception
    assert isinstance(refused, InvalidInput)
    assert str(refused) == "--objective and --dataset are of a front: add --front"

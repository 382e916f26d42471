"""What is compared with what: never mixed, always over equal numbers of seeds."""

import json
import shutil
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from nasbench.errors import CannotCompare, InvalidInput, StoreError
from nasbench.harness.compare import compare
from nasbench.harness.compare.blocks import unite
from nasbench.harness.execution.run import run
from nasbench.harness.results.load import load_results
from nasbench.problem import Answer, Evaluate, Trial
from nasbench.strategies.base import SearchStrategy

pytestmark = pytest.mark.usefixtures("synthetic_nb201")
BOTH = "random-search,regularized-evolution"


class FailsSometimes(SearchStrategy):
    """Breaks in about half of its runs."""

    family = "test"
    reference = "none"

    def setup(self) -> None:
        self.breaks = self.random.integer(2)

    def ask(self) -> Evaluate:
        if self.breaks:
            raise ZeroDivisionError("on purpose")
        return Evaluate(self.space.sample(self.random))

    def tell(self, trial: Trial, answer: Answer) -> None:
        """Learn nothing."""


def test_other_budgets_make_other_blocks(tmp_path: Path) -> None:
    run(BOTH, seeds=3, budget="2000s", out=tmp_path)
    run(BOTH, seeds=3, budget="3000s", out=tmp_path)
    comparison = compare(tmp_path)
    assert [block.task.budget.seconds for block in comparison.blocks] == [2000, 3000]
    assert [len(block.rows) for block in comparison.blocks] == [6, 6]  # two on three data sets
    with pytest.raises(CannotCompare, match=r"budget\.seconds: 2000 vs 3000"):
        compare(tmp_path, merge=True)


def test_merging_what_is_one_task_is_allowed(tmp_path: Path) -> None:
    run(BOTH, seeds=3, budget="10evals", out=tmp_path)
    assert len(compare(tmp_path, merge=True).blocks) == 1


def test_what_either_folder_says_of_an_experiment_is_kept(tmp_path: Path) -> None:
    run("random-search", seeds="0-2", budget="10evals", out=tmp_path)
    (one,) = load_results(tmp_path).experiments
    first = replace(one.select(one.seeds < 2), description={"family": "first"})
    second = replace(one.select(one.seeds == 2), description={"family": "x", "tuning": {"a": 1}})
    (both,) = unite([first, second])
    assert both.description == {"family": "first", "tuning": {"a": 1}}
    assert both.seeds.tolist() == [0, 1, 2]


def test_unequal_seeds_are_cut_to_the_common_ones(tmp_path: Path) -> None:
    run("random-search", seeds="0-9", budget="10evals", out=tmp_path)
    run("regularized-evolution", seeds="4-9", budget="10evals", out=tmp_path)
    comparison = compare(tmp_path, datasets=["cifar10"])
    assert [row.n for row in comparison.rows] == [6, 6]
    assert comparison.notes == [
        "data sets left out: CIFAR-100, ImageNet16-120",
        "rows have 6 to 10 seeds: compared over the 6 that all of them have",
    ]
    runs = load_results(tmp_path).runs
    own = runs[(runs.strategy == "random-search") & runs.seed.between(4, 9)]
    assert comparison.rows[0].finals.test.value == pytest.approx(own["test/cifar10"].mean())


def test_without_common_seeds_rows_of_equal_n_make_a_block(tmp_path: Path) -> None:
    run("random-search", seeds="0-3", budget="10evals", out=tmp_path)
    run("regularized-evolution", seeds="10-11", budget="10evals", out=tmp_path)
    comparison = compare(tmp_path)
    assert [(block.seeds, len(block.contenders)) for block in comparison.blocks] == [(4, 1), (2, 1)]
    with pytest.raises(CannotCompare, match="4 vs 2 seeds"):
        compare(tmp_path, merge=True)


def test_a_pilot_of_two_seeds_does_not_shrink_the_others(tmp_path: Path) -> None:
    run("random-search", seeds=10, budget="10evals", out=tmp_path)
    run("regularized-evolution", seeds="0-7", budget="10evals", out=tmp_path)
    run("reinforce-softmax", seeds="3,5", budget="10evals", out=tmp_path)
    comparison = compare(tmp_path, datasets="cifar10")
    assert [(row.experiment.strategy, row.n) for row in comparison.rows] == [
        ("random-search", 8),
        ("regularized-evolution", 8),
        ("reinforce-softmax", 2),
    ]
    missing = "0-2,4,6-7"
    assert all(
        f"run seeds {missing} of Softmax REINFORCE" in block.notes[1] for block in comparison.blocks
    )
    run("reinforce-softmax", seeds=missing, budget="10evals", out=tmp_path)
    (block,) = compare(tmp_path, datasets="cifar10").blocks
    assert [row.n for row in block.rows] == [8, 8, 8]


def test_rows_of_a_stranger_are_compared_without_running_the_strangers_code(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "stranger.py").write_text(
        "from pathlib import Path\n"
        "from nasbench import SearchStrategy\n"
        "from nasbench.strategies.random_search import RandomSearch\n"
        f"(Path({str(tmp_path)!r}) / 'was-run').touch()\n"
        "class Odd(RandomSearch):\n"
        "    family = 'odd ones'\n"
    )
    name, out = "stranger:Odd", tmp_path / "results"
    monkeypatch.syspath_prepend(str(tmp_path))
    run(name, settings={name: {"replacement": False}}, seeds=2, budget="5evals", out=out)
    (tmp_path / "was-run").unlink()
    monkeypatch.delitem(sys.modules, "stranger")
    row = compare(out, datasets="cifar10", out=tmp_path / "out").rows[0]
    assert not (tmp_path / "was-run").exists()
    assert (row.label, row.family) == ("Odd", "odd ones")
    (stored,) = out.rglob("experiment.json")
    older = json.loads(stored.read_text())
    del older["strategy"]
    stored.write_text(json.dumps(older))
    row = compare(out, datasets="cifar10").rows[0]
    assert not (tmp_path / "was-run").exists()
    assert (row.label, row.family) == ("Odd", "unknown")


def test_other_seeds_but_as_many_are_compared_in_full(tmp_path: Path) -> None:
    run("random-search", seeds="0-3", budget="10evals", out=tmp_path)
    run("regularized-evolution", seeds="10-13", budget="10evals", out=tmp_path)
    comparison = compare(tmp_path)
    assert [row.n for row in comparison.rows] == [4] * 6
    assert comparison.notes[0] == "rows have 4 seeds each, not the same ones"


def test_failed_runs_are_counted_and_told(tmp_path: Path) -> None:
    run(["random-search", f"{__name__}:FailsSometimes"], seeds=20, budget="5evals", out=tmp_path)
    comparison = compare(tmp_path, datasets="cifar10")
    rows = {row.experiment.strategy: row for row in comparison.rows}
    broken = rows[f"{__name__}:FailsSometimes"]
    assert broken.n + broken.failed == 20
    assert 0 < broken.failed < 20
    assert broken.costs.evaluations == 5  # of the finished ones
    assert rows["random-search"].n == 20
    assert f"{broken.failed} of 20 runs failed" in comparison.notes[1]


def test_answers_without_a_number_are_counted(tmp_path: Path) -> None:
    """As where a table is not finished: what is not known is said, not left out in silence."""
    run("random-search", seeds=6, out=tmp_path)
    results = load_results(tmp_path)
    (one,) = results.experiments
    lists = one.table["test/cifar10/accuracy"].to_pylist()
    lists[1][-1] = lists[3][-1] = float("nan")
    place = one.table.column_names.index("test/cifar10/accuracy")
    table = one.table.set_column(place, "test/cifar10/accuracy", pa.array(lists))
    (block,) = compare(replace(results, experiments=(replace(one, table=table),))).blocks
    assert block.notes == (
        "Random search: 2 of 6 answers have no number on CIFAR-10; its numbers are over the others",
    )


def test_an_experiment_stored_twice_is_one_row(tmp_path: Path) -> None:
    run("random-search", seeds="0-3", budget="10evals", name="first", out=tmp_path)
    run("random-search", seeds="2-5", budget="10evals", name="second", out=tmp_path)
    rows = compare(tmp_path, datasets="cifar10").rows
    assert [row.n for row in rows] == [6]


def test_labels_tell_settings_apart(tmp_path: Path) -> None:
    for population in (10, 50):
        chosen = {"regularized-evolution": {"population": population}}
        run("regularized-evolution", settings=chosen, seeds=2, budget="5evals", out=tmp_path)
    run("random-search", seeds=2, budget="5evals", out=tmp_path)
    run("random-search", seeds=2, budget="5evals", experiment_seed=7, out=tmp_path)
    found = {row.label for row in compare(tmp_path).rows}
    assert found == {
        "Regularized evolution (population=10)",
        "Regularized evolution (population=50)",
        "Random search (experiment seed=0)",
        "Random search (experiment seed=7)",
    }


def test_regret_is_to_the_best_cell_of_the_table(tmp_path: Path) -> None:
    run("random-search", seeds=4, budget="10evals", out=tmp_path)
    block = compare(tmp_path).blocks[0]
    for row in block.rows:
        best = max(block.known.test[row.dataset])
        assert row.in_table.regret == pytest.approx(best - row.finals.test.value)
        assert row.in_table.regret > 0


@pytest.mark.parametrize("damage", ["gone", "other"])
def test_without_the_table_accuracies_stay_and_regrets_are_unknown(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, damage: str
) -> None:
    run("random-search", seeds=6, budget="10evals", out=tmp_path / "results")
    before = compare(tmp_path / "results").rows[0]
    monkeypatch.setenv("NASBENCH_DATA", str(tmp_path / "data"))
    if damage == "other":
        from tables import synthetic_table

        synthetic_table(seed=5).save(tmp_path / "data" / "tables" / "nb201.safetensors")
    comparison = compare(tmp_path / "results", out=tmp_path / "out")
    assert comparison.rows[0].finals.test.value == before.finals.test.value
    assert np.isnan(comparison.rows[0].in_table.regret)
    assert not comparison.blocks[0].references
    reason = "nasbench data fetch nb201" if damage == "gone" else "install the table"
    assert reason in comparison.notes[0]
    assert json.loads((tmp_path / "out" / "comparison.json").read_text())["rows"]


def test_bad_input_is_one_clear_line(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="does not exist"):
        compare(tmp_path / "missing")
    with pytest.raises(StoreError, match="holds no runs"):
        compare(tmp_path)
    run("random-search", seeds=1, budget="5evals", out=tmp_path)
    with pytest.raises(InvalidInput, match="valid are cifar10, cifar100, ImageNet16-120"):
        compare(tmp_path, datasets="svhn")
    with pytest.raises(InvalidInput, match="centre"):
        compare(tmp_path, centre="mode")
    for file in tmp_path.rglob("runs-*"):
        file.unlink()
    with pytest.raises(StoreError, match="holds no runs"):
        compare(tmp_path)


@pytest.mark.usefixtures("no_pdfs")
def test_what_a_comparison_writes_does_not_confuse_the_next(tmp_path: Path) -> None:
    run(BOTH, seeds=3, budget="10evals", out=tmp_path)
    first = compare(tmp_path, out=tmp_path / "comparison").to_json()
    assert compare(tmp_path, out=tmp_path / "comparison").to_json() == first
    shutil.rmtree(tmp_path / "comparison")
    assert compare(tmp_path).to_json() == first


def test_so_few_runs_that_intervals_are_too_narrow_are_told(tmp_path: Path) -> None:
    run(BOTH, seeds=3, budget="10evals", out=tmp_path)
    (note,) = compare(tmp_path).notes
    assert note.startswith("95 % intervals over 3 runs cover about 74 % of normal samples' means")
    run(BOTH, seeds=6, budget="10evals", out=tmp_path)
    assert compare(tmp_path).notes == []

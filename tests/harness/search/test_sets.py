"""Searches of several objectives: their final sets are stored, shown, and derived again."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import moocore
import numpy as np
import pandas
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from nasbench.benchmarks.catalogue import load_table
from nasbench.benchmarks.tables.costs import per_architecture
from nasbench.errors import InvalidInput
from nasbench.harness.audit import audit
from nasbench.harness.compare import compare
from nasbench.harness.execution.run import run
from nasbench.harness.report import report
from nasbench.harness.results.load import load_results, read_results
from nasbench.harness.results.store import experiments
from nasbench.harness.search.selection import choose
from nasbench.rules import Selection
from tests.harness.audit.planting import Row, rewrite

SEARCH = "tests.harness.asking:TwoObjectiveRandomSearch"
BOTH = "accuracy,latency"
LATENCY = "latency/amd-epyc"


def dominated(one: tuple[float, ...], by: tuple[float, ...]) -> bool:
    return all(b >= a for a, b in zip(one, by, strict=True)) and one != by


def front_of(scores: list[tuple[float, ...]], among: list[int]) -> list[int]:
    """Return what no other is better than, of equals the first: by its definition."""
    return [
        i for i in among
        if not any(dominated(scores[i], scores[j]) for j in among)
        and not any(scores[j] == scores[i] for j in among if j < i)
    ]  # fmt: skip


values = st.sampled_from([0.0, 1.0, 2.0, 3.0])
drawn = st.lists(st.tuples(values, values, st.sampled_from([1, 5, 15]), st.booleans()), max_size=12)


@given(drawn)
def test_sets_by_their_definition(steps: list[tuple[float, float, int, bool]]) -> None:
    """After every evaluation, among those at the highest fidelity that have not failed."""
    scores = [(a, b) if fine else (np.nan, np.nan) for a, b, _, fine in steps]
    fidelity = [f for _, _, f, _ in steps]
    entered, last = [], []
    for end in range(1, len(steps) + 1):
        fine = [i for i in range(end) if steps[i][3]]
        top = max((fidelity[i] for i in fine), default=0)
        now = front_of(scores, [i for i in fine if fidelity[i] == top])
        if end - 1 in now:
            entered.append(end - 1)
        last = now
    found = choose(
        Selection.FRONT, np.array(scores, float).reshape(-1, 2), np.array(fidelity, int), 5
    )
    assert found.incumbents.tolist() == entered
    assert found.selected.tolist() == last


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("sets") / "results"
    for workers in (1, 5):
        run([SEARCH, "random-search"], seeds=4, benchmark="digits", objective=BOTH,
            simulated_workers=workers, out=folder, workers=1)  # fmt: skip
    return folder


def test_what_is_stored_is_the_front_and_the_judges_numbers(results: Path) -> None:
    table = load_table("digits")
    curves = [table._read(f"digits/test/hp15/curve/accuracy/seed{seed}") for seed in (0, 1)]
    final = np.mean([one[:, -1].astype(float) for one in curves], axis=0)[table.rows]
    latency = table._read("digits/latency/amd-epyc").astype(float)
    for folder in experiments(results):
        for row in folder.read().to_pylist():
            pairs = zip(row["value/accuracy"], row[f"value/{LATENCY}"], strict=True)
            scores = [(accuracy, -cost) for accuracy, cost in pairs]
            assert row["selected"] == front_of(scores, list(range(len(scores))))
            assert set(row["selected"]) <= set(row["incumbents"])
            cells = [table.space.index(table.space.parse(row["architecture"][step]))
                     for step in row["incumbents"]]  # fmt: skip
            assert row["test/digits/accuracy"] == final[cells].tolist()
            assert row[f"test/digits/{LATENCY}"] == latency[cells].tolist()
            told = [row[f"value/{LATENCY}"][step] for step in row["incumbents"]]
            assert row[f"valid/digits/{LATENCY}"] == told


@pytest.mark.usefixtures("no_pdfs")
def test_the_table_of_sets(results: Path, tmp_path: Path) -> None:
    comparison = compare(results, out=tmp_path)
    assert len(comparison.blocks) == 2
    for block in comparison.blocks:
        several = block.task.simulated_workers > 1
        files = tmp_path.glob("*/sets.csv")
        (file,) = (one for one in files if ("workers-5" in one.parent.name) == several)
        members = pandas.read_csv(file)
        for row in block.sets:
            mine = members[members.label == row.label]
            sizes = mine.groupby("seed").size()
            assert (row.n, row.members.mean) == (4, pytest.approx(sizes.mean()))
            best = mine.groupby("seed")["test/accuracy"].max()
            assert row.best[0].mean == pytest.approx(best.mean())
            assert row.best[0].std == pytest.approx(best.std())
            least = mine.groupby("seed")[f"test/{LATENCY}"].min()
            assert row.best[1].mean == pytest.approx(least.mean())
        text = file.with_suffix(".md").read_text()
        assert "best accuracy (%)" in text
        assert "(ms)" in text
    stored = json.loads((tmp_path / "comparison.json").read_text())
    assert stored["blocks"][0]["sets"][0]["best"].keys() == {"accuracy", LATENCY}
    page = report(results, tmp_path / "report.html").read_text()
    assert "Final sets: members" in page


@pytest.mark.usefixtures("no_pdfs")
def test_the_hypervolume_of_sets(results: Path, tmp_path: Path) -> None:
    """Final sets and their course by moocore, from the members' values and the whole table's."""
    comparison = compare(results, out=tmp_path)
    table = load_table("digits")
    columns = table.test.mean("digits"), table.search.latency("digits", "amd-epyc")
    every = np.stack([per_architecture(one, table.rows) for one in columns], axis=1).astype(float)
    every *= [1, -1]
    front = every[moocore.is_nondominated(every, maximise=True)]
    low, high = front.min(axis=0), front.max(axis=0)
    reference = low - 0.1 * (high - low)

    def volume(points: NDArray[np.float64]) -> float:
        return float(moocore.hypervolume(points, ref=reference, maximise=True))

    for block in comparison.blocks:
        several = block.task.simulated_workers > 1
        (file,) = (one for one in tmp_path.glob("*/sets.csv")
                   if ("workers-5" in one.parent.name) == several)  # fmt: skip
        members = pandas.read_csv(file)
        sets = dict(zip([row.label for row in block.sets], block.sets, strict=True))
        for row, one in zip(block.rows, block.contenders, strict=True):
            mine = members[members.label == row.label]
            points = [
                group[["test/accuracy", f"test/{LATENCY}"]].to_numpy() * [1, -1]
                for _, group in mine.groupby("seed")
            ]
            parts = [100 * volume(some) / volume(front) for some in points]
            assert row.finals.test.value == pytest.approx(np.mean(parts), rel=1e-9)
            assert row.in_table.regret == pytest.approx(100 - np.mean(parts), rel=1e-9)
            assert row.finals.test.value < 100
            scaled = [(some - low) / (high - low) for some in (front, *points)]
            plus = [moocore.igd_plus(some, ref=scaled[0], maximise=True) for some in scaled[1:]]
            assert sets[row.label].igd_plus.mean == pytest.approx(np.mean(plus), rel=1e-9)
            least = [
                moocore.epsilon_additive(some, ref=scaled[0], maximise=True) for some in scaled[1:]
            ]
            assert sets[row.label].epsilon.mean == pytest.approx(np.mean(least), rel=1e-9)
            assert one.scores("test", "digits").last() == pytest.approx(parts, rel=1e-9)
            seen = one.scores("signal")
            for run_ in range(len(one.runs)):
                course = seen[run_]  # what a search sees of its own set never gets worse
                assert len(course) == len(one.runs.lists("incumbents")[run_])
                assert (np.diff(course) >= -1e-9).all()
    assert comparison.blocks[0].units.metric.name == "hypervolume"


@pytest.mark.usefixtures("no_pdfs")
def test_nothing_is_wrong_with_honest_runs(results: Path) -> None:
    compare(results, out=results / "comparison")
    found = audit(results, replays=16, trust=True)
    assert found.faults == ()
    assert (found.runs, found.replayed) == (16, 16)
    assert found.numbers > 50


def smaller(row: Row) -> Row:
    row["selected"] = row["selected"][1:]
    return row


def larger(row: Row) -> Row:
    """A member that another one is better than."""
    row["selected"] = row["incumbents"]
    return row


def faster(row: Row) -> Row:
    row[f"value/{LATENCY}"][row["selected"][0]] *= 0.5
    return row


def better(row: Row) -> Row:
    row["test/digits/accuracy"][-1] = 99.0
    return row


def lighter(row: Row) -> Row:
    row[f"test/digits/{LATENCY}"][0] *= 0.5
    return row


@pytest.mark.parametrize(
    ("plant", "check"),
    [
        (smaller, "incumbents"), (larger, "incumbents"), (faster, "answers"),
        (better, "finals"), (lighter, "finals"),
    ],
)  # fmt: skip
def test_what_is_planted_is_found(plant: Callable[[Row], Row], check: str, tmp_path: Path) -> None:
    run(SEARCH, seeds=2, benchmark="digits", objective=BOTH, out=tmp_path, workers=1)
    (folder,) = experiments(tmp_path)
    rewrite(folder, lambda rows: [plant(rows[0]), *rows[1:]])
    assert check in {one.check for one in audit(tmp_path).faults}


def none(row: Row) -> Row:
    return {**row, "selected": []}


def beyond(row: Row) -> Row:
    return {**row, "selected": [*row["selected"], 10_000]}


def other_order(row: Row) -> Row:
    return {**row, "selected": row["selected"][::-1]}


@pytest.mark.parametrize(
    ("plant", "words"),
    [(none, "0 of a run without an error"), (beyond, "is no incumbent of the run"),
     (other_order, "comes after a later step")],
)  # fmt: skip
def test_sets_that_cannot_be_are_left_out(
    plant: Callable[[Row], Row], words: str, tmp_path: Path
) -> None:
    run(SEARCH, seeds=2, benchmark="digits", objective=BOTH, out=tmp_path, workers=1)
    (folder,) = experiments(tmp_path)
    rewrite(folder, lambda rows: [plant(rows[0]), *rows[1:]])
    (fault,) = read_results(tmp_path).faults
    assert words in fault.reason


def test_patience_is_for_a_set_that_does_not_change(tmp_path: Path) -> None:
    run("random-search", seeds=3, benchmark="digits", objective=BOTH, patience=15, out=tmp_path)
    (folder,) = experiments(tmp_path)
    for row in folder.read().to_pylist():
        assert row["stop"] == "patience"
        assert row["evaluations"] - 1 - row["incumbents"][-1] == 15


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"objective": "latency"}, "is a cost of the network: name a metric of its training first"),
        ({"objective": "latency,accuracy"}, "is a cost of the network"),
        ({"objective": f"accuracy,latency,{LATENCY}"}, "one is named twice"),
        ({"objective": "accuracy,latency/gpu"}, f"table 'digits' has accuracy, loss, .*{LATENCY}"),
        ({"objective": BOTH, "target_regret": 1.0}, "a target regret needs one objective"),
        ({"objective": BOTH, "selection": "own"}, "selection 'own' is of one objective"),
        ({"objective": "accuracy,loss", "strategies": "darts"}, "accuracy of shared weights"),
        ({"objective": ","}, "no objective is named"),
    ],
)
def test_objectives_that_cannot_be(options: dict[str, Any], words: str, tmp_path: Path) -> None:
    asked = {"strategies": "random-search", "benchmark": "digits", **options}
    with pytest.raises(InvalidInput, match=words):
        run(seeds=1, out=tmp_path, **asked)


def test_a_frame_of_runs_names_no_single_answer(results: Path) -> None:
    frame = load_results(results).runs
    assert frame["incumbent"].isna().all()
    assert frame["signal"].isna().all()
    assert (frame["evaluations"] > 0).all()

"""Faults planted in searches for several objectives: each is found, and named."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from figures import png_alone
from numpy.typing import NDArray
from planting import Row, describe, edit, found_in, of

from nasbench.benchmarks.catalogue import load_table
from nasbench.benchmarks.tables.costs import per_architecture
from nasbench.harness import fronts
from nasbench.harness.audit import audit
from nasbench.harness.compare import compare
from nasbench.harness.execution.run import run
from nasbench.harness.results.store import ExperimentFolder
from nasbench.harness.search.opening import open_judge
from nasbench.harness.search.selection import choose
from nasbench.rules import Selection

LATENCY = "latency/amd-epyc"
VALUES = ("accuracy", LATENCY)


@pytest.fixture(scope="module")
def honest(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two rows with a comparison of them."""
    folder = tmp_path_factory.mktemp("honest") / "results"
    run("random-search,nsga2", seeds=5, benchmark="digits", objective="accuracy,latency",
        budget="120evals", out=folder, workers=1)  # fmt: skip
    written(folder)
    return folder


@pytest.fixture
def results(honest: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(honest, tmp_path / "results"))


def written(results: Path) -> None:
    shutil.rmtree(results / "comparison", ignore_errors=True)
    with png_alone():
        compare(results, out=results / "comparison")


def test_the_honest_folder_passes(results: Path) -> None:
    found = audit(results, replays=10)
    assert found.faults == ()
    assert found.replayed == 10


def planted(change: Callable[[Row], Row]) -> Callable[[Path], None]:
    """Change the run of seed 3 of NSGA-II, judge it anew and compare anew."""

    def plant(results: Path) -> None:
        folder = of(results, "nsga2")
        edit(folder, lambda row: judged(folder, change(row)))
        written(results)

    return plant


def judged(folder: ExperimentFolder, row: Row) -> Row:
    """Read the final values of a run's incumbents."""
    space = load_table("digits").space
    cells = [space.parse(row["architecture"][step]) for step in row["incumbents"]]
    for name, verdict in open_judge(folder.experiment.task).read(cells).items():
        for place, value in enumerate(VALUES):
            row[f"valid/{name}/{value}"] = verdict.valid[:, place].tolist()
            row[f"test/{name}/{value}"] = verdict.test[:, place].tolist()
    return row


def dominated(row: Row) -> Row:
    """Present one that was in the set earlier, and that another is better than by now."""
    gone = next(step for step in row["incumbents"] if step not in row["selected"])
    return {**row, "selected": sorted([*row["selected"], gone])}


def lost(row: Row) -> Row:
    return {**row, "selected": row["selected"][1:]}


def lost_altogether(row: Row) -> Row:
    """As if a member had never entered the set."""
    gone = row["selected"][0]
    return {**row, **{name: [step for step in row[name] if step != gone]
                      for name in ("incumbents", "selected")}}  # fmt: skip


def scores_on_test(row: Row) -> NDArray[np.float64]:
    table = load_table("digits")
    cells = [table.space.index(table.space.parse(text)) for text in row["architecture"]]
    columns = table.test.mean("digits"), -table.search.latency("digits", "amd-epyc")
    each = [per_architecture(one, table.rows).astype(float)[cells] for one in columns]
    return np.stack(each, axis=1)


def by_test(row: Row) -> Row:
    """All sets chosen by test values, in the place of those of validation."""
    chosen = choose(Selection.FRONT, scores_on_test(row), np.array(row["fidelity"]), 0)
    assert chosen.selected.tolist() != row["selected"]
    return {**row, "incumbents": chosen.incumbents.tolist(), "selected": chosen.selected.tolist()}


def by_test_at_last(row: Row) -> Row:
    """The final set chosen by test values from all that were in it at any time."""
    steps = np.array(row["incumbents"])
    fidelity = np.array(row["fidelity"])[steps]
    chosen = choose(Selection.FRONT, scores_on_test(row)[steps], fidelity, 0)
    assert steps[chosen.selected].tolist() != row["selected"]
    return {**row, "selected": steps[chosen.selected].tolist()}


def faster(row: Row) -> Row:
    """A member that is said to be faster than it is, which it was told as well."""
    row[f"value/{LATENCY}"][row["selected"][-1]] *= 0.99
    return row


def better(row: Row) -> Row:
    row["value/accuracy"][row["selected"][-1]] += 0.2
    return row


def final(name: str, factor: float) -> Callable[[Path], None]:
    """Change the judge's value of the last incumbent, and compare anew."""

    def plant(results: Path) -> None:
        def change(row: Row) -> Row:
            row[name][-1] *= factor
            return row

        edit(of(results, "nsga2"), change)
        written(results)

    return plant


def shifted(results: Path) -> None:
    """Hypervolumes from another point, in all tables and notes."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(fronts, "MARGIN", 1.0)
        written(results)


def in_json(change: Callable[[Any], object]) -> Callable[[Path], None]:
    def plant(results: Path) -> None:
        file = results / "comparison" / "comparison.json"
        content = json.loads(file.read_text())
        change(content)
        file.write_text(json.dumps(content))

    return plant


def row_of(content: Any, strategy: str = "nsga2") -> Any:
    return next(one for one in content["rows"] if one["strategy"] == strategy)


def reference_of(content: Any) -> Any:
    rows = content["references"]
    return next(one for one in rows if one["reference"] == "expected random search")


def set_of(content: Any) -> Any:
    return next(one for one in content["blocks"][0]["sets"] if one["strategy"] == "nsga2")


def in_text(name: str, old: str, new: str) -> Callable[[Path], None]:
    def plant(results: Path) -> None:
        (file,) = (results / "comparison").glob(f"*/{name}")
        text = file.read_text()
        assert old in text
        file.write_text(text.replace(old, new, 1))

    return plant


def other_unit(results: Path) -> None:
    def change(content: Any) -> None:
        content["experiment"]["task"]["objectives"][1]["unit"] = "s"

    describe(of(results, "nsga2"), change)


def other_way(results: Path) -> None:
    def change(content: Any) -> None:
        content["experiment"]["task"]["objectives"][1]["direction"] = "max"

    describe(of(results, "nsga2"), change)


FAULTS: dict[str, tuple[Callable[[Path], object], str, str]] = {
    "a dominated member": (
        planted(dominated), "incumbents",
        "the final set has a member that is dominated in seed 3, such as evaluation ",
    ),
    "a member missing": (planted(lost), "incumbents", "the final set lacks a member in seed 3"),
    "a member that never entered": (
        planted(lost_altogether), "incumbents", "the final set lacks a member in seed 3",
    ),
    "sets chosen by test": (
        planted(by_test), "incumbents", "the final set is the front by test values in seed 3",
    ),
    "a final set chosen by test": (
        planted(by_test_at_last), "incumbents",
        "the final set is the front by test values in seed 3",
    ),
    "a cost that was told": (planted(faster), "answers", LATENCY),
    "an accuracy that was told": (planted(better), "answers", "accuracy"),
    "a final accuracy": (final("test/digits/accuracy", 1.01), "finals", "test on digits of 1 inc"),
    "a final cost": (final(f"test/digits/{LATENCY}", 0.9), "finals", "test on digits of 1 inc"),
    "a final cost of validation": (
        final(f"valid/digits/{LATENCY}", 0.9), "finals", "valid on digits of 1 inc",
    ),
    "a shifted reference point": (
        shifted, "comparison", "hypervolume on digits is measured from accuracy ",
    ),
    "a shifted reference point alone": (
        in_json(lambda content: content["blocks"][0]["reference_points"]["digits"].update(
            accuracy=50.0)),
        "comparison", "hypervolume on digits is measured from accuracy 50, it should be 87.0",
    ),
    "a hypervolume": (
        in_json(lambda content: row_of(content).update(test_mean=99.0)), "comparison",
        "test_mean is 99.0, it should be ",
    ),
    "a hypervolume that is expected": (
        in_json(lambda content: reference_of(content).update(test_mean=9.0)), "comparison",
        "test_mean is 9.0, it should be ",
    ),
    "an error that is stated": (
        in_json(lambda content: reference_of(content).update(test_error=0.0)), "comparison",
        "test_error is 0.0, it should be ",
    ),
    "a distance": (
        in_json(lambda content: set_of(content)["igd_plus"].update(mean=0.0)), "comparison",
        "igd_plus.mean is 0.0, it should be ",
    ),
    "a table of hypervolumes": (
        in_text("results.md", "100.00", "101.00"), "comparison", "its text is not what the runs",
    ),
    "a member of a written set": (
        in_text("sets.csv", ",digits,3,", ",digits,4,"), "comparison", "its text is not what the",
    ),
    "another unit": (other_unit, "table", "objectives have other directions, units"),
    "another direction": (other_way, "table", "objectives have other directions"),
}  # fmt: skip


@pytest.mark.parametrize("name", FAULTS)
def test_a_planted_fault_of_sets_is_found(results: Path, name: str) -> None:
    plant, check, words = FAULTS[name]
    plant(results)
    found = found_in(audit(results))
    assert any(words in what for what in found.get(check, ())), found


def test_a_whole_set_by_test_says_what_is_wrong_with_its_members(results: Path) -> None:
    planted(by_test)(results)
    said = found_in(audit(results))["incumbents"]
    assert any(one.startswith("are not the front by validation in seed 3") for one in said)
    assert any("lacks a member" in one or "that is dominated" in one for one in said)

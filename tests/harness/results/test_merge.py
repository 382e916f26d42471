"""Whole experiments are copied into one folder, each seed once, or nothing is."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pytest
from tables import installed

from nasbench.errors import InvalidInput, StoreError
from nasbench.files import atomic_write
from nasbench.harness.audit import audit
from nasbench.harness.execution.run import run
from nasbench.harness.results import merge as merging
from nasbench.harness.results.inventory import inventory
from nasbench.harness.results.load import load_results
from nasbench.harness.results.manage import rename
from nasbench.harness.results.merge import merge
from nasbench.harness.results.store import ExperimentFolder, experiments

SCHEMA1 = Path(__file__).parents[1] / "schema1"
BOTH = "random-search,regularized-evolution"


@pytest.fixture(scope="module")
def stored(tmp_path_factory: pytest.TempPathFactory, synthetic_data: Path) -> Path:
    """Folders `a` with seeds 0 to 3, `b` with 2 to 5, made apart, and `all` with 0 to 5."""
    folder = tmp_path_factory.mktemp("merge")
    with installed(synthetic_data):
        for name, seeds in (("a", "0-3"), ("b", "2-5"), ("all", "0-5")):
            run(BOTH, seeds=seeds, budget="8evals", out=folder / name, workers=1)
    return folder


def values(folder: Path) -> dict[str, list[object]]:
    """What does not depend on real time, of every run."""
    left_out = ["optimiser", "optimiser_seconds", "wall_seconds"]
    return {
        one.label: one.table.drop_columns(left_out).to_pylist()
        for one in load_results(folder).experiments
    }


def content(folder: Path) -> dict[str, bytes]:
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file()
    }


def test_a_merge_holds_every_seed_once_and_audits_clean(results: Path) -> None:
    before = content(results)
    done = merge([results / "a", results / "b"], results / "both")
    assert [(one.copied, one.there) for one in done] == [((0, 1, 2, 3, 4, 5), ())] * 2
    assert values(results / "both") == values(results / "all")
    rows = [
        seed
        for folder in experiments(results / "both")
        for file in folder.files()
        for seed in file.table["seed"].to_pylist()
    ]
    assert sorted(rows) == sorted([*range(6), *range(6)]), "no seed is stored twice"
    assert not audit(results / "both", replays=2).faults
    assert content(results).items() >= before.items(), "sources stay as they are"


def test_the_same_merge_again_copies_nothing(results: Path) -> None:
    merge([results / "a"], results / "both")
    first = content(results / "both")
    assert first == content(results / "a"), "files are copied as they are"
    (again, _) = merge([results / "a"], results / "both")
    assert (again.copied, again.there) == ((), (0, 1, 2, 3))
    assert content(results / "both") == first


def altered(
    folder: ExperimentFolder, change: Callable[[dict[str, object]], None], row: int = 0
) -> None:
    table = folder.read()
    rows = table.to_pylist()
    change(rows[row])
    for path in folder.path.glob("runs-*.parquet"):
        path.unlink()
    folder.append(pa.Table.from_pylist(rows, schema=table.schema))


def shifted(name: str) -> Callable[[dict[str, object]], None]:
    def change(row: dict[str, object]) -> None:
        row[name] = [one * 0.999 for one in row[name]]  # type: ignore[attr-defined]

    return change


@pytest.mark.parametrize("name", ["value/accuracy", "valid/cifar10/accuracy"])
def test_differing_runs_of_one_seed_are_refused_before_anything_is_copied(
    results: Path, name: str
) -> None:
    altered(list(experiments(results / "b"))[1], shifted(name))
    with pytest.raises(InvalidInput, match=f"differ in {name}; nothing was merged"):
        merge([results / "a", results / "b"], results / "both")
    assert not (results / "both").exists()


def test_real_seconds_may_differ(results: Path) -> None:
    def change(row: dict[str, object]) -> None:
        shifted("optimiser")(row)
        row["optimiser_seconds"] = 0.999 * float(str(row["optimiser_seconds"]))
        row["wall_seconds"] = 77.0

    altered(next(iter(experiments(results / "b"))), change)
    merge([results / "a", results / "b"], results / "both")
    assert values(results / "both") == values(results / "all")


def test_a_failed_run_gives_way_to_one_that_finished(results: Path) -> None:
    def fail(row: dict[str, object]) -> None:
        for name, value in row.items():
            if isinstance(value, list):
                row[name] = []
            elif isinstance(value, int | float) and name != "seed":
                row[name] = 0
        row["error"], row["stop"] = "Traceback\nRuntimeError: no", "failed"

    for source in ("a", "b"):  # seed 2 in the one, seed 4 in the other
        altered(next(iter(experiments(results / source))), fail, row=2)
    first, _ = merge([results / "a", results / "b"], results / "both")
    assert first.copied == (0, 1, 2, 3, 4, 5)
    assert inventory(results / "both").find(first.name)[0].failed == (4,)
    second, _ = merge([results / "all"], results / "both")
    assert second.copied == (4,)
    assert inventory(results / "both").find(first.name)[0].failed == ()


def test_display_names_come_with_them_and_do_not_replace_others(results: Path) -> None:
    name = next(iter(inventory(results / "a").experiments)).name
    rename(results / "a", name, "Mine")
    rename(results / "b", name, "Theirs")
    merge([results / "a"], results / "both")
    merge([results / "b"], results / "both")
    assert inventory(results / "both").find(name)[0].display == "Mine"


@pytest.mark.parametrize("damaged", ["experiment.json", "runs", "display.json"])
def test_damaged_files_are_refused_with_a_line(results: Path, damaged: str) -> None:
    folder = next(iter(experiments(results / "b"))).path
    path = next(folder.glob("runs-*")) if damaged == "runs" else folder / damaged
    path.write_bytes(b"no")
    with pytest.raises(StoreError, match="is damaged") as raised:
        merge([results / "a", results / "b"], results / "both")
    assert str(raised.value).count("\n") == 0
    assert not (results / "both").exists()


def test_an_interruption_takes_away_what_was_written(
    results: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    merge([results / "a"], results / "both")
    before = content(results / "both")
    count = 0

    def stopped(path: Path, *rest: object) -> object:
        nonlocal count
        count += 1
        if count == 2:
            raise KeyboardInterrupt
        return atomic_write(path, *rest)  # type: ignore[arg-type]

    run("reinforce", seeds=2, budget="8evals", out=results / "b", workers=1)
    monkeypatch.setattr(merging, "atomic_write", stopped)
    with pytest.raises(KeyboardInterrupt):
        merge([results / "b"], results / "both")
    assert content(results / "both") == before
    assert not [path for path in (results / "both").rglob("*") if "reinforce" in path.name]


def test_a_record_of_tuning_is_kept(results: Path) -> None:
    """Else a merge would hide that settings were tuned on seeds that are reported."""
    record = {
        "strategy": "random-search", "benchmark": "nb201", "table": "0" * 64, "dataset": "cifar10",
        "seeds": [2000], "experiment_seed": 0, "reserved": False, "metric": "regret", "value": 1.0,
        "tried": 2, "runs": 2, "evaluations": 4, "clock_seconds": 1.0, "wall_seconds": 1.0,
        "nasbench": "0.2.0",
    }  # fmt: skip
    file = next(iter(experiments(results / "b"))).path / "experiment.json"
    stored = json.loads(file.read_text())
    stored["strategy"]["tuning"] = record
    file.write_text(json.dumps(stored))
    merge([results / "a"], results / "both")
    merge([results / "b"], results / "both")
    first = next(iter(experiments(results / "both")))
    assert first.description["tuning"] == record
    stored["strategy"]["tuning"] = {**record, "seeds": [3000]}
    file.write_text(json.dumps(stored))
    with pytest.raises(InvalidInput, match="tuned differently"):
        merge([results / "b"], results / "both")


def test_named_experiments_that_would_share_a_folder_are_refused(results: Path) -> None:
    for source, budget in (("a", "7evals"), ("b", "9evals")):
        run("random-search", seeds=1, budget=budget, out=results / source, name="x", workers=1)
    with pytest.raises(InvalidInput, match="is the folder of two different experiments"):
        merge([results / "a", results / "b"], results / "both")
    assert not (results / "both").exists()


@pytest.mark.parametrize(
    ("sources", "into", "why"),
    [
        (["a"], "a", "one folder"),
        (["a"], "a/in", "one is in the other"),
        (["a"], ".", "one is in the other"),
        (["none"], "new", "does not exist"),
        (["empty"], "new", "holds no experiment"),
        ([], "new", "no results folder is named"),
    ],
)
def test_folders_that_cannot_be_merged(
    results: Path, sources: list[str], into: str, why: str
) -> None:
    (results / "empty").mkdir()
    with pytest.raises((InvalidInput, StoreError), match=why):
        merge([results / one for one in sources], results / into)
    assert not (results / "new").exists()


def test_what_cannot_be_written_is_told_with_a_way_out(results: Path) -> None:
    with pytest.raises(StoreError, match=r"^cannot write '/proc/x.*: choose another folder$"):
        merge([results / "a"], "/proc/x")


def test_runs_of_an_earlier_version_are_copied_as_they_are(tmp_path: Path) -> None:
    merge([SCHEMA1], tmp_path / "new")
    stored = content(SCHEMA1)
    del stored["results.json"]
    assert content(tmp_path / "new") == stored


def test_rows_of_an_earlier_version_beside_others_are_read(tmp_path: Path) -> None:
    """Of a file with seeds that are there, the others are stored anew: by this version's schema."""
    shutil.copytree(SCHEMA1, tmp_path / "old")
    first = next(one for one in experiments(tmp_path / "old") if one.path.name.startswith("random"))
    rows = first.read()
    (old,) = first.path.glob("runs-*")
    old.unlink()
    first.append(rows.slice(0, 1), {**first.provenance})
    done = merge([SCHEMA1], tmp_path / "old")
    mine = next(one for one in done if one.name == first.label)
    assert (mine.copied, mine.there) == ((1, 2), (0,))
    assert json.loads((first.path / "experiment.json").read_text())["schema"] == 3
    assert first.read().select(["seed", "architecture"]) == rows.select(["seed", "architecture"])

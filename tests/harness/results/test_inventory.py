"""What `nasbench results` lists, finds, shows, names and removes."""

import json
import shutil
from dataclasses import replace
from pathlib import Path

import pyarrow as pa
import pytest
from tables import installed

from nasbench.errors import InvalidInput
from nasbench.harness.audit import audit
from nasbench.harness.compare import compare
from nasbench.harness.compare.write import write
from nasbench.harness.execution.run import run
from nasbench.harness.results.best import best_run
from nasbench.harness.results.details import details
from nasbench.harness.results.inventory import inventory
from nasbench.harness.results.load import load_results, read_results
from nasbench.harness.results.manage import removals, remove, rename
from nasbench.strategies.random_search import RandomSearch
from nasbench.testing.one_shot import EPOCHS, SMALL

SCHEMA1 = Path(__file__).parents[1] / "schema1"
EVOLUTION = {"regularized-evolution": {"population": 4}}


class Talking(RandomSearch):
    """Random search that prints two lines."""

    def setup(self) -> None:
        super().setup()
        print("a line")
        print("the last line")


@pytest.fixture(scope="module")
def stored(tmp_path_factory: pytest.TempPathFactory, synthetic_data: Path) -> Path:
    """Random search, evolution with two settings, and one with another objective's budget."""
    folder = tmp_path_factory.mktemp("inventory")
    with installed(synthetic_data):
        both = "random-search,regularized-evolution"
        run(both, seeds="0-2,5", budget="8evals", out=folder, workers=1)
        run("regularized-evolution", seeds=2, budget="8evals", settings=EVOLUTION, out=folder)
        run("random-search", seeds=2, budget="8evals", out=folder, signal="mean", patience=3)
    return folder


def test_every_experiment_is_one_line_of_its_own(results: Path) -> None:
    lines = inventory(results).lines()
    assert len(lines) == len(set(lines)) == 4
    evolution = next(line for line in lines if "population=4" in line)
    assert (
        "regularized-evolution (population=4); cifar10 of nb201; protocol nb201-paper" in evolution
    )
    assert "budget 8evals; 2 runs, seeds 0-1" in evolution
    assert sum("4 runs, seeds 0-2,5" in line for line in lines) == 2
    assert "sample" not in evolution
    every = next(line for line in inventory(results).lines(every=True) if "population=4" in line)
    assert "population=4, sample=3, mutation=edge" in every


def test_lines_differ_where_settings_and_task_are_the_same() -> None:
    """Both random searches of the earlier version have one line each, told by what differs."""
    lines = [line.partition("  ")[2] for line in inventory(SCHEMA1).lines()]
    assert len(lines) == len(set(lines)) == 8
    assert [line.split("; ")[4] for line in lines if line.startswith("random")] == [
        "entropy rule 1", "entropy rule 0",
    ]  # fmt: skip


def test_an_experiment_in_two_folders_is_one_line(results: Path) -> None:
    shutil.copytree(results, results / "copy")
    lines = inventory(results).lines()
    assert len(lines) == 4
    assert all("(and in " in line for line in lines)
    with pytest.raises(InvalidInput, match="may be any of 4"):
        inventory(results).find("copy")


@pytest.fixture
def random_search(results: Path) -> str:
    found = inventory(results).experiments
    return next(one.name for one in found if one.experiment.strategy == "random-search")


def test_names_are_found_or_refused_in_one_line(results: Path, random_search: str) -> None:
    found = inventory(results)
    assert found.find(random_search)[0].name == random_search
    assert found.find(f"{random_search}/")[0].name == random_search
    assert found.find(f"{results}/{random_search}")[0].name == random_search
    assert found.find(random_search.split("/")[1][:20])[0].name == random_search
    for wrong, why in (("nope", "is not in"), ("regularized", "may be any of 2"), ("", "any of 4")):
        with pytest.raises(InvalidInput, match=why):
            found.find(wrong)


def test_a_display_name_is_the_label_and_can_be_taken_away(
    results: Path, random_search: str
) -> None:
    before = {path: path.read_bytes() for path in results.rglob("*") if path.is_file()}
    rename(results, random_search, "My baseline")
    assert {path: path.read_bytes() for path in before} == before, "stored files are never edited"
    assert inventory(results).find("My baseline")[0].name == random_search
    labels = {row.label for row in compare(results).rows}
    assert "My baseline" in labels
    assert {one.display for one in load_results(results).experiments} == {"", "My baseline"}
    rename(results, "My baseline", None)
    assert not list(results.rglob("display.json"))
    assert "My baseline" not in {row.label for row in compare(results).rows}


def test_equal_display_names_in_a_block_are_told_apart(results: Path) -> None:
    found = [one.name for one in inventory(results).experiments]
    for name in found:
        rename(results, name, "Ours")
    labels = [row.label for row in compare(results, datasets="cifar10").blocks[0].contenders]
    assert len(labels) == len(set(labels))
    assert all(label.startswith("Ours (") for label in labels)


@pytest.mark.parametrize("name", ["", "x" * 81, "a\x1b[31m", " a", "a\nb", "\ud800"])
def test_names_that_cannot_be_shown_are_refused(
    results: Path, random_search: str, name: str
) -> None:
    with pytest.raises(InvalidInput, match="display name"):
        rename(results, random_search, name)
    assert not list(results.rglob("display.json"))


@pytest.mark.parametrize(
    "content",
    [b"", b"{}", b'{"name": ""}', b'{"name": 3}', b'{"name": "a", "b": 1}', b"\xff", b"[" * 9999],
)
def test_a_damaged_name_is_a_fault_and_the_runs_stay(
    results: Path, random_search: str, content: bytes
) -> None:
    (results / random_search / "display.json").write_bytes(content)
    stored = read_results(results)
    (fault,) = stored.faults
    assert fault.where == f"{random_search}/display.json"
    assert len(stored.experiments) == 4
    assert not any(one.display for one in stored.experiments)
    assert any(one.check == "damaged" for one in audit(results).faults)
    run("random-search", seeds=3, budget="8evals", out=results, workers=1)  # still goes on


@pytest.mark.usefixtures("no_pdfs")
def test_a_comparison_after_a_rename_audits_clean_and_one_before_does_not(
    results: Path, random_search: str
) -> None:
    """The results differ in seeds, which is a fault of its own: only the comparison counts."""

    def faults() -> list[str]:
        return [one.what for one in audit(results).faults if one.check == "comparison"]

    write(compare(results), results / "comparison")
    assert not faults()
    rename(results, random_search, "My baseline")
    assert any("My baseline" in one for one in faults())
    write(compare(results), results / "comparison")
    assert not faults()


def test_details_say_what_is_stored_and_choose_by_validation(
    results: Path, random_search: str
) -> None:
    found = details(results, random_search)
    frame = load_results(results).runs
    mine = frame[frame["experiment"] == random_search]
    best = mine.loc[mine["signal"].idxmax()]
    assert found.best is not None
    assert found.best.seed == best["seed"]
    assert found.best.signal == best["signal"]
    assert found.best.architecture == best["incumbent"]
    assert found.best.finals["test/cifar10"] == best["test/cifar10"]
    assert dict(found.described)["  replacement"] == "True  (default)"
    assert found.failures == {}


def test_the_best_run_is_not_chosen_by_test(results: Path) -> None:
    """Test values that name another run as the best change nothing."""
    for one in load_results(results).experiments:
        chosen = best_run(one)
        assert chosen is not None
        table = one.table
        for name in (name for name in table.column_names if name.startswith("test/")):
            order = [[100.0 * (seed != chosen.seed)] * len(values) for seed, values in zip(
                one.seeds.tolist(), table[name].to_pylist(), strict=True
            )]  # fmt: skip
            at = table.column_names.index(name)
            table = table.set_column(at, name, pa.array(order, table[name].type))
        again = best_run(replace(one, table=table))
        assert again is not None
        assert (again.seed, again.architecture) == (chosen.seed, chosen.architecture)
        assert set(again.finals.values()) > {0.0}


def test_remove_takes_our_files_alone(results: Path, random_search: str) -> None:
    kept = results / random_search / "notes.txt"
    kept.write_text("mine")
    rename(results, random_search, "My baseline")
    others = {path for path in results.rglob("*") if not path.is_relative_to(kept.parent)}
    planned = removals(results, ["My baseline"])
    assert set(planned[0].files) == set(kept.parent.iterdir()) - {kept}
    assert remove(planned, results) == [kept.parent]
    assert list(kept.parent.iterdir()) == [kept]
    assert {path for path in results.rglob("*") if not path.is_relative_to(kept.parent)} == others
    rest = [one.name for one in inventory(results).experiments]
    kept.unlink()
    assert remove(removals(results, rest), results) == []
    assert [path.name for path in results.rglob("*")] == [kept.parent.parent.name, kept.parent.name]


def test_of_two_folders_the_named_one_is_removed(results: Path, random_search: str) -> None:
    shutil.copytree(results, results / "copy")
    remove(removals(results, [f"copy/{random_search}"]), results)
    assert (results / random_search / "experiment.json").exists()
    assert not (results / "copy" / random_search).exists()


def test_a_display_name_is_json_that_others_can_read(results: Path, random_search: str) -> None:
    rename(results, random_search, "Zufällige Suche")
    text = (results / random_search / "display.json").read_text(encoding="utf-8")
    assert json.loads(text) == {"name": "Zufällige Suche"}


def test_what_runs_printed_is_shown(synthetic_data: Path, tmp_path: Path) -> None:
    with installed(synthetic_data):
        run(Talking, seeds=3, budget="4evals", out=tmp_path, workers=1)
    (name,) = (one.names[0] for one in inventory(tmp_path).experiments)
    assert ("printed", "the last line  (3 runs)") in details(tmp_path, name).provenance
    old = inventory(SCHEMA1).experiments[0].names[0]
    assert not [what for what, _ in details(SCHEMA1, old).provenance if what == "printed"]


def test_runs_of_shared_weights_are_shown(toy_images: Path, tmp_path: Path) -> None:
    run("rsps", seeds=2, settings={"rsps": SMALL}, out=tmp_path, workers=1)
    (name,) = (one.names[0] for one in inventory(tmp_path).experiments)
    totals = dict(details(tmp_path, name).totals)
    assert totals["epochs of shared weights"] == f"{2 * EPOCHS} in all finished runs"

"""What a comparison shows and leaves out, and what it calls its rows."""

import json
import shutil
from itertools import combinations
from pathlib import Path

import pyarrow as pa
import pytest
from scipy.stats import mannwhitneyu
from typer.testing import CliRunner

from nasbench import audit, compare, run
from nasbench.cli.app import app
from nasbench.cli.choosing import read_labels
from nasbench.errors import CannotCompare, InvalidInput, StoreError
from nasbench.harness.compare.figures.pictures import FigureChoice
from nasbench.harness.compare.tables.columns import KINDS
from nasbench.harness.compare.tables.rivals import pairs_table
from nasbench.harness.results.load import load_results
from nasbench.harness.results.manage import rename
from nasbench.harness.results.store import experiments

pytestmark = pytest.mark.usefixtures("synthetic_nb201")

THREE = "random-search,regularized-evolution,reinforce-softmax"
cli = CliRunner()


@pytest.fixture
def results(tmp_path: Path) -> Path:
    run(THREE, seeds=8, budget="20evals", out=tmp_path / "results")
    return tmp_path / "results"


def labels_of(comparison: object) -> list[str]:
    return [one.label for one in comparison.blocks[0].contenders]  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("options", "left"),
    [
        ({"strategies": "random-search,reinforce-softmax"}, ["Random search", "Softmax REINFORCE"]),
        ({"strategies": ["Random search"]}, ["Random search"]),
        ({"exclude": "Regularized evolution"}, ["Random search", "Softmax REINFORCE"]),
        ({"strategies": THREE, "exclude": ["random-search", "Softmax REINFORCE"]},
         ["Regularized evolution"]),
    ],
)  # fmt: skip
def test_rows_are_chosen_by_strategy_or_title(
    results: Path, options: dict[str, object], left: list[str]
) -> None:
    comparison = compare(results, datasets="cifar10", **options)  # type: ignore[arg-type]
    assert labels_of(comparison) == left
    every = {"Random search", "Regularized evolution", "Softmax REINFORCE"}
    assert {one.label for one in comparison.left_out} == every - set(left)


def test_the_family_of_tests_is_that_of_the_rows_shown_and_is_said(results: Path) -> None:
    """Holm's correction by hand: the smallest of m p-values is multiplied by m."""
    chosen = compare(results, datasets="cifar10", exclude="reinforce-softmax").blocks[0]
    every = compare(results, datasets="CIFAR-10,cifar10").blocks[0]  # its title, then its name
    assert every.datasets == ("cifar10",)
    for block, number in ((chosen, 1), (every, 3)):
        finals = [one.final("test", "cifar10") for one in block.contenders]
        raw = [mannwhitneyu(a, b, method="asymptotic").pvalue for a, b in combinations(finals, 2)]
        assert len(raw) == number == block.to_json()["tests"]["pairs"]
        (told,) = [note for note in pairs_table(block).notes if note.startswith("p: ")]
        words = "the only pair" if number == 1 else f"all {number} pairs"
        assert f"Holm-corrected over {words} of rows" in told
        least = min(pair.corrected for pair in block.pairs["cifar10"])
        assert least == pytest.approx(min(1.0, number * min(raw)), rel=0.35)  # exact or not
    assert chosen.notes[0] == (
        "chosen are 2 of 3 rows, left out: Softmax REINFORCE; tests are corrected for the 1 pair "
        "shown on a data set, all rows would make 3 pairs"
    )
    assert not every.chosen[:-1]  # but for the data sets


def test_what_is_left_out_stands_everywhere_and_is_audited(results: Path, tmp_path: Path) -> None:
    options = {"exclude": "reinforce-softmax", "datasets": "cifar100,cifar10", "seeds": "0-5"}
    comparison = compare(results, out=results / "comparison", **options)  # type: ignore[arg-type]
    assert [row.dataset for row in comparison.rows] == ["cifar100"] * 2 + ["cifar10"] * 2
    told = (
        "left out: Softmax REINFORCE",
        "chosen by their seeds, 0-5, are 6 of 8 runs of every row",
        "data sets left out: ImageNet16-120",
    )
    written = list((results / "comparison").rglob("*.md"))
    assert {path.stem for path in written} == {*KINDS, "captions"} - {"sets", "picks", "proxies"}
    for path in written:
        for one in told:
            assert one.lower() in path.read_text().lower(), path  # sentences begin with a capital
    for path in (results / "comparison").rglob("*.csv"):
        assert all(one.lower() in path.read_text().lower() for one in told), path
    (stored,) = results.rglob("comparison.json")
    whole = json.loads(stored.read_text())
    found = {one["label"]: (one["runs"], one["stored"]) for one in whole["not chosen"]["runs"]}
    assert found == {
        "Random search": (2, 8), "Regularized evolution": (2, 8), "Softmax REINFORCE": (8, 8),
    }  # fmt: skip
    assert whole["not chosen"]["datasets"] == ["ImageNet16-120"]
    assert audit(results).faults == ()
    for key, hidden in (("runs", []), ("datasets", [])):
        planted = json.loads(stored.read_text())
        planted["not chosen"][key] = hidden
        stored.write_text(json.dumps(planted))
        assert [one.check for one in audit(results).faults] == ["comparison"]
        stored.write_text(json.dumps(whole))
    whole["options"]["choice"]["exclude"] = []
    stored.write_text(json.dumps(whole))
    assert "comparison" in {one.check for one in audit(results).faults}


def test_common_seeds_of_rows_with_unequal_numbers(tmp_path: Path) -> None:
    run("random-search", seeds=12, budget="5evals", out=tmp_path)
    run("regularized-evolution", seeds="0-2,20-21", budget="5evals", out=tmp_path)
    assert len(compare(tmp_path, datasets="cifar10").blocks) == 2
    (block,) = compare(tmp_path, datasets="cifar10", seeds="common").blocks
    assert [one.runs.seeds.tolist() for one in block.contenders] == [[0, 1, 2]] * 2
    assert any("compared over the 3 that all of them have" in note for note in block.notes)
    (block,) = compare(tmp_path, datasets="cifar10", seeds="0-2").blocks
    assert block.seeds == 3
    run("reinforce-softmax", seeds="100-101", budget="5evals", out=tmp_path)
    with pytest.raises(CannotCompare, match="no seed in common"):
        compare(tmp_path, seeds="common")


def test_several_folders_are_one_comparison_and_are_audited(results: Path, tmp_path: Path) -> None:
    other = tmp_path / "other"
    chosen = {"regularized-evolution": {"population": 5}}
    run("regularized-evolution", settings=chosen, seeds=8, budget="20evals", out=other)
    both = compare([results, other], datasets="cifar10", out=results / "comparison")
    assert labels_of(both) == [
        "Random search", "Regularized evolution (population=5)",
        "Regularized evolution (population=10)", "Softmax REINFORCE",
    ]  # fmt: skip
    alone = {row.label: row.finals.test.value for row in compare(other, datasets="cifar10").rows}
    together = {row.label: row.finals.test.value for row in both.rows}
    assert together["Regularized evolution (population=5)"] == alone["Regularized evolution"]
    assert audit(results).faults == ()
    (stored,) = results.rglob("comparison.json")
    content = json.loads(stored.read_text())
    assert content["folders"] == ["..", "../../other"]
    content["rows"][0]["test_mean"] += 1
    stored.write_text(json.dumps(content))
    assert len(audit(results).faults) == 1
    for folders in (["/x"], ["../../other"], ["..", "../../.."], "..", [1]):
        content["folders"] = folders  # whoever changes it does not get around the check
        stored.write_text(json.dumps(content))
        assert [one.check for one in audit(results).faults] == ["comparison"]
    content["folders"] = ["..", "../../other"]
    stored.write_text(json.dumps(content))
    shutil.rmtree(other)
    (fault,) = audit(results).faults
    assert "put the folders beside each other" in fault.what


def test_labels_of_all_rows_stay_known_when_some_are_left_out(tmp_path: Path) -> None:
    """As `compare` prints them without a choice: their settings no longer differ then."""
    for population in (5, 50):
        chosen = {"regularized-evolution": {"population": population}}
        run("regularized-evolution", settings=chosen, seeds=4, budget="9evals", out=tmp_path)
    one, other = (f"Regularized evolution (population={number})" for number in (5, 50))
    for label in (one, one.replace("Regularized evolution", "regularized-evolution")):
        block = compare(tmp_path, exclude=other, labels={label: "Ours"}).blocks[0]
        assert [row.label for row in block.contenders] == ["Ours"]
    block = compare(tmp_path, labels={one: "Evolution (population=50)", other: "x"}).blocks[0]
    assert any("Evolution (population=50) population=5" in note for note in block.notes)


def test_names_that_fit_no_row_are_refused_with_those_that_do(results: Path) -> None:
    for options in ({"exclude": "random"}, {"strategies": "random"}, {"labels": {"random": "RS"}}):
        with pytest.raises(InvalidInput, match="Random search"):
            compare(results, **options)  # type: ignore[arg-type]
    with pytest.raises(InvalidInput, match="leaves no run"):
        compare(results, exclude=THREE)
    with pytest.raises(InvalidInput, match="seeds '5-2'"):
        compare(results, seeds="5-2")
    with pytest.raises(InvalidInput, match="two rows would have the label 'Best'"):
        compare(results, labels={"random-search": "Best", "reinforce-softmax": "Best"})


def test_names_that_hide_what_a_row_or_data_set_is_are_refused(results: Path) -> None:
    swapped = {"random-search": "Softmax REINFORCE", "reinforce-softmax": "Random search"}
    for labels in (
        swapped, {"random-search": "regularized-evolution"}, {"random-search": "Optimum"},
        {"random-search": "Regularized\u00a0 evolution"}, {"random-search": "mean architecture"},
    ):  # fmt: skip
        with pytest.raises(InvalidInput, match=r"another row is called|would have the label"):
            compare(results, labels=labels)
    for datasets in ({"cifar10": "CIFAR-100"}, {"cifar10": "C", "cifar100": "c "},
                     {"cifar10": "ImageNet16-120"}):  # fmt: skip
        with pytest.raises(InvalidInput, match="that is the name of"):
            compare(results, style_file={"datasets": datasets})


def test_blocks_that_are_left_out_are_named(results: Path) -> None:
    """By their data sets, or by their rows: both ways their rows and data sets are said."""
    run("random-search", seeds=3, datasets="cifar100", protocol="nats-bench", budget="9evals",
        out=results)  # fmt: skip
    said = "(nb201 searched on CIFAR-100, nats-bench, 9evals): Random search"
    by_dataset = compare(results, datasets="cifar10")
    by_row = compare(results, strategies="regularized-evolution,reinforce-softmax")
    for comparison in (by_dataset, by_row):
        assert any(said in note for note in comparison.blocks[0].notes)
        tasks = [one.task.query.dataset for one in comparison.left_out]
        assert "cifar100" in tasks
    assert by_dataset.datasets_left_out == ("cifar100", "ImageNet16-120")
    only = compare(results, datasets="cifar10", strategies="regularized-evolution")
    assert set(only.datasets_left_out) == {"cifar100", "ImageNet16-120"}


def test_seeds_in_python_are_numbers_lists_and_texts(results: Path) -> None:
    for seeds, text in ((3, "3"), ([5, 0, 1], "0-1,5"), (range(4), "0-3"), ("2,", "2,")):
        comparison = compare(results, datasets="cifar10", seeds=seeds)
        assert comparison.options.choice.seeds == text
        assert f"chosen by their seeds, {text}, are" in " ".join(comparison.blocks[0].notes)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"strategies": 3}, "strategies cannot be 3"),
        ({"seeds": [-1]}, "seed"),
        ({"tables": "results"}, "tables cannot be 'results'"),
        ({"figures": "regret"}, "figures cannot be 'regret'"),
        ({"labels": 3}, "labels cannot be 3"),
        ({"style_file": {"columns": {"results": []}}}, "columns of table 'results' are none"),
        ({"datasets": []}, "datasets cannot be [], which chooses nothing"),
        ({"datasets": " , "}, "datasets cannot be ' , ', which chooses nothing"),
        ({"strategies": []}, "strategies cannot be [], which chooses nothing"),
        ({"strategies": ""}, "strategies cannot be '', which chooses nothing"),
        ({"seeds": []}, "seeds []: give one or more"),
    ],
)
def test_options_of_the_wrong_kind_are_one_line(
    results: Path, options: dict[str, object], said: str
) -> None:
    with pytest.raises(InvalidInput) as error:
        compare(results, **options)  # type: ignore[arg-type]
    assert said in str(error.value)
    assert "\n" not in str(error.value)


def test_labels_with_settings_can_be_typed() -> None:
    typed = ["a (x=1)=B (y=2)", "random-search=RS", "c=d=e"]
    assert read_labels(typed) == {"a (x=1)": "B (y=2)", "random-search": "RS", "c": "d=e"}
    for wrong in ("a", "=b", "a (x=1)", "a= "):
        with pytest.raises(InvalidInput, match="write old=new"):
            read_labels([wrong])


def test_a_style_file_names_orders_and_colours(results: Path, tmp_path: Path) -> None:
    file = tmp_path / "paper.toml"
    file.write_text(
        'order = ["REA", "reinforce-softmax"]\n'
        '[labels]\nregularized-evolution = "REA"\n"Random search" = "RS"\nelse = "x"\n'
        '[colours]\nREA = "tab:red"\nrandom-search = "#123456"\n'
        '[lines]\nREA = "dotted"\n[datasets]\ncifar10 = "C10"\n'
    )
    options = ["--style-file", str(file), "--label", "random-search=Random", "--out"]
    out = results / "comparison"
    done = cli.invoke(app, ["compare", str(results), *options, str(out)])
    assert done.exit_code == 0, done.output
    assert "labels: no row is called 'else'" in done.stderr
    comparison = compare(results, style_file=file, labels={"random-search": "Random"})
    block = comparison.blocks[0]
    assert labels_of(comparison) == ["REA", "Softmax REINFORCE", "Random"]
    assert [one.colour for one in block.contenders] == ["#d62728", "", "#123456"]
    assert [one.line for one in block.contenders] == ["dotted", "", ""]
    assert (block.title_of("cifar10"), block.title_of("cifar100")) == ("C10", "CIFAR-100")
    text = next(out.rglob("results.md")).read_text()
    assert [text.index(name) for name in ("REA", "Softmax", "Random")] == sorted(
        text.index(name) for name in ("REA", "Softmax", "Random")
    )
    assert "C10" in text
    assert "names: REA is Regularized evolution, Random is Random search" in block.notes
    assert "names of data sets: C10 is CIFAR-10" in block.notes
    assert audit(results).faults == ()
    same = compare(results, style_file={"labels": {"regularized-evolution": "REA"}})
    assert "REA" in labels_of(same)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("labels = 3", "labels cannot be 3"),
        ('[labels]\na = ""', "labels of 'a' cannot be ''"),
        ('[colors]\na = "red"', "'colors' is unknown: valid are labels, order, colours"),
        ('[colours]\na = "reddish"', "colour of 'a' cannot be 'reddish'"),
        ('[lines]\na = "wavy"', "write solid, dashed, dotted, dash-dot"),
        ('order = "a"', "order cannot be 'a'"),
        ("[columns]\nresults = [1]", "columns of 'results' cannot be 1"),
        ("not toml", "is not TOML"),
    ],
)
def test_a_style_file_that_cannot_be_read(
    results: Path, tmp_path: Path, text: str, said: str
) -> None:
    file = tmp_path / "paper.toml"
    file.write_text(text)
    with pytest.raises(InvalidInput, match="style file") as error:
        compare(results, style_file=file)
    assert said in str(error.value)
    with pytest.raises(InvalidInput, match="No such file"):
        compare(results, style_file=tmp_path / "none.toml")


def test_a_notebook_shows_a_table(results: Path) -> None:
    comparison = compare(results, datasets="cifar10", labels={"random-search": "<b>RS</b>"})
    text = comparison._repr_html_()
    assert "&lt;b&gt;RS&lt;/b&gt;" in text
    assert "<b>RS</b>" not in text
    best = load_results(results).runs.groupby("strategy")["test/cifar10"].mean().max()
    assert f"{best:.2f}" in text


def test_folders_with_different_runs_of_one_seed_are_refused(tmp_path: Path) -> None:
    """As after a change of code: neither of the two runs may be taken in silence."""
    for name in ("a", "b"):
        run("random-search", seeds=3, budget="10evals", out=tmp_path / name)
    assert compare([tmp_path / "a", tmp_path / "b"]).blocks[0].seeds == 3  # equal ones count once
    results = load_results(tmp_path / "b")
    (one,) = results.experiments
    (file,) = (tmp_path / "b").rglob("runs-*.parquet")
    folder = next(experiments(tmp_path / "b"))
    signal = one.table["value/accuracy"].to_pylist()
    signal[1][-1] -= 1.0
    place = one.table.column_names.index("value/accuracy")
    file.unlink()
    folder.append(one.table.set_column(place, "value/accuracy", pa.array(signal)))
    with pytest.raises(StoreError, match=r"seed 1 of .* has different runs .* differ in value/acc"):
        compare([tmp_path / "a", tmp_path / "b"])


def test_no_row_is_excluded_by_an_empty_list(results: Path) -> None:
    comparison = compare(results, exclude=[])
    assert comparison.left_out == ()
    assert comparison.to_json() == compare(results).to_json()


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"centre": "foo"}, "centre 'foo' is unknown: valid are mean, iqm, median"),
        ({"centre": ["mean"]}, "centre ['mean'] is unknown: valid are mean, iqm, median"),
        ({"clock": "epochs"}, "clock 'epochs' is unknown: valid are seconds, evaluations, or None"),
        ({"options": "regret"}, "options cannot be 'regret': it must be nasbench.FigureOptions"),
        ({"options": ()}, "options cannot be (): it must be nasbench.FigureOptions"),
    ],
)
def test_figures_that_cannot_be_drawn_are_one_line(
    results: Path, options: dict[str, object], said: str
) -> None:
    comparison = compare(results, datasets="cifar10")
    with pytest.raises(InvalidInput) as error:
        comparison.figures(**options)  # type: ignore[arg-type]
    assert str(error.value).startswith(said)


def test_a_choice_of_figures_has_no_unknown_kind() -> None:
    with pytest.raises(InvalidInput, match="kind of figure 'curve' is unknown: valid are regret"):
        FigureChoice(kinds=("curve",))
    with pytest.raises(ValueError, match="clock 'epochs' is unknown"):
        FigureChoice.of({"centre": "mean", "clock": "epochs", "kinds": ["regret"]})


def test_a_name_of_ones_own_hides_no_row_that_is_left_out(results: Path) -> None:
    (found,) = (one for one in experiments(results) if one.experiment.strategy == "random-search")
    rename(results, found.label, "debug run")
    (block,) = compare(results, datasets="cifar10", exclude="debug run").blocks
    assert any("left out: debug run (Random search);" in note for note in block.notes)
    for label in ("debug run", "Random search", "RANDOM  search"):
        with pytest.raises(InvalidInput, match="is what a row that is left out is called"):
            compare(results, exclude="debug run", labels={"reinforce-softmax": label})


def test_a_new_label_names_a_row_to_be_left_out(results: Path) -> None:
    style = {"labels": {"random-search": "pilot"}}
    comparison = compare(results, datasets="cifar10", exclude="pilot", style_file=style)
    assert labels_of(comparison) == ["Regularized evolution", "Softmax REINFORCE"]
    assert [one.label for one in comparison.left_out] == ["Random search"]


def test_a_row_may_have_the_name_of_its_strategy_when_its_sibling_is_left_out(
    results: Path,
) -> None:
    settings = {"regularized-evolution": {"population": 5}}
    run("regularized-evolution", settings=settings, seeds=8, budget="20evals", out=results)
    old, name = "Regularized evolution (population=5)", "Regularized evolution"
    found = compare(results, exclude=f"{name} (population=10)", labels={old: name})
    assert name in labels_of(found)


def test_one_experiment_of_several_is_no_results_folder(results: Path) -> None:
    """Rows beside it would be left out, and nothing would say so."""
    folder = next(iter(experiments(results))).path
    for one in (folder, [folder]):
        with pytest.raises(InvalidInput, match=r"is one experiment of several: .* --strategy"):
            compare(one)
    assert compare(folder.parent).rows  # all rows of its task


def test_a_comparison_is_audited_from_above_its_folders(results: Path, tmp_path: Path) -> None:
    above = tmp_path / "above"
    shutil.copytree(results, above / "one")
    run("random-search", seeds=8, budget="30evals", out=above / "two")
    compare([above / "one", above / "two"], out=above / "comparison")
    assert audit(above).faults == ()
    run("random-search", seeds=8, budget="40evals", out=above / "three")
    (fault,) = audit(above).faults  # a folder that it leaves out
    assert "names folders that it is of" in str(fault)

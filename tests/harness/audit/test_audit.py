"""An honest folder passes; every planted fault is found, with all stored hashes made anew."""

import json
import math
import re
import shutil
import sys
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from figures import png_alone
from planting import (
    Row,
    caught,
    cut,
    describe,
    edit,
    found_in,
    indices,
    judged,
    of,
    reword,
    rewrite,
    settle,
)
from tables import installed
from typer.testing import CliRunner

from nasbench.benchmarks.calibration import Calibration
from nasbench.cli.app import app
from nasbench.harness.audit import audit
from nasbench.harness.compare import compare
from nasbench.harness.execution.run import run
from nasbench.harness.execution.tuning import Tuning
from nasbench.harness.results.load import load_results
from nasbench.harness.results.records import TRAJECTORY
from nasbench.harness.results.store import experiments
from nasbench.harness.search.opening import open_benchmark, open_judge
from nasbench.provenance import processor
from nasbench.spaces import get_space

sys.path.append(str(Path(__file__).parents[1]))  # the strategies of `workers`
BOTH = "random-search,regularized-evolution"
SEEDS = 12


@pytest.fixture(scope="module")
def stored(tmp_path_factory: pytest.TempPathFactory, synthetic_data: Path) -> Path:
    """An honest folder, with its comparison."""
    honest = tmp_path_factory.mktemp("honest")
    with installed(synthetic_data), png_alone():
        run(BOTH, seeds=SEEDS, budget="3000s", out=honest, workers=1)
        compare(honest, out=honest / "comparison")
    return honest


def test_an_honest_folder_passes(results: Path) -> None:
    found = audit(results, replays=2 * SEEDS)
    assert found.faults == ()
    assert (found.experiments, found.runs, found.replayed) == (2, 2 * SEEDS, 2 * SEEDS)
    assert found.evaluations > 2 * SEEDS
    assert found.numbers > 100


def test_a_better_test_number(results: Path) -> None:
    def better(row: Row) -> Row:
        row["test/cifar10/accuracy"][-1] += 0.5
        return row

    edit(of(results), better)
    caught(results, "finals", "test on cifar10 of 1 incumbents is not the table's: seed 3")


def test_a_better_signal(results: Path) -> None:
    folder = of(results)

    def better(row: Row) -> Row:
        row["value/accuracy"][0] = 99.0
        return settle(folder, row)

    edit(folder, better)
    caught(results, "answers", "accuracy or cost of 1 evaluations is not the table's: seed 3")


def test_cheaper_evaluations_and_so_more_of_them(results: Path) -> None:
    folder = of(results)

    def cheaper(row: Row) -> Row:
        for name in (*TRAJECTORY, "value/accuracy"):
            row[name] *= 2
        row["seconds"] = [seconds / 2 for seconds in row["seconds"]]
        return settle(folder, row)

    edit(folder, cheaper)
    caught(results, "answers", "is not the table's: seed 3")


def test_an_incumbent_that_was_chosen_by_test(results: Path) -> None:
    """The best of all evaluations in test, with the table's numbers for it."""
    folder = of(results)
    truth = open_judge(folder.experiment.task).truth("cifar10").test  # type: ignore[attr-defined]

    def peeked(row: Row) -> Row:
        best = int(np.argmax(truth[indices(row["architecture"])]))
        row["incumbents"] = [*(step for step in row["incumbents"] if step < best), best]
        return judged(folder, row)

    edit(folder, peeked)
    caught(results, "incumbents", "are not the best by validation in seed 3")


def test_an_evaluation_beyond_the_budget(results: Path) -> None:
    folder = of(results)
    benchmark, _ = open_benchmark(folder.experiment.task)
    (trial,) = benchmark.answers(None).by_seed  # type: ignore[attr-defined]

    def longer(row: Row) -> Row:
        cell = row["architecture"][0]
        answer = trial[get_space("nb201").parse(cell)]
        row["architecture"].append(cell)
        row["value/accuracy"].append(answer.values[0])
        row["seconds"].append(answer.seconds)
        row["epochs"].append(answer.epochs)
        row["fidelity"].append(answer.epochs)
        row["optimiser"].append(0.0)
        return settle(folder, row)

    edit(folder, longer)
    caught(results, "budget", "'3000s' is overshot in seed 3")


def test_a_run_that_was_cut_where_it_was_best(results: Path) -> None:
    folder = of(results)

    edit(folder, lambda row: cut(folder, row))
    caught(results, "budget", "runs ended before '3000s' was used up: seed 3")


def test_a_bad_run_that_was_left_out(results: Path) -> None:
    for strategy in BOTH.split(","):
        rewrite(of(results, strategy), lambda rows: [row for row in rows if row["seed"] != 5])
    caught(results, "seeds", "1 seeds are missing between its first and its last, such as 5")


def test_many_bad_runs_that_were_left_out(results: Path) -> None:
    """More than are kept: the gaps tell."""
    for strategy in BOTH.split(","):
        rewrite(of(results, strategy), lambda rows: [row for row in rows if row["seed"] % 3 == 0])
    caught(results, "seeds", "seeds are missing between its first and its last")


def test_more_seeds_for_one_row(results: Path) -> None:
    rewrite(of(results), lambda rows: rows[:-2])
    caught(results, "seeds", "other seeds: Random search 10, Regularized evolution 12")


def test_seeds_that_settings_were_tuned_on(results: Path) -> None:
    folder = of(results)
    task = folder.experiment.task
    record = Tuning(
        "random-search", "nb201", task.content, "cifar10", (2, 100), 0, False, "regret", 1.0, 1, 2,
        60, 3000.0, 1.0, "0.1.0",
    )  # fmt: skip
    describe(folder, lambda content: content["strategy"].update(tuning=asdict(record)))
    caught(results, "tuning", "tuned on 1 of these seeds, such as 2")


def test_settings_that_were_not_those_of_the_runs(results: Path) -> None:
    """Everything fits, folder and entropy too: only making runs again can tell."""
    folder = of(results, "regularized-evolution")
    settings = {**folder.experiment.settings, "population": 11}
    reword(folder, replace(folder.experiment, settings=settings))
    shutil.rmtree(results / "comparison")
    assert found_in(audit(results)).keys() == set()
    found = found_in(audit(results, replays=20))
    assert found.keys() == {"replay"}
    assert len(found["replay"]) > 5
    assert all("comes out with another" in what for what in found["replay"])


def test_seeds_that_were_chosen_afterwards(results: Path) -> None:
    """The runs of the best seeds of twice as many, under the first numbers."""
    run("random-search", seeds=2 * SEEDS, budget="3000s", out=results, workers=1)

    def best(rows: list[Row]) -> list[Row]:
        rows.sort(key=lambda row: -row["test/cifar10/accuracy"][-1])
        return [{**row, "seed": seed} for seed, row in enumerate(rows[:SEEDS])]

    rewrite(of(results), best)
    caught(results, "replay", "comes out with another", replays=20)


def test_another_table_under_the_same_name(results: Path) -> None:
    folder = of(results)
    task = replace(folder.experiment.task, content="0" * 64)
    reword(folder, replace(folder.experiment, task=task))
    caught(results, "table", "runs were made with table 00000000, installed is ")


def test_a_signal_that_the_protocol_does_not_have(results: Path) -> None:
    folder = of(results)
    query = replace(folder.experiment.task.query, epochs=6)
    task = replace(folder.experiment.task, query=query)
    reword(folder, replace(folder.experiment, task=task))
    caught(results, "protocol", "epochs is 6, in nb201-paper 12")


def test_an_experiment_that_was_edited_in_place(results: Path) -> None:
    folder = of(results, "regularized-evolution")
    describe(folder, lambda content: content["experiment"]["settings"].update(population=11))
    shutil.rmtree(results / "comparison")
    assert {"randomness", "experiment"} <= found_in(audit(results)).keys()


def test_runs_of_other_code(results: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from nasbench.harness.results import store

    other = {**store.provenance(), "commit": "f" * 40}
    monkeypatch.setattr(store, "provenance", lambda: other)
    rewrite(of(results), lambda rows: rows)
    caught(results, "code", "runs differ in commit: ")


def test_other_libraries_are_worth_knowing(results: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from nasbench.harness.results import store

    here = store.provenance()
    other = {**here, "libraries": {**here["libraries"], "numpy": "1.0"}}
    monkeypatch.setattr(store, "provenance", lambda: other)
    rewrite(of(results), lambda rows: rows)
    found = audit(results)
    assert found.faults == ()
    assert any("runs differ in numpy" in one.what for one in found.findings)


def test_a_worker_with_another_processor_is_worth_knowing(results: Path) -> None:
    folder = of(results)

    def elsewhere(rows: list[Row]) -> list[Row]:
        return [row | {"processor": "another"} if row["seed"] == 3 else row for row in rows]

    rewrite(folder, elsewhere)
    found = audit(results, replays=20)
    assert found.faults == ()
    assert any("runs differ in processor" in one.what for one in found.findings)
    (experiment,) = (one for one in load_results(results).experiments if one.label == folder.label)
    assert set(experiment.processors) == {"another", processor()}


def test_a_seed_with_two_results(results: Path) -> None:
    folder = of(results)
    row = next(row for row in folder.read().to_pylist() if row["seed"] == 3)
    row["value/accuracy"][0] += 1
    folder.append(pa.Table.from_pylist([settle(folder, row)], schema=folder.read().schema))
    caught(results, "twice", "seed 3 is stored with two results")


def test_a_number_of_the_comparison_that_the_runs_do_not_give(results: Path) -> None:
    path = results / "comparison" / "comparison.json"
    content = json.loads(path.read_text())
    content["rows"][0]["test_mean"] += 0.1
    content["rows"][1]["parts"][0]["mean"] += 0.1
    rows, dropped = len(content["rows"]), content["rows"].pop()
    path.write_text(json.dumps(content))
    found = found_in(audit(results))["comparison"]
    assert found == [f"rows is a list of {rows - 1}, it should be a list of {rows}"]
    content["rows"].append(dropped)
    content["blocks"][0]["pairs"][0]["corrected"] = 0.0001
    content["across"][0]["ranks"][0] += 1
    path.write_text(json.dumps(content))
    found = found_in(audit(results))["comparison"]
    assert [what.split(" is ")[0] for what in found] == [
        "rows[0].test_mean", "rows[1].parts[0].mean", "across[0].ranks[0]",
        "blocks[0].pairs[0].corrected",
    ]  # fmt: skip


def test_a_table_that_was_edited_as_text(results: Path) -> None:
    (path,) = (results / "comparison").rglob("results.md")
    path.write_text(path.read_text().replace("Random search | 12", "Random search | 500", 1))
    (found,) = audit(results).faults
    assert found.where.endswith("/results.md")


def test_a_comparison_under_another_name_is_checked_too(results: Path) -> None:
    """Its tables edited, taken away, added; and without the comparison.json they are of."""
    place = results / "for" / "paper"
    place.parent.mkdir()
    (results / "comparison").rename(place)
    assert audit(results).faults == ()
    (table,) = place.rglob("results.md")
    table.write_text(table.read_text().replace("Random search | 12", "Random search | 500", 1))
    table.with_name("cost.md").unlink()
    table.with_name("ranks-of-ours").mkdir()
    (table.with_name("ranks-of-ours") / "ranks.md").write_text("We win.")
    found = {one.where.rpartition("/")[2]: one.what for one in audit(results).faults}
    assert found == {
        "results.md": "its text is not what the runs give",
        "cost.md": "is missing, comparison.json is there: make the comparison again",
        "ranks.md": "is a table that the runs do not give: make the comparison again",
    }
    (place / "comparison.json").unlink()
    (fault,) = audit(results).faults
    assert "tables without the comparison.json that says what they are of" in fault.what


@pytest.mark.usefixtures("no_pdfs")
def test_tables_that_hold_data_or_options_are_checked_too(results: Path) -> None:
    """With another target, what it decides is derived; tables of data are compared as well."""
    compare(results, out=results / "comparison", target=2.0, datasets="cifar10")
    assert audit(results).faults == ()
    (course,) = (results / "comparison").rglob("course.csv")
    course.write_text(course.read_text().replace("True", "False"))
    path = results / "comparison" / "comparison.json"
    content = json.loads(path.read_text())
    content["rows"][0]["reached"] += 1
    path.write_text(json.dumps(content))
    assert [fault.what.split(" is ")[0] for fault in audit(results).faults] == [
        "rows[0].reached", "its text"
    ]  # fmt: skip


@pytest.mark.usefixtures("no_pdfs")
def test_a_calibration_does_not_keep_the_audit_from_tables_and_notes(results: Path) -> None:
    found = Calibration(
        "nb201", "0" * 64, "cifar10", 1.0, 1.0, 1.0, (1,), processor(), "cpu", 1
    )  # fmt: skip
    compare(results, out=results / "comparison", calibration=found)
    assert audit(results).faults == ()
    (path,) = (results / "comparison").rglob("results.md")
    path.write_text("We win.")
    assert [fault.where.rpartition("/")[2] for fault in audit(results).faults] == ["results.md"]


def test_numbers_that_are_rounded_elsewhere_are_no_fault(results: Path) -> None:
    """The last digits of a bootstrap differ between processors; bytes that are no text do not."""
    (path,) = (results / "comparison").rglob("results.csv")
    rounded = re.sub(r"\d+\.\d{12,}", lambda number: f"{float(number[0]):.12g}", path.read_text())
    assert rounded != path.read_text()
    path.write_text(rounded)
    assert audit(results).faults == ()
    path.write_bytes(b"\xff\xfe")
    assert len(audit(results).faults) == 1


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"target": "x"}, "cannot be read as a comparison"),
        ({"datasets": 5}, "cannot be read as a comparison"),
        ({"datasets": ["nowhere"]}, "should have been refused"),
        (None, "was made by an earlier nasbench"),
    ],
)
def test_odd_options_are_one_line(results: Path, options: Any, words: str) -> None:
    path = results / "comparison" / "comparison.json"
    content = json.loads(path.read_text())
    if options is None:
        del content["options"]
    else:
        content["options"] |= options
    path.write_text(json.dumps(content))
    (fault,) = audit(results).faults
    assert words in fault.what


def test_a_protocol_that_is_made_of_the_table_is_known(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On the bundled table: as it is there is nothing to say, another budget is told."""
    monkeypatch.setenv("NASBENCH_DATA", str(tmp_path / "data"))
    run("random-search", seeds=2, out=tmp_path / "usual", workers=1)
    assert "protocol" not in {one.check for one in audit(tmp_path / "usual").findings}
    run("random-search", seeds=2, budget="100s", out=tmp_path / "less", workers=1)
    (found,) = (one for one in audit(tmp_path / "less").findings if one.check == "protocol")
    assert found.what == "budget is 100s, in own 310s"
    assert not found.fault


def test_free_repeats_end_where_their_epochs_do(results: Path) -> None:
    run("regularized-evolution", seeds=3, budget="400epochs", repeats="free", out=results / "free")
    assert audit(results / "free").faults == ()


def test_runs_of_one_row_under_the_name_of_another(results: Path) -> None:
    """The better search's runs as the other's, all hashes made anew."""
    better = of(results, "regularized-evolution").read().to_pylist()
    rewrite(of(results), lambda _: better)
    caught(results, "copies", "to the bit: seed 0, 1, 2 and 9 more")


def test_many_failed_runs_are_a_fault(results: Path) -> None:
    def fail(row: Row) -> Row:
        lists = {name: [] for name, value in row.items() if isinstance(value, list)}
        totals = dict.fromkeys((
            "evaluations", "distinct", "training_epochs", "clock_seconds", "optimiser_seconds",
        ), 0)  # fmt: skip
        return {**row, **lists, **totals, "error": "lost", "stop": "failed"}

    rewrite(of(results), lambda rows: [*rows[:9], *map(fail, rows[9:])])
    caught(results, "failed", "3 of 12 runs failed")


def test_totals_that_are_no_sums(results: Path) -> None:
    """By a part that rounding may not explain to the clock, but a reader believes."""
    edit(of(results), lambda r: {**r, "optimiser_seconds": r["optimiser_seconds"] * (1 + 1e-9)})
    caught(results, "totals", "optimiser_seconds is not their sum in seed 3")


def test_each_row_with_seeds_of_its_own(results: Path) -> None:
    """As many, and all genuine: the best of one strategy, the worst of the other."""
    rewrite(of(results), lambda rows: rows[:4])
    rewrite(of(results, "regularized-evolution"), lambda rows: rows[-4:])
    caught(results, "seeds", "rows of one task have other seeds")


def test_one_run_under_two_seeds(results: Path) -> None:
    rewrite(of(results), lambda rows: [{**rows[0], "seed": seed} for seed in range(SEEDS)])
    caught(results, "copies", "to the bit: seed 1, 2, 3 and 8 more")


def test_runs_advanced_together_are_no_copies(tmp_path: Path) -> None:
    """They share the seconds of every step but the first, in which two may be equal by chance."""
    run("random-search", seeds=6, budget="40evals", out=tmp_path, workers=1)
    (folder,) = experiments(tmp_path)
    shared = [(3 + 7 * step) / 4096 for step in range(39)]

    def together(row: Row) -> Row:
        spent = [max(1, row["seed"]) / 512, *shared]  # seeds 0 and 1 are equal
        return {**row, "optimiser": spent, "optimiser_seconds": math.fsum(spent)}

    rewrite(folder, lambda rows: [*map(together, rows)])
    assert "copies" not in {one.check for one in audit(tmp_path).findings}


@pytest.mark.parametrize(("stop", "check"), [("exhausted", "replay"), ("epochs", "budget")])
def test_a_run_that_says_it_ended_by_itself(results: Path, stop: str, check: str) -> None:
    """It is made again though nobody asks for replays."""
    folder = of(results)

    edit(folder, lambda row: {**cut(folder, row), "stop": stop})
    caught(results, check, "seed 3")


def test_defaults_that_were_taken_away(results: Path) -> None:
    describe(of(results), lambda content: content["strategy"].pop("defaults"))
    caught(results, "randomness", "its entropy cannot be derived")


def test_which_runs_are_replayed_cannot_be_foreseen(results: Path) -> None:
    first, second = audit(results, replays=1), audit(results, replays=1)
    assert first.seed != second.seed
    assert f"--seed {first.seed}" in first.summary


def test_strategies_of_other_modules_need_trust(tmp_path: Path, synthetic_nb201: Path) -> None:
    run("workers:Plain", seeds=2, budget="3evals", out=tmp_path)
    found = audit(tmp_path, replays=2)
    assert found.faults == ()
    assert any("not run without --trust" in one.what for one in found.findings)
    trusted = audit(tmp_path, replays=2, trust=True).findings
    assert not any(one.check == "replay" for one in trusted)


def test_one_experiment_under_two_names_and_a_folder_called_dot(
    tmp_path: Path, synthetic_nb201: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run("random-search", seeds="0-4", budget="3evals", out=tmp_path, name="a")
    run("random-search", seeds="5-7", budget="3evals", out=tmp_path, name="b")
    run("regularized-evolution", seeds=8, budget="3evals", out=tmp_path)
    assert audit(tmp_path).faults == ()
    (unnamed,) = {one.path for one in experiments(tmp_path) if "@" not in one.path.name}
    monkeypatch.chdir(unnamed)
    assert audit(".").faults == ()


def test_the_command_ends_with_1_where_something_is_wrong(results: Path) -> None:
    cli = CliRunner()
    good = cli.invoke(app, ["audit", str(results), "--replay", "2"], standalone_mode=False)
    assert good.return_value == 0
    assert "2 runs replayed (--seed " in good.stdout
    rewrite(of(results), lambda rows: rows[:-2])
    bad = cli.invoke(app, ["audit", str(results)], standalone_mode=False)
    assert bad.return_value == 1
    assert bad.stdout.startswith("FAULT  ")
    listed = cli.invoke(app, ["audit", str(results), "--json"], standalone_mode=False)
    assert json.loads(listed.stdout)["findings"][0]["fault"]


def test_folders_of_all_kinds_can_be_audited(
    tmp_path: Path, synthetic_nb201: Path, toy_images: Path
) -> None:
    """Free repeats, early stopping, failures, names, one-shot searches."""
    run("random-search", seeds=3, budget="200evals", repeats="free", out=tmp_path)
    run("random-search", seeds=3, budget="200evals", patience=5, out=tmp_path, name="mine")
    run("random-search", seeds=3, budget="200evals", target_regret=1.0, out=tmp_path)
    run("rsps", seeds=2, settings={"rsps": {"epochs": 2, "channels": 2, "cells": 1}},
        out=tmp_path)  # fmt: skip
    found = audit(tmp_path, replays=20)
    assert found.faults == ()
    assert found.replayed == 11

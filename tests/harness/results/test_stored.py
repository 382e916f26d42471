"""Stored runs are checked where they are read: what is damaged is left out, named and counted."""

import json
import math
import random
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from tables import installed, synthetic_table
from typer.testing import CliRunner

from nasbench.benchmarks.tables.table import Table
from nasbench.cli.app import app
from nasbench.errors import DataError, StoreError
from nasbench.harness.audit import audit
from nasbench.harness.compare import compare
from nasbench.harness.execution import executors
from nasbench.harness.execution.run import run
from nasbench.harness.results.load import load_results, read_results
from nasbench.harness.results.store import read_folder

Row = dict[str, Any]
SEEDS = 3
BOTH = "random-search,regularized-evolution"


@pytest.fixture(scope="module")
def stored(tmp_path_factory: pytest.TempPathFactory, synthetic_data: Path) -> Path:
    """Two experiments with two files of three runs each."""
    healthy = tmp_path_factory.mktemp("healthy")
    with installed(synthetic_data), pytest.MonkeyPatch.context() as patch:
        for limit in ("_SLOW_SECONDS", "_BATCH_SECONDS"):  # files are the same on any machine
            patch.setattr(executors, limit, math.inf)
        for seeds in ("0-2", "3-5"):
            run(BOTH, seeds=seeds, budget="8evals", out=healthy, workers=1)
    return healthy


def runs_file(results: Path) -> Path:
    """The file of seeds 0 to 2 of random search."""
    (found,) = results.glob("*/random-search*/runs-0-2-*.parquet")
    return found


def rewrite(path: Path, change: Callable[[pa.Table], pa.Table]) -> None:
    """Change a file and write it as earlier versions did: without any hash."""
    table = pq.read_table(path)
    about = {b"nasbench": table.schema.metadata[b"nasbench"]}
    pq.write_table(change(table).replace_schema_metadata(about), path)


def rows(change: Callable[[list[Row]], object]) -> Callable[[pa.Table], pa.Table]:
    """Change rows as Python values."""

    def changed(table: pa.Table) -> pa.Table:
        found = table.to_pylist()
        change(found)
        return pa.Table.from_pylist(found, schema=table.schema)

    return changed


def value(name: str, new: object, row: int = 1) -> Callable[[pa.Table], pa.Table]:
    return rows(lambda found: found[row].update({name: new}))


def element(name: str, new: object, at: int = 2, row: int = 1) -> Callable[[pa.Table], pa.Table]:
    return rows(lambda found: found[row][name].__setitem__(at, new))


def column(name: str, array: pa.Array) -> Callable[[pa.Table], pa.Table]:
    return lambda table: table.set_column(table.column_names.index(name), name, array)


THREE = [["a"], ["b"], ["c"]]
MISFITS: dict[str, tuple[Callable[[pa.Table], pa.Table], str]] = {
    "no column": (
        lambda t: t.drop_columns(["test/cifar10/accuracy"]), "'test/cifar10/accuracy' is missing"
    ),
    "no trajectory": (lambda t: t.drop_columns(["seconds"]), "column 'seconds' is missing"),
    "twice": (lambda t: t.append_column("seed", t["seed"]), "column 'seed' is there twice"),
    "more": (lambda t: t.append_column("x", t["seed"]), "column 'x' is none of a run's"),
    "no rows": (lambda t: t.slice(0, 0), "it holds no run"),
    "texts": (column("value/accuracy", pa.array(THREE)), "'value/accuracy' has type list<"),
    "binary": (column("error", pa.array([b"\xff"] * 3)), "'error' has type binary"),
    "struct": (column("seed", pa.array([{"a": 1}] * 3)), "'seed' has type struct"),
    "real seeds": (column("seed", pa.array([0.0, 1.0, 2.0])), "'seed' has type double"),
    "huge": (column("seed", pa.array([2**63] * 3, pa.uint64())), "values that are no int64"),
    "no lists": (column("epochs", pa.array([1, 2, 3])), "'epochs' has type int64"),
    "null": (value("evaluations", None), "column 'evaluations' is null in row 1"),
    "null list": (value("seconds", None), "column 'seconds' is null in row 1"),
    "null within": (element("value/accuracy", None), "'value/accuracy' has a null inside a list"),
    "seed": (value("seed", -1), "column 'seed', row 1 (seed -1): -1 is out of range"),
    "wall": (value("wall_seconds", np.nan), "column 'wall_seconds', row 1 (seed 1): nan is out"),
    "total": (value("clock_seconds", np.inf), "'clock_seconds', row 1 (seed 1): inf is"),
    "stop": (value("stop", "tired"), "column 'stop', row 1 (seed 1): 'tired' is no reason"),
    "failed": (value("stop", "failed"), "'failed' of a run without an error"),
    "error": (value("error", "lost"), "of a run with an error"),
    "cell": (
        element("architecture", "|skip~0|"),
        "'architecture', row 1 (seed 1): '|skip~0|' is no architecture of space 'nb201'",
    ),
    "no cell": (element("architecture", None), "'architecture' has a null inside a list"),
    "percent": (element("value/accuracy", 101.0), "row 1 (seed 1): 101.0 is no accuracy"),
    "seconds": (element("seconds", -1.0), "'seconds', row 1 (seed 1): -1.0 is no time"),
    "never": (element("seconds", np.inf), "'seconds', row 1 (seed 1): inf is no time"),
    "for ages": (element("seconds", 1e300), "'seconds', row 1 (seed 1): 1e+300 is no time"),
    "thought": (element("optimiser", np.nan), "'optimiser', row 1 (seed 1): nan is no time"),
    "epochs": (element("epochs", -12), "'epochs', row 1 (seed 1): -12 is no number"),
    "shorter": (value("seconds", [1.0]), "'seconds', row 1 (seed 1): 1 values for 8 evaluations"),
    "evaluations": (value("evaluations", 7), "'evaluations', row 1 (seed 1): 7 of 8 evaluations"),
    "more distinct": (value("distinct", 9), "'distinct', row 1 (seed 1): 9 different ones among 8"),
    "none distinct": (value("distinct", 0), "'distinct', row 1 (seed 1): 0 different ones among 8"),
    "sum of epochs": (value("training_epochs", 97), "row 1 (seed 1): 97 where its list 'epochs'"),
    "sum of seconds": (
        rows(lambda r: r[1].update(clock_seconds=r[1]["clock_seconds"] * (1 + 1e-5))),
        "where its list 'seconds' adds up to",
    ),
    "sum of thought": (value("optimiser_seconds", 9.0), "9.0 where its list 'optimiser' adds up"),
    "beyond": (element("incumbents", 8, 0), "'incumbents', row 1 (seed 1): 8 is no step"),
    "before": (element("incumbents", -1, 0), "'incumbents', row 1 (seed 1): -1 is no step"),
    "none": (
        rows(lambda r: [r[1][n].clear() for n in r[1] if n.startswith(("test/", "valid/", "inc"))]),
        "'incumbents', row 1 (seed 1): 0 of a run without an error",
    ),
    "unknown": (
        rows(lambda r: r[1]["value/accuracy"].__setitem__(r[1]["incumbents"][0], np.nan)),
        "'incumbents', row 1 (seed 1): 0 is a step without a value",
    ),
    "verdict": (element("test/cifar10/accuracy", 101.0, 0), "row 1 (seed 1): 101.0 is no accuracy"),
    "finals": (value("test/cifar100/accuracy", []), "row 1 (seed 1): 0 values for"),
}  # fmt: skip


@pytest.mark.parametrize("kind", MISFITS)
def test_a_file_that_does_not_fit_is_left_out_and_named(results: Path, kind: str) -> None:
    """File, column and row in one line; the other files go on."""
    change, words = MISFITS[kind]
    path = runs_file(results)
    rewrite(path, change)
    found = load_results(results)
    (fault,) = found.faults
    assert words in fault.reason
    assert fault.where == path.relative_to(results).as_posix()
    assert f"'{fault.where}' is damaged" in str(fault)
    assert "\n" not in str(fault)
    assert {len(one) for one in found.experiments} == {SEEDS, 2 * SEEDS}
    assert len(found.runs) == 3 * SEEDS


def test_rows_in_other_types_of_the_same_kind_are_read(results: Path) -> None:
    """As other tools write them: 32 bits, large texts and large lists."""
    before, path = load_results(results), runs_file(results)

    def other(table: pa.Table) -> pa.Table:
        smaller = column("evaluations", table["evaluations"].cast(pa.int16()))(table)
        texts = column("stop", table["stop"].cast(pa.large_string()))(smaller)
        lists = table["architecture"].cast(pa.large_list(pa.string()))
        return column("architecture", lists)(texts)

    rewrite(path, other)
    after = load_results(results)
    assert after.faults == ()
    assert [one.table for one in after.experiments] == [one.table for one in before.experiments]


def test_a_total_that_was_added_in_another_order_is_read(results: Path) -> None:
    """Sums of 64-bit floats differ by about 1e-16 of their size per step."""
    another = rows(lambda r: r[1].update(clock_seconds=r[1]["clock_seconds"] * (1 + 1e-9)))
    rewrite(runs_file(results), another)
    assert load_results(results).faults == ()
    assert "totals" in {one.check for one in audit(results).faults}


def test_files_without_hashes_and_later_columns_are_read(results: Path) -> None:
    """As the first versions wrote them."""
    before = load_results(results)
    for path in results.rglob("runs-*.parquet"):
        rewrite(path, lambda table: table.drop_columns(["log", "processor"]))
    after = load_results(results)
    assert after.faults == ()
    for one, other in zip(before.experiments, after.experiments, strict=True):
        assert one.table.drop_columns(["log", "processor"]) == other.table
    assert audit(results).faults == ()


def test_every_flipped_bit_of_a_file_of_runs_is_noticed(results: Path) -> None:
    """A seeded sample of all positions, and densely the end, where types and hash stand."""
    path = runs_file(results)
    whole = path.read_bytes()
    bits = 8 * len(whole)
    chosen = [*random.Random(0).sample(range(bits), 250), *range(bits - 12_000, bits, 47)]
    for bit in chosen:
        path.write_bytes(flipped(whole, bit))
        with pytest.raises(StoreError, match="is damaged"):
            read_folder(path.parent).read()
    path.write_bytes(whole)
    assert len(read_folder(path.parent).read()) == 2 * SEEDS


def flipped(content: bytes, bit: int) -> bytes:
    changed = bytearray(content)
    changed[bit // 8] ^= 1 << bit % 8
    return bytes(changed)


def test_pages_have_checksums_that_any_reader_can_verify(results: Path) -> None:
    """pyarrow alone notices a flipped bit in a page, without the hash of the whole file."""
    path = runs_file(results)
    whole = path.read_bytes()
    start = pq.ParquetFile(path).metadata.row_group(0).column(0)
    end = (start.dictionary_page_offset or start.data_page_offset) + start.total_compressed_size
    path.write_bytes(flipped(whole, 8 * (end - 3)))
    with pytest.raises(OSError, match="CRC"):
        pq.ParquetFile(path, page_checksum_verification=True).read()


EXPERIMENTS: dict[str, tuple[Callable[[Any], object], str]] = {
    "space": (lambda c: c["experiment"]["task"].update(space="mars"), "mars"),
    "surrogate": (lambda c: c["experiment"]["task"].update(benchmark="a\udcff"), "is no Unicode"),
    "surrogate key": (lambda c: c["strategy"].update({"a\udcff": 1}), "is no Unicode"),
    "strategy": (lambda c: c["experiment"].pop("strategy"), "strategy"),
    "seed": (lambda c: c["experiment"].update(seed=-1), "seed is -1"),
    "entropy": (lambda c: c["experiment"].update(entropy=10**30), "entropy is 1000000"),
    "experiment": (lambda c: c.update(experiment=7), "the experiment is no JSON object"),
    "schedule": (
        lambda c: c["experiment"]["task"]["signal"].update(schedule="x"), "task.signal.schedule"
    ),
    "training": (
        lambda c: c["experiment"]["task"]["signal"].update(trials=3), "task.signal.trials"
    ),
    "trials": (lambda c: c["experiment"]["task"]["signal"].update(trials="all"), "trials is 'all'"),
    "repeats": (lambda c: c["experiment"]["task"].update(repeats="x"), "repeats is 'x'"),
    "reports": (lambda c: c["experiment"]["task"].update(reports=[]), "reports no data set"),
    "budget": (lambda c: c["experiment"]["task"]["budget"].update(seconds=-5), "cannot be -5"),
    "shared": (lambda c: c["experiment"]["task"]["signal"].update(epochs=0), "setting 'epochs'"),
    "provenance": (lambda c: c.update(provenance=[]), "provenance is no JSON object"),
    "libraries": (lambda c: c["provenance"].update(libraries=[1]), "'libraries'"),
    "command": (lambda c: c["provenance"].update(command={"a": 1}), "'command'"),
    "family": (lambda c: c["strategy"].update(family=[]), "'family' of its strategy"),
    "defaults": (lambda c: c["strategy"].update(defaults=5), "'defaults' of its strategy"),
    "tuning": (lambda c: c["strategy"].update(tuning={"seeds": 1}), "record of tuning"),
}  # fmt: skip


@pytest.mark.parametrize("kind", EXPERIMENTS)
def test_an_experiment_that_does_not_fit_is_left_out_and_named(results: Path, kind: str) -> None:
    change, words = EXPERIMENTS[kind]
    path = runs_file(results).with_name("experiment.json")
    content = json.loads(path.read_text())
    change(content)
    path.write_text(json.dumps(content))
    found = load_results(results)
    (fault,) = found.faults
    assert (fault.where, len(found.experiments)) == (path.relative_to(results).as_posix(), 1)
    assert words in fault.reason
    assert "\n" not in str(fault)


def test_runs_without_their_experiment_are_named(results: Path) -> None:
    path = runs_file(results).with_name("experiment.json")
    path.unlink()
    (fault,) = load_results(results).faults
    assert "it is missing" in fault.reason
    assert fault.where == path.relative_to(results).as_posix()


def test_a_later_schema_is_an_error(results: Path) -> None:
    path = runs_file(results).with_name("experiment.json")
    path.write_text(json.dumps({**json.loads(path.read_text()), "schema": 99}))
    with pytest.raises(StoreError, match=r"has schema 99, .*: upgrade nasbench"):
        load_results(results)


def invoke(*arguments: str) -> Any:
    return CliRunner().invoke(app, arguments, standalone_mode=False)


def test_every_command_goes_on_and_says_what_is_left_out(results: Path) -> None:
    """`compare` stores it too, `audit` counts it, `run` names the file and how to go on."""
    path = runs_file(results)
    where = path.relative_to(results).as_posix()
    path.write_bytes(path.read_bytes()[:-9])
    broken = path.parent.parent / "random-search-broken"
    broken.mkdir()
    (broken / "experiment.json").write_text('{"schema": 1, "experiment": {}}')
    for command in ("compare --cite", "report", "list results"):  # the first without figures
        done = invoke(*command.split(), str(results))
        assert done.exception is None, command
        warnings = [line for line in done.stderr.splitlines() if line.startswith("warning: ")]
        assert len(warnings) == 2, command
        assert f"'{where}' is damaged and left out (" in done.stderr
    assert "9 runs" in done.stdout
    stored = compare(results).to_json()
    assert {one["file"] for one in stored["left out"]} == {
        where, f"{path.parent.parent.name}/random-search-broken/experiment.json",
    }  # fmt: skip
    found = audit(results)
    assert [one.where for one in found.faults if one.check == "damaged"].count(where) == 1
    assert invoke("audit", str(results)).return_value == 1
    with pytest.raises(StoreError, match="delete it and run the experiment again") as raised:
        run("random-search", seeds=3, budget="8evals", out=results, workers=1)
    assert str(path) in str(raised.value)
    path.unlink()
    (outcome,) = run("random-search", seeds=6, budget="8evals", out=results, workers=1)
    assert (outcome.skipped, outcome.finished) == (3, 3)


def test_where_nothing_is_left_there_is_one_line(results: Path) -> None:
    for path in results.rglob("runs-*.parquet"):
        path.write_bytes(b"PAR1")
    with pytest.raises(StoreError, match="no run that can be read, files that are damaged 4"):
        compare(results)
    assert len([one for one in audit(results).faults if one.check == "damaged"]) == 4


def test_figures_that_one_file_lacks_are_unknown(results: Path) -> None:
    """Shared training stores figures of every epoch; a file of another version may not."""

    def figured(table: pa.Table) -> pa.Table:
        return table.append_column("figure/loss", table["value/accuracy"])

    rewrite(runs_file(results), figured)
    (one,) = (
        one for one in load_results(results).experiments if "figure/loss" in one.table.schema.names
    )
    losses, accuracy = one.lists("figure/loss"), one.signal
    for run_ in range(SEEDS):
        assert losses[run_].tolist() == accuracy[run_].tolist()
        assert len(losses[run_ + SEEDS]) == len(accuracy[run_ + SEEDS])
        assert np.isnan(losses[run_ + SEEDS]).all()


def test_no_name_of_a_space_runs_code(
    results: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Results and tables of others may name any module as their space: none is imported."""
    (tmp_path / "evil.py").write_text("raise SystemExit('run')\n")
    monkeypatch.syspath_prepend(tmp_path)
    (path, *_) = results.rglob("experiment.json")
    path.write_text(path.read_text().replace('"space": "nb201"', '"space": "evil:X"'))
    faults = read_results(results).faults
    assert any("space 'evil:X' is unknown" in str(one) for one in faults), faults
    table = synthetic_table()
    info = table.info.model_copy(update={"space": "evil:X"})
    columns = {one.name: table._read(one.name) for one in info.columns}
    with pytest.raises(DataError, match="space 'evil:X' is unknown"):
        _ = Table.from_columns(info, columns).space
    assert "evil" not in sys.modules

"""Runs that schema 1 stored: read as those of schema 2, damaged or not, and gone on with."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from nasbench.harness.audit import audit
from nasbench.harness.compare import compare
from nasbench.harness.execution.run import run
from nasbench.harness.results.load import load_results, read_results
from nasbench.harness.results.store import read_folder
from nasbench.spaces import get_enumerable
from nasbench.strategies.parts.one_shot import OneShot
from nasbench.strategies.registry import find_strategy

STORED = Path(__file__).with_name("schema1")
GROUP = "digits-digits-30evals"
Change = Callable[[list[dict[str, Any]]], object]


@pytest.fixture
def results(tmp_path: Path) -> Path:
    """A copy of six searches of a table, 18 runs."""
    return Path(shutil.copytree(STORED / GROUP, tmp_path / "results" / GROUP)).parent


def runs_file(results: Path) -> Path:
    (found,) = results.glob("*/random-search-9189a719/runs-*.parquet")
    return found


def test_every_number_is_the_stored_one(results: Path) -> None:
    """Read by another reader: indices as texts, queries as evaluations, accuracies as values."""
    space = get_enumerable("nb201")
    stored = pq.read_table(runs_file(results)).to_pylist()
    table = read_folder(runs_file(results).parent).read()
    for before, now in zip(stored, table.to_pylist(), strict=True):
        texts = [space.format(space.architecture(index)) for index in before["architecture"]]
        assert now["architecture"] == texts
        assert (now["evaluations"], now["clock_seconds"]) == (
            before["queries"], before["simulated_seconds"]
        )  # fmt: skip
        assert now["value/accuracy"] == before["accuracy"]
        assert now["test/digits/accuracy"] == before["test/digits"]
        assert now["fidelity"] == [5] * before["queries"]
        for name in ("seed", "incumbents", "seconds", "epochs", "optimiser", "stop"):
            assert now[name] == before[name]


def store(path: Path, table: pa.Table, about: bytes) -> None:
    """Write rows without hashes, as the first versions did."""
    pq.write_table(table.replace_schema_metadata({b"nasbench": about}), path)


def rewrite(path: Path, change: Change) -> None:
    table = pq.read_table(path)
    rows = table.to_pylist()
    change(rows)
    made = pa.Table.from_pylist(rows, schema=table.schema)
    store(path, made, table.schema.metadata[b"nasbench"])


DAMAGED: dict[str, tuple[Change, str]] = {
    "beyond": (
        lambda r: r[1]["architecture"].__setitem__(2, 15_625),
        "'architecture', row 1: 15625 is no index of 15625 architectures",
    ),
    "negative": (lambda r: r[0]["architecture"].__setitem__(0, -1), "row 0: -1 is no index"),
    "null": (lambda r: r[0]["architecture"].__setitem__(0, None), "'architecture' has a null"),
    "no list": (lambda r: r[2].update(architecture=None), "'architecture' has a null"),
    "epochs": (lambda r: r[0].update(epochs=None), "'epochs' has a null"),
    "accuracy": (lambda r: r[0]["accuracy"].__setitem__(0, 101.0), "101.0 is no accuracy"),
    "queries": (lambda r: r[0].update(queries=29), "29 of 30 evaluations"),
}


@pytest.mark.parametrize("kind", DAMAGED)
def test_what_is_damaged_is_left_out_and_named(results: Path, kind: str) -> None:
    change, words = DAMAGED[kind]
    rewrite(runs_file(results), change)
    found = read_results(results)
    (fault,) = found.faults
    assert words in fault.reason
    assert sum(map(len, found.experiments)) == 15


@pytest.mark.parametrize("kind", ["texts", "floats", "numbers"])
def test_columns_of_other_types_are_named(results: Path, kind: str) -> None:
    path = runs_file(results)
    table = pq.read_table(path)
    columns = {
        "texts": pa.array([["x"]] * 3),
        "floats": pa.array([[0.5]] * 3),
        "numbers": pa.array([1, 2, 3]),
    }
    place = table.column_names.index("architecture")
    changed = table.set_column(place, "architecture", columns[kind])
    store(path, changed, table.schema.metadata[b"nasbench"])
    (fault,) = read_results(results).faults
    assert fault.reason.startswith("column ")


def test_searches_go_on_and_say_so(results: Path) -> None:
    """New seeds lie beside the old ones, in another schema, and are one experiment."""
    before = {one.label: one.seeds.tolist() for one in load_results(results).experiments}
    run("random-search,reinforce", seeds=5, benchmark="digits", budget="30evals", out=results)
    after = load_results(results)
    grown = [one for one in after.experiments if len(one) == 5]
    assert {one.experiment.strategy for one in grown} == {"random-search", "reinforce"}
    assert {one.label for one in after.experiments} == set(before)
    for one in after.experiments:
        content = json.loads((results / one.label / "experiment.json").read_text())
        assert content["schema"] == (3 if len(one) == 5 else 1)
    for one in grown:
        assert (one.column("evaluations") == 30).all()
        assert np.isfinite(one.finals("test", "digits").values).all()
    # rows of 3 and 5 seeds, and of two commits, are what an audit names
    assert {one.check for one in audit(results).faults} == {"seeds", "code"}
    assert len(compare(results).rows) == 6


def test_shared_weights_are_replayed_and_go_on_where_they_trained(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Device and threads were settings then; where they trained is no part of a search now."""
    group = "digits-digits-2epochs"
    results = Path(shutil.copytree(STORED / group, tmp_path / "results" / group)).parent
    experiment = read_folder(results / group / "rsps-7a111945").experiment
    options: dict[str, Any] = {
        "seeds": 3, "benchmark": "digits", "budget": "2epochs", "out": results, "workers": 1,
        "settings": {"rsps": experiment.settings_of(vars(find_strategy("rsps").Settings()))},
    }  # fmt: skip
    (here,) = run("rsps", **options)
    assert here.path.name == "rsps-7a111945"
    assert (here.skipped, here.finished) == (2, 1)
    # rows of 2 and 3 seeds, and of two commits, are what an audit names
    found = audit(results, replays=5)
    assert found.replayed == 5  # the four of then, too
    assert {one.check for one in found.faults} == {"seeds", "code"}
    # trained by two threads it is another search: where it is stored is known before it begins
    monkeypatch.setattr(OneShot, "_train", lambda *_: 1 / 0)
    (there,) = run("rsps", **options, threads=2)
    assert there.path.name != "rsps-7a111945"

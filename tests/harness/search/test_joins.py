"""Objectives of other tables: the two sources joined by hand, ambiguous names, another hash."""

import ast
import json
import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from tables import DATASETS, SIZE, installed, synthetic_table

from nasbench.benchmarks.catalogue import fetch_table, load_table
from nasbench.benchmarks.frames import table_from_frame
from nasbench.benchmarks.joins import Join, find_column, joined_costs
from nasbench.benchmarks.sources import hardware, public
from nasbench.benchmarks.sources.public import read_frame
from nasbench.benchmarks.tables.columns import hardware as column_of
from nasbench.benchmarks.tables.columns import size
from nasbench.benchmarks.tables.info import Column, Quantity, TableInfo
from nasbench.benchmarks.tables.table import Table
from nasbench.errors import InvalidInput, NasbenchError
from nasbench.harness.audit import audit
from nasbench.harness.compare import compare
from nasbench.harness.compare.cite import bibtex
from nasbench.harness.execution.run import run
from nasbench.harness.results.load import read_results
from nasbench.harness.results.store import experiments
from nasbench.harness.search.experiment import Experiment
from tests.harness.audit.planting import Row, rewrite
from tests.harness.search.test_sets import SEARCH, front_of
from tests.upstream import upstream

OPERATIONS = ("skip_connect", "none", "nor_conv_3x3", "nor_conv_1x1", "avg_pool_3x3")
EDGES = ((0, 1), (0, 2), (0, 3), (1, 2), (1, 3), (2, 3))


def in_official_form(net: str) -> str:
    """Return `|op~0|+|op~0|op~1|+...` of a `net` of HW-NAS-Bench: codes of the edges in order."""
    codes = dict(zip(EDGES, ast.literal_eval(net), strict=True))
    nodes = [
        "".join(f"|{OPERATIONS[codes[before, node]]}~{before}" for before in range(node)) + "|"
        for node in (1, 2, 3)
    ]
    return "+".join(nodes)


def joined_by_hand(dataset: str) -> pd.DataFrame:
    """Return 12-epoch validation beside all costs, by architecture, from the upstream files."""
    (mini, *_), hardwares = public.FILES, dict(zip(DATASETS, hardware.FILES, strict=True))
    found = read_frame(upstream() / mini.place)
    accuracies = pd.DataFrame(
        {"arch": found["cellstr"].astype(str), "accuracy": found[f"{dataset}-val"]}
    )
    costs = pd.read_csv(upstream() / hardwares[dataset].place).replace(-1, np.nan)
    costs["arch"] = costs["net"].map(in_official_form)
    return accuracies.merge(costs, on="arch", validate="one_to_one").set_index("arch")


@pytest.fixture(scope="module")
def real(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    upstream()
    data = tmp_path_factory.mktemp("data")
    with installed(data):
        fetch_table("nb201")
        fetch_table("nb201-hw")
        yield data


@pytest.mark.parametrize(
    ("dataset", "device", "column"),
    [("cifar10", "pixel3", "pixel3_latency"), ("cifar100", "edgetpu", "edgetpu_latency")],
)
@pytest.mark.usefixtures("real")
def test_fronts_are_those_of_the_two_sources_joined_by_hand(
    dataset: str, device: str, column: str, tmp_path: Path
) -> None:
    """Of cells that the other source does not know, an evaluation fails and is in no front."""
    truth, name, said = joined_by_hand(dataset), f"latency/{device}", list[str]()
    assert len(truth) == SIZE
    run(["random-search", SEARCH], seeds=3, benchmark="nb201", datasets=dataset, workers=1,
        objective=f"accuracy,latency:{device}", out=tmp_path, say=said.append)  # fmt: skip
    assert any(f"read from table nb201-hw {load_table('nb201-hw').hash[:8]}" in one for one in said)
    failed = 0
    for folder in experiments(tmp_path):
        for row in folder.read().to_pylist():
            asked = truth.loc[row["architecture"], ["accuracy", column]].to_numpy()
            known = ~np.isnan(asked).any(axis=1)
            failed += int((~known).sum())
            asked[~known] = np.nan
            told = np.stack([row["value/accuracy"], row[f"value/{name}"]], axis=1)
            np.testing.assert_array_equal(told.astype(float), asked)
            scores = list(map(tuple, asked * [1, -1]))
            assert row["selected"] == front_of(scores, np.flatnonzero(known).tolist())
            steps = row["incumbents"]
            assert row[f"test/{dataset}/{name}"] == asked[steps, 1].tolist()
    assert (failed > 0) is (device == "edgetpu")
    found = audit(tmp_path, replays=6, trust=True)
    assert found.faults == ()
    assert found.replayed == 6


@pytest.mark.usefixtures("real")
@pytest.mark.parametrize(
    ("objective", "constraint"),
    [("params@nb201:cifar100", "params<=90000"), ("params", "params@nb201:cifar100<=90000")],
)
def test_a_constraint_is_not_of_the_numbers_of_another_data_set(
    objective: str, constraint: str, tmp_path: Path
) -> None:
    """Both costs are called params, and their numbers differ: 73,306 and 79,156 at least."""
    with pytest.raises(InvalidInput, match="constraint on 'params': the objective of that name"):
        run("random-search", seeds=1, benchmark="nb201", datasets="cifar10", out=tmp_path,
            objective=f"accuracy,{objective}", constraint=constraint)  # fmt: skip


def costs(name: str, devices: dict[str, tuple[str, ...]], seed: int = 1) -> Table:
    """Make a table that has latencies of these devices, by data set, and nothing else."""
    generator = np.random.default_rng(seed)
    data: dict[Column, np.ndarray] = {
        column_of(dataset, Quantity.LATENCY, device): generator.uniform(1, 9, SIZE)
        for dataset, several in devices.items()
        for device in several
    }
    data[size("cifar100", Quantity.PARAMS)] = generator.integers(1, 99, SIZE)
    info = TableInfo(
        name=name, title="costs", space="nb201", rows=SIZE, cells=SIZE, licence="MIT",
        columns=tuple(data), attribution=(f"those who measured {name}",),
    )  # fmt: skip
    return Table.from_columns(info, {column.name: one for column, one in data.items()})


@pytest.fixture(scope="module")
def three(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Make a data folder of a table without costs and two tables of costs."""
    data = tmp_path_factory.mktemp("three")
    synthetic_table().save(data / "tables" / "nb201.safetensors")
    one = costs("one", {"cifar10": ("phone", "tpu"), "cifar100": ("phone",)})
    two = costs("two", {"cifar10": ("tpu",), "x": ("only",)}, seed=2)
    for table in (one, two):
        table.save(data / "tables" / f"{table.name}.safetensors")
    return data


@pytest.mark.parametrize(
    ("asked", "dataset", "table", "of"),
    [
        ("latency:phone", "cifar10", "one", "cifar10"),
        ("latency/phone", "cifar100", "one", "cifar100"),
        ("latency", "cifar100", "one", "cifar100"),
        ("latency:only", "cifar10", "two", "x"),  # elsewhere there is one, and no choice
        ("latency:tpu@two", "cifar10", "two", "cifar10"),
        ("latency@one", "cifar100", "one", "cifar100"),
        ("latency:phone@one:cifar100", "cifar10", "one", "cifar100"),
        ("params", "cifar10", "one", "cifar100"),
    ],
)
def test_what_a_name_means(three: Path, asked: str, dataset: str, table: str, of: str) -> None:
    with installed(three):
        if asked == "params":  # both tables have it
            with pytest.raises(InvalidInput, match="params@one:cifar100, params@two:cifar100"):
                find_column(load_table("nb201"), asked, dataset)
            asked = "params@one:cifar100"
        found = find_column(load_table("nb201"), asked, dataset)
        assert found.join is not None
        assert (found.join.table, found.join.dataset) == (table, of)
        assert found.join.objective == found.metric.name
        assert found.join.content == load_table(table).hash
        (numbers,) = joined_costs([found.join], load_table("nb201")).values()
        frame = load_table(table).to_pandas()
        np.testing.assert_array_equal(numbers, frame[f"{of}/{found.metric.name}"])


@pytest.mark.parametrize(
    ("asked", "dataset", "words"),
    [
        (
            "latency",
            "cifar10",
            "latency:phone@one:cifar10, latency:tpu@one:cifar10, latency:tpu@tw",
        ),
        ("latency:tpu", "cifar10", "name one of latency:tpu@one:cifar10, latency:tpu@two:cifar10"),
        ("latency:phone", "ImageNet16-120", "measured on other data sets than 'ImageNet16-120'"),
        ("latency:none", "cifar10", "table 'nb201' has accuracy of 'cifar10', other tables of its"),
        ("speed", "cifar10", "other tables of its space have .*latency/only"),
        ("latency:phone@three", "cifar10", "table 'three' is not installed"),
        ("latency:phone@one:y", "cifar10", "table 'one' has no costs of 'y', but of cifar10"),
        ("latency:phone@two", "cifar10", "'two' has latency/tpu of 'cifar10'"),
        ("accuracy@nb201:cifar100", "cifar10", "no costs of 'cifar100', but of no data set"),
    ],
)
def test_names_that_mean_nothing_or_too_much(
    three: Path, asked: str, dataset: str, words: str
) -> None:
    with installed(three), pytest.raises(NasbenchError, match=words) as raised:
        find_column(load_table("nb201"), asked, dataset)
    assert "\n" not in str(raised.value)


@pytest.fixture
def stored(three: Path, tmp_path: Path) -> Iterator[Path]:
    """Let a copy of the three tables be installed, beside runs that join two of them."""
    data = Path(shutil.copytree(three, tmp_path / "data"))
    with installed(data):
        for of in ("cifar10", "cifar100"):
            run("random-search", seeds=2, benchmark="nb201", datasets="cifar10", budget="9evals",
                objective=f"accuracy,latency:phone@one:{of}", out=tmp_path / "results")  # fmt: skip
        yield data


def texts(found: Any) -> str:
    return "\n".join(one.what for one in found.faults)


def test_another_source_is_another_task(stored: Path) -> None:
    """They share no block and no draw; the comparison says where latencies are of."""
    comparison = compare(stored.parent / "results")
    assert len(comparison.blocks) == 2
    one, two = (block.contenders[0].experiment for block in comparison.blocks)
    assert one.task != two.task
    assert one.entropy != two.entropy
    for block in comparison.blocks:
        (join,) = block.task.joins
        (note,) = (one for one in block.notes if one.startswith("objective"))
        assert note.startswith(
            f"objective latency/phone (ms): read from table one {join.content[:8]}"
        )
        assert f"measured on {join.dataset}" in note
    again = Experiment.from_json(json.loads(json.dumps(one.to_json())))
    assert again == one
    alone = replace(one, task=replace(one.task, joins=()))
    assert "joins" not in alone.to_json()["task"]


def test_the_table_of_the_costs_is_cited(stored: Path) -> None:
    """A paper owes the latencies to it, whether they are searched for or bounded."""
    assert "% one: " in bibtex(compare(stored.parent / "results"))
    run("random-search", seeds=1, benchmark="nb201", datasets="cifar10", budget="9evals",
        constraint="latency:tpu@two:cifar10<=1e9", out=stored / "bounded")  # fmt: skip
    text = bibtex(compare(stored / "bounded"))
    assert "% two: " in text and "% one: " not in text


def test_the_audit_says_that_the_source_is_missing_or_another(stored: Path) -> None:
    results, source = stored.parent / "results", stored / "tables" / "one.safetensors"
    assert audit(results, replays=2).faults == ()
    devices = {"cifar10": ("phone", "tpu"), "cifar100": ("phone",)}
    costs("one", devices, seed=5).save(source)
    found = texts(audit(results))
    assert "'latency/phone' was read from table 'one'" in found
    assert f"installed is {load_table('one').hash[:8]}" in found
    (join,) = next(iter(experiments(results))).experiment.task.joins
    with pytest.raises(NasbenchError, match="install the table that these runs were made with"):
        joined_costs([join], load_table("nb201"))
    source.unlink()
    assert "table 'one' is not installed" in texts(audit(results))


def faster(row: Row) -> Row:
    row["value/latency/phone"][0] *= 0.5
    return row


def test_a_planted_latency_is_found(stored: Path) -> None:
    results = stored.parent / "results"
    folder = next(iter(experiments(results)))
    rewrite(folder, lambda rows: [faster(rows[0]), *rows[1:]])
    assert "accuracy or latency/phone or cost of 1 evaluations is not the table's" in texts(
        audit(results)
    )


def test_a_source_that_is_no_objective_cannot_be_read(stored: Path) -> None:
    folder = next(iter(experiments(stored.parent / "results")))
    file = folder.path / "experiment.json"
    told = json.loads(file.read_text())
    told["experiment"]["task"]["joins"][0]["objective"] = "latency/other"
    file.write_text(json.dumps(told))
    faults = read_results(stored.parent / "results").faults
    assert any(
        "names other tables for what is not among its objectives" in f.reason for f in faults
    )


def test_pools_are_joined_by_architecture(tmp_path: Path) -> None:
    """Either table may have some architectures only; what the other one lacks is NaN."""
    space = load_table("digits").space
    some = {"a": [7, 900, 15_000], "b": [3, 900, 7_000, 15_000, 15_001]}
    made = {}
    for name, indices in some.items():
        frame = pd.DataFrame({
            "index": indices, "epochs": 1, "seconds": 1.0, "valid_accuracy": 50.0,
            "test_accuracy": 50.0, "latency/phone": np.array(indices) / 10,
        })  # fmt: skip
        made[name] = table_from_frame(frame, name=name, space=space, pool=True)
        made[name].save(tmp_path / f"{name}.safetensors")
    path = str(tmp_path / "b.safetensors")
    join = Join("latency/phone", path, made["b"].hash, "b")
    (numbers,) = joined_costs([join], made["a"]).values()
    np.testing.assert_array_equal(numbers, [np.nan, 90, 1500])
    (numbers,) = joined_costs([join], load_table("digits")).values()
    assert np.flatnonzero(~np.isnan(numbers)).tolist() == some["b"]

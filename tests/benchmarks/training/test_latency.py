"""Latencies: measured, stored under a name that is their content, lent to a search."""

import json
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from nasbench.benchmarks.sources import hardware
from nasbench.benchmarks.training import latency
from nasbench.benchmarks.training.latency import (
    Latencies,
    find_lookup,
    measure,
    measured,
)
from nasbench.errors import DataError, InvalidInput
from nasbench.spaces import get_space
from nasbench.spaces.inputs import Input
from nasbench.spaces.nb201 import NasBench201
from nasbench.spaces.networks.base import Shape, networks_of
from tests.spaces.networks import chain  # noqa: F401  # registers the space
from tests.upstream import upstream

SPACE = NasBench201()
DATA, SHAPE = Input(8, 1, 10), Shape(4, 1)
MACHINE = {"device": "cpu", "processor": "Abacus (R) 2"}


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("NASBENCH_DATA", str(tmp_path))
    return tmp_path / "latency"


def latencies(frame: float = 1.0) -> Latencies:
    rows = ((0.0, 1.0, 2.0, 3.0, 4.0),) * 3
    return Latencies(8, 1, 10, 4, 1, 1, rows, frame, 0.1, 0.9, MACHINE)


def test_measured_operations_rank_as_they_compute() -> None:
    """A 3x3 convolution does nine times the work of a 1x1; doing nothing is the cheapest."""
    found = measure(SPACE, Input(32, 3, 10), Shape(16, 1), rounds=3)
    times = np.array(found.operations)
    assert times.shape == (3, 5)
    assert (times[:, 3] > times[:, 2]).all()
    assert (times[:, 0] < times[:, 2]).all()
    assert found.frame > 0
    assert found.correlation > 0.5


def test_operations_of_another_space_are_the_differences_that_they_make() -> None:
    """Networks whose times are known: 7 ms, and what each choice adds, 1 ms per weight."""
    space = get_space("chain")
    timing = networks_of(space).timing(Input(8, 1, 10), Shape(2, 1))
    weights = [sum(one.numel() for one in part.module.parameters()) for part in timing.parts]
    operations, frame = timing.operations(7.0 - weights[0] + np.array(weights, dtype=float))
    conv1, conv3 = 2 * 2 + 4, 9 * 2 * 2 + 4  # and the scale and shift of batch norm
    np.testing.assert_array_equal(
        operations, [[0, conv1, conv3, 0], [0, conv3 - conv1, 0, 0], [0, 0, conv1, conv3]]
    )
    assert frame == 7.0
    lookup = networks_of(space).lookup_of(operations, frame, Shape(2, 1), "ms")
    assert lookup.of((2, 1, 0)) == 7 + conv3 + conv3 - conv1


def test_differences_that_do_not_add_up_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """One network takes 1 ms, and every other one .1 ms: three changes would take -1.7."""
    calls = iter([1.0] + [0.1] * 100)
    monkeypatch.setattr(latency, "_milliseconds", lambda *_: next(calls))
    with pytest.raises(InvalidInput, match=r"do not add up: some network would take -1\.7 ms"):
        measure(get_space("chain"), Input(8, 1, 10), Shape(2, 1), rounds=1)


def test_latencies_of_another_space_are_kept_apart(folder: Path) -> None:
    found = measure(get_space("chain"), Input(8, 1, 10), Shape(2, 1), rounds=1)
    assert np.shape(found.operations) == (3, 4)
    name = found.save().stem
    assert Latencies.load(name).name == name
    lookup = find_lookup(name, get_space("chain"), Input(8, 1, 10), Shape(2, 1))
    np.testing.assert_array_equal(lookup.table, found.operations)
    with pytest.raises(InvalidInput, match="is of space 'chain', and the search of 'nb201'"):
        find_lookup(name, SPACE, Input(8, 1, 10), Shape(2, 1))


def test_the_name_is_the_content(folder: Path) -> None:
    one, other = latencies(), latencies(frame=1.001)
    assert one.name != other.name
    assert one.name.startswith("abacus-r-2-c4n1-8x8-")
    path = one.save()
    assert path.parent == folder
    assert Latencies.load(one.name).name == one.name
    assert measured() == [one.name]
    path.write_text(json.dumps({**json.loads(path.read_text()), "frame": 0.5}))
    with pytest.raises(DataError, match="has been changed"):
        Latencies.load(one.name)
    path.write_text("{")
    with pytest.raises(DataError, match="cannot be read"):
        Latencies.load(one.name)


def test_lookups_by_name() -> None:
    exact = find_lookup("multiply-adds", SPACE, DATA, SHAPE)
    np.testing.assert_array_equal(exact.table, networks_of(SPACE).multiply_adds(DATA, SHAPE).table)
    name = latencies().save().stem
    found = find_lookup(name, SPACE, DATA, SHAPE)
    assert found.unit == "ms"
    assert found.of((3, 3, 3, 3, 3, 3)) == 1.0 + 3 * 6 * 3.0
    with pytest.raises(InvalidInput, match=r"C=4, N=1, and the supernet of .* C=8, N=1"):
        find_lookup(name, SPACE, DATA, Shape(8, 1))
    with pytest.raises(InvalidInput, match=rf"use multiply-adds, .*: {name}$"):
        find_lookup("raspberry", SPACE, DATA, SHAPE)
    with pytest.raises(InvalidInput, match="write TABLE:DATASET/latency/DEVICE"):
        find_lookup("nb201-hw:pixel3", SPACE, DATA, SHAPE)


def test_devices_of_a_table(tmp_path: Path) -> None:
    """Latencies of HW-NAS-Bench are near to additive over operations."""
    table = hardware.build([upstream() / file.place for file in hardware.FILES])
    table.save(tmp_path / "hw.safetensors")
    name = f"{tmp_path}/hw.safetensors:cifar10/latency/pixel3"
    found = find_lookup(name, SPACE, DATA, SHAPE)
    truth = table.search.latency("cifar10", "pixel3")
    sums = np.array([found.of(cell) for cell in SPACE.architectures])
    assert sums.mean() == pytest.approx(truth.mean())
    assert np.corrcoef(sums, truth)[0, 1] > 0.9


def test_a_search_with_an_unknown_cost_does_not_start() -> None:
    from nasbench.cli.app import app

    done = CliRunner().invoke(
        app,
        ["run", "--strategy", "fbnet", "--benchmark", "train:nb201", "--dataset", "digits",
         "--set", "fbnet.cost=toaster"],
    )  # fmt: skip
    assert isinstance(done.exception, InvalidInput)
    assert "cost 'toaster' is unknown" in str(done.exception)

"""HW-NAS-Bench: another numbering of operations, another order of edges."""

import csv
from pathlib import Path

import numpy as np
import pytest

from nasbench.benchmarks.sources import hardware
from nasbench.benchmarks.tables.table import Table
from nasbench.errors import DataError
from nasbench.spaces.nb201 import CONV_3X3, NasBench201
from tests.upstream import upstream


def paths() -> list[Path]:
    return [upstream() / file.place for file in hardware.FILES]


@pytest.fixture(scope="module")
def table() -> Table:
    return hardware.build(paths())


def test_codes_and_edges_are_translated() -> None:
    space = NasBench201()
    # the first line of the file is the first architecture of the official order
    assert hardware.cell_of("(4, 3, 3, 0, 0, 0)") == space.architecture(0)
    # each edge on its own: code 2 is the 3x3 convolution, code 1 none
    for position, edge in enumerate(((0, 1), (0, 2), (0, 3), (1, 2), (1, 3), (2, 3))):
        codes = [1] * 6
        codes[position] = 2
        cell = hardware.cell_of(str(tuple(codes)))
        name = f"{edge[0]}->{edge[1]}"
        assert {d.name: c for d, c in zip(space.decisions, cell, strict=True) if c} == {
            name: CONV_3X3
        }


def test_every_cell_has_its_figures(table: Table) -> None:
    space = NasBench201()
    assert table.search.devices() == (
        "edgegpu",
        "edgetpu",
        "eyeriss",
        "fpga",
        "pixel3",
        "raspi4",
    )
    with paths()[0].open(newline="") as stream:
        rows = list(csv.DictReader(stream))
    for row in rows[::1000]:
        index = space.index(hardware.cell_of(row["net"]))
        latency = table.search.latency("cifar10", "raspi4")
        assert latency[index] == float(row["raspi4_latency"])
        assert table.search.energy("cifar10", "fpga")[index] == float(row["fpga_energy"])
    assert not np.isnan(table.search.latency("ImageNet16-120", "pixel3")).any()


def test_the_translation_makes_physical_sense(table: Table) -> None:
    """On an accelerator computed by a model, latency follows the 3x3 convolutions most."""
    space = NasBench201()
    latency = table.search.latency("cifar10", "fpga")
    follows = [np.corrcoef(latency, space.count(operation))[0, 1] for operation in range(5)]
    assert int(np.argmax(follows)) == CONV_3X3
    assert follows[CONV_3X3] > 0.85
    assert max(follows[:CONV_3X3]) < 0.3


def test_it_has_no_accuracy_at_all(table: Table) -> None:
    with pytest.raises(DataError, match="no such column"):
        table.search.accuracy("cifar10", 12, 12)
    assert table.test.names == ()


def test_damaged_files_are_refused(tmp_path: Path) -> None:
    broken = tmp_path / "broken.csv"
    files = paths()
    lines = files[0].read_text().splitlines()
    for content in (
        lines[:-1],  # a cell is missing
        [*lines[:-1], lines[1]],  # one is there twice
        [lines[0], "__import__('os')," + ",".join("1" * 10)],
        [lines[0], '"(4, 3)",' + ",".join("1" * 10)],
        ["hello"],
    ):
        broken.write_text("\n".join(content))
        with pytest.raises(DataError, match=r"broken\.csv"):
            hardware.build([broken, *files[1:]])

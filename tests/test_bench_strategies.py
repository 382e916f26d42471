"""The comparison with other packages' optimisers: its values, and what a meter reads."""

import json
import math
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from bench import strategy_peers, strategy_speed
from nasbench.benchmarks.catalogue import load_table
from nasbench.spaces import get_categorical


def test_the_values_are_the_tables() -> None:
    values, space = strategy_speed.measured(), get_categorical("nb201")
    table = load_table("digits")
    read = table.search.accuracy("digits", 15, 5)
    for index in (0, 1, 4711, 15_624):
        row = index if table.rows is None else table.rows[index]
        assert values[space.architecture(index)][4] == pytest.approx(read[row])


def test_a_meter_counts_what_passes_between_its_reads() -> None:
    values = np.arange(12.0).reshape(2, 3, 2)
    meter = strategy_peers.Meter(values, 3)
    meter.begin()
    until = time.process_time() + 0.02
    while time.process_time() < until:
        math.sqrt(2)
    assert meter.read((1, 0), 1) == 6.0
    assert 0.02 <= meter.spent < 0.2
    assert (meter.read((0, 1), 2), meter.read((0, 0), 2)) == (3.0, 1.0)
    assert meter.left == 0
    assert meter.best == (2, 3.0)  # values after two epochs are not compared with those after one


def test_brackets_of_the_peers_are_those_of_hyperband() -> None:
    found = strategy_peers._brackets(2)
    assert [next(found) for _ in range(4)] == [
        [(9, 0), (3, 1), (1, 2)], [(3, 1), (1, 2)], [(3, 2)], [(9, 0), (3, 1), (1, 2)]
    ]  # fmt: skip


def test_a_child_searches_with_settings(tmp_path: Path) -> None:
    file = tmp_path / "values.npy"
    np.save(file, strategy_speed.measured())
    words = [strategy_speed.__file__, "--child", "tpe", str(file), "30", "1", "--set", "startup=5"]
    done = subprocess.run([sys.executable, *words], check=True, capture_output=True, text=True)
    found = json.loads(done.stdout)
    assert found["evaluations"] == 30
    assert 0 < found["cpu"] < 10
    assert found["best"] == strategy_speed.searched(
        "tpe", np.load(file), 30, 1, ["startup=5"]
    )["best"]  # fmt: skip

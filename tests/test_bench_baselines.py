"""The script that prints the tables of docs/baselines.md, on a comparison of known numbers."""

import importlib.util
import json
import tomllib
from pathlib import Path
from typing import Any

import pytest

from nasbench.harness.execution.config import read_config
from nasbench.strategies.registry import find_strategy

BENCH = Path(__file__).parents[1] / "bench"


def script() -> Any:
    """The script as a module."""
    found = importlib.util.spec_from_file_location("baselines", BENCH / "baselines.py")
    assert found is not None
    assert found.loader is not None
    module = importlib.util.module_from_spec(found)
    found.loader.exec_module(module)
    return module


def row(block: int, label: str, regret: float) -> dict[str, Any]:
    return {
        "block": block, "dataset": "d", "label": label, "benchmark": f"t{block}",
        "normalised_regret_mean": regret,
    }  # fmt: skip


def pair(first: str, second: str, superiority: float, corrected: float) -> dict[str, Any]:
    names = {"first": first, "second": second, "dataset": "d"}
    return {**names, "superiority": superiority, "corrected": corrected}


def test_its_tables(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A is better than random search on the first data set and worse on the second, B unclear."""
    found = {
        "blocks": [
            {"titles": {"d": "Cars"}, "pairs": [
                pair("A", "Random search", 0.7, 0.001), pair("B", "Random search", 0.6, 0.2)]},
            {"titles": {}, "pairs": [
                pair("Random search", "A", 0.8, 0.01), pair("A", "B", 0.1, 0.0)]},
        ],
        "rows": [
            row(1, "A", 0.1), row(1, "B", 0.2), row(1, "Random search", 0.3),
            row(2, "A", 0.9), row(2, "Random search", 0.25),
        ],
        "references": [
            {"block": block, "dataset": "d", "reference": name, "regret_mean": regret}
            for block, name, regret in (
                (1, "mean architecture", 8.0), (1, "expected random search", 2.0),
                (2, "mean architecture", 10.0), (2, "expected random search", 3.0),
            )
        ],
        "across": [{
            "blocks": [1, 2], "problems": ["d (t1)", "d (t2)"], "labels": ["A", "Random search"],
            "ranks": [1.5, 1.25], "rank_intervals": [[1, 2], [1.0, 1.5]],
            "regret_mean": [0.5, 0.275], "regret": [[0.4, 0.6], [0.2, 0.3]],
            "regret_iqm": [0.5, 0.27], "regret_iqm_intervals": [[0.4, 0.6], [0.2, 0.3]],
            "better": [[0.5, 0.45], [0.55, 0.5]], "better_low": [[0.5, 0.4], [0.5, 0.5]],
            "better_high": [[0.5, 0.5], [0.6, 0.5]], "friedman": 0.03, "critical_difference": 1.4,
        }],
    }  # fmt: skip
    path = tmp_path / "comparison.json"
    path.write_text(json.dumps(found))
    script().main(path)
    lines = capsys.readouterr().out.splitlines()
    first = "| Random search | 1.25 [1.00, 1.50] | 0.275 [0.200, 0.300] | 0.270 [0.200, 0.300] |"
    assert lines[4] == f"{first} – | – |"
    rest = "0.500 [0.400, 0.600] | 0.500 [0.400, 0.600] | 0.45 [0.40, 0.50] | 1, 1 |"
    assert lines[5] == f"| A | 1.50 [1.00, 2.00] | {rest}"
    assert "Normalised regret above that of random search: A." in lines
    assert "| Cars (t1) | 0.250 | **0.100** ▲ | 0.200 | 0.300 |" in lines
    assert "| d (t2) | 0.300 | 0.900 ▼ | – | **0.250** |" in lines


@pytest.mark.parametrize("name", ["baselines", "baselines-fidelities"])
def test_its_experiments_can_be_read(name: str) -> None:
    """200 seeds, the reported ones, of strategies that there are, each named once."""
    options = dict(read_config(tomllib.loads((BENCH / f"{name}.toml").read_text())))
    assert options["seeds"] == "0-199"
    names = options["strategies"]
    assert isinstance(names, list)
    assert len(set(names)) == len(names)
    assert all(find_strategy(one) for one in names)

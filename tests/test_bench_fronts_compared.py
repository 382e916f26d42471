"""The script of docs/fronts-compared.md: which searches it makes, its tables of known numbers."""

import json
import tomllib
from pathlib import Path
from typing import Any

import pytest

from bench import fronts_compared
from nasbench.harness.execution.config import read_config
from nasbench.strategies.registry import find_strategy


def test_its_searches(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """On every pair the file's strategies and the other tournament, with the file's seeds."""
    asked: list[dict[str, Any]] = []
    monkeypatch.setattr(fronts_compared, "run", lambda **options: asked.append(options) or [])
    fronts_compared.search("9evals", tmp_path)
    pairs = [(one["benchmark"], one["datasets"], one["objective"]) for one in asked]
    assert pairs == [pair[:3] for pair in fronts_compared.PAIRS for _ in range(2)]
    assert {(one["budget"], one["out"], one["seeds"]) for one in asked} == {
        ("9evals", tmp_path, "0-199")
    }
    assert [one["strategies"] == "mo-rea" for one in asked[:2]] == [False, True]
    options = dict(read_config(tomllib.loads(fronts_compared.CONFIG.read_text())))
    names = options["strategies"]
    assert isinstance(names, list)
    assert len(set(names)) == len(names)
    assert all(find_strategy(one) for one in names)


def test_its_tables(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A is better than random search on the first pair and not told apart on the second."""

    def row(block: int, label: str, mean: float) -> dict[str, Any]:
        return {
            "block": block, "dataset": "d", "label": label, "benchmark": "t",
            "test_mean": mean, "test_low": mean - 1, "test_high": mean + 1,
        }  # fmt: skip

    def block(cost: str, corrected: float) -> dict[str, Any]:
        pair = {"first": "A", "second": "Random search", "superiority": 0.7, "corrected": corrected}
        objectives = [{"name": "accuracy"}, {"name": cost}]
        return {"titles": {"d": "Cars"}, "datasets": ["d"], "pairs": [pair],
                "task": {"objectives": objectives}}  # fmt: skip

    found = {
        "blocks": [block("params", 0.01), block("flops", 0.2)],
        "rows": [row(1, "A", 90.0), row(1, "Random search", 80.0), row(2, "A", 70.0),
                 row(2, "Random search", 75.0)],
        "across": [{
            "blocks": [1, 2], "problems": ["d (params)", "d (flops)"],
            "labels": ["Random search", "A"], "ranks": [1.75, 1.25],
            "rank_intervals": [[1.5, 2], [1, 1.5]], "better": [[0.5, 0.4], [0.6, 0.5]],
            "better_low": [[0.5, 0.3], [0.55, 0.5]], "better_high": [[0.5, 0.45], [0.7, 0.5]],
            "friedman": 0.03, "critical_difference": 1.4,
        }],
    }  # fmt: skip
    path = tmp_path / "comparison.json"
    path.write_text(json.dumps(found))
    fronts_compared.tables(path)
    assert capsys.readouterr().out.splitlines()[2:] == [
        "| A | 1.25 [1.00, 1.50] | 0.60 [0.55, 0.70] | 1, 0 |",
        "| Random search | 1.75 [1.50, 2.00] | – | – |",
        "",
        "2 pairs, Friedman's p 0.03, critical difference 1.40.",
        "",
        "| pair | A | Random search |",
        "|---|---:|---:|",
        "| t, Cars: accuracy, params | **90.00 [89.00, 91.00]** ▲ | 80.00 [79.00, 81.00] |",
        "| t, Cars: accuracy, flops | 70.00 [69.00, 71.00] | **75.00 [74.00, 76.00]** |",
    ]

"""Published tables run again: the test of equivalence, the recipes, and what is published."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy.stats import t
from typer.testing import CliRunner

from nasbench.benchmarks.protocols import protocols
from nasbench.cli.app import app
from nasbench.errors import InvalidInput, StoreError
from nasbench.harness.audit import audit
from nasbench.harness.reproduce import recipe_names, reproduce, reproductions
from nasbench.harness.reproduce.recipe import load_recipe
from nasbench.harness.reproduce.verdict import Outcome, equivalence
from nasbench.strategies.registry import find_strategy, make_settings, recipe_settings


def test_equivalence_by_hand() -> None:
    """Equal n and deviations: Student's t with 2n - 2 degrees of freedom."""
    found = equivalence((90.0, 1.0, 50), (90.1, 1.0, 50), 0.5)
    assert found.difference == pytest.approx(0.1)
    assert found.p_value == pytest.approx(t.cdf((0.1 - 0.5) / np.sqrt(2 / 50), 98))
    assert found.outcome is Outcome.REPRODUCED
    assert equivalence((90.0, 1.0, 50), (91.0, 1.0, 50), 0.5).outcome is Outcome.DIFFERENT
    assert equivalence((90.0, 1.0, 50), (90.6, 1.0, 50), 0.5).outcome is Outcome.OPEN
    assert equivalence((90.0, 0.0, 3), (90.0, 0.0, 3), 0.0).outcome is Outcome.REPRODUCED
    assert equivalence((90.0, 0.0, 3), (91.0, 0.0, 3), 0.0).outcome is Outcome.DIFFERENT


@pytest.mark.parametrize(
    ("shift", "outcome", "most"),
    [(0.3, Outcome.REPRODUCED, 0.07), (0.3, Outcome.DIFFERENT, 0.07), (0.0, Outcome.OPEN, 0.05)],
)
def test_a_verdict_is_wrong_as_seldom_as_it_says(
    shift: float, outcome: Outcome, most: float
) -> None:
    """At the margin either verdict is a mistake; at no difference 500 runs leave nothing open."""
    generator, wrong = np.random.default_rng(0), 0
    for _ in range(1000):
        theirs, ours = generator.normal(0, 1, 500), generator.normal(shift, 1, 500)
        wrong += (
            outcome
            is equivalence(
                (theirs.mean(), theirs.std(ddof=1), 500), (ours.mean(), ours.std(ddof=1), 500), 0.3
            ).outcome
        )
    assert wrong / 1000 <= most


@pytest.mark.parametrize("name", recipe_names())
def test_recipes_are_complete(name: str) -> None:
    """Every row can be run or says why not, on the data sets of a protocol that there is."""
    recipe = load_recipe(name)
    assert name in protocols()
    assert recipe.protocol == name
    assert recipe.searched == tuple(protocols()[name].reports)
    for row in recipe.rows:
        assert tuple(row.published) == recipe.reports
        assert bool(row.not_run) or row.strategy is not None
        if row.strategy is not None:
            strategy = find_strategy(row.strategy)
            make_settings(strategy, {**recipe_settings(strategy, row.recipe), **row.settings})
    assert [row.name for row in recipe.rows if not row.not_run][1:] == ["REA", "REINFORCE"]


def test_an_unknown_table_is_one_line() -> None:
    with pytest.raises(InvalidInput, match="table 'nb101' is unknown: valid are nats-bench"):
        reproduce("nb101")


@pytest.fixture
def short(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the recipes have few seeds."""
    recipe = replace(load_recipe("nb201-paper"), seeds="0-5", quick_seeds="0-3")
    for module in ("reproduce.again", "audit.published"):
        monkeypatch.setattr(f"nasbench.harness.{module}.load_recipe", lambda _: recipe)


@pytest.mark.usefixtures("short", "synthetic_nb201")
def test_what_is_written_is_what_the_runs_gave(tmp_path: Path) -> None:
    found = reproduce("nb201-paper", out=tmp_path, workers=1)
    (stored,) = reproductions(tmp_path).values()
    assert stored == found
    run_here = [row for row in found.rows if row.mean is not None]
    assert [row.row for row in run_here] == ["RS", "REA", "REINFORCE"] * 3
    for row in run_here:
        assert row.runs == len(row.cells) == 6
        assert row.verdict is not None
        assert row.verdict.outcome is Outcome.DIFFERENT  # the table is made up
    assert len(found.rows) == 30
    text = (tmp_path / "nb201-paper" / "reproduction.md").read_text()
    assert "seeds 0-5" in text
    assert f"{run_here[0].mean:.2f}" in text
    quick = reproduce("nb201-paper", quick=True, out=tmp_path, workers=1)
    assert [row.cells for row in quick.rows] == [row.cells[:4] for row in found.rows]


def test_one_run_reproduces_nothing() -> None:
    for published, measured in (
        ((93.7, 0.36, 500), (93.7, np.nan, 1)), ((93.7, 0.0, 1), (93.7, 0.1, 500)),
    ):  # fmt: skip
        assert equivalence(published, measured, 0.1).outcome is Outcome.OPEN


@pytest.mark.usefixtures("short", "synthetic_nb201")
def test_published_cells_that_are_none_or_not_there_are_faults(tmp_path: Path) -> None:
    reproduce("nb201-paper", out=tmp_path, workers=1)
    path = tmp_path / "nb201-paper" / "reproduction.json"
    text = path.read_text()
    for cells in ([99_999], [-1], []):
        data = json.loads(text)
        data["rows"][0]["cells"] = cells
        path.write_text(json.dumps(data))
        assert any("RS on cifar10" in fault.what for fault in audit(tmp_path).faults)


@pytest.mark.usefixtures("short", "synthetic_nb201")
def test_a_checkout_shows_and_audits_what_is_published(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without runs; the means follow from the cells; without a table too it is shown."""
    reproduce("nb201-paper", out=tmp_path / "all", workers=1)
    path = tmp_path / "results" / "nb201-paper" / "reproduction.json"
    path.parent.mkdir(parents=True)
    text = (tmp_path / "all" / "nb201-paper" / "reproduction.json").read_text()
    path.write_text(text)
    found = audit(tmp_path / "results")
    assert found.faults == ()
    assert found.numbers > 300

    def faults(change: Callable[[dict[str, Any]], object]) -> list[str]:
        data = json.loads(text)
        change(data)
        path.write_text(json.dumps(data))
        return [fault.what.split(" is ")[0] for fault in audit(tmp_path / "results").faults]

    def forge(data: dict[str, Any]) -> None:
        data["rows"][0]["published_mean"] = data["rows"][0]["mean"]
        data["rows"][1]["verdict"][-1] = "reproduced"

    assert faults(lambda data: data["rows"][0].update(mean=50.0)) == ["RS on cifar10.mean"]
    assert faults(forge) == ["RS on cifar10.published_mean", "REA on cifar10.verdict[3]"]
    assert faults(lambda data: data["rows"].pop(3)) == ["BOHB on cifar10: the row"]
    ours = {"row": "Ours", "dataset": "cifar10"}
    assert faults(lambda data: data["rows"].append({**data["rows"][0], **ours})) == [
        "Ours on cifar10: the row"
    ]
    assert faults(lambda data: data["rows"].append(data["rows"][0])) == ["a row"]
    assert faults(lambda data: data.update(margin=3.0, title="Ours wins")) == ["title", "margin"]
    assert faults(lambda data: data.update(seeds="0-4")) == ["seeds are 0-4, in the recipe 0-5"]
    assert faults(lambda data: data.update(table="0" * 64)) == [
        "made with table 00000000, installed"
    ]
    assert faults(lambda data: data["rows"][0].update(cells=data["rows"][0]["cells"][:5])) == [
        "RS on cifar10: 5 cells of seeds 0-5"
    ]
    (path.parent / "reproduction.md").write_text("everything is reproduced")
    assert faults(lambda _: None) == ["its text"]
    (path.parent / "reproduction.md").unlink()
    path.write_text(text)
    monkeypatch.setenv("NASBENCH_DATA", str(tmp_path / "nothing"))
    shown = CliRunner().invoke(app, ["compare", str(tmp_path / "results")])
    assert shown.exit_code == 0
    assert "nb201-paper: 0 reproduced, 9 different, 0 open, 21 not run" in shown.stdout
    broken = tmp_path / "results" / "mine" / "runs-0-1-0.parquet"
    broken.parent.mkdir()
    broken.write_text("no Parquet")
    (broken.parent / "experiment.json").write_text("{}")
    for command in ("compare", "audit"):  # what is published does not hide what is damaged
        hurt = CliRunner().invoke(app, [command, str(tmp_path / "results")])
        assert isinstance(hurt.exception, StoreError)
    path.write_text("{}")
    with pytest.raises(StoreError, match="run `nasbench reproduce` again"):
        reproductions(tmp_path)

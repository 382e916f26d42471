"""What a run draws: independent of other rows and data sets, and by the rule it was begun with."""

import json
from collections.abc import Iterator
from dataclasses import replace
from itertools import combinations
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest

import nasbench
from nasbench.benchmarks.tabular import Query
from nasbench.errors import InvalidInput
from nasbench.harness.audit import audit
from nasbench.harness.execution.run import run
from nasbench.harness.results.load import load_results
from nasbench.harness.results.store import experiments, folder_name
from nasbench.harness.search.budget import Budget
from nasbench.harness.search.experiment import Experiment, entropy_of, streams
from nasbench.harness.search.task import BenchmarkReference, Kind, Task
from nasbench.provenance import provenance

OLD = {
    "random-search": [
        15102, 15192, 9312, 4148, 14841, 5918, 13362, 4755, 8422, 14751,
        1292, 1676, 9669, 7001, 3012, 8078, 3730, 4868, 7591, 8841,
    ],
    "regularized-evolution": [
        1664, 2099, 286, 12604, 1532, 8291, 11622, 6534, 14677, 10935,
        4325, 10936, 5823, 9281, 134, 12053, 6697, 8636, 1632, 1290,
    ],
}  # fmt: skip
"""Seed 0 of 20 evaluations of `digits`, as nasbench stored it before there was a second rule."""
DIGITS = "eedab66122c37bf6a3b397c1c77e2d673d880c80c7d2cbef11f8153f152676e9"


@pytest.fixture
def begun(tmp_path: Path) -> Path:
    """Two searches on `digits`, begun as before there was a second rule; no run yet."""
    run(",".join(OLD), seeds=1, budget="20evals", benchmark="digits", out=tmp_path / "new")
    for folder in experiments(tmp_path / "new"):
        defaults = folder.description["defaults"]
        one = replace(folder.experiment, entropy_rule=0)
        entropy = entropy_of(0, one.task, one.strategy, one.settings, defaults)
        one = replace(one, entropy=entropy)
        path = tmp_path / "old" / folder_name(one, None) / "experiment.json"
        path.parent.mkdir(parents=True)
        content = json.loads((folder.path / "experiment.json").read_text())
        made = {**content["provenance"], "nasbench": "0.1.0", "commit": "0" * 40}
        path.write_text(json.dumps({**content, "experiment": one.to_json(), "provenance": made}))
    return tmp_path / "old"


def drawn(results: Path) -> Iterator[tuple[str, list[int]]]:
    for one in load_results(results).experiments:
        for number in range(len(one)):
            yield one.experiment.strategy, one.architectures.indices[number].tolist()


def test_the_text_is_fixed(tmp_path: Path) -> None:
    """The number is that of `sha256sum` for the documented text, its first 12 digits."""
    run("random-search", seeds=1, budget="5evals", benchmark="digits", out=tmp_path)
    (folder,) = experiments(tmp_path)
    assert folder.experiment.task.content == DIGITS
    assert folder.experiment.entropy == 242110032295105
    assert folder.experiment.to_json()["entropy_rule"] == 1


def test_large_seeds_share_no_draw_with_others() -> None:
    """The words of [0, 5 + 7 * 2^32] and [5 * 2^32, 7] are 0, 5, 7 and 0, 5, 7."""
    signal = Query("digits", 15, 5)
    task = Task(
        BenchmarkReference(Kind.TABLE, "digits", "own"),
        DIGITS,
        "nb201",
        signal,
        "charge",
        Budget(seconds=1.0),
        15,
        ("digits",),
    )

    def first(rule: int, experiment_seed: int, seed: int) -> float:
        one = Experiment(task, "random-search", {}, experiment_seed, 9, rule)
        return streams(one, seed)[0].uniform()

    assert first(0, 0, 5 + 7 * 2**32) == first(0, 5 * 2**32, 7)
    assert first(1, 0, 5 + 7 * 2**32) != first(1, 5 * 2**32, 7)
    assert first(1, 3, 5) == first(0, 3, 5)  # small ones are what they were


def test_equal_seeds_of_other_data_sets_share_no_draw(
    synthetic_nb201: Path, tmp_path: Path
) -> None:
    """About 180 draws of 15,625 twice have two in common by chance; they had all in common."""
    names = ["cifar10", "cifar100", "ImageNet16-120"]
    run(
        "random-search", seeds=[5], datasets=names, protocol="nats-bench", budget="180evals",
        out=tmp_path,
    )  # fmt: skip
    cells = [set(cells) for _, cells in drawn(tmp_path)]
    assert len(cells) == 3
    for one, other in combinations(cells, 2):
        assert len(one & other) < 12


def test_signals_of_equal_seeds_are_uncorrelated(synthetic_nb201: Path, tmp_path: Path) -> None:
    """Ranks of 200 seeds on two data sets: |Spearman| is below 0.23 but once in a thousand."""
    run(
        "random-search", seeds=200, datasets=["cifar10", "cifar100"], protocol="nats-bench",
        budget="30evals", out=tmp_path, workers=1,
    )  # fmt: skip
    table = load_results(tmp_path).runs
    best = [group["signal"].rank() for _, group in table.groupby("searched")]
    assert abs(np.corrcoef(*best)[0, 1]) < 0.23


def test_what_an_earlier_version_began_goes_on_with_the_same_bits(begun: Path) -> None:
    said: list[str] = []
    for _ in range(2):  # the second call finds them finished
        outcomes = run(
            ",".join(OLD), seeds=1, budget="20evals", benchmark="digits", out=begun,
            say=said.append,
        )  # fmt: skip
        assert [one.experiment.entropy_rule for one in outcomes] == [0, 0]
    assert [one.skipped for one in outcomes] == [1, 1]
    assert dict(drawn(begun)) == OLD
    assert len(said) == 4
    assert all("goes on by its rule" in line for line in said)
    found = audit(begun, replays=5)
    assert found.replayed == 2
    assert found.faults == ()
    notes = [one.what for one in found.findings if one.check == "code"]
    assert any("experiment.json says commit 000" in what for what in notes)


def test_runs_of_two_versions_are_a_fault_but_of_an_earlier_rule(begun: Path) -> None:
    """Half the runs by 0.0.9: of what it began, documented; of an experiment of today, not."""
    for number, rule in enumerate((0, 1)):
        out = begun if rule == 0 else begun.parent / "new"
        run(",".join(OLD), seeds="0-1", budget="20evals", benchmark="digits", out=out)
        for path in out.rglob("random-search-*/runs-*.parquet"):
            table = pq.read_table(path)
            about = json.loads(table.schema.metadata[b"nasbench"])
            made = json.dumps({**about, "nasbench": "0.0.9"}).encode()
            pq.write_table(table.replace_schema_metadata({b"nasbench": made}), path)
        found = [one for one in audit(out).findings if "differ in nasbench:" in one.what]
        assert [one.fault for one in found] == [bool(number)]


def test_other_settings_begin_anew_beside_it(begun: Path) -> None:
    outcomes = run(
        "regularized-evolution", seeds=1, budget="20evals", benchmark="digits", out=begun,
        settings={"regularized-evolution": {"population": 7}},
    )  # fmt: skip
    assert [one.experiment.entropy_rule for one in outcomes] == [1]


def test_a_setting_that_came_later_changes_nothing(begun: Path) -> None:
    (path,) = begun.rglob("regularized-evolution-*/experiment.json")
    content = json.loads(path.read_text())
    for known in (content["experiment"]["settings"], content["strategy"]["defaults"]):
        del known["sample"]
    path.write_text(json.dumps(content))
    run("regularized-evolution", seeds=1, budget="20evals", benchmark="digits", out=begun)
    assert dict(drawn(begun)) == {"regularized-evolution": OLD["regularized-evolution"]}
    assert not [one for one in audit(begun).findings if one.check == "description"]


@pytest.mark.parametrize("rule", [2, -1])
def test_rules_that_there_are_not(begun: Path, rule: int) -> None:
    (folder, _) = experiments(begun)
    task = folder.experiment.task
    with pytest.raises(InvalidInput, match=f"entropy rule {rule} is unknown"):
        entropy_of(rule, task, "random-search", {}, {})


def test_an_earlier_rule_in_runs_of_this_version_is_found(begun: Path) -> None:
    """The folders say that this code made them, and it draws by the later rule."""
    for path in begun.rglob("experiment.json"):
        content = json.loads(path.read_text())
        path.write_text(json.dumps({**content, "provenance": provenance()}))
    run("random-search", seeds=1, budget="20evals", benchmark="digits", out=begun)
    faults = [one.what for one in audit(begun).faults if one.check == "randomness"]
    assert faults
    assert all("drew by entropy rule 0" in what for what in faults)


def test_an_entropy_of_the_other_rule_is_found(tmp_path: Path) -> None:
    nasbench.run("random-search", seeds=2, budget="20evals", benchmark="digits", out=tmp_path)
    (folder,) = experiments(tmp_path)
    content = json.loads((folder.path / "experiment.json").read_text())
    del content["experiment"]["entropy_rule"]
    (folder.path / "experiment.json").write_text(json.dumps(content))
    faults = [one.what for one in audit(tmp_path).faults if one.check == "randomness"]
    assert any("not that of its identity" in what for what in faults)

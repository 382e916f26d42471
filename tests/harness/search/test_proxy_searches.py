"""Scores of zero-cost proxies in a run: asked for, charged, stored, audited and compared."""

import json
import math
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from proxy_files import put_scores
from tables import installed

from nasbench import Study
from nasbench.benchmarks.catalogue import load_table
from nasbench.benchmarks.proxy_scores import content_of, known_proxies
from nasbench.errors import InvalidInput, NasbenchError
from nasbench.harness.audit import audit
from nasbench.harness.compare import compare
from nasbench.harness.compare.proxies import spearman
from nasbench.harness.execution.run import run
from nasbench.harness.results.load import read_results
from nasbench.harness.results.runs import ExperimentRuns
from nasbench.harness.search.runner import Runner
from tests.harness.audit.planting import Row, edit, found_in, of

SIZE, SEEDS, FACTOR = 15_625, 4, 3.0
SYNFLOW = {"proxy": {"proxy": "synflow", "candidates": 40}}
SEARCH: dict[str, Any] = {"benchmark": "nb201", "seeds": SEEDS, "workers": 1}


def scores(seed: int = 0) -> dict[str, NDArray[np.float64]]:
    """Random scores: of one proxy a tenth were not measured, and a hundredth are of dead cells."""
    generator = np.random.default_rng(seed)
    synflow = generator.normal(size=SIZE)
    synflow[generator.random(SIZE) < 0.1] = np.nan
    synflow[generator.random(SIZE) < 0.01] = -np.inf
    return {"synflow": synflow, "same": np.ones(SIZE), "few": _few(generator)}


def _few(generator: np.random.Generator) -> NDArray[np.float64]:
    """Scores of about 150 architectures."""
    return np.where(generator.random(SIZE) < 0.01, generator.normal(size=SIZE), np.nan)


@pytest.fixture(scope="module")
def measured(synthetic_data: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data folder of the synthetic table with stored scores."""
    data = tmp_path_factory.mktemp("measured")
    shutil.copytree(synthetic_data / "tables", data / "tables")
    put_scores(data, scores())
    return data


@pytest.fixture(autouse=True)
def here(measured: Path) -> Iterator[None]:
    with installed(measured):
        yield


@pytest.fixture(scope="module")
def counted(measured: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Runs with a budget that is a count, and of random search beside them."""
    out = tmp_path_factory.mktemp("counted")
    with installed(measured):
        run("random-search,proxy", settings=SYNFLOW, budget="10evals", out=out, **SEARCH)
    return out


@pytest.fixture
def folder(counted: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(counted, tmp_path / "results"))


def stored(results: Path, strategy: str = "proxy") -> ExperimentRuns:
    found = read_results(results).experiments
    return next(one for one in found if one.experiment.strategy == strategy)


def test_candidates_are_evaluated_in_the_order_of_their_scores(counted: Path) -> None:
    """The order is derived again from the file of scores; what was not measured comes last."""
    runs, truth = stored(counted), scores()["synflow"]
    for seed in range(SEEDS):
        candidates = runs.scored_architectures.indices[seed]
        assert len(set(candidates.tolist())) == len(candidates) <= 40
        assert np.array_equal(runs.scored("value")[seed], truth[candidates], equal_nan=True)
        order = np.argsort(-np.where(np.isnan(truth[candidates]), -np.inf, truth[candidates]))
        assert runs.architectures.indices[seed].tolist() == candidates[order][:10].tolist()
        assert not runs.scored("before")[seed].any()
    assert runs.column("scores").tolist() == runs.scored("value").lengths.tolist()


def test_without_a_calibration_scores_take_no_time(counted: Path) -> None:
    runs = stored(counted)
    for seed in range(SEEDS):
        last = runs.finished[seed][-1]
        assert last == pytest.approx(math.fsum(runs.lists("seconds")[seed]))
        spent = runs.scored("seconds")[seed]
        assert runs.column("score_seconds")[seed] == pytest.approx(math.fsum(spent))
        assert ((spent[~np.isnan(runs.scored("value")[seed])]) >= 0.25).all()


def test_with_a_calibration_they_are_charged(tmp_path: Path) -> None:
    """The clock is that of a sum by hand, no run overshoots, and the audit finds the same."""
    run("proxy", settings=SYNFLOW, budget="4000s", proxy_seconds=FACTOR, out=tmp_path, **SEARCH)
    runs = stored(tmp_path)
    assert runs.experiment.proxies is not None
    assert runs.experiment.proxies.factor == FACTOR
    for seed in range(SEEDS):
        scored = FACTOR * math.fsum(runs.scored("seconds")[seed])
        assert scored > 10
        costs = runs.lists("seconds")[seed]
        assert runs.finished[seed] == pytest.approx(scored + np.cumsum(costs), rel=1e-12)
        assert runs.column("clock_seconds")[seed] == runs.finished[seed][-1] <= 4000
    assert audit(tmp_path, replays=2).faults == ()
    free = run("proxy", settings=SYNFLOW, budget="10evals", out=tmp_path, **SEARCH)
    paid = run(
        "proxy", settings=SYNFLOW, budget="10evals", proxy_seconds=0.0, out=tmp_path, **SEARCH
    )
    assert free[0].path != paid[0].path  # what was stated is part of the experiment


def test_scores_that_overshoot_end_a_run(tmp_path: Path) -> None:
    """After two evaluations two more candidates are scored, at about 1,000 s; a replay agrees."""
    settings = {"proxy": {"proxy": "synflow", "candidates": 2}}
    run("proxy", settings=settings, budget="4000s", proxy_seconds=1500.0, out=tmp_path, **SEARCH)
    runs = stored(tmp_path)
    assert set(runs.table["stop"].to_pylist()) == {"seconds"}
    assert (runs.counts % 2 == 0).any()
    assert (runs.counts <= 8).all()
    made = audit(tmp_path)
    assert made.faults == ()
    assert made.replayed == SEEDS


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"budget": "4000s"}, "give a number of evaluations"),
        ({"budget": "4000s", "proxy_seconds": 1.0, "simulated_workers": 2}, "of one worker"),
        (
            {"budget": "10evals", "settings": {"proxy": {"proxy": "zen"}}},
            "has synflow, same, few of this data set: `nasbench data proxies nb201 "
            "--dataset cifar10 --proxy NAME` measures others",
        ),
        (
            {"budget": "10evals", "settings": {"proxy": {"proxy": "synflw"}}},
            r"needs proxy 'synflw' \(did you mean 'synflow'\?\), and table",
        ),
        ({"budget": "10evals", "proxy_seconds": -1}, "proxy seconds cannot be -1"),
    ],
)
def test_what_cannot_be_charged_is_refused(
    options: dict[str, Any], says: str, tmp_path: Path
) -> None:
    given = {"settings": SYNFLOW, **options}
    with pytest.raises(InvalidInput, match=says):
        run("proxy", out=tmp_path, **{**SEARCH, **given})


def test_a_user_is_told_of_what_was_not_measured(tmp_path: Path) -> None:
    said: list[str] = []
    run("proxy", settings=SYNFLOW, budget="3evals", out=tmp_path, say=said.append, **SEARCH)
    there = int((~np.isnan(scores()["synflow"])).sum())
    assert any(f"measured on {there:,} of 15,625" in line for line in said)


def test_a_calibration_needs_a_strategy_that_asks_for_scores(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match="no strategy that is run"):
        run("random-search", proxy_seconds=1.0, budget="10evals", out=tmp_path, **SEARCH)


def test_a_search_without_proxies_is_refused() -> None:
    """A user's own function has none, and a data set without a file has the table's own alone."""
    with pytest.raises(InvalidInput, match="this search has none"):
        Study("proxy", objective=len, space="nb201", budget="5evals")
    with pytest.raises(InvalidInput, match="data proxies nb201"):
        Study("proxy", dataset="cifar100", budget="5evals", settings=SYNFLOW["proxy"])


def test_workers_do_not_wait_for_scores(tmp_path: Path) -> None:
    """With a count as budget, scores take no worker; four begin at once."""
    run(
        "proxy,proxy-evolution", settings=SYNFLOW | {"proxy-evolution": {"proxy": "synflow"}},
        budget="30evals", simulated_workers=4, out=tmp_path, **SEARCH,
    )  # fmt: skip
    for one in read_results(tmp_path).experiments:
        assert (one.lists("started").values == 0).sum() == 4 * SEEDS
    assert audit(tmp_path, replays=4).faults == ()


def test_a_study_is_the_run(counted: Path) -> None:
    study = Study("proxy", benchmark="nb201", seed=2, budget="10evals", settings=SYNFLOW["proxy"])
    asked = []
    for trial in study:
        asked.append(study.space.format(trial.architecture))
        study.tell(trial, study.evaluate(trial))
    assert asked == stored(counted).architectures.of(2).tolist()


def test_other_experiments_are_as_before(counted: Path) -> None:
    """A strategy that asks for no scores has nothing about them in its files."""
    runs = stored(counted, "random-search")
    assert "proxies" not in runs.experiment.to_json()
    assert not [name for name in runs.table.column_names if "score" in name]


def _measured(row: Row) -> int:
    """Return the place of a score that was measured."""
    return int(np.argmax(row["scored/seconds"]))


def _value(row: Row) -> Row:
    row["scored/value"][_measured(row)] += 1e-9
    return row


def _seconds(row: Row) -> Row:
    row["scored/seconds"][_measured(row)] *= 0.5
    row["score_seconds"] = float(np.cumsum(row["scored/seconds"])[-1])
    return row


def _total(row: Row) -> Row:
    row["score_seconds"] *= 1 - 1e-9
    return row


def _fewer(row: Row) -> Row:
    """Pretend that only those were scored that were evaluated."""
    kept = [one in row["architecture"] for one in row["scored/architecture"]]
    for name in ("architecture", "proxy", "value", "seconds", "before"):
        values = zip(row[f"scored/{name}"], kept, strict=True)
        row[f"scored/{name}"] = [one for one, keep in values if keep]
    row["scores"] = sum(kept)
    row["score_seconds"] = float(np.cumsum(row["scored/seconds"])[-1])
    return row


def test_an_honest_folder_passes(folder: Path) -> None:
    assert audit(folder, replays=2 * SEEDS).faults == ()


@pytest.mark.parametrize(
    ("change", "check"), [(_value, "scores"), (_seconds, "scores"), (_total, "totals")]
)
def test_changed_scores_are_found(change: Any, check: str, folder: Path) -> None:
    edit(of(folder, "proxy"), change)
    assert check in found_in(audit(folder))


def test_scores_that_were_left_out_are_found_by_a_replay(folder: Path) -> None:
    edit(of(folder, "proxy"), _fewer)
    assert "replay" in found_in(audit(folder, replays=2 * SEEDS))


@pytest.mark.parametrize("column", ["scored/before", "scored/seconds"])
def test_impossible_scores_are_damage(column: str, folder: Path) -> None:
    def negative(row: Row) -> Row:
        row[column][0] = -1
        return row

    edit(of(folder, "proxy"), negative)
    assert any(column in what for what in found_in(audit(folder))["damaged"])


def test_other_scores_are_one_line(measured: Path, folder: Path) -> None:
    """Runs do not go on with another file, an audit says so, and a comparison leaves them out."""
    path = put_scores(measured, scores(seed=1))
    try:
        with pytest.raises(NasbenchError, match="have changed since these runs"):
            Runner(stored(folder).experiment)
        assert "scores" in found_in(audit(folder))
        (block,) = compare(folder).blocks
        assert block.proxies == ()
        assert any("no correlations of proxies" in note for note in block.notes)
        path.unlink()
        with pytest.raises(NasbenchError, match="needs proxy 'synflow'"):
            Runner(stored(folder).experiment)
        assert "scores" in found_in(audit(folder))
    finally:
        put_scores(measured, scores())


def test_a_file_of_scores_that_is_gone_is_one_fault(measured: Path, folder: Path) -> None:
    """Of two experiments that need it, with a comparison and with replays."""
    path = put_scores(measured, scores())
    other = {"proxy": {"proxy": "synflow", "candidates": 20}}
    run("proxy", settings=other, budget="10evals", out=folder, **SEARCH)
    compare(folder, out=folder / "comparison")
    assert audit(folder, replays=20).faults == ()
    try:
        path.unlink()
        (fault,) = audit(folder, replays=20).faults
        assert (fault.check, fault.where) == ("scores", "nb201")
        assert "needs proxy 'synflow'" in fault.what
    finally:
        put_scores(measured, scores())


def test_two_contents_of_a_file_of_scores_are_told_apart_by_their_hash(
    measured: Path, tmp_path: Path
) -> None:
    labels = set()
    try:
        for seed in (0, 1):
            put_scores(measured, scores(seed))
            run("proxy", settings=SYNFLOW, budget="3evals", out=tmp_path, **SEARCH)
            known = known_proxies(load_table("nb201"), "cifar10")
            labels.add(f"scores {content_of({'synflow': known['synflow']})[:8]}")
    finally:
        put_scores(measured, scores())
    (block,) = compare(tmp_path).blocks
    rows = [one.label for one in block.contenders]
    assert {label.rpartition("(")[2].rstrip(")") for label in rows} == labels
    assert len(set(rows)) == 2


def test_correlations_stand_in_the_comparison(folder: Path) -> None:
    """They are those of ranks by hand over the architectures that all proxies were measured on."""
    out = folder / "comparison"
    comparison = compare(folder, out=out)
    (block,) = comparison.blocks
    synflow = scores()["synflow"]
    signal = block.known.mean_signal(SIZE)
    test = block.known.test["cifar10"]
    here = ~np.isnan(synflow)
    found = {(one.proxy, one.dataset): one for one in block.proxies}
    one = found["synflow", "cifar10"]
    assert one.n == here.sum() > 10_000
    assert one.used
    assert one.valid == pytest.approx(_by_hand(synflow[here], signal[here]), abs=1e-9)
    assert one.test == pytest.approx(_by_hand(synflow[here], test[here]), abs=1e-9)
    assert math.isnan(found["same", "cifar10"].valid)
    assert math.isnan(found["few", "cifar10"].valid)
    assert any("proxy few" in note for note in block.notes)
    assert any("proxy same" in note for note in block.notes)
    assert any(f"measured on {here.sum():,} of 15,625" in note for note in block.notes)
    kept = json.loads((out / "comparison.json").read_text())
    assert {row["proxy"] for row in kept["blocks"][0]["proxies"]} >= {"synflow", "same", "few"}
    (cost,) = out.glob("*/cost.md")
    assert "Spearman" in cost.read_text()
    assert list(out.glob("*/proxies.md"))
    assert audit(folder).faults == ()
    kept["blocks"][0]["proxies"][0]["n"] += 1
    (out / "comparison.json").write_text(json.dumps(kept))
    assert "comparison" in found_in(audit(folder))


def _by_hand(scores: NDArray[np.float64], values: NDArray[np.float64]) -> float:
    """Pearson's correlation of ranks, equal values with the mean of their ranks."""

    def ranks(of: NDArray[np.float64]) -> NDArray[np.float64]:
        _, place, count = np.unique(of, return_inverse=True, return_counts=True)
        return (np.cumsum(count) - (count - 1) / 2)[place]

    return float(np.corrcoef(ranks(scores), ranks(values))[0, 1])


def test_spearman_of_samples_without_ties_is_the_closed_form() -> None:
    """1 - 6 sum d^2 / (n (n^2 - 1))."""
    scores = np.array([3.0, 1.0, -np.inf, 9.0, 4.0])
    values = np.array([0.2, 0.3, 0.1, 0.5, 0.4])
    assert spearman(scores, values) == pytest.approx(1 - 6 * 2 / (5 * 24))
    assert math.isnan(spearman(np.ones(5), values))
    assert math.isnan(spearman(scores[:1], values[:1]))

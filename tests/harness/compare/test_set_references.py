"""Reference rows of sets: against real searches, moocore, plain loops, and each other."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import moocore
import numpy as np
import pytest

from nasbench.harness.audit import audit
from nasbench.harness.compare import compare
from nasbench.harness.compare.comparison import Block
from nasbench.harness.compare.figures.plots import regret_lines
from nasbench.harness.compare.references import EXPECTED, Reference
from nasbench.harness.execution.run import run
from nasbench.harness.search.budget import Budget
from nasbench.pareto.hypervolume import hypervolume

SEEDS = 300
BOTH = "accuracy,latency"
WHAT = ("signal", "valid", "test")


def searched(folder: Path, **asked: Any) -> Block:
    """Return the block of random searches of digits."""
    asked = {"budget": "40evals", "objective": BOTH, **asked}
    run("random-search", benchmark="digits", seeds=SEEDS, out=folder, workers=1, **asked)
    return compare(folder).blocks[0]


def named(block: Block, name: str) -> Reference:
    return next(one for one in block.references if one.reference == name)


def agree(block: Block) -> None:
    """Runs have the expected mean and deviation, within four standard errors of their mean."""
    expected, row = named(block, EXPECTED), block.contenders[0]
    assert expected.errors is not None
    for what in WHAT:
        found = row.final(what, "" if what == "signal" else "digits")
        found = found[~np.isnan(found)]
        error = np.hypot(
            found.std() / np.sqrt(len(found)), getattr(expected.errors, f"{what}_error")
        )
        assert abs(found.mean() - getattr(expected, f"{what}_mean")) < 4 * error
        if what != "signal":
            assert found.std() == pytest.approx(getattr(expected, f"{what}_std"), rel=0.2)


@pytest.fixture(scope="module")
def block(tmp_path_factory: pytest.TempPathFactory) -> Block:
    return searched(tmp_path_factory.mktemp("random"))


def test_random_searches_agree_with_what_is_expected(block: Block) -> None:
    agree(block)
    expected = named(block, EXPECTED)
    assert expected.errors is not None
    assert expected.evaluations_mean == 40
    assert expected.errors.signal_error == 0  # in closed form
    assert 0 < expected.errors.test_error < 1
    note = next(one for one in block.notes if one.startswith("expected random search"))
    assert "means of signal in closed form" in note
    assert "test on Digits ± 0." in note


@pytest.mark.parametrize(
    "asked",
    [
        {"signal": "mean"},
        {"signal": "mean", "repeats": "free", "budget": "150s"},
        {"simulated_workers": 4, "budget": "100s"},
        {"constraint": "latency<=0.55"},
        {"objective": "accuracy,latency,params"},
        {"objective": "loss,latency"},
    ],
    ids=str,
)
def test_they_agree_by_other_protocols(tmp_path: Path, asked: dict[str, Any]) -> None:
    agree(searched(tmp_path, **asked))


def test_the_closed_form_is_the_limit_of_drawn_searches(block: Block) -> None:
    """The same expectation twice: of random trainings, each of three answers of a cell."""
    known = block.known_sets
    assert known is not None
    assert known.in_closed_form("signal", "")
    assert not known.in_closed_form("valid", "digits")
    numbers = known.numbers.astype(float)
    exact, drawn = known.expect("signal", "", numbers), known._simulated["signal", ""]
    assert (np.abs(exact.mean - drawn.mean) < 4.5 * drawn.error).all()
    assert (exact.error == 0).all()


def test_one_evaluation_is_the_mean_architecture(tmp_path: Path) -> None:
    one = searched(tmp_path, signal="mean", budget="1evals")
    alone, drawn = named(one, "mean architecture"), named(one, EXPECTED)
    assert drawn.signal_mean == pytest.approx(alone.signal_mean, rel=1e-9)
    assert one.known_sets is not None
    assert one.known_sets.in_closed_form("signal", "")


def test_all_evaluations_without_repeats_are_the_front(block: Block) -> None:
    """Without replacement, as where repeats are free; of the signal that is the whole front."""
    known = block.known_sets
    assert known is not None
    asked = known.draws.task
    task = replace(
        asked, repeats="free", query=replace(asked.query, signal="mean"), budget=Budget(1e9)
    )
    size = known.fronts.signal.scores.shape[0]
    apart = replace(
        known.draws, task=task, places=(np.zeros(size, int), np.arange(size)),
        weights=np.ones(size), costs=np.ones(size),
    )  # fmt: skip
    every = replace(known, draws=apart, signal=known.fronts.signal.scores)
    found = every.expect("signal", "", np.array([size, 2.0 * size]))
    assert found.mean == pytest.approx([100, 100])


def test_fronts_and_the_mean_architecture_by_moocore(block: Block) -> None:
    assert block.known_sets is not None
    fronts = block.known_sets.fronts
    valid, test = fronts.valid["digits"], fronts.test["digits"]
    front, chosen = named(block, "exact front"), named(block, "exact front by validation")
    assert (front.test_mean, front.regret_mean) == (pytest.approx(100), pytest.approx(0))
    members = moocore.is_nondominated(valid.scores, maximise=True, keep_weakly=True)
    measured = moocore.hypervolume(test.scores[members], ref=test.reference, maximise=True)
    whole = moocore.hypervolume(test.scores, ref=test.reference, maximise=True)
    assert chosen.test_mean == pytest.approx(100 * float(measured) / float(whole), rel=1e-9)
    assert chosen.valid_mean == pytest.approx(100)
    assert chosen.test_mean < 100
    each = [100 * hypervolume(one[None], test.reference) / float(whole) for one in test.scores]
    alone = named(block, "mean architecture")
    assert (alone.test_mean, alone.test_std) == pytest.approx((np.mean(each), np.std(each)))


def test_tables_curves_and_targets_have_it(block: Block) -> None:
    expected = named(block, EXPECTED)
    ((_, lines),) = regret_lines(block, "evaluations")
    (line,) = (one for one in lines if one.label == EXPECTED)
    curve = line.curve
    assert curve.grid[-1] == 40
    assert curve.centre[-1] == pytest.approx(expected.regret_mean)
    assert expected.errors is not None
    width = curve.high[-1] - curve.low[-1]
    assert width == pytest.approx(2 * 1.96 * expected.errors.test_error)
    assert (np.diff(curve.centre) < 1).all()  # up to noise it falls
    assert block.rows[0].anytime.target == pytest.approx(expected.test_mean)
    assert 0 < block.rows[0].anytime.in_evaluations.runs < SEEDS


@pytest.mark.usefixtures("no_pdfs")
def test_what_is_written_is_derived_again(tmp_path: Path) -> None:
    run("random-search", benchmark="digits", seeds=3, objective=BOTH, out=tmp_path, workers=1)
    compare(tmp_path, out=tmp_path / "comparison")
    assert audit(tmp_path).faults == ()
    file = tmp_path / "comparison" / "comparison.json"
    stored = json.loads(file.read_text())
    row = next(one for one in stored["references"] if one["reference"] == EXPECTED)
    assert row["signal_error"] == 0
    captions = next((tmp_path / "comparison").glob("*/captions.md")).read_text()
    assert "the mean over 2,000 searches drawn from the table with its 95 % interval" in captions
    row["test_error"] /= 2
    file.write_text(json.dumps(stored))
    assert any("test_error" in one.what for one in audit(tmp_path).faults)


def test_early_stopping_has_no_expectation(tmp_path: Path) -> None:
    one = searched(tmp_path, budget=Budget(evaluations=40, patience=5))
    assert EXPECTED not in {row.reference for row in one.references}
    assert "exact front" in {row.reference for row in one.references}
    assert any("early stopping has no closed form" in note for note in one.notes)

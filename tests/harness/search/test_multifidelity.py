"""Multi-fidelity strategies on a table: charges, answers, replays, and what they need."""

from collections import Counter
from pathlib import Path

import pytest

from nasbench.benchmarks.catalogue import load_table, table_path
from nasbench.errors import InvalidInput, NasbenchError
from nasbench.harness.audit import audit
from nasbench.harness.execution.run import run
from nasbench.harness.results.store import ExperimentFolder, experiments
from nasbench.harness.search.fidelities import has_several, installed_with_several
from nasbench.strategies.base import Tag
from nasbench.strategies.registry import strategies
from tests.tables import synthetic_table

NAMES = [name for name, found in strategies().items() if Tag.FIDELITIES in found.tags]


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """All of them by both rules of charging, with one worker and with four."""
    folder = tmp_path_factory.mktemp("multifidelity")
    for promotion in ("restart", "resume"):
        for workers in (1, 4):
            run(NAMES, seeds=3, benchmark="digits", promotion=promotion, workers=1,
                simulated_workers=workers, out=folder / "results")  # fmt: skip
    return folder / "results"


def of(made: Path, promotion: str) -> list[ExperimentFolder]:
    """Return the experiments of strategies with rungs; median stopping has every fidelity."""
    return [
        one for one in experiments(made)
        if one.experiment.task.promotion == promotion
        and one.experiment.strategy != "median-stopping"
    ]  # fmt: skip


def test_an_audit_derives_charges_and_answers_again(made: Path) -> None:
    assert set(NAMES) >= {"successive-halving", "hyperband", "asha", "bohb"}
    number = len(NAMES) * 12
    found = audit(made, replays=number, trust=True)
    assert found.faults == ()
    assert (found.runs, found.replayed) == (number, number)


def test_rungs_of_digits_and_the_answer(made: Path) -> None:
    for folder in [*of(made, "restart"), *of(made, "resume")]:
        for row in folder.read().to_pylist():
            assert set(row["fidelity"]) == {2, 5, 15}
            answer = row["incumbents"][-1]
            pairs = zip(row["value/accuracy"], row["fidelity"], strict=True)
            best = max(value for value, fidelity in pairs if fidelity == 15)
            assert row["fidelity"][answer] == 15
            assert row["value/accuracy"][answer] == best


def test_epochs_of_resumed_trainings(made: Path) -> None:
    """From 2 to 5 epochs are 3, from 5 to 15 are 10; an evaluation that begins costs them all.

    A child of `dehb` may be an architecture that was trained for 2 epochs: to 15 are 13.
    """
    whole = {(2, 2), (5, 5), (15, 15)}
    for promotion, new in (("restart", whole), ("resume", whole | {(5, 3), (15, 10), (15, 13)})):
        for folder in of(made, promotion):
            pairs: Counter[tuple[int, int]] = Counter()
            for row in folder.read().to_pylist():
                pairs.update(zip(row["fidelity"], row["epochs"], strict=True))
            assert set(pairs) <= new
            if promotion == "resume":
                assert pairs[5, 3]
                assert pairs[15, 10]


def test_median_stopping_pays_each_epoch_once_where_trainings_are_resumed(made: Path) -> None:
    """One epoch for each evaluation, from 1 epoch on to where it was stopped."""
    seen = 0
    for folder in experiments(made):
        if folder.experiment.strategy != "median-stopping":
            continue
        resumed = folder.experiment.task.promotion == "resume"
        for row in folder.read().to_pylist():
            assert row["epochs"] == ([1] * len(row["epochs"]) if resumed else row["fidelity"])
            reached: dict[str, list[int]] = {}
            for text, fidelity in zip(row["architecture"], row["fidelity"], strict=True):
                reached.setdefault(text, []).append(fidelity)
            assert all(each == list(range(1, len(each) + 1)) for each in reached.values())
            seen += any(len(each) < 15 for each in reached.values())
    assert seen == 12


def test_the_tables_that_have_several_are_found_by_their_headers(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Data that are damaged are not read, and a damaged header is left out."""
    monkeypatch.setenv("NASBENCH_DATA", str(tmp_path))
    whole = table_path("digits").read_bytes()
    (tmp_path / "tables").mkdir()
    (tmp_path / "tables" / "data.safetensors").write_bytes(whole[:-8] + bytes(8))
    (tmp_path / "tables" / "header.safetensors").write_bytes(whole.replace(b"digits", b"digitz", 1))
    assert installed_with_several() == "installed: data, digits"
    with pytest.raises(NasbenchError, match="is damaged"):
        load_table("data")


def test_one_fidelity_is_refused_with_the_tables_that_have_several(tmp_path: Path) -> None:
    table = synthetic_table()
    assert not has_several(table)
    assert has_several(load_table("digits"))
    assert "digits" in installed_with_several()
    table.save(tmp_path / "single.safetensors")
    for name in NAMES:
        line = f"'{name}' compares fidelities, and this search has 1: .*installed: .*digits"
        with pytest.raises(InvalidInput, match=line) as caught:
            run(name, benchmark=tmp_path / "single.safetensors", seeds=1, budget="5evals",
                out=tmp_path / "results")  # fmt: skip
        assert "\n" not in str(caught.value)

"""Runs are the bits that an earlier version made: see `kept`."""

import csv
import json
import re
from pathlib import Path

import pytest

from nasbench.benchmarks.catalogue import fetch_table
from nasbench.harness.audit import audit
from nasbench.harness.compare import compare
from nasbench.strategies.registry import strategies
from tests.harness import kept
from tests.upstream import upstream

KEPT = json.loads(Path(__file__).with_name("kept.json").read_text(encoding="utf-8"))


FEW = 5


@pytest.fixture
def nb201(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Install the real table."""
    monkeypatch.setenv("NASBENCH_UPSTREAM", str(upstream()))
    monkeypatch.setenv("NASBENCH_DATA", str(tmp_path / "data"))
    fetch_table("nb201")


@pytest.mark.usefixtures("nb201")
def test_searches_of_tables_are_the_bits_they_were() -> None:
    assert kept.of_tables(FEW) == {name: one[:FEW] for name, one in KEPT["tables"].items()}


@pytest.mark.slow
@pytest.mark.usefixtures("nb201")
def test_all_searches_of_tables_are_the_bits_they_were() -> None:
    made = kept.of_tables()
    assert sum(map(len, made.values())) == 4 * 50 * 3 * 2
    assert made == KEPT["tables"]


def same_instructions() -> None:
    if kept.instructions() != KEPT["instructions"]:
        pytest.skip(f"stored with {KEPT['instructions']}: other last bits are expected here")


@pytest.mark.parametrize("name", ["darts", "gdas", "enas"])
def test_searches_of_shared_weights_are_the_bits_they_were(name: str) -> None:
    same_instructions()
    assert kept.of_shared_weights([name], 1) == {name: KEPT["shared"][name][:1]}


@pytest.mark.slow
def test_all_searches_of_shared_weights_are_the_bits_they_were() -> None:
    same_instructions()
    assert kept.of_shared_weights() == KEPT["shared"]


STORED = Path(__file__).with_name("schema1")
"""Runs that version 0.2.0 stored, some by the entropy of 0.1.0, and its comparison of them."""


RENAMED = {"queries_mean": "evaluations_mean"}
"""Columns by what they were called then."""
RENAMED_OF_SHARED = dict.fromkeys(("queries_mean", "training_epochs_mean"), "shared_epochs_mean")
"""The same of rows with shared weights, of which both were their epochs."""


@pytest.mark.usefixtures("no_pdfs")
def test_stored_runs_are_compared_as_they_were(tmp_path: Path) -> None:
    made = compare(STORED, out=tmp_path / "comparison")
    (written,) = (tmp_path / "comparison").glob("*/results.csv")
    assert made.faults == ()
    with written.open(encoding="utf-8") as file:
        rows = {
            row["strategy"] + "".join(re.findall(r" \(entropy rule \d\)$", row["label"])): row
            for row in csv.DictReader(file)
        }
    stored = json.loads((STORED / "results.json").read_text(encoding="utf-8"))
    # labels were names of strategies, with what is not the default
    wanted = {label.removesuffix(" (epochs=2)"): numbers for label, numbers in stored.items()}
    assert [row["label"].partition(" (")[0] for row in rows.values()] == [
        strategies()[row["strategy"]].title for row in rows.values()
    ]
    assert rows.keys() == wanted.keys()
    for label, numbers in wanted.items():
        names = RENAMED_OF_SHARED if rows[label]["shared_epochs_mean"] else RENAMED
        for name, text in numbers.items():
            found = rows[label][names.get(name, name)]
            try:
                assert float(found) == pytest.approx(float(text), rel=1e-12), (label, name)
            except ValueError:
                assert found == text, (label, name)


def test_stored_runs_are_audited_and_replayed() -> None:
    found = audit(STORED / "digits-digits-30evals", replays=18)
    assert found.faults == ()
    assert (found.experiments, found.runs, found.replayed) == (6, 18, 18)

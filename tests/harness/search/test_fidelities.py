"""Searches at several fidelities: which answer counts, what is charged, and what an audit finds."""

from collections.abc import Callable
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nasbench.benchmarks.catalogue import load_table
from nasbench.errors import InvalidInput
from nasbench.harness.audit import audit
from nasbench.harness.compare import compare
from nasbench.harness.execution.run import run
from nasbench.harness.results.store import ExperimentFolder, experiments
from nasbench.harness.search.selection import choose
from nasbench.problem import Answer, Evaluate, Fidelity, Trial
from nasbench.rules import Selection
from nasbench.strategies.base import SearchStrategy
from tests.harness.audit.planting import Row, judged, rewrite

HALVING = "tests.harness.asking:SuccessiveHalving"
EVOLUTION = "tests.harness.asking:AsynchronousEvolution"
CASES = [
    # rule, own, scores, fidelities, the steps at which the answer changes
    ("highest", 5, [50, 60, 55], [5, 5, 5], [0, 1]),
    ("highest", 5, [50, 40, 45, 99], [1, 5, 5, 1], [0, 1, 2]),  # 40 after five beats 50 after one
    ("highest", 5, [50, 40, 40, 41], [5, 15, 15, 15], [0, 1, 3]),
    ("highest", 5, [np.nan, 40, np.nan, 39], [5, 1, 5, 5], [1, 3]),  # a failure reaches nothing
    ("highest", 5, [-np.inf, 1.0], [5, 1], [1]),
    ("own", 5, [90, 50, 95, 60, 55], [1, 5, 15, 5, 5], [1, 3]),
    ("own", 5, [90, 95], [1, 15], []),
]


@pytest.mark.parametrize(("rule", "own", "scores", "fidelity", "expected"), CASES)
def test_answers_by_hand(
    rule: str, own: int, scores: list[float], fidelity: list[int], expected: list[int]
) -> None:
    found = choose(Selection(rule), np.array(scores, float)[:, None], np.array(fidelity), own)
    assert found.incumbents.tolist() == expected
    assert found.selected.tolist() == expected[-1:]


steps = st.lists(st.tuples(st.sampled_from([np.nan, 1.0, 2.0, 3.0]), st.sampled_from([1, 5, 15])))


@given(steps, st.sampled_from([Selection.HIGHEST, Selection.OWN]))
def test_answers_by_their_definition(drawn: list[tuple[float, int]], rule: Selection) -> None:
    """After every evaluation: the first best one among those at the fidelity that counts."""
    expected, last = [], None
    for end in range(1, len(drawn) + 1):
        fine = [(i, s, f) for i, (s, f) in enumerate(drawn[:end]) if s == s]
        top = 5 if rule is Selection.OWN else max((f for _, _, f in fine), default=0)
        among = [(s, -i) for i, s, f in fine if f == top]
        answer = -max(among)[1] if among else None
        if answer is not None and answer != last:
            expected.append(answer)
            last = answer
    scores = np.array([s for s, _ in drawn], float).reshape(-1, 1)
    fidelity = np.array([f for _, f in drawn], int)
    assert choose(rule, scores, fidelity, 5).incumbents.tolist() == expected


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Successive halving and evolution, by both rules of charging, with one worker and with six."""
    folder = tmp_path_factory.mktemp("fidelities")
    for promotion in ("restart", "resume"):
        for workers in (1, 6):
            run([HALVING, EVOLUTION], seeds=4, benchmark="digits", promotion=promotion,
                simulated_workers=workers, out=folder / "results", workers=1)  # fmt: skip
    return folder / "results"


def halving(results: Path, promotion: str, workers: int = 1) -> ExperimentFolder:
    (found,) = (
        one for one in experiments(results)
        if one.experiment.strategy == HALVING and one.experiment.task.promotion == promotion
        and one.experiment.task.simulated_workers == workers
    )  # fmt: skip
    return found


def columns() -> tuple[Callable[[str], int], dict[str, np.ndarray]]:
    """Return the row of an architecture, and the table's own columns of costs and values."""
    table = load_table("digits")
    names = {"each": "digits/train/per-epoch/seconds", "pass": "digits/valid/per-epoch/seconds",
             "whole": "digits/query/hp15/seconds/mean"}  # fmt: skip
    found = {name: table._read(column).astype(float) for name, column in names.items()}
    curves = [table._read(f"digits/valid/hp15/curve/accuracy/seed{seed}") for seed in (0, 1)]
    found["curves"] = np.stack(curves)[:, table.rows]
    return lambda text: table.space.index(table.space.parse(text)), found


@pytest.mark.parametrize("workers", [1, 6])
def test_a_training_that_goes_on_pays_what_is_new(made: Path, workers: int) -> None:
    """Its rungs together cost the longest training and one validation pass for each."""
    index, table = columns()
    seen = 0
    for row in halving(made, "resume", workers).read().to_pylist():
        steps: dict[str, list[int]] = {}
        for step, text in enumerate(row["architecture"]):
            steps.setdefault(text, []).append(step)
        for text, mine in steps.items():
            reached = [row["fidelity"][step] for step in mine]
            if len(mine) < 2 or sorted(set(reached)) != reached:
                continue  # drawn twice, or never promoted
            seen += 1
            cell = index(text)
            assert sum(row["epochs"][step] for step in mine) == max(reached)
            cost = max(reached) * table["each"][cell] + len(mine) * table["pass"][cell]
            assert sum(row["seconds"][step] for step in mine) == pytest.approx(cost, rel=1e-5)
            trials = [
                {seed for seed in (0, 1)
                 if table["curves"][seed, cell, epochs - 1] == row["value/accuracy"][step]}
                for step, epochs in zip(mine, reached, strict=True)
            ]  # fmt: skip
            assert set.intersection(*trials)  # one training, of one seed
    assert seen > 20


def test_a_training_that_begins_anew_pays_all(made: Path) -> None:
    index, table = columns()
    for row in halving(made, "restart").read().to_pylist():
        assert row["epochs"] == row["fidelity"]
        assert set(row["fidelity"]) == {1, 5, 15}
        for text, epochs, cost in zip(
            row["architecture"], row["fidelity"], row["seconds"], strict=True
        ):
            whole = epochs * table["each"][index(text)] + table["pass"][index(text)]
            assert cost == pytest.approx(whole, rel=1e-5)
        answer = row["incumbents"][-1]
        assert row["fidelity"][answer] == 15
        best = max(
            v for v, f in zip(row["value/accuracy"], row["fidelity"], strict=True) if f == 15
        )
        assert row["value/accuracy"][answer] == best


@pytest.mark.usefixtures("no_pdfs")
def test_nothing_is_wrong_with_honest_runs(made: Path) -> None:
    compare(made, out=made / "comparison")
    found = audit(made, replays=32, trust=True)
    assert found.faults == ()
    assert (found.runs, found.replayed) == (32, 32)
    blocks = compare(made).blocks
    assert len(blocks) == 4
    titles = " ".join(block.footer for block in blocks)
    assert "promotion resume" in titles
    assert "6 simulated workers" in titles


def across_fidelities(folder: ExperimentFolder, row: Row) -> Row:
    """Let accuracies after 1 and after 15 epochs compete, as a running maximum does."""
    best, steps = -np.inf, []
    for step, value in enumerate(row["value/accuracy"]):
        if value > best:
            best, steps = value, [*steps, step]
    if steps == row["incumbents"]:
        steps = steps[:-1]
    return judged(folder, {**row, "incumbents": steps})


def cheaper(folder: ExperimentFolder, row: Row) -> Row:
    """Charge a rung of a training that begins anew as if it went on."""
    step = row["fidelity"].index(15)
    row["seconds"][step] *= 2 / 3
    row["clock_seconds"] = float(np.cumsum(row["seconds"])[-1])
    return row


def fewer_epochs(folder: ExperimentFolder, row: Row) -> Row:
    step = row["fidelity"].index(15)
    row["training_epochs"] -= 5
    row["epochs"][step] -= 5
    return row


def longer_trained(folder: ExperimentFolder, row: Row) -> Row:
    """Say that a value after five epochs is one after fifteen."""
    step = row["fidelity"].index(5)
    row["fidelity"][step] = 15
    return row


def of_another_seed(folder: ExperimentFolder, row: Row) -> Row:
    """Let trainings go on as that of the other training seed."""
    index, table = columns()
    for step, text in enumerate(row["architecture"]):
        if row["fidelity"][step] == 15:
            curves = table["curves"][:, index(text), 14]
            other = curves[curves != row["value/accuracy"][step]]
            row["value/accuracy"][step] = float(other[0] if len(other) else curves[0])
    scores = np.array(row["value/accuracy"])[:, None]
    chosen = choose(Selection.HIGHEST, scores, np.array(row["fidelity"]), 5)
    return judged(folder, {**row, "incumbents": chosen.incumbents.tolist()})


PLANTED = [
    ("restart", across_fidelities, "incumbents"),
    ("restart", cheaper, "answers"),
    ("resume", cheaper, "answers"),
    ("restart", fewer_epochs, "answers"),
    ("resume", fewer_epochs, "answers"),
    ("resume", longer_trained, "answers"),
    ("resume", of_another_seed, "answers"),
]


@pytest.mark.parametrize(("promotion", "plant", "check"), PLANTED)
def test_what_is_planted_is_found(
    promotion: str, plant: Callable[[ExperimentFolder, Row], Row], check: str, tmp_path: Path
) -> None:
    run(HALVING, seeds=2, benchmark="digits", promotion=promotion, out=tmp_path, workers=1)
    (folder,) = experiments(tmp_path)
    rewrite(folder, lambda rows: [plant(folder, rows[0]), *rows[1:]])
    assert check in {one.check for one in audit(tmp_path).faults}


def test_a_run_that_ended_early_is_found(tmp_path: Path) -> None:
    """A third of a run is missing: not even the dearest evaluation would have filled the rest."""
    run(HALVING, seeds=2, benchmark="digits", out=tmp_path, workers=1)
    (folder,) = experiments(tmp_path)

    def cut(row: Row) -> Row:
        most = 2 * len(row["architecture"]) // 3
        for name, values in row.items():
            if isinstance(values, list) and len(values) == row["evaluations"]:
                row[name] = values[:most]
        row |= {
            "evaluations": most, "distinct": len(set(row["architecture"])),
            "training_epochs": sum(row["epochs"]),
            "clock_seconds": float(np.cumsum(row["seconds"])[-1]),
            "optimiser_seconds": float(np.cumsum(row["optimiser"])[-1]),
        }  # fmt: skip
        return judged(folder, {**row, "incumbents": [i for i in row["incumbents"] if i < most]})

    rewrite(folder, lambda rows: [cut(rows[0]), *rows[1:]])
    assert "budget" in {one.check for one in audit(tmp_path).faults}


def test_the_answer_by_the_own_fidelity(tmp_path: Path) -> None:
    run(HALVING, seeds=2, benchmark="digits", selection="own", out=tmp_path, workers=1)
    (folder,) = experiments(tmp_path)
    for row in folder.read().to_pylist():
        assert {row["fidelity"][step] for step in row["incumbents"]} == {5}
        own = [v for v, f in zip(row["value/accuracy"], row["fidelity"], strict=True) if f == 5]
        assert row["value/accuracy"][row["incumbents"][-1]] == max(own)
    assert audit(tmp_path, replays=2, trust=True).faults == ()
    assert "the best at the protocol's own fidelity" in compare(tmp_path).titles[0]


class Asks(SearchStrategy):
    """Asks random cells at the fidelities of a list, and then at the task's own."""

    family = "test"
    reference = "none"
    epochs: ClassVar[tuple[int | None, ...]] = ()

    def setup(self) -> None:
        self.asked = 0

    def ask(self) -> Evaluate:
        known = self.epochs[self.asked] if self.asked < len(self.epochs) else None
        self.asked += 1
        return Evaluate(self.space.sample(self.random), known and Fidelity(known))

    def tell(self, trial: Trial, answer: Answer) -> None:
        """Learn nothing."""


class Lower(Asks):
    epochs = (1,)


class HigherLast(Asks):
    """Ten at the task's own fidelity, then one that overshoots the budget."""

    epochs = (None,) * 10 + (15,) * 99


@pytest.mark.parametrize("workers", [1, 3])
@pytest.mark.parametrize(
    ("strategy", "budget", "seed"), [("Lower", "27epochs", 0), ("HigherLast", "34s", 0)]
)
def test_an_honest_end_at_another_fidelity_is_no_fault(
    strategy: str, budget: str, seed: int, workers: int, tmp_path: Path
) -> None:
    """What did not fit is not stored, and may have been dearer than all that is."""
    run(f"{__name__}:{strategy}", seeds=3, benchmark="digits", budget=budget, out=tmp_path,
        simulated_workers=workers, workers=1)  # fmt: skip
    assert audit(tmp_path, replays=3, trust=True).faults == ()


class Spells(Asks):
    """Asks one cell at one fidelity, written in three ways."""

    def ask(self) -> Evaluate | None:
        self.asked += 1
        written = (self.problem.own, None, Fidelity(self.problem.own.epochs), None)
        if self.asked > len(written):
            return None
        return Evaluate(self.space.architectures[7], written[self.asked - 1])


def test_a_repeat_is_free_however_it_is_written(tmp_path: Path) -> None:
    run(f"{__name__}:Spells", seeds=6, benchmark="digits", repeats="free", out=tmp_path, workers=1)
    (folder,) = experiments(tmp_path)
    for row in folder.read().to_pylist():
        assert row["epochs"] == [5, 0, 0, 0]
        assert len(set(row["value/accuracy"])) == 1
    assert audit(tmp_path, replays=6, trust=True).faults == ()


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"selection": "best"}, "selection 'best' is unknown: valid are highest, own"),
        ({"promotion": 3}, "promotion cannot be 3"),
        ({"promotion": "resume", "benchmark": "train:nb201", "budget": "2evals"}, "begin anew"),
    ],
)
def test_rules_that_there_are_not(options: dict[str, Any], words: str, tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match=words):
        run("random-search", seeds=1, out=tmp_path, **{"benchmark": "digits", **options})

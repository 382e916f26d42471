"""Searches that train one supernet for each weight of the cost: their cost, their set, their audit.

A sweep is held against single searches of each weight, its set against the definition.
"""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import moocore
import numpy as np
import pandas
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nasbench.benchmarks.catalogue import load_table
from nasbench.benchmarks.tables.costs import per_architecture
from nasbench.benchmarks.training.shared import SharedSession
from nasbench.errors import InvalidInput
from nasbench.harness.audit import audit
from nasbench.harness.compare import compare
from nasbench.harness.execution.run import run
from nasbench.harness.results.load import load_results
from nasbench.harness.results.store import experiments
from nasbench.harness.search.budget import Budget, Clock
from nasbench.harness.search.loop import Trajectory, search
from nasbench.harness.search.shared import Resumable, lender
from nasbench.harness.search.sweeps import derived
from nasbench.problem import ACCURACY, Metric, Problem
from nasbench.randomness import Random
from nasbench.rules import Selection
from nasbench.spaces import get_space
from nasbench.strategies.parts.one_shot import OneShot
from nasbench.strategies.registry import find_strategy, make_settings
from nasbench.testing.one_shot import EPOCHS, SMALL, toy_data
from nasbench.trace import TRAIN_LOSS, Traces
from tests.harness.audit.planting import Row, of, rewrite

BOTH = (ACCURACY, Metric("params", "min", "parameters", 0.0))
LATENCY = "latency/amd-epyc"
WEIGHTS = (0.0, 0.5, 20.0)
SWEPT = [  # strategy, its other settings, the setting that the sweep is of
    ("fbnet", {"form": "product"}, "exponent"),
    ("fbnet", {"form": "sum"}, "cost_weight"),
    ("proxylessnas", {}, "cost_weight"),
]
QUICK = {"epochs": 2, "channels": 2, "batch": 128}


def made(name: str, several: bool = True, **own: object) -> tuple[OneShot, SharedSession]:
    """Return a search on toy images and its session, always with the same random numbers."""
    found, space = find_strategy(name), get_space("nb201")
    settings = make_settings(found, {**SMALL, "alpha_learning_rate": 0.3, **own})
    objectives = BOTH if several else BOTH[:1]
    costs = (lambda one: (float(sum(one)),)) if several else (lambda _: ())
    benchmark = lender(space, toy_data(), settings, objectives=objectives, costs_of=costs)
    searching = found(Problem(space, objectives), settings, Random(1))
    assert isinstance(searching, OneShot)
    return searching, benchmark.session(Random(2))


def clock(epochs: int, several: bool = True) -> Clock:
    if not several:
        return Clock(Budget(epochs=epochs))
    return Clock(Budget(epochs=epochs), objectives=BOTH, selection=Selection.FRONT)


def without_number(traces: Traces) -> dict[str, float]:
    return {one.column: value for one, value in traces.items() if one.column != "figure/supernet"}


@pytest.mark.parametrize(("name", "own", "swept"), SWEPT)
def test_every_supernet_is_a_single_search_with_its_weight(
    name: str, own: dict[str, object], swept: str
) -> None:
    """Same answers, losses and probabilities to the last bit, and as many epochs in all."""
    searching, session = made(name, **own, sweep=WEIGHTS)
    whole = search(searching, session, clock(100))
    parts: list[Trajectory] = []
    for weight in WEIGHTS:
        single, alone = made(name, several=False, **own, **{swept: weight})
        parts.append(search(single, alone, clock(100, several=False)))
    assert whole.stop == "exhausted"
    assert whole.epochs.sum() == sum(one.epochs.sum() for one in parts) == EPOCHS * len(WEIGHTS)
    assert whole.architectures == [cell for one in parts for cell in one.architectures]
    assert whole.values[:, 0].tolist() == [float(x) for one in parts for x in one.values[:, 0]]
    assert [without_number(one) for one in whole.traces] == [
        dict(without_number(one)) for part in parts for one in part.traces
    ]
    losses = [one[TRAIN_LOSS] for one in whole.traces]
    assert len(set(losses)) == len(losses)  # so that the weight does change the search


def test_a_sweep_costs_what_its_single_searches_cost() -> None:
    """Every epoch of every supernet, and one derivation from each, by a clock of our own."""
    taken = [(5, 2), (6, 3), (7, 60), (9, 4), (5, 1), (8, 2)]  # training and derivation, seconds

    def charged(parts: list[list[tuple[int, int]]], **own: object) -> list[float]:
        seconds = []
        searching, session = made("fbnet", several="sweep" in own, epochs=3, **own)
        for part in parts:
            times = iter([t for train, derive in part for t in (0, train, train + derive)])
            with pytest.MonkeyPatch.context() as patch:
                counter = SimpleNamespace(perf_counter=lambda times=times: next(times))
                patch.setattr("nasbench.benchmarks.training.shared.time", counter)
                for _ in part:
                    answer = session.answer(searching.ask())
                    searching.tell(None, answer)
                    seconds.append(answer.seconds)
        return seconds

    whole = charged([taken[:3], taken[3:]], sweep=(0.1, 0.2))
    assert whole == [*charged([taken[:3]]), *charged([taken[3:]])]
    assert sum(whole) == (5 + 6 + 7) + 60 + (9 + 5 + 8) + 2


@pytest.mark.parametrize("name", ["fbnet", "proxylessnas"])
def test_an_interrupted_sweep_ends_as_an_undisturbed_one(name: str, tmp_path: Path) -> None:
    """Stopped after any epoch, also the last one of a supernet, and continued by new objects."""

    def part(epochs: int, path: Path) -> tuple[Trajectory, dict[str, Any]]:
        searching, session = made(name, sweep=WEIGHTS[:2], epochs=2, idle="decay")
        track = search(searching, Resumable(session, searching, path), clock(epochs))
        return track, session.loan.supernet.state_dict()

    whole, weights = part(4, tmp_path / "whole.pt")
    for after in range(1, 4):
        part(after, tmp_path / "part.pt")
        track, again = part(4, tmp_path / "part.pt")
        assert track.architectures == whole.architectures
        assert track.values.tolist() == whole.values.tolist()
        assert track.selected.tolist() == whole.selected.tolist()
        assert [dict(one) for one in track.traces] == [dict(one) for one in whole.traces]
        assert all((weights[one] == again[one]).all() for one in weights)
        (tmp_path / "part.pt").unlink()


def dominated(one: tuple[float, ...], by: tuple[float, ...]) -> bool:
    return all(b >= a for a, b in zip(one, by, strict=True)) and one != by


def members_of(scores: list[tuple[float, ...]], supernets: list[int]) -> list[int]:
    """Return the set at the end, by its definition."""
    last = [
        max(i for i, one in enumerate(supernets) if one == number and not np.isnan(scores[i][0]))
        for number in sorted(set(supernets))
        if any(one == number and not np.isnan(scores[i][0]) for i, one in enumerate(supernets))
    ]
    return [
        i for i in last
        if not any(dominated(scores[i], scores[j]) for j in last)
        and not any(scores[j] == scores[i] for j in last if j < i)
    ]  # fmt: skip


values = st.sampled_from([0.0, 1.0, 2.0])
epochs = st.lists(st.tuples(values, values, st.booleans()), max_size=12)


@given(epochs, st.integers(1, 4))
def test_the_set_by_its_definition(steps: list[tuple[float, float, bool]], own: int) -> None:
    """Of each supernet the last answer that did not fail, without what another is better than."""
    scores = [(a, b) if fine else (np.nan, np.nan) for a, b, fine in steps]
    supernets = [i // own for i in range(len(steps))]
    found = derived(np.array(scores, float).reshape(-1, 2), np.array(supernets, int))
    assert found.incumbents.tolist() == [i for i, (_, _, fine) in enumerate(steps) if fine]
    assert found.selected.tolist() == members_of(scores, supernets)


def test_an_architecture_without_a_cost_is_no_answer() -> None:
    """The epoch counts and is charged, and the supernet goes on."""
    searching, session = made("fbnet", form="sum", sweep=WEIGHTS)
    whole = search(searching, session, clock(100))
    unknown = set(whole.architectures[:1])
    searching, session = made("fbnet", form="sum", sweep=WEIGHTS)
    session._costs_of = lambda one: (np.nan if one in unknown else float(sum(one)),)
    track = search(searching, session, clock(100))
    known = [i for i, one in enumerate(whole.architectures) if one not in unknown]
    assert track.architectures == whole.architectures
    assert 0 < len(known) < len(whole.architectures)
    assert track.incumbents.tolist() == known
    assert set(track.selected) <= set(known)
    assert np.isnan(np.delete(track.values, known, axis=0)).all()


SETTINGS: dict[str, dict[str, object]] = {
    "fbnet": {**QUICK, "form": "sum", "sweep": (0.0, 3.0, 300.0), "alpha_learning_rate": 0.3},
    "darts": QUICK,
}


@pytest.fixture(scope="module")
def stored(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("sweeps") / "results"
    run("fbnet,darts,random-search", seeds=2, benchmark="digits", objective="accuracy,latency",
        settings=SETTINGS, out=folder, workers=1)  # fmt: skip
    return folder


def scores_of_run(row: Row) -> list[tuple[float, ...]]:
    return list(zip(row["value/accuracy"], [-x for x in row[f"value/{LATENCY}"]], strict=True))


def test_what_is_stored_is_the_set_and_the_tables_costs(stored: Path) -> None:
    """A search without a sweep has a set of one, what it derived last."""
    table = load_table("digits")
    latency = table._read("digits/latency/amd-epyc").astype(float)
    for folder in experiments(stored):
        if folder.experiment.strategy == "random-search":
            continue
        swept = folder.experiment.strategy == "fbnet"
        assert folder.experiment.task.budget == Budget(epochs=6 if swept else 2)
        for row in folder.read().to_pylist():
            cells = [table.space.index(table.space.parse(one)) for one in row["architecture"]]
            assert row[f"value/{LATENCY}"] == latency[cells].tolist()
            assert row["incumbents"] == list(range(6 if swept else 2))
            assert ("figure/supernet" in row) == swept
            supernets = [0, 0, 1, 1, 2, 2] if swept else [0, 0]
            assert row.get("figure/supernet", supernets) == supernets
            assert row["selected"] == members_of(scores_of_run(row), supernets)


@pytest.mark.usefixtures("no_pdfs")
def test_a_sweep_is_one_row_of_a_comparison(stored: Path, tmp_path: Path) -> None:
    """Its hypervolume by moocore, after every epoch; its cost is that of all supernets."""
    (block,) = compare(stored, out=tmp_path).blocks
    assert {one.label for one in block.contenders} == {"FBNet", "DARTS", "Random search"}
    table = load_table("digits")
    columns = table.test.mean("digits"), table.search.latency("digits", "amd-epyc")
    every = np.stack([per_architecture(one, table.rows) for one in columns], axis=1).astype(float)
    every *= [1, -1]
    front = every[moocore.is_nondominated(every, maximise=True)]
    reference = front.min(axis=0) - 0.1 * (front.max(axis=0) - front.min(axis=0))
    full = moocore.hypervolume(front, ref=reference, maximise=True)
    (contender,) = (one for one in block.contenders if one.label == "FBNet")
    (folder,) = (one for one in experiments(stored) if one.experiment.strategy == "fbnet")
    rows = sorted(folder.read().to_pylist(), key=lambda row: row["seed"])
    courses = [contender.scores("test", "digits")[run].tolist() for run in (0, 1)]
    for row, course in zip(rows, courses, strict=True):
        points = np.stack([row["test/digits/accuracy"], row[f"test/digits/{LATENCY}"]], axis=1)
        expected = []
        for end in range(1, 7):
            some = points[members_of(scores_of_run(row)[:end], [0, 0, 1, 1, 2, 2][:end])] * [1, -1]
            volume = moocore.hypervolume(some, ref=reference, maximise=True)
            expected.append(100 * volume / full)
        assert course == pytest.approx(expected, rel=1e-9)
    (row,) = (row for row in block.sets if row.label == "FBNet")
    assert row.shared_epochs_mean == 6
    assert np.isnan(row.evaluations_mean)
    spent = [sum(one["seconds"]) for one in rows]
    assert row.on(row.seconds) == pytest.approx(np.mean(spent))
    (alone,) = compare(stored, strategies="fbnet,darts").blocks  # without a search of the table
    final = {one.label: one.finals.test.value for one in alone.rows}
    names = ["exact front", "exact front by validation", "mean architecture"]
    assert [one.reference for one in alone.references] == names
    assert final == {one.label: one.finals.test.value for one in block.rows if one.label in final}
    assert final["FBNet"] == pytest.approx(np.mean([one[-1] for one in courses]))
    (file,) = tmp_path.glob("*/sets.csv")
    members = pandas.read_csv(file).query("label == 'FBNet'")
    assert len(members) == sum(len(one["selected"]) for one in rows)


@pytest.mark.usefixtures("no_pdfs")
def test_nothing_is_wrong_with_an_honest_sweep(stored: Path) -> None:
    compare(stored, out=stored / "comparison")
    found = audit(stored, replays=6)
    assert found.faults == ()
    assert (found.runs, found.replayed) == (6, 6)


def larger(row: Row) -> Row:
    """What a supernet derived before its last epoch is presented, too."""
    return {**row, "selected": row["incumbents"]}


def fewer(row: Row) -> Row:
    """An epoch is said to be of another supernet."""
    return {**row, "figure/supernet": [0.0, 1.0, 1.0, 1.0, 2.0, 2.0]}


def lighter(row: Row) -> Row:
    row[f"value/{LATENCY}"][-1] *= 0.5
    return row


@pytest.mark.parametrize(
    ("plant", "check"), [(larger, "incumbents"), (fewer, "incumbents"), (lighter, "answers")]
)
def test_what_is_planted_is_found(
    plant: Callable[[Row], Row], check: str, stored: Path, tmp_path: Path
) -> None:
    folder = of(Path(shutil.copytree(stored, tmp_path / "results")), "fbnet")
    rewrite(folder, lambda rows: [plant(rows[0]), *rows[1:]])
    assert {one.check for one in audit(tmp_path / "results").faults} >= {check}


def test_a_stored_sweep_goes_on(tmp_path: Path) -> None:
    """As text, as a tuple and as it is stored it is the same experiment."""
    for sweep in ("0, 3", (0.0, 3.0), json.loads("[0.0, 3.0]")):
        settings = {"proxylessnas": {**QUICK, "epochs": 1, "sweep": sweep}}
        (outcome,) = run("proxylessnas", seeds=1, benchmark="digits", settings=settings,
                         objective="accuracy,params", out=tmp_path, workers=1)  # fmt: skip
    assert (outcome.finished, outcome.skipped) == (0, 1)
    (one,) = load_results(tmp_path).experiments
    assert one.counts.tolist() == [2]


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"objective": None}, "the answer of a sweep is a set"),
        ({"objective": "accuracy,loss"}, "objectives are accuracy and costs of the network"),
        ({"sweep": (0.1, 0.1)}, "different numbers of at least 0"),
        ({"sweep": (-0.1, 0.1)}, "different numbers of at least 0"),
        ({"sweep": "0.1,a"}, r"'fbnet.sweep' cannot be '0.1,a': .* a valid number"),
        ({"benchmark": "train:nb201"}, "judged by its accuracy"),
    ],
)
def test_sweeps_that_cannot_be(options: dict[str, Any], words: str, tmp_path: Path) -> None:
    usual = {"sweep": (0.1, 0.2), "objective": "accuracy,params", "benchmark": "digits"}
    asked = {**usual, **options}
    settings = {"fbnet": {"sweep": asked.pop("sweep")}}
    if asked["benchmark"] != "digits":
        asked["datasets"] = "digits"
    with pytest.raises(InvalidInput, match=words):
        run("fbnet", seeds=1, settings=settings, out=tmp_path, **asked)


def test_a_budget_that_cuts_a_sweep_is_told(tmp_path: Path) -> None:
    said: list[str] = []
    settings = {"fbnet": {**QUICK, "sweep": (0.1, 0.2)}}
    run("fbnet", seeds=1, benchmark="digits", objective="accuracy,params", settings=settings,
        budget="3epochs", out=tmp_path, workers=1, say=said.append)  # fmt: skip
    assert "fbnet: the budget ends it after 3 of its 4 epochs" in said[0]
    (one,) = load_results(tmp_path).experiments
    assert one.supernets[0].tolist() == [0, 0, 1]
    assert audit(tmp_path).faults == ()

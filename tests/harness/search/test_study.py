"""A search by hand is the run of the command line, bit for bit; own functions are searched."""

import itertools
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import nasbench
from nasbench.errors import InvalidInput, TestSetSealed
from nasbench.harness.audit import audit
from nasbench.harness.compare import compare
from nasbench.harness.execution.run import run
from nasbench.harness.results.store import read_folder
from tests.workers import TIMINGS

OPTIONS = [
    ("random-search", {}),
    ("regularized-evolution", {"settings": {"population": 7}}),
    ("reinforce", {"objective": "loss", "budget": "40evals"}),
    ("random-search", {"objective": "accuracy,latency", "patience": 12}),
    ("tests.harness.asking:SuccessiveHalving", {"promotion": "resume", "budget": "100s"}),
    ("regularized-evolution", {"repeats": "free", "target_regret": 1.0, "budget": "90epochs"}),
]


@pytest.mark.parametrize(("strategy", "options"), OPTIONS)
@pytest.mark.parametrize("by_hand", [True, False])
def test_a_study_is_the_run_of_the_same_seed(
    strategy: str, options: dict[str, Any], by_hand: bool, tmp_path: Path
) -> None:
    study = nasbench.Study(strategy, benchmark="digits", seed=3, **options)
    if by_hand:
        for trial in study:
            study.tell(trial, study.evaluate(trial))
    else:
        study.run()
    place = study.save(tmp_path / "study")
    more = dict(options)
    settings = {strategy: more.pop("settings")} if "settings" in more else None
    (outcome,) = run(strategy, seeds="3,", benchmark="digits", settings=settings,
                     out=tmp_path / "run", **more)  # fmt: skip
    assert outcome.path.name == place.name
    mine, theirs = (read_folder(path).read().to_pylist() for path in (place, outcome.path))
    for row in (*mine, *theirs):
        for name in (*TIMINGS, "log"):
            row.pop(name, None)
    assert mine == theirs
    assert len(mine) == 1


def test_it_goes_on_beside_runs_of_the_command_line(tmp_path: Path) -> None:
    run("random-search", seeds=2, benchmark="digits", out=tmp_path)
    for seed in (2, 3):
        nasbench.Study("random-search", benchmark="digits", seed=seed).run().save(tmp_path)
    found = audit(tmp_path, replays=4)
    assert found.faults == ()
    assert (found.runs, found.replayed) == (4, 4)
    (row,) = compare(tmp_path).rows
    assert row.n == 4
    with pytest.raises(InvalidInput, match="seed 2 is stored"):
        nasbench.Study("random-search", benchmark="digits", seed=2).run().save(tmp_path)


def test_what_it_knows_on_the_way() -> None:
    study = nasbench.Study("regularized-evolution", benchmark="digits", seed=1, budget="25evals")
    assert study.best is None
    for number, trial in enumerate(study):
        assert trial.id == number
        assert study.space.contains(trial.architecture)
        study.tell(trial, study.evaluate(trial))
    history = study.history
    assert len(history) == 25
    assert study.stop == "evaluations"
    best = history["value/accuracy"].idxmax()
    assert (study.best.step, study.best.values) == (best, (history["value/accuracy"].max(),))
    assert study.best.text == history.architecture[best]
    np.testing.assert_array_equal(history.clock_seconds, np.cumsum(history.seconds))
    (judged,) = study.judge().to_dict("records")
    assert judged["architecture"] == study.best.text
    assert judged["valid/accuracy"] > 80
    with pytest.raises(InvalidInput, match="the study is judged"):
        study.ask()


def test_test_is_sealed_while_it_searches() -> None:
    table = nasbench.load_table("digits")

    class Peeks(nasbench.SearchStrategy):
        family, reference, name = "test", "none", "peeks"

        def ask(self) -> nasbench.Evaluate:
            table.test.mean("digits", 15)
            raise AssertionError

        def tell(self, trial: nasbench.Trial, answer: nasbench.Answer) -> None:
            """Learn nothing."""

    study = nasbench.Study("random-search", benchmark="digits")
    study._begun.strategy.ask = Peeks.ask.__get__(study._begun.strategy)  # type: ignore[method-assign]
    with pytest.raises(TestSetSealed):
        study.ask()
    table.test.mean("digits", 15)  # outside it may be read


def test_shared_weights_by_hand(tmp_path: Path) -> None:
    """One epoch is one trial; the answer is what would be derived after the last."""
    small = {"epochs": 2, "channels": 4, "cells": 1, "samples": 2}
    study = nasbench.Study("rsps", benchmark="digits", settings=small)
    for trial in study:
        study.tell(trial, study.evaluate(trial))
    assert len(study.history) == 2
    assert study.best.step == 1
    assert np.isfinite(study.judge()["test/accuracy"]).all()


SPACE = nasbench.CategoricalSpace(
    "toy", tuple(nasbench.Decision(name, ("a", "b", "c")) for name in "xyz")
)


def test_a_function_of_ones_own() -> None:
    """Twenty-seven architectures; what a search of all returns is the largest by hand."""

    def value(architecture: tuple[int, ...]) -> float:
        x, y, z = architecture
        return x + 3 * y - (z - 1) ** 2

    study = nasbench.Study("random-search", objective=value, space=SPACE, budget="400evals")
    study.run()
    best = max(itertools.product(range(3), repeat=3), key=value)
    assert study.best.architecture == best == (2, 2, 1)
    assert study.best.text == "x=c,y=c,z=b"
    assert study.best.values == (8.0,)
    assert (study.history["value/value"] == [
        value(SPACE.parse(text)) for text in study.history.architecture
    ]).all()  # fmt: skip
    again = nasbench.Study("random-search", objective=value, space=SPACE, budget="400evals").run()
    assert again.history.architecture.tolist() == study.history.architecture.tolist()
    other = nasbench.Study("random-search", objective=value, space=SPACE, budget="9evals", seed=1)
    assert other.run().history.architecture.tolist() != study.history.architecture.tolist()[:9]


def test_a_function_of_two_metrics_and_failures() -> None:
    metrics = (nasbench.Metric("error", "min"), nasbench.Metric("size", "min", "weights"))

    def values(architecture: tuple[int, ...]) -> tuple[float, float]:
        x, y, z = architecture
        return (float("nan"), 0.0) if x == 2 else (4.0 - x - y, float(x + y + z))

    study = nasbench.Study("random-search", objective=values, space=SPACE, metrics=metrics,
                           budget="300evals").run()  # fmt: skip
    with pytest.raises(InvalidInput, match=r"use study\.front"):
        _ = study.best
    assert {one.values for one in study.front} == {(4.0, 0.0), (3.0, 1.0), (2.0, 2.0), (1.0, 3.0)}
    assert study.history["value/error"].isna().any()


def test_a_function_is_told_the_fidelity() -> None:
    seen = []

    def value(architecture: object, fidelity: nasbench.Fidelity | None) -> float:
        seen.append(fidelity)
        return 1.0

    nasbench.Study("random-search", objective=value, space=SPACE, budget="3evals").run()
    assert seen == [None] * 3


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"objective": len}, "a function of one's own needs a space"),
        ({"objective": len, "space": SPACE}, "needs a budget, such as 100evals"),
        ({"objective": len, "space": SPACE, "budget": "9evals", "benchmark": "digits"},
         "benchmark is of a benchmark"),
        ({"objective": len, "space": SPACE, "budget": "9evals", "metrics": ()}, "each once"),
        ({"space": "nb201"}, "space: only for a function"),
        ({"metrics": nasbench.Metric("x"), "benchmark": "digits"}, "metrics: only for a function"),
        ({"benchmark": "digits", "budget": 100}, "budget cannot be 100"),
        ({"benchmark": "digits", "dataset": ["digits"]}, "dataset cannot be"),
        ({"benchmark": "digits", "settings": 3}, "settings"),
        ({"benchmark": "digits", "objective": []}, "no objective is named"),
        ({"objective": len, "space": SPACE, "budget": "9evals",
          "metrics": nasbench.Metric("v", "maximize")}, "max"),
        ({"objective": len, "space": SPACE, "budget": "9evals", "metrics": "value"}, "metrics"),
        ({"objective": len, "space": SPACE, "budget": "9evals", "promotion": "resume"},
         "promotion is of a benchmark"),
        ({"benchmark": "digits", "seed": -1}, "seed cannot be -1"),
        ({"benchmark": "digits", "selection": "front"}, "valid are highest, own"),
        ({"benchmark": "digits", "settings": {"x": 1}}, "x"),
    ],
)  # fmt: skip
def test_studies_that_cannot_be(options: dict[str, Any], words: str) -> None:
    with pytest.raises(InvalidInput, match=words):
        nasbench.Study("random-search", **options)


def test_what_is_done_in_another_order_is_one_line(tmp_path: Path) -> None:
    study = nasbench.Study("random-search", benchmark="digits", budget="3evals")
    trial = study.ask()
    assert trial is not None
    with pytest.raises(InvalidInput, match="trial 0 is open: tell its answer first"):
        study.ask()
    with pytest.raises(InvalidInput, match="the search is not over"):
        study.judge()
    with pytest.raises(InvalidInput, match="this trial is not open"):
        study.evaluate(nasbench.Trial(0, trial.request))
    with pytest.raises(InvalidInput, match="an answer is what"):
        study.tell(trial, 93.5)  # type: ignore[arg-type]
    study.tell(trial, study.evaluate(trial))
    with pytest.raises(InvalidInput, match="this trial is not open"):
        study.tell(trial, nasbench.Answer((1.0,), 1.0, 1))
    with pytest.raises(InvalidInput, match="the search is not over"):
        study.save(tmp_path)


@pytest.mark.parametrize("returned", ["x", None, (1.0, 2.0), []])
def test_a_function_that_returns_no_number(returned: object) -> None:
    study = nasbench.Study(
        "random-search", objective=lambda _: returned, space=SPACE, budget="3evals"
    )
    with pytest.raises(InvalidInput, match="it must be a number for each of value"):
        study.run()


class Slow(nasbench.SearchStrategy):
    """Thinks before it asks, and breaks when it is told the third answer."""

    family = "test"
    reference = "none"

    def setup(self) -> None:
        self.told, began = 0, time.perf_counter()
        while time.perf_counter() - began < 0.4:
            pass

    def ask(self) -> nasbench.Evaluate:
        return nasbench.Evaluate(self.space.sample(self.random))

    def tell(self, trial: nasbench.Trial, answer: nasbench.Answer) -> None:
        self.told += 1
        if self.told == 3:
            raise ZeroDivisionError("on purpose")


def test_thinking_before_the_first_request_is_real_time(tmp_path: Path) -> None:
    nasbench.Study(f"{__name__}:Slow", benchmark="digits", budget="2evals").run().save(tmp_path)
    assert audit(tmp_path).faults == ()


def test_a_study_that_broke_off_is_used_no_more() -> None:
    study = nasbench.Study(f"{__name__}:Slow", benchmark="digits", budget="9evals")
    with pytest.raises(ZeroDivisionError):
        study.run()
    for use in (study.ask, study.run, study.judge, lambda: study.best, lambda: study.history):
        with pytest.raises(InvalidInput, match="broke off in an error"):
            use()


def test_answers_of_ones_own_are_told_and_never_saved(tmp_path: Path) -> None:
    study = nasbench.Study("random-search", benchmark="digits", budget="3evals")
    for trial in study:
        assert study.evaluate(trial) is study.evaluate(trial)
        for wrong in ((), ("x",), (1.0, 2.0)):
            with pytest.raises(InvalidInput, match="one for each objective"):
                study.tell(trial, nasbench.Answer(wrong, 1.0, 1))  # type: ignore[arg-type]
        with pytest.raises(InvalidInput, match="seconds"):
            study.tell(trial, nasbench.Answer((1.0,), float("nan"), 1))
        with pytest.raises(InvalidInput, match="failed 1: it is True or False"):
            study.tell(trial, nasbench.Answer((1.0,), 1.0, 1, 1))  # type: ignore[arg-type]
        study.tell(trial, nasbench.Answer((99.0,), 1.0, 1))
    assert study.best.values == (99.0,)
    with pytest.raises(InvalidInput, match="whose answers are all a benchmark's can be saved"):
        study.save(tmp_path)


def test_an_infinite_value_is_no_answer() -> None:
    values = iter([float("inf"), 1.0, float("-inf"), 2.0, float("nan")])
    study = nasbench.Study("random-search", objective=lambda _: next(values), space=SPACE,
                           budget="5evals").run()  # fmt: skip
    assert study.best.values == (2.0,)
    assert study.history["incumbent"].tolist() == [False, True, False, True, False]

"""The conformance suite catches what it claims to catch."""

import os
from collections.abc import Sequence
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from nasbench.benchmarks.catalogue import load_table
from nasbench.errors import TestSetSealed
from nasbench.harness.search.loop import search
from nasbench.problem import WAIT, Answer, Evaluate, Fidelity, Score, Trial, Wait
from nasbench.strategies.base import Parallelism, SearchStrategy
from nasbench.testing import toys
from nasbench.testing.strategies import StrategyConformance


class Honest(SearchStrategy):
    family = reference = "test"

    def ask(self) -> Evaluate:
        return Evaluate(self.space.sample(self.random))

    def tell(self, trial: Trial, answer: Answer) -> None:
        pass


class ReadsTest(Honest):
    """Opens the table behind the harness's back."""

    def setup(self) -> None:
        self._best = int(load_table("nb201").test.mean("cifar10").argmax())


class HoldsTable(Honest):
    """Keeps a table in a closure."""

    def setup(self) -> None:
        table = load_table("nb201")
        self._peek = lambda: table


class Forgetful(Honest):
    """Keeps state where it is not stored."""

    def setup(self) -> None:
        self._count = 0

    def ask(self) -> Evaluate:
        self._count += 1
        return Evaluate(self.space.architecture(self._count % self.space.size))


class Untagged(Honest):
    """Asks for scores, and no tag says so."""

    def setup(self) -> None:
        self.scored = False

    def ask(self) -> Evaluate | Score:  # type: ignore[override]
        return super().ask() if self.scored else Score([self.space.sample(self.random)], "params")

    def tell(self, trial: Trial, answer: Any) -> None:
        self.scored = True


class Constant(Honest):
    """Ignores its seed."""

    def ask(self) -> Evaluate:
        return Evaluate(self.space.architecture(0))


class Nameless(Honest):
    family = ""


class Astray(Honest):
    """Takes every space for a product of decisions with three choices each."""

    def ask(self) -> Evaluate:
        return Evaluate(tuple(self.random.integer(3) for _ in range(4)))


class HalfTrained(Honest):
    """Asks for fewer epochs and has no tag that says so."""

    def ask(self) -> Evaluate:
        return Evaluate(self.space.sample(self.random), Fidelity(1))


class GlobalDraws(Honest):
    """Draws from a generator that the process began differently."""

    def ask(self) -> Evaluate:
        return Evaluate(self.space.architecture(hash(str(os.getpid())) % self.space.size))


class Climber(Honest):
    """Mutates what has the largest value, which is the worst of a loss."""

    def setup(self) -> None:
        self.best = (-1.0, self.space.sample(self.random))

    def ask(self) -> Evaluate:
        return Evaluate(self.space.mutate(self.best[1], self.random))

    def tell(self, trial: Trial, answer: Answer) -> None:
        self.best = max(self.best, (answer.values[0], trial.architecture))


class OneAtATime(Honest):
    """Has room for one open trial only."""

    def setup(self) -> None:
        self.waiting = False

    def ask(self) -> Evaluate:
        if self.waiting:
            raise RuntimeError("asked before told")
        self.waiting = True
        return super().ask()

    def tell(self, trial: Trial, answer: Answer) -> None:
        self.waiting = False


class Fragile(Honest):
    """Divides by what a failed evaluation has as its value."""

    def tell(self, trial: Trial, answer: Answer) -> None:
        self.last = 1 / answer.values[0]


class Twice(Honest):
    """Is told every answer twice, since it tells itself."""

    def tell(self, trial: Trial, answer: Answer) -> None:
        if trial.id >= 0:
            self.tell(trial._replace(id=-1), answer)


class Mingled(Honest):
    """Gives what one search asks for to the next one."""

    together = 5

    @classmethod
    def ask_together(cls, searches: Sequence["Mingled"]) -> list[Evaluate]:
        asked = [one.ask() for one in searches]
        return asked[1:] + asked[:1]


class Patient(Honest):
    """Waits for every answer, and says that it never waits."""

    def setup(self) -> None:
        self.open = 0

    def ask(self) -> Evaluate | Wait:
        if self.open:
            return WAIT
        self.open += 1
        return super().ask()

    def tell(self, trial: Trial, answer: Answer) -> None:
        self.open -= 1


class Restless(Honest):
    """Never waits, and says that it does."""

    parallel = Parallelism.BATCHES


class Mutates(Honest):
    """Takes for granted that there is another architecture."""

    def ask(self) -> Evaluate:
        return Evaluate(self.space.mutate(self.space.sample(self.random), self.random))


class Scales(Honest):
    """Divides by the spread of the scores so far."""

    def setup(self) -> None:
        self.scores: list[float] = []

    def tell(self, trial: Trial, answer: Answer) -> None:
        self.scores.append(answer.values[0])
        if len(self.scores) > 5:
            self.scaled = self.scores[-1] / (max(self.scores) - min(self.scores))


class Optimist(Honest):
    """Takes the best of the evaluations that did not fail."""

    def setup(self) -> None:
        self.scores: list[float] = []

    def tell(self, trial: Trial, answer: Answer) -> None:
        if not answer.failed:
            self.scores.append(self.problem.score(answer))
        self.best = max(self.scores)


class Distinct(Honest):
    """Draws until a network is new."""

    def setup(self) -> None:
        self.seen: set[object] = set()

    def ask(self) -> Evaluate:
        for _ in range(10_000):
            one = self.space.sample(self.random)
            if self.space.canonical(one) not in self.seen:
                self.seen.add(self.space.canonical(one))
                return Evaluate(one)
        raise RuntimeError("no network is left")


class Variance(Honest):
    """Divides by the number of answers less one."""

    def setup(self) -> None:
        self.number = 0

    def tell(self, trial: Trial, answer: Answer) -> None:
        self.number += 1
        self.variance = 1 / (self.number - 1)


class Whole(Honest):
    """Takes every value for a number."""

    def tell(self, trial: Trial, answer: Answer) -> None:
        self.last = int(answer.values[0])


class Cheapest(Honest):
    """Takes for granted that fidelities are offered."""

    def ask(self) -> Evaluate:
        return super().ask()._replace(fidelity=self.problem.fidelities[0])


PLANTED = {
    "test_with_several_workers_it_does_what_it_declares": Patient,
    "test_a_space_with_one_architecture": Mutates,
    "test_all_evaluations_fail": Optimist,
    "test_all_values_are_equal": Scales,
    "test_all_architectures_are_the_same_network": Distinct,
    "test_a_budget_of_one_evaluation": Variance,
    "test_values_that_are_no_numbers": Whole,
    "test_fidelities_that_there_are_not": Cheapest,
    "test_describes_itself": Nameless,
    "test_asks_only_for_architectures_of_its_space": Astray,
    "test_asks_only_for_fidelities_of_its_problem": HalfTrained,
    "test_asks_only_for_scores_that_it_names": Untagged,
    "test_same_seed_is_the_same_run_in_another_process": GlobalDraws,
    "test_other_seeds_are_other_runs": Constant,
    "test_never_sees_test": ReadsTest,
    "test_less_of_a_loss_is_better": Climber,
    "test_several_trials_may_be_open": OneAtATime,
    "test_survives_failed_evaluations": Fragile,
    "test_state_continues_identically": Forgetful,
    "test_respects_the_budget": Twice,
    "test_searches_together_are_those_alone": Mingled,
}
OF_THE_HARNESS = {"test_incumbent_is_the_best_by_validation"}
"""What no strategy can break: it fails where the loop does."""


def suite(strategy: type[SearchStrategy]) -> StrategyConformance:
    class Suite(StrategyConformance):
        pass

    Suite.strategy = f"test_planted_strategies:{strategy.__name__}"
    return Suite()


CHECKS = [name for name in dir(StrategyConformance) if name.startswith("test_")]


@pytest.mark.parametrize("check", CHECKS)
def test_an_honest_strategy_passes(check: str, synthetic_nb201: object) -> None:
    getattr(suite(Honest), check)()


@pytest.mark.parametrize("check", sorted(set(CHECKS) - OF_THE_HARNESS))
def test_a_planted_fault_is_found(check: str, synthetic_nb201: object) -> None:
    with pytest.raises(Exception):  # noqa: B017  # an assertion, or what the fault raises
        getattr(suite(PLANTED[check]), check)()


def test_a_strategy_that_holds_a_table_is_caught(synthetic_nb201: object) -> None:
    with pytest.raises((AssertionError, TestSetSealed)):
        suite(HoldsTable).test_never_sees_test()


def test_a_strategy_that_never_waits_and_says_so_is_caught() -> None:
    with pytest.raises(AssertionError, match="waits for its batches, and never does"):
        suite(Restless).test_with_several_workers_it_does_what_it_declares()


def test_the_order_of_incumbents_is_checked(monkeypatch: pytest.MonkeyPatch) -> None:
    """The loop's rule is wrong when a later, worse evaluation becomes the answer."""
    monkeypatch.setattr(toys, "search", _with_all_as_incumbents)
    with pytest.raises(AssertionError):
        suite(Honest).test_incumbent_is_the_best_by_validation()


def _with_all_as_incumbents(*given: object) -> object:
    track = search(*given)  # type: ignore[arg-type]
    return SimpleNamespace(signal=track.signal, incumbents=np.arange(len(track.signal)))

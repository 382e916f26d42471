"""The conformance suite catches what it claims to catch."""

import pytest

from nasbench.benchmarks.catalogue import load_table
from nasbench.conformance import StrategyConformance
from nasbench.errors import TestSetSealed
from nasbench.problem import Answer, Evaluate, Trial
from nasbench.strategies.base import SearchStrategy


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


class Constant(Honest):
    """Ignores its seed."""

    def ask(self) -> Evaluate:
        return Evaluate(self.space.architecture(0))


def suite(strategy: type[SearchStrategy]) -> StrategyConformance:
    class Suite(StrategyConformance):
        pass

    Suite.strategy = f"test_cheating:{strategy.__name__}"
    return Suite()


def test_an_honest_strategy_passes(synthetic_nb201: object) -> None:
    suite(Honest).test_never_sees_test()
    suite(Honest).test_state_continues_identically()
    suite(Honest).test_other_seeds_are_other_runs()


@pytest.mark.parametrize("cheat", [ReadsTest, HoldsTable])
def test_a_strategy_that_reaches_for_test_is_caught(
    cheat: type[SearchStrategy], synthetic_nb201: object
) -> None:
    with pytest.raises((AssertionError, TestSetSealed)):
        suite(cheat).test_never_sees_test()


def test_hidden_state_and_a_fixed_seed_are_caught() -> None:
    with pytest.raises(AssertionError):
        suite(Forgetful).test_state_continues_identically()
    with pytest.raises(AssertionError):
        suite(Constant).test_other_seeds_are_other_runs()

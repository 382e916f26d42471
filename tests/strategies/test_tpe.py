"""TPE: its densities and their ratio by hand, and what it draws in each kind of space."""

import math
from collections import Counter
from itertools import product

import numpy as np
import pytest

from nasbench.errors import InvalidInput
from nasbench.problem import Answer, Evaluate, Fidelity, Problem, Trial
from nasbench.randomness import Random
from nasbench.spaces.graph import Graph, GraphSpace
from nasbench.spaces.pool import PoolSpace
from nasbench.strategies.parts.parzen import NOT_MADE, Estimator, Model, good_first, weights_of
from nasbench.strategies.parts.proposals import proposals_of
from nasbench.strategies.registry import find_strategy, make_settings
from nasbench.testing.strategies import ToyLayers, toy_space
from tests.strategies.scripted import FAILS, make, run
from tests.strategies.scripted import Scripted as ByFidelity


class Scripted(ByFidelity):
    """Answers at the task's own fidelity."""

    def answer(self, request: Evaluate) -> Answer:
        return super().answer(request._replace(fidelity=Fidelity(1)))


SIZES = np.array([3, 2])
GOOD = np.array([[0, 1], [0, 0], [2, 1]])
BAD = np.array([[1, 1], [1, 0], [1, 0], [0, 0]])


def model() -> Model:
    return Model(Estimator.fit(GOOD, SIZES, 1.0, 25), Estimator.fit(BAD, SIZES, 1.0, 25))


def test_densities_by_hand() -> None:
    """Prior 1 for each choice plus counts: 2, 0, 1 of three choices and 1, 2 of two."""
    good, bad = model()
    np.testing.assert_allclose(good.probabilities, [[3 / 6, 1 / 6, 2 / 6], [2 / 5, 3 / 5, 0]])
    np.testing.assert_allclose(bad.probabilities, [[2 / 7, 4 / 7, 1 / 7], [4 / 6, 2 / 6, 0]])


def test_a_prior_of_less_weight_leaves_more_to_the_counts() -> None:
    found = Estimator.fit(GOOD, SIZES, 0.5, 25).probabilities
    np.testing.assert_allclose(found[0], [2.5 / 4.5, 0.5 / 4.5, 1.5 / 4.5])


def test_a_decision_is_estimated_from_those_who_made_it() -> None:
    choices = np.array([[0, NOT_MADE], [1, 1], [1, NOT_MADE]])
    found = Estimator.fit(choices, SIZES, 1.0, 25).probabilities
    np.testing.assert_allclose(found, [[2 / 6, 3 / 6, 1 / 6], [1 / 3, 2 / 3, 0]])


@pytest.mark.parametrize("number", [1, 2, 3, 4, 5, 9])
def test_old_choices_fade_as_in_the_authors_code(number: int) -> None:
    """A ramp of n - LF numbers from 1/n to 1, and then LF ones."""
    kept = 3
    ramp = np.linspace(1 / number, 1.0, num=max(number - kept, 0))
    expected = np.concatenate([ramp, np.ones(min(kept, number))])
    made = np.zeros((12, 2), bool)
    made[np.arange(number) + 1, 0] = made[:, 1] = True
    found = weights_of(made, kept)
    np.testing.assert_allclose(found[1 : number + 1, 0], expected)
    assert found[0, 0] == 0.0
    assert not found[number + 1 :, 0].any()


def test_the_order_is_that_of_expected_improvement() -> None:
    """Equation 15: the improvement is in proportion to 1 / (gamma + (1 - gamma) g/l)."""
    good, bad = model()
    every = np.array(list(product(range(3), range(2))))
    ratio = [
        math.prod(bad.probabilities[i, c] / good.probabilities[i, c] for i, c in enumerate(one))
        for one in every
    ]
    for gamma in (0.1, 0.15, 0.5):
        improvement = [1 / (gamma + (1 - gamma) * one) for one in ratio]
        assert model().rank(every) == sorted(range(6), key=lambda i: -improvement[i])
    # l/g of (0, 1) is 21/12 * 9/5, that of (2, 1) 14/6 * 9/5
    assert every[model().rank(every)][:2].tolist() == [[2, 1], [0, 1]]


def test_the_best_come_first_and_failed_ones_never() -> None:
    assert good_first([1.0, 3.0, 2.0, 3.0], 2) == ([1, 3], [0, 2])
    assert good_first([1.0, -math.inf, -math.inf], 2) == ([0], [1, 2])
    assert good_first([2.0, 2.0, 2.0], 1) == ([0], [1, 2])


def _close(drawn: list, expected: dict) -> None:
    """Each frequency is within five standard errors of its probability."""
    counts = Counter(drawn)
    assert set(counts) <= set(expected)
    assert sum(expected.values()) == pytest.approx(1)
    for one, probability in expected.items():
        error = math.sqrt(probability * (1 - probability) / len(drawn))
        assert abs(counts[one] / len(drawn) - probability) < 5 * error


def test_independent_decisions_are_drawn_from_the_good_ones() -> None:
    drawn = proposals_of(toy_space((3, 2)), 1.0).draw(model(), [], 20_000, Random(0))
    p = model().good.probabilities
    _close(drawn, {(a, b): p[0, a] * p[1, b] for a, b in product(range(3), range(2))})


def test_a_path_is_drawn_from_the_root_down() -> None:
    """After one layer in two of three good ones, layer 1 is `a` twice and layer 2 is `c` once."""
    space = ToyLayers()
    proposals = proposals_of(space, 1.0)
    good = [(0, 0), (1, 0, 2), (0, 1)]
    choices, sizes = proposals.seen(good), proposals.sizes
    assert choices.tolist() == [[0, 0, -1], [1, 0, 2], [0, 1, -1]]
    assert sizes.tolist() == [3, 3, 3]
    fitted = Estimator.fit(choices, sizes, 1.0, 25)
    layers, first, second = [3 / 6, 2 / 6, 1 / 6], [3 / 6, 2 / 6, 1 / 6], [1 / 4, 1 / 4, 2 / 4]
    expected: dict[tuple[int, ...], float] = {}
    for one in space.architectures:
        known = zip((layers, first, second), one, strict=False)
        expected[one] = math.prod(p[c] for p, c in known) / 3 ** max(len(one) - 3, 0)
    _close(proposals.draw(Model(fitted, fitted), good, 20_000, Random(1)), expected)


def test_the_best_of_very_many_draws_has_the_largest_ratios() -> None:
    """With `best_of=decision`, each choice is that which only good ones made."""
    proposals = proposals_of(toy_space((3, 2)), 1.0)
    choices = proposals.seen([(2, 1), (1, 0)])
    fitted = [Estimator.fit(choices[[i]], proposals.sizes, 1.0, 25) for i in (0, 1)]
    assert proposals.draw_best_of(Model(*fitted), 500, Random(0)) == (2, 1)
    layers = proposals_of(ToyLayers(), 1.0)
    choices = layers.seen([(1, 0, 2), (0, 1)])
    fitted = [Estimator.fit(choices[[i]], layers.sizes, 1.0, 25) for i in (0, 1)]
    assert layers.draw_best_of(Model(*fitted), 500, Random(0)) == (1, 0, 2)


def test_graphs_are_mutants_of_good_ones_or_random() -> None:
    space = GraphSpace("cells", ("conv", "pool"), 4)
    good = [Graph(("conv",), ((0, 1), (1, 2)))]
    proposals = proposals_of(space, 1.0)
    numbers = proposals.seen(good)
    np.testing.assert_array_equal(numbers, space.adjacency(good))
    fitted = Estimator.fit(numbers, proposals.sizes, 1.0, 25)
    drawn = proposals.draw(Model(fitted, fitted), good, 2_000, Random(0))
    near = set(space.neighbours(good[0]))
    share = sum(one in near for one in drawn) / len(drawn)
    law = sum(space.sample(Random(seed)) in near for seed in range(2_000)) / 2_000
    assert share == pytest.approx(0.5 + 0.5 * law, abs=0.06)  # one good one, a prior of 1
    assert all(space.contains(one) for one in drawn)


def test_it_begins_with_random_architectures_and_asks_for_none_twice() -> None:
    space = toy_space((3, 2, 4, 3))
    track = run(make("tpe", space, [1]), Scripted(lambda one, _: sum(one)), evaluations=200)
    assert len(track.architectures) == space.size == len(set(track.architectures))
    assert track.stop == "exhausted"
    alone, random = make("tpe", space, [1], seed=3), Random(3)
    first = [alone.ask().architecture for _ in range(20)]  # type: ignore[union-attr]
    drawn = dict.fromkeys(space.sample(random) for _ in range(40))
    assert first == list(drawn)[:20]


def test_with_replacement_it_asks_again() -> None:
    """As the authors' code does: of two architectures, one is soon all that it asks for."""
    made = make("tpe", toy_space((2,)), [1], replacement=True)
    track = run(made, Scripted(lambda one, _: sum(one)), evaluations=100)
    assert len(track.architectures) == 100
    assert track.architectures[50:].count((1,)) > 45


def test_it_finds_the_best_of_a_sum() -> None:
    """Of 59,049 architectures, the best in 150: a random search would find it once in 400."""
    space = toy_space((3,) * 10)
    script = Scripted(lambda one, _: sum(one))
    found = [run(make("tpe", space, [1], seed), script, evaluations=150) for seed in range(5)]
    assert all(one.signal.max() >= 19 for one in found)
    assert sum(one.signal.max() == 20 for one in found) >= 3


def test_all_failed_and_one_architecture() -> None:
    space = toy_space((3, 3, 3, 3))
    failed = run(make("tpe", space, [1]), Scripted(lambda *_: FAILS), evaluations=60)
    assert len(set(failed.architectures)) == 60
    one = run(make("tpe", PoolSpace("one", ["a"]), [1]), Scripted(lambda *_: 1.0), evaluations=9)
    assert one.architectures == ["a"]


def test_open_evaluations_are_bad_ones_and_nothing_waits() -> None:
    space = toy_space((3, 2, 4))
    strategy = find_strategy("tpe")
    made = strategy(Problem(space, workers=8), make_settings(strategy, {"startup": 2}), Random(0))
    asked: list[Evaluate] = []
    for number in range(space.size):
        request = made.ask()
        assert isinstance(request, Evaluate), number
        asked.append(request)
        if number in (1, 3):
            made.tell(Trial(number, request), Answer((50.0 + number,), 1.0, 1))
    assert len({one.architecture for one in asked}) == space.size
    assert made.ask() is None


@pytest.mark.parametrize(
    ("setting", "value"),
    [("gamma", 0.0), ("gamma", 1.5), ("candidates", 0), ("prior", 0.0), ("startup", -1),
     ("remembered", 0), ("most_good", 0)],
)  # fmt: skip
def test_refuses_settings_without_densities(setting: str, value: float) -> None:
    with pytest.raises(InvalidInput, match=f"setting 'tpe.{setting}' cannot be"):
        make("tpe", toy_space((2, 2)), [1], **{setting: value})

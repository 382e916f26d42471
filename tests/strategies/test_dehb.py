"""DEHB: its evolution by hand, the sizes of its brackets, what goes on to the next rung."""

from collections import Counter

import numpy as np
import pytest

from nasbench.errors import InvalidInput
from nasbench.problem import Answer, Evaluate, Trial
from nasbench.spaces.pool import PoolSpace
from nasbench.strategies.base import require_tags
from nasbench.strategies.parts import differential as de
from nasbench.strategies.registry import find_strategy
from nasbench.testing.strategies import toy_space
from tests.strategies.scripted import FAILS, Scripted, make, run

EPOCHS = [1, 3, 9, 27, 81]
SPACE = toy_space((4, 3, 2, 5))


class Fixed(np.random.Generator):
    """A generator that returns given arrays instead of uniform numbers, and no permutation."""

    def __init__(self, *drawn: list[float]) -> None:
        super().__init__(np.random.PCG64(0))
        self.drawn = list(drawn)

    def random(self, *_: object, **__: object) -> np.ndarray:  # type: ignore[override]
        return np.array(self.drawn.pop(0))

    def permutation(self, x: int, axis: int = 0) -> np.ndarray:  # type: ignore[override]
        return np.arange(x)


def test_mutation_crossover_and_repair_by_hand() -> None:
    parents = np.array([[0.2, 0.9, 0.5], [0.8, 0.7, 0.1], [0.4, 0.3, 0.9]])
    mutant = de.mutated(parents, 0.5)
    np.testing.assert_allclose(mutant, [0.4, 1.1, 0.1])  # 0.2 + 0.4/2, 0.9 + 0.4/2, 0.5 - 0.8/2
    target = np.array([0.6, 0.6, 0.6])
    child = de.crossed(target, mutant, 0.5, Fixed([0.7, 0.1, 0.49]))
    np.testing.assert_allclose(child, [0.6, 1.1, 0.1])
    np.testing.assert_allclose(de.repaired(child, Fixed([0.9, 0.8, 0.7])), [0.6, 0.8, 0.1])


def test_a_child_has_at_least_one_number_of_the_mutant() -> None:
    generator = np.random.default_rng(0)
    for _ in range(50):
        child = de.crossed(np.zeros(4), np.ones(4), 0.0, generator)
        assert child.sum() == 1
    shares = [de.crossed(np.zeros(20), np.ones(20), 0.5, generator).mean() for _ in range(500)]
    assert np.mean(shares) == pytest.approx(0.5, abs=5 * 0.5 / np.sqrt(10_000))


def test_choices_are_equal_parts_of_the_numbers() -> None:
    sizes = np.array([4, 2, 1])
    for number, expected in ((0.0, (0, 0, 0)), (0.249, (0, 0, 0)), (0.25, (1, 0, 0)),
                             (0.5, (2, 1, 0)), (0.99, (3, 1, 0)), (1.0, (3, 1, 0))):  # fmt: skip
        assert de.choices_of(np.full(3, number), sizes) == expected
    drawn = np.random.default_rng(0).random((8000, 3))
    counts = Counter(de.choices_of(one, sizes)[0] for one in drawn)
    assert all(abs(count - 2000) < 5 * np.sqrt(8000 * 3 / 16) for count in counts.values())


def test_parents_are_those_of_the_pool_and_others_only_if_it_is_too_small() -> None:
    generator = np.random.default_rng(0)
    pool, others = np.arange(4.0)[:, None], 10 + np.arange(5.0)[:, None]
    for _ in range(20):
        drawn = de.drawn_from(pool, others, generator)[:, 0].tolist()
        assert len(set(drawn)) == 3
        assert max(drawn) < 4
    assert sorted(de.drawn_from(pool[:2], others, generator)[:, 0].tolist())[:2] == [0.0, 1.0]


def _evaluated(strategy: str, number: int, **settings: object) -> list[tuple[int, ...]]:
    """Return how many evaluations each of the first brackets has at 1, 3, 9, 27, 81 epochs."""
    made = make(strategy, SPACE, EPOCHS, **settings)
    brackets: list[tuple[int, ...]] = []
    counts: Counter[int] = Counter()
    for trial in range(10_000):
        request = made.ask()
        assert isinstance(request, Evaluate)
        assert request.fidelity is not None
        if made.brackets > len(brackets) + 1:
            brackets.append(tuple(counts[epochs] for epochs in EPOCHS))
            counts.clear()
            if len(brackets) == number:
                return brackets
        counts[request.fidelity.epochs] += 1
        made.tell(Trial(trial, request), Answer((float(trial % 97),), 1.0, 1))
    return brackets


def test_brackets_are_those_of_hyperband() -> None:
    """81 epochs and eta = 3: 81, 27, 9, 6, 5 as in the code of the authors; then again."""
    expected = [(81, 27, 9, 3, 1), (0, 27, 9, 3, 1), (0, 0, 9, 3, 1), (0, 0, 0, 6, 2),
                (0, 0, 0, 0, 5)]  # fmt: skip
    assert _evaluated("dehb", 6) == [*expected, expected[0]]


def test_the_first_bracket_is_successive_halving() -> None:
    """Random vectors at first; the best third goes on unchanged, rung by rung."""
    made = make("dehb", SPACE, [1, 3, 9])
    first = [de.choices_of(one, np.array(SPACE.sizes)) for one in made.populations[0]]
    worth = {one: sum(one) for one in first}
    asked: list[tuple[int, tuple[int, ...]]] = []

    def script(one: tuple[int, ...], epochs: int) -> float:
        asked.append((epochs, one))
        return sum(one)

    run(made, Scripted(script), evaluations=13)
    assert [one for epochs, one in asked[:9]] == first
    best = sorted(first, key=lambda one: -worth[one])
    assert asked[9:] == [*((3, one) for one in best[:3]), (9, best[0])]


def test_the_second_bracket_evolves_what_the_first_one_left() -> None:
    """Its children have numbers of their target or of mutants of the subpopulation's best."""
    made = make("dehb", SPACE, [1, 3, 9], crossover=0.0)
    run(made, Scripted(lambda one, _: sum(one)), evaluations=13)
    before = made.populations[1].copy()
    request = made.ask()
    assert isinstance(request, Evaluate)
    assert (made.brackets, made.rung, made.asked) == (2, 1, 1)
    target, vector = request.memo
    assert target == 0  # after three of the subpopulation's three
    same = np.array(vector) == before[target]
    assert same.sum() == len(SPACE.sizes) - 1  # with p = 0 one number alone is the mutant's
    place = int(np.flatnonzero(~same)[0])
    mutants = [before[a] + 0.5 * (before[b] - before[c]) for a in range(3) for b in range(3)
               for c in range(3) if len({a, b, c}) == 3]  # fmt: skip
    inside = [one[place] for one in mutants if 0 <= one[place] <= 1]
    assert len(inside) < len(mutants) or any(np.isclose(vector[place], inside))


def test_a_child_takes_the_place_of_its_target_unless_it_is_worse() -> None:
    made = make("dehb", SPACE, [1, 3, 9])
    run(made, Scripted(lambda *_: 50.0), evaluations=13)
    for value, taken in ((50.0, True), (49.0, False), (51.0, True)):
        request = made.ask()
        assert isinstance(request, Evaluate)
        target, vector = request.memo
        made.tell(Trial(0, request), Answer((value,), 1.0, 3))
        assert (made.populations[1][target].tolist() == list(vector)) is taken


def test_where_all_failed_it_goes_on() -> None:
    track = run(make("dehb", SPACE, [1, 3, 9]), Scripted(lambda *_: FAILS), evaluations=60)
    assert len(track.architectures) == 60


def test_promotions_in_the_first_bracket_of_each_size_as_in_the_code() -> None:
    """With `halving=0`, the second bracket evolves at its first rung and promotes to the next."""
    made = make("dehb", SPACE, [1, 3, 9], halving=0)
    run(made, Scripted(lambda one, _: sum(one)), evaluations=13 + 3)
    known = {tuple(one) for one in made.populations[1].tolist()}
    request = made.ask()
    assert isinstance(request, Evaluate)
    assert made.rung == 2
    assert request.memo[1] in known
    assert made.brackets == 2


@pytest.mark.parametrize(
    ("setting", "value"),
    [("factor", 0.0), ("crossover", 1.5), ("reduction", 1), ("halving", -1)],
)
def test_refuses_settings_that_change_nothing(setting: str, value: float) -> None:
    with pytest.raises(InvalidInput, match=f"setting 'dehb.{setting}' cannot be"):
        make("dehb", SPACE, [1, 3, 9], **{setting: value})


def test_needs_decisions() -> None:
    made = make("random-search", PoolSpace("pool", ["a", "b"]), [1, 3])
    with pytest.raises(InvalidInput, match=r"independent decisions .*, such as bohb or hyperband$"):
        require_tags(find_strategy("dehb"), "dehb", made.problem)

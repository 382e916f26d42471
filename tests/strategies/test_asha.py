"""ASHA against Algorithm 2 of Li et al. (MLSys 2020), written down again, and by hand."""

import numpy as np
import pytest

from nasbench.errors import InvalidInput
from nasbench.harness.search.budget import Stop
from nasbench.problem import ACCURACY, LOSS, WAIT, Answer, Evaluate, Metric, Trial
from nasbench.randomness import Random
from nasbench.strategies.base import SearchStrategy
from nasbench.testing.strategies import toy_space
from tests.strategies.scripted import FAILS, Scripted, make, run

LARGE = toy_space((10, 10, 10, 10))


def told(strategy: SearchStrategy, number: int, request: Evaluate, value: float | None) -> None:
    strategy.tell(Trial(number, request), Answer((value or 0.0,), 1.0, 1, failed=value is FAILS))


def test_a_trace_by_hand() -> None:
    """One worker, eta = 3, rungs 1, 3, 9."""
    values = [10, 30, 20, 70, 40, 75, 25, 35, 60, 90, 11, 12, 13, 14]
    epochs = [1, 1, 1, 3, 1, 3, 1, 1, 3, 9, 1, 1, 1, 1]
    strategy, asked = make("asha", LARGE, [1, 3, 9]), []
    for number, value in enumerate(values):
        request = strategy.ask()
        asked.append(request)
        told(strategy, number, request, value)
    assert [one.fidelity.epochs for one in asked] == epochs
    cells = [one.architecture for one in asked]
    assert cells[3] == cells[1]  # 30 is the best of 10, 30, 20
    assert cells[5] == cells[4]  # 40 is the best of four, of which one may go on
    assert cells[8] == cells[7]  # 40 and 35 are the best two of six
    assert cells[9] == cells[4]  # 75 is the best of 70, 75, 60 after three epochs
    # of nine, 40, 35 and 30 have gone on already, so that the last is new
    assert len(set(cells)) == 10


def test_answers_out_of_order_by_hand() -> None:
    """Four open trials; what is promoted depends on which answers have come."""
    strategy = make("asha", LARGE, [1, 3, 9], workers=4)
    first, second, third, fourth = (strategy.ask() for _ in range(4))
    told(strategy, 2, third, 20.0)
    told(strategy, 0, first, 30.0)
    fifth = strategy.ask()
    assert fifth.fidelity.epochs == 1  # two have been told, and 2 / 3 = 0 may go on
    told(strategy, 3, fourth, 10.0)
    promoted = strategy.ask()
    assert (promoted.architecture, promoted.fidelity.epochs) == (first.architecture, 3)
    assert strategy.ask().fidelity.epochs == 1  # the best of three is on its way
    told(strategy, 1, second, 50.0)  # late, and better than the one that went on
    late = strategy.ask()
    assert (late.architecture, late.fidelity.epochs) == (second.architecture, 3)
    assert fifth.architecture not in {promoted.architecture, late.architecture}


def test_a_stopping_rate_leaves_out_the_lowest_rungs() -> None:
    """Algorithm 2 begins at r * eta^s: of 1, 3, 9, 27 epochs, training begins at 9 with s = 2."""
    asked = Scripted(lambda one, _: sum(one))
    track = run(make("asha", LARGE, [1, 3, 9, 27], stopping_rate=2), asked, evaluations=60)
    assert set(track.fidelity.tolist()) == {9, 27}
    highest = run(make("asha", LARGE, [1, 3, 9, 27], stopping_rate=3), asked, evaluations=20)
    assert set(highest.fidelity.tolist()) == {27}
    with pytest.raises(InvalidInput, match="stopping_rate' cannot be 4: it must be at most 3"):
        make("asha", LARGE, [1, 3, 9, 27], stopping_rate=4)


class Literal:
    """Algorithm 2 as it is printed, for rungs whose levels may be further apart than one."""

    def __init__(self, levels: list[int], reduction: int) -> None:
        self.levels, self.reduction = levels, reduction
        self.rungs: list[list[tuple[float, int, object]]] = [[] for _ in levels]
        self.promoted: list[set[object]] = [set() for _ in levels]

    def job(self) -> tuple[object, int] | None:
        """Return what is promoted and to which rung; None for a random configuration."""
        for rung in range(len(self.levels) - 2, -1, -1):
            gap = self.levels[rung + 1] - self.levels[rung]
            number = len(self.rungs[rung]) // self.reduction**gap
            top = sorted(self.rungs[rung], key=lambda one: (-one[0], one[1]))[:number]
            able = [
                one for score, _, one in top
                if one not in self.promoted[rung] and score > -np.inf
            ]  # fmt: skip
            if able:
                self.promoted[rung].add(able[0])
                return able[0], rung + 1
        return None


@pytest.mark.parametrize("metric", [ACCURACY, LOSS])
@pytest.mark.parametrize(
    ("epochs", "levels", "reduction"),
    [([1, 3, 9, 27], [0, 1, 2, 3], 3), ([4, 12, 36, 108], [0, 1, 2, 4], 2), ([1, 2], [0, 1], 4)],
)
def test_promotions_are_those_of_the_algorithm(
    epochs: list[int], levels: list[int], reduction: int, metric: Metric
) -> None:
    """1,000 requests with up to nine open at once, answered in random order, some failing."""
    strategy = make("asha", LARGE, epochs, 5, metric=metric, workers=9, reduction=reduction)
    literal, random = Literal(levels, reduction), Random(1)
    waiting: list[tuple[int, Evaluate]] = []
    seen = set()
    for number in range(1000):
        expected, request = literal.job(), strategy.ask()
        if expected is None:
            assert request.fidelity.epochs == epochs[0]
            assert request.architecture not in seen
            seen.add(request.architecture)
        else:
            assert (request.architecture, request.fidelity.epochs) == (
                expected[0], epochs[expected[1]],
            )  # fmt: skip
        waiting.append((number, request))
        while len(waiting) > random.integer(9):
            place, done = waiting.pop(random.integer(len(waiting)))
            value = float(random.integer(50))  # often equal to another
            failed = random.uniform() < 0.1
            told(strategy, place, done, FAILS if failed else value)
            score = -np.inf if failed else value if metric is ACCURACY else -value
            literal.rungs[epochs.index(done.fidelity.epochs)].append(
                (score, place, done.architecture)
            )
    assert len(literal.promoted[0]) > 100


def test_workers_never_wait() -> None:
    def seconds(architecture: tuple[int, ...], epochs: int) -> float:
        return epochs * (1 + sum(architecture) % 7)

    strategy = make("asha", LARGE, [1, 3, 9, 27], workers=7)
    track = run(strategy, Scripted(lambda a, e: sum(a) + e, seconds), evaluations=500)
    for worker in range(7):
        mine = track.worker == worker
        assert mine.sum() > 20
        assert track.started[mine][1:].tolist() == track.finished[mine][:-1].tolist()
    assert set(track.fidelity.tolist()) == {1, 3, 9, 27}


def test_a_third_of_each_rung_goes_on() -> None:
    """And few more, which were among the best third when few had been told."""
    track = run(make("asha", LARGE, [1, 3, 9]), Scripted(lambda a, _: sum(a)), evaluations=1300)
    lowest, middle, highest = (int((track.fidelity == epochs).sum()) for epochs in (1, 3, 9))
    assert -1 <= middle - lowest // 3 <= lowest**0.5
    assert -1 <= highest - middle // 3 <= middle**0.5


def test_the_search_ends_when_a_small_space_is_used_up() -> None:
    """Nine architectures; three go on, and one of them."""
    small = toy_space((3, 3))
    strategy = make("asha", small, [1, 3, 9], workers=2)
    track = run(strategy, Scripted(lambda a, _: 3 * a[0] + a[1]), evaluations=100)
    assert track.stop == Stop.EXHAUSTED
    assert sorted(track.fidelity.tolist()) == [1] * 9 + [3] * 3 + [9]
    assert track.architectures[int(np.argmax(track.fidelity))] == (2, 2)


def test_it_waits_only_where_nothing_new_is_left() -> None:
    strategy = make("asha", toy_space((2,)), [1, 3], workers=3, reduction=2)
    first, second = strategy.ask(), strategy.ask()
    assert strategy.ask() is WAIT
    told(strategy, 0, first, 1.0)
    told(strategy, 1, second, 2.0)
    assert strategy.ask() == Evaluate(second.architecture, second.fidelity._replace(epochs=3), 3)


def test_what_failed_never_goes_on() -> None:
    """Nine of ten fail, so that fewer than a third of a rung can go on."""
    space = toy_space((10, 10, 10, 10))
    script = Scripted(lambda a, _: FAILS if a[0] else float(sum(a)))
    track = run(make("asha", space, [1, 3, 9]), script, evaluations=500)
    failed = np.isnan(track.signal)
    assert failed[track.fidelity == 1].sum() > 300
    assert (track.fidelity > 1).sum() > 20
    assert not failed[track.fidelity > 1].any()

"""The loop with simulated workers: a case worked by hand, closed forms, ends and waits."""

from itertools import count
from typing import Any

import numpy as np
import pytest

from nasbench.errors import InvalidInput
from nasbench.harness.search.budget import Budget, Clock, Stop
from nasbench.harness.search.loop import FreeRepeats, search
from nasbench.problem import WAIT, Answer, Evaluate, Fidelity, Metric, Problem, Trial
from nasbench.randomness import Random
from nasbench.strategies.base import NoSettings, SearchStrategy
from nasbench.strategies.registry import find_strategy, make_settings
from nasbench.testing.strategies import toy_space

SPACE = toy_space((8,))


class Listed(SearchStrategy):
    """Asks for architectures in the order of their indices, and keeps what it is told."""

    family = reference = "test"

    def setup(self) -> None:
        self.asked, self.told = 0, []

    def ask(self) -> Any:
        self.asked += 1
        return Evaluate((self.asked - 1,), memo=f"request {self.asked - 1}")

    def tell(self, trial: Trial, answer: Answer) -> None:
        self.told.append((trial.id, trial.request.memo, answer.values))


class Costs:
    """Architecture i has the i-th cost and the value 10 i."""

    def __init__(self, *costs: float, epochs: int = 1) -> None:
        self.costs, self.epochs = costs, epochs

    def answer(self, request: Evaluate) -> Answer:
        (index,) = request.architecture
        return Answer((10.0 * index,), self.costs[index % len(self.costs)], self.epochs)


def made(kind: type[SearchStrategy] = Listed, workers: int = 1, **problem: Any) -> Any:
    return kind(Problem(SPACE, workers=workers, **problem), NoSettings(), Random(0))


def run(budget: Budget, session: Any, workers: int, kind: type[SearchStrategy] = Listed) -> Any:
    strategy = made(kind, workers)
    return search(strategy, session, Clock(budget)), strategy


def test_two_workers_by_hand() -> None:
    """Costs 3 1 1 4 1 2 within 6 seconds.

    Worker 0 has trial 0 from 0 to 3; worker 1 has 1 from 0 to 1 and 2 from 1 to 2. It begins
    trial 3 at 2, which ends at 6. Worker 0 begins trial 4 at 3 and trial 5 at 4, which ends at 6,
    after 3, since that was asked before. What they begin at 6 costs 3 and 1 seconds: beyond the
    budget.
    """
    track, strategy = run(Budget(seconds=6), Costs(3, 1, 1, 4, 1, 2), 2)
    assert [index for (index,) in track.architectures] == [1, 2, 0, 4, 3, 5]
    assert track.started.tolist() == [0, 1, 0, 3, 2, 4]
    assert track.finished.tolist() == [1, 2, 3, 4, 6, 6]
    assert track.worker.tolist() == [1, 1, 0, 0, 1, 0]
    assert track.stop == Stop.SECONDS
    assert strategy.told == [
        (index, f"request {index}", (10.0 * index,)) for index in (1, 2, 0, 4, 3, 5)
    ]
    assert track.incumbents.tolist() == [0, 1, 3, 5]


def test_one_worker_asks_and_tells_in_turn() -> None:
    track, _ = run(Budget(seconds=6), Costs(3, 1, 1, 4), 1)
    assert [index for (index,) in track.architectures] == [0, 1, 2]
    assert track.finished.tolist() == np.cumsum([3, 1, 1]).tolist()
    assert track.started.tolist() == [0, 3, 4]
    assert track.worker.tolist() == [0, 0, 0]


@pytest.mark.parametrize("workers", [1, 2, 3, 7])
def test_a_budget_of_evaluations_is_that_of_all_workers_together(workers: int) -> None:
    track, strategy = run(Budget(evaluations=5), Costs(3, 1, 2), workers)
    assert (len(track.architectures), strategy.asked, track.stop) == (5, 5, Stop.EVALUATIONS)
    assert (np.diff(track.finished) >= 0).all()
    for worker in set(track.worker.tolist()):  # nobody does two things at once
        own = track.worker == worker
        assert (track.started[own][1:] >= track.finished[own][:-1]).all()


def test_epochs_are_counted_when_they_begin() -> None:
    """Four fit into 10 epochs of 2 and 3: after 2 + 2 + 2 + 2 a fifth would make 10, a sixth 12."""
    track, _ = run(Budget(epochs=10), Costs(1, epochs=2), 3)
    assert (len(track.architectures), track.epochs.sum(), track.stop) == (5, 10, Stop.EPOCHS)


def test_patience_ends_a_search_and_what_is_open_does_not_count() -> None:
    session = Costs(1, 1, 9, 1)
    track = search(made(workers=2), Falling(session), Clock(Budget(evaluations=50, patience=2)))
    assert track.stop == Stop.PATIENCE
    assert [index for (index,) in track.architectures] == [0, 1, 3]


class Falling:
    """Values that fall with every index."""

    def __init__(self, session: Costs) -> None:
        self.session = session

    def answer(self, request: Evaluate) -> Answer:
        answer = self.session.answer(request)
        return answer._replace(values=(-answer.values[0],))


@pytest.mark.parametrize("workers", [1, 2, 5])
def test_random_search_with_workers_is_their_closed_form(workers: int) -> None:
    """With equal costs c and a budget B, K workers make K floor(B / c) draws.

    Of n draws from m equally likely values 1..m the expected maximum is m - sum (i / m)^n.
    """
    space, repeats = toy_space((5, 4)), 3000
    m, draws = space.size, workers * 3

    class Session:
        def answer(self, request: Evaluate) -> Answer:
            return Answer((1.0 + space.index(request.architecture),), 2.0, 1)

    strategy, best = find_strategy("random-search"), []
    for seed in range(repeats):
        searching = strategy(
            Problem(space, workers=workers), make_settings(strategy, {}), Random(seed)
        )
        track = search(searching, Session(), Clock(Budget(seconds=7.9)))
        assert len(track.architectures) == draws
        best.append(track.signal.max())
    expected = m - sum((i / m) ** draws for i in range(1, m))
    assert abs(np.mean(best) - expected) < 4 * np.std(best) / np.sqrt(repeats)


def test_unequal_costs_make_every_worker_a_search_of_its_own() -> None:
    """Costs of 1 or 3 seconds with equal chance, 5 seconds: the evaluations of one worker.

    N is 1 + N' of what is left; f(b) = (1 + f(b - 1)) / 2 [b >= 1] + (1 + f(b - 3)) / 2 [b >= 3].
    """
    space, workers = toy_space((2,)), 3

    def expected(left: int) -> float:
        return sum((1 + expected(left - cost)) / 2 for cost in (1, 3) if left >= cost)

    class Session:
        def answer(self, request: Evaluate) -> Answer:
            return Answer((0.0,), 1.0 + 2 * request.architecture[0], 1)

    strategy, counts = find_strategy("random-search"), []
    for seed in range(3000):
        searching = strategy(
            Problem(space, workers=workers), make_settings(strategy, {}), Random(seed)
        )
        track = search(searching, Session(), Clock(Budget(seconds=5)))
        counts.append(len(track.architectures) / workers)
        assert track.finished.max() <= 5
    assert abs(np.mean(counts) - expected(5)) < 4 * np.std(counts) / np.sqrt(len(counts))


class Waits(Listed):
    """Asks for three, then waits until all are told."""

    def ask(self) -> Any:
        return WAIT if self.asked % 3 == 0 and len(self.told) < self.asked else super().ask()


def test_a_strategy_may_wait_for_answers() -> None:
    """Two workers: the second rests while the last of three goes on."""
    track, _ = run(Budget(evaluations=6), Costs(2, 2, 2), 2, Waits)
    assert track.started.tolist() == [0, 0, 2, 4, 4, 6]
    assert track.worker.tolist() == [0, 1, 0, 0, 1, 0]


class Batches(Listed):
    """Asks for two, then waits for both."""

    def ask(self) -> Any:
        return WAIT if self.asked % 2 == 0 and len(self.told) < self.asked else super().ask()


def test_a_batch_that_is_never_whole_ends_the_run() -> None:
    """Of the second two, 60 and 20 seconds from 50 on, the first is beyond the budget of 100."""
    track, _ = run(Budget(seconds=100), Costs(50, 50, 60, 20), 2, Batches)
    assert [index for (index,) in track.architectures] == [0, 1, 3]
    assert track.stop == Stop.SECONDS


def test_epochs_that_overshoot_end_all_asking() -> None:
    """12 epochs each of 20: the second worker's do not fit in, and the first asks for no more."""
    track, strategy = run(Budget(seconds=1000, epochs=20), Costs(300, epochs=12), 2)
    assert (len(track.architectures), strategy.asked, track.stop) == (1, 2, Stop.EPOCHS)


def test_waiting_for_nothing_is_one_line() -> None:
    class Stuck(Listed):
        def ask(self) -> Any:
            return WAIT

    with pytest.raises(InvalidInput, match="the strategy waits, and no answer is still to come"):
        run(Budget(evaluations=6), Costs(2), 2, Stuck)


class Same(Listed):
    """Asks for one architecture for ever."""

    def ask(self) -> Any:
        self.asked += 1
        return Evaluate((3,))


def test_what_is_asked_again_is_free_once_its_answer_is_known() -> None:
    """Two begin at once and are both charged; all others are free."""
    track, _ = run(Budget(evaluations=5), FreeRepeats(Costs(2)), 2, Same)
    assert track.seconds.tolist() == [2, 2, 0, 0, 0]
    assert track.epochs.tolist() == [1, 1, 0, 0, 0]
    assert track.finished.tolist() == [2, 2, 2, 2, 2]


def test_a_fidelity_of_its_own_is_another_question() -> None:
    session, costs = FreeRepeats(Costs(2)), count()
    for fidelity in (None, Fidelity(3), None, Fidelity(3)):
        request = Evaluate((1,), fidelity, memo=next(costs))
        answer = session.answer(request)
        session.told(request, answer)
        assert (answer.seconds > 0) == (request.memo < 2)


def test_incumbents_follow_the_direction_of_the_metric() -> None:
    loss = Metric("loss", "min", "nats", 0.0)
    table = {0: 0.9, 1: 1.2, 2: 0.4, 3: 0.4, 4: 0.1}

    class Session:
        def answer(self, request: Evaluate) -> Answer:
            return Answer((table[request.architecture[0]],), 1.0, 1)

    strategy = made(objectives=(loss,))
    track = search(strategy, Session(), Clock(Budget(evaluations=5), None, (loss,)))
    assert track.signal[track.incumbents].tolist() == [0.9, 0.4, 0.1]
    regret = Budget(evaluations=5, target_regret=0.35)
    track = search(made(objectives=(loss,)), Session(), Clock(regret, loss.score(0.1), (loss,)))
    assert (track.stop, len(track.architectures)) == (Stop.TARGET, 3)

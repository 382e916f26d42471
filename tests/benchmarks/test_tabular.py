"""Queries, their cost, and the wall between search and test."""

import numpy as np
import pytest
from tables import DATASETS, SIZE, synthetic_table

from nasbench.benchmarks.base import Session
from nasbench.benchmarks.catalogue import load_table
from nasbench.benchmarks.judge import TableJudge
from nasbench.benchmarks.tables.sealing import seal_test
from nasbench.benchmarks.tabular import Query, TabularBenchmark
from nasbench.errors import DataError, InvalidInput, TestSetSealed
from nasbench.harness.search.budget import Budget, Clock
from nasbench.harness.search.loop import FreeRepeats, search
from nasbench.problem import ACCURACY, Answer, Evaluate, Fidelity, Problem, Score, Scores
from nasbench.randomness import Random
from nasbench.spaces import get_space
from nasbench.strategies.base import BEST, Tag
from nasbench.strategies.registry import make_settings, strategies
from nasbench.testing.toys import objectives_of, proxies_of

SPACE = get_space("nb201")
SIGNAL = Query("cifar10", 12, 12)


def benchmark(table: object, signal: Query = SIGNAL) -> TabularBenchmark:
    return TabularBenchmark(table.search, table.rows, SPACE, signal)  # type: ignore[attr-defined]


def test_an_answer_is_the_tables_number() -> None:
    table = synthetic_table()
    session = benchmark(table).session(Random(0))
    accuracy = table.search.accuracy("cifar10", 12, 12)
    seconds = table.search.query_seconds("cifar10", 12)
    for index in (0, 77, SIZE - 1):
        answer = session.answer(Evaluate(SPACE.architecture(index)))
        assert answer == ((accuracy[index],), seconds[index], 12, False, ())


def test_best_and_cheapest() -> None:
    table = synthetic_table()
    assert benchmark(table).best_signal == table.search.accuracy("cifar10", 12, 12).max()
    assert benchmark(table).cheapest == table.search.query_seconds("cifar10", 12).min()


def test_single_trials_that_do_not_exist_are_refused() -> None:
    with pytest.raises(InvalidInput, match=r"no single trainings.*--signal mean"):
        benchmark(synthetic_table(), Query("cifar10", 12, 12, "random"))


def test_random_trials_are_drawn_evenly_each_at_its_own_cost() -> None:
    table = synthetic_table(trials=(777, 111))
    session = benchmark(table, Query("cifar10", 12, 12, "random")).session(Random(0))
    cell = SPACE.architecture(8)
    expected = {
        (
            table.search.accuracy("cifar10", 12, 12, seed)[8],
            table.search.query_seconds("cifar10", 12, seed)[8],
        )
        for seed in (777, 111)
    }
    answers = [session.answer(Evaluate(cell)) for _ in range(2000)]
    assert {(answer.values[0], answer.seconds) for answer in answers} == expected
    first = sum(answer.values == answers[0].values for answer in answers)
    assert abs(first - 1000) < 5 * np.sqrt(500)


def test_an_epoch_the_table_lacks_is_named() -> None:
    session = benchmark(synthetic_table()).session(Random(0))
    with pytest.raises(DataError, match="no validation after 3 epochs: use one of"):
        session.answer(Evaluate(SPACE.architecture(0), Fidelity(3)))


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ([0, 1, 2, 3, 4, 0], r"\[0, 1, 2, 3, 4, 0\] \(list\)"),
        (np.zeros(6, int), r"\(ndarray\)"),
        (9930, r"9930 \(int\)"),
        ("|nor_conv_3x3~0|+|none~0|none~1|+|none~0|none~1|none~2|", r"\(str\)"),
        ((0, 1, 2, 3, 4, 5), r"\(0, 1, 2, 3, 4, 5\) \(tuple\)"),
        ((0, 1, 2, 3, 4, -1), r"\(tuple\)"),
        ((0, 1, 2), r"\(0, 1, 2\) \(tuple\)"),
        ((0, 1, 2, 3, 4, None), r"\(tuple\)"),
        (None, r"None \(NoneType\)"),
    ],
)
@pytest.mark.parametrize("repeats", ["charge", "free"])
def test_what_is_no_architecture_is_told_what_one_is(
    asked: object, said: str, repeats: str
) -> None:
    session = benchmark(synthetic_table()).session(Random(0))
    if repeats == "free":
        session = FreeRepeats(session)  # type: ignore[assignment]
    line = (
        rf"asked for .*{said}: an architecture of space 'nb201' is a tuple of 6 whole numbers, "
        r"each from 0 to 4, such as \(4, 4, 4, 4, 4, 4\)"
    )
    with pytest.raises(InvalidInput, match=line) as caught:
        session.answer(Evaluate(asked))  # type: ignore[arg-type]
    assert "\n" not in str(caught.value)


def test_what_is_no_request_is_told_what_one_is() -> None:
    session = benchmark(synthetic_table()).session(Random(0))
    cell = SPACE.architecture(0)
    for asked in (cell, [cell], "3"):
        with pytest.raises(
            InvalidInput, match=r"ask\(\) returns nasbench.Evaluate\(architecture\)"
        ):
            session.answer(asked)  # type: ignore[arg-type]
    for fidelity in ("12", [3], 12, Fidelity("3")):  # type: ignore[arg-type]
        with pytest.raises(InvalidInput, match=r"asked for fidelity .*: it is nasbench.Fidelity"):
            session.answer(Evaluate(cell, fidelity))  # type: ignore[arg-type]
    with pytest.raises(DataError, match="schedule 200 is unknown to this task: its schedule is 12"):
        session.answer(Evaluate(cell, Fidelity(12, 200)))
    numbers = Evaluate(tuple(np.array(cell)))
    assert session.answer(numbers) == session.answer(Evaluate(cell))


ASKING = sorted(
    name
    for name, found in strategies().items()
    if found.rule == BEST and Tag.RECORDED not in found.tags
)


class WithScores:
    """A session that also scores architectures: by the sum of their choices, at no cost.

    The same sum is the value of objectives after the first, which the session does not know.
    """

    def __init__(self, session: Session, objectives: int) -> None:
        self._session, self._more = session, objectives - 1

    def answer(self, request: Evaluate) -> Answer:
        answer = self._session.answer(request)
        more = (float(sum(request.architecture)),) * self._more
        return answer._replace(values=(*answer.values, *more))

    def score(self, request: Score) -> Scores:
        values = tuple(float(sum(one)) for one in request.architectures)
        return Scores(values, (0.0,) * len(values))


@pytest.mark.parametrize("name", ASKING)
def test_no_strategy_depends_on_test(name: str) -> None:
    """The same run on a table whose test numbers are all poisoned, for every strategy."""
    strategy = strategies()[name]
    epochs = (1, 4) if Tag.FIDELITIES in strategy.tags else ()
    tracks = []
    for poison in (False, True):
        source = benchmark(synthetic_table(poison=poison, epochs=epochs))
        offered = source.fidelities if epochs else ()
        objectives = objectives_of(ACCURACY, strategy.least_objectives)
        problem = Problem(SPACE, objectives, offered, proxies=proxies_of(strategy))
        searcher = strategy(problem, make_settings(strategy, {}), Random(3))
        session = WithScores(source.session(Random(4)), len(objectives))
        clock = Clock(Budget(evaluations=80), None, objectives)
        tracks.append(search(searcher, session, clock))
    assert tracks[0].architectures == tracks[1].architectures
    assert (tracks[0].values == tracks[1].values).all()


def test_an_answer_holds_no_test_number() -> None:
    table = synthetic_table()
    values = {float(table.test.mean(name)[5]) for name in DATASETS}
    answer = benchmark(table).session(Random(0)).answer(Evaluate(SPACE.architecture(5)))
    assert not values & {*answer.values, answer.seconds, float(answer.epochs)}


def test_the_test_set_is_sealed_while_a_search_runs() -> None:
    table = synthetic_table()
    with seal_test():
        assert len(table.search.accuracy("cifar10", 12, 12)) == SIZE
        for read in (table.test.mean, table.test.valid_mean, table.test.count):
            with pytest.raises(TestSetSealed, match="only the judge may read them"):
                read("cifar10")
    assert len(table.test.mean("cifar10")) == SIZE


def test_what_was_read_before_is_sealed_too() -> None:
    """A curve's epochs are kept once they have been read."""
    table = load_table("digits")
    known = table.test.mean("digits")
    with seal_test(), pytest.raises(TestSetSealed, match="only the judge may read them"):
        table.test.mean("digits")
    assert table.test.mean("digits") is known


def test_the_judge_reads_final_means() -> None:
    table = synthetic_table()
    judge = TableJudge(table.test, table.rows, SPACE, DATASETS, 200)
    indices = [4, 9, 4]
    finals = judge.read([SPACE.architecture(index) for index in indices])
    for name in DATASETS:
        assert np.array_equal(finals[name].test[:, 0], table.test.mean(name)[indices])
        assert np.array_equal(finals[name].valid[:, 0], table.test.valid_mean(name)[indices])


def test_free_repeats_cost_nothing_and_say_the_same() -> None:
    session = FreeRepeats(benchmark(synthetic_table()).session(Random(0)))
    request = Evaluate(SPACE.architecture(3))
    first = session.answer(request)
    session.told(request, first)
    second = session.answer(request)
    assert first.seconds > 0
    assert second == first._replace(seconds=0.0, epochs=0)

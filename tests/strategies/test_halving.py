"""Successive halving and Hyperband: sizes, promotions and costs, against the papers and by hand."""

import math
from itertools import groupby

import numpy as np
import pandas as pd
import pytest

import nasbench
from nasbench.benchmarks.tabular import Query, TabularBenchmark
from nasbench.errors import InvalidInput
from nasbench.harness.search.budget import Budget, Clock
from nasbench.harness.search.loop import Trajectory, search
from nasbench.problem import ACCURACY, LOSS, Answer, Evaluate, Metric, Problem, Trial
from nasbench.randomness import Random
from nasbench.spaces.pool import PoolSpace
from nasbench.strategies.registry import find_strategy, make_settings
from nasbench.testing.strategies import toy_space
from tests.strategies.scripted import FAILS, Scripted, make, run

POWERS = [1, 3, 9, 27, 81]
LARGE = toy_space((10, 10, 10, 10))


def noisy(architecture: tuple[int, ...], epochs: int) -> float:
    """Return a value that differs by architecture and epochs, with little relation to either."""
    return math.sin(hash((*architecture, epochs)) % 10_007) * 50 + 50


def sizes(track: Trajectory) -> list[tuple[int, int]]:
    """Return (number, epochs) of each rung in the order of a run."""
    return [(len(list(same)), epochs) for epochs, same in groupby(track.fidelity.tolist())]


HYPERBAND = [
    [(81, 1), (27, 3), (9, 9), (3, 27), (1, 81)],
    [(34, 3), (11, 9), (3, 27), (1, 81)],
    [(15, 9), (5, 27), (1, 81)],
    [(8, 27), (2, 81)],
    [(5, 81)],
]
"""Algorithm 1 of Li et al. for R = 81 and eta = 3: of s = 4, 3, 2, 1 and 0."""
HPBANDSTER = [
    [(81, 1), (27, 3), (9, 9), (3, 27), (1, 81)],
    [(27, 3), (9, 9), (3, 27), (1, 81)],
    [(9, 9), (3, 27), (1, 81)],
    [(6, 27), (2, 81)],
    [(5, 81)],
]


@pytest.mark.parametrize(("rounding", "brackets"), [("up", HYPERBAND), ("down", HPBANDSTER)])
def test_brackets_of_hyperband(rounding: str, brackets: list) -> None:
    once = sum(number for bracket in brackets for number, _ in bracket)
    strategy = make("hyperband", LARGE, POWERS, rounding=rounding)
    track = run(strategy, Scripted(noisy), evaluations=once + 81)
    rungs = [rung for bracket in brackets for rung in bracket]
    expected = [epochs for number, epochs in [*rungs, (81, 1)] for _ in range(number)]
    assert track.fidelity.tolist() == expected


@pytest.mark.parametrize(
    ("epochs", "settings", "rungs"),
    [
        (POWERS, {}, [(81, 1), (27, 3), (9, 9), (3, 27), (1, 81)]),
        ([4, 12, 36, 108], {}, [(27, 4), (9, 12), (3, 36), (1, 108)]),
        (range(1, 16), {}, [(9, 2), (3, 5), (1, 15)]),
        ([1, 2, 4, 8], {"reduction": 2}, [(8, 1), (4, 2), (2, 4), (1, 8)]),
        ([1, 3, 9], {"candidates": 20}, [(20, 1), (6, 3), (2, 9)]),
        ([1, 3, 9], {"candidates": 2}, [(2, 1), (1, 3), (1, 9)]),
        ([1, 10, 100], {}, [(81, 1), (9, 10), (1, 100)]),
    ],
)
def test_rungs_of_successive_halving(epochs: list, settings: dict, rungs: list) -> None:
    once = sum(number for number, _ in rungs)
    strategy = make("successive-halving", LARGE, epochs, **settings)
    assert sizes(run(strategy, Scripted(noisy), evaluations=2 * once)) == rungs * 2


@pytest.mark.parametrize("metric", [ACCURACY, LOSS])
@pytest.mark.parametrize("name", ["successive-halving", "hyperband"])
def test_the_best_of_each_rung_go_on(name: str, metric: Metric) -> None:
    track = run(make(name, LARGE, POWERS, 3, metric=metric), Scripted(noisy), evaluations=400)
    ends = np.cumsum([number for number, _ in sizes(track)])
    sign = 1 if metric is ACCURACY else -1
    promotions = 0
    for begin, end, after in zip([0, *ends], ends, ends[1:], strict=False):
        scores = (sign * track.signal[begin:end]).tolist()
        here = dict(zip(track.architectures[begin:end], scores, strict=True))
        assert len(here) == end - begin  # the architectures of a rung differ
        if track.fidelity[end] > track.fidelity[begin] and set(
            entered := track.architectures[end:after]
        ) <= set(here):
            promotions += 1
            best = sorted(here, key=here.__getitem__, reverse=True)
            assert entered == best[: after - end]
    assert promotions >= 9


def test_a_trace_by_hand() -> None:
    """Nine candidates in the order asked, with two equal scores: the earlier goes on."""
    values = {1: [10, 50, 30, 50, 20, 60, 40, 5, 1], 3: [70, 71, 69], 9: [80]}
    strategy = make("successive-halving", LARGE, [1, 3, 9])
    asked, given = [], {epochs: iter(row) for epochs, row in values.items()}
    for number in range(13):
        request = strategy.ask()
        asked.append(request.architecture)
        value = next(given[request.fidelity.epochs])
        strategy.tell(Trial(number, request), Answer((value,), 1.0, 1))
    assert asked[9:12] == [asked[5], asked[1], asked[3]]  # 60, 50, 50
    assert asked[12] == asked[1]  # 71


def test_what_failed_never_goes_on() -> None:
    """Of 27, those that did not fail go on, though fewer than nine; of none, a bracket begins."""

    def script(architecture: tuple[int, ...], epochs: int) -> float | None:
        return noisy(architecture, epochs) if architecture[0] == 0 else FAILS

    track = run(make("successive-halving", LARGE, [1, 3, 9, 27]), Scripted(script), evaluations=500)
    failed = np.isnan(track.signal)
    assert failed.any()
    assert not failed[track.fidelity > 1].any()
    rungs = sizes(track)
    assert any(epochs == 3 and number < 9 for number, epochs in rungs)
    track = run(make("hyperband", LARGE, [1, 3]), Scripted(lambda *_: FAILS), evaluations=20)
    assert sizes(track) == [(3, 1), (2, 3)] * 4


def test_an_infinite_loss_counts_as_a_failure() -> None:
    def script(architecture: tuple[int, ...], _: int) -> float:
        return math.inf if architecture[0] < 8 else 1.0

    strategy = make("successive-halving", LARGE, [1, 3, 9], metric=Metric("loss", "min"))
    track = run(strategy, Scripted(script), evaluations=200)
    assert np.isfinite(track.signal[track.fidelity > 1]).all()


def test_a_bracket_has_no_more_architectures_than_the_space() -> None:
    """All four begin; 4 / 3 = 1 goes on, and that one to the end."""
    small = toy_space((2, 2))
    track = run(make("successive-halving", small, POWERS), Scripted(noisy), evaluations=16)
    assert sizes(track) == [(4, 1), (1, 3), (1, 9), (1, 27), (1, 81)] * 2
    assert sorted(track.architectures[:4]) == sorted(small.architectures)
    # all of Hyperband's brackets begin with four
    track = run(make("hyperband", small, POWERS), Scripted(noisy), evaluations=30)
    rungs = [POWERS[first:] for first in range(5)]
    expected = [each for begun in rungs for each in [begun[0]] * 4 + begun[1:]]
    assert track.fidelity.tolist() == expected


@pytest.mark.parametrize("name", ["successive-halving", "hyperband", "bohb"])
def test_with_several_workers_a_rung_begins_when_the_last_has_ended(name: str) -> None:
    def seconds(architecture: tuple[int, ...], epochs: int) -> float:
        return epochs * (1 + sum(architecture) % 4)

    strategy = make(name, LARGE, [1, 3, 9, 27], workers=5)
    track = run(strategy, Scripted(noisy, seconds), evaluations=70)
    assert len(set(track.worker.tolist())) == 5
    assert (np.diff(track.started) < 0).any()  # answers came in another order than requests
    ends = np.cumsum([number for number, _ in sizes(track)])
    for begin, end, after in zip([0, *ends], ends, ends[1:], strict=False):
        assert track.started[end:after].min() >= track.finished[begin:end].max()


NINE = PoolSpace("nine", list("abcdefghi"))
COSTS = dict(zip("abcdefghi", range(1, 10), strict=True))


def costs(architecture: str, epochs: int) -> float:
    """Seconds per epoch are 1 for a to 9 for i; a frame's seconds include validation."""
    return epochs * COSTS[architecture]


@pytest.mark.parametrize(("promotion", "total"), [("restart", 72.0), ("resume", 63.0)])
def test_costs_by_hand(promotion: str, total: float) -> None:
    """The best are a, b, c, then a.

    At 1 epoch 1 + ... + 9 = 45 s. At 3, (1 + 2 + 3) * 3 = 18 s anew, or 12 s for two epochs more.
    Then a, anew for 9 s or on from 3 to 9 epochs for 6 s.
    """
    rows = [
        (one, epochs, 0, costs(one, epochs), 10.0 * COSTS[one] / epochs, 1.0)
        for one in NINE.architectures for epochs in (1, 3, 9)
    ]  # fmt: skip
    names = ["architecture", "epochs", "seed", "seconds", "valid_loss", "test_loss"]
    table = nasbench.table_from_frame(
        pd.DataFrame(rows, columns=names), name="nine", space=NINE, metrics=LOSS
    )
    resume = promotion == "resume"
    benchmark = TabularBenchmark(
        table.search, None, NINE, Query("nine", 9, 3), (LOSS,), resume=resume
    )
    strategy = find_strategy("successive-halving")
    problem = Problem(NINE, (LOSS,), benchmark.fidelities)
    searching = strategy(problem, make_settings(strategy, {}), Random(0))
    clock = Clock(Budget(evaluations=13), None, (LOSS,))
    track = search(searching, benchmark.session(Random(0)), clock)
    assert track.architectures[9:] == ["a", "b", "c", "a"]
    assert sizes(track) == [(9, 1), (3, 3), (1, 9)]
    expected = {"restart": [45.0, 18.0, 9.0], "resume": [45.0, 12.0, 6.0]}[promotion]
    parts = [track.seconds[:9].sum(), track.seconds[9:12].sum(), track.seconds[12:].sum()]
    assert parts == pytest.approx(expected)
    assert track.seconds.sum() == pytest.approx(total)
    assert track.incumbents[-1] == 12  # the only one at the highest fidelity is the answer


@pytest.mark.parametrize(
    ("name", "setting", "value"),
    [
        ("successive-halving", "reduction", 1),
        ("successive-halving", "candidates", -1),
        ("hyperband", "reduction", 0),
        ("hyperband", "rounding", "half"),
        ("asha", "reduction", 1),
        ("bohb", "reduction", 1),
        ("bohb", "random_fraction", 1.5),
        ("bohb", "top_percent", 0),
        ("bohb", "least_points", -1),
        ("bohb", "samples", 0),
        ("bohb", "bandwidth_factor", 0.0),
    ],
)
def test_settings_out_of_range_are_named(name: str, setting: str, value: object) -> None:
    with pytest.raises(InvalidInput, match=f"{setting}' cannot be"):
        make_settings(find_strategy(name), {setting: value})


def test_requests_name_the_fidelity_of_the_problem() -> None:
    request = make("hyperband", LARGE, POWERS).ask()
    assert isinstance(request, Evaluate)
    assert request.fidelity.epochs == 1

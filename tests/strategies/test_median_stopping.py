"""Median stopping, by hand and against the rule written down again."""

from statistics import mean, median

import pytest

from nasbench.errors import InvalidInput
from nasbench.harness.search.budget import Stop
from nasbench.problem import ACCURACY, LOSS, Answer, Metric, Trial
from nasbench.randomness import Random
from nasbench.strategies.registry import find_strategy, make_settings
from nasbench.testing.strategies import toy_space
from tests.strategies.scripted import FAILS, Scripted, make, run

LARGE = toy_space((10, 10, 10, 10))


def test_a_trace_by_hand() -> None:
    """Grace 2, steps at 1, 2, 3 epochs; each line is a training."""
    curves = [
        [10.0, 50.0, 60.0],  # means 10, 30, 40
        [20.0, 30.0, 40.0],  # means 20, 25, 30
        [14.0],  # below 15, the median of 10 and 20
        [14.0, 27.5, 20.0],  # 14 is not below it (10, 14, 20), nor 27.5 below (25 + 30) / 2
        [30.0, 1.0, 1.0],  # its best is what counts: 30 is never below
    ]
    strategy = make("median-stopping", LARGE, [1, 2, 3], grace=2)
    asked = []
    for number, value in enumerate(value for curve in curves for value in curve):
        request = strategy.ask()
        asked.append(request)
        strategy.tell(Trial(number, request), Answer((value,), 1.0, 1))
    assert [one.fidelity.epochs for one in asked] == [1, 2, 3, 1, 2, 3, 1, 1, 2, 3, 1, 2, 3]
    assert len({one.architecture for one in asked}) == 5


@pytest.mark.parametrize("metric", [ACCURACY, LOSS])
@pytest.mark.parametrize("workers", [1, 6])
def test_what_stops_is_what_the_rule_says(metric: Metric, workers: int) -> None:
    """Answers in the order of a search with several workers, some of them failing."""
    random = Random(3)
    values: dict[tuple[object, int], float | None] = {}

    def script(architecture: tuple[int, ...], epochs: int) -> float | None:
        drawn = FAILS if random.uniform() < 0.05 else float(sum(architecture) + 10 * epochs)
        return values.setdefault((architecture, epochs), drawn)

    strategy = make("median-stopping", LARGE, [1, 2, 3, 4], 1, metric=metric, workers=workers)
    track = run(strategy, Scripted(script), evaluations=400)
    sign = 1 if metric is ACCURACY else -1
    curves: dict[object, list[float]] = {}
    done: list[list[float]] = []
    ended: set[object] = set()
    stopped = 0
    for one, epochs in zip(track.architectures, track.fidelity.tolist(), strict=True):
        assert one not in ended
        curve = curves.setdefault(one, [])
        assert epochs == len(curve) + 1
        if (value := values[one, epochs]) is FAILS:
            ended.add(one)
            continue
        curve.append(sign * value)
        others = [mean(other[:epochs]) for other in done if len(other) >= epochs]
        below = len(others) >= 5 and max(curve) < median(others)
        if below or epochs == 4:
            stopped += below
            ended.add(one)
            done.append(curve)
    assert stopped > 20
    going = [one for one in curves if one not in ended]
    assert len(going) <= 2 * workers  # all others were trained on


def test_steps_with_a_stride() -> None:
    for stride, expected in ((1, [1, 2, 3, 4, 5]), (2, [1, 3, 5]), (3, [2, 5]), (9, [1, 5])):
        strategy = make("median-stopping", LARGE, [1, 2, 3, 4, 5], stride=stride)
        track = run(strategy, Scripted(lambda a, _: sum(a)), evaluations=len(expected))
        assert track.fidelity.tolist() == expected


def test_the_search_ends_when_a_small_space_is_used_up() -> None:
    small = toy_space((2, 3))
    strategy = make("median-stopping", small, [1, 2, 3], workers=3)
    track = run(strategy, Scripted(lambda a, _: 3 * a[0] + a[1]), evaluations=100)
    assert track.stop == Stop.EXHAUSTED
    assert set(track.architectures) == set(small.architectures)


@pytest.mark.parametrize("setting", ["grace", "stride"])
def test_settings_out_of_range_are_named(setting: str) -> None:
    with pytest.raises(InvalidInput, match=f"{setting}' cannot be 0"):
        make_settings(find_strategy("median-stopping"), {setting: 0})

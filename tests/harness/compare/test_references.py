"""The expected random search against enumeration, simulation and real runs."""

from itertools import permutations, product
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nasbench.benchmarks.frames import table_from_frame
from nasbench.harness.compare import compare
from nasbench.harness.compare.draws import affordable
from nasbench.harness.compare.free_repeats import FreeRepeats
from nasbench.harness.compare.references import (
    ExpectedRandomSearch,
    open_known,
    references,
)
from nasbench.harness.execution.run import run
from nasbench.harness.results.load import load_results
from nasbench.problem import ACCURACY
from nasbench.spaces import get_enumerable


def best_outcome(draws: tuple[int, ...], signal: np.ndarray, outcome: np.ndarray) -> float:
    """The outcome of the first best by signal."""
    best = max(draws, key=lambda i: signal[i])  # max keeps the first of equals
    return float(outcome[best])


@settings(deadline=None, max_examples=40)
@given(
    st.lists(st.integers(0, 3), min_size=1, max_size=5),
    st.integers(1, 4),
    st.booleans(),
    st.randoms(),
)
def test_closed_form_equals_enumeration(
    signal: list[int], n: int, replacement: bool, random: object
) -> None:
    n = n if replacement else min(n, len(signal))
    values = np.array(signal, dtype=float)
    outcome = np.random.default_rng(len(signal)).normal(90, 3, len(signal))
    cells = range(len(signal))
    draws = product(cells, repeat=n) if replacement else permutations(cells, n)
    every = [best_outcome(draw, values, outcome) for draw in draws]
    found = ExpectedRandomSearch(values).expect(outcome, np.array([n]), replacement=replacement)
    assert found.mean[0] == pytest.approx(np.mean(every))
    assert found.std[0] == pytest.approx(np.std(every), abs=1e-6)


def test_rank_probability_is_the_textbook_one() -> None:
    chances = ExpectedRandomSearch(np.arange(100.0)).best(np.array([7.0]))
    worst_ranks = np.cumsum(chances[0])  # P(best is among the k+1 worst)
    np.testing.assert_allclose(worst_ranks, (np.arange(1, 101) / 100) ** 7)


def test_weights_count_like_copies() -> None:
    signal, outcome, n = np.array([1.0, 2, 3]), np.array([5.0, 1, 4]), np.array([1.0, 2, 6])
    weighted = ExpectedRandomSearch(signal, np.array([2.0, 1, 3])).expect(outcome, n)
    copied = ExpectedRandomSearch(signal.repeat([2, 1, 3])).expect(outcome.repeat([2, 1, 3]), n)
    np.testing.assert_allclose(weighted.mean, copied.mean)
    np.testing.assert_allclose(weighted.std, copied.std)


def test_failed_evaluations_are_never_the_incumbent() -> None:
    search = ExpectedRandomSearch(np.array([np.nan, 1.0, 2.0]))
    one = search.expect(np.array([99.0, 10, 20]), np.array([1.0]))
    assert one.mean[0] == pytest.approx(15)
    two = search.expect(np.array([99.0, 10, 20]), np.array([2.0]))
    assert two.mean[0] == pytest.approx((3 * 10 + 5 * 20) / 8)  # of 9 pairs one fails twice


def test_all_drawn_without_replacement_is_the_optimum() -> None:
    search = ExpectedRandomSearch(np.arange(9.0))
    for n in (9.0, 50.0):
        found = search.expect(np.arange(9.0), np.array([n]), replacement=False)
        assert found.mean[0] == pytest.approx(8)


def test_poisson_arrivals_are_exactly_linear() -> None:
    costs = np.random.default_rng(0).exponential(2.0, 1_000_000)
    assert affordable(np.array([50.0]), costs)[0] == pytest.approx(25, abs=0.1)


def test_affordable_evaluations_against_simulation() -> None:
    generator = np.random.default_rng(5)
    costs = generator.uniform(40, 200, 1000)
    spent = np.cumsum(generator.choice(costs, (20_000, 60)), axis=1)
    finished = (spent <= 3000).sum(axis=1)
    error = finished.std() / np.sqrt(len(finished))
    assert affordable(np.array([3000.0]), costs)[0] == pytest.approx(finished.mean(), abs=4 * error)


@pytest.mark.parametrize("workers", [1, 3])
@pytest.mark.parametrize("seconds", [400.0, 1500.0, 4000.0])
def test_draws_with_free_repeats_against_simulation(seconds: float, workers: int) -> None:
    """A law by which a few cheap architectures are most of the draws, as in NAS-Bench-101."""
    generator = np.random.default_rng(int(seconds) + workers)
    chances = 0.97 ** np.arange(500.0)
    chances /= chances.sum()
    costs = generator.uniform(20, 60, 500) + 100 * (np.arange(500) > 20)
    counted = []
    for _ in range(2000):
        left, seen, count = [seconds] * workers, set[int](), 0
        for cell in generator.choice(500, 4000, p=chances).tolist():
            worker = int(np.argmax(left))  # the one that is free first
            if cell not in seen:
                if left[worker] < costs[cell]:
                    left[worker] = -1.0  # its search has ended
                    if max(left) < 0:
                        break
                    continue
                left[worker] -= costs[cell]
                seen.add(cell)
            count += 1
        counted.append(count)
    found = FreeRepeats(costs, 500 * chances, np.arange(500)).within(np.array([seconds]), workers)
    assert found[0] == pytest.approx(np.mean(counted), rel=0.02 if seconds > 400 else 0.05)
    assert affordable(np.array([seconds]), costs, chances)[0] * workers < found[0]


def test_draws_that_are_never_repeated_are_affordable_ones() -> None:
    costs = np.random.default_rng(6).uniform(40, 200, 1_000_000)
    seconds = np.array([500.0, 12_000.0])
    found = FreeRepeats(costs, np.ones(len(costs)), np.arange(len(costs))).within(seconds)
    assert found == pytest.approx(affordable(seconds, costs), rel=1e-3)


def test_seconds_for_all_architectures_are_enough_for_any_number_of_draws() -> None:
    draws = FreeRepeats(np.array([1.0, 2.0]), np.array([0.9, 0.1]), np.arange(2))
    few, all_of_them = draws.within(np.array([2.0, 10.0]))
    assert np.isfinite(few)
    assert np.isinf(all_of_them)


@pytest.mark.usefixtures("synthetic_nb201")
def test_two_thousand_random_searches_agree_with_the_closed_form(tmp_path: Path) -> None:
    run("random-search", seeds=2000, budget="3000s", out=tmp_path)
    comparison = compare(tmp_path, datasets="cifar100")
    row, block = comparison.rows[0], comparison.blocks[0]
    expected = next(
        r for r in references(block.known, "cifar100") if r.reference == "expected random search"
    )
    error = 1 / np.sqrt(2000)
    assert row.n == 2000
    assert row.costs.evaluations == pytest.approx(expected.evaluations_mean, abs=0.15)
    assert row.finals.test.value == pytest.approx(
        expected.test_mean, abs=4 * row.finals.test_std * error
    )
    assert row.finals.valid.mean == pytest.approx(
        expected.valid_mean, abs=4 * row.finals.valid.std * error
    )
    assert row.finals.test_std == pytest.approx(expected.test_std, rel=0.1)
    signal = load_results(tmp_path).runs["signal"]
    assert signal.mean() == pytest.approx(expected.signal_mean, abs=4 * signal.std() * error)


def test_a_budget_of_epochs_affords_so_many_evaluations(
    tmp_path: Path, synthetic_nb201: Path
) -> None:
    for name in ("120epochs", "10evals"):
        run("random-search", seeds=2, budget=name, out=tmp_path / name)
    epochs, evaluations = (
        compare(tmp_path / name).blocks[0].references for name in ("120epochs", "10evals")
    )
    assert [one.test_mean for one in epochs] == [one.test_mean for one in evaluations]


@pytest.mark.usefixtures("synthetic_nb201")
def test_optimum_and_mean_are_those_of_the_table(tmp_path: Path) -> None:
    run("random-search", seeds=1, budget="10evals", out=tmp_path)
    known = open_known(load_results(tmp_path).experiments[0].experiment.task)
    found = {r.reference: r for r in references(known, "cifar10")}
    valid, test = known.valid["cifar10"], known.test["cifar10"]
    best, chosen = int(test.argmax()), int(valid.argmax())
    assert found["optimum"].test_mean == test[best]
    assert found["optimum"].valid_mean == valid[best]
    assert found["optimum"].regret_mean == 0
    assert found["optimum by validation"].test_mean == test[chosen]
    assert found["optimum by validation"].valid_regret_mean == 0
    assert found["mean architecture"].test_mean == pytest.approx(test.mean())
    assert found["expected random search"].evaluations_mean == 10


def test_random_searches_agree_where_sampling_is_not_uniform(tmp_path: Path) -> None:
    """In the space of NAS-Bench-101, whose simplest cell is drawn in a tenth of all draws."""
    space = get_enumerable("nb101-5v")
    generator = np.random.default_rng(1)
    quality = generator.normal(80, 5, space.size)
    frame = pd.DataFrame(
        {
            "index": np.arange(space.size), "epochs": 4,
            "seconds": generator.uniform(50, 90, space.size),
            "valid_accuracy": np.clip(quality + generator.normal(0, 1, space.size), 0, 100),
            "test_accuracy": np.clip(quality + generator.normal(0, 1, space.size), 0, 100),
        }
    )  # fmt: skip
    table = table_from_frame(
        frame, name="drawn", space="nb101-5v", metrics=ACCURACY, licence="none", title="made up"
    )
    table.save(path := tmp_path / "drawn.safetensors")
    run("random-search", seeds=2000, benchmark=path, budget="20evals", out=tmp_path / "runs")
    comparison = compare(tmp_path / "runs")
    row, known = comparison.rows[0], comparison.blocks[0].known
    assert known is not None
    expected = next(
        r for r in references(known, row.dataset) if r.reference == "expected random search"
    )
    assert row.finals.test.value == pytest.approx(
        expected.test_mean, abs=4 * expected.test_std / np.sqrt(2000)
    )
    assert row.finals.test_std == pytest.approx(expected.test_std, rel=0.1)
    law = space.sampling_law
    draws = known.draws
    assert draws.costs @ law == pytest.approx(np.average(draws.costs, weights=draws.weights))


def test_probabilities_of_any_weights_are_probabilities() -> None:
    """Sums of such weights are rounded, and no answer fails: the chance of that is not below 0."""
    generator = np.random.default_rng(0)
    for _ in range(50):
        signal, weights = generator.normal(size=1000), generator.random(1000) / 3
        chances = ExpectedRandomSearch(signal, weights).best(np.array([1.0, 2.5, 150.0]))
        assert (chances >= 0).all()
        assert chances.sum(axis=1) == pytest.approx(1)

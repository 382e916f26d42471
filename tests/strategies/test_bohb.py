"""BOHB: its densities against their definition, its model and its brackets by hand."""

import math
from collections import Counter
from itertools import product
from typing import Any

import numpy as np
import pytest

from nasbench.spaces.base import Space
from nasbench.spaces.nb101 import NasBench101Small
from nasbench.spaces.pool import PoolSpace
from nasbench.spaces.subspace import Subspace
from nasbench.strategies.parts.density import Density
from nasbench.testing.strategies import ToyLayers, toy_space
from tests.strategies.scripted import FAILS, Scripted, make, run

CHOICES = (3, 2, 4, 1)
POINTS = [(0, 0, 0, 0), (2, 0, 1, 0), (0, 0, 3, 0), (0, 0, 3, 0), (1, 0, 2, 0)]


def kernel(x: int, point: int, h: float, choices: int) -> float:
    """Aitchison & Aitken's kernel of one decision."""
    return 1 - h if x == point else h / (choices - 1)


def density(x: tuple[int, ...], points: list, h: list[float], choices: tuple[int, ...]) -> float:
    """The mean over points of the product over decisions, term by term."""
    terms = [
        math.prod(kernel(*of) for of in zip(x, point, h, choices, strict=True))
        for point in points
    ]  # fmt: skip
    return sum(terms) / len(terms)


def test_bandwidths_by_hand() -> None:
    """1.06 sigma n^(-1 / (4 + d)), within 0.001 and (c - 1) / c."""
    two = Density.fit([(0, 4, 1), (2, 4, 0)], (40, 5, 2))
    # sigma is 1, 0 and 1/2; n^(-1/7) = 2^(-1/7) = 0.90572
    assert two.bandwidths == pytest.approx([0.96006, 0.001, 0.48003], abs=1e-5)
    far = Density.fit([(0, 1), (4, 0)], (5, 2))
    assert far.bandwidths.tolist() == [0.8, pytest.approx(0.53 * 2 ** (-1 / 6))]
    assert far.widened(3).bandwidths.tolist() == [0.8, 0.5]


def test_the_density_is_its_definition_and_sums_to_one() -> None:
    found = Density.fit(POINTS, CHOICES)
    every = list(product(*map(range, CHOICES)))
    values = found.of(np.array(every))
    h = found.bandwidths.tolist()
    assert h[3] == 0.0  # a decision with one choice
    expected = [density(x[:3], [p[:3] for p in POINTS], h[:3], CHOICES[:3]) for x in every]
    np.testing.assert_allclose(values, expected, rtol=1e-12)
    assert values.sum() == pytest.approx(1.0)
    assert (values > 0).all()


def test_the_widest_density_is_uniform() -> None:
    every = np.array(list(product(*map(range, CHOICES))))
    np.testing.assert_allclose(Density.fit(POINTS, CHOICES).widened(1e6).of(every), 1 / 24)


def test_draws_follow_the_density() -> None:
    """Each of 24 frequencies is within five standard errors of its probability."""
    wide, number = Density.fit(POINTS, CHOICES).widened(3), 100_000
    drawn = wide.draw(number, np.random.default_rng(0))
    every = np.array(list(product(*map(range, CHOICES))))
    for one, probability in zip(every, wide.of(every), strict=True):
        share = (drawn == one).all(axis=1).mean()
        assert abs(share - probability) < 5 * math.sqrt(probability / number)


def test_the_model_is_of_the_highest_rung_with_enough_answers() -> None:
    """Three decisions: at least four good and four bad answers, so eight at a rung.

    Brackets of eta = 2 and 1, 2, 4 epochs begin with 4, 2 and 3 architectures.
    """
    space = toy_space((6, 6, 6))
    strategy = make("bohb", space, [1, 2, 4], reduction=2)
    seen: dict[int, dict[tuple[int, ...], None]] = {1: {}, 2: {}, 4: {}}
    for _ in range(40):
        model = strategy.model()
        enough = [epochs for epochs, known in seen.items() if len(known) >= 8]
        if not enough:
            assert model is None
        else:
            of = seen[max(enough)]
            ranked = sorted(of, key=lambda a: -value(a, 0))
            good = max(4, 15 * len(of) // 100)
            assert model[0].points.tolist() == [list(a) for a in ranked[:good]]
            bad = ranked[good : good + max(4, 85 * len(of) // 100)]
            assert model[1].points.tolist() == [list(a) for a in bad]
        track = run(strategy, Scripted(value), evaluations=1)
        seen[int(track.fidelity[0])][track.architectures[0]] = None
    assert min(map(len, seen.values())) >= 8  # the model has been at every rung


def value(architecture: tuple[int, ...], _: int) -> float:
    """Return a value that is different for every architecture."""
    return architecture[0] * 36.0 + architecture[1] * 6.0 + architecture[2]


def test_a_failed_evaluation_is_a_bad_answer() -> None:
    space = toy_space((6, 6, 6))
    strategy = make("bohb", space, [1, 3], random_fraction=1.0)
    script = Scripted(lambda a, e: FAILS if a[0] < 3 else value(a, e))
    run(strategy, script, evaluations=60)
    good, bad = strategy.model()
    assert (good.points[:, 0] >= 3).all()
    assert (bad.points[:, 0] < 3).any()


def test_the_candidate_has_the_best_ratio() -> None:
    """With 5,000 candidates of 27 architectures, all are among them; those of a bracket are not."""
    space = toy_space((3, 3, 3))
    strategy = make("bohb", space, [1, 3], random_fraction=0.0, samples=5000)
    run(strategy, Scripted(lambda a, _: 9.0 * a[0] + 3.0 * a[1] + a[2]), evaluations=25)
    good, bad = strategy.model()
    every = list(product(range(3), repeat=3))
    ratio = {
        x: density(x, bad.points.tolist(), bad.bandwidths.tolist(), (3, 3, 3))
        / density(x, good.points.tolist(), good.bandwidths.tolist(), (3, 3, 3))
        for x in every if x not in strategy.drawn
    }  # fmt: skip
    assert 0 < len(ratio) < 27
    assert ratio[strategy.draw()] == pytest.approx(min(ratio.values()))


def test_brackets_have_the_sizes_of_the_authors_code() -> None:
    rungs = [(81, 1), (27, 3), (9, 9), (3, 27), (1, 81), (27, 3), (9, 9), (3, 27), (1, 81),
             (9, 9), (3, 27), (1, 81), (6, 27), (2, 81), (5, 81)]  # fmt: skip
    expected = [epochs for number, epochs in rungs for _ in range(number)]
    strategy = make("bohb", toy_space((10,) * 4), [1, 3, 9, 27, 81])
    track = run(strategy, Scripted(lambda a, _: sum(a)), evaluations=len(expected))
    assert track.fidelity.tolist() == expected


@pytest.mark.parametrize("fraction", [0.0, 1 / 3, 1.0])
def test_a_fraction_is_drawn_uniformly(fraction: float, monkeypatch: pytest.MonkeyPatch) -> None:
    """Within four standard errors."""
    space, uniform = toy_space((4,) * 6), []
    strategy = make("bohb", space, [1, 3, 9], random_fraction=fraction)
    run(strategy, Scripted(value), evaluations=60)
    strategy.drawn, sample = set(), space.sample
    monkeypatch.setattr(space, "sample", lambda random: uniform.append(1) or sample(random))
    for _ in range(600):
        strategy.draw()
    assert abs(len(uniform) / 600 - fraction) <= 4 * math.sqrt(fraction * (1 - fraction) / 600)


def test_what_works_pays() -> None:
    """Of twelve bits, the mean number that are set late in a search; half of them by chance."""
    space, means = toy_space((2,) * 12), {}
    for name in ("bohb", "hyperband"):
        late = []
        for seed in range(5):
            strategy = make(name, space, [1, 3, 9], seed)
            track = run(strategy, Scripted(lambda a, _: sum(a)), evaluations=300)
            late.append(track.signal[track.fidelity == 1][-60:].mean())
        means[name] = np.mean(late)
    assert means["hyperband"] == pytest.approx(6, abs=0.4)
    assert means["bohb"] > 8


def of_graphs() -> Space:
    """Return one of five small cells of NAS-Bench-101, as a table has them."""
    whole = NasBench101Small()
    return Subspace(whole, np.arange(3, whole.size, 5))


def edges(architecture: Any, _: int) -> float:
    """Return a value that grows with the edges of a graph; of equal ones, operations decide."""
    return len(architecture.edges) + 0.1 * architecture.operations.count("conv3x3-bn-relu")


def test_without_decisions_the_model_is_of_the_features_of_an_encoding() -> None:
    """Good points are the features of the best; what is drawn has a small ratio, by hand."""
    space = of_graphs()
    strategy = make("bohb", space, [1, 3], random_fraction=0.0)
    run(strategy, Scripted(edges), evaluations=120)
    good, bad = strategy.model()
    known = strategy.answers[1]
    most = max(int(space.encodings()["one-hot"]([one]).sum()) for one in space.architectures)
    assert len(good.points) == max(most + 1, 15 * len(known) // 100)
    best = [one.architecture for one in sorted(known.values())][: len(good.points)]
    assert (good.points == space.encodings()["one-hot"](best)).all()
    strategy.drawn = set()
    drawn, ratios = strategy.draw(), {}
    for one in (drawn, *space.architectures[::5]):
        features = tuple(space.encodings()["one-hot"]([one])[0].astype(int).tolist())
        sizes = (2,) * len(features)
        likely, unlikely = (
            density(features, of.points.tolist(), of.bandwidths.tolist(), sizes)
            for of in (good, bad)
        )
        ratios[one] = max(unlikely, 1e-32) / max(likely, 1e-32)
    assert ratios[drawn] < np.quantile(list(ratios.values()), 0.1)


@pytest.mark.parametrize("kind", ["graphs", "tree"])
def test_what_works_pays_without_decisions_too(kind: str) -> None:
    """The mean value late in a search is above that of Hyperband by a tenth of the range."""
    space, means = of_graphs() if kind == "graphs" else ToyLayers(), {}
    script = edges if kind == "graphs" else (lambda a, _: sum(a) + len(a))
    every = [script(one, 1) for one in space.architectures]
    for name in ("bohb", "hyperband"):
        late = []
        for seed in range(5):
            drawn = {"samples": 16} if name == "bohb" else {}
            strategy = make(name, space, [1, 3, 9], seed, **drawn)
            track = run(strategy, Scripted(script), evaluations=200)
            late.append(track.signal[track.fidelity == 1][-40:].mean())
        means[name] = np.mean(late)
    assert means["bohb"] > means["hyperband"] + 0.1 * (max(every) - min(every))


def test_a_pool_of_names_is_searched_as_by_hyperband() -> None:
    """There is nothing to learn from: every name is drawn about equally often."""
    pool = PoolSpace("names", list("abcdefghij"))
    strategy = make("bohb", pool, [1, 3, 9])
    track = run(strategy, Scripted(lambda a, _: ord(a)), evaluations=2000)
    began = Counter(np.array(track.architectures)[track.fidelity == 1].tolist())
    assert min(began.values()) > 0.5 * max(began.values())


def test_equal_seeds_draw_equally_and_others_do_not() -> None:
    space = toy_space((4,) * 6)
    runs = [
        run(make("bohb", space, [1, 3, 9], seed), Scripted(value), evaluations=80).architectures
        for seed in (1, 1, 2)
    ]
    assert runs[0] == runs[1] != runs[2]

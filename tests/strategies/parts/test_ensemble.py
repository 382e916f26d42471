"""The ensemble of networks against finite differences, a network by hand, and known functions."""

import os
import subprocess
import sys

import numpy as np
import pytest
from scipy.stats import kendalltau

from nasbench.spaces.nb201 import NasBench201
from nasbench.strategies.parts.predictors import ensemble as module
from nasbench.strategies.parts.predictors.ensemble import Ensemble, Networks


def generator(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


def error(networks: Networks, inputs: np.ndarray, targets: np.ndarray) -> float:
    """The sum over networks of their mean absolute errors."""
    return float(np.abs(networks.outputs(inputs) - targets).mean(axis=1).sum())


def test_a_network_by_hand() -> None:
    """Two inputs, two units, one output: max(x - y + 1, 0) * 3 + max(2 y - 1, 0) - 4."""
    made = Networks(1, [2, 2, 1], generator())
    made.weights[0][0] = [[1, 0], [-1, 2], [1, -1]]
    made.weights[1][0] = [[3], [1], [-4]]
    inputs = np.array([[[0, 0], [1, 0], [0, 3]]])
    assert made.outputs(inputs).tolist() == [[-1, 2, 1]]


def test_gradients_against_finite_differences() -> None:
    """Central differences in double precision, of every weight of two networks of three layers."""
    made = Networks(2, [4, 5, 3, 1], generator(1), np.float64)
    for layer in made.weights:
        layer[:, -1] = generator(2).normal(size=layer[:, -1].shape)  # biases, too
    inputs, targets = generator(3).normal(size=(2, 7, 4)), generator(4).normal(size=(2, 7))
    made.differentiate(inputs, targets)
    step, seen = 1e-6, 0.0
    for layer, gradient in zip(made.weights, made.gradients, strict=True):
        for place in np.ndindex(layer.shape):
            kept = layer[place]
            ends = []
            for layer[place] in (kept + step, kept - step):
                ends.append(error(made, inputs, targets))
            layer[place] = kept
            assert gradient[place] == pytest.approx((ends[0] - ends[1]) / (2 * step), abs=1e-8)
            seen = max(seen, abs(gradient[place]))
    assert seen > 0.1


def test_the_first_step_of_adam() -> None:
    """It moves every weight with a gradient by the rate, whatever the gradient's size."""
    made = Networks(1, [3, 2, 1], generator(5), np.float64)
    before = [layer.copy() for layer in made.weights]
    inputs, targets = generator(6).normal(size=(1, 8, 3)), 100 + np.zeros((1, 8))
    made.descend(inputs, targets, 0.25)
    for old, new, slope in zip(before, made.weights, made.gradients, strict=True):
        assert np.allclose(new - old, -0.25 * np.sign(slope), atol=1e-5)
    assert np.abs(made.gradients[1]).max() > 0


def test_two_steps_of_adam_by_hand() -> None:
    """One weight and one bias; the gradients are -3 and -1, then those of the other example."""
    made = Networks(1, [1, 1], generator(), np.float64)
    made.weights[0][...] = 0.0
    weight = first = second = 0.0
    for step, example in enumerate((3.0, 0.5), start=1):
        made.descend(np.array([[[example]]]), np.array([[10.0]]), 0.1)
        first = 0.9 * first - 0.1 * example
        second = 0.99 * second + 0.01 * example**2
        mean, square = first / (1 - 0.9**step), second / (1 - 0.99**step)
        weight -= 0.1 * mean / square**0.5
    assert made.weights[0][0, 0, 0] == pytest.approx(weight, rel=1e-5)
    assert made.weights[0][0, 1, 0] == pytest.approx(0.2, rel=1e-5)


def test_first_weights_are_those_of_glorot() -> None:
    made = Networks(50, [155, 20, 1], generator(7))
    for layer, (inputs, outputs) in zip(made.weights, ((155, 20), (20, 1)), strict=True):
        limit = (6 / (inputs + outputs)) ** 0.5
        assert not layer[:, -1].any()
        assert np.abs(layer).max() <= limit
        assert layer[:, :-1].std() == pytest.approx(limit / 3**0.5, rel=0.05)


def test_each_member_sees_every_example_once_an_epoch_in_its_own_order() -> None:
    made = list(Ensemble(generator(), members=3, epochs=2, batch=4)._batches(10))
    assert [one.shape for one in made] == [(3, 4), (3, 4), (3, 2)] * 2
    for epoch in (made[:3], made[3:]):
        orders = np.concatenate(epoch, axis=1)
        assert np.array_equal(np.sort(orders, axis=1), np.tile(np.arange(10), (3, 1)))
        assert len({tuple(order) for order in orders.tolist()}) == 3


def cells(number: int) -> np.ndarray:
    space = NasBench201()
    places = generator(8).permutation(space.size)[:number].tolist()
    return space.paths([space.architectures[place] for place in places]).astype(float)


def test_it_learns_a_linear_function_of_the_paths() -> None:
    """Ranks of 500 cells that it has not seen; and of those it has, with their numbers."""
    features = cells(600)
    scores = 70 + 5 * (features @ generator(9).normal(size=155))
    made = Ensemble(generator(10))
    made.fit(features[:100], scores[:100])
    unseen, seen = made.predict(features[100:]), made.predict(features[:100])
    assert kendalltau(unseen.mean, scores[100:])[0] > 0.55
    assert np.abs(seen.mean - scores[:100]).mean() < 0.15 * scores.std()
    assert seen.deviation.mean() < unseen.deviation.mean()


def test_members_are_independent() -> None:
    """They start and end with different weights; the deviation is theirs, the mean their mean."""
    features = cells(60)
    made = Ensemble(generator(11), members=4, layers=3)
    scores = features @ np.arange(155.0)
    made.fit(features[:40], scores[:40])
    networks = made._networks
    assert networks is not None
    each = networks.outputs(features[None, 40:]) * scores[:40].std() + scores[:40].mean()
    assert len({row.tobytes() for row in each}) == 4
    predicted = made.predict(features[40:])
    assert np.allclose(predicted.mean, each.mean(axis=0), rtol=1e-4)
    assert np.allclose(predicted.deviation, each.std(axis=0), rtol=1e-3)
    alone = [np.corrcoef(each[i], each[j])[0, 1] for i in range(4) for j in range(i)]
    assert max(alone) < 0.9999


def test_scores_of_any_unit_are_learned_alike() -> None:
    features = cells(80)
    scores = features @ generator(12).normal(size=155)
    made = []
    for factor, shift in ((1.0, 0.0), (2.0**10, 2.0**12)):
        ensemble = Ensemble(generator(13), layers=2, epochs=20)
        ensemble.fit(features[:50], factor * scores[:50] + shift)
        made.append(ensemble.predict(features[50:]))
    assert np.allclose(made[1].mean, made[0].mean * 2**10 + 2**12, rtol=1e-3)
    assert np.allclose(made[1].deviation, made[0].deviation * 2**10, rtol=0.02)


@pytest.mark.parametrize("number", [1, 2, 33])
def test_equal_scores(number: int) -> None:
    """What is learned is finite, and near the one score there is."""
    made = Ensemble(generator(14), epochs=50)
    features = cells(number + 10)
    made.fit(features[:number], np.full(number, 10.0))
    predicted = made.predict(features)
    assert np.isfinite(predicted.mean).all()
    assert np.abs(predicted.mean[:number] - 10).max() < 1
    assert (predicted.deviation >= 0).all()


def test_inputs_that_are_always_zero_change_nothing_but_rounding(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """They are left out where there are 200 of them; other examples may have them."""
    features = np.concatenate([cells(80), generator(15).integers(2, size=(80, 300))], axis=1)
    features[:50, 155:] = 0
    scores = features @ generator(16).normal(size=455)
    made = []
    for least in (200, 1000):
        monkeypatch.setattr(module, "_IDLE", least)
        ensemble = Ensemble(generator(17), layers=2, epochs=3)
        ensemble.fit(features[:50], scores[:50])
        made.append(ensemble.predict(features))
    assert np.allclose(made[0].mean, made[1].mean, rtol=1e-3, atol=1e-3)
    assert not np.array_equal(made[0].mean, made[1].mean)  # the sums were others
    assert np.ptp(made[0].mean) > 1


def test_it_does_not_predict_before_it_has_learned() -> None:
    with pytest.raises(ValueError, match="after it has been fitted"):
        Ensemble(generator()).predict(cells(1))


_BITS = """
import hashlib, numpy as np
from nasbench.strategies.parts.predictors.ensemble import Ensemble
for width in (155, 3000):  # the second one needs products that a library would split
    draw = np.random.default_rng(0)
    features, scores = (draw.random((140, width)) < 0.1) * 1.0, draw.normal(size=140)
    made = Ensemble(np.random.default_rng(1), epochs=3)
    made.fit(features, scores)
    print(hashlib.sha256(b"".join(part.tobytes() for part in made.predict(features))).hexdigest())
"""


def test_the_bits_do_not_depend_on_the_number_of_threads() -> None:
    found = set()
    for threads in ("1", "2", "4"):
        names = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")
        where = {**os.environ, **dict.fromkeys(names, threads)}
        done = subprocess.run(
            [sys.executable, "-c", _BITS], capture_output=True, text=True, check=True, env=where
        )
        found.add(done.stdout)
    assert len(found) == 1

"""The Gaussian process against scikit-learn's, and its gradient against finite differences."""

import math

import numpy as np
import pytest
from numpy.typing import NDArray
from sklearn.gaussian_process import GaussianProcessRegressor
from sklearn.gaussian_process.kernels import ConstantKernel, Matern, WhiteKernel

from nasbench.spaces import get_space
from nasbench.strategies.parts.predictors.gaussian_process import (
    JITTER,
    GaussianProcess,
    Kernel,
    ListedPosterior,
    Posterior,
    fitted_kernel,
    log_likelihood,
    squares,
)
from nasbench.strategies.parts.predictors.growing import GrowingProcess, last_fit
from nasbench.testing.strategies import toy_space

KERNEL = Kernel(1.7, 2.3, 0.4)
SPACE = toy_space((3, 2, 4, 3))
EVERY = SPACE.one_hot(SPACE.architectures).astype(float)
GENERATOR = np.random.default_rng(0)
PLACES = GENERATOR.permutation(len(EVERY))[:20]
SCORES = GENERATOR.normal(size=20)


def referee(kernel: Kernel, number: int) -> GaussianProcessRegressor:
    """scikit-learn's posterior of the first scores, with the same hyperparameters."""
    of = ConstantKernel(kernel.signal) * Matern(kernel.length, nu=2.5) + WhiteKernel(kernel.noise)
    made = GaussianProcessRegressor(of, alpha=JITTER * kernel.signal, optimizer=None)
    return made.fit(EVERY[PLACES[:number]], SCORES[:number])


def expected(kernel: Kernel, number: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Mean and deviation of scores without noise; scikit-learn's deviation has the noise."""
    mean, deviation = referee(kernel, number).predict(EVERY, return_std=True)
    return mean, np.sqrt(np.maximum(deviation**2 - kernel.noise, 0))


def test_squared_distances_are_twice_the_decisions_that_differ() -> None:
    differ = [[sum(a != b for a, b in zip(x, y, strict=True)) for y in SPACE.architectures]
              for x in SPACE.architectures]  # fmt: skip
    assert squares(EVERY, EVERY).tolist() == (2.0 * np.array(differ)).tolist()


@pytest.mark.parametrize("kernel", [KERNEL, Kernel(0.6, 1.0, 1e-4)])
def test_the_posterior_is_that_of_scikit_learn(kernel: Kernel) -> None:
    """At once, after one addition after the other, and for candidates that are kept."""
    known = EVERY[PLACES]
    once, listed = Posterior(kernel, known), ListedPosterior(kernel, known[:5], EVERY, room=15)
    steps = Posterior(kernel, known[:1], room=19)
    for one in known[1:]:
        steps.add(one)
    for number in range(5, 21):
        mean, deviation = expected(kernel, number)
        found = listed.predict_listed(SCORES[:number])
        np.testing.assert_allclose(found.mean, mean, atol=1e-9)
        np.testing.assert_allclose(found.deviation, deviation, atol=1e-6)
        if number < 20:
            listed.add(known[number])
    for posterior in (once, steps):
        found = posterior.predict(EVERY, SCORES)
        np.testing.assert_allclose(found.mean, mean, atol=1e-9)
        np.testing.assert_allclose(found.deviation, deviation, atol=1e-6)


def test_the_likelihood_and_its_gradient_are_those_of_scikit_learn() -> None:
    theirs = referee(KERNEL, 20)
    value, gradient = theirs.log_marginal_likelihood(
        np.log([KERNEL.signal, KERNEL.length, KERNEL.noise]), eval_gradient=True
    )
    squared = squares(EVERY[PLACES], EVERY[PLACES])
    ours, slopes = log_likelihood(KERNEL, squared, SCORES)
    assert ours == pytest.approx(value, rel=1e-9)
    np.testing.assert_allclose(slopes, np.array(gradient)[[1, 0, 2]], rtol=1e-6)


@pytest.mark.parametrize("which", range(3))
def test_the_gradient_is_the_slope(which: int) -> None:
    squared, step = squares(EVERY[PLACES], EVERY[PLACES]), 1e-5
    _, gradient = log_likelihood(KERNEL, squared, SCORES)
    ends = []
    for sign in (1, -1):
        moved = np.log(KERNEL)
        moved[which] += sign * step
        ends.append(log_likelihood(Kernel(*np.exp(moved).tolist()), squared, SCORES)[0])
    assert (ends[0] - ends[1]) / (2 * step) == pytest.approx(gradient[which], rel=1e-6)


def test_the_fit_is_a_maximum() -> None:
    """The scores are drawn from a known kernel; no hyperparameter near the fit is likelier."""
    generator = np.random.default_rng(3)
    features = generator.normal(size=(80, 3))
    squared = squares(features, features)
    truth = Kernel(1.5, 1.0, 0.05)
    covariance = truth.covariance(squared) + truth.noise * np.eye(80)
    scores = np.linalg.cholesky(covariance) @ generator.normal(size=80)
    kernel = fitted_kernel(features, scores)
    best = log_likelihood(kernel, squared, scores)[0]
    assert best >= log_likelihood(truth, squared, scores)[0] - 0.01
    for which in range(3):
        for factor in (0.9, 1.1):
            other = list(kernel)
            other[which] *= factor
            assert log_likelihood(Kernel(*other), squared, scores)[0] < best
    assert kernel.length == pytest.approx(truth.length, rel=0.5)
    assert kernel.noise == pytest.approx(truth.noise, rel=0.5)


def test_equal_architectures_without_noise_are_no_obstacle() -> None:
    """Their covariance is singular; the mean of their scores is predicted, and is nearly sure."""
    kernel = Kernel(1.0, 1.0, 0.0)
    twice = np.array([[0.0], [0.0], [1.0]])
    posterior = Posterior(kernel, twice, room=1)
    posterior.add(twice[0])
    found = posterior.predict(np.array([[0.0]]), np.array([1.0, 2.0, 5.0, 3.0]))
    assert found.mean[0] == pytest.approx(2.0, abs=1e-5)
    assert found.deviation[0] < 1e-3
    listed = ListedPosterior(kernel, twice, twice, room=5)
    for _ in range(5):
        listed.add(twice[0])
    assert np.isfinite(listed.predict_listed(np.ones(8)).mean).all()


@pytest.mark.parametrize("scores", [[7.0] * 20, [1.0] + [0.0] * 19, [0.0]])
def test_scores_that_say_little(scores: list[float]) -> None:
    """All equal, all but one equal, and a single one."""
    known = EVERY[PLACES[: len(scores)]]
    predictor = GaussianProcess()
    predictor.fit(known, np.array(scores))
    mean, deviation = predictor.predict(EVERY)
    assert np.isfinite(mean).all()
    assert np.isfinite(deviation).all()
    assert (deviation >= 0).all()
    if len(set(scores)) == 1:
        np.testing.assert_allclose(mean, scores[0], atol=1e-9)


def test_it_predicts_a_sum_of_decisions() -> None:
    """Of 30 of 72 architectures with additive scores it learns the others."""
    scores = np.array([3 * a + b - c + 0.5 * d for a, b, c, d in SPACE.architectures]) + 50
    places = np.random.default_rng(5).permutation(72)
    predictor = GaussianProcess()
    predictor.fit(EVERY[places[:30]], scores[places[:30]])
    mean, deviation = predictor.predict(EVERY[places[30:]])
    error = mean - scores[places[30:]]
    assert np.sqrt((error**2).mean()) < 0.2 * scores.std()
    assert (np.abs(error) < 4 * deviation).mean() > 0.9


def test_when_it_is_fitted_again() -> None:
    """After 1 to 6 answers, then after a fifth more; after 20 more at most for 100 points."""
    fits = sorted({last_fit(number, 100)[0] for number in range(1, 261)})
    assert fits[:14] == [1, 2, 3, 4, 5, 6, 8, 10, 12, 15, 18, 22, 27, 33]
    assert fits[-3:] == [201, 221, 241]
    for number in range(1, 261):
        fitted, room = last_fit(number, 100)
        assert fitted <= number <= fitted + room
        assert last_fit(fitted + room + 1, 100)[0] == fitted + room + 1


@pytest.mark.parametrize("listed", [True, False])
def test_it_has_the_same_bits_however_it_was_taught(listed: bool) -> None:
    """After each answer, after some, and after all at once; with more answers than are kept."""
    generator = np.random.default_rng(2)
    order = generator.permutation(72)
    scores = generator.normal(size=72)
    scores[[3, 30]] = -math.inf
    every, some, once = (GrowingProcess(20, EVERY if listed else None) for _ in range(3))
    for number in range(1, 73):
        for taught, due in ((every, True), (some, number % 7 == 0), (once, number == 72)):
            if due or number == 72:
                taught.learn(EVERY[order[:number]], scores[:number])
    found = [
        one.predict_candidates() if listed else one.predict(EVERY) for one in (every, some, once)
    ]
    for other in found[1:]:
        assert other.mean.tobytes() == found[0].mean.tobytes()
        assert other.deviation.tobytes() == found[0].deviation.tobytes()
    assert len(every.kept) <= 24
    assert set(np.argsort(-scores[:70])[:5]) <= set(every.kept), "the best are kept"


def test_threads_do_not_change_a_bit() -> None:
    """On the paths of NAS-Bench-201, whose products are large enough for several threads."""
    from threadpoolctl import threadpool_limits

    from nasbench.strategies.parts.steady import one_thread

    space = get_space("nb201")
    features = space.encodings()["live-path"](space.architectures).astype(float)
    places, scores = GENERATOR.permutation(len(features))[:60], GENERATOR.normal(size=60)

    def predicted() -> bytes:
        process = GrowingProcess(300, features)
        with one_thread():
            for number in (10, 40, 60):
                process.learn(features[places[:number]], scores[:number])
            mean, deviation = process.predict_candidates()
        return mean.tobytes() + deviation.tobytes()

    with threadpool_limits(1):
        alone = predicted()
    with threadpool_limits(2):
        assert predicted() == alone

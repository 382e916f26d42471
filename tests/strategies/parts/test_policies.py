"""Hand-written gradients and Adam against torch's autograd and optimiser."""

import numpy as np
import pytest
import torch
from torch.nn.functional import log_softmax

from nasbench.randomness import Random
from nasbench.strategies.parts.lstm import Lstm
from nasbench.strategies.parts.lstm_policy import LstmPolicy
from nasbench.strategies.parts.policies import Adam, MovingAverage, SoftmaxPolicy, draw, softmax

SIZES = (3, 5, 2, 4)


def torch_lstm_loss(
    policy: LstmPolicy, weights: torch.Tensor, chosen: list[int], advantage: float, entropy: float
) -> torch.Tensor:
    """Compute the loss with torch's own LSTM cell (gate order i, f, g, o)."""
    w, offset = {}, 0
    sizes, h, layers = policy._shape
    for name, shape in Lstm.shapes(sizes, h, layers).items():
        size = int(np.prod(shape))
        w[name] = weights[offset : offset + size].reshape(shape)
        offset += size
    order = torch.cat(
        [torch.arange(0, 2 * h), torch.arange(3 * h, 4 * h), torch.arange(2 * h, 3 * h)]
    )
    zeros = torch.zeros(1, h, dtype=torch.float64)
    states = [(zeros, zeros) for _ in range(layers)]
    signal, loss = w["start"][None], torch.zeros((), dtype=torch.float64)
    for decision, size in enumerate(SIZES):
        for layer in range(layers):
            gates, bias = w["gates"][layer][order], w["bias"][layer][order]
            states[layer] = torch.lstm_cell(
                signal, states[layer], gates[:, :h].contiguous(), gates[:, h:].contiguous(),
                bias, torch.zeros_like(bias),
            )  # fmt: skip
            signal = states[layer][0]
        logits = w["head"][decision, :size] @ signal[0] + w["head_bias"][decision, :size]
        logs = log_softmax(logits, dim=0)
        loss = loss - advantage * logs[chosen[decision]] + entropy * (logs.exp() * logs).sum()
        signal = w["embedding"][decision, chosen[decision]][None]
    return loss


@pytest.mark.parametrize("layers", [1, 2])
@pytest.mark.parametrize("entropy", [0.0, 0.3])
def test_lstm_gradient_is_autograds(layers: int, entropy: float) -> None:
    random = Random(0)
    policy = LstmPolicy(SIZES, 7, layers, 0.01, entropy, random)
    policy.weights *= 12  # away from the linear regime
    drawn = policy.sample(random)
    chosen = drawn.architecture
    weights = torch.tensor(policy.weights, requires_grad=True)
    torch_lstm_loss(policy, weights, list(chosen), 1.7, entropy).backward()
    kept: list[np.ndarray] = []
    policy.adam.step = lambda _, gradient: kept.append(gradient.copy())  # type: ignore[method-assign]
    policy.reinforce(drawn, 1.7)
    assert np.abs(kept[0]).max() > 0.1
    np.testing.assert_allclose(kept[0], weights.grad.numpy(), rtol=1e-9, atol=1e-12)


def test_what_was_drawn_before_an_update_is_learnt_from_with_the_weights_of_now() -> None:
    """The first of two that are drawn at once, after the second one has moved the weights."""
    random = Random(0)
    policy = LstmPolicy(SIZES, 7, 2, 0.3, 0.2, random)
    policy.weights *= 12
    first, second = policy.sample(random), policy.sample(random)
    assert first.architecture != second.architecture
    policy.reinforce(second, 1.0)
    weights = torch.tensor(policy.weights, requires_grad=True)
    torch_lstm_loss(policy, weights, list(first.architecture), 1.7, 0.2).backward()
    kept: list[np.ndarray] = []
    policy.adam.step = lambda _, gradient: kept.append(gradient.copy())  # type: ignore[method-assign]
    policy.reinforce(first, 1.7)
    np.testing.assert_allclose(kept[0], weights.grad.numpy(), rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("entropy", [0.0, 0.3])
def test_softmax_gradient_is_autograds(entropy: float) -> None:
    random = Random(0)
    policy = SoftmaxPolicy((4, 4, 4), 0.01, entropy, random)
    policy.logits += random.generator.standard_normal(policy.logits.shape)
    drawn = policy.sample(random)
    chosen = drawn.architecture
    logits = torch.tensor(policy.logits, requires_grad=True)
    logs = log_softmax(logits, dim=1)
    loss = -1.7 * logs[range(3), chosen].sum() + entropy * (logs.exp() * logs).sum()
    loss.backward()
    kept: list[np.ndarray] = []
    policy.adam.step = lambda _, gradient: kept.append(gradient.copy())  # type: ignore[method-assign]
    policy.reinforce(drawn, 1.7)
    np.testing.assert_allclose(kept[0].reshape(3, 4), logits.grad.numpy(), rtol=1e-9)


def test_adam_is_torchs() -> None:
    generator = np.random.default_rng(0)
    ours = generator.standard_normal(50)
    theirs = torch.tensor(ours, requires_grad=True)
    adam, referee = Adam(50, 0.03), torch.optim.Adam([theirs], lr=0.03)
    for _ in range(20):
        gradient = generator.standard_normal(50)
        theirs.grad = torch.tensor(gradient)
        referee.step()
        adam.step(ours, gradient)
    np.testing.assert_allclose(ours, theirs.detach().numpy(), rtol=1e-12)


def test_absent_choices_are_never_drawn() -> None:
    random = Random(3)
    for policy in (
        SoftmaxPolicy(SIZES, 0.5, 0.1, random),
        LstmPolicy(SIZES, 8, 1, 0.5, 0.1, random),
    ):
        for _ in range(200):
            drawn = policy.sample(random)
            choices = drawn.architecture
            assert all(c < n for c, n in zip(choices, SIZES, strict=True))
            policy.reinforce(drawn, float(choices[0] == 2))
        assert choices[0] == 2  # and it has learnt what pays


def test_sampling_follows_the_probabilities() -> None:
    logits = np.array([0.0, 1.0, -np.inf, 2.0])
    probabilities = softmax(logits).tolist()
    grid = (np.arange(10_000) + 0.5) / 10_000
    drawn = np.bincount([draw(probabilities, u) for u in grid], minlength=4) / 10_000
    np.testing.assert_allclose(drawn, probabilities, atol=1e-4)
    assert draw([0.5, 0.4999999, 0.0], 0.9999999999) == 1


def test_moving_average_closed_form() -> None:
    average, decay = MovingAverage(0.9), 0.9
    assert average.value == 0.0
    values = [3.0, 5.0, 4.0]
    for value in values:
        average.update(value)
    weights = [decay**2, decay, 1.0]
    expected = sum(w * v for w, v in zip(weights, values, strict=True)) / sum(weights)
    assert average.value == pytest.approx(expected)

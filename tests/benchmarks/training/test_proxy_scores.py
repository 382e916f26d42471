"""Zero-cost proxies against networks small enough to be scored by hand."""

import math

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from nasbench.benchmarks.training.data import Images
from nasbench.benchmarks.training.proxies.catalogue import OF_NETWORKS
from nasbench.benchmarks.training.proxies.flow import log_synflow, synflow
from nasbench.benchmarks.training.proxies.gradients import fisher, grad_norm, grasp, snip
from nasbench.benchmarks.training.proxies.patterns import jacov, naswot
from nasbench.benchmarks.training.proxies.zen import zen
from nasbench.spaces.inputs import Input
from nasbench.spaces.nb201 import NasBench201
from nasbench.spaces.networks.base import Shape, networks_of

SPACE = NasBench201()
UNUSED = torch.Generator()
K = 1e-5


def of(*values: float, shape: tuple[int, ...]) -> Tensor:
    return torch.tensor(values, dtype=torch.float32).reshape(shape)


def batch(images: Tensor, *labels: int) -> Images:
    return Images(images, torch.tensor(labels or [0] * len(images)))


def linear(*rows: tuple[float, ...]) -> nn.Linear:
    layer = nn.Linear(len(rows[0]), len(rows), bias=False)
    layer.weight.data = torch.tensor(rows)
    return layer


def conv(weight: float) -> nn.Conv2d:
    layer = nn.Conv2d(1, 1, 1, bias=False)
    layer.weight.data.fill_(weight)
    return layer


IMAGES = of(1.0, -2.0, 0.5, 3.0, 2.0, 1.0, shape=(3, 2))
LABELS = (0, 1, 1)
WEIGHT = np.array([[0.5, -1.0], [0.25, 2.0]])


def softmax_errors(logits: np.ndarray) -> np.ndarray:
    """Return the probabilities minus the one-hot labels: the gradient of each image's loss."""
    exponentials = np.exp(logits - logits.max(axis=1, keepdims=True))
    errors = exponentials / exponentials.sum(axis=1, keepdims=True)
    errors[np.arange(len(LABELS)), list(LABELS)] -= 1
    return errors


def one_layer() -> tuple[nn.Module, np.ndarray, np.ndarray]:
    """Return a linear layer, its logits, and the gradient of the mean loss by its weight."""
    inputs = IMAGES.numpy().astype(float)
    logits = inputs @ WEIGHT.T
    gradient = softmax_errors(logits).T @ inputs / len(LABELS)
    return linear(*map(tuple, WEIGHT.tolist())), logits, gradient


def test_grad_norm_and_snip_of_a_linear_layer() -> None:
    """Softmax regression: ∂L/∂W = mean of (p − y) xᵀ."""
    network, _, gradient = one_layer()
    seen = batch(IMAGES, *LABELS)
    assert grad_norm(network, seen, UNUSED) == pytest.approx(np.linalg.norm(gradient), rel=1e-5)
    assert snip(network, seen, UNUSED) == pytest.approx(np.abs(gradient * WEIGHT).sum(), rel=1e-5)


def test_fisher_of_a_linear_layer_and_of_a_convolution() -> None:
    network, logits, _ = one_layer()
    by_image = logits * softmax_errors(logits) / len(LABELS)
    expected = (by_image**2).mean(axis=0).sum() / 2
    assert fisher(network, batch(IMAGES, *LABELS), UNUSED) == pytest.approx(expected, rel=1e-5)

    class Pooled(nn.Module):
        """Two logits, w and −w times the mean pixel."""

        def __init__(self) -> None:
            super().__init__()
            self.conv = nn.Conv2d(1, 2, 1, bias=False)
            self.conv.weight.data = of(0.75, -0.75, shape=(2, 1, 1, 1))

        def forward(self, x: Tensor) -> Tensor:
            out: Tensor = self.conv(x).mean(dim=(2, 3))
            return out

    pixels = torch.arange(12.0).reshape(3, 1, 2, 2) / 4 - 1
    mean = pixels.numpy().mean(axis=(1, 2, 3))
    logits = np.stack([0.75 * mean, -0.75 * mean], axis=1)
    # the gradient of every pixel of z is that of the logit over their number: Σ_p z · ∂L/∂z
    by_image = logits * softmax_errors(logits) / len(LABELS)
    expected = (by_image**2).mean(axis=0).sum() / 2
    assert fisher(Pooled(), batch(pixels, *LABELS), UNUSED) == pytest.approx(expected, rel=1e-5)


def test_grasp_of_one_weight() -> None:
    """L = log(1 + e^(−wx)): g = −x σ(−wx), H = x² σ(wx) σ(−wx)."""

    class Logistic(nn.Module):
        def __init__(self, weight: float) -> None:
            super().__init__()
            self.layer = linear((weight,))

        def forward(self, x: Tensor) -> Tensor:
            logit = self.layer(x)
            return torch.cat([logit, torch.zeros_like(logit)], dim=1)

    w, x = 0.7, 1.5
    on = 1 / (1 + math.exp(-w * x))
    g, h = -x * (1 - on), x**2 * on * (1 - on)
    score = grasp(Logistic(w), batch(of(x, shape=(1, 1)), 0), UNUSED)
    assert score == pytest.approx(-w * h * g, rel=1e-5)


def test_grasp_by_the_whole_hessian() -> None:
    """The product with the Hessian of two layers, written out as a matrix."""
    first = linear((0.4, -0.3), (0.2, 0.6), (-0.5, 0.1))
    second = linear((0.3, -0.7, 0.2), (-0.1, 0.4, 0.9))
    network = nn.Sequential(first, nn.Tanh(), second)
    labels = torch.tensor(LABELS)

    def loss(flat: Tensor) -> Tensor:
        one, other = flat[:6].reshape(3, 2), flat[6:].reshape(2, 3)
        logits = torch.tanh(IMAGES.double() @ one.T) @ other.T
        return nn.functional.cross_entropy(logits, labels)

    flat = torch.cat([first.weight.flatten(), second.weight.flatten()]).detach().double()
    hessian = torch.autograd.functional.hessian(loss, flat)
    gradient = torch.autograd.functional.jacobian(loss, flat)
    expected = -float(flat @ hessian @ gradient)
    assert grasp(network, batch(IMAGES, *LABELS), UNUSED) == pytest.approx(expected, rel=1e-4)


def test_synflow_of_two_linear_layers() -> None:
    """R = 1ᵀ|W₂||W₁|1, and the saliencies of each layer sum up to R."""
    one, other = ((0.5, -2.0), (1.0, 0.25), (-3.0, 0.0)), ((1.0, -0.5, 2.0), (0.0, 4.0, -1.0))
    flow = np.ones(2) @ np.abs(other) @ np.abs(one) @ np.ones(2)
    network = nn.Sequential(nn.Flatten(), linear(*one), nn.ReLU(), linear(*other))
    assert synflow(network, batch(torch.zeros(4, 1, 1, 2)), UNUSED) == pytest.approx(2 * flow)


def test_synflow_leaves_batch_norm_out_and_sums_weights_alone() -> None:
    """Four pixels of ones go through weights v and w, then each through its own of the last layer.

    The batch norm would divide by its statistics, and the bias adds to the flow but is no weight.
    """
    v, w, last = -1.5, 0.25, (2.0, -1.0, 0.5, 4.0)
    head = nn.Linear(4, 1)
    head.weight.data = of(*last, shape=(1, 4))
    network = nn.Sequential(conv(v), nn.BatchNorm2d(1), nn.ReLU(), conv(w), nn.Flatten(), head)
    seen = batch(torch.randn(2, 1, 2, 2, generator=torch.Generator().manual_seed(1)))
    size = sum(map(abs, last))
    assert synflow(network, seen, UNUSED) == pytest.approx(3 * abs(v * w) * size)
    expected = abs(v) * math.log1p(abs(w) * size) + abs(w) * math.log1p(abs(v) * size)
    expected += size * math.log1p(abs(v * w))
    assert log_synflow(network, seen, UNUSED) == pytest.approx(expected)


def test_naswot_of_patterns_that_are_known() -> None:
    """Patterns 110, 100, 001 agree in 2, 0 and 1 places: |3 2 0; 2 3 1; 0 1 3| = 12."""
    network = nn.Sequential(nn.Flatten(), nn.ReLU(), nn.Linear(3, 2))
    images = of(1.0, 2.0, -1.0, 3.0, -1.0, -4.0, -1.0, -1.0, 5.0, shape=(3, 1, 1, 3))
    assert naswot(network, batch(images), UNUSED) == pytest.approx(math.log(12))
    twins = torch.cat([images[:2], images[:1]])
    assert naswot(network, batch(twins), UNUSED) == -math.inf


def test_naswot_adds_the_kernels_of_all_relus() -> None:
    """The second ReLU sees the first one's output negated: all are off, and agree."""

    class Negated(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            return -x

    network = nn.Sequential(nn.Flatten(), nn.ReLU(), Negated(), nn.ReLU())
    images = of(1.0, 2.0, -1.0, 3.0, -1.0, -4.0, shape=(2, 1, 1, 3))
    kernel = np.array([[3, 2], [2, 3]]) + 3
    assert naswot(network, batch(images), UNUSED) == pytest.approx(math.log(np.linalg.det(kernel)))


class Signed(nn.Module):
    """ReLU of every pixel times +1, −1, +1, ...: the Jacobian is these signs, masked."""

    def forward(self, x: Tensor) -> Tensor:
        signs = torch.ones(x[0].numel())
        signs[1::2] = -1
        return torch.relu(x.flatten(1)) * signs


def test_jacov_of_known_jacobians() -> None:
    """(1, −1, 0, 0) and (0, 0, 1, −1) have correlation 0, so that both eigenvalues are 1."""
    apart = of(1.0, 1.0, -1.0, -1.0, -1.0, -1.0, 1.0, 1.0, shape=(2, 1, 2, 2))
    expected = -2 * (math.log(1 + K) + 1 / (1 + K))
    assert jacov(Signed(), batch(apart), UNUSED) == pytest.approx(expected)
    # (1, −1, 1, −1) and (1, −1, 0, 0): means 0, correlation 2 / (2 · √2)
    near = of(1.0, 1.0, 1.0, 1.0, 1.0, 1.0, -1.0, -1.0, shape=(2, 1, 2, 2))
    values = np.array([1 + 0.5**0.5, 1 - 0.5**0.5]) + K
    expected = -float((np.log(values) + 1 / values).sum())
    assert jacov(Signed(), batch(near), UNUSED) == pytest.approx(expected)


def test_jacov_of_a_linear_network_whose_jacobians_are_all_the_same() -> None:
    """One eigenvalue is the number of images, and the others are 0."""
    network = nn.Sequential(nn.Flatten(), linear((1.0, -2.0, 0.5, 3.0)))
    images = torch.randn(5, 1, 2, 2, generator=torch.Generator().manual_seed(2))
    expected = -(math.log(5 + K) + 1 / (5 + K) + 4 * (math.log(K) + 1 / K))
    assert jacov(network, batch(images), UNUSED) == pytest.approx(expected, rel=1e-6)
    flat = nn.Sequential(nn.Flatten(), linear((1.0, 1.0, 1.0, 1.0)))
    assert jacov(flat, batch(images), UNUSED) == -math.inf  # constant, so without correlation


@pytest.mark.parametrize("normed", [False, True])
def test_zen_of_a_linear_network(normed: bool) -> None:
    """f(x) = wx: E log |w| = −(γ + log 2) / 2, and the noise of P pixels has a norm of χ_P.

    A batch norm divides by |w|, and the sum of logarithms gives it back.
    """
    side, draws = 4, 200
    norms: list[nn.Module] = [nn.BatchNorm2d(1)] if normed else []
    network = nn.Sequential(conv(1.0), *norms, nn.AdaptiveAvgPool2d(1), nn.Flatten())
    generator = torch.Generator().manual_seed(3)
    images = batch(torch.zeros(64, 1, side, side))
    scores = [zen(network, images, generator) for _ in range(draws)]
    chi = math.sqrt(2) * math.gamma((side**2 + 1) / 2) / math.gamma(side**2 / 2)
    expected = math.log(0.01) + math.log(chi) - (np.euler_gamma + math.log(2)) / 2
    error = np.std(scores) / math.sqrt(draws)
    assert abs(np.mean(scores) - expected) < 4 * error
    assert error < 0.06


def network_of(text: str) -> nn.Module:
    generator = torch.Generator().manual_seed(4)
    cell = SPACE.parse(text)
    return networks_of(SPACE).build(cell, Input(8, 1, 10), Shape(4, 1), generator=generator)


CELL = "|nor_conv_3x3~0|+|skip_connect~0|nor_conv_1x1~1|+|none~0|avg_pool_3x3~1|nor_conv_3x3~2|"
DEAD = "|none~0|+|none~0|none~1|+|none~0|none~1|none~2|"


def seen(seed: int = 0, count: int = 12) -> Images:
    generator = torch.Generator().manual_seed(seed)
    return batch(torch.randn(count, 1, 8, 8, generator=generator), *(i % 10 for i in range(count)))


@pytest.mark.parametrize("name", OF_NETWORKS)
def test_a_score_is_seeded_and_leaves_the_network_as_it_was(name: str) -> None:
    network = network_of(CELL)
    before = [one.clone() for one in network.parameters()]
    score = OF_NETWORKS[name]
    first = score(network, seen(), torch.Generator().manual_seed(1))
    assert all(torch.equal(a, b) for a, b in zip(before, network.parameters(), strict=True))
    assert all(one.grad is None for one in network.parameters())
    assert not any(one._forward_hooks for one in network.modules())
    assert first == score(network_of(CELL), seen(), torch.Generator().manual_seed(1))
    assert math.isfinite(first)
    other = score(network_of(CELL), seen(5), torch.Generator().manual_seed(1))
    if name in ("synflow", "log-synflow", "zen"):
        assert other == first  # they see no images
    else:
        assert other != first


@pytest.mark.parametrize("name", OF_NETWORKS)
def test_a_dead_network_has_the_lowest_score_or_none(name: str) -> None:
    score = OF_NETWORKS[name](network_of(DEAD), seen(), torch.Generator().manual_seed(1))
    assert score == (-math.inf if name in ("jacov", "naswot", "zen") else 0)


@pytest.mark.parametrize("name", ["snip", "naswot", "jacov"])
def test_the_scale_of_weights_before_batch_norm_does_not_matter(name: str) -> None:
    """Batch norm divides it out; the gradient shrinks as the weight grows."""
    plain, scaled = network_of(CELL), network_of(CELL)
    for module in (*plain.modules(), *scaled.modules()):
        if isinstance(module, nn.BatchNorm2d):
            module.eps = 1e-12
    layer = scaled.get_submodule("stages.1.0.edges.0_1.1")
    assert isinstance(layer, nn.Conv2d)
    layer.weight.data.mul_(4)
    score = OF_NETWORKS[name]
    found = score(scaled, seen(), UNUSED)
    assert found == pytest.approx(score(plain, seen(), UNUSED), rel=1e-3)
    assert grad_norm(scaled, seen(), UNUSED) != pytest.approx(
        grad_norm(plain, seen(), UNUSED), rel=1e-3
    )

"""DARTS: the second-order gradient against exact double backward."""

import pytest
import torch
import torch.nn.functional as F
from torch.func import functional_call

from nasbench.benchmarks.training.data import Part
from nasbench.problem import Problem
from nasbench.randomness import Random
from nasbench.spaces import get_space
from nasbench.spaces.mix import Mix
from nasbench.spaces.networks.base import Shape
from nasbench.spaces.networks.nb201_supernet import NasBench201Supernet
from nasbench.spaces.networks.passes import Passes
from nasbench.spaces.networks.recordings import Recordings
from nasbench.strategies import darts
from nasbench.strategies.darts import SecondOrderDarts
from nasbench.strategies.registry import make_settings
from nasbench.testing.one_shot import SMALL, toy_data


class Passing:
    """As much of a loan as the gradient needs."""

    def __init__(self, supernet: NasBench201Supernet) -> None:
        self.supernet = supernet
        passes = Passes(supernet, Recordings(None))
        self.gradients, self.mixture_loss = passes.gradients, passes.mixture_loss


SHAPE = Shape(2, 1, affine=False, track_running_stats=False)


@pytest.mark.parametrize("xi", [0.0, 0.01, 0.1])
def test_equation_7(xi: float, monkeypatch: pytest.MonkeyPatch) -> None:
    """The derivative of the validation loss after one step, taken through that step.

    The difference is taken so small that no ReLU of the tiny network changes sides: with the
    paper's 0.01 some do, and the second derivative of a kink is not what the equation means.
    """
    monkeypatch.setattr(darts, "_FINITE_DIFFERENCE", 1e-5)
    data = toy_data()
    batches = [
        (part.images[:12].double(), part.labels[:12])
        for part in (data.parts[Part.WEIGHTS], data.parts[Part.VALIDATION])
    ]
    supernet = NasBench201Supernet(
        data.input, SHAPE, generator=torch.Generator().manual_seed(1)
    ).double()
    search = SecondOrderDarts(
        Problem(get_space("nb201")), make_settings(SecondOrderDarts, SMALL), Random(0)
    )
    noise = torch.randn(6, 5, generator=torch.Generator().manual_seed(2)).double()
    search._alphas = noise.requires_grad_()
    before = {name: weight.detach().clone() for name, weight in supernet.named_parameters()}
    found = search.unrolled_gradient(Passing(supernet), *batches, xi)
    for name, weight in supernet.named_parameters():
        assert torch.equal(weight, before[name])

    def loss(weights: dict[str, torch.Tensor], batch: tuple[torch.Tensor, torch.Tensor]):
        mix = Mix.all_of(search.sizes, search._alphas.softmax(dim=1))
        return F.cross_entropy(functional_call(supernet, weights, (batch[0], mix)), batch[1])

    weights = dict(supernet.named_parameters())
    slopes = torch.autograd.grad(
        loss(weights, batches[0]), list(weights.values()), create_graph=True
    )
    ahead = {
        name: weight - xi * slope
        for (name, weight), slope in zip(weights.items(), slopes, strict=True)
    }
    (exact,) = torch.autograd.grad(loss(ahead, batches[1]), [search._alphas])
    torch.testing.assert_close(found, exact, rtol=1e-7, atol=1e-10)
    if xi:
        (first,) = torch.autograd.grad(loss(weights, batches[1]), [search._alphas])
        assert (exact - first).abs().max() > 100 * (exact - found).abs().max()

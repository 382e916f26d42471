"""Layers of several networks as matrix products, against torch's layers of each network."""

from itertools import product

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from nasbench.spaces.networks.as_products import Convolution3x3, Products, columns
from nasbench.spaces.networks.side_by_side import Layout, Members, Merge, SplitGroups, Takers

GROUPS, BEFORE, AFTER, SIDE, BATCH = 3, 2, 4, 6, 5
LAYOUT = Products()


def activations(generator: torch.Generator, channels: int = BEFORE, side: int = SIDE) -> Tensor:
    shape = (GROUPS, channels, side, side, BATCH)
    return torch.randn(shape, generator=generator, dtype=torch.float64)


def images(x: Tensor, network: int) -> Tensor:
    """(G, C, H, W, B) -> the images of one network, (B, C, H, W)."""
    return x[network].permute(3, 0, 1, 2)


@pytest.mark.parametrize(("kernel", "stride"), [(1, 1), (3, 1), (3, 2)])
def test_convolutions_are_those_of_torch(kernel: int, stride: int) -> None:
    """Outputs and the gradients of inputs and weights, for a random gradient of the outputs."""
    generator = torch.Generator().manual_seed(kernel + stride)
    layers = [
        nn.Conv2d(BEFORE, AFTER, kernel, stride, kernel // 2, bias=False).double()
        for _ in range(GROUPS)
    ]
    joined = LAYOUT.conv(layers)
    x = activations(generator).requires_grad_()
    y = joined(x)
    assert y.shape == (GROUPS, AFTER, SIDE // stride, SIDE // stride, BATCH)
    above = torch.randn(y.shape, generator=generator, dtype=torch.float64)
    y.backward(above)
    own = x.detach().clone().requires_grad_()
    for i, layer in enumerate(layers):
        expected = layer(images(own, i))
        torch.testing.assert_close(images(y, i), expected, rtol=1e-12, atol=1e-12)
        expected.backward(images(above, i))
        gradient = joined.weight.grad.chunk(GROUPS)[i]
        torch.testing.assert_close(gradient, layer.weight.grad, rtol=1e-12, atol=1e-12)
    torch.testing.assert_close(x.grad, own.grad, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("stride", [1, 2])
def test_gradients_are_difference_quotients(stride: int) -> None:
    generator = torch.Generator().manual_seed(1)
    x = activations(generator, side=4)[:2].requires_grad_()
    weight = torch.randn(2, 3, BEFORE, 3, 3, generator=generator, dtype=torch.float64)
    assert torch.autograd.gradcheck(
        lambda a, b: Convolution3x3.apply(a, b, stride), (x, weight.requires_grad_())
    )


@pytest.mark.parametrize("stride", [1, 2])
def test_columns_are_the_neighbours(stride: int) -> None:
    """Against a loop over kernels and pixels; what lies outside is zero."""
    x = torch.randn(1, 1, 4, 4, 2)
    side = 4 // stride
    found = columns(x, stride).view(3, 3, side, side, 2)
    for row, column, i, j in product(range(3), range(3), range(side), range(side)):
        y, z = i * stride + row - 1, j * stride + column - 1
        inside = 0 <= y < 4 and 0 <= z < 4
        expected = x[0, 0, y, z] if inside else torch.zeros(2)
        assert torch.equal(found[row, column, i, j], expected)


def test_pooling_is_that_of_torch() -> None:
    x = activations(torch.Generator().manual_seed(2)).requires_grad_()
    for mine, theirs in (
        (LAYOUT.average, lambda one: F.avg_pool2d(one, 3, 1, 1, count_include_pad=False)),
        (LAYOUT.halve, lambda one: F.avg_pool2d(one, 2)),
    ):
        y = mine(x)
        assert y.is_contiguous()
        for i in range(GROUPS):
            torch.testing.assert_close(images(y, i), theirs(images(x, i)), rtol=1e-12, atol=1e-12)
        (ours,) = torch.autograd.grad(y.square().sum(), x)
        total = sum(theirs(images(x, i)).square().sum() for i in range(GROUPS))
        (expected,) = torch.autograd.grad(total, x)
        torch.testing.assert_close(ours, expected, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("chosen", [(0, 1, 2, 3, 4), (1, 2, 3), (0, 2, 4), (3,)])
@pytest.mark.parametrize("others", [(0, 1, 2, 3, 4), (0, 1), (0, 4)])
def test_selecting_and_adding(chosen: tuple[int, ...], others: tuple[int, ...]) -> None:
    """Merging what was selected counts every network as often as it was selected."""
    x = torch.randn(5, 2, 3, 3, 4, dtype=torch.float64, requires_grad=True)
    members = [Members(5, some) for some in (chosen, others)]
    parts = SplitGroups.apply(x, LAYOUT, [Takers([one]) for one in members])
    for part, some in zip(parts, (chosen, others), strict=True):
        assert torch.equal(part, x[list(some)])
    total = Merge.apply(LAYOUT, members, *parts)
    times = torch.tensor([float((i in chosen) + (i in others)) for i in range(5)])
    torch.testing.assert_close(total, x * times.view(-1, 1, 1, 1, 1).double())
    (joined,) = SplitGroups.apply(x, LAYOUT, [Takers(members)])
    assert torch.equal(joined, torch.cat(parts))
    again = Merge.apply(LAYOUT, members, *LAYOUT.split(joined, [len(chosen), len(others)]))
    (of_joined,) = torch.autograd.grad(again.square().sum(), x)
    total.square().sum().backward()
    torch.testing.assert_close(of_joined, x.grad)
    expected = 2 * x.detach() * times.view(-1, 1, 1, 1, 1).double() ** 2
    torch.testing.assert_close(x.grad, expected)


@pytest.mark.parametrize(
    ("positions", "run", "everyone"),
    [
        ((0, 1, 2), slice(0, 3), True),
        ((1, 2), slice(1, 3), False),
        ((0, 2, 1), None, False),
        ((0, 0, 2), None, False),  # as many as there are, and from first to last
    ],
)
def test_neighbours(positions: tuple[int, ...], run: slice | None, *, everyone: bool) -> None:
    members = Members(3, positions)
    assert (members.run, members.everyone) == (run, everyone)
    assert members.index(torch.device("cpu")).tolist() == list(positions)


def test_the_layout_is_a_layout() -> None:
    assert isinstance(LAYOUT, Layout)
    seen = torch.randn(BATCH, 3, SIDE, SIDE)
    assert torch.equal(LAYOUT.enter(seen)[0].permute(3, 0, 1, 2), seen)
    x = activations(torch.Generator().manual_seed(3))
    for i, rows in enumerate(LAYOUT.features(x, GROUPS)):
        torch.testing.assert_close(rows, images(x, i).mean(dim=(2, 3)))

"""The fused supernet against the plain one, and against single networks."""

from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn

from nasbench.spaces.inputs import Input
from nasbench.spaces.mix import Mix
from nasbench.spaces.nb201 import EDGES, OPERATIONS, NasBench201
from nasbench.spaces.networks.base import Shape
from nasbench.spaces.networks.nb201 import KERNEL
from nasbench.spaces.networks.nb201_supernet import LEAVING, NasBench201Supernet, constants_of
from tests.spaces.networks.plain_supernet import PlainSupernet

SPACE = NasBench201()
SIZES = SPACE.sizes
DATA = Input(8, 1, 10)
SHAPES = {
    "published": Shape(4, 1, affine=False, track_running_stats=False),
    "affine": Shape(4, 2, affine=True, track_running_stats=False),
    "tracked": Shape(4, 1, affine=True, track_running_stats=True),
}
cells = st.integers(0, SPACE.size - 1).map(SPACE.architecture)


def pair(shape: Shape) -> tuple[NasBench201Supernet, PlainSupernet]:
    """Return both in double precision with the same weights, every one of them random."""
    generator = torch.Generator().manual_seed(3)
    fused = NasBench201Supernet(DATA, shape, generator=generator).double()
    for parameter in fused.parameters():
        parameter.data += 0.1 * torch.randn(parameter.shape, generator=generator).double()
    plain = PlainSupernet(DATA, shape, generator=generator).double()
    for name in ("stem", "reductions", "head", "classifier"):
        getattr(plain, name).load_state_dict(getattr(fused, name).state_dict())
    for tensor, other in shared(fused, plain, "data"):
        other.copy_(tensor)
    return fused, plain


def shared(fused: NasBench201Supernet, plain: PlainSupernet, what: str) -> list[tuple[Any, Any]]:
    """Pair what the cells have: weights, their gradients or, with `buffers`, statistics.

    Statistics only of operations that something reads: the fused net computes no others.
    """
    found = []
    for mine, theirs in zip(fused.cells, plain.cells, strict=True):
        for node, leaving in enumerate(LEAVING):
            for place, edge in enumerate(leaving):
                for operation in KERNEL:
                    wide = mine.convs[f"{node}_{operation}"]
                    alone = theirs.edges[edge].operations[str(operation)]
                    pairs = [(wide.convs[place], alone[1]), (wide.norms[place], alone[2])]
                    for one, other in pairs:
                        if what == "buffers":
                            if isinstance(one, nn.BatchNorm2d) and alone[1].weight.grad is not None:
                                found.append((one.running_mean, other.running_mean))
                                found.append((one.running_var, other.running_var))
                            continue
                        for a, b in zip(one.parameters(), other.parameters(), strict=True):
                            found.append((getattr(a, what), getattr(b, what)))
    return found


def images(count: int = 6) -> Tensor:
    shape = (count, DATA.channels, DATA.side, DATA.side)
    return torch.randn(shape, generator=torch.Generator().manual_seed(1)).double()


def same(one: Tensor | None, other: Tensor | None) -> None:
    torch.testing.assert_close(one, other, rtol=1e-9, atol=1e-10)


def compare(shape: Shape, active: tuple[tuple[int, ...], ...], weights: Tensor | None) -> None:
    """Outputs, gradients of every weight and of the mixing weights, and statistics agree."""
    fused, plain = pair(shape)
    mixes = [None if weights is None else weights.clone().requires_grad_() for _ in range(2)]
    outputs = [fused(images(), Mix(active, mixes[0])), plain(images(), active, mixes[1])]
    same(*outputs)
    for output in outputs:
        if output.requires_grad:
            output.square().sum().backward()
    for mine, theirs in shared(fused, plain, "grad"):
        same(mine, theirs)  # two Nones are the same: an optimiser leaves such weights alone
    skeleton: list[nn.Parameter] = [
        getattr(one, name).parameters()
        for one in (fused, plain)
        for name in ("stem", "reductions", "head", "classifier")
    ]
    half = len(skeleton) // 2
    for mine, theirs in zip(skeleton[:half], skeleton[half:], strict=True):
        for a, b in zip(mine, theirs, strict=True):
            same(a.grad, b.grad)
    if weights is not None:
        same(*(torch.zeros_like(one) if one.grad is None else one.grad for one in mixes))
    if shape.track_running_stats:
        for mine, theirs in shared(fused, plain, "buffers"):
            same(mine, theirs)
        same(fused.eval()(images(), Mix(active)), plain.eval()(images(), active))


def random_weights() -> Tensor:
    logits = torch.randn(len(EDGES), len(OPERATIONS), generator=torch.Generator().manual_seed(2))
    return logits.double().softmax(dim=1)


@pytest.mark.parametrize("name", SHAPES)
def test_all_operations_mixed(name: str) -> None:
    mix = Mix.all_of(SIZES, random_weights())
    compare(SHAPES[name], mix.active, mix.weights)


@pytest.mark.parametrize("name", SHAPES)
@settings(max_examples=10, deadline=None)
@given(cell=cells, weighted=st.booleans())
def test_one_operation_per_edge(name: str, cell: tuple[int, ...], weighted: bool) -> None:
    mix = Mix.only(cell, random_weights() if weighted else None)
    compare(SHAPES[name], mix.active, mix.weights)


@settings(max_examples=10, deadline=None)
@given(first=cells, second=cells)
def test_two_operations_per_edge(first: tuple[int, ...], second: tuple[int, ...]) -> None:
    active = tuple(tuple(sorted({a, b})) for a, b in zip(first, second, strict=True))
    compare(SHAPES["published"], active, random_weights())


@pytest.mark.parametrize("name", SHAPES)
@settings(max_examples=10, deadline=None)
@given(cell=cells)
def test_a_cell_with_inherited_weights_is_what_it_is_in_the_supernet(
    name: str, cell: tuple[int, ...]
) -> None:
    fused, _ = pair(SHAPES[name])
    fused(images(), Mix.only(cell))  # statistics, where there are any
    alone = fused.inherit(cell)
    for mode in (True, False):
        same(alone.train(mode)(images()), fused.train(mode)(images(), Mix.only(cell)))


def test_only_what_is_active_has_a_gradient() -> None:
    fused, plain = pair(SHAPES["published"])
    fused(images(), Mix.only((2, 0, 0, 0, 0, 3))).sum().backward()
    used = [mine is not None and mine.any() for mine, _ in shared(fused, plain, "grad")]
    assert sum(used) == 0  # node 0 -> 1 ends there, node 2 is empty: nothing reaches the output
    fused(images(), Mix.only((2, 0, 0, 0, 3, 0))).square().sum().backward()
    used = [mine is not None and mine.any() for mine, _ in shared(fused, plain, "grad")]
    assert sum(used) == 2 * len(fused.cells)


@pytest.mark.parametrize("name", ["published", "affine"])
def test_an_optimiser_moves_what_was_sampled_and_nothing_else(name: str) -> None:
    nets = pair(SHAPES[name])
    optimisers = [
        torch.optim.SGD(net.parameters(), lr=0.1, momentum=0.9, weight_decay=1e-2, nesterov=True)
        for net in nets
    ]
    for index in (4000, 15000, 77, 9123, 4001, 12345):
        mix = Mix.only(SPACE.architecture(index))
        for net, optimiser in zip(nets, optimisers, strict=True):
            optimiser.zero_grad()
            net(images(), mix if net is nets[0] else mix.active).square().mean().backward()
            optimiser.step()
    for mine, theirs in shared(*nets, "data"):
        same(mine, theirs)


@pytest.mark.parametrize("name", SHAPES)
def test_half_the_bits_give_nearly_the_same(name: str) -> None:
    outputs, gradients = [], []
    for precision in (None, torch.bfloat16):
        generator = torch.Generator().manual_seed(5)
        net = NasBench201Supernet(DATA, SHAPES[name], generator=generator, precision=precision)
        weights = random_weights().float().requires_grad_()
        output = net(images(64).float(), Mix.all_of(SIZES, weights))
        output.square().sum().backward()
        outputs.append(output.detach())
        found = [p.grad for p in (*net.parameters(), weights) if p.grad is not None]
        assert {one.dtype for one in (output, *found)} == {torch.float32}
        gradients.append(torch.cat([one.flatten() for one in found]))
    assert not torch.equal(*outputs)
    for both, least in ((outputs, 0.995), (gradients, 0.95)):
        one, other = (x.flatten() for x in both)
        assert torch.nn.functional.cosine_similarity(one, other, dim=0) > least


def test_the_same_generator_gives_the_same_weights() -> None:
    first, second = (
        NasBench201Supernet(DATA, SHAPES["published"], generator=torch.Generator().manual_seed(5))
        for _ in range(2)
    )
    for a, b in zip(first.parameters(), second.parameters(), strict=True):
        assert torch.equal(a, b)


def test_batch_norm_around_the_cells_can_be_another() -> None:
    """Affine and tracked outside, neither inside; a cell alone is still what it is in the net."""
    cell, inside = (3, 2, 4, 1, 3, 2), SHAPES["published"]
    net = NasBench201Supernet(
        DATA, inside, generator=torch.Generator().manual_seed(3), around=Shape(4, 1)
    ).double()
    for parameter in net.parameters():
        parameter.data += 0.1 * torch.ones_like(parameter)
    around = [net.stem[1], net.head[0]]
    around += [m for m in net.reductions.modules() if isinstance(m, nn.BatchNorm2d)]
    within = [m for m in net.cells.modules() if isinstance(m, nn.BatchNorm2d)]
    assert len(around) == 2 + 4
    assert all(norm.affine and norm.running_mean is not None for norm in around)
    assert not any(norm.affine or norm.running_mean is not None for norm in within)
    net(images(), Mix.only(cell))
    expected = 0.1 * torch.nn.functional.conv2d(images(), net.stem[0].weight, padding=1)
    same(around[0].running_mean, expected.mean(dim=(0, 2, 3)).detach())
    alone = net.inherit(cell)
    for mode in (True, False):
        same(alone.train(mode)(images()), net.train(mode)(images(), Mix.only(cell)))


def test_a_constant_is_added_to_every_number_of_its_node() -> None:
    """A cell that only passes its input on, with a constant at node 1 and one at the last."""
    net = NasBench201Supernet(DATA, SHAPES["published"], generator=torch.Generator().manual_seed(3))
    x = torch.randn(2, 4, 8, 8, generator=torch.Generator().manual_seed(4))
    shift = torch.tensor([9.0, 0.5, 7.0, 0.25])
    torch.testing.assert_close(net.cells[0](x, Mix.only((1, 0, 0, 0, 1, 0)), shift), x + 0.75)
    empty = net.cells[0](x, Mix.only((0,) * 6), shift)
    torch.testing.assert_close(empty, torch.full_like(x, 0.25))


def test_constants_are_the_weights_that_are_not_computed() -> None:
    """Node by node, of a mixture whose edges compute no, one or two operations."""
    weights = torch.arange(30.0).reshape(6, 5)
    mix = Mix(((0,), (1, 2), (), (3,), (4,), (0, 4)), weights, constants=True)
    rest = [10 - 0, 35 - 13, 60, 85 - 18, 110 - 24, 135 - 54]
    by_node = [0, rest[0], rest[1] + rest[2], rest[3] + rest[4] + rest[5]]
    added = constants_of(mix)
    assert added is not None
    assert added.tolist() == by_node
    assert constants_of(mix._replace(constants=False)) is None

"""A group of networks against the same networks one by one."""

from collections.abc import Iterator, Sequence

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from nasbench.errors import InvalidInput
from nasbench.spaces.base import Architecture
from nasbench.spaces.inputs import Input
from nasbench.spaces.nb201 import AVG_POOL, CONV_1X1, CONV_3X3, NONE, SKIP, NasBench201
from nasbench.spaces.networks.as_channels import Channels
from nasbench.spaces.networks.as_products import Products
from nasbench.spaces.networks.base import Shape
from nasbench.spaces.networks.nb201 import Form, Network
from nasbench.spaces.networks.nb201_grouped import GroupedNetwork
from nasbench.spaces.networks.side_by_side import Layout

SPACE = NasBench201()
DATA = Input(8, 2, 5)
STEPS, BATCH = 5, 7
UNIFORM = [(operation,) * 6 for operation in (NONE, SKIP, CONV_1X1, CONV_3X3, AVG_POOL)]
MIXED = [SPACE.architecture(index) for index in (0, 9, 123, 284, 6111, 9930, 857, 15624)]
SORTED = sorted(MIXED + UNIFORM)
ALIKE = [(CONV_3X3, SKIP, CONV_1X1, AVG_POOL, NONE, CONV_3X3)] * 3


def networks(cells: Sequence[Architecture], shape: Shape, form: Form) -> list[Network]:
    return [
        Network(cell, DATA, shape, generator=torch.Generator().manual_seed(i), form=form)
        for i, cell in enumerate(cells)
    ]


def batches(dtype: torch.dtype) -> list[tuple[Tensor, Tensor]]:
    generator = torch.Generator().manual_seed(99)
    return [
        (
            torch.randn(BATCH, 2, 8, 8, generator=generator).to(dtype),
            torch.randint(5, (BATCH,), generator=generator),
        )
        for _ in range(STEPS)
    ]


def optimiser(network: torch.nn.Module) -> torch.optim.SGD:
    return torch.optim.SGD(
        network.parameters(), lr=0.02, momentum=0.9, weight_decay=5e-4, nesterov=True
    )


def train_alone(network: Network, dtype: torch.dtype) -> Network:
    network.to(dtype).train()
    sgd = optimiser(network)
    for images, labels in batches(dtype):
        sgd.zero_grad()
        F.cross_entropy(network(images), labels).backward()
        sgd.step()
    return network


def train_grouped(group: GroupedNetwork, dtype: torch.dtype) -> None:
    group.to(dtype).train()
    sgd = optimiser(group)
    for images, labels in batches(dtype):
        sgd.zero_grad()
        sum(F.cross_entropy(logits, labels) for logits in group(images)).backward()
        sgd.step()


NO_SHIFT = Shape(4, 1, affine=False)
BATCH_STATISTICS = Shape(4, 1, track_running_stats=False)
GROUPS = {
    "mixed": (MIXED, Shape(4, 1)),
    "sorted": (SORTED, Shape(4, 1)),
    "alike": (ALIKE, Shape(4, 2)),
}


LAYOUTS = {"channels": Channels(), "products": Products()}


@pytest.fixture(params=LAYOUTS)
def layout(request: pytest.FixtureRequest) -> Layout:
    return LAYOUTS[request.param]


def assert_same(found: Tensor, expected: Tensor, what: str = "") -> None:
    """Equal to rounding in float64."""
    torch.testing.assert_close(
        found, expected, rtol=1e-9, atol=1e-11, msg=lambda text: f"{what}: {text}"
    )


def own_tensors(network: Network, *, gradients: bool) -> Iterator[tuple[str, Tensor]]:
    for name, parameter in network.named_parameters():
        tensor = parameter.grad if gradients else parameter.detach()
        assert tensor is not None
        yield name, tensor
    if not gradients:
        for name, buffer in network.named_buffers():
            if not name.endswith("num_batches_tracked"):
                yield name, buffer


@pytest.mark.parametrize("form", list(Form))
@pytest.mark.parametrize("name", GROUPS)
def test_training_in_a_group_is_training_alone(name: str, form: Form, layout: Layout) -> None:
    """After five steps in float64, weights, statistics and logits agree to rounding."""
    cells, shape = GROUPS[name]
    group = GroupedNetwork(networks(cells, shape, form), layout)
    train_grouped(group, torch.float64)
    logits = group.eval()(batches(torch.float64)[0][0])
    untrained = networks(cells, shape, form)
    for i, start in enumerate(networks(cells, shape, form)):
        alone, copied = train_alone(start, torch.float64), untrained[i].double()
        group.copy_to(copied, i)
        pairs = zip(
            own_tensors(alone, gradients=False), own_tensors(copied, gradients=False), strict=True
        )
        for (key, a), (_, b) in pairs:
            assert_same(b, a, f"{i} {key}")
        assert_same(logits[i], alone.eval()(batches(torch.float64)[0][0]), f"{i} logits")


@pytest.mark.parametrize("side", [4, 8, 12])
@pytest.mark.parametrize("name", GROUPS)
def test_the_first_gradients_are_those_alone(name: str, side: int, layout: Layout) -> None:
    """Of all weights, with images whose last side is one pixel and an odd number of them."""
    cells, shape = GROUPS[name]
    alone = networks(cells, shape, Form.SIMPLIFIED)
    group = GroupedNetwork(alone, layout).double()
    images = torch.randn(5, 2, side, side, dtype=torch.float64)
    labels = torch.tensor([0, 1, 2, 3, 4])
    logits = group(images)
    sum(F.cross_entropy(row, labels) for row in logits).backward()
    for parameter in group.parameters():
        assert parameter.grad is not None
        parameter.data = parameter.grad  # so that `copy_to` copies gradients
    for i, network in enumerate(alone):
        expected = network.double()(images)
        torch.testing.assert_close(logits[i], expected, rtol=1e-12, atol=1e-12)
        F.cross_entropy(expected, labels).backward()
        wanted = dict(own_tensors(network, gradients=True))
        found = networks(cells[i : i + 1], shape, Form.SIMPLIFIED)[0].double()
        group.copy_to(found, i)
        for key, gradient in own_tensors(found, gradients=False):
            if key in wanted:
                torch.testing.assert_close(
                    gradient, wanted[key], rtol=1e-11, atol=1e-12,
                    msg=lambda text, i=i, key=key: f"{i} {key}: {text}",
                )  # fmt: skip


@pytest.mark.parametrize("shape", [NO_SHIFT, BATCH_STATISTICS])
def test_batch_norm_options(shape: Shape, layout: Layout) -> None:
    group = GroupedNetwork(networks(MIXED, shape, Form.SIMPLIFIED), layout)
    train_grouped(group, torch.float64)
    logits = group.eval()(batches(torch.float64)[0][0])
    for i, start in enumerate(networks(MIXED, shape, Form.SIMPLIFIED)):
        expected = train_alone(start, torch.float64).eval()(batches(torch.float64)[0][0])
        assert_same(logits[i], expected, f"{i}")


def test_single_precision_agrees_loosely(layout: Layout) -> None:
    shape = Shape(4, 1)
    group = GroupedNetwork(networks(MIXED, shape, Form.SIMPLIFIED), layout)
    train_grouped(group, torch.float32)
    logits = group.eval()(batches(torch.float32)[0][0])
    for i, start in enumerate(networks(MIXED, shape, Form.SIMPLIFIED)):
        expected = train_alone(start, torch.float32).eval()(batches(torch.float32)[0][0])
        torch.testing.assert_close(logits[i], expected, rtol=1e-2, atol=1e-2)


def test_autocast_computes_in_bfloat16(layout: Layout) -> None:
    """Logits are those of float32 within a few roundings to 8 bits; gradients are less exact."""
    images, labels = batches(torch.float32)[0]
    found = []
    for enabled in (False, True):
        group = GroupedNetwork(networks(MIXED, Shape(4, 1), Form.SIMPLIFIED), layout)
        with torch.autocast("cpu", torch.bfloat16, enabled=enabled):
            logits = group(images)
        assert logits.dtype == (torch.bfloat16 if enabled else torch.float32)
        sum(F.cross_entropy(row.float(), labels) for row in logits).backward()
        gradient = group.stem.weight.grad
        assert gradient is not None
        assert gradient.dtype == torch.float32
        found.append((logits.detach().float(), gradient))
    for exact, rough, most in zip(*found, (0.05, 0.5), strict=True):
        assert 0 < float((rough - exact).norm() / exact.norm()) < most


def test_a_broken_network_stays_alone(layout: Layout) -> None:
    """The weights of the others are finite after a step, and those they would have without it."""
    after = []
    for broken in (False, True):
        nets = networks(MIXED, Shape(4, 1), Form.SIMPLIFIED)
        if broken:
            torch.nn.init.constant_(nets[2].classifier.weight, float("nan"))
        group = GroupedNetwork(nets, layout)
        train_grouped(group, torch.float32)
        for i, network in enumerate(nets):
            group.copy_to(network, i)
        after.append([torch.cat([p.flatten() for p in network.parameters()]) for network in nets])
    for i, (whole, beside) in enumerate(zip(*after, strict=True)):
        if i == 2:
            assert torch.isnan(beside).any()
        else:
            assert torch.equal(whole, beside)


def test_members_must_have_one_shape(layout: Layout) -> None:
    nets = networks(MIXED[:1], Shape(4, 1), Form.SIMPLIFIED)
    nets += networks(MIXED[1:2], Shape(8, 1), Form.SIMPLIFIED)
    with pytest.raises(InvalidInput, match=r"one input and one shape"):
        GroupedNetwork(nets, layout)


def test_a_step_reads_no_number_of_a_tensor() -> None:
    """Tensors of the device `meta` have none, and no other device's tensor may meet them."""
    group = GroupedNetwork(networks(MIXED, Shape(4, 1), Form.LITERAL), Products()).to("meta")
    logits = group(torch.empty(BATCH, 2, 8, 8, device="meta"))
    assert logits.shape == (len(MIXED), BATCH, 5)
    logits.sum().backward()
    assert group.stem.weight.grad is not None
    assert group.stem.weight.grad.is_meta

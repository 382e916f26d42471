"""A group of networks against the same networks one by one."""

from collections.abc import Sequence

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from nasbench.errors import InvalidInput
from nasbench.spaces.base import Architecture
from nasbench.spaces.inputs import Input
from nasbench.spaces.nb201 import AVG_POOL, CONV_1X1, CONV_3X3, NONE, SKIP, NasBench201
from nasbench.spaces.networks.base import Shape
from nasbench.spaces.networks.nb201 import Form, Network
from nasbench.spaces.networks.nb201_grouped import GroupedNetwork

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


@pytest.mark.parametrize("form", list(Form))
@pytest.mark.parametrize("name", GROUPS)
def test_training_in_a_group_is_training_alone(name: str, form: Form) -> None:
    """After five steps in float64, weights, statistics and logits agree to rounding."""
    cells, shape = GROUPS[name]
    group = GroupedNetwork(networks(cells, shape, form))
    train_grouped(group, torch.float64)
    logits = group.eval()(batches(torch.float64)[0][0])
    untrained = networks(cells, shape, form)
    for i, start in enumerate(networks(cells, shape, form)):
        alone, copied = train_alone(start, torch.float64), untrained[i].double()
        group.copy_to(copied, i)
        for (key, a), b in zip(
            alone.state_dict().items(), copied.state_dict().values(), strict=True
        ):
            if not key.endswith("num_batches_tracked"):
                torch.testing.assert_close(
                    b, a, rtol=1e-7, atol=1e-8, msg=lambda text, i=i, key=key: f"{i} {key}: {text}"
                )
        expected = alone.eval()(batches(torch.float64)[0][0])
        torch.testing.assert_close(logits[i], expected, rtol=1e-7, atol=1e-8)


@pytest.mark.parametrize("shape", [NO_SHIFT, BATCH_STATISTICS])
def test_batch_norm_options(shape: Shape) -> None:
    group = GroupedNetwork(networks(MIXED, shape, Form.SIMPLIFIED))
    train_grouped(group, torch.float64)
    logits = group.eval()(batches(torch.float64)[0][0])
    for i, start in enumerate(networks(MIXED, shape, Form.SIMPLIFIED)):
        expected = train_alone(start, torch.float64).eval()(batches(torch.float64)[0][0])
        torch.testing.assert_close(logits[i], expected, rtol=1e-8, atol=1e-9)


def test_single_precision_agrees_loosely() -> None:
    shape = Shape(4, 1)
    group = GroupedNetwork(networks(MIXED, shape, Form.SIMPLIFIED))
    train_grouped(group, torch.float32)
    logits = group.eval()(batches(torch.float32)[0][0])
    for i, start in enumerate(networks(MIXED, shape, Form.SIMPLIFIED)):
        expected = train_alone(start, torch.float32).eval()(batches(torch.float32)[0][0])
        torch.testing.assert_close(logits[i], expected, rtol=1e-2, atol=1e-2)


def test_a_broken_network_stays_alone() -> None:
    nets = networks(MIXED, Shape(4, 1), Form.SIMPLIFIED)
    torch.nn.init.constant_(nets[2].classifier.weight, float("nan"))
    group = GroupedNetwork(nets)
    group(batches(torch.float32)[0][0]).sum(dim=(1, 2)).nan_to_num().sum().backward()
    healthy = [i for i in range(len(MIXED)) if i != 2]
    logits = group(batches(torch.float32)[0][0])
    assert torch.isnan(logits[2]).all()
    assert torch.isfinite(logits[healthy]).all()
    stem = group.stem.weight.grad
    assert stem is not None
    assert torch.isfinite(stem.chunk(len(MIXED))[0]).all()
    assert torch.isnan(stem.chunk(len(MIXED))[2]).any()


def test_members_must_have_one_shape() -> None:
    nets = networks(MIXED[:1], Shape(4, 1), Form.SIMPLIFIED)
    nets += networks(MIXED[1:2], Shape(8, 1), Form.SIMPLIFIED)
    with pytest.raises(InvalidInput, match=r"one input and one shape"):
        GroupedNetwork(nets)

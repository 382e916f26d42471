"""The network of a cell against the published counts, and its two forms against each other."""

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from nasbench.spaces.inputs import Input
from nasbench.spaces.nb201 import EDGES, INPUTS, NasBench201, live_edges
from nasbench.spaces.networks.nb201 import (
    KERNEL,
    Form,
    Initialisation,
    Network,
    Shape,
    initialise,
    simplify,
)

SPACE = NasBench201()
SMALL = Input(8, 2, 5)
ALL_KINDS = (
    "|nor_conv_3x3~0|+|avg_pool_3x3~0|nor_conv_1x1~1|+|skip_connect~0|none~1|nor_conv_3x3~2|"
)
ZEROED = "|none~0|+|nor_conv_3x3~0|nor_conv_1x1~1|+|none~0|nor_conv_3x3~1|nor_conv_1x1~2|"
"""Two convolutions start at node 1, which is empty; both are read."""
UNREAD = "|nor_conv_3x3~0|+|nor_conv_3x3~0|nor_conv_1x1~1|+|avg_pool_3x3~0|nor_conv_1x1~1|none~2|"
"""Node 2 is computed and never read."""
DISCONNECTED = "|none~0|+|nor_conv_3x3~0|nor_conv_1x1~1|+|none~0|nor_conv_3x3~1|none~2|"
CELLS = (ALL_KINDS, ZEROED, UNREAD, DISCONNECTED)


def build(text: str, form: Form, shape: Shape = Shape(4, 2), data: Input = SMALL) -> Network:
    generator = torch.Generator().manual_seed(3)
    return Network(SPACE.parse(text), data, shape, generator=generator, form=form)


def pair(text: str, shape: Shape = Shape(4, 2)) -> tuple[Network, Network]:
    """Both forms in float64, the simplified one with the literal one's weights."""
    literal, simplified = build(text, Form.LITERAL, shape), build(text, Form.SIMPLIFIED, shape)
    loaded = simplified.load_state_dict(literal.state_dict(), strict=False)
    assert not loaded.missing_keys
    return literal.double(), simplified.double()


def images(n: int = 6) -> Tensor:
    return torch.randn(n, 2, 8, 8, generator=torch.Generator().manual_seed(1), dtype=torch.float64)


def multiply_adds(network: nn.Module, data: Input) -> int:
    """Count what convolutions and the linear layer do to one image, while they do it."""
    total = 0

    def count(module: nn.Module, inputs: tuple[Tensor, ...], output: Tensor) -> None:
        nonlocal total
        if isinstance(module, nn.Conv2d):
            total += output[0].numel() * module.weight[0].numel()
        elif isinstance(module, nn.Linear):
            total += module.weight.numel() + module.bias.numel()

    for module in network.modules():
        module.register_forward_hook(count)
    network.eval()(torch.zeros(1, data.channels, data.side, data.side))
    return total


@pytest.mark.parametrize(("text", "name"), list(zip(CELLS, [*INPUTS, "cifar10"], strict=True)))
def test_published_size(text: str, name: str) -> None:
    network = build(text, Form.LITERAL, Shape(), INPUTS[name])
    index = SPACE.index(SPACE.parse(text))
    params = sum(parameter.numel() for parameter in network.parameters())
    assert params == SPACE.params(INPUTS[name])[index]
    assert multiply_adds(network, INPUTS[name]) == SPACE.flops(INPUTS[name])[index]


def test_largest_published_network() -> None:
    """1.53 M parameters and 220 MFLOPs: the largest record of NAS-Bench-201 on CIFAR-10."""
    text = SPACE.format((3,) * 6)
    network = build(text, Form.LITERAL, Shape(), INPUTS["cifar10"])
    assert sum(parameter.numel() for parameter in network.parameters()) == 1_531_546
    assert multiply_adds(network, INPUTS["cifar10"]) == 220_119_690


def test_live_edges() -> None:
    assert live_edges(SPACE.parse(ALL_KINDS)) == (True, True, True, True, False, True)
    assert live_edges(SPACE.parse(ZEROED)) == (False, True, False, False, False, True)
    assert live_edges(SPACE.parse(UNREAD)) == (True, False, False, True, True, False)
    assert live_edges(SPACE.parse(DISCONNECTED)) == (False,) * 6


def test_simplifying_changes_no_network_class() -> None:
    """Against the symbolic expressions of all 15,625 cells, which know nothing of liveness."""
    simplified = [simplify(cell) for cell in SPACE.architectures]
    classes = SPACE.network_class
    assert np.array_equal(classes[[SPACE.index(cell) for cell in simplified]], classes)
    assert sum(not any(cell) for cell in simplified) == 341


@pytest.mark.parametrize("text", CELLS)
@pytest.mark.parametrize("training", [True, False])
def test_forms_agree_at_initialisation(text: str, training: bool) -> None:
    literal, simplified = pair(text)
    outputs = [network.train(training)(images()) for network in (literal, simplified)]
    torch.testing.assert_close(outputs[0], outputs[1], rtol=0, atol=1e-12)
    gradients = []
    for network, output in zip((literal, simplified), outputs, strict=True):
        output.square().sum().backward()
        gradients.append({n: p.grad for n, p in network.named_parameters()})
    for name, gradient in gradients[1].items():
        torch.testing.assert_close(gradients[0][name], gradient, rtol=0, atol=1e-10)


def difference_after_training(text: str, *, affine: bool) -> float:
    """Largest difference of the two forms' logits after three steps."""
    networks = pair(text, Shape(4, 2, affine=affine))
    outputs = []
    for network in networks:
        optimiser = torch.optim.SGD(network.parameters(), lr=0.1, momentum=0.9)
        for _ in range(3):
            optimiser.zero_grad()
            network(images()).square().sum().backward()
            optimiser.step()
        outputs.append(network.eval()(images()).detach())
    return float((outputs[0] - outputs[1]).abs().max())


@pytest.mark.parametrize("text", CELLS)
def test_forms_train_alike_without_shifts(text: str) -> None:
    assert difference_after_training(text, affine=False) < 1e-9


def test_forms_train_alike_where_dead_edges_are_unread() -> None:
    assert difference_after_training(UNREAD, affine=True) < 1e-9


def test_shift_of_a_zeroed_convolution_learns() -> None:
    """Why `Form` claims equality of trainings under conditions only."""
    assert difference_after_training(ZEROED, affine=True) > 1e-3


def test_initialisation_uses_its_generator_only() -> None:
    before = torch.get_rng_state()
    first, second = build(ALL_KINDS, Form.LITERAL), build(ALL_KINDS, Form.LITERAL)
    assert torch.equal(before, torch.get_rng_state())
    for a, b in zip(first.state_dict().values(), second.state_dict().values(), strict=True):
        assert torch.equal(a, b)


def test_initialisation_is_he_normal() -> None:
    network = build(SPACE.format((3,) * 6), Form.LITERAL, Shape(32, 2))
    for module in network.modules():
        if isinstance(module, nn.Conv2d) and module.kernel_size == (3, 3):
            fan_in = module.weight[0].numel()
            draws = module.weight.numel()
            expected = (2 / fan_in) ** 0.5
            assert abs(float(module.weight.detach().std()) / expected - 1) < 5 / (2 * draws) ** 0.5


def test_initialisation_of_torch_is_what_its_modules_do() -> None:
    """Every number against `reset_parameters` of the same modules, drawn from the same stream."""
    mine, theirs = build(ALL_KINDS, Form.LITERAL), build(ALL_KINDS, Form.LITERAL)
    initialise(mine, torch.Generator().manual_seed(5), Initialisation.TORCH)
    state = torch.get_rng_state()
    torch.set_rng_state(torch.Generator().manual_seed(5).get_state())
    for module in theirs.modules():
        for kind in (nn.Conv2d, nn.Linear, nn.BatchNorm2d):
            if isinstance(module, kind):
                kind.reset_parameters(module)
    torch.set_rng_state(state)
    for a, b in zip(mine.parameters(), theirs.parameters(), strict=True):
        assert torch.equal(a, b)
    assert mine.classifier.bias.detach().abs().min() > 0


def test_how_many_cells_the_simplified_form_may_train_otherwise() -> None:
    """Counted by hand: a convolution that is read, and whose node has no path from the input."""
    paths = {1: [(0,)], 2: [(1,), (0, 2)]}  # edges from the input; operation 0 is none
    onward = {3: [()], 2: [(5,)], 1: [(4,), (2, 5)]}  # and from a node to the output
    count = 0
    for cell in SPACE.architectures:
        there, read = (
            {
                node: any(all(cell[edge] for edge in path) for path in ways)
                for node, ways in of.items()
            }
            for of in (paths, onward)
        )
        count += any(
            cell[edge] in KERNEL and read[target] and source and not there[source]
            for edge, (source, target) in enumerate(EDGES)
        )
    assert count == 2_140
    assert round(100 * count / SPACE.size, 1) == 13.7

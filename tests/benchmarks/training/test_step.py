"""A training step: the forms it has give the same training, and a graph can repeat it."""

from collections.abc import Callable

import pytest
import torch
from torch import Tensor

from nasbench.benchmarks.training.digits import Distortion, Sizes, digits
from nasbench.benchmarks.training.grouped import LAYOUTS, grouped, layout_for
from nasbench.benchmarks.training.recipes import Recipe
from nasbench.benchmarks.training.step import Losses, Step, computing
from nasbench.benchmarks.training.train import CURVES, Training, initial_network, single
from nasbench.errors import InvalidInput
from nasbench.spaces.nb201 import NasBench201
from nasbench.spaces.networks.base import Shape, networks_of
from nasbench.spaces.networks.recordings import RepeatedStep, Rerun

SPACE = NasBench201()
DATA = digits(Distortion(), Sizes(weights=60, validation=20, test=20, repeats=1, copies=2))
SHORT = Recipe("short", Shape(4, 1), epochs=3, batch=25, learning_rate=0.02)
CELLS = [SPACE.architecture(index) for index in (0, 9, 123, 6111, 15624)]


class Repeated:
    """Does a step on tensors of its own, as a graph does, and counts how often."""

    def __init__(self, step: Step) -> None:
        self.step, self.calls = step, 0
        self.held: tuple[Tensor, ...] = ()

    def __call__(self, *given: Tensor) -> Tensor:
        self.calls += 1
        if not self.held:
            self.held = tuple(tensor.clone() for tensor in given)
        for own, tensor in zip(self.held, given, strict=True):
            own.copy_(tensor)  # an error for a batch of another size
        return self.step(*self.held)


def curves(training: Training) -> list[Tensor]:
    training.run()
    return [training.curves[name] for name in CURVES]


@pytest.mark.parametrize("fused", [False, True])
@pytest.mark.parametrize("layout", LAYOUTS)
def test_every_form_trains_like_one_alone(layout: str, *, fused: bool) -> None:
    """All curves in float64; the last batch of an epoch is smaller."""
    together = curves(
        grouped(SPACE, CELLS, 5, DATA, SHORT, precision="float64", layout=layout, fused=fused)
    )
    for i, cell in enumerate(CELLS):
        alone = curves(single(SPACE, cell, 5, DATA, SHORT, precision="float64"))
        for found, expected in zip(together, alone, strict=True):
            torch.testing.assert_close(found[i], expected[0], rtol=1e-6, atol=1e-6)


def test_the_fused_optimiser_is_the_other_one() -> None:
    """The weights after three epochs in float64 agree to rounding."""
    weights = []
    for fused in (False, True):
        training = grouped(SPACE, CELLS, 5, DATA, SHORT, precision="float64", fused=fused)
        training.run()
        weights.append(list(training.network.parameters()))
    for one, other in zip(*weights, strict=True):
        torch.testing.assert_close(one, other, rtol=1e-9, atol=1e-11)


@pytest.mark.parametrize("start", [grouped, single])
def test_a_graph_gets_whole_batches_alone(start: Callable[..., Training]) -> None:
    """Of 60 images, two batches of 25 are whole and one of 10 is not; the bits are the same."""
    made: list[Repeated] = []

    def graph(step: Step) -> Step:
        made.append(Repeated(step))
        return made[-1]

    cells = CELLS if start is grouped else CELLS[3]
    plain = curves(start(SPACE, cells, 5, DATA, SHORT, fused=True))
    graphed = curves(start(SPACE, cells, 5, DATA, SHORT, fused=True, graph=graph))
    assert [one.calls for one in made] == [2 * SHORT.epochs]
    for one, other in zip(plain, graphed, strict=True):
        assert torch.equal(one, other)


def test_losses_read_no_number_of_a_tensor() -> None:
    """Tensors of the device `meta` have none: a whole batch and its gradients, of either layout."""
    networks = networks_of(SPACE)
    initial = [initial_network(SPACE, cell, 0, DATA, SHORT) for cell in CELLS]
    for make in (networks.side_by_side, networks.as_products):
        network = make(initial).to("meta")
        with torch.device("meta"):
            images, labels = torch.empty(25, 1, 8, 8), torch.empty(25, dtype=torch.int64)
        losses, _ = Losses(network, len(CELLS), "float32")(images, labels)
        losses.sum().backward()
        assert losses.shape == (len(CELLS),)
        assert all(p.grad is not None and p.grad.is_meta for p in network.parameters())


@pytest.mark.parametrize("layout", [*LAYOUTS, "alone"])
def test_gradients_and_momenta_lie_in_memory_as_their_weights(layout: str) -> None:
    """On a GPU the fused optimiser refuses others; steps over a dimension of one do not count."""
    alone = layout == "alone"
    training = (
        single(SPACE, CELLS[3], 5, DATA, SHORT, fused=True)
        if alone
        else grouped(SPACE, CELLS, 5, DATA, SHORT, layout=layout, fused=True)
    )
    training.train_epoch()

    def steps(tensor: Tensor) -> list[int]:
        sizes = zip(tensor.shape, tensor.stride(), strict=True)
        return [step for size, step in sizes if size > 1]

    for parameter in training.network.parameters():
        assert parameter.grad is not None
        momentum = training.optimiser.state[parameter]["momentum_buffer"]
        assert steps(parameter.grad) == steps(momentum) == steps(parameter)


def test_layouts_by_device() -> None:
    assert [layout_for(device) for device in ("cpu", "cuda", "cuda:1")] == [
        "channels", "products", "products",
    ]  # fmt: skip
    assert layout_for("cuda", "channels") == "channels"
    with pytest.raises(InvalidInput, match="use one of channels, products"):
        layout_for("cpu", "rows")


@pytest.mark.parametrize("precision", ["float32", "tf32", "bfloat16"])
def test_only_tf32_rounds_factors(precision: str) -> None:
    """For GPUs, in convolutions and products; what was set before is set again, after errors."""
    places = torch.backends.cudnn.conv, torch.backends.cuda.matmul
    before = [one.fp32_precision for one in places]
    try:
        for one in places:
            one.fp32_precision = "tf32"
        with pytest.raises(KeyboardInterrupt), computing(precision):
            expected = "tf32" if precision == "tf32" else "ieee"
            assert [one.fp32_precision for one in places] == [expected] * 2
            raise KeyboardInterrupt
        assert [one.fp32_precision for one in places] == ["tf32"] * 2
    finally:
        for one, value in zip(places, before, strict=True):
            one.fp32_precision = value


def test_a_cpu_computes_tf32_like_float32() -> None:
    for one, other in zip(
        *(curves(single(SPACE, CELLS[3], 5, DATA, SHORT, precision=name))
          for name in ("float32", "tf32")), strict=True,
    ):  # fmt: skip
        assert torch.equal(one, other)


@pytest.mark.parametrize("layout", LAYOUTS)
def test_recorded_steps_train_to_the_same_bits(layout: str) -> None:
    """Six whole batches, three of which are replayed, without a GPU."""
    plain = grouped(SPACE, CELLS, 5, DATA, SHORT, layout=layout, fused=True)
    recorded = grouped(
        SPACE, CELLS, 5, DATA, SHORT,
        layout=layout, fused=True, graph=lambda step: RepeatedStep(step, Rerun),
    )  # fmt: skip
    for one, other in zip(curves(plain), curves(recorded), strict=True):
        assert torch.equal(one, other)
    for one, other in zip(plain.network.parameters(), recorded.network.parameters(), strict=True):
        assert torch.equal(one, other)

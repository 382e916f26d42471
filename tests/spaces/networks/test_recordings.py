"""Functions that are recorded: the values of calls, on memory that stays the same."""

import gc
import weakref
from collections.abc import Sequence
from typing import Any

import pytest
import torch
from torch import Tensor

from nasbench.benchmarks.training import shared
from nasbench.benchmarks.training.data import Part
from nasbench.benchmarks.training.devices import GRAPHS, recorder
from nasbench.harness.search.budget import Budget, Clock
from nasbench.harness.search.loop import search
from nasbench.harness.search.shared import lender
from nasbench.problem import Problem
from nasbench.randomness import Random
from nasbench.spaces import get_space
from nasbench.spaces.mix import Mix
from nasbench.spaces.networks.base import Shape, networks_of
from nasbench.spaces.networks.passes import Passes
from nasbench.spaces.networks.recordings import (
    CudaGraph,
    Function,
    Recordings,
    RepeatedStep,
    Rerun,
)
from nasbench.strategies.registry import find_strategy, make_settings, recipe_settings
from nasbench.testing.one_shot import SMALL, toy_data
from nasbench.trace import TRAIN_LOSS


class Counting(Rerun):
    """A recording that counts itself and its replays."""

    made = replayed = 0

    def __init__(self, function: Function, inputs: Sequence[Tensor], warm_ups: int = 0) -> None:
        super().__init__(function, inputs, warm_ups)
        Counting.made += 1

    def replay(self, inputs: Sequence[Tensor]) -> tuple[Tensor | None, ...]:
        Counting.replayed += 1
        return super().replay(inputs)


@pytest.fixture(autouse=True)
def _count_anew() -> None:
    Counting.made = Counting.replayed = 0


def square(x: Tensor) -> tuple[Tensor, ...]:
    return (x * x,)


def test_a_function_called_again_and_again_is_recorded_once(
    capsys: pytest.CaptureFixture[str],
) -> None:
    recordings = Recordings(Counting)
    found = [float(recordings.call("square", square, [torch.tensor([i])])[0]) for i in range(10)]
    assert found == [i * i for i in range(10)]
    assert (Counting.made, Counting.replayed) == (1, 8)
    assert capsys.readouterr().err.startswith("note: a pass was recorded as a CUDA graph in 0.")


def test_what_changes_from_call_to_call_is_not_recorded() -> None:
    """Random cells, and a batch of another size at the end of each epoch of a dozen."""
    recordings = Recordings(Counting)
    for i in range(300):
        recordings.call(("cell", i % 13), square, [torch.zeros(1)])
    assert not Counting.made
    for i in range(120):
        recordings.call("square", square, [torch.zeros(7 if i % 12 == 11 else 8)])
    assert Counting.made == 1
    recordings.call("square", square, [torch.zeros(8, requires_grad=True)])
    assert Counting.made == 1  # a gradient is another function


def test_recording_changes_no_statistics() -> None:
    """Batch norm's running mean after ten batches is that of ten updates by hand."""
    norm = torch.nn.BatchNorm1d(1)
    recordings = Recordings(Counting, list(norm.buffers()))
    mean = 0.0
    for i in range(10):
        recordings.call("norm", lambda x: (norm(x).detach(),), [torch.tensor([[i], [i + 2.0]])])
        mean = 0.9 * mean + 0.1 * (i + 1)
    assert Counting.made == 1
    assert float(norm.running_mean) == pytest.approx(mean, rel=1e-6)
    assert int(norm.num_batches_tracked) == 10


def test_what_cannot_be_recorded_is_called(capsys: pytest.CaptureFixture[str]) -> None:
    def refuse(*_: object) -> Rerun:
        raise RuntimeError("operation not permitted when stream is capturing\nmore lines")

    recordings = Recordings(refuse)  # type: ignore[arg-type]
    found = [float(recordings.call("square", square, [torch.tensor([i])])[0]) for i in range(10)]
    assert found == [i * i for i in range(10)]
    assert not recordings.active
    said = capsys.readouterr().err.splitlines()
    assert said == [
        "note: a pass was not recorded as a CUDA graph: operation not permitted when stream is "
        "capturing"
    ]


@pytest.mark.parametrize("fails", [False, True])
def test_a_step_is_made_once_by_every_call(fails: bool) -> None:
    """A weight that each call halves and from which it subtracts the input."""

    def refuse(*_: object) -> Rerun:
        raise RuntimeError("no memory")

    weight, expected = torch.ones(()), 1.0

    def halve(x: Tensor) -> Tensor:
        weight.mul_(0.5).sub_(x)
        return weight.clone()

    step = RepeatedStep(halve, refuse if fails else Counting)  # type: ignore[arg-type]
    for i in range(8):
        expected = expected / 2 - i
        assert float(step(torch.tensor(float(i)))) == float(weight) == expected
    assert (Counting.made, Counting.replayed) == ((0, 0) if fails else (1, 5))


def test_only_a_gpu_records_and_a_switch_says_no(monkeypatch: pytest.MonkeyPatch) -> None:
    networks = networks_of(get_space("nb201"))
    assert recorder(torch.device("cpu"), networks) is None
    assert recorder(torch.device("cuda:1"), networks) is CudaGraph
    for word in ("off", "0", "OFF"):
        monkeypatch.setenv(GRAPHS, word)
        assert recorder(torch.device("cuda"), networks) is None
    monkeypatch.delenv(GRAPHS)
    monkeypatch.setattr(type(networks), "recordable", False)  # as networks of others are
    assert recorder(torch.device("cuda"), networks) is None


def of_a_run(name: str, settings: dict[str, Any]) -> list[Any]:
    """Return the values, traces, answers and final weights of a short search."""
    found, space = find_strategy(name), get_space("nb201")
    made = make_settings(found, settings)
    session = lender(space, toy_data(), made).session(Random(5))
    track = search(found(Problem(space), made, Random(6)), session, Clock(Budget(epochs=3)))
    traces = [dict(epoch) for epoch in track.traces]
    weights = [one.tolist() for one in session.loan.supernet.state_dict().values()]
    return [track.values.tolist(), traces, track.architectures, weights]


@pytest.mark.parametrize(
    ("name", "recipe"),
    [("darts", "small"), ("darts", "paper"), ("darts-2nd", "paper"), ("darts-2nd", "nats"),
     ("fbnet", "small"),
     ("gdas", "paper"), ("rsps", "small")],
)  # fmt: skip
def test_a_search_on_fixed_memory_is_the_same_to_the_bit(
    name: str, recipe: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The replayed passes of mixtures, with the options of both recipes, against usual calls."""
    settings = {**recipe_settings(find_strategy(name), recipe), **SMALL}
    usual = of_a_run(name, settings)
    assert not Counting.made
    monkeypatch.setattr(shared, "recorder", lambda *_: Counting)
    again = of_a_run(name, settings)
    if name == "fbnet":  # its loss multiplies the gradient at the end, not at the start
        losses = [[epoch[TRAIN_LOSS] for epoch in one[1]] for one in (again, usual)]
        assert losses[0] == pytest.approx(losses[1], rel=1e-5)
    else:
        assert again == usual
    mixture = name in ("darts", "darts-2nd", "fbnet")
    assert (Counting.replayed > 10) == mixture


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA GPU")
def test_a_graph_gives_the_values_of_a_call() -> None:
    recordings = Recordings(CudaGraph)
    for i in range(6):
        x = torch.full((4,), float(i), device="cuda")
        assert recordings.call("square", square, [x])[0].tolist() == [float(i * i)] * 4


def test_a_step_that_is_left_is_freed_at_once() -> None:
    """A GPU would else keep the memory of one group while the next one is trained."""
    weight = torch.zeros(())

    def add(x: Tensor) -> Tensor:
        return weight.add_(x).clone()

    step = RepeatedStep(add, Rerun)
    for _ in range(6):
        step(torch.ones(()))
    gone = weakref.ref(step)
    gc.disable()
    try:
        del step
        assert gone() is None
    finally:
        gc.enable()


def a_loss(kind: type[Rerun] | None) -> tuple[Passes, tuple[Tensor, Tensor], Tensor]:
    """Return passes whose mixture has been recorded where `kind` records, a batch, and alphas."""
    data = toy_data()
    network = networks_of(get_space("nb201")).supernet(
        data.input, Shape(2, 1, False, False), generator=torch.Generator().manual_seed(0)
    )
    passes, batch = Passes(network, Recordings(kind)), data.parts[Part.VALIDATION]
    alphas = torch.zeros(6, 5, requires_grad=True)
    for _ in range(4):
        passes.mixture_loss(batch, Mix.all_of((5,) * 6, alphas.softmax(dim=1)))
    return passes, batch, alphas


def test_what_a_recording_cannot_give_is_no_number() -> None:
    """A derivative of the gradient, which a usual pass has; without gradients there is the loss."""
    passes, batch, alphas = a_loss(Counting)
    loss = passes.mixture_loss(batch, Mix.all_of((5,) * 6, alphas.softmax(dim=1)))
    with pytest.raises(RuntimeError, match="cannot be derived again"):
        torch.autograd.grad(loss, [alphas], create_graph=True)
    usual, *_ = a_loss(None)
    with torch.no_grad():
        mix = Mix.all_of((5,) * 6, alphas.softmax(dim=1))
        assert passes.mixture_loss(batch, mix) == usual.mixture_loss(batch, mix) == loss

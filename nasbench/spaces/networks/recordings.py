"""Functions of tensors that are called again and again, recorded as CUDA graphs and replayed.

A pass through a small network on a GPU takes longer to launch, kernel by kernel, than to compute. A
CUDA graph launches all kernels of a pass at once, always on the same memory.
"""

import sys
import time
from collections import deque
from collections.abc import Callable, Hashable, Iterator, Sequence
from contextlib import contextmanager, suppress

import torch
from torch import Tensor

Outputs = tuple[Tensor | None, ...]
Function = Callable[..., Outputs]

_AFTER, _OF_THE_LAST = 3, 24
"""A function is recorded when it is the one called in 3 of the last 24 calls: passes of cells that
are drawn at random, and a last batch that is smaller, are not worth a recording."""
_MOST = 8
"""Largest number of recordings, as each one keeps the memory of its pass."""
_WARM_UPS = 3


class Rerun:
    """A function that runs again for every replay, with fixed memory for its inputs and outputs.

    It needs no GPU, and does all that `CudaGraph` does except the recording itself.
    """

    def __init__(self, function: Function, inputs: Sequence[Tensor], warm_ups: int = 0) -> None:
        """Copy `inputs` to memory that stays the same, and run the function `warm_ups` times."""
        self._function = function
        self._inputs = [one.detach().clone().requires_grad_(one.requires_grad) for one in inputs]
        self._outputs: Outputs | None = None
        self._begin(warm_ups)

    def _begin(self, warm_ups: int) -> None:
        for _ in range(warm_ups):
            self._function(*self._inputs)

    def replay(self, inputs: Sequence[Tensor]) -> Outputs:
        """Run the function on other values; the next call overwrites the outputs."""
        with torch.no_grad():
            for own, given in zip(self._inputs, inputs, strict=True):
                own.copy_(given)
        return self._run()

    def _run(self) -> Outputs:
        found = self._function(*self._inputs)
        if self._outputs is None:
            self._outputs = found
        for own, value in zip(self._outputs, found, strict=True):
            if own is not None and value is not None:
                own.copy_(value)
        return self._outputs


class CudaGraph(Rerun):
    """A function that was recorded once as a CUDA graph, with fixed memory for all its tensors."""

    def _begin(self, warm_ups: int) -> None:
        """Run the function some times, as torch's graphs require, and record it."""
        device, self._graph = self._inputs[0].device, torch.cuda.CUDAGraph()
        usual = torch.cuda.current_stream(device)
        stream = torch.cuda.Stream(device)  # type: ignore[no-untyped-call]
        with torch.cuda.device(device):
            with aside(device):
                super()._begin(warm_ups)
            try:
                # other threads may allocate meanwhile, such as one that builds the next networks
                with torch.cuda.graph(
                    self._graph, stream=stream, capture_error_mode="thread_local"
                ):
                    self._outputs = self._function(*self._inputs)
            finally:  # a capture that fails does not leave its stream
                torch.cuda.set_stream(usual)
        del self._function  # a replay needs neither it nor the network that it knows

    def _run(self) -> Outputs:
        assert self._outputs is not None  # noqa: S101  # they were recorded
        self._graph.replay()
        return self._outputs


@contextmanager
def aside(device: torch.device) -> Iterator[None]:
    """Launch work on another CUDA stream, as torch asks of all that comes before a recording."""
    if device.type != "cuda":
        yield
        return
    side = torch.cuda.Stream(device)  # type: ignore[no-untyped-call]
    usual = torch.cuda.current_stream(device)
    side.wait_stream(usual)
    with torch.cuda.stream(side):
        yield
    usual.wait_stream(side)


@contextmanager
def noted(what: str) -> Iterator[None]:
    """Print on stderr how long a recording took, or why it failed; raise the same error."""
    began = time.perf_counter()
    try:
        yield
    except RuntimeError as error:
        reason = str(error).strip().splitlines()[0]
        print(f"note: {what} not recorded as a CUDA graph: {reason}", file=sys.stderr)
        raise
    took = time.perf_counter() - began
    print(f"note: {what} recorded as a CUDA graph in {took:.2f} s", file=sys.stderr)


class RepeatedStep:
    """A step that changes tensors in place, such as weights; it is recorded after some calls.

    Every call makes the step exactly once: the first calls as usual, the later ones by replaying.
    All calls need inputs of the same shapes.
    """

    def __init__(self, step: Callable[..., Tensor], record: type[Rerun] = CudaGraph) -> None:
        """Make `step`, which returns one tensor without a gradient, repeatable."""
        self._step, self._record = step, record
        self._calls = 0
        self._recording: Rerun | None = None

    def __call__(self, *inputs: Tensor) -> Tensor:
        """Make the step; the next call overwrites the result."""
        self._calls += 1
        if self._calls <= _WARM_UPS:
            with aside(inputs[0].device):
                return self._step(*inputs)
        if self._calls == _WARM_UPS + 1:
            step = self._step  # without `self`, so that no cycle keeps the networks alive
            with suppress(RuntimeError), noted("a training step was"):
                self._recording = self._record(lambda *given: (step(*given),), inputs)
        if self._recording is None:  # it could not be recorded
            return self._step(*inputs)
        (found,) = self._recording.replay(inputs)
        assert found is not None  # noqa: S101  # a step returns a tensor
        return found


class Recordings:
    """The functions that were recorded for one network."""

    def __init__(self, record: type[Rerun] | None, changed: Sequence[Tensor] = ()) -> None:
        """Record with `record`, or never if it is None.

        `changed` are tensors that the functions change in place, such as running statistics. They
        keep their values while a function is recorded.
        """
        self._record, self._changed = record, changed
        self._known: dict[Hashable, Rerun] = {}
        self._recent: deque[Hashable] = deque(maxlen=_OF_THE_LAST)

    @property
    def active(self) -> bool:
        """Whether functions are recorded at all."""
        return self._record is not None

    def call(self, what: Hashable, function: Function, inputs: Sequence[Tensor]) -> Outputs:
        """Return the outputs of `function(*inputs)`, from a replay if it has been recorded.

        Functions are the same if they have the same `what`, and inputs of the same shapes. The next
        call of the same function may overwrite the outputs. If a function cannot
        be recorded, it and all later ones are called as usual. Every recording, with the seconds it
        took, and a failure are reported on stderr, and so in the log of a run.
        """
        if self._record is None:
            return function(*inputs)
        shapes = tuple((one.shape, one.dtype, one.requires_grad) for one in inputs)
        key = (what, shapes)
        self._recent.append(key)
        if key not in self._known:
            if not self._due(key):
                return function(*inputs)
            try:
                with noted("a pass was"):
                    self._known[key] = self._recorded(self._record, function, inputs)
            except RuntimeError:
                self._record = None
                self._known.clear()
                return function(*inputs)
        return self._known[key].replay(inputs)

    def _due(self, key: Hashable) -> bool:
        return self._recent.count(key) >= _AFTER and len(self._known) < _MOST

    def _recorded(self, record: type[Rerun], function: Function, inputs: Sequence[Tensor]) -> Rerun:
        before = [one.clone() for one in self._changed]
        try:
            return record(function, inputs, _WARM_UPS)
        finally:
            for one, value in zip(self._changed, before, strict=True):
                one.copy_(value)

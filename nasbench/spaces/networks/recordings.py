"""Functions of tensors that are called again and again, recorded as CUDA graphs and replayed.

A pass through a small network on a GPU takes longer to launch, kernel by kernel, than to compute. A
CUDA graph launches all kernels of a pass at once, always on the same memory.
"""

import sys
import time
from collections import deque
from collections.abc import Callable, Hashable, Sequence

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

    def __init__(self, function: Function, inputs: Sequence[Tensor]) -> None:
        """Copy `inputs` to memory that stays the same, and run the function once."""
        self._function = function
        self._inputs = [one.detach().clone().requires_grad_(one.requires_grad) for one in inputs]
        self._outputs = self._begin()

    def _begin(self) -> Outputs:
        return self._function(*self._inputs)

    def replay(self, inputs: Sequence[Tensor]) -> Outputs:
        """Copy the values of `inputs` into the fixed memory, and run the function."""
        with torch.no_grad():
            for own, given in zip(self._inputs, inputs, strict=True):
                own.copy_(given)
        self._run()
        return self._outputs

    def _run(self) -> None:
        for own, found in zip(self._outputs, self._function(*self._inputs), strict=True):
            if own is not None and found is not None:
                own.copy_(found)


class CudaGraph(Rerun):
    """A function that was recorded once as a CUDA graph, with fixed memory for all its tensors."""

    def _begin(self) -> Outputs:
        """Run the function some times, as torch's graphs require, and record it."""
        self._graph = torch.cuda.CUDAGraph()
        with torch.cuda.device(self._inputs[0].device):
            side = torch.cuda.Stream()  # type: ignore[no-untyped-call]
            usual = torch.cuda.current_stream()
            side.wait_stream(usual)
            with torch.cuda.stream(side):
                for _ in range(_WARM_UPS):
                    self._function(*self._inputs)
            usual.wait_stream(side)
            with torch.cuda.graph(self._graph):
                return self._function(*self._inputs)

    def _run(self) -> None:
        self._graph.replay()


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
            began = time.perf_counter()
            try:
                self._known[key] = self._recorded(self._record, function, inputs)
            except RuntimeError as error:
                self._record = None
                self._known.clear()
                reason = str(error).strip().splitlines()[0]
                print(f"note: passes are not recorded as CUDA graphs: {reason}", file=sys.stderr)
                return function(*inputs)
            took = time.perf_counter() - began
            print(f"note: a pass was recorded as a CUDA graph in {took:.2f} s", file=sys.stderr)
        return self._known[key].replay(inputs)

    def _due(self, key: Hashable) -> bool:
        return self._recent.count(key) >= _AFTER and len(self._known) < _MOST

    def _recorded(self, record: type[Rerun], function: Function, inputs: Sequence[Tensor]) -> Rerun:
        before = [one.clone() for one in self._changed]
        try:
            return record(function, inputs)
        finally:
            for one, value in zip(self._changed, before, strict=True):
                one.copy_(value)

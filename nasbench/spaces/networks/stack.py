"""Layers of several networks, with the tensors of all of them joined."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

Modules = Sequence[nn.Module]


class Stack(nn.Module):
    """The same layer of several networks, with their parameters and buffers concatenated."""

    def __init__(
        self, modules: Modules, memory: torch.memory_format = torch.contiguous_format
    ) -> None:
        """Concatenate every tensor of `modules` (of one type and shape) along dimension 0.

        `memory` is the memory format of tensors with four dimensions.
        """
        super().__init__()
        self.size = len(modules)
        for name, _ in modules[0].named_parameters(recurse=False):
            joined = torch.cat([getattr(module, name).detach() for module in modules])
            if joined.dim() == 4:
                joined = joined.contiguous(memory_format=memory)
            self.register_parameter(name, nn.Parameter(joined))
        for name, buffer in modules[0].named_buffers(recurse=False):
            if buffer.dim():  # not batch norm's step counter
                self.register_buffer(name, torch.cat([getattr(m, name) for m in modules]))

    def copy_to(self, module: nn.Module, position: int) -> None:
        """Copy the tensors of the network at `position` to `module`, a layer of one network."""
        for name, joined in (*self.named_parameters(), *self.named_buffers()):
            getattr(module, name).data.copy_(joined.detach().chunk(self.size)[position])


class Norm(Stack):
    """Batch norm of several networks: statistics are per channel, hence per network."""

    def __init__(self, modules: Sequence[nn.BatchNorm2d]) -> None:
        """Stack batch norms; the options are those of the first one."""
        super().__init__(modules)
        self.momentum, self.eps = modules[0].momentum or 0.0, modules[0].eps
        self.tracked = modules[0].track_running_stats

    def forward(self, x: Tensor) -> Tensor:
        """Tensor of shape (B, G*C, ...) -> the same.

        Batch statistics are used in training, and always if no running statistics are kept.
        """
        return torch.nn.functional.batch_norm(
            x,
            self._buffers.get("running_mean"),
            self._buffers.get("running_var"),
            self._parameters.get("weight"),
            self._parameters.get("bias"),
            self.training or not self.tracked,
            self.momentum,
            self.eps,
        )


class Linear(Stack):
    """The linear layers of several networks: (G, B, before) -> (G, B, after)."""

    def __init__(self, modules: Sequence[nn.Linear]) -> None:
        """Stack linear layers that have a bias."""
        super().__init__(modules)
        self.weight: nn.Parameter
        self.bias: nn.Parameter

    def forward(self, x: Tensor) -> Tensor:
        """Compute one matrix product per network."""
        weight = self.weight.view(self.size, -1, x.shape[-1])
        bias = self.bias.view(self.size, 1, -1)
        return torch.baddbmm(bias, x, weight.transpose(1, 2))

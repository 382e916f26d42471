"""Sending what the CPU has drawn to the device that computes."""

import torch
from torch import Tensor


def sent(values: Tensor, device: torch.device) -> Tensor:
    """Return a CPU tensor on a device; a GPU copies it while the CPU goes on."""
    if device.type != "cuda":
        return values.to(device)
    return values.pin_memory().to(device, non_blocking=True)

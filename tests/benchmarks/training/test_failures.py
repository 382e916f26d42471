"""Failures of a device: one line that says what to do."""

import pytest
import torch

from nasbench.benchmarks.training.failures import device_failures
from nasbench.errors import InvalidInput, NasbenchError

GIB = 2**30


@pytest.mark.parametrize(
    "error",
    [
        torch.OutOfMemoryError("CUDA out of memory"),
        RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried to allocate 9 bytes"),
        RuntimeError("CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling cublasCreate(handle)"),
        RuntimeError("cuDNN error: CUDNN_STATUS_ALLOC_FAILED"),
        torch.AcceleratorError("CUDA error: out of memory\nmore"),
        MemoryError(),
    ],
)
def test_out_of_memory_says_what_to_lower(error: Exception) -> None:
    message = r"^out of memory on cpu: lower --batch \(now 16\)$"
    with pytest.raises(InvalidInput, match=message), device_failures("cpu", "--batch (now 16)"):
        raise error


@pytest.mark.parametrize(
    ("free", "own", "said"),
    [
        (10 * GIB, 30 * GIB, ", or end other processes on it, which have 40 of 80 GiB"),
        (1 * GIB, 78 * GIB, ""),
    ],
)
def test_other_processes_on_the_gpu_are_named(
    free: int, own: int, said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(torch.cuda, "mem_get_info", lambda _: (free, 80 * GIB))
    monkeypatch.setattr(torch.cuda, "memory_reserved", lambda _: own)
    with pytest.raises(InvalidInput) as caught, device_failures("cuda:1", "batch"):
        raise torch.OutOfMemoryError("Tried to allocate 2 GiB")
    assert str(caught.value) == f"out of memory on cuda:1: lower batch{said}"


@pytest.mark.parametrize(
    "error",
    [
        torch.AcceleratorError("CUDA error: unspecified launch failure\nmore"),
        RuntimeError("CUDA error: unspecified launch failure\nmore"),  # as before torch 2.8
    ],
)
def test_a_lost_device_is_one_line(error: Exception) -> None:
    message = r"^cuda failed: CUDA error: unspecified launch failure; what was finished .*$"
    with pytest.raises(NasbenchError, match=message), device_failures("cuda", "batch"):
        raise error


@pytest.mark.parametrize(
    "reason",
    ["CUDA error: no kernel image is available for execution on the device",
     "CUDA error: device-side assert triggered"],
)  # fmt: skip
def test_what_comes_again_is_not_said_to_go_on(reason: str) -> None:
    with pytest.raises(NasbenchError) as caught, device_failures("cuda", "batch"):
        raise torch.AcceleratorError(f"{reason}\nmore")
    assert str(caught.value) == f"cuda failed: {reason}"


def test_other_errors_stay_what_they_are() -> None:
    with pytest.raises(RuntimeError, match=r"^another$"), device_failures("cpu", "batch"):
        raise RuntimeError("another")

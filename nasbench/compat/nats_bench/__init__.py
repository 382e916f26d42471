"""Stand-in for `nats_bench` 1.8: the topology space (NAS-Bench-201) and the size space."""

from typing import Any

from nasbench.compat.nats_bench.api_size import NATSsize
from nasbench.compat.nats_bench.api_topology import NATStopology
from nasbench.compat.nats_bench.api_utils import ArchResults, ResultsCount, pickle_load, pickle_save

__all__ = [
    "ArchResults",
    "NATSsize",
    "NATStopology",
    "ResultsCount",
    "create",
    "pickle_load",
    "pickle_save",
    "search_space_info",
    "version",
]
NATS_BENCH_API_VERSIONs = ["v1.8"]
NATS_BENCH_SSS_NAMEs = ("sss", "size")
NATS_BENCH_TSS_NAMEs = ("tss", "topology")


def version() -> str:
    """Return the version whose API this is."""
    return NATS_BENCH_API_VERSIONs[-1]


def create(
    file_path_or_dict: Any, search_space: str, fast_mode: bool = False, verbose: bool = True
) -> Any:
    """Return the API of a search space: `tss` or `topology`, `sss` or `size`.

    Raises `ValueError` for another name, and `DataError` if nothing is there that can answer.
    """
    if search_space in NATS_BENCH_TSS_NAMEs:
        return NATStopology(file_path_or_dict, fast_mode, verbose)
    if search_space in NATS_BENCH_SSS_NAMEs:
        return NATSsize(file_path_or_dict, fast_mode, verbose)
    raise ValueError(f"invalid search space : {search_space}")


def search_space_info(main_tag: str, aux_tag: str | None) -> dict[str, Any]:
    """Return what a search space consists of; `ValueError` for an unknown one."""
    topology = {
        "op_names": ["none", "skip_connect", "nor_conv_1x1", "nor_conv_3x3", "avg_pool_3x3"],
        "num_nodes": 4,
    }
    if main_tag == "nats-bench" and aux_tag in NATS_BENCH_SSS_NAMEs:
        return {"candidates": [8, 16, 24, 32, 40, 48, 56, 64], "num_layers": 5}
    if (main_tag == "nats-bench" and aux_tag in NATS_BENCH_TSS_NAMEs) or (
        main_tag == "nas-bench-201" and aux_tag is None
    ):
        return topology
    raise ValueError(f"Unknown tags: {main_tag}, {aux_tag}")

"""Stand-in for `nas_201_api` 2.1 (package `nas-bench-201`)."""

from nasbench.compat.nas_201_api.api_201 import NASBench201API
from nasbench.compat.nas_201_api.api_utils import ArchResults, ResultsCount

__all__ = ["ArchResults", "NASBench201API", "ResultsCount"]
NAS_BENCH_201_API_VERSION = "v2.0"

"""Stand-in for `nasbench.api` of Google's NAS-Bench-101 code, which has the same import name.

    from nasbench import api

    nasbench = api.NASBench("nasbench_only108.tfrecord")  # or api.NASBench(): an installed table
    nasbench.query(api.ModelSpec(matrix=..., ops=...))

See docs/compat.md.
"""

from nasbench.compat.nasbench101.bench import NASBench, OutOfDomainError
from nasbench.compat.nasbench101.spec import ModelSpec

__all__ = ["ModelSpec", "NASBench", "OutOfDomainError"]

"""Stand-in for `nasbench.lib.model_spec`."""

from nasbench.compat.nasbench101.graphs import is_upper_triangular
from nasbench.compat.nasbench101.spec import ModelSpec

__all__ = ["ModelSpec", "is_upper_triangular"]

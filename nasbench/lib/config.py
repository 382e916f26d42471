"""Stand-in for `nasbench.lib.config`."""

from nasbench.compat.nasbench101.bench import build_config

__all__ = ["build_config"]

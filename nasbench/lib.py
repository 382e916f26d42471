"""Placeholder for `nasbench.lib` of Google's NAS-Bench-101 code: see `nasbench.api`."""

from nasbench import api  # raises ImportError, which says what to do

__all__ = ["api"]

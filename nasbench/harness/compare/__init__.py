"""Compare stored runs: blocks of comparable rows, references, curves, tables and figures."""

from nasbench.harness.compare.build import compare
from nasbench.harness.compare.comparison import Block, Comparison

__all__ = ["Block", "Comparison", "compare"]

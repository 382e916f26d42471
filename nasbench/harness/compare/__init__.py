"""Compare stored runs: blocks of comparable rows, references, curves, tables and figures."""

from nasbench.harness.compare.comparison import Block, Comparison, compare

__all__ = ["Block", "Comparison", "compare"]

"""A comparison as one self-contained web page."""

from nasbench.harness.report.page import report

__all__ = ["report"]

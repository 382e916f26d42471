"""Run published tables again, and compare them with what was published."""

from nasbench.harness.reproduce.published_table import published_names
from nasbench.harness.reproduce.reproduction import Reproduction, reproductions
from nasbench.harness.reproduce.rerun import reproduce

__all__ = ["Reproduction", "published_names", "reproduce", "reproductions"]

"""Run published tables again, and compare them with what was published."""

from nasbench.harness.reproduce.recipe import recipe_names
from nasbench.harness.reproduce.reproduction import Reproduction, reproductions
from nasbench.harness.reproduce.rerun import reproduce

__all__ = ["Reproduction", "recipe_names", "reproduce", "reproductions"]

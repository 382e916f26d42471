"""Computes every number of a results folder again, and lists the errors that it finds."""

from nasbench.harness.audit.all_checks import audit
from nasbench.harness.audit.findings import Audit, Finding

__all__ = ["Audit", "Finding", "audit"]

"""Derive every number of a results folder again, and list what is not as it should be."""

from nasbench.harness.audit.all_checks import audit
from nasbench.harness.audit.findings import Audit, Finding

__all__ = ["Audit", "Finding", "audit"]

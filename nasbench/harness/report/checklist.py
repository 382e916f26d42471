"""The best practices of Lindauer & Hutter (JMLR 2020), answered from the stored runs."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

from nasbench.harness.compare.references import EXPECTED
from nasbench.harness.search.task import Kind

if TYPE_CHECKING:
    from nasbench.harness.audit import Audit
    from nasbench.harness.compare.comparison import Comparison


class Point(NamedTuple):
    """One practice in short, whether it was followed, and the evidence for that."""

    practice: str
    answer: str
    """`yes`, `no`, `partly`, or `you` where only the authors of a paper can know."""
    evidence: str


def checklist(comparison: "Comparison", audits: "Sequence[Audit]") -> list[Point]:
    """Return one answer per practice, for all blocks of a comparison together."""
    blocks = comparison.blocks
    contenders = [one for block in blocks for one in block.contenders]
    versions = {str(one.runs.provenance.get("commit")) for one in contenders}
    least = min(block.seeds for block in blocks)
    random = all(
        any(one.runs.family == "random" for one in block.contenders)
        or any(row.reference == EXPECTED for row in block.references)
        for block in blocks
    )
    mixed = any(len({one.experiment.task.budget for one in b.contenders}) > 1 for b in blocks)
    tabular = all(block.task.kind is Kind.TABLE for block in blocks)
    unmeasured = any(block.sets and not block.rows for block in blocks)
    tuned = [one.label for one in contenders if one.runs.tuning is not None]
    tables = {block.task.content[:8] for block in blocks}
    return [
        Point("Code of the search, hyperparameters and seeds are available", "yes",
               f"settings, seeds and command of every run are stored; commit {_few(versions)}"),
        Point("Code of the final training is available", "partly" if tabular else "yes",
               "final values are the table's, see `nasbench data info`" if tabular else
               "the answers are trained by this package"),
        Point("The same benchmark, splits, search space and final schedule for all methods",
               "yes", f"rows of a block share one task; tables {_few(tables)}"),
        Point("The same evaluation protocol and budget", "partly" if mixed else "yes",
               "one judge for all rows of a block, but their budgets differ" if mixed else
               f"{len(blocks)} blocks, never merged" if len(blocks) > 1 else "one block"),
        Point("Confounding factors controlled: hardware, versions, runtimes",
               "no" if _differs(audits) else "yes",
               _differs(audits) or "one code version and environment made all runs"),
        Point("Performance over time, not only at the end", "partly" if unmeasured else "yes",
               "sets without an exact front are shown at the end only" if unmeasured else
               "curves, and tables per part"),
        Point("Compared to random search", "yes" if random else "no",
               "a row of its own or its expectation in closed form" if random else "no such row"),
        Point("Several runs, with seeds stated", "yes" if least > 1 else "no",
               f"{least} runs a row or more"),
        Point("Uncertainty and significance reported",
               "no" if least == 1 else "partly" if unmeasured else "yes",
               "deviations over runs, of sets without an exact front no test" if unmeasured else
               "95 % bootstrap intervals; Mann-Whitney with Holm's correction"),
        Point("Tabular or surrogate benchmarks used for in-depth evaluation",
               "yes" if tabular else "partly",
               f"{_few({block.task.benchmark for block in blocks})}"),
        Point("How hyperparameters were tuned, and what that cost", "partly" if tuned else "you",
               f"recorded for {_few(set(tuned))}" if tuned else
               "no tuning is recorded: say how settings were chosen"),
        Point("Time of the entire search reported", "yes",
               "simulated, optimiser's and real seconds of every row"),
        Point("Ablation studies", "you", "rows that differ in one setting are told apart"),
        Point("All details of the experimental setup", "yes", "see provenance"),
    ]  # fmt: skip


def _differs(audits: "Sequence[Audit]") -> str:
    findings = [one for audit in audits for one in audit.findings]
    found = [one.what for one in findings if one.check in ("code", "environment")]
    return "; ".join(one for one in found if "differ" in one)


def _few(values: "Sequence[str] | set[str]") -> str:
    return ", ".join(sorted(values))

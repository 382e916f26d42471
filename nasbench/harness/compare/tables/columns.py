"""The columns of every table: all of them, those of its short form, and those that bold is in."""

from nasbench.harness.compare.convergence import PARTS
from nasbench.harness.search.task import Seconds

SECONDS = tuple(f"{kind} s" for kind in Seconds)
"""Seconds on a run's clock; each kind has a column of its own."""
COUNTS = ("evals", "shared epochs")
SPEARMAN = ("Spearman valid.", "Spearman test")
SCORES = ("scores", "score s", *SPEARMAN)
"""Columns of rows that ask for scores of zero-cost proxies."""
MODEL_COSTS = ("prompt tokens", "completion tokens", "model s")
"""What a language model was asked and took when it was recorded."""
INFEASIBLE = "infeasible (%)"
"""Evaluations of a row that do not meet the constraints."""
AT_PARTS = tuple(f"{100 * part:.0f} %" for part in PARTS)
_TO_TARGET = tuple(
    f"{statistic} {clock}" for clock in (*SECONDS, *COUNTS) for statistic in ("median", "expected")
)

OF_FRONT = ("found (%)", "IGD+", "epsilon")
"""How a final set's test values are to the exact front, beside their hypervolume."""

COLUMNS: dict[str, tuple[str, ...]] = {
    "results": (
        "strategy", "n", "failed", "signal", "validation", "test", "test median", "regret test",
        "regret valid.", *COUNTS,
    ),
    "cost": (
        "strategy", "family", "n", "failed", *COUNTS, "distinct", INFEASIBLE, "training epochs",
        *SECONDS,
        *SCORES, "optimiser s", "real s", *MODEL_COSTS, *(f"tuning {name}" for name in SECONDS),
        "test",
    ),
    "estimates": (
        "strategy", "n", "mean", "median", "IQM", "percentile", "better than the mean",
        "random evaluations",
    ),
    "course": ("strategy", "n", *AT_PARTS, "p", "mean regret", "reached", *_TO_TARGET),
    "ranks": (
        "strategy", "mean rank", "mean rank by space", "normalised regret", "IQM",
        "better than the first",
    ),
    "proxies": ("proxy", "used", "n", *SPEARMAN, "score s"),
    "picks": (
        "strategy", "n", "handed over", "validation", "test", "most often", "times",
    ),
    "sets": ("strategy", "n", "failed", "members", "dominated", *OF_FRONT, *COUNTS, *SECONDS),
}  # fmt: skip
"""All columns of a table. Of `sets` the best value of each objective comes before the costs, of
`picks` the bounded costs come after the test values."""

SHORT: dict[str, tuple[str, ...]] = {
    "results": ("strategy", "n", "failed", "test", "regret test"),
    "cost": ("strategy", "n", "failed", *COUNTS, *SECONDS, *SCORES[:2], "test"),
    "estimates": ("strategy", "n", "mean", "IQM", "percentile"),
    "course": ("strategy", "n", *AT_PARTS, "reached"),
    "ranks": ("strategy", "mean rank", "mean rank by space", "normalised regret"),
    "proxies": ("proxy", "n", *SPEARMAN),
}  # fmt: skip
"""The columns of a table's short form. Of `sets` they are all but the costs, `pairs` has none."""

BOLD_IN: dict[str, tuple[str, ...]] = {
    "results": ("test",), "cost": ("test",), "estimates": ("mean",), "course": AT_PARTS,
    "ranks": ("mean rank",),
}  # fmt: skip
"""Columns in which a cell may be bold."""

KINDS = ("results", "cost", "estimates", "course", "pairs", "proxies", "ranks", "sets", "picks")
"""All tables; `sets` and `picks` are of searches with several objectives only."""
TEXTS = {"strategy", "family", "proxy", "used", "most often"}
"""Columns of text; the others are numbers."""
BEST = "best "
"""What the name of a column of `sets` with an objective's values begins with."""

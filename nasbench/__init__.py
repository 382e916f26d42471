"""Compare neural-architecture-search strategies honestly.

    import nasbench

    nasbench.run("random-search,regularized-evolution", seeds=500)
    nasbench.compare("results/")

Each name is imported when it is first used, so importing the package itself is quick.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from nasbench.benchmarks.catalogue import load_table
    from nasbench.benchmarks.frames import table_from_frame
    from nasbench.benchmarks.protocols import Protocol
    from nasbench.benchmarks.sources.api import from_api
    from nasbench.benchmarks.tables.table import Table
    from nasbench.harness.audit import audit
    from nasbench.harness.compare import compare
    from nasbench.harness.compare.figures.options import FigureOptions
    from nasbench.harness.compare.tables.options import TableOptions
    from nasbench.harness.execution.run import run
    from nasbench.harness.report import report
    from nasbench.harness.reproduce import reproduce
    from nasbench.harness.results.load import load_results
    from nasbench.harness.search.study import Study
    from nasbench.problem import (
        WAIT,
        Answer,
        Evaluate,
        Fidelity,
        Metric,
        Problem,
        Score,
        Scores,
        Trial,
    )
    from nasbench.spaces import get_space, register_space
    from nasbench.spaces.base import EnumerableSpace, Space
    from nasbench.spaces.categorical import CategoricalSpace, Decision
    from nasbench.spaces.conditional import ConditionalSpace
    from nasbench.spaces.graph import GraphSpace
    from nasbench.spaces.pool import PoolSpace
    from nasbench.strategies.base import Parallelism, SearchStrategy, Tag
    from nasbench.strategies.registry import register

__version__: str

__all__ = [
    "WAIT",
    "Answer",
    "CategoricalSpace",
    "ConditionalSpace",
    "Decision",
    "EnumerableSpace",
    "Evaluate",
    "Fidelity",
    "FigureOptions",
    "GraphSpace",
    "Metric",
    "Parallelism",
    "PoolSpace",
    "Problem",
    "Protocol",
    "Score",
    "Scores",
    "SearchStrategy",
    "Space",
    "Study",
    "Table",
    "TableOptions",
    "Tag",
    "Trial",
    "__version__",
    "audit",
    "compare",
    "from_api",
    "get_space",
    "load_results",
    "load_table",
    "register",
    "register_space",
    "report",
    "reproduce",
    "run",
    "table_from_frame",
]

_HOMES = {
    "WAIT": "nasbench.problem",
    "Answer": "nasbench.problem",
    "CategoricalSpace": "nasbench.spaces.categorical",
    "ConditionalSpace": "nasbench.spaces.conditional",
    "Decision": "nasbench.spaces.categorical",
    "EnumerableSpace": "nasbench.spaces.base",
    "Evaluate": "nasbench.problem",
    "Fidelity": "nasbench.problem",
    "FigureOptions": "nasbench.harness.compare.figures.options",
    "GraphSpace": "nasbench.spaces.graph",
    "Metric": "nasbench.problem",
    "Parallelism": "nasbench.strategies.base",
    "PoolSpace": "nasbench.spaces.pool",
    "Protocol": "nasbench.benchmarks.protocols",
    "Problem": "nasbench.problem",
    "Score": "nasbench.problem",
    "Scores": "nasbench.problem",
    "SearchStrategy": "nasbench.strategies.base",
    "Space": "nasbench.spaces.base",
    "Study": "nasbench.harness.search.study",
    "Table": "nasbench.benchmarks.tables.table",
    "TableOptions": "nasbench.harness.compare.tables.options",
    "Tag": "nasbench.strategies.base",
    "Trial": "nasbench.problem",
    "audit": "nasbench.harness.audit",
    "compare": "nasbench.harness.compare",
    "from_api": "nasbench.benchmarks.sources.api",
    "get_space": "nasbench.spaces",
    "load_results": "nasbench.harness.results.load",
    "load_table": "nasbench.benchmarks.catalogue",
    "register": "nasbench.strategies.registry",
    "register_space": "nasbench.spaces",
    "report": "nasbench.harness.report",
    "reproduce": "nasbench.harness.reproduce",
    "run": "nasbench.harness.execution.run",
    "table_from_frame": "nasbench.benchmarks.frames",
}


def __getattr__(name: str) -> Any:
    if name == "__version__":
        return import_module("nasbench.provenance").own_version()
    if name not in _HOMES:
        raise AttributeError(f"module 'nasbench' has no attribute '{name}'")
    return getattr(import_module(_HOMES[name]), name)


def __dir__() -> list[str]:
    return sorted(__all__)

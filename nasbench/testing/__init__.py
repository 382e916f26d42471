"""Conformance suites: tests that anyone can run on their strategies, spaces, tables and benchmarks.

    from nasbench.testing import StrategyConformance

    class TestMine(StrategyConformance):
        strategy = "my_package.my_module:MyStrategy"

pytest collects the methods of such a class that begin with `test_`. `OneShotConformance`, for
strategies that share weights, needs torch.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from nasbench.testing.benchmarks import BenchmarkConformance
    from nasbench.testing.one_shot import OneShotConformance
    from nasbench.testing.spaces import SpaceConformance
    from nasbench.testing.strategies import StrategyConformance
    from nasbench.testing.tables import TableConformance

__all__ = [
    "BenchmarkConformance",
    "OneShotConformance",
    "SpaceConformance",
    "StrategyConformance",
    "TableConformance",
]

_HOMES = {
    "BenchmarkConformance": "benchmarks",
    "OneShotConformance": "one_shot",
    "SpaceConformance": "spaces",
    "StrategyConformance": "strategies",
    "TableConformance": "tables",
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'nasbench.testing' has no attribute '{name}'")
    return getattr(import_module(f"nasbench.testing.{_HOMES[name]}"), name)

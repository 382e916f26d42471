"""Is it all right? `pytest test_towers.py` tells, once the package is installed."""

import pytest
from nasbench_towers.table import PERPLEXITY, towers

from nasbench.benchmarks.base import Benchmark
from nasbench.benchmarks.tabular import Query, TabularBenchmark
from nasbench.testing import (
    BenchmarkConformance,
    SpaceConformance,
    StrategyConformance,
    TableConformance,
)

TABLE = towers()


class TestSpace(SpaceConformance):
    space = "towers"


class TestTable(TableConformance):
    table = TABLE


class TestStrategy(StrategyConformance):
    strategy = "promotion"


class TestBenchmark(BenchmarkConformance):
    @pytest.fixture(autouse=True, scope="class")
    def _once(self, request: pytest.FixtureRequest) -> None:
        signal = Query("towers", schedule=9, epochs=3)
        request.cls.made = TabularBenchmark(
            TABLE.search, TABLE.rows, TABLE.space, signal, (PERPLEXITY,)
        )

    def benchmark(self) -> Benchmark:
        return self.made

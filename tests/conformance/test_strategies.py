"""Every registered strategy passes the conformance suite."""

import pytest

from nasbench.conformance import StrategyConformance
from nasbench.strategies.registry import strategies


@pytest.fixture(params=sorted(strategies()), autouse=True)
def _strategy(request: pytest.FixtureRequest) -> None:
    request.cls.strategy = request.param


class TestEveryStrategy(StrategyConformance):
    pass

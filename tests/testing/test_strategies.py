"""Every registered strategy passes the conformance suite of its kind."""

import pytest

from nasbench.strategies.base import BEST, DERIVED
from nasbench.strategies.registry import strategies
from nasbench.testing.one_shot import OneShotConformance
from nasbench.testing.strategies import StrategyConformance


def _of(rule: str) -> list[str]:
    return sorted(name for name, found in strategies().items() if found.rule == rule)


@pytest.mark.parametrize("name", _of(BEST))
class TestEveryStrategy(StrategyConformance):
    @pytest.fixture(autouse=True)
    def _strategy(self, name: str) -> None:
        type(self).strategy = name


@pytest.mark.parametrize("name", _of(DERIVED))
class TestEveryOneShot(OneShotConformance):
    @pytest.fixture(autouse=True)
    def _strategy(self, name: str) -> None:
        type(self).strategy = name

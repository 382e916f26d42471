"""Every registered strategy passes the conformance suite of its kind."""

from collections.abc import Callable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from contextlib import contextmanager
from multiprocessing import get_context
from typing import Any

import pytest

from nasbench.benchmarks.training import shared
from nasbench.strategies.base import BEST, DERIVED, Tag
from nasbench.strategies.registry import strategies
from nasbench.testing import one_shot
from nasbench.testing import strategies as suite
from nasbench.testing.one_shot import OneShotConformance
from nasbench.testing.strategies import StrategyConformance

SMALLER = {"spos": {"population": 4, "generations": 2, "parents": 2}}
"""Settings of one-shot strategies that take long to derive a cell, beside the suite's own."""


def _of(rule: str) -> list[str]:
    """Return the strategies that run without a recorded file; those with one have own tests."""
    return sorted(
        name
        for name, found in strategies().items()
        if found.rule == rule and Tag.RECORDED not in found.tags
    )


@contextmanager
def smaller(name: str) -> Iterator[None]:
    """Let searches read few cells: where they derive one, and where they are watched."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(shared, "_SAMPLED_CELLS", 4)
        patch.setattr(one_shot, "SMALL", {**one_shot.SMALL, **SMALLER.get(name, {})})
        yield


class Elsewhere:
    """One further process for all strategies, started once: most of the time is its imports.

    Every strategy runs there once, as it would in a process of its own.
    """

    def __init__(self, pool: ProcessPoolExecutor) -> None:
        self._pool = pool

    def __call__(self, *_: object, **__: object) -> "Elsewhere":
        return self

    def __enter__(self) -> "Elsewhere":
        return self

    def __exit__(self, *_: object) -> None:
        """Leave it for the next."""

    def submit(self, work: Callable[..., Any], name: str, *arguments: object) -> "Future[Any]":
        return self._pool.submit(_smaller_too, work, name, *arguments)


def _smaller_too(work: Callable[..., Any], name: str, *arguments: object) -> Any:
    with smaller(name):
        return work(name, *arguments)


@pytest.fixture(scope="module")
def elsewhere() -> Iterator[Elsewhere]:
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
        yield Elsewhere(pool)


@pytest.fixture(autouse=True)
def _quick(elsewhere: Elsewhere, name: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    for module in (one_shot, suite):
        monkeypatch.setattr(module, "ProcessPoolExecutor", elsewhere)
    with smaller(name):
        yield


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

"""What all tests share."""

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest
from tables import synthetic_table

collect_ignore = ["plugin"]  # is installed first, by `test_plugin.py`
os.environ.setdefault("OMP_NUM_THREADS", "1")
for _signal, _handler in (  # a shell's background job ignores them, and so would the commands
    (signal.SIGINT, signal.default_int_handler),  # that tests start
    (signal.SIGQUIT, signal.default_int_handler),
    (signal.SIGHUP, signal.SIG_DFL),  # under nohup
):
    if signal.getsignal(_signal) is signal.SIG_IGN:
        signal.signal(_signal, _handler)
os.environ["RAY_USAGE_STATS_ENABLED"] = "0"


@pytest.fixture(scope="session")
def _synthetic_data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("data")
    synthetic_table().save(folder / "tables" / "nb201.safetensors")
    return folder


@pytest.fixture
def synthetic_nb201(_synthetic_data: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Install a synthetic table as `nb201`; its data folder."""
    monkeypatch.setenv("NASBENCH_DATA", str(_synthetic_data))
    return _synthetic_data


@pytest.fixture
def toy_images(synthetic_nb201: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Let `cifar10` be a few small patterns, beside the synthetic table; its data folder.

    They are known in this process alone: no run goes to a worker.
    """
    from nasbench.benchmarks.training import catalogue
    from nasbench.testing.one_shot import toy_data

    monkeypatch.setitem(catalogue._BY_NAME, "cifar10", lambda _: toy_data())
    monkeypatch.setattr(
        "nasbench.harness.search.defaults.images_at_hand", lambda _: synthetic_nb201
    )
    monkeypatch.setattr("nasbench.harness.execution.run.cores", lambda: 1)
    catalogue.shared_data.cache_clear()
    yield synthetic_nb201
    catalogue.shared_data.cache_clear()

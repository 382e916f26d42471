"""What all tests share."""

import os
import shutil
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest
from tables import synthetic_table, toy_cifar10

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
def synthetic_data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data folder with a synthetic table as `nb201`, which nothing is written to."""
    folder = tmp_path_factory.mktemp("data")
    synthetic_table().save(folder / "tables" / "nb201.safetensors")
    return folder


@pytest.fixture
def synthetic_nb201(synthetic_data: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Install a synthetic table as `nb201`; its data folder."""
    monkeypatch.setenv("NASBENCH_DATA", str(synthetic_data))
    return synthetic_data


@pytest.fixture
def results(stored: Path, synthetic_nb201: Path, tmp_path: Path) -> Path:
    """A copy of runs of the synthetic table, to be changed or damaged.

    The module's own fixture `stored` makes them once.
    """
    return Path(shutil.copytree(stored, tmp_path / "results"))


@pytest.fixture
def toy_images(synthetic_nb201: Path) -> Iterator[Path]:
    """Let `cifar10` be a few small patterns, beside the synthetic table; its data folder."""
    with toy_cifar10(synthetic_nb201):
        yield synthetic_nb201


@pytest.fixture
def no_pdfs() -> Iterator[None]:
    """Write comparisons without the PDFs of their figures."""
    from figures import png_alone

    with png_alone():
        yield

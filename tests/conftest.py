"""What all tests share."""

import os
from pathlib import Path

import pytest
from tables import synthetic_table

os.environ.setdefault("OMP_NUM_THREADS", "1")
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

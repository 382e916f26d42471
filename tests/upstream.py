"""Where tests find copies of the public files."""

import os
from pathlib import Path

import pytest

NATS_FOLDER = (
    "D-X-Y/NATS-Bench/1d4a304ad1906aa5866563438fcbf0d624b7eda2/"
    "fake_torch_dir/NATS-tss-v1_0-3ffb9-simple"
)
NATS_SIZE_FOLDER = NATS_FOLDER.replace("tss-v1_0-3ffb9", "sss-v1_0-50262")


def upstream() -> Path:
    """Return the folder of public files; skip the test, or fail it where they are required."""
    found = os.environ.get("NASBENCH_UPSTREAM")
    if found and Path(found).is_dir():
        return Path(found).resolve()
    reason = "needs the public files: set NASBENCH_UPSTREAM to a folder that holds them"
    if os.environ.get("NASBENCH_REQUIRE_UPSTREAM") == "1":
        pytest.fail(reason, pytrace=False)
    pytest.skip(reason)


def reference() -> Path:
    """Return the independently assembled numbers beside the public files; skip without."""
    path = upstream().parent / "nb201_reference.parquet"
    if not path.exists():
        if os.environ.get("NASBENCH_REQUIRE_UPSTREAM") == "1":
            pytest.fail(f"'{path}' is required", pytrace=False)
        pytest.skip(f"needs '{path.name}' beside the public files")
    return path

"""Google's NAS-Bench-101 code has the import name `nasbench`, too."""

import subprocess
import sys

import pytest

import nasbench


@pytest.mark.parametrize(
    "line",
    ["from nasbench import api", "import nasbench.api", "from nasbench.lib import model_spec"],
)
def test_scripts_written_for_it_are_told_which_package_this_is(line: str) -> None:
    words = [sys.executable, "-c", line]
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    last = done.stderr.strip().splitlines()[-1]
    assert last.startswith("ImportError: this is the package nasbench that compares search")
    assert "github.com/google-research/nasbench" in last


def test_the_package_itself_has_no_such_name() -> None:
    assert not hasattr(nasbench, "api")
    assert "api" not in dir(nasbench)

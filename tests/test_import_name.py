"""Google's NAS-Bench-101 code has the import name `nasbench`, too: its scripts run on ours."""

import subprocess
import sys

import pytest

import nasbench


@pytest.mark.parametrize(
    "line",
    [
        "from nasbench import api",
        "import nasbench.api",
        "from nasbench.lib import model_spec",
        "from nasbench.lib import graph_util",
        "from nasbench.lib import config",
    ],
)
def test_its_imports_give_the_stand_ins(line: str) -> None:
    code = f"{line}; import sys; print([m for m in ('torch', 'ray', 'pandas') if m in sys.modules])"
    words = [sys.executable, "-c", code]
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout.strip()) == (0, "[]")


def test_what_trains_with_tensorflow_is_not_there() -> None:
    words = [sys.executable, "-c", "from nasbench.lib import evaluate"]
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    assert "ImportError: cannot import name 'evaluate' from 'nasbench.lib'" in done.stderr


def test_the_package_itself_has_no_such_name() -> None:
    assert "api" not in dir(nasbench)

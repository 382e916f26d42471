"""Scripts run unchanged under `python -m nasbench.compat`."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from nasbench.benchmarks.catalogue import fetch_table
from tests.upstream import upstream

NAMES = """
import sys
from nats_bench import create
import nats_bench.api_utils
from nats_bench.api_topology import NATStopology
from nats_bench.genotype_utils import topology_str2structure
from nas_201_api import NASBench201API as API
from nas_201_api.api_utils import ArchResults
import nas_201_api.api_201
import helper
print(create.__module__, API.__module__, helper.HERE, sys.argv[1:], __name__)
"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    upstream()
    monkeypatch.setenv("NASBENCH_DATA", str(tmp_path / "data"))
    monkeypatch.delenv("NASBENCH_COMPAT", raising=False)
    scripts = tmp_path / "scripts"
    scripts.mkdir()
    (scripts / "helper.py").write_text("HERE = 'beside the script'")
    return scripts


def run(script: Path, text: str, *words: str) -> subprocess.CompletedProcess[str]:
    script.write_text(text)
    command = [sys.executable, "-m", "nasbench.compat", str(script), *words]
    here = os.environ | {"PYTHONPATH": str(Path(__file__).parents[2])}
    return subprocess.run(command, capture_output=True, text=True, check=False, env=here)


def test_imports_give_the_stand_ins(folder: Path) -> None:
    done = run(folder / "names.py", NAMES, "--seed", "3")
    assert done.stdout.split() == [
        "nasbench.compat.nats_bench", "nasbench.compat.nas_201_api.api_201",
        "beside", "the", "script", "['--seed',", "'3']", "__main__",
    ]  # fmt: skip
    assert done.returncode == 0


def test_processes_of_the_script_find_them_too(folder: Path) -> None:
    text = """
import multiprocessing, subprocess, sys
import nats_bench
def module(_):
    import nas_201_api
    return nas_201_api.__name__
if __name__ == "__main__":
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        print(pool.map(module, [0]))
    subprocess.run([sys.executable, "-c", "import nats_bench; print(nats_bench.__name__)"])
"""
    done = run(folder / "many.py", text)
    assert "nasbench.compat.nas_201_api" in done.stdout
    assert "nasbench.compat.nats_bench" in done.stdout


def test_a_search_script(folder: Path) -> None:
    """Random search as scripts of NATS-Bench have it, on the 4 MB table."""
    fetch_table("nb201")
    text = """
import random
from nats_bench import create
api = create(None, "tss", fast_mode=True, verbose=False)
random.seed(5)
best = (-1, None)
while api.used_time < 20000:
    arch = api.random()
    accuracy, _, _, total = api.simulate_train_eval(arch, "cifar10", hp="12")
    best = max(best, (accuracy, arch))
info = api.get_more_info(best[1], "cifar10", hp="200", is_random=False)
print(api.used_time, info["test-accuracy"])
"""
    done = run(folder / "search.py", text)
    used, test = map(float, done.stdout.split())
    assert 20_000 <= used < 20_300
    assert 92.5 < test <= 94.38
    assert "table 'nb201'" in done.stderr


def test_errors_are_one_line_and_the_scripts_own_are_its_own(folder: Path) -> None:
    missing = run(folder / "a.py", "import nats_bench\nnats_bench.create(None, 'tss')\n")
    assert missing.returncode == 2
    (line,) = missing.stderr.splitlines()
    assert line.startswith("nasbench: table 'nb201' is not installed: run `nasbench data fetch")
    assert line.endswith("a.py, line 2)")
    own = run(folder / "b.py", "def f():\n    return {}['x']\nf()\n")
    assert own.returncode == 1
    assert own.stderr.splitlines()[-1] == "KeyError: 'x'"
    assert "runpy" not in own.stderr
    assert "nasbench" not in own.stderr.replace(str(folder), "")
    left = run(folder / "c.py", "raise SystemExit(7)")
    assert (left.returncode, left.stderr) == (7, "")


def test_wrong_command_lines(folder: Path) -> None:
    for words in ([], ["-m"], [str(folder / "none.py")], ["-m", "no_such"], ["-m", "no_such.x"]):
        command = [sys.executable, "-m", "nasbench.compat", *words]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        assert done.returncode == 2
        assert len(done.stderr.splitlines()) == 1

"""A package of somebody else's is installed, and every command works on what it brings."""

import os
import re
import shutil
import subprocess
import sys
import sysconfig
import venv
from pathlib import Path

import pytest

PLUGIN = Path(__file__).parent / "plugin"
DOCS = Path(__file__).parents[1] / "docs"
RUN = (
    "nasbench", "run", "--strategy", "promotion,random-search,regularized-evolution", "--benchmark",
    "towers", "--seeds", "5", "--workers", "1",
)  # fmt: skip


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a fresh environment with the package in it; libraries are those of this one."""
    home = tmp_path_factory.mktemp("fresh")
    venv.create(home / "env", with_pip=False)
    python = home / "env" / "bin" / "python"
    where = "import sysconfig; print(sysconfig.get_paths()['purelib'])"
    site = subprocess.run([python, "-c", where], capture_output=True, text=True, check=True).stdout
    also = Path(sysconfig.get_paths()["purelib"])
    repository = Path(__file__).parents[1]
    add = f"import site; site.addsitedir({str(also)!r})\n{repository}\n"
    (Path(site.strip()) / "libraries.pth").write_text(add)
    shutil.copytree(PLUGIN, home / "source")  # building a package leaves files behind
    subprocess.run(
        [sys.executable, "-m", "pip", "--python", python, "install", "--quiet", "--no-deps",
         "--no-build-isolation", "--no-index", home / "source"],
        check=True,
    )  # fmt: skip
    return home


def ran(home: Path, *words: str) -> str:
    """Run a command of the fresh environment; what it printed."""
    python, (command, *options) = home / "env" / "bin" / "python", words
    environment = {**os.environ, "NASBENCH_DATA": str(home / "data"), "COLUMNS": "100"}
    done = subprocess.run(
        [python, "-m", command, *options], cwd=home, env=environment, capture_output=True,
        text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    return done.stdout + done.stderr


def test_every_command_works_on_what_the_package_brings(installed: Path) -> None:
    assert re.search(r"towers  333,330 architectures", ran(installed, "nasbench", "list", "spaces"))
    assert "promotion  [multi-fidelity]" in ran(installed, "nasbench", "list", "strategies")
    assert "nasbench data fetch towers" in ran(installed, "nasbench", "list", "benchmarks")
    assert "333,330 of 333,330" in ran(installed, "nasbench", "data", "fetch", "towers")
    assert "perplexity: less is better" in ran(installed, "nasbench", "data", "info", "towers")
    shown = ran(installed, "nasbench", "show", "333329", "--space", "towers")
    assert "head=attention,blocks=5,block 0=skip64" in shown
    assert "table towers, perplexity, (rank)" in shown
    assert "15 runs" in ran(installed, *RUN)
    compared = " ".join(ran(installed, "nasbench", "compare", "results").split())
    assert "signal: validation perplexity after 3 of 9 epochs; judged after 9 epochs" in compared
    assert "faults 0" in ran(installed, "nasbench", "audit", "results", "--replay", "1")
    ran(installed, "nasbench", "report", "results")
    page = (installed / "results" / "report.html").read_text(encoding="utf-8")
    assert "head=" in page


def test_its_own_tests_pass(installed: Path) -> None:
    """The conformance suites, on a space, a table, a benchmark and a strategy of others."""
    out = ran(installed, "pytest", "-q", "-p", "no:cacheprovider", "source/test_towers.py")
    assert re.search(r"\d+ passed", out)


@pytest.mark.parametrize(
    ("page", "file"),
    [("space", "space.py"), ("table", "table.py"), ("strategy", "strategy.py")],
)
def test_the_pages_show_its_files(page: str, file: str) -> None:
    """Each is at most 60 lines long, and stands in the documentation as it is."""
    text = (PLUGIN / "nasbench_towers" / file).read_text(encoding="utf-8")
    assert len(text.splitlines()) <= 60
    assert f"```python\n# nasbench_towers/{file}\n{text}```" in (DOCS / f"{page}.md").read_text(
        encoding="utf-8"
    )

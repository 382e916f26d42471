"""Ctrl-C, SIGTERM, runs that all fail, terminals of few characters: in a real process."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

pytestmark = pytest.mark.usefixtures("synthetic_nb201")

STRATEGIES = '''
"""Strategies of a user."""
import time
from pathlib import Path

from nasbench.problem import Evaluate
from nasbench.strategies.base import SearchStrategy


class Slow(SearchStrategy):
    """A tenth of a second per evaluation."""

    family = "test"
    reference = "none"

    def ask(self):
        Path("begun").touch()
        time.sleep(0.1)
        return Evaluate(self.space.sample(self.random))

    def tell(self, trial, answer):
        pass


class Fails(Slow):
    """Never finishes a run."""

    def ask(self):
        raise ZeroDivisionError("on purpose")
'''


def start(folder: Path, *words: str, **variables: str) -> "subprocess.Popen[str]":
    (folder / "mine.py").write_text(STRATEGIES)
    return subprocess.Popen(
        [sys.executable, "-m", "nasbench", *words],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(folder), **variables},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        encoding="utf-8",
    )


@pytest.mark.parametrize("workers", ["1", "2"])
@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_real_interruption_is_one_line(
    number: signal.Signals, code: int, workers: str, tmp_path: Path
) -> None:
    words = ["run", "-s", "mine:Slow", "--budget", "3evals", "--seeds", "200"]
    process = start(tmp_path, *words, "--workers", workers)
    deadline = time.monotonic() + 60
    while not list(tmp_path.glob("begun")) and time.monotonic() < deadline:
        time.sleep(0.05)
    process.send_signal(number)
    _, errors = process.communicate(timeout=60)
    ended = "nasbench: interrupted; what is finished is stored, the same command goes on\n"
    first = "note: interrupted: runs under way are finished and stored; again to stop at once\n"
    assert errors == (first + ended if number == signal.SIGINT else ended)
    assert process.returncode == code


def test_when_no_run_finished_it_says_so(tmp_path: Path) -> None:
    process = start(tmp_path, "run", "-s", "mine:Fails", "--seeds", "4")
    printed, errors = process.communicate(timeout=60)
    assert process.returncode == 1
    assert errors == (
        "nasbench: no run finished: all 4 failed; their errors are stored in results\n"
    )
    assert "ZeroDivisionError: on purpose" in printed
    assert "nasbench compare" not in printed


def test_a_terminal_of_few_characters_is_enough(tmp_path: Path) -> None:
    for words in ("run -s random-search --seeds 2", "show 5"):
        process = start(tmp_path, *words.split(), PYTHONIOENCODING="ascii")
        _, errors = process.communicate(timeout=60)
        assert (process.returncode, errors) == (0, "")

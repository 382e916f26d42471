"""A few kills of every command; `python -m tests.hostile.kills --kills 1000` is the long form."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

HERE = Path(__file__).parents[2]


def kills(number: int, kinds: str, seconds: int) -> str:
    path = os.pathsep.join(filter(None, [str(HERE), os.environ.get("PYTHONPATH")]))
    environment = {**os.environ, "PYTHONPATH": path}
    done = subprocess.run(
        [sys.executable, "-m", "tests.hostile.kills", "--kills", str(number), "--kinds", kinds],
        cwd=HERE, env=environment, capture_output=True, text=True, timeout=seconds, check=False,
    )  # fmt: skip
    assert (done.returncode, done.stderr) == (0, ""), done.stdout + done.stderr
    return done.stdout


def test_killed_commands_go_on_to_the_same_bits_and_leave_nothing() -> None:
    said = kills(6, "run,train,compare", 600)
    assert said.endswith("6 kills, 0 faults\n")
    gone_on = re.findall(r"(\d+) kills, (\d+) times gone on with", said)
    assert len(gone_on) == 3
    assert all(int(number) == 2 and int(times) >= 1 for number, times in gone_on)


@pytest.mark.slow
def test_a_hundred_kills_of_everything() -> None:
    assert ", 0 faults\n" in kills(100, "run,ray,train,tabulate,compare,report,fetch", 3600)

"""What is left of a private Ray instance ends with its driver."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from nasbench.harness.execution import watchdog


@pytest.mark.parametrize("goodbye", [b"", watchdog.GOODBYE])
def test_marked_processes_end_and_others_stay(tmp_path: Path, goodbye: bytes) -> None:
    """Whether the driver has said goodbye, or was killed and its end of the pipe closed."""
    (tmp_path / "instance" / "logs").mkdir(parents=True)
    marked = {**os.environ, watchdog.VARIABLE: f"test-{os.getpid()}-{len(goodbye)}"}
    sleep = [sys.executable, "-c", "import time; print(flush=True); time.sleep(60)"]
    log = str(tmp_path / "instance" / "logs" / "agent.out")
    writes = [*sleep[:2], f"file = open({log!r}, 'w'); {sleep[2]}"]
    theirs, other, unmarked = (
        subprocess.Popen(words, env=env, stdout=subprocess.PIPE)
        for words, env in ((sleep, marked), (sleep, os.environ), (writes, os.environ))
    )
    watching = subprocess.Popen(
        [sys.executable, "-S", watchdog.__file__, str(tmp_path / "instance")],
        env=marked, stdin=subprocess.PIPE,
    )  # fmt: skip
    for one in (theirs, other, unmarked):
        assert one.stdout is not None
        one.stdout.readline()  # it runs
    assert theirs.poll() is None
    watching.communicate(goodbye, timeout=30)
    assert theirs.wait(timeout=10) == unmarked.wait(timeout=10) == -9
    assert other.poll() is None
    assert not (tmp_path / "instance").exists()
    other.kill()

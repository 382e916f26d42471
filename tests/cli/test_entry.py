"""Streams closed, full or broken, signals, errors nobody expected: in real processes."""

import json
import os
import resource
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from nasbench.benchmarks.training.checkpoint import read_checkpoint, write_checkpoint
from nasbench.cli import entry
from nasbench.harness.audit import audit
from nasbench.harness.execution.run import run
from nasbench.harness.results.load import load_results

pytestmark = pytest.mark.usefixtures("synthetic_nb201")

RUN = ("run", "-s", "random-search", "--budget", "5evals", "--seeds", "3", "--out")
FAULTY = """
import sys
from nasbench.cli import entry

def app(words, standalone_mode):
    {body}

entry.run(lambda: app)
"""


def shell(line: str, folder: Path, **variables: str) -> "subprocess.CompletedProcess[str]":
    """Run a line of bash, in which `nasbench` is ours."""
    line = f'nasbench() {{ exec {sys.executable} -m nasbench "$@"; }}; {line}'
    return subprocess.run(
        ["bash", "-c", line], cwd=folder, env={**os.environ, **variables}, capture_output=True,
        text=True, timeout=120, check=False,
    )  # fmt: skip


def python(body: str, **variables: str) -> "subprocess.CompletedProcess[str]":
    """Run a command that does `body`, as the command line runs one."""
    return subprocess.run(
        [sys.executable, "-c", FAULTY.format(body=body)], env={**os.environ, **variables},
        capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip


@pytest.mark.parametrize(
    "streams", ["0<&-", "1>&-", "2>&-", "0<&- 1>&- 2>&-", "2>/dev/full", "2> >(true)"]
)
def test_no_stream_is_needed_to_store_runs(streams: str, tmp_path: Path) -> None:
    """And no file of ours gets the number of a closed one."""
    done = shell(f"(nasbench {' '.join(RUN)} results {streams})", tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    assert len(load_results(tmp_path / "results").runs) == 3


def test_an_output_that_cannot_be_written_is_a_line(tmp_path: Path) -> None:
    done = shell("(nasbench list spaces > /dev/full)", tmp_path)
    assert done.returncode == 2
    assert done.stderr.startswith("nasbench: ")
    assert done.stderr.endswith("No space left on device\n")
    assert done.stderr.count("\n") == 1


@pytest.mark.parametrize("words", ["list strategies", "list spaces", "", "show 5", "run --help"])
def test_a_reader_that_has_left_is_no_fault(words: str, tmp_path: Path) -> None:
    """128 + SIGPIPE, as of any program, and not the 1 of an audit that found faults."""
    # later than `true` has ended: what is written before had a reader
    done = shell(f"(sleep 2; nasbench {words}) | true; echo ${{PIPESTATUS[0]}}", tmp_path)
    assert (done.stdout, done.stderr) == ("141\n", "")


def test_figures_need_no_screen_whatever_is_set(tmp_path: Path) -> None:
    run("random-search", seeds=2, budget="5evals", out=tmp_path / "results", workers=1)
    done = shell("(nasbench compare results)", tmp_path, MPLBACKEND="nosuch")
    assert done.returncode == 0, done.stderr
    assert list((tmp_path / "results" / "comparison").rglob("*.png"))


def test_a_comparison_that_cannot_be_written_is_no_success(tmp_path: Path) -> None:
    """Where files may have 2 KB only; a disk that is full is the same to a program."""
    run("random-search", seeds=2, budget="5evals", out=tmp_path / "results", workers=1)
    done = subprocess.run(
        [sys.executable, "-m", "nasbench", "compare", "results"], cwd=tmp_path,
        capture_output=True, text=True, timeout=120, check=False,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (2048, 2048)),
    )  # fmt: skip
    assert done.returncode == 2
    assert "Random search" in done.stdout
    last = done.stderr.splitlines()[-1]
    assert last.startswith("nasbench: cannot write ")
    assert last.endswith("File too large: choose another folder")
    assert not list((tmp_path / "results").rglob("*.part"))


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ("raise ValueError('three\\nlines\\nhere')", "ValueError: three lines here"),
        ("def f(): f()\n    f()", "RecursionError: maximum recursion depth exceeded"),
        ("class Panic(BaseException): pass\n    raise Panic('native')", "Panic: native"),
        ("class Odd(Exception):\n        def __str__(self): 1 / 0\n    raise Odd", "Odd: no text"),
        ("raise ExceptionGroup('many', [KeyError(1)])", "ExceptionGroup: many"),
    ],
)
def test_an_error_nobody_expected_is_a_line(body: str, said: str) -> None:
    done = python(body)
    assert done.returncode == 2
    assert done.stderr.startswith(f"nasbench: a fault of nasbench ({said}")
    assert "please report it with what the same command prints after NASBENCH_TRACEBACK=1" in (
        done.stderr
    )
    assert done.stderr.count("\n") == 1
    shown = python(body, NASBENCH_TRACEBACK="1")
    assert shown.returncode == 2
    assert "Traceback (most recent call last)" in shown.stderr


@pytest.mark.parametrize(
    ("body", "code", "said"),
    [
        ("sys.exit(0)", 2, "ended the command with sys.exit(0): let it raise an exception"),
        ("raise MemoryError", 2, "nasbench: out of memory"),
        ("raise OSError(5, 'Input/output error', 'a')", 2, "nasbench: a: Input/output error"),
        ("raise BrokenPipeError(32, 'Broken pipe')", 2, "nasbench: system: Broken pipe"),
        ("raise KeyboardInterrupt", 130, "nasbench: interrupted"),
    ],
)
def test_other_ends_of_a_command(body: str, code: int, said: str) -> None:
    """A pipe that breaks elsewhere than at our output is no reader that left."""
    done = python(body)
    assert done.returncode == code
    assert said in done.stderr
    assert done.stderr.count("\n") == 1


def test_what_fails_beside_a_command_is_not_shown() -> None:
    body = """
    import threading
    class Dies:
        def __del__(self): raise ValueError
    threading.Thread(target=lambda: 1 / 0).start()
    del [Dies()][0]
    return 0"""
    assert (python(body).returncode, python(body).stderr) == (0, "")
    assert python(body, NASBENCH_TRACEBACK="1").stderr.count("Traceback") == 2


def test_an_interruption_inside_a_destructor_is_not_lost() -> None:
    """Python passes over what is raised there."""
    body = """
    import signal, time
    class Slow:
        def __del__(self): signal.raise_signal(signal.SIGTERM)
    del [Slow()][0]
    time.sleep(20)"""
    began = time.monotonic()
    done = python(body)
    assert time.monotonic() - began < 15
    assert (done.returncode, done.stderr.count("\n")) == (143, 1)


@pytest.mark.parametrize("name", ["SIGINT", *entry._ENDING])
def test_signals_end_a_command_in_order(name: str) -> None:
    """Each one's code is 128 and its number."""
    number = getattr(signal, name)
    body = f"""
    import signal, time
    try:
        signal.raise_signal({int(number)})
        time.sleep(20)
    finally:
        print("tidied up")"""
    done = python(body)
    assert done.returncode == 128 + number
    assert (done.stdout, done.stderr) == (
        "tidied up\n",
        "nasbench: interrupted; what is finished is stored, the same command goes on\n",
    )


def test_a_signal_that_is_ignored_stays_so() -> None:
    """`nohup` lets a command go on when its terminal is closed."""
    body = "import signal; signal.raise_signal(signal.SIGHUP); print('goes on')"
    done = subprocess.run(
        [sys.executable, "-c", FAULTY.format(body=body)], capture_output=True, text=True,
        preexec_fn=lambda: signal.signal(signal.SIGHUP, signal.SIG_IGN), timeout=60, check=False,
    )  # fmt: skip
    assert (done.returncode, done.stdout) == (0, "goes on\n")


def test_ctrl_c_while_modules_are_imported_is_a_line(tmp_path: Path) -> None:
    (tmp_path / "typer.py").write_text("import signal\nsignal.raise_signal(signal.SIGINT)\n")
    path = filter(None, [str(tmp_path), os.environ.get("PYTHONPATH")])
    done = subprocess.run(
        [sys.executable, "-m", "nasbench", "list", "spaces"], capture_output=True, text=True,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(path)},
        timeout=60, check=False,
    )  # fmt: skip
    assert (done.returncode, done.stderr.count("\n")) == (130, 1)


def test_completion_of_a_shell_still_works(tmp_path: Path) -> None:
    done = shell("(nasbench --show-completion bash)", tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    assert "complete" in done.stdout


def test_json_stays_json_where_stderr_is_closed(tmp_path: Path) -> None:
    """With stderr gone, `print` writes notes on stdout."""
    done = shell(f"(nasbench {' '.join(RUN)} results --json 2>&-)", tmp_path)
    assert json.loads(done.stdout)[0]["finished"] == 3


def test_folders_whose_names_are_not_utf_8(tmp_path: Path) -> None:
    """What can be written there can be read: Latin-1 names of older disks."""
    folder = tmp_path / os.fsdecode(b"r\xe9sultats")
    run("random-search", seeds=2, budget="5evals", out=folder, workers=1)
    run("random-search", seeds=3, budget="5evals", out=folder, workers=1)
    results = load_results(folder)
    assert len(results.runs) == 3
    assert not any(one.fault for one in audit(folder).findings)
    write_checkpoint(folder / "checkpoint.pt", {"epoch": 3})
    assert read_checkpoint(folder / "checkpoint.pt") == {"epoch": 3}

"""Runs one bad input through the command line, in a child, and says how that ended.

A case prepares a folder and gives command lines. They run in children forked after the imports,
through the same entry point as `nasbench` itself, or as processes of their own. Trouble is: a
traceback or a fault of nasbench, an exit code that is not 0, 1, 2 or 128 + n, a hang over 60
seconds, more than 6 GB of memory, a control character on the screen, a refusal that is not one
clear line. In forked children Ray is not started: what needs it says so in one line.
"""

import gc
import importlib
import os
import pkgutil
import re
import resource
import signal
import subprocess
import sys
import tempfile
import time
import traceback
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import NamedTuple

import nasbench

SECONDS, MEMORY = 60.0, 6 << 30
ALLOWED = {0, 1, 2, 130, 141, 143}
LONGEST_LINE = 1500
_BESIDE = ("note: ", "warning: ", "  ")
"""How lines begin that may stand above a refusal."""
_WARNING = re.compile(r"^\S+\.py:\d+: \w*Warning: ", re.MULTILINE)
"""What Python prints of a warning that nobody meant for a user."""
_LIBRARIES = (
    "pandas", "pyarrow.parquet", "scipy.stats", "bokeh.embed", "jinja2", "rich",
    "pydantic", "typer", "torch._dynamo", "PIL.Image", "matplotlib.pyplot", "sklearn.datasets",
)  # fmt: skip
_ROOMS = ("nasbench.benchmarks.", "nasbench.cli.", "nasbench.harness.", "nasbench.spaces.",
          "nasbench.strategies.")  # fmt: skip


def nothing(_: Path) -> None:
    """Prepare nothing."""


@dataclass(frozen=True)
class Case:
    """Bad input: what is laid into an empty folder, and the command lines run there."""

    name: str
    lines: tuple[tuple[str, ...], ...]
    prepare: Callable[[Path], None] = nothing
    environment: dict[str, str] = field(default_factory=dict)
    inside: Callable[[], None] | None = None
    """Called in the forked child before the command, to shorten waits for instance."""
    alone: bool = True
    """Whether it may be run as a process of its own, where `inside` is not called."""


class Outcome(NamedTuple):
    """What a command line came to; `trouble` is empty where all is well."""

    line: tuple[str, ...]
    code: int
    seconds: float
    memory: int
    trouble: str
    text: str


def run_case(case: Case, folder: Path, *, real: bool = False) -> list[Outcome]:
    """Prepare `folder` and run the case's lines there, one after the other.

    With `real` the last one is a process of its own.
    """
    case.prepare(folder)
    last = len(case.lines) - 1
    return [
        _run_line(case, line, folder, real=real and number == last)
        for number, line in enumerate(case.lines)
    ]


def in_child(work: Callable[[], object], seconds: float = SECONDS) -> Outcome:
    """Run a function in a forked child; its exit code is 0 unless it raises."""
    with tempfile.TemporaryDirectory() as name:
        return _forked(lambda: (work(), 0)[1], (), Path(name), {}, seconds)


def _run_line(case: Case, line: tuple[str, ...], folder: Path, *, real: bool) -> Outcome:
    environment = {
        "HOME": str(folder), "NASBENCH_DATA": str(folder / "data"), "OMP_NUM_THREADS": "1",
        "NASBENCH_UPSTREAM": str(folder / "upstream"), "COLUMNS": "100", "NASBENCH_TRACEBACK": "1",
        **case.environment,
    }  # fmt: skip
    if real:
        return _process(line, folder, environment)
    return _forked(lambda: _command(case, line), line, folder, environment, SECONDS)


def _command(case: Case, line: tuple[str, ...]) -> int:
    """Run the command line in this process, which is a child; return its exit code."""
    from nasbench.cli.app import main

    _without_ray()
    if case.inside is not None:
        case.inside()
    sys.argv = ["nasbench", *line]
    try:
        main()
    except SystemExit as end:
        return end.code if isinstance(end.code, int) else 0
    return 0


def _without_ray() -> None:
    from nasbench.errors import NasbenchError
    from nasbench.harness.execution import cluster, tune

    def none(*_: object, **__: object) -> object:
        raise NasbenchError("Ray is not started here: use --workers 1")

    tune.ray_instance = none  # type: ignore[assignment]
    cluster.RayExecutor.execute = none  # type: ignore[assignment,method-assign]


def _forked(
    work: Callable[[], int],
    line: tuple[str, ...],
    folder: Path,
    environment: dict[str, str],
    seconds: float,
) -> Outcome:
    out, err = folder / ".stdout", folder / ".stderr"
    sys.stdout.flush()
    sys.stderr.flush()
    child = os.fork()
    if not child:
        code = 70
        try:
            os.setsid()
            os.chdir(folder)
            os.environ.update(environment)
            resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
            for path, number in ((out, 1), (err, 2)):
                os.dup2(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), number)
            os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
            _reopen()
            code = work()
        except BaseException:
            traceback.print_exc()
        finally:
            with suppress(BaseException):
                sys.stdout.flush()
                sys.stderr.flush()
            os._exit(code & 0xFF)
    return _watched(child, line, out, err, seconds)


def _reopen() -> None:
    """Give Python its streams anew; the descriptors stay open whatever replaces the streams."""
    sys.stdin = open(0, encoding="utf-8", closefd=False)  # noqa: SIM115
    sys.stdout = open(1, "w", encoding="utf-8", closefd=False)  # noqa: SIM115
    sys.stderr = open(2, "w", encoding="utf-8", errors="replace", closefd=False)  # noqa: SIM115


def _process(line: tuple[str, ...], folder: Path, environment: dict[str, str]) -> Outcome:
    out, err = folder / ".stdout", folder / ".stderr"
    with out.open("wb") as stdout, err.open("wb") as stderr:
        process = subprocess.Popen(
            [sys.executable, "-m", "nasbench", *line], cwd=folder,
            env={**os.environ, **environment},
            stdin=subprocess.DEVNULL, stdout=stdout, stderr=stderr, start_new_session=True,
        )  # fmt: skip
    found = _watched(process.pid, line, out, err, SECONDS)
    process.returncode = found.code  # it has been waited for
    return found


def _watched(child: int, line: tuple[str, ...], out: Path, err: Path, seconds: float) -> Outcome:
    """Wait for a child, end it where it takes too long or too much, and judge what it said."""
    began, trouble, pause = time.monotonic(), "", 0.002
    while True:
        done, status, usage = os.wait4(child, os.WNOHANG)
        if done:
            break
        if time.monotonic() - began > seconds:
            trouble = f"hangs for {seconds:g} s"
        elif _resident(child) > MEMORY:
            trouble = f"more than {MEMORY >> 30} GB"
        if trouble:
            with suppress(ProcessLookupError):
                os.killpg(child, signal.SIGKILL)
        time.sleep(pause)
        pause = min(0.1, 1.3 * pause)
    code = os.waitstatus_to_exitcode(status)
    code = 128 - code if code < 0 else code
    text = _read(err) + _read(out)
    memory = usage.ru_maxrss * 1024
    trouble = trouble or _trouble(code, _read(err), text)
    return Outcome(line, code, time.monotonic() - began, memory, trouble, text)


def _read(path: Path) -> str:
    try:
        with path.open("rb") as file:
            return file.read(200_000).decode("utf-8", "backslashreplace")
    except FileNotFoundError:
        return ""


def _resident(child: int) -> int:
    try:
        pages = int(Path(f"/proc/{child}/statm").read_text().split()[1])
    except (OSError, IndexError, ValueError):
        return 0
    return pages * os.sysconf("SC_PAGE_SIZE")


def _trouble(code: int, err: str, text: str) -> str:
    """Return what is wrong about an end; empty where nothing is."""
    from nasbench.text import printable

    if printable(text, "\n\r\t") != text:
        return "control characters"
    if "Traceback (most recent call last)" in text or "a fault of nasbench" in text:
        return "traceback"
    if code not in ALLOWED:
        return f"exit code {code}"
    if _WARNING.search(err):
        return "a warning of Python's"
    if code == 2:
        *above, last = err.strip().splitlines() or [""]
        if not last.startswith("nasbench: "):
            return "no line that says why"
        if len(last) > LONGEST_LINE:
            return "an endless line"
        if not all(line.startswith(_BESIDE) for line in above):
            return "more than one line"
    return ""


@cache
def preload() -> None:
    """Import what commands import, so that a forked child starts at once."""
    own = [
        one.name
        for one in pkgutil.walk_packages(nasbench.__path__, "nasbench.")
        if one.ispkg or one.name.startswith(_ROOMS)
    ]
    for name in (*_LIBRARIES, *own):
        importlib.import_module(name)
    gc.freeze()  # children share these pages

"""Runs generated bad inputs through the command line and counts what must not happen.

    python -m tests.hostile.runner --inputs 10000 --seed 0

A case prepares a folder and gives command lines. They run in children forked after the imports,
through the same entry point as `nasbench` itself, a share of them as processes of their own. Found
are tracebacks, exit codes that are not 0, 1, 2 or 128 + n, hangs over 60 seconds, more than 6 GB of
memory, and refusals that are not one clear line. A case is repeated by `--only KIND:NUMBER` with
the same seed. Ray is not started: what needs it says so in one line.
"""

import argparse
import importlib
import os
import resource
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import traceback
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from functools import cache
from itertools import islice
from pathlib import Path
from random import Random
from typing import NamedTuple

SECONDS, MEMORY = 60.0, 6 << 30
ALLOWED = {0, 1, 2, 130, 141, 143}
LONGEST_LINE = 1500
KINDS = (
    "command_lines", "tables", "pickles", "servers", "results_folders", "checkpoints", "caches",
    "shards", "image_sets",
)  # fmt: skip
"""Modules `test_KIND` beside this one; those that are there have `cases`."""


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


class Outcome(NamedTuple):
    """What a command line came to; `trouble` is empty where all is well."""

    line: tuple[str, ...]
    code: int
    seconds: float
    memory: int
    trouble: str
    text: str


def run_case(case: Case, folder: Path, *, real: bool = False) -> list[Outcome]:
    """Prepare `folder` and run the case's lines there, one after the other."""
    case.prepare(folder)
    return [_run_line(case, line, folder, real=real) for line in case.lines]


def in_child(work: Callable[[], object], seconds: float = SECONDS) -> Outcome:
    """Run a function in a forked child; its exit code is 0 unless it raises."""
    with tempfile.TemporaryDirectory() as name:
        return _forked(lambda: (work(), 0)[1], (), Path(name), {}, seconds)


def _run_line(case: Case, line: tuple[str, ...], folder: Path, *, real: bool) -> Outcome:
    environment = {
        "HOME": str(folder), "NASBENCH_DATA": str(folder / "data"), "OMP_NUM_THREADS": "1",
        "NASBENCH_UPSTREAM": str(folder / "upstream"), "COLUMNS": "100", **case.environment,
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
    from nasbench.harness import cluster, tune

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
            sys.stdin = os.fdopen(0)
            sys.stdout = os.fdopen(1, "w", encoding="utf-8", errors="strict")
            sys.stderr = os.fdopen(2, "w", encoding="utf-8", errors="backslashreplace")
            code = work()
        except BaseException:
            traceback.print_exc()
        finally:
            with suppress(BaseException):
                sys.stdout.flush()
                sys.stderr.flush()
            os._exit(code & 0xFF)
    return _watched(child, line, out, err, seconds)


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
    if "Traceback (most recent call last)" in text:
        return "traceback"
    if code not in ALLOWED:
        return f"exit code {code}"
    if code == 2:
        last = (err.strip().splitlines() or [""])[-1]
        if not last.startswith("nasbench: "):
            return "no line that says why"
        if len(last) > LONGEST_LINE:
            return "an endless line"
    return ""


def kinds() -> dict[str, Callable[[Random], Iterator[Case]]]:
    """Return the generators there are, by kind."""
    found = {}
    for kind in KINDS:
        with suppress(ModuleNotFoundError):
            module = importlib.import_module(f"hostile.test_{kind}")
            if hasattr(module, "cases"):
                found[kind] = module.cases
    return found


@cache
def preload() -> None:
    """Import what commands import, so that a forked child starts at once."""
    for name in (
        "pandas", "pyarrow.parquet", "scipy.stats", "seaborn", "bokeh.embed", "jinja2", "rich",
        "pydantic", "typer", "nasbench.cli.app", "nasbench.cli.progress", "nasbench.harness.run",
        "nasbench.harness.tune", "nasbench.harness.compare", "nasbench.harness.compare.write",
        "nasbench.harness.audit", "nasbench.harness.report", "nasbench.harness.reproduce",
        "nasbench.harness.show", "nasbench.benchmarks.sources.official",
        "nasbench.benchmarks.training.train", "nasbench.benchmarks.training.catalogue",
        "nasbench.benchmarks.training.calibrate", "nasbench.benchmarks.training.latency",
        "nasbench.benchmarks.training.tabulate",
    ):  # fmt: skip
        importlib.import_module(name)


def many(
    inputs: int, seed: int, wanted: list[str], real: float, only: str = "", talk: bool = False
) -> int:
    """Run so many inputs, print what was found, return the number of troubles."""
    preload()
    codes: Counter[str] = Counter()
    troubles: Counter[str] = Counter()
    slowest, most, done = 0.0, 0, 0
    found = {kind: make for kind, make in kinds().items() if not wanted or kind in wanted}
    began = time.monotonic()
    for kind, make in found.items():
        share = max(1, inputs // len(found))
        choose = Random(f"{seed} {kind} real")
        for number, case in enumerate(islice(make(Random(f"{seed} {kind}")), share)):
            as_process = case.inside is None and choose.random() < real
            as_process &= not case.name.startswith("tune")  # a healthy one would start Ray
            if only and only != f"{kind}:{number}":
                continue
            folder = Path(tempfile.mkdtemp(prefix="nasbench-hostile-"))
            try:
                outcomes = run_case(case, folder, real=as_process)
            finally:
                shutil.rmtree(folder, ignore_errors=True)
            for one in outcomes:
                done += 1
                codes[f"{kind} {one.code}"] += 1
                slowest, most = max(slowest, one.seconds), max(most, one.memory)
                if one.trouble:
                    troubles[one.trouble] += 1
                    print(
                        f"\n{one.trouble}: --seed {seed} --inputs {inputs} --only {kind}:{number}"
                    )
                    print(f"  {case.name}: {one.line!r:.300}")
                    print("  " + "\n  ".join(one.text.strip().splitlines()[-4:])[:1500], flush=True)
                elif talk or only:
                    last = (one.text.strip().splitlines() or [""])[0 if one.code else -1]
                    print(f"{one.code} {one.seconds:.1f} s {one.line!r:.200}\n    {last:.300}")
    print(
        f"\n{done} inputs in {time.monotonic() - began:.0f} s, the slowest {slowest:.1f} s, "
        f"at most {most / 2**30:.2f} GB"
    )
    for name, count in sorted(codes.items()):
        print(f"  {name}: {count}")
    print(f"{troubles['traceback']} tracebacks; all troubles: {dict(troubles) or 'none'}")
    return sum(troubles.values())


def main() -> None:
    """Read the options."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--inputs", type=int, default=10_000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--kind", action="append", default=[], help=", ".join(KINDS))
    parser.add_argument("--real", type=float, default=0.1, help="share run as processes")
    parser.add_argument("--only", default="", help="KIND:NUMBER of one case")
    parser.add_argument("--talk", action="store_true", help="print every line and its answer")
    chosen = parser.parse_args()
    sys.path.insert(0, str(Path(__file__).parents[1]))
    sys.exit(
        min(1, many(chosen.inputs, chosen.seed, chosen.kind, chosen.real, chosen.only, chosen.talk))
    )


if __name__ == "__main__":
    main()

"""Commands killed at random moments: the same bits after they are run again, nothing left behind.

    python -m tests.hostile.kills --kills 1000 --seed 0 --folder /tmp/kills

prints counts for each kind of command and ends with 1 where something was wrong. Started again
with the same `--folder`, it goes on. `--kinds run,compare` chooses; kind `ray` takes long and is
left out by default, kind `fetch` needs the public files (`NASBENCH_UPSTREAM`).

Commands are forked from a process that has imported everything, through the entry point of the
command line: most of a second would be imports. A kill is SIGKILL to the command's own process at a
moment drawn uniformly from what the undisturbed command takes. Of four kills one, at random, is
followed by the next command, which must end well with all bits of the undisturbed one and leave
nothing beside them; after the others the same command is killed again.
"""

import argparse
import contextlib
import hashlib
import http.server
import json
import os
import random
import re
import shutil
import signal
import sys
import tempfile
import time
import traceback
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

TIMINGS = ("optimiser", "optimiser_seconds", "wall_seconds")
LIMIT = 300.0
"""Seconds after which a command counts as hanging."""
QUICK = ("run", "train", "tabulate", "compare", "report")


class Kind(NamedTuple):
    """A command that is killed, in a folder of its own below which `base` lies."""

    name: str
    words: str
    content: Callable[[Path], object]
    """What must be the same bits, of a folder in which the command has ended."""


def _digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()[:16]


def _runs(folder: Path) -> object:
    from nasbench.harness.results.load import load_results

    return {
        one.label: _digest(
            repr([one.table[c].to_pylist() for c in one.table.column_names if c not in TIMINGS])
            .encode()
        )
        for one in load_results(folder / "results").experiments
    }  # fmt: skip


def _training(folder: Path) -> object:
    result = json.loads((folder / "training" / "result.json").read_text())
    return {
        key: value for key, value in result.items() if key not in ("seconds", "machine", "seal")
    }


def _tabulation(folder: Path) -> object:
    import pyarrow as pa
    import pyarrow.parquet as pq

    shards = [pq.ParquetFile(one).read() for one in (folder / "table" / "shards").glob("*.parquet")]
    rows = pa.concat_tables(shards, promote_options="default").sort_by(
        [("seed", "ascending"), ("cell", "ascending")]
    )
    names = [name for name in rows.column_names if "seconds" not in name]
    assert (folder / "table" / "toy.safetensors").exists()
    return {name: _digest(repr(rows[name].to_pylist()).encode()) for name in names}


def _files(folder: Path) -> object:
    comparison = folder / "base" / "results" / "comparison"
    return {
        str(one.relative_to(comparison)): _digest(one.read_bytes())
        for one in sorted(comparison.rglob("*"))
        if one.is_file()
    }


def _page(folder: Path) -> object:
    page = (folder / "base" / "results" / "report.html").read_bytes()
    assert page.rstrip().endswith(b"</html>")
    return _digest(page)


def _table(folder: Path) -> object:
    from nasbench.benchmarks.tables.table import Table

    return Table.open(folder / "data" / "tables" / "nb201.safetensors").hash


_SEARCH = "run -s random-search,regularized-evolution --benchmark digits --out results"
KINDS = {
    kind.name: kind
    for kind in (
        Kind("run", f"{_SEARCH} --seeds 40 --workers 1", _runs),
        Kind("ray", f"{_SEARCH} --seeds 400 --workers 2", _runs),
        Kind(
            "train",
            "train 15624 --dataset npz:base/toy.npz --recipe digits-15 --epochs 12 --out training",
            _training,
        ),
        Kind(
            "tabulate",
            "tabulate --dataset npz:base/toy.npz --recipe digits-15 --cells 2 --seeds 2 --group 2 "
            "--costs 0 --workers 1 --name toy --out table",
            _tabulation,
        ),
        Kind("compare", "compare base/results", _files),
        Kind("report", "report base/results", _page),
        Kind("fetch", "data fetch nb201", _table),
    )
}


class Fault(Exception):
    """What must not be."""


class Ground:
    """A folder in which commands of one kind are run and killed."""

    def __init__(self, kind: Kind, folder: Path, base: Path, variables: Mapping[str, str]) -> None:
        self.kind, self.folder, self._base = kind, folder / kind.name, base
        self._last = -1
        self.temporary = Path(tempfile.mkdtemp(prefix="k", dir="/tmp"))  # short, for Ray's sockets
        self.variables = {
            **variables, "TMPDIR": str(self.temporary), "NASBENCH_DATA": str(self.folder / "data"),
        }  # fmt: skip

    def clear(self) -> None:
        """Begin again."""
        shutil.rmtree(self.folder, ignore_errors=True)
        shutil.copytree(self._base, self.folder / "base")

    def start(self) -> int:
        """Fork the command; its process."""
        pid = os.fork()
        if pid:
            self._last = pid
            return pid
        try:
            os.setsid()
            signal.signal(signal.SIGTERM, signal.SIG_DFL)
            self._run()
        finally:
            os._exit(99)

    def _run(self) -> None:
        log = os.open(self.folder / "log.txt", os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
        for number in (1, 2):
            os.dup2(log, number)
        sys.stdout = open(1, "w", closefd=False)  # noqa: SIM115
        sys.stderr = open(2, "w", closefd=False)  # noqa: SIM115
        os.chdir(self.folder)
        os.environ.update(self.variables)
        tempfile.tempdir = str(self.temporary)  # else Python tries it with a file of its own
        sys.argv = ["nasbench", *self.kind.words.split()]
        from nasbench.__main__ import main

        code = 99
        try:
            main()
        except SystemExit as ended:
            code = int(ended.code or 0)
            import atexit

            atexit._run_exitfuncs()
            sys.stdout.flush()
        except BaseException:
            traceback.print_exc()
        os._exit(code)

    def end(self) -> None:
        """Leave nothing behind ourselves."""
        for pid in self._processes(self._last):
            with contextlib.suppress(OSError):
                os.kill(pid, signal.SIGKILL)
        shutil.rmtree(self.temporary, ignore_errors=True)

    def finish(self, pid: int, seconds: float) -> int | None:
        """Wait for a command; its exit code (below 0 a signal), None where it still runs."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            done, status = os.waitpid(pid, os.WNOHANG)
            if done:
                return os.waitstatus_to_exitcode(status)
            time.sleep(0.002)
        return None

    def kill(self, pid: int) -> None:
        """End a command, and see that nothing of it goes on."""
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)
        self._await_end(pid)

    def _await_end(self, pid: int) -> None:
        deadline = time.monotonic() + 90
        while left := list(self._processes(pid)):
            if time.monotonic() > deadline:
                raise Fault(f"processes {left} outlive their command")
            time.sleep(0.02)

    def _processes(self, leader: int) -> Iterator[int]:
        """Yield what is in the session of a command, or was started with its temporary folder."""
        mark = f"TMPDIR={self.temporary}".encode()
        for entry in Path("/proc").glob("[0-9]*"):
            with contextlib.suppress(OSError, IndexError):
                session = int((entry / "stat").read_text().rpartition(")")[2].split()[3])
                if session == leader or mark in (entry / "environ").read_bytes().split(b"\0"):
                    yield int(entry.name)

    def whole(self) -> object:
        """Run the command to its end; what must be the same bits."""
        pid = self.start()
        code = self.finish(pid, LIMIT)
        said = (self.folder / "log.txt").read_text(errors="replace")
        if code is None:
            self.kill(pid)
            raise Fault(f"hangs for {LIMIT:.0f} s: {said[-300:]}")
        if code != 0:
            raise Fault(f"the next command ended with {code}: {said[-2000:]}")
        self._await_end(pid)
        left = [
            str(one)
            for one in self.temporary.iterdir()
            if not one.name.startswith("torchinductor_")  # torch's cache, made at its import
        ]
        left += [
            str(one) for one in self.folder.rglob("*")
            if one.name.startswith(".") or one.suffix in (".part", ".partial", ".draft")
        ]  # fmt: skip
        if left:
            raise Fault(f"left behind: {left}")
        return in_child(lambda: self.kind.content(self.folder))


def in_child(work: Callable[[], object]) -> object:
    """Return the JSON of what `work` returns, from a forked process.

    Libraries start threads when they read and write files. A process forked beside them can wait
    for ever, so the one that forks the commands must never start any.
    """
    reads, writes = os.pipe()
    pid = os.fork()
    if not pid:
        code = 1
        try:
            os.close(reads)
            with os.fdopen(writes, "w") as end:
                json.dump(work(), end)
            code = 0
        except BaseException:
            traceback.print_exc()
        finally:
            os._exit(code)
    os.close(writes)
    with os.fdopen(reads) as end:
        text = end.read()
    _, status = os.waitpid(pid, 0)
    if status:
        raise Fault(f"what the command has made cannot be read: {text}")
    return json.loads(text)


class State:
    """What has been done so far, in a file."""

    def __init__(self, path: Path) -> None:
        self._path = path
        stored = json.loads(path.read_text()) if path.exists() else {}
        self.kills, self.ends = Counter(stored.get("kills", {})), Counter(stored.get("ends", {}))
        self.faults: list[str] = stored.get("faults", [])

    def save(self) -> None:
        data = {"kills": self.kills, "ends": self.ends, "faults": self.faults}
        draft = self._path.with_suffix(".new")
        draft.write_text(json.dumps(data))
        draft.replace(self._path)


def kill_many(kind: Kind, kills: int, seed: int, folder: Path, base: Path, state: State,
              variables: Mapping[str, str]) -> None:  # fmt: skip
    """Kill a command so many times, and compare it with the undisturbed one in between."""
    ground = Ground(kind, folder, base, variables)
    try:
        ground.clear()
        began = time.monotonic()
        wanted = ground.whole()
        took = time.monotonic() - began
        ground.clear()
        tries = 0
        while (number := state.kills[kind.name]) < kills:
            tries += 1  # else one that is drawn too late would be drawn again for ever
            draw = random.Random(f"{seed} {kind.name} {number} {tries}")
            pid = ground.start()
            if ground.finish(pid, draw.uniform(0.0, took)) is None:
                ground.kill(pid)
                state.kills[kind.name] += 1
            else:
                ground.clear()  # it was quicker than the undisturbed one
            if draw.random() < 0.25 or state.kills[kind.name] == kills:
                _compare(ground, wanted, state)
            state.save()
    finally:
        ground.end()


def _compare(ground: Ground, wanted: object, state: State) -> None:
    try:
        if ground.whole() != wanted:
            raise Fault("other bits than the undisturbed one's")
        state.ends[ground.kind.name] += 1
    except (Fault, AssertionError, OSError) as error:
        name = ground.kind.name
        state.faults.append(f"{name}, after kill {state.kills[name]}: {error!r}")
        print(state.faults[-1], flush=True)
    ground.clear()


def make_base(folder: Path) -> Path:
    """Make what commands read: finished runs, and a small set of images."""
    base = folder / "base"
    if not base.exists():
        in_child(lambda: _make_base(base))
    return base


def _make_base(base: Path) -> None:
    import numpy as np

    from nasbench.harness.execution.run import run

    draft = base.with_name("base-new")
    shutil.rmtree(draft, ignore_errors=True)
    run("random-search,reinforce", seeds=4, benchmark="digits", out=draft / "results", workers=1)
    numbers = np.random.default_rng(0)
    labels = np.arange(60) % 3
    images = numbers.integers(0, 200, (60, 8, 8, 1)) + 20 * labels[:, None, None, None]
    np.savez(draft / "toy.npz", images=images.astype(np.uint8), labels=labels)
    draft.rename(base)


@contextlib.contextmanager
def public_files() -> Iterator[dict[str, str]]:
    """Serve the public files in a process of its own; the variables that point there."""
    origin = os.environ.get("NASBENCH_UPSTREAM")
    if not origin or not Path(origin).is_dir():
        yield {}
        return
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), _ranges(origin))
    pid = os.fork()
    if not pid:
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        server.serve_forever()
    server.server_close()
    try:
        yield {"NASBENCH_UPSTREAM": f"http://127.0.0.1:{server.server_port}"}
    finally:
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)


def _ranges(origin: str) -> type[http.server.BaseHTTPRequestHandler]:
    class Handler(http.server.SimpleHTTPRequestHandler):
        """Files, from a byte on where a range is asked for."""

        def __init__(self, *words: Any) -> None:
            super().__init__(*words, directory=origin)

        def log_message(self, *_: object) -> None:
            pass

        def do_GET(self) -> None:
            wanted = re.fullmatch(r"bytes=(\d+)-", self.headers.get("Range", ""))
            path = Path(self.translate_path(self.path))
            if wanted is None or not path.is_file() or int(wanted[1]) >= path.stat().st_size:
                super().do_GET()
                return
            first, size = int(wanted[1]), path.stat().st_size
            self.send_response(206)
            self.send_header("Content-Range", f"bytes {first}-{size - 1}/{size}")
            self.send_header("Content-Length", str(size - first))
            self.end_headers()
            self.wfile.write(path.read_bytes()[first:])

    return Handler


def _import_everything() -> None:
    """Import what commands use, once: forked processes have it."""
    import matplotlib as mpl

    mpl.use("agg")
    import bokeh.plotting  # noqa: F401
    import pandas  # noqa: F401
    import scipy.stats  # noqa: F401
    import torch

    import nasbench.cli.app  # noqa: F401
    from nasbench.benchmarks.training import train_one  # noqa: F401
    from nasbench.harness.compare import compare  # noqa: F401

    torch.set_num_threads(1)


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--kills", type=int, default=1000, help="over all kinds")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--folder", type=Path, default=None)
    parser.add_argument("--kinds", default=",".join([*QUICK, "fetch"]))
    options = parser.parse_args()
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # tidy up then, too
    folder = (options.folder or Path(tempfile.mkdtemp(prefix="kills-"))).resolve()
    folder.mkdir(parents=True, exist_ok=True)
    state = State(folder / "state.json")
    kinds = [KINDS[name] for name in options.kinds.split(",")]
    with public_files() as variables:
        if not variables:
            kinds = [kind for kind in kinds if kind.name != "fetch"]
        _import_everything()
        base = make_base(folder)
        for number, kind in enumerate(kinds):
            share = (options.kills + number) // len(kinds)
            kill_many(kind, share, options.seed, folder, base, state, variables)
            print(f"{kind.name}: {state.kills[kind.name]} kills, {state.ends[kind.name]} times "
                  "gone on with to the same bits", flush=True)  # fmt: skip
    print(f"{sum(state.kills.values())} kills, {len(state.faults)} faults")
    if options.folder is None:
        shutil.rmtree(folder, ignore_errors=True)
    return 1 if state.faults else 0


if __name__ == "__main__":
    sys.exit(main())

"""Runs on Ray: the same bits, nobody left behind, every failure one line."""

import errno
import importlib
import os
import signal
import socket
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from workers import all_gone, command, content, environment

from nasbench.errors import InvalidInput, NasbenchError, StoreError
from nasbench.harness.execution import cluster
from nasbench.harness.execution.run import run
from nasbench.harness.results.load import load_results

pytestmark = pytest.mark.usefixtures("synthetic_nb201")
BOTH = "random-search,regularized-evolution"


@pytest.fixture(autouse=True)
def _marked(monkeypatch: pytest.MonkeyPatch) -> None:
    """Mark whatever is started, to see that it ends."""
    monkeypatch.setenv("NASBENCH_MARK", str(os.getpid()))


def ended() -> bool:
    """Whether nothing but this process is left of what was marked."""
    return all_gone(f"NASBENCH_MARK={os.getpid()}")


def test_runs_on_ray_are_the_same_bits_and_leave_nothing(tmp_path: Path) -> None:
    before = dict(os.environ)
    run(BOTH, seeds=12, out=tmp_path / "here", workers=1)
    run(BOTH, seeds="3-5", out=tmp_path / "ray", workers=1)
    outcomes = run(BOTH, seeds=12, out=tmp_path / "ray", workers=2)
    assert [(one.finished, one.skipped) for one in outcomes] == [(9, 3)] * 2
    assert content(tmp_path / "ray") == content(tmp_path / "here")
    assert dict(os.environ) == before
    assert ended()


def test_a_run_that_kills_its_worker_is_recorded_and_the_others_go_on(tmp_path: Path) -> None:
    """The same cells as of a strategy that asks them and lives."""
    run("workers:Plain", seeds=10, budget="3evals", out=tmp_path / "plain", workers=1)
    (outcome,) = run("workers:Dies", seeds=10, budget="3evals", out=tmp_path / "dies", workers=2)
    (one,) = load_results(tmp_path / "dies").experiments
    assert 0 < len(outcome.failed) < 10
    assert set(outcome.failed.values()) == {
        "worker process died: killed, out of memory, or crashed in native code"
    }
    assert one.failed.sum() == len(outcome.failed)
    logs = one.table["log"].to_pylist()
    for seed, failed in zip(one.seeds, one.failed, strict=True):
        assert logs[seed].startswith("first cell ") != failed
    assert ended()


def start(folder: Path, *words: str, strategy: str = "workers:Slow") -> "subprocess.Popen[str]":
    """Start slow runs on two workers; return when the first are stored."""
    process = subprocess.Popen(
        command("--strategy", strategy, "--seeds", "20", "--workers", "2", *words,
                "--out", str(folder)),
        env=environment(), stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    until(lambda: bool(list(folder.rglob("runs-*.parquet"))))
    return process


def until(condition: Callable[[], bool], seconds: float = 120.0) -> bool:
    """Wait for a condition; whether it came."""
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.1)
    return True


@pytest.mark.parametrize(
    ("number", "code"), [(signal.SIGKILL, -9), (signal.SIGINT, 130), (signal.SIGTERM, 143)]
)
def test_an_end_midway_loses_little_and_leaves_nobody(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int, code: int
) -> None:
    process = start(tmp_path / "hurt", "--budget", "3evals")
    process.send_signal(number)
    _, errors = process.communicate(timeout=60)
    assert process.returncode == code
    assert "Traceback" not in errors
    stored = len(load_results(tmp_path / "hurt").runs)
    assert 0 < stored < 20
    assert ended()
    monkeypatch.setenv("SLOW", "0")  # the same runs, and nobody is waiting to kill them
    for folder in ("hurt", "whole"):
        run("workers:Slow", seeds=20, budget="3evals", out=tmp_path / folder, workers=1)
    assert content(tmp_path / "hurt") == content(tmp_path / "whole")


def test_the_first_ctrl_c_drains_and_the_second_stops(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of two runs under way one is let go and stored after the first; no other is begun.

    Where a run is must not hang on how busy the machine is: a command whose runs are done by the
    second Ctrl-C is at its end, where SIGINT has its default and the code is -2.
    """
    (flags := tmp_path / "flags").mkdir()
    monkeypatch.setenv("FLAGS", str(flags))
    results = tmp_path / "results"
    process = start(results, "--budget", "6evals", strategy="workers:Held")
    assert until((flags / "3").exists)  # 0 and 1 are stored, 2 and 3 have begun
    assert process.stderr is not None
    process.send_signal(signal.SIGINT)
    assert process.stderr.readline() == (
        "note: interrupted: runs under way are finished and stored; again to stop at once\n"
    )
    assert len(load_results(results).runs) == 2
    (flags / "2-go").touch()
    assert until(lambda: len(load_results(results).runs) == 3)
    time.sleep(2)  # a run that is begun now leaves its number
    assert {one.name for one in flags.iterdir()} == {"0", "1", "2", "3", "2-go"}
    assert process.poll() is None
    began = time.monotonic()
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=60)
    assert time.monotonic() - began < 5
    assert process.returncode == 130
    assert errors == (
        "nasbench: interrupted; what is finished is stored, the same command goes on\n"
    )
    assert len(load_results(results).runs) == 3
    assert ended()


@pytest.mark.parametrize(
    ("number", "reason"), [(errno.ENOSPC, "the disk is full"), (errno.EROFS, "no permission")]
)
def test_a_disk_that_fails_midway_is_one_line_and_keeps_what_is_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int, reason: str
) -> None:
    synchronise, written = os.fsync, list[str]()

    def fails_at_third(descriptor: int) -> None:
        name = str(Path(f"/proc/self/fd/{descriptor}").readlink())
        if "runs-" in name:
            if len(written) == 2:
                raise OSError(number, os.strerror(number))
            written.append(name)
        synchronise(descriptor)

    monkeypatch.setattr(os, "fsync", fails_at_third)
    with pytest.raises(StoreError, match=f"{reason}: .* choose another folder"):
        run("workers:Slow", seeds=8, budget="2evals", out=tmp_path, workers=2)
    files = list(tmp_path.rglob("runs-*.parquet"))
    assert len(files) == 2  # of one run or, on a busy machine, of two
    assert 2 <= len(load_results(tmp_path).runs) <= 4
    assert ended()


def test_a_worker_with_other_versions_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = {**cluster.identity(), "numpy": "1.0.0"}
    monkeypatch.setattr(cluster, "identity", lambda: other)
    reason = rf"worker on {socket.gethostname()} has numpy .* and the driver 1.0.0: install the"
    with pytest.raises(NasbenchError, match=reason):
        run("random-search", seeds=4, out=tmp_path, workers=2)


def test_more_than_a_node_has_is_refused_at_once(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match=r"takes 1 CPUs and 64 GPUs, and no node has as many"):
        run("random-search", seeds=4, out=tmp_path, workers=2, gpus_per_run=64)


def test_addresses_that_lead_nowhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.socket() as one:  # bound, and nobody listens
        one.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{one.getsockname()[1]}"
        for prefix in ("", "ray://"):
            with pytest.raises(InvalidInput, match=r"nobody answers there .*is the head started"):
                run("random-search", seeds=2, out=tmp_path, ray_address=f"{prefix}{address}")
    for text in ("here", "host:", ":80", "host:port", "host:99999"):
        with pytest.raises(InvalidInput, match="write auto, HOST:PORT or ray://HOST:PORT"):
            run("random-search", seeds=2, out=tmp_path, ray_address=text)
    with monkeypatch.context() as stale, socket.socket() as gone:
        gone.bind(("127.0.0.1", 0))
        stale.setenv("RAY_ADDRESS", f"127.0.0.1:{gone.getsockname()[1]}")
        with pytest.raises(InvalidInput, match=r"'auto': nobody answers at 127\.0\.0\.1:"):
            run("random-search", seeds=2, out=tmp_path, ray_address="auto")
    # none is running, or one that other tests have started, with another token
    with pytest.raises(InvalidInput, match="--ray-address 'auto': "):
        run("random-search", seeds=2, out=tmp_path, ray_address="auto")


def test_what_a_run_prints_is_kept_with_it(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run("workers:Plain", seeds=3, budget="2evals", out=tmp_path, workers=1)
    (one,) = load_results(tmp_path).experiments
    first = [int(cells[0]) for cells in (one.architectures.indices[i] for i in range(3))]
    assert one.table["log"].to_pylist() == [f"first cell {cell}\n" for cell in first]
    assert capsys.readouterr() == ("", "")


@pytest.mark.parametrize(("retries", "failures"), [(0, 4), (1, 0)])
def test_a_run_that_fails_is_made_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, retries: int, failures: int
) -> None:
    (tmp_path / "flags").mkdir()
    monkeypatch.setenv("FLAGS", str(tmp_path / "flags"))
    (outcome,) = run(
        "workers:FailsOnce", seeds=4, budget="2evals", out=tmp_path / "results", workers=1,
        retries=retries,
    )  # fmt: skip
    assert len(outcome.failed) == failures
    assert set(outcome.failed.values()) <= {"RuntimeError: device hiccup"}


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        ({"workers": "many"}, "workers cannot be 'many': it must be a number or auto"),
        ({"workers": 0}, "workers cannot be 0: it must be a whole number of 1 to"),
        ({"retries": -1}, "retries cannot be -1: it must be a whole number of 0 to 1000"),
        ({"gpus_per_run": 1.5}, "gpus_per_run cannot be 1.5: it must be a share"),
        ({"cpus_per_run": -1.0}, "cpus_per_run cannot be -1.0"),
    ],
)
def test_what_cannot_be_is_one_line(
    tmp_path: Path, options: dict[str, object], reason: str
) -> None:
    with pytest.raises(InvalidInput, match=reason):
        run("random-search", seeds=2, out=tmp_path, **options)


def test_an_instance_that_is_ending_is_not_waited_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Ray finds a head among the processes of the machine, and it no longer answers."""
    services = importlib.import_module("ray._private.services")
    with socket.socket() as ended, monkeypatch.context() as still:
        ended.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{ended.getsockname()[1]}"
        still.setattr(services, "_find_address_from_flag", lambda _: {address})
        began = time.monotonic()
        with pytest.raises(InvalidInput, match="'auto': who answers there is no Ray head"):
            run("random-search", seeds=2, out=tmp_path, ray_address="auto")
        assert time.monotonic() - began < 60
    services.find_gcs_addresses.cache_clear()

"""A real cluster of two nodes, and thirty kills: minutes, run with `-m slow`."""

import os
import signal
import subprocess
import threading
import time
from pathlib import Path

import numpy as np
import pytest
from workers import all_gone, command, content, environment, two_nodes

from nasbench.harness.execution.run import run
from nasbench.harness.results.load import load_results

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("synthetic_nb201")]
FOUR = "random-search,regularized-evolution,reinforce,reinforce-softmax"
KILLS = 30


@pytest.mark.parametrize("killed", [False, True])
def test_two_nodes_give_what_one_process_gives(tmp_path: Path, killed: bool) -> None:
    """Four strategies, 200 seeds; in the second turn a node is lost midway.

    The nodes know no table: it is sent along.
    """
    run(FOUR, seeds=200, out=tmp_path / "here", workers=1)
    with two_nodes() as nodes:
        words = ["--strategy", FOUR, "--seeds", "200", "--ray-address", nodes.address]
        process = subprocess.Popen(
            command(*words, "--out", str(tmp_path / "cluster")),
            env={**nodes.variables, "NASBENCH_DATA": os.environ["NASBENCH_DATA"]},
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
        )  # fmt: skip
        if killed:
            threading.Thread(
                target=_kill_midway, args=(nodes.second, tmp_path / "cluster"), daemon=True
            ).start()
        printed, _ = process.communicate(timeout=600)
    assert process.returncode == 0, printed
    assert content(tmp_path / "cluster") == content(tmp_path / "here")


def test_a_driver_off_the_cluster_and_one_with_a_wrong_token(tmp_path: Path) -> None:
    run("random-search", seeds=20, out=tmp_path / "here", workers=1)
    words = command("--strategy", "random-search", "--seeds", "20")
    with two_nodes() as nodes:
        right = {**nodes.variables, "NASBENCH_DATA": os.environ["NASBENCH_DATA"]}
        done = subprocess.run(
            [*words, "--out", str(tmp_path / "client"), "--ray-address", nodes.client],
            env=right, capture_output=True, text=True, timeout=300, check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        for address in (nodes.address, nodes.client):
            done = subprocess.run(
                [*words, "--out", str(tmp_path / "wrong"), "--ray-address", address],
                env={**right, "RAY_AUTH_TOKEN": "0" * 64},
                capture_output=True, text=True, timeout=300, check=False,
            )  # fmt: skip
            assert done.returncode == 2
            (line,) = done.stderr.splitlines()
            assert line.startswith(f"nasbench: --ray-address '{address}': ")
            assert "token" in line.lower()
    assert content(tmp_path / "client") == content(tmp_path / "here")
    assert not list((tmp_path / "wrong").rglob("runs-*.parquet"))


def test_runs_share_a_gpu(tmp_path: Path) -> None:
    """Ray takes a node's word that it has one, and counts fractions of it."""
    run("random-search", seeds=20, out=tmp_path / "here", workers=1)
    words = command("--strategy", "random-search", "--seeds", "20", "--workers", "4")
    with two_nodes("--num-gpus", "1") as nodes:
        each = {
            share: subprocess.run(
                [*words, "--ray-address", nodes.address, "--out", str(tmp_path / share),
                 "--cpus-per-run", "0.25", "--gpus-per-run", share],
                env={**nodes.variables, "NASBENCH_DATA": os.environ["NASBENCH_DATA"]},
                capture_output=True, text=True, timeout=300, check=False,
            )
            for share in ("0.25", "2")
        }  # fmt: skip
    assert each["0.25"].returncode == 0, each["0.25"].stderr
    assert content(tmp_path / "0.25") == content(tmp_path / "here")
    assert each["2"].returncode == 2
    assert "a run takes 0.25 CPUs and 2 GPUs, and no node has as many" in each["2"].stderr


def _kill_midway(node: object, results: Path) -> None:
    """Kill a node once a quarter of the runs is stored."""
    while sum(map(_runs_in, results.rglob("runs-*.parquet"))) < 200:
        time.sleep(0.05)
    node.kill()  # type: ignore[attr-defined]


def _runs_in(path: Path) -> int:
    first, last = map(int, path.stem.split("-")[1:3])
    return last - first + 1


@pytest.mark.parametrize("workers", [1, 2])
def test_thirty_kills_lose_nothing(tmp_path: Path, workers: int) -> None:
    """SIGKILL at random moments of one and the same experiment, each time gone on with."""
    mark = f"kills-{os.getpid()}-{workers}"
    words = command(
        "--strategy", "reinforce", "--seeds", "600", "--workers", str(workers),
        "--out", str(tmp_path / "hurt"),
    )  # fmt: skip
    moments = np.random.default_rng(workers).uniform(0.5, 6.0 + 8.0 * (workers > 1), KILLS)
    for moment in moments:
        process = subprocess.Popen(
            words, env=environment(NASBENCH_MARK=mark), stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE, text=True,
        )  # fmt: skip
        time.sleep(float(moment))
        process.send_signal(signal.SIGKILL)
        _, errors = process.communicate(timeout=60)
        assert "Traceback" not in errors
        assert all_gone(f"NASBENCH_MARK={mark}")
    done = subprocess.run(words, check=True, capture_output=True, text=True)
    assert "failed" not in done.stdout
    run("reinforce", seeds=600, out=tmp_path / "whole", workers=1)
    assert content(tmp_path / "hurt") == content(tmp_path / "whole")
    assert len(load_results(tmp_path / "hurt").runs) == 600


def test_a_run_that_takes_all_memory_is_recorded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Ray's memory monitor ends the worker; here at a threshold that 2 GB more pass."""
    meminfo = dict(
        line.split(":") for line in Path("/proc/meminfo").read_text().splitlines() if ":" in line
    )
    total, free = (int(meminfo[name].split()[0]) for name in ("MemTotal", "MemAvailable"))
    threshold = min(0.95, (total - free + 2e6) / total)
    monkeypatch.setenv("RAY_memory_usage_threshold", f"{threshold:.3f}")
    monkeypatch.setenv("RAY_memory_monitor_refresh_ms", "50")
    (outcome,) = run(
        "workers:Hungry,workers:Plain", seeds=2, budget="2evals", out=tmp_path, workers=2
    )[:1]
    assert len(outcome.failed) == 2
    assert all("out of memory" in reason for reason in outcome.failed.values())

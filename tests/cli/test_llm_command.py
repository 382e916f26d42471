"""`nasbench llm record`, as a user meets it."""

import json
import shlex
import subprocess
import sys
from pathlib import Path

import pytest
from llm_server import FakeServer


def nasbench(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "nasbench", *arguments], capture_output=True, text=True, check=False
    )


def record(address: str, path: Path, *more: str) -> subprocess.CompletedProcess[str]:
    basics = ("--endpoint", address, "--model", "fake", "--benchmark", "digits")
    return nasbench(
        "llm", "record", *basics, "--budget", "6evals", "--transcript", str(path), *more
    )


def test_the_printed_command_replays_the_recording(tmp_path: Path) -> None:
    """With several workers, another objective, a setting, and a file with a space in its name."""
    path, out = tmp_path / "a b.jsonl", tmp_path / "results"
    more = ("--seeds", "2", "--objective", "loss", "--simulated-workers", "3", "--set",
            "llm-replay.shown=2", "--experiment-seed", "5")  # fmt: skip
    with FakeServer() as server:
        made = record(server.address, path, *more)
        asked = len(server.asked)
    assert made.returncode == 0, made.stderr
    (line,) = [one for one in made.stdout.splitlines() if one.startswith("Now: ")]
    words = shlex.split(line)[2:]
    done = nasbench(*words, "--out", str(out), "--workers", "1", "--quiet")
    assert done.returncode == 0, done.stderr
    audited = nasbench("audit", str(out), "--replay", "2")
    assert "2 runs replayed" in audited.stdout
    assert "faults 0" in audited.stdout
    lines = [json.loads(one) for one in path.read_text(encoding="utf-8").splitlines()]
    assert sum("answer" in one for one in lines) == asked


def test_the_printed_command_names_what_was_left_to_the_defaults(tmp_path: Path) -> None:
    path = tmp_path / "t.jsonl"
    with FakeServer() as server:
        made = nasbench("llm", "record", "--endpoint", server.address, "--model", "fake",
                        "--transcript", str(path), "--benchmark", "digits", "--patience", "2",
                        "--retries", "0")  # fmt: skip
    assert made.returncode == 0, made.stderr
    (line,) = [one for one in made.stdout.splitlines() if one.startswith("Now: ")]
    words = shlex.split(line)
    assert words[words.index("--benchmark") + 1] == "digits"
    assert words[words.index("--budget") + 1] == "310s"
    done = nasbench(*words[2:], "--out", str(tmp_path / "results"), "--workers", "1", "--quiet")
    assert done.returncode == 0, done.stderr


def test_nothing_is_called_without_an_endpoint(tmp_path: Path) -> None:
    made = nasbench("llm", "record", "--model", "m", "--transcript", str(tmp_path / "t"))
    assert made.returncode == 2
    assert "--endpoint" in made.stderr
    assert not (tmp_path / "t").exists()


@pytest.mark.parametrize(
    ("address", "more", "said"),
    [
        ("http://127.0.0.1:9/v1", ("--retries", "0"), "refused"),
        ("127.0.0.1:9", (), "write http://HOST:PORT/v1"),
        ("http://127.0.0.1:9/v1", ("--set", "random-search.x=1"), "only settings of llm-replay"),
        ("http://127.0.0.1:9/v1", ("--api-key-variable", "NO_SUCH_KEY"), "is not set"),
        ("http://127.0.0.1:9/v1", ("--seeds", "x"), "seeds"),
    ],
)
def test_faults_are_one_line(
    tmp_path: Path, address: str, more: tuple[str, ...], said: str
) -> None:
    made = record(address, tmp_path / "t.jsonl", *more)
    assert made.returncode == 2
    assert said in made.stderr
    assert len(made.stderr.strip().splitlines()) == 1

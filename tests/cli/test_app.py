"""The command line as a whole: what is said, where, and with which exit code."""

import json
import sys
from pathlib import Path

import pytest

from nasbench.cli import app as command_line
from nasbench.cli.app import main

pytestmark = pytest.mark.usefixtures("synthetic_nb201")


def call(*words: str, monkeypatch: pytest.MonkeyPatch) -> int:
    monkeypatch.setattr(sys, "argv", ["nasbench", *words])
    with pytest.raises(SystemExit) as ended:
        main()
    return int(ended.value.code or 0)


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ("", "Compare neural-architecture-search strategies honestly."),
        ("list", "strategies"),
        ("list strategies", "regularized-evolution.population=10"),
        ("list strategies", "Optimization 2019; asynchronous; exactly 2 objectives\n    ehvi."),
        ("list strategies", "asynchronous; at most 3 objectives\n    sms-emoa."),
        ("list spaces", "nb201  15,625 architectures"),
        ("list benchmarks", "nb201  synthetic: 15,625 architectures"),
        ("list protocols", "nats-bench  Dong et al., NATS-Bench"),
    ],
)
def test_what_there_is(
    words: str,
    expected: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert call(*words.split(), monkeypatch=monkeypatch) == 0
    assert expected in capsys.readouterr().out


@pytest.mark.parametrize(
    ("words", "line"),
    [
        ("rnu", "No such command 'rnu'"),
        ("run", "no strategy is given: add --strategy"),
        ("run -s random-serach", "did you mean 'random-search'?"),
        ("run -s random-search --seeds", "'--seeds' requires an argument"),
        ("run -s random-search --workers two", "workers cannot be 'two': it must be a number"),
        ("run -s random-search --budget 5x", "cannot read '5x'"),
        ("run -s random-search --seeds 9-1", "runs backwards; write 1-9"),
        ("run -s random-search --dataset cifar1O", "did you mean 'cifar10'?"),
        ("run -s random-search --benchmark nb2O1", "'nb2O1' is no table name"),
        ("run -s random-search --benchmark nb301", "'nb301' is not installed"),
        ("run -s random-search --set population=3", "write strategy.setting=value"),
        ("run -s random-search --set random-search.x=3", "valid are replacement"),
        ("run -s random-search --config none.toml", "'none.toml': No such file"),
        ("compare none", "results folder 'none' does not exist"),
        ("list results none", "results folder 'none' does not exist"),
        ("show |none~0|-", "character 9 is '-', expected '+'"),
        ("show 15625", "use 0 to 15624"),
        pytest.param(f"show {'9' * 5000}", "use 0 to 15624", id="show 5,000 digits"),
        pytest.param(
            f"run -s random-search --seeds {'9' * 5000}",
            "the number of seeds cannot be '999",
            id="seeds of 5,000 digits",
        ),
        pytest.param(
            f"run -s random-search --budget {'9' * 5000}s",
            "so many seconds",
            id="a budget of 5,000 digits",
        ),
        ("run -s random-search --benchmark=", "option '--benchmark' is given with nothing in it"),
        ("run -s random-search --dataset=,", "option '--dataset' is given with nothing in it"),
        ("run -s random-search --recipe nope", "no strategy that is run has recipes"),
        (
            "run -s darts --recipe nope --budget 1epochs --benchmark digits",
            "recipe 'nope' is unknown to 'darts'",
        ),
        ("compare --target inf", "target cannot be 'inf'"),
        (
            "tune -s reinforce --space hidden=3..4 --tuning-seeds 5 --experiment-seed -1",
            "experiment seed cannot be -1",
        ),
        ("train 3 --device privateuseone", "device 'privateuseone' is unknown"),
        ("train 3 --device cpu:0", "device 'cpu:0' is unknown"),
        (
            "run -s random-search --name=",
            "option '--name' is given with nothing in it: give a value or leave it out",
        ),
    ],
)
def test_bad_input_is_one_line_and_exit_code_2(
    words: str,
    line: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    assert call(*words.split(), monkeypatch=monkeypatch) == 2
    printed = capsys.readouterr()
    assert line in printed.err
    assert printed.err.startswith("nasbench: ")
    assert printed.err.count("\n") == 1
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("error", "code", "line"),
    [
        (MemoryError(), 2, "out of memory: use fewer --workers"),
        (OSError(5, "Input/output error", "/dev/sda"), 2, "/dev/sda: Input/output error"),
    ],
)
def test_what_the_machine_refuses_is_one_line(
    error: BaseException,
    code: int,
    line: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise error

    monkeypatch.setattr(command_line, "app", fail)
    assert call("run", monkeypatch=monkeypatch) == code
    assert line in capsys.readouterr().err


@pytest.mark.parametrize(
    "text",
    ["seeds = " + "9" * 5000, "seeds = " + "[" * 50_000, "seeds = true", "seeds ="],
    ids=["5,000 digits", "50,000 brackets", "a wrong type", "no value"],
)
def test_a_wrong_experiment_file_is_one_line(
    text: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "mine.toml").write_text(text)
    assert call("run", "--config", "mine.toml", monkeypatch=monkeypatch) == 2
    assert capsys.readouterr().err.count("\n") == 1


def test_a_data_folder_of_nobody_is_one_line(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("NASBENCH_DATA", "~nosuch/x")
    assert call("run", "-s", "random-search", monkeypatch=monkeypatch) == 2
    assert "NASBENCH_DATA='~nosuch/x': there is no such user's folder" in capsys.readouterr().err


def test_a_whole_session(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Run twice, list, compare: what a new user types first."""
    monkeypatch.chdir(tmp_path)
    config = tmp_path / "mine.toml"
    config.write_text('budget = "20evals"\n[strategies.regularized-evolution]\npopulation = 4\n')
    run = ["run", "--config", "mine.toml", "--seeds", "3", "--json"]
    assert call(*run, monkeypatch=monkeypatch) == 0
    first = json.loads(capsys.readouterr().out)
    assert first[0]["finished"] == 3
    assert first[0]["experiment"]["settings"]["population"] == 4
    assert call(*run, "--set", "regularized-evolution.sample=2", monkeypatch=monkeypatch) == 0
    other = json.loads(capsys.readouterr().out)
    assert other[0]["experiment"]["settings"] == {
        "population": 4, "sample": 2, "mutation": "edge",
    }  # fmt: skip
    assert call("run", "--config", "mine.toml", "--seeds", "5", monkeypatch=monkeypatch) == 0
    assert "2 runs, 3 already there" in capsys.readouterr().out
    assert call("list", "results", monkeypatch=monkeypatch) == 0
    assert "8 runs" in capsys.readouterr().out
    assert call("compare", "results", "--format", "json", monkeypatch=monkeypatch) == 0
    rows = json.loads(capsys.readouterr().out)["rows"]
    assert {row["n"] for row in rows} == {3}
    assert {row["settings"]["sample"] for row in rows} == {2, 3}

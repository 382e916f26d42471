"""Completion as a shell asks for it: by variables, in a process of its own."""

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from nasbench.benchmarks.catalogue import TABLE_SOURCES, load_table
from nasbench.benchmarks.images import fetchable
from nasbench.benchmarks.places import glances
from nasbench.benchmarks.protocols import OWN, protocols, searched_in
from nasbench.benchmarks.training.catalogue import dataset_names
from nasbench.benchmarks.training.proxies.catalogue import OF_NETWORKS, SIZES
from nasbench.benchmarks.training.recipes import RECIPES
from nasbench.cli import completion, export
from nasbench.cli.app import main
from nasbench.harness.results.export import PARTS
from nasbench.strategies.registry import strategies

HEAVY = ("torch", "ray", "numpy", "pyarrow", "pandas", "matplotlib")
PROCESS = f"""
import sys
sys.argv = ["nasbench"]
from nasbench.__main__ import main
try:
    main()
finally:
    print("heavy:", [name for name in {HEAVY} if name in sys.modules])
"""

pytestmark = pytest.mark.usefixtures("synthetic_nb201")


Complete = Callable[[str], list[str]]


@pytest.fixture
def complete(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Complete:
    """What bash is offered for the last word of a line."""

    def offered(line: str) -> list[str]:
        monkeypatch.setattr(sys, "argv", ["nasbench"])
        for name, value in asked(line).items():
            monkeypatch.setenv(name, value)
        with pytest.raises(SystemExit):
            main()
        printed = capsys.readouterr()
        assert printed.err == ""
        return printed.out.split()

    return offered


def asked(line: str) -> dict[str, str]:
    """The variables by which bash asks to complete the last word of a line."""
    last = str(len(line.split(" ")) - 1)
    return {"_NASBENCH_COMPLETE": "complete_bash", "COMP_WORDS": line, "COMP_CWORD": last}


def in_a_process(**variables: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", PROCESS], env={**os.environ, **variables},
        capture_output=True, text=True, check=False,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("line", "offered"),
    [
        ("nasbench run -s darts --set darts.ep", "darts.epochs=25"),
        ("nasbench run --benchmark digits --dataset ", "digits"),
        ("nasbench run --protocol ow", "own"),
        ("nasbench data fetch nb201-", "nb201-hw"),
    ],
)
def test_nothing_heavy_is_imported(line: str, offered: str) -> None:
    done = in_a_process(**asked(line))
    assert done.stdout.split("\n") == [offered, "heavy: []", ""]
    assert done.stderr == ""
    assert done.returncode == 0


@pytest.mark.parametrize(
    ("line", "offered"),
    [
        ("nasbench ru", ["run"]),
        ("nasbench results me", ["merge"]),
        ("nasbench run -s reg", ["regularized-evolution"]),
        ("nasbench run -s random-search,reg", ["random-search,regularized-evolution"]),
        ("nasbench run -s reinforce,rein", ["reinforce,reinforce-softmax"]),
        ("nasbench run -s darts --set darts.ep", ["darts.epochs=25"]),
        ("nasbench run -s darts --set fbnet.ep", []),
        ("nasbench run --set random-search.", ["random-search.replacement=True"]),
        ("nasbench run --benchmark ", ["all", "digits", "nb201", "train:nb201"]),
        ("nasbench run --benchmark digits --dataset ", ["digits"]),
        ("nasbench run --dataset cifar10,cif", ["cifar10,cifar100"]),
        ("nasbench run --benchmark train:nb201 --dataset I", ["ImageNet16-120"]),
        ("nasbench run --benchmark digits --objective ", ["accuracy", "loss"]),
        ("nasbench run --protocol ", [*completion.PROTOCOLS]),
        ("nasbench run -s proxylessnas --recipe ", ["small", "paper"]),
        ("nasbench run --signal ", ["mean", "random"]),
        ("nasbench tune -s spo", ["spos"]),
        ("nasbench train 3 --recipe nb201-1", ["nb201-12"]),
        ("nasbench data fetch nb201-", ["nb201-hw"]),
        ("nasbench list settings gd", ["gdas"]),
        ("nasbench export --what architectures,b", ["architectures,best"]),
    ],
)
def test_names_are_completed(line: str, offered: list[str], complete: Complete) -> None:
    assert without_spaces_of_tests(complete(line)) == offered


def without_spaces_of_tests(offered: list[str]) -> list[str]:
    """Leave out what can be trained of spaces that other tests registered in this process."""
    return [one for one in offered if not one.startswith("train:") or one == "train:nb201"]


def test_experiments_of_a_folder_are_completed(tmp_path: Path, complete: Complete) -> None:
    for name in ("random-search-1", "reinforce-2"):
        (tmp_path / "group" / name).mkdir(parents=True)
        (tmp_path / "group" / name / "experiment.json").write_text("{}")
    line = f"nasbench results show {tmp_path} group/ra"
    assert complete(line) == ["group/random-search-1"]


@pytest.mark.parametrize(
    ("line", "variables"),
    [
        ("nasbench run --dataset d", {"NASBENCH_DATA": "~nosuch/x"}),
        ("nasbench run --seeds 9x --set nope.x", {}),
        ("nasbench run -s nope --set n", {}),
        ("nasbench nope --x", {}),
        ("nasbench results show /nowhere x", {}),
    ],
)
def test_errors_are_silent(
    line: str, variables: dict[str, str], complete: Complete, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    assert complete(line) == []


def test_a_damaged_table_is_left_out(
    tmp_path: Path, complete: Complete, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "tables").mkdir()
    for name, content in (("a", b""), ("b", b"\xff" * 99), ("c", b"\2\0\0\0\0\0\0\0{}")):
        (tmp_path / "tables" / f"{name}.safetensors").write_bytes(content)
    monkeypatch.setenv("NASBENCH_DATA", str(tmp_path))
    offered = complete("nasbench run --benchmark ")
    assert without_spaces_of_tests(offered) == ["all", "digits", "train:nb201"]


def test_a_glance_sees_what_a_table_says() -> None:
    for one in glances():
        table = load_table(one.name)
        assert one.datasets == searched_in(table)


def test_lists_of_heavy_modules_are_whole() -> None:
    assert (*protocols(), OWN) == completion.PROTOCOLS
    assert set(dataset_names()) == {*completion.IMAGES, "folder:PATH", "npz:PATH"}
    assert set(completion.FETCHED) == {*TABLE_SOURCES, *fetchable()}
    assert set(completion.RECIPES) == set(RECIPES)
    assert (*SIZES, *OF_NETWORKS) == completion.PROXIES
    assert export.PARTS == PARTS
    assert "random-search" in strategies()


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_a_script_for_the_shell_can_be_shown(shell: str) -> None:
    done = in_a_process(_NASBENCH_COMPLETE=f"source_{shell}")
    assert "_NASBENCH_COMPLETE" in done.stdout

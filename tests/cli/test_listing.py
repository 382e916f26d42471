"""What `nasbench list` and `nasbench --version` say."""

import dataclasses
import platform
import re
import sys
import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Any, Literal

import pytest
from typer.testing import CliRunner

import nasbench
from nasbench.benchmarks.training.recipes import RECIPES
from nasbench.cli.app import app
from nasbench.strategies.base import SearchStrategy
from nasbench.strategies.described import settings_of
from nasbench.strategies.registry import strategies

pytestmark = pytest.mark.usefixtures("synthetic_nb201")


@pytest.fixture
def said() -> Callable[[str], str]:
    def call(words: str) -> str:
        done = CliRunner().invoke(app, words.split())
        assert done.exit_code == 0, done.output
        return done.output

    return call


def test_the_version_is_one_line(said: Callable[[str], str]) -> None:
    line = said("--version")
    with (Path(__file__).parents[2] / "pyproject.toml").open("rb") as file:
        version = tomllib.load(file)["project"]["version"]
    assert nasbench.__version__ == version
    pattern = rf"nasbench {re.escape(version)}( \(commit [0-9a-f]+(-dirty)?\))?, Python (\S+)\n"
    found = re.fullmatch(pattern, line)
    assert found
    assert found[3] == platform.python_version()


@pytest.mark.parametrize("name", strategies())
def test_every_setting_has_a_sentence_a_type_and_its_default(
    name: str, said: Callable[[str], str]
) -> None:
    lines = said(f"list settings {name}").splitlines()
    defaults = dataclasses.asdict(strategies()[name].Settings())
    if not defaults:
        assert lines == [f"{name} has no settings"]
        return
    for line, (setting, value) in zip(lines, defaults.items(), strict=True):
        start, kind, sentence = line.split("  ", maxsplit=2)
        assert start == f"{name}.{setting}={value}"
        known = ("[int]", "[float]", "[str]", "[bool]", "[tuple[float, ...]]")
        assert kind in known or "|" in kind
        assert len(sentence.split()) > 1, f"{name}.{setting} has no sentence"


class Mine(SearchStrategy):
    """A strategy of somebody else."""

    family = "random"
    reference = "nobody"

    @dataclasses.dataclass(frozen=True)
    class Settings:
        """Of every form."""

        beside: int = 1  #: beside the field
        #: above it, over
        #: two lines
        above: Literal["a", "b"] = "a"
        told: float = dataclasses.field(default=0.5, metadata={"help": "in its metadata"})
        parts: tuple[int, ...] = dataclasses.field(default_factory=lambda: (1, 2))  #: made anew
        none: str = "#: no comment"  # one for readers of the source

        def help(self) -> None:
            """Take a local variable for no field."""
            inner: int = 3  #: not a setting
            assert inner

    def ask(self) -> Any:
        """Ask for nothing."""

    def tell(self, trial: Any, answer: Any) -> None:
        """Learn nothing."""


def test_sentences_are_read_as_documentation_tools_do() -> None:
    assert [tuple(one) for one in settings_of(Mine)] == [
        ("beside", "int", 1, "beside the field"),
        ("above", "a|b", "a", "above it, over two lines"),
        ("told", "float", 0.5, "in its metadata"),
        ("parts", "tuple[int, ...]", (1, 2), "made anew"),
        ("none", "str", "#: no comment", ""),
    ]


def test_a_field_that_is_defined_again_keeps_its_sentence() -> None:
    @dataclasses.dataclass(frozen=True)
    class Settings(Mine.Settings):
        beside: int = 7

    again = type("Again", (Mine,), {"Settings": Settings})
    assert settings_of(again)[0] == ("beside", "int", 7, "beside the field")


def test_without_source_there_is_no_sentence_and_no_error() -> None:
    made = dataclasses.make_dataclass("Settings", [("size", int, 3)], frozen=True)
    found = settings_of(type("Made", (Mine,), {"Settings": made}))
    assert [tuple(one) for one in found] == [("size", "int", 3, "")]


def test_recipes_are_those_of_strategies_and_of_trainings(said: Callable[[str], str]) -> None:
    lines = said("list recipes").splitlines()
    for name, strategy in strategies().items():
        for recipe in strategy.recipes:
            assert any(line.startswith(f"{recipe}  run --strategy {name}: ") for line in lines)
    assert {line.split("  ")[0] for line in lines if "  train, " in line} == set(RECIPES)


def test_datasets_say_what_tables_know_and_which_images_are_there(
    said: Callable[[str], str],
) -> None:
    lines = said("list datasets").splitlines()
    on_digits = next(line for line in lines if line.startswith("digits  table digits: "))
    assert "accuracy (%): validation after 1-15 of 15 epochs, test after 15 epochs" in on_digits
    assert "loss (nats)" in on_digits
    assert "cifar100  table nb201: accuracy (%): validation after 12 of 12 epochs" in "\n".join(
        lines
    )
    assert "table nb201-hw  not installed: nasbench data fetch nb201-hw" in lines
    assert "digits  images, made of the digits that scikit-learn bundles" in lines
    assert any(line.startswith("cifar10  images, not there: ") for line in lines)


def test_own_is_a_protocol_of_every_installed_table(said: Callable[[str], str]) -> None:
    out = said("list protocols")
    assert "own  made of a table" in out
    assert "    digits of digits: 310 simulated seconds on its 5-epoch validation" in out
    assert "    cifar100 of nb201: " in out


def test_an_unknown_strategy_is_one_line(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from nasbench.cli.app import main

    monkeypatch.setattr(sys, "argv", ["nasbench", "list", "settings", "random-serach"])
    with pytest.raises(SystemExit) as ended:
        main()
    assert ended.value.code == 2
    assert "did you mean 'random-search'?" in capsys.readouterr().err

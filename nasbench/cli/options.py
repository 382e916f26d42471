"""Options of commands: those of a search, numbers with limits, and a check for empty values."""

import functools
import inspect
import os
import re
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Annotated, Any

import typer

from nasbench.cli.lines import say
from nasbench.errors import InvalidInput
from nasbench.harness.options import Option, options_of
from nasbench.limits import Amount, Count

_KINDS = {Count: "<int>", Amount: "<float>"}


def number(limit: Count | Amount, *names: str, help: str) -> Any:
    """Return a typer option for a number; it raises `InvalidInput` for one outside the limits."""
    return typer.Option(*names, parser=limit.read, metavar=_KINDS[type(limit)], help=help)


def chosen_device(name: str) -> str:
    """Return the device that `--device` names; what `auto` stands for is said on stderr."""
    from nasbench.benchmarks.training.devices import resolve_device

    return resolve_device(name, lambda line: say(f"note: {line}", err=True))


def with_options(
    kind: Any, first: Sequence[str] = ()
) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Return a decorator that gives a command the options of a `TypedDict` of `harness.options`.

    They take the place of the function's parameter `given`, in the order of `first` and then of the
    `TypedDict`. The function gets, as `given`, a dict of the options that a user gave, by name.
    """
    known = {name: one for name, (_, one) in options_of(kind).items() if one.help}
    names = [*first, *(name for name in known if name not in first)]

    def make(function: Callable[..., None]) -> Callable[..., None]:
        @functools.wraps(function)
        def command(**values: Any) -> None:
            there = {name: values.pop(name) for name in names}
            given = {name: _read(known[name], one) for name, one in there.items()}
            function(given={n: one for n, one in given.items() if one is not None}, **values)

        own = inspect.signature(function, eval_str=True).parameters
        parameters: list[inspect.Parameter] = []
        for name, parameter in own.items():
            parameters += (
                [_parameter(one, known[one]) for one in names] if name == "given" else [parameter]
            )
        made: Any = command
        made.__signature__ = inspect.Signature(parameters)
        made.__annotations__ = {one.name: one.annotation for one in parameters}
        return command

    return make


def _parameter(name: str, option: Option) -> inspect.Parameter:
    """Return an option as a parameter of a command; its value is None where it is not given."""
    said = f"{option.help} [default: {option.usual}]" if option.usual else option.help
    kind: Any = str
    info = typer.Option(*option.flags, help=said)
    if isinstance(option.form, Count | Amount):
        kind = int if isinstance(option.form, Count) else float
        info = number(option.form, *option.flags, help=said)
    elif option.form == "texts":
        kind = list[str]
    elif option.form == "path":
        kind = Path
    return inspect.Parameter(
        name, inspect.Parameter.KEYWORD_ONLY,
        default=None, annotation=Annotated[kind | None, info],
    )  # fmt: skip


def _read(option: Option, value: Any) -> Any:
    return split(value) if option.form == "texts" else value


def split(values: list[str] | None) -> list[str] | None:
    """Return a list of single values from comma-separated and repeated ones."""
    return None if values is None else [part for value in values for part in value.split(",")]


def filled(arguments: Sequence[str]) -> list[str]:
    """Return a command line's arguments, with home folders in place of `~`.

    Raises `InvalidInput` for an empty value, such as `--name ''` or `--out=`, which most often
    comes from a variable that is not set in a script.
    """
    for before, one in zip(["", *arguments], arguments, strict=False):
        if not one.strip(" \t\r\n,") or re.fullmatch(r"--[\w-]+=[\s,]*", one):
            option = one.partition("=")[0] if one.startswith("--") else before
            named = f"option '{option}'" if option.startswith("-") else "an argument"
            raise InvalidInput(f"{named} is given with nothing in it: give a value or leave it out")
    return [_expanded(one) for one in arguments]


def _expanded(argument: str) -> str:
    """Return `--out=~/runs` with the home folder in it, as a shell gives it for `--out ~/runs`."""
    name, sign, value = argument.partition("=")
    if sign and name.startswith("--") and value.startswith("~"):
        return f"{name}={os.path.expanduser(value)}"  # noqa: PTH111  # kept for an unknown user
    return argument

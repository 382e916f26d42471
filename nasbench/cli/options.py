"""Options that several commands read alike: numbers within limits, and none that is empty."""

import os
import re
from collections.abc import Sequence
from typing import Any

import typer

from nasbench.errors import InvalidInput
from nasbench.limits import Amount, Count

_KINDS = {Count: "<int>", Amount: "<float>"}


def number(limit: Count | Amount, *names: str, help: str) -> Any:
    """Return a typer option for a number; `InvalidInput` says what is allowed where it is not."""
    return typer.Option(*names, parser=limit.read, metavar=_KINDS[type(limit)], help=help)


def filled(arguments: Sequence[str]) -> list[str]:
    """Return a command line, home folders in it; `InvalidInput` names what has nothing in it.

    Such as `--name ''` or `--out=`: most often a variable of a script that is not set.
    """
    for before, one in zip(["", *arguments], arguments, strict=False):
        if not one.strip(" \t\r\n,") or re.fullmatch(r"--[\w-]+=[\s,]*", one):
            option = one.partition("=")[0] if one.startswith("--") else before
            named = f"option '{option}'" if option.startswith("-") else "an argument"
            raise InvalidInput(f"{named} is given with nothing in it: give a value or leave it out")
    return [_expanded(one) for one in arguments]


def _expanded(argument: str) -> str:
    """Return `--out=~/runs` as a shell gives `--out ~/runs`: with the home folder in it."""
    name, sign, value = argument.partition("=")
    if sign and name.startswith("--") and value.startswith("~"):
        return f"{name}={os.path.expanduser(value)}"  # noqa: PTH111  # of no user it stays
    return argument

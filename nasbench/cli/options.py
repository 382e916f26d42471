"""Options that several commands read the same way: numbers within limits, texts, paths."""

from pathlib import Path
from typing import Any

import typer

from nasbench.errors import InvalidInput
from nasbench.limits import Amount, Count
from nasbench.text import shown

_KINDS = {Count: "<int>", Amount: "<float>"}


def number(limit: Count | Amount, *names: str, help: str) -> Any:
    """Return a typer option for a number; `InvalidInput` says what is allowed where it is not."""
    return typer.Option(*names, parser=limit.read, metavar=_KINDS[type(limit)], help=help)


def filled(value: str | Path | None, option: str) -> None:
    """Raise `InvalidInput` for an option that is given with nothing in it, such as `--name ''`."""
    if value is not None and (not str(value).strip() or "\0" in str(value)):
        raise InvalidInput(
            f"{option} cannot be {shown(str(value))}: give it a value or leave it out"
        )

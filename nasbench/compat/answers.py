"""Answers that say what they lack: dictionaries whose missing keys raise one clear error."""

import sys
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from nasbench.errors import DataError

TABLE = "NASBENCH_COMPAT"
"""Environment variable that names the table, or official folder, that answers."""
ADVICE = f"import the official file (`nasbench data import`) and name that table in {TABLE}"


def warn(message: str) -> None:
    """Warn at the line of the script that asked, which is the last one outside this package."""
    package, frame = str(Path(__file__).parents[1]), sys._getframe()
    while frame.f_back is not None and frame.f_code.co_filename.startswith((package, "<")):
        frame = frame.f_back
    warnings.warn_explicit(message, UserWarning, frame.f_code.co_filename, frame.f_lineno)


class NotInTable(DataError, KeyError, ValueError):
    """The table that answers does not have what was asked for.

    It is a `KeyError` and a `ValueError` as well: the official libraries raise these.
    """

    def __str__(self) -> str:
        return str(self.args[0])


class Answer(dict[Any, Any]):
    """A dictionary in which a missing key raises `NotInTable`."""

    def __init__(self, values: Mapping[Any, Any], where: str, advice: str = ADVICE) -> None:
        """Hold `values`; for the error, `where` says of what they are, `advice` who has more."""
        super().__init__(values)
        self.where, self.advice = where, advice

    def __missing__(self, key: object) -> Any:
        rest = f": {self.advice}" if self.advice else ""
        raise NotInTable(f"no {key!r} of {self.where}{rest}")

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (dict(self), self.where, self.advice)

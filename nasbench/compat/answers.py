"""Answers that say what they lack: dictionaries whose missing keys raise one clear error."""

from collections.abc import Mapping
from typing import Any

from nasbench.errors import DataError

TABLE = "NASBENCH_COMPAT"
"""Environment variable that names the table, or official folder, that answers."""
ADVICE = f"import the official file (`nasbench data import`) and name that table in {TABLE}"


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

"""Differences between a stored JSON value and the expected one."""

import csv
import math
from collections.abc import Iterator
from contextlib import suppress
from io import StringIO
from pathlib import Path
from typing import Any

from nasbench.files import read_whole
from nasbench.harness.compare.tables.latex_text import without_breaks

SHOWN = 5
"""Most differences that are described one by one."""


def told(stored: Any, expected: Any) -> list[str]:
    """Return the first differences as sentences, and how many more there are."""
    places = list(differences(stored, expected, ""))
    found = [f"{place} is {there}, it should be {should}" for place, there, should in places]
    more = len(found) - SHOWN
    rest = [f"and {more} more values are not what they should be"] if more > 0 else []
    return [*found[:SHOWN], *rest]


def differences(stored: Any, expected: Any, place: str) -> Iterator[tuple[str, Any, Any]]:
    """Yield (place, stored, expected), as texts, where two JSON values differ.

    A key that only the stored value has is a difference, too.
    """
    if isinstance(expected, dict) and isinstance(stored, dict):
        for name, value in expected.items():
            yield from differences(stored.get(name), value, f"{place}.{name}".lstrip("."))
        for name in unknown(stored, expected, place):
            yield name, "there", "absent"
    elif isinstance(expected, list) and isinstance(stored, list) and len(stored) == len(expected):
        for number, (there, value) in enumerate(zip(stored, expected, strict=True)):
            yield from differences(there, value, f"{place}[{number}]")
    elif not _equal(stored, expected):
        yield place, _short(stored), _short(expected)


def unknown(stored: Any, known: Any, place: str = "") -> Iterator[str]:
    """Yield the keys, with their place, that are in a stored JSON object but not in `known`."""
    if isinstance(stored, dict) and isinstance(known, dict):
        yield from (f"{place}.{name}".lstrip(".") for name in stored.keys() - known.keys())


def same_text(path: Path, text: str) -> bool:
    """Return whether a file holds a text, or does not exist.

    Numbers of a `.csv` may differ by rounding, as their last digits depend on the processor. Of a
    `.tex`, places where a line may end are not compared: another version may have others.
    """
    if not path.exists():
        return True
    try:
        stored = read_whole(path).decode()
    except UnicodeDecodeError:
        return False
    if path.suffix == ".tex":
        stored, text = without_breaks(stored), without_breaks(text)
    if path.suffix != ".csv" or stored == text:
        return stored == text
    there, expected = (list(csv.reader(StringIO(one))) for one in (stored, text))
    return not list(differences(_numbers(there), _numbers(expected), ""))


def _numbers(rows: list[list[str]]) -> list[list[Any]]:
    """Return a table's cells, with those that hold numbers as floats."""

    def read(cell: str) -> Any:
        with suppress(ValueError):
            return float(cell)
        return cell

    return [[read(cell) for cell in row] for row in rows]


def leaves(value: Any) -> Iterator[Any]:
    """Yield every value that is neither a list nor an object."""
    if isinstance(value, dict):
        value = list(value.values())
    if isinstance(value, list):
        for one in value:
            yield from leaves(one)
    else:
        yield value


def _short(value: Any) -> str:
    return f"a list of {len(value)}" if isinstance(value, list) else str(value)[:60]


def _equal(first: object, second: object) -> bool:
    if isinstance(first, int | float) and isinstance(second, int | float):
        unknown = math.isnan(first) and math.isnan(second)
        return unknown or math.isclose(first, second, rel_tol=1e-9, abs_tol=1e-12)
    return first == second

"""Architectures in the notations of other libraries: read by name or recognised, and written.

A notation is recognised without its name where no other one of the space has texts of its form. A
text that several could mean is refused with what each would read.
"""

import ast
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Any

from nasbench.errors import InvalidInput
from nasbench.text import shown

_LONGEST = 2_000
"""Characters of the longest text that is read."""

Architecture = Any


@dataclass(frozen=True)
class Notation:
    """One way to write the architectures of a space."""

    name: str
    read: Callable[[str], Architecture]  #: raises `InvalidInput` for a text of another form
    write: Callable[[Architecture], str | None]  #: None for one that has no such text
    form: re.Pattern[str]  #: matches every text that is recognised as one of this notation


def named(notations: Sequence[Notation], name: str, space: str) -> Notation:
    """Return the notation with a name; `InvalidInput` lists those of the space."""
    known = {one.name: one for one in notations}
    if name not in known:
        near = get_close_matches(name, known, n=1)
        hint = f"did you mean '{near[0]}'? " if near else ""
        there = ", ".join(known) or "none besides its own text"
        raise InvalidInput(f"space '{space}' has no notation {shown(name)}: {hint}there is {there}")
    return known[name]


def recognised(notations: Sequence[Notation], text: str) -> Architecture | None:
    """Return the architecture of a text in the only notation that it can be, None if in none.

    The first of `notations` is the space's own text, which is not tried. Raises `InvalidInput` if
    the text is damaged, or if it means several architectures.
    """
    own, *others = notations
    alike = [one for one in others if one.form.fullmatch(text)]
    if len(alike) == 1:
        return alike[0].read(text)
    found: dict[Architecture, list[str]] = {}
    for one in alike:
        found.setdefault(one.read(text), []).append(one.name)
    if len(found) > 1:
        meanings = ", ".join(
            f"{own.write(one)} in '{' and '.join(names)}'" for one, names in found.items()
        )
        raise InvalidInput(
            f"architecture {shown(text)} can be {meanings}: say the notation (--notation NAME, or "
            "notation=NAME in Python)"
        )
    return next(iter(found), None)


def literal(text: str, notation: str) -> Any:
    """Return the value of a Python literal; `InvalidInput` for another text."""
    try:
        if len(text) <= _LONGEST:
            return ast.literal_eval(text.strip())
    except (ValueError, SyntaxError, TypeError, MemoryError, RecursionError):
        pass
    raise InvalidInput(f"architecture {shown(text)} cannot be read in the notation '{notation}'")


def numbers(text: str, notation: str, choices: Sequence[int], least: int = 0) -> tuple[int, ...]:
    """Return the whole numbers of a tuple or list in a text.

    There must be as many as `choices`, and each of at least `least` and below its limit there;
    else raises `InvalidInput`.
    """
    found = literal(text, notation)
    if not isinstance(found, tuple | list) or len(found) != len(choices):
        raise InvalidInput(f"architecture {shown(text)}: '{notation}' has {len(choices)} numbers")
    for number, most in zip(found, choices, strict=True):
        if type(number) is not int or not least <= number < most:
            raise InvalidInput(
                f"architecture {shown(text)}: {shown(number)} is none of the numbers {least} to "
                f"{most - 1} of '{notation}'"
            )
    return tuple(found)


UNRECOGNISED = re.compile(r"(?!)")
"""Matches no text: such a notation is read by its name only."""
NUMBERS = re.compile(r"\s*[(\[]\s*\d+(\s*,\s*\d+)*\s*,?\s*[)\]]\s*")
"""Matches a tuple or list of numbers."""
SYNONYMS: Mapping[str, str] = {
    "conv_1x1": "nor_conv_1x1",
    "conv_3x3": "nor_conv_3x3",
    "zero": "none",
    "zeroize": "none",
    "skip": "skip_connect",
    "identity": "skip_connect",
    "reluconvbn1x1": "nor_conv_1x1",
    "reluconvbn3x3": "nor_conv_3x3",
    "avgpool1x1": "avg_pool_3x3",  # NASLib's name of the average pooling
}
"""Names of operations in other libraries, in small letters."""

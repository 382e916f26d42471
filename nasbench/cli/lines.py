"""Printing of lines, with escapes for characters in names that would control the terminal."""

import sys

from nasbench.text import printable


def say(text: object = "", *, err: bool = False) -> None:
    """Print a text on stdout, or on stderr if `err`; invisible characters are escaped."""
    print(printable(text, "\n"), file=sys.stderr if err else sys.stdout, flush=err)


def warn(what: object) -> None:
    """Print a warning on stderr."""
    say(f"warning: {what}", err=True)

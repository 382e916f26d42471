"""Lines that commands print: whatever is in a name, it cannot steer the terminal."""

import sys

from nasbench.text import printable


def say(text: object = "", *, err: bool = False) -> None:
    """Print a text on stdout, or on stderr; what is not meant to be seen is escaped."""
    print(printable(text, "\n"), file=sys.stderr if err else sys.stdout, flush=err)


def warn(what: object) -> None:
    """Print what a user should look at, on standard error."""
    say(f"warning: {what}", err=True)

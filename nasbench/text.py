"""Text of unknown origin, made safe to show.

Names in tables and stored results may come from anybody. Shown raw, a control character can clear
or rewrite a terminal, and a character that turns the direction of writing lets a text look like
another one.
"""

import hashlib
import re
import unicodedata
from urllib.parse import urlsplit, urlunsplit

_LONGEST = 60
_LONGEST_LINE = 1_000
_LONGEST_NAME = 160  # bytes; a folder's name is made of several parts


def printable(text: object, keep: str = "") -> str:
    r"""Return `text` with every character that is not meant to be seen as its escape.

    Escaped are control, format and private characters, lone surrogates, line separators and what
    Unicode does not define, but for those in `keep`, such as "\n"; letters of every script stay.
    The result can be encoded as UTF-8. Applied twice it changes nothing.

    >>> printable("red \x1b[31m and \u202eturned")
    'red \\x1b[31m and \\u202eturned'
    """
    plain = str(text)
    if plain.isascii() and plain.isprintable():
        return plain
    return "".join(one if _is_seen(one) or one in keep else _escaped(one) for one in plain)


def encodable(text: str) -> str:
    """Return `text` with lone surrogates, which no file of text can hold, as their escapes.

    Names of files that are no UTF-8 have them, and a search may print one.
    """
    return text.encode("utf-8", "backslashreplace").decode()


def one_line(text: str) -> str:
    """Return a message as one line that can be read: a text of thousands loses its middle."""
    line = printable(" ".join(text.splitlines()))
    if len(line) <= _LONGEST_LINE:
        return line
    return f"{line[: _LONGEST_LINE // 2]} … {line[-_LONGEST_LINE // 2 :]}"


def shown(value: object) -> str:
    """Return a value as it is written in Python, on one line of bounded length."""
    try:
        text = printable(repr(value))
    except ValueError:  # an integer of more digits than Python converts
        return "a number of so many digits"
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 3]}..."


def address(url: str) -> str:
    """Return a web address as it may be shown: without the user's name and password in it."""
    try:
        parts = urlsplit(url)
        plain = urlunsplit(parts._replace(netloc=parts.netloc.rpartition("@")[2]))
    except ValueError:  # such as brackets that do not close
        plain = url
    return printable(plain)


def spreadsheet(text: str) -> str:
    """Return the text of a CSV cell, with an apostrophe before what a spreadsheet would run.

    Programs take a cell that begins with one of = + - @ or a tab for a formula, also where it is
    quoted (OWASP, "CSV injection").
    """
    safe = printable(text)
    return f"'{safe}" if text.startswith(("=", "+", "-", "@", "\t", "\r")) else safe


def file_name(text: str) -> str:
    """Return a text as the name of one file or folder: no path, not hidden, not too long.

    Letters, digits, `_`, `.`, `@` and `-` stay, all else becomes `-`. A name that begins with a
    dot gets `_` before it, so that none is `..`. A long one is cut and ends in 8 digits of its
    SHA-256: file systems allow 255 bytes.
    """
    name = re.sub(r"[^\w.@-]+", "-", text)
    if not name or name.startswith("."):
        name = f"_{name}"
    if len(name.encode()) > _LONGEST_NAME:
        digest = hashlib.sha256(text.encode(errors="surrogatepass")).hexdigest()[:8]
        kept = name.encode()[: _LONGEST_NAME - 1 - len(digest)]
        name = f"{kept.decode(errors='ignore')}-{digest}"
    return name


def _is_seen(character: str) -> bool:
    return character.isprintable() or unicodedata.category(character) == "Zs"


def _escaped(character: str) -> str:
    return character.encode("unicode_escape").decode("ascii")

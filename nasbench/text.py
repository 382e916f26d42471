"""Make text of unknown origin safe to show.

Names in tables and stored results may come from anybody. If they are printed unchanged, a control
character can clear or rewrite a terminal, and a character that reverses the writing direction can
make a text look like another one.
"""

import hashlib
import re
import unicodedata
from urllib.parse import urlsplit, urlunsplit

_LONGEST = 60
_LONGEST_LINE = 1_000
_LONGEST_NAME = 160  # bytes; a folder's name is made of several parts
_DEVICE = re.compile(r"(con|prn|aux|nul|(com|lpt)[\d\u00b9\u00b2\u00b3])(\..*)?", re.IGNORECASE)


def printable(text: object, keep: str = "") -> str:
    r"""Return `text` with an escape sequence in place of every invisible character.

    This replaces control, format, private and undefined characters, lone surrogates and line
    separators, except those in `keep`, such as "\n"; letters of every script stay. The result can
    be encoded as UTF-8, and `printable` does not change it again.

    >>> printable("red \x1b[31m and \u202eturned")
    'red \\x1b[31m and \\u202eturned'
    """
    plain = str(text)
    if plain.isascii() and plain.isprintable():
        return plain
    return "".join(one if _is_seen(one) or one in keep else _escaped(one) for one in plain)


def encodable(text: str) -> str:
    """Return `text` with an escape sequence in place of every lone surrogate.

    UTF-8 cannot encode lone surrogates. Python uses them in file names that are not valid UTF-8,
    and a search may print such a name.
    """
    return text.encode("utf-8", "backslashreplace").decode()


def one_line(text: str) -> str:
    """Return a message as one printable line; of more than 1,000 characters the middle is cut."""
    line = printable(" ".join(text.splitlines()))
    if len(line) <= _LONGEST_LINE:
        return line
    return f"{line[: _LONGEST_LINE // 2]} … {line[-_LONGEST_LINE // 2 :]}"


def shown(value: object) -> str:
    """Return a value's `repr` as one printable line, cut to 60 characters."""
    try:
        text = printable(repr(value))
    except ValueError:  # an integer of more digits than Python converts
        return "a number of so many digits"
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 3]}..."


def address(url: str) -> str:
    """Return a web address that is safe to show, without a user's name and password in it."""
    try:
        parts = urlsplit(url)
        plain = urlunsplit(parts._replace(netloc=parts.netloc.rpartition("@")[2]))
    except ValueError:  # such as brackets that do not close
        plain = url
    return printable(plain)


def spreadsheet(text: str) -> str:
    """Return the text of a CSV cell, with an apostrophe before text that a spreadsheet would run.

    Spreadsheet programs treat a cell that begins with =, +, -, @, a tab or a carriage return as a
    formula, even if the cell is quoted (OWASP, "CSV injection").
    """
    safe = printable(text)
    return f"'{safe}" if text.startswith(("=", "+", "-", "@", "\t", "\r")) else safe


def file_name(text: str) -> str:
    """Turn a text into the name of one file or folder: not a path, not hidden, not too long.

    Letters, digits, `_`, `.`, `@` and `-` stay; each run of other characters becomes one `-`. A
    name that is empty, begins with a dot or is kept by Windows for a device gets `_` before it, so
    no name is `..`; dots at its end, which Windows takes away, become one `_`. A name of more than
    160 bytes is cut and ends in 8 digits of the text's SHA-256: file systems allow 255 bytes.
    """
    name = re.sub(r"\.+$", "_", re.sub(r"[^\w.@-]+", "-", text))
    if not name or name.startswith(".") or is_device_name(name):
        name = f"_{name}"
    if len(name.encode()) > _LONGEST_NAME:
        digest = hashlib.sha256(text.encode(errors="surrogatepass")).hexdigest()[:8]
        kept = name.encode()[: _LONGEST_NAME - 1 - len(digest)]
        name = f"{kept.decode(errors='ignore')}-{digest}"
    return name


def is_device_name(name: str) -> bool:
    """Whether Windows keeps a file name for a device, as `con` and `nul.txt`, in any case."""
    return bool(_DEVICE.fullmatch(name))


def _is_seen(character: str) -> bool:
    return character.isprintable() or unicodedata.category(character) == "Zs"


def _escaped(character: str) -> str:
    return character.encode("unicode_escape").decode("ascii")

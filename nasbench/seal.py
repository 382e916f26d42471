"""Store a file's SHA-256 inside the file, so that a single flipped bit is noticed on reading.

A seal is text somewhere in a file's bytes: a fixed beginning, 64 hexadecimal digits, a fixed end.
The digits are the SHA-256 of the whole file with zeros in place of the digits. The seal is put
where the file's format allows any text (Parquet's metadata, the comment of a zip archive, a JSON
string), so other tools can still read the file. A seal protects against accidents only: anybody
who edits a file can compute a new one.
"""

import hashlib
import re

_BEGIN, _END = b"nasbench-sha256:", b":sealed"
_SEAL = re.compile(re.escape(_BEGIN) + rb"([0-9a-f]{64})" + re.escape(_END))
BLANK = (_BEGIN + b"0" * 64 + _END).decode()
"""An empty seal, which a writer puts into a file's content before calling `sealed`."""


class Broken(ValueError):
    """The bytes of a file are not those that were written."""


def sealed(content: bytes) -> bytes:
    """Return a file's bytes with their hash in the last `BLANK`; `ValueError` if there is none."""
    at = content.rindex(BLANK.encode()) + len(_BEGIN)
    digest = hashlib.sha256(content).hexdigest().encode()
    return content[:at] + digest + content[at + len(digest) :]


def check_seal(content: bytes) -> bool:
    """Check the seal of a file; return False if the file has none, as in earlier versions.

    Raises `Broken` if the seal or any other byte of the file has changed. Half of a seal counts as
    a broken seal, so no single flipped bit makes a sealed file look like one without a seal.
    """
    begin, end = content.rfind(_BEGIN), content.rfind(_END)
    if begin < 0 and end < 0:
        return False
    found = _SEAL.match(content, begin) if begin >= 0 else None
    if found is None or found.end() != end + len(_END):
        raise Broken("its SHA-256 is damaged")
    first, last = found.span(1)
    digest = hashlib.sha256(content[:first])
    digest.update(b"0" * (last - first))
    digest.update(memoryview(content)[last:])
    if digest.hexdigest().encode() != found[1]:
        raise Broken("its bytes are not those that were written: their SHA-256 is another")
    return True

"""Files that hold their own SHA-256, so that a single flipped bit is noticed when they are read.

A seal is text somewhere in a file's bytes: a fixed beginning, 64 hexadecimal digits, a fixed end.
The digits are the SHA-256 of the whole file with zeros in their place. It lies where the file's
format allows any text (Parquet's metadata, the comment of a zip archive, a JSON string), so other
tools read the file as before. A seal protects from accidents: whoever edits a file can make it
anew.
"""

import hashlib
import re

_BEGIN, _END = b"nasbench-sha256:", b":sealed"
_SEAL = re.compile(re.escape(_BEGIN) + rb"([0-9a-f]{64})" + re.escape(_END))
BLANK = (_BEGIN + b"0" * 64 + _END).decode()
"""What a writer puts into a file before `sealed` is called."""


class Broken(ValueError):
    """The bytes of a file are not those that were written."""


def sealed(content: bytes) -> bytes:
    """Return a file's bytes with its hash in the last `BLANK` of them."""
    at = content.rindex(BLANK.encode()) + len(_BEGIN)
    digest = hashlib.sha256(content).hexdigest().encode()
    return content[:at] + digest + content[at + len(digest) :]


def check_seal(content: bytes) -> bool:
    """Return whether a file has a seal; one that an earlier version wrote has none.

    Raises `Broken` where the seal, or anything else in the file, is not as it was written. Half
    of a seal is a broken one: no single flipped bit makes a sealed file look like an old one.
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

"""Pickles and archives that ask for more than there is, and how to damage healthy ones."""

import bz2
import io
import pickle
import pickletools
import zipfile
from collections.abc import Iterator
from random import Random

from benchmarks import synthetic

from nasbench.spaces.nats_size import NatsSize
from nasbench.spaces.nb201 import NasBench201


def put(number: int) -> bytes:
    return b"r" + number.to_bytes(4, "little")


def get(number: int) -> bytes:
    return b"j" + number.to_bytes(4, "little")


def doubled(levels: int, of: bytes) -> bytes:
    """Return a pickle whose object holds the one before twice, `levels` deep, as a dict's key."""
    body = b"".join(get(i) + get(i) + of + put(i + 1) for i in range(levels))
    return b"\x80\x04}" + b"K\x01" + put(0) + body + b"Ns."


def frozen(levels: int) -> bytes:
    """Return frozensets of two equal frozensets, which have to be compared to be made."""
    body = b"(K\x01\x91" + put(0) + b"(K\x01\x91" + put(1)
    for i in range(2, 2 * levels, 2):
        body += (b"(" + get(i - 2) + get(i - 1) + b"\x91" + put(i)) + (
            b"(" + get(i - 1) + get(i - 2) + b"\x91" + put(i + 1)
        )
    return b"\x80\x04" + body + b"."


GREEDY: dict[str, bytes] = {
    "tuples of the same tuple twice": doubled(30, b"\x86"),
    "a tuple of 100,000 levels as a key": b"\x80\x02}K\x01" + b"\x85" * 100_000 + b"Ns.",
    "a tuple of 100,000 levels, long form": b"\x80\x02}" + b"(" * 100_000 + b"t" * 100_000 + b"Ns.",
    "tuples of a tuple a hundred times": b"\x80\x02}K\x01" + put(0) + b"".join(
        b"(" + get(i) * 100 + b"t" + put(i + 1) for i in range(9)
    ) + b"Ns.",
    "frozensets of frozensets": frozen(30),
    "a memo number of 2**31": b"\x80\x02N" + put(2**31 - 5) + b".",
    "a memo number in text": b"\x80\x02Np2147483000\n.",
    "a text of 4 GB": b"\x80\x02X\xff\xff\xff\xff",
    "a text of 2**60": b"\x80\x04\x8d" + (2**60).to_bytes(8, "little"),
    "bytes of 2**62": b"\x80\x04\x8e" + (2**62).to_bytes(8, "little"),
    "a frame of 2**63": b"\x80\x04\x95" + (2**63).to_bytes(8, "little") + b"N.",
    "a number of 100,000 digits": b"\x80\x02I" + b"9" * 100_000 + b"\n.",
    "a number of 2 GB": b"\x80\x02\x8b\xff\xff\xff\x7f",
    "keys of one hash": b"\x80\x02}(" + b"".join(
        b"\x8a\x10" + (i * (2**61 - 1)).to_bytes(16, "little") + b"N" for i in range(1, 60_000)
    ) + b"u.",
    "lists of 100,000 levels": b"\x80\x02" + b"]" * 100_000 + b"a" * 99_999 + b".",
    "dicts of 100,000 levels": b"\x80\x02" + b"}N" * 100_000 + b"}" + b"s" * 100_000 + b".",
    "a list that holds itself": b"\x80\x02]q\x00h\x00a.",
    "marks without end": b"\x80\x02" + b"(" * 100_000 + b".",
    "an extension": b"\x80\x02\x82\x01.",
    "nothing": b"",
    "a stop alone": b"\x80\x02.",
    "a pop of nothing": b"\x80\x020.",
    "a mark alone": b"\x80\x02t.",
}  # fmt: skip
"""Kinds of pickles that hung, took all memory or ended the interpreter, by name."""


def official_cell(random: Random) -> dict[str, object]:
    """Return an architecture as the official files hold it, with some odd value in it."""
    if random.random() < 0.3:
        size = NatsSize()
        cell = synthetic.size_cell(5, size.format(size.architecture(5)), epochs=(1, 2, 3))
    else:
        space = NasBench201()
        cell = synthetic.cell(5, space.format(space.architecture(5)), epochs=(2, 3), seeds=(777,))
    odd = random.choice([
        10**8, 10**30, -1, 0, float("inf"), float("nan"), None, "12", [], {}, (), 1.5, True, -0.0,
        1e300, b"x", {"x": 1}, "9" * 5000, object,
    ])  # fmt: skip
    results = cell[random.choice(list(cell))]
    runs = results["all_results"]
    run = runs[random.choice(list(runs))]
    target, key = random.choice([(run, k) for k in run] + [(results, k) for k in results])
    if random.random() < 0.15:
        del target[key]
    elif isinstance(target[key], dict) and target[key] and random.random() < 0.5:
        inner = random.choice(list(target[key]))
        target[key][inner] = odd
    else:
        target[key] = odd
    return cell


def damaged(content: bytes, random: Random) -> bytes:
    """Return some bytes with one of a few kinds of damage."""
    kind = random.randrange(4)
    place = random.randrange(max(1, len(content)))
    if kind == 0:
        return content[:place]
    if kind == 1:
        flipped = content[place] ^ (1 << random.randrange(8)) if content else 0
        return content[:place] + bytes([flipped]) + content[place + 1 :]
    if kind == 2:
        return content[:place] + random.randbytes(random.randrange(1, 40)) + content[place:]
    return content[:place] + content[place + random.randrange(1, 100) :]


def encrypted(archive: bytes) -> bytes:
    """Return a zip file whose entries say that they are encrypted."""
    content = bytearray(archive)
    for start, flags in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        at = content.find(start)
        while at >= 0:
            content[at + flags] |= 1
            at = content.find(start, at + 4)
    return bytes(content)


def unknown_method(archive: bytes) -> bytes:
    """Return a zip file whose entries are packed by a method nobody has."""
    content = bytearray(archive)
    for start, method in ((b"PK\x03\x04", 8), (b"PK\x01\x02", 10)):
        at = content.find(start)
        while at >= 0:
            content[at + method : at + method + 2] = b"\x63\x00"
            at = content.find(start, at + 4)
    return bytes(content)


def zipped(pickled: bytes, name: str = "archive/data.pkl") -> bytes:
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w") as archive:
        archive.writestr(name, pickled)
    return made.getvalue()


def archives(random: Random) -> Iterator[tuple[str, str, bytes]]:
    """Yield name, name below the folder and content of archives without end."""
    while True:
        kind = random.choice(list(GREEDY))
        raw = GREEDY[kind]
        if random.random() < 0.6:
            kind, raw = (
                "odd value",
                pickle.dumps(official_cell(random), protocol=random.choice([2, 4])),
            )
        whole = b"\x80\x02}" if random.random() < 0.01 else raw
        if random.random() < 0.4:
            kind, whole = f"{kind}, damaged", damaged(raw, random)
        form = random.choice(["folder", "file.pbz2", "file.pth", "zip.pth"])
        if form == "folder":
            yield kind, "x-simple/000005.pickle.pbz2", bz2.compress(whole)
        elif form == "file.pbz2":
            yield kind, "x.pickle.pbz2", bz2.compress(whole)
        elif form == "file.pth":
            yield kind, "x.pth", whole
        else:
            made = zipped(whole, random.choice(["archive/data.pkl", "data.pkl", "x"]))
            change = random.choice([encrypted, unknown_method, bytes, bytes])
            yield (
                kind,
                "x.pth",
                damaged(change(made), random) if random.random() < 0.2 else change(made),
            )


def opcodes() -> set[int]:
    """Return every opcode there is, by Python's own list."""
    return {ord(one.code) for one in pickletools.opcodes}

"""Image sets that nobody should have, and the commands that read them.

`cases(random)` yields without end; a case prepares a folder and names a command line that is run in
it. Every command has to end with an exit code and at most one line of complaint.
"""

import io
import os
import random as randomness
import struct
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
from hostile.children import Case
from PIL import Image

SIDE, EACH = 8, 6
FORMATS = (
    "AVIF", "BMP", "DDS", "DIB", "GIF", "ICNS", "ICO", "IM", "JPEG", "JPEG2000", "MSP", "PCX",
    "PNG", "PPM", "QOI", "SGI", "TGA", "TIFF", "WEBP", "XBM",
)  # fmt: skip
MODES = (
    "1", "L", "LA", "La", "P", "PA", "RGB", "RGBA", "RGBa", "RGBX", "CMYK", "YCbCr", "LAB", "HSV",
    "I", "F", "I;16", "I;16B",
)  # fmt: skip
ENDINGS = (".png", ".PNG", ".jpg", ".jfif", ".tif", ".gif", ".bmp", ".webp", ".txt", ".eps", "")
NAMES = (
    b"plain", b"\xff\xfe", b"a\nb", b"\x1b[31mred", "\u202egnp".encode(), b"-rf", b"x" * 250,
    "é".encode("latin1"), "日本".encode(), b"train", b"test", b"a=b,c",
)  # fmt: skip


def picture(random: randomness.Random, mode: str = "RGB", side: int = SIDE) -> Image.Image:
    """Noise in any mode of Pillow's."""
    noise = np.frombuffer(random.randbytes(4 * side * side), np.uint8).reshape(side, side, 4)
    if mode in ("I;16", "I;16B"):
        return Image.frombytes(mode, (side, side), noise[..., :2].tobytes())
    if mode in ("I", "F"):
        return Image.frombytes(mode, (side, side), noise.tobytes())
    with suppress(ValueError):
        return Image.fromarray(noise, "RGBA").convert(mode)
    return Image.frombytes(
        mode, (side, side), random.randbytes(len(Image.new(mode, (side, side)).tobytes()))
    )


def encoded(random: randomness.Random, image: Image.Image) -> bytes:
    """The image in some format that takes it."""
    for _ in range(20):
        out = io.BytesIO()
        options: dict[str, Any] = {}
        if random.random() < 0.2:
            options = {"save_all": True, "append_images": [image, image]}
        if random.random() < 0.1:
            options["transparency"] = random.randrange(256)
        with suppress(Exception):
            image.save(out, random.choice(FORMATS), **options)
            return out.getvalue()
    out = io.BytesIO()
    picture(random).save(out, "PNG")
    return out.getvalue()


def png(width: int, height: int, *, bits: int = 8, colour: int = 2, data: bytes = b"") -> bytes:
    """A PNG whose header says what it likes."""

    def chunk(name: bytes, content: bytes) -> bytes:
        body = name + content
        return struct.pack(">I", len(content)) + body + struct.pack(">I", zlib.crc32(body))

    header = struct.pack(">IIBBBBB", width, height, bits, colour, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", header)
        + chunk(b"IDAT", zlib.compress(data))
        + (chunk(b"IEND", b""))
    )


def odd_file(random: randomness.Random) -> bytes:
    """What may lie in a class folder."""
    kind = random.randrange(8)
    if kind == 0:
        return random.choice((b"", random.randbytes(random.randrange(1, 400))))
    if kind == 1:
        sides = random.choice(((0, 0), (1, 0), (60_000, 60_000), (2**31 - 1, 1), (9000, 9900)))
        colours = ((8, 2), (16, 0), (1, 3), (16, 6), (3, 9))
        bits, colour = random.choice(colours)
        return png(*sides, bits=bits, colour=colour, data=random.randbytes(50))
    if kind == 2:
        white = random.choice((0, 1, 255, 256, 65535, 65536, -1))
        size = random.choice(("8 8", "0 0", "99999 99999", "-1 8", "x y"))
        magic = random.choice(("P1", "P2", "P5", "P6", "Pf", "PF", "P7"))
        return f"{magic}\n{size}\n{white}\n".encode() + random.randbytes(400)
    whole = bytearray(encoded(random, picture(random, random.choice(MODES))))
    if kind == 3:
        return bytes(whole[: random.randrange(len(whole))])
    if kind in (4, 5):
        for _ in range(random.choice((1, 3, 30))):
            whole[random.randrange(len(whole))] ^= 1 << random.randrange(8)
    if kind == 6:
        whole += random.randbytes(100)
    return bytes(whole)


def add(random: randomness.Random, folder: Path) -> None:
    """Put something odd into a class folder."""
    name = os.fsdecode(random.choice(NAMES)) + random.choice(ENDINGS)
    path = folder / name
    with suppress(OSError):
        kind = random.randrange(12)
        if kind == 0:
            path.symlink_to(path.name)
        elif kind == 1:
            path.symlink_to("nowhere")
        elif kind == 2:
            path.symlink_to("..")
        elif kind == 3:
            os.mkfifo(path)
        elif kind == 4:
            path.mkdir()
        else:
            path.write_bytes(odd_file(random))
            if kind == 5:
                path.chmod(0)


def folder_set(random: randomness.Random, root: Path) -> None:
    """Write two classes of good images, then make them odd."""
    classes = [
        os.fsdecode(name) for name in random.sample(NAMES, random.choice((2, 2, 2, 2, 2, 3, 1)))
    ]
    top = root / random.choice((*("set",) * 9, "set/inner"))
    mode = random.choice(MODES)
    for text in classes:
        (top / text).mkdir(parents=True)
        for number in range(random.choice((*(EACH,) * 9, 0, 4))):
            image = picture(random, mode if random.random() < 0.5 else "RGB")
            (top / text / f"{number}{random.choice(ENDINGS)}").write_bytes(encoded(random, image))
    for _ in range(random.choice((0, 1, 1, 3))):
        add(random, top / random.choice((*classes, "")))
    if random.random() < 0.1:
        (top / "loop").symlink_to("loop")


def odd_array(random: randomness.Random, good: np.ndarray[Any, Any]) -> Any:
    """Return an array, or something like it, in place of a good one."""
    types = ("u2", "i1", "f2", "f8", ">f4", "c8", "?", "U3", "M8[s]", "S2", "u8", ">u1")
    values = (np.nan, np.inf, 1e300, -1e38)
    odd: tuple[Callable[[], Any], ...] = (
        lambda: good.astype(random.choice(types)),
        lambda: good[:0],
        lambda: good[:1],
        lambda: good[..., None],
        lambda: good.reshape(-1),
        lambda: -good.astype(np.int64),
        lambda: np.asfortranarray(good),
        lambda: np.array(random.choice((3, "x", 1.5, None))),
        lambda: np.full(good.shape, random.choice(values)),
        lambda: np.full(good.shape, 2**64 - 1, dtype=np.uint64),
        lambda: np.zeros(good.shape, dtype=[("a", "u1"), ("b", "f4")]),
        lambda: np.zeros((*good.shape[:1], 0, 0, 3), np.uint8),
    )
    return random.choice(odd)()


def npz_set(random: randomness.Random, root: Path) -> None:
    """Write arrays of either kind, then change what they hold or the bytes of the file."""
    n, side = 2 * EACH, random.choice((4, 8, 8, 6))
    arrays: dict[str, Any] = {}

    def some(count: int) -> np.ndarray[Any, Any]:
        return np.frombuffer(random.randbytes(count * side * side), np.uint8).reshape(
            count, side, side
        )

    whole = random.random() < 0.5
    if whole:
        arrays |= {"images": some(n), "labels": np.arange(n) % 2}
    if not whole or random.random() < 0.1:
        for word in ("train", "valid", "test"):
            count = random.choice((4, 4, 1))
            arrays |= {f"x_{word}": some(count), f"y_{word}": np.arange(count) % 2}
    for name in list(arrays):
        if random.random() < 0.15:
            arrays[name] = odd_array(random, arrays[name])
        elif random.random() < 0.05:
            del arrays[name]
    path = root / "set.npz"
    random.choice((np.savez, np.savez_compressed))(path, **arrays)
    damage(random, path)


def damage(random: randomness.Random, path: Path) -> None:
    """Change the file's bytes, its entries' headers, or what it is."""
    whole = bytearray(path.read_bytes())
    kind = random.randrange(10)
    if kind == 0:
        path.write_bytes(whole[: random.randrange(len(whole))])
    elif kind == 1:
        for _ in range(random.choice((1, 5, 50))):
            whole[random.randrange(len(whole))] ^= 1 << random.randrange(8)
        path.write_bytes(whole)
    elif kind == 2:
        shape = random.choice(((2**70, 8, 8), (10**12, 8, 8), (-3, 8, 8), (), (2**40,)))
        text = repr({"descr": random.choice(("|u1", "<f8", "|O", "x")), "fortran_order": False,
                     "shape": shape}).encode()  # fmt: skip
        entry = b"\x93NUMPY\x01\x00" + struct.pack("<H", len(text)) + text + b"0" * 100
        with zipfile.ZipFile(path, "a") as archive:
            archive.writestr(random.choice(("images.npy", "x_train.npy", "other.npy")), entry)
    elif kind == 3:
        at = whole.rfind(b"PK\x01\x02")
        if at >= 0:
            whole[at + random.choice((8, 10, 20, 24, 42))] ^= random.randrange(1, 256)
        path.write_bytes(whole)
    elif kind == 4:
        path.write_bytes(
            random.choice((b"", b"PK", b"\x93NUMPY", b"\x80\x04}.", random.randbytes(99)))
        )


def cases(random: randomness.Random) -> Iterator[Case]:
    """Yield odd sets with the command that reads each; some are trained on for an epoch."""
    number = 0
    while True:
        seed = random.randrange(2**32)
        folder = random.random() < 0.6
        build = folder_set if folder else npz_set
        sides = ("", *("@8",) * 20, "@4", "@16", "@0", "@10", "@9996", "@99999")
        data = f"folder:set{random.choice(sides)}" if folder else "npz:set.npz"
        data = random.choice(
            (data,) * 30 + ("folder:", "npz:", "folder:nowhere", "npz:set", f"{data}\n")
        )
        command: tuple[str, ...]
        if random.random() < 0.15:
            batch = random.choice(("1", "2", "5"))
            command = ("train", "123", "--recipe", "digits-15", "--epochs", "1", "--batch", batch)
        else:  # reads the images, says what they are, and finds nothing to do
            command = ("tabulate", "--recipe", "digits-15", "--assemble", "--out", "table")

        def prepare(root: Path, seed: int = seed, build: Any = build) -> None:
            build(randomness.Random(seed), root)

        yield Case(f"{build.__name__}-{number}-{seed}", ((*command, "--dataset", data),), prepare)
        number += 1

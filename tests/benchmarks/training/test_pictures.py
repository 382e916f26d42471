"""Images of any mode: black stays black, white stays white, what is hidden is not seen."""

import json
import struct
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from nasbench.benchmarks.training.catalogue import load_data
from nasbench.benchmarks.training.data import DataSet, Part
from nasbench.benchmarks.training.readers.folder import image_folder
from nasbench.benchmarks.training.readers.pictures import Picture, read_picture
from nasbench.errors import DataError, InvalidInput

SIDE = 16
Grey = NDArray[np.uint8]
Save = Callable[[Grey, Path], None]


def scenes(count: int = 12) -> NDArray[np.uint8]:
    """Grey noise with black and white in every image, shape (count, 16, 16)."""
    made = np.random.default_rng(1).integers(0, 256, (count, SIDE, SIDE), dtype=np.uint8)
    made[:, 0, 0], made[:, 0, 1] = 0, 255
    return made


def tiff(values: NDArray[Any], bits: int, photometric: int, samples: int = 1) -> bytes:
    """Write a grey TIFF of one strip by hand, little-endian (TIFF 6.0, sections 4 and 19)."""
    entries = [
        (256, 4, SIDE), (257, 4, SIDE), (258, 3, bits), (259, 3, 1), (262, 3, photometric),
        (273, 4, 8), (277, 3, 1), (278, 4, SIDE), (279, 4, values.nbytes),
        (339, 3, samples),
    ]  # fmt: skip
    body = values.tobytes()
    table = struct.pack("<H", len(entries))
    table += b"".join(struct.pack("<HHII", tag, kind, 1, value) for tag, kind, value in entries)
    return b"II*\0" + struct.pack("<I", 8 + len(body)) + body + table + b"\0\0\0\0"


def layered(grey: Grey, alpha: NDArray[np.uint8], mode: str) -> Image.Image:
    layers = [grey] * (1 if mode == "LA" else 3)
    return Image.fromarray(np.stack([*layers, alpha], axis=-1))


def _tiff16(grey: Grey, path: Path) -> None:
    path.write_bytes(tiff(grey.astype("<u2") * 257, 16, 1))


def _white_is_zero(grey: Grey, path: Path) -> None:
    path.write_bytes(tiff(65535 - grey.astype("<u2") * 257, 16, 0))


def _twelve_bits(grey: Grey, path: Path) -> None:
    """Two pixels in three bytes, the highest bits first (TIFF 6.0, FillOrder 1)."""
    values = np.rint(grey.astype(float) * 4095 / 255).astype(int).reshape(-1, 2)
    packed = b"".join((int(a) << 12 | int(b)).to_bytes(3, "big") for a, b in values)
    path.write_bytes(tiff(np.frombuffer(packed, np.uint8), 12, 1))


def _float_white_is_zero(grey: Grey, path: Path) -> None:
    path.write_bytes(tiff((1 - grey / 255).astype("<f4"), 32, 0, samples=3))


def png(rows: NDArray[np.uint8], colour: int, bits: int, *hole: int) -> bytes:
    """Write a PNG by hand, `rows` the packed bytes of each row, `hole` what its tRNS says."""

    def chunk(name: bytes, body: bytes) -> bytes:
        return (
            struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))
        )

    body = b"".join(b"\0" + row.tobytes() for row in rows)
    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", struct.pack(">IIBBBBB", SIDE, SIDE, bits, colour, 0, 0, 0))
        + chunk(b"tRNS", struct.pack(f">{len(hole)}H", *hole))
        + chunk(b"IDAT", zlib.compress(body))
        + chunk(b"IEND", b"")
    )


def fits(values: NDArray[Any], bits: int) -> bytes:
    """Write a FITS image by hand (FITS standard 4.0, sections 3 and 4.4.1.1)."""
    lines = ("SIMPLE  = T", f"BITPIX  = {bits}", "NAXIS   = 2", f"NAXIS1  = {SIDE}",
             f"NAXIS2  = {SIDE}", "END")  # fmt: skip
    header = b"".join(line.encode().ljust(80) for line in lines)
    return header.ljust(2880) + values.tobytes().ljust(2880, b"\0")


def mcidas(values: NDArray[Any]) -> bytes:
    """Write a McIDAS area by hand: a directory of 64 words (numbered from 1), then the pixels."""
    words = [0] * 65
    words[2], words[9], words[10], words[11], words[14] = 4, SIDE, SIDE, values.itemsize, 1
    words[34] = 64 * 4  # where the pixels begin
    return struct.pack(">64i", *words[1:]) + values.tobytes()


def _pgm(grey: Grey, path: Path, white: int = 65535) -> None:
    values = np.rint(grey.astype(float) * white / 255).astype(">u2")
    path.write_bytes(b"P5\n%d %d\n%d\n" % (SIDE, SIDE, white) + values.tobytes())


def _pfm(grey: Grey, path: Path) -> None:
    upwards = (grey / 255)[::-1].astype("<f4")  # its rows go from the bottom to the top
    path.write_bytes(b"Pf\n%d %d\n-1.0\n" % (SIDE, SIDE) + upwards.tobytes())


def _palette(grey: Grey, path: Path) -> None:
    image = Image.fromarray(grey).convert("P")
    image.putpalette([level for level in range(256) for _ in range(3)])
    image.save(path)


OPAQUE = np.full((SIDE, SIDE), 255, np.uint8)
SAME: dict[str, tuple[str, Save]] = {
    "grey": ("png", lambda grey, path: Image.fromarray(grey).save(path)),
    "palette": ("png", _palette),
    "16-bit PNG": ("png", lambda grey, path: Image.fromarray(grey.astype("u2") * 257).save(path)),
    "16-bit TIFF": ("tif", _tiff16),
    "16-bit TIFF, white is 0": ("tif", _white_is_zero),
    "12-bit TIFF": ("tif", _twelve_bits),
    "16-bit PGM": ("pgm", _pgm),
    "12-bit PGM": ("pgm", lambda grey, path: _pgm(grey, path, 4095)),
    "float TIFF": ("tif", lambda grey, path: Image.fromarray((grey / 255).astype("f4")).save(path)),
    "float TIFF, white is 0": ("tif", _float_white_is_zero),
    "PFM": ("pfm", _pfm),
    "opaque LA": ("png", lambda grey, path: layered(grey, OPAQUE, "LA").save(path)),
    "opaque RGBA": ("png", lambda grey, path: layered(grey, OPAQUE, "RGBA").save(path)),
    "WebP": ("webp", lambda grey, path: Image.fromarray(grey).convert("RGB").save(
        path, lossless=True)),
    "another ending": ("jfif", lambda grey, path: Image.fromarray(grey).save(path, "PNG")),
    "no ending": ("", lambda grey, path: Image.fromarray(grey).save(path, "PNG")),
}  # fmt: skip


def saved(root: Path, save: Save, ending: str) -> DataSet:
    """Write the scenes as two classes in a folder `scenes`; read it."""
    for number, grey in enumerate(scenes()):
        folder = root / "scenes" / "ab"[number % 2]
        folder.mkdir(parents=True, exist_ok=True)
        save(grey, folder / (f"{number}.{ending}" if ending else str(number)))
    return image_folder(root / "scenes", SIDE)


@pytest.mark.parametrize("how", SAME)
def test_the_same_scenes_give_the_same_arrays(tmp_path: Path, how: str) -> None:
    """As 8-bit RGB files, which need no conversion, whatever the file holds them as."""
    plain = saved(
        tmp_path / "plain",
        lambda grey, path: Image.fromarray(grey).convert("RGB").save(path),
        "png",
    )
    raw = np.rint(255 * plain.parts[Part.WEIGHTS].images[:, 0].numpy())
    assert {one.tobytes() for one in raw.astype(np.uint8)} <= {one.tobytes() for one in scenes()}
    ending, save = SAME[how]
    assert saved(tmp_path / "other", save, ending).fingerprint() == plain.fingerprint()


def on_white(colour: NDArray[Any], alpha: NDArray[Any]) -> NDArray[np.float64]:
    """Porter & Duff, 1984, `over` an opaque white: a c + (1 - a) 255."""
    share = alpha / 255
    return np.asarray(share * colour + (1 - share) * 255)


def read(path: Path) -> Picture:
    found = read_picture(path, SIDE)
    assert found is not None
    return found


@pytest.mark.parametrize("mode", ["LA", "RGBA"])
def test_transparent_pixels_are_laid_on_white(tmp_path: Path, mode: str) -> None:
    grey, alpha = scenes(2)
    layered(grey, alpha, mode).save(tmp_path / "image.png")
    found = read(tmp_path / "image.png")
    assert found.treated == ("transparent, laid on white",)
    for channel in found.square:
        np.testing.assert_allclose(channel, on_white(grey, alpha), atol=1)


@pytest.mark.parametrize("kind", ["palette", "grey", "16-bit grey", "colour", "GIF"])
def test_one_transparent_value_is_white(tmp_path: Path, kind: str) -> None:
    """The colour that a file calls transparent is not seen, whatever it is."""
    grey = scenes(1)[0]
    hidden, path = int(grey[3, 4]), tmp_path / "image.png"
    expected = np.where(grey == hidden, 255, grey)
    if kind in ("palette", "GIF"):
        image = Image.fromarray(grey).convert("P")
        image.putpalette([level for level in range(256) for _ in range(3)])
        path = tmp_path / ("image.gif" if kind == "GIF" else "image.png")
        image.save(path, transparency=hidden)
    elif kind == "16-bit grey":
        Image.fromarray(grey.astype("u2") * 257).save(path, transparency=hidden * 257)
    elif kind == "grey":
        Image.fromarray(grey).save(path, transparency=hidden)
    else:
        Image.fromarray(grey).convert("RGB").save(path, transparency=(hidden,) * 3)
    found = read(path)
    assert "transparent, laid on white" in found.treated
    np.testing.assert_array_equal(found.square, np.stack([expected] * 3))


def test_of_16_bit_colours_only_the_transparent_one_is_white(tmp_path: Path) -> None:
    """A colour that differs from it in a low byte, or is one of its bytes, is seen."""
    colours = np.full((SIDE, SIDE, 3), 0x1234, ">u2")
    colours[0, 0] = 0x1235, 0x1234, 0x1234
    colours[0, 1] = 0x1234, 0x1234, 0x0034
    colours[0, 2] = 0xFFFF, 0, 0
    colours[5, 5] = 0, 0, 0
    rows = colours.reshape(SIDE, -1).view(np.uint8)
    (tmp_path / "image.png").write_bytes(png(rows, 2, 16, 0x1234, 0x1234, 0x1234))
    found = read(tmp_path / "image.png")
    assert found.treated == ("transparent, laid on white",)
    expected = np.full((SIDE, SIDE, 3), 255)
    expected[0, :3] = (0x12, 0x12, 0x12), (0x12, 0x12, 0), (255, 0, 0)
    expected[5, 5] = 0
    np.testing.assert_array_equal(found.square.transpose(1, 2, 0), expected)
    (tmp_path / "image.png").write_bytes(png(rows, 2, 16, 0, 0, 0))
    expected = np.full((SIDE, SIDE, 3), 0x12)
    expected[0, 1], expected[0, 2], expected[5, 5] = (0x12, 0x12, 0), (255, 0, 0), 255
    np.testing.assert_array_equal(read(tmp_path / "image.png").square.transpose(1, 2, 0), expected)


@pytest.mark.parametrize("bits", [1, 2, 4])
def test_one_transparent_value_of_few_bits_is_white(tmp_path: Path, bits: int) -> None:
    """Its tRNS counts in the steps of the file, of which the last is white."""
    last = 2**bits - 1
    values = scenes(1)[0] >> (8 - bits)
    each = values[..., None] >> np.arange(bits)[::-1] & 1
    rows = np.packbits(each.reshape(SIDE, -1).astype(np.uint8), axis=1)
    for hidden in range(last + 1):
        (tmp_path / "image.png").write_bytes(png(rows, 0, bits, hidden))
        expected = np.where(values == hidden, 255, values.astype(int) * 255 // last)
        np.testing.assert_array_equal(read(tmp_path / "image.png").square[0], expected)


@pytest.mark.parametrize(
    ("name", "content", "reason"),
    [
        ("s8.tif", tiff(scenes(1)[0].view(np.int8), 8, 1, samples=2), "TIFF of signed samples"),
        (
            "s16.tif",
            tiff(np.full((SIDE, SIDE), -5, "<i2"), 16, 1, samples=2),
            "TIFF of signed samples",
        ),
        ("u32.tif", tiff(np.full((SIDE, SIDE), 2**31, "<u4"), 32, 1), "mode I, 32-bit integers"),
        ("16.fits", fits(np.full((SIDE, SIDE), -5, ">i2"), 16), "FITS, whose numbers are signed"),
        ("8.fits", fits(scenes(1)[0], 8), "FITS, whose numbers are signed"),
        ("16.area", mcidas(np.full((SIDE, SIDE), 1000, ">i2")), "16 bits of the format MCIDAS"),
        ("float.fits", fits(np.full((SIDE, SIDE), 0.5, ">f4"), -32), "FITS, whose numbers"),
    ],
)
def test_numbers_that_are_no_brightness_are_refused(
    tmp_path: Path, name: str, content: bytes, reason: str
) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(
        DataError, match=f"{name}' \\({reason}.*: save it .*remove or replace"
    ) as one:
        read_picture(tmp_path / name, SIDE)
    assert "\n" not in str(one.value)


@pytest.mark.parametrize(
    ("values", "reason"),
    [
        (scenes(1)[0].astype("i4") * 257, "TIFF of signed samples"),
        (scenes(1)[0].astype("f4"), "mode F, floats from 0 to 255: scale them"),
        (np.full((SIDE, SIDE), np.nan, "f4"), "mode F, floats from nan to nan"),
        (-scenes(1)[0].astype("f4") / 255, "mode F, floats from -1 to"),
    ],
)
def test_modes_without_a_white_are_refused(tmp_path: Path, values: Any, reason: str) -> None:
    Image.fromarray(values).save(tmp_path / "image.tif")
    with pytest.raises(DataError, match=reason):
        read_picture(tmp_path / "image.tif", SIDE)


def test_orientation_and_first_frame(tmp_path: Path) -> None:
    """EXIF's orientation 6 is a quarter turn clockwise; of an animation the first frame is used."""
    grey = scenes(1)[0]
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.fromarray(grey.astype("u2") * 257).save(tmp_path / "turned.png", exif=exif)
    np.testing.assert_array_equal(read(tmp_path / "turned.png").square[0], np.rot90(grey, -1))
    first, second = (Image.fromarray(one).convert("RGB") for one in scenes(2))
    first.save(tmp_path / "moving.png", save_all=True, append_images=[second])
    found = read(tmp_path / "moving.png")
    assert found.treated == ("several frames, of which the first is used",)
    np.testing.assert_array_equal(found.square[0], grey)


def test_what_is_no_image_and_what_is_a_damaged_one(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("no image")
    assert read_picture(tmp_path / "notes.txt", SIDE) is None
    Image.fromarray(scenes(1)[0]).save(tmp_path / "image.png")
    whole = (tmp_path / "image.png").read_bytes()
    (tmp_path / "image.png").write_bytes(whole[:100])
    (tmp_path / "named.png").write_text("no image")
    huge = bytearray(whole)
    huge[16:24] = struct.pack(">II", 20_000, 20_000)  # after it: the header's checksum
    huge[29:33] = struct.pack(">I", zlib.crc32(huge[12:29]))
    (tmp_path / "huge.png").write_bytes(bytes(huge))
    for name, reason in (
        ("image.png", "truncated|broken"),
        ("named.png", "damaged, or not what its name says"),
        ("huge.png", "it has more than 89,478,485 pixels"),
    ):
        with pytest.raises(DataError, match=f"cannot read image .*{name}' \\(.*{reason}") as caught:
            read_picture(tmp_path / name, SIDE)
        assert "\n" not in str(caught.value)


@pytest.fixture
def odd(tmp_path: Path) -> Path:
    """Two classes of six images; a copy, a transparent one, notes, a folder in a class."""
    root = tmp_path / "pets"
    for number, grey in enumerate(scenes()):
        folder = root / ("cat", "dog")[number % 2]
        folder.mkdir(parents=True, exist_ok=True)
        image = Image.fromarray(grey)
        if number == 3:
            image.putalpha(128)
        image.save(folder / f"{number:02}.png")
    (root / "dog" / "99.png").write_bytes((root / "cat" / "04.png").read_bytes())
    (root / "cat" / "notes.txt").write_text("no image")
    (root / "cat" / "more").mkdir()
    (root / "readme.md").write_text("pets")
    (root / ".hidden").mkdir()
    Image.fromarray(scenes(1)[0]).save(root / "cat" / ".kept.png")
    (root / "dog" / "._00.png").write_bytes(b"no image, but what another system keeps beside one")
    return root


def test_what_was_found_is_known(odd: Path) -> None:
    found = image_folder(odd, SIDE).found
    assert found is not None
    assert found.to_json() == {
        "dataset": "folder:pets", "side": 16, "channels": 3,
        "classes": {
            "cat": {"weights": 4, "validation": 1, "test": 1},
            "dog": {"weights": 4, "validation": 1, "test": 1},
        },
        "skipped": [
            ".hidden/", "readme.md", "cat/.kept.png", "cat/more/", "cat/notes.txt", "dog/._00.png",
        ],
        "merged": ["dog/99.png is cat/04.png"],
        "treated": {"transparent, laid on white": 1},
        "remarks": [],
    }  # fmt: skip
    assert json.loads(json.dumps(found.to_json())) == found.to_json()
    assert list(found.lines()) == [
        "data set folder:pets: 12 images of 2 classes, used as 16x16 pixels of 3 channels",
        "          weights  validation        test",
        "  cat           4           1           1",
        "  dog           4           1           1",
        "  all           8           2           2",
        "  transparent, laid on white: 1 image",
        "  identical to an earlier image and left out: 1 image (dog/99.png is cat/04.png)",
        "  passed over: 6 "
        "(.hidden/, readme.md, cat/.kept.png, cat/more/, cat/notes.txt and 1 more)",
    ]


def test_dark_16_bit_images_are_remarked(tmp_path: Path) -> None:
    """A 12-bit camera's values in 16 bits use a sixteenth of the range."""
    data = saved(
        tmp_path, lambda grey, path: Image.fromarray(grey.astype("u2") * 16).save(path), "png"
    )
    assert data.found is not None
    assert data.found.treated == {"16 bits per pixel, scaled to 8": 12}
    assert data.found.remarks[0].startswith("the brightest 16-bit pixel is 4080 of 65535")


def test_classes_one_level_down_are_named(odd: Path, tmp_path: Path) -> None:
    (tmp_path / "set").mkdir()
    odd.rename(tmp_path / "set" / "train")
    with pytest.raises(DataError, match=r"'train' hold folders .* such as 'folder:.*set/train'"):
        load_data(f"folder:{tmp_path / 'set'}")
    (tmp_path / "set" / "test" / "cat").mkdir(parents=True)
    with pytest.raises(DataError, match=r"'test', 'train' hold folders instead of images"):
        load_data(f"folder:{tmp_path / 'set'}")
    assert load_data(f"folder:{tmp_path / 'set' / 'train'}@16").input == (16, 3, 2)


def test_paths_that_cannot_be_used(tmp_path: Path) -> None:
    (tmp_path / "loop").symlink_to("loop")
    for name, error, reason in (
        (f"folder:{tmp_path / 'loop'}", DataError, "does not exist"),
        ("folder:a\udcffb", InvalidInput, "cannot be stored"),
        ("npz:a\0b", InvalidInput, "cannot be stored"),
        (f"folder:{'x' * 5000}", DataError, "File name too long"),
        ("folder:~nosuchuser/x", InvalidInput, "no such user's folder"),
    ):
        with pytest.raises(error, match=reason) as caught:
            load_data(name)
        str(caught.value).encode()

"""Reading one image file as an RGB square, from any mode in which it is stored.

White and black of the file stay white and black: numbers of more than eight bits are scaled by
the range of their format, never clipped. A file whose format does not define white is refused.
"""

import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageFile, ImageOps, UnidentifiedImageError

from nasbench.benchmarks.training.found_images import readable
from nasbench.errors import DataError

BACKGROUND = "white"
"""Colour behind the transparent pixels of an image."""
FLOATS = "floats from 0 to 1, scaled to 8 bits"
TRANSPARENT = f"transparent, laid on {BACKGROUND}"
FRAMES = "several frames, of which the first is used"

_NOT_READ = {"BUFR", "EPS", "GRIB", "HDF5", "MPEG", "WMF"}
"""Formats that Pillow can open but not read, or reads only with another program."""
_WHITE = 65535
_DARK = _WHITE // 4
_BITS, _PHOTOMETRIC, _SAMPLES = 258, 262, 339
"""Tags of TIFF 6.0: BitsPerSample, PhotometricInterpretation, SampleFormat."""
_WHITE_IS_ZERO, _SIGNED = 0, 2
_WITH_WHITE = {"IM", "JPEG2000", "PNG", "PPM", "TIFF"}
"""Formats in which the largest 16-bit value is white; in others, values are measurements."""
_STEPS = {"L;2": 85, "L;4": 17}
"""Pillow's names of 2-bit and 4-bit greys, with the size of one of their steps in eight bits."""


class Picture(NamedTuple):
    """One image, shape (3, side, side), the changes made to it, and its brightest 16-bit value."""

    square: NDArray[np.uint8]
    treated: tuple[str, ...]
    brightest: int = 0


def formats() -> tuple[str, ...]:
    """Return the formats that are read: all that Pillow reads without another program."""
    Image.init()
    return tuple(name for name in Image.OPEN if name not in _NOT_READ)


def suffixes() -> frozenset[str]:
    """Return the file name suffixes of these formats, such as `.png`, in lower case."""
    known = set(formats())
    return frozenset(end for end, name in Image.registered_extensions().items() if name in known)


def read_picture(path: Path, side: int) -> Picture | None:
    """Read a file and resize its middle square to `side` pixels (bilinear); None for no image.

    Greys of 16 bits, and of 12 bits in TIFF, are scaled by the range of their bits. Floats from 0
    to 1 are multiplied by 255. Transparent pixels are laid on `BACKGROUND`. Raises `DataError` for
    an image that is damaged, has more pixels than Pillow's limit, has signed samples, or has a mode
    or format in which white is not defined, such as FITS.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            with Image.open(path, formats=formats()) as stored:
                return _square(stored, side)
    except UnidentifiedImageError as error:
        if path.suffix.lower() not in suffixes():
            return None
        raise _cannot(path, "damaged, or not what its name says") from error
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        raise _cannot(path, f"it has more than {Image.MAX_IMAGE_PIXELS:,} pixels") from error
    except MemoryError as error:
        raise _cannot(path, "it takes more memory than there is") from error
    except Exception as error:  # decoders may raise any error for damaged files
        reason = " ".join(str(error).split()) or type(error).__name__
        raise _cannot(path, readable(f"{reason:.200}")) from error


def _cannot(path: Path, reason: str) -> DataError:
    return DataError(f"cannot read image '{readable(str(path))}' ({reason}): remove or replace it")


def _square(stored: ImageFile.ImageFile, side: int) -> Picture:
    treated = [FRAMES] if getattr(stored, "is_animated", False) else []
    stored.seek(0)
    if not (stored.width and stored.height):
        raise ValueError(f"{stored.width}x{stored.height} pixels")
    _check_samples(stored)
    packing = str(stored.tile[0].args) if stored.format == "PNG" and stored.tile else ""
    eight, how, brightest = _eight_bits(ImageOps.exif_transpose(stored), stored)
    eight = _with_hole(eight, stored, packing)
    if how:
        treated.append(how)
    if eight.has_transparency_data:
        layer = eight.convert("RGBA")
        if np.asarray(layer.getchannel("A")).min() < 255:
            treated.append(TRANSPARENT)
            layer = Image.alpha_composite(Image.new("RGBA", layer.size, BACKGROUND), layer)
        eight = layer
    square = ImageOps.fit(eight.convert("RGB"), (side, side), Image.Resampling.BILINEAR)
    pixels = np.asarray(square, dtype=np.uint8).transpose(2, 0, 1)
    return Picture(pixels, tuple(treated), brightest)


def _check_samples(stored: ImageFile.ImageFile) -> None:
    """Raise `ValueError` if a file's numbers are not brightness between black and white."""
    if stored.format == "FITS":
        raise ValueError(
            "FITS, whose numbers are signed measurements that do not say what white is: save it as "
            "PNG"
        )
    if _SIGNED in _tags(stored).get(_SAMPLES, ()):
        raise ValueError(
            "TIFF of signed samples, which do not say what black and white are: save it with "
            "unsigned ones"
        )


def _tags(stored: Image.Image) -> Mapping[int, Any]:
    """Return a TIFF's tags; an empty mapping for other formats."""
    tags: Mapping[int, Any] = getattr(stored, "tag_v2", {})
    return tags


def _eight_bits(image: Image.Image, stored: Image.Image) -> tuple[Image.Image, str, int]:
    """Return an image of eight bits per channel, the change made, and the brightest 16-bit value.

    `image` is `stored` turned upright; only `stored` has the format and tags of the file.
    """
    negative = _tags(stored).get(_PHOTOMETRIC) == _WHITE_IS_ZERO
    # where 0 is white, Pillow inverts TIFFs of up to 8 bits, but not those of more bits
    if image.mode == "La":  # grey that is already multiplied by its alpha
        return image.convert("LA"), "", 0
    if image.mode.startswith("I;16") or (image.mode == "I" and stored.format in ("PNG", "PPM")):
        if stored.format not in _WITH_WHITE:
            raise ValueError(
                f"16 bits of the format {stored.format}, which does not say what white is: save it "
                "as PNG"
            )
        bits = _tags(stored).get(_BITS, (16,))[0]
        return _sixteen_bits(image, bits, negative)
    if image.mode == "F":
        floats = np.asarray(image, dtype=np.float32)
        if not (np.isfinite(floats).all() and 0 <= floats.min() <= floats.max() <= 1):
            raise ValueError(
                f"mode F, floats from {floats.min():g} to {floats.max():g}: scale them to 0..1, "
                "black to white"
            )
        if negative:
            floats = 1 - floats
        return Image.fromarray(np.rint(255 * floats).astype(np.uint8)), FLOATS, 0
    if image.mode == "I":
        raise ValueError(
            "mode I, 32-bit integers, which do not say what white is: save it in 8 or 16 bits"
        )
    return image, "", 0


def _sixteen_bits(image: Image.Image, bits: int, negative: bool) -> tuple[Image.Image, str, int]:
    """Scale greys of `bits` bits to eight; pixels of the file's transparent value get alpha 0."""
    white = 2**bits - 1
    values = np.asarray(image).astype(np.int64)
    hole = image.info.get("transparency")
    shown = white - values if negative else values
    grey = np.rint(shown * 255 / white).astype(np.uint8)
    if isinstance(hole, int):
        alpha = np.where(values == hole, 0, 255).astype(np.uint8)
        grey = np.stack([grey, alpha], axis=-1)
    brightest = int(shown.max()) * _WHITE // white
    return Image.fromarray(grey), f"{bits} bits per pixel, scaled to 8", brightest


def _with_hole(image: Image.Image, stored: ImageFile.ImageFile, packing: str) -> Image.Image:
    """Return a PNG in which pixels of the file's one transparent colour are transparent.

    Pillow keeps that colour in the file's bits, not in eight. `packing` is Pillow's name for the
    way the pixels are stored. Pillow keeps only the high bytes of 16-bit colours, so the low bytes
    are read here too: a colour that differs only in them is not transparent (PNG, third edition,
    section 11.3.1.1).
    """
    hole = image.info.get("transparency")
    if packing in _STEPS and isinstance(hole, int):
        image.info["transparency"] = hole * _STEPS[packing]
    if packing != "RGB;16B" or not isinstance(hole, tuple):
        return image
    with Image.open(stored.filename, formats=("PNG",)) as again:
        again.tile = [tile._replace(args="RGB;16L") for tile in again.tile]  # the low bytes
        low = np.asarray(ImageOps.exif_transpose(again)).astype(np.int64)
    hidden = (256 * np.asarray(image).astype(np.int64) + low == np.array(hole)).all(axis=-1)
    clear = image.copy()
    del clear.info["transparency"]
    clear.putalpha(Image.fromarray(np.where(hidden, 0, 255).astype(np.uint8)))
    return clear


def dark(brightest: int) -> bool:
    """Whether 16-bit images with this brightest value use less than a quarter of the range."""
    return 0 < brightest < _DARK

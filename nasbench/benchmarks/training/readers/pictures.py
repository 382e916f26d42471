"""One image file as a square of RGB, whatever the mode it is stored in.

White and black of the file stay white and black: numbers of more than eight bits are scaled by
the range of their format, never cut off. Where no format says what white is, the file is refused.
"""

import warnings
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps, UnidentifiedImageError

from nasbench.benchmarks.training.found import readable
from nasbench.errors import DataError

BACKGROUND = "white"
"""What shows through where an image is transparent."""
SIXTEEN_BITS = "16 bits per pixel, scaled to 8"
FLOATS = "floats from 0 to 1, scaled to 8 bits"
TRANSPARENT = f"transparent, laid on {BACKGROUND}"
FRAMES = "several frames, of which the first is used"

_NOT_READ = {"BUFR", "EPS", "GRIB", "HDF5", "MPEG", "WMF"}
"""Formats that Pillow opens without being able to read them, or with another program's help."""
_WHITE = 65535
_DARK = _WHITE // 4
_PHOTOMETRIC, _WHITE_IS_ZERO = 262, 0


class Picture(NamedTuple):
    """One image, shape (3, side, side), what was done to it, and the brightest 16-bit value."""

    square: NDArray[np.uint8]
    treated: tuple[str, ...]
    brightest: int = 0


def formats() -> tuple[str, ...]:
    """Return the formats that are read: all that Pillow reads by itself."""
    Image.init()
    return tuple(name for name in Image.OPEN if name not in _NOT_READ)


def suffixes() -> frozenset[str]:
    """Return the endings of these formats' files, in lower case."""
    known = set(formats())
    return frozenset(end for end, name in Image.registered_extensions().items() if name in known)


def read_picture(path: Path, side: int) -> Picture | None:
    """Read a file, its middle square resized to `side` (bilinear); None if it is no image.

    16-bit greys are divided by 257, floats from 0 to 1 multiplied by 255, transparent pixels laid
    on `BACKGROUND`. Raises `DataError` for an image that is damaged, larger than Pillow's limit of
    pixels, or of a mode in which white is not defined.
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
    except Exception as error:  # decoders of damaged files raise whatever comes
        reason = " ".join(str(error).split()) or type(error).__name__
        raise _cannot(path, readable(f"{reason:.200}")) from error


def _cannot(path: Path, reason: str) -> DataError:
    return DataError(f"cannot read image '{readable(str(path))}' ({reason}): remove or replace it")


def _square(stored: Image.Image, side: int) -> Picture:
    treated = [FRAMES] if getattr(stored, "is_animated", False) else []
    stored.seek(0)
    if not (stored.width and stored.height):
        raise ValueError(f"{stored.width}x{stored.height} pixels")
    eight, how, brightest = _eight_bits(ImageOps.exif_transpose(stored), stored)
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


def _eight_bits(image: Image.Image, stored: Image.Image) -> tuple[Image.Image, str, int]:
    """Return an image of eight bits per channel, what that took, and the brightest 16-bit value.

    `image` is `stored` upright; only the latter knows its file's format.
    """
    if image.mode == "La":  # grey that is multiplied by its alpha
        return image.convert("LA"), "", 0
    if image.mode.startswith("I;16") or (image.mode == "I" and stored.format in ("PNG", "PPM")):
        values = np.asarray(image).astype(np.int64)
        if getattr(stored, "tag_v2", {}).get(_PHOTOMETRIC) == _WHITE_IS_ZERO:
            values = _WHITE - values  # Pillow turns 8-bit TIFFs round, but not these
        return _with_hole(image, values), SIXTEEN_BITS, int(values.max())
    if image.mode == "F":
        floats = np.asarray(image, dtype=np.float32)
        if not (np.isfinite(floats).all() and 0 <= floats.min() <= floats.max() <= 1):
            raise ValueError(
                f"mode F, floats from {floats.min():g} to {floats.max():g}: scale them to 0..1, "
                "black to white"
            )
        return Image.fromarray(np.rint(255 * floats).astype(np.uint8)), FLOATS, 0
    if image.mode == "I":
        raise ValueError(
            "mode I, 32-bit integers, which do not say what white is: save it in 8 or 16 bits"
        )
    return image, "", 0


def _with_hole(image: Image.Image, values: NDArray[np.int64]) -> Image.Image:
    """Return 16-bit values in 8 bits, transparent where the file says that one value is."""
    grey = np.rint(values / 257).astype(np.uint8)
    hole = image.info.get("transparency")
    if not isinstance(hole, int):
        return Image.fromarray(grey)
    alpha = np.where(values == hole, 0, 255).astype(np.uint8)
    return Image.fromarray(np.stack([grey, alpha], axis=-1))


def dark(brightest: int) -> bool:
    """Whether 16-bit images with this brightest value use less than a quarter of their range."""
    return 0 < brightest < _DARK

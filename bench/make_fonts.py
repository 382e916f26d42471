"""Make the fonts of figures: parts of Liberation Sans and Serif, under names of their own.

    python bench/make_fonts.py FOLDER

FOLDER holds `LiberationSans-Regular.ttf` and `LiberationSerif-Regular.ttf`, such as those of the
Debian package `fonts-liberation2`:

    apt-get download fonts-liberation2 && dpkg-deb -x fonts-liberation2_*.deb unpacked
    python bench/make_fonts.py unpacked/usr/share/fonts/truetype/liberation2

The same files make the same bytes. The licence (OFL 1.1) reserves the name "Liberation", so the
parts are called "Nasbench Sans" and "Nasbench Serif". Hinting is left out: figures are not hinted.
"""

import argparse
from pathlib import Path

from fontTools.subset import Options, Subsetter
from fontTools.ttLib import TTFont

import nasbench.harness.compare.figures

OUT = Path(nasbench.harness.compare.figures.__file__).parent / "fonts"
CHARACTERS = [
    *range(0x20, 0x7F),  # ASCII
    *range(0xA0, 0x180),  # Latin-1, Latin Extended-A
    *range(0x370, 0x400),  # Greek
    *range(0x2010, 0x2028),  # dashes, quotation marks, dots
    *range(0x2030, 0x203B),
    *range(0x2070, 0x2095),  # superscripts and subscripts
    *range(0x2190, 0x219A),  # arrows
    *range(0x2200, 0x2270),  # mathematics: minus, infinity, comparisons
]
FAMILIES = {"LiberationSans": "Nasbench Sans", "LiberationSerif": "Nasbench Serif"}
_FAMILY, _STYLE, _UNIQUE, _FULL, _POSTSCRIPT = 1, 2, 3, 4, 6
_KEPT = {0, 5, 13, 14}
"""Names that stay as they are: copyright, version, licence, address of the licence."""


def main() -> None:
    """Write both fonts and print their sizes."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    folder: Path = parser.parse_args().folder
    for source, family in FAMILIES.items():
        path = OUT / f"{family.replace(' ', '')}-Regular.ttf"
        make(folder / f"{source}-Regular.ttf", family, path)
        print(f"{path}: {path.stat().st_size / 1000:.0f} kB")


def make(source: Path, family: str, path: Path) -> None:
    """Write the part of a font that figures need, with the name `family`."""
    options = Options()
    options.hinting = False
    options.name_IDs = sorted({*_KEPT, _FAMILY, _STYLE, _UNIQUE, _FULL, _POSTSCRIPT})
    options.name_languages = [0x409]
    options.layout_features = ["kern"]
    options.drop_tables += ["FFTM", "DSIG", "GDEF"]
    font = TTFont(source, recalcTimestamp=False)
    subsetter = Subsetter(options)
    subsetter.populate(unicodes=CHARACTERS)
    subsetter.subset(font)
    short = family.replace(" ", "")
    new = {
        _FAMILY: family, _STYLE: "Regular", _UNIQUE: f"{short}-Regular", _FULL: family,
        _POSTSCRIPT: f"{short}-Regular",
    }  # fmt: skip
    for record in font["name"].names:
        record.string = new.get(record.nameID, record.toUnicode())
    if not all(
        record.nameID in _KEPT for record in font["name"].names if "Liberation" in str(record)
    ):
        raise SystemExit(f"{source}: a name of the font still says Liberation")
    path.parent.mkdir(exist_ok=True)
    font.save(path, reorderTables=True)


if __name__ == "__main__":
    main()

"""What follows from a table's description and is not in its columns' names."""

import re
from typing import NamedTuple

from nasbench.benchmarks.tables.format import Column, Split, TableInfo

_IMAGES = re.compile(r"images: \d+ weights, (\d+) validation, (\d+) test\b")
_TRAINED = re.compile(r"trained: recipe Recipe\(.*\bcurve_images=(\d+)\b")


class CurveImages(NamedTuple):
    """On how many images of a part a learning curve is read before its last epoch."""

    number: int

    @property
    def sentence(self) -> str:
        """What a reader of a curve must know."""
        return (
            f"accuracy and loss of every epoch but the last are read on the first {self.number} "
            "images of a part, those of the last epoch on all of them: the step between the last "
            "two epochs is one of images too"
        )

    def of(self, column: Column) -> str:
        """Return what is to be said of a column: nothing of those that are no such curve."""
        if not column.curve or column.split not in (Split.VALID, Split.TEST):
            return ""
        return f"on {self.number} images, last epoch on all"


def curve_images(info: TableInfo) -> CurveImages | None:
    """Return on how many images curves are read; None where every epoch is read on the same.

    Tables made by `nasbench tabulate` say it in the note on their recipe, and those of a user's own
    images how many there are.
    """
    trained = [match for note in info.notes if (match := _TRAINED.match(note))]
    if not trained:
        return None
    number = int(trained[0][1])
    held = [match for note in info.notes if (match := _IMAGES.match(note))]
    if held and max(int(held[0][1]), int(held[0][2])) <= number:
        return None
    return CurveImages(number)

"""Facts about a table that its notes state and its columns' names do not."""

import re
from typing import NamedTuple

from nasbench.benchmarks.tables.info import Column, Split, TableInfo

_IMAGES = re.compile(r"images: \d+ weights, (\d+) validation, (\d+) test\b")
_TRAINED = re.compile(r"trained: recipe Recipe\(.*\bcurve_images=(\d+)\b")


class CurveImages(NamedTuple):
    """The number of images on which a learning curve is evaluated before its last epoch."""

    number: int

    @property
    def sentence(self) -> str:
        """The sentence that explains this to a reader of the curve."""
        return (
            f"accuracy and loss of every epoch but the last are read on the first {self.number} "
            "images of a part, those of the last epoch on all of them: the step between the last "
            "two epochs is one of images too"
        )

    def of(self, column: Column) -> str:
        """Return the remark for a column; empty unless it is a validation or test curve."""
        if not column.curve or column.split not in (Split.VALID, Split.TEST):
            return ""
        return f"on {self.number} images, last epoch on all"


def curve_images(info: TableInfo) -> CurveImages | None:
    """Return how many images curves use; None where every epoch is evaluated on the same images.

    Tables made by `nasbench tabulate` state this number in the note on their recipe. Tables of a
    user's own images also state the size of each part; None if no part is larger than the number.
    """
    trained = [match for note in info.notes if (match := _TRAINED.match(note))]
    if not trained:
        return None
    number = int(trained[0][1])
    held = [match for note in info.notes if (match := _IMAGES.match(note))]
    if held and max(int(held[0][1]), int(held[0][2])) <= number:
        return None
    return CurveImages(number)

"""A report on reading a user's own images: for the screen, for JSON and for a table's notes."""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from nasbench.files import RESULTS, atomic_write

FILE = "images.json"
_SHOWN_CLASSES, _SHOWN_FILES = 20, 5
_WIDEST = 40


@dataclass(frozen=True)
class Found:
    """The number of images per class and part, and the files that were left out or changed."""

    dataset: str
    side: int
    channels: int
    classes: tuple[str, ...]
    images: Mapping[str, tuple[int, ...]]
    """For each part, the number of images of every class, in the order of `classes`."""
    skipped: tuple[str, ...] = ()
    """Files or arrays that were ignored: their paths in the data set's folder, or their names."""
    merged: tuple[str, ...] = ()
    """Images left out because they are identical to an earlier one: texts that name both."""
    treated: Mapping[str, int] = field(default_factory=dict)
    """For each kind of change, such as scaling to 8 bits, the number of images with it."""
    remarks: tuple[str, ...] = ()
    """Further warnings, each a line."""

    def to_json(self) -> dict[str, Any]:
        """Return the report as plain values that JSON can hold."""
        counts = zip(*self.images.values(), strict=True)
        return {
            "dataset": self.dataset,
            "side": self.side,
            "channels": self.channels,
            "classes": {
                name: dict(zip(self.images, row, strict=True))
                for name, row in zip(self.classes, counts, strict=True)
            },
            "skipped": list(self.skipped),
            "merged": list(self.merged),
            "treated": dict(self.treated),
            "remarks": list(self.remarks),
        }

    def save(self, folder: Path) -> None:
        """Write `images.json` into the folder of a training."""
        with atomic_write(folder / FILE, RESULTS) as file:
            file.write(f"{json.dumps(self.to_json(), indent=2)}\n".encode())

    def lines(self) -> Iterator[str]:
        """Yield the lines of the report: a table of counts, then one line per remark."""
        total = sum(map(sum, self.images.values()))
        yield (
            f"data set {self.dataset}: {total} images of {len(self.classes)} classes, used as "
            f"{self.side}x{self.side} pixels of {self.channels} "
            f"{'channel' if self.channels == 1 else 'channels'}"
        )
        yield from self._table()
        yield from self._remarks()

    def _remarks(self) -> Iterator[str]:
        for what, count in self.treated.items():
            yield f"  {what}: {_counted(count, 'image')}"
        if self.merged:
            yield (
                f"  identical to an earlier image and left out: "
                f"{_counted(len(self.merged), 'image')} ({_some(self.merged)})"
            )
        if self.skipped:
            yield f"  passed over: {len(self.skipped)} ({_some(self.skipped)})"
        for remark in self.remarks:
            yield f"  {remark}"

    def notes(self) -> Iterator[str]:
        """Yield the notes about these images for a table that is made from them."""
        totals = ", ".join(f"{sum(counts)} {part}" for part, counts in self.images.items())
        yield f"images: {totals}, {len(self.classes)} classes"
        yield from (f"images: {line.strip()}" for line in self._remarks())

    def _table(self) -> Iterator[str]:
        rows = list(zip(*self.images.values(), strict=True))
        named = list(zip(self.classes, rows, strict=True))
        shown = named if len(named) <= _SHOWN_CLASSES else named[: _SHOWN_CLASSES // 2]
        left = [sum(row) for _, row in named[len(shown) :]]
        width = max(3, *(min(len(name), _WIDEST) for name, _ in shown))
        yield _row("", list(self.images), width)
        for name, row in shown:
            yield _row(name, row, width)
        if left:
            yield f"  and {len(left)} classes more, {min(left)} to {max(left)} images each"
        yield _row("all", [sum(counts) for counts in self.images.values()], width)


def readable(name: str) -> str:
    """Return the name of a file or class for printing: unprintable characters are escaped."""
    return "".join(c if c.isprintable() else ascii(c)[1:-1] for c in name)


def _row(name: str, cells: Sequence[object], width: int) -> str:
    name = name if len(name) <= width else f"{name[: width - 3]}..."
    return "  ".join([f"  {name:<{width}}", *(f"{cell!s:>10}" for cell in cells)])


def _counted(count: int, what: str) -> str:
    return f"{count} {what}" if count == 1 else f"{count} {what}s"


def _some(names: Sequence[str]) -> str:
    rest = len(names) - _SHOWN_FILES
    return ", ".join(names[:_SHOWN_FILES]) + (f" and {rest} more" if rest > 0 else "")

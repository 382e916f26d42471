"""All figures of a comparison, by the folders they are written to."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from nasbench.errors import InvalidInput
from nasbench.harness.compare.figures.across_datasets import family_pictures
from nasbench.harness.compare.figures.captions import CENTRES
from nasbench.harness.compare.figures.diagnostics import diagnostic_pictures
from nasbench.harness.compare.figures.finals import final_pictures
from nasbench.harness.compare.figures.fronts import front_picture, planes
from nasbench.harness.compare.figures.options import KINDS, chosen_kinds
from nasbench.harness.compare.figures.pareto import pareto_pictures
from nasbench.harness.compare.figures.picture import Picture
from nasbench.harness.compare.figures.plots import CLOCKS, regret_pictures
from nasbench.harness.compare.figures.set_measures import set_measure_pictures
from nasbench.harness.compare.figures.under_limits import limit_picture
from nasbench.harness.compare.folders import family_folders, folder_names
from nasbench.text import file_name, shown

if TYPE_CHECKING:
    from nasbench.harness.compare.comparison import Block, Comparison


@dataclass(frozen=True)
class FigureChoice:
    """Which figures a comparison has: what they draw, not how they look.

    Raises `InvalidInput` for an unknown centre, clock or kind.
    """

    centre: str = "mean"
    """`mean`, `median` or `iqm`: what curves show of the runs."""
    clock: str | None = None
    """`seconds`, `evaluations`, or None for a figure over each."""
    kinds: tuple[str, ...] = KINDS

    def __post_init__(self) -> None:
        """Raise `InvalidInput` for what cannot be drawn."""
        centres = tuple(CENTRES)
        if self.centre not in centres:
            raise InvalidInput(
                f"centre {shown(self.centre)} is unknown: valid are {', '.join(centres)}"
            )
        if self.clock not in (None, *CLOCKS):
            raise InvalidInput(
                f"clock {shown(self.clock)} is unknown: valid are {', '.join(CLOCKS)}, or None for "
                "both"
            )
        object.__setattr__(self, "kinds", chosen_kinds(self.kinds))

    @classmethod
    def of(cls, stored: Any) -> "FigureChoice":
        """Read a choice from JSON values; raises `ValueError` for values that are none."""
        from pydantic import TypeAdapter

        try:
            return TypeAdapter(cls).validate_python(stored)
        except InvalidInput as error:
            raise ValueError(str(error)) from error


def by_folder(comparison: "Comparison", choice: FigureChoice) -> dict[str, list[Picture]]:
    """Return the figures of every folder, with portable names that are distinct in the folder.

    Names are the same whichever kinds are chosen.
    """
    found: dict[str, list[Picture]] = {}
    for name, block in zip(folder_names(comparison), comparison.blocks, strict=True):
        found.setdefault(name, []).extend(
            [
                *_of_sets(block),
                *regret_pictures(block, centre=choice.centre, clock=choice.clock),
                *set_measure_pictures(block, centre=choice.centre, clock=choice.clock),
                *final_pictures(block),
                *diagnostic_pictures(block),
                *pareto_pictures(block),
            ]
        )
    for name, family in zip(family_folders(comparison), comparison.families, strict=True):
        found.setdefault(name, []).extend(family_pictures(family))
    return {
        name: [one for one in _named(pictures) if one.kind in choice.kinds]
        for name, pictures in found.items()
    }


def _of_sets(block: "Block") -> Iterator[Picture]:
    """Yield two figures for every data set of searches of two objectives."""
    for plane in planes(block):
        yield front_picture(plane)
        yield limit_picture(plane)


def _named(pictures: Sequence[Picture]) -> Iterator[Picture]:
    """Yield pictures with portable names; a name that is taken gets a number.

    Names that differ in capital letters alone are one name to some file systems.
    """
    taken: set[str] = set()
    for picture in pictures:
        plain = name = file_name(picture.name)
        number = 1
        while name.casefold() in taken:
            number += 1
            name = f"{plain}--{number}"
        taken.add(name.casefold())
        yield replace(picture, name=name)

"""Captions of figures: sentences that say what is drawn, and of which runs."""

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from nasbench.harness.compare.tables.formats import escape_markdown
from nasbench.harness.compare.tables.latex_text import breakable_latex

if TYPE_CHECKING:
    from nasbench.harness.compare.comparison import Block
    from nasbench.harness.compare.families import Family
    from nasbench.harness.compare.figures.picture import Picture

CENTRES = {
    "mean": ("mean", "95 % bootstrap interval"),
    "iqm": ("interquartile mean", "95 % bootstrap interval"),
    "median": ("median", "quartiles of the runs"),
}
"""What a figure draws for each centre: the line, and the band around it."""


def about(block: "Block") -> list[str]:
    """Return what every caption of a block's figures says of the block."""
    return [*block.chosen, block.footer, *block.about_test]


def about_family(family: "Family") -> list[str]:
    """Return what every caption of a figure over several data sets says of these."""
    return [family.footer, *family.notes]


def caption(parts: Iterable[str]) -> str:
    """Return parts as sentences: each begins with a capital letter and ends with a full stop."""
    found = []
    for part in parts:
        if part:
            end = "" if part.endswith((".", "!", "?")) else "."
            found.append(f"{part[:1].upper()}{part[1:]}{end}")
    return " ".join(found)


def in_markdown(pictures: Sequence["Picture"]) -> str:
    """Return the captions of a folder's figures as Markdown, a heading for each."""
    parts = [
        f"## {escape_markdown(one.name)}\n\n{escape_markdown(one.caption)}\n" for one in pictures
    ]
    return "\n".join(parts)


def in_latex(pictures: Sequence["Picture"]) -> str:
    """Return the captions of a folder's figures as LaTeX, a comment with the name before each."""
    return "\n".join(f"% {one.name}\n{breakable_latex(one.caption)}\n" for one in pictures)

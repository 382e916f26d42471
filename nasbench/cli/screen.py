"""Printing of tables, with escapes for characters in names that would control the terminal."""

from collections.abc import Iterable

from rich.console import Console, ConsoleOptions, RenderableType
from rich.segment import Segment

from nasbench.text import printable


class Screen(Console):
    """A rich console that shows invisible characters as escapes."""

    def render(
        self, renderable: RenderableType, options: ConsoleOptions | None = None
    ) -> Iterable[Segment]:
        """Yield the segments that rich makes of `renderable`, with invisible characters escaped."""
        for text, style, control in super().render(renderable, options):
            yield Segment(text if control else printable(text, "\n"), style, control)

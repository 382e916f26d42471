"""A cell as a picture: in characters for the terminal, as a figure for PNG, SVG and PDF."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from nasbench.harness.compare.figures.colours import operation_colour
from nasbench.harness.show import Sheet, alive_edges, operation_names
from nasbench.spaces.nb201 import EDGES, NODES

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from rich.text import Text

_STYLES = {
    "none": "dim",
    "skip_connect": "green",
    "nor_conv_1x1": "yellow",
    "nor_conv_3x3": "red",
    "avg_pool_3x3": "blue",
}
_STEP = 23
"""Characters from one node to the next: the picture is 75 wide."""
_SIZE = (5.5, 2.2)
_POINTS_WIDE, _POINTS_HIGH = 72 * _SIZE[0] / 3.9, 72 * _SIZE[1] / 1.65
"""Points per unit of the figure's axes."""
_LIVE, _DEAD = ("─", "│"), ("╌", "╎")


class _Canvas:
    """Characters with a style each, on a fixed grid."""

    def __init__(self, rows: int, columns: int) -> None:
        self._characters = [[" "] * columns for _ in range(rows)]
        self._styles = [[""] * columns for _ in range(rows)]

    def put(self, row: int, column: int, text: str, style: str = "") -> None:
        for offset, character in enumerate(text):
            self._characters[row][column + offset] = character
            self._styles[row][column + offset] = style

    def text(self) -> "Text":
        from rich.text import Text

        text = Text(no_wrap=True)
        for characters, styles in zip(self._characters, self._styles, strict=True):
            end = len("".join(characters).rstrip())
            for character, style in zip(characters[:end], styles[:end], strict=True):
                text.append(character, style)
            text.append("\n")
        return text


def cell_text(sheet: Sheet) -> "Text":
    """Draw the cell with box characters, 75 columns wide.

    The nodes are in a row, 0 is the input and 3 the output. The long edges from the input run above
    the row, the one from 1 to 3 below. Edges that carry nothing from input to output are dashed and
    pale.
    """
    canvas = _Canvas(7, 3 * _STEP + 6)
    edges = dict(
        zip(EDGES, zip(operation_names(sheet), alive_edges(sheet), strict=True), strict=True)
    )
    row = 4
    for node in range(NODES - 1):
        start = node * _STEP + 5
        _line(canvas, row, start, (node + 1) * _STEP - 1, *edges[node, node + 1], tip="▶")
    for (source, target), level, first, last in (
        ((0, 3), 0, 1, 3 * _STEP + 2),
        ((0, 2), 2, 3, 2 * _STEP + 2),
        ((1, 3), 6, _STEP + 2, 3 * _STEP + 2),
    ):
        operation, alive = edges[source, target]
        _arc(canvas, row, level, first, last, operation, alive=alive)
    for node in range(NODES):
        canvas.put(row, node * _STEP, f"( {node} )", "bold")
    return canvas.text()


def _line(
    canvas: _Canvas, row: int, first: int, last: int, operation: str, alive: bool, *, tip: str
) -> None:
    dash = (_LIVE if alive else _DEAD)[0]
    style = _STYLES[operation] if alive else "dim"
    width = last - first
    canvas.put(row, first, f" {operation} ".center(width, dash) + (tip if alive else dash), style)


def _arc(
    canvas: _Canvas, row: int, level: int, first: int, last: int, operation: str, *, alive: bool
) -> None:
    dash, bar = _LIVE if alive else _DEAD
    style = _STYLES[operation] if alive else "dim"
    above = level < row
    corners, tip = ("╭╮", "▼") if above else ("╰╯", "▲")
    middle = f" {operation} ".center(last - first - 1, dash)
    canvas.put(level, first, corners[0] + middle + corners[1], style)
    for between in range(min(level, row) + 1, max(level, row)):
        canvas.put(between, first, bar, style)
        canvas.put(between, last, bar, style)
    if alive:
        canvas.put(row - 1 if above else row + 1, last, tip, style)


def cell_figure(sheet: Sheet) -> "Figure":
    """Draw the cell as a figure of 5.5 by 2.2 inches: nodes, and labelled coloured edges."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=_SIZE)
    axes = figure.add_axes((0, 0, 1, 1))
    draw_cell(axes, operation_names(sheet), alive_edges(sheet))
    caption = f"nb201 cell {sheet.index}   {sheet.text}"
    axes.text(1.5, -0.72, caption, ha="center", va="bottom", fontsize=5.6, color="0.4")
    return figure


def draw_cell(axes: "Axes", operations: Sequence[str], alive: Sequence[bool]) -> None:
    """Draw a cell into axes that are 2.5 times as wide as high, at least four inches wide.

    `operations` are those of all edges, and `alive` is whether the edges carry anything.
    """
    axes.set_axis_off()
    axes.set_xlim(-0.45, 3.45)
    axes.set_ylim(-0.75, 0.9)
    bends = {(0, 3): 0.72, (0, 2): 0.34, (1, 3): -0.45}
    for edge, operation, carries in zip(EDGES, operations, alive, strict=True):
        _draw_edge(axes, edge, bends.get(edge, 0.0), operation, alive=carries)
    for node in range(NODES):
        axes.plot(
            node, 0, "o", markersize=21, markerfacecolor="white", markeredgecolor="0.15",
            markeredgewidth=1.1, zorder=5,
        )  # fmt: skip
        axes.text(node, 0, str(node), ha="center", va="center", fontsize=9, zorder=6)


def _draw_edge(
    axes: "Axes", edge: Sequence[int], height: float, operation: str, *, alive: bool
) -> None:
    """Draw one edge as a quadratic curve whose middle is `height` above the row of nodes."""
    from matplotlib.patches import FancyArrowPatch

    source, target = edge
    colour = operation_colour(operation) if alive else "#AAAAAA"
    bend = -2 * height * _POINTS_HIGH / ((target - source) * _POINTS_WIDE)
    axes.add_patch(
        FancyArrowPatch(
            (source, 0),
            (target, 0),
            connectionstyle=f"arc3,rad={bend}",
            arrowstyle="-|>,head_length=4,head_width=2.2" if alive else "-",
            shrinkA=11,
            shrinkB=11,
            color=colour,
            linewidth=1.6 if alive else 1,
            linestyle="solid" if alive else (0, (2, 2)),
            zorder=2,
        )
    )
    axes.text(
        (source + target) / 2, height, operation, ha="center", va="center", fontsize=7,
        color=colour, zorder=4,
        bbox={"facecolor": "white", "edgecolor": "none", "pad": 1.2},
    )  # fmt: skip

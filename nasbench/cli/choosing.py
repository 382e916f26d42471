"""The options of `compare` and `report` that choose and name rows."""

import re
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from nasbench.errors import InvalidInput

if TYPE_CHECKING:
    from nasbench.harness.compare.build import Chosen

Folders = Annotated[
    list[Path] | None,
    typer.Argument(metavar="RESULTS…", help="Results folders. [default: results]"),
]
Strategies = Annotated[
    list[str] | None,
    typer.Option(
        "--strategy",
        "-s",
        help="Rows by strategy, title or label, comma-separated or repeated. [default: all]",
    ),
]
Exclude = Annotated[
    list[str] | None, typer.Option(help="Rows to leave out, named as for --strategy.")
]
Datasets = Annotated[
    list[str] | None,
    typer.Option(
        help="Reported data sets in this order, by name or title, comma-separated. [default: all]"
    ),
]
Seeds = Annotated[
    str | None,
    typer.Option(
        help="`0-99` or another list of seeds, or `common`: those of all rows. [default: all]"
    ),
]
Labels = Annotated[
    list[str] | None, typer.Option(help="`old=new`: another label for a row; repeatable.")
]
StyleFile = Annotated[
    Path | None,
    typer.Option(help="TOML file of labels, order, colours, lines, names of data sets, columns."),
]


_EQUALS = re.compile(r"=(?![^()]*\))")


def chosen(
    strategy: Strategies,
    exclude: Exclude,
    dataset: Datasets,
    seeds: Seeds,
    label: Labels,
    style_file: StyleFile,
) -> "Chosen":
    """Return the options as `nasbench.compare` and `nasbench.report` take them."""
    return {
        "strategies": strategy or None,
        "exclude": exclude or (),
        "datasets": None if dataset is None else ",".join(dataset),
        "seeds": seeds,
        "labels": read_labels(label),
        "style_file": style_file,
    }


def read_labels(pairs: list[str] | None) -> dict[str, str]:
    """Read labels as `old=new`; a `=` within brackets, as of a setting, is part of a label."""
    found = {}
    for pair in pairs or []:
        old, *more = _EQUALS.split(pair)
        new = "=".join(more)
        if not (old.strip() and new.strip()):
            raise InvalidInput(
                f"--label '{pair}': write old=new, such as regularized-evolution=REA"
            )
        found[old.strip()] = new.strip()
    return found

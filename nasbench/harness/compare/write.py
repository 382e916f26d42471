"""Write a comparison to files: tables as LaTeX, Markdown and CSV, figures and their captions."""

import json
import os
import re
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import asdict, replace
from functools import partial
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, BinaryIO

from nasbench.files import RESULTS, atomic_write, disk_error, read_whole
from nasbench.harness.compare.figures.captions import in_latex, in_markdown
from nasbench.harness.compare.figures.options import FigureOptions
from nasbench.harness.compare.figures.pictures import FigureChoice, by_folder
from nasbench.harness.compare.folders import family_folders, folder_names
from nasbench.harness.compare.tables.all_tables import tables, tables_across
from nasbench.harness.compare.tables.formats import (
    Columns,
    TextTable,
    columns_of,
    columns_to_csv,
    to_markdown,
)
from nasbench.harness.compare.tables.latex import to_latex
from nasbench.harness.compare.tables.options import TableOptions
from nasbench.harness.compare.tables.sets import members
from nasbench.harness.results.store import flatten
from nasbench.harness.search.task import Seconds
from nasbench.leftovers import remove_parts

if TYPE_CHECKING:
    from nasbench.harness.compare.comparison import Block, Comparison
    from nasbench.harness.compare.figures.picture import Picture

_MAIN = "comparison.json"
FIGURES = "figures"
"""Name in `comparison.json` of which figures there are, see `pictures.FigureChoice`."""
_OURS = re.compile(
    r"(results|cost|estimates|course|pairs|proxies|ranks|sets|picks)\.(tex|md|csv)"
    r"|captions\.(tex|md)"
    r"|(regret|distribution|landscape|front|limit|sets|alphas|operations|losses|ranking|pareto)-.+"
    r"\.(pdf|png|svg|pgf)"
    r"|(critical-difference|profile)(-.+)?\.(pdf|png|svg|pgf)"
)
_COST = (
    "label", "strategy", "family", "n", "failed", "evaluations_mean", "shared_epochs_mean",
    "distinct_mean", "infeasible_mean", "training_epochs_mean",
    *(f"{kind}_seconds_mean" for kind in Seconds),
    "scores_mean", "score_seconds_mean", "optimiser_seconds_mean", "wall_seconds_mean",
    "tuning_runs",
    *(f"tuning_{kind}_seconds" for kind in Seconds),
)  # fmt: skip


def write(
    comparison: "Comparison",
    out: Path,
    *,
    centre: str = "mean",
    clock: str | None = None,
    figures: FigureOptions | None = None,
) -> list[Path]:
    """Write all tables and figures below `out`, a folder per block; return the files' paths.

    `comparison.json` is written last and lists the files. Files that the previous
    `comparison.json` listed and that this comparison does not have are removed, and no others.

    `centre` and `clock` are the figures' statistic and x axis, see `plots.regret_pictures`, and
    `figures` says which there are, and how they look. A file is replaced as a whole or not at all.
    Raises `StoreError` where a file cannot be written or removed, and `InvalidInput` where LaTeX
    cannot typeset a figure.
    """
    options = figures or FigureOptions()
    choice = FigureChoice(centre, clock, tuple(options.kinds))
    remove_parts(out, below=True)  # left by a comparison that was killed
    written: list[Path] = []

    def save(path: Path, fill: Callable[[BinaryIO], object]) -> None:
        with atomic_write(path, RESULTS) as file:
            fill(file)
        written.append(path)

    def save_text(path: Path, text: str) -> None:
        save(path, lambda file: file.write(text.encode(errors="replace")))

    pictures = by_folder(comparison, choice)
    for path, text in texts(comparison, pictures):
        save_text(out / path, text)
    for folder, some in pictures.items():
        for picture in some:
            for name, fill in _files(picture, options):
                save(out / folder / name, fill)
    main = out / _MAIN
    _remove([path for path in _listed(out) if path not in written and path != main])
    files = [path.relative_to(out).as_posix() for path in [*written, main]]
    whole = {**comparison.to_json(), FIGURES: asdict(choice), "files": files}
    if comparison.folders:
        here = os.path.realpath(out)
        paths = [os.path.relpath(os.path.realpath(one), here) for one in comparison.folders]
        whole["folders"] = [Path(one).as_posix() for one in paths]
    save_text(main, json.dumps(whole, indent=2, allow_nan=False) + "\n")
    return written


def _files(
    picture: "Picture", options: FigureOptions
) -> Iterator[tuple[str, Callable[[BinaryIO], object]]]:
    """Yield the name of every file of a figure, and what writes it.

    The figure is drawn once, and once more for PGF, whose letters are LaTeX's.
    """
    from nasbench.harness.compare.figures.saving import contents, save_pgf

    plain = [form for form in options.formats if form != "pgf"]
    if plain:
        for form, content in contents(picture.draw(options), plain).items():
            yield f"{picture.name}.{form}", partial(_put, content)
    if "pgf" in options.formats:  # its rasters are files of their own
        figure = picture.draw(replace(options, font="tex"))
        for name, content in save_pgf(figure, picture.name):
            yield name, partial(_put, content)


def _put(content: bytes, file: BinaryIO) -> None:
    file.write(content)


def texts(
    comparison: "Comparison", pictures: "dict[str, list[Picture]]"
) -> Iterator[tuple[str, str]]:
    """Yield every table and the captions of figures, in every format: path and content.

    Paths are below the output folder. `pictures` are those of `pictures.by_folder`.
    """
    options = comparison.options.tables
    whole = columns_of(comparison.records())
    blocks = zip(comparison.blocks, folder_names(comparison), strict=True)
    for number, (block, name) in enumerate(blocks, start=1):
        if block.sets:
            data: dict[str, Columns] = {"sets": members(block)}
        else:
            own = _chosen(whole, "block", number)
            data = {
                "results": own, "cost": _costs(own), "course": _parts(block),
                "pairs": columns_of(block.pairs_json()),
            }  # fmt: skip
        if block.picks:
            rows = [one.to_json(block.bounds) for one in block.picks]
            data["picks"] = columns_of(map(flatten, rows))
        if block.proxies:
            data["proxies"] = columns_of(one.to_json() for one in block.proxies)
        for table in tables(block, options):
            yield from _forms(table, options, data.get(table.name), name, _source(block))
    for family, name in zip(comparison.families, family_folders(comparison), strict=True):
        for table in tables_across(family, options):
            found = family.standings.columns()
            yield from _forms(
                table, options, found, name, "; ".join([family.footer, *family.chosen])
            )
    for folder, some in pictures.items():
        if some:
            yield f"{folder}/captions.md", in_markdown(some)
            yield f"{folder}/captions.tex", in_latex(some)


def _source(block: "Block") -> str:
    """Return what the numbers of a block are of, and what a user left out."""
    return "; ".join([block.footer, *block.chosen])


def _forms(
    table: TextTable,
    options: TableOptions,
    data: Columns | None,
    folder: str,
    footer: str,
) -> Iterator[tuple[str, str]]:
    """Yield path and text of a table as LaTeX, Markdown and, with its data, as CSV."""
    yield f"{folder}/{table.name}.tex", to_latex(table, options, folder)
    yield f"{folder}/{table.name}.md", to_markdown(table)
    if data is not None:
        sources = [footer] * len(next(iter(data.values()), ()))
        yield f"{folder}/{table.name}.csv", columns_to_csv({**data, "source": sources})


def _listed(out: Path) -> list[Path]:
    """Return the files that the `comparison.json` in `out` lists.

    Left out are files whose names no comparison uses, that are not exactly one folder below `out`,
    or whose folder is a link.
    """
    try:
        names = json.loads(read_whole(out / _MAIN))["files"]
        parts = [PurePosixPath(name).parts for name in names]
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        return []
    paths = [out / folder / name for folder, name in (two for two in parts if len(two) == 2)]
    return [
        path
        for path in paths
        if _OURS.fullmatch(path.name)
        and path.is_file()
        and Path(os.path.realpath(path.parent)) == Path(os.path.realpath(out)) / path.parent.name
    ]


def _remove(paths: list[Path]) -> None:
    """Remove files, and their folders if these are then empty; raises `StoreError`."""
    for path in paths:
        try:
            path.unlink(missing_ok=True)
        except OSError as error:
            raise disk_error(path, error, RESULTS) from error
        with suppress(OSError):  # not empty
            path.parent.rmdir()


def _chosen(columns: Columns, name: str, value: object) -> Columns:
    """Return the rows of columns that have a value in the column `name`."""
    rows = [row for row, one in enumerate(columns[name]) if one == value]
    return {name: [values[row] for row in rows] for name, values in columns.items()}


def _costs(columns: Columns) -> Columns:
    """Return the cost columns; they are the same on every reported data set."""
    of_first = _chosen(columns, "dataset", columns["dataset"][0])
    names = (*_COST, "benchmark", "searched", "protocol", "budget", "table")
    return {name: of_first[name] for name in names if name in of_first}


def _parts(block: "Block") -> Columns:
    """Return columns with a row per experiment, data set and part of the budget."""
    return columns_of(
        {"label": row.label, "dataset": row.dataset, "clock": row.anytime.clock, **part.to_json()}
        for row in block.rows
        for part in row.parts
    )

"""Write a comparison to files: tables as LaTeX, Markdown and CSV, figures as PDF and PNG."""

import json
import os
import re
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from functools import partial
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, BinaryIO

from nasbench.benchmarks.tables.format import SUFFIX
from nasbench.files import RESULTS, atomic_write, disk_error, read_whole
from nasbench.harness.compare.formats import TextTable, frame_to_csv, to_markdown
from nasbench.harness.compare.labels import distinguishing_parts
from nasbench.harness.compare.latex import to_latex
from nasbench.harness.compare.sets import members_frame
from nasbench.harness.compare.table_options import TableOptions
from nasbench.harness.compare.tables import tables, tables_across
from nasbench.harness.search.task import Seconds
from nasbench.leftovers import remove_parts
from nasbench.text import file_name

if TYPE_CHECKING:
    import pandas
    from matplotlib.figure import Figure

    from nasbench.harness.compare.comparison import Block, Comparison

_MAIN = "comparison.json"
_OURS = re.compile(
    r"(results|cost|estimates|course|pairs|ranks|sets)\.(tex|md|csv)"
    r"|(regret|distribution|landscape|alphas|operations|losses|ranking|pareto)-.+\.(pdf|png)"
    r"|(critical-difference|profile)\.(pdf|png)"
)
_COST = (
    "label", "strategy", "family", "n", "failed", "evaluations_mean", "shared_epochs_mean",
    "distinct_mean", "training_epochs_mean", *(f"{kind}_seconds_mean" for kind in Seconds),
    "optimiser_seconds_mean", "wall_seconds_mean", "tuning_runs",
    *(f"tuning_{kind}_seconds" for kind in Seconds),
)  # fmt: skip


def write(
    comparison: "Comparison",
    out: Path,
    *,
    centre: str = "mean",
    clock: str | None = None,
    style: str = "paper",
    width: float | str | None = None,
) -> list[Path]:
    """Write all tables and figures below `out`, a folder per block; return the files' paths.

    `comparison.json` is written last and lists the files. Files that the previous
    `comparison.json` listed and that this comparison does not have are removed, and no others.

    `centre` and `clock` are the figures' statistic and x axis, see `plots.regret_figures`. `style`
    and `width` set their size, see `figure_style.figure_width`. A file is replaced as a whole or
    not at all. Raises `StoreError` where a file cannot be written or removed.
    """
    from nasbench.harness.compare.diagnostics import diagnostic_figures
    from nasbench.harness.compare.figure_style import figure_width, save_figure
    from nasbench.harness.compare.figures_across import family_figures
    from nasbench.harness.compare.finals import final_figures
    from nasbench.harness.compare.pareto import pareto_figures
    from nasbench.harness.compare.plots import regret_figures

    inches = figure_width(style, width)
    remove_parts(out, below=True)  # left by a comparison that was killed
    written: list[Path] = []

    def save(path: Path, fill: Callable[[BinaryIO], object]) -> None:
        with atomic_write(path, RESULTS) as file:
            fill(file)
        written.append(path)

    def save_figures(folder: Path, figures: "Iterable[tuple[str, Figure]]") -> None:
        for title, figure in figures:
            for form in ("pdf", "png"):
                save(folder / f"{file_name(title)}.{form}", partial(save_figure, figure, form))

    def save_text(path: Path, text: str) -> None:
        save(path, lambda file: file.write(text.encode(errors="replace")))

    for path, text in texts(comparison):
        save_text(out / path, text)
    names = folder_names(comparison)
    for block, name in zip(comparison.blocks, names, strict=True):
        folder = out / name
        save_figures(folder, regret_figures(block, centre=centre, clock=clock, width=inches))
        save_figures(folder, final_figures(block, width=inches))
        save_figures(folder, diagnostic_figures(block, width=inches))
        save_figures(folder, pareto_figures(block, width=inches))
    for family, name in zip(comparison.families, family_folders(comparison), strict=True):
        save_figures(out / name, family_figures(family, width=inches))
    main = out / _MAIN
    _remove([path for path in _listed(out) if path not in written and path != main])
    files = [path.relative_to(out).as_posix() for path in [*written, main]]
    whole = {**comparison.to_json(), "files": files}
    if comparison.folders:
        here = os.path.realpath(out)
        paths = [os.path.relpath(os.path.realpath(one), here) for one in comparison.folders]
        whole["folders"] = [Path(one).as_posix() for one in paths]
    save_text(main, json.dumps(whole, indent=2, allow_nan=False) + "\n")
    return written


def texts(comparison: "Comparison") -> Iterator[tuple[str, str]]:
    """Yield every table in every format: its path below the output folder, and its content."""
    import pandas

    options = comparison.options.tables
    frame = comparison.to_frame() if comparison.rows else pandas.DataFrame()
    blocks = zip(comparison.blocks, folder_names(comparison), strict=True)
    for number, (block, name) in enumerate(blocks, start=1):
        if block.sets:
            data = {"sets": members_frame(block)}
        else:
            own = frame[frame["block"] == number]
            data = {
                "results": own, "cost": _costs(own), "course": _parts(block),
                "pairs": pandas.DataFrame(block.pairs_json()),
            }  # fmt: skip
        for table in tables(block, options):
            yield from _forms(table, options, data.get(table.name), name, block.footer)
    for family, name in zip(comparison.families, family_folders(comparison), strict=True):
        for table in tables_across(family, options):
            found = family.standings.to_frame()
            yield from _forms(table, options, found, name, family.footer)


def _forms(
    table: TextTable,
    options: TableOptions,
    data: "pandas.DataFrame | None",
    folder: str,
    footer: str,
) -> Iterator[tuple[str, str]]:
    """Yield path and text of a table as LaTeX, Markdown and, with its data, as CSV."""
    yield f"{folder}/{table.name}.tex", to_latex(table, options, folder)
    yield f"{folder}/{table.name}.md", to_markdown(table)
    if data is not None:
        yield f"{folder}/{table.name}.csv", frame_to_csv(data.assign(source=footer))


def family_folders(comparison: "Comparison") -> list[str]:
    """Return one folder name per family: that of its block if it has only one."""
    names = folder_names(comparison)
    return [
        names[family.numbers[0] - 1] if len(family.blocks) == 1 else f"across-{number}"
        for number, family in enumerate(comparison.families, start=1)
    ]


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


def folder_names(comparison: "Comparison") -> list[str]:
    """Return one distinct folder name per block.

    A name joins benchmark (where the protocol's name does not begin with it), protocol, data set,
    budget, and whatever else is unusual for the protocol.
    """
    names: list[str] = []
    for block in comparison.blocks:
        task = block.task
        name = f"{task.protocol}-{task.query.dataset}-{task.budget}"
        benchmark = Path(task.benchmark).name.removesuffix(SUFFIX)  # it may be a table's file
        if not task.protocol.startswith(benchmark):
            name = f"{benchmark}-{name}"
        name = "-".join([name, *distinguishing_parts(task)])
        name = file_name(name)
        taken = sum(other == name or other.startswith(f"{name}--") for other in names)
        names.append(f"{name}--{taken + 1}" if taken else name)
    return names


def _costs(frame: "pandas.DataFrame") -> "pandas.DataFrame":
    """Return the cost columns; they are the same on every reported data set."""
    columns = [*_COST, "benchmark", "searched", "protocol", "budget", "table"]
    own: pandas.DataFrame = frame.loc[frame["dataset"] == frame["dataset"].iloc[0], columns]
    return own


def _parts(block: "Block") -> "pandas.DataFrame":
    """Return a frame with a row per experiment, data set and part of the budget."""
    import pandas

    return pandas.DataFrame(
        {"label": row.label, "dataset": row.dataset, "clock": row.anytime.clock, **part.to_json()}
        for row in block.rows
        for part in row.parts
    )

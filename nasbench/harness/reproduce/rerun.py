"""Run a published table's protocol and compare the results with it (`nasbench reproduce`)."""

from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np

from nasbench.arguments import require_path, require_text
from nasbench.benchmarks.catalogue import table_file
from nasbench.benchmarks.protocols import find_protocol, what_lacks
from nasbench.benchmarks.tables.table import Table
from nasbench.errors import DataError, StoreError
from nasbench.files import RESULTS, atomic_write
from nasbench.harness.compare import Comparison, compare
from nasbench.harness.compare.contender import Contender
from nasbench.harness.compare.tables.formats import to_markdown
from nasbench.harness.compare.tables.latex import to_latex
from nasbench.harness.execution.run import Progress, run
from nasbench.harness.reproduce.published_table import Published, PublishedTable, load_published
from nasbench.harness.reproduce.reproduction import (
    ONE_FIDELITY,
    Measured,
    Reproduction,
    command,
    measured,
)
from nasbench.harness.results.apart import RUNS, keep_apart
from nasbench.harness.results.load import Results, load_results
from nasbench.harness.search.experiment import Experiment
from nasbench.harness.search.seeds import parse_seeds
from nasbench.provenance import provenance
from nasbench.strategies.base import TooFewFidelities
from nasbench.text import file_name


def reproduce(
    name: str,
    *,
    quick: bool = False,
    out: str | Path = "results",
    workers: int | str = "auto",
    progress: Progress | None = None,
    say: Callable[[str], None] = lambda _: None,
) -> Reproduction:
    """Run the rows of a published table that can be run here, and compare them with it.

    `quick` runs fewer seeds. Everything is written to `out/NAME`. The runs are continued there if
    they exist already, and not made again; they are kept apart from other runs in `out`. What may
    be published is the table as JSON, Markdown and LaTeX, with the index of every seed's final
    cell, and figures. A row that the installed table does not allow is listed as not run, with the
    reason; where that is so of all rows, nothing is written. Raises `DataError` where the table is
    damaged, and `StoreError` where stored runs are.
    """
    paper = load_published(require_text("name", "a published table's name", name))
    folder = require_path("out", out) / name
    seeds = paper.quick_seeds if quick else paper.seeds
    lacking = what_table_lacks(paper)
    if lacking:
        reasons = dict.fromkeys((row.name for row in paper.rows), lacking)
        return _found(name, paper, None, {}, reasons, quick=quick)
    keep_apart(folder / RUNS)
    ran: dict[str, set[str]] = {}
    reasons = {}
    rows = [(row, row.strategy) for row in paper.rows if row.strategy and not row.not_run]
    whole = None
    if progress is not None:
        whole = _Whole(progress, len(rows), len(paper.searched) * len(parse_seeds(seeds)))
    for row, strategy in rows:
        try:
            outcomes = run(
                strategy, seeds=seeds, benchmark=paper.benchmark, protocol=paper.protocol,
                datasets=paper.searched, settings={strategy: dict(row.settings)},
                recipe=row.recipe, out=folder / RUNS, workers=workers, progress=whole, say=say,
            )  # fmt: skip
        except TooFewFidelities:
            reasons[row.name] = ONE_FIDELITY
            if whole is not None:
                whole.leave_out()
        else:
            ran[row.name] = {one.experiment.digest() for one in outcomes}
    stored = load_results(folder / RUNS)
    if stored.faults:  # a published table needs all its runs
        raise StoreError(str(stored.faults[0]))
    comparison = compare(_of(stored, set().union(*ran.values()), parse_seeds(seeds)))
    found = _found(name, paper, comparison, ran, reasons, quick=quick)
    _publish(found, comparison, folder)
    return found


def what_table_lacks(paper: PublishedTable) -> str:
    """Return why no row of a published table can be run with the installed table; empty if it can.

    Raises `DataError` where the table is damaged.
    """
    needs = f"; needed is {paper.needs}" if paper.needs else ""
    try:
        path = table_file(paper.benchmark)
    except DataError as error:  # not installed
        return f"{error}{needs}"
    table = Table.open(path)
    protocol = find_protocol(paper.protocol, table)
    lacks = (what_lacks(protocol.of(name), table, name) for name in paper.searched)
    lacking = next((one for one in lacks if one), "")
    if not lacking:
        return ""
    where = "" if table.name in lacking else f"table '{table.name}': "
    return f"{where}{lacking}{needs}"


def _found(
    name: str,
    paper: PublishedTable,
    comparison: Comparison | None,
    ran: Mapping[str, set[str]],
    reasons: Mapping[str, str],
    *,
    quick: bool,
) -> Reproduction:
    """Return the reproduction that a comparison gives; without one, no row was run.

    `ran` has the digests of the experiments of every row that was run, `reasons` why others that
    can be run were not.
    """
    here = provenance()
    return Reproduction(
        name, paper.title,
        command=command(name, quick=quick),
        table=comparison.blocks[0].task.content if comparison else "",
        protocol=paper.protocol,
        seeds=paper.quick_seeds if quick else paper.seeds,
        margin=paper.margin,
        deviations=paper.deviations,
        nasbench=here["nasbench"],
        commit=here["commit"],
        rows=tuple(
            _measured(row, dataset, paper, comparison, ran.get(row.name, set()),
                      reasons.get(row.name, ""))
            for dataset in paper.reports
            for row in paper.rows
        ),
        quantity=paper.quantity,
        decimals=paper.decimals,
    )  # fmt: skip


class _Whole:
    """Receives the progress of several calls of `run`, and begins with all their runs."""

    def __init__(self, progress: Progress, rows: int, runs: int) -> None:
        """Begin with `rows` calls that make `runs` runs each."""
        self._progress, self._runs = progress, runs
        progress.start(rows * runs, 0)

    def start(self, total: int, skipped: int) -> None:
        """Count the skipped runs; all are in the length already."""
        self._progress.start(-skipped, skipped)

    def advance(self, experiment: Experiment, runs: int) -> None:
        """Count `runs` more finished runs."""
        self._progress.advance(experiment, runs)

    def leave_out(self) -> None:
        """Count one call less, which makes no runs."""
        self._progress.start(-self._runs, 0)


def _of(stored: Results, experiments: set[str], seeds: list[int]) -> Results:
    """Return only the runs of some experiments and seeds; a folder may hold runs of other calls."""
    chosen = tuple(
        one.select(np.isin(one.seeds, seeds))
        for one in stored.experiments
        if one.experiment.digest() in experiments
    )
    return Results(stored.folder, chosen)


def _measured(
    row: Published,
    dataset: str,
    paper: PublishedTable,
    comparison: Comparison | None,
    experiments: set[str],
    reason: str,
) -> Measured:
    """Return the result of a row on a data set; `experiments` are digests of its experiments.

    `reason` is why it was not run, where that depends on the installed table.
    """
    one = _contender(experiments, dataset, comparison) if comparison else None
    if one is None:
        return measured(row, dataset, paper, np.empty(0), (), reason)
    cells = one.incumbents.indices.last()
    return measured(row, dataset, paper, one.final("test", dataset), tuple(cells.tolist()))


def _contender(experiments: set[str], dataset: str, comparison: Comparison) -> Contender | None:
    """Return the one of some experiments that reports a data set and has finished runs, or None."""
    for block in comparison.blocks:
        if dataset in block.datasets:
            for one in block.contenders:
                if one.experiment.digest() in experiments and len(one.runs):
                    return one
    return None


def _publish(found: Reproduction, comparison: Comparison, folder: Path) -> None:
    """Write the files that may be published; they hold no accuracy of a single cell."""
    from nasbench.harness.compare.figures.plots import regret_pictures  # loads matplotlib
    from nasbench.harness.compare.figures.saving import save_figure

    found.save(folder)
    table = found.to_table()
    for suffix, text in (("md", to_markdown(table)), ("tex", to_latex(table))):
        with atomic_write(folder / f"reproduction.{suffix}", RESULTS) as file:
            file.write(text.encode())
    for block in comparison.blocks:
        for picture in regret_pictures(block, clock="seconds"):
            with atomic_write(folder / f"{file_name(picture.name)}.png", RESULTS) as file:
                save_figure(picture.draw(), "png", file)

"""Make a comparison from stored runs, and write its files (`nasbench compare`)."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from nasbench.arguments import require_names, require_path
from nasbench.benchmarks.calibration import Calibration
from nasbench.errors import InvalidInput, NasbenchError
from nasbench.harness.compare.blocks import group
from nasbench.harness.compare.comparison import Block, Comparison, Options
from nasbench.harness.compare.estimates import too_skewed
from nasbench.harness.compare.figure_options import FigureOptions
from nasbench.harness.compare.references import EXPECTED, open_known, references
from nasbench.harness.compare.rows import Row, rows
from nasbench.harness.compare.sets import set_rows
from nasbench.harness.compare.significance import pairs
from nasbench.harness.results.load import Results, load_results
from nasbench.limits import TARGET

CENTRES = ("mean", "median", "iqm")
CLOCKS = ("seconds", "evaluations")


def compare(
    results: str | Path | Results = "results",
    *,
    merge: bool = False,
    datasets: str | Sequence[str] | None = None,
    out: str | Path | None = None,
    centre: str = "mean",
    clock: str | None = None,
    calibration: str | Path | Calibration | None = None,
    target: float | None = None,
    style: str = "paper",
    width: float | str | None = None,
    figures: FigureOptions | None = None,
) -> Comparison:
    """Compare the runs of a results folder; write tables and figures if `out` is given.

    Runs of different tasks are put into separate blocks. `merge` asks for a single table; where
    that would mix tasks, it raises `CannotCompare`, which names what differs. `datasets` limits
    the reported data sets.

    `centre` (`mean`, `median` or `iqm`) is the statistic that the figures draw. `clock` (`seconds`
    or `evaluations`) is their x axis; by default there is a figure for each. `style` (`paper` or
    `talk`) and `width` (inches, or a venue's name) set the figures' size; `figures` sets these and
    all else that can be chosen about figures. `calibration`, a file of `nasbench calibrate` or its
    content, puts one-shot runs on the time axis of the other runs.

    `target` is a test regret in the objective's unit: the tables give the time until runs reach
    it. By default it is the regret of the expected random search with the whole budget.

    Raises `StoreError` for a folder without runs, and `InvalidInput` for an unknown data set or
    another invalid option.
    """
    if centre not in CENTRES:
        raise InvalidInput(f"centre '{centre}' is unknown: valid are {', '.join(CENTRES)}")
    if clock is not None and clock not in CLOCKS:
        raise InvalidInput(f"clock '{clock}' is unknown: valid are {', '.join(CLOCKS)}")
    if target is not None:
        target = TARGET.check(target)
    if figures is None:
        figures = FigureOptions(style=style, width=width)
    elif (style, width) != ("paper", None):
        raise InvalidInput("style and width are given beside figures: set them in FigureOptions")
    folder = None if out is None else require_path("out", out)
    if calibration is not None and not isinstance(calibration, Calibration):
        calibration = Calibration.load(require_path("calibration", calibration))
    stored = results if isinstance(results, Results) else load_results(results)
    groups = group(stored.experiments, merge=merge)
    wanted = _wanted(datasets, groups)
    blocks = [_filled(one, wanted, calibration, target) for one in groups]
    options = Options(merge, tuple(wanted), target, calibration)
    comparison = Comparison(
        tuple(block for block in blocks if block.datasets), options, stored.faults
    )
    if folder is not None:
        from nasbench.harness.compare.write import write

        write(comparison, folder, centre=centre, clock=clock, figures=figures)
    return comparison


def _wanted(datasets: str | Sequence[str] | None, groups: Sequence[Block]) -> list[str]:
    reported = list(dict.fromkeys(name for one in groups for name in one.task.reports))
    if datasets is None:
        return reported
    chosen = require_names("datasets", datasets)
    for name in chosen:
        if name not in reported:
            raise InvalidInput(
                f"data set '{name}' is not reported by these runs: valid are {', '.join(reported)}"
            )
    return chosen or reported


def _filled(
    one: Block, wanted: Sequence[str], calibration: Calibration | None, target: float | None
) -> Block:
    notes = list(one.notes)
    if len(one.task.objectives) > 1:
        return _sets(one, wanted)
    if calibration is not None:
        reason = _misfit(one, calibration)
        if reason:
            notes.append(f"not calibrated: {reason}")
            calibration = None
    known = None
    try:
        known = open_known(one.task)
    except NasbenchError as error:
        notes.append(f"no regrets and no reference rows: {error}")
    budget = one.task.budget
    if known and budget.stops_early:
        notes.append("no expected random search: early stopping has no closed form")
    datasets = tuple(name for name in one.task.reports if name in wanted)
    notes += [note for name in datasets for note in _unknown(one, name)]
    notes += _skewed(one, datasets)
    beside = {name: references(known, name) if known else [] for name in datasets}
    tests = {
        name: tuple(pairs([each.final("test", name) for each in one.contenders]))
        for name in datasets
    }
    made: list[Row] = []
    for name in datasets:
        best = float(np.nanmax(known.test[name])) if known else np.nan
        expected = [best - r.regret_mean for r in beside[name] if r.reference == EXPECTED]
        aim = next(iter(expected), None) if target is None else best - target
        made += rows(one.contenders, name, known, aim, tests[name])
    return replace(
        one,
        datasets=datasets,
        rows=tuple(made),
        pairs=tests,
        references=tuple(reference for name in datasets for reference in beside[name]),
        notes=tuple(notes),
        known=known,
        calibration=calibration,
    )


def _sets(one: Block, wanted: Sequence[str]) -> Block:
    """Return the block of searches with several objectives."""
    datasets = tuple(name for name in one.task.reports if name in wanted)
    found = tuple(row for name in datasets for row in set_rows(one.contenders, name))
    return replace(one, datasets=datasets, sets=found)


def _unknown(block: Block, dataset: str) -> Iterator[str]:
    """Yield a note for every row with final incumbents that have no test value on a data set."""
    for one in block.contenders:
        missing = int(np.isnan(one.final("test", dataset)).sum())
        if missing:
            yield (
                f"{one.label}: {missing} of {len(one.runs)} answers have no number on {dataset}; "
                "its numbers are over the others"
            )


def _skewed(block: Block, datasets: Sequence[str]) -> Iterator[str]:
    """Yield a note on rows whose runs are so skewed that intervals of means are too narrow."""
    found: dict[tuple[str, ...], list[str]] = {}
    for one in block.contenders:
        names = tuple(n for n in datasets if too_skewed(one.final("test", n)))
        if names:
            found.setdefault(names, []).append(one.label)
    if found:
        rows = "; ".join(
            f"{', '.join(labels)} on {', '.join(names)}" for names, labels in found.items()
        )
        yield (
            "runs are skewed, and 95 % intervals of so few of them cover their mean less often, "
            f"about 85 to 92 % of lognormal samples of 10 to 100: {rows}"
        )


def _misfit(block: Block, calibration: Calibration) -> str:
    """Return why a calibration does not fit a group's one-shot runs; empty if it fits."""
    task, theirs = block.task, (calibration.table, calibration.dataset)
    if theirs != (task.content, task.query.dataset):
        return f"it is of {theirs[1]} of table {theirs[0][:8]}"
    here = (calibration.processor, calibration.device, calibration.threads)
    for one in block.contenders:
        if one.experiment.task.shared:
            processor = ", ".join(one.runs.processors)
            for device, threads in one.runs.places:
                if (processor, device, threads) != here:
                    there = _place(processor, device, threads)
                    return f"{one.label} ran on {there}, it is of {_place(*here)}"
    return ""


def _place(processor: str, device: str, threads: int) -> str:
    return f"{processor} ({device}, threads {threads})"

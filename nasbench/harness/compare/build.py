"""Make a comparison from stored runs, and write its files (`nasbench compare`)."""

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, TypedDict

import numpy as np

from nasbench.arguments import require_names, require_path, require_type
from nasbench.benchmarks.calibration import Calibration
from nasbench.benchmarks.titles import dataset_titles
from nasbench.errors import InvalidInput, NasbenchError
from nasbench.harness.compare.appearance import check_titles, read_appearance
from nasbench.harness.compare.blocks import belongs, group, labelled, unite
from nasbench.harness.compare.choosing import COMMON, LeftOut, RowChoice, about_rows
from nasbench.harness.compare.comparison import Block, Comparison, Options
from nasbench.harness.compare.contender import best_score
from nasbench.harness.compare.estimates import too_skewed
from nasbench.harness.compare.figures.options import FigureOptions
from nasbench.harness.compare.known_sets import KnownSets, open_known_sets
from nasbench.harness.compare.labels import known_as
from nasbench.harness.compare.picks import bounds_of, picks
from nasbench.harness.compare.proxies import correlations
from nasbench.harness.compare.references import (
    EXPECTED,
    Known,
    Reference,
    open_doubts,
    open_known,
    references,
)
from nasbench.harness.compare.rows import Row, rows
from nasbench.harness.compare.set_references import set_references
from nasbench.harness.compare.significance import pairs
from nasbench.harness.compare.tables.options import TableOptions, for_width
from nasbench.harness.compare.tables.sets import set_rows
from nasbench.harness.fronts import Fronts, exact_fronts
from nasbench.harness.results.load import Results, load_several
from nasbench.harness.results.runs import ExperimentRuns
from nasbench.harness.results.store import EXPERIMENT
from nasbench.harness.search.seeds import parse_seeds, ranges
from nasbench.harness.search.task import Kind, Task
from nasbench.limits import TARGET
from nasbench.text import shown

CENTRES = ("mean", "median", "iqm")
CLOCKS = ("seconds", "evaluations")


class Chosen(TypedDict, total=False):
    """The options of `compare` that choose and name rows."""

    strategies: str | Sequence[str] | None
    exclude: str | Sequence[str]
    datasets: str | Sequence[str] | None
    seeds: int | str | Sequence[int] | None
    labels: Mapping[str, str] | None
    style_file: str | Path | Mapping[str, Any] | None


def compare(
    results: "str | Path | Results | Sequence[str | Path]" = "results",
    *,
    merge: bool = False,
    strategies: str | Sequence[str] | None = None,
    exclude: str | Sequence[str] = (),
    datasets: str | Sequence[str] | None = None,
    seeds: int | str | Sequence[int] | None = None,
    labels: Mapping[str, str] | None = None,
    style_file: str | Path | Mapping[str, Any] | None = None,
    out: str | Path | None = None,
    centre: str = "mean",
    clock: str | None = None,
    calibration: str | Path | Calibration | None = None,
    target: float | None = None,
    pick: str | Sequence[str] | None = None,
    style: str = "paper",
    width: float | str | None = None,
    tables: TableOptions | None = None,
    figures: FigureOptions | None = None,
) -> Comparison:
    """Compare the runs of results folders; write tables and figures if `out` is given.

    `results` is a folder, a list of folders, or what `load_results` returned. Runs of different
    tasks are put into separate blocks. `merge` asks for a single table; where that would mix tasks,
    it raises `CannotCompare`, which names what differs.

    `strategies` and `exclude` choose rows, by the name or title of a strategy or by the label of a
    row; `datasets` chooses reported data sets, by name or title, in the order in which they are
    shown; `seeds` are seeds as `nasbench.run` takes them, or `common` for those that all rows of a
    block have. None is all; an empty list of strategies, data sets or seeds would choose nothing,
    and is refused. What is left out stands in every table's notes and in the comparison's JSON.
    `labels` maps rows to other labels, `style_file` is a TOML file, or a dict with its keys, of
    labels, order, colours, lines, names of data sets and columns: see
    `nasbench.harness.compare.appearance`.

    `centre` (`mean`, `median` or `iqm`) is the statistic that the figures draw. `clock` (`seconds`
    or `evaluations`) is their x axis; by default there is a figure for each. `style` (`paper` or
    `talk`) and `width` (inches, or a venue's name) set the figures' size; `figures` sets these and
    all else that can be chosen about figures. `calibration`, a file of `nasbench calibrate` or its
    content, puts one-shot runs on the time axis of the other runs.

    `target` is a test regret in the objective's unit: the tables give the time until runs reach
    it. By default it is the regret of the expected random search with the whole budget.

    `pick` bounds costs of searches of several objectives: `latency:pixel3<=5`. A table then says
    which member of its final set each search would hand over within the bounds, and how good it is
    on test.

    `tables` says which tables there are, with which columns, and for which page; without a width of
    their own they are made for a page or column of `width`.

    Raises `StoreError` for a folder without runs, and `InvalidInput` for an unknown data set or
    another invalid option.
    """
    if centre not in CENTRES:
        raise InvalidInput(f"centre '{centre}' is unknown: valid are {', '.join(CENTRES)}")
    if clock is not None and clock not in CLOCKS:
        raise InvalidInput(f"clock '{clock}' is unknown: valid are {', '.join(CLOCKS)}")
    if figures is not None:
        require_type("figures", figures, FigureOptions, "nasbench.FigureOptions(...)")
    if figures is None:
        figures = FigureOptions(style=style, width=width)
    elif (style, width) != ("paper", None):
        raise InvalidInput("style and width are given beside figures: set them in FigureOptions")
    folder = None if out is None else require_path("out", out)
    if calibration is not None and not isinstance(calibration, Calibration):
        calibration = Calibration.load(require_path("calibration", calibration))
    appearance, tables = read_appearance(style_file, labels), for_width(tables, width)
    options = Options(
        merge,
        None if datasets is None else _some("datasets", datasets, require_names),
        None if target is None else TARGET.check(target),
        calibration,
        RowChoice(
            () if strategies is None else _some("strategies", strategies, _texts),
            _texts("exclude", exclude), _seeds(seeds),
        ),
        appearance,
        replace(tables, columns={**appearance.columns, **tables.columns}),
        () if pick is None else tuple(require_names("pick", pick)),
    )  # fmt: skip
    stored = _loaded(results)
    _check_labels(labels or {}, stored)
    comparison = compared(stored, options)
    comparison.check_columns()
    if folder is not None:
        from nasbench.harness.compare.write import write

        write(comparison, folder, centre=centre, clock=clock, figures=figures)
    return comparison


def compared(stored: Results, options: Options) -> Comparison:
    """Compare stored runs by checked options; raises `InvalidInput` and `CannotCompare`."""
    found: Sequence[ExperimentRuns] = unite(stored.experiments)
    rows = labelled(found)
    left_out: list[LeftOut] = []
    if options.choice:
        new = options.appearance.labels
        named = [(label, replace(row, aliases=_names(label, row, new))) for label, row in rows]
        found, left_out = options.choice.apply(named)
    groups = group(
        found, merge=options.merge, common=options.choice.seeds == COMMON,
        appearance=options.appearance,
    )  # fmt: skip
    reported = list(dict.fromkeys(name for one in groups for name in one.task.reports))
    called = options.appearance.datasets
    usual = _usual_titles([row.experiment.task for _, row in rows])
    titles = {**usual, **called}
    wanted = _wanted(options.datasets, reported, titles)
    stored_names = (name for _, row in rows for name in row.experiment.task.reports)
    hidden = tuple(name for name in dict.fromkeys(stored_names) if name not in wanted)
    check_titles(called, [*reported, *hidden])
    shown = [one for one in groups if any(name in wanted for name in one.task.reports)]
    gone = {one.key for one in left_out if one.whole}
    options.appearance.check_apart(
        [row for label, row in rows if (label, row.experiment.task) in gone],
        [row for label, row in rows if (label, row.experiment.task) not in gone],
    )
    left_out += [
        whole for label, row in rows
        if (whole := LeftOut.of(label, row, len(row))).key not in gone
        and not any(belongs(whole.task, block) for block in shown)
    ]  # fmt: skip
    elsewhere = [
        one for one in left_out
        if one.whole and not any(belongs(one.task, block) for block in shown)
    ]  # fmt: skip
    blocks = []
    for one in shown:
        mine = [other for other in left_out if belongs(other.task, one)]
        notes = about_rows(mine, len(one.contenders), elsewhere, titles, options.choice.seeds)
        if hidden:
            notes.append(f"data sets left out: {', '.join(titles.get(n, n) for n in hidden)}")
        said = [
            f"{called[name]} is {usual.get(name, name)}"
            for name in dict.fromkeys((one.task.query.dataset, *one.task.reports))
            if name in called
        ]
        if said:
            notes.append(f"names of data sets: {', '.join(said)}")
        chosen = replace(
            one, notes=(*notes, *one.notes), chosen=(*notes, *one.chosen), titles=titles
        )
        blocks.append(_filled(chosen, wanted, options.calibration, options.target))
    blocks = _picked(blocks, options.pick)
    names = set().union(*(known_as(label, row) for label, row in rows))
    return Comparison(
        tuple(blocks),
        replace(options, datasets=tuple(wanted)),
        stored.faults,
        tuple(left_out),
        hidden,
        stored.folders,
        tuple(options.appearance.unknown(names, reported)),
    )


def _picked(blocks: list[Block], texts: Sequence[str]) -> list[Block]:
    """Return blocks with what their rows hand over within the bounds that a user writes.

    Blocks that lack a cost are left as they are; raises `InvalidInput` where all lack one.
    """
    if not texts:
        return blocks
    found, refused = [], list[InvalidInput]()
    for block in blocks:
        try:
            bounds = bounds_of(block.task, texts)
        except InvalidInput as error:
            refused.append(error)
            found.append(block)
            continue
        made = [one for name in block.datasets for one in picks(block.contenders, bounds, name)]
        found.append(replace(block, bounds=bounds, picks=tuple(made)))
    if len(refused) == len(blocks):
        raise refused[0]
    return found


def _names(label: str, row: ExperimentRuns, new: Mapping[str, str]) -> tuple[str, ...]:
    """Return what a row is called besides its strategy; `new` are a user's labels by old names."""
    known = known_as(label, row)
    given = {name for old, name in new.items() if old in known}
    return tuple(sorted((known | given) - {row.title, row.experiment.strategy}))


def _loaded(results: "str | Path | Results | Sequence[str | Path]") -> Results:
    """Return the runs of one or several folders."""
    return results if isinstance(results, Results) else load_several(folders_of(results))


def folders_of(results: "str | Path | Sequence[str | Path]") -> list[Path]:
    """Return one or several folders as a list; `InvalidInput` for none or what is no path."""
    several = isinstance(results, Sequence) and not isinstance(results, str)
    found = list(results) if several and not isinstance(results, os.PathLike) else [results]
    if not found:
        raise InvalidInput("results cannot be an empty list: name one folder or more")
    paths = [require_path("results", one) for one in found]
    for path in paths:
        if not (path / EXPERIMENT).is_file():
            continue
        group = Path(os.path.realpath(path)).parent
        if len(list(group.glob(f"*/{EXPERIMENT}"))) > 1:
            raise InvalidInput(
                f"'{path}' is one experiment of several: name the results folder, and choose rows "
                "by --strategy, so that what is left out is said"
            )
    return paths


def _check_labels(labels: Mapping[str, str], stored: Results) -> None:
    """Raise `InvalidInput` for a new label of a row that is not there.

    A style file may name rows that are not there, as one file may serve several comparisons.
    """
    if not labels:
        return
    rows = labelled(stored.experiments)
    known = set().union(*(known_as(label, row) for label, row in rows))
    for name in labels:
        if name not in known:
            raise InvalidInput(
                f"label '{name}' is no row of these runs: known are "
                f"{', '.join(label for label, _ in rows)}"
            )


def _some(
    name: str,
    values: str | Sequence[str],
    read: Callable[[str, str | Sequence[str]], Sequence[str]],
) -> tuple[str, ...]:
    """Return what `read` finds in a choice; raises `InvalidInput` where that is nothing."""
    found = tuple(read(name, values))
    if not any(one.strip() for one in found):
        raise InvalidInput(
            f"{name} cannot be {shown(values)}, which chooses nothing: name one or more, or leave "
            "it out for all"
        )
    return found


def _texts(name: str, values: str | Sequence[str]) -> tuple[str, ...]:
    """Return one or several texts; commas in them are read where rows are known."""
    require_names(name, values)
    return (values,) if isinstance(values, str) else tuple(values)


def _seeds(seeds: int | str | Sequence[int] | None) -> str:
    """Return the choice of seeds as a text, checked; empty for all."""
    if seeds is None or seeds == COMMON:
        return seeds or ""
    if isinstance(seeds, int | str):
        parse_seeds(seeds)
        return str(seeds).strip()
    return ranges(sorted(parse_seeds(seeds)))


def _usual_titles(tasks: Sequence[Task]) -> dict[str, str]:
    """Return the names of data sets for readers that these tasks' tables give them."""
    tables = dict.fromkeys(map(_table, tasks))
    return {name: title for table in tables for name, title in dataset_titles(table).items()}


def _table(task: Task) -> str | None:
    """Return the name of the table that answers a task's queries or judges them, if any."""
    return None if task.kind is Kind.TRAINED else task.reference.name


def _wanted(
    chosen: Sequence[str] | None, reported: list[str], titles: Mapping[str, str]
) -> list[str]:
    """Return the data sets that are chosen by name or title; all where there is no choice."""
    by_name = {**{titles.get(name, name): name for name in reported}, **{n: n for n in reported}}
    for name in chosen or ():
        if name not in by_name:
            raise InvalidInput(
                f"data set '{name}' is not reported by these runs: valid are {', '.join(reported)}"
            )
    return list(dict.fromkeys(by_name[name] for name in chosen)) if chosen else reported


def _filled(
    one: Block, wanted: Sequence[str], calibration: Calibration | None, target: float | None
) -> Block:
    one = replace(one, doubts=open_doubts(one.task))
    notes, sets = list(one.notes), None
    if len(one.task.objectives) > 1:
        try:
            fronts = exact_fronts(one.task)
            fronts.require_hypervolumes(signal=not one.task.shared)
        except NasbenchError as error:
            return _sets(replace(one, notes=(*notes, f"no hypervolume: {error}")), wanted)
        measured = tuple(replace(each, fronts=fronts) for each in one.contenders)
        one = _sets(replace(one, contenders=measured), wanted)
        notes = [*one.notes, *_measured(one, fronts)]
        longest = max(int(each.runs.counts.max(initial=0)) for each in one.contenders)
        sets = open_known_sets(one.task, fronts, longest)
        notes += sets.about({name: one.title_of(name) for name in one.datasets})
    if calibration is not None:
        reason = _misfit(one, calibration)
        if reason:
            notes.append(f"not calibrated: {reason}")
            calibration = None
    known = None
    try:
        known = open_known(one.task) if len(one.task.objectives) == 1 else None
    except NasbenchError as error:
        notes.append(f"no regrets and no reference rows: {error}")
    budget = one.task.budget
    if (known or sets) and budget.stops_early:
        notes.append("no expected random search: early stopping has no closed form")
    datasets = tuple(name for name in wanted if name in one.task.reports)
    notes += [note for name in datasets for note in _unknown(one, name)]
    notes += _skewed(one, datasets)
    notes += _apart(one)
    proxies, about = correlations(one.task, known, one.contenders, datasets)
    notes += about
    beside = {name: _references(known, sets, name) for name in datasets}
    tests = {
        name: tuple(pairs([each.final("test", name) for each in one.contenders]))
        for name in datasets
    }
    made: list[Row] = []
    for name in datasets:
        best = best_score(one.contenders, known, name)
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
        known_sets=sets,
        proxies=proxies,
        calibration=calibration,
    )


def _references(known: Known | None, sets: KnownSets | None, dataset: str) -> list[Reference]:
    if sets is not None:
        return set_references(sets, dataset)
    return [] if known is None else references(known, dataset)


def _sets(one: Block, wanted: Sequence[str]) -> Block:
    """Return the block of searches with several objectives."""
    datasets = tuple(name for name in wanted if name in one.task.reports)
    found = tuple(row for name in datasets for row in set_rows(one.contenders, name))
    sources = {join.objective: join.about for join in one.task.joins}
    notes = [
        f"objective {metric.title}: read from {sources[metric.name]}, the same on all data sets"
        for metric in one.task.objectives
        if metric.name in sources
    ]
    proxies, about = correlations(one.task, None, one.contenders, datasets)
    notes += about
    return replace(one, datasets=datasets, sets=found, proxies=proxies, notes=(*one.notes, *notes))


def _measured(block: Block, fronts: Fronts) -> Iterator[str]:
    """Yield a note for every data set on how hypervolumes are measured there."""
    for name in block.datasets:
        front = fronts.test[name]
        values = front.reference_values
        at = ", ".join(
            f"{one.name} {values[one.name]:.4g}{one.unit and f' {one.unit}'}"
            for one in front.objectives
        )
        yield (
            f"hypervolume of {block.outcome} values on {block.title_of(name)}: in percent of that "
            f"of the exact front ({len(front.members):,} of {front.known:,} "
            f"architectures{block.among}), from {at}, a tenth of the front's range behind its "
            "worst values"
        )
    if block.task.query.signal == "random":
        yield (
            "hypervolume of the signal: of the trainings that a search saw, in percent of that of "
            "the exact front of their means; lucky trainings can bring it above 100"
        )


def _unknown(block: Block, dataset: str) -> Iterator[str]:
    """Yield a note for every row with final incumbents that have no test value on a data set."""
    for one in block.contenders:
        missing = int(np.isnan(one.final("test", dataset)).sum())
        if missing:
            yield (
                f"{one.label}: {missing} of {len(one.runs)} answers have no number on "
                f"{block.title_of(dataset)}; its numbers are over the others"
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
            f"{', '.join(labels)} on {', '.join(map(block.title_of, names))}"
            for names, labels in found.items()
        )
        yield (
            "runs are skewed, and 95 % intervals of so few of them cover their mean less often, "
            f"about 85 to 92 % of lognormal samples of 10 to 100: {rows}"
        )


def _apart(block: Block) -> Iterator[str]:
    """Yield a note where rows of the block were trained on different devices."""
    found = {one.label: one.runs.devices for one in block.contenders if one.runs.devices}
    if len(set(found.values())) > 1 or any(len(devices) > 1 for devices in found.values()):
        rows = "; ".join(f"{label} on {', '.join(devices)}" for label, devices in found.items())
        yield f"real seconds of different devices are not compared: {rows}"


def _misfit(block: Block, calibration: Calibration) -> str:
    """Return why a calibration does not fit a group's one-shot runs; empty if it fits."""
    task, theirs = block.task, (calibration.table, calibration.dataset)
    if theirs != (task.content, task.query.dataset):
        return f"it is of {block.title_of(theirs[1])} of table {theirs[0][:8]}"
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

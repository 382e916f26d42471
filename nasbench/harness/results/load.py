"""Reading a whole results folder: its experiments, its damaged files, and data frames for users."""

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from nasbench.arguments import require_path
from nasbench.errors import StoreError
from nasbench.harness.results.apart import apart_below
from nasbench.harness.results.ragged import Ragged
from nasbench.harness.results.records import SPLITS, constraint_column
from nasbench.harness.results.runs import ExperimentRuns
from nasbench.harness.results.same_run import difference
from nasbench.harness.results.store import Damaged, ExperimentFolder, experiments
from nasbench.harness.search.task import Seconds
from nasbench.text import encodable

if TYPE_CHECKING:
    import pandas

COUNTS = ("evaluations", "training_epochs", "shared_epochs")
"""Columns of counts; a search has some of them, and NaN in the others."""


@dataclass(frozen=True)
class Fault:
    """A damaged file of a results folder, whose runs are left out."""

    where: str
    """The file, below the results folder."""
    reason: str
    """What is wrong with it, and where in it."""
    fix: str

    @classmethod
    def of(cls, damaged: Damaged, folder: Path) -> "Fault":
        """Return the fault of a damaged file, with its path relative to `folder`."""
        where = damaged.path.relative_to(folder).as_posix()
        return cls(encodable(where), damaged.reason, damaged.fix)

    def __str__(self) -> str:
        """Write it as one line."""
        return f"'{self.where}' is damaged and left out ({self.reason}): {self.fix}"


@dataclass(frozen=True)
class Results:
    """What a results folder holds."""

    folder: Path
    experiments: tuple[ExperimentRuns, ...]
    faults: tuple[Fault, ...] = ()
    """Damaged files. Their runs are missing from `experiments` and from all that is computed."""
    folders: tuple[Path, ...] = ()
    """All folders, where there are several; `folder` is then the first of them."""

    def need_runs(self) -> None:
        """Raise `StoreError` where there is no run; the error names the first fault, if any."""
        if any(len(one) for one in self.experiments):
            return
        if self.faults:
            raise StoreError(
                f"results folder '{self.folder}' holds no run that can be read, files that are "
                f"damaged {len(self.faults)}, the first: {self.faults[0]}"
            )
        apart = apart_below(self.folder)
        also = f", or name '{apart[0]}', the runs of a reproduction" if apart else ""
        raise StoreError(
            f"results folder '{self.folder}' holds no runs: run `nasbench run --out "
            f"{self.folder}` first{also}"
        )

    @cached_property
    def runs(self) -> "pandas.DataFrame":
        """One row per run: what was run, its totals and its final incumbent.

        `wall_seconds` are real ones, `cpu_seconds` those that a run which trained computed, all its
        threads together (NaN of other runs, and of those that an earlier version stored).

        `incumbent` is the text of the final incumbent. `signal` is its validation value as the
        search was told it, `valid/NAME` and `test/NAME` are its final values on every reported data
        set NAME, NaN where it was not reported. All three are values of `metric`, the first
        objective, such as `accuracy`. `incumbent` is missing, and the values are NaN, where the run
        failed and for several objectives, whose answer is a set (see `sets.csv` of a comparison).

        A clock and a count have columns of their own, NaN for runs of another: `evaluations` and
        their `training_epochs`, or `shared_epochs` of shared weights; `simulated_seconds` of a
        table, real `training_seconds` of networks or weights, or `mixed_seconds` of a table that
        networks are trained beside. All are NaN where a table has no seconds. `scores` and
        `score_seconds` are how many scores of zero-cost proxies a run asked for, and what
        measuring them took; NaN of a strategy that asks for none.
        """
        import pandas

        frames = [_runs_frame(one) for one in self.experiments]
        return pandas.concat(_alike(frames), ignore_index=True)

    @cached_property
    def trajectories(self) -> "pandas.DataFrame":
        """One row per evaluation, in order, of every run that finished.

        `value` is the value of the first objective, `metric`. `value`, `seconds` and `epochs` are
        those of the single evaluation, its seconds on the clock that `clock` names. There is a
        column `constraint/NAME` for each cost that a constraint bounds. `fidelity` is
        the number of epochs after which its value was read. Running totals are `optimiser_seconds`
        and, each NaN for runs of another clock or count, the columns of `runs` for them (with
        several simulated workers seconds are the time that has passed). `architecture` and
        `incumbent` are texts. `incumbent` is the answer so far (with several objectives, the last
        evaluation that entered the front) and `incumbent_value` its validation value. Before the
        first answer `incumbent` is missing and `incumbent_value` is NaN.
        """
        import pandas

        frames = [_trajectory_frame(one) for one in self.experiments]
        frame = pandas.concat(_alike(frames), ignore_index=True)
        frame["experiment"] = frame["experiment"].astype("category")
        return frame


def load_results(folder: str | Path) -> Results:
    """Read every experiment below a results folder; damaged files are left out.

    `faults` of the result names the files that are left out. Raises `StoreError` where no run is
    left, and for an experiment that a later version of nasbench stored.
    """
    results = read_results(folder)
    results.need_runs()
    return results


def load_several(folders: Sequence[Path]) -> Results:
    """Read several folders as `load_results` reads one, and join them: see `joined`."""
    return joined([load_results(one) for one in dict.fromkeys(folders)])


def joined(found: Sequence[Results]) -> Results:
    """Return the runs of several folders; a fault is named below its own folder.

    Raises `StoreError` where two folders hold different runs of one seed.
    """
    if len(found) == 1:
        return found[0]
    _check_equal(found)
    return Results(
        found[0].folder,
        tuple(runs for one in found for runs in one.experiments),
        tuple(
            replace(fault, where=f"{encodable(str(one.folder))}/{fault.where}")
            for one in found
            for fault in one.faults
        ),
        tuple(one.folder for one in found),
    )


def _check_equal(found: Sequence[Results]) -> None:
    """Raise `StoreError` where two folders hold different finished runs of one seed."""
    seen: dict[tuple[str, int], tuple[Results, ExperimentRuns, int]] = {}
    for results in found:
        for runs in results.experiments:
            key = repr(runs.experiment.to_json())
            for row in np.flatnonzero(~runs.failed).tolist():
                seed = int(runs.seeds[row])
                first, other, place = seen.setdefault((key, seed), (results, runs, row))
                if first is results:
                    continue
                name = difference(runs.experiment, (other.table, place), (runs.table, row))
                if name:
                    raise StoreError(
                        f"seed {seed} of '{runs.label}' has different runs in '{first.folder}' and "
                        f"'{results.folder}', they differ in {name}: leave out one of the folders"
                    )


def read_results(folder: str | Path) -> Results:
    """Read as `load_results` does, but accept a folder in which no run can be read."""
    path = require_path("results", folder)
    left_out: list[Damaged] = []
    found = tuple(read_experiment(one, left_out) for one in experiments(path, left_out))
    return Results(path, found, tuple(Fault.of(one, path) for one in left_out))


def read_experiment(folder: ExperimentFolder, left_out: list[Damaged]) -> ExperimentRuns:
    """Return the runs of an experiment; damaged files are appended to `left_out`."""
    table, files = folder.read_all(left_out)
    return ExperimentRuns(
        folder.label, folder.experiment, folder.provenance, table, folder.description,
        folder.display, files=files,
    )  # fmt: skip


def best_so_far(steps: Ragged, lengths: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return, for every evaluation of every run, the step of the incumbent at that time.

    The result has shape (evaluations of all runs,) and is -1 before a run's first incumbent.
    `steps` are the steps at which the incumbent changed, `lengths` is the number of evaluations of
    each run, shape (runs,).
    """
    total = int(lengths.sum())
    starts = np.cumsum(lengths) - lengths
    changed = steps.values + np.repeat(starts, steps.lengths)
    latest = np.full(total, -1, dtype=np.int64)
    latest[changed] = changed
    latest = np.maximum.accumulate(latest) if total else latest
    begin = np.repeat(starts, lengths)
    return np.where(latest >= begin, latest - begin, -1)


def _described(one: ExperimentRuns) -> dict[str, Any]:
    experiment, task = one.experiment, one.experiment.task
    return {
        "experiment": one.label,
        "strategy": experiment.strategy,
        "settings": json.dumps(dict(experiment.settings), sort_keys=True),
        "experiment_seed": experiment.seed,
        "benchmark": task.benchmark,
        "table": task.content,
        "protocol": task.protocol,
        "searched": task.query.dataset,
        "budget": str(task.budget),
        "metric": task.metric.name,
        "simulated_workers": task.simulated_workers,
    }


def _runs_frame(one: ExperimentRuns) -> "pandas.DataFrame":
    import pandas

    columns: dict[str, Any] = dict.fromkeys(_described(one))
    columns |= {name: one.column(name) for name in ("seed", "error", "stop")}
    columns |= _counted(one, one.counts, one.column("training_epochs"))
    columns["distinct"] = one.column("distinct")
    columns |= _timed(one, one.column("clock_seconds"))
    columns |= {name: one.column(name) for name in ("optimiser_seconds", "wall_seconds")}
    for name in ("scores", "score_seconds"):
        there = name in one.table.column_names
        columns[name] = one.column(name) if there else np.full(len(one), np.nan)
    frame = pandas.DataFrame(columns)
    for name, value in _described(one).items():
        frame[name] = value
    frame["cpu_seconds"] = one.cpu_seconds
    good = ~one.failed & (len(one.experiment.task.objectives) == 1)
    finished = one.select(good)
    steps = finished.lists("incumbents")
    last = finished.architectures.at(steps)
    incumbents = np.full(len(one), None, dtype=object)
    incumbents[good] = last.texts[last.codes.last()]
    frame["incumbent"] = incumbents
    numbers = {"signal": finished.signal.at(steps).last()}
    for name in one.experiment.task.reports:
        for split in SPLITS:
            numbers[f"{split}/{name}"] = finished.finals(split, name).last()
    for name, values in numbers.items():
        spread = np.full(len(one), np.nan)
        spread[good] = values
        frame[name] = spread
    return frame


def _counted(
    one: ExperimentRuns, counts: NDArray[np.int64], epochs: NDArray[np.int64]
) -> dict[str, NDArray[Any]]:
    """Return counts in columns of their own; those that the runs do not have are NaN.

    `epochs` are those of training single architectures, which shared weights are not counted among.
    """
    none = np.full(len(counts), np.nan)
    if one.experiment.task.shared:
        return {"evaluations": none, "training_epochs": none, "shared_epochs": counts}
    return {"evaluations": counts, "training_epochs": epochs, "shared_epochs": none}


def _timed(one: ExperimentRuns, seconds: NDArray[np.float64]) -> dict[str, NDArray[np.float64]]:
    """Return seconds of a clock in the column of its kind; NaN in the others, and without seconds.

    A table may have no seconds of its trainings, see `Task.timed`.
    """
    none = np.full(len(seconds), np.nan)
    seconds = seconds if one.experiment.task.timed else none
    return {
        f"{kind}_seconds": seconds if kind is one.experiment.task.seconds else none
        for kind in Seconds
    }


def _alike(frames: "list[pandas.DataFrame]") -> "list[pandas.DataFrame]":
    """Return frames in which a count that any of them lacks is a float everywhere, to hold NaN."""
    lacked = [name for name in COUNTS if any(frame[name].dtype.kind == "f" for frame in frames)]
    return [frame.astype(dict.fromkeys(lacked, np.float64)) for frame in frames]


def _trajectory_frame(one: ExperimentRuns) -> "pandas.DataFrame":
    import pandas

    runs = one.select(~one.failed)
    architecture = runs.architectures
    codes, texts = architecture.codes, pandas.Index(architecture.texts)
    lengths = codes.lengths
    step = best_so_far(runs.lists("incumbents"), lengths)
    starts = np.repeat(codes.offsets[:-1], lengths)
    at = np.maximum(step, 0) + starts
    kinds = [str(kind) for kind in Seconds]
    value, epochs = runs.signal, runs.lists("epochs")
    seconds = runs.lists("seconds").values
    return pandas.DataFrame(
        {
            "experiment": one.label,
            "strategy": one.experiment.strategy,
            "metric": one.metric.name,
            "seed": np.repeat(runs.seeds, lengths),
            "architecture": pandas.Categorical.from_codes(codes.values, texts),
            "value": value.values,
            **{
                constraint_column(bound): runs.lists(constraint_column(bound)).values
                for bound in one.experiment.task.constraints
            },
            "seconds": seconds if one.experiment.task.timed else np.full(len(step), np.nan),
            "epochs": epochs.values,
            "fidelity": runs.lists("fidelity").values,
            "clock": pandas.Categorical.from_codes(
                np.full(len(step), kinds.index(one.experiment.task.seconds)), pandas.Index(kinds)
            ),
            **_counted(one, np.arange(len(step)) - starts + 1, epochs.each(np.cumsum).values),
            **_timed(one, runs.finished.values),
            "optimiser_seconds": runs.lists("optimiser").each(np.cumsum).values,
            "incumbent": pandas.Categorical.from_codes(
                np.where(step < 0, -1, codes.values[at]) if len(at) else at, texts
            ),
            "incumbent_value": np.where(step < 0, np.nan, value.values[at]) if len(at) else at,
        }
    )

"""Runs as rows of an Arrow table, which executors return and results store (schema 3).

A row holds a run's summary and, in list columns, its whole trajectory:

    seed, error, log, stop, processor            which run, how it ended, and where it was made
    evaluations, or shared_epochs   the number of answers: architectures evaluated, or epochs of
                                    training shared weights; a row has one of the two
    distinct, training_epochs       numbers of different architectures, and of epochs charged
    clock                           what its seconds are: `simulated`, `training` or `mixed`
    clock_seconds, optimiser_seconds, wall_seconds
    device, threads, accelerator    where networks or weights were trained, and the name of a GPU;
                                    only if they were
    cpu_seconds                     of all threads of such a run; NaN where it is not known
    architecture                    text of every evaluation's architecture, dictionary-encoded
    value/OBJECTIVE                 what the search was told; NaN where the evaluation failed
    constraint/COST                 what the search was told of a cost that a constraint bounds
    fidelity                        epochs after which the value was read; 0 for shared weights
    seconds, epochs, optimiser      cost of each evaluation: seconds on the run's clock, training
                                    epochs, and real seconds of the strategy
    started, finished, worker       only with several simulated workers
    scores, score_seconds           only of strategies that ask for scores of zero-cost proxies: how
                                    many, and the sum of what measuring them took
    scored/architecture, scored/proxy, scored/value, scored/seconds, scored/before
                                    each of these scores, and how many evaluations had ended before
    figure/NAME                     a trace: one number per epoch of shared training (see `trace`)
    incumbents                      evaluations at which the answer changed
    selected                        only with several objectives: the incumbents in the final front
    valid/DATASET/OBJECTIVE, test/DATASET/OBJECTIVE     the judge's values of the incumbents
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from nasbench.benchmarks.base import FinalValues
from nasbench.benchmarks.training.devices import accelerator
from nasbench.harness.results.architectures import texts_of
from nasbench.harness.search.experiment import Experiment, Run
from nasbench.harness.search.scoring import NOTHING_SCORED, Scored
from nasbench.problem import Constraint, Metric
from nasbench.provenance import processor
from nasbench.spaces.base import Architecture
from nasbench.text import encodable

TRAJECTORY = ("architecture", "fidelity", "seconds", "epochs", "optimiser")
"""List columns with one value per evaluation, in order; `value/OBJECTIVE` are others."""

SCHEDULE = ("started", "finished", "worker")
"""List columns of runs with several simulated workers: when each evaluation began and ended, in
seconds on the run's clock, and the number of its worker."""

SCORED = ("architecture", "proxy", "value", "seconds", "before")
"""List columns with one value per score of a zero-cost proxy, in order; see `scored_column`."""

SPLITS = ("valid", "test")
"""The splits that the judge reads."""

ARCHITECTURES = pa.dictionary(pa.int32(), pa.string())
"""Arrow type of an architecture in a list column."""


def value_column(metric: Metric) -> str:
    """Return the name of the list column that holds values of an objective."""
    return f"value/{metric.name}"


def constraint_column(constraint: Constraint) -> str:
    """Return the name of the list column that holds the cost that a constraint bounds."""
    return f"constraint/{constraint.metric.name}"


def scored_column(name: str) -> str:
    """Return the name of the list column with one of `SCORED`."""
    return f"scored/{name}"


def verdict_column(split: str, dataset: str, metric: Metric) -> str:
    """Return the name of the list column with the judge's values on a split of a data set."""
    return f"{split}/{dataset}/{metric.name}"


def to_rows(experiment: Experiment, runs: Sequence[Run]) -> pa.Table:
    """Return one row per run: its summary, its trajectory, the final values of its incumbents.

    The column `processor` names this machine's processor, so rows must be made on the machine that
    made the runs.
    """
    task = experiment.task
    tracks = [_Track(run) for run in runs]
    columns: dict[str, pa.Array] = {
        "seed": pa.array([run.seed for run in runs], pa.int64()),
        "error": pa.array([encodable(run.error) for run in runs], pa.string()),
        "log": pa.array([encodable(run.log) for run in runs], pa.string()),
        "stop": pa.array([track.stop for track in tracks], pa.string()),
        task.count: pa.array([len(track.architectures) for track in tracks], pa.int64()),
        "distinct": pa.array([len(set(track.architectures)) for track in tracks], pa.int64()),
        "clock": pa.array([str(task.seconds)] * len(runs), pa.string()),
        "clock_seconds": pa.array([track.clock for track in tracks], pa.float64()),
        "optimiser_seconds": pa.array([_total(track.optimiser) for track in tracks], pa.float64()),
        "training_epochs": pa.array([int(track.epochs.sum()) for track in tracks], pa.int64()),
        "wall_seconds": pa.array([run.wall_seconds for run in runs], pa.float64()),
        "processor": pa.array([processor()] * len(runs), pa.string()),
        **(_places(runs) if task.trains else {}),
        "architecture": _written(task.space, [track.architectures for track in tracks]),
        **{
            value_column(metric): _lists([track.values(place) for track in tracks], np.float64)
            for place, metric in enumerate(task.objectives)
        },
        **{
            constraint_column(one): _lists(
                [track.constrained(place) for track in tracks], np.float64
            )
            for place, one in enumerate(task.constraints)
        },
        "fidelity": _lists([track.fidelity for track in tracks], np.int32),
        "seconds": _lists([track.seconds for track in tracks], np.float64),
        "epochs": _lists([track.epochs for track in tracks], np.int32),
        "optimiser": _lists([track.optimiser for track in tracks], np.float64),
        "incumbents": _lists([track.incumbents for track in tracks], np.int32),
    }
    if len(task.objectives) > 1:
        columns["selected"] = _lists([track.selected for track in tracks], np.int32)
    if task.simulated_workers > 1:
        columns |= {
            "started": _lists([track.started for track in tracks], np.float64),
            "finished": _lists([track.finished for track in tracks], np.float64),
            "worker": _lists([track.worker for track in tracks], np.int32),
        }
    if experiment.proxies is not None:
        columns |= _scored(task.space, [track.scored for track in tracks])
    for trace in dict.fromkeys(one for track in tracks for epoch in track.traces for one in epoch):
        values = [[epoch.get(trace, np.nan) for epoch in track.traces] for track in tracks]
        columns[trace.column] = _lists(values, np.float64)
    for name in task.reports:
        none = np.empty((0, len(task.objectives)))
        finals = [run.finals.get(name, FinalValues(none, none)) for run in runs]
        for split in SPLITS:
            for place, metric in enumerate(task.objectives):
                read = [getattr(verdict, split)[:, place] for verdict in finals]
                columns[verdict_column(split, name, metric)] = _lists(read, np.float64)
    return pa.table(columns)


def _scored(space: str, found: Sequence[Scored]) -> dict[str, pa.Array]:
    """Return the columns of scores of zero-cost proxies."""
    names = list(dict.fromkeys(name for one in found for name in one.proxies))
    codes = {name: code for code, name in enumerate(names)}
    lists = {
        "architecture": _written(space, [one.architectures for one in found]),
        "proxy": as_texts(
            _lists([[codes[name] for name in one.proxies] for one in found], np.int32), names
        ),
        "value": _lists([one.values for one in found], np.float64),
        "seconds": _lists([one.seconds for one in found], np.float64),
        "before": _lists([one.before for one in found], np.int32),
    }
    return {
        "scores": pa.array([len(one.architectures) for one in found], pa.int64()),
        "score_seconds": pa.array([_total(one.seconds) for one in found], pa.float64()),
        **{scored_column(name): lists[name] for name in SCORED},
    }


def _places(runs: Sequence[Run]) -> dict[str, pa.Array]:
    """Return columns of where runs trained, and their CPU seconds.

    Device and accelerator, threads and CPU seconds of a run that was lost with its worker are
    empty, 0 and NaN.
    """
    places = [("", 0) if run.place is None else run.place for run in runs]
    return {
        "device": pa.array([device for device, _ in places], pa.string()),
        "threads": pa.array([threads for _, threads in places], pa.int64()),
        "accelerator": pa.array([accelerator(device) for device, _ in places], pa.string()),
        "cpu_seconds": pa.array([run.cpu_seconds for run in runs], pa.float64()),
    }


class _Track:
    """The columns of one run's trajectory, empty where it failed."""

    def __init__(self, run: Run) -> None:
        trajectory = run.trajectory
        empty = np.array([], dtype=np.float64)
        self.stop = "failed" if trajectory is None else str(trajectory.stop)
        self.architectures = [] if trajectory is None else trajectory.architectures
        self._trajectory = trajectory
        self.fidelity = empty if trajectory is None else trajectory.fidelity
        self.seconds = empty if trajectory is None else trajectory.seconds
        self.epochs = empty if trajectory is None else trajectory.epochs
        self.optimiser = empty if trajectory is None else trajectory.optimiser_seconds
        self.incumbents = empty if trajectory is None else trajectory.incumbents
        self.selected = empty if trajectory is None else trajectory.selected
        self.started = empty if trajectory is None else trajectory.started
        self.finished = empty if trajectory is None else trajectory.finished
        self.worker = empty if trajectory is None else trajectory.worker
        self.traces = () if trajectory is None else trajectory.traces
        scored = None if trajectory is None else trajectory.scored
        self.scored = NOTHING_SCORED if scored is None else scored

    def values(self, objective: int) -> NDArray[np.float64]:
        """Return the values of the objective with a number, from 0; shape (evaluations,)."""
        made = self._trajectory
        return np.array([], dtype=np.float64) if made is None else made.values[:, objective]

    def constrained(self, constraint: int) -> NDArray[np.float64]:
        """Return the costs that the constraint with a number bounds; shape (evaluations,)."""
        made = self._trajectory
        return np.array([], dtype=np.float64) if made is None else made.constrained[:, constraint]

    @property
    def clock(self) -> float:
        """Seconds on the run's clock when the last evaluation ended, 0 without evaluations."""
        return float(self.finished[-1]) if len(self.finished) else 0.0


def _total(seconds: NDArray[np.float64]) -> float:
    """Return the sum of `seconds`, added in order, as a clock adds them, to get the same bits."""
    return float(np.cumsum(seconds)[-1]) if len(seconds) else 0.0


def _written(space: str, rows: Sequence[Sequence[Architecture]]) -> pa.ListArray:
    """Return lists of architectures as texts, each text stored once."""
    codes: dict[Architecture, int] = {}
    lists = [[codes.setdefault(one, len(codes)) for one in row] for row in rows]
    write = texts_of(space).write
    return as_texts(_lists(lists, np.int32), [write(one) for one in codes])


def as_texts(codes: pa.ListArray, texts: Sequence[str]) -> pa.ListArray:
    """Return lists of texts, from lists of positions in `texts`."""
    words = pa.DictionaryArray.from_arrays(codes.values, pa.array(texts, pa.string()))
    return pa.ListArray.from_arrays(codes.offsets, words)


def _lists(rows: Sequence[Any], dtype: type[np.generic]) -> pa.ListArray:
    """Return an Arrow list column with one list per row; all lists are converted at once."""
    offsets = np.cumsum([0, *map(len, rows)], dtype=np.int32)
    values = np.concatenate([np.asarray(row, dtype=dtype) for row in rows] or [np.array([], dtype)])
    return pa.ListArray.from_arrays(pa.array(offsets), pa.array(values))

"""Runs as rows of an Arrow table: what an executor hands over and what is stored.

A row holds a run's summary and, in list columns, its whole trajectory.
"""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from nasbench.benchmarks.base import Verdict
from nasbench.harness.experiment import Experiment, Run
from nasbench.problem import ACCURACY, Metric
from nasbench.provenance import processor
from nasbench.spaces import get_enumerable
from nasbench.spaces.base import Architecture
from nasbench.text import encodable

TRAJECTORY = ("architecture", "seconds", "epochs", "optimiser")
"""List columns with one value per evaluation, in order, beside the values of objectives."""

SCHEDULE = ("started", "finished", "worker")
"""List columns of runs with several simulated workers: seconds on the run's clock, and who."""

FIGURE = "figure/"
"""What the names of columns begin with that hold figures of shared training, one per epoch."""


def value_column(metric: Metric) -> str:
    """Return the name of the list column that holds values of an objective."""
    return metric.name if metric == ACCURACY else f"value/{metric.name}"


_NO_VERDICT = Verdict(np.array([]), np.array([]))


def to_rows(experiment: Experiment, runs: Sequence[Run]) -> pa.Table:
    """Return one row per run: its summary, its trajectory, its incumbents' verdicts.

    `processor` is that of this machine: rows are made where the run was.
    """
    reports = experiment.task.reports
    index = get_enumerable(experiment.task.space).index
    tracks = [_Track(run, index) for run in runs]
    columns: dict[str, pa.Array] = {
        "seed": pa.array([run.seed for run in runs], pa.int64()),
        "error": pa.array([encodable(run.error) for run in runs], pa.string()),
        "log": pa.array([encodable(run.log) for run in runs], pa.string()),
        "stop": pa.array([track.stop for track in tracks], pa.string()),
        "queries": pa.array([len(track.cells) for track in tracks], pa.int64()),
        "distinct": pa.array([len(set(track.cells)) for track in tracks], pa.int64()),
        "simulated_seconds": pa.array([track.clock for track in tracks], pa.float64()),
        "optimiser_seconds": pa.array([_total(track.optimiser) for track in tracks], pa.float64()),
        "training_epochs": pa.array([int(track.epochs.sum()) for track in tracks], pa.int64()),
        "wall_seconds": pa.array([run.wall_seconds for run in runs], pa.float64()),
        "processor": pa.array([processor()] * len(runs), pa.string()),
        "architecture": _lists([track.cells for track in tracks], np.int64),
        value_column(experiment.task.metric): _lists(
            [track.signal for track in tracks], np.float64
        ),
        "seconds": _lists([track.seconds for track in tracks], np.float64),
        "epochs": _lists([track.epochs for track in tracks], np.int32),
        "optimiser": _lists([track.optimiser for track in tracks], np.float64),
        "incumbents": _lists([track.incumbents for track in tracks], np.int32),
    }
    if experiment.task.simulated_workers > 1:
        columns |= {
            "started": _lists([track.started for track in tracks], np.float64),
            "finished": _lists([track.finished for track in tracks], np.float64),
            "worker": _lists([track.worker for track in tracks], np.int32),
        }
    named = dict.fromkeys(n for track in tracks for figures in track.figures for n in figures)
    for name in named:
        values = [[one.get(name, np.nan) for one in track.figures] for track in tracks]
        columns[f"{FIGURE}{name}"] = _lists(values, np.float64)
    for name in reports:
        verdicts = [run.verdicts.get(name, _NO_VERDICT) for run in runs]
        columns[f"valid/{name}"] = _lists([verdict.valid for verdict in verdicts], np.float64)
        columns[f"test/{name}"] = _lists([verdict.test for verdict in verdicts], np.float64)
    return pa.table(columns)


class _Track:
    """The columns of one run's trajectory, empty where it failed."""

    def __init__(self, run: Run, index: Callable[[Architecture], int]) -> None:
        trajectory = run.trajectory
        empty = np.array([], dtype=np.float64)
        self.stop = "failed" if trajectory is None else str(trajectory.stop)
        self.cells = [] if trajectory is None else list(map(index, trajectory.architectures))
        self.signal = empty if trajectory is None else trajectory.signal
        self.seconds = empty if trajectory is None else trajectory.seconds
        self.epochs = empty if trajectory is None else trajectory.epochs
        self.optimiser = empty if trajectory is None else trajectory.optimiser_seconds
        self.incumbents = empty if trajectory is None else trajectory.incumbents
        self.started = empty if trajectory is None else trajectory.started
        self.finished = empty if trajectory is None else trajectory.finished
        self.worker = empty if trajectory is None else trajectory.worker
        self.figures = () if trajectory is None else trajectory.figures

    @property
    def clock(self) -> float:
        """What the clock says when the last evaluation has ended."""
        return float(self.finished[-1]) if len(self.finished) else 0.0


def _total(seconds: NDArray[np.float64]) -> float:
    """Add in order, as the clock does: the same bits as its reading."""
    return float(np.cumsum(seconds)[-1]) if len(seconds) else 0.0


def _lists(rows: Sequence[Any], dtype: type[np.generic]) -> pa.ListArray:
    """Return an Arrow list column; one conversion for all runs, not one for each."""
    offsets = np.cumsum([0, *map(len, rows)], dtype=np.int32)
    values = np.concatenate([np.asarray(row, dtype=dtype) for row in rows] or [np.array([], dtype)])
    return pa.ListArray.from_arrays(pa.array(offsets), pa.array(values))

"""The stored runs of one experiment, as arrays for the comparison."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from nasbench.harness.execution.tuning import Tuning
from nasbench.harness.results.architectures import texts_of
from nasbench.harness.results.ragged import Architectures, Ragged
from nasbench.harness.results.records import (
    constraint_column,
    scored_column,
    value_column,
    verdict_column,
)
from nasbench.harness.results.waiting import waited
from nasbench.harness.search.experiment import Experiment
from nasbench.place import Place
from nasbench.problem import Metric
from nasbench.strategies.registry import strategies
from nasbench.text import printable
from nasbench.trace import SUPERNET, Trace, TraceKind

_CPU = "cpu_seconds"


class StoredFile(NamedTuple):
    """What a file of runs holds besides the rows."""

    path: Path
    seeds: NDArray[np.int64]
    """The seeds of its runs in the file's order, shape (runs,)."""
    provenance: Mapping[str, Any]
    """Which code and machine wrote the file; empty where none is stored."""


class Events(NamedTuple):
    """What took time on a run's clock: its evaluations, and scores that are charged."""

    seconds: NDArray[np.float64]
    evaluation: NDArray[np.bool_]
    """Which of them are evaluations."""


@dataclass(frozen=True)
class ExperimentRuns:
    """The runs of one experiment, one per seed, sorted by seed.

    Where a shape is given, `runs` is the number of runs, failed ones included.
    """

    label: str
    """Folder below the results folder."""
    experiment: Experiment
    provenance: Mapping[str, Any]
    table: pa.Table
    """As stored: one row per run, its trajectory in list columns."""
    description: Mapping[str, Any] = field(default_factory=dict)
    """What the strategy said of itself when it ran; empty where nothing is stored."""
    display: str = ""
    """The name that a user gave the experiment for tables and figures; empty where there is
    none."""

    aliases: tuple[str, ...] = ()
    """Labels by which a user may know the runs: those in a comparison of all of a folder."""
    files: tuple[StoredFile, ...] = ()
    """The files that the runs were read from, without damaged ones."""

    def __len__(self) -> int:
        return len(self.table)

    @property
    def title(self) -> str:
        """The strategy's name for readers: its title, or that of its class, or its own name."""
        own = " ".join(printable(self._on_its_card("title")).split())
        module, _, name = self.experiment.strategy.rpartition(":")
        return own or (name.rpartition(".")[2] if module else name)

    @property
    def family(self) -> str:
        """The strategy's family, `unknown` where it is not stored."""
        return str(self.description.get("family", "unknown"))

    @property
    def colour(self) -> str:
        """The strategy's colour in figures, empty where it has none."""
        return self._on_its_card("colour")

    @property
    def bibtex(self) -> str:
        """The strategy's BibTeX entries, empty where it has none."""
        return self._on_its_card("bibtex")

    def _on_its_card(self, name: str) -> str:
        """Return a text of the strategy's description, empty where there is none.

        Earlier versions did not store it; then it is that of this version's strategy of the same
        name.
        """
        if name in self.description or ":" in self.experiment.strategy:
            return str(self.description.get(name, ""))
        known = strategies().get(self.experiment.strategy)
        return "" if known is None else str(getattr(known, name)).strip()

    @property
    def defaults(self) -> Mapping[str, Any]:
        """The defaults of the strategy's settings when it ran, as far as they are stored."""
        stored = self.description.get("defaults")
        return stored if isinstance(stored, dict) else {}

    @property
    def tuning(self) -> Tuning | None:
        """How the settings were chosen by `nasbench tune`; None where they were not."""
        stored = self.description.get("tuning")
        return Tuning.read(stored) if isinstance(stored, dict) else None

    @property
    def processors(self) -> tuple[str, ...]:
        """Names of the processors that made the runs; on a cluster there may be several."""
        known = "processor" in self.table.column_names  # an earlier version stored the driver's
        found = pc.unique(self.table["processor"]).to_pylist() if known else [None]
        return tuple(sorted({str(one or self.provenance.get("processor")) for one in found}))

    @property
    def places(self) -> tuple[Place, ...]:
        """The places where the runs trained, each once; empty where nothing was trained."""
        if not self.experiment.task.trains:
            return ()
        if "device" not in self.table.column_names:  # it was a setting in an earlier version
            return (self.experiment.earlier_place,)
        pairs = zip(self.table["device"].to_pylist(), self.column("threads").tolist(), strict=True)
        return tuple(sorted({Place(*pair) for pair in pairs if pair[0]}))

    @property
    def devices(self) -> tuple[str, ...]:
        """Names of the devices that trained, each once: of GPUs, or of CPUs with their threads.

        Seconds of training can be compared between runs of one device only. Empty where nothing was
        trained.
        """
        if not self.experiment.task.trains:
            return ()

        def column(name: str, usual: object) -> list[Any]:
            there = name in self.table.column_names  # earlier versions stored fewer
            return self.table[name].to_pylist() if there else [usual] * len(self)

        earlier = self.experiment.earlier_place
        found = set()
        for device, threads, gpu, cpu in zip(
            column("device", earlier.device), column("threads", earlier.threads),
            column("accelerator", ""), column("processor", None), strict=True,
        ):  # fmt: skip
            if device == "cpu":
                name = cpu or str(self.provenance.get("processor"))
                found.add(name if threads == 1 else f"{name}, {threads} threads")
            elif device:  # else the run was lost with its worker
                found.add(gpu or device)
        return tuple(sorted(found))

    @property
    def cpu_seconds(self) -> NDArray[np.float64]:
        """CPU seconds of each run, shape (runs,); NaN where nothing trained or none are stored."""
        if _CPU not in self.table.column_names:  # which earlier versions did not store
            return np.full(len(self), np.nan)
        return self.column(_CPU).astype(np.float64)

    @property
    def waited(self) -> NDArray[np.bool_]:
        """Whether each run waited for a busy machine, shape (runs,): see `waiting`."""
        if _CPU not in self.table.column_names:
            return np.zeros(len(self), dtype=bool)
        devices = self.table["device"].to_pylist()
        return waited(self.column("wall_seconds"), self.cpu_seconds, devices)

    @property
    def seeds(self) -> NDArray[np.int64]:
        """The seed of each run, shape (runs,)."""
        return self.column("seed")

    @property
    def counts(self) -> NDArray[np.int64]:
        """The number of each run's evaluations, or of its epochs of shared weights."""
        return self.column(self.experiment.task.count)

    @property
    def failed(self) -> NDArray[np.bool_]:
        """Whether each run failed, shape (runs,)."""
        return np.array([bool(error) for error in self.table["error"].to_pylist()], dtype=bool)

    def column(self, name: str) -> NDArray[Any]:
        """Return a column with one value per run, shape (runs,)."""
        return np.asarray(self.table[name].to_numpy())

    def lists(self, name: str) -> Ragged:
        """Return a column with one list per run."""
        if name not in self._lists:
            column = self._whole(name)
            lengths = pc.list_value_length(column).to_numpy(zero_copy_only=False)
            offsets = np.concatenate(([0], np.cumsum(lengths, dtype=np.int64)))
            values = column.flatten().to_numpy(zero_copy_only=False)
            self._lists[name] = Ragged(values, offsets)
        return self._lists[name]

    def _whole(self, name: str) -> pa.Array:
        """Return a column as one array, which is not copied where it is one already."""
        column = self.table[name]
        return column.chunk(0) if column.num_chunks == 1 else column.combine_chunks()

    @cached_property
    def _lists(self) -> dict[str, Ragged]:
        """The list columns that have been asked for, each converted once."""
        return {}

    @cached_property
    def architectures(self) -> Architectures:
        """The architecture of every evaluation."""
        return self._architectures("architecture")

    def _architectures(self, name: str) -> Architectures:
        column = self._whole(name)
        words = column.flatten()
        lengths = pc.list_value_length(column).to_numpy(zero_copy_only=False)
        offsets = np.concatenate(([0], np.cumsum(lengths, dtype=np.int64)))
        codes = words.indices.to_numpy(zero_copy_only=False)
        space = self.experiment.task.space
        texts = np.array(texts_of(space).shared(words.dictionary.to_pylist()), dtype=object)
        return Architectures(Ragged(codes, offsets), texts, space)

    def finals(self, split: str, dataset: str, objective: int = 0) -> Ragged:
        """Return the judge's value of every incumbent on a data set's split, `valid` or `test`.

        `objective` is the number of the objective, from 0.
        """
        metric = self.experiment.task.objectives[objective]
        return self.lists(verdict_column(split, dataset, metric))

    @property
    def metric(self) -> Metric:
        """The first objective of the search."""
        return self.experiment.task.metric

    @property
    def signal(self) -> Ragged:
        """The values of the first objective that the search was told, one per evaluation."""
        return self.lists(value_column(self.metric))

    @property
    def values(self) -> NDArray[np.float64]:
        """The values that the search was told, shape (evaluations of all runs, objectives)."""
        objectives = self.experiment.task.objectives
        return np.stack([self.lists(value_column(one)).values for one in objectives], axis=1)

    @property
    def constrained(self) -> NDArray[np.float64]:
        """Costs that constraints bound, shape (evaluations of all runs, constraints)."""
        bounds = self.experiment.task.constraints
        columns = [self.lists(constraint_column(one)).values for one in bounds]
        return np.stack(columns, axis=1) if columns else np.empty((len(self.values), 0))

    @property
    def scores(self) -> NDArray[np.float64]:
        """Scores by which answers are chosen, shape (evaluations of all runs, objectives)."""
        return self.experiment.task.scores(self.values, self.constrained)

    @property
    def supernets(self) -> Ragged:
        """The number of the supernet of every epoch of shared training, 0 where there is one."""
        if SUPERNET.column in self.table.column_names:
            return self.trace(SUPERNET)
        seconds = self.lists("seconds")
        return Ragged(np.zeros(len(seconds.values)), seconds.offsets)

    def traces(self, kind: TraceKind | None = None) -> list[Trace]:
        """Return the traces that were recorded of shared training, of all kinds or of one."""
        found = filter(None, map(Trace.read, self.table.column_names))
        return [one for one in found if kind in (None, one.kind)]

    def trace(self, trace: Trace) -> Ragged:
        """Return the numbers of a trace, one per epoch."""
        return self.lists(trace.column)

    @cached_property
    def finished(self) -> Ragged:
        """When evaluations ended on each run's clock, in seconds."""
        if self.experiment.task.simulated_workers > 1:
            return self.lists("finished")
        seconds = self.lists("seconds")
        if not self.experiment.charges_scores or not len(seconds.values):
            return seconds.each(np.cumsum)
        found = (self.events(run) for run in range(len(self)))
        return Ragged(
            np.concatenate([np.cumsum(one.seconds)[one.evaluation] for one in found]),
            seconds.offsets,
        )

    def scored(self, name: str) -> Ragged:
        """Return a column of scores, one of `SCORED` without texts; empty lists without scores."""
        column = scored_column(name)
        if column not in self.table.column_names:
            return Ragged(np.empty(0), np.zeros(len(self) + 1, dtype=np.int64))
        return self.lists(column)

    @cached_property
    def scored_architectures(self) -> Architectures:
        """The architectures that were scored by zero-cost proxies, in order."""
        return self._architectures(scored_column("architecture"))

    @property
    def scored_by(self) -> NDArray[Any]:
        """The name of the proxy of every score of all runs, in order."""
        words = self._whole(scored_column("proxy")).flatten()
        names = np.array(words.dictionary.to_pylist(), dtype=object)
        return np.asarray(names[words.indices.to_numpy(zero_copy_only=False)])

    def events(self, run: int) -> "Events":
        """Return all that took time in a run with one worker, in the order of its clock."""
        seconds, use = self.lists("seconds")[run], self.experiment.proxies
        factor = 0.0 if use is None or use.factor is None else use.factor
        before = self.scored("before")[run]
        whole = np.insert(seconds, before, factor * self.scored("seconds")[run])
        return Events(whole, np.insert(np.ones(len(seconds), dtype=bool), before, values=False))

    def select(self, keep: NDArray[np.bool_]) -> "ExperimentRuns":
        """Return the runs where `keep` is set."""
        return replace(self, table=self.table.filter(pa.array(keep)))

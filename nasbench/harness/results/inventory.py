"""What a results folder holds: one entry per experiment, found by its folder or display name."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from nasbench.arguments import require_path
from nasbench.errors import InvalidInput
from nasbench.harness.compare.labels import distinguishing_parts
from nasbench.harness.results.load import Fault
from nasbench.harness.results.store import Damaged, ExperimentFolder, experiments
from nasbench.harness.search.experiment import Experiment
from nasbench.harness.search.seeds import ranges
from nasbench.problem import ACCURACY
from nasbench.text import encodable, shown

_SHOWN = 5
"""Most names that a message lists."""


@dataclass(frozen=True)
class StoredExperiment:
    """One experiment of a results folder, in all folders that hold runs of it."""

    folders: tuple[ExperimentFolder, ...]
    names: tuple[str, ...]
    """The folders' paths below the results folder."""
    seeds: tuple[int, ...]
    """All seeds that are stored, ascending, those of failed runs included."""
    failed: tuple[int, ...]
    """The seeds of which no run finished."""

    @property
    def name(self) -> str:
        """The path of its first folder below the results folder."""
        return self.names[0]

    @property
    def experiment(self) -> Experiment:
        """The experiment."""
        return self.folders[0].experiment

    @property
    def display(self) -> str:
        """Its display name, empty where it has none."""
        return next((one.display for one in self.folders if one.display), "")

    @property
    def defaults(self) -> Mapping[str, Any]:
        """The defaults of its settings when it ran, as far as they are stored."""
        stored = self.folders[0].description.get("defaults")
        return stored if isinstance(stored, dict) else {}

    @property
    def runs(self) -> str:
        """Its runs in words: how many, which seeds, and how many failed."""
        if not self.seeds:
            return "no runs"
        number = f"{len(self.seeds)} run{'s' if len(self.seeds) > 1 else ''}"
        failed = f", {len(self.failed)} failed" if self.failed else ""
        return f"{number}, seeds {ranges(self.seeds)}{failed}"

    def settings(self, *, every: bool = False) -> dict[str, Any]:
        """Return the settings that are not the default, or all of them with `every`."""
        usual = self.defaults
        return {
            name: value
            for name, value in self.experiment.settings.items()
            if every or name not in usual or usual[name] != value
        }


@dataclass(frozen=True)
class Inventory:
    """The experiments of a results folder, and what in it is damaged."""

    folder: Path
    experiments: tuple[StoredExperiment, ...]
    faults: tuple[Fault, ...]

    def lines(self, *, every: bool = False) -> list[str]:
        """Return one line per experiment, no two of them equal; with `every`, of all settings.

        A line says where the experiment is stored, its strategy and settings, its task, and its
        runs. What is rarely of interest is said only where two lines would be equal without it.
        """
        said = [_described(one, every=every) for one in self.experiments]
        for more in (_parts_of_task, _rule, _version, _digest):
            for twins in _twins(said):
                parts = [more(self.experiments[place]) for place in twins]
                for place, part in zip(twins, parts, strict=True):
                    said[place] = (*said[place], *(part if len(set(parts)) > 1 else ()))
        return [
            "; ".join([f"{_where(one)}  {parts[0]}", *parts[1:], one.runs])
            for one, parts in zip(self.experiments, said, strict=True)
        ]

    def find(self, name: str) -> tuple[StoredExperiment, tuple[ExperimentFolder, ...]]:
        """Return the experiment that a text names, and those of its folders that it names.

        The text is the path of one of its folders as `lines` writes it, the display name, or the
        beginning of the path, or of its last part, of a single experiment. A path may begin with
        the results folder, as a shell completes it. Raises `InvalidInput` where it names no
        experiment, or several.
        """
        wanted = name.strip().rstrip("/").removeprefix(f"{self.folder}/")
        for one in self.experiments:
            for folder, path in zip(one.folders, one.names, strict=True):
                if path == wanted:
                    return one, (folder,)
        called = [one for one in self.experiments if one.display == wanted]
        found = called or [one for one in self.experiments if _begins(one, wanted)]
        if len(found) == 1:
            return found[0], found[0].folders
        if not found:
            known = [one.name for one in self.experiments]
            has = f"it has {_some(known)}" if known else "it has none"
            raise InvalidInput(f"experiment {shown(name)} is not in '{self.folder}': {has}")
        raise InvalidInput(
            f"experiment {shown(name)} may be any of {len(found)} in '{self.folder}': write more "
            f"of {_some([one.name for one in found])}"
        )


def inventory(folder: str | Path) -> Inventory:
    """List the experiments of a results folder, of whose runs only seeds and errors are read.

    Raises `StoreError` where it is no folder, and for an experiment of a later version.
    """
    path = require_path("results", folder)
    left_out: list[Damaged] = []
    by_key: dict[str, list[ExperimentFolder]] = {}
    for one in experiments(path, left_out):
        by_key.setdefault(identity(one.experiment), []).append(one)
    found = tuple(_stored(path, folders, left_out) for folders in by_key.values())
    return Inventory(path, found, tuple(Fault.of(one, path) for one in left_out))


def identity(experiment: Experiment) -> str:
    """Return a text that is equal for equal experiments only."""
    return repr(experiment.to_json())


def _stored(
    results: Path, folders: Sequence[ExperimentFolder], left_out: list[Damaged]
) -> StoredExperiment:
    ended: dict[int, bool] = {}
    for folder in folders:
        for file in folder.files(["seed", "error"], left_out):
            pairs = zip(
                file.table["seed"].to_pylist(), file.table["error"].to_pylist(), strict=True
            )
            for seed, error in pairs:
                ended[seed] = ended.get(seed, False) or not error
    return StoredExperiment(
        tuple(folders),
        tuple(_below(results, one) for one in folders),
        tuple(sorted(ended)),
        tuple(sorted(seed for seed, finished in ended.items() if not finished)),
    )


def _below(results: Path, folder: ExperimentFolder) -> str:
    path = folder.path.relative_to(results).as_posix()
    return folder.label if path == "." else encodable(path)


def _where(one: StoredExperiment) -> str:
    also = f" (and in {', '.join(one.names[1:])})" if len(one.names) > 1 else ""
    called = f' "{one.display}"' if one.display else ""
    return f"{one.name}{also}{called}"


def _described(one: StoredExperiment, *, every: bool) -> tuple[str, ...]:
    """Return the strategy with its settings, and the task, as parts of a line."""
    task, settings = one.experiment.task, one.settings(every=every)
    told = [f"{name}={value}" for name, value in settings.items()]
    if one.experiment.seed:
        told.append(f"experiment seed={one.experiment.seed}")
    strategy = one.experiment.strategy
    objective = [metric.name for metric in task.objectives]
    return (
        f"{strategy} ({', '.join(told)})" if told else strategy,
        f"{task.query.dataset} of {task.benchmark}",
        f"protocol {task.protocol}",
        f"budget {task.budget}",
        *([] if task.objectives == (ACCURACY,) else [f"objective {' and '.join(objective)}"]),
        *map(str, task.constraints),
    )


def _twins(said: Sequence[tuple[str, ...]]) -> list[list[int]]:
    """Return the positions of equal parts of lines, one list per text that is there twice."""
    places: dict[tuple[str, ...], list[int]] = {}
    for place, parts in enumerate(said):
        places.setdefault(parts, []).append(place)
    return [twins for twins in places.values() if len(twins) > 1]


def _parts_of_task(one: StoredExperiment) -> tuple[str, ...]:
    task = one.experiment.task
    return (*distinguishing_parts(task).values(), f"table {task.content[:8]}")


def _rule(one: StoredExperiment) -> tuple[str, ...]:
    return (f"entropy rule {one.experiment.entropy_rule}",)


def _version(one: StoredExperiment) -> tuple[str, ...]:
    return (f"nasbench {one.folders[0].provenance.get('nasbench')}",)


def _digest(one: StoredExperiment) -> tuple[str, ...]:
    return (f"experiment {one.experiment.digest()}",)


def _begins(one: StoredExperiment, text: str) -> bool:
    return any(
        path.startswith(text) or path.rpartition("/")[2].startswith(text) for path in one.names
    )


def _some(names: Sequence[str]) -> str:
    more = len(names) - _SHOWN
    return ", ".join(names[:_SHOWN]) + (f" and {more} more" if more > 0 else "")

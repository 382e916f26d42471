"""Ways to plant a fault in stored runs as a cheat would: with all that is hashed made anew."""

import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from nasbench.harness.audit import Audit, audit
from nasbench.harness.results.records import TRAJECTORY
from nasbench.harness.results.store import ExperimentFolder, experiments, folder_name
from nasbench.harness.search.experiment import Experiment, entropy_of
from nasbench.harness.search.opening import open_judge
from nasbench.harness.search.selection import choose
from nasbench.rules import Selection
from nasbench.spaces import get_enumerable, get_space

Row = dict[str, Any]


def indices(texts: list[str]) -> list[int]:
    """Return the indices of cells of NAS-Bench-201."""
    space = get_enumerable("nb201")
    return [space.index(space.parse(text)) for text in texts]


def of(results: Path, strategy: str = "random-search") -> ExperimentFolder:
    return next(one for one in experiments(results) if one.experiment.strategy == strategy)


def rewrite(folder: ExperimentFolder, change: Callable[[list[Row]], list[Row]]) -> None:
    """Change stored runs and store them as new: with the right names and hashes."""
    table = folder.read()
    put(folder, pa.Table.from_pylist(change(table.to_pylist()), schema=table.schema))


def put(folder: ExperimentFolder, table: pa.Table) -> None:
    """Store runs as new in the place of those that are there."""
    for path in folder.path.glob("runs-*.parquet"):
        path.unlink()
    folder.append(table)


def settle(folder: ExperimentFolder, row: Row) -> Row:
    """Make a run's totals, incumbents and final accuracies fit its evaluations."""
    row["evaluations"], row["distinct"] = len(row["architecture"]), len(set(row["architecture"]))
    row["clock_seconds"] = float(np.cumsum(row["seconds"])[-1])
    row["training_epochs"] = sum(row["epochs"])
    row["optimiser_seconds"] = float(np.cumsum(row["optimiser"])[-1])
    scores, fidelity = np.array(row["value/accuracy"])[:, None], np.array(row["fidelity"])
    row["incumbents"] = choose(Selection.HIGHEST, scores, fidelity, 0).incumbents.tolist()
    return judged(folder, row)


def cut(folder: ExperimentFolder, row: Row) -> Row:
    """Leave a run its first five evaluations."""
    for name in (*TRAJECTORY, "value/accuracy"):
        row[name] = row[name][:5]
    return settle(folder, row)


def judged(folder: ExperimentFolder, row: Row) -> Row:
    """Read the final accuracies of a run's incumbents."""
    space = get_space("nb201")
    cells = [space.parse(row["architecture"][step]) for step in row["incumbents"]]
    for name, verdict in open_judge(folder.experiment.task).read(cells).items():
        row[f"valid/{name}/accuracy"] = verdict.valid[:, 0].tolist()
        row[f"test/{name}/accuracy"] = verdict.test[:, 0].tolist()
    return row


def edit(folder: ExperimentFolder, change: Callable[[Row], Row]) -> None:
    """Change the run of seed 3."""
    rewrite(folder, lambda rows: [change(row) if row["seed"] == 3 else row for row in rows])


def reword(folder: ExperimentFolder, experiment: Experiment) -> None:
    """Give runs another experiment, in the folder and with the entropy that belong to it."""
    defaults = folder.description["defaults"]
    entropy = entropy_of(
        experiment.entropy_rule, experiment.task, experiment.strategy, experiment.settings, defaults
    )
    experiment = replace(experiment, entropy=entropy)
    content = json.loads((folder.path / "experiment.json").read_text())
    content["experiment"] = experiment.to_json()
    (folder.path / "experiment.json").write_text(json.dumps(content))
    target = folder.path.parent.parent / folder_name(experiment, None)
    target.parent.mkdir(exist_ok=True)
    folder.path.rename(target)


def found_in(found: Audit) -> dict[str, list[str]]:
    by_check: dict[str, list[str]] = {}
    for one in found.faults:
        by_check.setdefault(one.check, []).append(one.what)
    return by_check


def caught(results: Path, check: str, words: str, *, replays: int = 0) -> None:
    """See that a check finds a fault even where the stored comparison was made anew."""
    shutil.rmtree(results / "comparison", ignore_errors=True)
    found = found_in(audit(results, replays=replays))
    assert any(words in what for what in found[check]), found


def describe(folder: ExperimentFolder, change: Callable[[Any], object]) -> None:
    """Change what an experiment.json says, by a function that changes its JSON values."""
    path = folder.path / "experiment.json"
    content = json.loads(path.read_text())
    change(content)
    path.write_text(json.dumps(content))

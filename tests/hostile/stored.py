"""Damaged results folders, checkpoints, caches and shards, and the commands that read them.

Healthy ones of every kind are made once in a process; a case damages copies of them.
"""

import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from random import Random

import numpy as np
from hostile.children import Case, preload, run_case
from hostile.damage import damage
from tables import synthetic_table

from nasbench import Study

_IMAGES = ("--dataset", "npz:mine.npz")
_TRAIN = ("train", "123", *_IMAGES, "--recipe", "digits-15", "--epochs", "2", "--out")
_SEARCH = ("run", "--workers", "1", "--out")
_TABULATE = (
    "tabulate", *_IMAGES, "--recipe", "digits-15", "--cells", "3", "--seeds", "1", "--costs", "0",
    "--workers", "1", "--name", "tiny", "--out", "table",
)  # fmt: skip
_BY_TRAINING = (
    *_SEARCH, "trained", "--strategy", "random-search", *_IMAGES, "--benchmark", "train:nb201",
    "--protocol", "digits-15:1@0/digits-15@0", "--budget", "2evals", "--seeds", "1",
)  # fmt: skip
_BY_TABLE = (*_SEARCH, "results", "--budget", "6evals", "--strategy")
_GENERAL = (*_SEARCH, "general", "--benchmark", "digits", "--seeds", "0-1", "--strategy")
_HEALTHY = (
    (*_BY_TABLE, "random-search,regularized-evolution", "--seeds", "0-2"),
    (*_BY_TABLE, "random-search,regularized-evolution", "--seeds", "3-5"),
    (*_GENERAL, "random-search", "--budget", "6evals", "--objective", "loss"),
    (*_GENERAL, "random-search", "--budget", "6evals", "--objective", "accuracy,latency"),
    (*_GENERAL, "harness.asking:AsynchronousEvolution", "--budget", "60s",
     "--simulated-workers", "3"),
    (*_GENERAL, "harness.asking:SuccessiveHalving", "--budget", "12evals", "--promotion", "resume"),
    ("results", "rename", "results", "nb201-cifar10-6evals/random", "RS"),
    (*_TRAIN, "half"), (*_TRAIN, "done"), _BY_TRAINING, _TABULATE,
)  # fmt: skip
_TESTS = Path(__file__).parents[1]
ENVIRONMENT = {
    "NASBENCH_TRAININGS": "cache",
    "PYTHONPATH": os.pathsep.join(filter(None, (str(_TESTS), os.environ.get("PYTHONPATH")))),
}
"""A process of its own finds the strategies of the tests, too."""
_KEEPER = tempfile.TemporaryDirectory(prefix="nasbench-hostile-")


@cache
def healthy() -> Path:
    """Make a folder in which everything is whole; it is there as long as this process."""
    preload()
    folder = Path(_KEEPER.name)
    synthetic_table().save(folder / "data" / "tables" / "nb201.safetensors")
    generator = np.random.Generator(np.random.PCG64(0))
    images = generator.integers(0, 256, (60, 8, 8), dtype=np.uint8)
    np.savez(folder / "mine.npz", images=images, labels=np.arange(60) % 2)
    for ended in run_case(Case("healthy", _HEALTHY, environment=ENVIRONMENT), folder):
        if ended.code or ended.trouble:
            raise RuntimeError(f"{' '.join(ended.line)}: {ended.trouble} {ended.text}")
    (folder / "half" / "result.json").unlink()  # goes on from its checkpoint
    _study().save(folder / "general")
    shutil.copytree(_TESTS / "harness" / "schema1", folder / "earlier")
    return folder


def _study() -> Study:
    """Return a study of the bundled table that was run to its end."""
    study = Study("random-search", benchmark="digits", budget="6evals", objective="loss", seed=2)
    study.run()
    return study


def results_folders(random: Random) -> Iterator[Case]:
    """Yield results folders, one or more files damaged, for every command that reads them.

    Half are runs of accuracies one at a time; the others have further objectives, fidelities,
    workers and a study, or are of schema 1.
    """
    again = {
        "results": (*_BY_TABLE, "random-search", "--seeds", "7"),
        "general": (*_GENERAL, "random-search", "--budget", "6evals", "--objective", "loss",
                    "--seeds", "7"),
        "earlier": (*_SEARCH, "earlier", "--benchmark", "digits", "--strategy", "random-search",
                    "--budget", "30evals", "--seeds", "7"),
    }  # fmt: skip
    names = {folder: _files(f"{folder}/*/*/*.*") for folder in again}
    number = 0
    while True:
        folder = random.choice(("results", "results", "general", "earlier"))
        few = random.choice((1, 1, 1, 2, len(names[folder])))
        chosen = random.sample(names[folder], few)
        lines = [random.choice((("list", "results", folder), ("results", "list", folder)))]
        if number % 3 == 0:
            lines.append(("export", folder))
        if number % 4 == 0:
            lines.append(("results", "merge", folder, "--into", "merged"))
        lines.append(("audit", folder) if number % 2 else ("compare", folder, "--cite"))
        if number % 20 == 0:
            lines += [("report", folder), ("compare", folder)]
        if number % 10 == 1:
            lines.append(again[folder])
        yield _case(random, (folder,), chosen, *lines)
        number += 1


def checkpoints(random: Random) -> Iterator[Case]:
    """Yield trainings, half done or done, whose files are damaged, to be gone on with."""
    while True:
        name = random.choice(("half/checkpoint.pt", "half/curve.csv", "done/result.json"))
        folder = name.partition("/")[0]
        yield _case(random, (folder,), [name], (*_TRAIN, folder))


def caches(random: Random) -> Iterator[Case]:
    """Yield caches of trainings, some damaged, for the search that would take them from there."""
    names = _files("cache/*/*/*.json")
    while True:
        yield _case(random, ("cache",), [random.choice(names)], _BY_TRAINING)


def shards(random: Random) -> Iterator[Case]:
    """Yield tabulations, a shard damaged, to be assembled or gone on with."""
    names = _files("table/shards/*.parquet")
    while True:
        end = ("--assemble",) if random.random() < 0.8 else ()
        yield _case(random, ("table",), [random.choice(names)], (*_TABULATE, *end))


def _files(pattern: str) -> list[str]:
    folder = healthy()
    found = sorted(str(path.relative_to(folder)) for path in folder.glob(pattern))
    if not found:
        raise RuntimeError(f"no healthy file is like {pattern}")
    return found


def _case(
    random: Random, folders: tuple[str, ...], files: list[str], *lines: tuple[str, ...]
) -> Case:
    """Return the case in which `files` of copies of healthy `folders` are damaged."""
    seed = random.getrandbits(64)
    name = f"{', '.join(files)[:100]} {seed}"
    return Case(name, lines, _damaged(folders, files, seed), ENVIRONMENT)


def _damaged(folders: tuple[str, ...], files: list[str], seed: int) -> Callable[[Path], None]:
    def prepare(folder: Path) -> None:
        whole = healthy()
        for shared in ("data", "mine.npz"):
            (folder / shared).symlink_to(whole / shared)
        for one in folders:
            shutil.copytree(whole / one, folder / one)
        for number, one in enumerate(files):
            damage(folder / one, Random(f"{seed} {number}"))

    return prepare

"""The tables `transnas-micro` and `transnas-macro`: TransNAS-Bench-101 from small public files.

Seven tables of comma-separated values, one per task, have a row for each of 7,352 networks without
naming it: first the 3,256 macro networks in the order of `macro_order`, then the 4,096 micro cells
in the order of their space. Every number there is its own best over the epochs of the training. Two
archives name networks and have their validation after the last epoch. That no such value exceeds
the best one of its row, in any of the seven tasks, confirms the order; the tables are not built
otherwise.
"""

import ast
import csv
import json
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from itertools import combinations
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from nasbench.benchmarks.sources.fetch import PublicFile
from nasbench.benchmarks.tables.columns import (
    BEST_EPOCH,
    Series,
    after_epoch,
    query_seconds,
    seed_count,
)
from nasbench.benchmarks.tables.info import (
    Array,
    Column,
    Split,
    TableInfo,
    TableMetric,
    TableProtocol,
)
from nasbench.benchmarks.tables.table import Table
from nasbench.errors import DataError
from nasbench.problem import ACCURACY, Metric
from nasbench.spaces import get_enumerable
from nasbench.spaces.base import Architecture, EnumerableSpace
from nasbench.spaces.transnas import LENGTHS, MACRO, MICRO

NEG_LOSS = Metric("neg_loss", "max", high=0.0)
SSIM = Metric("ssim", "max", low=-1.0, high=1.0)
MIOU = Metric("mIoU", "max", "%", 0.0, 100.0)
METRICS = (ACCURACY, NEG_LOSS, SSIM, MIOU)
"""Metrics of the tasks; a search of a task takes the first that it has, unless one is named."""

LAST = "last epoch"


class _Task(NamedTuple):
    """A task: its name for readers, its epochs, and its metric with the name in the files.

    The epochs are those of the authors' configurations (github.com/yawen-d/TransNASBench).
    """

    title: str
    epochs: int
    metric: Metric
    column: str


TASKS = {
    "class_object": _Task("Object classification", 25, ACCURACY, "top1"),
    "class_scene": _Task("Scene classification", 25, ACCURACY, "top1"),
    "room_layout": _Task("Room layout", 25, NEG_LOSS, "neg_loss"),
    "jigsaw": _Task("Jigsaw", 10, ACCURACY, "top1"),
    "segmentsemantic": _Task("Semantic segmentation", 30, ACCURACY, "acc"),
    "normal": _Task("Surface normals", 30, SSIM, "ssim"),
    "autoencoder": _Task("Autoencoding", 30, SSIM, "ssim"),
}
"""The tasks, by the names of their files."""
_SEGMENTATION = "segmentsemantic"

_USUAL = TASKS["class_object"].epochs
_PROTOCOL = TableProtocol(
    name="transnas-50",
    source="Duan et al., TransNAS-Bench-101, CVPR 2021: 50 evaluations",
    schedule=_USUAL,
    epochs=_USUAL,
    final_schedule=_USUAL,
    seconds={},
    reports={task: (task,) for task in TASKS},
    evaluations=dict.fromkeys(TASKS, 50),
    lengths={task: about.epochs for task, about in TASKS.items() if about.epochs != _USUAL},
    trials="mean",
)

BIBTEX = """@inproceedings{duan2021transnas,
  author = {Duan, Yawen and Chen, Xin and Xu, Hang and Chen, Zewei and Liang, Xiaodan and
            Zhang, Tong and Li, Zhenguo},
  title = {{TransNAS-Bench-101}: Improving Transferability and Generalizability of Cross-Task
           Neural Architecture Search},
  booktitle = {Conference on Computer Vision and Pattern Recognition (CVPR)},
  year = {2021}
}"""

_NOTES = (
    "validation is that after the last epoch; test is each network's best over all epochs, as the "
    "public files have it: an optimistic number",
    "semantic segmentation: accuracy is of pixels; mIoU is known as the best over the epochs only, "
    "on validation too, and is an objective if it is named",
    "one training of each network, with seconds measured on the authors' machines; losses other "
    "than neg_loss are left out, as the files have the worst epoch of them",
)


def _values(task: str, size: int, sha256: str) -> PublicFile:
    return PublicFile(
        repository="Zhenhan-Huang/NASGraph-Public",
        commit="1f8fd621c60a48728fcc890818b6b94eee62e4dc",
        path=f"data/transbench101_{task}.csv",
        size=size,
        sha256=sha256,
        licence="Apache-2.0",
        authors="Zhenhan Huang et al., NASGraph",
        taken=f"best validation, best test and seconds on {task}",
    )


_VALUES = (
    _values(
        "class_object", 1280886, "27490b4cf814237272eff729732f24f92f617bc907192b18f2cb2af6542b6bc3"
    ),
    _values(
        "class_scene", 1280269, "fd314559c718b389bce78571e4e506fb89f5a66ece6e776e593f3ac180cee469"
    ),
    _values(
        "room_layout", 953332, "43030a7d92972dcfb61881db26bb6e4b5309d19c2738ebc1422fe808792b86b1"
    ),
    _values("jigsaw", 1266139, "8a1c2adb7877f9f982c3848c2d8d3260b2a01c8e70ec2c2c8e02cc065deced2d"),
    _values(
        "segmentsemantic",
        1318267,
        "35d9aefa0f0b56cf6727d7a0f6073e7bbfdd5d957a62df16ece2be010b123cff",
    ),
    _values("normal", 945923, "b3e465c7a519324d4390c090d179110e5d64bbf1c2374f0251aa0bd71ce5eec7"),
    _values(
        "autoencoder", 950690, "17888f4fc25b54ba2c62dc011f952e212337aa16fa75fb5447306e1157b7fcdc"
    ),
)


def _archive(commit: str, path: str, size: int, sha256: str) -> PublicFile:
    return PublicFile(
        repository="automl/NASLib", commit=commit, path=path, size=size, sha256=sha256,
        licence="Apache-2.0", authors="NASLib (AutoML Freiburg)",
        taken="validation after the last epoch",
    )  # fmt: skip


_ARCHIVES = {
    MICRO: _archive(
        "7a5496e2211d8ab65da40e0e2d5333aba87df614",
        "naslib/data/zc_benchmarks/all_benchmarks_zen.zip",
        1016797,
        "d70d3ddcda2264806a467d3fb3840e8ce04c5b0129776110a62018ea68e6d7f2",
    ),
    MACRO: _archive(
        "eba9f98038440ba2f246f6054ebd7ba55ad38b3a",
        "run/results/benchmarks/tnb101_macro_zen.zip",
        870234,
        "c34526c4f37f06205e61efeeb80bce5340dbce555ad558a10d6a897258d0de7b",
    ),
}
IMAGES = "Taskonomy"
"""Name of the images that all tasks share."""
FILES = {name: (*_VALUES, archive) for name, archive in _ARCHIVES.items()}
_MACRO_ROWS = 3256


def build(name: str, paths: Sequence[Path]) -> Table:
    """Build the table `name` from the paths of the downloaded `FILES[name]`, in the same order.

    Raises `DataError` for a file of another format, and if the order of the rows does not hold.
    """
    space = get_enumerable(name)
    *values, archive = paths
    last = _read_archive(archive, name, space)
    rows = _rows(name, space)
    data: dict[Column, Array] = {}
    for (task, about), path in zip(TASKS.items(), values, strict=True):
        data.update(_of_task(task, about, path, rows, last[task]))
    files = FILES[name]
    info = TableInfo(
        schema_version=3,
        name=name,
        title=f"TransNAS-Bench-101, {name.partition('-')[2]} space, from public files",
        space=name,
        rows=space.size,
        cells=space.size,
        licence="MIT and Apache-2.0, see sources",
        attribution=(
            "TransNAS-Bench-101 (Yawen Duan et al., CVPR 2021), MIT licence",
            *dict.fromkeys(f"{file.authors}, {file.licence} licence" for file in files),
        ),
        notes=_NOTES,
        sources=tuple(file.as_source() for file in files),
        columns=tuple(data),
        metrics=tuple(map(TableMetric.of, METRICS)),
        protocols=(_PROTOCOL,),
        titles={task: about.title for task, about in TASKS.items()},
        images=dict.fromkeys(TASKS, IMAGES),
        bibtex=BIBTEX,
    )
    return Table.from_columns(info, {column.name: array for column, array in data.items()})


BUILDERS = {name: partial(build, name) for name in FILES}


def macro_order() -> Iterator[tuple[int, ...]]:
    """Yield the codes (1 to 4) of the modules of every macro network in the order of the files.

    By length, number of doublings of the channels, number of halvings of the resolution, places of
    the doublings, and places of the halvings, the last running fastest.
    """
    for length in LENGTHS:
        for doublings in (1, 2, 3):
            for halvings in (1, 2, 3, 4):
                for doubled in combinations(range(length), doublings):
                    for halved in combinations(range(length), halvings):
                        yield tuple(
                            1 + (place in doubled) + 2 * (place in halved)
                            for place in range(length)
                        )


def _rows(name: str, space: EnumerableSpace) -> NDArray[np.int64]:
    """Return the row of every architecture of a space in the files, in index order."""
    if name == MICRO:
        return _MACRO_ROWS + np.arange(space.size)
    rows = np.empty(space.size, dtype=np.int64)
    for row, codes in enumerate(macro_order()):
        rows[space.index(_macro(codes))] = row
    return rows


def _macro(codes: Sequence[int]) -> Architecture:
    return (LENGTHS.index(len(codes)), *(code - 1 for code in codes))


def _of_task(
    task: str, about: _Task, path: Path, rows: NDArray[np.int64], last: NDArray[np.float64]
) -> Iterator[tuple[Column, Array]]:
    """Yield the columns of a task; raise `DataError` if its rows are in another order."""
    columns = _read_values(path, int(rows.max()) + 1)
    best = columns[f"valid_{about.column}"][rows]
    wrong = int((last > best).sum())
    if wrong:
        raise DataError(
            f"'{path}' is in another order: validation after the last epoch exceeds the best one "
            f"for {wrong} networks"
        )

    def measured(metric: Metric, split: Split, averaging: str) -> Column:
        series = Series(task, split, metric.name, about.epochs)
        return after_epoch(series, about.epochs, None, unit=metric.unit, averaging=averaging)

    yield measured(about.metric, Split.VALID, LAST), last
    yield measured(about.metric, Split.TEST, BEST_EPOCH), columns[f"test_{about.column}"][rows]
    if task == _SEGMENTATION:
        yield measured(MIOU, Split.VALID, BEST_EPOCH), columns["valid_mIoU"][rows]
        yield measured(MIOU, Split.TEST, BEST_EPOCH), columns["test_mIoU"][rows]
    yield query_seconds(task, about.epochs, None), columns["time_elapsed"][rows]
    yield seed_count(task, Split.TEST, about.epochs), np.ones(len(rows), dtype=np.int64)


def _read_values(path: Path, least: int) -> Mapping[str, NDArray[np.float64]]:
    """Return the columns of a task's file, which must have `least` rows or more."""
    try:
        with path.open(newline="", encoding="utf-8") as stream:
            found = list(csv.DictReader(stream))
        columns = {name: np.array([float(row[name]) for row in found]) for name in found[0]}
    except (OSError, ValueError, IndexError, KeyError, TypeError) as error:
        raise DataError(f"'{path}' is not in the format of its task: {error}") from error
    if len(found) < least:
        raise DataError(f"'{path}' has {len(found)} rows, which are too few")
    return columns


def _read_archive(
    path: Path, name: str, space: EnumerableSpace
) -> Mapping[str, NDArray[np.float64]]:
    """Return validation after the last epoch by task, in index order, from an archive of JSON."""
    found = {task: np.full(space.size, np.nan) for task in TASKS}
    try:
        with zipfile.ZipFile(path) as archive:
            for member in archive.namelist():
                _, _, of = member.partition(f"transbench101_{name.partition('-')[2]}--")
                task = of.partition("--")[0]
                if task not in found or not member.endswith(".json"):
                    continue
                for record in json.loads(archive.read(member)):
                    codes = ast.literal_eval(record["arch"])
                    one = tuple(codes) if name == MICRO else _macro(codes)
                    found[task][space.index(one)] = record["val_accuracy"]
    except (OSError, ValueError, KeyError, TypeError, SyntaxError, zipfile.BadZipFile) as error:
        raise DataError(f"'{path}' is not an archive of NASLib's records: {error}") from error
    for task, values in found.items():
        if np.isnan(values).any():
            raise DataError(f"'{path}' lacks {int(np.isnan(values).sum())} networks of {task}")
    return found

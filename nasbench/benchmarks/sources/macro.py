"""The table `macro`: NAS-Bench-Macro from the authors' file.

The file has three test accuracies of each network, and no validation. So one training is for
searches and the other two are for the judge: the first value of a network, which the authors'
script trained with seed 0, is stored as validation; those of the seeds 1 and 2 as test. Each is the
best of its training over the epochs (`train/train.py` of the authors' repository).
"""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nasbench.benchmarks.sources.fetch import PublicFile
from nasbench.benchmarks.tables.columns import (
    BEST_EPOCH,
    ON_TEST_IMAGES,
    Series,
    after_epoch,
    seed_count,
    size,
)
from nasbench.benchmarks.tables.info import (
    Array,
    Column,
    Quantity,
    Split,
    TableInfo,
    TableMetric,
    TableProtocol,
)
from nasbench.benchmarks.tables.table import Table
from nasbench.errors import DataError, InvalidInput
from nasbench.problem import ACCURACY
from nasbench.spaces.macro import Macro
from nasbench.text import shown

NAME = "macro"
DATASET = "cifar10"
EPOCHS = 50
SEARCHED, JUDGED = 0, (1, 2)
"""Training seeds, which are the positions in the file, of what a search and the judge see."""
EVALUATIONS = 100
"""Budget of the table's protocol."""

_FILE = PublicFile(
    repository="xiusu/NAS-Bench-Macro",
    commit="61a2bfc2ca0dce04d0997e6cf498047c27d6acf2",
    path="data/nas-bench-macro_cifar10.json",
    size=1178821,
    sha256="686dee8363cc21cca8c1f321ad5749454f2d9b9ca5972682e137e539bc522297",
    licence="Apache-2.0",
    authors="Xiu Su et al., NAS-Bench-Macro",
    taken="test accuracies of three trainings, parameters, multiply-adds",
)
FILES = (_FILE,)
_NOTES = (
    "there is no validation: what a search sees is the accuracy on CIFAR-10's TEST images of the "
    "first training (seed 0); the judge reads the mean of the other two trainings (seeds 1, 2) on "
    "the same images",
    "every accuracy is the best over the 50 epochs of its training: an optimistic number",
    "2,592 of the 6,561 networks are the same as another one, with an identity in another layer of "
    "a stage, and have its numbers: 3,969 were trained",
    "no training times are known: evaluations are counted",
)
_BIBTEX = """@inproceedings{su2021prioritized,
  title = {Prioritized Architecture Sampling with {Monte-Carlo} Tree Search},
  author = {Su, Xiu and Huang, Tao and Li, Yanxi and You, Shan and Wang, Fei and Qian, Chen and
            Zhang, Changshui and Xu, Chang},
  booktitle = {IEEE/CVF Conference on Computer Vision and Pattern Recognition (CVPR)},
  year = {2021}
}"""


def build(paths: Sequence[Path]) -> Table:
    """Build the table from the path of the downloaded file.

    Raises `DataError` for a file of another format and for one that lacks a network.
    """
    space = Macro()
    (path,) = paths
    accuracy, params, flops = _read(path, space)
    columns: dict[Column, Array] = {}
    for split, seeds in ((Split.VALID, (SEARCHED,)), (Split.TEST, JUDGED)):
        for seed in seeds:
            series = Series(DATASET, split, ACCURACY.name, EPOCHS)
            column = after_epoch(
                series,
                EPOCHS,
                seed,
                averaging=BEST_EPOCH,
                provenance=f"{ON_TEST_IMAGES}, training {seed + 1} of 3 in {_FILE.place}",
            )
            columns[column] = np.ascontiguousarray(accuracy[:, seed])
    for quantity, numbers in ((Quantity.PARAMS, params), (Quantity.FLOPS, flops)):
        columns[size(DATASET, quantity, provenance=_FILE.place)] = numbers
    counts = np.full(space.size, len(JUDGED), dtype=np.int8)
    columns[seed_count(DATASET, Split.TEST, EPOCHS, provenance=_FILE.place)] = counts
    info = TableInfo(
        schema_version=3,
        name=NAME,
        title="NAS-Bench-Macro: eight layers of three blocks on CIFAR-10",
        space=space.name,
        rows=space.size,
        cells=space.size,
        licence=_FILE.licence,
        attribution=(f"{_FILE.authors} (CVPR 2021), {_FILE.licence} licence",),
        notes=_NOTES,
        sources=(_FILE.as_source(),),
        columns=tuple(columns),
        metrics=(TableMetric.of(ACCURACY),),
        protocols=(
            TableProtocol(
                name=f"macro-{EVALUATIONS}",
                source="of nasbench: the paper publishes no budget of a search on its table",
                schedule=EPOCHS,
                epochs=EPOCHS,
                final_schedule=EPOCHS,
                seconds={},
                evaluations={DATASET: EVALUATIONS},
                trials="mean",
                reports={DATASET: (DATASET,)},
            ),
        ),
        bibtex=_BIBTEX,
    )
    return Table.from_columns(info, {column.name: array for column, array in columns.items()})


def _read(
    path: Path, space: Macro
) -> tuple[NDArray[np.float64], NDArray[np.int32], NDArray[np.int32]]:
    """Return accuracies, shape (networks, 3), weights and multiply-adds, in index order."""
    try:
        records = json.loads(path.read_text(encoding="utf-8"))
        if not isinstance(records, dict):
            raise ValueError(f"a {type(records).__name__} instead of a dict of networks")
        accuracy = np.full((space.size, 3), np.nan)
        sizes = np.zeros((space.size, 2), dtype=np.int32)
        for text, record in records.items():
            index = space.index(space.parse(text))
            accuracy[index] = _three(text, record["test_acc"])
            sizes[index] = record["params"], record["flops"]
    except InvalidInput as error:
        raise DataError(f"'{path}' is not of NAS-Bench-Macro: {error}") from error
    except (OSError, ValueError, KeyError, TypeError, OverflowError, RecursionError) as error:
        raise DataError(
            f"'{path}' is not NAS-Bench-Macro's file: {type(error).__name__}: {shown(str(error))}"
        ) from error
    missing = int(np.isnan(accuracy).any(axis=1).sum())
    if missing:
        raise DataError(f"'{path}' lacks {missing} of {space.size} networks: it is cut")
    return accuracy, sizes[:, 0].copy(), sizes[:, 1].copy()


def _three(text: str, values: Any) -> tuple[float, ...]:
    if not isinstance(values, list) or len(values) != 3:
        raise ValueError(f"network {text} has no three accuracies")
    return tuple(map(float, values))

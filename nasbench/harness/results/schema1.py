"""Conversion of runs from schema 1, which earlier versions stored, to schema 2.

Schema 1 stored architectures as indices of one space, had accuracy as its only objective, and
called an evaluation a query.
"""

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from nasbench.harness.results.architectures import texts_of
from nasbench.harness.results.records import as_texts, value_column, verdict_column
from nasbench.harness.search.experiment import Experiment
from nasbench.problem import ACCURACY
from nasbench.spaces import get_enumerable

_RENAMED = {
    "queries": "evaluations",
    "simulated_seconds": "clock_seconds",
    "accuracy": value_column(ACCURACY),
}


def earlier_names(experiment: Experiment, columns: list[str]) -> list[str]:
    """Return the columns of schema 1 from which columns of schema 2 are made."""
    before = {now: name for name, now in _names(experiment).items()}
    made_of = ["epochs"] if "fidelity" in columns else []
    return [*(before[name] for name in columns if name in before), *made_of]


def is_of_schema1(table: pa.Table) -> bool:
    """Return whether rows have the columns of schema 1."""
    names = table.column_names
    if "architecture" in names and pa.types.is_list(table["architecture"].type):
        return bool(pa.types.is_integer(table["architecture"].type.value_type))
    return not {"queries", "simulated_seconds", "accuracy"}.isdisjoint(names)


def upgraded(table: pa.Table, experiment: Experiment) -> pa.Table:
    """Return rows of schema 1 in schema 2; raise `ValueError` where they cannot be converted.

    Other errors in the rows are left to the checks of schema 2.
    """
    names = _names(experiment)
    made = dict(zip(table.column_names, table.columns, strict=True))
    if "architecture" in made:
        made["architecture"] = _texts(made["architecture"], experiment)
    if "epochs" in made and "fidelity" not in made:
        made["fidelity"] = _fidelity(made["epochs"], experiment)
    columns = {names.get(name, name): column for name, column in made.items()}
    return pa.table(columns, metadata=table.schema.metadata)


def _names(experiment: Experiment) -> dict[str, str]:
    """Return the new names of columns, in schema 2, by their names in schema 1."""
    judged = {
        f"{split}/{name}": verdict_column(split, name, ACCURACY)
        for name in experiment.task.reports
        for split in ("valid", "test")
    }
    return {**_RENAMED, **judged}


def _texts(column: pa.ChunkedArray, experiment: Experiment) -> pa.ListArray:
    """Return architectures as texts, from their indices; raise `ValueError` for a wrong index."""
    space = get_enumerable(experiment.task.space)
    lists = _whole(column, "architecture")
    indices = lists.values.to_numpy(zero_copy_only=False)
    distinct, codes = np.unique(indices, return_inverse=True)
    if len(distinct) and not (distinct[0] >= 0 and distinct[-1] < space.size):
        place = int(np.argmax((indices < 0) | (indices >= space.size)))
        row = int(np.searchsorted(lists.offsets.to_numpy(), place, side="right")) - 1
        raise ValueError(
            f"column 'architecture', row {row}: {indices[place]} is no index of {space.size} "
            "architectures"
        )
    write = texts_of(space.name).write
    texts = [write(space.architecture(int(index))) for index in distinct]
    whole = pa.ListArray.from_arrays(lists.offsets, pa.array(codes.ravel().astype(np.int32)))
    return as_texts(whole, texts)


def _fidelity(column: pa.ChunkedArray, experiment: Experiment) -> pa.ListArray:
    """Return evaluations' fidelity: the epochs charged or, if they were free, the task's own."""
    lists = _whole(column, "epochs")
    own = experiment.task.query.epochs
    charged = lists.values.to_numpy(zero_copy_only=False)
    fidelity = np.where(charged == 0, own, charged) if own else np.zeros_like(charged)
    return pa.ListArray.from_arrays(lists.offsets, pa.array(fidelity.astype(np.int32)))


def _whole(column: pa.ChunkedArray, name: str) -> pa.ListArray:
    """Return a list column of whole numbers as one array; raise `ValueError` for another type."""
    kind = column.type
    if not (pa.types.is_list(kind) and pa.types.is_integer(kind.value_type)):
        raise ValueError(f"column '{name}' has type {str(kind)[:80]} where list<int64> belongs")
    whole = pa.concat_arrays(column.chunks) if column.num_chunks else pa.array([], kind)
    if whole.null_count or whole.flatten().null_count:
        raise ValueError(f"column '{name}' has a null")
    offsets = np.concatenate(([0], np.cumsum(pc.list_value_length(whole).to_numpy())))
    values = whole.flatten().cast(pa.int64())
    return pa.ListArray.from_arrays(pa.array(offsets.astype(np.int32)), values)

"""Runs that were stored by schema 1, as schema 2 has them.

Schema 1 knew one space of indices, one objective, accuracy, and called an evaluation a query.
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
    """Return what columns of schema 2 were called in schema 1, and what they are made of."""
    before = {now: name for name, now in _names(experiment).items()}
    made_of = ["epochs"] if "fidelity" in columns else []
    return [*(before[name] for name in columns if name in before), *made_of]


def is_of_schema1(table: pa.Table) -> bool:
    """Whether rows were stored by schema 1, as their columns tell."""
    names = table.column_names
    if "architecture" in names and pa.types.is_list(table["architecture"].type):
        return bool(pa.types.is_integer(table["architecture"].type.value_type))
    return not {"queries", "simulated_seconds", "accuracy"}.isdisjoint(names)


def upgraded(table: pa.Table, experiment: Experiment) -> pa.Table:
    """Return rows of schema 1 as schema 2 has them; `ValueError` where they cannot be.

    What is wrong with them otherwise is for the reader of schema 2 to find.
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
    """Return the names of columns in schema 2 by those of schema 1, where they differ."""
    judged = {
        f"{split}/{name}": verdict_column(split, name, ACCURACY)
        for name in experiment.task.reports
        for split in ("valid", "test")
    }
    return {**_RENAMED, **judged}


def _texts(column: pa.ChunkedArray, experiment: Experiment) -> pa.ListArray:
    """Return architectures as texts, from their indices."""
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
    """Return the epochs that evaluations were read after: those charged, unless they were free."""
    lists = _whole(column, "epochs")
    own = experiment.task.signal.epochs
    charged = lists.values.to_numpy(zero_copy_only=False)
    fidelity = np.where(charged == 0, own, charged) if own else np.zeros_like(charged)
    return pa.ListArray.from_arrays(lists.offsets, pa.array(fidelity.astype(np.int32)))


def _whole(column: pa.ChunkedArray, name: str) -> pa.ListArray:
    """Return a list column of whole numbers in one piece; `ValueError` where it is none."""
    kind = column.type
    if not (pa.types.is_list(kind) and pa.types.is_integer(kind.value_type)):
        raise ValueError(f"column '{name}' has type {str(kind)[:80]} where list<int64> belongs")
    whole = pa.concat_arrays(column.chunks) if column.num_chunks else pa.array([], kind)
    if whole.null_count or whole.flatten().null_count:
        raise ValueError(f"column '{name}' has a null")
    offsets = np.concatenate(([0], np.cumsum(pc.list_value_length(whole).to_numpy())))
    values = whole.flatten().cast(pa.int64())
    return pa.ListArray.from_arrays(pa.array(offsets.astype(np.int32)), values)

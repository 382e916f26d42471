"""Making a table from a loaded API object of `nats_bench` or `nas_201_api`."""

import hashlib
import tempfile
from pathlib import Path
from typing import Any, BinaryIO, cast

import numpy as np

from nasbench.arguments import require_text
from nasbench.benchmarks.sources.halves import halves
from nasbench.benchmarks.sources.official import OFFICIAL_LICENCE, assemble, read_official
from nasbench.benchmarks.sources.recorder import Recorder
from nasbench.benchmarks.tables.format import Chunks
from nasbench.benchmarks.tables.info import Array, Source
from nasbench.benchmarks.tables.table import Table
from nasbench.errors import DataError


def from_api(api: Any, name: str = "from-api") -> Table:
    """Return all results of an API object of an official package as a table in memory.

    It is a `NATStopology`, `NATSsize` or `NASBench201API`.

    An API object in fast mode is read from its folder, one architecture at a time. `Table.save`
    writes the table to a file. Raises `DataError` if `api` is another object or of another space,
    `InvalidInput` if `name` is not a text.
    """
    require_text("name", "a table's name", name)
    archs = getattr(api, "meta_archs", None)
    if archs is None or not hasattr(api, "arch2infos_dict"):
        raise DataError(
            f"cannot make a table of a {type(api).__name__}: give a loaded nats_bench or "
            "nas_201_api object"
        )
    half = next((one for one in halves() if one.listed == list(archs)), None)
    if half is None:
        raise DataError(
            f"the {type(api).__name__} is not of the topology space or the size space of "
            "NATS-Bench in its official order"
        )
    with tempfile.TemporaryFile() as spool:
        recorder = Recorder(cast(BinaryIO, spool), half)
        if getattr(api, "fast_mode", False):
            digest = read_official(Path(api.archive_dir), recorder)
        else:
            digest = hashlib.sha256(repr(sorted(api.arch2infos_dict)).encode()).hexdigest()
            for results in api.arch2infos_dict.values():
                cell = {hp: one.state_dict() for hp, one in results.items()}
                recorder.add(cell, str(api.filename))
        source = Source(
            url=f"{type(api).__module__}.{type(api).__name__} ({api.filename})",
            sha256=digest,
            licence=OFFICIAL_LICENCE,
            taken="all results and curves",
        )
        info, data = assemble(name, f"from a loaded {type(api).__name__}", recorder, source)
        return Table.from_columns(info, {key: _whole(one) for key, one in data.items()})


def _whole(data: Array | Chunks) -> Array:
    if isinstance(data, Chunks):
        return np.concatenate([block.astype(data.dtype) for block in data.read()])
    return data

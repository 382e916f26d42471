"""The table `gpt-s`: 10,000 transformers of HW-GPT-Bench's small space, from its public files.

One file has perplexity and accuracy of each network with the weights of one supernet, four have the
latencies on an A100. Both write a network with heads and ratios of 12 layers, of which the first
`sample_n_layer` exist. No network occurs twice.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from nasbench.benchmarks.sources.fetch import PublicFile
from nasbench.benchmarks.sources.unpickle import load
from nasbench.benchmarks.tables.columns import (
    Series,
    after_epoch,
    hardware,
    pool,
    size,
    spread,
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
from nasbench.errors import DataError
from nasbench.problem import ACCURACY, Metric
from nasbench.spaces import get_enumerable
from nasbench.spaces.base import Architecture
from nasbench.spaces.gpt import BIASES, EMBEDDINGS, GPT_S, HEADS, LAYERS, RATIOS

NAME = GPT_S
PERPLEXITY = Metric("perplexity", "min", low=1.0)
DATASET = "openwebtext"
DEVICE = "a100"
_SUPERNET = 1
"""Epochs of an evaluation: none is trained, each network has the weights of the supernet."""
_BUDGET = 100

BIBTEX = """@article{sukthanker2024hwgpt,
  author = {Sukthanker, Rhea Sanjay and Zela, Arber and Staffler, Benedikt and Klein, Aaron and
            Franke, J{\\"o}rg K. H. and Hutter, Frank},
  title = {{HW-GPT-Bench}: Hardware-Aware Architecture Benchmark for Language Models},
  journal = {arXiv preprint arXiv:2405.10299},
  year = {2024}
}"""


def _file(commit: str, path: str, length: int, sha256: str, taken: str) -> PublicFile:
    return PublicFile(
        repository="automl/HW-GPT-Bench", commit=commit, path=path, size=length, sha256=sha256,
        licence="Apache-2.0", authors="Rhea Sanjay Sukthanker et al., HW-GPT-Bench", taken=taken,
    )  # fmt: skip


def _latencies(part: str, length: int, sha256: str) -> PublicFile:
    return _file(
        "cfddd10217c070425c4eb70826d3ed4ce9579aae",
        f"data_collection/raw_results_hw/latency_a100/efficiency_observations_{part}.pkl",
        length, sha256, "latency on an A100, parameters, multiply-adds",
    )  # fmt: skip


FILES = (
    _file(
        "795cba8124826acc600df1bd2bb516b22f207671", "arch_ppl_bench_s/ppl.pkl", 1573995,
        "c83481e26e53026a940a3018eb0c588c622fff7761c2cc99af5496c765059aa5",
        "perplexity and accuracy",
    ),
    _latencies(
        "0_2500", 1214799, "7025408d2a25ce63da5f312a857e0892aec9d4f061f3309d1af34e89fee4f16f"
    ),
    _latencies(
        "2500_5000", 1215572, "18fbfc640922c6cf16620aba71be3a5066310dfd2f4e96f3cf10f4170fcdc727"
    ),
    _latencies(
        "5000_7500", 1213461, "9817d98f353784b07dc063200d5713a7f7b7823e1c9367ee239ad70091014392"
    ),
    _latencies(
        "7500_10000", 1214804, "5f91fe83e4de0dd27c772c4c02807ed17fce5aa868fc0097572b3f7535e37540"
    ),
)  # fmt: skip

_NOTES = (
    "perplexity and accuracy are those of the weights of one supernet, not of networks trained "
    "alone; an evaluation counts as one epoch",
    "one measured value of each network and no other split: a search sees what is reported",
    "latency is the mean of ten measurements, its spread their standard deviation",
    "multiply-adds are those of the batch that was timed",
)


def build(paths: Sequence[Path]) -> Table:
    """Build `gpt-s` from the paths of the downloaded `FILES`, in the same order.

    Raises `DataError` for a file of another format, and if the files are of other networks.
    """
    values, *costs = paths
    measured = _by_index([values], {"perplexity": 1.0, "accuracy": 100.0})
    timed = _by_index(costs, dict.fromkeys(("gpu_lat", "gpu_lat_std", "params", "macs"), 1.0))
    if measured.keys() != timed.keys():
        raise DataError(f"'{values}' and the files of latencies are of other networks")
    known = sorted(measured)
    found = np.array([[*measured[one], *timed[one]] for one in known]).T
    data: dict[Column, Array] = {
        pool(): np.array(known, dtype=np.int64),
        **{
            column: np.ascontiguousarray(numbers)
            for column, numbers in zip(_columns(), found, strict=True)
        },
    }
    info = TableInfo(
        schema_version=3,
        name=NAME,
        title="HW-GPT-Bench, GPT-S: perplexity and latency of 10,000 transformers",
        space=NAME,
        rows=len(known),
        cells=len(known),
        licence="Apache-2.0",
        attribution=("HW-GPT-Bench (Rhea Sanjay Sukthanker et al., 2024), Apache-2.0 licence",),
        notes=_NOTES,
        sources=tuple(file.as_source() for file in FILES),
        columns=tuple(data),
        metrics=tuple(map(TableMetric.of, (PERPLEXITY, ACCURACY))),
        protocols=(
            TableProtocol(
                name=f"gpt-s-{_BUDGET}",
                source=f"none is published; {_BUDGET} evaluations are one in a hundred networks",
                schedule=_SUPERNET,
                epochs=_SUPERNET,
                final_schedule=_SUPERNET,
                seconds={},
                trials="mean",
                evaluations={DATASET: _BUDGET},
                reports={DATASET: (DATASET,)},
            ),
        ),
        titles={DATASET: "OpenWebText"},
        bibtex=BIBTEX,
    )
    return Table.from_columns(info, {column.name: array for column, array in data.items()})


def _columns() -> tuple[Column, ...]:
    """Return the columns in the order in which `build` has their numbers."""

    def of(metric: Metric) -> Column:
        series = Series(DATASET, Split.VALID, metric.name, _SUPERNET)
        return after_epoch(
            series, _SUPERNET, None, unit=metric.unit, averaging="none",
            provenance="with the weights of the supernet",
        )  # fmt: skip

    return (
        of(PERPLEXITY), of(ACCURACY),
        hardware(DATASET, Quantity.LATENCY, DEVICE, provenance="mean of ten measurements"),
        spread(DATASET, Quantity.LATENCY, DEVICE),
        size(DATASET, Quantity.PARAMS), size(DATASET, Quantity.FLOPS),
    )  # fmt: skip


def _by_index(paths: Sequence[Path], wanted: Mapping[str, float]) -> dict[int, list[float]]:
    """Return some numbers of every record, by the index of its network in the space.

    `wanted` has the factor that each number is multiplied by.
    """
    index, found = get_enumerable(GPT_S).index, dict[int, list[float]]()
    for path in paths:
        try:
            with path.open("rb") as stream:
                records = load(stream, str(path))
            for record in records:
                numbers = [factor * float(record[name]) for name, factor in wanted.items()]
                found[index(network_of(record["arch"]))] = numbers
        except (OSError, ValueError, KeyError, TypeError, IndexError) as error:
            raise DataError(f"'{path}' is not in the format of HW-GPT-Bench: {error}") from error
    return found


def network_of(record: Mapping[str, Any]) -> Architecture:
    """Translate a network of the files into an architecture.

    Raises `ValueError` or `KeyError` for a record that is none of the space.
    """
    layers: int = record["sample_n_layer"]
    if list(record["sample_layer_indices"]) != list(range(layers)):
        raise ValueError("layers are left out")
    heads, ratios = record["sample_n_head"][:layers], record["sample_mlp_ratio"][:layers]
    pairs = (
        (HEADS.index(head), RATIOS.index(ratio)) for head, ratio in zip(heads, ratios, strict=True)
    )
    return (
        EMBEDDINGS.index(record["sample_embed_dim"]),
        BIASES.index("bias" if record["sample_bias"] else "nobias"),
        LAYERS.index(layers),
        *(choice for pair in pairs for choice in pair),
    )

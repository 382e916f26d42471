"""The two halves of NATS-Bench, topology and size: one file format, two spaces.

The topology half is NAS-Bench-201; older files of it have other names of the same schedules.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache, cached_property
from typing import Any

from nasbench.benchmarks.tables.info import TableMetric
from nasbench.errors import DataError, InvalidInput
from nasbench.problem import ACCURACY, LOSS
from nasbench.spaces.categorical import CategoricalSpace
from nasbench.spaces.nats_size import NatsSize
from nasbench.spaces.nb201 import NasBench201
from nasbench.text import shown

_BIBTEX = """@article{dong2021nats,
  title = {{NATS-Bench}: Benchmarking {NAS} Algorithms for Architecture Topology and Size},
  author = {Dong, Xuanyi and Liu, Lu and Musial, Katarzyna and Gabrys, Bogdan},
  journal = {IEEE Transactions on Pattern Analysis and Machine Intelligence},
  year = {2021},
  doi = {10.1109/TPAMI.2021.3054824}
}"""
_NATS = "NATS-Bench (Xuanyi Dong et al., TPAMI 2021), MIT licence"


@dataclass(frozen=True)
class Half:
    """One half: what its official files hold, and what a table of it says of itself."""

    name: str
    space: CategoricalSpace
    schedules: Mapping[str, int]
    """Keys of an architecture's results, with the number of epochs of that schedule."""
    attribution: tuple[str, ...]
    about: Mapping[str, Any] = field(default_factory=dict)
    """Fields of `TableInfo` that tables of this half have beside those of every table."""

    @cached_property
    def listed(self) -> list[str]:
        """The texts of all architectures in the official order."""
        return [self.space.format(one) for one in self.space.architectures]


@cache
def halves() -> tuple[Half, ...]:
    """Return both halves."""
    topology = Half(
        "topology",
        NasBench201(),
        {"less": 12, "full": 200, "12": 12, "200": 200},
        (_NATS, "NAS-Bench-201 (Xuanyi Dong & Yi Yang, ICLR 2020), MIT licence"),
    )
    size = Half(
        "size",
        NatsSize(),
        {"01": 1, "12": 12, "90": 90},
        (_NATS,),
        {
            "schema_version": 3,
            "bibtex": _BIBTEX,
            "metrics": (TableMetric.of(ACCURACY), TableMetric.of(LOSS)),
            "datasets": {"cifar10": "cifar10-valid"},
        },
    )
    return topology, size


def half_of(text: str, source: str) -> Half:
    """Return the half that an architecture is of; `DataError`, with `source`, if it is of none."""
    for half in halves():
        try:
            half.space.parse(text)
        except InvalidInput:
            continue
        return half
    raise DataError(
        f"'{source}' holds architecture {shown(text)}, which is not of the topology space and not "
        "of the size space of NATS-Bench"
    )

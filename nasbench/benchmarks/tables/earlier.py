"""Facts about tables of schema 1 that their files do not state.

These tables are those of NAS-Bench-201 and those that `nasbench tabulate` makes.
"""

from collections.abc import Mapping
from types import MappingProxyType

from nasbench.problem import ACCURACY, LOSS

METRICS = (ACCURACY, LOSS)
"""The metrics of tables of schema 1."""

_NB201 = MappingProxyType({"cifar10": "cifar10-valid"})
_NONE: Mapping[str, str] = MappingProxyType({})


def searched_names(space: str) -> Mapping[str, str]:
    """Return the data sets whose columns have another name for a search, mapped to that name.

    A search of NAS-Bench-201's `cifar10` sees values measured on the validation half of the
    training set, which the benchmark calls `cifar10-valid`. The judge reads the test set after
    training on both halves (`cifar10`, evaluation set `ori-test`).
    """
    return _NB201 if space == "nb201" else _NONE

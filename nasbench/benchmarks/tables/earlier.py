"""What tables of schema 1 do not say of themselves.

They are NAS-Bench-201's, and those that `nasbench tabulate` makes.
"""

from collections.abc import Mapping
from types import MappingProxyType

from nasbench.problem import ACCURACY, LOSS

METRICS = (ACCURACY, LOSS)
"""Metrics that their columns may be of."""

_NB201 = MappingProxyType({"cifar10": "cifar10-valid"})
_NONE: Mapping[str, str] = MappingProxyType({})


def searched_names(space: str) -> Mapping[str, str]:
    """Return the names of the columns that a search sees, where they are not the data set's own.

    What a search of NAS-Bench-201's `cifar10` sees is measured on the validation half of its
    training set, which the benchmark calls `cifar10-valid`; the judge reads the test set after
    training on both halves (`cifar10`, split `ori-test`).
    """
    return _NB201 if space == "nb201" else _NONE

"""Names of data sets as readers know them, such as `CIFAR-10` for `cifar10`."""

from collections.abc import Mapping

from nasbench.benchmarks.catalogue import load_table
from nasbench.errors import NasbenchError

KNOWN: Mapping[str, str] = {
    "cifar10": "CIFAR-10",
    "cifar100": "CIFAR-100",
    "ImageNet16-120": "ImageNet16-120",
    "digits": "Digits",
}
"""Titles of data sets by their names in tables and image sets."""


TABLES: Mapping[str, str] = {
    "nb201": "NAS-Bench-201",
    "nb201-hw": "HW-NAS-Bench",
    "macro": "NAS-Bench-Macro",
    "nats-size": "NATS-Bench (size)",
    "transnas-micro": "TransNAS-Bench-101 (micro)",
    "transnas-macro": "TransNAS-Bench-101 (macro)",
    "digits": "Digits",
}
"""Titles of benchmarks by their names."""


def dataset_titles(table: str | None) -> Mapping[str, str]:
    """Return the titles of data sets by name; a name that is no key has no title of its own.

    `table` is the name of the table that was searched, or the path of its file; its own titles go
    first. A table that is not installed here has none, and None is a search without a table.
    """
    if table is None:
        return KNOWN
    try:
        return {**KNOWN, **load_table(table).info.titles}
    except NasbenchError:
        return KNOWN

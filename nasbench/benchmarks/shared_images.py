"""Which data sets of tables are measured on the same images."""

from nasbench.benchmarks.catalogue import load_table
from nasbench.benchmarks.sources import transnas
from nasbench.errors import NasbenchError


def images_of(table: str | None, space: str, dataset: str) -> str:
    """Return the name of a data set's images; data sets with the same name share their images.

    It is what the table says, if it is installed here, or what is known of its space, as tables of
    TransNAS-Bench-101 that an earlier version made do not say it; else images have the data set's
    own name. `table` is the name of the table that was searched or the path of
    its file, None for a search without a table.
    """
    if table is not None:
        try:
            stored = load_table(table).info.images
        except NasbenchError:
            stored = {}
        if dataset in stored:
            return stored[dataset]
    return transnas.IMAGES if space in transnas.BUILDERS and dataset in transnas.TASKS else dataset

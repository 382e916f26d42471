"""Names of the folders that a comparison is written to."""

from typing import TYPE_CHECKING

from nasbench.harness.compare.labels import distinguishing_parts
from nasbench.text import file_name

if TYPE_CHECKING:
    from nasbench.harness.compare.comparison import Comparison


def folder_names(comparison: "Comparison") -> list[str]:
    """Return one distinct folder name per block.

    A name joins benchmark (where the protocol's name does not begin with it), protocol, data set,
    budget, and whatever else is unusual for the protocol.
    """
    names: list[str] = []
    for block in comparison.blocks:
        task = block.task
        name = f"{task.protocol}-{task.query.dataset}-{task.budget}"
        if not task.protocol.startswith(block.table):
            name = f"{block.table}-{name}"
        name = "-".join([name, *distinguishing_parts(task)])
        name = file_name(name)
        taken = sum(other == name or other.startswith(f"{name}--") for other in names)
        names.append(f"{name}--{taken + 1}" if taken else name)
    return names


def family_folders(comparison: "Comparison") -> list[str]:
    """Return one folder name per family: that of its block if it has only one."""
    names = folder_names(comparison)
    return [
        names[family.numbers[0] - 1] if len(family.blocks) == 1 else f"across-{number}"
        for number, family in enumerate(comparison.families, start=1)
    ]

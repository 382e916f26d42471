"""Where the numbers of several data sets are from, and what they have in common, in words."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from nasbench.benchmarks.shared_images import images_of
from nasbench.harness.search.task import Kind
from nasbench.problem import Metric
from nasbench.provenance import provenance
from nasbench.spaces import whole_of

if TYPE_CHECKING:
    from nasbench.harness.compare.comparison import Block
    from nasbench.harness.search.task import Task

_FEW = 2
"""Most data sets of a table that are named where they are all of them."""


class Said(NamedTuple):
    """What a reader must know: in full, and in few words for a page or a figure."""

    text: str
    brief: str
    """Empty where a page and a figure go without it."""


@dataclass(frozen=True)
class Origin:
    """Where the numbers of one data set are from."""

    title: str
    """The data set's name for readers."""
    metric: Metric
    space: str
    """Name of the searched space, or of the space that this one is a part of."""
    images: str
    """Name of the images, which other data sets may have, too."""
    table: str
    """Name of the table."""
    doubts: tuple[str, ...] = ()
    """What every reader of its final values must know, as sentences."""

    @classmethod
    def of(cls, block: "Block", dataset: str) -> "Origin":
        """Return the origin of a data set that a block reports."""
        task = block.task
        table = None if task.kind is Kind.TRAINED else task.reference.name
        images = images_of(table, task.space, dataset)
        return cls(
            f"{block.title_of(dataset)}{_sought(task)}", task.measure, whole_of(task.space),
            images, block.table, tuple(_doubts(block, dataset)),
        )  # fmt: skip


def sought(task: "Task") -> list[str]:
    """Return the names of several objectives, and the constraints; empty for one without any."""
    names = [one.name for one in task.objectives] if len(task.objectives) > 1 else []
    return [*names, *map(str, task.constraints)]


def _sought(task: "Task") -> str:
    """Return what is sought as it stands behind a data set's title."""
    found = ", ".join(sought(task))
    return f" ({found})" if found else ""


def _doubts(block: "Block", dataset: str) -> Iterator[str]:
    """Yield what `Block.reservations` says of one data set."""
    if not block.task.has_test:
        yield "there is no split held out, so that searches saw the values that are reported"
    if dataset in block.doubts.best_epoch:
        yield "test is each network's best over the epochs of its training, an optimistic number"
    if dataset in block.doubts.on_test_images:
        yield "validation is of another training on the images of test"


def measured(origins: Sequence[Origin]) -> str:
    """Return the metrics of data sets, with units, as they stand in a sentence."""
    return listed(list(dict.fromkeys(one.metric.title for one in origins)))


def names_of(origins: Sequence[Origin]) -> str:
    """Return the names of the metrics of data sets as they stand in a sentence."""
    return listed(list(dict.fromkeys(one.metric.name for one in origins)))


def listed(names: Sequence[str]) -> str:
    """Return names as they stand in a sentence: `a`, `a and b`, `a, b and c`."""
    return " and ".join(filter(None, [", ".join(names[:-1]), *names[-1:]]))


def about_origins(origins: Sequence[Origin]) -> Iterator[Said]:
    """Yield what a reader must know of data sets: their metrics, and what they share."""
    if len({one.metric for one in origins}) > 1:
        by_metric = _grouped(origins, origins, lambda one: one.metric.title)
        yield Said(
            f"each data set is ranked by its own metric: {by_metric}",
            "each data set is ranked by its own metric",
        )
    for doubt in dict.fromkeys(doubt for one in origins for doubt in one.doubts):
        some = [one for one in origins if doubt in one.doubts]
        brief = f"of {'all' if len(some) == len(origins) else 'some'} data sets {doubt}"
        yield Said(f"{brief}: {_of_tables(some, origins)}", brief)
    spaces = _shared(origins, lambda one: one.space)
    images = _shared(origins, lambda one: one.images)
    if spaces:
        yield Said(
            f"data sets of one space share their architectures: {spaces}",
            "data sets of one space share their architectures",
        )
    if images:
        yield Said(f"data sets share their images: {images}", "some data sets share their images")
    if spaces or images:
        yield Said(
            "data sets that share something are no independent draws: tests say whether rows "
            "differ on these data sets, and nothing about others",
            "",
        )


def _shared(origins: Sequence[Origin], key: Callable[[Origin], str]) -> str:
    """Return the groups of two or more data sets with the same key, as text."""
    keys = [key(one) for one in origins]
    return _grouped([one for one in origins if keys.count(key(one)) > 1], origins, key)


def _grouped(some: Sequence[Origin], every: Sequence[Origin], key: Callable[[Origin], str]) -> str:
    """Return data sets in groups of equal keys, as text; `every` are all that are compared."""
    groups: dict[str, list[Origin]] = {}
    for one in some:
        groups.setdefault(key(one), []).append(one)
    return "; ".join(f"{name} ({_of_tables(found, every)})" for name, found in groups.items())


def _of_tables(some: Sequence[Origin], every: Sequence[Origin]) -> str:
    """Return data sets as text, those of a table together; `every` are all that are compared."""
    tables: dict[str, list[str]] = {}
    for one in some:
        tables.setdefault(one.table, []).append(one.title)
    several = len({one.table for one in every}) > 1

    def written(table: str, titles: Sequence[str]) -> str:
        whole = len(titles) == sum(one.table == table for one in every)
        if several and whole and len(titles) > _FEW:
            return f"all {len(titles)} of {table}"
        return f"{', '.join(titles)} of {table}" if several else ", ".join(titles)

    return ", ".join(written(*one) for one in tables.items())


def footer_of(blocks: Sequence["Block"], titles: Sequence[str]) -> str:
    """Return one line that says what blocks are compared over data sets with these titles."""
    first, names = blocks[0], ", ".join(titles)
    if len(blocks) == 1:
        return f"over {names}; {first.footer}"
    seeds = ", ".join(str(one.seeds) for one in blocks)
    if len({(one.task.content, one.task.protocol) for one in blocks}) == 1:
        budgets = ", ".join(
            f"{one.task.budget} on {one.title_of(one.task.query.dataset)}" for one in blocks
        )
        return (
            f"over {names}; protocol {first.task.protocol}, budgets {budgets}, n = {seeds}, table "
            f"{first.task.content[:8]}, {_version()}"
        )
    return f"{_tables(blocks)}; {_budget(blocks)}{_seeds(blocks)}, {_version()}"


def in_brief(blocks: Sequence["Block"], datasets: int) -> str:
    """Return what `footer_of` returns in few words: the number of data sets, no names of them."""
    tables = dict.fromkeys(f"{one.table} {one.task.content[:8]}" for one in blocks)
    return (
        f"over {datasets} data sets of {listed(list(tables))}; {_budget(blocks)}"
        f"{_seeds(blocks)}, {_version()}"
    )


def _tables(blocks: Sequence["Block"]) -> str:
    """Return all tables, each with its protocol, data sets and, where they differ, budgets."""
    found: dict[tuple[str, str, str], list[str]] = {}
    same = len({one.task.budget for one in blocks}) == 1
    for one in blocks:
        budget = "" if same else f" {one.task.budget}"
        searched = f"{one.title_of(one.task.query.dataset)}{_sought(one.task)}{budget}"
        found.setdefault((one.table, one.task.protocol, one.task.content[:8]), []).append(searched)
    return "; ".join(
        f"{table} {content}, protocol {protocol}, on {', '.join(searched)}"
        for (table, protocol, content), searched in found.items()
    )


def _budget(blocks: Sequence["Block"]) -> str:
    budgets = {one.task.budget for one in blocks}
    return f"budget {budgets.pop()}, " if len(budgets) == 1 else "budgets of each data set, "


def _seeds(blocks: Sequence["Block"]) -> str:
    found = sorted({one.seeds for one in blocks})
    return f"n = {found[0]}" if len(found) == 1 else f"n = {found[0]} to {found[-1]}"


def _version() -> str:
    return f"nasbench {provenance()['nasbench'] or 'from source'}"

"""Tasks of several tables in one command: which tables, which data sets, and what is left out.

A search that cannot be made on one of several tables is left out, and a line says so; it is an
error only if nothing is left.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TypeVar

from nasbench.arguments import require_names, require_path
from nasbench.benchmarks.catalogue import ALL, list_tables, load_table
from nasbench.benchmarks.protocols import Protocol, searched_in
from nasbench.benchmarks.tables.format import SUFFIX
from nasbench.errors import InvalidInput, NasbenchError
from nasbench.harness.search.defaults import Say, choose
from nasbench.harness.search.task import Task, trained_space
from nasbench.harness.search.tasks import Wanted, tasks_of
from nasbench.place import HERE, Place
from nasbench.text import shown

Benchmarks = str | Path | Sequence[str | Path] | None
Item = TypeVar("Item")
Made = TypeVar("Made")


def several(benchmark: Benchmarks, say: Say = lambda _: None) -> list[str | Path] | None:
    """Return the benchmarks that are named, None where it is one or the default.

    `say` is told which of all installed tables cannot be searched. Raises `InvalidInput` for what
    names no benchmark, and where none of all tables can be searched.
    """
    if benchmark == ALL:
        return list(_installed(say))
    if not isinstance(benchmark, Sequence):
        return None
    if isinstance(benchmark, str):
        if benchmark.endswith(SUFFIX) and Path(benchmark).is_file():  # its path may have a comma
            return None
        names: list[str | Path] = [*require_names("benchmark", benchmark)]
    else:
        names = list(dict.fromkeys(require_path("benchmark", one) and one for one in benchmark))
    if not names:
        raise InvalidInput("no benchmark is named: `nasbench data list` shows the tables")
    if ALL in names:
        raise InvalidInput(f"benchmark '{ALL}' stands for every table: leave the others away")
    return None if isinstance(benchmark, str) and "," not in benchmark else names


def _installed(say: Say) -> Iterator[str]:
    """Yield the names of the installed tables that can be searched."""
    found = False
    for listed in list_tables():
        if not listed.installed:
            continue
        if listed.problem:
            say(f"table '{listed.name}' is left out: {listed.problem}")
        elif not searched_in(load_table(listed.name)):
            say(
                f"table '{listed.name}' is left out: it has no metric to search for, but its costs "
                "can be objectives of a search on another table"
            )
        else:
            found = True
            yield listed.name
    if not found:
        raise InvalidInput("no table that can be searched is installed: see `nasbench data list`")


def tasks_of_several(
    benchmarks: Sequence[str | Path],
    datasets: Sequence[str] | None,
    protocol: str | Protocol | None,
    wanted: Wanted,
    *,
    fallback: str | None = None,
    place: Place = HERE,
    say: Say = lambda _: None,
) -> list[Task]:
    """Return the tasks of several benchmarks: all data sets of each, or those that are named.

    `say` is told of each task that is left out. Raises `InvalidInput` for a data set that no
    benchmark has, and the first error where no task is left.
    """
    pairs: list[tuple[str | Path, str | None]] = []
    known, left_out = set[str | None](), list[str]()
    for benchmark in benchmarks:
        has: list[str | None] = [None]  # its default
        if not (isinstance(benchmark, str) and trained_space(benchmark) is not None):
            has = [*searched_in(load_table(benchmark))]
        elif datasets is not None:
            has = [*datasets]
        known |= set(has)
        mine = [name for name in has if datasets is None or name in datasets]
        pairs += [(benchmark, name) for name in mine]
        if not mine:
            why = f"none of {', '.join(datasets)}" if datasets and has else "nothing to search"
            left_out.append(f"'{benchmark}' is left out: it has {why}")
    for one in datasets or ():
        if one not in known:
            names = ", ".join(map(str, benchmarks))
            raise InvalidInput(f"data set {shown(one)} is in none of {names}")
    for line in left_out:
        say(line)

    def make(pair: tuple[str | Path, str | None]) -> list[Task]:
        benchmark, dataset = pair
        whole = [name for one, name in pairs if one == benchmark and name is not None] or None
        chosen = choose(benchmark, whole, protocol, fallback=bool(fallback), say=say)
        if dataset is not None:
            chosen = replace(chosen, datasets=(dataset,))
        return tasks_of(chosen, wanted, fallback=fallback, place=place, say=say)

    def name(pair: tuple[str | Path, str | None]) -> str:
        return f"'{pair[0]}'" if pair[1] is None else f"'{pair[1]}' of '{pair[0]}'"

    return [task for tasks in possible(pairs, make, name, say) for task in tasks]


def possible(
    items: Iterable[Item], make: Callable[[Item], Made], name: Callable[[Item], str], say: Say
) -> list[Made]:
    """Return what `make` makes of items; `say` is told of those of which it makes nothing, and why.

    Raises the first error where nothing can be made of any.
    """
    found: list[Made] = []
    first: NasbenchError | None = None
    left_out: dict[str, list[str]] = {}
    for item in items:
        try:
            found.append(make(item))
        except NasbenchError as error:
            first = first or error
            left_out.setdefault(str(error), []).append(name(item))
    if first is not None and not found:
        raise first
    for why, names in left_out.items():
        say(f"{', '.join(names)} {'is' if len(names) == 1 else 'are'} left out: {why}")
    return found

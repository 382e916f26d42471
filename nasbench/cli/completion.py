"""Completion of names by the shell: quick, and silent whatever goes wrong.

Nothing heavy is imported: a shell waits for it at every press of a key. Lists whose modules are
heavy are repeated here; a test compares them.
"""

import inspect
import warnings
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Annotated, Any, TypeVar, get_args, get_origin

import typer

Names = Callable[[typer.Context], Iterable[str]]
"""A function that returns all names that an option can have."""
Function = TypeVar("Function", bound=Callable[..., Any])

PROTOCOLS = (
    "nb201-paper", "nats-bench", "nats-bench-size", "nb101-paper", "nb101-150", "own",
)  # fmt: skip
"""The published protocols, and the one that is made of a table."""
IMAGES = ("digits", "cifar10", "cifar100", "ImageNet16-120")
"""Images that can be trained on."""
FETCHED = (
    "nb201", "nb201-hw", "transnas-micro", "transnas-macro", "macro", "gpt-s", "nb101",
    "nb101-20k", "nb101-5v", "nb101-test", "cifar10", "cifar100",
)  # fmt: skip
"""What `nasbench data fetch` gets."""
RECIPES = ("nb201-12", "nb201-200", "digits-15")
"""Recipes of trainings."""
PROXIES = (
    "params", "flops", "grad-norm", "snip", "grasp", "fisher", "synflow", "log-synflow", "jacov",
    "naswot", "zen",
)  # fmt: skip
"""Zero-cost proxies that can be measured."""
_TRAINED = "train:"


def completing(function: Function, **names: Names) -> Function:
    """Let the shell complete a command's parameters, by their names; return the command."""
    for name, parameter in inspect.signature(function).parameters.items():
        if name in names and get_origin(parameter.annotation) is Annotated:
            kind, info = get_args(parameter.annotation)[:2]
            several = list in (get_origin(kind), *(get_origin(one) for one in get_args(kind)))
            info.autocompletion = _completer(names[name], several=several)
    return function


def _completer(names: Names, *, several: bool) -> Callable[[typer.Context, str], list[str]]:
    """Return a callback of typer; with `several`, it completes the last of comma-separated names.

    It returns nothing where the names cannot be found.
    """

    def complete(ctx: typer.Context, incomplete: str) -> list[str]:
        before, comma, begun = incomplete.rpartition(",") if several else ("", "", incomplete)
        given = before.split(",")
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                found = [name for name in names(ctx) if name.startswith(begun)]
        except Exception:  # a shell shows what is printed between the words of its user
            return []
        return [f"{before}{comma}{one}" for one in dict.fromkeys(found) if one not in given]

    return complete


def strategies(_: typer.Context) -> Iterable[str]:
    """Return the names of all strategies."""
    from nasbench.strategies.registry import strategies as known

    return known()


def settings(ctx: typer.Context) -> Iterator[str]:
    """Yield `strategy.setting=default`, of the strategies that are given before or else of all."""
    from dataclasses import fields

    from nasbench.strategies.registry import find_strategy

    given = _given(ctx, "strategy")
    for name in given or strategies(ctx):
        settings = find_strategy(name).Settings
        defaults = settings()
        for field in fields(settings):
            yield f"{name}.{field.name}={getattr(defaults, field.name)}"


def recipes(ctx: typer.Context) -> Iterator[str]:
    """Yield the recipes of the strategies that are given before, or else of all."""
    from nasbench.strategies.registry import find_strategy

    for name in _given(ctx, "strategy") or strategies(ctx):
        yield from find_strategy(name).recipes


def benchmarks(_: typer.Context) -> Iterator[str]:
    """Yield `all`, the installed tables, and `train:SPACE` of every space."""
    from nasbench.benchmarks.places import glances
    from nasbench.spaces.registry import spaces

    yield "all"
    yield from (one.name for one in glances())
    yield from (f"{_TRAINED}{name}" for name in spaces())


def tables(_: typer.Context) -> Iterator[str]:
    """Yield the installed tables."""
    from nasbench.benchmarks.places import glances

    yield from (one.name for one in glances())


def protocols(ctx: typer.Context) -> Iterator[str]:
    """Yield the published protocols and those that tables store."""
    yield from PROTOCOLS
    for table in _tables(ctx):
        yield from table.protocols


def datasets(ctx: typer.Context) -> Iterator[str]:
    """Yield the data sets of the table that is given before, or else of all installed ones."""
    if any(name.startswith(_TRAINED) for name in _given(ctx, "benchmark")):
        yield from IMAGES
        return
    for table in _tables(ctx):
        yield from table.datasets


def objectives(ctx: typer.Context) -> Iterator[str]:
    """Yield the metrics of the table that is given before, or else of all installed ones."""
    for table in _tables(ctx):
        yield from table.metrics


def spaces(_: typer.Context) -> Iterable[str]:
    """Return the names of all spaces."""
    from nasbench.spaces.registry import spaces as known

    return known()


def data(_: typer.Context) -> Iterator[str]:
    """Yield the names of tables and image sets, installed or to be fetched."""
    from nasbench.benchmarks.places import glances

    yield from (one.name for one in glances())
    yield from (*FETCHED, *IMAGES[1:])


def experiments(ctx: typer.Context) -> Iterator[str]:
    """Yield the experiments of the results folder that is given before."""
    folder = Path(str(ctx.params.get("folder") or "results"))
    for path in sorted(folder.glob("*/*/experiment.json")):
        yield path.parent.relative_to(folder).as_posix()


def words(*known: str) -> Names:
    """Return a function that returns some words."""
    return lambda _: known


def _tables(ctx: typer.Context) -> Iterable[Any]:
    from nasbench.benchmarks.places import glances

    given = _given(ctx, "benchmark") or _given(ctx, "table")
    return [one for one in glances() if not given or one.name in given]


def _given(ctx: typer.Context, name: str) -> list[str]:
    """Return what is given for an option before the word that is completed."""
    value = ctx.params.get(name) or []
    values = [value] if isinstance(value, str) else value
    return [part for one in values for part in str(one).split(",") if part]

"""Which strategies there are: a decorator here, entry points and `module:Class` elsewhere."""

import dataclasses
import importlib
import inspect
import pkgutil
import warnings
from collections.abc import Callable, Mapping
from difflib import get_close_matches
from functools import cache
from importlib.metadata import entry_points
from typing import Any, TypeVar

import nasbench.strategies
from nasbench.errors import InvalidInput
from nasbench.strategies.base import SearchStrategy

Strategy = TypeVar("Strategy", bound=type[SearchStrategy])
GROUP = "nasbench.strategies"
"""Entry points of this group are strategies of other packages."""

_registered: dict[str, type[SearchStrategy]] = {}


def register(name: str) -> Callable[[Strategy], Strategy]:
    """Class decorator: make a strategy known by `name`."""

    def add(strategy: Strategy) -> Strategy:
        strategy.name = name
        _registered[name] = strategy
        return strategy

    return add


@cache
def _load_all() -> None:
    for module in pkgutil.iter_modules(nasbench.strategies.__path__):
        importlib.import_module(f"nasbench.strategies.{module.name}")
    for entry in entry_points(group=GROUP):
        if entry.name in _registered:
            continue
        try:
            register(entry.name)(_checked(entry.load(), entry.value))
        except Exception as error:  # a package that is broken must not break the others
            warnings.warn(
                f"strategy '{entry.name}' of '{entry.value}' cannot be loaded: {error}",
                stacklevel=2,
            )


def strategies() -> dict[str, type[SearchStrategy]]:
    """Return all known strategies by name, sorted."""
    _load_all()
    return dict(sorted(_registered.items()))


def find_strategy(name: str) -> type[SearchStrategy]:
    """Return a strategy by its registered name or as `package.module:Class`."""
    if ":" in name:
        return _imported(name)
    known = strategies()
    if name not in known:
        near = get_close_matches(name, known, n=1, cutoff=0.4)
        hint = f"did you mean '{near[0]}'? " if near else ""
        raise InvalidInput(
            f"strategy '{name}' is unknown: {hint}`nasbench list strategies` shows all {len(known)}"
        )
    return known[name]


def _imported(path: str) -> type[SearchStrategy]:
    module_name, _, class_name = path.partition(":")
    try:
        found = getattr(importlib.import_module(module_name), class_name)
    except (ImportError, ValueError) as error:
        raise InvalidInput(
            f"strategy '{path}': module '{module_name}' cannot be imported ({error}); "
            "install it or put its folder on PYTHONPATH"
        ) from error
    except AttributeError as error:
        raise InvalidInput(
            f"strategy '{path}': module '{module_name}' has no class '{class_name}'"
        ) from error
    strategy = _checked(found, path)
    if "name" not in vars(strategy):
        strategy.name = path
    return strategy


def _checked(found: Any, path: str) -> type[SearchStrategy]:
    if not (inspect.isclass(found) and issubclass(found, SearchStrategy)):
        raise InvalidInput(f"strategy '{path}' is not a subclass of nasbench.SearchStrategy")
    if inspect.isabstract(found):
        missing = ", ".join(sorted(found.__abstractmethods__))
        raise InvalidInput(f"strategy '{path}' does not define {missing}")
    return found


def make_settings(strategy: type[SearchStrategy], values: Mapping[str, object]) -> Any:
    """Return the strategy's settings with `values` in place of defaults, types checked.

    Text is converted to a field's type, as the command line gives it. `InvalidInput` names
    the field, the reason and what is valid.
    """
    from pydantic import TypeAdapter, ValidationError

    fields = {field.name: field for field in dataclasses.fields(strategy.Settings)}
    types = inspect.get_annotations(strategy.Settings, eval_str=True)
    checked = {}
    for name, value in values.items():
        if name not in fields:
            valid = ", ".join(fields) or "none: it has no settings"
            near = get_close_matches(name, fields, n=1)
            hint = f"; did you mean '{near[0]}'?" if near else ""
            raise InvalidInput(
                f"setting '{strategy.name}.{name}' is unknown: valid are {valid}{hint}"
            )
        adapter: TypeAdapter[Any] = TypeAdapter(types[name])
        try:
            if isinstance(value, str):
                checked[name] = adapter.validate_strings(value)
            else:
                checked[name] = adapter.validate_python(value, strict=not isinstance(value, int))
        except ValidationError as error:
            raise InvalidInput(
                f"setting '{strategy.name}.{name}' cannot be {value!r}: {error.errors()[0]['msg']} "
                f"(default {fields[name].default!r})"
            ) from error
    return strategy.Settings(**checked)

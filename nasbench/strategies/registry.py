"""Find strategies: those of nasbench, registered ones, entry points, and `module:Class`."""

import dataclasses
import importlib
import inspect
import json
import pkgutil
import sys
import warnings
from collections.abc import Callable, Mapping
from difflib import get_close_matches
from functools import cache
from importlib.metadata import entry_points
from typing import Any, TypeVar, get_origin

import nasbench.strategies
from nasbench.arguments import require_text
from nasbench.errors import InvalidInput
from nasbench.extensions import imported, reason
from nasbench.limits import LARGEST_SETTING
from nasbench.place import Place
from nasbench.strategies.base import DERIVED, Parallelism, RefusedSetting, SearchStrategy
from nasbench.text import printable, shown

Strategy = TypeVar("Strategy", bound=type[SearchStrategy])
GROUP = "nasbench.strategies"
"""Entry points of this group are strategies of other packages."""

_registered: dict[str, type[SearchStrategy]] = {}
_given: dict[str, type[SearchStrategy]] = {}
"""Classes that were given as such and that no import finds, by the names that stand for them."""
_MAIN = "__main__"
_OURS = "nasbench.strategies."


def register(name: str) -> Callable[[Strategy], Strategy]:
    """Class decorator: register a subclass of `SearchStrategy` under `name`.

    Raises `InvalidInput` if `name` cannot be a name, or if the class is not a strategy.
    """
    require_text("a strategy's name", 'a text: @register("my-search")', name)
    if not name or printable(name).strip() != name or set(name) & set(",:"):
        raise InvalidInput(
            f"a strategy's name cannot be {shown(name)}: it must have no comma, no colon and no "
            "space at its ends, and characters that can be seen"
        )

    def add(strategy: Strategy) -> Strategy:
        if not (inspect.isclass(strategy) and issubclass(strategy, SearchStrategy)):
            raise InvalidInput(
                f"strategy '{name}' is {shown(strategy)}, no subclass of nasbench.SearchStrategy"
            )
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
        except (Exception, SystemExit) as error:  # a broken package must not break the others
            warnings.warn(
                f"strategy '{entry.name}' of '{entry.value}' cannot be loaded: {reason(error)}",
                stacklevel=2,
            )


def strategies() -> dict[str, type[SearchStrategy]]:
    """Return all known strategies by name, sorted.

    Warns about entry points that cannot be loaded, and leaves them out.
    """
    _load_all()
    return dict(sorted(_registered.items()))


def find_strategy(name: str) -> type[SearchStrategy]:
    """Return a strategy by its registered name or as `package.module:Class`.

    Raises `InvalidInput` if it is unknown, cannot be imported, or is not a complete strategy.
    """
    if name in _given:
        return _given[name]
    if ":" in name:
        return _imported(name)
    known = strategies()
    if name not in known:
        near = get_close_matches(name, known, n=1, cutoff=0.4)
        hint = f"did you mean '{near[0]}'? " if near else ""
        raise InvalidInput(
            f"strategy '{name}' is unknown: {hint}`nasbench list strategies` shows all {len(known)}"
        )
    return _checked(known[name], name)


def given_names(strategies: Any) -> Any:
    """Return what was given for one or several strategies with names in place of classes.

    In this process, `find_strategy` finds each class by its name, wherever it was defined. Raises
    `InvalidInput` for a class that is no complete strategy.
    """
    if inspect.isclass(strategies):
        return [_name_given(strategies)]
    if isinstance(strategies, (list, tuple)):
        return [_name_given(one) if inspect.isclass(one) else one for one in strategies]
    return strategies


def _name_given(strategy: type) -> str:
    called = f"{strategy.__module__}:{strategy.__qualname__}"
    name = name_of(_checked(strategy, called))
    _given.pop(name, None)
    try:
        found = find_strategy(name)
    except InvalidInput:
        found = None
    if found is not strategy:
        _given[name] = strategy
    return name


def to_be_sent(name: str) -> type[SearchStrategy] | None:
    """Return the class of a strategy that another process may not find by its name.

    It was given as a class, was defined in a notebook or a script, or was registered by a module
    that is not this package's. None where any process finds it.
    """
    found = _given.get(name)
    if found is None and name.startswith(f"{_MAIN}:"):
        found = find_strategy(name)
    if found is None and name in _registered and not _registered[name].__module__.startswith(_OURS):
        found = _registered[name]
    return found


def receive(name: str, strategy: type[SearchStrategy]) -> None:
    """Let `find_strategy` find a class by a name that another process has for it."""
    _given[name] = strategy


def name_of(strategy: type[SearchStrategy]) -> str:
    """Return the name that finds a strategy: its first registered one, else `module:Class`."""
    _load_all()  # else the name of one that an entry point names depends on what was done before
    for name, known in _registered.items():
        if known is strategy:
            return name
    return f"{strategy.__module__}:{strategy.__qualname__}"


def _imported(path: str) -> type[SearchStrategy]:
    module, _, name = path.partition(":")
    if "<locals>" in name or (module == _MAIN and not hasattr(sys.modules[_MAIN], name)):
        raise InvalidInput(
            f"strategy '{path}' was defined in a notebook, a script or a function, where only that "
            "process finds it: give the class itself, or put it into a module"
        )
    return _checked(imported("strategy", path, path), path)


def _checked(found: Any, path: str) -> type[SearchStrategy]:
    if not (inspect.isclass(found) and issubclass(found, SearchStrategy)):
        raise InvalidInput(f"strategy '{path}' is not a subclass of nasbench.SearchStrategy")
    if inspect.isabstract(found):
        missing = ", ".join(sorted(found.__abstractmethods__))
        raise InvalidInput(f"strategy '{path}' does not define {missing}")
    for name, such_as in (("family", "evolution"), ("reference", "Real et al., AAAI 2019")):
        text = getattr(found, name, None)
        if not (isinstance(text, str) and text):
            raise InvalidInput(f"strategy '{path}' has no {name}: add {name} = \"{such_as}\"")
    for name in ("title", "colour", "bibtex"):
        if not isinstance(text := getattr(found, name), str):
            raise InvalidInput(f"strategy '{path}': {name} is {shown(text)}, it must be a text")
    if not isinstance(found.parallel, Parallelism):
        raise InvalidInput(
            f"strategy '{path}': parallel is {shown(found.parallel)}, it must be one of "
            f"nasbench.Parallelism: {', '.join(one.name for one in Parallelism)}"
        )
    _check_settings(found.Settings, path)
    return found


def _check_settings(settings: Any, path: str) -> None:
    if not (inspect.isclass(settings) and dataclasses.is_dataclass(settings)):
        raise InvalidInput(
            f"strategy '{path}': Settings is no dataclass; add @dataclass(frozen=True)"
        )
    for field in dataclasses.fields(settings):
        if field.init and dataclasses.MISSING is field.default is field.default_factory:
            raise InvalidInput(
                f"strategy '{path}': setting '{field.name}' has no default; "
                f"give it one, such as {field.name}: int = 10"
            )


def recipe_settings(strategy: type[SearchStrategy], recipe: str | None) -> Mapping[str, object]:
    """Return the settings of a strategy's recipe; {} if `recipe` is None or it has no recipes.

    Raises `InvalidInput` if the strategy has recipes, but none of this name.
    """
    if recipe is None or not strategy.recipes:
        return {}
    if recipe not in strategy.recipes:
        known = " or ".join(strategy.recipes)
        raise InvalidInput(f"recipe '{recipe}' is unknown to '{name_of(strategy)}': use {known}")
    return strategy.recipes[recipe]


def make_settings(strategy: type[SearchStrategy], values: Mapping[str, object]) -> Any:
    """Return the strategy's settings with `values` in place of defaults, after checks of types.

    Strings, as they come from the command line, are converted to the type of the field; a list is
    read as in JSON, so that it can become a tuple, and so is a text such as `0.1,0.2` where the
    field is a tuple. Nothing else is converted. Floats must be finite
    and whole numbers at most a million. Raises `InvalidInput`, which names the field, the reason
    and what is valid.
    """
    fields = {field.name: field for field in dataclasses.fields(strategy.Settings) if field.init}
    checked = {}
    for name, value in values.items():
        if name not in fields:
            valid = ", ".join(fields) or "none: it has no settings"
            near = get_close_matches(name, fields, n=1)
            hint = f"; did you mean '{near[0]}'?" if near else ""
            if name in Place._fields and strategy.rule == DERIVED:
                hint = f"; where a run trains is no setting: use --{name}"
            raise InvalidInput(
                f"setting '{name_of(strategy)}.{name}' is unknown: valid are {valid}{hint}"
            )
        try:
            checked[name] = _converted(strategy.Settings, name, value)
        except ValueError as error:
            raise InvalidInput(
                f"setting '{name_of(strategy)}.{name}' cannot be {shown(value)}: {error} "
                f"(default {_default(fields[name])})"
            ) from error
    try:
        return strategy.Settings(**checked)
    except RefusedSetting as error:
        raise error.of(name_of(strategy)) from error
    except InvalidInput:
        raise
    except Exception as error:  # another package's code may raise anything
        raise InvalidInput(
            f"settings of strategy '{name_of(strategy)}' cannot be used: {reason(error)}"
        ) from error


def _converted(settings: type, name: str, value: object) -> Any:
    """Return a value converted to its field's type; raise `ValueError` with the reason if not."""
    from pydantic import ConfigDict, PydanticUserError, TypeAdapter, ValidationError

    try:
        # annotations of base classes too, each evaluated in the module of its class
        types = {
            key: kind
            for owner in reversed(settings.__mro__)
            for key, kind in inspect.get_annotations(owner, eval_str=True).items()
        }
        adapter: TypeAdapter[Any] = TypeAdapter(
            types[name], config=ConfigDict(allow_inf_nan=False, strict=True)
        )
    except (NameError, TypeError, PydanticUserError) as error:
        raise ValueError(f"its type cannot be checked ({reason(error)})") from error
    try:
        if isinstance(value, str) and get_origin(types[name]) is tuple:
            parts = value.split(",") if value.strip() else []
            converted = adapter.validate_json(json.dumps(parts), strict=False)
        elif isinstance(value, str):
            converted = adapter.validate_strings(value, strict=False)
        elif isinstance(value, (list, tuple, dict)):
            converted = adapter.validate_json(json.dumps(value))
        else:
            converted = adapter.validate_python(value)
    except ValidationError as error:
        raise ValueError(error.errors()[0]["msg"]) from error
    except (TypeError, OverflowError) as error:  # not possible in JSON, or too many digits
        raise ValueError(reason(error)) from error
    if not _fits(converted):
        raise ValueError(f"whole numbers are at most {LARGEST_SETTING:,}")
    return converted


def _fits(value: object) -> bool:
    """Whether all whole numbers in a value are within the limit of settings."""
    if isinstance(value, (list, tuple)):
        return all(map(_fits, value))
    if isinstance(value, dict):
        return all(map(_fits, value.values()))
    return not isinstance(value, int) or abs(value) <= LARGEST_SETTING


def _default(field: "dataclasses.Field[Any]") -> str:
    made = field.default
    if field.default_factory is not dataclasses.MISSING:
        made = field.default_factory()
    return repr(made)

"""Which spaces there are: a decorator, entry points, and modules that a user names."""

import inspect
from collections.abc import Callable
from difflib import get_close_matches
from functools import cache
from importlib.metadata import EntryPoint, entry_points
from typing import Any, TypeVar

from nasbench.arguments import require_text
from nasbench.errors import InvalidInput
from nasbench.extensions import imported, reason
from nasbench.spaces.base import EnumerableSpace, Space
from nasbench.spaces.categorical import CategoricalSpace
from nasbench.text import printable, shown

SpaceClass = TypeVar("SpaceClass", bound=type[Space])
GROUP = "nasbench.spaces"
"""Entry points of this group are spaces of other packages."""
_HOMES = {"nb201": "nasbench.spaces.nb201:NasBench201"}
"""Module and class of each space of our own, loaded when it is asked for."""

_registered: dict[str, type[Space]] = {}


def register_space(name: str) -> Callable[[SpaceClass], SpaceClass]:
    """Class decorator: make a space known by `name`.

    The class is made without arguments. Raises `InvalidInput` for what cannot be a name, and for
    what is no space.
    """
    require_text("a space's name", 'a text: @register_space("my-space")', name)
    if not name or printable(name).strip() != name or set(name) & set(",:/\\"):
        raise InvalidInput(
            f"a space's name cannot be {shown(name)}: it must have no comma, colon or slash, no "
            "space at its ends, and characters that can be seen"
        )

    if name in _HOMES:
        raise InvalidInput(f"space '{name}' is one of nasbench's own: choose another name")

    def add(space: SpaceClass) -> SpaceClass:
        _registered[name] = _checked(space, name)
        return space

    return add


@cache
def _elsewhere() -> dict[str, EntryPoint]:
    return {entry.name: entry for entry in entry_points(group=GROUP)}


def spaces() -> tuple[str, ...]:
    """Return the names of all spaces, sorted."""
    return tuple(sorted({*_HOMES, *_registered, *_elsewhere()}))


def import_space(path: str) -> Space:
    """Return the space `package.module:Class`, known by that path in this process from now on.

    Importing runs the module's code, so nothing that is read from a file may be given here.
    Raises `InvalidInput` for what cannot be imported, and for what is no space.
    """
    if path not in _registered:
        _registered[path] = _loaded(path, path)
    return get_space(path)


def get_space(name: str) -> Space:
    """Return a space by its name; one object per process.

    Names come from stored results and tables, too, so no module is imported for one: only spaces of
    our own, of installed packages (entry points), and those that this process has registered or
    imported are known. Raises `InvalidInput` for any other, and for a space that cannot be made.
    """
    known = spaces()
    if require_text("space", f"one of {', '.join(known)}", name) not in known:
        near = get_close_matches(name, known, n=1, cutoff=0.6)
        hint = f"did you mean '{near[0]}'? " if near else ""
        raise InvalidInput(f"space {shown(name)} is unknown: {hint}valid are {', '.join(known)}")
    return _made(name, _registered.get(name))


def find_space(name: str) -> Space:
    """Return a space that a user names, who may name a module's: `package.module:Class`."""
    return (
        import_space(name)
        if ":" in require_text("space", "a space's name", name)
        else (get_space(name))
    )


def get_enumerable(name: str) -> EnumerableSpace:
    """Return a space whose architectures have indices; `InvalidInput` for any other."""
    space = get_space(name)
    if not isinstance(space, EnumerableSpace):
        raise InvalidInput(f"space '{name}' has no indices: this works for enumerable spaces only")
    return space


def get_categorical(name: str) -> CategoricalSpace:
    """Return a space of independent decisions; `InvalidInput` for any other."""
    space = get_space(name)
    if not isinstance(space, CategoricalSpace):
        raise InvalidInput(
            f"space '{name}' is no product of decisions: this works for such spaces only"
        )
    return space


@cache
def _made(name: str, registered: type[Space] | None) -> Space:
    found = registered or _loaded(name, _HOMES.get(name) or _elsewhere()[name].value)
    try:
        space = found()
        space.name = name
        if isinstance(space, EnumerableSpace) and not space.size > 0:
            raise InvalidInput(f"space '{name}' has no architecture: mend its class")
    except InvalidInput:
        raise
    except Exception as error:  # whatever a space of others does
        raise InvalidInput(
            f"space '{name}' cannot be made ({reason(error)}): mend its class"
        ) from error
    return space


def _loaded(name: str, path: str) -> type[Space]:
    return _checked(imported("space", name, path), name)


def _checked(found: Any, name: str) -> type[Space]:
    if not (inspect.isclass(found) and issubclass(found, Space)):
        raise InvalidInput(f"space '{name}' is {shown(found)}, no subclass of nasbench.Space")
    if inspect.isabstract(found):
        missing = ", ".join(sorted(found.__abstractmethods__))
        raise InvalidInput(f"space '{name}' does not define {missing}")
    return found

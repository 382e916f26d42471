"""Find spaces by name: nasbench's own, registered ones, entry points, and `module:Class`."""

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
from nasbench.spaces.conditional import ConditionalSpace
from nasbench.text import printable, shown

SpaceClass = TypeVar("SpaceClass", bound=type[Space])
GROUP = "nasbench.spaces"
"""Entry points of this group are spaces of other packages."""
_HOMES = {
    "nb101": "nasbench.spaces.nb101:NasBench101",
    "nb101-5v": "nasbench.spaces.nb101:NasBench101Small",
    "nb201": "nasbench.spaces.nb201:NasBench201",
    "macro": "nasbench.spaces.macro:Macro",
    "nats-size": "nasbench.spaces.nats_size:NatsSize",
    "transnas-micro": "nasbench.spaces.transnas:TransNasMicro",
    "transnas-macro": "nasbench.spaces.transnas:TransNasMacro",
    "gpt-s": "nasbench.spaces.gpt:GptS",
}
"""Module and class of each of nasbench's own spaces, imported when the space is needed."""

_registered: dict[str, type[Space]] = {}


def register_space(name: str) -> Callable[[SpaceClass], SpaceClass]:
    """Class decorator: register a subclass of `Space` under `name`.

    The class must need no arguments. Raises `InvalidInput` if `name` cannot be a name or is one of
    nasbench's own, and if the class is not a space or lacks an abstract method.
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
    """Import the space `package.module:Class`, register it under that path, and return it.

    Importing runs the module's code, so `path` must never come from a stored file. Raises
    `InvalidInput` if `path` cannot be imported or is not a space.
    """
    if path not in _registered:
        _registered[path] = _loaded(path, path)
    return get_space(path)


def get_space(name: str) -> Space:
    """Return the space with a name; the same object in the whole process.

    Names also come from stored results and tables, so a name never causes the import of any module
    that it mentions. Known are only nasbench's own spaces, those of installed packages (entry
    points), and those that this process has registered or imported. Raises `InvalidInput` for any
    other name, and if the space's constructor fails.
    """
    known = spaces()
    if require_text("space", f"one of {', '.join(known)}", name) not in known:
        near = get_close_matches(name, known, n=1, cutoff=0.6)
        hint = f"did you mean '{near[0]}'? " if near else ""
        raise InvalidInput(f"space {shown(name)} is unknown: {hint}valid are {', '.join(known)}")
    return _made(name, _registered.get(name))


def find_space(name: str) -> Space:
    """Return a space that a user names, by its name or as `package.module:Class`.

    Raises `InvalidInput` as `get_space` and `import_space` do.
    """
    return (
        import_space(name)
        if ":" in require_text("space", "a space's name", name)
        else (get_space(name))
    )


def whole_of(name: str) -> str:
    """Return the name of the space that a space is a part of (`Space.part_of`), or else its own.

    A space that is not known here is of no other.
    """
    try:
        return get_space(name).part_of or name
    except InvalidInput:
        return name


def get_enumerable(name: str) -> EnumerableSpace:
    """Return the enumerable space with a name; raise `InvalidInput` for any other space."""
    space = get_space(name)
    if not isinstance(space, EnumerableSpace):
        raise InvalidInput(f"space '{name}' has no indices: this works for enumerable spaces only")
    return space


def get_categorical(name: str) -> CategoricalSpace:
    """Return the categorical space with a name; raise `InvalidInput` for any other space."""
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
        if isinstance(space, ConditionalSpace):
            space.check_names()
    except InvalidInput:
        raise
    except Exception as error:  # another package's code may raise anything
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

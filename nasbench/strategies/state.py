"""`Stateful`: the state of a search as JSON, so that strategies need no code to store it."""

import base64
import sys
from collections import deque
from typing import Any, ClassVar


class Stateful:
    """An object whose state is its public attributes.

    Attributes whose names begin with an underscore can be derived and are not stored; neither are
    those named in `_fixed`, which the constructor receives. Arrays are restored in place, so that
    views of them stay valid.
    """

    _fixed: ClassVar[frozenset[str]] = frozenset()

    def state(self) -> dict[str, Any]:
        """Return everything that is needed to continue, made of JSON values.

        Raises `TypeError` for an attribute of a type that cannot be stored.
        """
        return {name: _encode(value) for name, value in self._attributes().items()}

    def restore(self, state: dict[str, Any]) -> None:
        """Continue from the `state()` of an object that was constructed with the same arguments."""
        current = self._attributes()
        for name, value in state.items():
            present: Any = current.get(name)
            if hasattr(present, "restore"):
                present.restore(value)
            elif _is_array(present):
                present[...] = _decode(value, type(self))
            else:
                setattr(self, name, _decode(value, type(self)))

    def _attributes(self) -> dict[str, Any]:
        return {
            name: value
            for name, value in vars(self).items()
            if not name.startswith("_") and name not in self._fixed
        }


def _is_array(value: Any) -> bool:
    """Whether a value is a numpy array; numpy is not imported for searches without arrays."""
    return type(value).__module__ == "numpy" and value.ndim > 0


def _encode(value: Any) -> Any:  # noqa: PLR0911  # one return per kind of value
    match value:
        case None | bool() | int() | float() | str():
            return value
        case list():
            return [_encode(item) for item in value]
        case deque():
            return {"deque": [_encode(item) for item in value], "maxlen": value.maxlen}
        case set():
            return {"set": sorted(map(_encode, value), key=repr)}
        case tuple() if hasattr(value, "_fields"):
            kind, values = type(value), [_encode(item) for item in value]
            return {"record": kind.__name__, "module": kind.__module__, "values": values}
        case tuple():
            return {"tuple": [_encode(item) for item in value]}
        case dict():
            return {"dict": [[_encode(key), _encode(item)] for key, item in value.items()]}
    if _is_array(value):
        data = base64.b64encode(value.tobytes()).decode()
        return {"array": data, "dtype": value.dtype.str, "shape": list(value.shape)}
    if hasattr(value, "state"):
        return value.state()
    if hasattr(value, "item"):  # a numpy scalar
        return value.item()
    raise TypeError(f"a search cannot store an attribute of type {type(value).__name__}")


def _record(name: str, module: str, owner: type) -> Any:
    """Return the named tuple class `name` from `module` or from that of `owner` or of its bases.

    Nothing is imported: an architecture's class is there as soon as its space is.
    """
    for place in (module, *(base.__module__ for base in owner.__mro__)):
        found = getattr(sys.modules.get(place), name, None)
        if isinstance(found, type) and issubclass(found, tuple) and hasattr(found, "_fields"):
            return found
    raise ValueError(f"a state holds a '{name}', which {owner.__name__} does not know")


def _decode(value: Any, owner: type) -> Any:  # noqa: PLR0911
    match value:
        case list():
            return [_decode(item, owner) for item in value]
        case {"deque": items, "maxlen": maxlen}:
            return deque((_decode(item, owner) for item in items), maxlen)
        case {"set": items}:
            return {_decode(item, owner) for item in items}
        case {"record": name, "values": items}:
            kind = _record(name, value.get("module", ""), owner)
            return kind(*(_decode(item, owner) for item in items))
        case {"tuple": items}:
            return tuple(_decode(item, owner) for item in items)
        case {"dict": pairs}:
            return {_decode(key, owner): _decode(item, owner) for key, item in pairs}
        case {"array": data, "dtype": dtype, "shape": shape}:
            import numpy as np

            flat = np.frombuffer(base64.b64decode(data), dtype=dtype)
            return flat.reshape(shape).copy()
    return value

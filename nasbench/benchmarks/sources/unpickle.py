"""Reading untrusted pickles without running any code that they name.

A pickle is a program that names functions and calls them. The unpicklers here know about a dozen
names and replace each by a stand-in without side effects, newly made for every file. Any other name
is refused before the pickle can use it, and so is a pickle that needs too much memory or time (see
`scan`). numpy's reconstruction functions are never called with content of a file: arrays are made
from plain number types only.
"""

import codecs
import pickle
import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from nasbench.benchmarks.sources.scan import one_pickle
from nasbench.errors import DataError

_NUMBER = re.compile(r"[<>|=]?([biuf])([1248])$")
_OBJECTS = re.compile(r"\|?O8?$")

Names = dict[tuple[str, str], Any]


def load(
    stream: BinaryIO, source: str, *, encoding: str = "ASCII", names: "Names | None" = None
) -> Any:
    """Return the object of the next pickle in `stream`.

    `encoding` is that of texts in pickles of Python 2; `names` is the allow-list, by default
    `stand_ins()`. Raises `DataError`, which names `source`, for a pickle that is damaged, not
    allowed or too costly.
    """
    with readable(source):
        stream = one_pickle(stream, source)
        return _Unpickler(stream, source, encoding, stand_ins() if names is None else names).load()


@contextmanager
def readable(source: str) -> Iterator[None]:
    """Turn any error of reading a damaged pickle into a one-line `DataError` with `source`."""
    try:
        yield
    except (DataError, OSError):
        raise
    except MemoryError:
        raise DataError(f"cannot read '{source}': a damaged pickle asks for too much") from None
    except Exception as error:
        raise DataError(
            f"cannot read '{source}': damaged or no pickle ({type(error).__name__}): "
            "download it again"
        ) from error


def refused(source: str, module: str, name: str) -> DataError:
    """Return the error for a pickle that names something not on the allow-list."""
    return DataError(
        f"refused to read '{source}': its pickle asks for '{module}.{name}', which may run code; "
        "get the file from its official address"
    )


class _Unpickler(pickle.Unpickler):
    def __init__(self, stream: BinaryIO, source: str, encoding: str, names: "Names") -> None:
        super().__init__(stream, encoding=encoding)
        self._source = source
        self._names = names

    def find_class(self, module: str, name: str, /) -> Any:
        try:
            return self._names[module, name]
        except KeyError:
            raise refused(self._source, module, name) from None

    def persistent_load(self, pid: Any, /) -> Any:
        raise DataError(f"refused to read '{self._source}': its pickle refers to other files")


def stand_ins() -> Names:
    """Return the allow-list, which maps (module, name) to a stand-in without side effects.

    The stand-ins are new in every call, because a pickle may set attributes of them.
    """
    return {name: _renewed(stand_in) for name, stand_in in _ALLOWED.items()}


def _renewed(stand_in: Any) -> Any:
    if isinstance(stand_in, type):
        return type(stand_in.__name__, (stand_in,), {})

    def call(*arguments: Any) -> Any:
        return stand_in(*arguments)

    return call


class _Dtype:
    """A plain number type (or `object`), as text."""

    def __init__(self, code: str, *_: object) -> None:
        if not isinstance(code, str) or not (_NUMBER.match(code) or _OBJECTS.match(code)):
            raise ValueError(f"number type {code!r}")
        self.code = code

    def __setstate__(self, state: tuple[Any, ...]) -> None:
        if state[1] == ">":
            self.code = ">" + self.code.lstrip("<>|=")

    def numbers(self, data: bytes) -> NDArray[Any]:
        """Return the array of numbers whose bytes are `data`."""
        if _OBJECTS.match(self.code):
            raise ValueError("bytes as objects")
        return np.frombuffer(data, dtype=self.code)


class _Ndarray:
    """An array under construction; the pickle's BUILD fills it in."""

    array: NDArray[Any]

    def __setstate__(self, state: tuple[Any, ...]) -> None:
        _, shape, dtype, is_fortran, data = state
        if isinstance(data, list):
            flat = np.empty(len(data), dtype=object)
            flat[:] = data
        else:
            flat = dtype.numbers(data)
        self.array = flat.reshape(shape, order="F" if is_fortran else "C")


class _Inert:
    """An object that keeps its state and does nothing."""

    def __init__(self, *_: object) -> None:
        self.state: Any = None

    def __setstate__(self, state: Any) -> None:
        self.state = state


class _Called:
    """A function that a pickle makes and calls: it returns what it is called with."""

    def __init__(self, *_: object) -> None:
        pass

    def __setstate__(self, _: Any) -> None:
        pass

    def __call__(self, *arguments: Any) -> tuple[Any, ...]:
        return arguments


class _Holder(_Inert):
    """An object that keeps what it is made of, and its state."""

    def __init__(self, *parts: Any) -> None:
        super().__init__()
        self.parts = parts


def _reconstruct(*_: object) -> _Ndarray:
    return _Ndarray()


def _frombuffer(data: bytes, dtype: _Dtype, shape: tuple[int, ...], order: str) -> _Ndarray:
    made = _Ndarray()
    made.array = dtype.numbers(bytes(data)).reshape(shape, order="F" if order == "F" else "C")
    return made


def _scalar(dtype: _Dtype, data: bytes) -> int | float | bool:
    value: int | float | bool = dtype.numbers(data)[0].item()
    return value


def _new_index(_: object, state: dict[str, Any]) -> Any:
    return state.get("data")


def _encode(text: str, encoding: str) -> bytes:
    if encoding != "latin1":
        raise ValueError(f"encoding {encoding!r}")
    return codecs.latin_1_encode(text)[0]


def _dict(*items: Any) -> dict[Any, Any]:
    return dict(*items)


def _set(*items: Any) -> set[Any]:
    return set(*items)


def _tuple(*items: Any) -> tuple[Any, ...]:
    return items


_ALLOWED: Names = {
    ("collections", "OrderedDict"): _dict,
    ("_codecs", "encode"): _encode,
    ("builtins", "slice"): _tuple,
    ("builtins", "set"): _set,
    ("__builtin__", "set"): _set,  # its name in pickles of protocol 2
    ("numpy", "ndarray"): _Ndarray,
    ("numpy", "dtype"): _Dtype,
    ("functools", "partial"): _Called,
    ("pandas.core.frame", "DataFrame"): _Inert,
    ("pandas.core.internals.blocks", "new_block"): _tuple,
    ("pandas.core.internals.managers", "BlockManager"): _Holder,
    ("pandas.core.indexes.base", "_new_Index"): _new_index,
    ("pandas.core.indexes.base", "Index"): _Inert,
    ("pandas.core.indexes.range", "RangeIndex"): _Inert,
    ("torch._utils", "_rebuild_tensor_v2"): _Inert,
}
for _kind in ("Float", "Double", "Half", "Long", "Int", "Byte", "Bool"):
    _ALLOWED["torch", f"{_kind}Storage"] = _Inert
for _core in ("numpy.core", "numpy._core"):  # numpy 1 and numpy 2
    _ALLOWED[f"{_core}.multiarray", "_reconstruct"] = _reconstruct
    _ALLOWED[f"{_core}.multiarray", "scalar"] = _scalar
    _ALLOWED[f"{_core}.numeric", "_frombuffer"] = _frombuffer

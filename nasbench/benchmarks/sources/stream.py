"""Reading a pickle of all architectures with only one of them in memory.

The official single files are one pickle of a dict with 15,625 architectures; loading it
takes 27 GB. Here Python's own (pure Python) unpickler passes every architecture to a function as
soon as its dict is complete, and then forgets it: the dict is emptied, and the unpickler's memo,
which would keep every string and dict alive, is compacted.

The memo cannot simply be emptied, because later architectures may refer to any earlier string. It
contains only a few thousand different strings, many times, so the memo of a finished architecture
is replaced by a list of their numbers, compressed to about a kilobyte. All other objects in it are
forgotten. A file that refers to a forgotten object is refused, so it is never misread.
"""

import array
import bisect
import pickle
import zlib
from collections.abc import Callable
from typing import Any, BinaryIO, ClassVar

from nasbench.benchmarks.sources.scan import MEMO_GAP, MOST_BYTES, MOST_LONG, check_tuple
from nasbench.benchmarks.sources.unpickle import Names, readable, refused, stand_ins
from nasbench.errors import DataError

Cell = dict[str, dict[str, Any]]
"""The results of one architecture in the official files, by schedule."""

_FORGOTTEN = 0
_LONGEST_LINE = 1 << 20
_CONTAINERS = (dict, list, set, float, int, bytes, bytearray)


def stream_cells(
    stream: BinaryIO, source: str, on_cell: Callable[[Cell], None], names: Names | None = None
) -> Any:
    """Read one pickle, calling `on_cell` with each architecture; return the rest of its content.

    The dict given to `on_cell` is emptied after the call, so the returned object has no results.
    `names` is the allow-list, by default `stand_ins()`. Raises `DataError`, which names `source`,
    for a pickle that is damaged, not allowed or too large.
    """
    with readable(source):
        allowed = stand_ins() if names is None else names
        return _StreamingUnpickler(stream, source, on_cell, allowed).load()


class _Bounded:
    """A stream that limits the number of bytes read per architecture."""

    def __init__(self, stream: BinaryIO, source: str) -> None:
        """Read from `stream`."""
        self._stream, self._source, self._left = stream, source, MOST_BYTES

    def begin(self) -> None:
        """Begin the next architecture."""
        self._left = MOST_BYTES

    def read(self, number: int) -> bytes:
        """Return `number` bytes; `DataError` if the architecture has too many."""
        self._left -= number
        if self._left < 0:
            raise DataError(
                f"cannot read '{self._source}': damaged or hostile pickle (more than "
                f"{MOST_BYTES >> 20} MiB for one architecture): download it again"
            )
        return self._stream.read(number)

    def readline(self) -> bytes:
        """Return a line, or only its beginning if it is far too long."""
        line = self._stream.readline(_LONGEST_LINE)
        self.read(0)
        self._left -= len(line)
        return line


def _limited_number(make: Callable[[Any], None]) -> Callable[[Any], None]:
    """Return the unpickler's operation `make`, limited to a few integers of over 64 bits."""

    def load(unpickler: Any) -> None:
        make(unpickler)
        number = unpickler.stack[-1]
        if isinstance(number, int) and number.bit_length() > 64:
            unpickler._long += 1
            if unpickler._long > MOST_LONG:
                raise DataError(
                    f"cannot read '{unpickler._source}': damaged or hostile pickle (whole numbers "
                    "of too many digits): download it again"
                )

    return load


def _limited(make: Callable[[Any], None]) -> Callable[[Any], None]:
    """Return the unpickler's operation `make`, which refuses tuples that take long to hash."""

    def load(unpickler: Any) -> None:
        make(unpickler)
        check_tuple(unpickler.stack[-1], unpickler._source)

    return load


class _StreamingUnpickler(pickle._Unpickler):
    """Python's unpickler with an allow-list; it forgets an architecture after passing it on."""

    dispatch: ClassVar[dict[int, Callable[[Any], None]]] = dict(pickle._Unpickler.dispatch)
    stack: list[Any]
    pop_mark: Callable[[], list[Any]]

    def __init__(
        self, stream: BinaryIO, source: str, on_cell: Callable[[Cell], None], names: Names
    ) -> None:
        self._bounded = _Bounded(stream, source)
        super().__init__(self._bounded)
        self._source = source
        self._long = 0
        self._names = names
        self._on_cell = on_cell
        self.memo = _Memo(source)

    def find_class(self, module: str, name: str, /) -> Any:
        try:
            return self._names[module, name]
        except KeyError:
            raise refused(self._source, module, name) from None

    def persistent_load(self, pid: Any, /) -> Any:
        return None  # the weights of a tensor are left out

    def _load_setitems(self) -> None:
        items = self.pop_mark()
        target = self.stack[-1]
        for position in range(0, len(items), 2):
            target[items[position]] = items[position + 1]
        self._after(target)

    def _load_setitem(self) -> None:
        value = self.stack.pop()
        key = self.stack.pop()
        target = self.stack[-1]
        target[key] = value
        self._after(target)

    def _after(self, target: Any) -> None:
        """Pass `target` to `on_cell` and forget it, if it is a complete architecture."""
        if type(target) is dict and is_cell(target):
            self._on_cell(target)
            self.memo.forget_since(target)
            self._bounded.begin()
            target.clear()

    def _refused(self) -> None:
        raise refused(self._source, "builtins", "frozenset")

    for _opcode in (pickle.TUPLE, pickle.TUPLE1, pickle.TUPLE2, pickle.TUPLE3):
        dispatch[_opcode[0]] = _limited(dispatch[_opcode[0]])
    for _opcode in (pickle.INT, pickle.LONG, pickle.LONG1, pickle.LONG4):
        dispatch[_opcode[0]] = _limited_number(dispatch[_opcode[0]])
    dispatch[pickle.FROZENSET[0]] = _refused
    dispatch[pickle.SETITEMS[0]] = _load_setitems
    dispatch[pickle.SETITEM[0]] = _load_setitem


def is_cell(value: dict[Any, Any]) -> bool:
    """Whether a dict maps schedules to results, which are dicts with a key `all_results`."""
    first = next(iter(value.values()), None)
    return type(first) is dict and "all_results" in first


class _Memo:
    """The unpickler's memo: new entries are objects, older ones are numbers of strings."""

    def __init__(self, source: str) -> None:
        self._source = source
        self._live: dict[int, Any] = {}
        self._size = 0
        self._starts: list[int] = []
        self._packed: list[bytes] = []
        self._strings: list[Any] = [None]
        self._number: dict[Any, int] = {}

    def __len__(self) -> int:
        return self._size

    def __setitem__(self, index: int, value: Any) -> None:
        if index > self._size + MEMO_GAP:
            raise DataError(f"cannot read '{self._source}': a damaged pickle asks for too much")
        self._live[index] = value
        self._size = max(self._size, index + 1)

    def __getitem__(self, index: int) -> Any:
        try:
            return self._live[index]
        except KeyError:
            value = self._live[index] = self._remember(index)
            return value

    def forget_since(self, target: object) -> None:
        """Compact the entries from `target` on; no later object is on the stack."""
        start = self._start_of(target)
        numbers = array.array("I", bytes(4 * (self._size - start)))
        for index in [index for index in self._live if index >= start]:
            value = self._live[index]
            if isinstance(value, str) or _is_plain_tuple(value):
                number = self._number.get(value)
                if number is None:
                    number = self._number[value] = len(self._strings)
                    self._strings.append(value)
                numbers[index - start] = number
            elif not isinstance(value, (*_CONTAINERS, tuple)):
                continue  # a stand-in, such as a number type, is kept
            del self._live[index]
        self._starts.append(start)
        self._packed.append(zlib.compress(numbers.tobytes(), 1))

    def _start_of(self, target: object) -> int:
        for index, value in reversed(self._live.items()):
            if value is target:
                return index
        return self._size

    def _remember(self, index: int) -> Any:
        segment = bisect.bisect_right(self._starts, index) - 1
        if segment < 0:
            raise KeyError(index)
        numbers = array.array("I", zlib.decompress(self._packed[segment]))
        position = index - self._starts[segment]
        if position >= len(numbers):
            raise KeyError(index)
        if numbers[position] == _FORGOTTEN:
            raise DataError(
                f"cannot read '{self._source}': an architecture refers to another one's numbers, "
                "so they cannot be read one at a time"
            )
        return self._strings[numbers[position]]


def _is_plain_tuple(value: Any) -> bool:
    return type(value) is tuple and all(type(item) in (str, int) for item in value)

"""Checking how much memory and time a pickle needs, without loading it.

A few hundred bytes can ask for more memory or time than the machine has. Examples are a memo entry
with the number two thousand million, and a dict key that is a tuple of the same tuple twice, nested
thirty levels deep. So the operations of a pickle are first run with a cost, a number, in place of
every object. The opcodes are those of protocols 0 to 5, as `pickletools` describes them.
"""

import io
from typing import BinaryIO

from nasbench.errors import DataError

MOST_BYTES = 256 << 20
"""Largest size of one pickle; an architecture of the official files has less than 3 MB."""
MOST_OPERATIONS = 20_000_000
MOST_PARTS = 1_000
"""Largest number of parts of a tuple, with those of nested tuples: the cost of hashing it."""
MOST_LONG = 64
"""Largest number of integers of more than 64 bits: many of these have equal hashes, which makes
a dict slow."""
LONGEST_NUMBER = 64
"""Largest number of bytes or digits of an integer."""
MEMO_GAP = 1 << 16
"""How far a memo index may exceed the number of entries: Python's memo is a list, which becomes as
long as the largest index."""
_FIRST = 1 << 16

# opcodes by their argument: its number of bytes, the bytes of a text's length, its lines of text
_PLAIN = {
    b"K": 1, b"M": 2, b"J": 4, b"G": 8, b"N": 0, b"\x88": 0, b"\x89": 0, b"]": 0, b"}": 0,
    b")": 0, b"\x8f": 0,
}  # fmt: skip
_COUNTED = {
    b"X": 4, b"\x8c": 1, b"\x8d": 8, b"B": 4, b"C": 1, b"\x8e": 8, b"T": 4, b"U": 1, b"\x96": 8,
}  # fmt: skip
_LINES = {b"I": 1, b"L": 1, b"F": 1, b"S": 1, b"V": 1, b"c": 2}
_NUMBERS = frozenset(b"IL")
_PLAIN_BY_CODE = {key[0]: size for key, size in _PLAIN.items()}
_COUNTED_BY_CODE = {key[0]: size for key, size in _COUNTED.items()}
_LINES_BY_CODE = {key[0]: number for key, number in _LINES.items()}
_TUPLES = {0x85: 1, 0x86: 2, 0x87: 3}
_TUPLE = ord("t")
# objects popped and pushed: REDUCE, NEWOBJ, STACK_GLOBAL, NEWOBJ_EX, BUILD, APPEND, BINPERSID
_FIXED = {
    0x52: (2, 1), 0x81: (2, 1), 0x93: (2, 1), 0x92: (3, 1), 0x62: (1, 0), 0x61: (1, 0),
    0x51: (1, 1),
}  # fmt: skip
_PUTS = frozenset((0x71, 0x94))
_TO_MARK = frozenset(b"ue\x90")  # SETITEMS, APPENDS, ADDITEMS
_REFUSED = {
    0x91: "a frozenset", 0x82: "an extension", 0x83: "an extension", 0x84: "an extension",
    ord("i"): "an instance", 0x97: "an outside buffer", 0x98: "an outside buffer",
}  # fmt: skip


class _MoreError(Exception):
    """The pickle is longer than the bytes read so far."""


def one_pickle(stream: BinaryIO, source: str) -> BinaryIO:
    """Return the next pickle of `stream` after checking that it is cheap to load.

    The stream then stands at the end of that pickle. Raises `DataError`, which names `source`, for
    a pickle that is truncated or needs too much memory or time.
    """
    start, size = stream.tell(), _FIRST
    while True:
        data = stream.read(size)
        try:
            end = _Scan(data, source).end()
        except (_MoreError, IndexError):  # an operation is cut, or its objects are missing
            if len(data) < size:
                reason = "it ends too early or its operations do not fit together"
                raise _damaged(source, reason) from None
            if size >= MOST_BYTES:
                raise _damaged(source, f"it is longer than {MOST_BYTES >> 20} MiB") from None
            stream.seek(start)
            size *= 16
            continue
        stream.seek(start + end)
        return io.BytesIO(data[:end])


def check_tuple(parts: "tuple[object, ...]", source: str) -> None:
    """Raise `DataError` for a tuple that takes too long to hash; nested tuples were checked."""
    left = MOST_PARTS
    waiting: list[object] = [parts]
    while waiting:
        one = waiting.pop()
        left -= 1
        if isinstance(one, tuple):
            left -= len(one)
            waiting += [part for part in one if isinstance(part, tuple)]
        if left < 0:
            raise _damaged(source, f"a tuple has more than {MOST_PARTS:,} parts")


def _damaged(source: str, reason: str) -> DataError:
    return DataError(
        f"cannot read '{source}': damaged or hostile pickle ({reason}): download it again from its "
        "official address"
    )


class _Scan:
    """Runs the operations of one pickle on a stack of costs instead of objects."""

    def __init__(self, data: bytes, source: str) -> None:
        """Scan `data` from its beginning."""
        self._data, self._source = data, source
        self._stack: list[int] = []
        self._marks: list[int] = []
        self._memo: dict[int, int] = {}
        self._long = 0

    def end(self) -> int:
        """Return the position of the pickle's end; `_MoreError` if it is not in `data`."""
        data, stack, marks, memo = self._data, self._stack, self._marks, self._memo
        position, length, operations = 0, len(self._data), 0
        plain, counted = _PLAIN_BY_CODE, _COUNTED_BY_CODE
        while position < length:
            code = data[position]
            position += 1
            operations += 1
            size = plain.get(code)
            if size is not None:  # a number, None or an empty container
                stack.append(1)
                position += size
            elif code in _PUTS:  # BINPUT, MEMOIZE
                memo[len(memo) if code == 0x94 else data[position]] = stack[-1]
                position += code == 0x71
            elif code == 0x68:  # BINGET
                stack.append(memo.get(data[position], 1) if position < length else 1)
                position += 1
            elif code in counted:  # text or bytes
                position = self._after_text(position, counted[code])
            elif code == 0x28:  # MARK
                marks.append(len(stack))
            elif code in _TO_MARK:
                del stack[marks.pop() :]
            elif code == 0x73:  # SETITEM
                del stack[-2:]
            elif code == 0x2E:  # STOP
                return position
            else:
                position = self._other(code, position)
            if operations > MOST_OPERATIONS:
                raise _damaged(self._source, f"it has more than {MOST_OPERATIONS:,} operations")
        raise _MoreError

    def _after_text(self, position: int, size: int) -> int:
        """Return the position after a text whose length is written in `size` bytes."""
        start = position + size
        count = int.from_bytes(self._data[position:start], "little")
        if count > MOST_BYTES:
            raise _damaged(self._source, f"a text of {count} bytes")
        self._stack.append(1)
        if start + count > len(self._data):
            raise _MoreError
        return start + count

    def _other(self, code: int, position: int) -> int:
        """Run one of the rarer operations; return the position of the next one."""
        stack = self._stack
        if code in _TUPLES or code == _TUPLE:
            self._tuple(_TUPLES[code] if code in _TUPLES else len(stack) - self._marks.pop())
        elif code in _FIXED:
            popped, pushed = _FIXED[code]
            if len(stack) < popped:
                raise IndexError
            stack[len(stack) - popped :] = [1] * pushed
        elif code in b"ldo1":  # LIST, DICT, OBJ, POP_MARK: they pop everything above the mark
            del stack[self._marks.pop() :]
            if code != ord("1"):
                stack.append(1)
        elif code == ord("2"):  # DUP
            stack.append(stack[-1])
        elif code == ord("0"):  # POP, of an object or of a mark
            if self._marks and self._marks[-1] == len(stack):
                self._marks.pop()
            else:
                stack.pop()
        else:
            return self._with_argument(code, position)
        return position

    def _tuple(self, number: int) -> None:
        stack = self._stack
        if len(stack) < number:
            raise IndexError
        cost = 1 + sum(stack[len(stack) - number :])
        if cost > MOST_PARTS:
            raise _damaged(self._source, f"a tuple has more than {MOST_PARTS:,} parts")
        stack[len(stack) - number :] = [cost]

    def _with_argument(self, code: int, position: int) -> int:
        data, stack = self._data, self._stack
        if code == 0x80:  # PROTO
            return position + 1
        if code == 0x95:  # FRAME
            return position + 8
        if code == 0x72:  # LONG_BINPUT
            self._put(int.from_bytes(data[position : position + 4], "little"), position + 4)
            return position + 4
        if code == 0x6A:  # LONG_BINGET
            stack.append(self._memo.get(int.from_bytes(data[position : position + 4], "little"), 1))
            return position + 4
        if code in (0x8A, 0x8B):  # LONG1, LONG4
            start = position + (1 if code == 0x8A else 4)
            return start + self._number(int.from_bytes(data[position:start], "little"), 8)
        if code in _LINES_BY_CODE or code in b"gpP":
            return self._line(code, position)
        raise _damaged(self._source, f"it asks for {_REFUSED.get(code, f'operation {code:#x}')}")

    def _line(self, code: int, position: int) -> int:
        """Run an operation whose argument is one or two lines of text."""
        end = position
        for _ in range(_LINES_BY_CODE.get(code, 1)):
            end = self._data.find(b"\n", end) + 1
            if not end:
                raise _MoreError
        text = self._data[position : end - 1]
        if code in b"gp":  # GET and PUT
            if not text.isdigit() or len(text) > 10:
                raise IndexError
            if code == 0x70:
                self._put(int(text), end)
            else:
                self._stack.append(self._memo.get(int(text), 1))
        elif code in _NUMBERS:
            self._number(len(text), 19)
        else:
            self._stack.append(1)
        return end

    def _number(self, length: int, short: int) -> int:
        """Push an integer of `length` bytes or digits; only a few may be longer than `short`."""
        self._long += length > short
        if length > LONGEST_NUMBER or self._long > MOST_LONG:
            raise _damaged(self._source, "whole numbers of too many digits")
        self._stack.append(1)
        return length

    def _put(self, index: int, behind: int) -> None:
        if behind > len(self._data):
            raise _MoreError
        if index > len(self._memo) + MEMO_GAP:
            raise _damaged(self._source, f"it numbers an object {index}")
        self._memo[index] = self._stack[-1]

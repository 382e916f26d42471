"""What a pickle would cost to load, found out without loading it.

A few hundred bytes can ask for more memory or time than there is: a memo entry numbered two
thousand million, keys of a dict that are tuples of the same tuple twice, thirty levels deep. So
the operations of a pickle are gone through first, with a number in place of every object. The
opcodes are those of protocols 0 to 5, as `pickletools` describes them.
"""

import io
from typing import BinaryIO

from nasbench.errors import DataError

MOST_BYTES = 256 << 20
"""Of one pickle; an architecture of the official files has less than 3 MB."""
MOST_OPERATIONS = 20_000_000
MOST_PARTS = 1_000
"""Parts a tuple may have, those of tuples in it included: what hashing it takes."""
MOST_LONG = 64
"""Whole numbers beyond 64 bits: numbers of equal hash make a dict slow, and they are many."""
LONGEST_NUMBER = 64
"""Bytes or digits of a whole number."""
MEMO_GAP = 1 << 16
"""How far beyond the number of its entries the memo may be used: a list is as long as its last."""
_FIRST = 1 << 16

# opcodes by what follows them: so many bytes, a text with its length in so many, so many lines
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
# REDUCE, NEWOBJ, STACK_GLOBAL, NEWOBJ_EX, BUILD, APPEND, BINPERSID: objects popped and pushed
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
    """The pickle goes on beyond the bytes that are there."""


def one_pickle(stream: BinaryIO, source: str) -> BinaryIO:
    """Return the next pickle of `stream`, known to be cheap to load; the stream stands behind it.

    Raises `DataError` that names `source` for a pickle that is cut, or asks for too much.
    """
    start, size = stream.tell(), _FIRST
    while True:
        data = stream.read(size)
        try:
            end = _Scan(data, source).end()
        except (_MoreError, IndexError):  # cut within an operation, or one without its objects
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
    """Raise `DataError` for a tuple that takes too long to hash; tuples in it were checked."""
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
    """Goes through the operations of one pickle; a stack of costs stands for its objects."""

    def __init__(self, data: bytes, source: str) -> None:
        """Scan `data` from its beginning."""
        self._data, self._source = data, source
        self._stack: list[int] = []
        self._marks: list[int] = []
        self._memo: dict[int, int] = {}
        self._long = 0

    def end(self) -> int:
        """Return where the pickle ends; `_MoreError` where `data` does not hold its end."""
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
        """Step over a text whose length is written in `size` bytes."""
        start = position + size
        count = int.from_bytes(self._data[position:start], "little")
        if count > MOST_BYTES:
            raise _damaged(self._source, f"a text of {count} bytes")
        self._stack.append(1)
        if start + count > len(self._data):
            raise _MoreError
        return start + count

    def _other(self, code: int, position: int) -> int:
        """Do one of the rarer operations; return where the next one is."""
        stack = self._stack
        if code in _TUPLES or code == _TUPLE:
            self._tuple(_TUPLES[code] if code in _TUPLES else len(stack) - self._marks.pop())
        elif code in _FIXED:
            popped, pushed = _FIXED[code]
            if len(stack) < popped:
                raise IndexError
            stack[len(stack) - popped :] = [1] * pushed
        elif code in b"ldo1":  # LIST, DICT, OBJ, POP_MARK: with all that stands above the mark
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
        """Do an operation whose argument is text up to the end of one line, or of two."""
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
        """Push a whole number of so many bytes or digits; more than `short` may be a few only."""
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

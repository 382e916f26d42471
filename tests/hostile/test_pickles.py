"""Pickles and archives of others that ask for more than there is: refused before it is made."""

import io
import pickle
import pickletools
from collections.abc import Callable, Iterator
from itertools import islice
from pathlib import Path
from random import Random
from typing import Any

import pytest
from benchmarks import synthetic
from hostile.children import Case, in_child, preload, run_case
from hostile.pickles import GREEDY, archives, opcodes
from hypothesis import given, settings
from hypothesis import strategies as st

from nasbench.benchmarks.sources import scan
from nasbench.benchmarks.sources.stream import stream_cells
from nasbench.benchmarks.sources.unpickle import load
from nasbench.errors import DataError

Read = Callable[[io.BytesIO], Any]
HARMLESS = {"a list that holds itself", "lists of 100,000 levels", "dicts of 100,000 levels"}
"""Odd, and cheap to load: whether they are refused does not matter."""


def _load(stream: io.BytesIO) -> Any:
    return load(stream, "file.pkl")


def _stream(stream: io.BytesIO) -> Any:
    return stream_cells(stream, "file.pkl", lambda cell: None)


@pytest.mark.parametrize("reader", [_load, _stream])
@pytest.mark.parametrize("kind", GREEDY)
def test_greedy_pickles_end_at_once_and_take_nothing(kind: str, reader: Read) -> None:
    def read() -> None:
        try:
            reader(io.BytesIO(GREEDY[kind]))
        except DataError as error:
            assert str(error).isprintable()
        else:
            assert kind in HARMLESS

    outcome = in_child(read, seconds=20)
    assert (outcome.code, outcome.trouble) == (0, ""), outcome
    assert outcome.seconds < 10
    assert outcome.memory < 1 << 30


_values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**70), 2**70) | st.floats() | st.text(max_size=300)
    | st.binary(max_size=300),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=3), inner)
    | st.tuples(inner, inner) | st.sets(st.integers()),
    max_leaves=20,
)  # fmt: skip


@settings(max_examples=50, deadline=None)
@given(value=_values, protocol=st.integers(0, 5), rest=st.binary(max_size=20))
def test_a_scan_ends_where_the_pickle_ends(value: object, protocol: int, rest: bytes) -> None:
    """Python's own pickler says where a pickle ends."""
    raw = pickle.dumps(value, protocol=protocol)
    if any(one.name == "FROZENSET" for one, *_ in pickletools.genops(raw)):
        return
    stream = io.BytesIO(raw + rest)
    assert scan.one_pickle(stream, "file").read() == raw
    assert stream.read() == rest


@pytest.mark.parametrize("protocol", range(6))
def test_an_official_cell_is_scanned_at_every_length_of_what_was_read(
    protocol: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    raw = pickle.dumps(synthetic.cell(0, "arch", epochs=(2, 3)), protocol=protocol)
    for first in (1, 2, 3, 5, 7, 100, 1001, 5555):
        monkeypatch.setattr(scan, "_FIRST", first)
        assert scan.one_pickle(io.BytesIO(raw), "file").read() == raw


def test_every_opcode_is_known_to_the_scan() -> None:
    """Each one alone is either carried out, refused, or lacks its objects; none is passed over."""
    for code in opcodes():
        try:
            scan._Scan(b"N" * 4 + bytes([code]) + b"\x00" * 20 + b"\n\n.", "file").end()
        except (DataError, IndexError, scan._MoreError) as error:
            assert f"operation {code:#x})" not in str(error)


def cases(random: Random) -> Iterator[Case]:
    """Yield official archives without end: greedy, with odd values, damaged."""
    for kind, name, content in archives(random):

        def prepare(folder: Path, name: str = name, content: bytes = content) -> None:
            path = folder / name
            path.parent.mkdir(exist_ok=True)
            path.write_bytes(content)

        yield Case(kind, (("data", "import", name.partition("/")[0], "--name", "made"),), prepare)


def test_bad_archives_end_in_one_line(tmp_path: Path) -> None:
    preload()
    for number, case in enumerate(islice(cases(Random("suite")), 12)):
        folder = tmp_path / str(number)
        folder.mkdir()
        for outcome in run_case(case, folder):
            assert not outcome.trouble, (outcome.trouble, case.name, outcome.text[-800:])

"""Pickles of others: what they name is refused, what they hold is read."""

import bz2
import collections
import io
import os
import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from nasbench.benchmarks.sources import unpickle
from nasbench.benchmarks.sources.stream import stream_cells
from nasbench.benchmarks.sources.unpickle import load
from nasbench.errors import DataError
from tests.benchmarks import synthetic

Read = Callable[[io.BytesIO], Any]


def read(stream: io.BytesIO) -> Any:
    return load(stream, "file.pkl")


def stream(stream: io.BytesIO) -> Any:
    return stream_cells(stream, "file.pkl", lambda cell: None)


READERS = pytest.mark.parametrize("reader", [read, stream])


class Payload:
    """Would create a file when unpickled."""

    def __init__(self, call: Any, *arguments: Any) -> None:
        self.parts = (call, arguments)

    def __reduce__(self) -> Any:
        return self.parts


@READERS
@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_code_is_refused_and_does_not_run(reader: Read, protocol: int, tmp_path: Path) -> None:
    target = tmp_path / "made by a pickle"
    for payload in (
        Payload(os.system, f"touch '{target}'"),
        Payload(eval, f"open({str(target)!r}, 'w')"),
        Payload(open, str(target), "w"),
        Payload(getattr, "text", "format"),
    ):
        innocent = {"meta_archs": [], "arch2infos": {0: payload}}
        with pytest.raises(DataError, match=r"refused to read 'file.pkl'.*asks for"):
            reader(io.BytesIO(pickle.dumps(innocent, protocol=protocol)))
    assert not target.exists()


@READERS
def test_nested_names_and_extensions_are_refused(reader: Read) -> None:
    for attack in (
        b"\x80\x04\x8c\x05numpy\x8c\x0cndarray.fill\x93.",  # dotted names
        b"\x80\x02cnumpy\nsave\n.",
        b"\x80\x02cnasbench.benchmarks.sources.unpickle\nload\n.",
        b"\x80\x02\x82\x01.",  # the extension registry
    ):
        with pytest.raises(DataError):
            reader(io.BytesIO(attack))


@READERS
def test_one_file_cannot_change_what_the_next_gets(reader: Read) -> None:
    # BUILD with a slot state sets attributes on whatever the file was handed
    attack = b"\x80\x02cnumpy.core.multiarray\nscalar\nN}X\x06\x00\x00\x00markedI1\ns\x86b."
    handed = reader(io.BytesIO(attack))
    assert handed.marked == 1
    assert not hasattr(unpickle._scalar, "marked")
    assert not hasattr(unpickle.stand_ins()["numpy.core.multiarray", "scalar"], "marked")


@READERS
@pytest.mark.parametrize("protocol", range(2, pickle.HIGHEST_PROTOCOL + 1))
def test_numbers_and_containers_are_read(reader: Read, protocol: int) -> None:
    data = {
        "scalar": np.float64(0.1),
        "count": np.int64(-7),
        "array": np.arange(6, dtype=np.float32).reshape(2, 3),
        "fortran": np.asfortranarray(np.arange(6.0).reshape(2, 3)),
        "big": np.arange(3, dtype=">f8"),
        "ordered": collections.OrderedDict([(0, 1.5), (1, 2.5)]),
        "set": {1, 2},
        "key": {("cifar10", 777): None},
    }
    found = reader(io.BytesIO(pickle.dumps(data, protocol=protocol)))
    assert found["scalar"] == 0.1
    assert found["count"] == -7
    np.testing.assert_array_equal(found["array"].array, data["array"])
    np.testing.assert_array_equal(found["fortran"].array, data["fortran"])
    np.testing.assert_array_equal(found["big"].array, data["big"])
    assert found["ordered"] == {0: 1.5, 1: 2.5}
    assert found["set"] == {1, 2}
    assert found["key"] == {("cifar10", 777): None}


@READERS
@pytest.mark.parametrize("protocol", [2, 4])
def test_a_damaged_pickle_is_one_line(reader: Read, protocol: int) -> None:
    whole = pickle.dumps(synthetic.cell(0, "arch", epochs=(2, 3)), protocol=protocol)
    for end in range(0, len(whole) - 1, 97):
        with pytest.raises(DataError, match=r"cannot read 'file.pkl'") as caught:
            reader(io.BytesIO(whole[:end]))
        assert "\n" not in str(caught.value)
    for junk in (b"", b"hello", b"\x80\x04", bz2.compress(whole)):
        with pytest.raises(DataError):
            reader(io.BytesIO(junk))


@READERS
def test_object_types_cannot_be_made_of_bytes(reader: Read) -> None:
    attack = pickle.dumps(np.float64(1.0), protocol=2).replace(b"f8", b"O8")
    with pytest.raises(DataError):
        reader(io.BytesIO(attack))


def test_streaming_gives_the_same_as_loading_at_once() -> None:
    cells = {i: synthetic.cell(i, f"arch {i}", epochs=(2, 3)) for i in range(4)}
    for protocol in (2, 4, 5):
        raw = pickle.dumps({"arch2infos": cells, "after": "arch 0"}, protocol=protocol)
        found: list[Any] = []

        def take(cell: Any, found: list[Any] = found) -> None:
            found.append(pickle.loads(pickle.dumps(cell)))  # our own

        rest = stream_cells(io.BytesIO(raw), "file.pkl", take)
        assert found == list(cells.values())
        assert rest == {"arch2infos": {i: {} for i in cells}, "after": "arch 0"}


def test_strings_of_earlier_architectures_are_remembered_but_numbers_are_refused() -> None:
    shared = "shared by all"
    cells: dict[int, Any] = {i: synthetic.cell(i, "a", epochs=(2, 3)) for i in range(3)}
    for one in cells.values():
        one["less"]["all_results"]["cifar10", 111]["note"] = shared
    notes: list[str] = []
    stream_cells(
        io.BytesIO(pickle.dumps({"arch2infos": cells}, protocol=2)),
        "file.pkl",
        lambda cell: notes.append(cell["less"]["all_results"]["cifar10", 111]["note"]),
    )
    assert notes == [shared] * 3
    one_list = [1.0, 2.0]
    for one in cells.values():
        one["less"]["all_results"]["cifar10", 111]["note"] = one_list
    with pytest.raises(DataError, match="one at a time"):
        stream_cells(
            io.BytesIO(pickle.dumps({"arch2infos": cells}, protocol=2)), "f", lambda cell: None
        )

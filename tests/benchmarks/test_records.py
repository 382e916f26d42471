"""Record files of NAS-Bench-101: what they say, what is refused, and official sizes."""

import json
import resource
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from nasbench.benchmarks.catalogue import load_table
from nasbench.benchmarks.sources.nb101_records import collect, table_of_records
from nasbench.benchmarks.sources.official import import_official
from nasbench.benchmarks.sources.records import is_record_file, trainings
from nasbench.errors import DataError
from nasbench.harness.execution.run import run
from nasbench.harness.results.store import read_folder
from nasbench.spaces.nb101 import NasBench101
from nasbench.testing import TableConformance
from tests.benchmarks.record_files import (
    content,
    crc32c,
    double,
    framed,
    masked,
    metrics,
    official_size,
    varint,
    write,
)
from tests.upstream import upstream

SPACE = NasBench101()
SMALL = NasBench101(5)
EC_NAS = (
    "PedramBakh/EC-NAS-Bench/13e373ead9d5c1fa177de1c1217b0cd9d8739aac/ecnas/ecnas/utils/data/"
    "tabular_benchmarks"
)


def record(index: int, epochs: int = 108, valid: float = 0.9, test: float = 0.8) -> bytes:
    cell = SPACE.architecture(index)
    packed = metrics(epochs, valid, test, 10.0 * epochs, SPACE.parameters(cell))
    return content(SPACE.hash_of(cell), epochs, cell, packed)


def test_the_checksum_is_the_standard_one() -> None:
    """RFC 3720: 32 bytes of zeros; and the usual check value of the digits."""
    assert crc32c(bytes(32)) == 0x8A9136AA
    assert crc32c(b"123456789") == 0xE3069283


def test_a_record_is_read(tmp_path: Path) -> None:
    cell = SPACE.architecture(5)
    path = write(tmp_path / "a.tfrecord", [record(5, 36, 0.5, 0.25)])
    (one,) = trainings(path)
    assert is_record_file(path)
    assert (one.hash, one.epochs) == ("00011986aeb27419a476d219f3d9ba14", 36)
    assert (one.valid, one.test, one.train, one.seconds) == (0.5, 0.25, 1.0, 360.0)
    assert one.parameters == SPACE.parameters(cell)
    assert one.energy is None
    assert one.operations.split(",")[1:-1] == list(cell.operations)


def test_trials_are_seeds_and_missing_ones_are_missing(tmp_path: Path) -> None:
    contents = [
        record(i, epochs, 0.5 + i / 100 + t / 1000, 0.4 + i / 100 + t / 1000)
        for epochs in (4, 108) for i in (7, 0, 3) for t in range(3) if (i, t) != (3, 2)
    ]  # fmt: skip
    table = table_of_records(write(tmp_path / "a.tfrecord", contents), "made")
    assert table.is_pool
    assert [table.space.index(SPACE.architecture(i)) for i in (0, 3, 7)] == [0, 1, 2]
    assert table.search.seeds("cifar10", 108) == (1, 2, 3)
    assert table.search.epochs("cifar10", 108) == (4, 108)
    third = table.search.accuracy("cifar10", 108, 108, 3)
    assert third == pytest.approx([50.2, np.nan, 57.2], nan_ok=True)
    assert table.test.mean("cifar10") == pytest.approx([40.1, 43.05, 47.1])
    assert table.test.count("cifar10", 108).tolist() == [3, 2, 3]
    assert table.search.query_seconds("cifar10", 108, 1, epochs=4).tolist() == [40, 40, 40]
    assert table.search.params("cifar10")[0] == SPACE.parameters(SPACE.architecture(0))
    assert "trainings of 108 epochs: cells 2: 1, 3: 2" in table.info.notes


def broken(tmp_path: Path, *contents: bytes) -> Path:
    return write(tmp_path / "broken.tfrecord", contents)


CELL = SPACE.architecture(5)
ROW = json.loads(record(5))


def row(**changes: object) -> bytes:
    names = ("name", "epochs", "matrix", "operations", "packed")
    return json.dumps([changes.get(n, old) for n, old in zip(names, ROW, strict=True)]).encode()


@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        (b"no JSON", r"record 2: it is no training of NAS-Bench-101 \(JSONDecodeError"),
        (b"[" * 60_000, "record 2: it is no training of NAS-Bench-101"),
        (row(epochs="108"), "record 2: it is no training .* it has '108' epochs"),
        (row(epochs=36), "record 2: .* it ends after 108 of 36 epochs"),
        (row(packed="AAAA"), "record 2: it is no training"),
        (row(packed="CnIJ"), "record 2: it is no training .* cut"),
        (row(name="0" * 32, operations="input,a,output"), "record 2: .* does not fit the matrix"),
        (row(name="0" * 32, operations="a,b,output"), "does not fit the matrix"),
        (
            row(name="0" * 32, matrix="010001000", operations="input,conv5x5,output"),
            "is no cell of space 'nb101'",
        ),
        (
            row(matrix="010001000", operations="input,maxpool3x3,output"),
            "record 2: cell 00011986aeb27419a476d219f3d9ba14 has another graph before",
        ),
        (row(name="f" * 32), r"record 2: cell f+ has two hashes"),
        (content(ROW[0], 108, CELL, metrics(108, 0.9, 0.8, 1.0, 7)), "two numbers of parameters"),
    ],
)
def test_wrong_records_are_one_line(wrong: bytes, told: str, tmp_path: Path) -> None:
    path = broken(tmp_path, record(5), wrong)
    with pytest.raises(DataError, match=rf"'.*broken.tfrecord', .*{told}") as caught:
        collect(path, SPACE)
    assert "\n" not in str(caught.value)


def test_a_cell_of_eight_vertices_is_foreign(tmp_path: Path) -> None:
    edges = {(i, i + 1) for i in range(7)}
    matrix = "".join(str(int((a, b) in edges)) for a in range(8) for b in range(8))
    operations = ",".join(["input", *["maxpool3x3"] * 6, "output"])
    with pytest.raises(DataError, match=r"record 1: .* is no cell of space 'nb101'"):
        collect(broken(tmp_path, row(matrix=matrix, operations=operations)), SPACE)
    with pytest.raises(DataError, match="is no cell of space 'nb101-5v'"):
        collect(broken(tmp_path, record(5)), SMALL)


def test_hashes_of_other_cells_are_refused(tmp_path: Path) -> None:
    first, second = (json.loads(record(index)) for index in (3, 8))
    first[0], second[0] = second[0], first[0]
    path = broken(tmp_path, json.dumps(first).encode(), json.dumps(second).encode())
    with pytest.raises(DataError, match="its hashes are not those of its cells"):
        collect(path, SPACE)


def test_too_many_trainings_of_a_cell_are_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"record 17: cell .* has more than 16 trainings"):
        collect(broken(tmp_path, *[record(5)] * 17), SPACE)


def test_damaged_files_are_one_line(tmp_path: Path) -> None:
    whole = b"".join(framed(record(index)) for index in range(3))
    place = len(framed(record(0))) + 100
    flipped = whole[:place] + bytes([whole[place] ^ 1]) + whole[place + 1 :]
    long = (10**6).to_bytes(8, "little")
    cases = {
        "ends within record 3: it is cut": whole[:-1],
        "ends within record 1": whole[:7],
        "record 2: its checksum is wrong: the file is damaged": flipped,
        "record 4: it does not begin with a length and its checksum": whole + b"x" * 40,
        "record 1: it does not begin with a length": b"a file of text, long enough",
        "record 1: it has 1,000,000 bytes, too many": long + masked(long) + bytes(10**6 + 4),
        "is empty": b"",
    }
    for told, data in cases.items():
        path = tmp_path / "damaged.tfrecord"
        path.write_bytes(data)
        with pytest.raises(DataError, match=rf"'.*damaged.tfrecord'.*{told}"):
            list(trainings(path))
    with pytest.raises(DataError, match="does not exist"):
        list(trainings(tmp_path / "nothing.tfrecord"))


def test_unknown_fields_are_passed_over(tmp_path: Path) -> None:
    """Fields of all kinds that other versions of the messages may have."""
    more = (
        double(13, 1.5) + b"\x72" + varint(3) + b"abc" + b"\x7d" + bytes(4) + b"\x68" + varint(300)
    )
    packed = metrics(108, 0.9, 0.8, 1.0, SPACE.parameters(CELL)) + more
    (one,) = trainings(broken(tmp_path, content(ROW[0], 108, CELL, packed)))
    assert one.valid == 0.9


class TestImported(TableConformance):
    """The 91 cells with four numbers of epochs and three trainings of EC-NAS."""

    @property
    def table(self):  # type: ignore[no-untyped-def,override]
        return table_of_records(upstream() / EC_NAS / "energy_4V9E.tfrecord", "energy_4v9e")


def test_the_records_of_ec_nas(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """By the command's function: the names, counts and one number that is read by eye."""
    monkeypatch.setenv("NASBENCH_DATA", str(tmp_path))
    small = import_official(upstream() / EC_NAS / "energy_5V9E.tfrecord")
    assert (small.name, small.info.rows, small.info.space) == ("energy_5v9e", 2532, "nb101")
    whole = [SPACE.index(one) for one in SMALL.architectures]
    assert np.array_equal(small.space.positions(np.array(whole)), np.arange(2532))
    known = [SPACE.parameters(one) for one in small.space.architectures]
    assert small.search.params("cifar10").tolist() == known
    place = [SPACE.hash_of(one) for one in small.space.architectures].index(
        "e1aeb470572477cf15b1bd3644d59370"
    )
    assert small.search.accuracy("cifar10", 4, 4)[place] == pytest.approx(58.16305875)
    assert small.search.energy("cifar10", "training")[place] == pytest.approx(0.01758)
    several = import_official(upstream() / EC_NAS / "energy_4V9E.tfrecord")
    assert several.search.epochs("cifar10", 108) == (4, 12, 36, 108)
    assert several.search.seeds("cifar10", 108) == (1, 2, 3)
    with pytest.raises(DataError, match="exists already"):
        import_official(upstream() / EC_NAS / "energy_4V9E.tfrecord")


def test_a_search_pays_the_seconds_of_the_training_that_it_sees(tmp_path: Path) -> None:
    """And again for the same cell: the authors' library charges every query."""
    contents = [record(index, 108, 0.5 + t / 100, 0.4) for index in range(3) for t in range(3)]
    table_of_records(write(tmp_path / "a.tfrecord", contents), "made").save(
        tmp_path / "made.safetensors"
    )
    (one,) = run(
        "random-search", seeds=2, benchmark=tmp_path / "made.safetensors", budget="20evals",
        out=tmp_path / "out", workers=1,
    )  # fmt: skip
    assert seconds_of(one.path) == {1080.0}


def seconds_of(path: Path) -> set[float]:
    lists = read_folder(path).read(["seconds"])["seconds"].to_pylist()
    assert all(len(one) == 20 for one in lists)
    return {value for one in lists for value in one}


FULL_SIZE = """
import sys
from pathlib import Path
from nasbench.benchmarks.sources.official import import_official
table = import_official(Path(sys.argv[1]))
print(table.name, table.info.rows, table.search.epochs("cifar10", 108), table.is_pool)
"""


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "fidelities"),
    [("nasbench_only108", (108,)), ("nasbench_full", (4, 12, 36, 108))],
)
def test_files_of_official_size_need_little_memory(
    name: str, fidelities: tuple[int, ...], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """All cells three times: 0.5 GB with one number of epochs, 1.9 GB with four."""
    monkeypatch.setenv("NASBENCH_DATA", str(tmp_path / "data"))
    path = official_size(tmp_path / f"{name}.tfrecord", fidelities)
    began = resource.getrusage(resource.RUSAGE_CHILDREN)
    told = subprocess.run(
        [sys.executable, "-c", FULL_SIZE, str(path)], capture_output=True, text=True, check=False
    )
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    print(path.stat().st_size, used.ru_maxrss, used.ru_utime - began.ru_utime)
    path.unlink()
    assert told.stdout.strip() == f"nb101 423624 {fidelities} False", told.stderr
    assert used.ru_maxrss < 1_000_000  # KiB
    assert load_table("nb101").test.count("cifar10", 108).min() == 3

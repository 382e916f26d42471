"""The table file: valid safetensors, self-describing, checked; splits that cannot be mixed."""

import hashlib
import json
import struct
import time
from itertools import product
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import load_file

from nasbench.benchmarks.tables import format as table_format
from nasbench.benchmarks.tables.base import mean_over_seeds
from nasbench.benchmarks.tables.columns import (
    Series,
    after_epoch,
    curve,
    query_seconds,
    row_map,
    size,
)
from nasbench.benchmarks.tables.info import Array, Column, Quantity, Split, TableInfo, hash_of
from nasbench.benchmarks.tables.table import Table
from nasbench.errors import DataError, NasbenchError
from nasbench.spaces.nb201 import NasBench201

ROWS = NasBench201().size
POISON = 99.875  # no other number of the example is as high
VALID = Series("cifar10-valid", Split.VALID, Quantity.ACCURACY, 12)
VALID_FINAL = VALID._replace(schedule=200)
TEST = Series("cifar10", Split.TEST, Quantity.ACCURACY, 200)
POOLED = Series("cifar100", Split.POOLED, Quantity.ACCURACY, 200)


def example() -> Table:
    """Return a table whose test numbers are poisoned and whose others are known."""
    column = np.arange(ROWS, dtype=np.float64) % 80
    with_gap = np.where(np.arange(ROWS) == 3, np.nan, column + 2)
    data: list[tuple[Column, Array]] = [
        (curve(VALID, 777, epochs=12), column[:, None] + np.arange(12)),
        (curve(VALID, 111, epochs=12), with_gap[:, None] + np.arange(12)),
        (after_epoch(VALID_FINAL, 200, None), np.arange(ROWS) / 200),
        (query_seconds("cifar10-valid", 12, None), column + 0.5),
        (after_epoch(TEST, 200, None), np.full(ROWS, POISON)),
        (curve(POOLED, 777, epochs=200), np.full((ROWS, 200), POISON, dtype=np.float32)),
        (size("cifar10-valid", Quantity.PARAMS), np.arange(ROWS, dtype=np.int32)),
    ]
    info = TableInfo(
        name="example",
        title="made up",
        space="nb201",
        rows=ROWS,
        cells=ROWS,
        licence="none",
        columns=tuple(column for column, _ in data),
    )
    return Table.from_columns(info, {column.name: array for column, array in data})


@pytest.fixture(scope="module")
def saved(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("tables") / "example.safetensors"
    example().save(path)
    return path


def test_the_file_is_valid_safetensors(saved: Path) -> None:
    theirs = load_file(saved)
    ours = Table.open(saved)
    assert set(theirs) == {column.name for column in ours.info.columns}
    np.testing.assert_array_equal(
        theirs["cifar10-valid/valid/hp12/curve/accuracy/seed777"][:, 11],
        ours.search.accuracy("cifar10", 12, 12, 777),
    )


def test_the_same_table_gives_the_same_bytes_and_hash(saved: Path, tmp_path: Path) -> None:
    again = tmp_path / "again.safetensors"
    example().save(again)
    assert again.read_bytes() == saved.read_bytes()
    assert Table.open(saved).hash == example().hash


def test_every_number_is_aligned_and_read_only(saved: Path) -> None:
    length = struct.unpack("<Q", saved.read_bytes()[:8])[0]
    header = json.loads(saved.read_bytes()[8 : 8 + length])
    assert (8 + length) % 8 == 0
    for name, tensor in header.items():
        if name != "__metadata__":
            width = {"F64": 8, "F32": 4, "I32": 4}[tensor["dtype"]]
            assert tensor["data_offsets"][0] % width == 0
    accuracy = Table.open(saved).search.accuracy("cifar10", 12, 12, 777)
    with pytest.raises(ValueError, match="read-only"):
        accuracy[0] = 1.0
    with pytest.raises(ValueError, match="read-only"):
        example().search.params("cifar10")[0] = 1


def test_the_hash_covers_every_column(saved: Path) -> None:
    info = Table.open(saved).info
    first = info.columns[0]
    other = first.model_copy(update={"sha256": "f" * 64})
    altered = info.model_copy(update={"columns": (other, *info.columns[1:])})
    assert hash_of(altered) != Table.open(saved).hash


@pytest.mark.parametrize("where", [0.001, 0.3, 0.7, 0.9999])
def test_a_flipped_bit_is_found(saved: Path, tmp_path: Path, where: float) -> None:
    content = bytearray(saved.read_bytes())
    content[int(where * len(content))] ^= 1
    path = tmp_path / "flipped.safetensors"
    path.write_bytes(content)
    with pytest.raises(DataError, match="damaged"):
        Table.open(path).verify()


def test_a_large_table_is_checked_column_by_column(
    saved: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(table_format, "CHECKED_WHOLE", 1000)
    content = bytearray(saved.read_bytes())
    content[-1] ^= 1  # in the last column: the narrowest numbers, last by name
    path = tmp_path / "flipped.safetensors"
    path.write_bytes(content)
    table = Table.open(path)
    last = table.info.columns[-1].name
    assert last == "cifar100/pooled/hp200/curve/accuracy/seed777"
    assert table.search.accuracy("cifar10", 12, 12, 777)[5] == 16
    with pytest.raises(DataError, match=last):
        table.verify()


@pytest.mark.parametrize("kept", [0, 5, 100, 100_000, -1])
def test_a_truncated_file_is_refused(saved: Path, tmp_path: Path, kept: int) -> None:
    path = tmp_path / "cut.safetensors"
    path.write_bytes(saved.read_bytes()[:kept])
    with pytest.raises(DataError, match="damaged"):
        Table.open(path)


def test_other_files_are_refused(tmp_path: Path) -> None:
    from safetensors.numpy import save_file

    other = tmp_path / "other.safetensors"
    save_file({"weights": np.zeros(3)}, other)
    with pytest.raises(DataError, match="no nasbench table"):
        Table.open(other)
    with pytest.raises(DataError, match="cannot read"):
        Table.open(tmp_path / "absent.safetensors")


@pytest.mark.parametrize("inner", [False, True])
def test_a_header_of_brackets_is_refused(inner: bool, tmp_path: Path) -> None:
    """Thousands of open brackets, in the header or in the metadata it holds as text."""
    text = "[" * 100_000
    digest = hashlib.sha256(text.encode()).hexdigest()
    header = json.dumps({"__metadata__": {"nasbench": text, "sha256": digest}})
    content = (header if inner else text).encode()
    path = tmp_path / "deep.safetensors"
    path.write_bytes(len(content).to_bytes(8, "little") + content)
    with pytest.raises(DataError, match="is damaged"):
        Table.open(path)


def test_a_newer_schema_is_refused_with_what_to_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    table = example()
    newer = table.info.model_copy(update={"schema_version": 4})
    path = tmp_path / "newer.safetensors"
    Table.from_columns(newer, {c.name: table._read(c.name) for c in newer.columns}).save(path)
    with pytest.raises(DataError, match=r"schema version 4, .* up to 3: upgrade nasbench"):
        Table.open(path)


def test_a_search_cannot_reach_a_test_number() -> None:
    search = example().search
    assert "cifar10/test/hp200/ep200/accuracy/mean" not in search.names
    assert not any("/test/" in name or "/pooled/" in name for name in search.names)
    for metric, split in product(("accuracy", "loss"), Split):
        for dataset in ("cifar10", "cifar10-valid", "cifar100", "ImageNet16-120", "test"):
            for epoch in (1, 12, 100, 200):
                for schedule in (12, 200):
                    try:
                        seen = search.after(metric, dataset, schedule, epoch, split=split)
                    except NasbenchError:
                        continue
                    assert not (seen == POISON).any()


def test_a_search_object_holds_no_reference_to_test_numbers() -> None:
    search = example().search
    cells = [
        cell.cell_contents
        for reader in search._read.values()
        for cell in reader.__closure__ or ()
        if isinstance(cell.cell_contents, str)
    ]
    assert sorted(cells) == sorted(search.names)


def test_pooled_curves_are_not_validation_curves() -> None:
    with pytest.raises(DataError, match="cifar100/valid/hp200"):
        example().search.curve("cifar100", 200)
    with pytest.raises(DataError):
        example().search.accuracy("cifar100", 200, 100)


def test_the_judge_reads_test_and_final_validation() -> None:
    test = example().test
    assert (test.mean("cifar10") == POISON).all()
    assert test.valid_mean("cifar10")[200] == 1.0
    with pytest.raises(DataError, match="no test values of 'cifar100'"):
        test.mean("cifar100")


def test_what_is_absent_is_named_with_what_exists() -> None:
    with pytest.raises(DataError, match=r"no 'cifar10-valid/valid/hp12/ep13.*curve/accuracy"):
        example().search.accuracy("cifar10", 12, 13)
    with pytest.raises(DataError, match=r"no 'svhn/query.*it has: cifar10-valid/query/hp12"):
        example().search.query_seconds("svhn", 12)


def test_epochs_count_from_one_and_means_leave_out_missing_seeds() -> None:
    search = example().search
    assert search.seeds("cifar10", 12) == (111, 777)
    assert search.accuracy("cifar10", 12, 1, 777)[7] == 7
    assert search.accuracy("cifar10", 12, 12)[7] == (7 + 9) / 2 + 11
    assert np.isnan(search.accuracy("cifar10", 12, 12, 111)[3])
    assert search.accuracy("cifar10", 12, 12)[3] == 3 + 11  # seed 777 alone
    assert search.curve("cifar10", 12)[7].tolist() == [8 + epoch for epoch in range(12)]
    with pytest.raises(DataError):
        search.accuracy("cifar10", 12, 0, 777)


def test_the_mean_of_seeds() -> None:
    columns = [np.array([1.0, np.nan, np.nan]), np.array([2.0, 4.0, np.nan])]
    np.testing.assert_array_equal(mean_over_seeds(columns), [1.5, 4.0, np.nan])


def test_rows_may_be_shared() -> None:
    rows = np.zeros(ROWS, dtype=np.uint16)
    rows[5] = 1
    column = size("cifar10-valid", Quantity.PARAMS)
    info = TableInfo(
        name="shared",
        title="two rows",
        space="nb201",
        rows=2,
        cells=ROWS,
        licence="none",
        columns=(column, row_map()),
    )
    table = Table.from_columns(info, {column.name: np.array([10, 20]), "rows": rows})
    assert table.rows is not None
    assert table.search.params("cifar10")[table.rows[[4, 5]]].tolist() == [10, 20]
    assert table.to_pandas()[column.name].iloc[[4, 5]].tolist() == [10, 20]
    assert "rows" not in table.search.names


def test_to_pandas_has_the_official_strings_and_no_curves_unless_asked() -> None:
    frame = example().to_pandas()
    assert frame.index.name == "index"
    assert frame["architecture"].iloc[0] == (
        "|avg_pool_3x3~0|+|nor_conv_1x1~0|skip_connect~1|+"
        "|nor_conv_1x1~0|skip_connect~1|skip_connect~2|"
    )
    assert not any("curve" in str(name) for name in frame)
    whole = example().to_pandas(curves=True)
    assert whole["cifar10-valid/valid/hp12/curve/accuracy/seed777/ep12"].iloc[5] == 16


def test_a_full_disk_leaves_no_half_table(tmp_path: Path) -> None:
    folder = tmp_path / "taken"
    folder.write_text("a file where a folder should be")
    with pytest.raises(DataError, match="cannot write"):
        example().save(folder / "example.safetensors")
    if not Path("/dev/full").exists():
        pytest.skip("no /dev/full here")
    import errno

    from nasbench.files import atomic_write

    with pytest.raises(DataError, match="disk is full"), atomic_write(tmp_path / "x") as file:
        file.write(b"half")
        raise OSError(errno.ENOSPC, "No space left on device")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["taken"]


def test_opening_is_quick(saved: Path) -> None:
    Table.open(saved)
    start = time.perf_counter()
    for _ in range(3):
        Table.open(saved)
    assert (time.perf_counter() - start) / 3 < 0.25  # generous: the machine may be busy

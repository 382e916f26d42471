"""Table files that are damaged, or whole and out of their senses."""

import hashlib
import json
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from random import Random
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hostile.children import Case, preload, run_case
from hostile.pickles import damaged
from tables import synthetic_table

from nasbench import Metric, table_from_frame
from nasbench.benchmarks.calibration import Calibration
from nasbench.benchmarks.protocols import Protocol
from nasbench.benchmarks.tables import values
from nasbench.benchmarks.tables.columns import Series, after_epoch, query_seconds, size
from nasbench.benchmarks.tables.info import Column, Quantity, Split, TableInfo
from nasbench.benchmarks.tables.table import Table
from nasbench.errors import DataError, InvalidInput
from nasbench.harness.search.budget import Budget

ROWS = 15_625
LINES = (
    ("run", "-s", "random-search", "--seeds", "2", "--workers", "1", "--budget", "3evals",
     "--benchmark", "table.safetensors"),
    ("run", "-s", "random-search", "--seeds", "1", "--workers", "1",
     "--benchmark", "table.safetensors", "--dataset", "cifar10"),
    ("run", "-s", "random-search", "--seeds", "1", "--workers", "1", "--budget", "3evals",
     "--benchmark", "table.safetensors", "--protocol", "own"),
    ("data", "info", "table.safetensors"),
    ("data", "verify", "odd"),
    ("data", "list"),
    ("show", "123"),
)  # fmt: skip
ODD = (np.nan, np.inf, -np.inf, -1.0, 0.0, 1e-300, 1e300, 100.5, 1e9, -0.0)


def one_number(quantity: Quantity, value: float, row: int = 17) -> Table:
    """Return a table with one odd number among healthy ones."""
    column: Column = {
        Quantity.ACCURACY: after_epoch(
            Series("cifar10-valid", Split.VALID, Quantity.ACCURACY, 12), 12, None
        ),
        Quantity.SECONDS: query_seconds("cifar10-valid", 12, None),
        Quantity.PARAMS: size("cifar10-valid", Quantity.PARAMS),
    }[quantity]
    numbers = np.full(ROWS, 50.0)
    numbers[row] = value
    info = TableInfo(
        name="odd", title="t", space="nb201", rows=ROWS, cells=ROWS, licence="", columns=(column,)
    )
    return Table.from_columns(info, {column.name: numbers})


@pytest.mark.parametrize(
    ("quantity", "value", "rule"),
    [
        (Quantity.ACCURACY, np.inf, "accuracy inf must be 0 to 100 %"),
        (Quantity.ACCURACY, -0.5, "accuracy -0.5 must be 0 to 100 %"),
        (Quantity.ACCURACY, 100.5, "accuracy 100.5 must be 0 to 100 %"),
        (Quantity.SECONDS, 0.0, "seconds 0 must be above 0, at most 1e"),
        (Quantity.SECONDS, -3.0, "seconds -3 must be above 0, at most 1e"),
        (Quantity.SECONDS, np.inf, "seconds inf must be above 0, at most 1e"),
        (Quantity.PARAMS, -1.0, "params -1 must be 0 to 1e"),
        (Quantity.SECONDS, 1e300, r"seconds 1e\+300 must be above 0"),
        (Quantity.PARAMS, np.inf, "params inf must be 0 to 1e"),
    ],
)
def test_a_number_out_of_bounds_is_named_with_column_and_row(
    quantity: Quantity, value: float, rule: str
) -> None:
    with pytest.raises(DataError, match=rf"table 'odd': column '.*', row 17: {rule}.*; 1 numbers"):
        one_number(quantity, value)


@pytest.mark.parametrize(
    ("quantity", "value"),
    [
        (Quantity.ACCURACY, np.nan), (Quantity.ACCURACY, 0.0), (Quantity.ACCURACY, 100.0),
        (Quantity.SECONDS, np.nan), (Quantity.SECONDS, 1e-9), (Quantity.PARAMS, 0.0),
    ],
)  # fmt: skip
def test_what_is_missing_or_at_a_bound_is_read(quantity: Quantity, value: float) -> None:
    assert one_number(quantity, value).rows is None


def test_every_quantity_has_bounds_of_its_name() -> None:
    """The bounds know quantities by their text: one that is renamed must be renamed there too."""
    assert set(values._BOUNDS) <= {str(one) for one in Quantity}
    assert {"accuracy", "loss", "seconds"} <= set(values._BOUNDS)


def test_an_odd_number_in_a_file_is_found_when_it_is_read(tmp_path: Path) -> None:
    path = tmp_path / "odd.safetensors"
    one_number(Quantity.SECONDS, 7.25).save(path)
    _rewritten(path, {7.25: -7.25})
    with pytest.raises(DataError, match=r"row 17: seconds -7.25 must be above 0, at most 1e"):
        Table.open(path)


def _rewritten(path: Path, numbers: dict[float, float]) -> None:
    """Put other numbers into a table file, and all hashes right again."""
    raw = path.read_bytes()
    length = int.from_bytes(raw[:8], "little")
    header, data = json.loads(raw[8 : 8 + length]), raw[8 + length :]
    array = np.frombuffer(data, dtype="<f8").copy()
    for before, after in numbers.items():
        array[array == before] = after
    info = json.loads(header["__metadata__"]["nasbench"])
    info["columns"][0]["sha256"] = hashlib.sha256(array.tobytes()).hexdigest()
    text = json.dumps(info, sort_keys=True, separators=(",", ":"))
    header["__metadata__"] = {
        "nasbench": text, "sha256": hashlib.sha256(text.encode()).hexdigest()
    }  # fmt: skip
    body = json.dumps(header, separators=(",", ":")).encode()
    path.write_bytes(len(body).to_bytes(8, "little") + body + array.tobytes())


def test_rows_that_do_not_belong_together_are_refused() -> None:
    column = size("cifar10-valid", Quantity.PARAMS)
    info = TableInfo(
        name="odd", title="t", space="nb201", rows=2, cells=2, licence="", columns=(column,)
    )
    with pytest.raises(DataError, match=r"2 rows for 15625 architectures, and no column 'rows'"):
        Table.from_columns(info, {column.name: np.array([1, 2])})
    with pytest.raises(DataError, match=r"has the shape \(3,\), not 2 or 15625 rows"):
        Table.from_columns(info, {column.name: np.array([1, 2, 3])})


def test_a_tiny_cost_is_refused_with_a_budget_that_would_never_end() -> None:
    with pytest.raises(InvalidInput, match=r"more than 1,000,000 of the cheapest evaluations"):
        Budget(seconds=12_000.0).check_cost(1e-300)
    Budget(seconds=12_000.0, evaluations=5).check_cost(1e-300)
    Budget(evaluations=5).check_cost(1e-300)
    Budget(seconds=12_000.0).check_cost(0.012)  # a million of them


@pytest.mark.parametrize("schedule", [2**63, 10**30])
def test_an_endless_schedule_is_not_counted_through(schedule: int) -> None:
    column = after_epoch(Series("x", Split.VALID, Quantity.ACCURACY, schedule), 1, None)
    info = TableInfo(
        name="odd", title="t", space="nb201", rows=ROWS, cells=ROWS, licence="", columns=(column,)
    )
    table = Table.from_columns(info, {column.name: np.ones(ROWS)})
    assert table.search.epochs("x", schedule) == (1,)


@pytest.mark.parametrize(
    "factors", [(0.0, 1.0, 2.0), (1.0, -1.0, 2.0), (1.0, 2.0, 1.5), (1.0, 2.0, np.inf), (3, 2, 4)]
)
def test_a_calibration_is_finite_positive_and_in_order(
    factors: tuple[float, float, float], tmp_path: Path
) -> None:
    least, factor, most = factors
    made = Calibration("b", "t", "d", factor, least, most, (1,), "p", "cpu", 1)
    made.save(tmp_path / "c.json")
    with pytest.raises(DataError, match=r"cannot be table seconds per real second|no calibration"):
        Calibration.load(tmp_path / "c.json")


@cache
def _whole(schema: int) -> bytes:
    import tempfile

    with tempfile.TemporaryDirectory() as name:
        path = Path(name) / "table.safetensors"
        (synthetic_table("odd") if schema == 1 else _of_a_frame()).save(path)
        return path.read_bytes()


def _of_a_frame() -> Table:
    """Return a table with a metric to minimise, two fidelities, a cost and a protocol."""
    generator = np.random.default_rng(0)
    parts = [
        pd.DataFrame({
            "index": np.arange(15_625), "epochs": epochs, "seconds": 2.0 + epochs, "params": 7,
            "valid_perplexity": generator.uniform(1, 9, 15_625),
            "test_perplexity": generator.uniform(1, 9, 15_625),
        })
        for epochs in (1, 3)
    ]  # fmt: skip
    mine = Protocol(
        name="mine", source="nobody", space="nb201", table="odd", schedule=3, epochs=1,
        final_schedule=3, seconds={"odd": 100.0}, reports={"odd": ("odd",)},
    )  # fmt: skip
    return table_from_frame(
        pd.concat(parts), name="odd", space="nb201", protocols=[mine],
        metrics=Metric("perplexity", "min", "", 1.0),
    )  # fmt: skip


def cases(random: Random) -> Iterator[Case]:
    """Yield table files without end: damaged, of odd numbers, of odd names, not of this space."""
    while True:
        kind = random.choice(["damaged", "numbers", "numbers", "metadata", "metadata"])
        seed = random.getrandbits(64)
        line = random.choice(LINES)
        yield Case(f"{kind} {seed}", (line,), lambda f, k=kind, s=seed: _prepare(f, k, Random(s)))


def _prepare(folder: Path, kind: str, random: Random) -> None:
    raw = _whole(random.choice((1, 1, 2)))
    if kind == "damaged":
        content = damaged(raw[: random.choice([64, 2000, 20_000, len(raw)])], random)
        if random.random() < 0.7:
            content = damaged(raw[:9000], random) + raw[9000:]
    else:
        content = _resealed(raw, kind, random)
    for path in (folder / "table.safetensors", folder / "data" / "tables" / "odd.safetensors"):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)


def _resealed(raw: bytes, kind: str, random: Random) -> bytes:
    """Return a table with other numbers or another description, all hashes right."""
    length = int.from_bytes(raw[:8], "little")
    header, data = json.loads(raw[8 : 8 + length]), bytearray(raw[8 + length :])
    info = json.loads(header["__metadata__"]["nasbench"])
    column = random.choice(info["columns"])
    start, end = header[column["name"]]["data_offsets"]
    if kind == "numbers" and column["dtype"] == "F64":
        array = np.frombuffer(bytes(data[start:end]), dtype="<f8").copy()
        places = random.choice([slice(17, 18), slice(None), slice(0, 15_000)])
        array[places] = random.choice(ODD)
        data[start:end] = array.tobytes()
    elif kind == "metadata":
        _odd_metadata(info, column, header, random)
    column["sha256"] = hashlib.sha256(bytes(data[start:end])).hexdigest()
    text = json.dumps(info, sort_keys=True, separators=(",", ":"))
    seal = hashlib.sha256(text.encode()).hexdigest()
    header["__metadata__"] = {"nasbench": text, "sha256": seal}
    body = json.dumps(header, separators=(",", ":")).encode()
    return len(body).to_bytes(8, "little") + body + bytes(data)


def _odd_metadata(
    info: dict[str, Any], column: dict[str, object], header: dict[str, object], random: Random
) -> None:
    odd = random.choice([
        None, -1, 0, 10**30, 2**63, 1.5, "", "x", "..", "../..", "\x1b[31mred", "\u202eturned",
        "a\udcff", "a" * 5000, [], {}, True, "nb301", ["\x07"],
    ])  # fmt: skip
    nested = [*info.get("metrics", ()), *info.get("protocols", ())]
    if nested and random.random() < 0.6:
        inside = random.choice([*nested, nested[-1]["seconds"], nested[-1]["reports"]])
        inside[random.choice([*inside, "new"])] = odd
    elif random.random() < 0.5:
        info[random.choice(sorted(set(info) - {"columns"}))] = odd
    elif random.random() < 0.7:
        key = random.choice(sorted(set(column) - {"name"}))
        column[key] = odd
        if key in ("dtype", "shape"):
            header[str(column["name"])][key] = odd  # type: ignore[index]
    else:
        name = str(column["name"])
        new = odd if isinstance(odd, str) else "rows"
        header[new] = header.pop(name)
        column["name"] = new


@pytest.mark.parametrize("seed", range(2))
def test_bad_tables_end_in_one_line(seed: int, tmp_path: Path) -> None:
    preload()
    made = cases(Random(f"suite {seed}"))
    for number in range(8):
        folder = tmp_path / str(number)
        folder.mkdir()
        for outcome in run_case(next(made), folder):
            assert not outcome.trouble, (outcome.trouble, outcome.line, outcome.text[-800:])

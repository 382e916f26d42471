"""Tables of data frames: numbers come back as they were given, and what is wrong is named."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from tables import synthetic_table

import nasbench
from nasbench.benchmarks.protocols import Protocol, own_protocol, protocols_for
from nasbench.benchmarks.tables.columns import Series, after_epoch, query_seconds
from nasbench.benchmarks.tables.info import Quantity, Split, TableInfo
from nasbench.benchmarks.tables.table import Table
from nasbench.benchmarks.tabular import Query, TabularBenchmark
from nasbench.errors import DataError, InvalidInput
from nasbench.harness.audit import audit
from nasbench.harness.results.load import load_results
from nasbench.problem import LOSS, Evaluate, Fidelity, Metric
from nasbench.randomness import Random
from nasbench.spaces.categorical import CategoricalSpace, Decision
from nasbench.spaces.graph import GraphSpace
from nasbench.spaces.pool import PoolSpace

SPACE = PoolSpace("letters", list("abcd"))
ROWS = [  # architecture, epochs, seed, seconds, validation, test
    ("a", 1, 0, 2.0, 5.0, np.nan), ("a", 4, 0, 9.0, 3.0, 3.5), ("a", 4, 1, 8.0, 2.0, 2.5),
    ("b", 1, 0, 3.0, 6.0, np.nan), ("b", 4, 0, 5.0, 1.0, 1.5),
    ("d", 4, 1, 7.0, 4.0, 9.0),
]  # fmt: skip
NAMES = ["architecture", "epochs", "seed", "seconds", "valid_loss", "test_loss"]


def frame(**changes: Any) -> pd.DataFrame:
    return pd.DataFrame(ROWS, columns=NAMES).assign(**changes)


def made(rows: pd.DataFrame | None = None, **options: Any) -> Table:
    given = {"name": "mine", "space": SPACE, "metrics": LOSS, **options}
    return nasbench.table_from_frame(frame() if rows is None else rows, **given)


@pytest.fixture(autouse=True)
def known(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let tables of the small space be opened."""
    from nasbench.spaces import registry

    monkeypatch.setitem(registry._registered, "letters", Letters)
    registry._made.cache_clear()


class Letters(PoolSpace):
    def __init__(self) -> None:
        super().__init__("letters", list("abcd"))


def test_numbers_are_where_they_were_given() -> None:
    table = made(pool=False)
    search, nan = table.search, np.nan
    np.testing.assert_array_equal(search.after("loss", "mine", 4, 1, 0), [5, 6, nan, nan])
    np.testing.assert_array_equal(search.after("loss", "mine", 4, 4, 1), [2, nan, nan, 4])
    np.testing.assert_array_equal(search.after("loss", "mine", 4, 4), [2.5, 1, nan, 4])
    np.testing.assert_array_equal(table.test.mean("mine", metric="loss"), [3, 1.5, nan, 9])
    np.testing.assert_array_equal(table.test.count("mine"), [2, 1, 0, 1])
    np.testing.assert_array_equal(search.query_seconds("mine", 4, 0), [9, 5, nan, nan])
    np.testing.assert_array_equal(search.query_seconds("mine", 4, epochs=1), [2, 3, nan, nan])
    assert table.info.cells == 3
    assert table.metrics == (LOSS,)


def test_the_order_of_rows_does_not_matter_and_a_file_keeps_all(tmp_path: Path) -> None:
    table = made()
    assert made(frame().sample(frac=1, random_state=3)).hash == table.hash
    table.save(tmp_path / "t.safetensors")
    again = Table.open(tmp_path / "t.safetensors")
    assert (again.hash, again.info, again.metrics) == (table.hash, table.info, table.metrics)


def test_indices_are_as_good_as_texts() -> None:
    rows = frame()
    numbers = [SPACE.index(one) for one in rows["architecture"]]
    assert made(rows.drop(columns="architecture").assign(index=numbers)).hash == made().hash


def test_a_query_draws_a_training_and_what_has_no_row_fails() -> None:
    table = made(pool=False)
    benchmark = TabularBenchmark(table.search, None, SPACE, Query("mine", 4, 4, "random"), (LOSS,))
    answers = [benchmark.session(Random(seed)).answer(Evaluate("a")) for seed in range(20)]
    assert {(one.values, one.seconds) for one in answers} == {((3.0,), 9.0), ((2.0,), 8.0)}
    assert benchmark.session(Random(0)).answer(Evaluate("d")).values == (4.0,)
    assert benchmark.session(Random(0)).answer(Evaluate("c")).failed
    assert benchmark.fidelities == (Fidelity(1, 4), Fidelity(4, 4))


def test_what_a_resumed_training_costs_is_the_difference() -> None:
    """One training each: the first epoch is paid once. 9 - 2 = 7 s of a, 5 - 3 = 2 s of b."""
    table = made(frame().query("seed == 0"))
    benchmark = TabularBenchmark(
        table.search, None, SPACE, Query("mine", 4, 1), (LOSS,), resume=True
    )
    session = benchmark.session(Random(0))
    for name, expected in (("a", 7.0), ("b", 2.0)):
        first = Evaluate(name, Fidelity(1))
        session.told(first, session.answer(first))  # type: ignore[attr-defined]
        answer = session.answer(Evaluate(name, Fidelity(4)))
        assert (answer.seconds, answer.epochs) == (expected, 3)


@pytest.mark.parametrize(
    ("rows", "options", "words"),
    [
        (frame().drop(columns="architecture"), {}, "no column 'architecture'"),
        (frame().drop(columns="valid_loss"), {}, "no column 'valid_loss'"),
        (
            frame(valid_accuracy=1.0),
            {"metrics": (LOSS, Metric("accuracy", "max"))},
            "no column 'test_accuracy'",
        ),
        (frame(), {"metrics": ()}, "name at least one"),
        (frame(colour=1), {}, "column 'colour' is none that a table has"),
        (frame(epochs=0), {}, "column 'epochs', row 0: 0 is no whole number of 1 or more"),
        (frame(epochs=1.5), {}, "column 'epochs', row 0: 1.5 is no whole"),
        (frame(seconds="much"), {}, "column 'seconds' is not of numbers"),
        (frame(architecture="z"), {}, "row 0: z is no architecture of space 'letters'"),
        (frame(seed=0), {}, "architecture 0 has two rows of 'mine' after 4 epochs, seed 0"),
        (frame(params=[1, 2, 1, 1, 1, 1]), {}, "column 'params': architecture 0 has"),
        (
            frame(**{"latency/phone": [1, 2, -0.5, 1, 2, 3]}), {},
            "architecture 0 has -0.5; a network's cost is 0 or more",
        ),
        (frame().iloc[:0], {}, "has no rows"),
        (frame(), {"pool": "yes"}, "pool cannot be 'yes'"),
        (frame(**{"latency/": 1.0}), {}, "column 'latency/' is none that a table has"),
        (frame(), {"space": "nowhere"}, "space 'nowhere' is unknown"),
        (frame(), {"space": GraphSpace("g", ("a",), 4)}, "needs a space with indices"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_named(rows: pd.DataFrame, options: dict[str, Any], words: str) -> None:
    with pytest.raises(InvalidInput, match=words):
        made(rows, **options)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"valid_loss": -1.0}, "loss -1 must be 0 to inf nats"),
        ({"seconds": 0.0}, "seconds 0 must be above 0"),
    ],
)
def test_numbers_out_of_bounds_are_refused(changes: dict[str, float], words: str) -> None:
    with pytest.raises(DataError, match=words):
        made(frame(**changes))


def test_a_protocol_comes_along(tmp_path: Path) -> None:
    mine = Protocol(
        name="mine-2026", source="a paper", space="letters", table="mine", schedule=4, epochs=1,
        final_schedule=4, seconds={"mine": 30.0}, reports={"mine": ("mine",)}, signal="mean",
    )  # fmt: skip
    path = tmp_path / "mine.safetensors"
    made(protocols=[mine]).save(path)
    nasbench.run("random-search", seeds=3, benchmark=path, out=tmp_path / "runs", workers=1)
    (folder,) = load_results(tmp_path / "runs").experiments
    task = folder.experiment.task
    assert (task.protocol, str(task.budget), task.metric) == ("mine-2026", "30s", LOSS)
    found = audit(tmp_path / "runs")
    assert not found.faults
    nasbench.run(
        "random-search", seeds=3, benchmark=path, protocol="own", out=tmp_path / "own", workers=1
    )
    (folder,) = load_results(tmp_path / "own").experiments
    assert folder.experiment.task.protocol == "own"


def grid() -> CategoricalSpace:
    """Return a space of as many architectures as NAS-Bench-201 has."""
    return CategoricalSpace("grid", tuple(Decision(f"d{i}", tuple("abcde")) for i in range(6)))


class Grid(CategoricalSpace):
    def __init__(self) -> None:
        super().__init__("grid", grid().decisions)


def test_a_data_set_of_a_known_name_is_the_tables_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, synthetic_nb201: Path
) -> None:
    """15,625 rows and a data set `cifar10`, of another space: no protocol of NAS-Bench-201's."""
    from nasbench.spaces import registry

    monkeypatch.setitem(registry._registered, "grid", Grid)
    generator = np.random.default_rng(0)
    rows = pd.DataFrame({
        "index": np.tile(np.arange(15_625), 2), "epochs": np.repeat([12, 200], 15_625),
        "seconds": 5.0, "dataset": "cifar10", "valid_accuracy": generator.uniform(0, 100, 31_250),
        "test_accuracy": generator.uniform(0, 100, 31_250),
    })  # fmt: skip
    table = nasbench.table_from_frame(rows, name="grid", space="grid")
    path = tmp_path / "grid.safetensors"
    table.save(path)
    for options in ({}, {"datasets": ["cifar10"]}):
        nasbench.run("random-search", seeds=2, benchmark=path, budget="5evals", workers=1,
                     out=tmp_path / "runs", **options)  # fmt: skip
    (folder,) = load_results(tmp_path / "runs").experiments
    task = folder.experiment.task
    assert (task.space, task.protocol, task.reports) == ("grid", "own", ("cifar10",))
    asked = load_results(tmp_path / "runs").trajectories["architecture"]
    assert len(asked) == 10
    assert all(one.startswith("d0=") for one in asked)
    with pytest.raises(InvalidInput, match=r"protocol 'nb201-paper' is for space 'nb201', table"):
        nasbench.run("random-search", seeds=1, benchmark=path, protocol="nb201-paper", workers=1,
                     out=tmp_path / "other")  # fmt: skip


def test_columns_of_12_and_90_epochs_can_be_searched() -> None:
    """Trainings of two schedules, as tables of other spaces have them."""
    generator, size = np.random.default_rng(0), 15_625
    data = {}
    for schedule in (12, 90):
        for split in (Split.VALID, Split.TEST):
            series = Series("x", split, Quantity.ACCURACY, schedule)
            data[after_epoch(series, schedule, None)] = generator.uniform(0, 100, size)
        data[query_seconds("x", schedule, None)] = np.full(size, float(schedule))
    info = TableInfo(
        name="two", title="", space="nb201", rows=size, cells=size, licence="MIT",
        columns=tuple(data),
    )  # fmt: skip
    table = Table.from_columns(info, {column.name: array for column, array in data.items()})
    found = own_protocol(table)
    assert (found.schedule, found.epochs, found.final_schedule) == (12, 12, 90)
    assert found.seconds == {"x": 1300.0}  # 106 queries of 12 s are 1,272 s


def test_a_large_space_costs_nothing_up_front() -> None:
    """524,288 architectures with three trainings each: nothing is made for those never asked."""
    space = CategoricalSpace("bits", tuple(Decision(f"b{i}", ("0", "1")) for i in range(19)))
    rows = pd.concat([
        pd.DataFrame({
            "index": np.arange(space.size), "epochs": 1, "seed": seed, "seconds": 1.0,
            "valid_accuracy": 50.0 + seed, "test_accuracy": 50.0,
        })
        for seed in range(3)
    ])  # fmt: skip
    table = nasbench.table_from_frame(rows, name="bits", space=space)
    benchmark = TabularBenchmark(table.search, None, space, Query("bits", 1, 1, "random"))
    session, random = benchmark.session(Random(0)), Random(1)
    seen = {session.answer(Evaluate(space.sample(random))).values[0] for _ in range(100)}
    assert seen == {50.0, 51.0, 52.0}
    assert sum(map(len, benchmark.answers(None).by_seed)) <= 300
    assert "_listed" not in vars(space)


def test_one_metric_is_enough_for_a_name() -> None:
    table = made(
        frame().rename(columns=lambda one: one.replace("loss", "ssim")), metrics=Metric("ssim")
    )
    assert [one.name for one in table.metrics] == ["ssim"]
    assert synthetic_table().metrics[0].name == "accuracy"


def resuming(rows: pd.DataFrame) -> Any:
    """Return a session that goes on with trainings, after one epoch of `a`."""
    benchmark = TabularBenchmark(
        made(rows).search, None, SPACE, Query("mine", 4, 1), (LOSS,), resume=True
    )
    session = benchmark.session(Random(0))
    first = Evaluate("a", Fidelity(1))
    session.told(first, session.answer(first))  # type: ignore[attr-defined]
    return session


def test_a_training_whose_end_is_missing_costs_nothing_and_fails() -> None:
    rows = frame().query("seed == 0")
    lost = resuming(rows[(rows["architecture"] != "a") | (rows["epochs"] == 1)])
    answer = lost.answer(Evaluate("a", Fidelity(4)))
    assert (answer.failed, answer.seconds, answer.epochs) == (True, 0.0, 3)


def test_more_epochs_that_cost_less_cannot_be_gone_on_to() -> None:
    rows = frame().query("seed == 0")
    odd = resuming(rows.assign(seconds=[9.0, 2.0, 3.0, 5.0]))
    with pytest.raises(DataError, match="on from 1 to 4 epochs would take -7 s"):
        odd.answer(Evaluate("a", Fidelity(4)))


def test_trainings_that_are_not_known_early_are_not_drawn() -> None:
    """Seed 0 is known after one epoch, seeds 1 and 2 at the end only: the mean is the signal."""
    rows = pd.DataFrame(
        [(one, 1, 0, 1.0, 5.0, np.nan) for one in "abcd"]
        + [(one, 4, seed, 4.0, 3.0, 3.0) for one in "abcd" for seed in (1, 2)],
        columns=NAMES,
    )
    found = own_protocol(made(rows))
    assert (found.epochs, found.signal) == (1, "mean")


def test_a_table_without_a_value_at_the_end_cannot_be_searched() -> None:
    rows = frame()
    rows.loc[rows["epochs"] == 4, "valid_loss"] = np.nan
    with pytest.raises(InvalidInput, match="knows no metric at the end of a schedule"):
        own_protocol(made(rows))


def test_a_table_that_cannot_be_judged_by_a_published_protocol_has_its_own() -> None:
    rows = pd.DataFrame({
        "index": np.arange(15_625), "epochs": 12, "seconds": 5.0, "dataset": "cifar10",
        "valid_accuracy": 50.0, "test_accuracy": 50.0,
    })  # fmt: skip
    table = nasbench.table_from_frame(rows, name="short", space="nb201")
    assert protocols_for(table) == []
    assert own_protocol(table).final_schedule == 12


PROTOCOL: dict[str, Any] = {
    "name": "mine-2026", "source": "a paper", "space": "letters", "table": "mine", "schedule": 4,
    "epochs": 1, "final_schedule": 4, "seconds": {"mine": 30.0}, "reports": {"mine": ("mine",)},
}  # fmt: skip


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"reports": {}}, "it reports no data set for 'mine'"),
        ({"reports": {"mine": ("mine", "mine")}}, "or one twice"),
        ({"reports": {"mine": ("zz",)}}, "'zz' is not known after 4 epochs"),
        ({"final_schedule": 77}, "'mine' is not known after 77 epochs"),
        ({"epochs": 3}, "'mine' is not known after 3 of 4 epochs"),
        ({"signal": "random"}, "there are no single trainings of 'mine' after 1 epochs"),
        ({"seconds": {"mine": -1.0}}, "its budget on 'mine' is -1 s"),
        ({"seconds": {"mine": np.nan}}, "its budget on 'mine' is nan s"),
        ({"seconds": {}}, "searches no data set"),
        ({"name": "own"}, "is a known one"),
        ({"name": "nats-bench"}, "is a known one"),
        ({"space": "nb201"}, "is for table 'mine' of space 'nb201', not for"),
        ({"epochs": 0}, "epochs: Input should be greater than or equal to 1"),
    ],
)
def test_a_protocol_that_does_not_fit_is_refused(changes: dict[str, Any], words: str) -> None:
    with pytest.raises(InvalidInput, match=words):
        made(protocols=[Protocol(**{**PROTOCOL, **changes})])
    with pytest.raises(InvalidInput, match="two protocols have one name"):
        made(protocols=[Protocol(**PROTOCOL)] * 2)


@pytest.mark.parametrize("name", ["seconds", "params", "latency", "count", "test", "row"])
def test_a_metric_is_not_called_as_another_column(name: str) -> None:
    rows = frame().rename(columns=lambda one: one.replace("loss", name))
    with pytest.raises(InvalidInput, match=f"'{name}' is no name of a metric"):
        made(rows, metrics=Metric(name))


@pytest.mark.parametrize(
    ("rows", "options", "words"),
    [
        (frame(dataset=[None] * 6), {}, "column 'dataset' has None"),
        (frame(dataset="a/b"), {}, "column 'dataset' has 'a/b'"),
        (frame(dataset=""), {}, "column 'dataset' has ''"),
        (frame(seed=2.0**60), {}, "column 'seed', row 0: .* at most 9.0"),
        (frame(epochs=np.inf), {}, "column 'epochs', row 0: inf is no whole number"),
        (frame(index=0), {}, "a column 'architecture' and one 'index'"),
        (frame(architecture=[["a"]] * 6), {}, "row 0: .* is no architecture"),
        (frame(seconds=pd.Timedelta("1s")), {}, "column 'seconds' is not of numbers"),
        (pd.concat([frame(), frame()[["epochs"]]], axis=1), {}, "two columns 'epochs'"),
        (frame(), {"name": None}, "name cannot be None: it must be a text"),
        (frame(), {"notes": "abc"}, "notes cannot be 'abc': it must be a list of texts"),
        (frame(), {"metrics": "loss"}, "metrics cannot be 'loss'"),
        (frame(), {"metrics": [LOSS, LOSS]}, "two metrics have one name"),
        (frame(), {"space": PoolSpace("letters", list("dcba"))}, "another space is registered"),
    ],
)  # fmt: skip
def test_odd_input_is_one_line(rows: pd.DataFrame, options: dict[str, Any], words: str) -> None:
    with pytest.raises(InvalidInput, match=words):
        made(rows, **options)
    with pytest.raises(InvalidInput, match="frame cannot be"):
        nasbench.table_from_frame({}, name="x", space="letters")  # type: ignore[arg-type]


def test_a_cost_that_is_missing_in_some_rows_is_known() -> None:
    table = made(frame(params=[np.nan, 7, np.nan, 8, np.nan, np.nan]), pool=False)
    np.testing.assert_array_equal(table.search.params("mine"), [7, 8, np.nan, np.nan])

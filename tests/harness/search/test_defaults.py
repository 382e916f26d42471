"""What a search is on when some of it is left open."""

from pathlib import Path

import numpy as np
import pytest
from tables import synthetic_table
from typer.testing import CliRunner

from nasbench.benchmarks import catalogue
from nasbench.benchmarks.protocols import Protocol, find_protocol
from nasbench.benchmarks.tables.columns import Series, curve, per_epoch_seconds, query_seconds
from nasbench.benchmarks.tables.info import Quantity, Split, TableInfo
from nasbench.benchmarks.tables.table import Table
from nasbench.benchmarks.training import catalogue as training
from nasbench.cli.app import app
from nasbench.errors import DataError, InvalidInput
from nasbench.harness.execution.run import run
from nasbench.harness.results.load import load_results
from nasbench.harness.search import defaults
from nasbench.harness.search.budget import Budget
from nasbench.harness.search.defaults import choose
from nasbench.harness.search.tasks import Wanted, make_tasks
from nasbench.testing.one_shot import SMALL
from tests.benchmarks.training import tiny


def chosen(*given: object, **options: object) -> tuple[str, tuple[str, ...], str | None]:
    found = choose(*given, **options)  # type: ignore[arg-type]
    name = getattr(found.protocol, "name", found.protocol)
    return Path(found.benchmark).name, found.datasets, name


@pytest.fixture
def nothing_fetched(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NASBENCH_DATA", str(tmp_path))


@pytest.mark.usefixtures("synthetic_nb201")
def test_the_fetched_table_is_the_default() -> None:
    assert chosen(None, None, None) == ("nb201", ("cifar10",), "nb201-paper")


@pytest.mark.usefixtures("nothing_fetched")
@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ((None, None, None), ("digits", ("digits",), "own")),
        ((None, ["digits"], None), ("digits", ("digits",), "own")),
        ((None, ["cifar100"], None), ("nb201", ("cifar100",), "nats-bench")),
        ((None, None, "nats-bench"), ("nb201", ("cifar10",), "nats-bench")),
        (("nb201", None, None), ("nb201", ("cifar10",), "nb201-paper")),
        (("train:nb201", None, None), ("train:nb201", ("digits",), None)),
        (("train:nb201", ["npz:x"], "a/b"), ("train:nb201", ("npz:x",), "a/b")),
        ((None, None, find_protocol("nats-bench")), ("nb201", ("cifar10",), "nats-bench")),
    ],
)
def test_what_is_given_decides(given: tuple[object, ...], expected: tuple[object, ...]) -> None:
    assert chosen(*given) == expected


@pytest.mark.usefixtures("synthetic_nb201")
def test_a_search_that_trains_goes_where_the_images_are(monkeypatch: pytest.MonkeyPatch) -> None:
    """With nothing named: CIFAR-10 if its images are there, else the bundled digits; it says so."""
    said: list[str] = []
    there: list[str] = []
    monkeypatch.setattr(
        defaults, "images_at_hand", lambda name: Path("x") if name in there else None
    )

    def found(*given: object, shared: tuple[str, ...] = ("darts",)) -> tuple[object, ...]:
        said.clear()
        return chosen(*given, shared=shared, say=said.append)

    assert found(None, None, None) == ("digits", ("digits",), "own")
    assert said == [
        "darts trains on images and those of 'cifar10' are not at hand: everything is searched on "
        "the bundled 'digits'; `nasbench data fetch cifar10` gets them"
    ]
    for given in ((None, ["cifar10"], None), ("nb201", None, None), (None, None, "nb201-paper")):
        assert found(*given) == ("nb201", ("cifar10",), "nb201-paper")
        assert not said
    assert found(None, None, None, shared=()) == ("nb201", ("cifar10",), "nb201-paper")
    there.append("cifar10")
    assert found(None, None, None) == ("nb201", ("cifar10",), "nb201-paper")
    assert not said


@pytest.mark.usefixtures("synthetic_nb201")
def test_mixed_strategies_meet_in_one_block(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(training._BY_NAME, "digits", lambda _: tiny.data())  # quicker to train on
    training.shared_data.cache_clear()
    said: list[str] = []
    small = {"rsps": {**SMALL, "samples": 3, "epochs": 1}}
    outcomes = run(
        "random-search,rsps", seeds=1, settings=small, out=tmp_path, workers=1, say=said.append
    )
    assert [one.failed for one in outcomes] == [{}, {}]
    first, second = (one.experiment.task for one in outcomes)
    assert first.judged_by == second.judged_by
    assert first.benchmark == "digits"
    assert [line for line in said if line.startswith("rsps trains on images")] == said
    training.shared_data.cache_clear()


def test_a_table_of_another_name_is_searched_on_what_it_has(tmp_path: Path) -> None:
    path = tmp_path / "mine.safetensors"
    synthetic_table().save(path)
    assert chosen(path, None, None) == ("mine.safetensors", ("cifar10",), "nb201-paper")


@pytest.mark.usefixtures("nothing_fetched")
def test_only_a_fallback_takes_data_sets_no_protocol_knows() -> None:
    with pytest.raises(InvalidInput, match="data set 'npz:x' is unknown"):
        choose(None, ["npz:x"], None)
    assert chosen(None, ["npz:x"], None, fallback=True) == ("digits", ("npz:x",), None)


def own_table(name: str, dataset: str) -> Table:
    """Return a table of 9 epochs of 2 seconds and a validation pass of 1."""
    generator = np.random.default_rng(0)
    accuracy = {
        curve(Series(dataset, split, Quantity.ACCURACY, 9), seed, epochs=9): (
            generator.uniform(20, 90, (15_625, 9)).astype(np.float32)
        )
        for seed in (0, 1)
        for split in (Split.VALID, Split.TEST)
    }
    data = {
        **accuracy,
        per_epoch_seconds(dataset, Split.TRAIN): np.full(15_625, 2.0),
        query_seconds(dataset, 9, None): np.full(15_625, 19.0),
    }
    info = TableInfo(
        name=name, title="", space="nb201", rows=15_625, cells=15_625, licence="MIT",
        columns=tuple(data),
    )  # fmt: skip
    return Table.from_columns(info, {column.name: array for column, array in data.items()})


def test_the_bundled_table_is_the_default_where_nothing_is_fetched(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NASBENCH_DATA", str(tmp_path / "data"))
    monkeypatch.setattr(catalogue, "SHIPPED", tmp_path / "shipped")
    own_table("digits", "digits").save(tmp_path / "shipped" / "digits.safetensors")
    assert ("digits", True) in [(one.name, one.installed) for one in catalogue.list_tables()]
    with pytest.raises(InvalidInput, match="table 'digits' comes with nasbench: name yours"):
        catalogue.new_table_path("digits")
    with pytest.raises(InvalidInput, match="called 'all', which stands for every table"):
        catalogue.new_table_path("all")
    assert chosen(None, None, None) == ("digits", ("digits",), "own")
    words = ["run", "--strategy", "random-search", "--seeds", "2", "--out", str(tmp_path / "runs")]
    done = CliRunner().invoke(app, words)
    assert done.exit_code == 0, done.output
    assert "note: NAS-Bench-201 is not installed, searching on the bundled table" in done.stderr
    synthetic_table().save(catalogue.table_path("nb201"))
    assert chosen(None, None, None) == ("nb201", ("cifar10",), "nb201-paper")


def test_a_table_without_costs_says_how_to_measure_them(tmp_path: Path) -> None:
    table = own_table("mine", "shapes")
    free = [column for column in table.info.columns if column.quantity != Quantity.SECONDS]
    info = table.info.model_copy(update={"columns": tuple(free)})
    path = tmp_path / "mine.safetensors"
    Table.from_columns(info, {c.name: table._read(c.name) for c in free}).save(path)
    protocol = choose(path, None, None).protocol
    assert isinstance(protocol, Protocol)
    assert (protocol.seconds, protocol.evaluations) == ({}, {"shapes": 106})
    wanted = Wanted(budget=Budget(100.0))
    with pytest.raises(
        InvalidInput, match=r"'mine' has no seconds.*same command with --costs-only"
    ):
        make_tasks(path, None, None, wanted)


def test_a_table_whose_costs_fall_below_0_is_named(tmp_path: Path) -> None:
    """Whole trainings of 1 s, epochs of 2 s: 3 of 9 epochs would take 1 - 6 * 2 = -11 s."""
    table = own_table("mine", "shapes")
    data = {one.name: table._read(one.name) for one in table.info.columns}
    data[query_seconds("shapes", 9, None).name] = np.full(15_625, 1.0)
    path = tmp_path / "mine.safetensors"
    Table.from_columns(table.info, data).save(path)
    with pytest.raises(
        DataError, match=r"table 'mine': 3 of 9 epochs on 'shapes' would take -11 s"
    ):
        choose(path, None, None)


def test_a_table_of_other_data_gets_a_protocol_of_its_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A third of 9 epochs costs 3 * 2 + 1 seconds, a hundred and six of them 742: two digits."""
    monkeypatch.setenv("NASBENCH_DATA", str(tmp_path))
    path = tmp_path / "mine.safetensors"
    own_table("mine", "shapes").save(path)
    for datasets in (None, ["shapes"]):
        found = choose(path, datasets, None)
        assert found.datasets == ("shapes",)
        assert isinstance(found.protocol, Protocol)
        assert (found.protocol.epochs, found.protocol.schedule) == (3, 9)
        assert (found.protocol.seconds["shapes"], found.protocol.signal) == (740.0, "random")
    (outcome,) = run("random-search", seeds=1, benchmark=path, out=tmp_path / "results")
    assert (outcome.finished, outcome.experiment.task.query.epochs) == (1, 3)
    (stored,) = load_results(tmp_path / "results").experiments
    assert stored.lists("seconds").values.tolist() == [7.0] * 105

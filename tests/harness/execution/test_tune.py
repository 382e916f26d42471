"""Tuning: the best settings are found, on seeds that reporting may not use."""

import importlib
import shutil
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from proxy_files import put_scores
from tables import installed

from nasbench.benchmarks.catalogue import load_table
from nasbench.errors import CannotCompare, InvalidInput, NasbenchError, StoreError
from nasbench.harness.compare import compare
from nasbench.harness.compare.tables.all_tables import cost_table
from nasbench.harness.execution import tune as module
from nasbench.harness.execution.config import read_config
from nasbench.harness.execution.run import run
from nasbench.harness.execution.tune import FAILED, Span, parse_space, tune
from nasbench.harness.results.load import load_results
from nasbench.place import HERE
from nasbench.problem import Answer, Evaluate, Trial
from nasbench.strategies.base import SearchStrategy, require
from nasbench.strategies.registry import find_strategy

pytestmark = pytest.mark.usefixtures("synthetic_nb201")


class Aim(SearchStrategy):
    """Asks the cell that ranks `place` in final validation: the smaller, the better."""

    family = "test"
    reference = "none"

    @dataclass(frozen=True)
    class Settings:
        place: int = 9000
        spread: int = 1

        def __post_init__(self) -> None:
            require(self.place != 13, "place", self.place, "not 13")

    def ask(self) -> Evaluate:
        order = load_table("nb201").search.accuracy("cifar10", 200, 200).argsort()[::-1]
        place = self.settings.place + self.random.integer(self.settings.spread)
        return Evaluate(self.space.architecture(int(order[place])))

    def tell(self, trial: Trial, answer: Answer) -> None:
        pass


class Told:
    """Counts the settings that were announced, and those that ended."""

    wanted = ended = 0

    def start(self, total: int, there: int = 0) -> None:
        self.wanted += total

    def advance(self, count: int = 1, note: str | None = None) -> None:
        self.ended += count


@pytest.fixture(scope="module")
def tuned(tmp_path_factory: pytest.TempPathFactory, synthetic_data: Path) -> Path:
    """Tune once for several tests; the folder of the tuning runs."""
    out, told = tmp_path_factory.mktemp("tuning"), Told()
    with installed(synthetic_data):
        tune(
            "test_tune:Aim", "place=0..8000", tuning_seeds="100-119", samples=12, budget="1evals",
            workers=1, out=out, progress=told,
        )  # fmt: skip
    assert (told.wanted, told.ended) == (13, 13)
    return out


def file_in(folder: Path) -> Path:
    (path,) = folder.glob("tuned-*.toml")
    return path


def test_the_best_settings_are_chosen_and_bad_ones_stopped_early(tuned: Path) -> None:
    """The metric rises with `place`, so the least that was drawn must win."""
    content = tomllib.loads(file_in(tuned).read_text())
    record, chosen = content["tuning"], content["strategies"]["test_tune:Aim"]
    found = load_results(tuned).experiments
    places = {one.experiment.settings["place"]: len(one) for one in found}
    assert len(places) == record["tried"] == 13
    assert 9000 in places  # the defaults are tried too
    assert chosen == {"place": min(places)}
    assert places[min(places)] == 20
    assert min(places.values()) < 20
    assert record["runs"] == sum(places.values())
    assert record["evaluations"] == record["runs"]
    total = sum(one.column("clock_seconds").sum() for one in found)
    assert record["clock_seconds"] == pytest.approx(total)
    assert record["seeds"] == list(range(100, 120))


def test_tuned_settings_are_reported_with_their_cost_on_other_seeds(
    tuned: Path, tmp_path: Path
) -> None:
    options = dict(read_config(tomllib.loads(file_in(tuned).read_text())))
    names = options.pop("strategies")
    run(names, seeds=10, budget="1evals", out=tmp_path, **options)
    run("random-search", seeds=10, budget="1evals", out=tmp_path)
    (block,) = compare(tmp_path).blocks
    rows = {row.experiment.strategy: row for row in block.of("cifar10")[0]}
    assert rows["test_tune:Aim"].costs.tuning_runs == options["tuning"]["runs"]
    assert rows["random-search"].costs.tuning_runs == 0
    table = cost_table(block)
    place = table.columns.index("tuning simulated s")
    shown = {cells[0].text: cells[place].text for cells in table.sections[0].rows}
    assert shown["Random search"] == "0"
    assert shown["Aim"] == f"{options['tuning']['clock_seconds']:.0f}"
    run(names, seeds="119,", budget="1evals", out=tmp_path, **options)
    with pytest.raises(CannotCompare, match="tuned on 1 of these seeds, such as 119: report other"):
        compare(tmp_path)


def test_scores_of_proxies_are_charged_as_they_are_told(
    tmp_path: Path, synthetic_data: Path
) -> None:
    """Every run has the calibration; where no score is asked for, it is refused."""
    data = tmp_path / "data"
    shutil.copytree(synthetic_data / "tables", data / "tables")
    put_scores(data, {"synflow": np.arange(15_625.0)})
    with installed(data):
        given: dict[str, Any] = {
            "tuning_seeds": "100-101",
            "samples": 1,
            "budget": "4000s",
            "workers": 1,
        }
        with pytest.raises(InvalidInput, match="no strategy that is run asks for scores"):
            tune("test_tune:Aim", "place=5|6", proxy_seconds=2.0, out=tmp_path / "b", **given)
        tune("proxy", "proxy=synflow,candidates=20..40", proxy_seconds=2.0, out=tmp_path / "c",
             **given)  # fmt: skip
        found = load_results(tmp_path / "c").experiments
    uses = [one.experiment.proxies for one in found]
    assert {use.factor for use in uses if use is not None and use.names == ("synflow",)} == {2.0}


def test_a_reserved_data_set_is_not_reported_at_all(tmp_path: Path) -> None:
    _, path = tune(
        "test_tune:Aim", "place=5|6", tuning_seeds="100-101", samples=1, budget="1evals",
        reserve_dataset=True, workers=1, out=tmp_path / "tuning",
    )  # fmt: skip
    options = dict(read_config(tomllib.loads(path.read_text())))
    run(options.pop("strategies"), seeds=3, budget="1evals", out=tmp_path / "results", **options)
    with pytest.raises(CannotCompare, match="tuned on cifar10, which was reserved for that"):
        compare(tmp_path / "results")


def test_settings_that_are_refused_end_their_trial_only(tmp_path: Path) -> None:
    record, path = tune(
        "test_tune:Aim", "place=12..14", tuning_seeds="100-101", samples=6, budget="1evals",
        workers=1, out=tmp_path,
    )  # fmt: skip
    assert tomllib.loads(path.read_text())["strategies"]["test_tune:Aim"] == {"place": 12}
    assert record.tried <= 3
    with pytest.raises(
        NasbenchError, match=r"no settings finished all 2 seeds \(RuntimeError: on purpose\)"
    ):
        tune(
            "workers:Fails", "much=1..3", tuning_seeds="100-101", samples=1, budget="1evals",
            workers=1, out=tmp_path,
        )  # fmt: skip


def test_workers_that_are_no_number_are_one_line(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match="workers cannot be 'two': it must be a number or auto"):
        tune("test_tune:Aim", "place=1..3", tuning_seeds="1-2", workers="two", out=tmp_path)


def test_spaces_as_they_are_written() -> None:
    evolution, darts = map(find_strategy, ("regularized-evolution", "fbnet"))
    assert parse_space(evolution, "population=5..100, sample=2..20") == {
        "population": Span(5, 100, True, False), "sample": Span(2, 20, True, False)
    }  # fmt: skip
    assert parse_space(darts, "learning_rate=.001..0.5:log,form=product|sum") == {
        "learning_rate": Span(0.001, 0.5, False, True), "form": ("product", "sum")
    }  # fmt: skip


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "names no setting"),
        ("population", "write setting=low..high"),
        ("population=1..5,population=2..3", "each once"),
        ("popular=1..5", "has no setting 'popular': population, sample"),
        ("population=a..5", "both ends must be whole numbers"),
        ("population=1.5..5", "both ends must be whole numbers"),
        ("population=9..5", "the ends must be low < high"),
        ("population=0..5", "'regularized-evolution.population' cannot be 0"),
        ("sample=-1..5:log", "the ends must be 0 < low < high"),
    ],
)
def test_spaces_that_cannot_be_read(text: str, reason: str) -> None:
    with pytest.raises(InvalidInput, match=reason):
        parse_space(find_strategy("regularized-evolution"), text)


def test_where_nothing_can_be_stored_nothing_is_begun(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setattr(module, "_search", lambda *_: pytest.fail("it was begun"))
    with pytest.raises(StoreError, match="a file is where a folder should be"):
        tune("test_tune:Aim", "place=0..9", tuning_seeds=3, out=tmp_path / "file" / "tuning")


def test_a_disk_that_fills_while_tuning_is_an_error_and_no_choice(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The settings whose runs could not be stored might be the best."""
    reports: list[dict[str, object]] = []
    reporting = SimpleNamespace(report=reports.append)
    monkeypatch.setattr(importlib, "import_module", lambda _: reporting)
    task = SimpleNamespace()
    plan = module._Plan("test_tune:Aim", task, 0, ((0, 1),), "regret", tmp_path, HERE, None)

    def full(*_: object) -> Iterator[module._Report]:
        yield module._Report(1.0, 1)
        raise StoreError("cannot write 'a': the disk is full: free some space")

    monkeypatch.setattr(module, "_blocks", full)
    module.trial({}, plan)
    assert [(one["seeds"], one["stored"]) for one in reports] == [(1, True), (0, False)]
    ended = SimpleNamespace(config={}, metrics=reports[-1], error=None)
    assert module._row(ended)["reason"].startswith("cannot write 'a': the disk is full")
    died = SimpleNamespace(config={}, metrics={"value": 0.0, "seeds": 1}, error=OSError())
    assert (module._row(died)["value"], module._row(died)["seeds"]) == (FAILED, 1)

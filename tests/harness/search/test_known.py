"""A search on a table of a part of the space says so before it starts."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tables import synthetic_table

from nasbench.benchmarks.tables.table import Table
from nasbench.harness.execution.run import run
from nasbench.harness.results.load import load_results
from nasbench.harness.search import known
from nasbench.testing.one_shot import SMALL

KNOWN = 9000


@pytest.fixture(scope="module")
def part(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A table file whose accuracies are known of the first architectures only."""
    whole = synthetic_table()
    arrays: dict[str, Any] = {}
    for column in whole.info.columns:
        array = np.array(whole._read(column.name))
        if array.dtype.kind == "f" and "seconds" not in column.name:
            array[KNOWN:] = np.nan
        arrays[column.name] = array
    path = tmp_path_factory.mktemp("part") / "part.safetensors"
    Table.from_columns(whole.info, arrays).save(path)
    return path


class Starts:
    """Records how many notes there were when the runs began."""

    def __init__(self, said: list[str]) -> None:
        self._said, self.before = said, -1

    def start(self, total: int, skipped: int) -> None:
        self.before = len(self._said)

    def advance(self, experiment: object, runs: int) -> None:
        """Do nothing."""


def test_it_is_said_before_the_first_run_and_is_true(part: Path, tmp_path: Path) -> None:
    said: list[str] = []
    starts = Starts(said)
    run("random-search,regularized-evolution", benchmark=part, seeds=4, budget="60evals",
        out=tmp_path, workers=1, say=said.append, progress=starts)  # fmt: skip
    (line,) = [one for one in said[: starts.before] if "knows" in one]
    assert f"knows {KNOWN:,} of 15,625 architectures on cifar10: an evaluation of another" in line
    for one in load_results(tmp_path).experiments:
        values = one.signal.values
        unknown = one.architectures.indices.values >= KNOWN
        assert unknown.any()
        np.testing.assert_array_equal(np.isnan(values), unknown)  # it fails
        assert (one.column("evaluations") == 60).all()  # counts
        assert (one.lists("seconds").values > 0).all()  # is charged
        answers = one.architectures.at(one.lists("incumbents")).indices
        assert (answers.values < KNOWN).all()  # and is never the answer


def test_shared_weights_ask_the_table_only_in_the_end(
    part: Path, toy_images: Path, tmp_path: Path
) -> None:
    said: list[str] = []
    run("darts", benchmark=part, seeds=1, settings={"darts": SMALL}, out=tmp_path, workers=1,
        say=said.append)  # fmt: skip
    (line,) = [one for one in said if "knows" in one]
    assert line.endswith("on cifar10: another one that is derived has no final accuracy")


@pytest.mark.usefixtures("synthetic_nb201")
def test_of_a_whole_table_nothing_is_said(tmp_path: Path) -> None:
    said: list[str] = []
    run("random-search", seeds=1, budget="5evals", out=tmp_path, workers=1, say=said.append)
    assert not any("knows" in one for one in said)


def test_trainings_for_the_rest_are_told_too(monkeypatch: pytest.MonkeyPatch) -> None:
    class Completed:
        note = "6625 of 15625 architectures are not in the table and are trained"

    class Asked:
        shared = False
        kind = known.Kind.FALLBACK

    monkeypatch.setattr(known, "open_benchmark", lambda *_: (Completed(), None))
    assert known.about_unknown(Asked(), known.Place()) == Completed.note  # type: ignore[arg-type]

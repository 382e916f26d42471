"""A table of faults, each planted with all that is hashed made anew: every one is found.

What is right is the honest folder that a fault is planted in: it passes. `UNSEEN` are the faults
that docs/comparing.md says an audit cannot find.
"""

import os
import sys
import tracemalloc
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from shutil import copytree, rmtree
from tempfile import mkdtemp
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from numpy.typing import NDArray
from planting import Row, describe, edit, found_in, judged, of, put, reword, rewrite, settle
from tables import installed

from nasbench.benchmarks.tabular import Query
from nasbench.harness.audit import Audit, audit
from nasbench.harness.audit.copies import check_copies
from nasbench.harness.execution.run import run
from nasbench.harness.results.runs import ExperimentRuns
from nasbench.harness.results.store import ExperimentFolder, experiments
from nasbench.harness.search.budget import Budget
from nasbench.harness.search.experiment import Experiment
from nasbench.harness.search.task import BenchmarkReference, Kind, Task
from nasbench.spaces import get_enumerable
from nasbench.testing.one_shot import SMALL

sys.path.append(str(Path(__file__).parents[1]))  # the strategies of `workers`
REA = "regularized-evolution"
SEEDS = 6


@pytest.fixture(scope="module")
def stored(tmp_path_factory: pytest.TempPathFactory, synthetic_data: Path) -> Path:
    """An honest folder of two rows, by the published protocol."""
    honest = tmp_path_factory.mktemp("honest")
    with installed(synthetic_data):
        run(f"random-search,{REA}", seeds=SEEDS, out=honest, workers=1)
    return honest


def test_the_honest_folder_passes(results: Path) -> None:
    found = audit(results, replays=2 * SEEDS)
    assert found.faults == ()
    assert {one.what[:12] for one in found.findings} <= {"made from ch"}  # of a commit with changes
    assert found.replayed == 2 * SEEDS


def tasked(results: Path, **changes: Any) -> None:
    """Give random search's runs a task that differs, in the folder that belongs to it."""
    folder = of(results)
    reword(folder, replace(folder.experiment, task=replace(folder.experiment.task, **changes)))


def called(task: Task, protocol: str) -> Task:
    """Return a task under another protocol's name."""
    return replace(task, reference=replace(task.reference, protocol=protocol))


def rename_protocol(results: Path) -> None:
    folder = of(results)
    task = called(folder.experiment.task, "nats-bench")
    reword(folder, replace(folder.experiment, task=task))


def budgeted(seconds: float) -> Callable[[Path], None]:
    return lambda results: tasked(results, budget=Budget(seconds))


def without(*names: str) -> Callable[[list[Row]], list[Row]]:
    return lambda rows: [{k: v for k, v in row.items() if k not in names} for row in rows]


def drop_reports(results: Path) -> None:
    """Report CIFAR-10 alone, as if the others had never been judged."""
    drop_verdicts(of(results))
    tasked(results, reports=("cifar10",))


def drop_verdicts(folder: ExperimentFolder) -> None:
    """Take away what was read of the data sets that were not searched on."""
    gone = [f"{split}/{name}/accuracy" for name in ("cifar100", "ImageNet16-120")
            for split in ("valid", "test")]  # fmt: skip
    put(folder, folder.read().drop_columns(gone))


def said(*place: str, value: Any) -> Callable[[Path], None]:
    """Put a value into random search's experiment.json."""

    def plant(results: Path) -> None:
        def change(content: Any) -> None:
            for name in place[:-1]:
                content = content[name]
            content[place[-1]] = value

        describe(of(results), change)

    return plant


def hide_defaults(results: Path) -> None:
    """Settings that differ, said to be the defaults: the entropy fits."""
    folder = of(results, REA)
    describe(folder, lambda content: content["strategy"]["defaults"].update(population=11))
    folder = of(results, REA)
    settings = {**folder.experiment.settings, "population": 11}
    reword(folder, replace(folder.experiment, settings=settings))


def lose_rows(results: Path) -> None:
    for path in of(results).path.glob("runs-*.parquet"):
        path.unlink()


def keep_first(path: Path, number: int) -> pa.Table:
    """Return the first rows of a file, as an earlier version would have written them."""
    table = pq.ParquetFile(path).read()
    about = {"nasbench": table.schema.metadata[b"nasbench"]}
    return table.slice(0, number).replace_schema_metadata(about)


def empty_file(results: Path) -> None:
    path = min(of(results).path.glob("runs-*.parquet"))  # a slow machine stores several files
    pq.write_table(keep_first(path, 0), path.with_name("runs-6-11-0a1b2c3d.parquet"))


def cut_file(results: Path) -> None:
    """The last seeds of both rows, taken out where they are."""
    for path in results.rglob("runs-*.parquet"):
        pq.write_table(keep_first(path, SEEDS - 1), path)


def lose_experiment(results: Path) -> None:
    (of(results).path / "experiment.json").unlink()


def leave_out_of_all(results: Path) -> None:
    for strategy in ("random-search", REA):
        rewrite(of(results, strategy), lambda rows: [row for row in rows if row["seed"] != 2])


def again_with_other_times(folder: ExperimentFolder, row: Row) -> Row:
    generator = np.random.default_rng(row["seed"])
    row["optimiser"] = generator.uniform(1e-6, 1e-5, len(row["optimiser"])).tolist()
    row["wall_seconds"] = 1.0
    return settle(folder, row)


def copy_with_other_times(results: Path) -> None:
    """One run under all seeds, each with times of its own."""
    folder = of(results)
    rewrite(folder, lambda rows: [
        again_with_other_times(folder, {**rows[0], "seed": seed}) for seed in range(SEEDS)
    ])  # fmt: skip


def copy_short_runs(results: Path) -> None:
    """Runs of three evaluations, which chance might make equal, but their seeds do not."""
    run("random-search", seeds=SEEDS, budget="3evals", out=results, workers=1)
    folder = next(one for one in experiments(results) if one.experiment.task.budget.evaluations)
    rewrite(folder, lambda rows: [*rows[:-1], again_with_other_times(
        folder, {**rows[1], "seed": SEEDS - 1})])  # fmt: skip


def less_time(results: Path) -> None:
    edit(of(results), lambda row: {**row, "wall_seconds": row["optimiser_seconds"] / 2})


def loose_tables(results: Path) -> None:
    """A table of an earlier comparison, edited, without its comparison.json."""
    folder = results / "paper" / "nb201-paper-cifar10-12000s"
    folder.mkdir(parents=True)
    for name in ("results.md", "cost.md"):
        (folder / name).write_text("| row | test |\n|---|---|\n| ours | 99.0 |\n")


def loose_reproduction(results: Path) -> None:
    (results / "nats-bench").mkdir()
    (results / "nats-bench" / "reproduction.md").write_text("All reproduced.")


def damaged_reproduction(results: Path) -> None:
    (results / "nats-bench").mkdir()
    (results / "nats-bench" / "reproduction.json").write_text('{"name": "nats-bench"}')


FAULTS: dict[str, tuple[Callable[[Path], object], str, str]] = {
    "protocol renamed": (rename_protocol, "protocol", "reports is"),
    "budget by a hair": (budgeted(12_000.5), "protocol", "budget is 12000.5s, in nb201-paper 12"),
    "budget unseen": (budgeted(12_000.04), "protocol", "budget is 12000.04s, in nb201-paper 12"),
    "reports dropped": (drop_reports, "protocol", "reports is ('cifar10',), in nb201-paper"),
    "version": (said("provenance", "nasbench", value="9.9"), "code", "says nasbench 9.9, its runs"),
    "commit": (said("provenance", "commit", value="f" * 40), "code", "says commit ffffffff"),
    "family": (said("strategy", "family", value="bayesian"), "description", "family is bayesian"),
    "reference": (said("strategy", "reference", value="Us, 2026"), "description", "reference is"),
    "defaults": (hide_defaults, "description", "defaults.population is 11, it should be 10"),
    "extra key": (said("award", value="best"), "description", "nasbench does not write: award"),
    "extra key of a task": (
        said("experiment", "task", "note", value="x"), "description", "experiment.task.note"
    ),
    "extra key of a strategy": (
        said("strategy", "note", value="x"), "description", "strategy.note"
    ),
    "extra key of the provenance": (
        said("provenance", "host", value="x"), "description", "provenance.host"
    ),
    "runs of a row": (lose_rows, "lost", "holds no run"),
    "a file of no runs": (empty_file, "damaged", "it holds no run"),
    "rows cut out of a file": (cut_file, "lost", "holds seeds 0 to 4: it was changed"),
    "experiment.json": (lose_experiment, "damaged", "what the runs beside it are of is not known"),
    "a seed of every row": (leave_out_of_all, "seeds", "1 seeds are missing"),
    "copies": (copy_with_other_times, "replay", "comes out with another"),
    "short copies": (copy_short_runs, "replay", "seed 5 comes out with another"),
    "less time": (less_time, "totals", "wall_seconds are fewer than those of the optimiser"),
    "tables of no comparison": (loose_tables, "comparison", "2 tables without the comparison.json"),
    "a damaged reproduction": (damaged_reproduction, "reproduction", "damaged or of a later"),
    "text of no reproduction": (loose_reproduction, "reproduction", "without the reproduction"),
}  # fmt: skip


@pytest.mark.parametrize("name", FAULTS)
def test_a_planted_fault_is_found(results: Path, name: str) -> None:
    plant, check, words = FAULTS[name]
    plant(results)
    found = found_in(audit(results))
    assert any(words in what for what in found.get(check, ())), found


NOTES: dict[str, tuple[Callable[[Path], object], str]] = {
    "libraries": (said("provenance", "libraries", "numpy", value="1"), "says numpy 1, its runs"),
    "machine": (said("provenance", "processor", value="abacus"), "says processor abacus"),
    "command": (
        said("provenance", "command", value=["nasbench", "run", "--seeds", "9"]),
        "its command asked for seeds 9, 3 of them are not there, such as 6",
    ),
    "other budget": (budgeted(11_000.0), "budget is 11000s, in nb201-paper 12000s"),
}  # fmt: skip


@pytest.mark.parametrize("name", NOTES)
def test_what_may_be_honest_is_a_note(results: Path, name: str) -> None:
    plant, words = NOTES[name]
    plant(results)
    assert any(words in str(one) for one in audit(results).findings if not one.fault)


def rename_all(results: Path) -> None:
    """Another protocol, with what it reports: as if it had been run with a budget of its own."""
    for strategy in ("random-search", REA):
        folder = of(results, strategy)
        drop_verdicts(folder)
        task = replace(called(folder.experiment.task, "nats-bench"), reports=("cifar10",))
        reword(folder, replace(folder.experiment, task=task))


def cut_all(results: Path) -> None:
    for strategy in ("random-search", REA):
        rewrite(of(results, strategy), lambda rows: rows[:-1])


def more_thought(results: Path) -> None:
    folder = of(results)
    edit(folder, lambda row: again_with_other_times(folder, row))


UNSEEN: dict[str, Callable[[Path], object]] = {
    "seeds left out at the end of every row": cut_all,
    "another protocol with its reports and a budget of its own": rename_all,
    "times of the optimiser": more_thought,
    "a whole row": lambda results: rmtree(of(results).path),
    "what a run printed": lambda results: edit(of(results), lambda row: {**row, "log": "fine"}),
}


@pytest.mark.parametrize("name", UNSEEN)
def test_what_the_docs_say_cannot_be_found(results: Path, name: str) -> None:
    """No check that finds it may be missing from the docs: they would say too little."""
    UNSEEN[name](results)
    assert audit(results).faults == ()


@contextmanager
def as_nobody() -> Iterator[None]:
    """Give up root's right to read every folder, if this is root."""
    root = os.geteuid() == 0
    if root:
        os.seteuid(65534)
    try:
        yield
    finally:
        if root:
            os.seteuid(0)


def test_a_folder_that_cannot_be_read(results: Path) -> None:
    place = Path(mkdtemp(dir="/tmp"))  # where another user may look
    place.chmod(0o755)
    try:
        copytree(results, place / "results")
        folder = of(place / "results").path
        folder.chmod(0)
        with as_nobody():
            found = found_in(audit(place / "results"))
        folder.chmod(0o755)
    finally:
        rmtree(place)
    assert found["damaged"] == ["left out: Permission denied"]


def test_seeds_far_apart_need_no_memory(results: Path) -> None:
    """What is between them is counted: 5 GB of it, as numbers, were made before."""
    run(
        "random-search", seeds="0,100000000,9000000000000000000", budget="3evals", out=results / "x"
    )

    tracemalloc.start()
    found = audit(results / "x")
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    (gap,) = (one for one in found.findings if one.check == "seeds")
    assert gap.what.startswith("8999999999999999998 seeds are missing")
    assert "such as 1:" in gap.what
    assert most < 50_000_000


def copies_in(found: Audit) -> list[str]:
    return [one.what for one in found.findings if one.check == "copies"]


def test_a_strategy_with_one_outcome_copies_nothing(tmp_path: Path, synthetic_nb201: Path) -> None:
    """It asks the same cell, always: its runs are the same, and come out the same."""
    run("workers:Same", seeds=40, budget="12evals", out=tmp_path)
    found = audit(tmp_path)
    assert found.faults == ()
    assert "40 of 40 runs asked the same" in copies_in(found)[0]
    assert "only a replay tells" in copies_in(found)[0]
    trusted = audit(tmp_path, trust=True)
    assert trusted.faults == ()
    assert trusted.replayed == 20


def test_shared_weights_that_derive_one_cell_copy_nothing(toy_images: Path, tmp_path: Path) -> None:
    """As DARTS does where it ends in skip connections: every seed, every epoch the same cell."""
    run("rsps", seeds=4, settings={"rsps": {**SMALL, "samples": 3}}, out=tmp_path)
    (folder,) = experiments(tmp_path)

    def one_cell(row: Row) -> Row:
        steps, cell = len(row["architecture"]), get_enumerable("nb201").architecture(0)
        text = get_enumerable("nb201").format(cell)
        row = settle(folder, {**row, "architecture": [text] * steps})
        return judged(folder, {**row, "incumbents": list(range(steps))})

    rewrite(folder, lambda rows: list(map(one_cell, rows)))
    assert audit(tmp_path).faults == ()
    rewrite(folder, lambda rows: [*rows[:-1], {**rows[0], "seed": 3}])
    assert copies_in(audit(tmp_path)) == ["measured the same as another run, to the bit: seed 3"]


def timed(times: NDArray[np.float64]) -> ExperimentRuns:
    """Runs of one experiment with these times of the optimiser, shape (runs, evaluations)."""
    task = Task(
        BenchmarkReference(Kind.TABLE, "t", "p"),
        "0",
        "nb201",
        Query("d", 12, 12),
        "charge",
        Budget(1.0),
        200,
        ("d",),
    )
    table = pa.table({
        "seed": pa.array(range(len(times)), pa.int64()),
        "error": [""] * len(times),
        "optimiser": pa.array(times.tolist(), pa.list_(pa.float64())),
    })  # fmt: skip
    return ExperimentRuns("x/y", Experiment(task, "s"), {}, table)


@pytest.mark.parametrize("ticks", [1, 2, 10, 1000])
@pytest.mark.parametrize("evaluations", [1, 3, 12, 40])
def test_equal_times_by_chance_are_no_copies(ticks: int, evaluations: int) -> None:
    """Clocks that can show few values: of 20 x 100 honest runs none is called a copy.

    A copy among them is, where such a clock could not have made it by chance.
    """
    generator = np.random.default_rng(ticks * 100 + evaluations)
    for _ in range(20):
        times = generator.integers(1, ticks + 1, (100, evaluations)) * 1e-7
        assert list(check_copies([timed(times)])) == []
    times[7] = times[3]
    chance = 4950 * float(ticks) ** -min(evaluations, ticks)
    if not 1e-9 < chance < 1e-3:
        assert len(list(check_copies([timed(times)]))) == (chance < 1e-9)

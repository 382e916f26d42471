"""Blocks of several tables ranked together: which they are, and their numbers by other means."""

import io
import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from rich.console import Console
from scipy.stats import friedmanchisquare, rankdata
from tables import DATASETS, installed, synthetic_table

from nasbench.benchmarks.catalogue import fetch_table, load_table
from nasbench.benchmarks.frames import table_from_frame
from nasbench.benchmarks.joins import Join
from nasbench.benchmarks.shared_images import images_of
from nasbench.benchmarks.tabular import Query
from nasbench.errors import NasbenchError
from nasbench.harness.audit import audit
from nasbench.harness.compare import compare
from nasbench.harness.compare.across import OneDataSet, standings_across
from nasbench.harness.compare.by_space import by_space
from nasbench.harness.compare.rank_tests import Runs, critical_difference, divided, ranks_of
from nasbench.harness.compare.related import related
from nasbench.harness.compare.tables.terminal import print_comparison
from nasbench.harness.execution.run import run
from nasbench.harness.results.store import experiments
from nasbench.harness.search.budget import Budget
from nasbench.harness.search.task import BenchmarkReference, Kind, Task
from nasbench.problem import ACCURACY, LOSS, Metric
from nasbench.rules import Promotion
from nasbench.spaces import get_enumerable, whole_of
from tests.upstream import upstream

BOTH = "random-search,regularized-evolution"


def task(table: str, dataset: str, budget: str, protocol: str = "own") -> Task:
    return Task(
        BenchmarkReference(Kind.TABLE, table, protocol), table, "nb201", Query(dataset, 12, 12),
        "charge", Budget.parse(budget), 200, (dataset,),
    )  # fmt: skip


def together(*tasks: Task) -> list[tuple[int, ...]]:
    return [one.places for one in related(tasks)]


def test_tables_metrics_and_protocols_may_differ() -> None:
    first = task("a", "x", "50evals"), task("a", "y", "50evals"), task("b", "x", "60evals", "p")
    loss = replace(task("c", "z", "50evals"), objectives=(LOSS,), final_schedule=9)
    timed = task("d", "x", "900s")
    assert together(*first, loss, timed) == [(0, 1, 2, 3, 4)]
    assert together(first[0], first[0]) == [(0,)]


def test_what_a_user_chooses_is_the_same() -> None:
    one, other = task("a", "x", "50evals"), task("b", "x", "50evals")
    for changed in (
        replace(other, repeats="free"),
        replace(other, simulated_workers=4), replace(other, promotion=Promotion.RESUME),
        replace(other, has_test=False), replace(other, budget=one.budget.stopping(5, None)),
    ):  # fmt: skip
        found = related([one, changed])
        assert [each.places for each in found] == [(0,), (1,)]
        (why,) = found[0].apart
        assert why.startswith("differ in")


def test_two_budgets_of_everything_are_two_comparisons() -> None:
    few, many = ([task(table, "x", budget) for table in "ab"] for budget in ("10evals", "20evals"))
    assert together(*few, *many) == [(0, 1), (2, 3)]


def test_the_protocols_budgets_beside_one_budget_for_all_are_two_comparisons() -> None:
    nats = [task("nb201", one, f"{n}s", "nats-bench") for one, n in (("x", 9), ("y", 5))]
    fifty = [task("nb201", one, "50evals", "nats-bench") for one in "xy"]
    mine = task("c", "z", "50evals")
    assert together(*nats, task("b", "z", "9s"), mine) == [(0, 1, 2, 3)]
    assert together(*nats, task("b", "z", "9s"), *fifty, mine) == [(0, 1, 2), (3, 4, 5)]


def test_two_protocols_of_one_data_set_are_compared_by_themselves() -> None:
    """Which of them is meant cannot be known, so that the others are ranked without both."""
    paper = task("nb201", "cifar10", "12000s", "nb201-paper")
    nats = [task("nb201", one, f"{n}s", "nats-bench") for one, n in (("cifar10", 9), ("x", 5))]
    found = related([paper, *nats, task("a", "y", "3s"), task("b", "y", "4s")])
    assert [one.places for one in found] == [(0,), (1, 2), (3, 4)]
    assert found[2].apart == {"are of other budgets or protocols": (0, 1, 2)}


def test_other_objectives_of_a_set_are_as_another_data_set() -> None:
    """Not those of a single objective, which are measured by it."""
    costs = [Metric(f"latency/{device}", "min", "ms", 0.0) for device in "pq"]
    one = task("a", "x", "50evals")
    several = [replace(one, objectives=(ACCURACY, cost)) for cost in costs]
    other = replace(several[0], query=Query("y", 12, 12), reports=("y",))
    assert together(*several, other) == [(0, 1, 2)]
    joined = [
        replace(one, objectives=(ACCURACY, costs[0]), joins=(Join("latency/p", "t", "c", dataset),))
        for dataset in "xy"
    ]
    assert together(*joined, several[1]) == [(0, 1, 2)]
    assert len(together(one, replace(one, objectives=(LOSS,)))) == 2


def test_other_constraints_are_as_another_data_set(tmp_path: Path) -> None:
    """They are ranked together, and named by their constraints."""
    for bound in ("params<=60000", "params<=90000"):
        run(BOTH, benchmark="digits", constraint=bound, budget="9evals", seeds=3, workers=1,
            out=tmp_path)  # fmt: skip
    (family,) = compare(tmp_path).families
    names = [one.name for one in family.datasets]
    assert len(set(names)) == 2 and all("params <= " in name for name in names)


def test_searches_of_one_data_set_for_other_objectives_are_named_by_them(tmp_path: Path) -> None:
    for objective in ("accuracy,params", "accuracy,flops"):
        run(BOTH, benchmark="digits", objective=objective, budget="5evals", seeds=3, workers=1,
            out=tmp_path)  # fmt: skip
    (family,) = compare(tmp_path).families
    titles = ["Digits (accuracy, flops)", "Digits (accuracy, params)"]
    assert sorted(one.title for one in family.datasets) == titles
    assert family.standings.independent
    assert all(title in family.footer for title in titles)


def test_spaces_count_once_by_brute_force() -> None:
    generator = np.random.default_rng(0)
    names = ["a", "b", "b", "c", "c", "c"]
    made = [
        OneDataSet(str(n), n, tuple(generator.normal(size=(4, 9))), (), space=name)
        for n, name in enumerate(names)
    ]
    found = standings_across(list("pqrs"), made).by_space
    assert found is not None
    ranks = rankdata([[-sample.mean() for sample in one.scores] for one in made], axis=1)
    within = pd.DataFrame(ranks).groupby(names).mean()
    np.testing.assert_allclose(found.within, within)
    np.testing.assert_allclose(found.ranks, within.mean())
    assert found.spaces == ("a", "b", "c")
    assert found.critical_difference == critical_difference(4, 3)
    for rank, (low, high) in zip(found.ranks, found.intervals, strict=True):
        assert low - 0.5 <= rank <= high + 0.5  # of so few data sets they need not hold it
    assert standings_across(list("pqrs"), made[:1] + made[3:4]).by_space is None
    assert standings_across(list("pqrs"), made[3:]).by_space is None


def test_friedman_over_many_spaces_is_scipys() -> None:
    generator = np.random.default_rng(1)
    names = np.repeat([f"s{n}" for n in range(14)], 2).tolist()
    ranks = ranks_of(generator.normal(size=(28, 5)))
    found = by_space(names, ranks, ranks[:, None], None, 9)
    assert found is not None
    expected = friedmanchisquare(*pd.DataFrame(ranks).groupby(names).mean().to_numpy().T)
    assert found.friedman == pytest.approx(expected.pvalue)


def test_divisions_weigh_data_sets() -> None:
    """All weight on one of two data sets is the test of that one; equal weights are none."""
    generator = np.random.default_rng(2)
    row = np.repeat(np.arange(3), 6)
    scores = generator.normal(size=(18, 2)) + row[:, None] * [0.8, 0]
    both, first = Runs(row, scores), Runs(row, scores[:, :1])
    assert divided([both], 3, weights=np.array([0.5, 0.5])) == divided([both], 3)
    alone, weighted = divided([first], 3), divided([both], 3, weights=np.array([1.0, 0.0]))
    assert weighted[0] == pytest.approx(alone[0], abs=0.02)


def test_a_space_with_an_effect_of_its_own_deceives_data_sets_and_not_spaces() -> None:
    """Equal over all spaces there could be: ranks over the 18 data sets tell rows apart."""
    names, erred = ["a"] * 4 + ["b"] * 7 + ["c"] * 7, []
    for number in range(300):
        generator = np.random.default_rng([3, number])
        own = np.repeat(generator.normal(size=(3, 5)), (4, 7, 7), axis=0)
        ranks = ranks_of(own + generator.normal(size=(18, 5)) / np.sqrt(20))
        found = by_space(names, ranks, ranks[:, None], None, 20)
        assert found is not None
        erred.append((
            np.ptp(ranks.mean(axis=0)) >= critical_difference(5, 18),
            np.ptp(found.ranks) >= found.critical_difference, found.friedman < 0.05,
        ))  # fmt: skip
    deceived, nemenyi, friedman = np.mean(erred, axis=0)
    assert deceived > 0.5
    assert max(nemenyi, friedman) < 0.05 + 0.038  # three standard errors


def finals(folder: Path) -> dict[tuple[str, str, str], list[float]]:
    """Return the final test values of all runs by table, data set and strategy, as stored."""
    found = {}
    for one in experiments(folder):
        at = one.experiment.task
        column = f"test/{at.query.dataset}/{at.metric.name}"
        rows = one.read().to_pylist()
        key = at.benchmark, at.query.dataset, one.experiment.strategy
        found[key] = [row[column][-1] for row in rows]
    return found


def check_by_other_means(folder: Path, datasets: int) -> None:
    """Compare ranks and normalised regrets with those of stored runs and the tables' frames."""
    (family,) = compare(folder, tables=None).families
    values = finals(folder)
    places = list(dict.fromkeys(key[:2] for key in values))
    assert len(family.datasets) == len(places) == datasets
    strategies = BOTH.split(",")
    scores, regrets, spaces = [], [], []
    for name, dataset in places:
        table = load_table(name)
        (at,) = {
            one.experiment.task for one in experiments(folder)
            if (one.experiment.task.benchmark, one.experiment.task.query.dataset) == (name, dataset)
        }  # fmt: skip
        every = table.to_pandas(curves=True).filter(
            regex=f"^{dataset}/test/hp{at.final_schedule}/(ep{at.final_schedule}/{at.metric.name}/"
            f"|curve/{at.metric.name}/.*/ep{at.final_schedule}$)"
        )
        sign = 1 if at.metric.direction == "max" else -1
        cells = sign * every.astype(float).mean(axis=1)
        mine = [sign * np.array(values[name, dataset, one]) for one in strategies]
        scores.append([one.mean() for one in mine])
        gap = cells.max() - cells.mean()
        regrets.append([((cells.max() - one) / gap).mean() for one in mine])
        spaces.append(at.space)
    ranks = rankdata(-np.round(scores, 9), axis=1)
    order = [[one.experiment.strategy for one in family.contenders].index(s) for s in strategies]
    np.testing.assert_allclose(family.standings.ranks[order], ranks.mean(axis=0))
    np.testing.assert_allclose(
        family.standings.regret_mean[order], np.mean(regrets, axis=0), rtol=1e-6
    )
    over = family.standings.by_space
    assert over is not None
    by_hand = pd.DataFrame(ranks).groupby(spaces).mean().mean()
    np.testing.assert_allclose(over.ranks[order], by_hand)


def test_all_tables_by_other_means(tmp_path: Path) -> None:
    """NAS-Bench-201's three data sets, digits, and seven tasks of each space of TransNAS."""
    upstream()
    with installed(tmp_path / "data"):
        for name in ("nb201", "nb201-hw", "transnas-micro", "transnas-macro"):
            fetch_table(name)
        said: list[str] = []
        results = tmp_path / "results"
        run(BOTH, benchmark="all", seeds=4, budget="12evals", out=results, workers=1,
            say=said.append)  # fmt: skip
        assert said == [
            "table 'nb201-hw' is left out: it has no metric to search for, but its costs can be "
            "objectives of a search on another table"
        ]
        check_by_other_means(results, 18)
        (family,) = compare(results).families
        assert not any("too few" in note for note in family.notes)
        images = next(one for one in family.notes if one.startswith("data sets share their images"))
        assert "Taskonomy (all 7 of transnas-macro, all 7 of transnas-micro)" in images
        spaces = next(one for one in family.notes if one.startswith("data sets of one space"))
        assert "nb201 (Digits of digits, all 3 of nb201)" in spaces
        doubt = "of some data sets test is each network's best over the epochs of its training"
        (told,) = (one for one in family.notes if one.startswith(doubt))
        assert told.endswith(": all 7 of transnas-macro, all 7 of transnas-micro")
        assert any(one.startswith(doubt) for one in family.brief)
        assert family.measured == "accuracy (%), ssim and neg_loss"
        assert len({one.title for one in family.datasets}) == 18
        assert any("and nothing about others" in note for note in family.notes)


@pytest.mark.usefixtures("no_pdfs")
def test_cells_of_a_larger_space_are_of_one_space_with_it(tmp_path: Path) -> None:
    """Cells of at most five vertices are cells of NAS-Bench-101, with the same test values."""
    upstream()
    with installed(tmp_path / "data"):
        names = ("nb101-20k", "nb101-5v", "macro")
        for name in names:
            fetch_table(name)
        results = tmp_path / "results"
        run(BOTH, benchmark=",".join(names), seeds=3, budget="12evals", out=results, workers=1)
        (family,) = compare(results).families
    spaces = next(one for one in family.notes if one.startswith("data sets of one space"))
    assert "nb101 (CIFAR-10 of nb101-20k, CIFAR-10 of nb101-5v)" in spaces
    over = family.standings.by_space
    assert over is not None
    assert sorted(over.spaces) == ["macro", "nb101"]
    assert {one.table for one in family.origins} == set(names)


ERROR = Metric("error", "min", "points", low=0.0)


@pytest.fixture
def two_tables(tmp_path: Path) -> Path:
    """Install the synthetic NAS-Bench-201 and a table of another space, of which less is better."""
    data = tmp_path / "data"
    synthetic_table().save(data / "tables" / "nb201.safetensors")
    space, generator = get_enumerable("transnas-micro"), np.random.default_rng(4)
    quality = generator.uniform(5, 50, space.size)
    frames = [
        pd.DataFrame({
            "index": np.arange(space.size), "epochs": epochs, "seconds": 3.0 * epochs,
            "valid_error": quality + generator.uniform(0, 9 / epochs, space.size),
            "test_error": quality + generator.uniform(0, 1, space.size), "dataset": dataset,
        })
        for dataset in ("one", "two") for epochs in (1, 3)
    ]  # fmt: skip
    table = table_from_frame(
        pd.concat(frames), name="mine", space=space, metrics=ERROR,
        images={"one": "photographs", "two": "photographs"},
    )  # fmt: skip
    table.save(data / "tables" / "mine.safetensors")
    return data


@pytest.mark.usefixtures("no_pdfs")
def test_a_metric_of_which_less_is_better_is_ranked_beside_one_of_which_more(
    two_tables: Path, tmp_path: Path
) -> None:
    results = tmp_path / "results"
    with installed(two_tables):
        assert images_of("mine", "transnas-micro", "one") == "photographs"
        run(BOTH, benchmark="nb201,mine", seeds=5, budget="15evals", out=results)
        check_by_other_means(results, 5)
        comparison = compare(results, out=results / "comparison")
        (family,) = comparison.families
        assert family.measured == "error (points) and accuracy (%)"
        assert "data sets share their images: photographs (one, two of mine)" in family.notes
        console = Console(width=100, file=io.StringIO(), highlight=False)
        print_comparison(comparison, console)
        assert "over 5 data sets, with 95 % stratified" in console.file.getvalue()
        text = (results / "comparison" / "across-1" / "ranks.md").read_text()
        assert "mean rank by space" in text
        for name in ("ranks.md", "captions.md"):
            told = (results / "comparison" / "across-1" / name).read_text()
            assert "error (points) and accuracy (%)" in told
        stored = json.loads((results / "comparison" / "comparison.json").read_text())
        assert stored["across"][0]["by_space"]["spaces"] == ["transnas-micro", "nb201"]
        assert audit(results).faults == ()


def test_a_part_of_a_space_has_the_architectures_of_the_whole(tmp_path: Path) -> None:
    """The cells of at most 5 vertices are cells of NAS-Bench-101: the two are one space."""
    part, whole = get_enumerable("nb101-5v"), get_enumerable("nb101")
    assert all(whole.contains(part.architecture(index)) for index in range(0, part.size, 50))
    assert whole_of("nb101-5v") == whole_of("nb101") == "nb101"
    assert whole_of("transnas-micro") == "transnas-micro"
    assert whole_of("nobody's") == "nobody's"
    data = tmp_path / "data"
    for name, space in (("small", "nb101-5v"), ("pool", "nb101"), ("other", "macro")):
        scores = np.random.default_rng(len(name)).uniform(10, 90, 60)
        frame = pd.DataFrame({"index": np.arange(60), "epochs": 1, "test_accuracy": scores})
        table = table_from_frame(frame.assign(valid_accuracy=scores), name=name, space=space)
        table.save(data / "tables" / f"{name}.safetensors")
    with installed(data):
        run(BOTH, benchmark="small,pool,other", seeds=3, budget="9evals", out=tmp_path / "r")
        (family,) = compare(tmp_path / "r").families
    assert family.standings.by_space is not None
    assert sorted(family.standings.by_space.spaces) == ["macro", "nb101"]
    shared = next(one for one in family.notes if one.startswith("data sets of one space"))
    assert shared.endswith(": nb101 (pool of pool, small of small)")


def test_rows_that_some_blocks_lack(two_tables: Path, tmp_path: Path) -> None:
    """All blocks are ranked with the rows that all have, and those with more rows again."""
    with installed(two_tables):
        run(BOTH, benchmark=["nb201", "mine"], seeds=2, budget="9evals", out=tmp_path / "r")
        run("reinforce-softmax", benchmark="nb201", datasets="cifar10,cifar100", budget="9evals",
            protocol="nats-bench", seeds=2, out=tmp_path / "r")  # fmt: skip
        every, more = compare(tmp_path / "r").families
    assert (len(every.datasets), len(every.contenders)) == (5, 2)
    assert "rows that not all blocks have are not ranked: Softmax REINFORCE" in every.notes
    assert (len(more.datasets), len(more.contenders)) == (2, 3)
    assert any(note.endswith("are not in these ranks, as they lack rows") for note in more.notes)


def test_what_cannot_be_searched_is_left_out_with_a_line(two_tables: Path, tmp_path: Path) -> None:
    said: list[str] = []
    with installed(two_tables):
        found = run(
            "random-search", benchmark="all", objective="accuracy", seeds=1, budget="9evals",
            out=tmp_path / "r", say=said.append,
        )  # fmt: skip
        twice = run("random-search", benchmark="digits, digits,", seeds=1, budget="9evals",
                    out=tmp_path / "twice")  # fmt: skip
        assert [one.experiment.task.benchmark for one in twice] == ["digits"]
        searched = {(o.experiment.task.benchmark, o.experiment.task.query.dataset) for o in found}
        assert searched == {("digits", "digits"), *(("nb201", name) for name in DATASETS)}
        for line, name in zip(said, ("one", "two"), strict=True):
            assert line.startswith(f"'{name}' of 'mine' is left out: objective 'accuracy': table")
        for options, words in (
            ({"objective": "ssim"}, "objective 'ssim'"),
            ({"datasets": "three"}, "data set 'three' is in none of"),
            ({"settings": {"random-search": {"x": 1}}}, "setting 'random-search.x' is unknown"),
            ({"benchmark": "digits,all"}, "'all' stands for every table"),
            ({"benchmark": []}, "no benchmark is named"),
            ({"benchmark": "digits,none"}, "table 'none' is not installed"),
        ):
            with pytest.raises(NasbenchError, match=words):
                run("random-search", seeds=1, out=tmp_path / "r", **{"benchmark": "all", **options})

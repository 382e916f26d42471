"""What each search hands over under a bound: a member of its final set, by brute force."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from nasbench.benchmarks.catalogue import load_table
from nasbench.benchmarks.tables.costs import per_architecture
from nasbench.errors import InvalidInput
from nasbench.harness.audit import audit
from nasbench.harness.compare import compare
from nasbench.harness.compare.picks import OPTIMUM, bounds_of
from nasbench.harness.execution.run import run
from nasbench.harness.results.load import load_results
from nasbench.harness.search.tasks import Wanted, make_tasks
from nasbench.problem import ACCURACY, Metric

LATENCY = "latency/amd-epyc"


def columns() -> dict[str, np.ndarray]:
    """Final test accuracy and latency of every architecture of `digits`, by index."""
    table = load_table("digits")
    read = {
        "test": table.test.mean("digits", 15),
        "valid": table.test.valid_mean("digits", 15),
        LATENCY: table.search.latency("digits", "amd-epyc"),
    }
    return {name: np.asarray(per_architecture(one, table.rows)) for name, one in read.items()}


@pytest.fixture(scope="module")
def searched(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("picks")
    run("nsga2,random-search", benchmark="digits", objective="accuracy,latency", seeds=8,
        budget="60evals", out=out)  # fmt: skip
    return out


def bound_of(share: float) -> float:
    """A latency that a share of all architectures is within."""
    return float(np.quantile(columns()[LATENCY], share))


@pytest.mark.parametrize("share", [0.02, 0.3, 1.0])
def test_picks_by_brute_force(searched: Path, share: float) -> None:
    bound = bound_of(share)
    (block,) = compare(searched, pick=f"latency<={bound!r}").blocks
    truth = columns()
    by_label = {one.label: one for one in block.picks}
    for one in load_results(searched).experiments:
        test, latency, given = [], [], []
        for run_ in range(len(one)):
            steps = one.lists("selected")[run_]
            accuracy = one.lists("value/accuracy")[run_][steps]
            cost = one.lists(f"value/{LATENCY}")[run_][steps]
            within = [k for k in range(len(steps)) if cost[k] <= bound]
            if not within:
                continue
            best = max(within, key=lambda k: accuracy[k])
            index = one.architectures.indices[run_][steps[best]]
            given.append(int(index))
            test.append(truth["test"][index])
            latency.append(truth[LATENCY][index])
        row = by_label[one.title]
        assert (row.n, row.found) == (8, len(given))
        if not given:
            assert row.architecture == "" and np.isnan(row.test.value)
            continue
        assert row.test.value == pytest.approx(np.mean(test))
        assert row.costs[0].mean == pytest.approx(np.mean(latency))
        assert row.times == max(given.count(index) for index in given)
    within = truth[LATENCY] <= bound
    best = by_label[OPTIMUM]
    assert best.test.value == truth["test"][within].max()
    assert all(best.test.value >= row.test.value for row in block.picks if row.found)


def test_the_best_by_validation_is_judged_by_test(searched: Path) -> None:
    """Not the member that is best by test, which would be an optimistic number."""
    (block,) = compare(searched, pick=f"latency<={bound_of(0.5)!r}").blocks
    by_test = block.sets[0].best[0].mean  # best on test within each set
    assert block.picks[0].test.value < by_test


def test_picks_are_written_and_audited(searched: Path, tmp_path: Path) -> None:
    compare(searched, pick=f"latency<={bound_of(0.3)!r}", out=searched / "comparison")
    (markdown,) = searched.rglob("picks.md")
    assert OPTIMUM in markdown.read_text() and "handed over" in markdown.read_text()
    assert not [one for one in audit(searched).findings if one.fault]
    (csv,) = searched.rglob("picks.csv")
    csv.write_text(csv.read_text().replace("Random search", "Random Search"))
    (finding,) = [one for one in audit(searched).findings if one.fault]
    assert "picks.csv" in finding.where


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("params<=3", "'params<=3': these searches have the costs latency/amd-epyc: write"),
        ("latency>=3", "latency/amd-epyc is to be small"),
        ("latency", "pick 'latency' cannot be read"),
        ("latency<=3ms", "pick 'latency<=3ms': '3ms' is no finite number"),
        ("latency<=3,latency/amd-epyc<=2", "one cost is bounded twice"),
        ("accuracy>=70", "have the costs latency/amd-epyc: write a bound on one of them"),
    ],
)
def test_picks_that_cannot_be_made(searched: Path, text: str, line: str) -> None:
    with pytest.raises(InvalidInput, match=line):
        compare(searched, pick=text)


def test_a_cost_of_several_devices_is_named_in_full() -> None:
    """The least of two latencies is not taken for the one that is meant."""
    devices = [Metric(f"latency/{name}", "min", "ms", 0.0) for name in ("phone", "watch")]
    (task,) = make_tasks("digits", None, None, Wanted())
    task = replace(task, objectives=(ACCURACY, *devices))
    with pytest.raises(InvalidInput, match="write one of latency:phone, latency:watch"):
        bounds_of(task, ["latency<=3"])
    (bound,) = bounds_of(task, ["latency:watch<=3"])
    assert bound.metric == devices[1]


def test_searches_of_one_objective_have_none(tmp_path: Path) -> None:
    run("random-search", benchmark="digits", seeds=2, budget="9evals", out=tmp_path)
    with pytest.raises(InvalidInput, match="one objective, accuracy, and one answer"):
        compare(tmp_path, pick="latency<=3")


def test_a_bound_that_no_member_meets(searched: Path) -> None:
    (block,) = compare(searched, pick="latency<=1e-9").blocks
    assert [one.found for one in block.picks] == [0, 0]
    assert OPTIMUM not in [one.label for one in block.picks]

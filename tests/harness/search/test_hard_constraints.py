"""Constraints: what an answer has to meet, by its definition and by whole searches of a table."""

import itertools
import json
import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nasbench.benchmarks.catalogue import load_table
from nasbench.benchmarks.tables.costs import per_architecture
from nasbench.errors import InvalidInput
from nasbench.harness.audit import audit
from nasbench.harness.compare import compare
from nasbench.harness.compare.references import open_known
from nasbench.harness.execution.run import run
from nasbench.harness.report import report
from nasbench.harness.results.load import load_results, read_results
from nasbench.harness.results.runs import ExperimentRuns
from nasbench.harness.results.store import EXPERIMENT, open_folder
from nasbench.harness.search.study import Study
from nasbench.harness.search.tasks import Wanted, make_tasks
from nasbench.problem import ACCURACY, Answer, Constraint, Metric, Problem, Trial
from nasbench.randomness import Random
from nasbench.spaces import get_space
from nasbench.strategies.base import DERIVED, Tag
from nasbench.strategies.registry import find_strategy, make_settings, strategies
from nasbench.testing.strategies import toy_space
from tests.harness.audit.planting import Row, rewrite
from tests.harness.audit.planting import of as planted

BOUND = 60_000
PARAMS = f"params<={BOUND}"
TOLD = "constraint/params"
LATENCY = Metric("latency", "min", "ms", 0.0)
INTENSITY = Metric("intensity", "max", "", 0.0)


def params_of(indices: np.ndarray) -> np.ndarray:
    """The numbers of weights of architectures by index, read past the benchmark."""
    table = load_table("digits")
    return np.asarray(per_architecture(table.search.params("digits"), table.rows))[indices]


def signals() -> np.ndarray:
    """The validations that a query of `digits` may return, shape (answers, architectures)."""
    table = load_table("digits")
    found = (table.search.accuracy("digits", 15, 5, seed) for seed in (0, 1))
    return np.stack([per_architecture(one, table.rows) for one in found])


@pytest.fixture(scope="module")
def searched(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Searches of `digits` with one objective and with two under a bound on the weights."""
    out = tmp_path_factory.mktemp("bound")
    options = {"benchmark": "digits", "constraint": PARAMS, "seeds": 6, "out": out}
    run("random-search,regularized-evolution", budget="60evals", **options)
    run("nsga2", budget="60evals", objective="accuracy,latency", **options)
    return out


def of(folder: Path, strategy: str) -> ExperimentRuns:
    found = load_results(folder).experiments
    return next(one for one in found if one.experiment.strategy == strategy)


@given(st.lists(st.tuples(st.floats(0, 10), st.floats(0, 10)), min_size=2, max_size=12))
def test_a_violation_orders_what_is_not_feasible(costs: list[tuple[float, float]]) -> None:
    """All feasible answers before all others, which are in the order of what they violate."""
    bounds = (Constraint(LATENCY, 4.0), Constraint(INTENSITY, 2.0))
    problem = Problem(get_space("nb201"), (ACCURACY, LATENCY), constraints=bounds)

    def missed(latency: float, intensity: float) -> float:
        return max(0.0, (latency - 4) / 4) + max(0.0, (2 - intensity) / 2)

    told = [Answer((0.0, one), 1.0, 1, constrained=(one, other)) for one, other in costs]
    scores = [problem.score(answer) for answer in told]
    for answer, pair, score in zip(told, costs, scores, strict=True):
        assert problem.feasible(answer) == (missed(*pair) == 0) == (score >= 0)
        assert score == pytest.approx(-missed(*pair) / (1 + missed(*pair)))
        assert problem.scores(answer)[0] == score
    order = np.argsort(scores, kind="stable")
    found = [missed(*costs[i]) for i in order]
    assert all(a >= b - 1e-9 for a, b in itertools.pairwise(found))


def test_unknown_costs_and_failures() -> None:
    """What is not known does not meet a bound, whatever the bound."""
    problem = Problem(get_space("nb201"), constraints=(Constraint(LATENCY, 4.0),))
    unknown = Answer((90.0,), 1.0, 1, constrained=(math.nan,))
    failed = Answer((0.0,), 1.0, 1, failed=True, constrained=(1.0,))
    assert not problem.feasible(unknown) and not problem.feasible(failed)
    assert problem.score(unknown) == -1.0 and problem.score(failed) == 0.0
    loss = Problem(get_space("nb201"), (LATENCY,), constraints=(Constraint(INTENSITY, 1.0),))
    assert loss.score(Answer((3.0,), 1.0, 1, constrained=(0.5,))) == -math.inf
    assert Constraint(LATENCY, 0.0).violation(3.0) == 3.0


@pytest.mark.parametrize("strategy", ["random-search", "regularized-evolution", "nsga2"])
def test_infeasible_evaluations_are_answers_and_never_incumbents(
    searched: Path, strategy: str
) -> None:
    runs = of(searched, strategy)
    cells, steps = runs.architectures.indices, runs.lists("incumbents")
    told = runs.lists(TOLD)
    assert (told.values == params_of(cells.values)).all()
    missed = told.values > BOUND
    assert 0.05 < missed.mean() < 0.95  # they are evaluated and stored
    assert (runs.lists("seconds").values > 0).all()  # and charged
    for row in range(len(runs)):
        assert (told[row][steps[row]] <= BOUND).all()
        if strategy != "nsga2":
            best = -np.inf
            expected = []
            for step, (value, cost) in enumerate(zip(runs.signal[row], told[row], strict=True)):
                if cost <= BOUND and value > best:
                    best = value
                    expected.append(step)
            assert steps[row].tolist() == expected


def test_evolution_learns_what_is_feasible(searched: Path) -> None:
    """A score below that of all feasible ones drives a search to them: fewer evaluations miss."""
    share = {
        name: (of(searched, name).lists(TOLD).values > BOUND).mean()
        for name in ("random-search", "regularized-evolution")
    }
    everywhere = (params_of(np.arange(15625)) > BOUND).mean()
    assert share["random-search"] == pytest.approx(everywhere, abs=0.15)
    assert share["regularized-evolution"] < share["random-search"] - 0.1


def test_the_optimum_is_feasible(searched: Path) -> None:
    block = next(one for one in compare(searched).blocks if not one.sets)
    table = load_table("digits")
    test = per_architecture(table.test.mean("digits", 15), table.rows)
    best = test[params_of(np.arange(15625)) <= BOUND].max()
    optimum = next(one for one in block.references if one.reference == "optimum")
    assert optimum.test_mean == best < test.max()
    for row in block.rows:
        assert row.in_table.regret >= 0


def test_expected_random_search_by_simulation(searched: Path) -> None:
    """The closed form counts what is not feasible as evaluations without an answer."""
    block = next(one for one in compare(searched).blocks if not one.sets)
    known = open_known(block.task)
    expected = known.search.expect(known.signal, np.array([20.0])).mean[0]
    random = np.random.default_rng(0)
    seen = np.where(params_of(np.arange(15625)) <= BOUND, signals(), -np.inf).ravel()
    best = seen[random.integers(0, len(seen), (20_000, 20))].max(axis=1)
    best = best[best > -np.inf]
    assert abs(best.mean() - expected) < 4 * best.std() / math.sqrt(len(best))


def test_exact_fronts_are_of_feasible_architectures(searched: Path) -> None:
    block = next(one for one in compare(searched).blocks if one.sets)
    fronts = block.contenders[0].fronts
    assert fronts is not None
    for front in (fronts.signal, *fronts.test.values()):
        assert (params_of(front.members) <= BOUND).all()
        assert front.known == (params_of(np.arange(15625)) <= BOUND).sum()


def test_tables_audit_and_report_say_it(searched: Path, tmp_path: Path) -> None:
    found = compare(searched, out=tmp_path / "comparison")
    for block in found.blocks:
        assert f"answers have params <= {BOUND} weights" in block.title
        assert f"params <= {BOUND} weights" in block.footer
    assert all(0 < row.costs.infeasible < 100 for row in found.rows)
    written = "".join(path.read_text() for path in tmp_path.rglob("cost.md"))
    assert "infeasible (%)" in written
    assert not [one for one in audit(searched, replays=2).findings if one.fault]
    report(searched, tmp_path / "report.html")
    assert "params &lt;= " in (tmp_path / "report.html").read_text()
    frame = load_results(searched).trajectories
    assert (frame[TOLD] > BOUND).any()


def test_other_constraints_are_other_tasks(searched: Path, tmp_path: Path) -> None:
    options = {"benchmark": "digits", "seeds": 2, "budget": "10evals", "out": tmp_path}
    run("random-search", constraint=PARAMS, **options)
    run("random-search", constraint="params<=70000", **options)
    run("random-search", **options)
    assert len(compare(tmp_path).blocks) == 3
    draws = {tuple(one.architectures.indices[0]) for one in load_results(tmp_path).experiments}
    assert len(draws) == 3  # each with its own randomness


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("params<=10", "no architecture meets it; the least params is"),
        ("params>=10", "params is to be small, so write 'params<=10'"),
        ("accuracy>=90", "'accuracy' is measured on images"),
        ("params<10", "cannot be read"),
        ("params<=ten", "is no finite number"),
        ("params<=nan", "is no finite number"),
        ("speed<=1", "constraint on 'speed'"),
        ("params<=90000,params<=80000", "one cost is bounded twice"),
    ],
)
def test_constraints_that_cannot_be_used(text: str, line: str, tmp_path: Path) -> None:
    with pytest.raises(InvalidInput) as error:
        run("random-search", benchmark="digits", constraint=text, seeds=1, out=tmp_path)
    assert line in str(error.value) and "\n" not in str(error.value)


def test_the_order_of_constraints_does_not_matter() -> None:
    bounds = ("params<=60000", "flops<=9000000")
    there, back = (
        make_tasks("digits", None, None, Wanted(constraints=each))
        for each in (bounds, bounds[::-1])
    )
    assert there == back and len(there[0].constraints) == 2


@pytest.mark.parametrize("name", ["darts", "random-search"])
def test_what_trains_has_no_constraint(name: str, tmp_path: Path) -> None:
    where = {"benchmark": "digits"} if name == "darts" else {"benchmark": "train:nb201"}
    with pytest.raises(InvalidInput, match="--constraint"):
        run(name, datasets="digits", constraint=PARAMS, seeds=1, out=tmp_path, **where)


QUERYING = [
    name for name, one in strategies().items()
    if one.rule != DERIVED and not {Tag.PROXIES, Tag.RECORDED} & one.tags
]  # fmt: skip


@pytest.mark.parametrize("name", QUERYING)
def test_every_search_of_a_table_runs_under_a_constraint(name: str, tmp_path: Path) -> None:
    several = name in ("nsga2", "sms-emoa", "mo-rea", "pareto-local-search", "ehvi", "parego")
    run(
        name, benchmark="digits", constraint=PARAMS, seeds=1, budget="40evals", out=tmp_path,
        objective="accuracy,latency" if several else None, retries=0,
    )  # fmt: skip
    (runs,) = load_results(tmp_path).experiments
    assert not runs.failed.any()
    assert (runs.lists(TOLD).at(runs.lists("incumbents")).values <= BOUND).all()


def test_a_dropped_constraint_is_found(searched: Path, tmp_path: Path) -> None:
    """With all that is hashed made anew, as if the runs had been made without it."""
    true = planted(searched)
    dropped = replace(true.experiment, task=replace(true.experiment.task, constraints=()))
    open_folder(tmp_path, dropped).append(true.read().drop_columns([TOLD]))
    found = audit(tmp_path)
    assert {one.check for one in found.findings if one.fault} == {"incumbents", "randomness"}


def test_a_moved_bound_and_an_infeasible_answer_are_found(tmp_path: Path) -> None:
    run("random-search", benchmark="digits", constraint=PARAMS, seeds=3, budget="60evals",
        out=tmp_path)  # fmt: skip
    (path,) = tmp_path.rglob(EXPERIMENT)
    content = json.loads(path.read_text())
    moved = json.loads(path.read_text())
    moved["experiment"]["task"]["constraints"][0]["bound"] = 2 * BOUND
    path.write_text(json.dumps(moved))
    assert {"incumbents", "randomness"} <= {one.check for one in audit(tmp_path).findings}
    path.write_text(json.dumps(content))
    assert not [one for one in audit(tmp_path).findings if one.fault]

    def change(rows: list[Row]) -> list[Row]:
        return [{**row, TOLD: [min(one, BOUND) for one in row[TOLD]]} for row in rows]

    rewrite(planted(tmp_path), change)
    found = {one.check for one in audit(tmp_path).findings if one.fault}
    assert {"answers", "incumbents"} <= found


def test_an_incumbent_that_misses_is_damage(tmp_path: Path) -> None:
    run("random-search", benchmark="digits", constraint=PARAMS, seeds=1, budget="30evals",
        out=tmp_path)  # fmt: skip

    def change(rows: list[Row]) -> list[Row]:
        return [{**row, TOLD: [one + BOUND for one in row[TOLD]]} for row in rows]

    rewrite(planted(tmp_path), change)
    (fault,) = read_results(tmp_path).faults
    assert f"does not meet 'params <= {BOUND} weights'" in fault.reason


def test_a_study_under_a_constraint() -> None:
    study = Study("random-search", benchmark="digits", constraint=PARAMS, budget="40evals", seed=3)
    trial = study.ask()
    with pytest.raises(InvalidInput, match="constrained"):
        study.tell(trial, Answer((80.0,), 1.0, 5))
    study.tell(trial, Answer((99.0,), 1.0, 5, constrained=(2.0 * BOUND,)))
    assert study.best is None
    assert study.run().best.values[0] < 99.0
    history = study.history
    assert (history[TOLD][history["incumbent"]] <= BOUND).all()
    with pytest.raises(InvalidInput, match="constraint"):
        Study("random-search", space="nb201", objective=len, constraint=PARAMS, budget="9evals")


def test_runs_that_meet_nothing_have_failed(tmp_path: Path) -> None:
    """What is left is said to be of luckier runs."""
    few = int(np.quantile(params_of(np.arange(15625)), 0.04))
    bound = f"params<={few}"
    run("random-search", benchmark="digits", constraint=bound, seeds=12, budget="12evals",
        out=tmp_path)  # fmt: skip
    (runs,) = load_results(tmp_path).experiments
    assert 0 < runs.failed.sum() < 12
    errors = [one for one in runs.table["error"].to_pylist() if one]
    assert all(f"met 'params <= {few} weights'" in one for one in errors)
    (block,) = compare(tmp_path).blocks
    assert any("say nothing of how often" in note for note in block.notes)


def test_numbers_from_the_table_are_said_to_be_of_feasible_architectures(
    searched: Path, tmp_path: Path
) -> None:
    compare(searched, out=tmp_path)
    words = "those that meet the constraints"
    for name in ("results", "estimates"):
        assert all(words in path.read_text() for path in tmp_path.rglob(f"{name}.md"))
    captions = [path.read_text() for path in tmp_path.rglob("captions.md")]
    assert any("All architectures that meet the constraints by search signal" in one
               for one in captions)  # fmt: skip
    assert any("the exact front of architectures that meet the constraints in the table" in one
               for one in captions)  # fmt: skip


def test_nsga2_ranks_by_constrained_domination() -> None:
    """Deb et al. 2002, Section VI: feasible members first, then by how far a member misses."""
    space = toy_space((9, 9))
    problem = Problem(space, (ACCURACY, LATENCY), constraints=(Constraint(LATENCY, 4.0),))
    strategy = find_strategy("nsga2")
    search = strategy(problem, make_settings(strategy, {"population": 6}), Random(0))
    told = [(60.0, 9.0), (70.0, 3.0), (99.0, 5.0), (50.0, 2.0), (98.0, 4.5), (40.0, 8.0)]
    asked = []
    for number, (accuracy, latency) in enumerate(told):
        request = search.ask()
        asked.append(request.architecture)
        search.tell(
            Trial(number, request), Answer((accuracy, latency), 1.0, 1, constrained=(latency,))
        )
    search.ask()
    assert [asked.index(one) for one in search.population][2:] == [4, 2, 5, 0]
    assert {asked.index(one) for one in search.population[:2]} == {1, 3}

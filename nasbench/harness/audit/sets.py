"""What is wrong with the final sets of searches for several objectives, and with their measures."""

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nasbench.benchmarks.judge import TableJudge
from nasbench.harness.audit.findings import Finding, name_seeds
from nasbench.harness.results.ragged import Ragged
from nasbench.harness.results.runs import ExperimentRuns
from nasbench.harness.search.opening import open_judge
from nasbench.harness.search.selection import choose
from nasbench.harness.search.task import Kind
from nasbench.problem import scores_of
from nasbench.rules import Selection

Steps = NDArray[np.int64]


def unlike_fronts(
    runs: ExperimentRuns, scores: Ragged, fronts: Mapping[int, Steps]
) -> Iterator[Finding]:
    """Yield what is wrong with final sets, with an example of each kind.

    `scores` are what the searches saw, shape (evaluations, objectives) of each run. `fronts` are
    the sets that should be there, for the runs where what is stored differs.
    """
    stored = runs.lists("selected")
    examples: dict[str, str] = {}
    seeds: dict[str, NDArray[np.bool_]] = {}
    for run, right in fronts.items():
        for kind, example in _wrong(scores[run], stored[run], right):
            examples.setdefault(kind, example.format(f"of seed {runs.seeds[run]}"))
            seeds.setdefault(kind, np.zeros(len(runs), dtype=bool))[run] = True
    for kind, wrong in seeds.items():
        what = f"{kind} in {name_seeds(runs, wrong)}, such as {examples[kind]}"
        yield Finding("incumbents", runs.label, what)
    by_test = np.zeros(len(runs), dtype=bool)
    for run in _by_test(runs, fronts):
        by_test[run] = True
    if by_test.any():
        what = f"the final set is the front by test values in {name_seeds(runs, by_test)}"
        yield Finding("incumbents", runs.label, what)


def _wrong(scores: NDArray[np.float64], stored: Steps, right: Steps) -> Iterator[tuple[str, str]]:
    """Yield kinds of faults of one final set, with an example that has braces for the run."""
    for step in stored[~np.isin(stored, right)].tolist():
        better = right[(scores[right] >= scores[step]).all(axis=1)]
        if len(better):
            example = f"evaluation {step} {{}}, than which {better[0]} is better or as good"
            yield "the final set has a member that is dominated", example
        else:
            yield "the final set has a member that cannot be an answer", f"evaluation {step} {{}}"
    for step in right[~np.isin(right, stored)].tolist():
        yield (
            "the final set lacks a member",
            f"evaluation {step} {{}}, which no other is better than",
        )


def _by_test(runs: ExperimentRuns, fronts: Mapping[int, Steps]) -> Iterator[int]:
    """Yield the runs whose stored set is the front by test values, of all or of its incumbents."""
    task = runs.experiment.task
    judge = open_judge(task) if task.kind is Kind.TABLE and task.has_test else None
    if not isinstance(judge, TableJudge):
        return
    places = range(len(task.objectives))
    stored, incumbents, fidelity = map(runs.lists, ("selected", "incumbents", "fidelity"))
    for name in task.reports:
        every = np.stack([judge.truth(name, place).test for place in places], axis=1)
        for run in fronts:
            cells = judge.space.positions(runs.architectures.indices[run])
            test = scores_of(task.objectives, np.where((cells < 0)[:, None], np.nan, every[cells]))
            for among in (np.arange(len(test)), incumbents[run]):
                own = task.query.epochs
                chosen = choose(Selection.FRONT, test[among], fidelity[run][among], own)
                if np.array_equal(among[chosen.selected], stored[run]):
                    yield run
                    break


def other_reference_points(stored: Any, expected: Any) -> Iterator[str]:
    """Yield where a comparison's hypervolumes are measured from another point than they should.

    Both are comparisons as JSON values.
    """
    try:
        pairs = list(zip(stored["blocks"], expected["blocks"], strict=True))
        for there, right in pairs:
            for dataset, point in right.get("reference_points", {}).items():
                for name, value in point.items():
                    told = there["reference_points"][dataset][name]
                    if not np.isclose(told, value, rtol=1e-9, atol=0):
                        yield (
                            f"hypervolume on {dataset} is measured from {name} {told:.6g}, it "
                            f"should be {value:.6g}"
                        )
    except (KeyError, TypeError, ValueError, AttributeError):
        return  # which the comparison of all values names

"""What each search would hand over under a bound on a cost: one member of each final set.

Of the members of a run's final set whose cost is within all bounds, it is the one with the best
value of the first objective as the search saw it; of equal ones the first. It is judged by its
final values. A run without such a member hands over nothing.
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from nasbench.benchmarks.constraints import Bound, all_met, bounded
from nasbench.errors import InvalidInput
from nasbench.harness.compare.contender import Contender
from nasbench.harness.compare.estimates import Estimate, Summary, finite, interval, summarise
from nasbench.harness.compare.units import estimate_of
from nasbench.harness.fronts import ExactFront
from nasbench.harness.search.task import Task
from nasbench.problem import Constraint, Metric, scores_of
from nasbench.text import shown

if TYPE_CHECKING:
    from nasbench.harness.results.runs import ExperimentRuns

OPTIMUM = "optimum"


@dataclass(frozen=True)
class Pick:
    """What the runs of one experiment hand over, on one data set; or the best that there is."""

    strategy: str
    label: str
    dataset: str
    n: int  #: finished runs; 0 for the optimum
    found: int  #: runs with a member within the bounds
    valid: Summary  #: the first objective on validation, over those runs
    test: Estimate  #: its mean on test with its 95 % bootstrap interval, over those runs
    test_std: float
    costs: tuple[Summary, ...]  #: the bounded costs, in the order of the bounds
    architecture: str  #: that most runs hand over
    times: int  #: how many runs hand it over

    def to_json(self, bounds: Sequence[Constraint]) -> dict[str, Any]:
        """Return the row as JSON values, costs by their names."""
        costs = zip(bounds, self.costs, strict=True)
        return {
            **asdict(self),
            "valid": self.valid._asdict(),
            "test": self.test._asdict(),
            "costs": {one.metric.name: cost._asdict() for one, cost in costs},
        }


def bounds_of(task: Task, texts: Sequence[str]) -> tuple[Constraint, ...]:
    """Return the bounds that a user writes, of objectives of a task.

    Raises `InvalidInput` for a text that cannot be read, where the costs are no objectives, and for
    a cost without its device where objectives are of several.
    """
    costs = {one.name: one for one in task.objectives[1:]}
    found: list[Constraint] = []
    for text in texts:
        bound = Bound.read(text, "pick")
        meant = [one for name, one in costs.items() if bound.means(name)]
        if not meant:
            raise InvalidInput(f"pick {shown(text)}: {_no_cost(task)}")
        if any(one.metric in meant for one in found):
            raise InvalidInput(
                f"pick {shown(', '.join(texts))}: one cost is bounded twice; keep the tighter bound"
            )
        if len(meant) > 1:
            raise InvalidInput(
                f"pick {shown(text)}: {bound.name} is that of several devices: write one of "
                f"{', '.join(one.name.replace('/', ':', 1) for one in meant)}"
            )
        found.append(bounded(meant[0], bound, f"pick {shown(text)}"))
    return tuple(found)


def _no_cost(task: Task) -> str:
    """Say which objectives can be bounded instead of one that cannot."""
    if len(task.objectives) == 1:
        return (
            f"these searches have one objective, {task.metric.name}, and one answer each; a set "
            f"to pick from needs a cost as well, such as --objective {task.metric.name},params"
        )
    costs = ", ".join(one.name for one in task.objectives[1:])
    return f"these searches have the costs {costs}: write a bound on one of them"


def picks(
    contenders: Sequence[Contender], bounds: Sequence[Constraint], dataset: str
) -> list[Pick]:
    """Return what every row hands over on a data set and, where the table is known, the optimum."""
    found = [_pick(one, bounds, dataset) for one in contenders]
    fronts = contenders[0].fronts
    if fronts is not None:
        found += _optimum(fronts.test[dataset], fronts.valid[dataset], bounds, dataset)
    return found


def members_within(one: "ExperimentRuns", bounds: Sequence[Constraint]) -> Iterator[int | None]:
    """Yield, for every run, the evaluation that it hands over; None where it has none."""
    task = one.experiment.task
    places = [task.objectives.index(bound.metric) for bound in bounds]
    selected, offsets = one.lists("selected"), one.lists("seconds").offsets
    for run in range(len(one)):
        steps = selected[run]
        told = one.values[offsets[run] + steps]
        within = np.flatnonzero(all_met(bounds, told[:, places]))
        if not len(within):
            yield None
            continue
        scores = task.metric.score(told[within, 0])
        yield int(steps[within[int(np.argmax(scores))]])


def _pick(one: Contender, bounds: Sequence[Constraint], dataset: str) -> Pick:
    task, runs = one.experiment.task, one.runs
    chosen = list(members_within(runs, bounds))
    given = [(run, step) for run, step in enumerate(chosen) if step is not None]
    steps = runs.lists("incumbents")
    at = [(run, int(np.flatnonzero(steps[run] == step)[0])) for run, step in given]

    def final(split: str, place: int) -> NDArray[np.float64]:
        judged = one.judged(split, dataset, place)
        return finite(np.array([judged[run][entry] for run, entry in at], dtype=np.float64))

    test = task.metric.score(final("test", 0))
    texts = Counter(
        str(runs.architectures.texts[runs.architectures.codes[run][step]]) for run, step in given
    )
    architecture, times = min(texts.items(), key=lambda x: (-x[1], x[0])) if texts else ("", 0)
    summary = summarise(test)
    return Pick(
        strategy=one.experiment.strategy,
        label=one.label,
        dataset=dataset,
        n=len(runs),
        found=len(given),
        valid=summarise(final("valid", 0)),
        test=estimate_of(task.metric, summary.mean, interval(test)),
        test_std=summary.std,
        costs=tuple(
            summarise(final("valid", task.objectives.index(bound.metric))) for bound in bounds
        ),
        architecture=architecture,
        times=times,
    )


def _optimum(
    test: ExactFront, valid: ExactFront, bounds: Sequence[Constraint], dataset: str
) -> Iterator[Pick]:
    """Yield the architecture within the bounds that is best by final test values, if there is."""
    values = scores_of(test.objectives, test.scores)  # back to values
    places = [test.objectives.index(bound.metric) for bound in bounds]
    within = all_met(bounds, values[:, places]) & np.isfinite(test.scores[:, 0])
    if not within.any():
        return
    best = int(np.argmax(np.where(within, test.scores[:, 0], -np.inf)))
    metric: Metric = test.objectives[0]
    value = float(values[best, 0])
    yield Pick(
        strategy=OPTIMUM,
        label=OPTIMUM,
        dataset=dataset,
        n=0,
        found=0,
        valid=summarise(np.array([metric.score(float(valid.scores[best, 0]))])),
        test=Estimate(value, np.nan, np.nan),
        test_std=np.nan,
        costs=tuple(summarise(values[best : best + 1, place]) for place in places),
        architecture=str(test.space.format(test.space.architecture(best))),
        times=0,
    )

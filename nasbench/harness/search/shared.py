"""One-shot strategies in the harness: their tasks, their benchmarks and their checkpoints."""

import hashlib
import math
import sys
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

import nasbench
from nasbench.benchmarks.base import Judge
from nasbench.benchmarks.catalogue import load_table
from nasbench.benchmarks.images import images_at_hand
from nasbench.benchmarks.joins import joined_costs
from nasbench.benchmarks.tables.costs import per_architecture
from nasbench.benchmarks.tables.objectives import is_cost, read_cost
from nasbench.benchmarks.tabular import Query
from nasbench.errors import DataError, InvalidInput, NasbenchError
from nasbench.harness.search.budget import Budget
from nasbench.harness.search.experiment import Experiment
from nasbench.harness.search.opening import open_judge
from nasbench.harness.search.sweeps import supernets_of
from nasbench.harness.search.task import Kind, Task
from nasbench.place import HERE, Place
from nasbench.problem import ACCURACY, Metric, SharedAnswer, TrainShared
from nasbench.rules import Promotion, Selection
from nasbench.spaces import get_space
from nasbench.spaces.base import Architecture, Space
from nasbench.strategies.base import SearchStrategy
from nasbench.strategies.registry import name_of
from nasbench.text import file_name
from nasbench.trace import Trace

if TYPE_CHECKING:
    from nasbench.benchmarks.training.data import DataSet
    from nasbench.benchmarks.training.shared import SharedBenchmark, SharedSession
    from nasbench.strategies.parts.one_shot import OneShot


def shared_task(task: Task, strategy: str, settings: Any, budget: Budget | None) -> Task:
    """Return a task for a one-shot strategy, with the same judge and a budget in epochs.

    `budget` is the user's budget; if it is None, the budget is the epochs of the strategy's
    settings for each of its supernets. Raises `InvalidInput` where the data set's images are not at
    hand; for early stopping, as the derived architecture is judged only after the search; for
    objectives other than accuracy and costs; for constraints; for several simulated workers; and
    for a table that is a pool.
    """
    if task.kind is Kind.TABLE and load_table(task.reference.name).is_pool:
        raise InvalidInput(
            f"strategy '{strategy}' shares weights among all architectures of a space, and table "
            f"'{task.reference.name}' is a pool of some: use another strategy"
        )
    if task.budget.stops_early:
        raise InvalidInput(
            "a search of shared weights knows no accuracy to stop at: run it without --patience "
            "and --target-regret"
        )
    if not can_be_validated(task.objectives):
        raise InvalidInput(
            f"strategy '{strategy}' validates the accuracy of shared weights: its objectives are "
            "accuracy and costs of the network, such as accuracy,params"
        )
    if task.constraints:
        raise InvalidInput(
            f"strategy '{strategy}' derives one architecture and cannot be held to a constraint: "
            "run it without --constraint, and give it a weight of the cost if it has one"
        )
    if task.simulated_workers > 1:
        raise InvalidInput(
            f"strategy '{strategy}' trains one set of shared weights: run it without "
            "--simulated-workers"
        )
    return replace(
        task,
        shared=True,
        query=Query(task.query.dataset, 0, 0),
        repeats="charge",
        selection=Selection.FRONT if len(task.objectives) > 1 else Selection.HIGHEST,
        promotion=Promotion.RESTART,
        timed=True,
        budget=budget or Budget(epochs=settings.epochs * supernets_of(vars(settings))),
        images=_images(task, strategy).fingerprint(),
    )


def open_shared(
    task: Task,
    strategy: type[SearchStrategy],
    settings: Any,
    place: Place,
) -> "tuple[SharedBenchmark, Judge]":
    """Return the benchmark with a one-shot strategy's supernet and images, and the task's judge.

    Raises `NasbenchError` where the images have changed since the task's runs were stored.
    """
    data = _images(task, name_of(strategy))
    if task.images and data.fingerprint() != task.images:  # an earlier version stored none
        raise NasbenchError(
            f"the images of '{task.query.dataset}' have changed since these runs "
            f"({data.fingerprint()[:8]}, theirs {task.images[:8]}): use another --out folder"
        )
    judge, costs_of = open_judge(task, place), _costs_of(task)
    space = get_space(task.space)
    return lender(space, data, settings, place, task.objectives, costs_of), judge


def can_be_validated(objectives: Sequence[Metric]) -> bool:
    """Return whether shared weights can be validated by objectives: accuracy, and then costs."""
    return objectives[0] == ACCURACY and all(map(is_cost, objectives[1:]))


def costs_in(task: Task) -> NDArray[np.float64]:
    """Return the costs that a task has as objectives, of all architectures of its table.

    The shape is (size of the table's space, objectives - 1), NaN where a number is missing.
    """
    table = load_table(task.reference.name)
    joined = joined_costs(task.joins, table)
    columns = [
        joined[one.name]
        if one.name in joined
        else per_architecture(read_cost(table.search, one, task.query.dataset), table.rows)
        for one in task.objectives[1:]
    ]
    return np.stack(columns, axis=1, dtype=np.float64)


def _costs_of(task: Task) -> "Callable[[Architecture], tuple[float, ...]]":
    """Return what says an architecture's values of all objectives of a task but the first."""
    if len(task.objectives) == 1:
        return lambda _: ()
    costs, space = costs_in(task), load_table(task.reference.name).space
    return lambda architecture: tuple(costs[space.index(architecture)].tolist())


def _images(task: Task, strategy: str) -> "DataSet":
    from nasbench.benchmarks.training.catalogue import dataset_names, shared_data

    try:
        return shared_data(task.query.dataset)
    except (DataError, InvalidInput) as error:
        if images_at_hand(task.query.dataset) is not None:  # they are there, and damaged
            raise InvalidInput(
                f"strategy '{strategy}' trains on the images of '{task.query.dataset}', which "
                f"cannot be used: {error}"
            ) from error
        raise InvalidInput(
            f"strategy '{strategy}' trains on images, and those of '{task.query.dataset}' "
            f"are not at hand ({error}); data sets with images: {', '.join(dataset_names())}"
        ) from error


def lender(
    space: Space,
    data: "DataSet",
    settings: Any,
    place: Place = HERE,
    objectives: tuple[Metric, ...] = (ACCURACY,),
    costs_of: "Callable[[Architecture], tuple[float, ...]]" = lambda _: (),
) -> "SharedBenchmark":
    """Return the benchmark with the supernet and images of a one-shot strategy's settings.

    `costs_of` says an architecture's values of all `objectives` but the first.
    """
    from nasbench.benchmarks.training.shared import SharedBenchmark
    from nasbench.spaces.networks.base import Shape

    s = settings
    shape = Shape(s.channels, s.cells, s.affine, s.statistics != "batch")
    cost = {"cost": s.cost} if hasattr(s, "cost") else {}
    return SharedBenchmark(
        space, data, shape,
        reestimate=s.statistics == "re-estimated", place=place,
        precision=s.precision, initialisation=s.initialisation,
        around=Shape(s.channels, s.cells) if s.around == "tracked" else None,
        objectives=objectives, costs_of=costs_of, **cost,
    )  # fmt: skip


def checkpoint_path(experiment: Experiment, seed: int, place: Place = HERE) -> Path:
    """Return the path of an unfinished run's checkpoint, in the cache folder of trainings.

    The path depends on the place (device and threads), as other places compute other bits: a run
    resumes only at the place where it began.
    """
    from nasbench.benchmarks.training.cache import cache_folder

    where = "" if place == HERE else file_name(f"-{place.device}-{place.threads}")
    return cache_folder() / "shared" / f"{experiment.digest()}-{seed}{where}.pt"


class Resumable:
    """A session that writes a checkpoint after every epoch, and resumes from one.

    To resume, it first gives the checkpoint's answers again in order, without training, and then
    restores the strategy and the weights. On the CPU the run ends with the same bits as one that
    was never interrupted, except for timings. A checkpoint of another version could lead to other
    bits: it is not used, nor is a damaged one, and the search begins anew.
    """

    def __init__(self, session: "SharedSession", strategy: "OneShot", path: Path) -> None:
        """Read the checkpoint at `path` if there is one of this version."""
        self._session, self._strategy, self._path = session, strategy, path
        self._saved = _saved(path, session, strategy)
        self._answers = [_answer(one) for one in self._saved.get("answers", ())]
        self._replayed = deque(self._answers)

    def answer(self, request: TrainShared) -> SharedAnswer:
        """Answer from the checkpoint while it lasts, then train."""
        if self._replayed:
            answer = self._replayed.popleft()
            if not self._replayed:
                self._resume()
            return answer
        answer = self._session.answer(request)
        self._answers.append(answer)
        self._write()
        return answer

    def _resume(self) -> None:
        """Restore strategy and weights as they were after the checkpoint's last epoch."""
        try:
            self._strategy.resume(self._session.loan, self._saved)
        except Exception as error:  # any error that a wrong state may cause in a strategy
            raise DataError(
                f"checkpoint {self._path} is of another state of the search: it is removed"
            ) from error
        self._session.derivation = self._saved["derivation"]

    def _write(self) -> None:
        from nasbench.benchmarks.training.checkpoint import write_checkpoint

        answers = [
            {
                **one._asdict(),
                "architecture": list(one.architecture),
                "values": list(one.values),
                "traces": {trace.column: value for trace, value in one.traces.items()},
            }
            for one in self._answers
        ]
        content = {
            **self._strategy.checkpoint(self._session.loan),
            "answers": answers, "derivation": self._session.derivation, "code": _code(),
            "run": self._path.stem,
        }  # fmt: skip
        write_checkpoint(self._path, content)


def _saved(path: Path, session: "SharedSession", strategy: "OneShot") -> dict[str, Any]:
    """Return the checkpoint at `path`, or an empty dict where there is none to resume from.

    A damaged checkpoint is reported on stderr, and so in the run's log. A checkpoint of another
    version is ignored without a report.
    """
    from nasbench.benchmarks.training.checkpoint import read_checkpoint, same_values

    if not path.exists():
        return {}
    try:
        saved = read_checkpoint(path)
        if not same_values(saved.get("code"), _code()):
            return {}
        if not same_values(saved["run"], path.stem):
            raise ValueError(f"checkpoint {path} is of the run {saved['run']}")
        _check(saved, session, strategy)
    except Exception as error:  # any error that values of wrong types may cause in a check
        print(f"the search begins anew: {error}", file=sys.stderr)
        return {}
    return saved


def _check(saved: Mapping[str, Any], session: "SharedSession", strategy: "OneShot") -> None:
    """Raise an error for a checkpoint that this search cannot have written."""
    from nasbench.benchmarks.training.checkpoint import check_tensors

    if not _is_seconds(saved["derivation"]):
        raise ValueError(f"its derivation took {saved['derivation']} seconds")
    answers, space = saved["answers"], strategy.space
    most = strategy.settings.epochs * strategy.supernets
    if not isinstance(answers, list) or not 1 <= len(answers) <= most:
        raise ValueError("its answers are not one for each epoch")
    for stored in answers:
        one = _answer(stored)
        if not space.contains(one.architecture):
            raise ValueError(f"an answer is no architecture: {one.architecture}")
        value, *costs = one.values
        if not (_is_seconds(value) and value <= 100 and _is_seconds(one.seconds)):
            raise ValueError(f"an answer has value {value} and seconds {one.seconds}")
        known = [isinstance(cost, float) for cost in costs]
        if len(known) + 1 != len(strategy.problem.objectives) or not all(known):
            raise ValueError(f"an answer has costs {costs}")
        if (type(one.epochs), type(one.failed)) != (int, bool) or one.epochs < 1:
            raise ValueError(f"an answer has epochs {one.epochs} and failed {one.failed}")
        if not all(isinstance(number, float) for number in one.traces.values()):
            raise ValueError("traces of an answer are no numbers")
    if not isinstance(saved["state"], dict) or not isinstance(saved["optimiser"], dict):
        raise ValueError("its state is none")
    check_tensors(saved["weights"], session.loan.supernet.state_dict(), "weights")


def _is_seconds(value: object) -> bool:
    return isinstance(value, float) and 0 <= value < math.inf


@cache
def _code() -> str:
    """Return a hash of source files, which identifies the code that wrote a checkpoint."""
    digest = hashlib.sha256()
    root = Path(nasbench.__file__).parent
    searching = (
        path
        for folder in ("strategies", "spaces", "benchmarks/training")
        for path in sorted((root / folder).rglob("*.py"))
    )
    for path in (*sorted(root.glob("*.py")), *searching):
        digest.update(path.read_bytes())
    return digest.hexdigest()


def _answer(stored: dict[str, Any]) -> SharedAnswer:
    architecture, values = tuple(stored["architecture"]), tuple(stored["values"])
    traces = {_trace(column): number for column, number in dict(stored["traces"]).items()}
    known = {**stored, "architecture": architecture, "values": values, "traces": traces}
    return SharedAnswer(**known)


def _trace(column: str) -> Trace:
    found = Trace.read(column)
    if found is None:
        raise ValueError(f"'{column}' is no trace of an epoch")
    return found

"""One-shot strategies in the harness: their tasks, what is lent to them, their checkpoints."""

import hashlib
from collections import deque
from contextlib import suppress
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import nasbench
from nasbench.benchmarks.base import Judge
from nasbench.benchmarks.tabular import Signal
from nasbench.errors import DataError, InvalidInput
from nasbench.harness.budget import Budget
from nasbench.harness.experiment import Experiment, Task
from nasbench.requests import SharedAnswer, TrainShared
from nasbench.spaces import get_space
from nasbench.spaces.base import Space
from nasbench.strategies.base import SearchStrategy

if TYPE_CHECKING:
    from nasbench.benchmarks.training.data import DataSet
    from nasbench.benchmarks.training.shared import SharedBenchmark, SharedSession
    from nasbench.strategies.parts.one_shot import OneShot


def shared_task(task: Task, settings: Any, budget: Budget | None) -> Task:
    """Return what a one-shot strategy does on a task: the same judge, epochs as its budget.

    A user's budget goes first; without one it is the epochs of the strategy's settings. Raises
    `InvalidInput` for rules of early stopping: what is derived is judged after the search.
    """
    if task.budget.stops_early:
        raise InvalidInput(
            "a search of shared weights knows no accuracy to stop at: run it without --patience "
            "and --target-regret"
        )
    return replace(
        task,
        signal=Signal(task.signal.dataset, 0, 0),
        repeats="charge",
        budget=budget or Budget(epochs=settings.epochs),
    )


def open_shared(
    task: Task, strategy: type[SearchStrategy], settings: Any
) -> "tuple[SharedBenchmark, Judge]":
    """Return what lends a one-shot strategy its supernet and images, and the task's judge."""
    from nasbench.benchmarks.training.catalogue import dataset_names, shared_data
    from nasbench.harness.experiment import open_judge

    try:
        data = shared_data(task.signal.dataset)
    except (DataError, InvalidInput) as error:
        raise InvalidInput(
            f"strategy '{strategy.name}' trains on images, and those of '{task.signal.dataset}' "
            f"are not at hand ({error}); data sets with images: {', '.join(dataset_names())}"
        ) from error
    return lender(get_space(task.space), data, settings), open_judge(task)


def lender(space: Space, data: "DataSet", settings: Any) -> "SharedBenchmark":
    """Return what lends a one-shot strategy with these settings its supernet and images."""
    from nasbench.benchmarks.training.shared import SharedBenchmark
    from nasbench.spaces.networks.nb201 import Shape

    s = settings
    shape = Shape(s.channels, s.cells, s.affine, s.statistics != "batch")
    cost = {"cost": s.cost} if hasattr(s, "cost") else {}
    return SharedBenchmark(
        space, data, shape,
        reestimate=s.statistics == "re-estimated", device=s.device, threads=s.threads,
        precision=s.precision, initialisation=s.initialisation,
        around=Shape(s.channels, s.cells) if s.around == "tracked" else None, **cost,
    )  # fmt: skip


def checkpoint_path(experiment: Experiment, seed: int) -> Path:
    """Return where the checkpoint of an unfinished run lies: beside the finished trainings."""
    from nasbench.benchmarks.training.cache import cache_folder

    return cache_folder() / "shared" / f"{experiment.digest()}-{seed}.pt"


class Resumable:
    """A session that writes a checkpoint after every epoch, and goes on from one.

    What the checkpoint holds was trained, timed and judged derivable before: its answers are given
    again in order, then strategy and weights are put where they were. On the CPU the run ends with
    the same bits as one that was never interrupted, timings apart. Another version's checkpoint
    could end otherwise: that, like a damaged one, is made anew.
    """

    def __init__(self, session: "SharedSession", strategy: "OneShot", path: Path) -> None:
        """Read the checkpoint at `path` if there is one of this version."""
        from nasbench.benchmarks.training.checkpoint import read_checkpoint

        self._session, self._strategy, self._path = session, strategy, path
        self._saved: dict[str, Any] = {}
        with suppress(DataError):
            self._saved = read_checkpoint(path)
        if self._saved.get("code") != _code():
            self._saved = {}
        self._answers = [_answer(one) for one in self._saved.get("answers", ())]
        self._replayed = deque(self._answers)

    def answer(self, request: TrainShared) -> SharedAnswer:
        """Answer from the checkpoint while it lasts, then train."""
        if self._replayed:
            answer = self._replayed.popleft()
            if not self._replayed:
                self._strategy.resume(self._session.loan, self._saved)
                self._session.derivation = self._saved["derivation"]
            return answer
        answer = self._session.answer(request)
        self._answers.append(answer)
        self._write()
        return answer

    def _write(self) -> None:
        from nasbench.benchmarks.training.checkpoint import write_checkpoint

        answers = [
            {**one._asdict(), "architecture": list(one.architecture), "figures": dict(one.figures)}
            for one in self._answers
        ]
        content = {
            **self._strategy.checkpoint(self._session.loan),
            "answers": answers, "derivation": self._session.derivation, "code": _code(),
        }  # fmt: skip
        write_checkpoint(self._path, content)


@cache
def _code() -> str:
    """Return what tells the code that wrote a checkpoint from any other: a hash of its sources."""
    digest = hashlib.sha256()
    root = Path(nasbench.__file__).parent
    for folder in ("strategies", "spaces", "benchmarks/training"):
        for path in sorted((root / folder).rglob("*.py")):
            digest.update(path.read_bytes())
    return digest.hexdigest()


def _answer(stored: dict[str, Any]) -> SharedAnswer:
    return SharedAnswer(**{**stored, "architecture": tuple(stored["architecture"])})

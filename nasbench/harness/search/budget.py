"""The budget of a run, and the clock that charges the run's evaluations to it."""

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import StrEnum

import numpy as np

from nasbench.errors import InvalidInput
from nasbench.harness.search.selection import Chosen, Front, Incumbent
from nasbench.problem import ACCURACY, Answer, Constraint, Metric, SharedAnswer, meets
from nasbench.rules import Selection

_UNITS = {"s": 1.0, "min": 60.0, "m": 60.0, "h": 3600.0, "d": 86400.0}
_COUNTS = {"eval": "evaluations", "evaluation": "evaluations", "epoch": "epochs"}
_PART = re.compile(r"(\d+(?:\.\d+)?)\s*(s|min|m|h|d|evals?|evaluations?|epochs?)")
FREE_IN_A_ROW = 10_000
_MOST_EVALUATIONS = 1_000_000  # with a table, they take about a minute and a gigabyte
_TOO_MUCH = 2**63  # counts are stored in 64 bits


class Stop(StrEnum):
    """Why a run ended."""

    SECONDS = "seconds"  # the next evaluation would have overshot the budget of seconds
    EVALUATIONS = "evaluations"
    EPOCHS = "epochs"  # the next evaluation would have overshot the budget of epochs
    PATIENCE = "patience"
    TARGET = "target"
    EXHAUSTED = "exhausted"  # the strategy had nothing left to ask
    STALLED = "stalled"  # 10,000 free answers in a row: a clock of seconds no longer moves


def _require_countable(name: str, value: float) -> None:
    if value >= _TOO_MUCH:
        raise InvalidInput(f"budget: so many {name} cannot be counted: use fewer than 2**63")


@dataclass(frozen=True)
class Budget:
    """The limits of a run, which ends at the first limit that it reaches.

    None means no limit. Raises `InvalidInput` where seconds, evaluations and epochs are all None,
    and for a limit that is 0 (but a target regret may be), negative or too large to count (2**63
    or more).
    """

    seconds: float | None = None
    """Seconds on the run's clock. An evaluation that would end later does not count."""
    evaluations: int | None = None
    epochs: int | None = None
    """Training epochs, of single architectures or of shared weights."""
    patience: int | None = None
    """Number of evaluations in a row that do not change the answer, after which the run ends.

    The answer is the incumbent or, with several objectives, the front.
    """
    target_regret: float | None = None
    """Validation regret of the answer, 0 or more, at which the run ends.

    It is computed from the values that the search is told, in units of the first objective.
    """

    def __post_init__(self) -> None:
        """Raise `InvalidInput` for limits that cannot be used."""
        if self.seconds is None and self.evaluations is None and self.epochs is None:
            raise InvalidInput(
                "a budget needs seconds, evaluations or epochs: 12000s, 5h, 100evals"
            )
        for name in ("seconds", "evaluations", "epochs", "patience"):
            value = getattr(self, name)
            if value is None:
                continue
            _require_countable(name, value)
            if not value > 0:
                raise InvalidInput(f"budget: {name} cannot be {value}: it must be above 0")
        if self.target_regret is not None and not 0 <= self.target_regret < math.inf:
            raise InvalidInput(
                f"target regret cannot be {self.target_regret}: use a finite number of 0 or more"
            )

    @classmethod
    def parse(cls, text: str) -> "Budget":
        """Read a text such as `12000s`, `5h`, `30min`, `2d`, `100evals`, `50epochs`.

        Several may be joined by commas. Raises `InvalidInput` for a text that cannot be read.
        """
        limits: dict[str, float] = {}
        for part in text.split(","):
            match = _PART.fullmatch(part.strip())
            if match is None:
                raise InvalidInput(
                    f"budget '{text:.60}': cannot read '{part:.60}'; "
                    "write seconds (12000s, 30min, 5h, 2d), evaluations (100evals), epochs "
                    "(50epochs) or several (5h,100evals)"
                )
            number, unit = match.groups()
            name = "seconds" if unit in _UNITS else _COUNTS[unit.removesuffix("s")]
            if name in limits:
                raise InvalidInput(f"budget '{text:.60}' gives {name} twice: keep one of them")
            limits[name] = float(number) * _UNITS.get(unit, 1.0)
            _require_countable(name, limits[name])
        whole: dict[str, int] = {}
        for name in limits.keys() - {"seconds"}:
            whole[name] = int(limits[name])
            if whole[name] != limits[name]:
                raise InvalidInput(f"budget '{text:.60}': {name} must be a whole number")
        return cls(limits.get("seconds"), **whole)

    @property
    def stops_early(self) -> bool:
        """Whether a run may end before the budget is spent."""
        return self.patience is not None or self.target_regret is not None

    def check_cost(self, cheapest: float) -> None:
        """Raise `InvalidInput` where seconds alone pay for more than 1,000,000 evaluations.

        `cheapest` is the least number of seconds that an evaluation can cost, or 0 if it is not
        known; then nothing is checked.
        """
        only_seconds = self.evaluations is None and self.epochs is None
        if self.seconds is None or not only_seconds or cheapest <= 0:
            return
        if self.seconds / cheapest > _MOST_EVALUATIONS:
            raise InvalidInput(
                f"budget '{self}' pays for more than {_MOST_EVALUATIONS:,} of the cheapest "
                f"evaluations ({cheapest:g} s): add a limit, such as {self.seconds:g}s,1000evals"
            )

    def stopping(self, patience: int | None, target_regret: float | None) -> "Budget":
        """Return this budget with early-stopping rules added."""
        return replace(self, patience=patience, target_regret=target_regret)

    def __str__(self) -> str:
        """Write the budget as `parse` reads it, early-stopping rules appended."""
        parts = []
        if self.seconds is not None:
            parts.append(f"{_number(self.seconds)}s")
        if self.evaluations is not None:
            parts.append(f"{self.evaluations}evals")
        if self.epochs is not None:
            parts.append(f"{self.epochs}epochs")
        if self.patience is not None:
            parts.append(f"patience {self.patience}")
        if self.target_regret is not None:
            parts.append(f"regret {_number(self.target_regret)}")
        return ",".join(parts)


def _number(value: float) -> str:
    """Return a number without a needless decimal point, and with every digit that it has."""
    whole = round(value)
    return str(whole) if whole == value else repr(value)


class Clock:
    """Charges a run's answers to its budget, in the same way for every strategy.

    An evaluation begins at the clock's present time (`begin`). It is counted when it ends (`end`),
    and the clock then moves to that time. With one worker an evaluation ends before the next one
    begins.
    """

    __slots__ = (
        "_changed", "_epochs", "_evaluations", "_free", "_freest", "_front", "_last",
        "_maximised", "_own", "_patience", "_seconds", "_started", "_started_epochs", "_takes",
        "_target", "budget", "constraints", "epochs", "evaluations",
        "full", "objectives", "overshot", "seconds", "stop",
    )  # fmt: skip

    def __init__(
        self,
        budget: Budget,
        best_score: float | None = None,
        objectives: tuple[Metric, ...] = (ACCURACY,),
        *,
        selection: Selection = Selection.HIGHEST,
        own: int | None = None,
        timed: bool = True,
        constraints: tuple[Constraint, ...] = (),
    ) -> None:
        """Start at zero.

        `selection` is the rule by which an evaluation becomes the answer, which patience needs.
        `best_score` is the best known score of the first objective, which a target regret needs;
        `InvalidInput` is raised where it is missing. If `own`, the task's own fidelity in epochs,
        is given, only an answer at this fidelity can reach the target. Unless `timed`, no answer
        takes time, and a run that a number of evaluations limits cannot stall. An evaluation
        becomes an answer only if its architecture meets all `constraints`.
        """
        self.budget = budget
        self._own = own
        self._front = Front() if selection is Selection.FRONT else None
        self.objectives = objectives
        self.constraints = constraints
        self._takes = Incumbent(selection, own or 0).takes
        self._maximised = objectives[0].direction == "max"
        self._seconds = math.inf if budget.seconds is None else budget.seconds
        self._evaluations = math.inf if budget.evaluations is None else budget.evaluations
        self._epochs = math.inf if budget.epochs is None else budget.epochs
        counted = not timed and budget.evaluations is not None
        self._freest = math.inf if counted else FREE_IN_A_ROW
        self._patience = math.inf if budget.patience is None else budget.patience
        self._target = math.inf
        if budget.target_regret is not None:
            if best_score is None:
                raise InvalidInput(
                    "a target regret needs a benchmark whose optimum is known: use a table"
                )
            self._target = best_score - budget.target_regret
        self._changed: list[int] = []
        self._last = -1
        self._free = 0
        self._started = 0
        self._started_epochs = 0
        self.seconds = 0.0
        self.evaluations = 0
        self.epochs = 0
        self.overshot: Stop | None = None
        """The limit that the last refused evaluation would have overshot; None without one."""
        self.stop: Stop | None = None
        self.full = False
        """Whether as many evaluations have begun as the budget allows."""

    @property
    def chosen(self) -> Chosen:
        """The answers so far, as numbers of evaluations.

        Evaluations are numbered from 0 in the order in which they ended.
        """
        changed = np.array(self._changed, dtype=np.int64)
        if self._front is None:
            return Chosen(changed, changed[-1:])
        return Chosen(changed, np.array([one for one, _ in self._front.members], dtype=np.int64))

    def begin(self, answer: Answer | SharedAnswer) -> float | None:
        """Begin an evaluation now and return the time, in seconds, at which it will end.

        Returns None, and begins nothing, if it would overshoot the budget of seconds or epochs.
        """
        finished = self.seconds + answer.seconds
        if finished > self._seconds:
            self.overshot = Stop.SECONDS
            return None
        epochs = self._started_epochs + answer.epochs
        if epochs > self._epochs:
            self.overshot = Stop.EPOCHS
            return None
        self._started_epochs = epochs
        self._started += 1
        self.full = self._started >= self._evaluations
        return finished

    def wait(self, charges: Sequence[float]) -> bool:
        """Let the seconds in `charges` pass, one after the other, in which nothing is evaluated.

        Returns False, and lets nothing pass, if they would overshoot the budget of seconds.
        """
        finished = self.seconds
        for one in charges:
            finished += one
        if finished > self._seconds:
            self.overshot = Stop.SECONDS
            return False
        self.seconds = finished
        return True

    def charge(self, answer: Answer | SharedAnswer, fidelity: int = 0) -> bool:
        """Begin and end an evaluation; return False, and count nothing, if it would overshoot."""
        finished = self.begin(answer)
        if finished is None:
            self.stop = self.overshot
            return False
        self.end(answer, finished, fidelity)
        return True

    def end(self, answer: Answer | SharedAnswer, finished: float, fidelity: int = 0) -> None:
        """Count an evaluation that has begun, and move the clock to its end, `finished`.

        `fidelity` is the number of epochs after which its values were read.
        """
        number = self.evaluations
        self.evaluations = number + 1
        self.epochs += answer.epochs
        if finished != self.seconds:
            self._free = 0
            self.seconds = finished
        else:
            self._free += 1
        value = answer.values[0]
        score = value if self._maximised else -value
        if (
            not answer.failed
            and (not self.constraints or meets(self.constraints, answer))
            and (
                self._takes(score, fidelity)
                if self._front is None
                else self._enters(answer, fidelity)
            )
        ):
            self._changed.append(number)
            self._last = number
            if score >= self._target and self._own in (None, fidelity):
                self.stop = Stop.TARGET
        elif number - self._last >= self._patience:
            self.stop = Stop.PATIENCE
        if number + 1 >= self._evaluations:
            self.stop = Stop.EVALUATIONS
        elif self._free >= self._freest:
            self.stop = Stop.STALLED

    def _enters(self, answer: Answer | SharedAnswer, fidelity: int) -> bool:
        """Add an evaluation to the front if it belongs there, and return whether it does."""
        pairs = zip(self.objectives, answer.values, strict=True)
        scores = tuple(metric.score(value) for metric, value in pairs)
        number = self.evaluations - 1
        return self._front is not None and self._front.takes(scores, fidelity, number)

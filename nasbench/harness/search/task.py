"""Tasks: what is searched and how it is judged, which two runs must share to be compared."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from enum import StrEnum
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nasbench.benchmarks.constraints import all_met
from nasbench.benchmarks.joins import Join
from nasbench.benchmarks.tabular import Query
from nasbench.harness.search.budget import Budget, Clock
from nasbench.problem import ACCURACY, HYPERVOLUME, Constraint, Metric, scores_of
from nasbench.rules import Promotion, Selection

_TRAINED = "train:"
_FALLBACK = "+train"
_QUERY = {"dataset": "dataset", "schedule": "schedule", "epochs": "epochs", "trials": "signal"}
"""Fields of a query by the names that stored experiments use."""


class Seconds(StrEnum):
    """What the seconds on a run's clock are."""

    SIMULATED = "simulated"
    """A table's: what its makers measured, or what a formula says."""
    TRAINING = "training"
    """Real ones of training networks or shared weights, and of their validation."""
    MIXED = "mixed"
    """A table's, and real ones of trainings times the scale of the benchmark."""


class Kind(StrEnum):
    """Where the answers of a benchmark come from."""

    TABLE = "table"
    """All are looked up."""
    TRAINED = "trained"
    """All are trainings."""
    FALLBACK = "fallback"
    """Architectures that the table has are looked up, the others are trained."""


@dataclass(frozen=True)
class BenchmarkReference:
    """The reference to a benchmark, from which any process can open it again.

    It is written as two texts, which users give and stored experiments have:

    - a table's name and its protocol's: `nb201` and `nb201-paper`;
    - `train:` and a space, and how networks are trained: `train:nb201` and
      `nb201-12:12@0/nb201-200@1,2,3`;
    - both, with the scale of their clocks: `nb201+train` and
      `nb201-paper+nb201-12:12@0/nb201-200@1,2,3*1.23`.
    """

    kind: Kind
    name: str
    """The table's name or file path; where everything is trained, the space's name."""
    protocol: str = ""
    """Name of the table's protocol; empty where everything is trained."""
    setup: str = ""
    """How networks are trained (see `benchmarks.training.setup`); empty where none is trained."""
    scale: float = 1.0
    """Seconds on the table's clock that a training is charged for each real second."""

    @property
    def benchmark(self) -> str:
        """The benchmark as text."""
        if self.kind is Kind.TRAINED:
            return f"{_TRAINED}{self.name}"
        return f"{self.name}{_FALLBACK}" if self.kind is Kind.FALLBACK else self.name

    @property
    def protocol_text(self) -> str:
        """The protocol as text."""
        if self.kind is Kind.TRAINED:
            return self.setup
        if self.kind is Kind.FALLBACK:
            return f"{self.protocol}+{self.setup}*{self.scale:.6g}"
        return self.protocol

    @property
    def earlier_device(self) -> str | None:
        """The device that an earlier version wrote into the setup; None where there is none."""
        parts = self.setup.split("/")
        return parts[2] if len(parts) == 4 else None

    def without_device(self) -> "BenchmarkReference":
        """Return the reference as later versions write it, without a device in its setup."""
        parts = self.setup.split("/")
        return replace(self, setup="/".join([*parts[:2], parts[3]])) if len(parts) == 4 else self

    @classmethod
    def read(cls, benchmark: str, protocol: str) -> "BenchmarkReference":
        """Read the two texts; raise `ValueError` for texts that no reference has."""
        space = trained_space(benchmark)
        if space is not None:
            return cls(Kind.TRAINED, space, setup=protocol)
        if not benchmark.endswith(_FALLBACK):
            return cls(Kind.TABLE, benchmark, protocol)
        before, _, scale = protocol.rpartition("*")
        own, _, setup = before.rpartition("+")  # a protocol's name may contain a plus
        found = cls(
            Kind.FALLBACK, benchmark.removesuffix(_FALLBACK), own, setup, float(scale or "nan")
        )
        if found.protocol_text != protocol or not found.scale > 0:
            raise ValueError(f"'{protocol}' is no protocol of a table with trainings")
        return found


def in_stored_names(text: str) -> str:
    """Return a message with the names that stored experiments have for the fields of a task."""
    for stored, name in _QUERY.items():
        text = text.replace(f"task.query.{name}", f"task.signal.{stored}")
    return text.replace("task.query", "task.signal")


def trained_space(benchmark: str) -> str | None:
    """Return the space that `train:SPACE` names, None for the name of a table."""
    return benchmark.removeprefix(_TRAINED) if benchmark.startswith(_TRAINED) else None


@dataclass(frozen=True)
class Task:
    """What is searched and how it is judged: all that two runs must share to be compared."""

    reference: BenchmarkReference
    content: str
    """SHA-256 of the table, of images and recipes where everything is trained, or of both."""
    space: str
    query: Query
    """The data set and the fidelity of the validation values that the search is told."""
    repeats: str
    """What a repeated request costs: `charge` or `free`, see `nasbench.rules`."""
    budget: Budget
    final_schedule: int
    """Epochs of the schedule after which the judge reads final values."""
    reports: tuple[str, ...]
    """Data sets on which the judge reads final values."""
    shared: bool = False
    """Whether shared weights are trained, instead of architectures evaluated."""
    images: str = ""
    """SHA-256 of the images that shared weights are trained on; empty where no weights are shared,
    and in experiments that an earlier version began."""
    simulated_workers: int = 1
    """How many evaluations go on at once on the run's clock."""
    objectives: tuple[Metric, ...] = (ACCURACY,)
    """Metrics that are searched for and judged.

    With one metric the answer is the best evaluation, with several it is their front.
    """
    selection: Selection = Selection.HIGHEST
    """The rule for which evaluation is the answer, where fidelities differ from the task's own."""
    promotion: Promotion = Promotion.RESTART
    """The rule for what is charged if an architecture is evaluated again at a higher fidelity."""
    joins: tuple[Join, ...] = ()
    """Where those objectives and constrained costs are read that the task's table lacks.

    They are in the order of the objectives, and then of the constraints."""
    timed: bool = True
    """Whether evaluations take time; not where a table has no seconds, so that they are counted."""
    has_test: bool = True
    """Whether the judge reads test values; if not, its values are those of validation."""
    constraints: tuple[Constraint, ...] = ()
    """What an architecture has to meet to be an answer."""

    @property
    def benchmark(self) -> str:
        """The benchmark as text, such as `nb201` or `train:nb201`."""
        return self.reference.benchmark

    @property
    def protocol(self) -> str:
        """The protocol as text."""
        return self.reference.protocol_text

    @property
    def kind(self) -> Kind:
        """Where the answers come from."""
        return self.reference.kind

    @property
    def trains(self) -> bool:
        """Whether networks or shared weights are trained, so that real seconds are measured."""
        return self.shared or self.kind is not Kind.TABLE

    @property
    def seconds(self) -> Seconds:
        """What the seconds on a run's clock are."""
        if self.shared or self.kind is Kind.TRAINED:
            return Seconds.TRAINING
        return Seconds.MIXED if self.kind is Kind.FALLBACK else Seconds.SIMULATED

    @property
    def clocks(self) -> tuple[str, ...]:
        """What the course of a run can be followed over: `seconds`, if it takes any, and a count.

        The count is called `evaluations`, of one-shot searches too.
        """
        return ("seconds", "evaluations") if self.timed else ("evaluations",)

    @property
    def count(self) -> str:
        """What a run's answers are counted as: `evaluations`, or `shared_epochs`.

        The latter are epochs of training shared weights.
        """
        return "shared_epochs" if self.shared else "evaluations"

    @property
    def outcome(self) -> str:
        """What final values are called: those of test, or else those of the only split there is."""
        return "test" if self.has_test else "final"

    @property
    def metric(self) -> Metric:
        """The first objective."""
        return self.objectives[0]

    @property
    def measure(self) -> Metric:
        """What searches are compared by: their objective, or the hypervolume of their sets."""
        return HYPERVOLUME if len(self.objectives) > 1 else self.metric

    def clock(self, best_score: float | None) -> Clock:
        """Return a clock that charges a run of the task; on `best_score` see `Clock`."""
        own = self.query.epochs
        return Clock(
            self.budget, best_score, self.objectives, selection=self.selection, own=own,
            timed=self.timed, constraints=self.constraints,
        )  # fmt: skip

    def scores(
        self, values: NDArray[np.float64], constrained: NDArray[np.float64]
    ) -> NDArray[np.float64]:
        """Return the scores by which answers are chosen, shape (n, objectives).

        `values` has the shape (n, objectives), `constrained` (n, constraints). The scores of an
        architecture that does not meet a constraint are NaN, as those of a failed evaluation.
        """
        scores = scores_of(self.objectives, values)
        if not self.constraints:
            return scores
        return np.where(all_met(self.constraints, constrained)[:, None], scores, np.nan)

    @property
    def judged_by(self) -> tuple[object, ...]:
        """The fields that decide which final values the judge gives an architecture."""
        return (
            self.benchmark, self.content, self.space, self.query.dataset, self.final_schedule,
            self.reports, self.objectives, self.joins, self.constraints,
        )  # fmt: skip

    def values(self) -> dict[str, Any]:
        """Return all fields as plain values, under the names that stored experiments use."""
        values = asdict(self)
        del values["reference"], values["content"], values["shared"]
        values = {"signal" if name == "query" else name: one for name, one in values.items()}
        asked = values["signal"]
        return {
            "benchmark": self.benchmark, "table": self.content, "protocol": self.protocol,
            **values,
            "signal": {stored: asked[name] for stored, name in _QUERY.items()},
            "objectives": [one.to_json() for one in self.objectives],
            "joins": [asdict(one) for one in self.joins],
            "constraints": [
                {"metric": one.metric.to_json(), "bound": one.bound} for one in self.constraints
            ],
        }  # fmt: skip

    def to_json(self) -> dict[str, Any]:
        """Return the task as JSON values, without newer fields that have their default value.

        An earlier version did not have these fields, so the digest of an experiment that it began
        stays the same.
        """
        values = self.values()
        usual = {
            "images": "", "simulated_workers": 1, "selection": Selection.HIGHEST,
            "promotion": Promotion.RESTART, "objectives": [ACCURACY.to_json()], "joins": [],
            "timed": True, "has_test": True, "constraints": [],
        }  # fmt: skip
        return {
            name: value
            for name, value in values.items()
            if name not in usual or value != usual[name]
        }

    @staticmethod
    def fields_of(values: Mapping[str, Any]) -> dict[str, Any]:
        """Return the fields of a task from what `to_json` wrote; their types are not checked yet.

        Raises `ValueError` where benchmark, protocol, table or signal cannot be read.
        """
        known = dict(values)
        texts = {name: known.pop(name, None) for name in ("benchmark", "protocol", "table")}
        for name, text in texts.items():
            if not isinstance(text, str):
                raise ValueError(f"task.{name} is no text")
        signal = known.pop("signal", None)
        if not isinstance(signal, Mapping):
            raise ValueError("task.signal is no JSON object")
        known["reference"] = BenchmarkReference.read(texts["benchmark"], texts["protocol"])
        known["content"] = texts["table"]
        known["shared"] = signal.get("epochs") == 0
        known["query"] = {_QUERY.get(name, name): value for name, value in signal.items()}
        return known

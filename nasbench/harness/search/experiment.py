"""An experiment: a task, a strategy with settings, and the randomness of each of its runs."""

import hashlib
import json
import math
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import numpy as np

from nasbench.benchmarks.base import FinalValues
from nasbench.benchmarks.proxy_scores import ProxyUse
from nasbench.errors import InvalidInput
from nasbench.harness.search.loop import Trajectory
from nasbench.harness.search.task import Task
from nasbench.place import HERE, Place
from nasbench.problem import ACCURACY
from nasbench.randomness import Random

if TYPE_CHECKING:
    from pydantic import TypeAdapter

ENTROPY_RULE = 1
"""Number of the rule by which new experiments make their entropy; earlier versions used rule 0."""


@dataclass(frozen=True)
class Experiment:
    """One strategy with its settings on one task; seeds are added over time."""

    task: Task
    strategy: str
    settings: Mapping[str, Any] = field(default_factory=dict)
    """All hyperparameters, defaults included."""
    seed: int = 0
    """The experiment seed, which changes the randomness of every run."""
    entropy: int = 0
    """The experiment's own part of every run's randomness: see `entropy_of`."""
    entropy_rule: int = 0
    """How `entropy` was made: see `ENTROPY_RULE`."""
    proxies: ProxyUse | None = None
    """The zero-cost proxies that it asks for; None for a strategy that needs none."""

    @property
    def charges_scores(self) -> bool:
        """Whether scores of zero-cost proxies take time on a run's clock."""
        return self.proxies is not None and self.proxies.factor is not None

    def to_json(self) -> dict[str, Any]:
        """Return the whole experiment as JSON values; see `Task.to_json` on what is left out."""
        values = {**asdict(self), "settings": dict(self.settings), "task": self.task.to_json()}
        if not self.entropy_rule:
            del values["entropy_rule"]
        if self.proxies is None:
            del values["proxies"]
        return values

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> "Experiment":
        """Read what `to_json` wrote.

        Raises `ValueError`, which names what is missing or has a wrong type.
        """
        if not isinstance(data, Mapping):
            raise ValueError("the experiment is no JSON object")
        task = data.get("task")
        if isinstance(task, Mapping):
            data = {**data, "task": Task.fields_of(task)}
        return _adapter().validate_python(data)

    def settings_of(self, known: Iterable[str]) -> Mapping[str, Any]:
        """Return the settings without those of earlier versions.

        Earlier versions stored the place of training (`device`, `threads`) among the settings of
        strategies that share weights. Both are left out unless they are in `known`, the names of
        the strategy's present settings.
        """
        if not self.task.shared:
            return self.settings
        earlier = set(Place._fields) - set(known)
        return {name: value for name, value in self.settings.items() if name not in earlier}

    @property
    def earlier_place(self) -> Place:
        """The place of training that an earlier version stored as part of the experiment.

        For strategies that share weights it was two settings, for other trainings a part of their
        setup. What is not stored is as in `HERE`.
        """
        if not self.task.shared:
            return Place(self.task.reference.earlier_device or HERE.device)
        device, threads = (self.settings.get(name) for name in Place._fields)
        return Place(
            device if isinstance(device, str) else HERE.device,
            threads if isinstance(threads, int) else HERE.threads,
        )

    def digest(self) -> str:
        """Return 8 hexadecimal digits of a SHA-256 that identify this experiment."""
        text = json.dumps(self.to_json(), sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()[:8]


@dataclass(frozen=True)
class Run:
    """The run of one seed: its trajectory and the judge's finals on its incumbents."""

    seed: int
    trajectory: Trajectory | None
    """None where the run failed."""
    finals: Mapping[str, FinalValues]
    """By reported data set: values of every objective, a row per step in `trajectory.incumbents`.

    Empty where the run failed.
    """
    wall_seconds: float
    error: str = ""
    """Traceback of a failed run."""
    log: str = ""
    """What the run printed."""
    place: Place | None = None
    """Where it trained; None where nothing was trained."""
    cpu_seconds: float = math.nan
    """Seconds that the process computed, all threads together; NaN where it is not known."""


@lru_cache(maxsize=1)
def _adapter() -> "TypeAdapter[Experiment]":
    from pydantic import TypeAdapter

    return TypeAdapter(Experiment)


def entropy_of(
    rule: int,
    task: Task,
    strategy: str,
    settings: Mapping[str, Any],
    defaults: Mapping[str, Any],
    proxies: ProxyUse | None = None,
) -> int:
    """Return an experiment's own part of its runs' randomness: 48 bits of a SHA-256.

    It makes runs with equal seeds independent of each other where they are counted as separate
    runs. By rule 1 the hash is of a JSON text with sorted keys: the rule's number, the strategy,
    the settings that differ from the defaults, the table's hash (where everything is trained, the
    hash of images and recipes), the images' hash where weights are shared, the searched data set
    and the protocol; the names of the objectives where they are not accuracy alone; where
    objectives of other tables are read; the constraints and the hash of the scores of proxies,
    where there are any. The budget is not hashed: a run with a larger budget begins like one with a
    smaller budget. By rule 0, of earlier versions, only the strategy and its settings are hashed,
    so that searches of several data sets evaluate the same architectures for equal seeds.

    The number is stored with the experiment, so that a later change of a default does not change
    what a resumed experiment draws. Raises `InvalidInput` for an unknown rule.
    """
    chosen = {name: value for name, value in settings.items() if value != defaults[name]}
    if rule == 0:
        identity: Any = [strategy, chosen]
    elif rule == ENTROPY_RULE:
        identity = {
            "rule": rule,
            "strategy": strategy,
            "settings": chosen,
            "table": task.content,
            "images": task.images,
            "dataset": task.query.dataset,
            "protocol": task.protocol,
        }
        if task.objectives != (ACCURACY,):
            identity["objectives"] = [one.name for one in task.objectives]
        if task.joins:
            identity["joins"] = [asdict(one) for one in task.joins]
        if task.constraints:
            identity["constraints"] = [str(one) for one in task.constraints]
        if proxies is not None:
            identity["proxies"] = proxies.content
    else:
        raise InvalidInput(
            f"entropy rule {rule} is unknown: this nasbench knows 0 to {ENTROPY_RULE}; upgrade it"
        )
    text = json.dumps(identity, sort_keys=True)
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:6], "big")


def streams(experiment: Experiment, seed: int) -> tuple[Random, Random]:
    """Return two independent random streams for one run: the strategy's and the benchmark's.

    A `SeedSequence` joins the 32-bit words of its numbers, so that two different lists of numbers
    can give the same sequence if a number has more than one word. Seeds of 2**32 or more therefore
    enter as a hash of their text; by entropy rule 0 they enter as they are.
    """
    numbers = [experiment.seed, seed, experiment.entropy]
    if experiment.entropy_rule and max(numbers[:2]) >= 2**32:
        text = " ".join(map(str, numbers))
        numbers = [int.from_bytes(hashlib.sha256(text.encode()).digest(), "big")]
    sequence = np.random.SeedSequence(numbers)
    strategy, benchmark = sequence.spawn(2)
    return Random(strategy), Random(benchmark)


def random_of(identity: Mapping[str, Any], experiment_seed: int, seed: int) -> Random:
    """Return the random stream of a run that belongs to no experiment.

    It is seeded with a SHA-256 of `identity` and both seeds.
    """
    text = json.dumps([identity, experiment_seed, seed], sort_keys=True, default=str)
    number = int.from_bytes(hashlib.sha256(text.encode()).digest(), "big")
    return Random(np.random.SeedSequence(number))

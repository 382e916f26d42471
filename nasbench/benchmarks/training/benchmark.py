"""A benchmark and a judge that train: validation accuracy and its cost in real seconds.

The clock of such a search is the machine's, not a simulation, so its seconds can only be compared
with those of a search on the same machine. Finished trainings are kept; asking for one again costs
as many seconds as the first time.
"""

import time
from collections.abc import Sequence
from copy import copy
from pathlib import Path

import numpy as np

from nasbench.benchmarks.asked import check_request
from nasbench.benchmarks.base import FinalValues
from nasbench.benchmarks.training.cache import Cache, Finished, Judged, Trained
from nasbench.benchmarks.training.data import DataSet, Part
from nasbench.benchmarks.training.recipes import Recipe
from nasbench.benchmarks.training.threads import torch_threads
from nasbench.benchmarks.training.train import Training, find_device, single
from nasbench.benchmarks.training.train_one import evaluate, machine, train_epochs
from nasbench.errors import InvalidInput
from nasbench.place import HERE, Place
from nasbench.problem import ACCURACY, Answer, Evaluate, Fidelity, Metric
from nasbench.randomness import Random
from nasbench.spaces.base import Architecture, Space
from nasbench.spaces.networks.base import networks_of


class Trainer:
    """Starts trainings with one recipe on one data set and device, and makes their cache keys."""

    def __init__(
        self,
        space: Space,
        data: DataSet,
        recipe: Recipe,
        *,
        place: Place = HERE,
        precision: str = "float32",
        fingerprint: str | None = None,
    ) -> None:
        """Move the data to the device once.

        `fingerprint` is that of the whole data set; by default it is computed from `data`. Raises
        `InvalidInput` for a space without networks and for a device that does not exist.
        """
        self.space, self.recipe, self.precision = space, recipe, precision
        networks_of(space)  # `InvalidInput` where it has none
        self.device, self.threads = find_device(place.device), place.threads
        self.fingerprint = fingerprint or data.fingerprint()
        self.data = data.to(self.device)

    def without_test(self) -> "Trainer":
        """Return a trainer that has the validation images in place of the test images.

        So no test image can leak into a search. The cache keys of its trainings do not change,
        since they use the fingerprint of the whole data set.
        """
        other = copy(self)
        other.data = self.data.without_test()
        return other

    def start(self, architecture: Architecture, seed: int) -> Training:
        """Return a training before its first epoch, with torch's current number of threads."""
        return single(
            self.space, architecture, seed, self.data, self.recipe,
            device=str(self.device), precision=self.precision,
        )  # fmt: skip

    def named(self, architecture: Architecture, seed: int, epochs: int) -> Trained:
        """Return the cache key of a training; architectures with the same network share it."""
        trained = networks_of(self.space).trained_as(architecture)
        return Trained(
            space=self.space.name,
            cell=self.space.format(trained),
            seed=seed,
            recipe=self.recipe,
            epochs=epochs,
            data=self.fingerprint,
            precision=self.precision,
            device=self.device.type,
            threads=self.threads,
        )


class TrainedBenchmark:
    """Answers requests by training; it has no test images.

    An evaluation trains the first `epochs` epochs of the recipe's schedule, evaluates the network
    on the validation images once, and costs the real seconds of both. A shorter training is the
    same schedule cut short, like the early epochs of a table. A training whose loss is not finite
    is a failed evaluation, and it is charged. If there are several training seeds, each evaluation
    draws one.
    """

    best_signal: float | None = None  #: unknown without training the whole space
    cheapest = 0.0
    objectives: tuple[Metric, ...] = (ACCURACY,)

    def __init__(
        self,
        trainer: Trainer,
        cache: Path,
        *,
        epochs: int | None = None,
        seeds: Sequence[int] = (0,),
    ) -> None:
        """Train `epochs` of the recipe (None: all) unless a request names a fidelity.

        `cache` is the folder of finished trainings. Raises `InvalidInput` if the recipe has fewer
        epochs, or without training seeds.
        """
        self.space: Space = trainer.space
        self.recipe = trainer.recipe
        self.epochs = self._checked(epochs)
        self.seeds = tuple(seeds)
        if not self.seeds:
            raise InvalidInput("a search by training needs at least one training seed")
        self._trainer = trainer.without_test()
        self._cache: Cache[Finished] = Cache.of_search(cache)

    @property
    def fidelities(self) -> tuple[Fidelity, ...]:
        """One fidelity for every number of epochs, from 1 to all epochs of the recipe."""
        whole = self.recipe.epochs
        return tuple(Fidelity(epochs, whole) for epochs in range(1, whole + 1))

    @property
    def clock(self) -> str:
        """A text that says which machine's seconds it counts."""
        return f"real seconds on {machine(self._trainer.device)}"

    @property
    def note(self) -> str:
        """One line that says that every answer is a training, and on which clock."""
        return (
            f"every answer is a training (recipe {self.recipe.name}, {self.epochs} epochs); its "
            f"clock is {self.clock}, a finished training is charged what it cost when it ran"
        )

    def session(self, random: Random) -> "TrainedSession":
        """Return a session, which answers one run."""
        return TrainedSession(self, random)

    def train(self, architecture: Architecture, seed: int, epochs: int | None = None) -> Finished:
        """Return a finished training, from the cache if it is there, else by training it now.

        Raises `InvalidInput` for epochs that the recipe lacks and if memory is too small.
        """
        epochs = self.epochs if epochs is None else self._checked(epochs)
        named = self._trainer.named(architecture, seed, epochs)
        found = self._cache.find(named)
        if found is not None:
            return found
        with torch_threads(self._trainer.threads):
            return self._cache.keep(named, self._train(architecture, seed, epochs))

    def _train(self, architecture: Architecture, seed: int, epochs: int) -> Finished:
        training = self._trainer.start(architecture, seed)
        began = time.perf_counter()  # building the first network loads much of torch: not counted
        fine = train_epochs(training, epochs)
        accuracy, loss = evaluate(training, Part.VALIDATION) if fine else (0.0, None)
        fine = fine and loss is not None and bool(np.isfinite(loss))
        return Finished(
            accuracy=accuracy if fine else 0.0,
            loss=loss if fine else None,
            seconds=time.perf_counter() - began,
            epochs=training.epoch,
            diverged=not fine,
            machine=machine(self._trainer.device),
        )

    def _checked(self, epochs: int | None) -> int:
        if epochs is None:
            return self.recipe.epochs
        if not 1 <= epochs <= self.recipe.epochs:
            raise InvalidInput(
                f"recipe '{self.recipe.name}' has epochs 1 to {self.recipe.epochs}: "
                f"{epochs} cannot be asked for"
            )
        return epochs


class TrainedSession:
    """Answers one run by training, and draws the training seeds of this run."""

    def __init__(self, benchmark: TrainedBenchmark, random: Random) -> None:
        """Use `random` to draw training seeds, if there are several."""
        self._benchmark, self._random = benchmark, random

    def answer(self, request: Evaluate) -> Answer:
        """Train the architecture, or take its finished training from the cache.

        Raises `InvalidInput` for an invalid request and if memory is too small.
        """
        check_request(self._benchmark.space, request)
        seeds = self._benchmark.seeds
        seed = seeds[0] if len(seeds) == 1 else self._random.choice(seeds)
        epochs = None if request.fidelity is None else self._epochs(request.fidelity)
        done = self._benchmark.train(request.architecture, seed, epochs)
        return Answer((done.accuracy,), done.seconds, done.epochs, done.diverged)

    def _epochs(self, fidelity: Fidelity) -> int:
        recipe = self._benchmark.recipe
        if fidelity.schedule not in (None, recipe.epochs):
            raise InvalidInput(
                f"a fidelity of schedule {fidelity.schedule} is unknown to recipe '{recipe.name}': "
                f"its schedule is {recipe.epochs}"
            )
        return fidelity.epochs


class TrainedJudge:
    """Trains the final incumbent from scratch, once per seed, and then reads the test images.

    Only the last architecture of those to judge is trained. Values of earlier incumbents are NaN,
    since a final training of each would cost more than the search. Accuracies are means over the
    seeds whose training did not diverge.
    """

    def __init__(
        self, trainer: Trainer, cache: Path, *, seeds: Sequence[int], name: str | None = None
    ) -> None:
        """Judge after all epochs of the trainer's recipe; `name` is the reported data set's name.

        Raises `InvalidInput` without training seeds.
        """
        self.name, self.seeds = name or trainer.data.name, tuple(seeds)
        if not self.seeds:
            raise InvalidInput("a judge by training needs at least one training seed")
        self._trainer = trainer
        self._cache: Cache[Judged] = Cache.of_judge(cache)

    def read(self, architectures: Sequence[Architecture]) -> dict[str, FinalValues]:
        """Return the final values on the data set, NaN for all architectures except the last."""
        valid, test = np.full((2, len(architectures)), np.nan)
        if len(architectures):
            final = [self.train(architectures[-1], seed) for seed in self.seeds]
            valid[-1] = _mean([one.valid for one in final])
            test[-1] = _mean([one.test for one in final])
        return {self.name: FinalValues(valid[:, None], test[:, None])}

    def train(self, architecture: Architecture, seed: int) -> Judged:
        """Return a final training, from the cache if it is there, else by training it now."""
        named = self._trainer.named(architecture, seed, self._trainer.recipe.epochs)
        found = self._cache.find(named)
        if found is not None:
            return found
        with torch_threads(self._trainer.threads):
            return self._cache.keep(named, self._train(architecture, seed))

    def _train(self, architecture: Architecture, seed: int) -> Judged:
        training = self._trainer.start(architecture, seed)
        began = time.perf_counter()
        valid = test = None
        if train_epochs(training, training.recipe.epochs):
            valid, _ = evaluate(training, Part.VALIDATION)
            test, _ = evaluate(training, Part.TEST)
        seconds = time.perf_counter() - began
        return Judged(valid, test, seconds, machine(self._trainer.device))


def _mean(values: Sequence[float | None]) -> float:
    known = [value for value in values if value is not None]
    return sum(known) / len(known) if known else float("nan")

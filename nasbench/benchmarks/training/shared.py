"""A benchmark for one-shot searches: it provides supernet and images, and times each epoch."""

import math
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cached_property
from itertools import islice
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from nasbench.benchmarks.asked import check_architecture, check_training
from nasbench.benchmarks.training.data import DataSet, Images, Part
from nasbench.benchmarks.training.devices import recorder
from nasbench.benchmarks.training.failures import device_failures
from nasbench.benchmarks.training.step import computing
from nasbench.benchmarks.training.streams import Purpose, stream
from nasbench.benchmarks.training.threads import torch_threads
from nasbench.benchmarks.training.train import find_device
from nasbench.errors import InvalidInput, NasbenchError
from nasbench.place import HERE, Place
from nasbench.problem import ACCURACY, Fidelity, Metric, SharedAnswer, TrainShared
from nasbench.randomness import Random
from nasbench.spaces.base import Architecture, EnumerableSpace, Space
from nasbench.spaces.mix import Mix
from nasbench.spaces.networks.base import Initialisation, Shape, Supernet, networks_of
from nasbench.spaces.networks.lookup import Lookup
from nasbench.spaces.networks.passes import Batch, Gradients, Passes
from nasbench.spaces.networks.recordings import Recordings, Rerun
from nasbench.trace import TRAIN_LOSS, VALIDATION_LOSS, Trace

AUTOCAST = {"float32": None, "tf32": None, "bfloat16": torch.bfloat16}
"""Precisions of a supernet's computation and torch's autocast type; weights are always in float32.
See `step.computing` for the difference between the first two."""
CostsOf = Callable[[Architecture], tuple[float, ...]]
"""Returns an architecture's values of all objectives but the first; NaN is a missing one."""
_RANKED_AT_ONCE = 256
_RANKING = 1
"""Part of the random stream's key that gives `Loan.ranking` another order than `validation`."""
_SAMPLE, _SAMPLED_CELLS, _SAMPLED_IMAGES = 203, 24, 256
"""Seed and number of the cells whose accuracy with the shared weights is recorded every epoch, the
same cells in all runs; and the number of images that they are evaluated on."""
_MOST_SAMPLED_FROM = 10_000_000
"""Largest number of architectures of a space for which such cells are drawn."""
_CALIBRATED_AT_ONCE, _CALIBRATION_BATCHES = 128, 4


class Loan:
    """The supernet of one run and batches of two disjoint parts of the data.

    A one-shot strategy gets it in `TrainShared.train` and `TrainShared.derive`. `supernet` is the
    network on `device`, with the weights that the strategy trains.
    """

    def __init__(
        self,
        space: Space,
        data: DataSet,
        shape: Shape,
        seed: int,
        *,
        costs: Lookup | None = None,
        reestimate: bool = False,
        precision: str = "float32",
        initialisation: str = "he",
        around: Shape | None = None,
        record: type[Rerun] | None = None,
    ) -> None:
        """Initialise the weights from `seed`, which also determines the order of the images.

        The other settings are those of `SharedBenchmark`; `costs` are the costs of operations.
        `record` says how passes that are repeated are recorded: see `recordings.Recordings`.
        """
        self._costs = costs
        self._data, self._seed, self._reestimate = data, seed, reestimate

        def initialised() -> Supernet:
            return networks_of(space).supernet(
                data.input, shape, generator=stream(Purpose.SUPERNET, seed),
                precision=AUTOCAST[precision], initialisation=Initialisation(initialisation),
                around=around,
            )  # fmt: skip

        self._initialised = initialised
        self.device = data.parts[Part.WEIGHTS].images.device
        self.supernet = initialised().to(self.device)
        self.recordings = Recordings(record, list(self.supernet.buffers()))
        self._passes = Passes(self.supernet, self.recordings)

    def renew(self) -> None:
        """Set the weights of the supernet, in place, to those with which the run began."""
        self.supernet.load_state_dict(self._initialised().state_dict())
        self.supernet.zero_grad(set_to_none=True)

    def gradients(self, batch: Batch, mix: Mix) -> Gradients:
        """Return the loss of a batch and its gradients: see `Passes.gradients`."""
        return self._passes.gradients(batch, mix)

    def mixture_loss(self, batch: Batch, mix: Mix) -> Tensor:
        """Return the loss of a batch, with a gradient by the weights of the mixture alone."""
        return self._passes.mixture_loss(batch, mix)

    def weights(self, epoch: int, batch: int) -> Iterator[Images]:
        """Yield the batches of an epoch for fitting the weights, shuffled and augmented."""
        return self._data.epoch(self._seed, epoch, batch)

    def steps(self, batch: int) -> int:
        """Return the number of batches in an epoch of `weights`."""
        return self._data.steps(batch)

    def validation(self, epoch: int, batch: int) -> Iterator[Images]:
        """Yield shuffled batches of the validation images endlessly, without augmentation.

        All batches have the same size: `batch`, or all images if there are fewer.
        """
        return self._shuffled(stream(Purpose.SEARCH_ORDER, self._seed, epoch), batch)

    def ranking(self, epoch: int, batch: int) -> Iterator[Images]:
        """Yield batches like `validation` in another order, to rank architectures for `derive`."""
        return self._shuffled(stream(Purpose.SEARCH_ORDER, self._seed, epoch, _RANKING), batch)

    def _shuffled(self, generator: torch.Generator, batch: int) -> Iterator[Images]:
        images, labels = self._data.parts[Part.VALIDATION]
        size = min(batch, len(labels))
        while True:
            order = torch.randperm(len(labels), generator=generator).to(labels.device)
            for chosen in torch.split(order, size):
                if len(chosen) == size:
                    yield Images(images[chosen], labels[chosen])

    @cached_property
    def _calibration(self) -> list[Images]:
        return list(islice(self.weights(0, _CALIBRATED_AT_ONCE), _CALIBRATION_BATCHES))

    def costs(self) -> Lookup:
        """Return the cost of every operation in the whole network.

        Raises `InvalidInput` if the strategy's settings name no cost.
        """
        if self._costs is None:
            raise InvalidInput("the strategy's settings name no cost: give them a field 'cost'")
        return self._costs

    def accuracy(self, architecture: Architecture, images: int | None = None) -> float:
        """Return an architecture's validation accuracy (%) with the shared weights: see `read`."""
        return self.read(architecture, images)[0]

    @torch.no_grad()
    def read(self, architecture: Architecture, images: int | None = None) -> tuple[float, float]:
        """Return an architecture's validation accuracy (%) and loss with the shared weights.

        The loss is the mean cross entropy. Both are measured on the first `images` validation
        images (None: all). With `reestimate`, the statistics of batch norm are first estimated on
        four batches of training images. Otherwise batch norm uses its running statistics or, if
        the supernet keeps none, those of each batch.
        """
        network = self._reestimated(architecture) if self._reestimate else None
        mode = self.supernet.training
        self.supernet.eval()
        part = self._data.parts[Part.VALIDATION]
        pictures, labels = part.images[:images], part.labels[:images]
        correct, loss = torch.zeros((2,), dtype=torch.float64, device=labels.device)
        batches = -(-len(labels) // _RANKED_AT_ONCE)  # of equal size, so that no batch is small
        parts = (pictures.tensor_split(batches), labels.tensor_split(batches))
        for some, truth in zip(*parts, strict=True):
            logits = (
                self.supernet(some, Mix.only(architecture)) if network is None else network(some)
            )
            correct += (logits.argmax(dim=1) == truth).sum()
            loss += F.cross_entropy(logits.float(), truth, reduction="sum")
        self.supernet.train(mode)
        return 100 * float(correct) / len(labels), float(loss) / len(labels)

    def _reestimated(self, architecture: Architecture) -> Callable[[Tensor], Tensor]:
        """Return an architecture's network with newly estimated batch norm statistics.

        It computes in the precision of the supernet.
        """
        network = self.supernet.inherit(architecture).to(self.device)

        def logits(images: Tensor) -> Tensor:
            with self.supernet.computing():
                found: Tensor = network(images)
            return found

        _estimate(network, self._calibration, logits)
        return logits


def _estimate(
    network: nn.Module, batches: Sequence[Images], forward: Callable[[Tensor], Tensor]
) -> None:
    """Replace batch norm's statistics by their mean over `batches`; end in evaluation mode."""
    for module in network.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.reset_running_stats()
            module.momentum = None  # a cumulative mean
    network.train()
    for batch in batches:
        forward(batch.images)
    network.eval()


class SharedBenchmark:
    """Provides what a one-shot search trains on; its clock counts the real seconds of epochs."""

    best_signal: float | None = None
    cheapest = 0.0
    fidelities: tuple[Fidelity, ...] = ()

    def __init__(
        self,
        space: Space,
        data: DataSet,
        shape: Shape,
        *,
        reestimate: bool = False,
        cost: str | None = None,
        place: Place = HERE,
        precision: str = "float32",
        initialisation: str = "he",
        around: Shape | None = None,
        objectives: tuple[Metric, ...] = (ACCURACY,),
        costs_of: CostsOf = lambda _: (),
    ) -> None:
        """Set up supernets of `shape` for all runs; the data are moved to the device only once.

        Of `objectives` the first is accuracy; the others are costs, which `costs_of` says.
        `reestimate` makes `Loan.read` estimate batch norm statistics anew. `cost` names the costs
        of operations, for a strategy that needs them: see `latency.find_lookup`. `place` is the
        device and threads that train the weights. `precision` is one of `AUTOCAST`;
        `initialisation` is a value of `Initialisation`; `around` is the shape of the layers around
        the supernet's cells, if their batch norm has other options. Raises `InvalidInput` for a
        space without networks, a device that does not exist and an unknown cost.
        """
        networks_of(space)  # `InvalidInput` where it has none
        self.space = space
        self.objectives, self._costs_of = objectives, costs_of
        find_device(place.device)
        self.shape, self._source, self._reestimate = shape, data, reestimate
        self.place, self._precision = place, precision
        self._initialisation, self._around = initialisation, around
        self._costs = None
        if cost is not None:  # only then are tables read, and their libraries needed
            from nasbench.benchmarks.training.latency import find_lookup

            self._costs = find_lookup(cost, space, data.input, shape)

    @cached_property
    def _sample(self) -> dict[int, Architecture]:
        space = self.space
        if not isinstance(space, EnumerableSpace) or space.size > _MOST_SAMPLED_FROM:
            return {}
        drawn = np.random.default_rng(_SAMPLE).permutation(space.size)[:_SAMPLED_CELLS]
        return {int(index): space.architecture(int(index)) for index in sorted(drawn)}

    @cached_property
    def data(self) -> DataSet:
        """The images a search may see, on the device."""
        return self._source.without_test().to(find_device(self.place.device))

    @property
    def note(self) -> str:
        """One line that says which data the weights are trained on, and on which clock."""
        return f"shared weights are trained on {self._source.name}; seconds are real ones"

    def session(self, random: Random) -> "SharedSession":
        """Return a session, which answers one run; `random` draws the seed of its weights."""
        seed = random.integer(2**31)
        loan = Loan(
            self.space, self.data, self.shape, seed,
            costs=self._costs, reestimate=self._reestimate, precision=self._precision,
            initialisation=self._initialisation, around=self._around,
            record=recorder(find_device(self.place.device), networks_of(self.space)),
        )  # fmt: skip
        return SharedSession(
            self.space, loan, self._sample,
            threads=self.place.threads, precision=self._precision, costs_of=self._costs_of,
        )  # fmt: skip


def _typed(traces: Mapping[Any, float]) -> dict[Trace, float]:
    """Return the numbers of an epoch by `Trace`; a key that is only a name becomes a `Trace`."""
    return {
        Trace.number(one) if isinstance(one, str) else one: value for one, value in traces.items()
    }


class SharedSession:
    """Answers one run; after every epoch it also records the shared weights' accuracy on few cells.

    This record is not charged, since a search does not need it. Deriving an architecture is
    charged only once per supernet: after any epoch, the run has paid for all its training so far
    and for one derivation from each supernet, because a search that ends there would derive only
    once. A run that begins with fresh weights again has ended one supernet's search.
    """

    def __init__(
        self,
        space: Space,
        loan: Loan,
        sample: Mapping[int, Architecture],
        *,
        threads: int = 1,
        precision: str = "float32",
        costs_of: CostsOf = lambda _: (),
    ) -> None:
        """Use the supernet of `loan` for the whole run; `sample` maps indices to architectures."""
        self._space, self.loan, self._sample = space, loan, sample
        self._costs_of = costs_of
        self._threads, self._precision = threads, precision
        self.derivation = 0.0
        """Seconds charged for deriving from the present supernet so far: those of the last
        derivation, or more if the charge could not be lowered."""

    def answer(self, request: TrainShared) -> SharedAnswer:
        """Let the strategy train one epoch and derive an architecture, and time both.

        Raises `InvalidInput` for an invalid request or derived architecture, `NasbenchError` if
        memory is too small, the device is lost, or the training loss is not finite.
        """
        check_training(request)
        failures = device_failures(self.loan.device, "batch, channels or cells")
        with torch_threads(self._threads), computing(self._precision), failures:
            return self._answer(request)

    def _answer(self, request: TrainShared) -> SharedAnswer:
        began = time.perf_counter()
        if request.fresh:
            self.loan.renew()
            self.derivation = 0.0
        traces = _typed(request.train(self.loan))
        trained = time.perf_counter() - began
        derived = request.derive(self.loan)
        derivation = time.perf_counter() - began - trained
        seconds = max(trained + derivation - self.derivation, 0.0)
        self.derivation += seconds - trained  # above `derivation` where the charge reached 0 s
        if not math.isfinite(traces[TRAIN_LOSS]):
            raise NasbenchError("the loss of the shared weights is not finite: lower learning_rate")
        ranked = {
            Trace.ranked(index): self.loan.accuracy(cell, _SAMPLED_IMAGES)
            for index, cell in self._sample.items()
        }
        check_architecture(self._space, derived)
        accuracy, loss = self.loan.read(derived)
        values = accuracy, *self._costs_of(derived)
        return SharedAnswer(
            derived, values, seconds, failed=not all(map(math.isfinite, values)),
            traces={**traces, VALIDATION_LOSS: loss, **ranked},
        )  # fmt: skip

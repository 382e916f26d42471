"""Base classes of one-shot strategies: the loop over epochs, the weights' optimiser, the loan.

A one-shot strategy trains a supernet, whose weights all architectures share, and derives its
answer from it. Torch is imported inside methods, because listing the strategies imports their
modules.
"""

import math
from abc import abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Protocol

from nasbench.problem import SharedAnswer, TrainShared, Trial
from nasbench.randomness import Random
from nasbench.spaces.base import Architecture
from nasbench.spaces.mix import Mix
from nasbench.strategies.base import DERIVED, Parallelism, SearchStrategy, Tag
from nasbench.strategies.parts.weights import WeightSettings
from nasbench.trace import SUPERNET, TRAIN_LOSS, Trace, Traces

__all__ = ["Batch", "Loan", "OneShot", "UniformSampling", "WeightSettings"]

if TYPE_CHECKING:
    from torch import Tensor

    from nasbench.spaces.networks.base import Supernet
    from nasbench.spaces.networks.lookup import Lookup
    from nasbench.spaces.networks.passes import Gradients

Batch = tuple["Tensor", "Tensor"]
"""Images (B, channels, side, side) and labels (B,)."""


class Loan(Protocol):
    """What a benchmark gives a one-shot search for one run: a supernet, images, no test image.

    The images are in two disjoint parts: training images, to which the weights are fitted, and
    validation images.
    """

    supernet: "Supernet"
    """The supernet; its weights are initialised from the run's seed."""

    def weights(self, epoch: int, batch: int) -> Iterator[Batch]:
        """Yield one epoch of the training images in batches, shuffled and augmented."""

    def steps(self, batch: int) -> int:
        """Return the number of batches in an epoch of `weights`."""

    def validation(self, epoch: int, batch: int) -> Iterator[Batch]:
        """Yield shuffled batches of the validation images, without end."""

    def ranking(self, epoch: int, batch: int) -> Iterator[Batch]:
        """Yield batches as `validation` does, in another order, for the derivation of an answer."""

    def costs(self) -> "Lookup":
        """Return the lookup table of the costs of operations in the network, for setting `cost`."""

    def gradients(self, batch: Batch, mix: Mix) -> "Gradients":
        """Return the mean cross entropy (nats) of a batch and its gradients.

        They are those by the supernet's parameters and, if the weights of the mixture require a
        gradient, by these. The tensors are valid until the next call.
        """

    def mixture_loss(self, batch: Batch, mix: Mix) -> "Tensor":
        """Return the mean cross entropy (nats) of a batch, to search with: a scalar tensor.

        It has a gradient by the weights of the mixture; ask it for no other gradient.
        """

    def accuracy(self, architecture: Architecture, images: int | None = None) -> float:
        """Return the validation accuracy (%) of an architecture with the shared weights.

        It is measured on the first `images` validation images; None means all of them.
        """


class OneShot(SearchStrategy):
    """A search that trains shared weights and derives its answer from them.

    A subclass defines `step`, which is called for every batch of training images, and `derive`,
    which returns the answer. `begin` is called once before the first epoch, for attributes that
    need the supernet.

    With a setting `sweep`, a tuple, the search trains a supernet for each of its values, one after
    the other, each for `settings.epochs` epochs; `supernet` is the number of the present one. Each
    begins like the first: with the same weights, optimisers, batches and random numbers, and with a
    call of `begin`. So they differ only by what the search makes of the value. The answer is then a
    set: see `nasbench.harness.search.sweeps`.
    """

    rule = DERIVED
    tags = frozenset({Tag.DECISIONS})
    parallel = Parallelism.SEQUENTIAL

    def setup(self) -> None:
        """Start at epoch 0 of supernet 0, and draw the seed of all derivations."""
        self.epoch = 0
        self.supernet = 0
        self.derivations = self.random.integer(2**31)
        self._start = self.random.state()
        self._prepared = False

    @property
    def supernets(self) -> int:
        """Number of supernets that the search trains: one for each value of a sweep, else one."""
        return max(1, len(getattr(self.settings, "sweep", ())))

    def ask(self) -> TrainShared | None:
        """Ask for the next epoch; return None after the last one."""
        if self.epoch >= self.settings.epochs:
            return None
        return TrainShared(self._train, self._derive, self._begins_again)

    def tell(self, trial: Trial, answer: SharedAnswer) -> None:
        """Count the epoch; after the last one of a supernet go on to the next supernet."""
        self.epoch += 1
        if self.epoch == self.settings.epochs and self.supernet + 1 < self.supernets:
            self.supernet, self.epoch = self.supernet + 1, 0

    @property
    def _begins_again(self) -> bool:
        """Whether the next epoch is the first one of a supernet other than the first."""
        return self.supernet > 0 and self.epoch == 0

    def _train(self, loan: Loan) -> Traces:
        """Train one epoch: a step for every batch of the weights' images."""
        import torch

        s = self.settings
        if self._begins_again:
            self.random.restore(self._start)
            self._prepared = False
        self._prepare(loan)
        loan.supernet.train()
        images, steps = 0, loan.steps(s.batch)
        total = torch.zeros((), device=next(loan.supernet.parameters()).device)
        search = loan.validation(self.epoch, self.search_batch)
        for number, batch in enumerate(loan.weights(self.epoch, s.batch)):
            self._set_rate(self.epoch + (number / steps if s.cosine_per == "step" else 0))
            total += self.step(loan, batch, search).detach()
            images += len(batch[1])
        more = self.finish(loan, search)
        mean = float(total) / steps
        own = {TRAIN_LOSS: mean, Trace.number("images"): float(images)}
        if self.supernets > 1:
            own[SUPERNET] = float(self.supernet)
        return {**own, **more, **self.traces()}

    @property
    def search_batch(self) -> int:
        """Number of images of the validation batches from which the search learns."""
        return int(self.settings.batch)

    def _derive(self, loan: Loan) -> Architecture:
        """Derive the answer with random numbers of this epoch only.

        So deriving and recording an answer after every epoch does not change the search.
        """
        return self.derive(loan, Random((self.derivations, self.epoch)))

    def _prepare(self, loan: Loan) -> None:
        """Make the optimiser of the weights and call `begin`, once per supernet."""
        import torch

        if not self._prepared:
            self._prepared, s = True, self.settings
            self._sgd = torch.optim.SGD(
                loan.supernet.parameters(), lr=s.learning_rate, momentum=s.momentum,
                weight_decay=s.weight_decay, nesterov=s.momentum > 0, foreach=True,
            )  # fmt: skip
            self.begin(loan)

    def checkpoint(self, loan: Loan) -> dict[str, Any]:
        """Return all that `resume` needs, made of tensors and plain values.

        `used` are the numbers of the parameters that have had a gradient.
        """
        weights = loan.supernet.parameters()
        return {
            "state": self.state(),
            "weights": loan.supernet.state_dict(),
            "optimiser": self._sgd.state_dict(),
            "used": [number for number, one in enumerate(weights) if one.grad is not None],
            **self.tensors(),
        }

    def resume(self, loan: Loan, checkpoint: Mapping[str, Any]) -> None:
        """Continue a run from a checkpoint, to exactly the same results.

        The object must be new, with a new loan of the same seed.
        """
        import torch

        self._prepare(loan)
        self.restore(checkpoint["state"])
        loan.supernet.load_state_dict(checkpoint["weights"])
        self._sgd.load_state_dict(checkpoint["optimiser"])
        weights = list(loan.supernet.parameters())
        for number in checkpoint["used"]:  # with `idle="decay"` these decay whether used or not
            weights[number].grad = torch.zeros_like(weights[number])
        self.restore_tensors(checkpoint)

    def tensors(self) -> dict[str, Any]:
        """Return the search's own tensors, without the shared weights; {} by default."""
        return {}

    def restore_tensors(self, checkpoint: Mapping[str, Any]) -> None:
        """Restore what `tensors` returned, from a checkpoint that contains it."""

    def begin(self, loan: Loan) -> None:
        """Make the search's own parts that need the supernet; does nothing by default."""

    @abstractmethod
    def step(self, loan: Loan, batch: Batch, search: Iterator[Batch]) -> "Tensor":
        """Do what the method does for one batch of training images; return the weights' loss.

        `search` yields batches of validation images without end.
        """

    def finish(self, loan: Loan, search: Iterator[Batch]) -> Traces:
        """Do what the method does at the end of an epoch; return traces of it, none by default."""
        return {}

    @abstractmethod
    def derive(self, loan: Loan, random: Random) -> Architecture:
        """Return the answer that the search would give now; random numbers come from `random`."""

    def traces(self) -> Traces:
        """Return further traces of the epoch, besides the loss; none by default."""
        return {}

    def _set_rate(self, epochs: float) -> None:
        """Set the weights' learning rate after a number of epochs, by a cosine schedule.

        Loshchilov & Hutter, ICLR 2017, equation 5: half a period, or several half periods with
        `restart`; with `descent` the rate falls and rises again, repeatedly.
        """
        s = self.settings
        period = s.restart or s.descent or s.epochs
        progress = (epochs % period if s.restart else epochs) / period
        cosine = (1 + math.cos(math.pi * progress)) / 2
        rate = s.final_learning_rate + (s.learning_rate - s.final_learning_rate) * cosine
        for group in self._sgd.param_groups:
            group["lr"] = rate

    def accuracy_on(self, loan: Loan, batch: Batch, cell: Architecture) -> float:
        """Return the accuracy, from 0 to 1, of a cell on a batch with the present shared weights.

        Batch norm is in evaluation mode: it uses running statistics if they are kept, and does not
        change them.
        """
        import torch

        images, labels = batch
        net = loan.supernet.eval()
        with torch.no_grad():
            found = net(images, Mix.only(cell)).argmax(dim=1)
        net.train()
        return float((found == labels).float().mean())

    def best(
        self, loan: Loan, cells: Sequence[Architecture], *, own_batches: bool = False
    ) -> Architecture:
        """Return the cell with the best validation accuracy; of equal cells the first.

        All cells are ranked on the same `ranking_images` images or, with `own_batches`, each on the
        next batch of as many images; a cell that occurs twice is then ranked twice.
        """
        images = self.settings.ranking_images
        if not own_batches:
            return max(dict.fromkeys(cells), key=lambda cell: loan.accuracy(cell, images))
        batches = loan.ranking(self.epoch, images)
        found = [self.accuracy_on(loan, next(batches), cell) for cell in cells]
        return cells[found.index(max(found))]

    def update_weights(self, loan: Loan, batch: Batch, mix: Mix) -> "Tensor":
        """Take one SGD step of the shared weights on a batch; return the loss before the step.

        If the weights of the mixture require a gradient, it goes on to what they depend on.
        """
        import torch

        self._sgd.zero_grad(set_to_none=self.settings.idle == "rest")
        loss, mixture, weights = loan.gradients(batch, mix)
        for parameter, gradient in zip(loan.supernet.parameters(), weights, strict=True):
            if gradient is not None:
                parameter.grad = gradient
        if mix.weights is not None and mixture is not None:
            torch.autograd.backward(mix.weights, mixture)
        if self.settings.clip:
            torch.nn.utils.clip_grad_norm_(self.clipped(loan), self.settings.clip)
        self._sgd.step()
        return loss.clone()  # the next pass may overwrite it

    def clipped(self, loan: Loan) -> "list[Tensor]":
        """Return the parameters whose common gradient norm is clipped in a step of the weights."""
        return list(loan.supernet.parameters())


class UniformSampling(OneShot):
    """A one-shot search that trains a uniformly random architecture with every batch."""

    def step(self, loan: Loan, batch: Batch, search: Iterator[Batch]) -> "Tensor":
        """Train one uniformly sampled architecture."""
        return self.update_weights(loan, batch, Mix.only(self.space.sample(self.random)))

"""What all one-shot strategies share: the loop over epochs, the weights' optimiser, the loan.

A one-shot strategy trains a supernet, whose weights all architectures share, and derives its
answer from it. Its module is read when strategies are listed, so torch is imported inside methods.
"""

import math
from abc import abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Protocol

from nasbench.problem import SharedAnswer, TrainShared, Trial
from nasbench.randomness import Random
from nasbench.spaces.base import Architecture
from nasbench.spaces.mix import Mix
from nasbench.strategies.base import DERIVED, SearchStrategy, Tag
from nasbench.strategies.parts.weights import WeightSettings
from nasbench.trace import TRAIN_LOSS, Trace, Traces

__all__ = ["Batch", "Loan", "OneShot", "UniformSampling", "WeightSettings"]

if TYPE_CHECKING:
    from torch import Tensor

    from nasbench.spaces.networks.base import Supernet
    from nasbench.spaces.networks.lookup import Lookup

Batch = tuple["Tensor", "Tensor"]
"""Images (B, channels, side, side) and labels (B,)."""


class Loan(Protocol):
    """What a benchmark lends a one-shot search: never a test image."""

    supernet: "Supernet"
    """Its weights are initialised from the run's seed."""

    def weights(self, epoch: int, batch: int) -> Iterator[Batch]:
        """Yield an epoch of the images that weights are fitted to, shuffled and augmented."""

    def steps(self, batch: int) -> int:
        """Return the number of batches in an epoch of `weights`."""

    def validation(self, epoch: int, batch: int) -> Iterator[Batch]:
        """Yield shuffled batches of the validation images, without end."""

    def ranking(self, epoch: int, batch: int) -> Iterator[Batch]:
        """Yield such batches in another order, for what is derived after an epoch."""

    def costs(self) -> "Lookup":
        """Return what every operation costs in the whole network, as setting `cost` says."""

    def accuracy(self, architecture: Architecture, images: int | None = None) -> float:
        """Return the validation accuracy (%) of a cell with the shared weights.

        On the first `images` validation images, or all of them.
        """


class OneShot(SearchStrategy):
    """A search that trains shared weights and derives its answer from them.

    Subclasses say what a step does (`step`) and what is derived (`derive`). `begin` makes what
    needs the supernet, once, before the first epoch.
    """

    rule = DERIVED
    tags = frozenset({Tag.DECISIONS})

    def setup(self) -> None:
        """Start before the first epoch."""
        self.epoch = 0
        self.derivations = self.random.integer(2**31)
        self._prepared = False

    def ask(self) -> TrainShared | None:
        """Ask for the next epoch, until all are trained."""
        if self.epoch >= self.settings.epochs:
            return None
        return TrainShared(self._train, self._derive)

    def tell(self, trial: Trial, answer: SharedAnswer) -> None:
        """Count the epoch."""
        self.epoch += 1

    def _train(self, loan: Loan) -> Traces:
        """Train one epoch: a step for every batch of the weights' images."""
        import torch

        s = self.settings
        self._prepare(loan)
        loan.supernet.train()
        total, images, steps = torch.zeros(()), 0, loan.steps(s.batch)
        search = loan.validation(self.epoch, self.search_batch)
        for number, batch in enumerate(loan.weights(self.epoch, s.batch)):
            self._set_rate(self.epoch + (number / steps if s.cosine_per == "step" else 0))
            total += self.step(loan, batch, search).detach().cpu()
            images += len(batch[1])
        more = self.finish(loan, search)
        mean = float(total) / steps
        own = {TRAIN_LOSS: mean, Trace.number("images"): float(images)}
        return {**own, **more, **self.traces()}

    @property
    def search_batch(self) -> int:
        """Validation images of each batch that a search learns from."""
        return int(self.settings.batch)

    def _derive(self, loan: Loan) -> Architecture:
        """Derive with random numbers of this epoch alone: to be watched changes no search."""
        return self.derive(loan, Random((self.derivations, self.epoch)))

    def _prepare(self, loan: Loan) -> None:
        """Make the optimiser of the weights and what `begin` makes, once."""
        import torch

        if not self._prepared:
            self._prepared, s = True, self.settings
            self._sgd = torch.optim.SGD(
                loan.supernet.parameters(), lr=s.learning_rate, momentum=s.momentum,
                weight_decay=s.weight_decay, nesterov=s.momentum > 0, foreach=True,
            )  # fmt: skip
            self.begin(loan)

    def checkpoint(self, loan: Loan) -> dict[str, Any]:
        """Return all that `resume` needs, made of tensors and plain values."""
        weights = loan.supernet.parameters()
        return {
            "state": self.state(),
            "weights": loan.supernet.state_dict(),
            "optimiser": self._sgd.state_dict(),
            "used": [number for number, one in enumerate(weights) if one.grad is not None],
            **self.tensors(),
        }

    def resume(self, loan: Loan, checkpoint: Mapping[str, Any]) -> None:
        """Continue with the same bits, in a fresh object with a fresh loan of the same seed."""
        import torch

        self._prepare(loan)
        self.restore(checkpoint["state"])
        loan.supernet.load_state_dict(checkpoint["weights"])
        self._sgd.load_state_dict(checkpoint["optimiser"])
        weights = list(loan.supernet.parameters())
        for number in checkpoint["used"]:  # from now on these decay, used or not, if that is set
            weights[number].grad = torch.zeros_like(weights[number])
        self.restore_tensors(checkpoint)

    def tensors(self) -> dict[str, Any]:
        """Return what a search has in torch beside the weights; nothing by default."""
        return {}

    def restore_tensors(self, checkpoint: Mapping[str, Any]) -> None:
        """Read what `tensors` returned."""

    def begin(self, loan: Loan) -> None:
        """Make what a search has beside the weights; nothing by default."""

    @abstractmethod
    def step(self, loan: Loan, batch: Batch, search: Iterator[Batch]) -> "Tensor":
        """Do what the method does for one batch; return the loss of the weights."""

    def finish(self, loan: Loan, search: Iterator[Batch]) -> Traces:
        """Do what comes after the weights' epoch and belongs to it; return numbers of it."""
        return {}

    @abstractmethod
    def derive(self, loan: Loan, random: Random) -> Architecture:
        """Return the architecture the search would end with now, drawing from `random` alone."""

    def traces(self) -> Traces:
        """Return numbers of the epoch, beyond the loss; none by default."""
        return {}

    def _set_rate(self, epochs: float) -> None:
        """Set the weights' learning rate after a number of epochs: half a cosine, or several.

        Loshchilov & Hutter, ICLR 2017, equation 5; with `descent` the whole cosine, down and up.
        """
        s = self.settings
        period = s.restart or s.descent or s.epochs
        progress = (epochs % period if s.restart else epochs) / period
        cosine = (1 + math.cos(math.pi * progress)) / 2
        rate = s.final_learning_rate + (s.learning_rate - s.final_learning_rate) * cosine
        for group in self._sgd.param_groups:
            group["lr"] = rate

    def accuracy_on(self, loan: Loan, batch: Batch, cell: Architecture) -> float:
        """Return the share of a batch that a cell gets right with the shared weights as they are.

        Batch norm evaluates: with running statistics where they are kept, which do not move.
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
        """Return the cell with the best accuracy on `ranking_images`; the first of equals.

        All on the same validation images or, with `own_batches`, each on the next batch of so many:
        a cell that is there twice is then ranked twice.
        """
        images = self.settings.ranking_images
        if not own_batches:
            return max(dict.fromkeys(cells), key=lambda cell: loan.accuracy(cell, images))
        batches = loan.ranking(self.epoch, images)
        found = [self.accuracy_on(loan, next(batches), cell) for cell in cells]
        return cells[found.index(max(found))]

    def cross_entropy(self, loan: Loan, batch: Batch, mix: Mix) -> "Tensor":
        """Return the mean cross entropy of a batch."""
        import torch.nn.functional as F

        images, labels = batch
        return F.cross_entropy(loan.supernet(images, mix), labels)

    def update_weights(self, loan: Loan, batch: Batch, mix: Mix) -> "Tensor":
        """Take one SGD step of the shared weights on a batch; return its loss."""
        import torch

        self._sgd.zero_grad(set_to_none=self.settings.idle == "rest")
        loss = self.cross_entropy(loan, batch, mix)
        torch.autograd.backward(loss)
        if self.settings.clip:
            torch.nn.utils.clip_grad_norm_(self.clipped(loan), self.settings.clip)
        self._sgd.step()
        return loss

    def clipped(self, loan: Loan) -> "list[Tensor]":
        """Return the parameters whose common gradient norm is clipped in a step of the weights."""
        return list(loan.supernet.parameters())


class UniformSampling(OneShot):
    """A one-shot search that trains a uniformly random architecture with every batch."""

    def step(self, loan: Loan, batch: Batch, search: Iterator[Batch]) -> "Tensor":
        """Train one uniformly sampled architecture."""
        return self.update_weights(loan, batch, Mix.only(self.space.sample(self.random)))

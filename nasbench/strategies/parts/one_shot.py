"""What all one-shot strategies share: the loop over epochs, the weights' optimiser, the loan.

A one-shot strategy trains a supernet, whose weights all architectures share, and derives its
answer from it. Its module is read when strategies are listed, so torch is imported inside methods.
"""

import math
from abc import abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from nasbench.randomness import Random
from nasbench.requests import SharedAnswer, TrainShared
from nasbench.spaces.base import Architecture
from nasbench.strategies.base import DERIVED, SearchStrategy, require

if TYPE_CHECKING:
    from torch import Tensor

    from nasbench.spaces.networks.lookup import Lookup
    from nasbench.spaces.networks.nb201_supernet import Mix, Supernet

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

    def costs(self) -> "Lookup":
        """Return what every operation costs in the whole network, as setting `cost` says."""

    def accuracy(self, architecture: Architecture, images: int | None = None) -> float:
        """Return the validation accuracy (%) of a cell with the shared weights.

        On the first `images` validation images, or all of them.
        """


PAPER: Mapping[str, object] = {"channels": 16, "cells": 5, "learning_rate": 0.025}
"""NAS-Bench-201's settings of the shared weights, where they differ from the defaults.

Deviations that all one-shot strategies here share: the stem, the residual blocks and the head have
batch norm like the cells' (in the authors' code theirs is affine and keeps running statistics), and
what a search learns from validation images it learns from them as they are, not augmented.
"""

_VALID = {
    "statistics": ("batch", "running", "re-estimated"),
    "precision": ("float32", "bfloat16"),
}


@dataclass(frozen=True)
class WeightSettings:
    """Hyperparameters of the shared weights: NAS-Bench-201's, made for a CPU and few images.

    A narrow supernet, and a learning rate at which its loss has flattened after some 1,000 steps.
    """

    epochs: int = 40  #: of shared training
    channels: int = 8  #: C of the first stage
    cells: int = 1  #: N per stage
    batch: int = 64  #: images per step
    learning_rate: float = 0.1  #: of SGD, at the start
    final_learning_rate: float = 0.001  #: at the end of the cosine
    restart: int = 0  #: epochs after which the cosine starts again; 0: never
    momentum: float = 0.9  #: Nesterov's
    weight_decay: float = 5e-4  #: of the weights
    clip: float = 5.0  #: largest gradient norm of the weights
    affine: bool = False  #: whether batch norm has a scale and a shift
    statistics: str = "batch"  #: of batch norm when ranking: `batch`, `running`, `re-estimated`
    device: str = "cpu"  #: `cpu` or `cuda`
    threads: int = 1  #: of a CPU; other numbers may give other bits
    precision: str = "float32"  #: of the supernet's passes: `float32` or `bfloat16`

    def __post_init__(self) -> None:
        """Refuse values with which nothing is trained."""
        for name in ("epochs", "channels", "cells", "batch", "threads"):
            require(getattr(self, name) >= 1, name, getattr(self, name), "1 or more")
        for name in ("learning_rate", "clip"):
            require(0 < getattr(self, name) < math.inf, name, getattr(self, name), "above 0")
        for name in ("final_learning_rate", "weight_decay"):
            require(0 <= getattr(self, name) < math.inf, name, getattr(self, name), "at least 0")
        require(0 <= self.momentum < 1, "momentum", self.momentum, "at least 0 and below 1")
        require(self.restart >= 0, "restart", self.restart, "0 or more")
        for name, valid in _VALID.items():
            require(getattr(self, name) in valid, name, getattr(self, name), " or ".join(valid))


class OneShot(SearchStrategy):
    """A search that trains shared weights and derives its answer from them.

    Subclasses say what a step does (`step`) and what is derived (`derive`). `begin` makes what
    needs the supernet, once, before the first epoch.
    """

    rule = DERIVED

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

    def tell(self, request: Any, answer: SharedAnswer) -> None:
        """Count the epoch."""
        self.epoch += 1

    def _train(self, loan: Loan) -> Mapping[str, float]:
        """Train one epoch: a step for every batch of the weights' images."""
        import torch

        s = self.settings
        self._prepare(loan)
        loan.supernet.train()
        total, images, steps = torch.zeros(()), 0, loan.steps(s.batch)
        search = loan.validation(self.epoch, s.batch)
        for number, batch in enumerate(loan.weights(self.epoch, s.batch)):
            self._set_rate(self.epoch + number / steps)
            total += self.step(loan, batch, search).detach().cpu()
            images += len(batch[1])
        more = self.finish(loan, search)
        mean = float(total) / steps
        return {"train loss": mean, "images": float(images), **more, **self.figures()}

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
        return {
            "state": self.state(),
            "weights": loan.supernet.state_dict(),
            "optimiser": self._sgd.state_dict(),
            **self.tensors(),
        }

    def resume(self, loan: Loan, checkpoint: Mapping[str, Any]) -> None:
        """Continue with the same bits, in a fresh object with a fresh loan of the same seed."""
        self._prepare(loan)
        self.restore(checkpoint["state"])
        loan.supernet.load_state_dict(checkpoint["weights"])
        self._sgd.load_state_dict(checkpoint["optimiser"])
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

    def finish(self, loan: Loan, search: Iterator[Batch]) -> Mapping[str, float]:
        """Do what comes after the weights' epoch and belongs to it; return figures of it."""
        return {}

    @abstractmethod
    def derive(self, loan: Loan, random: Random) -> Architecture:
        """Return the architecture the search would end with now, drawing from `random` alone."""

    def figures(self) -> Mapping[str, float]:
        """Return figures of the epoch, beyond the loss; none by default."""
        return {}

    def _set_rate(self, epochs: float) -> None:
        """Set the weights' learning rate after a number of epochs: half a cosine, or several.

        Loshchilov & Hutter, ICLR 2017, equation 5.
        """
        s = self.settings
        progress = epochs % s.restart / s.restart if s.restart else epochs / s.epochs
        cosine = (1 + math.cos(math.pi * progress)) / 2
        rate = s.final_learning_rate + (s.learning_rate - s.final_learning_rate) * cosine
        for group in self._sgd.param_groups:
            group["lr"] = rate

    def accuracy_on(self, loan: Loan, batch: Batch, cell: Architecture) -> float:
        """Return the share of a batch that a cell gets right with the shared weights as they are.

        Batch norm evaluates: with running statistics where they are kept, which do not move.
        """
        import torch

        from nasbench.spaces.networks.nb201_supernet import Mix

        images, labels = batch
        net = loan.supernet.eval()
        with torch.no_grad():
            found = net(images, Mix.only(cell)).argmax(dim=1)
        net.train()
        return float((found == labels).float().mean())

    def best(self, loan: Loan, cells: Sequence[Architecture]) -> Architecture:
        """Return the cell with the best validation accuracy; the first of equals."""
        images = self.settings.ranking_images
        return max(dict.fromkeys(cells), key=lambda cell: loan.accuracy(cell, images))

    def cross_entropy(self, loan: Loan, batch: Batch, mix: "Mix") -> "Tensor":
        """Return the mean cross entropy of a batch."""
        import torch.nn.functional as F

        images, labels = batch
        return F.cross_entropy(loan.supernet(images, mix), labels)

    def update_weights(self, loan: Loan, batch: Batch, mix: "Mix") -> "Tensor":
        """Take one SGD step of the shared weights on a batch; return its loss."""
        import torch

        self._sgd.zero_grad()
        loss = self.cross_entropy(loan, batch, mix)
        torch.autograd.backward(loss)
        torch.nn.utils.clip_grad_norm_(loan.supernet.parameters(), self.settings.clip)
        self._sgd.step()
        return loss


class UniformSampling(OneShot):
    """A one-shot search that trains a uniformly random architecture with every batch."""

    def step(self, loan: Loan, batch: Batch, search: Iterator[Batch]) -> "Tensor":
        """Train one uniformly sampled architecture."""
        from nasbench.spaces.networks.nb201_supernet import Mix

        return self.update_weights(loan, batch, Mix.only(self.space.sample(self.random)))

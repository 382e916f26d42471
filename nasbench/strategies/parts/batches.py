"""Searches that go on in batches of architectures, and ask for none twice."""

from abc import abstractmethod

from nasbench.problem import WAIT, Evaluate, Wait
from nasbench.spaces.base import Architecture
from nasbench.strategies.base import Parallelism
from nasbench.strategies.parts.unseen import Unseen


class Batches(Unseen):
    """A search that asks for the architectures of a batch, then chooses the next batch.

    An architecture that is known from before is not evaluated again: its score counts, at no cost.
    With several workers, the architectures of a batch are evaluated at the same time. The search
    waits for the answers of the whole batch, and ends when it is given an empty one.
    """

    parallel = Parallelism.BATCHES

    def setup(self) -> None:
        """Start with an empty batch, which is complete."""
        super().setup()
        self.batch: list[Architecture] = []
        self.asked = 0  # how many of the batch have been asked for, or need not be

    @abstractmethod
    def next_batch(self) -> list[Architecture]:
        """Return a batch after all architectures of `self.batch` are known; empty at the end."""

    def ask(self) -> Evaluate | Wait | None:
        """Ask for the next architecture of the batch that is neither known nor being evaluated."""
        while True:
            while self.asked < len(self.batch):
                architecture = self.batch[self.asked]
                self.asked += 1
                if architecture in self.known:
                    self.meet(architecture)
                elif architecture not in self.open:
                    self.open.add(architecture)
                    return Evaluate(architecture)
            if self.open and any(one in self.open for one in self.batch):
                return WAIT
            self.begin(self.next_batch())
            if not self.batch:
                return None

    def meet(self, architecture: Architecture) -> None:
        """Pass over an architecture of the batch that is known from before; it may end the batch.

        By default nothing happens.
        """

    def begin(self, batch: list[Architecture]) -> None:
        """Replace the batch by another one, of which nothing has been asked for."""
        self.batch, self.asked = batch, 0

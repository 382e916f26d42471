"""Searches that go on in batches of architectures, and ask for none twice."""

from abc import abstractmethod
from collections.abc import Collection, Iterable

from nasbench.problem import WAIT, Answer, Evaluate, Trial, Wait
from nasbench.randomness import Random
from nasbench.spaces.base import Architecture, EnumerableSpace, Space
from nasbench.strategies.base import Parallelism, SearchStrategy

_DRAWS = 1_000
"""Draws in a row of what has been drawn before, after which all architectures are looked through"""


def draw_untaken(
    space: Space, taken: Collection[Architecture], random: Random
) -> Architecture | None:
    """Draw an architecture of a space that is not taken; None if all are.

    After 1,000 draws of taken ones, the others are counted if the space can list them, and one is
    drawn uniformly; of any other space it is assumed that all are taken.
    """
    if space.size is None or len(taken) < space.size:
        for _ in range(_DRAWS):
            one = space.sample(random)
            if one not in taken:
                return one
    if isinstance(space, EnumerableSpace) and len(taken) < space.size:
        return random.choice([one for one in space.architectures if one not in taken])
    return None


class Batches(SearchStrategy):
    """A search that asks for the architectures of a batch, then chooses the next batch.

    An architecture that is known from before is not evaluated again: its score counts, at no cost.
    With several workers, the architectures of a batch are evaluated at the same time. The search
    waits for the answers of the whole batch, and ends when it is given an empty one.
    """

    parallel = Parallelism.BATCHES

    def setup(self) -> None:
        """Start with an empty batch, which is complete."""
        self.known: dict[Architecture, float] = {}  # scores of all evaluated architectures
        self.open: set[Architecture] = set()  # those that are being evaluated
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

    def tell(self, trial: Trial, answer: Answer) -> None:
        """Remember the score of an architecture; a failed one has the metric's worst score."""
        self.open.discard(trial.architecture)
        self.known[trial.architecture] = self.problem.score(answer)

    def draw(self, count: int) -> list[Architecture]:
        """Draw `count` different architectures by the space's `sample`, none asked for before.

        There are fewer, or none, if no more are left.
        """
        taken = {*self.known, *self.open}
        drawn: list[Architecture] = []
        while len(drawn) < count:
            one = draw_untaken(self.space, taken, self.random)
            if one is None:
                break
            drawn.append(one)
            taken.add(one)
        return drawn

    def shuffled(self, architectures: Iterable[Architecture]) -> list[Architecture]:
        """Return architectures in random order."""
        listed = list(architectures)
        order = self.random.generator.permutation(len(listed)).tolist()
        return [listed[place] for place in order]

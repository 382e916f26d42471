"""Searches that evaluate the candidate with the largest value of an acquisition function."""

from abc import abstractmethod
from collections.abc import Sequence
from typing import TYPE_CHECKING, ClassVar

from nasbench.spaces.base import Architecture, EnumerableSpace
from nasbench.strategies.parts.surrogate import SurrogateSearch

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from nasbench.strategies.parts.predictors import Prediction

    Numbers = NDArray[np.float64]


class AcquisitionSearch(SurrogateSearch):
    """A search that computes an acquisition function for all architectures that may come next.

    In a space of at most 50,000 architectures these are all of them; in any other space there are
    `candidates`, one half of them mutants of the `parents` best, the others drawn by the space's
    `sample`; both are settings of a subclass. One that is open is not proposed again, and a model
    knows nothing of it.

    Of architectures whose values differ by less than a billionth one is drawn. So another rounding
    of linear algebra, on another processor, hardly ever changes a search; it is not certain that it
    never does.
    """

    encodings: ClassVar[tuple[str, ...]]
    """Names of the encodings in which architectures are described, the preferred one first."""
    beside: ClassVar[tuple[str, ...]] = ()
    """Names of encodings of which one is put beside that, the preferred one first."""

    def setup(self) -> None:
        """Begin without answers."""
        super().setup()
        self._rows: list[Numbers] = []  # features of what is known, where not all are encoded

    @abstractmethod
    def worth(self, known: "Numbers", others: "Numbers", taken: Sequence[int] | None) -> "Numbers":
        """Return what an evaluation of each of m others is worth, at least 0, shape (m,).

        `known` has shape (n, d), a row for each of `self.known` in their order, and `others` has
        shape (m, d). `taken` is None, or `others` are all architectures of the space, each time the
        same, and those at these places are not to be proposed: whatever is returned of them.
        """

    def propose(self) -> Sequence[Architecture]:
        """Return the architecture that is worth most."""
        from nasbench.strategies.parts.encodings import lists_all
        from nasbench.strategies.parts.steady import one_thread

        with one_thread():
            return self._of_all(self.space) if lists_all(self.space) else self._of_some()

    def _of_all(self, space: EnumerableSpace) -> list[Architecture]:
        """Return the best of all architectures of the space that are neither known nor open."""
        from nasbench.strategies.parts.encodings import encoded_all

        every = encoded_all(space, self.encodings, self.beside)
        known = [space.index(one) for one in self.known]
        taken = [*known, *map(space.index, self.open)]
        worth = self.worth(every[known], every, taken)
        worth[taken] = -1.0
        return [space.architecture(self._largest(worth))]

    def _of_some(self) -> list[Architecture]:
        """Return the best of mutants and random architectures."""
        import numpy as np

        from nasbench.strategies.parts.encodings import encoded

        settings = self.settings
        mutants = self.mutants(self.best(settings.parents), (settings.candidates + 1) // 2)
        drawn = self.draw(settings.candidates - len(mutants))
        candidates = list(dict.fromkeys((*mutants, *drawn)))
        if not candidates:
            return []
        for one in [*self.known][len(self._rows) :]:
            self._rows.append(encoded(self.space, self.encodings, [one], self.beside)[0])
        others = encoded(self.space, self.encodings, candidates, self.beside)
        worth = self.worth(np.stack(self._rows), others, None)
        return [candidates[self._largest(worth)]]

    def _largest(self, worth: "Numbers") -> int:
        from nasbench.strategies.parts.steady import largest

        return largest(worth, self.random.generator)


class ImprovementSearch(AcquisitionSearch):
    """A search whose acquisition function is the expected improvement of one predicted score."""

    @abstractmethod
    def predict(self, known: "Numbers", others: "Numbers", *, all_: bool) -> "Prediction":
        """Predict the scores of others, by a model of what is known: arguments as for `worth`.

        With `all_`, `others` are all architectures of the space.
        """

    @property
    @abstractmethod
    def goal(self) -> float:
        """The score that is to be improved, on the scale of the last prediction."""

    def worth(self, known: "Numbers", others: "Numbers", taken: Sequence[int] | None) -> "Numbers":
        """Return the expected improvement of each of the others."""
        from nasbench.strategies.parts.acquisition import expected_improvement

        predicted = self.predict(known, others, all_=taken is not None)
        return expected_improvement(predicted, self.goal)

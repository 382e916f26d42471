"""Searches that rank mutants by what an ensemble of networks predicts of them."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from nasbench.spaces.base import Architecture
from nasbench.strategies.base import require
from nasbench.strategies.parts.surrogate import SurrogateSearch

if TYPE_CHECKING:
    from nasbench.strategies.parts.predictors import Prediction

ENCODINGS = ("path", "one-hot", "adjacency")
"""Encodings of architectures, of which the first that a space has is learned from."""


@dataclass(frozen=True)
class EnsembleSettings:
    """The settings that such searches share: see `predictors.ensemble` for its defaults."""

    initial: int = 10  #: random architectures before the first model
    k: int = 10  #: architectures that are evaluated before the networks learn again
    candidates: int = 100  #: mutants that are ranked, and the most that are drawn of each parent
    members: int = 5  #: networks of the ensemble
    layers: int = 10  #: hidden layers of a network
    width: int = 20  #: units of a hidden layer
    epochs: int = 150  #: passes through all evaluated architectures

    def check(self, strategy: str) -> None:
        """Refuse a search or a network without something to work with."""
        for name in ("initial", "k", "candidates", "epochs"):
            value = getattr(self, name)
            require(1 <= value <= 10_000, f"{strategy}.{name}", value, "1 to 10000")
        for name in ("members", "layers", "width"):
            value = getattr(self, name)
            require(1 <= value <= 1_000, f"{strategy}.{name}", value, "1 to 1000")


class EnsembleSearch(SurrogateSearch):
    """A search that has `EnsembleSettings`, and predicts scores by an ensemble of networks."""

    def predict(self, architectures: Sequence[Architecture]) -> "Prediction":
        """Train new networks on all known architectures, and predict the scores of others."""
        from nasbench.strategies.parts.encodings import encoded
        from nasbench.strategies.parts.predictors.ensemble import Ensemble

        known, scores = self.learned()
        ensemble = Ensemble(
            self.random.generator,
            members=self.settings.members,
            layers=self.settings.layers,
            width=self.settings.width,
            epochs=self.settings.epochs,
        )
        ensemble.fit(encoded(self.space, ENCODINGS, known), scores)
        return ensemble.predict(encoded(self.space, ENCODINGS, architectures))

"""Random search with parameter sharing: the baseline of every one-shot comparison."""

from dataclasses import dataclass

from nasbench.randomness import Random
from nasbench.spaces.base import Architecture
from nasbench.strategies.base import require
from nasbench.strategies.parts.one_shot import PAPER, Loan, UniformSampling, WeightSettings
from nasbench.strategies.registry import register


@register("rsps")
class RandomSharing(UniformSampling):
    """Train the shared weights on uniformly random cells; the best of a sample wins.

    Li & Talwalkar, UAI 2019. Every batch trains one random cell. At the end random cells are
    ranked by validation accuracy with the shared weights.
    """

    family = "weight sharing"
    reference = "Li & Talwalkar, UAI 2019"

    @dataclass(frozen=True)
    class Settings(WeightSettings):
        """Hyperparameters."""

        samples: int = 20  #: random cells the answer is chosen from
        ranking_images: int = 256  #: validation images each of them is ranked on

        def __post_init__(self) -> None:
            """Refuse an empty sample."""
            super().__post_init__()
            require(self.samples >= 1, "rsps.samples", self.samples, "1 or more")
            images = self.ranking_images
            require(images >= 1, "rsps.ranking_images", images, "1 or more")

    recipes = {
        "small": {},
        "paper": {**PAPER, "epochs": 250, "samples": 100, "ranking_images": 512},
    }

    def derive(self, loan: Loan, random: Random) -> Architecture:
        """Return the best of a random sample with the shared weights; the first of equals."""
        return self.best(loan, [self.space.sample(random) for _ in range(self.settings.samples)])

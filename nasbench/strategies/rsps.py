"""Random search with parameter sharing, the baseline of every one-shot comparison."""

from dataclasses import dataclass

from nasbench.randomness import Random
from nasbench.spaces.base import Architecture
from nasbench.strategies.parts.one_shot import Loan, UniformSampling
from nasbench.strategies.parts.weights import NATS, PAPER, WeightSettings, require_ranking
from nasbench.strategies.registry import register

_BIBTEX = """
@inproceedings{li2019random,
  author = {Liam Li and Ameet Talwalkar},
  title = {Random Search and Reproducibility for Neural Architecture Search},
  booktitle = {Conference on Uncertainty in Artificial Intelligence ({UAI})},
  year = {2019}
}
"""


@register("rsps")
class RandomSharing(UniformSampling):
    """Train the shared weights on uniformly random cells; the answer is the best of a sample.

    Li & Talwalkar, UAI 2019. Every batch trains one random cell. At the end random cells are
    ranked by validation accuracy with the shared weights: all on the same images or, with setting
    `own_batches`, each on another batch, as in the code of NAS-Bench-201 and NATS-Bench.

    Deviations from the paper and its code (randomNAS_release): fewer cells are ranked, and only
    once. The code ranks 1,000 cells on ten batches each, then the best ten of these again on all
    validation images, and does so several times; the paper trains the best cells of several
    searches from scratch to choose one. The weights are trained as in NAS-Bench-201 and not as in
    that code (which clips gradients at 0.25, has a weight decay of 3e-4 and momentum without
    Nesterov's correction, and drops paths).

    Deviations from NAS-Bench-201's code: those of `parts.weights.PAPER`. Deviations from
    NATS-Bench's code: those of `parts.weights.NATS`. Also, in a training step of that code every
    cell of the network has random operations of its own, drawn again if all edges into a node are
    `none`, while here all cells have the same operations; and that code draws the cells to rank
    without replacement, while here they are drawn with replacement.
    """

    title = "RSPS"
    family = "weight sharing"
    reference = "Li & Talwalkar, UAI 2019"
    bibtex = _BIBTEX
    colour = "#ca9161"

    @dataclass(frozen=True)
    class Settings(WeightSettings):
        """Hyperparameters."""

        samples: int = 20  #: random cells from which the answer is chosen
        ranking_images: int = 256  #: validation images on which each of these cells is ranked
        own_batches: bool = False  #: whether each of these cells is ranked on other images

        def __post_init__(self) -> None:
            """Refuse settings with which no cells can be ranked."""
            super().__post_init__()
            require_ranking(self, "rsps")

    recipes = {
        "small": {},
        "paper": {
            **PAPER, "epochs": 250, "samples": 100, "ranking_images": 512, "own_batches": True,
        },
        "nats": {**NATS, "samples": 100, "ranking_images": 512, "own_batches": True},
    }  # fmt: skip

    def derive(self, loan: Loan, random: Random) -> Architecture:
        """Return the best cell of a random sample with the shared weights; of equals the first."""
        cells = [self.space.sample(random) for _ in range(self.settings.samples)]
        return self.best(loan, cells, own_batches=self.settings.own_batches)

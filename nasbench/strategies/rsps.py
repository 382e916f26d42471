"""Random search with parameter sharing: the baseline of every one-shot comparison."""

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
    """Train the shared weights on uniformly random cells; the best of a sample wins.

    Li & Talwalkar, UAI 2019. Every batch trains one random cell. At the end random cells are
    ranked by validation accuracy with the shared weights: all on the same images or, with setting
    `own_batches`, each on another batch, as NAS-Bench-201's and NATS-Bench's code does.

    Deviations from the paper and its code (randomNAS_release): fewer cells are ranked, and once.
    The code ranks 1,000 on ten batches each, the best ten of these again on all validation images,
    does so several times, and the paper trains the best of several searches anew to choose one. The
    weights are trained as in NAS-Bench-201, not as there (its gradients are clipped at 0.25, its
    decay is 3e-4, its momentum not Nesterov's, and it drops paths).

    Deviations from NAS-Bench-201's code: those of `parts.weights.PAPER`. From NATS-Bench's: those
    of `parts.weights.NATS`; there every cell of the network has random operations of its own in a
    training step, drawn again where all edges into a node are `none`, here all have the same; and
    the cells that are ranked are drawn without replacement, here with.
    """

    family = "weight sharing"
    reference = "Li & Talwalkar, UAI 2019"
    bibtex = _BIBTEX
    colour = "#ca9161"

    @dataclass(frozen=True)
    class Settings(WeightSettings):
        """Hyperparameters."""

        samples: int = 20  #: random cells the answer is chosen from
        ranking_images: int = 256  #: validation images each of them is ranked on
        own_batches: bool = False  #: whether each is ranked on other images

        def __post_init__(self) -> None:
            """Refuse an empty sample."""
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
        """Return the best of a random sample with the shared weights; the first of equals."""
        cells = [self.space.sample(random) for _ in range(self.settings.samples)]
        return self.best(loan, cells, own_batches=self.settings.own_batches)

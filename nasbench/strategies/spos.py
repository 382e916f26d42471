"""SPOS: a supernet is trained on uniformly sampled paths, then evolution searches in it."""

from dataclasses import dataclass

from nasbench.randomness import Random
from nasbench.spaces.base import Architecture
from nasbench.strategies.base import require
from nasbench.strategies.parts.one_shot import Loan, UniformSampling
from nasbench.strategies.parts.weights import PAPER, WeightSettings
from nasbench.strategies.registry import register

_BIBTEX = """
@inproceedings{guo2020single,
  author = {Zichao Guo and Xiangyu Zhang and Haoyuan Mu and Wen Heng and Zechun Liu and Yichen
    Wei and Jian Sun},
  title = {Single Path One-Shot Neural Architecture Search with Uniform Sampling},
  booktitle = {European Conference on Computer Vision ({ECCV})},
  year = {2020}
}
"""


@register("spos")
class SinglePath(UniformSampling):
    """Train uniformly sampled cells, then evolve cells by their accuracy with the shared weights.

    Guo et al., ECCV 2020, sections 3.2 and 3.4, Algorithm 1. The best `parents` of all cells so far
    are kept; half of the next generation is made from them by crossover and half by mutation. Batch
    norm's statistics are re-estimated for every cell that is ranked.

    Deviations from the paper: there is no cost constraint, neither when cells are sampled for
    training nor in the evolution. The weights are trained as in NAS-Bench-201
    (`parts.weights.PAPER`) and not as in the paper (ShuffleNet blocks on ImageNet, batch 1,024,
    learning rate 0.5 falling linearly, labels smoothed, no decay of batch norm). A cell is ranked
    on `ranking_images` validation images, 512 with `paper`, not on all that were held out. The
    recipe `small` has a smaller evolution.

    Deviations from the authors' code (SinglePathOneShot, `src/Search`): statistics are the mean
    over 4 batches of 128 training images, not the moving average over 200 batches, and a cell is
    ranked on 512 images, not on 8,000. A cell that was ranked before takes a place in its
    generation; the code draws again until it finds a new cell, or gives up and fills the generation
    with random cells. The code also ranks the offspring of the last generation, from which no
    answer can come; here it is not ranked.
    """

    title = "SPOS"
    family = "weight sharing"
    reference = "Guo et al., ECCV 2020"
    bibtex = _BIBTEX
    colour = "#b5ab00"

    @dataclass(frozen=True)
    class Settings(WeightSettings):
        """Hyperparameters."""

        statistics: str = "re-estimated"
        population: int = 10  #: cells of a generation, P
        generations: int = 3  #: number of generations, T
        parents: int = 4  #: cells from which the next generation is made, k
        mutation: float = 0.1  #: probability that a decision of a mutated cell is drawn anew
        ranking_images: int = 256  #: validation images on which a cell is ranked

        def __post_init__(self) -> None:
            """Refuse an evolution without cells, and a mutation that is not a probability."""
            super().__post_init__()
            for name in ("population", "generations", "parents", "ranking_images"):
                require(getattr(self, name) >= 1, f"spos.{name}", getattr(self, name), "1 or more")
            require(0 <= self.mutation <= 1, "spos.mutation", self.mutation, "in 0 to 1")

    recipes = {
        "small": {},
        "paper": {
            **PAPER, "epochs": 250, "population": 50, "generations": 20, "parents": 10,
            "ranking_images": 512,
        },
    }  # fmt: skip

    def derive(self, loan: Loan, random: Random) -> Architecture:
        """Evolve cells in the supernet (Algorithm 1); return the best cell, of equals the first."""
        s = self.settings
        known: dict[Architecture, float] = {}
        cells = [self.space.sample(random) for _ in range(s.population)]
        for generation in range(s.generations):
            for cell in cells:
                if cell not in known:
                    known[cell] = loan.accuracy(cell, s.ranking_images)
            parents = sorted(known, key=lambda cell: -known[cell])[: s.parents]
            if generation + 1 < s.generations:
                crossed = s.population // 2
                cells = [self._child(parents, random) for _ in range(crossed)]
                cells += [self._mutant(parents, random) for _ in range(s.population - crossed)]
        return parents[0]

    def _child(self, parents: list[Architecture], random: Random) -> Architecture:
        first, second = random.choices(parents, 2)
        return self.space.cross(first, second, random)

    def _mutant(self, parents: list[Architecture], random: Random) -> Architecture:
        """Return a random parent, each decision of which is drawn anew with chance `mutation`."""
        parent, other = random.choice(parents), self.space.sample(random)
        coins = random.uniforms(len(parent))
        return tuple(
            new if coin < self.settings.mutation else old
            for old, new, coin in zip(parent, other, coins, strict=True)
        )

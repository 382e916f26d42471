"""Bayesian optimisation with a Gaussian process and expected improvement."""

from typing import TYPE_CHECKING

from nasbench.strategies.parts.process_search import ProcessSearch
from nasbench.strategies.registry import register

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from nasbench.strategies.parts.predictors.growing import GrowingProcess

    Numbers = NDArray[np.float64]

_BIBTEX = """
@inproceedings{snoek2012practical,
  author = {Jasper Snoek and Hugo Larochelle and Ryan P. Adams},
  title = {Practical {Bayesian} Optimization of Machine Learning Algorithms},
  booktitle = {Advances in Neural Information Processing Systems},
  year = {2012}
}

@article{jones1998efficient,
  author = {Donald R. Jones and Matthias Schonlau and William J. Welch},
  title = {Efficient Global Optimization of Expensive Black-Box Functions},
  journal = {Journal of Global Optimization},
  volume = {13},
  pages = {455--492},
  year = {1998}
}
"""


@register("gp")
class GaussianProcessSearch(ProcessSearch):
    """The architecture with the largest expected improvement by a Gaussian process comes next.

    Snoek et al., NeurIPS 2012, with the kernel they recommend (Matern 5/2) on an encoding of
    architectures, as in architecture search White et al., NeurIPS 2020, and Ru et al., ICLR 2021,
    do: the paths that carry data where a space has them, else all paths, else decisions (one-hot,
    where the distance is that of Hamming), else adjacency. After `initial` random architectures,
    expected improvement (Jones et al., 1998) over the best score is computed for all architectures
    of a space of at most 50,000; of any other space for `candidates`, one half mutants of the
    `parents` best, the others drawn by the space's `sample`.

    Scores are replaced by normal quantiles of their ranks, so that a few very bad architectures do
    not set the scale, and a search depends on the order of scores alone. Length, signal and noise
    of the kernel maximise the marginal likelihood after 1 to 6 answers and then each time that
    there are a fifth more; in between the posterior learns each answer. In a space of m
    architectures a step with n answers costs O(n m), which is 5 ms of CPU for m = 15,625 in the
    mean of 150 steps. How encoding and quantiles were chosen: `bench/gp_choice.py`.

    Deviations: hyperparameters are fitted, not sampled from their posterior; one length for all
    features. Open architectures of other workers are not proposed again, and the posterior does not
    know of them. When hyperparameters are fitted, at most `points` answers are kept, one half of
    them the best, the others the latest; so the cost of a step is bounded.

    Linear algebra may round otherwise on another processor. One of the architectures whose expected
    improvement differs by less than a billionth is drawn, and hyperparameters are rounded, so that
    this hardly ever changes a search of the same seed; it is not certain that it never does.
    """

    title = "Gaussian process"
    family = "Bayesian optimisation"
    reference = "Snoek et al., NeurIPS 2012; Jones et al., Journal of Global Optimization 1998"
    bibtex = _BIBTEX
    colour = "#00695c"
    encodings = ("live-path", "path", "one-hot", "adjacency")

    def learn(self, process: "GrowingProcess", known: "Numbers") -> None:
        """Let the process learn all scores."""
        import numpy as np

        process.learn(known, np.array([*self.known.values()]))

"""How often verdicts on published means are wrong: the levels that `nasbench reproduce` states.

    python bench/verdict_levels.py

Draws pairs of samples whose true difference is known, rounds one of them to two digits as papers
do, and counts the verdicts. Populations: normal; a gamma distribution with a long tail below, which
is more skewed than any search here; and, where `results/` of a checkout and table `nb201` are at
hand, the final accuracies of the published reproductions, drawn from with replacement.
"""

import argparse
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from nasbench.errors import NasbenchError
from nasbench.harness.reproduce.reproduction import reproductions
from nasbench.harness.reproduce.verdict import Moments, Outcome, spread, verdict

Floats = NDArray[np.float64]
MARGIN = 0.1
"""In standard deviations."""


def populations() -> Iterator[tuple[str, Floats]]:
    """Yield names and values, of standard deviation about 0.3, to be drawn from."""
    generator = np.random.default_rng(1)
    yield "normal", generator.normal(94, 0.3, 100_000)
    yield "gamma, skewness -1.4", 94 - generator.gamma(2, 0.3 / np.sqrt(2), 100_000)
    try:
        yield from _finals()
    except NasbenchError as error:
        print(f"without the searches' final accuracies: {error}")


def _finals() -> Iterator[tuple[str, Floats]]:
    """Yield the final accuracies of every row that was run, on CIFAR-10."""
    from nasbench import load_table

    for path, found in reproductions(Path("results")).items():
        truth = load_table("nb201").test.mean("cifar10")
        for row in found.rows:
            if row.cells and row.dataset == "cifar10":
                yield f"{path.parent.name} {row.row}", truth[list(row.cells)]


def printed(sample: Floats) -> Moments:
    """Return mean and standard deviation as a paper prints them."""
    return Moments(round(sample.mean(), 2), round(sample.std(ddof=1), 2), len(sample))


def count(population: Floats, shift: float, margin: float, runs: int, tries: int) -> Counter[str]:
    """Return how many of `tries` verdicts there are of each kind.

    `shift` and `margin` in standard deviations of the population; "interval" counts how often the
    interval holds the true difference, "spread" how often variances, which are equal, differ.
    """
    generator = np.random.default_rng([runs, round(1000 * shift), round(1000 * margin)])
    scale = float(population.std())
    found: Counter[str] = Counter()
    for _ in range(tries):
        theirs, ours = generator.choice(population, (2, runs))
        published = printed(theirs)
        ours = ours + shift * scale
        measured = Moments(float(ours.mean()), float(ours.std(ddof=1)), runs)
        made, wide = verdict(published, measured, margin * scale), spread(published, ours)
        if made is None or wide is None:
            continue
        found[made.outcome] += 1
        found["interval"] += made.low <= shift * scale <= made.high
        found["spread"] += wide.differs
    return found


def main() -> None:
    """Print a row per population, number of runs and true difference, in percent."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--tries", type=int, default=2000)
    tries = parser.parse_args().tries
    counted = (*Outcome, "interval", "spread")
    print("| population | runs | true difference |", " | ".join(counted), "|")
    print("|" + "---|" * (len(counted) + 3))
    for name, population in populations():
        for runs in (500, 5000):
            for times in (0, 1):
                found = count(population, times * MARGIN, MARGIN, runs, tries)
                shares = " | ".join(f"{100 * found[one] / tries:.1f}" for one in counted)
                told = "the margin" if times else "0"
                print(f"| {name} | {runs} | {told} | {shares} |", flush=True)


if __name__ == "__main__":
    main()

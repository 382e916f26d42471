"""How often intervals cover and tests err, by simulation where the truth is known.

    python bench/levels.py [--experiments 1000] [--only means|datasets|spaces|bold|shapes]

Every line is a share of simulated experiments in percent, with its binomial standard error. What
is called an error is one: the strategies that are compared are equal, and the numbers that
intervals are to cover are known. Its parts:

means     coverage of the 95 % interval of a mean, by the runs' distribution and number
datasets  several data sets: coverage of the interval of mean regret, how often Friedman's p is
          below 0.05 for equal strategies, and how often one of them loses its bold by ranks; with
          independent data sets, with equal seeds that share draws, and with such seeds taken for
          independent, which is what the statistics did before they kept seeds together
spaces    data sets of which several share a space: how often equal strategies are told apart by
          ranks over all data sets, and by those with each space as one block; where runs differ by
          chance alone, and where strategies are equal over all spaces there could be and not on
          those that there are
bold      how often one of several equal rows loses its bold in a table, and how often a given row
          does; where better and worse rows stand beside them too
shapes    how often one of three rows of equal mean loses its bold, where their runs differ in
          spread and skew as published searches do: what bold does not say. Needs the fetched
          NAS-Bench-201
"""

import argparse
import json
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from nasbench.benchmarks.catalogue import load_table
from nasbench.benchmarks.judge import TableJudge
from nasbench.harness.compare.across import OneDataSet, standings_across
from nasbench.harness.compare.by_space import by_space
from nasbench.harness.compare.estimates import interval
from nasbench.harness.compare.rank_tests import critical_difference, friedman, ranks_of
from nasbench.harness.compare.significance import standings

Floats = NDArray[np.float64]
Draw = Callable[[np.random.Generator, int], Floats]

PUBLISHED = Path(__file__).parents[1] / "results" / "nb201-paper"
SHARED = 0.5
"""Correlation of equal seeds on two data sets; that of random searches was 0.2 to 0.6."""


def normal(generator: np.random.Generator, runs: int) -> Floats:
    """Return runs of mean 0."""
    return generator.normal(size=runs)


def exponential(generator: np.random.Generator, runs: int) -> Floats:
    """Return runs of skewness 2 and mean 0."""
    return generator.exponential(size=runs) - 1


def lognormal(generator: np.random.Generator, runs: int) -> Floats:
    """Return runs of skewness 6.2 and mean 0."""
    return generator.lognormal(size=runs) - float(np.exp(0.5))


def cells(generator: np.random.Generator, runs: int) -> Floats:
    """Return runs of which most end in one of a few best cells: heavy ties. Mean 0."""
    return float(1 / np.expm1(1 / 1.5)) - np.floor(generator.exponential(1.5, runs))


def one_cell(generator: np.random.Generator, runs: int) -> Floats:
    """Return runs of which nine in ten end in one cell. Mean 0."""
    return 1.5 - np.where(generator.random(runs) < 0.9, 0.0, generator.integers(1, 30, runs))


TIED: tuple[Draw, ...] = (normal, cells, one_cell)
"""What is different for a test of ranks: without ties all distributions are one."""


def told(share: float, experiments: int) -> str:
    """Return a share and its standard error, in percent."""
    return f"{100 * share:5.1f} +- {100 * np.sqrt(share * (1 - share) / experiments):.1f}"


def means(experiments: int) -> Iterator[str]:
    """Yield the coverage of intervals of means."""
    for draw in (normal, exponential, lognormal):
        for runs in (10, 20, 50, 100, 200, 500):
            generator = np.random.default_rng([1, runs])
            ends = (interval(draw(generator, runs)) for _ in range(experiments))
            covered = float(np.mean([low <= 0 <= high for low, high in ends]))
            yield f"{draw.__name__:12} {runs:4} runs  {told(covered, experiments)}"


def searches(
    generator: np.random.Generator, draw: Draw, number: int, rows: int, runs: int, shared: float
) -> Floats:
    """Return equal strategies' accuracies, (data sets, rows, runs), of mean 0.

    Those of equal seeds of a strategy correlate by `shared` over the data sets.
    """
    size = rows * runs
    common = draw(generator, size)
    own = np.stack([draw(generator, size) for _ in range(number)])
    keep = generator.random((number, size)) < np.sqrt(shared)  # keeps the draw's distribution
    return np.where(keep, common, own).reshape(number, rows, runs)


def datasets(experiments: int) -> Iterator[str]:
    """Yield coverage and levels over several data sets, of three equal strategies."""
    kinds = {"independent": (0.0, False), "shared draws": (SHARED, True),
             "shared, taken for independent": (SHARED, False)}  # fmt: skip
    labels = ["a", "b", "c"]
    for draw in (normal, cells):
        for number, runs in ((3, 20), (12, 20)):
            for kind, (shared, together) in kinds.items():
                generator = np.random.default_rng([2, number, runs])
                found = []
                for _ in range(experiments):
                    drawn = searches(generator, draw, number, len(labels), runs, shared)
                    made = [
                        OneDataSet(str(place), 0 if together else place, tuple(one), tuple(-one))
                        for place, one in enumerate(drawn)
                    ]
                    across = standings_across(labels, made)
                    best = int(across.ranks.argmin())
                    behind = across.ranks - across.ranks[best]
                    low, high = across.regret[0]
                    found.append(
                        (
                            low <= 0 <= high,
                            across.friedman < 0.05,
                            across.telling and bool((behind >= across.critical_difference).any()),
                        )
                    )
                covered, rejected, lost = (
                    told(float(x), experiments) for x in np.mean(found, axis=0)
                )
                yield (
                    f"{draw.__name__:7} {number:2} data sets x {runs:3} runs, {kind:30} covered "
                    f"{covered}   Friedman {rejected}   bold lost {lost}"
                )


SPACES = ((4, 7, 7), (3,) * 12)
"""Numbers of data sets in each space; the first are those of NAS-Bench-201, digits, TransNAS."""


def spaces(experiments: int) -> Iterator[str]:
    """Yield how often equal strategies are told apart by ranks, of 20 normal runs each."""
    for sizes in SPACES:
        names = [f"space {place}" for place, size in enumerate(sizes) for _ in range(size)]
        for rows in (3, 5):
            for effect in (0.0, 1.0):
                generator = np.random.default_rng([5, len(sizes), rows])
                found = []
                for _ in range(experiments):
                    own = effect * generator.normal(size=(len(sizes), rows))
                    means = np.repeat(own, sizes, axis=0)
                    means += generator.normal(size=(len(names), rows)) / np.sqrt(20)
                    ranks = ranks_of(means)
                    over = by_space(names, ranks, ranks[:, None], None, 20)
                    if over is None:
                        raise ValueError("data sets of one space each have no ranks by space")
                    found.append((
                        friedman(means) < 0.05,
                        np.ptp(ranks.mean(axis=0)) >= critical_difference(rows, len(names)),
                        over.friedman < 0.05, np.ptp(over.ranks) >= over.critical_difference,
                    ))  # fmt: skip
                shares = [told(float(x), experiments) for x in np.mean(found, axis=0)]
                yield (
                    f"{len(names)} data sets of {len(sizes):2} spaces, {rows} rows, effect of a "
                    f"space {effect}   Friedman {shares[0]}   Nemenyi {shares[1]}   by space "
                    f"Friedman {shares[2]}   Nemenyi {shares[3]}"
                )


def bold(experiments: int) -> Iterator[str]:
    """Yield how often equal rows lose their bold."""
    for draw in TIED:
        for rows in (3, 5, 10, 20):
            for runs in ((20, 20), (30, 100)):
                counts = np.linspace(*runs, rows).astype(int)
                generator = np.random.default_rng([3, rows, *runs])
                lost = np.array(
                    [
                        [
                            not one.among_best
                            for one in standings([draw(generator, count) for count in counts])
                        ]
                        for _ in range(experiments)
                    ]
                )
                anyone, given = (float(x) for x in (lost.any(axis=1).mean(), lost[:, 0].mean()))
                size = f"{runs[0]}" if runs[0] == runs[1] else f"{runs[0]} to {runs[1]}"
                yield (
                    f"{draw.__name__:12} {rows:2} equal rows x {size:9} runs   any "
                    f"{told(anyone, experiments)}   a given one {told(given, experiments)}"
                )
    for worse in (2, 7):
        generator = np.random.default_rng([4, worse])
        lost = np.array(
            [
                [
                    not one.among_best
                    for one in standings(
                        [normal(generator, 50) for _ in range(3)]
                        + [normal(generator, 50) - 1.5 for _ in range(worse)]
                    )[:3]
                ]
                for _ in range(experiments)
            ]
        )
        yield (
            f"normal        3 equal rows, {worse} clearly worse, 50 runs   any "
            f"{told(float(lost.any(axis=1).mean()), experiments)}"
        )


def shapes(experiments: int) -> Iterator[str]:
    """Yield a line per data set and number of runs."""
    table = load_table("nb201")
    names = ("cifar10", "cifar100", "ImageNet16-120")
    judge = TableJudge(table.test, table.rows, table.space, names, 200)
    rows = json.loads((PUBLISHED / "reproduction.json").read_text())["rows"]
    for name in names:
        test = judge.truth(name).test
        finals = [test[row["cells"]] for row in rows if row["dataset"] == name and row["cells"]]
        centred = [values - values.mean() for values in finals]
        for runs in (20, 100, 500):
            generator = np.random.default_rng(runs)
            lost = 0
            for _ in range(experiments):
                found = standings([generator.choice(values, runs) for values in centred])
                lost += not all(one.among_best for one in found)
            yield f"{name}, {runs} runs: any loses {told(lost / experiments, experiments)}"


def main() -> None:
    """Print all parts, or one."""
    parts = {"means": means, "datasets": datasets, "spaces": spaces, "bold": bold, "shapes": shapes}
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--experiments", type=int, default=1000)
    parser.add_argument("--only", choices=parts)
    options = parser.parse_args()
    for name, part in parts.items():
        if options.only in (None, name):
            print(f"{name}: % of {options.experiments} experiments, +- standard error")
            for line in part(options.experiments):
                print(" ", line, flush=True)


if __name__ == "__main__":
    main()

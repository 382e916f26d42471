"""The numbers and the picture of the data card, docs/digits.md, from the table itself.

    nasbench data fetch nb201 && python bench/digits_card.py --picture docs/images/digits.png

Prints Markdown. Random cells are architectures of the space, each counted as often as its network
has encodings; networks are the 5,260 distinct ones. Cells whose networks the task was chosen on
are left out of both.
"""

import argparse
from collections.abc import Iterator
from itertools import combinations
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray
from scipy.stats import spearmanr

from nasbench.benchmarks.catalogue import load_table
from nasbench.benchmarks.tables.costs import per_architecture
from nasbench.benchmarks.tables.table import Table
from nasbench.benchmarks.training.data import Part
from nasbench.benchmarks.training.digits import digits
from nasbench.errors import DataError
from nasbench.spaces.nb201 import NasBench201

Floats = NDArray[np.float64]
SPACE = NasBench201()
RANDOM_CELLS, SAMPLES = 200, 200


def chosen_on() -> NDArray[np.int64]:
    """Return the networks that the settings of the task were compared on."""
    networks = np.unique(SPACE.network_class)
    first = networks[np.random.default_rng(201).permutation(len(networks))[:496]]
    order = SPACE.network_class[np.random.default_rng(77).permutation(SPACE.size)]
    _, where = np.unique(order, return_index=True)
    return np.union1d(first, order[np.sort(where)[:96]])


def rank_correlation(one: Floats, other: Floats) -> float:
    """Spearman's over the cells that both know."""
    known = ~(np.isnan(one) | np.isnan(other))
    return float(spearmanr(one[known], other[known]).statistic)


def better_half(accuracy: Floats) -> NDArray[np.bool_]:
    """Return which cells of shape (cells, seeds) have a mean above the median."""
    mean = accuracy.mean(axis=1)
    return np.asarray(mean > np.nanmedian(mean))


def between_seeds(accuracy: Floats) -> tuple[float, float]:
    """Spearman's between two single seeds, mean over pairs: all cells, the better half."""
    half = accuracy[better_half(accuracy)]
    pairs = list(combinations(range(accuracy.shape[1]), 2))
    return tuple(  # type: ignore[return-value]
        float(np.mean([rank_correlation(a[:, i], a[:, j]) for i, j in pairs]))
        for a in (accuracy, half)
    )


def sampled(accuracy: Floats) -> Iterator[tuple[float, float]]:
    """Yield `between_seeds` of random samples of cells."""
    generator = np.random.default_rng(0)
    for _ in range(SAMPLES):
        yield between_seeds(accuracy[generator.choice(len(accuracy), RANDOM_CELLS, replace=False)])


def row(*cells: object) -> None:
    """Print a row of a table."""
    print(f"| {' | '.join(f'{c:.3f}' if isinstance(c, float) else str(c) for c in cells)} |")


def header(*cells: str) -> None:
    """Print the head of a table."""
    print()
    row(*cells)
    row(*["---"] * len(cells))


def main() -> None:
    """Print every table of the card."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--table", default="digits", help="name or file")
    parser.add_argument("--picture", type=Path)
    options = parser.parse_args()
    table = load_table(options.table)
    schedule = _schedule(table)
    curves = np.stack(
        [
            per_architecture(table.search.curve("digits", schedule, seed), table.rows)
            for seed in table.search.seeds("digits", schedule)
        ]
    ).astype(np.float64)  # (seeds, cells, epochs)
    complete = ~np.isnan(curves[:, :, -1]).any(axis=0)
    fresh = complete & ~np.isin(SPACE.network_class, chosen_on())
    networks = np.zeros(SPACE.size, dtype=bool)
    networks[np.unique(SPACE.network_class)] = True
    final = curves[:, :, -1].T
    print(f"table {table.hash}, {table.path.stat().st_size / 1e6:.2f} MB" if table.path else "")
    print(f"{complete.sum()} cells complete, {fresh.sum()} of them not used for the choice")
    _targets(final[fresh], final[fresh & networks])
    _distribution(table, final, complete)
    _epochs(curves, fresh)
    _agreement(final.mean(axis=1), fresh, fresh & networks)
    _best(table, final, complete)
    if options.picture:
        _draw(options.picture)


def _targets(cells: Floats, networks: Floats) -> None:
    header("between two single seeds, Spearman", "all", "better half")
    row(f"all random cells ({len(cells):,})", *between_seeds(cells))
    row(f"all distinct networks ({len(networks):,})", *between_seeds(networks))
    if len(cells) > RANDOM_CELLS:
        low, middle, high = np.percentile(list(sampled(cells)), [2.5, 50, 97.5], axis=0)
        texts = [f"{m:.3f} [{a:.2f}, {b:.2f}]" for a, m, b in zip(low, middle, high, strict=True)]
        row(f"{SAMPLES} samples of {RANDOM_CELLS} random cells, median and 95 %", *texts)
    half = networks[better_half(networks)]
    noise = np.sqrt(half.var(axis=1, ddof=1).mean())
    print(f"\nbetter half of the networks: noise between seeds {noise:.2f} points, ", end="")
    print(f"standard deviation of the means {half.mean(axis=1).std():.2f}")


def _distribution(table: Table, final: Floats, complete: NDArray[np.bool_]) -> None:
    test = per_architecture(table.test.mean("digits", _schedule(table)), table.rows)
    header("accuracy, %", "worst", "10th", "25th", "median", "75th", "90th", "best")
    for name, values in (("validation", final.mean(axis=1)), ("test", test)):
        texts = [f"{v:.2f}" for v in np.percentile(values[complete], [0, 10, 25, 50, 75, 90, 100])]
        row(name, *texts)
    print(f"\nvalidation against test: {rank_correlation(final.mean(axis=1), test):.3f}")


def _schedule(table: Table) -> int:
    return max(column.schedule or 0 for column in table.info.columns)


def _epochs(curves: Floats, use: NDArray[np.bool_]) -> None:
    header("epoch", "one seed against its own end", "against another seed's end")
    for epoch in range(curves.shape[2]):
        early, last = curves[:, use, epoch], curves[:, use, -1]
        own = np.mean([rank_correlation(a, b) for a, b in zip(early, last, strict=True)])
        pairs = [(i, j) for i in range(len(last)) for j in range(len(last)) if i != j]
        row(epoch + 1, float(own), *[
            float(np.mean([rank_correlation(early[i], last[j]) for i, j in pairs]))
        ])  # fmt: skip


def _agreement(mean: Floats, cells: NDArray[np.bool_], networks: NDArray[np.bool_]) -> None:
    try:
        official = load_table("nb201")
    except DataError as error:
        print(f"\nno agreement with NAS-Bench-201: {error}")
        return
    header("Spearman with NAS-Bench-201, 200 epochs, test", "random cells", "networks", "best half")
    for name in ("cifar10", "cifar100", "ImageNet16-120"):
        theirs = np.asarray(official.test.mean(name), dtype=np.float64)
        half = cells & (theirs > np.median(theirs[cells]))
        row(name, *(rank_correlation(mean[use], theirs[use]) for use in (cells, networks, half)))


def _best(table: Table, final: Floats, complete: NDArray[np.bool_]) -> None:
    test = per_architecture(table.test.mean("digits", _schedule(table)), table.rows)
    header("best by validation", "cell", "validation", "test")
    mean = np.where(complete, final.mean(axis=1), -np.inf)
    _, first = np.unique(SPACE.network_class, return_index=True)
    for index in sorted(first, key=lambda i: -mean[i])[:5]:
        text = SPACE.format(SPACE.architecture(int(index)))
        row(index, f"`{text}`".replace("|", "\\|"), f"{mean[index]:.2f}", f"{test[index]:.2f}")


def _draw(path: Path) -> None:
    """Draw 40 validation images with their labels."""
    images, labels = digits().parts[Part.VALIDATION]
    figure = Figure(figsize=(6, 2.6))
    for position in range(40):
        axes = figure.add_subplot(4, 10, position + 1)
        axes.imshow(images[position, 0], cmap="gray", vmin=-1, vmax=1)
        axes.set_title(str(int(labels[position])), fontsize=7, pad=1)
        axes.set_axis_off()
    figure.subplots_adjust(0.01, 0.01, 0.99, 0.93, wspace=0.08, hspace=0.3)
    figure.savefig(path, dpi=150)


if __name__ == "__main__":
    main()

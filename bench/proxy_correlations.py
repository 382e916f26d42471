"""Spearman's rank correlation of measured zero-cost proxies with the final test metric of a table.

    python bench/proxy_correlations.py TABLE [DATASET]

The proxies are those of `nasbench data proxies TABLE`. A correlation is over all architectures that
have a score and a test value; those whose score is minus infinity rank last. The error is the
standard deviation over bootstrap samples of architectures. `best half` is over the half of
the architectures with the better test value. The last columns are the mean CPU milliseconds of a
score, and the number of architectures without one.
"""

import sys

import numpy as np
from numpy.typing import NDArray
from scipy.stats import rankdata, spearmanr

from nasbench.benchmarks.catalogue import load_table
from nasbench.benchmarks.proxies import find_proxies
from nasbench.benchmarks.tables.costs import per_architecture

_DRAWS = 1000


def main() -> None:
    """Print one row per proxy, in Markdown."""
    name, *rest = sys.argv[1:]
    table = load_table(name)
    dataset = rest[0] if rest else name
    found = find_proxies(table, dataset)
    if found is None:
        sys.exit(f"no proxies of '{dataset}': nasbench data proxies {name} --dataset {dataset}")
    metric = table.metrics[0]
    sign = 1 if metric.direction == "max" else -1
    test = sign * per_architecture(table.test.mean(dataset, metric=metric.name), table.rows)
    print(f"table {table.hash[:8]}, proxies {found.digest[:8]}, {metric.name} of {dataset}\n")
    print("| proxy | architectures | Spearman | error | best half | ms | without |")
    print("|---|---|---|---|---|---|---|")
    known = ~np.isnan(test) & ~np.isnan([found.scores[one] for one in found.names]).any(axis=0)
    for proxy in found.names:
        scores, seconds = found.scores[proxy][known], found.seconds[proxy][known]
        values = test[known]
        best = values >= np.median(values)
        print(
            f"| {proxy} | {known.sum()} | {spearmanr(scores, values).statistic:.3f} "
            f"| {_error(scores, values):.3f} "
            f"| {spearmanr(scores[best], values[best]).statistic:.3f} "
            f"| {1000 * seconds.mean():.1f} | {np.isneginf(scores).sum()} |"
        )


def _error(scores: NDArray[np.float64], values: NDArray[np.float64]) -> float:
    random, draws = np.random.default_rng(0), []
    for _ in range(_DRAWS if len(scores) < 5000 else _DRAWS // 10):
        chosen = random.integers(len(scores), size=len(scores))
        ranks = rankdata(scores[chosen]), rankdata(values[chosen])
        draws.append(np.corrcoef(*ranks)[0, 1])
    return float(np.std(draws))


if __name__ == "__main__":
    main()

"""Tables of docs/baselines.md, from a comparison of the strategies of bench/baselines.toml.

    nasbench run --config bench/baselines.toml
    nasbench compare results/baselines
    python bench/baselines.py results/baselines/comparison/comparison.json

First, for each set of data sets on which strategies can be ranked together: mean ranks, normalised
regret (0 is the best architecture, 1 the mean of all) with 95 % bootstrap intervals, how often a
run is better than one of random search, and on how many data sets a strategy is significantly
better and worse than random search (Mann-Whitney, Holm over all pairs of the data set). Then the
mean normalised regret on every data set, with a mark where it is significantly better or worse.
"""

import argparse
import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

RANDOM = "Random search"
LEVEL = 0.05


def main(path: Path) -> None:
    """Print the tables of a comparison."""
    found = json.loads(path.read_text(encoding="utf-8"))
    differs = {block: against(one["pairs"]) for block, one in enumerate(found["blocks"], 1)}
    for standings in found["across"]:
        print(f"{len(standings['problems'])} data sets: {', '.join(standings['problems'])}\n")
        show(("strategy", "mean rank", "normalised regret", "IQM", "beats random search",
              "better, worse than random search on"), together(standings, differs))  # fmt: skip
        print(f"\nFriedman's p {standings['friedman']:.2g}, critical difference "
              f"{standings['critical_difference']:.2f}.")  # fmt: skip
        print(f"Normalised regret above that of random search: {above(standings)}.\n")
    labels = list(dict.fromkeys(row["label"] for row in found["rows"]))
    show(("data set", "expected random search", *labels), each(found, labels, differs))


def show(columns: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    """Print a table in Markdown; all columns but the first are aligned to the right."""
    print(f"| {' | '.join(columns)} |")
    print(f"|---|{'---:|' * (len(columns) - 1)}")
    for row in rows:
        print(f"| {' | '.join(row)} |")


def against(pairs: Iterable[Mapping[str, Any]]) -> dict[str, int]:
    """Return by label 1 where a row is significantly better than random search, -1 where worse."""
    signs = {}
    for pair in pairs:
        names = pair["first"], pair["second"]
        if RANDOM in names and pair["corrected"] is not None:
            first = names[1] == RANDOM
            better = (pair["superiority"] > 0.5) == first
            sign = 0 if pair["corrected"] >= LEVEL else 1 if better else -1
            signs[names[0] if first else names[1]] = sign
    return signs


def together(
    standings: Mapping[str, Any], differs: Mapping[int, Mapping[str, int]]
) -> Iterable[Sequence[str]]:
    """Yield a row per strategy, the best mean rank first."""
    labels, random = standings["labels"], standings["labels"].index(RANDOM)
    for row in sorted(range(len(labels)), key=standings["ranks"].__getitem__):
        signs = [differs[block].get(labels[row], 0) for block in standings["blocks"]]
        better = tuple(
            standings[key][row][random] for key in ("better", "better_low", "better_high")
        )
        itself = row == random
        yield (
            labels[row],
            interval(standings["ranks"][row], standings["rank_intervals"][row], 2),
            interval(standings["regret_mean"][row], standings["regret"][row], 3),
            interval(standings["regret_iqm"][row], standings["regret_iqm_intervals"][row], 3),
            "–" if itself else interval(better[0], better[1:], 2),
            "–" if itself else f"{signs.count(1)}, {signs.count(-1)}",
        )  # fmt: skip


def above(standings: Mapping[str, Any]) -> str:
    """Return which strategies have a larger mean normalised regret than random search."""
    regret, labels = standings["regret_mean"], standings["labels"]
    limit = regret[labels.index(RANDOM)]
    named = [label for label, one in zip(labels, regret, strict=True) if one > limit]
    return ", ".join(named) or "none"


def each(
    found: Mapping[str, Any], labels: Sequence[str], differs: Mapping[int, Mapping[str, int]]
) -> Iterable[Sequence[str]]:
    """Yield a row per data set; the lowest regret is bold."""
    regret = {
        (one["block"], one["dataset"], one["reference"]): one["regret_mean"]
        for one in found["references"]
    }
    for block, dataset in dict.fromkeys((row["block"], row["dataset"]) for row in found["rows"]):
        rows = [one for one in found["rows"] if (one["block"], one["dataset"]) == (block, dataset)]
        means = {one["label"]: one["normalised_regret_mean"] for one in rows}
        title = found["blocks"][block - 1]["titles"].get(dataset, dataset)
        where = rows[0]["benchmark"]
        mean = regret[block, dataset, "mean architecture"]
        expected = regret[block, dataset, "expected random search"] / mean
        cells = [marked(means, label, differs[block].get(label, 0)) for label in labels]
        yield (f"{title} ({where})", f"{expected:.3f}", *cells)


def marked(means: Mapping[str, float], label: str, sign: int) -> str:
    """Return a strategy's regret: bold if it is the lowest, ▲ better and ▼ worse than random."""
    if label not in means:
        return "–"
    text = f"{means[label]:.3f}"
    text = f"**{text}**" if means[label] == min(means.values()) else text
    return text + {1: " ▲", -1: " ▼", 0: ""}[sign]


def interval(centre: float, ends: Sequence[float], decimals: int) -> str:
    """Return a number with its interval."""
    low, high = ends
    return f"{centre:.{decimals}f} [{low:.{decimals}f}, {high:.{decimals}f}]"


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("comparison", type=Path, help="comparison.json of `nasbench compare`")
    main(parser.parse_args().comparison)

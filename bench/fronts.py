"""The exact fronts of the installed tables, each computed by two algorithms that must agree.

    python bench/fronts.py [--table digits,nb201] [--members docs/fronts.csv]

Prints Markdown: for every data set of every table and every cost of its networks, its own or one
that another table measured on the same data set, the front of the table's first metric and that
cost, in final validation and in test values. `exact_fronts` is one algorithm. The other sorts all
architectures by cost and keeps each that is better than all cheaper ones; `moocore` then measures
the hypervolume of all architectures from a reference point of its own reckoning. Members must be
equal as sets, hypervolumes to a relative 1e-9. `--members` writes the members' indices.
"""

import argparse
import csv
from collections.abc import Iterator, Sequence
from itertools import groupby
from pathlib import Path
from typing import NamedTuple

import moocore
import numpy as np
from numpy.typing import NDArray

from nasbench.benchmarks.catalogue import list_tables, load_table
from nasbench.benchmarks.protocols import searched_in
from nasbench.benchmarks.tables.objectives import costs_of, default_objective
from nasbench.harness.fronts import ExactFront, exact_fronts, front_task
from nasbench.problem import scores_of

Floats = NDArray[np.float64]

CLOSE = 1e-9
"""Largest relative difference of two hypervolumes."""
COLUMNS = (
    "table", "data set", "objectives", "values", "architectures", "members", "points", "ideal",
    "nadir", "reference point", "hypervolume",
)  # fmt: skip


class Row(NamedTuple):
    """One front."""

    table: str
    dataset: str
    objectives: str
    values: str
    """`validation`, or `test`."""
    front: ExactFront

    def cells(self) -> tuple[str, ...]:
        """Return the row of the Markdown table, in the order of `COLUMNS`."""
        front = self.front
        points = (self.written(one) for one in (front.ideal, front.nadir, front.reference))
        counts = (f"{one:,}" for one in (front.known, len(front.members), len(front.points)))
        words = (self.table, self.dataset, self.objectives, self.values)
        return (*words, *counts, *points, f"{front.hypervolume:.6g}")

    def written(self, point: Floats) -> str:
        """Return a point's values with their units."""
        values = scores_of(self.front.objectives, point[None])[0].tolist()
        return ", ".join(
            f"{value:.6g}{metric.unit and f' {metric.unit}'}"
            for metric, value in zip(self.front.objectives, values, strict=True)
        )


def pairs(table: str) -> Iterator[tuple[str, str]]:
    """Yield data sets of a table and two objectives of each: its first metric and a cost."""
    opened = load_table(table)
    others = [load_table(one.name) for one in list_tables() if one.installed and not one.problem]
    beside = [one for one in others if one.info.space == opened.info.space and not searched_in(one)]
    for dataset in searched_in(opened):
        costs = [cost for one in (opened, *beside) for cost in costs_of(one).get(dataset, ())]
        for cost in dict.fromkeys(one.name for one in costs):
            yield dataset, f"{default_objective(opened, dataset).name},{cost}"


def rows(table: str) -> Iterator[Row]:
    """Yield the fronts of a table that have members, each checked by the second algorithm."""
    for dataset, objectives in pairs(table):
        task = front_task(table, dataset, objectives)
        found = exact_fronts(task)
        splits = {"validation": found.valid, **({"test": found.test} if task.has_test else {})}
        for values, fronts in splits.items():
            front = fronts[dataset]
            if front.known:
                names = ", ".join(one.name for one in front.objectives)
                where = Row(table, dataset, names, values, front)
                require_equal(where)
                yield where


def require_equal(row: Row) -> None:
    """Raise `ValueError` where the second algorithm finds another front or hypervolume."""
    members, volume = second_opinion(row.front.scores)
    where = " ".join(row[:4])
    if set(row.front.members.tolist()) != members:
        raise ValueError(f"{where}: the members differ")
    if abs(volume - row.front.hypervolume) > CLOSE * volume:
        raise ValueError(f"{where}: hypervolume {volume}, not {row.front.hypervolume}")


def second_opinion(scores: Floats) -> tuple[set[int], float]:
    """Return the members of a front and its hypervolume; `scores` has shape (n, 2).

    Architectures are taken from the best second score to the worst. Of those with equal second
    scores the best in the first are members if they are better than all before.
    """
    known = [index for index, pair in enumerate(scores.tolist()) if np.isfinite(pair).all()]
    members: list[int] = []
    best = -np.inf
    ordered = sorted(known, key=lambda index: -scores[index, 1])
    for _, group in groupby(ordered, key=lambda index: scores[index, 1]):
        equal = list(group)
        highest = max(scores[index, 0] for index in equal)
        if highest > best:
            best = highest
            members += [index for index in equal if scores[index, 0] == highest]
    ends = scores[members[-1]], scores[members[0]]  # the best of the first, of the second
    low = []
    for place in (0, 1):
        worst, top = ends[1 - place][place], ends[place][place]
        low.append(worst - 0.1 * ((top - worst) or 1.0))
    return set(members), float(moocore.hypervolume(scores[known], ref=low, maximise=True))


def show(found: Sequence[Row]) -> None:
    """Print the Markdown table."""
    print(f"| {' | '.join(COLUMNS)} |")
    print(f"|{'---|' * 4}{'---:|' * (len(COLUMNS) - 4)}")
    for row in found:
        print(f"| {' | '.join(row.cells())} |")


def write_members(path: Path, found: Sequence[Row]) -> None:
    """Write a line per front: what it is, its hypervolume, and its members' indices."""
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(("table", "data set", "objectives", "values", "hypervolume", "members"))
        for row in found:
            members = " ".join(map(str, row.front.members.tolist()))
            writer.writerow((*row[:4], repr(row.front.hypervolume), members))


def main() -> None:
    """Print the table and write the members where that is asked for."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--table", help="only these, comma-separated")
    parser.add_argument("--members", type=Path, help="a CSV file of the members' indices")
    given = parser.parse_args()
    installed = [one.name for one in list_tables() if one.installed and not one.problem]
    chosen = given.table.split(",") if given.table else installed
    found = [row for table in chosen for row in rows(table)]
    show(found)
    if given.members is not None:
        write_members(given.members, found)


if __name__ == "__main__":
    main()

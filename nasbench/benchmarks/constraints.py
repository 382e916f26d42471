"""Constraints of a search: bounds on costs of networks, of its table or another of its space."""

import math
import re
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from nasbench.benchmarks.joins import Join, find_column, joined_costs
from nasbench.benchmarks.tables.costs import per_architecture
from nasbench.benchmarks.tables.objectives import is_cost, plain_name, read_cost
from nasbench.benchmarks.tables.table import Table
from nasbench.errors import InvalidInput
from nasbench.problem import Constraint, Metric, scores_of
from nasbench.text import shown

Floats = NDArray[np.float64]

_FORM = re.compile(r"\s*([^<>=\s]+)\s*(<=|>=)\s*([^<>=\s]+)\s*")
_SIGNS = {"min": "<=", "max": ">="}


class Bound(NamedTuple):
    """A constraint as a user writes it, of a metric that is not looked up yet."""

    name: str
    sign: str
    value: float

    @classmethod
    def read(cls, text: str, what: str = "constraint") -> "Bound":
        """Read `latency:pixel3<=5`; raise `InvalidInput` for a text that cannot be read.

        `what` is what an error calls it.
        """
        match = _FORM.fullmatch(text)
        if match is None:
            raise InvalidInput(
                f"{what} {shown(text)} cannot be read: write a cost, <= or >=, and a number, "
                "such as 'latency:pixel3<=5'"
            )
        name, sign, number = match.groups()
        try:
            value = float(number)
        except ValueError:
            value = math.nan
        if not math.isfinite(value):
            raise InvalidInput(
                f"{what} {shown(text)}: {shown(number)} is no finite number; write the bound "
                "in the unit of the cost, such as 'latency:pixel3<=5'"
            )
        return cls(name, sign, value)

    def means(self, name: str) -> bool:
        """Whether it is of the cost called `name`, which may have a device that is left out."""
        return plain_name(self.name) in (name, name.partition("/")[0])


class Constrained(NamedTuple):
    """A constraint and, where its cost is of another table, the source."""

    constraint: Constraint
    join: Join | None


def find_constraint(table: Table, text: str, dataset: str) -> Constrained:
    """Return the constraint that a user writes for a search on a data set of a table.

    Raises `InvalidInput` for a text that cannot be read, a metric that is no cost of networks or
    that no table has, and a bound on the wrong side.
    """
    bound = Bound.read(text)
    try:
        metric, join = find_column(table, bound.name, dataset)
    except InvalidInput as error:  # which calls it an objective
        raise InvalidInput(str(error).replace("objective", "constraint on", 1)) from error
    if not is_cost(metric):
        raise InvalidInput(
            f"constraint {shown(text)}: '{metric.name}' is measured on images, and differs between "
            "trainings and splits; a constraint is on a cost of the network, such as params, flops "
            "or latency"
        )
    return Constrained(bounded(metric, bound, f"constraint {shown(text)}"), join)


def bounded(metric: Metric, bound: Bound, what: str) -> Constraint:
    """Return the constraint of a metric; `what` is what a user wrote.

    Raises `InvalidInput` for a bound on the side that is better.
    """
    sign = _SIGNS[metric.direction]
    if bound.sign != sign:
        better = "small" if metric.direction == "min" else "large"
        raise InvalidInput(
            f"{what}: {metric.name} is to be {better}, so write "
            f"'{bound.name}{sign}{bound.value:.12g}'"
        )
    return Constraint(metric, bound.value)


def all_met(constraints: Sequence[Constraint], values: Floats) -> NDArray[np.bool_]:
    """Return which rows of `values`, shape (n, constraints), meet all constraints; shape (n,).

    NaN meets none.
    """
    scores = scores_of([one.metric for one in constraints], values)
    least = [one.metric.score(one.bound) for one in constraints]
    return np.asarray((scores >= least).all(axis=1))


def constrained_costs(
    constraints: Sequence[Constraint], table: Table, dataset: str, joined: Mapping[str, Floats]
) -> Floats:
    """Return the costs that are constrained, of every architecture of `table.space`, by index.

    Shape (size, constraints), NaN where a cost is not known. `joined` are costs of other tables,
    see `joined_costs`; the others are those of `dataset` in `table`.
    """
    found = np.empty((table.space.size, len(constraints)))
    for place, one in enumerate(constraints):
        name = one.metric.name
        if name in joined:
            found[:, place] = joined[name]
        else:
            found[:, place] = per_architecture(
                read_cost(table.search, one.metric, dataset), table.rows
            )
    return found


def require_feasible(constraints: Sequence[Constraint], costs: Floats) -> None:
    """Raise `InvalidInput` where no architecture meets all constraints.

    `costs` has shape (architectures, constraints). The message names each cost's best value.
    """
    if all_met(constraints, costs).any():
        return
    named = " and ".join(f"'{one}'" for one in constraints)
    best = []
    for one, column in zip(constraints, costs.T, strict=True):
        known = column[~np.isnan(column)]
        least = "least" if one.metric.direction == "min" else "largest"
        if len(known):
            value = known.min() if one.metric.direction == "min" else known.max()
            best.append(f"the {least} {one.metric.name} is {value:.6g} {one.metric.unit}".rstrip())
        else:
            best.append(f"no {one.metric.name} is known")
    raise InvalidInput(
        f"constraint {named}: no architecture meets {'it' if len(constraints) == 1 else 'all'}; "
        f"{', '.join(best)}: relax the bound"
    )


def feasible_in(
    constraints: Sequence[Constraint], table: Table, dataset: str, joins: Sequence[Join]
) -> NDArray[np.bool_]:
    """Return which architectures of `table.space` meet all constraints, by index, shape (size,)."""
    costs = constrained_costs(constraints, table, dataset, joined_costs(joins, table))
    return all_met(constraints, costs)

"""Making tasks from a user's options: one task per data set searched."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from pathlib import Path
from typing import Any, TypeVar

from nasbench.arguments import require_names, require_optional_text
from nasbench.benchmarks.catalogue import load_table
from nasbench.benchmarks.constraints import (
    Constrained,
    constrained_costs,
    find_constraint,
    require_feasible,
)
from nasbench.benchmarks.joins import Found, Join, find_column, joined_costs, require_numbers
from nasbench.benchmarks.protocols import (
    OWN,
    Protocol,
    default_protocol,
    own_protocol,
    searched_in,
)
from nasbench.benchmarks.tables.objectives import default_objective, is_cost
from nasbench.benchmarks.tables.table import Table
from nasbench.benchmarks.tabular import Query
from nasbench.errors import InvalidInput
from nasbench.harness.search.budget import Budget
from nasbench.harness.search.defaults import Choice, Say, choose
from nasbench.harness.search.task import BenchmarkReference, Kind, Task
from nasbench.harness.search.trained import trained_task, with_fallback
from nasbench.limits import PATIENCE, REGRET, SIMULATED_WORKERS
from nasbench.place import HERE, Place
from nasbench.problem import ACCURACY
from nasbench.rules import REPEATS, SIGNALS, Promotion, Selection
from nasbench.spaces import find_space
from nasbench.text import shown

SIMULATED = (
    "simulated workers need costs that are known before an evaluation ends: leave "
    "--simulated-workers away where networks or shared weights are trained"
)

RESUMED = (
    "promotion 'resume' needs a table: trainings of a search by training begin anew; leave "
    "--promotion away"
)


Rule = TypeVar("Rule", bound=StrEnum)


@dataclass(frozen=True)
class Wanted:
    """What a user may change in a protocol; None leaves the protocol's value."""

    budget: Budget | None = None
    patience: int | None = None
    target_regret: float | None = None
    signal: str | None = None
    repeats: str | None = None
    simulated_workers: int = 1
    objectives: tuple[str, ...] = ()
    """Names of metrics; without any, the objective is the table's first metric."""
    selection: Selection = Selection.HIGHEST
    promotion: Promotion = Promotion.RESTART
    constraints: tuple[str, ...] = ()
    """Bounds on costs as users write them: `latency:pixel3<=5`."""

    @classmethod
    def read(cls, options: Mapping[str, Any], budget: Budget | None) -> "Wanted":
        """Read the options of a search as a user gives them.

        Raises `InvalidInput` for a value that an option cannot have.
        """
        patience, target_regret = options["patience"], options["target_regret"]
        objective = options.get("objective")
        for name in ("signal", "repeats", "selection", "promotion"):
            require_optional_text(name, "a text", options[name])
        objectives = () if objective is None else objective_names(objective)
        if objective is not None and not objectives:
            raise InvalidInput("no objective is named: leave it away for the table's first metric")
        constraint = options.get("constraint")
        constraints = () if constraint is None else tuple(require_names("constraint", constraint))
        return cls(
            budget=budget,
            patience=None if patience is None else PATIENCE.check(patience),
            target_regret=None if target_regret is None else REGRET.check(target_regret),
            signal=options["signal"],
            repeats=options["repeats"],
            simulated_workers=SIMULATED_WORKERS.check(options.get("simulated_workers", 1)),
            objectives=objectives,
            selection=_one_of(Selection, "selection", options["selection"]),
            promotion=_one_of(Promotion, "promotion", options["promotion"]),
            constraints=constraints,
        )

    def limit(self, budget: Budget | None) -> Budget | None:
        """Return the wanted budget, or else `budget`, with early stopping if that is wanted."""
        budget = self.budget or budget
        if budget is None or (self.patience is None and self.target_regret is None):
            return budget
        return budget.stopping(self.patience, self.target_regret)


def _one_of(kind: type[Rule], name: str, value: str) -> Rule:
    """Return the enum's member with a value; `InvalidInput` for another names all valid ones."""
    valid = {one.value: one for one in kind if one is not Selection.FRONT}  # not a user's choice
    if value not in valid:
        raise InvalidInput(f"{name} {shown(value)} is unknown: valid are {', '.join(valid)}")
    return valid[value]


def make_tasks(
    benchmark: str | Path | Sequence[str | Path] | None,
    datasets: Sequence[str] | None,
    protocol: str | Protocol | None,
    wanted: Wanted,
    *,
    fallback: str | None = None,
    shared: Sequence[str] = (),
    place: Place = HERE,
    say: Say = lambda _: None,
) -> list[Task]:
    """Return one task per data set; raise `InvalidInput` for options that do not fit together.

    `shared` names the strategies that train on images, see `choose`. Where trainings complete a
    table, some are timed at `place` to scale their seconds to the table's clock.
    """
    if not isinstance(benchmark, str | Path | None):
        raise InvalidInput(f"benchmark cannot be {shown(benchmark)}: a search is of one")
    chosen = choose(benchmark, datasets, protocol, fallback=bool(fallback), shared=shared, say=say)
    return tasks_of(chosen, wanted, fallback=fallback, place=place, say=say)


def tasks_of(
    chosen: Choice, wanted: Wanted, *, fallback: str | None, place: Place, say: Say
) -> list[Task]:
    """Return one task per data set that was chosen, as `make_tasks` does."""
    if fallback not in (None, "train"):
        raise InvalidInput(f"fallback '{fallback}' is unknown: use train")
    if chosen.space is not None:
        return [
            _trained(chosen.space, dataset, chosen.protocol, wanted, place)
            for dataset in chosen.datasets
        ]
    table = load_table(chosen.benchmark)
    known = [name for name in chosen.datasets if not fallback or table.search.knows(name)]
    tasks = _tabular(chosen.benchmark, table, known, chosen.protocol, wanted, say) if known else []
    if not fallback:
        return tasks
    unknown = [name for name in chosen.datasets if name not in known]
    return [
        *(with_fallback(task, place) for task in tasks),
        *(_trained(table.info.space, name, None, wanted, place) for name in unknown),
    ]


def _tabular(
    benchmark: str,
    table: Table,
    datasets: Sequence[str],
    protocol: Protocol | str | None,
    wanted: Wanted,
    say: Say,
) -> list[Task]:
    if not isinstance(protocol, Protocol):
        protocol = default_protocol(tuple(datasets))
    if protocol.space != table.info.space:
        raise InvalidInput(
            f"protocol '{protocol.name}' is for space '{protocol.space}', table '{table.name}' is "
            f"of '{table.info.space}': use another table, or --protocol {OWN}"
        )
    for value, valid in ((wanted.signal, SIGNALS), (wanted.repeats, REPEATS)):
        if value is not None and value not in valid:
            raise InvalidInput(f"'{value}' is not one of {', '.join(valid)}")
    return [_of_table(benchmark, table, dataset, protocol, wanted, say) for dataset in datasets]


def _of_table(
    benchmark: str, table: Table, dataset: str, protocol: Protocol, wanted: Wanted, say: Say
) -> Task:
    """Return the task of one data set; `InvalidInput` if the protocol does not search it."""
    if protocol.name == OWN and dataset not in protocol.datasets:
        protocol = own_protocol(table, dataset)  # each data set has its own epochs and budget
    protocol.check(dataset)
    protocol = protocol.of(dataset)
    published = Budget(protocol.seconds.get(dataset), protocol.evaluations.get(dataset))
    budget = wanted.limit(published) or published
    timed = table.search.has_seconds(dataset)
    if not timed:
        _check_untimed(table, dataset, budget, wanted)
    if table.info.separate and wanted.promotion is Promotion.RESUME:
        raise InvalidInput(
            f"promotion 'resume': in table '{table.name}' each number of epochs is a training of "
            "its own, so that none continues another; leave --promotion away"
        )
    signal = wanted.signal or protocol.signal
    objectives = _objectives(table, dataset, wanted)
    constraints = _constraints(table, dataset, wanted)
    sources: dict[str, Join | None] = {}
    for what, metric, join in (
        *(("objective", one.metric, one.join) for one in objectives),
        *(("constraint", one.constraint.metric, one.join) for one in constraints),
    ):
        if metric.name in sources:
            if sources[metric.name] != join:
                raise InvalidInput(
                    f"constraint on '{metric.name}': the objective of that name is of another "
                    "table or data set; write the constraint like the objective"
                )
            continue
        sources[metric.name] = join
        if join is not None:
            other = "" if join.dataset == dataset else f", not on the searched '{dataset}'"
            say(f"{what} {metric.title} of '{dataset}' is read from {join.about}{other}")
    bounds = tuple(one.constraint for one in constraints)
    joined = tuple(one for one in sources.values() if one is not None)
    if bounds:
        require_feasible(
            bounds, constrained_costs(bounds, table, dataset, joined_costs(joined, table))
        )
    return Task(
        reference=BenchmarkReference(Kind.TABLE, benchmark, protocol.name),
        content=table.hash,
        space=table.info.space,
        query=Query(dataset, protocol.schedule, protocol.epochs, signal),
        repeats=wanted.repeats or protocol.repeats,
        budget=budget,
        final_schedule=protocol.final_schedule,
        reports=protocol.reports[dataset],
        simulated_workers=wanted.simulated_workers,
        objectives=tuple(one.metric for one in objectives),
        selection=_selection(wanted),
        promotion=wanted.promotion,
        joins=joined,
        timed=timed,
        has_test=table.has_test,
        constraints=bounds,
    )


def _check_untimed(of: Table, dataset: str, budget: Budget, wanted: Wanted) -> None:
    """Raise `InvalidInput` for what needs seconds, which a table does not have of a data set."""
    table = of.name
    if budget.seconds is not None and not of.search.knows(dataset):
        raise InvalidInput(
            f"data set {shown(dataset)} is not in table '{table}': it has "
            f"{', '.join(searched_in(of))}"
        )
    if budget.seconds is not None:
        raise InvalidInput(
            f"budget '{budget}': table '{table}' has no seconds of its trainings; give a number of "
            "evaluations, such as 100evals (for a table of `nasbench tabulate`, the same command "
            "with --costs-only measures them)"
        )
    if wanted.simulated_workers > 1:
        raise InvalidInput(
            f"table '{table}' has no seconds of its trainings, so that all would end at once: "
            "leave --simulated-workers away"
        )
    if wanted.promotion is Promotion.RESUME:
        raise InvalidInput(
            f"promotion 'resume': table '{table}' has no seconds of its trainings, so that nothing "
            "is saved; leave --promotion away"
        )


def objective_names(objective: Any) -> tuple[str, ...]:
    """Return the objectives that a user names, one that is named twice included."""
    return tuple(require_names("objective", objective, repeated=True))


def _objectives(table: Table, dataset: str, wanted: Wanted) -> tuple[Found, ...]:
    """Return the objectives of a search of a table's data set, and where they are read.

    Raises `InvalidInput` for a metric that no table has, one that is named twice, a cost that is
    named first, one without any number, and several metrics with a target regret.
    """
    named = wanted.objectives
    usual = default_objective(table, dataset)
    found = tuple(find_column(table, name, dataset) for name in named) or (Found(usual),)
    if len({one.metric.name for one in found}) < len(found):
        raise InvalidInput(f"objective {shown(', '.join(wanted.objectives))}: one is named twice")
    if is_cost(found[0].metric):
        raise InvalidInput(
            f"objective '{found[0].metric.name}' is a cost of the network: name a metric of its "
            f"training first, such as {usual.name},{wanted.objectives[0]}"
        )
    for one in found:
        require_numbers(table, one, dataset)
    if len(found) > 1 and wanted.target_regret is not None:
        raise InvalidInput("a target regret needs one objective: leave --target-regret away")
    return found


def _constraints(table: Table, dataset: str, wanted: Wanted) -> tuple[Constrained, ...]:
    """Return the constraints of a search, by the names of their costs, and where these are read.

    Their order is not a user's: searches with the same constraints are the same search. Raises
    `InvalidInput` as `find_constraint` does, and for two on one cost.
    """
    found = tuple(find_constraint(table, text, dataset) for text in wanted.constraints)
    if len({one.constraint.metric.name for one in found}) < len(found):
        raise InvalidInput(
            f"constraint {shown(', '.join(wanted.constraints))}: one cost is bounded twice; keep "
            "the tighter bound"
        )
    return tuple(sorted(found, key=lambda one: one.constraint.metric.name))


def _selection(wanted: Wanted) -> Selection:
    if len(wanted.objectives) < 2:
        return wanted.selection
    if wanted.selection is Selection.OWN:
        raise InvalidInput(
            "selection 'own' is of one objective: the answer of several is their front at the "
            "highest fidelity"
        )
    return Selection.FRONT


def _trained(
    space: str, dataset: str, protocol: str | Protocol | None, wanted: Wanted, place: Place
) -> Task:
    find_space(space)  # raises `InvalidInput` for an unknown space
    if wanted.simulated_workers > 1:
        raise InvalidInput(SIMULATED)
    if wanted.promotion is Promotion.RESUME:
        raise InvalidInput(RESUMED)
    if wanted.objectives not in ((), (ACCURACY.name,)):
        raise InvalidInput(
            f"objective {shown(', '.join(wanted.objectives))}: what is trained is judged by its "
            "accuracy; "
            "leave --objective away, or search on a table"
        )
    if wanted.constraints:
        raise InvalidInput(
            f"constraint {shown(', '.join(wanted.constraints))}: costs are read from a table; "
            "leave --constraint away, or search on a table"
        )
    if wanted.signal is not None or isinstance(protocol, Protocol):
        raise InvalidInput(
            "a search by training names its seeds in the protocol: nb201-12@0,1/nb201-200@2,3"
        )
    task = trained_task(space, dataset, protocol, wanted.repeats, wanted.limit(None))
    device = task.reference.earlier_device
    if device not in (None, place.device):
        raise InvalidInput(
            f"protocol '{protocol}': the device is no part of it: leave '/{device}' away and use "
            "--device"
        )
    if device is not None:  # the protocol is in the form of an earlier version
        setup = task.reference.without_device().setup
        task = trained_task(space, dataset, setup, wanted.repeats, wanted.limit(None))
    return replace(task, selection=wanted.selection)

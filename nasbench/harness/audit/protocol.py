"""Checks that a task agrees with the protocol that it names."""

from collections.abc import Iterator
from dataclasses import replace

from nasbench.benchmarks.catalogue import load_table
from nasbench.benchmarks.protocols import OWN, Protocol, own_protocol, protocols, stored_protocols
from nasbench.benchmarks.tables.objectives import default_objective
from nasbench.benchmarks.tabular import Query
from nasbench.errors import DataError, InvalidInput, NasbenchError
from nasbench.harness.audit.differences import told
from nasbench.harness.audit.findings import Finding
from nasbench.harness.search.budget import Budget
from nasbench.harness.search.opening import open_benchmark, open_judge
from nasbench.harness.search.task import Kind, Task
from nasbench.harness.search.trained import trained_task
from nasbench.problem import ACCURACY
from nasbench.rules import Promotion, Selection


def check_protocol(label: str, task: Task) -> Iterator[Finding]:
    """Yield a finding for each value in which a task differs from the protocol that it names.

    A difference that no option of `nasbench run` can make is a fault; one that an option can make,
    such as in budget, trials or repeats, is a note. But a budget that a reader cannot distinguish
    from the published one is a fault.
    """
    if task.kind is Kind.TRAINED:
        yield from _trained(label, task)
        return
    usual = protocols().get(task.reference.protocol) or _of_the_table(task)
    if usual is None:
        what = f"'{task.protocol}' is no published protocol: what it says is its own"
        yield Finding("protocol", label, what, fault=False)
    else:
        usual = usual.of(task.query.dataset)
        for name, there, published, fault in _parts(task, usual):
            if there != published:
                what = f"{name} is {_text(there)}, in {usual.name} {_text(published)}"
                yield Finding("protocol", label, what, fault=fault)
        yield from _budget(label, task, usual)
    if task.kind is Kind.FALLBACK:
        yield from _fallback(label, task)


def _text(value: object) -> str:
    """Return a value as text, several of them without brackets."""
    return (", ".join(map(str, value)) or "none") if isinstance(value, list) else str(value)


def _parts(task: Task, usual: Protocol) -> Iterator[tuple[str, object, object, bool]]:
    """Yield the values that a protocol sets.

    Each is a name, the task's value, the protocol's, and whether a difference is a fault.
    """
    query, dataset = task.query, task.query.dataset
    yield "space", task.space, usual.space, True
    if not task.shared:
        yield "schedule", query.schedule, usual.schedule, True
        yield "epochs", query.epochs, usual.epochs, True
        yield "trials", query.signal, usual.signal, False
        yield "repeats", task.repeats, usual.repeats, False
        yield "simulated workers", task.simulated_workers, 1, False
        yield "objectives", [one.name for one in task.objectives], [_objective(task)], False
        yield "constraints", [str(one) for one in task.constraints], [], False
        yield "selection", str(task.selection), str(Selection.HIGHEST), False
        yield "promotion", str(task.promotion), str(Promotion.RESTART), False
    yield "final schedule", task.final_schedule, usual.final_schedule, True
    yield "reports", task.reports, usual.reports.get(dataset), True


def _objective(task: Task) -> str:
    """Return the name of the objective of a search where the user names none."""
    if task.reference.protocol in protocols():
        return ACCURACY.name
    return default_objective(load_table(task.reference.name), task.query.dataset).name


def _budget(label: str, task: Task, usual: Protocol) -> Iterator[Finding]:
    """Compare budgets to the last digit; a difference of less than one evaluation is a fault."""
    dataset = task.query.dataset
    published, count = usual.seconds.get(dataset), usual.evaluations.get(dataset)
    if task.shared or (published, count) == (None, None):
        return
    whole = Budget(published, count)
    if task.budget == whole:
        return
    shown, there = str(whole), str(task.budget)
    seconds = task.budget.seconds
    hidden = (
        seconds is not None
        and published is not None
        and task.budget == Budget(seconds)  # no other limit, such as patience
        and (there == shown or abs(seconds - published) < _cheapest(task))
    )
    if there == shown:
        there, shown = f"{seconds!r}s", f"{published!r}s"
    hint = ": less than one evaluation apart, as if it were that protocol's" if hidden else ""
    what = f"budget is {there}, in {usual.name} {shown}{hint}"
    yield Finding("protocol", label, what, fault=hidden)


def _cheapest(task: Task) -> float:
    """Return the seconds of the cheapest evaluation, 0 where they are not known."""
    try:
        return open_benchmark(task)[0].cheapest
    except NasbenchError:
        return 0.0


def _of_the_table(task: Task) -> Protocol | None:
    """Return a task's protocol from its table: one stored in it, or one made from it."""
    try:
        table = load_table(task.reference.name)
        if task.reference.protocol != OWN:
            return stored_protocols(table).get(task.reference.protocol)
        return own_protocol(table, task.query.dataset)
    except (NasbenchError, ValueError):  # not installed, or without that data set
        return None


def _trained(label: str, task: Task) -> Iterator[Finding]:
    """Make the task of a search by training again from its protocol, and compare both."""
    try:
        made = trained_task(
            task.space, task.query.dataset, task.reference.setup, task.repeats, task.budget
        )
    except (DataError, InvalidInput) as error:
        what = f"images and recipes of these trainings cannot be checked here: {error}"
        yield Finding("protocol", label, what, fault=False)
        return
    if task.shared:  # it has the same judge, but a signal and a budget of its own
        made = replace(task, content=made.content, reference=made.reference, space=made.space,
                       final_schedule=made.final_schedule, reports=made.reports,
                       query=Query(task.query.dataset, 0, 0), repeats="charge")  # fmt: skip
    for what in told(task.to_json(), made.to_json()):
        yield Finding("protocol", label, f"{what} by its protocol")


def _fallback(label: str, task: Task) -> Iterator[Finding]:
    """Check that a task with a table and trainings has the table, images and recipes found here."""
    try:
        open_judge(task)
    except (DataError, InvalidInput) as error:
        what = f"images and recipes of these trainings cannot be checked here: {error}"
        yield Finding("protocol", label, what, fault=False)
    except NasbenchError as error:
        yield Finding("protocol", label, str(error))

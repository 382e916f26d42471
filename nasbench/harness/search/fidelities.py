"""Which installed tables have several fidelities, for a search that has only one."""

from nasbench.benchmarks.catalogue import described_tables
from nasbench.benchmarks.protocols import searched_in
from nasbench.benchmarks.tables.objectives import default_objective
from nasbench.benchmarks.tables.table import Table


def installed_with_several() -> str:
    """Return a clause that names the installed tables with several fidelities."""
    named = sorted({name for name, table in described_tables() if has_several(table)})
    return f"installed: {', '.join(named)}" if named else "none is installed"


def has_several(table: Table) -> bool:
    """Whether a table knows some data set after several numbers of epochs of one schedule."""
    search = table.search
    for dataset in searched_in(table):
        metric = default_objective(table, dataset).name
        for schedule in search.schedules(dataset, metric):
            known = search.epochs(dataset, schedule, metric)
            timed = search.has_seconds(dataset)
            if sum(not timed or search.priced(dataset, schedule, one) for one in known) > 1:
                return True
    return False

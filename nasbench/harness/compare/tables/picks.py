"""The table of what each search would hand over under a bound on a cost."""

from typing import TYPE_CHECKING

from nasbench.harness.compare.picks import OPTIMUM
from nasbench.harness.compare.tables.columns import COLUMNS
from nasbench.harness.compare.tables.formats import Entry, Section, TextTable
from nasbench.harness.compare.tables.note_texts import PICKS, Note
from nasbench.harness.compare.tables.notes import written_notes
from nasbench.harness.compare.tables.written_numbers import interval_text
from nasbench.harness.compare.units import UNKNOWN, Units, mean_and_deviation

if TYPE_CHECKING:
    from nasbench.harness.compare.comparison import Block
    from nasbench.harness.compare.picks import Pick

_KIND = "picks"


def picks_table(block: "Block") -> TextTable:
    """Return the table of all rows' picks, with a section for each data set."""
    task, bounds = block.task, block.bounds
    costs = tuple(one.metric.title for one in bounds)
    before = COLUMNS[_KIND].index("most often")
    columns = (*COLUMNS[_KIND][:before], *costs, *COLUMNS[_KIND][before:])
    units = Units.of(task.metric, [one.test.value for one in block.picks])
    of_costs = [
        Units.of(bound.metric, [one.costs[k].mean for one in block.picks])
        for k, bound in enumerate(bounds)
    ]

    def cells(one: "Pick") -> list[Entry]:
        alone = one.label == OPTIMUM
        test = units.write(one.test.value) if alone else interval_text(one.test, units.digits)
        found = {
            "strategy": one.label,
            "n": UNKNOWN if alone else str(one.n),
            "handed over": UNKNOWN if alone else str(one.found),
            "validation": mean_and_deviation(one.valid.mean, one.valid.std, units.digits),
            "test": test,
            **{
                name: mean_and_deviation(cost.mean, cost.std, unit.digits)
                for name, cost, unit in zip(costs, one.costs, of_costs, strict=True)
            },
            "most often": one.architecture or UNKNOWN,
            "times": UNKNOWN if alone else str(one.times),
        }
        return [Entry(found[name]) for name in columns]

    sections = []
    for dataset in block.datasets:
        rows = [one for one in block.picks if one.dataset == dataset]
        own = [cells(one) for one in rows if one.label != OPTIMUM]
        best = [cells(one) for one in rows if one.label == OPTIMUM]
        sections.append(Section(block.title_of(dataset), own, best))
    named = " and ".join(map(str, bounds))
    caption = (
        f"What each search would hand over with {named}: {task.metric.title}, means over the runs "
        f"that have such a member, {block.outcome} values with the 95 % bootstrap interval"
    )
    about = Note(
        f"a pick: the member of a run's final set with {named} and the best {task.metric.name} as "
        "the search saw it; most often: the architecture that most runs hand over",
        f"a pick: the member with {named} that is best by validation",
    )
    full, brief = written_notes(block, about, PICKS)
    short = tuple(name for name in columns if name not in ("validation", "most often", "times"))
    return TextTable(_KIND, caption, columns, sections, full, short=short, brief=brief)

"""The table of test values after parts of the budget, and of the time to a target."""

import math
from typing import TYPE_CHECKING

from nasbench.harness.compare.anytime import TimeToTarget
from nasbench.harness.compare.costs import COUNTS as COUNTED
from nasbench.harness.compare.rows import Row
from nasbench.harness.compare.tables.columns import AT_PARTS, COUNTS, SECONDS
from nasbench.harness.compare.tables.formats import Entry, Section, TextTable
from nasbench.harness.compare.tables.note_texts import GAIN, MEAN_REGRET, TARGET, filled
from nasbench.harness.compare.tables.notes import about_bold_parts, written_notes
from nasbench.harness.compare.tables.values import Cells, laid_out, text_table
from nasbench.harness.compare.tables.written_numbers import count_text, interval_text, p_value_text
from nasbench.harness.compare.units import UNKNOWN, Units
from nasbench.harness.search.task import Seconds

if TYPE_CHECKING:
    from nasbench.harness.compare.comparison import Block


def course_table(block: "Block") -> TextTable:
    """Return the table: a row for each experiment, a section for each data set."""
    units = block.units
    sections = [
        Section(
            block.title_of(name),
            [laid_out("course", _cells(row, units)) for row in block.of(name)[0]],
            [],
        )
        for name in block.datasets
    ]
    targets = {
        row.dataset: row.anytime.target for row in block.rows if not math.isnan(row.anytime.target)
    }
    about = ", ".join(
        f"{units.write(target)} on {block.title_of(name)}" for name, target in targets.items()
    )
    aim = [filled(TARGET, f"{block.outcome} {units.metric.name} {about}")] if about else []
    caption = (
        f"{block.outcome.capitalize()} {units.title} after parts of the budget, with 95 % "
        "bootstrap intervals"
    )
    notes = written_notes(block, *about_bold_parts(block), GAIN, MEAN_REGRET, *aim)
    return text_table("course", caption, sections, notes)


def _cells(row: Row, units: Units) -> Cells:
    whole, anytime = row.parts[-1], row.anytime
    aimed = not math.isnan(anytime.target)
    reached = f"{anytime.in_evaluations.runs}/{row.n}"
    clocks = {
        **{name: anytime.in_kind(kind) for kind, name in zip(Seconds, SECONDS, strict=True)},
        **{name: anytime.in_count(one) for one, name in zip(COUNTED, COUNTS, strict=True)},
    }
    times: dict[str, Entry] = {}
    for name, found in clocks.items():
        if found is not None:
            times |= _time(name, found)
    return {
        "strategy": Entry(row.label),
        "n": Entry(str(row.n)),
        **{
            name: Entry(interval_text(part.test, units.digits), part.among_best and part.testable)
            for name, part in zip(AT_PARTS, row.parts, strict=True)
        },
        "p": Entry(p_value_text(whole.p_value)),
        "mean regret": Entry(units.write(anytime.regret)),
        "reached": Entry(reached if aimed else UNKNOWN),
        **times,
    }


def _time(clock: str, found: TimeToTarget) -> Cells:
    return {
        f"median {clock}": Entry(count_text(found.median)),
        f"expected {clock}": Entry(count_text(found.expected)),
    }

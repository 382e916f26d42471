"""The table of zero-cost proxies: how each agrees with the values of the benchmark's table."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from nasbench.harness.compare.proxies import Correlation
from nasbench.harness.compare.tables.columns import COLUMNS, SHORT, SPEARMAN, TEXTS
from nasbench.harness.compare.tables.formats import Entry, Section, TextTable
from nasbench.harness.compare.tables.note_texts import Note
from nasbench.harness.compare.tables.notes import written_notes
from nasbench.harness.compare.tables.written_numbers import number_text, seconds_text
from nasbench.harness.compare.units import UNKNOWN

if TYPE_CHECKING:
    from nasbench.harness.compare.comparison import Block

_KIND = "proxies"


def correlated(one: Correlation) -> Mapping[str, Entry]:
    """Return a proxy's correlations as cells, by their columns."""
    values = (one.valid, one.test)
    return {
        name: Entry(number_text(value, 3)) for name, value in zip(SPEARMAN, values, strict=True)
    }


def proxies_table(block: "Block") -> TextTable:
    """Return the table of all proxies of a block, with a section for each data set."""
    columns = COLUMNS[_KIND]
    sections = []
    for dataset in block.datasets:
        cells = [
            {
                "proxy": Entry(one.proxy),
                "used": Entry("yes" if one.used else "no"),
                "n": Entry(f"{one.n:,}"),
                "score s": Entry(seconds_text(one.seconds)),
                **correlated(one),
            }
            for one in block.proxies
            if one.dataset == dataset
        ]
        rows = [[one.get(name, Entry(UNKNOWN)) for name in columns] for one in cells]
        sections.append(Section(block.title_of(dataset), rows, []))
    caption = (
        f"Zero-cost proxies, Spearman's rank correlation with {block.task.metric.name}; used: "
        "whether a row asked for its scores"
    )
    among = (Note(one) for one in block.about_feasible)
    full, brief = written_notes(block, *about_spearman(block, block.datasets), *among)
    texts = sum(name in TEXTS for name in columns)
    return TextTable(
        _KIND, caption, columns, sections, full, texts, short=SHORT[_KIND], brief=brief
    )


def about_spearman(block: "Block", datasets: Sequence[str]) -> list[Note]:
    """Return notes on what correlations are of, with their numbers of architectures."""
    told = (one for one in block.proxies if one.dataset in datasets and one.known)
    counts = sorted({one.n for one in told})
    if not counts:
        return []
    numbers = " or ".join(f"{one:,}" for one in counts)
    split = block.outcome
    return [
        Note(
            f"Spearman valid.: rank correlation of a proxy with the validation that the search is "
            f"told, over {numbers} architectures, the same for all proxies; positive is better",
            f"Spearman valid.: with the search's validation, over {numbers} architectures",
        ),
        Note(
            f"Spearman {split}: the same with final {split} values",
            f"Spearman {split}: with {split} values",
        ),
    ]

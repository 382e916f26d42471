"""The tables of rows against each other: pairs on a data set, ranks over several."""

import math
from typing import TYPE_CHECKING

from nasbench.harness.compare.choosing import corrected_over
from nasbench.harness.compare.estimates import Estimate
from nasbench.harness.compare.significance import ALPHA
from nasbench.harness.compare.tables.formats import Entry, Section, TextTable
from nasbench.harness.compare.tables.note_texts import (
    PAIRS,
    PAIRS_BOLD,
    RANKS,
    RANKS_ALONE,
    RANKS_BETTER,
    RANKS_BOLD,
    RANKS_BY_SPACE,
    RANKS_PLAIN,
    Note,
    filled,
)
from nasbench.harness.compare.tables.notes import about_bold, about_detectable, written_notes
from nasbench.harness.compare.tables.values import laid_out, text_table
from nasbench.harness.compare.tables.written_numbers import interval_text, number_text, p_value_text
from nasbench.harness.compare.units import UNKNOWN

if TYPE_CHECKING:
    from nasbench.harness.compare.comparison import Block
    from nasbench.harness.compare.families import Family


def pairs_table(block: "Block") -> TextTable:
    """Return the table of pairs: p-values above the diagonal, effect sizes (A12) below it.

    It has one section per data set.
    """
    labels = [one.label for one in block.contenders]
    columns = ("", "strategy", *(str(number) for number in range(1, len(labels) + 1)))
    sections = []
    for dataset in block.datasets:
        grid = [[Entry("") for _ in labels] for _ in labels]
        for pair in block.pairs[dataset]:
            grid[pair.first][pair.second] = Entry(
                p_value_text(pair.corrected), pair.corrected < ALPHA
            )
            grid[pair.second][pair.first] = Entry(number_text(1 - pair.superiority, 2))
        lines = [
            [Entry(str(number)), Entry(label), *cells]
            for number, (label, cells) in enumerate(zip(labels, grid, strict=True), start=1)
        ]
        sections.append(Section(block.title_of(dataset), lines, []))
    caption = (
        f"{block.outcome.capitalize()} {block.units.title} of {block.answers} in pairs: "
        "above the diagonal p-values, below it the chance that a run of the row beats one of the "
        "column (A12)"
    )
    bold = [PAIRS_BOLD if note.text.startswith("bold") else note for note in about_bold(block)]
    tested = filled(PAIRS, corrected_over(len(block.contenders)))
    whole, brief = written_notes(block, tested, *bold, *about_detectable(block))
    return TextTable(
        "pairs", caption, columns, sections, whole, texts=2, sortable=False, brief=brief
    )


def ranks_table(family: "Family") -> TextTable:
    """Return the table of mean ranks and aggregates over several data sets."""
    found = family.standings
    best = int(found.ranks.argmin())
    rivals = next((set(clique) for clique in found.cliques if best in clique), {best})
    lines = []
    for row in map(int, found.ranks.argsort(kind="stable")):
        chance = Estimate(
            found.better[row, best], found.better_low[row, best], found.better_high[row, best]
        )
        rank, regret, iqm = (
            Estimate(values[row], *intervals[row])
            for values, intervals in (
                (found.ranks, found.rank_intervals), (found.regret_mean, found.regret),
                (found.regret_iqm, found.regret_iqm_intervals),
            )
        )  # fmt: skip
        spaces = found.by_space
        cells = {
            "strategy": Entry(found.labels[row]),
            "mean rank": Entry(interval_text(rank), found.telling and row in rivals),
            "mean rank by space": Entry(
                UNKNOWN
                if spaces is None
                else interval_text(Estimate(spaces.ranks[row], *spaces.intervals[row]))
            ),
            "normalised regret": Entry(interval_text(regret, digits=3)),
            "IQM": Entry(interval_text(iqm, digits=3)),
            "better than the first": Entry(UNKNOWN if row == best else interval_text(chance)),
        }
        lines.append(laid_out("ranks", cells))
    caption = (
        f"{family.outcome.capitalize()} {family.measured} over {len(found.datasets)} data sets, "
        "with 95 % stratified bootstrap intervals over runs"
    )
    texts = _texts(_notes(family, found.labels[best]))
    return text_table("ranks", caption, [Section("", lines, [])], texts)


def _notes(family: "Family", best: str) -> list[Note]:
    """Return the notes under the table of ranks; `best` is the row with the best mean rank."""
    found = family.standings
    difference = "Nemenyi's critical difference" if found.independent else "the critical difference"
    told = filled(RANKS_BOLD, difference, found.critical_difference)
    notes = [
        filled(
            RANKS if math.isfinite(found.regret_mean[0]) else RANKS_ALONE,
            f"{family.outcome} {family.measured}",
            family.outcome,
        ),
        filled(RANKS_BETTER, best),
        told if found.telling else RANKS_PLAIN,
    ]
    if not math.isnan(found.friedman):
        notes.append(Note(f"Friedman's p: {p_value_text(found.friedman)}"))
    if found.by_space is not None:
        spaces, apart = found.by_space.spaces, found.by_space.critical_difference
        few = " (too few for the difference to be relied on)" if found.by_space.few else ""
        p_value = found.by_space.friedman
        tested = "" if math.isnan(p_value) else f"Friedman's p {p_value_text(p_value)}, "
        notes.append(
            filled(
                RANKS_BY_SPACE, f"{len(spaces)} blocks{few}", ", ".join(spaces),
                f"{tested}{difference} {apart:.2f}",
            )
        )  # fmt: skip
    said = (Note(one.text, one.brief, only_here=not one.brief) for one in family.remarks)
    return [*notes, *said, Note(family.footer, family.brief[0])]


def _texts(notes: list[Note]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return notes in full, and as they stand on a page."""
    return tuple(note.text for note in notes), tuple(note.on_a_page for note in notes)

"""The tables of rows against each other: pairs on a data set, ranks over several."""

import math
from typing import TYPE_CHECKING

from nasbench.harness.compare.choosing import pairs_text
from nasbench.harness.compare.estimates import Estimate
from nasbench.harness.compare.significance import ALPHA
from nasbench.harness.compare.tables.formats import Entry, Section, TextTable
from nasbench.harness.compare.tables.note_texts import (
    PAIRS,
    PAIRS_BOLD,
    RANKS,
    RANKS_BETTER,
    RANKS_BOLD,
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
        f"{block.outcome.capitalize()} {block.units.metric.name} of final incumbents in pairs: "
        "above the diagonal p-values, below it the chance that a run of the row beats one of the "
        "column (A12)"
    )
    bold = [PAIRS_BOLD if note.text.startswith("bold") else note for note in about_bold(block)]
    tested = filled(PAIRS, pairs_text(len(block.contenders)))
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
        cells = {
            "strategy": Entry(found.labels[row]),
            "mean rank": Entry(interval_text(rank), found.telling and row in rivals),
            "normalised regret": Entry(interval_text(regret, digits=3)),
            "IQM": Entry(interval_text(iqm, digits=3)),
            "better than the first": Entry(UNKNOWN if row == best else interval_text(chance)),
        }
        lines.append(laid_out("ranks", cells))
    caption = (
        f"Test {family.metric.name} over {len(found.datasets)} data sets, with 95 % stratified "
        "bootstrap intervals over runs"
    )
    difference = "Nemenyi's critical difference" if found.independent else "the critical difference"
    told = filled(RANKS_BOLD, difference, found.critical_difference)
    notes = [
        filled(RANKS, family.metric.name),
        filled(RANKS_BETTER, found.labels[best]),
        told if found.telling else RANKS_PLAIN,
        *([] if math.isnan(found.friedman)
          else [Note(f"Friedman's p: {p_value_text(found.friedman)}")]),
        *(_on_families(note) for note in family.notes),
        Note(family.footer),
    ]  # fmt: skip
    texts = tuple(note.text for note in notes), tuple(note.on_a_page for note in notes)
    return text_table("ranks", caption, [Section("", lines, [])], texts)


def _on_families(note: str) -> Note:
    """Return a note on the data sets together; a page has what stands before its colon."""
    return Note(note, note.partition(": ")[0])

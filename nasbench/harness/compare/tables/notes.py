"""Which notes stand under a block's tables: what bold means, what tests show, what clocks are."""

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

from nasbench.harness.compare.choosing import corrected_over
from nasbench.harness.compare.estimates import known
from nasbench.harness.compare.significance import (
    detectable_difference,
    detectable_superiority,
    runs_to_detect,
)
from nasbench.harness.compare.tables.note_texts import (
    BOLD,
    BOLD_PART,
    CLOCKS,
    SHARED_EPOCHS,
    Note,
    filled,
)
from nasbench.harness.search.task import Seconds

if TYPE_CHECKING:
    from nasbench.harness.compare.comparison import Block


def written_notes(block: "Block", *notes: Note) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return a table's notes, and the same for a page; what every table of a block says is last."""
    said = {note.text for note in notes}
    always = (*block.reservations, *block.notes, block.footer)
    every = [*notes, *(Note(note) for note in always if note not in said)]
    return tuple(note.text for note in every), tuple(note.on_a_page for note in every)


def about_bold(block: "Block", datasets: Sequence[str] | None = None) -> tuple[Note, ...]:
    """Return notes on what bold means, and on where and why nothing is bold.

    Nothing is bold on data sets where no test between rows can be significant. `datasets` are those
    that a table shows, by default all of the block.
    """
    datasets = block.datasets if datasets is None else datasets
    found = {
        block.title_of(name): (
            any(row.tested.testable for row in block.of(name)[0]),
            _counts(block, name),
        )
        for name in datasets
    }
    pairs = corrected_over(len(block.contenders))
    return tuple(_about(filled(BOLD, f"{block.outcome} {block.units.metric.name}", pairs), found))


def about_bold_parts(block: "Block") -> tuple[Note, ...]:
    """Return the same for values after parts of the budget: rows are tested on each clock."""
    kinds = dict.fromkeys(row.anytime.counted for row in block.rows)
    found = {}
    for name in block.datasets:
        for kind in kinds:
            rows = [row for row in block.of(name)[0] if row.anytime.counted == kind]
            title = block.title_of(name)
            where = title if len(kinds) == 1 else f"{title} in {_IN[kind]}"
            found[where] = (
                any(part.testable for row in rows for part in row.parts),
                sorted(filter(None, (row.parts[-1].n for row in rows))),
            )
    return tuple(_about(filled(BOLD_PART, f"{block.outcome} {block.units.metric.name}"), found))


_IN = {"evaluations": "rows of evaluations", "shared_epochs": "rows of shared weights"}


def _about(bold: Note, found: Mapping[str, tuple[bool, Sequence[int]]]) -> Iterator[Note]:
    """Yield what bold means and where nothing is.

    `found` has, for each place, whether a test can be significant and the rows' numbers of runs.
    """
    why: dict[str, list[str]] = {}
    for place, (testable, counts) in found.items():
        if not testable:
            why.setdefault(_untold(counts), []).append(place)
    untold = [place for places in why.values() for place in places]
    if len(untold) < len(found):
        yield bold
    for reason, places in why.items():
        where = "" if len(places) == len(found) else f" on {', '.join(places)}"
        yield Note(f"nothing is bold{where}: {reason}")


def _untold(counts: Sequence[int]) -> str:
    """Return why no test between rows can be significant, from the rows' numbers of runs."""
    if len(counts) < 2:
        return "there are no two rows to compare"
    return (
        f"with {counts[-1]} runs a row no difference among {len(counts)} rows can be "
        "significant, run more seeds"
    )


def _counts(block: "Block", dataset: str) -> list[int]:
    """Return how many runs of each row have a test value, ascending, without zeros."""
    counts = (len(known(one.final("test", dataset))) for one in block.contenders)
    return sorted(filter(None, counts))


def about_detectable(block: "Block") -> tuple[Note, ...]:
    """Return a note on the effects that so many runs can detect; none where nothing is testable."""
    counts = sorted(count for name in block.datasets for count in _counts(block, name))
    if not any(row.tested.testable for row in block.rows):
        return ()  # `about_bold` says so
    least = counts[0]
    widest = max(
        (row.finals.test_std for row in block.rows if math.isfinite(row.finals.test_std)),
        default=math.nan,
    )
    effect, difference = detectable_superiority(least), detectable_difference(widest, least)
    if math.isnan(effect) or math.isnan(difference):
        told = f"with {least} runs a row, only differences of several standard deviations show"
        return (Note(told),)
    found = f"with {least} runs a row, one test finds A12 = {effect:.2f} in 80 % of cases"
    between = (
        f"{found}; between normal samples of the widest row's deviation that is a difference of "
        f"{block.units.write(difference)}{block.units.difference}"
    )
    return (Note("; ".join([between, *_needed(block)]), found),)


def _needed(block: "Block") -> Iterator[str]:
    """Yield, per data set, how many runs are needed to detect a difference of its best two rows."""
    score = block.units.metric.score
    for dataset in block.datasets:
        rows = [row for row in block.of(dataset)[0] if math.isfinite(row.finals.test_std)]
        best = sorted(rows, key=lambda row: -score(row.finals.test.value))[:2]
        widest = max((row.finals.test_std for row in best), default=0.0)
        between = (
            abs(best[0].finals.test.value - best[1].finals.test.value) if len(best) == 2 else 0.0
        )
        if widest and between:
            runs = runs_to_detect(between, widest)
            yield (
                f"to tell {between:.2g}{block.units.difference} on "
                f"{block.title_of(dataset)}, its best two rows, "
                f"takes {runs:,.0f}"
            )


def about_clocks(block: "Block") -> Iterator[Note]:
    """Yield notes on the kinds of seconds and counts that the rows of a block have."""
    tasks = [one.experiment.task for one in block.contenders if one.experiment.task.timed]
    for kind in Seconds:
        if kind in {task.seconds for task in tasks}:
            fitted = f"; {block.about_seconds}" if block.about_seconds else ""
            note = CLOCKS[kind]
            yield note._replace(text=note.text + fitted) if kind is Seconds.SIMULATED else note
    if any(task.shared for task in tasks):
        yield SHARED_EPOCHS

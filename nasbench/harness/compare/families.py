"""Find the blocks that form one comparison over several data sets, and their standings."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from nasbench.harness.compare.across import OneDataSet, Standings, standings_across
from nasbench.harness.compare.measures import normalised_regret
from nasbench.harness.compare.origins import (
    Origin,
    Said,
    about_origins,
    footer_of,
    in_brief,
    measured,
    names_of,
    sought,
)
from nasbench.harness.compare.related import related

if TYPE_CHECKING:
    from nasbench.harness.compare.comparison import Block
    from nasbench.harness.compare.contender import Contender


_ONE_SEARCH = "data sets that one search reports are not independent blocks"
_SHARED_DRAWS = (
    "data sets are not independent blocks: equal seeds of a strategy share draws on all of them, "
    "as in runs of earlier versions"
)
_TOGETHER = (
    "what shares a seed stays together in intervals, and Friedman's p and the critical difference "
    "are by dividing the runs among the strategies anew"
)


@dataclass(frozen=True)
class Family:
    """Blocks that are ranked together over their data sets, and the rows that all of them have."""

    blocks: tuple["Block", ...]
    numbers: tuple[int, ...]
    """The blocks' numbers in the comparison, from 1."""
    contenders: tuple["Contender", ...]
    """Contenders of the first block that have finished runs in all blocks."""
    datasets: tuple[OneDataSet, ...]
    origins: tuple[Origin, ...]
    """Where the numbers of each data set are from."""
    standings: Standings
    left_out: tuple[str, ...] = ()
    """Which rows and blocks are not in the ranks, and why."""

    @property
    def measured(self) -> str:
        """The metrics with their units, as they stand in a sentence: `accuracy (%) and ssim`."""
        return measured(self.origins)

    @property
    def metrics(self) -> str:
        """The names of the metrics, as they stand in a sentence: `accuracy and ssim`."""
        return names_of(self.origins)

    @property
    def outcome(self) -> str:
        """What final values are called, see `Task.outcome`."""
        return self.blocks[0].outcome

    @property
    def chosen(self) -> tuple[str, ...]:
        """What a user chose, see `Block.chosen`, each once."""
        return tuple(dict.fromkeys(note for block in self.blocks for note in block.chosen))

    @property
    def notes(self) -> tuple[str, ...]:
        """What a reader must know before trusting the standings."""
        return tuple(one.text for one in self.remarks)

    @property
    def remarks(self) -> tuple[Said, ...]:
        """The notes, each in full and in few words; what a user chose is always said in full."""
        found = [Said(note, note) for note in (*self.chosen, *self.left_out)]
        found += about_origins(self.origins)
        if not self.standings.independent:
            why = _SHARED_DRAWS if share_draws(self.blocks) else _ONE_SEARCH
            found.append(Said(f"{why}: {_TOGETHER}", why))
        warning = self.standings.warning
        if warning:
            told = self.standings.telling  # else nothing is bold, and nothing drawn
            found.append(Said(warning, warning.partition(": ")[0] if told else ""))
        return tuple(found)

    @property
    def footer(self) -> str:
        """One line for the foot of a table, which says what is compared."""
        return footer_of(self.blocks, [one.title or one.name for one in self.datasets])

    @property
    def brief(self) -> tuple[str, ...]:
        """The footer and the notes in few words, as figures have them."""
        one_table = len({one.table for one in self.blocks}) == 1
        foot = self.footer if one_table else in_brief(self.blocks, len(self.datasets))
        return (foot, *(one.brief for one in self.remarks if one.brief))


def families(blocks: Sequence["Block"]) -> Iterator[Family]:
    """Yield the families with two data sets and two strategies or more."""
    for one in related([block.task for block in blocks]):
        if not all(blocks[place].rows for place in one.places):
            continue  # without the exact front, sets are not ranked
        apart = [_not_ranked(others, why) for why, others in one.apart.items()]
        if len({blocks[place].table for place in one.places}) == 1:
            apart = []  # it is not of all tables
        for places, said in _ranked(one.places, blocks):
            found = _family(places, blocks, (*apart, *said))
            if found is not None:
                yield found


def _ranked(
    places: Sequence[int], blocks: Sequence["Block"]
) -> Iterator[tuple[Sequence[int], tuple[str, ...]]]:
    """Yield blocks that are ranked together, and what is said of the others.

    They are all, with the rows that all have, and where some have more rows, those which have all
    of these; of such larger sets of rows those that are the rows of two blocks or more.
    """
    rows = {place: frozenset(_keys(blocks[place])) for place in places}
    common = frozenset.intersection(*rows.values())
    several = list(rows.values())
    if len(common) > 1:
        yield places, ()
    for larger in dict.fromkeys(several):
        having = [place for place, one in rows.items() if larger <= one]
        if len(larger) > max(1, len(common)) and several.count(larger) > 1:
            lacking = [place for place in places if place not in having]
            yield having, (_not_ranked(lacking, "lack rows"),) if lacking else ()


def _family(
    places: Sequence[int], blocks: Sequence["Block"], said: tuple[str, ...]
) -> Family | None:
    """Return the family of some blocks; None with fewer than two data sets or two strategies."""
    same = [blocks[place] for place in places]
    keys = [_keys(block) for block in same]
    common = [key for key in keys[0] if all(key in other for other in keys[1:])]
    found = list(_datasets(same, common))
    if len(common) < 2 or len(found) < 2:
        return None
    datasets, origins = (tuple(some) for some in zip(*found, strict=True))
    shown = tuple(one for one in same[0].contenders if _key(one) in common)
    lacking = dict.fromkeys(
        one.label for block in same for one in block.contenders if _key(one) not in common
    )
    if lacking:
        said = (*said, f"rows that not all blocks have are not ranked: {', '.join(lacking)}")
    return Family(
        tuple(same), tuple(place + 1 for place in places), shown, datasets, origins,
        standings_across([one.label for one in shown], datasets), said,
    )  # fmt: skip


def _not_ranked(places: Sequence[int], why: str) -> str:
    numbers = ", ".join(str(place + 1) for place in places)
    if len(places) == 1:
        return f"block {numbers} is not in these ranks, like all blocks that {why}"
    return f"blocks {numbers} are not in these ranks, as they {why}"


def share_draws(blocks: Sequence["Block"]) -> bool:
    """Return whether equal seeds of a strategy share random draws between these searches.

    They do under entropy rule 0, which leaves the data set out of a run's randomness; one
    experiment made by that rule is enough. They also do where two searches differ in nothing that
    their randomness is made of. False for fewer than two blocks.
    """
    if len(blocks) < 2:
        return False
    experiments = [[one.experiment for one in block.contenders] for block in blocks]
    if any(one.entropy_rule == 0 for block in experiments for one in block):
        return True
    streams = [{(one.seed, one.entropy) for one in block} for block in experiments]
    return len(set().union(*streams)) < sum(map(len, streams))


def _keys(block: "Block") -> list[str]:
    """Return the keys of a block's rows with finished runs."""
    return [_key(one) for one in block.contenders if len(one.runs)]


def _key(one: "Contender") -> str:
    experiment = one.experiment
    chosen = [experiment.strategy, dict(experiment.settings), experiment.seed]
    if experiment.task.shared:  # one-shot rows of a block may differ in their budgets
        chosen.append(str(experiment.task.budget))
    return json.dumps(chosen, sort_keys=True, default=str)


def _datasets(
    blocks: Sequence["Block"], keys: Sequence[str]
) -> Iterator[tuple[OneDataSet, Origin]]:
    """Yield every shown data set on which each row has a value, and where its numbers are from."""
    known = [(name, block) for block in blocks for name in block.datasets]
    together = share_draws(blocks)
    for search, block in enumerate(blocks):
        by_key = {_key(one): one for one in block.contenders}
        there = {key: _everywhere(by_key[key], block.datasets) for key in keys}
        for name in block.datasets:
            if not all(there[key].any() for key in keys):
                continue
            samples = tuple(by_key[key].final("test", name)[there[key]] for key in keys)
            regret = () if block.known is None else tuple(
                normalised_regret(sample, block.known.test[name]) for sample in samples
            )  # fmt: skip
            seeds = tuple(by_key[key].runs.seeds[there[key]] for key in keys)
            plain, title = _called(name, block, known)
            origin = Origin.of(block, name)
            one = OneDataSet(
                plain, 0 if together else search, samples, regret, seeds, title, origin.space
            )
            yield one, origin


def _called(name: str, block: "Block", known: Sequence[tuple[str, "Block"]]) -> tuple[str, str]:
    """Return a data set's name and title, with what tells it from others of that name in `known`.

    That is the data set that was searched, or the table, or the objectives.
    """
    same = [other for one, other in known if one == name]
    searched = block.task.query.dataset
    if len(same) == 1:
        return name, block.title_of(name)
    if len({other.task.query.dataset for other in same}) == len(same):
        return f"{name} ({searched})", f"{block.title_of(name)} ({block.title_of(searched)})"
    words = [block.table] if searched == name else [searched, block.table]
    shown = [block.table] if searched == name else [block.title_of(searched), block.table]
    alike = [one for one in same if (one.table, one.task.query.dataset) == (block.table, searched)]
    if len(alike) > 1:  # the same search for other objectives, or under other constraints
        one_table = len({other.table for other in same}) == 1
        names = sought(block.task)
        words, shown = ([*(some[:-1] if one_table else some), *names] for some in (words, shown))
    return f"{name} ({', '.join(words)})", f"{block.title_of(name)} ({', '.join(shown)})"


def _everywhere(one: "Contender", datasets: Sequence[str]) -> NDArray[np.bool_]:
    """Return whether each run has a value on every data set, shape (runs,)."""
    finals = [one.final("test", name) for name in datasets]
    return np.asarray(~np.isnan(np.stack(finals)).any(axis=0))

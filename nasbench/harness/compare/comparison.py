"""The data types of a comparison: blocks of comparable rows, with reference rows."""

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from functools import cached_property
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nasbench.arguments import require_type
from nasbench.benchmarks.calibration import Calibration
from nasbench.benchmarks.tables.format import SUFFIX
from nasbench.errors import InvalidInput
from nasbench.harness.compare.appearance import USUAL, Appearance
from nasbench.harness.compare.choosing import EVERYTHING, LeftOut, RowChoice, pairs
from nasbench.harness.compare.contender import Contender, best_score
from nasbench.harness.compare.families import Family, families
from nasbench.harness.compare.figures.options import FigureOptions
from nasbench.harness.compare.known_sets import KnownSets
from nasbench.harness.compare.labels import describe, distinguishing_parts
from nasbench.harness.compare.picks import Pick
from nasbench.harness.compare.proxies import Correlation
from nasbench.harness.compare.references import Doubts, Known, Reference
from nasbench.harness.compare.rows import Row
from nasbench.harness.compare.significance import Pair
from nasbench.harness.compare.tables.options import TableOptions
from nasbench.harness.compare.tables.sets import SetRow
from nasbench.harness.compare.units import Units
from nasbench.harness.results.load import Fault
from nasbench.harness.search.task import Task
from nasbench.problem import Constraint
from nasbench.provenance import provenance
from nasbench.text import printable

if TYPE_CHECKING:
    import pandas
    from matplotlib.figure import Figure


@dataclass(frozen=True)
class Block:
    """Rows that may be compared: one task, equal numbers of seeds."""

    task: Task
    contenders: tuple[Contender, ...]
    notes: tuple[str, ...]
    """What a reader must know."""
    datasets: tuple[str, ...] = ()
    """Reported data sets that are shown."""
    rows: tuple[Row, ...] = ()
    pairs: Mapping[str, tuple[Pair, ...]] = field(default_factory=dict)
    """Tests of every row against every other, by data set."""
    references: tuple[Reference, ...] = ()
    """Reference rows; empty where the table is not available."""
    known: Known | None = None
    known_sets: KnownSets | None = None
    """In place of `known`, of searches for several objectives."""
    doubts: Doubts = field(default_factory=Doubts)
    calibration: Calibration | None = None
    """Puts one-shot rows on the clock of the other rows, in a separate figure."""
    sets: tuple[SetRow, ...] = ()
    """The final sets of searches with several objectives.

    `rows`, `pairs` and `references` are then of the hypervolumes of sets, empty where the exact
    front is not known."""
    bounds: tuple[Constraint, ...] = ()
    """The bounds on costs by which a user asks for a member of each set."""
    picks: tuple[Pick, ...] = ()
    """Those members: what each row hands over under the bounds."""
    proxies: tuple[Correlation, ...] = ()
    """The zero-cost proxies of the block's data set; empty where no row asks for their scores."""
    chosen: tuple[str, ...] = ()
    """Those of the notes that say what a user chose: rows, seeds and data sets, names of rows."""
    titles: Mapping[str, str] = field(default_factory=dict)
    """Names of data sets for readers; a data set without one is shown by its own name."""

    @property
    def seeds(self) -> int:
        """Number of seeds of each row, finished and failed runs together."""
        return len(self.contenders[0].runs) + self.contenders[0].failed

    @property
    def title(self) -> str:
        """One line that says what the rows share."""
        return describe(self.task, self.titles)

    @cached_property
    def units(self) -> Units:
        """How values of the first objective are written."""
        return Units.of(self.task.measure, [row.finals.test.value for row in self.rows])

    @property
    def outcome(self) -> str:
        """What final values are called, see `Task.outcome`."""
        return self.task.outcome

    @property
    def of_sets(self) -> bool:
        """Whether the searches have several objectives, so that their answers are sets."""
        return len(self.task.objectives) > 1

    @property
    def answers(self) -> str:
        """What the runs' final answers are called."""
        return "final sets" if self.of_sets else "final incumbents"

    @property
    def optimum(self) -> str:
        """What regrets are to."""
        return "the exact front" if self.of_sets else "the best architecture"

    @property
    def about_measure(self) -> str:
        """A sentence on regrets of hypervolume; empty for searches of one objective."""
        if not self.of_sets:
            return ""
        return (
            "the hypervolume of a set is in percent of that of the exact front, its regret is "
            "what it lacks of 100 %; members are chosen by what the search saw, and measured by "
            f"their {self.outcome} values"
        )

    @property
    def table(self) -> str:
        """The name of the benchmark; that of a file is its name without folders."""
        return Path(self.task.benchmark).name.removesuffix(SUFFIX)

    @property
    def regret(self) -> str:
        """The label of an axis of regrets: `test accuracy regret (% points)`."""
        return self.units.axis(f"{self.outcome} {self.units.metric.name} regret")

    @property
    def regrets(self) -> str:
        """What regrets are called at the start of a title: `Test regret`."""
        name = f"{self.outcome.capitalize()} "
        return f"{name}{self.task.measure.name} regret" if self.of_sets else f"{name}regret"

    def best(self, dataset: str) -> float:
        """The best final score that there is on a data set; NaN where it is not known."""
        return best_score(self.contenders, self.known, dataset)

    def title_of(self, dataset: str) -> str:
        """Return the name of a data set for readers, such as `CIFAR-10` for `cifar10`."""
        return self.titles.get(dataset, dataset)

    @property
    def footer(self) -> str:
        """One line for the foot of a table or figure, which identifies the block."""
        task = self.task
        return ", ".join(
            [
                f"protocol {task.protocol}",
                f"searched on {self.title_of(task.query.dataset)}",
                *self._budgets,
                *distinguishing_parts(task, self.titles).values(),
                f"n = {self.seeds}",
                f"table {task.content[:8]}",
                f"nasbench {provenance()['nasbench'] or 'from source'}",
            ]
        )

    @property
    def _budgets(self) -> tuple[str, ...]:
        """The rows' budgets as texts; those of one-shot rows are named separately."""
        asked, shared = (
            dict.fromkeys(
                str(one.experiment.task.budget)
                for one in self.contenders
                if one.experiment.task.shared is kind
            )
            for kind in (False, True)
        )
        trained = ("of shared weights " if asked else "budget ") + " or ".join(shared)
        return (
            *([f"budget {' or '.join(asked)}"] if asked else []),
            *([trained] if shared else []),
        )

    @property
    def among(self) -> str:
        """What follows `architectures` where those that count are named; often empty."""
        return " that meet the constraints" if self.task.constraints else ""

    @property
    def about_feasible(self) -> tuple[str, ...]:
        """A line on which of the table's architectures count; empty without constraints."""
        if not self.task.constraints:
            return ()
        return (
            "architectures of the table, the best and the mean one among them: those that meet the "
            "constraints; random search draws from all, and what is expected of it is expected of "
            "searches that have found one of these",
        )

    @property
    def about_test(self) -> tuple[str, ...]:
        """Lines on what test values are: `reservations`, and means over how many seeds."""
        if self.known is None or not self.task.has_test:
            return self.reservations
        by_count: dict[tuple[int, ...], list[str]] = {}
        for name in self.datasets:
            if name in self.known.test_seeds:
                by_count.setdefault(self.known.test_seeds[name], []).append(self.title_of(name))
        found = [
            (
                "of one training of each network"
                if counts == (1,)
                else f"mean over {' or '.join(map(str, counts))} training seeds"
            )
            + (f" ({', '.join(names)})" if len(by_count) > 1 else "")
            for counts, names in by_count.items()
        ]
        seeds = (f"test: {'; '.join(found)}",) if found else ()
        return (*self.reservations, *seeds)

    @property
    def reservations(self) -> tuple[str, ...]:
        """What every reader of final values must know of them, in tables and figures."""
        if not self.task.has_test:
            return (
                "one measured value of each network, no split held out: searches saw the values "
                "that are reported here",
            )
        told = (
            "test on {}: each network's best over the epochs of its training, an optimistic number",
            "validation on {}: of another training on the images of test, so nothing is known of "
            "other images",
        )
        found = zip(told, map(self._titles_of, self.doubts), strict=True)
        return tuple(line.format(names) for line, names in found if names)

    def _titles_of(self, names: Sequence[str]) -> str:
        """Return the titles of those of the data sets that are shown."""
        return ", ".join(self.title_of(one) for one in self.datasets if one in names)

    @property
    def about_seconds(self) -> str:
        """A remark where a table's seconds are pseudo-times or partly fitted; else empty."""
        known = self.known
        if known is None or self.task.shared or not (known.fitted or known.pseudo):
            return ""
        kinds = [
            *(["pseudo-times"] if known.pseudo else []),
            *(["partly fitted"] if known.fitted else []),
        ]
        return f"seconds are {', '.join(kinds)}: `nasbench data info {self.task.benchmark}`"

    def of(self, dataset: str) -> tuple[list[Row], list[Reference]]:
        """Return the rows and references of one data set."""
        return (
            [row for row in self.rows if row.dataset == dataset],
            [one for one in self.references if one.dataset == dataset],
        )

    def pairs_json(self) -> list[dict[str, Any]]:
        """Return the tests of pairs as JSON values, with labels in place of the rows' positions."""
        return [
            {
                "dataset": dataset,
                **pair._asdict(),
                "difference": self.task.measure.score(pair.difference),
                "first": self.contenders[pair.first].label,
                "second": self.contenders[pair.second].label,
            }
            for dataset, found in self.pairs.items()
            for pair in found
        ]

    def to_json(self) -> dict[str, Any]:
        """Return the block as JSON values; numbers that are unknown or infinite become None."""
        task = self.task
        shared = {
            "benchmark": task.benchmark,
            "protocol": task.protocol,
            "budget": str(task.budget),
        }
        data = {
            "task": task.to_json(),
            "title": self.title,
            "seeds": self.seeds,
            "datasets": list(self.datasets),
            "titles": {name: self.title_of(name) for name in self.datasets},
            "tests": {"rows": len(self.contenders), "pairs": pairs(len(self.contenders))},
            "notes": list(self.notes),
            "rows": [row.to_json() for row in self.rows],
            "pairs": self.pairs_json(),
            "references": [{**shared, **one.to_json()} for one in self.references],
        }
        if self.proxies:
            data["proxies"] = [one.to_json() for one in self.proxies]
        if self.known_sets is not None:
            data["reference_points"] = {
                name: self.known_sets.fronts.test[name].reference_values for name in self.datasets
            }
        if self.sets:
            data["sets"] = [row.to_json(task.objectives) for row in self.sets]
        if self.picks:
            data["picks"] = [one.to_json(self.bounds) for one in self.picks]
        return {key: _plain(value) for key, value in data.items()}


@dataclass(frozen=True)
class Options:
    """The options of a comparison that its numbers, tables and notes depend on."""

    merge: bool = False
    datasets: tuple[str, ...] | None = None
    target: float | None = None
    calibration: Calibration | None = None
    choice: RowChoice = EVERYTHING
    appearance: Appearance = USUAL
    tables: TableOptions = field(default_factory=TableOptions)
    pick: tuple[str, ...] = ()
    """Bounds on costs by which a member of each final set is chosen: `latency:pixel3<=5`."""

    @classmethod
    def of(cls, stored: Any) -> "Options":
        """Read options from JSON values; raises `ValueError` for values that are no options."""
        from pydantic import TypeAdapter

        try:
            return TypeAdapter(cls).validate_python(stored)
        except InvalidInput as error:
            raise ValueError(str(error)) from error


@dataclass(frozen=True)
class Comparison:
    """The comparison of a results folder's runs, block by block."""

    blocks: tuple[Block, ...]
    options: Options = Options()
    faults: tuple[Fault, ...] = ()
    """Damaged files that were left out."""
    left_out: tuple[LeftOut, ...] = ()
    """Runs that the choice of rows and seeds left out."""
    datasets_left_out: tuple[str, ...] = ()
    """Reported data sets that are not shown."""
    folders: tuple[Path, ...] = ()
    """The folders that were compared, if there are several."""
    remarks: tuple[str, ...] = ()
    """What a user should know of the options, such as names of a style file that fit nothing."""

    @cached_property
    def families(self) -> tuple[Family, ...]:
        """Comparisons over several data sets, of several blocks or within one block."""
        return tuple(families(self.blocks))

    @property
    def rows(self) -> list[Row]:
        """The rows of all blocks."""
        return [row for block in self.blocks for row in block.rows]

    def check_columns(self) -> None:
        """Raise `InvalidInput` for a column that is asked for and that its table does not have."""
        from nasbench.harness.compare.tables.options import shaped
        from nasbench.harness.compare.tables.sets import sets_table

        for block in self.blocks:  # names of other tables are checked where options are made
            if block.sets:
                shaped(sets_table(block), self.options.tables)

    @property
    def titles(self) -> list[str]:
        """One heading per block."""
        if len(self.blocks) == 1:
            return [self.blocks[0].title]
        return [
            f"Block {number} of {len(self.blocks)}: {block.title}"
            for number, block in enumerate(self.blocks, start=1)
        ]

    @property
    def notes(self) -> list[str]:
        """What a reader must know of each block before trusting its numbers."""
        return [
            note if len(self.blocks) == 1 else f"block {number}: {note}"
            for number, block in enumerate(self.blocks, start=1)
            for note in block.notes
        ]

    def to_json(self) -> dict[str, Any]:
        """Return the comparison as JSON values.

        The keys are `nasbench` (its version), `options`, `rows` and `references` of all blocks as
        flat lists, `across` (comparisons over several data sets), `blocks`, `not chosen` (runs and
        data sets that the options left out) and, where files are damaged, `left out`.
        """
        blocks = [block.to_json() for block in self.blocks]
        flat = {
            kind: [
                {**one, "block": number}
                for number, block in enumerate(blocks, start=1)
                for one in block[kind]
            ]
            for kind in ("rows", "references")
        }
        across = [
            _plain({"blocks": family.numbers, **family.standings.to_json()})
            for family in self.families
        ]
        faults = [{"file": one.where, "reason": one.reason} for one in self.faults]
        not_chosen = {
            "runs": [one.to_json() for one in self.left_out],
            "datasets": list(self.datasets_left_out),
        }
        return {
            "nasbench": provenance()["nasbench"], "options": _plain(asdict(self.options)), **flat,
            "across": across, "blocks": blocks, "not chosen": not_chosen,
            **({"left out": faults} if faults else {}),
        }  # fmt: skip

    def _repr_html_(self) -> str:
        """Return every block's table of results as HTML, as notebooks show it."""
        from nasbench.harness.compare.tables.all_tables import tables
        from nasbench.harness.compare.tables.html import to_html

        parts = []
        for title, block in zip(self.titles, self.blocks, strict=True):
            parts += [f"<h4>{escape(printable(title))}</h4>", to_html(tables(block)[0])]
        return "\n".join(parts)

    def figures(
        self,
        options: FigureOptions | None = None,
        *,
        centre: str = "mean",
        clock: str | None = None,
    ) -> "dict[str, Figure]":
        """Return all figures by their names, as matplotlib's objects, such as a notebook shows.

        Names are those of their files; where there are several folders, the folder's name and `/`
        come first. `centre` and `clock` are those of `compare`. Raises `InvalidInput` for what they
        cannot be.
        """
        from nasbench.harness.compare.figures.pictures import FigureChoice, by_folder

        options = FigureOptions() if options is None else options
        require_type("options", options, FigureOptions, "nasbench.FigureOptions(...)")
        found = by_folder(self, FigureChoice(centre, clock, tuple(options.kinds)))
        return {
            one.name if len(found) == 1 else f"{folder}/{one.name}": one.draw(options)
            for folder, pictures in found.items()
            for one in pictures
        }

    def to_frame(self) -> "pandas.DataFrame":
        """Return one row per experiment and data set; `block` counts from 1."""
        import pandas

        return pandas.DataFrame(self.records())

    def records(self) -> list[dict[str, Any]]:
        """Return the rows of `to_frame`, each as numbers and texts by the names of columns."""
        return [
            {
                **{key: value for key, value in row.to_json().items() if key != "parts"},
                "settings": json.dumps(row.experiment.settings, sort_keys=True),
                "block": number,
            }
            for number, block in enumerate(self.blocks, start=1)
            for row in block.rows
        ]


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _plain(one) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(one) for one in value]
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value

"""`nasbench compare`: from stored runs to blocks of comparable rows."""

import json
import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nasbench.errors import InvalidInput, NasbenchError
from nasbench.harness.compare.blocks import Contender, Group, group
from nasbench.harness.compare.labels import describe
from nasbench.harness.compare.references import Known, Reference, open_known, references
from nasbench.harness.compare.rows import Row, rows
from nasbench.harness.experiment import Task
from nasbench.harness.provenance import provenance
from nasbench.harness.results import Results, load_results

if TYPE_CHECKING:
    import pandas

CENTRES = ("mean", "median")
CLOCKS = ("seconds", "evaluations")


@dataclass(frozen=True)
class Block:
    """Rows that may be compared: one task, equal numbers of seeds."""

    task: Task
    contenders: tuple[Contender, ...]
    datasets: tuple[str, ...]
    """Reported data sets that are shown."""
    rows: tuple[Row, ...]
    references: tuple[Reference, ...]
    """Empty where the table is not at hand."""
    notes: tuple[str, ...]
    known: Known | None

    @property
    def seeds(self) -> int:
        """Seeds of every row, finished or failed."""
        return len(self.contenders[0].runs) + self.contenders[0].failed

    @property
    def title(self) -> str:
        """One line that says what the rows share."""
        return describe(self.task)

    @property
    def footer(self) -> str:
        """One line for the foot of a table or figure: protocol, budget, n, table, version."""
        return (
            f"{self.task.protocol}, searched on {self.task.signal.dataset}, budget "
            f"{self.task.budget}, n = {self.seeds}, table {self.task.table[:8]}, "
            f"nasbench {provenance()['nasbench'] or 'from source'}"
        )

    def of(self, dataset: str) -> tuple[list[Row], list[Reference]]:
        """Return the rows and references of one data set."""
        return (
            [row for row in self.rows if row.dataset == dataset],
            [one for one in self.references if one.dataset == dataset],
        )

    def to_json(self) -> dict[str, Any]:
        """Return the block as JSON values, NaN as None."""
        task = self.task
        shared = {
            "benchmark": task.benchmark,
            "protocol": task.protocol,
            "budget": str(task.budget),
        }
        data = {
            "task": asdict(task),
            "title": self.title,
            "seeds": self.seeds,
            "datasets": list(self.datasets),
            "notes": list(self.notes),
            "rows": [row.to_json() for row in self.rows],
            "references": [{**shared, **asdict(one)} for one in self.references],
        }
        return {key: _plain(value) for key, value in data.items()}


@dataclass(frozen=True)
class Comparison:
    """What a results folder says, block by block."""

    blocks: tuple[Block, ...]

    @property
    def rows(self) -> list[Row]:
        """The rows of all blocks."""
        return [row for block in self.blocks for row in block.rows]

    @property
    def notes(self) -> list[str]:
        """What a reader must know of each block before trusting its numbers."""
        return [
            note if len(self.blocks) == 1 else f"block {number}: {note}"
            for number, block in enumerate(self.blocks, start=1)
            for note in block.notes
        ]

    def to_json(self) -> dict[str, Any]:
        """Return `blocks`, and all their `rows` and `references` flat; NaN is None."""
        blocks = [block.to_json() for block in self.blocks]
        flat = {
            kind: [
                {**one, "block": number}
                for number, block in enumerate(blocks, start=1)
                for one in block[kind]
            ]
            for kind in ("rows", "references")
        }
        return {"nasbench": provenance()["nasbench"], **flat, "blocks": blocks}

    def to_frame(self) -> "pandas.DataFrame":
        """Return one row per experiment and data set; `block` counts from 1."""
        import pandas

        data = self.to_json()["rows"]
        for row in data:
            row["settings"] = json.dumps(row["settings"], sort_keys=True)
        return pandas.DataFrame(data)


def compare(
    results: str | Path | Results = "results",
    *,
    merge: bool = False,
    datasets: str | Sequence[str] | None = None,
    out: str | Path | None = None,
    centre: str = "mean",
    clock: str | None = None,
) -> Comparison:
    """Compare the runs of a results folder; write tables and figures if `out` is given.

    Runs of different tasks stand in blocks of their own; `merge` asks for one table and
    raises `CannotCompare`, with what differs, where that would mix them. `datasets` limits
    the reported data sets; `centre` (`mean` or `median`) is what the figures draw, `clock`
    (`seconds` or `evaluations`) over what, by default over what the budget limits. Raises
    `StoreError` for a folder without runs.
    """
    if centre not in CENTRES:
        raise InvalidInput(f"centre '{centre}' is unknown: valid are {', '.join(CENTRES)}")
    if clock is not None and clock not in CLOCKS:
        raise InvalidInput(f"clock '{clock}' is unknown: valid are {', '.join(CLOCKS)}")
    stored = results if isinstance(results, Results) else load_results(results)
    groups = group(stored.experiments, merge=merge)
    wanted = _wanted(datasets, groups)
    blocks = [_block(one, wanted) for one in groups]
    comparison = Comparison(tuple(block for block in blocks if block.datasets))
    if out is not None:
        from nasbench.harness.compare.write import write

        write(comparison, Path(out), centre=centre, clock=clock)
    return comparison


def _wanted(datasets: str | Sequence[str] | None, groups: Sequence[Group]) -> list[str]:
    reported = list(dict.fromkeys(name for one in groups for name in one.task.reports))
    if datasets is None:
        return reported
    names = datasets.split(",") if isinstance(datasets, str) else datasets
    chosen = [name.strip() for name in names if name.strip()]
    for name in chosen:
        if name not in reported:
            raise InvalidInput(
                f"data set '{name}' is not reported by these runs: valid are {', '.join(reported)}"
            )
    return chosen or reported


def _block(one: Group, wanted: Sequence[str]) -> Block:
    notes = list(one.notes)
    known = None
    try:
        known = open_known(one.task)
    except NasbenchError as error:
        notes.append(f"no regrets and no reference rows: {error}")
    budget = one.task.budget
    if known and (budget.patience is not None or budget.target_regret is not None):
        notes.append("no expected random search: early stopping has no closed form")
    datasets = tuple(name for name in one.task.reports if name in wanted)
    return Block(
        task=one.task,
        contenders=one.contenders,
        datasets=datasets,
        rows=tuple(row for name in datasets for row in rows(one.contenders, name, known)),
        references=tuple(r for name in datasets for r in references(known, name)) if known else (),
        notes=tuple(notes),
        known=known,
    )


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _plain(one) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(one) for one in value]
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value

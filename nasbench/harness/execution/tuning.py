"""The result of tuning: the chosen settings, and a record of how, and at what cost, it chose them.

Both are written to one experiment file, which `nasbench run --config` reads. The record is stored
with every run made from that file, so that a comparison can show the cost of tuning and refuse the
seeds that were used.
"""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from nasbench.errors import InvalidInput
from nasbench.files import RESULTS, atomic_write

_EARLIER = {"queries": "evaluations", "simulated_seconds": "clock_seconds"}
"""Names of fields in records of earlier versions."""


@dataclass(frozen=True)
class Tuning:
    """How some settings were chosen."""

    strategy: str
    benchmark: str
    table: str
    """SHA-256 of the table."""
    dataset: str
    """The data set searched while tuning."""
    seeds: tuple[int, ...]
    experiment_seed: int
    reserved: bool
    """Whether no run on the data set may be reported; else only runs of the seeds may not."""
    metric: str
    value: float
    """Value of the metric for the chosen settings, the mean over all seeds."""
    tried: int
    """Number of settings that were tried."""
    runs: int
    """Number of searches for all tried settings; the next three fields are their cost."""
    evaluations: int  #: of architectures, and epochs of shared weights
    clock_seconds: float
    wall_seconds: float
    nasbench: str | None

    @classmethod
    def read(cls, data: Mapping[str, Any]) -> "Tuning":
        """Read a stored record; raise `InvalidInput` where it is none of `nasbench tune`."""
        from pydantic import TypeAdapter

        try:
            named = {_EARLIER.get(name, name): value for name, value in data.items()}
            return TypeAdapter(cls).validate_python(named)
        except ValueError as error:
            raise InvalidInput("the record of tuning is not one of `nasbench tune`") from error

    def forbids(self, dataset: str, table: str, experiment_seed: int, seeds: set[int]) -> str:
        """Return why runs may not be reported, as one line; empty where they may be."""
        if (self.dataset, self.table) != (dataset, table):
            return ""
        if self.reserved:
            return f"its settings were tuned on {dataset}, which was reserved for that"
        used = sorted(seeds & set(self.seeds)) if experiment_seed == self.experiment_seed else []
        if used:
            return (
                f"its settings were tuned on {len(used)} of these seeds, such as {used[0]}: "
                "report other ones"
            )
        return ""


def write_tuned(path: Path, settings: Mapping[str, object], record: Tuning) -> None:
    """Write an experiment file with the settings and the record."""
    lines = ["# Settings found by `nasbench tune`: nasbench run --config this-file", ""]
    lines += [f"[strategies.{_toml(record.strategy)}]", *_pairs(settings), ""]
    lines += ["[tuning]", *_pairs(asdict(record)), ""]
    with atomic_write(path, RESULTS) as file:
        file.write("\n".join(lines).encode())


def _pairs(values: Mapping[str, object]) -> list[str]:
    return [f"{key} = {_toml(value)}" for key, value in values.items() if value is not None]


def _toml(value: object) -> str:
    """Write a value as TOML does, which for text, numbers and lists is as JSON does."""
    return json.dumps(list(value) if isinstance(value, tuple) else value)

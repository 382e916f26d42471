"""The ratio between a table's seconds and real seconds on one device."""

import json
from dataclasses import asdict, dataclass
from pathlib import Path

from nasbench.errors import DataError
from nasbench.files import RESULTS, atomic_write, read_whole
from nasbench.limits import LARGEST_MEASURE


@dataclass(frozen=True)
class Calibration:
    """Table seconds per real second on one device, measured on a few architectures.

    `factor` is the median over them, `least` and `most` are the smallest and the largest ratio.
    """

    benchmark: str
    table: str
    """SHA-256 of the table."""
    dataset: str
    factor: float
    least: float
    most: float
    cells: tuple[int, ...]
    """Indices of the architectures that were trained to measure it."""
    processor: str
    device: str
    threads: int

    @property
    def label(self) -> str:
        """The text that a figure shows for this calibration."""
        where = self.processor if self.device == "cpu" else self.device
        threads = "s" if self.threads > 1 else ""
        return (
            f"real seconds x {self.factor:.3g} ({self.least:.3g} to {self.most:.3g} over "
            f"{len(self.cells)} cells; {where}, {self.threads} thread{threads})"
        )

    def save(self, path: Path) -> None:
        """Write the calibration to a JSON file."""
        with atomic_write(path, RESULTS) as file:
            file.write((json.dumps(asdict(self), indent=2) + "\n").encode())

    @classmethod
    def load(cls, path: Path) -> "Calibration":
        """Read a file that `save` wrote; `DataError` if it is missing, unreadable or invalid."""
        from pydantic import TypeAdapter

        try:
            found = TypeAdapter(cls).validate_json(read_whole(path))
        except OSError as error:
            raise DataError(f"calibration '{path}': {error.strerror or error}") from error
        except ValueError as error:
            raise DataError(
                f"'{path}' is no calibration: make one with `nasbench calibrate`"
            ) from error
        factors = low, middle, high = found.least, found.factor, found.most
        if not (0 < low <= middle <= high <= LARGEST_MEASURE and found.threads > 0):
            raise DataError(
                f"calibration '{path}': {', '.join(map(str, factors))} with {found.threads} "
                "threads cannot be table seconds per real second, from the least to the most: make "
                "one with `nasbench calibrate`"
            )
        return found

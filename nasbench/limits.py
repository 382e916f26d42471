"""What a count may be: the one place that says how many of anything can be asked for.

Every option of the command line and every Python function behind one checks its numbers here,
before any work. An upper limit is no recommendation. It stands where more cannot be meant, or
would end in a lack of memory after minutes of silence.
"""

import math
from dataclasses import dataclass, replace
from numbers import Integral, Real

from nasbench.errors import InvalidInput
from nasbench.provenance import cores
from nasbench.text import shown

LARGEST_SEED = 2**63 - 1
"""Seeds are stored as signed 64-bit integers, and numpy takes none below 0."""

LARGEST_SETTING = 1_000_000
"""Of a strategy's whole-number settings: units, members and epochs are far fewer."""

LARGEST_MEASURE = 1e50
"""Of anything measured, such as seconds or multiply-adds: sums, squares and fourth powers of such
numbers are still numbers, so that every statistic can be computed."""

_PER_CORE, _AT_LEAST = 4, 16


@dataclass(frozen=True)
class Count:
    """A whole number from `least` to `most`; `why` says why there is no more."""

    name: str
    least: int
    most: int
    why: str = ""

    def check(self, value: object) -> int:
        """Return a whole number within the limits; `InvalidInput` for anything else."""
        if isinstance(value, Integral) and not isinstance(value, bool):
            number = int(value)
            if self.least <= number <= self.most:
                return number
        raise self._refused(shown(value))

    def read(self, text: str | int) -> int:
        """Return the number that a text says, within the limits; `InvalidInput` if it cannot be."""
        if not isinstance(text, str):
            return self.check(text)
        digits = text.strip().removeprefix("+")
        sign, digits = ("-", digits[1:]) if digits.startswith("-") else ("", digits)
        digits = digits.lstrip("0") or digits[-1:]
        # Python itself refuses to convert some thousands of digits
        if not digits.isdecimal() or len(digits) > len(str(self.most)):
            raise self._refused(shown(text))
        return self.check(int(sign + digits))

    def _refused(self, value: str) -> InvalidInput:
        reason = f" ({self.why})" if self.why else ""
        return InvalidInput(
            f"{self.name} cannot be {value}: it must be a whole number of {self.least} to "
            f"{self.most}{reason}"
        )


@dataclass(frozen=True)
class Amount:
    """A finite number from `least` to `most`."""

    name: str
    least: float
    most: float = math.inf

    def check(self, value: object) -> float:
        """Return a finite number within the limits; `InvalidInput` for anything else."""
        if isinstance(value, Real) and not isinstance(value, bool):
            try:
                number = float(value)
            except OverflowError:  # a whole number of hundreds of digits
                number = math.inf
            if math.isfinite(number) and self.least <= number <= self.most:
                return number
        raise self._refused(shown(value))

    def read(self, text: str | float) -> float:
        """Return the number that a text says, within the limits; `InvalidInput` if it cannot be."""
        if not isinstance(text, str):
            return self.check(text)
        try:
            number = float(text)
        except ValueError:
            raise self._refused(shown(text)) from None
        if not math.isfinite(number):
            raise self._refused(shown(text))
        return self.check(number)

    def _refused(self, value: str) -> InvalidInput:
        most = f" to {self.most:g}" if math.isfinite(self.most) else " or more"
        return InvalidInput(
            f"{self.name} cannot be {value}: it must be a number of {self.least:g}{most}"
        )


def per_core(name: str) -> Count:
    """Return the limit of what computes all the time on this machine, such as workers."""
    most = max(_AT_LEAST, _PER_CORE * cores())
    return Count(name, 1, most, f"{_PER_CORE} per core of this machine, {_AT_LEAST} at least")


WORKERS = Count("workers", 1, 100_000)
"""On a cluster; of one machine `per_core` says."""
SIMULATED_WORKERS = Count("simulated workers", 1, 10_000)
SEEDS = Count("the number of seeds", 1, 1_000_000, "run more of them in several calls")
TUNING_SEEDS = Count("the number of tuning seeds", 1, 10_000)
SEED = Count("seed", 0, LARGEST_SEED, "seeds are stored in 64 bits")
EXPERIMENT_SEED = replace(SEED, name="experiment seed")
TRAINING_SEED = replace(SEED, name="training seed")
RETRIES = Count("retries", 0, 1_000)
REPLAYS = Count("replay", 0, 1_000_000)
SAMPLES = Count("samples", 1, 10_000)
EVALUATIONS = Count("evaluations", 1, 2**63 - 1)
PATIENCE = Count("patience", 1, 2**63 - 1)
EPOCHS = Count("epochs", 1, 100_000)
BATCH = Count("batch", 1, 1_000_000)
GROUP = Count("group", 1, 4_096)
CELLS = Count("cells", 1, 1_000_000)
COSTS = Count("costs", 0, 1_000_000)
ROUNDS = Count("rounds", 1, 100_000)
CHANNELS = Count("channels", 1, 256)
STAGE_CELLS = Count("cells", 1, 64)
CPUS = Amount("cpus_per_run", 0, 100_000)
GPUS = Amount("gpus_per_run", 0, 100_000)
REGRET = Amount("target regret", 0)
"""Of a search that stops early."""
TARGET = Amount("target", 0)
"""Test regret whose reaching a comparison times."""

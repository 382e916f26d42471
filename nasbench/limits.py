"""Limits of the numbers that a user may give, such as seeds, workers or epochs.

Every command-line option and the Python function behind it check their numbers here, before any
work starts. An upper limit is not a recommendation: a larger number must be a mistake, or would
run out of memory after some minutes.
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
"""Largest whole number that a strategy's setting may have; sensible values are far smaller."""

LARGEST_MEASURE = 1e50
"""Largest measured value, such as seconds or multiply-adds. Sums, squares and fourth powers of such
values do not overflow, so every statistic can be computed."""

_PER_CORE, _AT_LEAST = 4, 16


@dataclass(frozen=True)
class Count:
    """The limits of a whole number, `least` to `most`; `why` explains the upper limit."""

    name: str
    least: int
    most: int
    why: str = ""

    def check(self, value: object) -> int:
        """Return `value` as an int; raise `InvalidInput` unless it is an integer in the limits."""
        if isinstance(value, Integral) and not isinstance(value, bool):
            number = int(value)
            if self.least <= number <= self.most:
                return number
        raise self._refused(shown(value))

    def read(self, text: str | int) -> int:
        """Return the whole number that `text` holds; raise `InvalidInput` as `check` does."""
        if not isinstance(text, str):
            return self.check(text)
        digits = text.strip().removeprefix("+")
        sign, digits = ("-", digits[1:]) if digits.startswith("-") else ("", digits)
        digits = digits.lstrip("0") or digits[-1:]
        # Python refuses to convert strings of some thousands of digits
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
    """The limits of a finite real number, `least` to `most`."""

    name: str
    least: float
    most: float = math.inf

    def check(self, value: object) -> float:
        """Return `value` as a float; raise `InvalidInput` unless it is finite and in the limits."""
        if isinstance(value, Real) and not isinstance(value, bool):
            try:
                number = float(value)
            except OverflowError:  # a whole number of hundreds of digits
                number = math.inf
            if math.isfinite(number) and self.least <= number <= self.most:
                return number
        raise self._refused(shown(value))

    def read(self, text: str | float) -> float:
        """Return the number that `text` holds; raise `InvalidInput` as `check` does."""
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
    """Return the limits of a count of things that each keep a core busy, such as workers.

    The upper limit is 4 per core that this process may use, and at least 16.
    """
    most = max(_AT_LEAST, _PER_CORE * cores())
    return Count(name, 1, most, f"{_PER_CORE} per core of this machine, {_AT_LEAST} at least")


WORKERS = Count("workers", 1, 100_000)
"""Workers on a cluster; for those on one machine see `per_core`."""
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
COMPARED_IMAGES = Count("batch", 2, 100_000, "all pairs of images are compared")
GROUP = Count("group", 1, 4_096)
CELLS = Count("cells", 1, 1_000_000)
SAMPLE = replace(CELLS, name="sample")
COSTS = Count("costs", 0, 1_000_000)
ROUNDS = Count("rounds", 1, 100_000)
CHANNELS = Count("channels", 1, 256)
STAGE_CELLS = Count("cells", 1, 64)
CPUS = Amount("cpus_per_run", 0, 100_000)
GPUS = Amount("gpus_per_run", 0, 100_000)
REGRET = Amount("target regret", 0)
"""Regret at which a search stops early."""
PROXY_SECONDS = Amount("proxy seconds", 0, LARGEST_MEASURE)
"""Seconds on a table's clock for each second that measuring the score of a proxy took."""
TARGET = Amount("target", 0)
"""Test regret for which a comparison reports the time that a search takes to reach it."""

"""Seeds as users write them."""

import re
from collections.abc import Sequence
from numbers import Integral

from nasbench.errors import InvalidInput

LARGEST_SEED = 2**63 - 1
"""Seeds are stored as 64-bit integers."""

_MOST = 10_000_000
_DIGITS = len(str(LARGEST_SEED))


def parse_seeds(seeds: int | str | Sequence[int]) -> list[int]:
    """Return the seeds meant: `10` is 0 to 9, `100-199` a range, `0,3,5-7` a list, `7,` one.

    Raises `InvalidInput` for what is none of these and for seeds above 2**63 - 1.
    """
    if isinstance(seeds, str):
        text = seeds.strip()
        if text.isdecimal():
            return parse_seeds(_number(text))
        return list(
            dict.fromkeys(s for part in text.rstrip(",").split(",") for s in _part(part, text))
        )
    if isinstance(seeds, (int, Integral)):
        number = int(seeds)
        if isinstance(seeds, bool) or not 1 <= number <= _MOST:
            raise InvalidInput(
                f"seeds '{_written(seeds)}': the number of seeds must be 1 to {_MOST}"
            )
        return list(range(number))
    if not isinstance(seeds, float) and (chosen := list(dict.fromkeys(seeds))):
        return [_seed(seed, "seeds") for seed in chosen]
    raise InvalidInput(f"seeds {seeds!r}: give one or more whole numbers of 0 or more")


def parse_experiment_seed(value: object) -> int:
    """Return an experiment's seed, a whole number of 0 to 2**63 - 1; else `InvalidInput`."""
    return _seed(value, "experiment seed")


def _seed(value: object, what: str) -> int:
    if isinstance(value, (int, Integral)) and not isinstance(value, bool):
        seed = int(value)
        if 0 <= seed <= LARGEST_SEED:
            return seed
    raise InvalidInput(
        f"{what} '{_written(value)}': a seed is a whole number of 0 or more, up to {LARGEST_SEED}"
    )


def _written(value: object) -> str:
    """Return a value as text of bounded length."""
    if isinstance(value, int) and abs(value) > LARGEST_SEED:
        return "of so many digits"
    return f"{value!s:.40}"


def _number(digits: str) -> int:
    """Read a seed; Python itself refuses to convert some thousands of digits."""
    digits = digits.lstrip("0") or "0"
    if len(digits) > _DIGITS:
        raise InvalidInput(f"seeds '{digits[:20]}...': a seed is at most {LARGEST_SEED}")
    return int(digits)


def _part(part: str, text: str) -> range:
    match = re.fullmatch(r"(\d+)(?:-(\d+))?", part.strip())
    if match is None:
        raise InvalidInput(
            f"seeds '{text:.60}': cannot read '{part:.60}'; write a number (10 is 0 to 9), "
            "a range (100-199) or a list (0,3,5-7)"
        )
    first = _number(match[1])
    last = _number(match[2] or match[1])
    if last < first:
        raise InvalidInput(
            f"seeds '{text:.60}': range '{part}' runs backwards; write {last}-{first}"
        )
    if last - first >= _MOST:
        raise InvalidInput(f"seeds '{text:.60}': range '{part}' has more than {_MOST} seeds")
    if last > LARGEST_SEED:
        raise InvalidInput(f"seeds '{text:.60}': a seed is at most {LARGEST_SEED}")
    return range(first, last + 1)

"""Seeds as users write them."""

import re
from collections.abc import Iterable, Iterator, Sequence
from numbers import Integral

from nasbench.errors import InvalidInput
from nasbench.limits import EXPERIMENT_SEED, LARGEST_SEED, SEED, SEEDS, Count
from nasbench.text import printable, shown

_DIGITS = len(str(LARGEST_SEED))


def parse_seeds(seeds: int | str | Sequence[int], most: Count = SEEDS) -> list[int]:
    """Return the seeds that a number, a text or a list stands for, each once.

    `10` stands for 0 to 9, `100-199` for a range, `0,3,5-7` for a list and `7,` for the seed 7
    alone. A seed is 0 to 2**63 - 1, and `most` limits how many there are. Raises `InvalidInput` for
    anything else, before a list is made.
    """
    if isinstance(seeds, str):
        text = seeds.strip()
        if text.isdecimal():
            return list(range(most.read(text)))
        return list(dict.fromkeys(_limited(text, most)))
    if isinstance(seeds, (bool, int, Integral)):
        return list(range(most.check(seeds)))
    if isinstance(seeds, Iterable) and (given := list(seeds)):
        chosen = list(dict.fromkeys(SEED.check(seed) for seed in given))
        most.check(len(chosen))
        return chosen
    raise InvalidInput(f"seeds {shown(seeds)}: give one or more whole numbers of 0 or more")


def ranges(seeds: Sequence[int]) -> str:
    """Return ascending seeds as `parse_seeds` reads them: `0-4,7-9`, and a single one as `7,`."""
    parts: list[list[int]] = []
    for seed in seeds:
        if parts and seed == parts[-1][1] + 1:
            parts[-1][1] = seed
        else:
            parts.append([seed, seed])
    text = ",".join(f"{first}" if first == last else f"{first}-{last}" for first, last in parts)
    return f"{text}," if text.isdecimal() else text


def parse_experiment_seed(value: object) -> int:
    """Return an experiment's seed, a whole number of 0 to 2**63 - 1; else `InvalidInput`."""
    return EXPERIMENT_SEED.check(value)


def _limited(text: str, most: Count) -> Iterator[int]:
    """Check how many seeds a list of numbers and ranges has, then yield them."""
    parts = [_part(part, text) for part in text.rstrip(",").split(",")]
    most.check(sum(last - first + 1 for first, last in parts))
    for first, last in parts:
        yield from range(first, last + 1)


def _number(digits: str, text: str) -> int:
    """Read a seed; check its length first, as Python does not convert thousands of digits."""
    digits = digits.lstrip("0") or "0"
    if len(digits) > _DIGITS or int(digits) > LARGEST_SEED:
        raise InvalidInput(f"seeds '{_short(text)}': a seed is at most {LARGEST_SEED}")
    return int(digits)


def _part(part: str, text: str) -> tuple[int, int]:
    """Return the first and the last seed of a number or a range."""
    match = re.fullmatch(r"(\d+)(?:-(\d+))?", part.strip())
    if match is None:
        raise InvalidInput(
            f"seeds '{_short(text)}': cannot read '{_short(part)}'; write a number (10 is 0 to 9), "
            "a range (100-199) or a list (0,3,5-7)"
        )
    first = _number(match[1], text)
    last = _number(match[2] or match[1], text)
    if last < first:
        raise InvalidInput(
            f"seeds '{_short(text)}': range '{_short(part)}' runs backwards; write {last}-{first}"
        )
    return first, last


def _short(text: str) -> str:
    """Return a user's text in a printable form of at most 60 characters."""
    return f"{printable(text):.60}"

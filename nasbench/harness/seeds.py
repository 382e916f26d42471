"""Seeds as users write them."""

import re
from collections.abc import Sequence

from nasbench.errors import InvalidInput

_MOST = 10_000_000


def parse_seeds(seeds: int | str | Sequence[int]) -> list[int]:
    """Return the seeds meant: `10` is 0 to 9, `100-199` a range, `0,3,5-7` a list, `7,` one."""
    if isinstance(seeds, str):
        text = seeds.strip()
        if text.isdecimal():
            return parse_seeds(int(text))
        return list(
            dict.fromkeys(s for part in text.rstrip(",").split(",") for s in _part(part, text))
        )
    if isinstance(seeds, int):
        if not 1 <= seeds <= _MOST:
            raise InvalidInput(f"seeds '{seeds}': the number of seeds must be 1 to {_MOST}")
        return list(range(seeds))
    chosen = list(dict.fromkeys(seeds))
    if not chosen or any(not isinstance(seed, int) or seed < 0 for seed in chosen):
        raise InvalidInput(f"seeds {chosen!r}: give one or more whole numbers of 0 or more")
    return chosen


def _part(part: str, text: str) -> range:
    match = re.fullmatch(r"(\d+)(?:-(\d+))?", part.strip())
    if match is None:
        raise InvalidInput(
            f"seeds '{text}': cannot read '{part}'; write a number (10 is 0 to 9), "
            "a range (100-199) or a list (0,3,5-7)"
        )
    first = int(match[1])
    last = int(match[2] or match[1])
    if last < first:
        raise InvalidInput(f"seeds '{text}': range '{part}' runs backwards; write {last}-{first}")
    if last - first >= _MOST:
        raise InvalidInput(f"seeds '{text}': range '{part}' has more than {_MOST} seeds")
    return range(first, last + 1)

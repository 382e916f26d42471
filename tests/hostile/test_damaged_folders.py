"""A few dozen damaged folders of every kind that nasbench stores, and odd choices of whole ones."""

from collections.abc import Callable, Iterator
from itertools import islice
from pathlib import Path
from random import Random

import pytest
from hostile import choices, stored
from hostile.children import Case, run_case


@pytest.mark.parametrize(
    ("kind", "count"),
    [
        (stored.results_folders, 6),
        (stored.checkpoints, 6),
        (stored.caches, 3),
        (stored.shards, 4),
        (choices.cases, 8),
    ],
)
def test_damaged_files_end_in_one_line(
    kind: Callable[[Random], Iterator[Case]], count: int, tmp_path: Path
) -> None:
    """The long form is `python -m tests.hostile.runner`."""
    for number, case in enumerate(islice(kind(Random("suite")), count)):
        folder = tmp_path / str(number)
        folder.mkdir()
        for outcome in run_case(case, folder):
            assert not outcome.trouble, (outcome.trouble, case.name, outcome.text[-800:])

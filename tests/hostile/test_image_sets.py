"""Odd image sets end in one line, never in a traceback, a hang or a full memory."""

from itertools import islice
from pathlib import Path
from random import Random

from hostile.children import preload, run_case
from hostile.image_sets import cases

CASES = 20


def test_odd_image_sets_end_in_one_line(tmp_path: Path) -> None:
    preload()
    codes = set()
    for number, case in enumerate(islice(cases(Random(8)), CASES)):
        folder = tmp_path / str(number)
        folder.mkdir()
        for outcome in run_case(case, folder):
            assert not outcome.trouble, (outcome.trouble, outcome.line, outcome.text[-800:])
            assert outcome.memory < 2 << 30, outcome
            codes.add(outcome.code)
    assert codes == {0, 2}  # some sets are good

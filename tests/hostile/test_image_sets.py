"""Odd image sets end in one line, never in a traceback, a hang or a full memory."""

import random
import resource
import sys
import time
from pathlib import Path

import pytest
from hostile.image_sets import Case, cases

from nasbench.cli.app import main

CASES = 50
SEED = 4


def ended(case: Case, folder: Path, capsys: pytest.CaptureFixture[str]) -> tuple[int, str]:
    """Run a case in this process; return its exit code and what it complained of."""
    folder.mkdir()
    case.prepare(folder)
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        patch.setattr(sys, "argv", ["nasbench", *case.command])
        with pytest.raises(SystemExit) as caught:  # whatever else is raised fails the test
            main()
    return int(caught.value.code or 0), capsys.readouterr().err


def test_odd_image_sets_end_in_one_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NASBENCH_DATA", str(tmp_path / "data"))
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    source = cases(random.Random(SEED))
    codes: dict[int, int] = {}
    for number in range(CASES):
        case, began = next(source), time.monotonic()
        code, said = ended(case, tmp_path / str(number), capsys)
        codes[code] = codes.get(code, 0) + 1
        assert code in (0, 2), (case, said)
        assert code == 0 or len(said.splitlines()) == 1, (case, said)
        assert "Traceback" not in said, (case, said)
        assert time.monotonic() - began < 60, case
        said.encode()
    assert set(codes) == {0, 2}  # some sets are good
    kilobytes = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    assert kilobytes < 1_500_000

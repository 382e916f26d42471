"""A few dozen damaged folders of every kind: one clear line each, never a traceback."""

from pathlib import Path

import pytest

from tests.hostile.damage import count_faults, prepare_templates

SEED = 14


def test_damaged_files_are_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The long form: `python -m tests.hostile.damage --count 10000`."""
    from nasbench.benchmarks.training.recipes import RECIPES

    for name in ("NASBENCH_DATA", "NASBENCH_IMAGES", "NASBENCH_TRAININGS"):
        monkeypatch.setenv(name, "")
    for name in ("tiny", "tiny-final"):
        monkeypatch.setitem(RECIPES, name, None)  # to be taken away again afterwards
    prepare_templates(tmp_path)
    said: list[str] = []
    found = count_faults(16, SEED, tmp_path, said.append)
    assert found.keys() == {"good"}, "\n".join(said)
    assert found["good"] >= 40

"""Four objectives: sets are compared without hypervolumes, which are computed of at most three."""

from pathlib import Path

import pytest

import nasbench
from nasbench.errors import InvalidInput

FOUR = "accuracy,latency,params,flops"


def test_sets_of_four_objectives_are_compared_without_hypervolumes(tmp_path: Path) -> None:
    nasbench.run(["random-search", "nsga2"], seeds=2, benchmark="digits", objective=FOUR,
                 budget="60evals", out=tmp_path, workers=1)  # fmt: skip
    (block,) = nasbench.compare(tmp_path).blocks
    assert block.rows == ()
    assert {row.n for row in block.sets} == {2}
    assert any("4 objectives" in note for note in block.notes)


def test_sms_emoa_refuses_four_objectives_before_it_searches(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match="at most 3 objectives, and this search has 4"):
        nasbench.run("sms-emoa", seeds=2, benchmark="digits", objective=FOUR, budget="60evals",
                     out=tmp_path, workers=1)  # fmt: skip
    assert not list(tmp_path.rglob("*.parquet"))

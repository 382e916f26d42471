"""Searches of several objectives on a table that lacks final validation, but has test."""

from dataclasses import replace

import numpy as np
import pytest

from nasbench.harness.compare.known_sets import open_known_sets
from nasbench.harness.compare.set_references import (
    FRONT,
    FRONT_BY_VALIDATION,
    set_references,
)
from nasbench.harness.fronts import exact_fronts, front_task


def test_numbers_of_test_do_not_need_those_of_validation() -> None:
    """What is unknown is NaN; the exact front by validation is no row; test is as with it."""
    task = front_task("digits", None, "accuracy,latency")
    fronts = exact_fronts(task)
    unknown = replace(fronts.valid["digits"], scores=np.full((15625, 2), np.nan))
    known = open_known_sets(task, fronts, 4)
    less = open_known_sets(task, replace(fronts, valid={"digits": unknown}), 4)
    with_it = {one.reference: one for one in set_references(known, "digits")}
    without = {one.reference: one for one in set_references(less, "digits")}
    assert with_it.keys() - without.keys() == {FRONT_BY_VALIDATION}
    for name, row in without.items():
        assert np.isnan(row.valid_mean)
        assert row.test_mean == pytest.approx(with_it[name].test_mean)
    assert without[FRONT].test_mean == pytest.approx(100.0)
    assert not any("validation" in note for note in less.about({"digits": "Digits"}))

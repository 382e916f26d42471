"""What a count may be: refused with the limit, before any work, however it is written."""

import time

import numpy as np
import pytest

from nasbench import limits
from nasbench.errors import InvalidInput
from nasbench.harness.execution.run import parse_workers
from nasbench.limits import Amount, Count

COUNTS = [one for one in vars(limits).values() if isinstance(one, Count)]
AMOUNTS = [one for one in vars(limits).values() if isinstance(one, Amount)]
NO_NUMBERS = ["", " ", "x", "1.5", "1e3", "0x10", "1_0", "²", "--1", "nan", "inf", "+-1", "1 2"]


@pytest.mark.parametrize("limit", COUNTS, ids=lambda one: one.name)
def test_both_ends_are_allowed_and_what_is_beyond_is_refused(limit: Count) -> None:
    for value in (limit.least, limit.most, np.int64(limit.most)):
        assert limit.check(value) == value
        assert limit.read(str(value)) == value
    for value in (limit.least - 1, limit.most + 1, 10**30, -(10**30), 10**5000, 1.0, True, None):
        with pytest.raises(InvalidInput, match=f"^{limit.name} cannot be .*{limit.least} to") as no:
            limit.check(value)
        assert len(str(no.value)) < 300


@pytest.mark.parametrize("limit", COUNTS, ids=lambda one: one.name)
def test_text_is_read_as_python_reads_it_or_refused(limit: Count) -> None:
    one = max(1, limit.least)
    for text in (f"+{one}", f" {one} ", "0" * 5000 + str(one)):
        assert limit.read(text) == one
    for text in (*NO_NUMBERS, "9" * 5000, "-" + "9" * 5000, str(limit.most + 1)):
        with pytest.raises(InvalidInput) as no:
            limit.read(text)
        assert len(str(no.value)) < 300


def test_digits_of_every_script_are_numbers() -> None:
    assert limits.EPOCHS.read("٣") == int("٣") == 3


@pytest.mark.parametrize("limit", AMOUNTS, ids=lambda one: one.name)
@pytest.mark.parametrize("text", ["nan", "inf", "-inf", "1e400", "-1", "x", "", "9" * 5000])
def test_amounts_are_finite_and_not_negative(limit: Amount, text: str) -> None:
    assert limit.read("0.25") == 0.25
    with pytest.raises(InvalidInput, match=f"^{limit.name} cannot be"):
        limit.read(text)
    with pytest.raises(InvalidInput):
        limit.check(10**400)


def test_workers_of_one_machine_follow_its_cores(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "cores", lambda: 2)
    assert parse_workers(16) == 16
    assert parse_workers("auto") is None
    with pytest.raises(InvalidInput, match="whole number of 1 to 16"):
        parse_workers(17)
    monkeypatch.setattr(limits, "cores", lambda: 64)
    assert parse_workers(256) == 256
    assert parse_workers(5_000, limits.WORKERS) == 5_000  # of a cluster


@pytest.mark.parametrize("seeds", ["0-9999999", f"0-{2**63 - 1}", "1-900000,1000000-1900000"])
def test_absurd_ranges_are_refused_before_a_list_is_made(seeds: str) -> None:
    from nasbench.harness.search.seeds import parse_seeds

    began = time.perf_counter()
    with pytest.raises(InvalidInput, match="the number of seeds cannot be"):
        parse_seeds(seeds)
    assert time.perf_counter() - began < 0.1

"""Where a task's answers come from, as data and as the two texts that users and files have."""

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nasbench.harness.search.experiment import Experiment
from nasbench.harness.search.task import BenchmarkReference, Kind, trained_space

STORED = Path(__file__).parents[1] / "schema1"
SETUP = "digits-15:15@0/digits-15@1,2,3/cpu/float32"
NAMES = st.text("abcdefghij0123456789-.", min_size=1, max_size=9)


def stored(**changed: object) -> dict[str, object]:
    path = next(STORED.rglob("random-search*/experiment.json"))
    experiment = json.loads(path.read_text(encoding="utf-8"))["experiment"]
    return {**experiment, "task": {**experiment["task"], **changed}}


@pytest.mark.parametrize(
    ("changed", "kind", "digest"),
    [
        ({}, Kind.TABLE, "9189a719"),
        ({"benchmark": "train:nb201", "protocol": SETUP, "table": "a" * 64}, Kind.TRAINED,
         "a6e443cf"),
        ({"benchmark": "digits+train", "protocol": f"own+{SETUP}*1.23457", "table": "b" * 64},
         Kind.FALLBACK, "df1f8695"),
    ],
)  # fmt: skip
def test_stored_experiments_keep_the_digests_they_had_when_kinds_were_texts(
    changed: dict[str, object], kind: Kind, digest: str
) -> None:
    """The digests are those of version 0.2.0 at commit 686a8a1."""
    experiment = Experiment.from_json(stored(**changed))
    assert experiment.task.kind is kind
    assert experiment.digest() == digest
    assert experiment.task.trains == (kind is not Kind.TABLE)


def test_a_reference_is_read_from_what_a_user_writes() -> None:
    assert trained_space("train:nb201") == "nb201"
    assert trained_space("nb201") is None
    found = BenchmarkReference.read("nb201+train", f"nb201-paper+{SETUP}*1.5")
    assert found == BenchmarkReference(Kind.FALLBACK, "nb201", "nb201-paper", SETUP, 1.5)


@given(st.sampled_from(Kind), NAMES, NAMES, NAMES, st.floats(1e-9, 1e9))
def test_its_texts_are_read_back(
    kind: Kind, name: str, protocol: str, setup: str, scale: float
) -> None:
    made = {
        Kind.TABLE: BenchmarkReference(kind, name, protocol),
        Kind.TRAINED: BenchmarkReference(kind, name, setup=setup),
        Kind.FALLBACK: BenchmarkReference(kind, name, protocol, setup, float(f"{scale:.6g}")),
    }[kind]
    assert BenchmarkReference.read(made.benchmark, made.protocol_text) == made


@pytest.mark.parametrize("scale", ["", "*", "*nought", "*0", "*-1", "*nan", "*1.50"])
def test_a_protocol_with_no_scale_of_clocks_is_refused(scale: str) -> None:
    with pytest.raises(ValueError, match=r"protocol|convert"):
        BenchmarkReference.read("digits+train", f"own+{SETUP}{scale}")


@pytest.mark.parametrize(
    ("changed", "named"),
    [
        ({"benchmark": 3}, "task.benchmark is no text"),
        ({"table": None}, "task.table is no text"),
        ({"signal": "digits"}, "task.signal is no JSON object"),
    ],
)
def test_a_damaged_task_is_refused_with_its_part_named(
    changed: dict[str, object], named: str
) -> None:
    with pytest.raises(ValueError, match=named):
        Experiment.from_json(stored(**changed))

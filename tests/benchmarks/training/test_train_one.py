"""One training to the end: the curve, exact resume, one look at test, one line per error."""

import csv
import json
import resource
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from nasbench.benchmarks.training.data import Part
from nasbench.benchmarks.training.train import Training, single
from nasbench.benchmarks.training.train_one import (
    CHECKPOINT,
    CURVE,
    RESULT,
    Epoch,
    fit,
)
from nasbench.errors import DataError, NasbenchError, StoreError
from tests.benchmarks.training import tiny


def start(seed: int = 1, **changes: Any) -> Training:
    return single(tiny.SPACE, tiny.CELL, seed, tiny.data(), replace(tiny.RECIPE, **changes))


def without_seconds(epochs: list[Epoch]) -> list[Epoch]:
    return [replace(epoch, seconds=0.0) for epoch in epochs]


@pytest.fixture
def looks(monkeypatch: pytest.MonkeyPatch) -> list[Part]:
    """The parts that were evaluated, in order."""
    seen: list[Part] = []
    evaluate = Training.evaluate

    def spy(self: Training, part: Part) -> None:
        seen.append(part)
        evaluate(self, part)

    monkeypatch.setattr(Training, "evaluate", spy)
    return seen


def test_test_is_read_once_at_the_end(tmp_path: Path, looks: list[Part]) -> None:
    told: list[Epoch] = []
    result = fit(start(), tmp_path, told.append)
    assert looks == [Part.VALIDATION] * 3 + [Part.TEST]
    assert fit(start(), tmp_path) == result  # finished: nothing is trained or read again
    assert looks.count(Part.TEST) == 1
    with (tmp_path / CURVE).open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [int(row["epoch"]) for row in rows] == [1, 2, 3]
    assert [float(row["validation_accuracy"]) for row in rows] == [
        epoch.validation_accuracy for epoch in told
    ]
    stored = json.loads((tmp_path / RESULT).read_text())
    assert stored["test_accuracy"] == result.test_accuracy
    assert stored["seconds"] == pytest.approx(sum(epoch.seconds for epoch in told), abs=1e-3)


def test_the_result_is_that_of_the_plain_loop(tmp_path: Path) -> None:
    plain = start()
    plain.run()
    result = fit(start(), tmp_path)
    assert result.test_accuracy == float(plain.curves["test_accuracy"][0, -1])
    assert result.validation_loss == float(plain.curves["validation_loss"][0, -1])


@pytest.mark.parametrize("stop_after", [1, 2, 3])
def test_stopped_and_resumed_has_the_same_bits(
    tmp_path: Path, stop_after: int, looks: list[Part]
) -> None:
    def stop(epoch: Epoch) -> None:
        if epoch.epoch == stop_after:
            raise KeyboardInterrupt

    whole, whole_told, told = start(), [], []
    expected = fit(whole, tmp_path / "whole", whole_told.append)
    looks.clear()
    with pytest.raises(KeyboardInterrupt):
        fit(start(), tmp_path / "stopped", stop)
    resumed = start()
    result = fit(resumed, tmp_path / "stopped", told.append)
    assert without_seconds(told) == without_seconds(whole_told)
    assert replace(result, seconds=0) == replace(expected, seconds=0)
    assert looks.count(Part.TEST) == 1
    for a, b in zip(
        whole.network.state_dict().values(), resumed.network.state_dict().values(), strict=True
    ):
        assert torch.equal(a, b)
    assert all(epoch.seconds > 0 for epoch in told)


def test_a_checkpoint_that_does_not_fit_is_one_line(tmp_path: Path) -> None:
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, before[1]))
    try:
        with pytest.raises(StoreError, match=r"cannot write '.*checkpoint.*': File too large"):
            fit(start(), tmp_path)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert not list(tmp_path.glob(".*"))
    fit(start(), tmp_path)


def test_a_damaged_checkpoint_is_one_line(tmp_path: Path) -> None:
    path = tmp_path / CHECKPOINT
    training = start()
    training.save(path)
    whole = path.read_bytes()
    for damaged in (b"", b"junk", b"\x80\x02junk", whole[: len(whole) // 2], whole[:-1]):
        path.write_bytes(damaged)
        with pytest.raises(DataError, match="cannot be read: remove it"):
            fit(start(), tmp_path)
    torch.save([1, 2], path)
    with pytest.raises(DataError, match="cannot be read: remove it"):
        fit(start(), tmp_path)


def test_another_training_is_refused(tmp_path: Path) -> None:
    fit(start(), tmp_path)
    with pytest.raises(DataError, match="holds another training"):
        fit(start(seed=2), tmp_path)
    (tmp_path / RESULT).unlink()
    with pytest.raises(DataError, match="another training"):
        fit(start(seed=2), tmp_path)
    (tmp_path / RESULT).write_text("{")
    with pytest.raises(DataError, match=r"result.json' is damaged"):
        fit(start(), tmp_path)
    (tmp_path / RESULT).unlink()
    (tmp_path / CURVE).write_text("epoch,other\n1,x\n")
    with pytest.raises(DataError, match=r"curve.csv' is damaged"):
        fit(start(), tmp_path)
    (tmp_path / "file").write_text("")
    with pytest.raises(StoreError, match="choose another --out"):
        fit(start(), tmp_path / "file" / "below")


def test_divergence_is_one_line(tmp_path: Path, looks: list[Part]) -> None:
    with pytest.raises(NasbenchError, match=r"training diverged in epoch 1: its loss is no longer"):
        fit(start(learning_rate=1e30), tmp_path)
    assert Part.TEST not in looks
    assert not (tmp_path / CHECKPOINT).exists()

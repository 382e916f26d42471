"""Table seconds per real second."""

from pathlib import Path

import pytest

from nasbench.benchmarks.calibration import Calibration
from nasbench.benchmarks.catalogue import load_table
from nasbench.benchmarks.training import calibrate as module
from nasbench.benchmarks.training.calibrate import calibrate
from nasbench.benchmarks.training.recipes import recipe
from nasbench.errors import DataError, InvalidInput


def test_factor_is_the_ratio_of_two_epochs(
    synthetic_nb201: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With steps of known length: 25,000 images in batches of 256 at 2 s a batch."""
    monkeypatch.setattr(module, "_step", lambda *_: 2.0)
    table = load_table("nb201")
    found = calibrate(table, "cifar10", cells=3)
    real = 2.0 * 25_000 / recipe("nb201-12").batch
    factors = sorted(table.search.epoch_seconds("cifar10", 12)[list(found.cells)] / real)
    assert [found.least, found.factor, found.most] == pytest.approx(factors)
    assert (found.table, found.dataset, found.threads) == (table.hash, "cifar10", 1)


def test_steps_are_really_trained() -> None:
    """A cell of six 3x3 convolutions takes longer than one that does nothing."""
    from nasbench.spaces.nb201 import NasBench201

    space, chosen = NasBench201(), recipe("digits-15")
    data, batches = module._images("digits", chosen)
    assert batches == pytest.approx(2091 / 16)
    nothing, much = space.index((0,) * 6), space.index((3,) * 6)
    times = [module._step(space, index, data, chosen, "cpu") for index in (nothing, much)]
    assert 0 < times[0] < times[1]


def test_what_cannot_be_calibrated(synthetic_nb201: Path, tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match="cells cannot be 0"):
        calibrate(load_table("nb201"), "cifar10", cells=0)
    with pytest.raises(DataError, match=r"calibration '.*': No such file"):
        Calibration.load(tmp_path / "none.json")
    (tmp_path / "other.json").write_text("[]")
    with pytest.raises(DataError, match="is no calibration: make one"):
        Calibration.load(tmp_path / "other.json")

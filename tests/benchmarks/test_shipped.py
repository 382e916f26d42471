"""The table that comes with the package: whole, in order, as good a benchmark as its card says."""

from pathlib import Path

import numpy as np
import pytest
import torch
from scipy.stats import spearmanr

from nasbench.benchmarks.catalogue import SHIPPED, load_table, table_path, verify_table
from nasbench.benchmarks.tables.costs import per_architecture
from nasbench.benchmarks.training.digits import digits
from nasbench.benchmarks.training.recipes import recipe
from nasbench.benchmarks.training.train import single
from nasbench.harness.compare import compare
from nasbench.harness.execution.run import run
from nasbench.spaces.nb201 import NasBench201

SPACE, EPOCHS = NasBench201(), 15
CARD = Path(__file__).parents[2] / "docs" / "digits.md"


@pytest.fixture(autouse=True)
def _nothing_fetched(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NASBENCH_DATA", str(tmp_path / "data"))


def finals() -> np.ndarray:
    """Return validation accuracies after the last epoch, (cells, seeds), in percent."""
    table = load_table("digits")
    return np.stack(
        [
            per_architecture(table.search.accuracy("digits", EPOCHS, EPOCHS, seed), table.rows)
            for seed in table.search.seeds("digits", EPOCHS)
        ],
        axis=1,
    ).astype(np.float64)


def test_the_file_is_small_and_what_the_card_says() -> None:
    assert table_path("digits").parent == SHIPPED
    assert table_path("digits").stat().st_size <= 4e6
    verify_table("digits")
    assert load_table("digits").hash in CARD.read_text(encoding="utf-8")


def test_every_cell_has_every_epoch_of_two_seeds() -> None:
    table = load_table("digits")
    assert table.search.seeds("digits", EPOCHS) == table.test.seeds("digits", EPOCHS) == (0, 1)
    for view in (table.search, table.test):
        for epoch in range(1, EPOCHS + 1):
            for seed in (0, 1):
                values = per_architecture(view.accuracy("digits", EPOCHS, epoch, seed), table.rows)
                assert values.shape == (SPACE.size,)
                assert ((values >= 0) & (values <= 100)).all()  # NaN is neither


def test_cells_that_are_one_network_have_one_training() -> None:
    accuracy = finals()
    assert len(np.unique(SPACE.network_class)) == 5_260
    np.testing.assert_array_equal(accuracy, accuracy[SPACE.network_class])


def test_it_tells_cells_apart_better_than_its_seeds_differ() -> None:
    """The targets the task was made for, on all cells: the card has them on those not chosen on."""
    accuracy = finals()
    mean = accuracy.mean(axis=1)
    half = mean > np.median(mean)
    assert spearmanr(*accuracy.T).statistic > 0.9
    assert spearmanr(*accuracy[half].T).statistic > 0.6
    assert mean.max() < 97
    assert mean.max() - np.percentile(mean, 10) > 10
    networks = np.unique(SPACE.network_class)
    assert spearmanr(*accuracy[networks].T).statistic > 0.9


def test_a_user_with_nothing_but_the_package_gets_a_comparison(tmp_path: Path) -> None:
    run("random-search,regularized-evolution", seeds=5, out=tmp_path / "results", workers=1)
    comparison = compare(tmp_path / "results")
    assert comparison.blocks[0].task.benchmark == "digits"
    best = finals().mean(axis=1).max()
    for row in comparison.rows:
        assert 0 < row.finals.test.value < 97
        assert row.in_table.regret > 0
        assert row.finals.valid.mean <= best


@pytest.mark.slow
def test_a_training_made_alone_is_the_tables_within_its_noise() -> None:
    """Same seed, initial weights and batches, but no group beside it: it differs by rounding."""
    torch.set_num_threads(1)
    accuracy, plan, data = finals(), recipe("digits-15"), digits()
    noise = np.sqrt(accuracy.var(axis=1, ddof=1).mean())
    differences = []
    for index in (77, 4321, 9876):
        training = single(SPACE, SPACE.architecture(index), 0, data, plan)
        training.run()
        differences.append(training.curves["validation_accuracy"][0, -1] - accuracy[index, 0])
    assert np.sqrt(np.mean(np.square(differences))) < 2 * noise

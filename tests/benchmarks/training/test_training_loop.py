"""Trainings: alone and in a group, interrupted and continued, diverging, refused."""

import math
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from nasbench.benchmarks.training.data import DataSet, Images, Part
from nasbench.benchmarks.training.digits import Distortion, Sizes, digits
from nasbench.benchmarks.training.grouped import grouped
from nasbench.benchmarks.training.recipes import RECIPES, Recipe, recipe
from nasbench.benchmarks.training.train import CURVES, Training, initial_network, single
from nasbench.errors import DataError, InvalidInput
from nasbench.spaces.inputs import Input
from nasbench.spaces.nb201 import NasBench201
from nasbench.spaces.networks.base import Shape, networks_of

SPACE = NasBench201()
DATA = digits(Distortion(noise=0.1), Sizes(weights=60, validation=20, test=20, repeats=1, copies=2))
SHORT = Recipe("short", Shape(4, 1), epochs=3, batch=25, learning_rate=0.02)
CELLS = [SPACE.architecture(index) for index in (0, 9, 123, 6111)]


def test_published_recipes() -> None:
    """NAS-Bench-201, table 2: batch 256, lr 0.1 to 0, 200 epochs, momentum 0.9, decay 5e-4."""
    full = recipe("nb201-200")
    assert (full.epochs, full.batch, full.momentum, full.weight_decay) == (200, 256, 0.9, 5e-4)
    assert full.nesterov
    assert full.shape == Shape(16, 5)
    assert recipe("nb201-12").epochs == 12
    assert full.rate(0) == 0.1
    assert math.isclose(full.rate(0.5), 0.05)
    assert math.isclose(full.rate(1), 0, abs_tol=1e-18)
    with pytest.raises(InvalidInput, match="nb201-200"):
        recipe("nb201-13")
    assert all(name == entry.name for name, entry in RECIPES.items())


def test_schedule_matches_torch() -> None:
    """Against torch's cosine schedule, stepped per batch."""
    plain = Recipe("plain", Shape(16, 5), epochs=12, batch=256)
    parameter = nn.Parameter(torch.zeros(1))
    optimiser = torch.optim.SGD([parameter], lr=0.1)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, T_max=40)
    for step in range(40):
        assert math.isclose(plain.rate(step / 40), optimiser.param_groups[0]["lr"], rel_tol=1e-9)
        optimiser.step()
        schedule.step()


def test_alone_and_in_a_group() -> None:
    """All curves of a short training in float64, evaluation included."""
    together = grouped(SPACE, CELLS, 5, DATA, SHORT, precision="float64")
    together.run()
    for i, cell in enumerate(CELLS):
        alone = single(SPACE, cell, 5, DATA, SHORT, precision="float64")
        alone.run()
        for name in CURVES:
            torch.testing.assert_close(
                together.curves[name][i], alone.curves[name][0], rtol=1e-5, atol=1e-5
            )


def test_company_and_order_do_not_matter() -> None:
    first = grouped(SPACE, CELLS, 5, DATA, SHORT, precision="float64")
    second = grouped(SPACE, [CELLS[3], CELLS[0]], 5, DATA, SHORT, precision="float64")
    first.run()
    second.run()
    for name in CURVES:
        torch.testing.assert_close(
            first.curves[name][[3, 0]], second.curves[name], rtol=1e-5, atol=1e-5
        )


def test_initial_weights_belong_to_network_class_and_seed() -> None:
    """Index 9 equals the cell whose only live edge is the 3x3 convolution 2->3 behind a skip."""
    twin = SPACE.parse("|none~0|+|none~0|none~1|+|nor_conv_3x3~0|none~1|none~2|")
    through = SPACE.parse("|none~0|+|skip_connect~0|none~1|+|none~0|none~1|nor_conv_3x3~2|")

    def weights(cell: tuple[int, ...], seed: int) -> Tensor:
        network = initial_network(SPACE, cell, seed, DATA, SHORT)
        return torch.cat([parameter.detach().flatten() for parameter in network.parameters()])

    assert torch.equal(weights(twin, 1), weights(through, 1))
    assert not torch.equal(weights(twin, 1), weights(twin, 2))
    other = SPACE.parse("|none~0|+|none~0|none~1|+|avg_pool_3x3~0|none~1|none~2|")
    assert not torch.equal(weights(twin, 1)[:36], weights(other, 1)[:36])


@pytest.mark.parametrize("cells", [CELLS, CELLS[:1]])
def test_resumed_training_has_the_same_bits(tmp_path: Path, cells: list[tuple[int, ...]]) -> None:
    def start() -> Training:
        if len(cells) == 1:
            return single(SPACE, cells[0], 1, DATA, SHORT)
        return grouped(SPACE, cells, 1, DATA, SHORT)

    whole, killed, resumed = start(), start(), start()
    whole.run()
    killed.train_epoch()
    killed.evaluate(Part.VALIDATION)
    killed.evaluate(Part.TEST)
    killed.save(tmp_path / "checkpoint.pt")
    resumed.load(tmp_path / "checkpoint.pt")
    resumed.run()
    for name in CURVES:
        assert torch.equal(whole.curves[name], resumed.curves[name])
        assert whole.curves[name].isfinite().all()
    for a, b in zip(
        whole.network.state_dict().values(), resumed.network.state_dict().values(), strict=True
    ):
        assert torch.equal(a, b)
    assert [path.name for path in tmp_path.iterdir()] == ["checkpoint.pt"]


def test_checkpoints_of_another_training_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "checkpoint.pt"
    single(SPACE, CELLS[0], 1, DATA, SHORT).save(path)
    with pytest.raises(DataError, match="another training"):
        single(SPACE, CELLS[0], 2, DATA, SHORT).load(path)
    path.write_bytes(path.read_bytes()[:100])
    with pytest.raises(DataError, match="cannot be read"):
        single(SPACE, CELLS[0], 1, DATA, SHORT).load(path)


class Fixed(nn.Module):
    """Answers every image with the same logits, one row per network."""

    def __init__(self, rows: list[list[float]]) -> None:
        super().__init__()
        self.rows = nn.Parameter(torch.tensor(rows))

    def forward(self, images: Tensor) -> Tensor:
        return self.rows[:, None].expand(-1, len(images), -1)


def constant_data() -> DataSet:
    images = Images(torch.zeros(8, 1, 8, 8), torch.tensor([0, 0, 0, 0, 0, 0, 1, 1]))
    return DataSet("constant", Input(8, 1, 2), dict.fromkeys(Part, images))


def test_accuracy_and_loss_are_the_textbook_ones() -> None:
    """Six of eight labels are 0. Odds of 3:1 cost the entropy of (3/4, 1/4)."""
    still = Recipe("still", Shape(), epochs=2, batch=8, learning_rate=0.0)
    network = Fixed([[math.log(3), 0.0], [0.0, 5.0]])
    training = Training(network, "ab", 0, constant_data(), still)
    training.run()
    entropy = -(0.75 * math.log(0.75) + 0.25 * math.log(0.25))
    torch.testing.assert_close(training.curves["test_accuracy"][:, 1], torch.tensor([75.0, 25.0]))
    assert math.isclose(float(training.curves["test_loss"][0, 0]), entropy, rel_tol=1e-6)
    assert math.isclose(float(training.curves["train_loss"][0, 1]), entropy, rel_tol=1e-6)


def test_divergence_is_recorded_and_stays_alone() -> None:
    still = Recipe("still", Shape(), epochs=1, batch=8)
    training = Training(Fixed([[0.0, 0.0], [math.nan, 0.0]]), "ab", 0, constant_data(), still)
    training.run()
    assert training.diverged.tolist() == [False, True]
    assert training.curves["test_loss"][0].isfinite().all()


def test_missing_device() -> None:
    if torch.cuda.is_available():
        pytest.skip("the device of this test is there")
    with pytest.raises(InvalidInput, match="device 'cuda' is not there"):
        single(SPACE, CELLS[0], 1, DATA, SHORT, device="cuda")


def test_groups_hold_every_cell_once() -> None:
    groups = networks_of(SPACE).arranged(SPACE.architectures[:50], 8)
    assert [len(group) for group in groups] == [8] * 6 + [2]
    assert sorted(cell for group in groups for cell in group) == sorted(SPACE.architectures[:50])

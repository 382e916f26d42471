"""Training recipes: what digits was made with, and what NAS-Bench-201's authors do."""

import hashlib
from pathlib import Path

import pytest
import torch
from torch import nn

from nasbench.benchmarks.catalogue import load_table
from nasbench.benchmarks.tables.costs import per_architecture
from nasbench.benchmarks.training import recipes
from nasbench.benchmarks.training import setup as setups
from nasbench.benchmarks.training.cache import Trained
from nasbench.benchmarks.training.data import Part
from nasbench.benchmarks.training.digits import digits
from nasbench.benchmarks.training.recipes import RECIPES, AuthorsRecipe, recipe
from nasbench.benchmarks.training.setup import TrainingSetup
from nasbench.benchmarks.training.train import initial_network, single
from nasbench.errors import NasbenchError
from nasbench.harness.execution.run import run
from nasbench.harness.search.opening import close_benchmarks, open_benchmark
from nasbench.provenance import processor
from nasbench.spaces.networks.base import Shape
from tests.benchmarks.training import tiny

SPACE = tiny.SPACE


def test_a_training_of_digits_15_is_what_its_table_was_made_with() -> None:
    """The first epoch of a training, alone, against the table in the package: the same images.

    Of a cell without convolutions, where the group beside it in the tabulation rounds as it does
    on the processors that made the table. On others, 131 steps make points of a last bit.
    """
    torch.set_num_threads(1)
    table, seed, cell = load_table("digits"), 1, (4, 0, 0, 4, 0, 0)
    training = single(SPACE, cell, seed, digits(), recipe("digits-15"))
    training.train_epoch()
    training.evaluate(Part.VALIDATION)
    stored = per_architecture(table.search.accuracy("digits", 15, 1, seed), table.rows)
    found = float(training.curves["validation_accuracy"][0, 0])
    near = 0.2 if processor() == "AMD EPYC" else 4.0  # two of 1,100 images; chance is 10 %
    assert found == pytest.approx(stored[SPACE.index(cell)], abs=near)


def test_trainings_of_digits_15_keep_their_names() -> None:
    """The hash of a cached training, as it was when recipes had no further fields."""
    named = Trained(
        "nb201", SPACE.format(SPACE.architecture(0)), 0, recipe("digits-15"), 15, "data",
        "float32", "cpu",
    )  # fmt: skip
    name = "ac4b04f8e42659d0391590cbb419a8243b30eef44196fdd3ca1e39f5659b5601"
    assert named.digest() == name


@pytest.mark.parametrize("name", ["nb201-12", "nb201-200"])
def test_the_authors_cosine_is_torchs_stepped_once_per_epoch(name: str) -> None:
    chosen, steps = recipe(name), 98  # of 25,000 images in batches of 256
    optimiser = torch.optim.SGD([nn.Parameter(torch.zeros(1))], lr=0.1)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, T_max=chosen.epochs)
    for epoch in range(chosen.epochs):
        expected = optimiser.param_groups[0]["lr"]
        for step in range(steps):
            progress = (epoch + step / steps) / chosen.epochs
            assert chosen.rate(progress) == pytest.approx(expected, rel=1e-9)
        optimiser.step()
        schedule.step()


def test_the_authors_weights_are_narrower_than_he_normal() -> None:
    """Uniform within 1 / sqrt(fan-in) has a variance of 1 / (3 fan-in), He normal 2 / fan-in."""
    widths = Shape(32, 1)
    for chosen, variance in (
        (AuthorsRecipe("authors", widths, epochs=1, batch=8), 1 / 3),
        (recipes.Recipe("ours", widths, epochs=1, batch=8), 2.0),
    ):
        network = initial_network(SPACE, (3,) * 6, 3, tiny.data(), chosen)
        convolutions = [m.weight.detach() for m in network.modules() if isinstance(m, nn.Conv2d)]
        scaled = torch.cat([w.flatten() * w[0].numel() ** 0.5 for w in convolutions])
        assert float(scaled.var()) == pytest.approx(variance, rel=0.01)  # of 400,000 draws


def test_what_the_published_recipes_stood_for_is_found_by_its_hash() -> None:
    """The hash that a run of before is stored with, computed by the code of then."""
    protocol = TrainingSetup.parse("nb201-12:6@0/nb201-200@1,2,3/cpu/float32")
    stored = "b3b66a1e8bf0a7941d11240c4c2b8b26f841edce507bbdae4112714cf2a28039"
    hashes = [
        hashlib.sha256(repr(("fingerprint", str(one), one.recipes)).encode()).hexdigest()
        for one in protocol.meanings()
    ]
    assert hashes[1] == stored
    assert hashes[0] != stored


def test_runs_of_an_earlier_recipe_are_replayed_with_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Stored, then the name gets another meaning: the run still opens what it was made with."""
    monkeypatch.setenv("NASBENCH_DATA", str(tmp_path / "data"))
    monkeypatch.setattr(setups, "shared_data", lambda name, folder: tiny.data())
    for entry in (tiny.RECIPE, tiny.FINAL):
        monkeypatch.setitem(RECIPES, entry.name, entry)
    close_benchmarks()
    options = {"seeds": 1, "benchmark": "train:nb201", "datasets": "mine", "budget": "1evals"}
    line = "tiny:1@0/tiny-final@1"
    (before,) = run("random-search", protocol=line, out=tmp_path / "results", **options)
    monkeypatch.setattr(recipes, "_EARLIER", (tiny.RECIPE, tiny.FINAL))
    for entry in (tiny.RECIPE, tiny.FINAL):
        today = AuthorsRecipe(entry.name, entry.shape, entry.epochs, entry.batch)
        monkeypatch.setitem(RECIPES, entry.name, today)
    close_benchmarks()
    (after,) = run("random-search", protocol=line, out=tmp_path / "results", **options)
    assert before.experiment.task.protocol == after.experiment.task.protocol
    assert before.experiment.task.content != after.experiment.task.content
    assert open_benchmark(before.experiment.task)[0].recipe == tiny.RECIPE
    assert open_benchmark(after.experiment.task)[0].recipe == RECIPES["tiny"]
    monkeypatch.setattr(recipes, "_EARLIER", ())
    close_benchmarks()
    with pytest.raises(NasbenchError, match="or a recipe has changed"):
        open_benchmark(before.experiment.task)

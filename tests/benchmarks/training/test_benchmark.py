"""Searching by training: answers, the cache, the judge, what a search cannot see."""

import json
import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from nasbench.benchmarks.base import Benchmark, Judge
from nasbench.benchmarks.training import setup as setups
from nasbench.benchmarks.training.benchmark import TrainedBenchmark, TrainedJudge, Trainer
from nasbench.benchmarks.training.cache import Cache, Finished
from nasbench.benchmarks.training.data import Part
from nasbench.benchmarks.training.recipes import RECIPES, Recipe
from nasbench.benchmarks.training.setup import TrainingSetup, open_training, training_hash
from nasbench.benchmarks.training.train import Training, single
from nasbench.errors import InvalidInput
from nasbench.problem import Answer, Evaluate, Fidelity
from nasbench.randomness import Random
from tests.benchmarks.training import tiny


def trainer(recipe: Recipe = tiny.RECIPE) -> Trainer:
    return Trainer(tiny.SPACE, tiny.data(), recipe)


def ask(benchmark: Benchmark, request: Evaluate) -> Answer:
    return benchmark.session(Random(0)).answer(request)


@pytest.fixture
def epochs(monkeypatch: pytest.MonkeyPatch) -> list[Training]:
    """One entry for every epoch trained."""
    trained: list[Training] = []
    train_epoch = Training.train_epoch

    def spy(self: Training) -> None:
        trained.append(self)
        train_epoch(self)

    monkeypatch.setattr(Training, "train_epoch", spy)
    return trained


def test_an_answer_is_the_validation_of_the_plain_training(tmp_path: Path) -> None:
    plain = single(tiny.SPACE, tiny.CELL, 0, tiny.data(), tiny.RECIPE)
    plain.run()
    curve = plain.curves["validation_accuracy"][0].tolist()
    benchmark: Benchmark = TrainedBenchmark(trainer(), tmp_path)
    for epochs, expected in ((None, curve[2]), (3, curve[2]), (1, curve[0])):
        answer = ask(benchmark, Evaluate(tiny.CELL, epochs and Fidelity(epochs)))
        assert answer.values == (expected,)
        assert (answer.epochs, answer.failed) == (epochs or 3, False)
        assert answer.seconds > 0
    assert benchmark.best_signal is None
    assert benchmark.cheapest == 0
    with pytest.raises(InvalidInput, match="epochs 1 to 3: 4 cannot"):
        ask(benchmark, Evaluate(tiny.CELL, Fidelity(4)))


def test_a_cache_hit_is_the_first_answer_and_its_cost(
    tmp_path: Path, epochs: list[Training]
) -> None:
    first = ask(TrainedBenchmark(trainer(), tmp_path), Evaluate(tiny.CELL))
    assert len(epochs) == 3
    again = ask(TrainedBenchmark(trainer(), tmp_path), Evaluate(tiny.CELL, Fidelity(3)))
    assert again == first
    assert len(epochs) == 3


def test_cells_of_one_network_class_share_an_entry(tmp_path: Path, epochs: list[Training]) -> None:
    benchmark = TrainedBenchmark(trainer(), tmp_path)
    one, other = (ask(benchmark, Evaluate(cell)) for cell in tiny.TWINS)
    assert tiny.TWINS[0] != tiny.TWINS[1]
    assert one == other
    assert len(epochs) == 3
    assert len(list(tmp_path.rglob("*.json"))) == 1


def test_what_makes_another_training() -> None:
    named = trainer().named(tiny.CELL, 0, 3)
    others = [
        trainer().named(tiny.CELL, 1, 3),
        trainer().named(tiny.CELL, 0, 2),
        trainer().named(tiny.TWINS[0], 0, 3),
        trainer(replace(tiny.RECIPE, learning_rate=0.04)).named(tiny.CELL, 0, 3),
        Trainer(tiny.SPACE, tiny.data(), tiny.RECIPE, precision="bfloat16").named(tiny.CELL, 0, 3),
        Trainer(tiny.SPACE, tiny.data(50), tiny.RECIPE).named(tiny.CELL, 0, 3),
        replace(named, device="cuda"),
    ]
    digests = [training.digest() for training in (named, *others)]
    assert len(set(digests)) == len(digests)
    assert trainer().named(tiny.CELL, 0, 3).digest() == named.digest()


def test_seeds_are_drawn_from_the_run(tmp_path: Path) -> None:
    benchmark = TrainedBenchmark(trainer(tiny.FINAL), tmp_path, seeds=(0, 1))
    session = benchmark.session(Random(3))
    answers = {session.answer(Evaluate(tiny.CELL)) for _ in range(12)}
    assert answers == {
        ask(TrainedBenchmark(trainer(tiny.FINAL), tmp_path, seeds=(seed,)), Evaluate(tiny.CELL))
        for seed in (0, 1)
    }
    with pytest.raises(InvalidInput, match="at least one"):
        TrainedBenchmark(trainer(), tmp_path, seeds=())


def test_divergence_is_a_failed_evaluation_that_costs(tmp_path: Path) -> None:
    benchmark = TrainedBenchmark(trainer(tiny.EXPLODING), tmp_path)
    answer = ask(benchmark, Evaluate(tiny.CELL))
    assert (*answer.values, answer.failed, answer.epochs) == (0.0, True, 1)
    assert answer.seconds > 0
    assert ask(benchmark, Evaluate(tiny.CELL)) == answer
    judge = TrainedJudge(trainer(tiny.EXPLODING), tmp_path, seeds=(1,))
    assert math.isnan(judge.read([tiny.CELL])["tiny"].test[0, 0])


def test_a_search_holds_no_test_image(tmp_path: Path) -> None:
    shared = trainer()
    benchmark = TrainedBenchmark(shared, tmp_path)
    held = shared.data.parts[Part.TEST].images
    inside = benchmark._trainer.data.parts
    assert not any(torch.equal(images.images, held) for images in inside.values())
    assert torch.equal(inside[Part.TEST].images, inside[Part.VALIDATION].images)
    ask(benchmark, Evaluate(tiny.CELL))
    (file,) = tmp_path.rglob("*.json")
    assert "test" not in json.loads(file.read_text())["result"]


def test_the_judge_trains_the_last_incumbent_and_reads_test_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    looks: list[Part] = []
    evaluate = Training.evaluate

    def spy(self: Training, part: Part) -> None:
        looks.append(part)
        evaluate(self, part)

    plain = [single(tiny.SPACE, tiny.CELL, seed, tiny.data(), tiny.FINAL) for seed in (1, 2)]
    for training in plain:
        training.run()
    expected = np.mean([float(one.curves["test_accuracy"][0, -1]) for one in plain])
    monkeypatch.setattr(Training, "evaluate", spy)
    judge: Judge = TrainedJudge(trainer(tiny.FINAL), tmp_path, seeds=(1, 2))
    verdict = judge.read([tiny.TWINS[0], tiny.CELL])["tiny"]
    assert looks == [Part.VALIDATION, Part.TEST] * 2
    assert verdict.test[1, 0] == pytest.approx(expected)
    assert np.isnan([verdict.test[0, 0], verdict.valid[0, 0]]).all()
    again = TrainedJudge(trainer(tiny.FINAL), tmp_path, seeds=(1, 2)).read([tiny.CELL])["tiny"]
    assert again.test[0, 0] == verdict.test[1, 0]
    assert len(looks) == 4
    assert judge.read([])["tiny"].test.shape == (0, 1)


def test_the_first_to_finish_is_kept(tmp_path: Path) -> None:
    cache: Cache[Finished] = Cache.of_search(tmp_path)
    named = trainer().named(tiny.CELL, 0, 3)
    first = Finished(50.0, 0.7, 1.5, 3, False, "one")
    assert cache.find(named) is None
    assert cache.keep(named, first) == first
    assert cache.keep(named, replace(first, seconds=9.0)) == first
    assert Cache.of_judge(tmp_path).find(named) is None


def test_protocols_are_lines_of_text() -> None:
    short = TrainingSetup.parse("nb201-12@0/nb201-200@1,2,3")
    assert short == TrainingSetup("nb201-12", "nb201-200", 12)
    assert str(short) == "nb201-12:12@0/nb201-200@1,2,3/float32"
    earlier = "nb201-12:6@4,5/nb201-12@7/cuda/bfloat16"
    for text in (str(short), earlier):
        assert str(TrainingSetup.parse(text)) == text
    assert TrainingSetup.parse(earlier).device == "cuda"
    assert TrainingSetup.default("cifar10") == short
    for text, message in (
        ("nb201-12", "write RECIPE:EPOCHS@SEEDS"),
        ("nb201-13/nb201-200", "'nb201-13' is unknown"),
        ("nb201-12/nb201-201", "'nb201-201' is unknown"),
        ("nb201-12:13/nb201-200", "epochs 1 to 12: 13"),
        ("nb201-12/nb201-200:3", "to its last epoch"),
        ("nb201-12/nb201-200/cpu/int8", "precision 'int8' is unknown"),
        ("nb201-12/nb201-200/nowhere/float32", "device 'nowhere' is unknown"),
        ("nb201-12/nb201-200/float32/cpu", "precision 'cpu' is unknown"),
        ("nb201-12/nb201-200/bf16", "precision 'bf16' is unknown: use one of float32"),
    ):
        with pytest.raises(InvalidInput, match=message):
            TrainingSetup.parse(text)


def test_opening_by_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NASBENCH_TRAININGS", str(tmp_path))
    monkeypatch.setitem(RECIPES, "tiny", tiny.RECIPE)
    monkeypatch.setitem(RECIPES, "tiny-final", tiny.FINAL)
    monkeypatch.setattr(setups, "shared_data", lambda name, folder: tiny.data())
    setup = TrainingSetup.parse("tiny:2/tiny-final@5")
    benchmark, judge = open_training("nb201", "tiny", setup)
    answer = ask(benchmark, Evaluate(tiny.CELL))
    assert answer.epochs == 2
    assert np.isfinite(judge.read([tiny.CELL])["tiny"].test).all()
    assert {path.name for path in tmp_path.iterdir()} == {"search", "final"}
    assert "its clock is real seconds on " in benchmark.note
    other = training_hash("tiny", replace(setup, final_seeds=(6,)))
    assert training_hash("tiny", setup) != other
    assert len(other) == 64

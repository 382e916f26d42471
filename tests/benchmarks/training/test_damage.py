"""Checkpoints, cached trainings and shards: flipped bits and values without sense are noticed."""

import copy
import dataclasses
import json
import random
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import torch

from nasbench.benchmarks.training.assemble import assemble
from nasbench.benchmarks.training.cache import Cache, Finished, Judged, Trained
from nasbench.benchmarks.training.checkpoint import read_checkpoint, write_checkpoint
from nasbench.benchmarks.training.costs import COSTS, read_costs
from nasbench.benchmarks.training.plan import Plan
from nasbench.benchmarks.training.recipes import Recipe
from nasbench.benchmarks.training.shards import (
    Identity,
    Trainings,
    origin,
    read_shards,
    write_parquet,
    write_shard,
)
from nasbench.benchmarks.training.tabulate import tabulate
from nasbench.benchmarks.training.train import CURVES, Training, single
from nasbench.benchmarks.training.train_one import CHECKPOINT, RESULT, fit
from nasbench.errors import DataError, InvalidInput
from nasbench.spaces.networks.base import Shape
from tests.benchmarks.training import tiny


def flipped(content: bytes, bit: int) -> bytes:
    changed = bytearray(content)
    changed[bit // 8] ^= 1 << bit % 8
    return bytes(changed)


def some_bits(content: bytes, count: int) -> list[int]:
    return random.Random(0).sample(range(8 * len(content)), count)


# Cached trainings

TRAINED = Trained(
    "nb201", "|none~0|+|none~0|none~1|+|nor_conv_3x3~0|none~1|none~2|", 3,
    Recipe("tiny", Shape(4, 1), epochs=3, batch=16, learning_rate=0.05), 2, "abc", "float32", "cpu",
)  # fmt: skip
FINISHED = Finished(50.0, 0.7, 1.5, 2, False, "one")


def test_an_entry_is_found_where_earlier_versions_left_it() -> None:
    """The name as version 0.1.0 made it, before threads had a part in it."""
    assert TRAINED.digest() == GOLDEN
    assert dataclasses.replace(TRAINED, threads=2).digest() != GOLDEN


GOLDEN = "f9ec4d770dd90156576f8c80b7fb8eafaaead591d254cf9ec5c43270a6e0dd36"


def entry(folder: Path, say: Callable[[str], None]) -> tuple[Cache[Finished], Path]:
    cache = Cache(folder, Finished, say)
    cache.keep(TRAINED, FINISHED)
    (file,) = folder.rglob("*.json")
    return cache, file


def test_a_flipped_bit_of_an_entry_sets_it_aside(tmp_path: Path) -> None:
    """Nothing is lost: it is there under another name; the next training takes its place."""
    said: list[str] = []
    cache, file = entry(tmp_path, said.append)
    whole = file.read_bytes()
    assert cache.find(TRAINED) == FINISHED
    for bit in some_bits(whole, 1000):
        damaged = flipped(whole, bit)
        file.write_bytes(damaged)
        assert cache.find(TRAINED) is None, bit
        aside = file.with_name(f"{file.name}.damaged")
        assert aside.read_bytes() == damaged
        aside.unlink()
    assert len(said) == 1000
    assert all("\n" not in line and str(file) in line for line in said)
    assert cache.keep(TRAINED, FINISHED) == FINISHED
    assert file.read_bytes() == whole


def test_entries_of_earlier_versions_are_read(tmp_path: Path) -> None:
    cache, file = entry(tmp_path, print)
    content = json.loads(file.read_text())
    del content["seal"], content["training"]["threads"]
    file.write_text(json.dumps(content))
    assert cache.find(TRAINED) == FINISHED


@pytest.mark.parametrize(
    ("part", "values"),
    [
        ("result", {"accuracy": 99_999.0}),
        ("result", {"accuracy": "50"}),
        ("result", {"accuracy": True}),
        ("result", {"accuracy": float("nan")}),
        ("result", {"seconds": -1.0}),
        ("result", {"seconds": 0.0}),
        ("result", {"seconds": float("inf")}),
        ("result", {"seconds": None}),
        ("result", {"epochs": 3}),
        ("result", {"epochs": 1.0}),
        ("result", {"diverged": True}),
        ("result", {"loss": -1.0}),
        ("result", {"loss": [1]}),
        ("result", {"machine": 5}),
        ("result", {"more": 5}),
        ("training", {"seed": 4}),
        ("training", {"threads": 2}),
    ],
)
def test_numbers_that_no_training_gives_are_damage(
    tmp_path: Path, part: str, values: dict[str, Any]
) -> None:
    said: list[str] = []
    cache, file = entry(tmp_path, said.append)
    content = json.loads(file.read_text())
    del content["seal"]
    content[part].update(values)
    file.write_text(json.dumps(content))
    assert cache.find(TRAINED) is None
    (line,) = said
    assert line.endswith("is kept as '" + file.name + ".damaged' and trained again")


@pytest.mark.parametrize("content", [b"", b"{}", b"[1]", b"\xff", b"[" * 100_000, b"null"])
def test_what_is_no_entry_is_set_aside(tmp_path: Path, content: bytes) -> None:
    said: list[str] = []
    cache, file = entry(tmp_path, said.append)
    for _ in range(2):  # the second beside the first
        file.write_bytes(content)
        assert cache.find(TRAINED) is None
    assert len(said) == len(list(tmp_path.rglob("*.damaged*"))) == 2


@pytest.mark.parametrize("odd", [Path.mkdir, lambda path: path.symlink_to(path.name)])
def test_what_is_no_file_is_set_aside(tmp_path: Path, odd: Callable[[Path], None]) -> None:
    said: list[str] = []
    cache, file = entry(tmp_path, said.append)
    for _ in range(2):  # the second beside the first
        file.unlink()
        odd(file)
        assert cache.find(TRAINED) is None
        assert cache.keep(TRAINED, FINISHED) == FINISHED
    assert len(said) == len(list(tmp_path.rglob("*.damaged*"))) == 2
    assert cache.find(TRAINED) == FINISHED


def test_a_judged_training_is_checked_too(tmp_path: Path) -> None:
    cache = Cache(tmp_path, Judged, lambda _: None)
    for odd in (Judged(50.0, None, 1.0, "x"), Judged(50.0, 101.0, 1.0, "x")):
        cache.keep(TRAINED, odd)
        assert cache.find(TRAINED) is None
    good = cache.keep(TRAINED, Judged(None, None, 1.0, "x"))
    assert cache.find(TRAINED) == good


# Checkpoints


@pytest.fixture(autouse=True)
def _threads() -> Iterator[None]:
    before = torch.get_num_threads()
    yield
    torch.set_num_threads(before)


def start(epochs: int = 3) -> Training:
    recipe = dataclasses.replace(tiny.RECIPE, epochs=epochs)
    return single(tiny.SPACE, tiny.CELL, 1, tiny.data(), recipe)


@pytest.fixture(scope="module")
def trained() -> Training:
    """After one epoch of three."""
    training = start()
    training.train_epoch()
    return training


def state(training: Training, folder: Path) -> dict[str, Any]:
    training.save(folder / "whole.pt")
    return read_checkpoint(folder / "whole.pt")


def test_a_flipped_bit_of_a_checkpoint_is_noticed(tmp_path: Path, trained: Training) -> None:
    path = tmp_path / CHECKPOINT
    trained.save(path)
    whole = path.read_bytes()
    for bit in [*some_bits(whole, 200), *range(8 * len(whole) - 900, 8 * len(whole))]:
        path.write_bytes(flipped(whole, bit))
        with pytest.raises(DataError, match="cannot be read: remove it"):
            read_checkpoint(path)


def test_torch_reads_a_checkpoint_and_earlier_ones_are_read(
    tmp_path: Path, trained: Training
) -> None:
    path = tmp_path / CHECKPOINT
    content = {"a": torch.arange(3.0), "b": [1, None]}
    write_checkpoint(path, content)
    assert torch.equal(torch.load(path, weights_only=True)["a"], content["a"])
    old = state(trained, tmp_path)
    del old["identity"]["threads"]
    torch.save(old, path)
    resumed = start()
    resumed.load(path)
    assert resumed.epoch == 1


def set_(*keys: Any, to: Any) -> Callable[[dict[str, Any]], None]:
    def change(content: dict[str, Any]) -> None:
        for key in keys[:-1]:
            content = content[key]
        content[keys[-1]] = to

    return change


def rename(*keys: Any) -> Callable[[dict[str, Any]], None]:
    """Flip the lowest bit of a key's first letter."""

    def change(content: dict[str, Any]) -> None:
        for key in keys[:-1]:
            content = content[key]
        name = keys[-1] or next(iter(content))
        content[chr(ord(name[0]) ^ 1) + name[1:]] = content.pop(name)

    return change


STATES = {
    "no epoch": lambda c: c.pop("epoch"),
    "epoch None": set_("epoch", to=None),
    "epoch 5 of 3": set_("epoch", to=5),
    "epoch -1": set_("epoch", to=-1),
    "epoch 0": set_("epoch", to=0),
    "epoch true": set_("epoch", to=True),
    "epoch a tensor": set_("epoch", to=torch.tensor(1)),
    "epoch a number": set_("epoch", to=1.0),
    "network None": set_("network", to=None),
    "network a list": set_("network", to=[1]),
    "network smaller": lambda c: c["network"].popitem(),
    "network key": rename("network", ""),
    "weights NaN": lambda c: next(iter(c["network"].values())).fill_(torch.nan),
    "weights halved": lambda c: c["network"].update(
        {name: tensor.half() for name, tensor in c["network"].items()}
    ),
    "optimiser None": set_("optimiser", to=None),
    "optimiser key": rename("optimiser", "state"),
    "momenta": set_("optimiser", "state", 0, "momentum_buffer", to=torch.zeros(2)),
    "momenta key": rename("optimiser", "state", 0, "momentum_buffer"),
    "momenta of none": set_("optimiser", "state", 99, to={}),
    "momentum": set_("optimiser", "param_groups", 0, "momentum", to=0.8),
    "momentum a tensor": set_("optimiser", "param_groups", 0, "momentum", to=torch.ones(2)),
    "groups": set_("optimiser", "param_groups", to=[]),
    "curves a list": set_("curves", to=[]),
    "curves key": rename("curves", "train_loss"),
    "curves shorter": set_("curves", "train_loss", to=torch.zeros(1, 2)),
    "curves values": set_("curves", "validation_accuracy", to=torch.full((1, 3), 101.0)),
    "diverged": set_("diverged", to=torch.zeros(1)),
    "threads": set_("identity", "threads", to="many"),
    "no threads at all": set_("identity", "threads", to=0),
    "identity key": rename("identity", "seed"),
    "identity None": set_("identity", to=None),
}  # fmt: skip


@pytest.mark.parametrize("kind", STATES)
def test_a_state_that_cannot_be_is_one_line_and_changes_nothing(
    tmp_path: Path, trained: Training, kind: str
) -> None:
    content = state(trained, tmp_path)
    STATES[kind](content)
    path = tmp_path / CHECKPOINT
    write_checkpoint(path, content)
    training = start()
    before = {name: tensor.clone() for name, tensor in training.network.state_dict().items()}
    with pytest.raises(DataError, match="remove it") as caught:
        training.load(path)
    assert "\n" not in str(caught.value)
    assert training.epoch == 0
    assert all(torch.equal(before[k], t) for k, t in training.network.state_dict().items())


def places(content: Any, *keys: Any) -> Iterator[tuple[Any, ...]]:
    """Yield the keys that lead to every value of nested dicts, the dicts themselves too."""
    if keys:
        yield keys
    if isinstance(content, dict):
        for key, value in content.items():
            yield from places(value, *keys, key)


@pytest.mark.filterwarnings("error")
def test_a_tensor_where_anything_else_belongs_is_one_line(
    tmp_path: Path, trained: Training
) -> None:
    """Python's `==` and `in` raise errors of torch's own where they meet one of two elements."""
    path, whole, training = tmp_path / CHECKPOINT, state(trained, tmp_path), start()
    found = list(places(whole))
    assert len(found) > 50
    for keys in found:
        content = copy.deepcopy(whole)
        set_(*keys, to=torch.ones(2, 2))(content)
        write_checkpoint(path, content)
        with pytest.raises(DataError, match="remove it"):
            training.load(path)
        assert training.epoch == 0


def test_a_training_goes_on_with_the_threads_it_began_with(tmp_path: Path) -> None:
    """Stopped on two threads and resumed where there is one, the result is that of two."""
    torch.set_num_threads(2)
    whole = fit(start(2), tmp_path / "whole")
    with pytest.raises(KeyboardInterrupt):
        fit(start(2), tmp_path / "part", lambda _: (_ for _ in ()).throw(KeyboardInterrupt))
    torch.set_num_threads(1)
    here = start(2)
    assert here.threads == 1
    part = fit(here, tmp_path / "part")
    assert (here.threads, torch.get_num_threads()) == (2, 1)
    assert part.training["threads"] == whole.training["threads"] == 2
    assert dataclasses.replace(part, seconds=0) == dataclasses.replace(whole, seconds=0)
    torch.set_num_threads(1)
    assert fit(start(2), tmp_path / "whole") == whole  # and says so: its threads are in it


@pytest.mark.parametrize(
    "values",
    [
        {"test_accuracy": "90"}, {"test_accuracy": 99_999}, {"seconds": -1}, {"machine": None},
        {"test_loss": float("nan")}, {"validation_loss": None}, {"more": 1},
    ],
)  # fmt: skip
def test_a_result_that_cannot_be_is_one_line(tmp_path: Path, values: dict[str, Any]) -> None:
    fit(start(), tmp_path)
    content = json.loads((tmp_path / RESULT).read_text())
    del content["seal"]
    (tmp_path / RESULT).write_text(json.dumps(content))
    fit(start(), tmp_path)  # as an earlier version wrote it
    (tmp_path / RESULT).write_text(json.dumps({**content, **values}))
    with pytest.raises(DataError, match=r"result.json' is damaged"):
        fit(start(), tmp_path)


# Shards

CELLS = (0, 1, 2)
PLAN = Plan(partial(tiny.data), tiny.FINAL, Path(), CELLS, seeds=(0,), group=3)


def identity(**changes: Any) -> Identity:
    plan = dataclasses.replace(PLAN, **changes)
    return plan.identity(plan.data())


def trainings(**changes: Any) -> Trainings:
    """Three cells, two epochs; the last one diverged in its second."""
    curve = np.array([[50, 60], [51, 61], [52, np.nan]], dtype=np.float32)
    losses = np.array([[0.5, 0.4], [0.5, np.inf], [0.5, np.nan]], dtype=np.float32)
    curves = {name: losses if name.endswith("loss") else curve for name in CURVES}
    curves["train_loss"] = np.array([[0.5, 0.4], [0.5, 0.3], [0.5, np.nan]], dtype=np.float32)
    made = Trainings(
        np.array(CELLS), np.zeros(3, np.int64), np.array([False, False, True]), curves,
        (origin("cpu", 1, 1.0),),
    )  # fmt: skip
    return dataclasses.replace(made, **changes)


def test_a_flipped_bit_of_a_shard_is_noticed(tmp_path: Path) -> None:
    path = write_shard(tmp_path, trainings(), identity())
    whole = path.read_bytes()
    assert len(read_shards([tmp_path], identity())) == 3
    for bit in [*some_bits(whole, 150), *range(0, 8 * len(whole), 297)]:
        path.write_bytes(flipped(whole, bit))
        with pytest.raises(DataError, match="delete it and go on"):
            read_shards([tmp_path], identity())


def changed(name: str, row: int, value: Any) -> Callable[[pa.Table], pa.Table]:
    def change(table: pa.Table) -> pa.Table:
        rows = table.to_pylist()
        rows[row][name] = value
        return pa.Table.from_pylist(rows, schema=table.schema)

    return change


SHARDS: dict[str, Callable[[pa.Table], pa.Table]] = {
    "cell": changed("cell", 1, 15_625),
    "negative": changed("cell", 1, -1),
    "null": changed("cell", 1, None),
    "twice": changed("cell", 1, 0),
    "seeds": changed("seed", 1, 5),
    "accuracy": changed("test_accuracy", 1, [50.0, 99_999.0]),
    "lost": changed("test_accuracy", 1, [50.0, float("nan")]),
    "loss": changed("train_loss", 0, [-0.5, 0.5]),
    "diverged": changed("diverged", 0, True),
    "shorter": changed("test_loss", 1, [0.5]),
    "within": changed("test_loss", 1, [0.5, None]),
    "no column": lambda table: table.drop_columns(["test_loss"]),
    "texts": lambda table: table.set_column(0, "cell", pa.array(["a", "b", "c"])),
    "empty": lambda table: table.slice(0, 0),
}


@pytest.mark.parametrize("kind", SHARDS)
def test_a_shard_that_cannot_be_is_one_line(tmp_path: Path, kind: str) -> None:
    path = write_shard(tmp_path, trainings(), identity())
    pq.write_table(SHARDS[kind](pq.read_table(path)), path)
    with pytest.raises(DataError, match="delete it and go on") as caught:
        read_shards([tmp_path], identity())
    assert "\n" not in str(caught.value)
    assert str(path) in str(caught.value)


@pytest.mark.parametrize("about", [{}, {"identity": 5}, {"identity": {}, "origin": {"a": 1}}])
def test_a_file_that_does_not_say_what_it_is_is_one_line(tmp_path: Path, about: Any) -> None:
    write_parquet(tmp_path / "seed0-x.parquet", {"cell": pa.array([1])}, about)
    with pytest.raises(DataError, match="it does not say"):
        read_shards([tmp_path], identity())


def test_other_groups_and_threads_are_refused(tmp_path: Path) -> None:
    write_shard(tmp_path, trainings(), identity())
    with pytest.raises(InvalidInput, match=r"group is 3 there and 2 here.* or use --group 3"):
        read_shards([tmp_path], identity(group=2))
    with pytest.raises(InvalidInput, match="threads is 1 there and 2 here"):
        read_shards([tmp_path], identity(threads=2))


def test_shards_of_earlier_versions_are_read(tmp_path: Path) -> None:
    """They do not say their group: that it cannot be smaller than a shard is known."""
    path = write_shard(tmp_path, trainings(), identity())
    table = pq.read_table(path)
    about = json.loads(table.schema.metadata[b"nasbench"])
    del about["identity"]["group"], about["identity"]["threads"]
    pq.write_table(table.replace_schema_metadata({"nasbench": json.dumps(about)}), path)
    for group in (3, 64):
        assert len(read_shards([tmp_path], identity(group=group))) == 3
    with pytest.raises(InvalidInput, match="group is 3 there and 2 here"):
        read_shards([tmp_path], identity(group=2))
    with pytest.raises(InvalidInput, match="threads is 1 there and 4 here"):
        read_shards([tmp_path], identity(threads=4))


def test_a_table_says_in_which_groups_it_was_trained(tmp_path: Path) -> None:
    plan = dataclasses.replace(PLAN, out=tmp_path)
    tabulate(plan)
    assert any(note.endswith("seeds [0], in groups of 3") for note in assemble(plan).info.notes)
    with pytest.raises(InvalidInput, match="--group 3"):
        tabulate(dataclasses.replace(plan, group=2, cells=(0, 1, 2, 3)))


@pytest.mark.parametrize(
    ("name", "values"),
    [
        ("index", [0, 15_625]), ("index", [0, -1]), ("index", ["a", "b"]), ("round", [0, -1]),
        ("epoch_seconds", [1.0, 0.0]), ("latency_ms", [1.0, float("inf")]),
        ("validation_seconds", [1.0, float("nan")]), ("validation_seconds", [1.0, None]),
    ],
)  # fmt: skip
def test_costs_that_cannot_be_are_one_line(tmp_path: Path, name: str, values: list[Any]) -> None:
    costs = dict.fromkeys(COSTS, pa.array([1.0, 2.0]))
    good = {"index": pa.array([0, 1]), "round": pa.array([0, 0]), **costs}
    about = {"identity": identity().to_json(), "origin": origin("cpu", 1, 1.0)}
    write_parquet(tmp_path / "costs-cpu.parquet", good, about)
    assert len(read_costs(tmp_path, identity())) == 1
    write_parquet(tmp_path / "costs-cpu.parquet", {**good, name: pa.array(values)}, about)
    with pytest.raises(DataError, match="delete it and go on") as caught:
        read_costs(tmp_path, identity())
    assert "\n" not in str(caught.value)

"""Measuring proxies: each network once, work that is interrupted goes on to the same bits."""

import math
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from torch import nn

import nasbench
from nasbench.benchmarks.catalogue import load_table
from nasbench.benchmarks.proxies import Proxies, find_proxies, read_proxies
from nasbench.benchmarks.tables.table import Table
from nasbench.benchmarks.training.data import Images
from nasbench.benchmarks.training.proxies import catalogue, record
from nasbench.benchmarks.training.proxies.flow import synflow
from nasbench.benchmarks.training.proxies.measure import Measurement, measure
from nasbench.benchmarks.training.proxies.minibatch import minibatch
from nasbench.benchmarks.training.recipes import Recipe
from nasbench.benchmarks.training.streams import initialisation
from nasbench.errors import DataError, InvalidInput
from nasbench.spaces.inputs import Input
from nasbench.spaces.nb201 import NasBench201
from nasbench.spaces.networks.base import Shape, networks_of

SPACE = NasBench201()
RECIPE = Recipe("tiny", Shape(2, 1), epochs=1, batch=8)
NAMES = ("params", "synflow", "jacov", "naswot")


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("NASBENCH_DATA", str(tmp_path))
    return tmp_path / "proxies"


def wanted(
    table: Table | None = None, batch: int = 8, seed: int = 0, **changes: Any
) -> Measurement:
    images = minibatch("digits", batch, seed)
    given = {"names": NAMES, "sample": 12, "seed": seed, **changes}
    return Measurement(
        table or load_table("digits"), table.name if table else "digits",
        minibatch=images, recipe=RECIPE, **given,
    )  # fmt: skip


def same(one: Proxies, other: Proxies) -> bool:
    """Whether the scores are the same to the bit; the seconds never are."""
    return one.names == other.names and all(
        np.array_equal(one.scores[name], other.scores[name], equal_nan=True) for name in one.names
    )


def counted(monkeypatch: pytest.MonkeyPatch, name: str, stop_after: int | None = None) -> list[int]:
    """Count the scores of a proxy in the list that is returned; end as a user does after some."""
    scored, score = [0], catalogue.OF_NETWORKS[name]

    def counting(network: nn.Module, images: Images, generator: torch.Generator) -> float:
        if scored[0] == stop_after:
            raise KeyboardInterrupt
        scored[0] += 1
        return score(network, images, generator)

    monkeypatch.setitem(catalogue.OF_NETWORKS, name, counting)
    return scored


def test_a_measurement_is_found_and_has_the_same_bits_again(folder: Path) -> None:
    first = measure(wanted())
    found = find_proxies(load_table("digits"), "digits")
    assert found is not None
    assert found.digest == first.digest
    assert found.names == NAMES
    assert found.measured == 12
    assert (found.info.batch, found.info.recipe, found.info.cells) == (8, "tiny", 1)
    assert found.info.images == "training images of digits"
    assert same(measure(wanted(), fresh=True), first)
    for changed in (wanted(batch=16), wanted(seed=1)):
        assert not same(measure(changed, fresh=True), first)
    assert [path.name for path in folder.iterdir()] == ["digits.digits.parquet"]


def test_synflow_is_scaled_by_the_initial_weights_and_not_by_the_images() -> None:
    plain, more = measure(wanted()), measure(wanted(batch=16), fresh=True)
    np.testing.assert_array_equal(plain.scores["synflow"], more.scores["synflow"])
    assert not np.array_equal(plain.scores["naswot"], more.scores["naswot"], equal_nan=True)


def test_architectures_of_one_network_share_its_score_and_its_cost(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    scored = counted(monkeypatch, "synflow")
    classes = networks_of(SPACE).classes
    found = measure(wanted(sample=60, names=("synflow",)))
    there = np.flatnonzero(~np.isnan(found.scores["synflow"]))
    assert len(there) == 60
    distinct = np.unique(classes[there])
    assert len(distinct) < 60
    assert scored[0] == len(distinct) + 1  # the first one prepares the others
    for one in distinct:
        members = there[classes[there] == one]
        assert len(np.unique(found.scores["synflow"][members])) == 1
        assert len(np.unique(found.seconds["synflow"][members])) == 1


def test_sizes_are_those_of_the_table_and_free() -> None:
    table = load_table("digits")
    found = measure(wanted(names=("params", "flops", "synflow")))
    np.testing.assert_array_equal(found.scores["params"], table.search.params("digits"))
    np.testing.assert_array_equal(found.scores["flops"], table.search.flops("digits"))
    assert not found.seconds["params"].any()
    assert (found.seconds["synflow"][~np.isnan(found.scores["synflow"])] > 0).all()


def test_what_is_interrupted_goes_on_to_the_same_bits(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = measure(wanted(), fresh=True)
    (folder / "digits.digits.parquet").unlink()
    with monkeypatch.context() as patch:
        counted(patch, "naswot", stop_after=6)
        with pytest.raises(KeyboardInterrupt):
            measure(wanted())
    found = find_proxies("digits", "digits")  # no search finds half of it, but what is shipped
    assert found is not None
    assert found.measured == 15_625
    assert [path.name for path in folder.iterdir()] == ["digits.digits.unfinished.parquet"]
    half = read_proxies(folder / "digits.digits.unfinished.parquet")
    assert 0 < half.measured < 12
    scored = counted(monkeypatch, "naswot")
    assert same(measure(wanted()), whole)
    assert 0 < scored[0] < 12
    assert [path.name for path in folder.iterdir()] == ["digits.digits.parquet"]


def test_scores_are_kept_while_they_are_measured(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A process that is killed loses what it scored since the last time."""
    monkeypatch.setattr(record, "_KEPT_EVERY", 0.0)
    monkeypatch.setattr(record.Record, "finish", lambda *_: None)
    written = []
    keep = record.Record.keep

    def killed(one: record.Record, *, now: bool = False) -> None:
        if not now:
            keep(one)
            written.append(read_proxies(folder / "digits.digits.unfinished.parquet").measured)

    monkeypatch.setattr(record.Record, "keep", killed)
    measure(wanted())
    assert written == sorted(set(written))
    assert written[-1] == 12


def test_a_larger_sample_and_further_proxies_go_on(monkeypatch: pytest.MonkeyPatch) -> None:
    whole = measure(wanted(sample=20))
    few = measure(wanted(sample=8, names=("naswot",)), fresh=True)
    known = ~np.isnan(few.scores["naswot"])
    np.testing.assert_array_equal(few.scores["naswot"][known], whole.scores["naswot"][known])
    scored = counted(monkeypatch, "naswot")
    assert same(measure(wanted(sample=20)), whole)
    assert scored[0] < 14


def test_other_settings_do_not_mix() -> None:
    measure(wanted())
    with pytest.raises(InvalidInput, match=r"with batch '8', here it is '16': .* --force"):
        measure(wanted(batch=16))
    with pytest.raises(InvalidInput, match=r"with seed '0', here it is '1'"):
        measure(wanted(seed=1))
    sizes = wanted(names=("params",))
    only = Measurement(sizes.table, "digits", ("params",), None, None)
    assert measure(only).names == NAMES  # sizes are added to whatever is there


def test_a_network_without_a_score_does_not_end_the_measurement(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(catalogue.OF_NETWORKS, "naswot", lambda *_: math.nan)
    found = measure(wanted(names=("naswot",)))
    assert np.isneginf(found.scores["naswot"]).sum() == 12
    assert measure(wanted(names=("naswot",))).digest == found.digest


def test_a_pool_is_scored_in_its_own_order() -> None:
    cells = [SPACE.architecture(index) for index in (15_000, 7, 4_321)]
    frame = pd.DataFrame({
        "architecture": [SPACE.format(one) for one in cells],
        "valid_accuracy": [90.0, 80.0, 85.0], "seconds": 1.0, "epochs": 1,
    })  # fmt: skip
    table = nasbench.table_from_frame(frame, name="few", space="nb201")
    assert table.is_pool
    pool = measure(wanted(table, sample=None))
    assert pool.info.size == 3
    params = networks_of(SPACE).sizes(Input(8, 1, 10), RECIPE.shape)["params"]
    np.testing.assert_array_equal(pool.scores["params"], params[[7, 4_321, 15_000]])
    for position, index in enumerate((7, 4_321, 15_000)):
        generator = initialisation(networks_of(SPACE).number(SPACE.architecture(index)), 0)
        network = networks_of(SPACE).build(
            SPACE.architecture(index), Input(8, 1, 10), RECIPE.shape, generator=generator
        )
        score = synflow(network, minibatch("digits", 2, 0).images, generator)
        assert pool.scores["synflow"][position] == pytest.approx(score, rel=1e-6)


def test_noise_stands_in_for_images_that_are_not_there() -> None:
    found = minibatch("cifar10", 4, 0)
    assert found.about == "standard normal noise of 32x32x3, random labels"
    assert found.images.images.shape == (4, 3, 32, 32)
    assert not found.fingerprint
    again, other = minibatch("cifar10", 4, 0), minibatch("cifar10", 4, 1)
    assert torch.equal(found.images.images, again.images.images)
    assert not torch.equal(found.images.images, other.images.images)
    with pytest.raises(DataError, match="cifar10"):
        minibatch("cifar10", 4, 0, "data")
    with pytest.raises(InvalidInput, match="images 'some' are unknown: use data or noise"):
        minibatch("cifar10", 4, 0, "some")
    with pytest.raises(InvalidInput, match="has 2091 training images"):
        minibatch("digits", 5000, 0)


def test_the_images_are_the_first_minibatch_of_a_training() -> None:
    from nasbench.benchmarks.training.digits import digits

    first = next(digits().epoch(3, 0, 8))
    found = minibatch("digits", 8, 3)
    assert torch.equal(found.images.images, first.images)
    assert torch.equal(found.images.labels, first.labels)
    assert found.fingerprint == digits().fingerprint()

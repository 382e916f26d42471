"""A space that is not ours is trained, tabulated and searched with shared weights like ours."""

from pathlib import Path

import numpy as np
import pytest
import torch

from nasbench.benchmarks.training import catalogue
from nasbench.benchmarks.training import setup as setups
from nasbench.benchmarks.training.assemble import assemble
from nasbench.benchmarks.training.plan import Plan, distinct_cells
from nasbench.benchmarks.training.recipes import RECIPES
from nasbench.benchmarks.training.tabulate import tabulate
from nasbench.errors import InvalidInput
from nasbench.harness.audit.all_checks import audit
from nasbench.harness.compare.build import compare
from nasbench.harness.execution.run import run
from nasbench.harness.results.load import load_results
from nasbench.harness.search.opening import close_benchmarks
from nasbench.place import Place
from nasbench.spaces import get_enumerable
from nasbench.spaces.categorical import CategoricalSpace, Decision
from nasbench.spaces.inputs import Input
from nasbench.spaces.mix import Mix
from nasbench.spaces.networks.base import Shape, networks_of
from nasbench.testing.one_shot import SMALL
from tests.benchmarks.training import tiny
from tests.spaces.networks.chain import LAYERS, Chain

SPACE = get_enumerable("chain")
DATA, SHAPE = Input(8, 1, 2), Shape(3, 1)
LINE = "tiny:1@0/tiny-final@1"
SHARED = {
    "darts": {}, "darts-2nd": {}, "gdas": {}, "enas": {"controller_steps": 2, "samples": 3},
    "rsps": {"samples": 3}, "spos": {"population": 4, "generations": 2, "parents": 2},
    "fbnet": {}, "proxylessnas": {},
}  # fmt: skip


@pytest.fixture
def trained(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("NASBENCH_DATA", str(tmp_path / "data"))
    for entry in (tiny.RECIPE, tiny.FINAL):
        monkeypatch.setitem(RECIPES, entry.name, entry)
    monkeypatch.setattr(setups, "shared_data", lambda name, folder: tiny.data())
    monkeypatch.setattr(catalogue, "shared_data", lambda name: tiny.data())
    close_benchmarks()
    return tmp_path / "results"


def test_a_search_by_training_of_another_space(trained: Path) -> None:
    (done,) = run(
        "random-search", seeds=2, benchmark="train:chain", datasets="mine", protocol=LINE,
        budget="3evals", threads=2, out=trained, workers=1,
    )  # fmt: skip
    assert done.failed == {}
    (stored,) = load_results(trained).experiments
    assert all(map(SPACE.parse, stored.architectures.of(0)))
    assert stored.places == (Place("cpu", 2),)
    assert audit(trained, replays=2).faults == ()


@pytest.mark.parametrize("name", SHARED)
def test_shared_weights_of_another_space(trained: Path, name: str) -> None:
    """Decisions have other numbers of choices: none that is not there is ever derived."""
    settings = {name: {**SMALL, **SHARED[name]}}
    (done,) = run(
        name, seeds=1, benchmark="train:chain", datasets="mine", protocol=LINE, settings=settings,
        out=trained, workers=1,
    )  # fmt: skip
    assert done.failed == {}
    (stored,) = load_results(trained).experiments
    assert all(map(SPACE.parse, stored.architectures.of(0)))
    if name in ("darts", "gdas", "fbnet", "proxylessnas"):
        for layer, choices in enumerate(LAYERS):
            named = [stored.lists(f"figure/p/layer {layer}/{one}").values for one in choices]
            np.testing.assert_allclose(np.sum(named, axis=0), 1.0, rtol=1e-5)
    assert compare(trained).blocks
    assert audit(trained, replays=1).faults == ()


def test_one_of_its_supernet_is_the_network_that_inherits() -> None:
    generator = torch.Generator().manual_seed(1)
    whole = networks_of(SPACE).supernet(DATA, SHAPE, generator=generator)
    images = torch.randn(5, 1, 8, 8, generator=generator)
    for architecture in SPACE.architectures:
        alone = whole.inherit(architecture).eval()
        torch.testing.assert_close(alone(images), whole.eval()(images, Mix.only(architecture)))


def test_a_table_of_another_space(tmp_path: Path) -> None:
    """Side by side they come out as alone, since nothing is shared; sizes are counted."""
    cells = distinct_cells(SPACE)
    assert cells == tuple(range(24))

    def plan(out: str, group: int) -> Plan:
        return Plan(
            tiny.data, tiny.FINAL, tmp_path / out, cells, seeds=(0,), group=group, space="chain"
        )

    tables = []
    for out, group in (("one", 1), ("five", 5)):
        one = plan(out, group)
        tabulate(one)
        tables.append(assemble(one))
    first, second = tables
    assert first.info.space == "chain"
    assert np.isfinite(first.test.mean("tiny", 2)).all()
    np.testing.assert_array_equal(first.test.mean("tiny", 2), second.test.mean("tiny", 2))
    network = networks_of(SPACE).build(
        SPACE.architecture(5), DATA, tiny.FINAL.shape, generator=torch.Generator()
    )
    counted = sum(weight.numel() for weight in network.parameters())
    assert first.search.params("tiny")[5] == counted


def test_a_space_without_networks_is_refused_in_one_line(trained: Path) -> None:
    bare = CategoricalSpace("bare", (Decision("a", ("x", "y")),))
    with pytest.raises(InvalidInput, match="space 'bare' has no networks to train"):
        networks_of(bare)

    class Wrong(Chain):
        networks = "tests.spaces.networks.chain:Whole"

    with pytest.raises(InvalidInput, match="Whole' is no subclass of"):
        networks_of(Wrong())

"""The proxies that come with the package: whole, small, and what their networks score here."""

from pathlib import Path

import numpy as np
import pytest
import torch

from nasbench.benchmarks.catalogue import SHIPPED, load_table
from nasbench.benchmarks.proxies import Proxies, file_name, find_proxies
from nasbench.benchmarks.training.proxies.catalogue import OF_NETWORKS, SIZES
from nasbench.benchmarks.training.proxies.measure import Measurement, Scorer
from nasbench.benchmarks.training.proxies.minibatch import minibatch
from nasbench.benchmarks.training.recipes import recipe
from nasbench.spaces.nb201 import NONE
from nasbench.spaces.networks.base import networks_of

CARD = Path(__file__).parents[2] / "docs" / "proxies.md"
AGREE = {"jacov": 1e-2, "grasp": 1e-2}
"""Relative differences that another processor's rounding may make; of the others, 1 in 1,000."""


@pytest.fixture
def shipped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Proxies:
    monkeypatch.setenv("NASBENCH_DATA", str(tmp_path))
    found = find_proxies(load_table("digits"), "digits")
    assert found is not None
    return found


def test_every_network_has_every_score(shipped: Proxies) -> None:
    assert shipped.names == (*SIZES, *OF_NETWORKS)
    assert shipped.measured == 15_625
    assert (SHIPPED / file_name("digits", "digits")).stat().st_size < 1.5e6
    assert shipped.digest in CARD.read_text(encoding="utf-8")
    classes = networks_of(load_table("digits").space).classes
    for name in OF_NETWORKS:
        assert (shipped.scores[name] == shipped.scores[name][classes]).all()
        assert (shipped.seconds[name] > 0).all()


def test_networks_through_which_nothing_flows_have_none(shipped: Proxies) -> None:
    """Without a path of operations from input to output no pixel reaches the logits."""
    space = load_table("digits").space
    classes = networks_of(space).classes
    dead = classes == classes[space.index((NONE,) * 6)]
    assert dead.any()
    for name in ("jacov", "naswot", "zen"):
        np.testing.assert_array_equal(np.isneginf(shipped.scores[name]), dead)
    for name in ("synflow", "snip", "grad-norm", "fisher"):
        np.testing.assert_array_equal(shipped.scores[name] == 0, dead)


def test_networks_score_the_same_here(shipped: Proxies) -> None:
    about, table = shipped.info, load_table("digits")
    images = minibatch("digits", about.batch, about.seed)
    assert images.fingerprint == about.fingerprint
    wanted = Measurement(
        table, "digits", (*OF_NETWORKS,), images, recipe(about.recipe), seed=about.seed
    )
    networks = networks_of(table.space)
    scorer, before = Scorer(wanted, images, networks), torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        for index in np.random.default_rng(1).choice(15_625, 4).tolist():
            found = scorer.scores(int(networks.classes[index]), (*OF_NETWORKS,))
            for name, one in found.items():
                expected = pytest.approx(shipped.scores[name][index], rel=AGREE.get(name, 1e-3))
                assert one.score == expected, name
    finally:
        torch.set_num_threads(before)

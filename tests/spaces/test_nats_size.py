"""The size space of NATS-Bench against the official list of networks and the recorded sizes."""

import bz2
import io

import pytest

from nasbench.benchmarks.sources.unpickle import load
from nasbench.errors import InvalidInput
from nasbench.spaces import get_space
from nasbench.spaces.nats_size import NatsSize
from nasbench.spaces.nb201 import INPUTS
from nasbench.testing import SpaceConformance
from tests.upstream import NATS_SIZE_FOLDER, upstream


class TestSpace(SpaceConformance):
    space = "nats-size"


def test_all_networks_are_in_the_official_order() -> None:
    """The list of the official folder, of all 32,768."""
    path = upstream() / NATS_SIZE_FOLDER / "meta.pickle.pbz2"
    official = load(io.BytesIO(bz2.decompress(path.read_bytes())), path.name)["meta_archs"]
    space = NatsSize()
    assert space.size == len(official) == 32768
    assert [space.format(one) for one in space.architectures] == list(official)
    assert [space.index(space.parse(text)) for text in official] == list(range(32768))


RECORDED = {
    "8:8:8:8:8": {
        "cifar10": (11_714, 4_481_114), "cifar100": (12_524, 4_481_924),
        "ImageNet16-120": (12_704, 1_121_336),
    },
    "8:8:8:16:32": {
        "cifar10": (49_202, 6_840_650), "cifar100": (52_172, 6_843_620),
        "ImageNet16-120": (52_832, 1_714_040),
    },
    "8:8:40:32:40": {
        "cifar10": (144_834, 21_827_994), "cifar100": (148_524, 21_831_684),
        "ImageNet16-120": (149_344, 5_461_816),
    },
}  # fmt: skip
"""Weights and multiply-adds of the records 0, 11 and 284 of the official files."""


@pytest.mark.parametrize("text", RECORDED)
def test_sizes_are_the_recorded_ones(text: str) -> None:
    """With equal channels and with a change of them in each kind of layer."""
    space = NatsSize()
    index = space.index(space.parse(text))
    for dataset, (weights, products) in RECORDED[text].items():
        assert space.params(INPUTS[dataset])[index] == weights
        assert space.flops(INPUTS[dataset])[index] == products


def test_weights_that_others_have_read_from_the_official_files() -> None:
    space = NatsSize()
    weights = space.params(INPUTS["cifar10"])
    for text, known in (("8:8:16:40:40", 107_826), ("64:64:64:64:64", 713_674)):
        assert weights[space.index(space.parse(text))] == known
    assert (weights.argmin(), weights.argmax()) == (0, 32767)


@pytest.mark.parametrize(
    "text", ["8:8:8:8", "8:8:8:8:8:8", "8:8:8:8:9", "8:8:8:8:72", "08:8:8:8:8", "8 : 8:8:8:8", "0"]
)
def test_other_texts_are_one_line(text: str) -> None:
    with pytest.raises(InvalidInput, match="none of space 'nats-size': write the channels") as told:
        get_space("nats-size").parse(text)
    assert "\n" not in str(told.value)

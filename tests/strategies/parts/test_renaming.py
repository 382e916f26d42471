"""Neutral names are a one-to-one map of a space, and say nothing of where they come from."""

import json
import re
from itertools import islice
from typing import Any

import numpy as np
import pytest

from nasbench.errors import InvalidInput
from nasbench.randomness import Random
from nasbench.spaces import get_space
from nasbench.spaces.base import Space
from nasbench.spaces.categorical import CategoricalSpace, Decision
from nasbench.spaces.graph import GraphSpace
from nasbench.spaces.pool import PoolSpace
from nasbench.strategies.parts.renaming import renaming_of
from nasbench.testing.strategies import ToyLayers, toy_space

NAMED = ("nb201", "nb101", "nb101-5v", "macro", "nats-size", "transnas-micro", "gpt-s")
SMALL = (
    toy_space((3, 2, 4, 3)),
    toy_space((1,)),
    ToyLayers(),
    PoolSpace("toy pool", [f"network {i}" for i in range(20)]),
)
"""Spaces of which every architecture is renamed."""


@pytest.mark.parametrize("space", SMALL, ids=lambda space: f"{space.name}-{space.size}")
@pytest.mark.parametrize("key", [0, 1, 123_456])
def test_every_architecture_has_one_neutral_text(space: Any, key: int) -> None:
    renaming = renaming_of(space, key)
    texts = {}
    for index in range(space.size):
        architecture = space.architecture(index)
        text = renaming.write(architecture)
        assert renaming.read(json.loads(text)) == architecture
        texts[text] = architecture
    assert len(texts) == space.size


@pytest.mark.parametrize("name", NAMED)
def test_architectures_of_our_spaces_come_back(name: str) -> None:
    space, random = get_space(name), Random(5)
    renaming = renaming_of(space, 7)
    for _ in range(100):
        architecture = space.sample(random)
        assert renaming.read(json.loads(renaming.write(architecture))) == architecture


def words_of(space: Space, random: Random) -> set[str]:
    """Return every word of three letters or more that a space writes about itself."""
    texts = [space.name, *(space.format(space.sample(random)) for _ in range(200))]
    return {word for text in texts for word in re.findall(r"[a-z]{3,}", text.lower())}


@pytest.mark.parametrize("name", NAMED)
def test_no_word_of_the_space_is_left(name: str) -> None:
    space, random = get_space(name), Random(6)
    renaming = renaming_of(space, 8)
    said = "\n".join(
        [*(renaming.write(space.sample(random)) for _ in range(200)), *renaming.describe()]
    ).lower()
    leaked = {word for word in words_of(space, random) if re.search(rf"\b{word}\b", said)}
    assert leaked <= {"input", "output"}  # the ends of a graph, which no benchmark owns
    if name == "nb201":
        assert not re.search("conv|skip|pool|none|cell", said)


def test_names_and_order_follow_the_key_alone() -> None:
    space = get_space("nb201")
    one, same, other = (renaming_of(space, key) for key in (3, 3, 4))
    assert one.names() == same.names()
    assert one.names() != other.names()
    assert set(one.names()["operations"].values()) == {f"op-{letter}" for letter in "abcde"}
    assert set(one.names()["decisions"].values()) == {f"d{number}" for number in range(1, 7)}


def test_keys_spread_over_all_permutations() -> None:
    """Each of the 6 orders of 3 operations has a sixth of 600 keys, within 5 deviations."""
    space = CategoricalSpace("one", (Decision("place", ("x", "y", "z")),))
    orders = [tuple(renaming_of(space, key).names()["operations"].items()) for key in range(600)]
    counts = np.unique(np.array(orders).reshape(600, -1), axis=0, return_counts=True)[1]
    assert len(counts) == 6
    assert abs(counts - 100).max() < 5 * np.sqrt(600 / 6 * 5 / 6)


def test_items_are_a_permutation() -> None:
    pool = PoolSpace("toy pool", [f"network {i}" for i in range(500)])
    numbers = [renaming_of(pool, 2).neutral(pool.architecture(i)) for i in range(500)]
    assert sorted(numbers) == list(range(1, 501))
    assert abs(np.corrcoef(numbers, range(500))[0, 1]) < 0.2


def test_graphs_are_read_as_the_space_prunes_them() -> None:
    """A node on no path from input to output is left away, as when a graph is drawn."""
    space = GraphSpace("toy graphs", ("x", "y"), nodes=5, most_edges=6)
    renaming = renaming_of(space, 1)
    names = renaming.names()["operations"]
    loose = {
        "operations": [names["x"], names["y"], names["x"]],
        "edges": [[0, 1], [1, 4], [0, 2]],
    }
    found = renaming.read(loose)
    assert found.operations == ("x",)
    assert found.edges == ((0, 1), (1, 2))


WRONG: list[Any] = [
    None, 7, True, "op-a", [], {}, {"d1": "op-a"}, {"d1": None, "d2": [], "d3": {}},
    {"operations": []}, {"operations": "op-a", "edges": 3}, {"operations": [7], "edges": [[0, 1]]},
    {"operations": ["op-a"] * 500, "edges": [[0, 1]]},
    {"operations": ["op-a"], "edges": [[0, True], [1.0, 2], "12", [2, 1], [0, 99], [0]]},
    {"operations": [], "edges": []}, -1, 0, 10**30, 2.5, float("nan"),
]  # fmt: skip


@pytest.mark.parametrize(
    "space", [*SMALL[:1], *SMALL[2:], get_space("nb101")], ids=lambda space: space.name
)
def test_what_is_no_architecture_is_refused_in_neutral_words(space: Any) -> None:
    renaming = renaming_of(space, 9)
    for value in WRONG:
        if isinstance(value, int) and type(value) is not bool and 1 <= value <= 20:
            continue  # an item of the pool
        with pytest.raises(InvalidInput) as caught:
            renaming.read(value)
        assert space.name not in str(caught.value)
        assert "network" not in str(caught.value)


def test_a_space_without_a_renaming_is_refused() -> None:
    class Opaque(Space):
        name = "opaque"

        def sample(self, random: Random) -> Any:
            return 0

        def contains(self, architecture: object) -> bool:
            return True

        def mutate(self, architecture: Any, random: Random) -> Any:
            return 0

        def format(self, architecture: Any) -> str:
            return "0"

        def parse(self, text: str) -> Any:
            return 0

    with pytest.raises(InvalidInput, match="'opaque' cannot be renamed"):
        renaming_of(Opaque(), 0)


def test_many_operations_get_letters_in_order() -> None:
    wide = CategoricalSpace("wide", (Decision("place", tuple(map(str, range(60)))),))
    names = sorted(renaming_of(wide, 0).names()["operations"].values(), key=lambda n: (len(n), n))
    assert names[:2] == ["op-a", "op-b"]
    assert list(islice(names, 25, 28)) == ["op-z", "op-aa", "op-ab"]
    assert names[-1] == "op-bh"

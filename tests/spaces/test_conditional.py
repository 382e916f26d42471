"""Conditional spaces: counted by a closed form, drawn uniformly, never left."""

from collections import Counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nasbench.errors import InvalidInput
from nasbench.randomness import Random
from nasbench.spaces.categorical import Decision
from nasbench.spaces.conditional import ConditionalSpace


class Layers(ConditionalSpace):
    """A number of layers, then an operation for each."""

    name = "layers"

    def __init__(self, most: int = 3, operations: int = 3) -> None:
        self.most = most
        self.operations = tuple(f"op{i}" for i in range(operations))

    def next_decision(self, choices: tuple[int, ...]) -> Decision | None:
        if not choices:
            return Decision("layers", tuple(str(n) for n in range(1, self.most + 1)))
        done = len(choices) - 1
        return Decision(f"layer {done}", self.operations) if done <= choices[0] else None

    def state(self, choices: tuple[int, ...]) -> object:
        return choices[0] + 1 - (len(choices) - 1) if choices else "start"


class Blocked(Layers):
    """The same, but a layer may not repeat the one before: with one operation, a dead end."""

    def next_decision(self, choices: tuple[int, ...]) -> Decision | None:
        found = super().next_decision(choices)
        if found is None or len(choices) < 2:
            return found
        others = tuple(one for one in self.operations if one != self.chosen(choices))
        return Decision(found.name, others)

    def chosen(self, choices: tuple[int, ...]) -> str:
        return self.decisions_of(choices)[-1].choices[choices[-1]]

    def state(self, choices: tuple[int, ...]) -> object:
        return choices


SPACES = [Layers(), Layers(4, 2), Blocked(3, 3)]


def whole(space: ConditionalSpace) -> list[tuple[int, ...]]:
    """List the leaves by walking the tree."""
    found, ends = [], [()]
    while ends:
        choices = ends.pop()
        decision = space.next_decision(choices)
        if decision is None:
            found.append(choices)
        else:
            ends += [(*choices, one) for one in range(len(decision.choices))]
    return sorted(found)


@pytest.mark.parametrize("space", SPACES)
def test_indices_text_and_size_agree_with_a_walk_of_the_tree(space: ConditionalSpace) -> None:
    found = whole(space)
    assert list(space.architectures) == found
    assert space.size == len(found)
    assert [space.index(one) for one in found] == list(range(len(found)))
    texts = [space.format(one) for one in found]
    assert len(set(texts)) == len(found)
    assert [space.parse(text) for text in texts] == found
    assert all(space.contains(one) for one in found)


def test_sizes_are_the_closed_form() -> None:
    """k + k^2 + ... + k^n; the largest has more architectures than atoms in a grain of sand."""
    assert Layers(3, 3).size == 3 + 9 + 27
    assert Layers(11, 3).size == (3**12 - 3) // 2
    large = Layers(30, 5)
    assert large.size == (5**31 - 5) // 4
    last = large.architecture(large.size - 1)
    assert last == (29, *(4,) * 30)
    assert large.index(last) == large.size - 1
    drawn = [large.index(large.sample(Random(seed))) / large.size for seed in range(400)]
    assert abs(np.mean(drawn) - 0.5) < 4 * np.sqrt(1 / 12 / 400)


def test_sampling_is_uniform_over_architectures() -> None:
    space, random, n = Layers(), Random(0), 39_000
    counts = Counter(space.sample(random) for _ in range(n))
    expected = n / space.size
    assert sum((counts[one] - expected) ** 2 / expected for one in space.architectures) < 90
    # chi-squared with 38 degrees of freedom: beyond 90 once in 200,000 times


@given(st.sampled_from(SPACES), st.integers(0, 10**6), st.integers(0, 2**32))
def test_changes_stay_inside(space: ConditionalSpace, index: int, seed: int) -> None:
    random = Random(seed)
    one, other = space.architecture(index % space.size), space.sample(random)
    mutant = space.mutate(one, random)
    assert mutant != one
    assert space.contains(mutant)
    assert mutant in space.neighbours(one)
    child = space.cross(one, other, random)
    assert space.contains(child)
    assert space.cross(one, one, random) == one


def test_neighbours_worked_by_hand() -> None:
    """From two layers `op0, op1`: one layer keeps the first; three keep both and add any."""
    space = Layers()
    found = {space.format(one) for one in space.neighbours((1, 0, 1))}
    assert found == {
        "layers=1,layer 0=op0",
        "layers=2,layer 0=op1,layer 1=op1", "layers=2,layer 0=op2,layer 1=op1",
        "layers=2,layer 0=op0,layer 1=op0", "layers=2,layer 0=op0,layer 1=op2",
        *(f"layers=3,layer 0=op0,layer 1=op1,layer 2=op{i}" for i in range(3)),
    }  # fmt: skip


class Careless(Layers):
    """Says nothing of its states: each beginning is one."""

    def state(self, choices: tuple[int, ...]) -> object:
        return choices


class Chain(ConditionalSpace):
    """3,000 decisions, one after the other."""

    name = "chain"

    def next_decision(self, choices: tuple[int, ...]) -> Decision | None:
        return Decision(f"d{len(choices)}", ("a", "b")) if len(choices) < 3000 else None

    def state(self, choices: tuple[int, ...]) -> object:
        return len(choices)


def test_a_space_that_cannot_be_counted_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("nasbench.spaces.conditional._MOST_STATES", 1000)
    assert Careless(3, 3).size == 39
    with pytest.raises(InvalidInput, match="more than 1,000 states: let its method `state` return"):
        Careless(30, 5).sample(Random(0))
    monkeypatch.undo()
    assert Layers(600, 2).size == 2**601 - 2
    with pytest.raises(InvalidInput, match="too many decisions in a row"):
        Chain().sample(Random(0))


@pytest.mark.parametrize(
    ("names", "choices", "said"),
    [
        (("width", "width"), ("8", "16"), "makes a decision twice .*width, width"),
        (("width", "depth"), ("8", "8"), "has a choice twice"),
        (("width", "depth, in all"), ("8", "16"), "names have no comma"),
    ],
)
def test_decisions_that_cannot_be_written_are_refused(
    names: tuple[str, str], choices: tuple[str, ...], said: str
) -> None:
    class Pair(ConditionalSpace):
        name = "pair"

        def next_decision(self, made: tuple[int, ...]) -> Decision | None:
            return Decision(names[len(made)], choices) if len(made) < 2 else None

    space = Pair()
    with pytest.raises(InvalidInput, match=said):
        space.check_names()


def test_a_branch_without_an_architecture_is_never_drawn() -> None:
    """Of one operation that may not follow itself only one layer can be built."""
    space = Blocked(3, 1)
    assert (space.size, space.architectures) == (1, ((0, 0),))
    with pytest.raises(InvalidInput, match="has no other architecture: nothing to mutate"):
        space.mutate((0, 0), Random(0))


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("layers=9", "part 1 is 'layers=9', expected one of layers=1, layers=2, layers=3"),
        ("layers=1", "part 2 is missing, expected one of layer 0=op0"),
        ("layers=1,layer 0=op0,layer 1=op0", "part 3 is 'layer 1=op0', expected nothing more"),
        ("", "part 1 is ''"),
    ],
)
def test_text_that_is_none_is_named(text: str, said: str) -> None:
    with pytest.raises(InvalidInput, match=said):
        Layers().parse(text)


@pytest.mark.parametrize("value", [(), (0,), (0, 0, 0), (0, 3), (0, -1), (0, True), [0, 0], "x"])
def test_what_is_no_architecture_is_none(value: object) -> None:
    assert not Layers().contains(value)

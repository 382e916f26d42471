"""Architectures under neutral names, so that a model cannot recognise a public benchmark.

Operations become `op-a`, `op-b`, ..., decisions are numbered in a permuted order, and indices are
permuted. A number, the key, determines all of it. A neutral architecture is a JSON value.
"""

import json
from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cached_property
from typing import Any

from nasbench.errors import InvalidInput
from nasbench.randomness import Random
from nasbench.spaces.base import Architecture, EnumerableSpace, Space
from nasbench.spaces.categorical import CategoricalSpace, Decision
from nasbench.spaces.conditional import ConditionalSpace
from nasbench.spaces.graph import Graph, GraphSpace

MOST_ITEMS = 10_000_000
"""Architectures of the largest space whose indices are permuted."""
_MOST_BEGINNINGS = 1_000_000


class Renaming(ABC):
    """A one-to-one map between the architectures of a space and neutral JSON values."""

    @abstractmethod
    def neutral(self, architecture: Architecture) -> Any:
        """Return an architecture under neutral names, as a JSON value."""

    @abstractmethod
    def read(self, value: Any) -> Architecture:
        """Return the architecture of a neutral value; `InvalidInput`, in neutral names, if none."""

    @abstractmethod
    def describe(self) -> Iterable[str]:
        """Return lines that say, in neutral names, which values are architectures."""

    @abstractmethod
    def names(self) -> Any:
        """Return the renaming itself as a JSON value, for a record."""

    def write(self, architecture: Architecture) -> str:
        """Return the neutral value of an architecture as a text."""
        return json.dumps(self.neutral(architecture))


def renaming_of(space: Space, key: int) -> Renaming:
    """Return the renaming of a space by a key; `InvalidInput` for a space that has none."""
    if isinstance(space, CategoricalSpace | ConditionalSpace):
        return _Decisions(space, Random(key))
    if isinstance(space, GraphSpace):
        return _Graphs(space, Random(key))
    if isinstance(space, EnumerableSpace) and space.size <= MOST_ITEMS:
        return _Items(space, Random(key))
    raise InvalidInput(
        f"architectures of space '{space.name}' cannot be renamed: it has neither decisions nor "
        f"graphs nor at most {MOST_ITEMS:,} architectures; use another strategy"
    )


def _renamed(words: Sequence[str], random: Random) -> dict[str, str]:
    """Return neutral names of operations, given in a permuted order."""
    order = random.generator.permutation(len(words)).tolist()
    return {word: f"op-{_letters(number)}" for word, number in zip(words, order, strict=True)}


def _letters(number: int) -> str:
    """Return a number as letters: a, ..., z, aa, ab, ..."""
    written = ""
    number += 1
    while number:
        number, last = divmod(number - 1, 26)
        written = chr(ord("a") + last) + written
    return written


class _Decisions(Renaming):
    """Decisions as an object: `{"d1": "op-b", "d2": "op-a"}`.

    The same choice has one name in all decisions.
    """

    def __init__(self, space: CategoricalSpace | ConditionalSpace, random: Random) -> None:
        self._space = space
        found: dict[str, dict[str, None]] = {}
        for decision in _every_decision(space):
            found.setdefault(decision.name, {}).update(dict.fromkeys(decision.choices))
        order = random.generator.permutation(len(found)).tolist()
        self._decisions = {
            name: f"d{number + 1}" for name, number in zip(found, order, strict=True)
        }
        words = list(dict.fromkeys(word for choices in found.values() for word in choices))
        self._words = _renamed(words, random)
        self._choices = {
            self._decisions[name]: sorted((self._words[one] for one in choices), key=_by_length)
            for name, choices in found.items()
        }

    def _pairs(self, architecture: Architecture) -> Iterator[tuple[Decision, int]]:
        made: Architecture = ()
        while (decision := _next(self._space, made)) is not None:
            yield decision, architecture[len(made)]
            made = architecture[: len(made) + 1]

    def neutral(self, architecture: Architecture) -> dict[str, str]:
        pairs = {
            self._decisions[decision.name]: self._words[decision.choices[choice]]
            for decision, choice in self._pairs(architecture)
        }
        return dict(sorted(pairs.items(), key=lambda pair: _by_length(pair[0])))

    def read(self, value: Any) -> Architecture:
        if not isinstance(value, dict):
            raise InvalidInput("an architecture is a JSON object with a choice for each decision")
        left, made = dict(value), tuple[int, ...]()
        while (decision := _next(self._space, made)) is not None:
            name = self._decisions[decision.name]
            options = [self._words[one] for one in decision.choices]
            if name not in left:
                raise InvalidInput(f"decision {name} is missing")
            if (chosen := left.pop(name)) not in options:
                allowed = ", ".join(sorted(options, key=_by_length))
                raise InvalidInput(f"decision {name} must be one of {allowed}")
            made = (*made, options.index(chosen))
        if left:
            raise InvalidInput(f"there is no decision {json.dumps(next(iter(left)))[:40]} here")
        return made

    def describe(self) -> Iterable[str]:
        yield "An architecture is a JSON object with one choice for each decision:"
        for name in sorted(self._choices, key=_by_length):
            yield f"{name}: {', '.join(self._choices[name])}"
        if isinstance(self._space, ConditionalSpace):
            yield "Which of the decisions are made depends on the choices of others."

    def names(self) -> Any:
        return {"decisions": self._decisions, "operations": self._words}


def _by_length(name: str) -> tuple[int, str]:
    """Sort d2 before d10, and op-z before op-aa."""
    return len(name), name


def _next(space: CategoricalSpace | ConditionalSpace, made: Architecture) -> Decision | None:
    if isinstance(space, ConditionalSpace):
        return space.next_decision(made)
    return space.decisions[len(made)] if len(made) < len(space.decisions) else None


def _every_decision(space: CategoricalSpace | ConditionalSpace) -> Iterator[Decision]:
    """Yield every decision of a space; of a tree, once for each of its states."""
    if isinstance(space, CategoricalSpace):
        yield from space.decisions
        return
    seen = set()
    ends: list[Architecture] = [()]
    while ends:
        made = ends.pop()
        state = len(made), space.state(made)
        decision = None if state in seen else space.next_decision(made)
        seen.add(state)
        if len(seen) > _MOST_BEGINNINGS:
            raise InvalidInput(f"space '{space.name}' has too many decisions to be renamed")
        if decision is not None:
            yield decision
            ends += [(*made, one) for one in reversed(range(len(decision.choices)))]


class _Graphs(Renaming):
    """Graphs as `{"operations": ["op-b", "op-a"], "edges": [[0, 1], [1, 2], [2, 3]]}`.

    Operations are renamed. Nodes keep their order, without which no one could see which edges are
    allowed.
    """

    def __init__(self, space: GraphSpace, random: Random) -> None:
        self._space = space
        self._words = _renamed(space.operations, random)
        self._plain = {new: old for old, new in self._words.items()}

    def neutral(self, architecture: Graph) -> dict[str, Any]:
        words = [self._words[one] for one in architecture.operations]
        return {"operations": words, "edges": [list(edge) for edge in architecture.edges]}

    def read(self, value: Any) -> Graph:
        words = value.get("operations") if isinstance(value, dict) else None
        edges = value.get("edges") if isinstance(value, dict) else None
        if not isinstance(words, list) or not isinstance(edges, list):
            raise InvalidInput('an architecture is a JSON object with "operations" and "edges"')
        if len(words) + 2 > self._space.nodes:
            raise InvalidInput(f"there are at most {self._space.nodes - 2} operations")
        if not all(isinstance(one, str) and one in self._plain for one in words):
            raise InvalidInput(f"operations must be of {', '.join(sorted(self._plain))}")
        last = len(words) + 1
        if not all(_is_edge(one, last) for one in edges):
            raise InvalidInput(f"an edge is a pair of node numbers, 0 to {last}, the lower first")
        plain, pairs = [self._plain[one] for one in words], [(a, b) for a, b in edges]
        find = getattr(self._space, "find", self._space.pruned)  # it knows other orders of nodes
        found = find(plain, pairs)
        if found is None or not self._space.contains(found):
            raise InvalidInput(
                f"input and output must be connected by at most {self._space.most_edges} edges"
            )
        graph: Graph = found
        return graph

    def describe(self) -> Iterable[str]:
        most = self._space.nodes - 2
        yield "An architecture is a directed graph, as a JSON object with two lists:"
        yield f'"operations": those of nodes 1, 2, ..., at most {most}, each one of ' + ", ".join(
            sorted(self._plain, key=_by_length)
        )
        yield (
            f'"edges": at most {self._space.most_edges} pairs of node numbers, the lower first; '
            "node 0 is the input, the number after the last operation's is the output"
        )

    def names(self) -> Any:
        return {"operations": self._words}


def _is_edge(pair: Any, last: int) -> bool:
    whole = isinstance(pair, list) and len(pair) == 2 and all(type(one) is int for one in pair)
    return whole and 0 <= pair[0] < pair[1] <= last


class _Items(Renaming):
    """Architectures without structure as numbers, their indices in a permuted order."""

    def __init__(self, space: EnumerableSpace, random: Random) -> None:
        self._space, self._random = space, random

    @cached_property
    def _places(self) -> tuple[Any, Any]:
        """The permutation of the indices, and its inverse."""
        forward = self._random.generator.permutation(self._space.size)
        return forward, forward.argsort()

    def neutral(self, architecture: Architecture) -> int:
        return int(self._places[0][self._space.index(architecture)]) + 1

    def read(self, value: Any) -> Architecture:
        if type(value) is not int or not 1 <= value <= self._space.size:
            raise InvalidInput(f"an architecture is a whole number, 1 to {self._space.size}")
        return self._space.architecture(int(self._places[1][value - 1]))

    def describe(self) -> Iterable[str]:
        yield f"An architecture is the number of an item, 1 to {self._space.size}."

    def names(self) -> Mapping[str, str]:
        return {"indices": "numpy.random.Generator(PCG64(key)).permutation(size) + 1"}

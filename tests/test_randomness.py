"""Blocks of random numbers: distribution, determinism, state."""

import json

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from nasbench.randomness import Random

draws = st.lists(st.one_of(st.integers(1, 40), st.tuples(st.integers(1, 9), st.integers(1, 3))))


def take(random: Random, plan: list) -> list:
    out: list = []
    for step in plan:
        if isinstance(step, int):
            out.append(random.uniforms(step))
        else:
            out.append(random.integers((step[0],) * step[1]))
    return out


@given(st.integers(0, 2**63), draws, draws)
def test_state_continues_with_the_same_bits(seed: int, before: list, after: list) -> None:
    random = Random(seed)
    take(random, before)
    copy = Random(0)
    copy.restore(json.loads(json.dumps(random.state())))
    assert take(copy, after) == take(random, after)


def test_draws_are_uniform_and_in_range() -> None:
    random = Random(1)
    pairs = np.array([random.integers((3, 7)) for _ in range(42_000)])
    counts = np.bincount(pairs[:, 0] * 7 + pairs[:, 1], minlength=21)
    chi = ((counts - 2000) ** 2 / 2000).sum()
    assert chi < 45.3  # 99.9 % of chi-squared with 20 degrees of freedom
    uniforms = np.array([random.uniform() for _ in range(10_000)])
    assert 0 <= uniforms.min() <= uniforms.max() < 1
    assert abs(uniforms.mean() - 0.5) < 4 * np.sqrt(1 / 12 / 10_000)


def test_choices_are_drawn_with_replacement() -> None:
    random = Random(2)
    same = sum(len(set(random.choices("abc", 2))) == 1 for _ in range(9000))
    assert abs(same / 9000 - 1 / 3) < 0.02


def test_streams_of_other_seeds_differ() -> None:
    assert Random(1).uniforms(4) != Random(2).uniforms(4)

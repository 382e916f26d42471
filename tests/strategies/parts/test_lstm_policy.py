"""Policies that are advanced together are, to the last bit, what each is alone."""

import os
import subprocess
import sys
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nasbench.randomness import Random
from nasbench.strategies.parts.lstm_policy import (
    LstmPolicy,
    reinforce_together,
    sample_together,
)

SHAPES = st.tuples(
    st.lists(st.integers(1, 6), min_size=1, max_size=7),
    st.integers(1, 70),
    st.integers(1, 3),
    st.sampled_from([0.0, 0.1]),
)


def policies(shape: Any, number: int) -> list[tuple[LstmPolicy, Random]]:
    """Return policies of a shape, far from the linear regime, with random numbers of their own."""
    sizes, hidden, layers, entropy = shape
    made = []
    for seed in range(number):
        random = Random(seed)
        policy = LstmPolicy(sizes, hidden, layers, 0.05, entropy, random)
        policy.weights *= 1 + 10 * (seed % 3)
        made.append((policy, random))
    return made


def advantage(seed: int, step: int) -> float:
    return float(np.sin(7 * seed + step)) * 10.0 ** (seed % 3)


def bits(policy: LstmPolicy) -> tuple[bytes, ...]:
    arrays = (policy.weights, policy.adam.first, policy.adam.second)
    return tuple(one.tobytes() for one in arrays)


@settings(max_examples=60, deadline=None)
@given(shape=SHAPES, number=st.integers(2, 40), data=st.data())
def test_any_group_in_any_order_is_each_alone(shape: Any, number: int, data: Any) -> None:
    """In every turn another part of the policies is asked, and a part of those is told."""
    together, alone = policies(shape, number), policies(shape, number)
    for step in range(4):
        group = data.draw(st.permutations(range(number)))[: data.draw(st.integers(1, number))]
        told = data.draw(st.permutations(group))[: data.draw(st.integers(1, len(group)))]
        asked = sample_together(*zip(*(together[seed] for seed in group), strict=True))
        drawn = dict(zip(group, asked, strict=True))
        reinforce_together(
            [together[seed][0] for seed in told],
            [drawn[seed] for seed in told],
            [advantage(seed, step) for seed in told],
        )
        for seed in group:
            policy, random = alone[seed]
            own = policy.sample(random)
            assert own.architecture == drawn[seed].architecture
            if seed in told:
                policy.reinforce(own, advantage(seed, step))
    assert [bits(one) for one, _ in together] == [bits(one) for one, _ in alone]


def test_what_was_drawn_at_different_times_is_learnt_from_together() -> None:
    """Draws of different groups, some before an update: each is learnt from as it is alone."""
    shape = (4, 3, 5), 9, 2, 0.1
    together, alone = policies(shape, 3), policies(shape, 3)
    first = [policy.sample(random) for policy, random in together]
    reinforce_together([together[0][0]], [first[0]], [1.0])
    reinforce_together([one for one, _ in together], first, [2.0, -1.0, 0.5])
    own = [policy.sample(random) for policy, random in alone]
    alone[0][0].reinforce(own[0], 1.0)
    for (policy, _), drawn, value in zip(alone, own, (2.0, -1.0, 0.5), strict=True):
        policy.reinforce(drawn, value)
    assert [bits(one) for one, _ in together] == [bits(one) for one, _ in alone]


def test_a_policy_is_restored_among_others() -> None:
    shape = (4, 3, 5), 9, 2, 0.1
    pairs = policies(shape, 3)
    sample_together(*zip(*pairs, strict=True))
    (first, random), (second, _), _ = pairs
    second.restore(first.state())
    same = Random(5), Random(5)
    drawn = sample_together([first, second], same)
    assert drawn[0].architecture == drawn[1].architecture
    reinforce_together([first, second], drawn, [1.5, 1.5])
    assert bits(first) == bits(second)
    assert first.sample(random).updates == 1


def test_one_policy_draws_several_architectures_at_once() -> None:
    (policy, _), (same, _) = (policies(((4, 3, 5), 9, 2, 0.1), 1)[0] for _ in range(2))
    drawn = sample_together([policy] * 6, [Random(seed) for seed in range(6)])
    own = [same.sample(Random(seed)) for seed in range(6)]
    assert [one.architecture for one in drawn] == [one.architecture for one in own]
    for ours, theirs in zip(drawn, own, strict=True):  # all but the first since an update
        policy.reinforce(ours, 0.7)
        same.reinforce(theirs, 0.7)
    assert bits(policy) == bits(same)


TURNS = """
import hashlib
from tests.strategies.parts.test_lstm_policy import *
pairs, hashed = policies(((5,) * 6, 35, 2, 0.0), 5), hashlib.sha256()
for step in range(20):
    drawn = sample_together(*zip(*pairs, strict=True))
    reinforce_together([one for one, _ in pairs], drawn, [advantage(s, step) for s in range(5)])
for one, _ in pairs:
    hashed.update(b"".join(bits(one)))
print(hashed.hexdigest())
"""


@pytest.mark.slow
def test_the_number_of_blas_threads_changes_nothing() -> None:
    found = set()
    for threads in ("1", "2", "4"):
        environment = {**os.environ, "OPENBLAS_NUM_THREADS": threads, "OMP_NUM_THREADS": threads}
        done = subprocess.run(
            [sys.executable, "-c", TURNS], env=environment, check=True, capture_output=True
        )
        found.add(done.stdout)
    assert len(found) == 1

"""What a model is shown, and which architecture is read from what it says."""

import json
import re
from typing import Any

import pytest

from nasbench.errors import InvalidInput
from nasbench.problem import ACCURACY, LOSS
from nasbench.randomness import Random
from nasbench.spaces import get_space
from nasbench.strategies.parts.prompts import again, read_answer, system_message, user_message
from nasbench.strategies.parts.renaming import renaming_of
from nasbench.testing.strategies import toy_space

SPACE = toy_space((3, 2))
NAMES = renaming_of(SPACE, 0)
WRITTEN = NAMES.write((2, 1))


def test_no_benchmark_is_named() -> None:
    space, random = get_space("nb201"), Random(1)
    names = renaming_of(space, 2)
    shown = [(space.sample(random), (50.0 + i,)) for i in range(30)]
    messages = [
        system_message(names, (ACCURACY,), names.write(space.sample(random))),
        user_message(names, shown, [space.sample(random)]),
    ]
    text = json.dumps(messages).lower()
    banned = (
        "nb201", "nas-bench", "nasbench", "cifar", "imagenet", "digits", "table", "accuracy",
        "conv", "skip", "pool", "none", "cell", "3x3", "1x1", "network", "neural", "epoch",
    )  # fmt: skip
    assert [word for word in banned if word in text] == []


def test_scores_follow_architectures_in_the_order_given() -> None:
    said = user_message(NAMES, [((0, 0), (1.5,)), ((1, 0), None), ((2, 1), (93.25,))], [(0, 1)])
    lines = said["content"].splitlines()
    assert lines[1:4] == [
        f"{NAMES.write((0, 0))} score: 1.5",
        f"{NAMES.write((1, 0))} score: the evaluation failed",
        f"{WRITTEN} score: 93.25",
    ]
    assert lines[lines.index("Being evaluated now:") + 1] == NAMES.write((0, 1))
    assert "Being" not in user_message(NAMES, [], [])["content"]


def test_both_directions_and_several_objectives_are_told() -> None:
    one = system_message(NAMES, (ACCURACY,), WRITTEN)["content"]
    assert re.search(r"better architectures it is larger\.", one)
    assert "smaller" not in one
    assert re.search(
        r"it is larger, smaller\.", system_message(NAMES, (ACCURACY, LOSS), WRITTEN)["content"]
    )


@pytest.mark.parametrize(
    "text",
    [
        '{"architecture": %s}',
        'Thinking {about} this.\n```json\n{"architecture": %s}\n```\nDone.',
        '{"architecture": {"d1": "wrong"}} No: {"architecture": %s}',
        '{"reason": "x", "architecture": %s}',
        '{ "a": [1, {"b": 2}] } {"architecture": %s}',
        '{{{{"architecture": %s}',
    ],
)
def test_the_last_architecture_of_an_answer_counts(text: str) -> None:
    assert read_answer(text % WRITTEN, NAMES) == (2, 1)


@pytest.mark.parametrize(
    "text",
    [
        "", "I cannot.", "{", "{" * 5000, '{"architecture": ' * 3000, '{"Architecture": 1}',
        '["architecture"]', '{"architecture": }', '{"architecture": "op-a"}',
        '{"architecture": {"d1": "op-a", "d2": "op-z"}}', '{"architecture": null}',
    ],
)  # fmt: skip
def test_what_cannot_be_read_is_refused_with_a_reason(text: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        read_answer(text, NAMES)
    assert "\n" not in str(caught.value)


def test_an_unusable_answer_is_sent_back_with_the_reason() -> None:
    messages = again("no", "it was proposed before")
    assert [one["role"] for one in messages] == ["assistant", "user"]
    assert messages[0]["content"] == "no"
    assert "it was proposed before" in messages[1]["content"]


def test_only_the_end_of_a_long_answer_is_read() -> None:
    answer: Any = json.dumps({"architecture": json.loads(WRITTEN)})
    assert read_answer("x" * 10**6 + answer, NAMES) == (2, 1)
    with pytest.raises(InvalidInput):
        read_answer(answer + "x" * 10**6, NAMES)

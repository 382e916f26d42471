"""Prompts that ask a language model for the next architecture, and what is read from answers.

A prompt shows the best architectures so far with their scores in ascending order, as OPRO does
(Yang et al., "Large Language Models as Optimizers", ICLR 2024), and names neither the space nor the
data set, as all names are neutral (see `renaming`).
"""

import json
from collections.abc import Sequence
from typing import Any

from nasbench.errors import InvalidInput
from nasbench.problem import Metric
from nasbench.spaces.base import Architecture
from nasbench.strategies.parts.model import Message
from nasbench.strategies.parts.renaming import Renaming

_TASK = (
    "You search for the best of many architectures. You see some that were evaluated, with their "
    "scores. Propose one that was not evaluated yet and that may be better than all of them. "
    'Answer with a JSON object only: {"architecture": ...}'
)
_LONGEST = 20_000
"""Characters of an answer in which an architecture is looked for."""

Scored = tuple[Architecture, tuple[float, ...] | None]
"""An architecture and its values of the objectives; None for a failed evaluation, and for one that
does not meet the constraints."""


def system_message(
    renaming: Renaming, objectives: Sequence[Metric], example: str, *, constrained: bool = False
) -> Message:
    """Return the message that describes the task; `example` is a neutral architecture.

    If `constrained`, it says that some architectures have no score. What is bounded is not said, as
    the name of a cost would tell what the neutral names hide.
    """
    ways = ", ".join("larger" if one.direction == "max" else "smaller" for one in objectives)
    score = "The score is a number" if len(objectives) == 1 else "Scores are a list of numbers"
    lines = [
        _TASK, *renaming.describe(), f"An example of the form: {example}",
        f"{score}; of better architectures it is {ways}.",
    ]  # fmt: skip
    if constrained:
        lines.append("An architecture that costs too much is evaluated, but has no score.")
    return {"role": "system", "content": "\n".join(lines)}


def user_message(renaming: Renaming, ranked: Sequence[Scored], pending: Sequence[Any]) -> Message:
    """Return the message with evaluated architectures, the worst first, and with those open."""
    lines = ["Evaluated so far:" if ranked else "Nothing was evaluated so far."]
    for architecture, values in ranked:
        lines.append(f"{renaming.write(architecture)} score: {_score(values)}")
    if pending:
        lines.append("Being evaluated now:")
        lines += [renaming.write(one) for one in pending]
    lines.append("Propose the next architecture.")
    return {"role": "user", "content": "\n".join(lines)}


def again(answer: str, reason: str) -> list[Message]:
    """Return the messages that follow an answer that could not be used."""
    return [
        {"role": "assistant", "content": answer},
        {"role": "user", "content": f"This cannot be used: {reason}. Propose another one."},
    ]


def _score(values: tuple[float, ...] | None) -> str:
    if values is None:
        return "the evaluation failed"
    return ", ".join(f"{value:.6g}" for value in values)


def read_answer(text: str, renaming: Renaming) -> Architecture:
    """Return the architecture of the last JSON object with the key `architecture` in an answer.

    Raises `InvalidInput`, in neutral names, where there is none.
    """
    decoder, text, found = json.JSONDecoder(), text[-_LONGEST:], list[Any]()
    place = text.find("{")
    while place >= 0:
        try:
            value, end = decoder.raw_decode(text, place)
        except (ValueError, RecursionError):
            end = place + 1
        else:
            if isinstance(value, dict) and "architecture" in value:
                found.append(value["architecture"])
        place = text.find("{", end)
    if not found:
        raise InvalidInput('there is no JSON object with the key "architecture"')
    return renaming.read(found[-1])

"""What a strategy needs of a language model: messages go in, one completion comes out."""

from collections.abc import Sequence
from typing import NamedTuple, Protocol

from nasbench.errors import NasbenchError

Message = dict[str, str]
"""One message of a chat: its `role` (`system`, `user` or `assistant`) and its `content`."""


class ModelError(NasbenchError):
    """A model gave no completion; the message is one line that says why."""


class Completion(NamedTuple):
    """A model's answer to some messages, and what it cost."""

    text: str
    prompt_tokens: int
    completion_tokens: int
    seconds: float
    """Real seconds from sending the messages to the end of the answer."""


class Model(Protocol):
    """An adapter of a language model."""

    def complete(self, messages: Sequence[Message]) -> Completion:
        """Return the model's completion; raise `ModelError` if there is none."""

"""Architectures as texts, which is how results hold them; each is converted once."""

from collections.abc import Collection, Sequence
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from nasbench.errors import InvalidInput
from nasbench.spaces import get_enumerable, get_space
from nasbench.spaces.base import Architecture

_MOST = 1_000_000
"""The most architectures that are kept in memory; with more, all are forgotten."""


class Texts:
    """Converts the architectures of a space to their texts and back."""

    def __init__(self, space: str) -> None:
        """Take the space of this name; `InvalidInput` if there is none."""
        self.space = get_space(space)
        self._texts: dict[Architecture, str] = {}
        self._architectures: dict[str, Architecture] = {}
        self._indices: dict[str, int] = {}

    def write(self, architecture: Architecture) -> str:
        """Return the text of an architecture."""
        text = self._texts.get(architecture)
        return self._keep(architecture, self.space.format(architecture)) if text is None else text

    def read(self, text: str) -> Architecture:
        """Return the architecture of a text.

        Raises `InvalidInput` where there is none, and where its space writes it differently: an
        architecture has one text in all results.
        """
        found = self._architectures.get(text)
        if found is None:
            found = self.space.parse(text)
            if self.write(found) != text:
                raise InvalidInput(f"architecture '{text}' is written '{self.write(found)}'")
        return found

    def unread(self, texts: Collection[str]) -> list[str]:
        """Return those of the texts that have not been read yet, each once."""
        return list(dict.fromkeys(texts).keys() - self._architectures.keys())

    def shared(self, texts: Sequence[str]) -> list[str]:
        """Return equal texts, those that have been read as one object each: experiments share them.

        The texts of tens of thousands of architectures take megabytes.
        """
        written, read = self._texts, self._architectures
        return [written.get(read.get(text), text) for text in texts]

    def indices(self, texts: Sequence[str]) -> NDArray[np.int64]:
        """Return the index of every text's architecture, shape (texts,), in an enumerable space."""
        index = get_enumerable(self.space.name).index
        if len(self._indices) >= _MOST:
            self._indices = {}
        known = self._indices
        for text in dict.fromkeys(texts).keys() - known.keys():
            known[text] = index(self.read(text))
        return np.fromiter(map(known.__getitem__, texts), dtype=np.int64, count=len(texts))

    def _keep(self, architecture: Architecture, text: str) -> str:
        if len(self._texts) >= _MOST:
            self._texts.clear()
            self._architectures.clear()
        self._texts[architecture] = text
        self._architectures[text] = architecture
        return text


@lru_cache(maxsize=8)
def texts_of(space: str) -> Texts:
    """Return the converter of a space; a process makes it once."""
    return Texts(space)

"""The settings of a strategy with a sentence for each, read from the comments of its source.

A sentence is a comment that begins with `#:`, beside a field of the `Settings` or in the lines
above it, as documentation tools read it. Without one, it is the field's metadata `help`.
"""

import ast
import dataclasses
import inspect
import io
import textwrap
import tokenize
import types
import typing
from collections.abc import Iterator
from typing import Any, Literal, NamedTuple

from nasbench.strategies.base import SearchStrategy

_MARK = "#:"


class Setting(NamedTuple):
    """One setting of a strategy."""

    name: str
    kind: str
    """Its type, such as `int`, or the words that it can be: `edge|node`."""
    default: Any
    help: str
    """What it is, in a sentence; empty where its author wrote none."""


def settings_of(strategy: type[SearchStrategy]) -> list[Setting]:
    """Return the settings of a strategy in their order, those of base classes first."""
    owners = [one for one in strategy.Settings.__mro__ if dataclasses.is_dataclass(one)]
    sentences: dict[str, str] = {}
    kinds: dict[str, str] = {}
    for owner in owners:  # of a field that is defined again, the nearest sentence counts
        for name, sentence in _sentences(owner):
            sentences.setdefault(name, sentence)
        for name, kind in _kinds(owner):
            kinds.setdefault(name, kind)
    return [
        Setting(
            field.name,
            kinds.get(field.name, str(field.type)),
            _default(field),
            sentences.get(field.name) or str(field.metadata.get("help", "")),
        )
        for field in dataclasses.fields(strategy.Settings)
        if field.init
    ]


def _default(field: "dataclasses.Field[Any]") -> Any:
    if field.default_factory is not dataclasses.MISSING:
        return field.default_factory()
    return field.default


def _kinds(owner: type) -> Iterator[tuple[str, str]]:
    try:
        known = inspect.get_annotations(owner, eval_str=True)
    except Exception:  # an annotation of another package's code may name what is not there
        known = inspect.get_annotations(owner)
    yield from ((name, _written(kind)) for name, kind in known.items())


def _written(kind: Any) -> str:
    if typing.get_origin(kind) is Literal:
        return "|".join(map(str, typing.get_args(kind)))
    if isinstance(kind, type) and not isinstance(kind, types.GenericAlias):
        return kind.__name__
    return str(kind)


def _sentences(owner: type) -> Iterator[tuple[str, str]]:
    """Yield the fields of a class that have a sentence; none where there is no source."""
    try:
        source = textwrap.dedent(inspect.getsource(owner))
        body = ast.parse(source).body[0]
        comments, whole = _comments(source)
    except (OSError, TypeError, SyntaxError, IndexError, tokenize.TokenError):
        return
    for node in body.body if isinstance(body, ast.ClassDef) else ():
        if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
            words = [comments.get(node.end_lineno or node.lineno, "")]
            above = node.lineno - 1
            while not words[0] and above in whole:
                words.insert(1, comments[above])
                above -= 1
            sentence = " ".join(filter(None, words))
            if sentence:
                yield node.target.id, sentence


def _comments(source: str) -> tuple[dict[int, str], set[int]]:
    """Return the marked comments by line, and the lines that hold nothing else."""
    found, whole = {}, set()
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        if token.type == tokenize.COMMENT and token.string.startswith(_MARK):
            line = token.start[0]
            found[line] = token.string.removeprefix(_MARK).strip()
            if token.line.lstrip().startswith(_MARK):
                whole.add(line)
    return found, whole

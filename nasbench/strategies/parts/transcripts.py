"""Transcripts: files with everything that a language model was asked in some runs, and said.

A transcript is a text file of JSON lines that is only appended to. The first line describes the
task, the model and the renaming. Every further line is an exchange, or the end of a run. Each line
ends in a `digest` of itself and of the digest before, so that a changed line is noticed.
"""

import fcntl
import hashlib
import json
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

from nasbench.errors import DataError
from nasbench.files import read_whole
from nasbench.strategies.parts.model import Completion, Message
from nasbench.text import shown

FORMAT = 1
_DIGITS = 16
_FIELDS = {
    "seed": int, "number": int, "messages": list, "answer": str, "prompt_tokens": int,
    "completion_tokens": int, "seconds": float | int, "proposal": str | None, "reason": str,
}  # fmt: skip


class Exchange(NamedTuple):
    """One prompt of a run, its answer and what became of it."""

    messages: list[Message]
    completion: Completion
    proposal: str | None
    """The architecture as its space writes it; None where the answer could not be used."""
    reason: str
    """Why the answer could not be used; empty where it could."""


@dataclass
class Transcript:
    """The content of a transcript."""

    path: Path
    header: Mapping[str, Any]
    runs: dict[int, list[Exchange]] = field(default_factory=dict)
    """The exchanges of each seed, in their order."""
    ended: set[int] = field(default_factory=set)
    """The seeds whose runs were recorded to their end."""
    digest: str = ""
    """That of the last line."""
    size: int = 0
    """The file's length in bytes."""

    @property
    def key(self) -> int:
        """The number that determines the renaming."""
        return int(self.header["key"])

    @property
    def space(self) -> str:
        """The name of the space whose architectures were proposed."""
        return str(self.header["task"]["space"])


def sealed(line: Mapping[str, Any], before: str) -> dict[str, Any]:
    """Return a line with its digest after a line with the digest `before`."""
    text = before + json.dumps(line, sort_keys=True)
    return {**line, "digest": hashlib.sha256(text.encode()).hexdigest()[:_DIGITS]}


def read_transcript(path: Path) -> Transcript:
    """Read a transcript; raise `DataError`, one line, where it is missing or damaged."""
    try:
        content = read_whole(path)
        lines = content.decode().split("\n")
    except OSError as error:
        raise DataError(f"transcript '{path}': {error.strerror or error}") from error
    except UnicodeDecodeError as error:
        raise DataError(f"transcript '{path}' is no text") from error
    if lines.pop():
        raise _damaged(path, len(lines) + 1, "it is cut off; `nasbench llm record` goes on there")
    if not lines:
        raise _damaged(path, 1, "it is empty")
    made = Transcript(path, {}, size=len(content))
    for number, text in enumerate(lines, 1):
        line = _line(path, number, text, made.digest)
        made.digest = line["digest"]
        if number == 1:
            made.header = _header(path, line)
        elif isinstance(line.get("end"), int):
            made.ended.add(line["end"])
        else:
            _add(made, number, line)
    return made


def _line(path: Path, number: int, text: str, before: str) -> dict[str, Any]:
    try:
        line = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise _damaged(path, number, "it is no JSON") from error
    if not isinstance(line, dict):
        raise _damaged(path, number, "it is no JSON object")
    plain = {name: value for name, value in line.items() if name != "digest"}
    if sealed(plain, before)["digest"] != line.get("digest"):
        raise _damaged(path, number, "it or a line before was changed after the recording")
    return line


def _header(path: Path, line: dict[str, Any]) -> dict[str, Any]:
    if line.get("format") != FORMAT:
        raise _damaged(path, 1, f"its format is {shown(line.get('format'))}, known is {FORMAT}")
    task = line.get("task")
    if not isinstance(line.get("key"), int) or not isinstance(task, dict) or "space" not in task:
        raise _damaged(path, 1, "it has no key or no task")
    return line


def _add(made: Transcript, number: int, line: dict[str, Any]) -> None:
    for name, kind in _FIELDS.items():
        if name not in line or not isinstance(line[name], kind):
            raise _damaged(made.path, number, f"it has no {name}, or of another type")
    run = made.runs.setdefault(line["seed"], [])
    if line["number"] != len(run):
        raise _damaged(made.path, number, f"it is not exchange {len(run)} of seed {line['seed']}")
    cost = line["prompt_tokens"], line["completion_tokens"], float(line["seconds"])
    run.append(
        Exchange(
            line["messages"], Completion(line["answer"], *cost), line["proposal"], line["reason"]
        )
    )


def _damaged(path: Path, number: int, why: str) -> DataError:
    return DataError(f"transcript '{path}' cannot be used: line {number}: {why}")


class Writer:
    """Appends lines to a transcript; each is on the disk before the next one is made.

    `DataError` where the file has grown meanwhile: lines of two recordings never mix.
    """

    def __init__(self, transcript: Transcript) -> None:
        """Go on after the last line of a transcript."""
        self.transcript = transcript

    @classmethod
    def create(cls, path: Path, header: Mapping[str, Any]) -> "Writer":
        """Begin a new transcript; `DataError` where the file cannot be made."""
        made = cls(Transcript(path, {"format": FORMAT, **header}))
        made._append(made.transcript.header, new=True)
        return made

    def exchange(self, seed: int, number: int, exchange: Exchange) -> None:
        """Append an exchange of a run."""
        said = exchange.completion
        self._append(
            {
                "seed": seed, "number": number, "messages": exchange.messages,
                "answer": said.text, "prompt_tokens": said.prompt_tokens,
                "completion_tokens": said.completion_tokens, "seconds": said.seconds,
                "proposal": exchange.proposal, "reason": exchange.reason,
            }
        )  # fmt: skip
        self.transcript.runs.setdefault(seed, []).append(exchange)

    def end(self, seed: int, stop: str) -> None:
        """Append the end of a run."""
        self._append({"end": seed, "stop": stop})
        self.transcript.ended.add(seed)

    def _append(self, line: Mapping[str, Any], *, new: bool = False) -> None:
        made = self.transcript
        whole = sealed(line, made.digest)
        try:
            with made.path.open("xb" if new else "ab") as file:
                fcntl.flock(file, fcntl.LOCK_EX)
                if file.seek(0, os.SEEK_END) != made.size:
                    raise DataError(
                        f"transcript '{made.path}' was changed meanwhile: another process records "
                        "into it, or somebody edits it; one recording at a time goes on"
                    )
                file.write(json.dumps(whole).encode() + b"\n")
                file.flush()
                os.fsync(file.fileno())
                made.size = file.tell()
        except OSError as error:
            raise DataError(
                f"transcript '{made.path}' cannot be written: {error.strerror or error}"
            ) from error
        made.digest = whole["digest"]


def repair(path: Path) -> None:
    """Remove a last line that is cut off, as a killed process leaves it."""
    content = read_whole(path)
    if content and not content.endswith(b"\n"):
        with path.open("r+b") as file:
            file.truncate(content.rfind(b"\n") + 1)

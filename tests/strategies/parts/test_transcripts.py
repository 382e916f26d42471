"""Transcripts keep what was recorded, and no change of them goes unnoticed."""

import hashlib
import json
from pathlib import Path
from typing import Any

import pytest

from nasbench.errors import DataError
from nasbench.strategies.parts.model import Completion
from nasbench.strategies.parts.transcripts import Exchange, Writer, read_transcript, repair

HEADER = {"task": {"space": "toy"}, "key": 3, "model": "fake"}


def exchange(number: int) -> Exchange:
    said = Completion(f"answer {number} – ü", 10 + number, number, 0.125 * number)
    used = ("(0, 1)", "") if number % 2 else (None, "it was proposed before")
    return Exchange([{"role": "user", "content": f"prompt {number}"}], said, *used)


def recorded(path: Path) -> Path:
    writer = Writer.create(path, HEADER)
    for seed in (0, 4):
        for number in range(3):
            writer.exchange(seed, number, exchange(number))
    writer.end(0, "evaluations")
    return path


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return recorded(tmp_path / "transcript.jsonl")


def test_what_was_written_is_read(path: Path) -> None:
    found = read_transcript(path)
    assert found.runs == {seed: [exchange(number) for number in range(3)] for seed in (0, 4)}
    assert (found.key, found.space, found.ended) == (3, "toy", {0})


def test_digests_are_a_chain_of_sha256(path: Path) -> None:
    """Computed a second time from the format's description."""
    before = ""
    for text in path.read_text(encoding="utf-8").splitlines():
        line = json.loads(text)
        digest = line.pop("digest")
        content = before + json.dumps(line, sort_keys=True)
        assert digest == hashlib.sha256(content.encode()).hexdigest()[:16]
        before = digest


def test_any_changed_line_is_noticed(path: Path) -> None:
    lines = path.read_text(encoding="utf-8").splitlines()
    for number, text in enumerate(lines):
        line: dict[str, Any] = json.loads(text)
        for name in line.keys() - {"digest"}:
            value = line[name]
            other = value + 1 if isinstance(value, int | float) else [value]
            changed = [*lines]
            changed[number] = json.dumps({**line, name: other})
            path.write_text("\n".join(changed) + "\n", encoding="utf-8")
            with pytest.raises(DataError, match=f"line {number + 1}: "):
                read_transcript(path)


def test_lines_that_are_missing_or_in_another_order_are_noticed(path: Path) -> None:
    lines = path.read_text(encoding="utf-8").splitlines(keepends=True)
    for changed in (
        lines[:3] + lines[4:], lines[1:], [*lines[:2], lines[3], lines[2], *lines[4:]],
        [*lines, lines[-1]],
    ):  # fmt: skip
        path.write_text("".join(changed), encoding="utf-8")
        with pytest.raises(DataError, match="cannot be used"):
            read_transcript(path)


@pytest.mark.parametrize(
    "content",
    [b"", b"\n", b"[]\n", b"{}\n", b"nonsense\n", b"\xff\xfe\n", b"[" * 100_000 + b"\n", b"1\n"],
)
def test_what_is_no_transcript_is_one_line(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "other"
    path.write_bytes(content)
    with pytest.raises(DataError) as caught:
        read_transcript(path)
    assert "\n" not in str(caught.value)


def test_a_missing_file_and_a_folder_are_one_line(tmp_path: Path) -> None:
    for path in (tmp_path / "none", tmp_path):
        with pytest.raises(DataError, match="transcript '"):
            read_transcript(path)


def test_a_cut_off_end_is_repaired_and_goes_on(path: Path) -> None:
    """As a killed process leaves it, at every byte of the last line."""
    whole = path.read_bytes()
    last = whole.rstrip(b"\n").rfind(b"\n") + 1
    for length in range(last + 1, len(whole)):
        path.write_bytes(whole[:length])
        with pytest.raises(DataError, match="cut off"):
            read_transcript(path)
        repair(path)
        writer = Writer(read_transcript(path))
        writer.end(0, "evaluations")
        assert path.read_bytes() == whole


def test_a_transcript_is_not_overwritten(path: Path) -> None:
    with pytest.raises(DataError, match="cannot be written"):
        Writer.create(path, HEADER)


def test_an_unknown_format_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "later.jsonl"
    Writer.create(path, {**HEADER, "format": 2})
    with pytest.raises(DataError, match="its format is 2"):
        read_transcript(path)


def test_two_recordings_never_mix(path: Path) -> None:
    one, other = Writer(read_transcript(path)), Writer(read_transcript(path))
    one.exchange(4, 3, exchange(3))
    with pytest.raises(DataError, match="another process records into it"):
        other.exchange(4, 3, exchange(5))
    one.end(4, "evaluations")
    assert read_transcript(path).runs[4][3] == exchange(3)

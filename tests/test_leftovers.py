"""What killed processes leave is removed by the next one, and nothing that is in use."""

import os
import signal
import stat
import subprocess
import sys
import time
from pathlib import Path

import pytest

from nasbench import leftovers
from nasbench.errors import StoreError
from nasbench.files import RESULTS, atomic_write, check_writable, may_not_be_written

WRITES = """
import sys, time
from pathlib import Path
from nasbench import files
files._tidied.add(Path(sys.argv[1]).parent.absolute())  # leave what is there, for the test to see
with files.atomic_write(Path(sys.argv[1])) as file:
    file.write(b"half")
    file.flush()
    print("writing", flush=True)
    time.sleep(60)
"""
HOLDS = """
import time
from nasbench.leftovers import temporary_folder
with temporary_folder("nasbench-ray-") as (folder, _):
    print(folder, flush=True)
    time.sleep(60)
"""


def started(code: str, *words: str, **variables: str) -> "subprocess.Popen[str]":
    return subprocess.Popen(
        [sys.executable, "-c", code, *words], env={**os.environ, **variables},
        stdout=subprocess.PIPE, text=True,
    )  # fmt: skip


def killed(process: "subprocess.Popen[str]") -> None:
    process.send_signal(signal.SIGKILL)
    process.communicate(timeout=30)


def test_a_part_is_removed_when_its_writer_is_dead_and_not_before(tmp_path: Path) -> None:
    process = started(WRITES, str(tmp_path / "name.json"))
    assert process.stdout is not None
    assert process.stdout.readline() == "writing\n"
    (part,) = tmp_path.iterdir()
    leftovers.remove_parts(tmp_path)
    assert list(tmp_path.iterdir()) == [part]
    killed(process)
    assert list(tmp_path.iterdir()) == [part]
    with atomic_write(tmp_path / "other.json") as file:  # what any next command does
        file.write(b"whole")
    assert [one.name for one in tmp_path.iterdir()] == ["other.json"]


def test_a_folder_is_removed_when_its_process_is_dead_and_not_before(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(leftovers, "temporary_places", lambda: [tmp_path])
    process = started(HOLDS, TMPDIR=str(tmp_path))
    assert process.stdout is not None
    folder = Path(process.stdout.readline().strip())
    assert folder.parent == tmp_path
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    (folder / "session" / "logs").mkdir(parents=True)
    leftovers.remove_leftovers()
    assert folder.exists()
    killed(process)
    leftovers.remove_leftovers()
    assert not folder.exists()


def test_what_is_not_certainly_ours_stays(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of another kernel until it is a week old; other names, links and other people's always."""
    here, there = leftovers.kernel(), "0" * 8
    ours = f".a.{here}-00000000.part"
    stay = [f".a.{there}-00000000.part", ".a.part", ".a.zzzzzzzz.part", f"a.{here}-00000000.part"]
    for name in (ours, *stay):
        (tmp_path / name).write_text("x")
    linked = tmp_path / f".b.{here}-00000000.part"
    linked.symlink_to(tmp_path / stay[1])
    leftovers.remove_parts(tmp_path)
    assert sorted(one.name for one in tmp_path.iterdir()) == sorted([*stay, linked.name])
    long_ago = time.time() - leftovers.WEEK - 60
    os.utime(tmp_path / stay[0], (long_ago, long_ago))
    leftovers.remove_parts(tmp_path)
    assert sorted(one.name for one in tmp_path.iterdir()) == sorted([*stay[1:], linked.name])

    places = tmp_path / "places"
    monkeypatch.setattr(leftovers, "temporary_places", lambda: [places])
    users = [places / name for name in ("nasbench-tune-results", "nasbench-ray-abcdefgh")]
    for folder in users:  # a name like ours, without a lock of ours
        folder.mkdir(parents=True)
        (folder / "lock-of-mine").touch()
        os.utime(folder / "lock-of-mine", (long_ago, long_ago))
        os.utime(folder, (long_ago, long_ago))
    theirs, young = places / "nasbench-ray-theirs01", places / "nasbench-tune-young001"
    for folder in (theirs, young):
        folder.mkdir(parents=True)
        (folder / f"lock-{there}").touch()
    leftovers.remove_leftovers()
    assert young.exists()
    os.utime(young / f"lock-{there}", (long_ago, long_ago))
    os.utime(young, (long_ago, long_ago))
    os.utime(theirs / f"lock-{there}", (long_ago, long_ago))  # but the folder was just written
    leftovers.remove_leftovers()
    assert (young.exists(), theirs.exists()) == (False, True)
    assert all(folder.exists() for folder in users)


def test_only_the_folder_is_looked_at_unless_asked(tmp_path: Path) -> None:
    part = tmp_path / "deep" / "er" / f".a.{leftovers.kernel()}-00000000.part"
    part.parent.mkdir(parents=True)
    part.touch()
    leftovers.remove_parts(tmp_path)
    assert part.exists()
    leftovers.remove_parts(tmp_path, below=True)
    assert not part.exists()
    leftovers.remove_parts(tmp_path / "none", below=True)


@pytest.mark.parametrize(("mask", "mode"), [(0o022, 0o644), (0o077, 0o600), (0o002, 0o664)])
def test_who_may_read_a_file_is_what_the_umask_says(tmp_path: Path, mask: int, mode: int) -> None:
    before = os.umask(mask)
    try:
        with atomic_write(tmp_path / "new" / "file") as file:
            file.write(b"x")
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "new" / "file").stat().st_mode) == mode
    assert stat.S_IMODE((tmp_path / "new").stat().st_mode) == mode | (mode & 0o444) >> 2


def test_the_longest_name_can_be_written(tmp_path: Path) -> None:
    """255 bytes are allowed, and the temporary name may not be longer than that."""
    for name in ("x" * 255, "é" * 127):
        with atomic_write(tmp_path / name) as file:
            file.write(b"x")
        assert (tmp_path / name).read_bytes() == b"x"


def test_the_first_of_two_writers_may_win(tmp_path: Path) -> None:
    for text in (b"one", b"two"):
        with atomic_write(tmp_path / "first", first=True) as file:
            file.write(text)
        with atomic_write(tmp_path / "last") as file:
            file.write(text)
    assert (tmp_path / "first").read_bytes() == b"one"
    assert (tmp_path / "last").read_bytes() == b"two"
    assert len(list(tmp_path.iterdir())) == 2


def test_a_place_is_tried_before_long_work(tmp_path: Path) -> None:
    check_writable(tmp_path / "new")
    assert list((tmp_path / "new").iterdir()) == []
    (tmp_path / "file").touch()
    with pytest.raises(StoreError, match="a file is where a folder should be") as caught:
        check_writable(tmp_path / "file" / "below", RESULTS)
    assert not may_not_be_written(caught.value)
    with pytest.raises(StoreError, match="no permission: make the folder writable") as caught:
        check_writable(Path("/proc/1/nasbench") if os.getuid() else Path("/sys/kernel/nasbench"))
    assert may_not_be_written(caught.value)

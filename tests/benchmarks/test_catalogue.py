"""Where tables live, and that getting them survives every interruption."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from nasbench.benchmarks import catalogue
from nasbench.benchmarks.catalogue import (
    TABLE_SOURCES,
    data_folder,
    fetch_table,
    list_tables,
    load_table,
    table_path,
    verify_table,
)
from nasbench.errors import DataError, InvalidInput
from tests.upstream import upstream

SOURCES = {
    "nb201", "nb201-hw", "transnas-micro", "transnas-macro", "macro", "gpt-s", "nb101", "nb101-20k",
    "nb101-5v", "nb101-test",
}  # fmt: skip
"""The tables that can be fetched."""


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("NASBENCH_DATA", str(tmp_path / "data"))
    return tmp_path / "data"


@pytest.fixture
def files(monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("NASBENCH_UPSTREAM", str(upstream()))
    return upstream()


def test_a_file_is_a_table_where_it_is_given() -> None:
    """As for a worker whose machine has not installed the table."""
    path = catalogue.table_file("digits")
    with catalogue.given_tables({"elsewhere": path}):
        assert catalogue.load_table("elsewhere").hash == catalogue.load_table("digits").hash
    with pytest.raises(DataError, match="not installed"):
        catalogue.load_table("elsewhere")


def test_the_data_folder(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert data_folder() == folder
    monkeypatch.delenv("NASBENCH_DATA")
    assert data_folder().name == "nasbench"
    assert data_folder().is_absolute()
    monkeypatch.setenv("NASBENCH_DATA", "~nosuch/x")
    with pytest.raises(InvalidInput, match="NASBENCH_DATA='~nosuch/x': there is no such user"):
        data_folder()


@pytest.mark.parametrize("name", ["../nb201", "a/b", "", ".hidden", "NB201", "x" * 65])
def test_names_cannot_leave_the_folder(name: str) -> None:
    with pytest.raises(InvalidInput, match="no table name"):
        table_path(name)


def test_what_is_not_installed_says_how_to_get_it() -> None:
    with pytest.raises(DataError, match=r"run `nasbench data fetch nb201`$"):
        load_table("nb201")
    with pytest.raises(DataError, match=r"'nb210' is not installed.*did you mean 'nb201'\?"):
        load_table("nb210")
    with pytest.raises(DataError, match="does not exist"):
        load_table("absent.safetensors")
    with pytest.raises(DataError, match="'absent' does not exist"):
        load_table(Path("absent"))
    with pytest.raises(
        InvalidInput,
        match=r"known are nb201, nb201-hw, transnas-micro, transnas-macro.*did you mean 'nb201'",
    ):
        fetch_table("nb20l")
    assert {line.name: line.installed for line in list_tables()} == {
        "digits": True,
        **dict.fromkeys(SOURCES, False),
    }


def test_fetch_installs_once(files: Path, folder: Path) -> None:
    table = fetch_table("nb201")
    assert load_table("nb201").hash == table.hash
    assert load_table(str(table_path("nb201"))).hash == table.hash
    changed = table_path("nb201").stat().st_mtime_ns
    fetch_table("nb201")
    assert table_path("nb201").stat().st_mtime_ns == changed
    fetch_table("nb201", force=True)
    assert table_path("nb201").stat().st_mtime_ns != changed
    assert [path.name for path in (folder / "tables").iterdir()] == ["nb201.safetensors"]


def test_kept_downloads_need_no_network(files: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = fetch_table("nb201").hash
    table_path("nb201").unlink()
    monkeypatch.setenv("NASBENCH_UPSTREAM", "/nowhere")
    assert fetch_table("nb201").hash == first


def test_a_damaged_table_is_listed_verified_and_replaced(files: Path) -> None:
    whole = fetch_table("nb201").hash
    path = table_path("nb201")
    content = bytearray(path.read_bytes())
    content[-100] ^= 1
    path.write_bytes(content)
    damaged = [line.name for line in list_tables() if "damaged" in (line.problem or "")]
    assert damaged == ["nb201"]
    with pytest.raises(DataError, match="damaged"):
        verify_table("nb201")
    assert fetch_table("nb201").hash == whole
    assert verify_table("nb201").hash == whole


def test_damaged_downloads_are_found_and_fetched_again(files: Path, folder: Path) -> None:
    fetch_table("nb201")
    kept = folder / "downloads" / TABLE_SOURCES["nb201"].files[1].place
    kept.chmod(0o644)
    kept.write_bytes(b"x" + kept.read_bytes()[1:])
    with pytest.raises(DataError, match=r"damaged \(the table is whole\)"):
        verify_table("nb201")
    fetch_table("nb201", force=True)
    verify_table("nb201")


def test_an_unwritable_folder_is_one_line(files: Path, folder: Path) -> None:
    folder.write_text("a file where the folder should be")
    with pytest.raises(DataError, match=r"cannot write .*NASBENCH_DATA"):
        fetch_table("nb201")


CODE = "from nasbench.benchmarks.catalogue import fetch_table; fetch_table('nb201', force=True)"


def test_killed_at_any_moment_the_next_fetch_works(files: Path, folder: Path) -> None:
    for pause in (0.35, 0.5, 0.65, 0.8):
        child = subprocess.Popen([sys.executable, "-c", CODE])
        time.sleep(pause)
        child.send_signal(signal.SIGKILL)
        child.wait()
        if table_path("nb201").exists():
            verify_table("nb201")  # never half a table under its name
    assert verify_table(fetch_table("nb201").name).info.cells == 15625


def test_processes_may_fetch_at_once(files: Path) -> None:
    children = [subprocess.Popen([sys.executable, "-c", CODE]) for _ in range(3)]
    assert [child.wait() for child in children] == [0, 0, 0]
    verify_table("nb201")


def test_importing_the_catalogue_is_light() -> None:
    heavy = "{'pandas', 'torch', 'ray', 'scipy', 'rich'}"
    code = f"import sys, nasbench.benchmarks.catalogue; print({heavy} & set(sys.modules))"
    done = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        check=True,
        env={**os.environ},
    )
    assert done.stdout.strip() == "set()"
    assert catalogue.TABLE_SOURCES.keys() == SOURCES

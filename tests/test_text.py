"""Text of others, made safe for terminals, pages, spreadsheets and file names."""

import unicodedata
from pathlib import PureWindowsPath
from typing import Any

import pandas
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from nasbench.benchmarks.catalogue import table_path
from nasbench.benchmarks.training.catalogue import table_name
from nasbench.errors import InvalidInput
from nasbench.harness.compare.tables.formats import (
    Entry,
    Section,
    TextTable,
    columns_of,
    columns_to_csv,
    frame_to_csv,
    to_markdown,
)
from nasbench.harness.compare.tables.latex import to_latex
from nasbench.text import address, file_name, one_line, printable, spreadsheet

BIDI = "\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069\u200e\u200f\u061c"
"""Unicode's characters that change the direction of text (UAX 9)."""
HOSTILE = "\x1b[2J\x07\x9b" + BIDI + "\ud800\u2028\ufeff"
ANY = st.text(st.characters())


@given(ANY)
def test_what_is_printable_has_no_control_format_or_lone_surrogate(text: str) -> None:
    safe = printable(text)
    hidden = {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"}
    assert not any(unicodedata.category(one) in hidden for one in safe)
    assert printable(safe) == safe
    safe.encode()


def test_letters_of_every_script_stay() -> None:
    for text in ("Größe", "日本語", "ελληνικά", "عربى", "a b", "±–→", "a\u00a0b"):
        assert printable(text) == text
    assert printable("a\nb\tc", "\n") == "a\nb\\tc"
    assert printable("red \x1b[31m") == r"red \x1b[31m"
    assert printable("\u202e") == r"\u202e"


@given(ANY)
def test_a_file_name_is_one_name_of_a_file_system(text: str) -> None:
    name = file_name(text)
    assert "/" not in name
    assert "\0" not in name
    assert name not in ("", ".", "..")
    assert not name.startswith(".")
    assert len(name.encode()) <= 255
    assert_portable(name)
    assert file_name(name) == name


def assert_portable(name: str) -> None:
    """Check the rules of Windows, by Python's own list of them, and that no other system has more.

    Zip files and shared disks of other systems have no other rules than these.
    """
    assert not set(name) & set('<>:"/\\|?*')
    assert name.isprintable()
    assert not name.endswith((".", " "))
    assert not PureWindowsPath(name).is_reserved()


@pytest.mark.parametrize("text", ["nul", "CON.txt", "com1", "aux.", "a..", "lpt\u00b9.tar.gz"])
def test_names_of_devices_and_dots_at_the_end(text: str) -> None:
    assert_portable(file_name(text))
    called = table_name(f"npz:{text}.npz")
    assert_portable(called)
    assert table_path(called).stem == called
    assert table_path("console").stem == "console"
    for name in ("nul", "com1.x"):
        with pytest.raises(InvalidInput, match="no name of a device such as nul"):
            table_path(name)


@pytest.mark.parametrize("text", ["..", "../..", "/etc/passwd", ".hidden", "", "a" * 5000, HOSTILE])
def test_hostile_file_names(text: str) -> None:
    assert file_name(text).isprintable()
    assert file_name("nb201-paper-cifar10-12000s") == "nb201-paper-cifar10-12000s"
    assert file_name("a" * 5000) != file_name("a" * 5001)


def test_no_text_of_a_csv_is_a_formula_and_numbers_stay() -> None:
    texts = ["=1+1", "+x", "-x", "@x", "\tx", "plain"]
    odd = HOSTILE.replace("\ud800", "")  # pandas holds no lone surrogate
    frame = pandas.DataFrame({"label": texts, "mean": [-1.5] * 6, "odd": [odd] * 6})
    lines = frame_to_csv(frame).splitlines()
    assert [line[:2] for line in lines[1:6]] == ["'=", "'+", "'-", "'@", "'\\"]
    assert lines[6].startswith("plain,-1.5,")
    assert all(line.isprintable() for line in lines)
    assert spreadsheet("12") == "12"


values = st.one_of(
    st.integers(-(2**40), 2**40), st.floats(), st.booleans(), st.none(),
    st.text(st.characters(exclude_categories=["Cs"]), max_size=4),
)  # fmt: skip


@given(
    st.lists(st.dictionaries(st.sampled_from("abcd"), values, min_size=1), min_size=1, max_size=5)
)
@example([{"a": 1, "b": 2.0}, {"a": 3, "b": 4}, {"b": None}])
@example([{"a": True, "b": "=x"}, {"b": "y"}])
def test_rows_as_csv_are_those_of_pandas(rows: list[dict[str, Any]]) -> None:
    assert columns_to_csv(columns_of(rows)) == frame_to_csv(pandas.DataFrame(rows))


@pytest.mark.parametrize("write", [to_markdown, to_latex])
def test_tables_show_no_character_that_steers(write: object) -> None:
    row = [Entry(HOSTILE), Entry("1")]
    table = TextTable("t", HOSTILE, (HOSTILE, "n"), [Section(HOSTILE, [row], [])], (HOSTILE,))
    text = write(table)  # type: ignore[operator]
    assert all(one.isprintable() or one == "\n" for one in text)


def test_a_terminal_is_not_steered(capsys: pytest.CaptureFixture[str]) -> None:
    from nasbench.cli.lines import say
    from nasbench.cli.screen import Screen

    say(HOSTILE)
    say(HOSTILE, err=True)
    Screen().print(HOSTILE, markup=False)
    printed = capsys.readouterr()
    for text in (printed.out, printed.err):
        assert text
        assert all(one.isprintable() or one == "\n" for one in text)


def test_a_password_is_not_repeated() -> None:
    assert address("https://me:secret@host/x") == "https://host/x"


def test_a_long_message_keeps_its_ends() -> None:
    line = one_line("begin\n" + "x" * 100_000 + " end")
    assert line.startswith("begin x")
    assert line.endswith("x end")
    assert len(line) < 1_100


@pytest.mark.parametrize("protocol", ["..", "../..", "../../x", "\x1b[31m", "p" * 5000])
def test_a_comparison_makes_no_folder_outside_its_own(protocol: str) -> None:
    """A protocol's name is stored with runs, and runs may come from anybody."""
    from types import SimpleNamespace

    from nasbench.benchmarks.tabular import Query
    from nasbench.harness.compare.write import folder_names
    from nasbench.harness.search.budget import Budget
    from nasbench.harness.search.task import BenchmarkReference, Kind, Task

    reference = BenchmarkReference(Kind.TABLE, "../../b", protocol)
    task = Task(
        reference, "0" * 64, "nb201", Query("../d", 12, 12), "charge",
        Budget(evaluations=5), 200, ("../../d",),
    )  # fmt: skip
    blocks = SimpleNamespace(blocks=[SimpleNamespace(task=task, table="t")] * 2)
    names = folder_names(blocks)  # type: ignore[arg-type]
    assert len(set(names)) == 2
    for name in names:
        assert "/" not in name
        assert not name.startswith(".")
        assert name.isprintable()
        assert len(name.encode()) < 255


def test_a_page_shows_no_character_that_turns_text() -> None:
    from jinja2 import Environment
    from markupsafe import Markup

    from nasbench.harness.report.page import _seen

    page = Environment(autoescape=True, finalize=_seen).from_string("{{ a }}{{ b }}{{ c }}")
    shown = page.render(a=HOSTILE + "<b>", b=Markup("<i>"), c=1.5)
    assert shown.isprintable()
    assert shown.endswith("&lt;b&gt;<i>1.5")

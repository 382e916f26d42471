"""`nasbench data`, as a user meets it."""

import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from nasbench.cli.data import app
from nasbench.errors import NasbenchError
from tests.upstream import NATS_FOLDER, upstream


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("NASBENCH_DATA", str(tmp_path))
    monkeypatch.setenv("NASBENCH_UPSTREAM", str(upstream()))
    return tmp_path


def run(*arguments: str) -> str:
    result = CliRunner().invoke(app, arguments)
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    assert result.exit_code == 0, result.output
    return result.output


def test_fetch_list_info_verify_and_path(folder: Path) -> None:
    assert "not installed: nasbench data fetch nb201 " in run("list")
    said = run("fetch", "nb201")
    assert "15,625 of 15,625 architectures" in said
    assert "Apache-2.0 licence" in said  # attribution is printed
    assert "15625 architectures" in run("list")
    info = run("info", "nb201")
    assert "cifar10/test/hp200/ep200/accuracy/mean" in info
    assert "pseudo-times" in info
    assert "fitted" in info
    assert run("verify", "nb201").startswith("nb201: whole")
    assert run("path").strip() == str(folder)
    assert run("path", "nb201").strip() == str(folder / "tables" / "nb201.safetensors")


def test_licences_are_those_of_the_sources() -> None:
    """Of EC-NAS the notice is that of its LICENSE, and nothing of the table is under ISC."""
    said = run("fetch", "nb101-5v")
    info = run("info", "nb101-5v")
    assert "licence  Apache-2.0 and MIT, see sources" in info
    (text,) = (upstream() / "PedramBakh" / "EC-NAS-Bench").glob("*/LICENSE")
    licence, _, notice = text.read_text().strip().splitlines()[:3]
    assert (licence, notice.rstrip(".")) == ("MIT License", "Copyright (c) 2022 Pedram Bakh")
    for output in (said, info):
        assert f"notice   Pedram Bakhtiarifard et al., EC-NAS: {notice.rstrip('.')}, MIT" in output


def test_import_reports_what_is_missing() -> None:
    said = run("import", str(upstream() / NATS_FOLDER))
    assert "nats-tss-v1_0-3ffb9: 3 of 15,625 architectures" in said
    assert "15622 of 15625 architectures are not in the source" in said
    with pytest.raises(NasbenchError, match="exists already"):
        run("import", str(upstream() / NATS_FOLDER))
    assert "mine: 3 of" in run("import", str(upstream() / NATS_FOLDER), "--name", "mine")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("fetch", "nb10l"), "cannot be fetched: known are nb201, nb201-hw"),
        (
            ("fetch", "nats-size"),
            "it is made of the official files, by `nasbench data import PATH`",
        ),
        (("info", "nb201"), "run `nasbench data fetch nb201`"),
        (("verify", "other"), "is not installed"),
        (("path", "../x"), "no table name"),
        (("import", "/nowhere/file.pth"), "'/nowhere/file.pth' does not exist"),
    ],
)
def test_bad_input_is_one_line(arguments: tuple[str, ...], message: str) -> None:
    with pytest.raises(NasbenchError) as caught:
        run(*arguments)
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


def test_the_module_is_light() -> None:
    code = (
        "import sys, nasbench.cli.data;"
        "print({'numpy', 'pandas', 'pydantic', 'torch', 'ray'} & set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"

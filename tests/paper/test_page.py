"""The page of the documentation that leads from runs to a paper, copied literally."""

import json
import os
import re
import subprocess
import sys
import zlib
from pathlib import Path

import pytest

PAGE = Path(__file__).parents[2] / "docs" / "paper.md"
MOST = 10
"""Commands that the page may need."""
FOLDER = "nb201-paper-cifar10-12000s"
COMPARISON = Path("results", "paper", "comparison")


@pytest.fixture(scope="module")
def place(synthetic_data: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder in which the page's commands were run, with fewer seeds."""
    blocks = re.findall(r"```bash\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
    script = "\n".join(["set -eu", *blocks])
    commands = re.findall(r"^(?:nasbench|cat) ", script, re.MULTILINE)
    assert 5 < len(commands) <= MOST
    assert script.count("--seeds 500") == 2
    folder = tmp_path_factory.mktemp("page")
    tools = folder / "bin"
    tools.mkdir()
    (tools / "nasbench").write_text(f'#!/bin/sh\nexec "{sys.executable}" -m nasbench "$@"\n')
    (tools / "nasbench").chmod(0o755)
    done = subprocess.run(
        ["bash", "-c", script.replace("--seeds 500", "--seeds 8")], cwd=folder, timeout=600,
        env={**os.environ, "PATH": f"{tools}:{os.environ['PATH']}",
             "NASBENCH_DATA": str(synthetic_data), "PYTHONPATH": str(PAGE.parents[1])},
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert "faults 0" in done.stdout
    return folder


def test_rows_names_order_and_columns_are_those_of_the_page(place: Path) -> None:
    text = (place / COMPARISON / FOLDER / "results.tex").read_text()
    rows = re.findall(r"^    (\w+) & 8 & (.*) \\\\$", text, re.MULTILINE)
    assert [name for name, _ in rows] == ["Ours", "Evolution", "RS"] * 2
    assert all(cells.count("&") == 1 for _, cells in rows)  # test, regret test
    assert "ImageNet-16" in text
    assert "left out: Softmax REINFORCE" in text
    stored = json.loads((place / COMPARISON / "comparison.json").read_text())
    assert [one["label"] for one in stored["not chosen"]["runs"]] == ["Softmax REINFORCE"]
    assert stored["not chosen"]["datasets"] == ["cifar100"]


def test_figures_have_the_colours_and_the_width_of_the_page(place: Path) -> None:
    folder = place / COMPARISON / FOLDER
    content = (folder / "regret-cifar10-seconds.pdf").read_bytes()
    drawn = b"".join(
        zlib.decompress(one)
        for one in re.findall(rb"/FlateDecode.*?stream\r?\n(.*?)\r?\nendstream", content, re.DOTALL)
        if one[:1] == b"x"
    )
    red = " ".join(f"{int(digits, 16) / 255:.4f}" for digits in ("d6", "27", "28"))
    strokes = re.findall(rb"([\d.]+) ([\d.]+) ([\d.]+) RG", drawn)
    assert red in {" ".join(f"{float(one):.4f}" for one in stroke) for stroke in strokes}
    (width,) = re.findall(rb"/MediaBox \[ 0 0 ([\d.]+) ", content)
    assert float(width) == pytest.approx(3.25 * 72, abs=0.5)
    captions = (folder / "captions.md").read_text()
    assert "left out: Softmax REINFORCE" in captions
    assert "n = 8" in captions


def test_what_the_page_says_of_latex_is_there(place: Path) -> None:
    page = PAGE.read_text(encoding="utf-8")
    (block,) = re.findall(r"```latex\n(.*?)```", page, re.DOTALL)
    for name in re.findall(r"\{(results/paper/[^}]+)\}", block):
        assert (place / name).is_file()
    (label,) = re.findall(r"\\ref\{([^}]+)\}", block)
    assert f"\\label{{{label}}}" in (place / COMPARISON / FOLDER / "results.tex").read_text()
    assert "@" in (place / "results" / "paper" / "nasbench.bib").read_text()


def test_the_report_is_of_the_same_choice(place: Path) -> None:
    text = (place / "results" / "paper" / "report.html").read_text()
    assert "left out: Softmax REINFORCE" in text
    assert "ImageNet-16" in text
    assert "CIFAR-100" in re.findall(r"data sets left out: ([^;<]+)", text)

"""Compile LaTeX as papers do, and read what was said about it."""

import os
import re
import shutil
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest

TWO_COLUMNS, ONE_COLUMN = "two columns", "one column"
PAGES = {
    TWO_COLUMNS: ("twocolumn", "textwidth=6.75in,columnsep=0.25in"),  # columns of 3.25 inches
    ONE_COLUMN: ("onecolumn", "textwidth=5.5in"),
}
WIDTHS = {TWO_COLUMNS: "icml-column", ONE_COLUMN: None}
"""The width that tables are made for, by page."""
_WRONG = re.compile(
    r"^(!.*|Overfull .*|.*Float too large.*|.*undefined.*|.*multiply.defined.*)$", re.MULTILINE
)


def need_latex() -> None:
    """Skip a test where LaTeX is not installed, unless the environment says that it must be."""
    missing = [name for name in ("pdflatex", "bibtex") if shutil.which(name) is None]
    if missing:
        if os.environ.get("NASBENCH_REQUIRE_LATEX") == "1":
            pytest.fail(f"{' and '.join(missing)} are not installed")
        pytest.skip("LaTeX is not installed")


@dataclass(frozen=True)
class Compiled:
    """A document: its pages, and what was wrong with it."""

    pdf: Path
    wrong: tuple[str, ...]
    """Errors, overfull boxes, floats higher than a page, and what is not defined."""
    pages: int


def document(page: str, body: str, packages: str = "booktabs") -> str:
    """Return a document of LaTeX's own class with one or two columns."""
    option, sizes = PAGES[page]
    return "\n".join(
        [
            f"\\documentclass[10pt,{option}]{{article}}",
            f"\\usepackage[letterpaper,textheight=9in,{sizes}]{{geometry}}",
            f"\\usepackage{{{packages}}}",
            "\\begin{document}",
            body,
            "\\end{document}",
        ]
    )


def compile_latex(folder: Path, name: str, commands: Sequence[str] = ("pdflatex",)) -> Compiled:
    """Compile `name`.tex in a folder with the commands in turn; only the last one's log counts."""
    for command in commands:
        options = ["-interaction=nonstopmode"] if command == "pdflatex" else []
        subprocess.run(
            [command, *options, name], cwd=folder, capture_output=True, timeout=120, check=False
        )
    log = folder.joinpath(f"{name}.log").read_text(encoding="utf-8", errors="replace")
    pages = re.search(r"Output written on .*?\((\d+) pages?", log.replace("\n", ""))
    wrong = tuple(_WRONG.findall(log))
    return Compiled(folder / f"{name}.pdf", wrong, int(pages[1]) if pages else 0)

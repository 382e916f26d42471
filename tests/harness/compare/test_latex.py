"""Tables as LaTeX: compiled, nothing runs over a margin, whatever the rows and names."""

import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from latex import ONE_COLUMN, TWO_COLUMNS, WIDTHS, compile_latex, document, need_latex
from tables import installed, toy_cifar10

from nasbench.harness.compare import Block, Comparison, compare
from nasbench.harness.compare.latex import to_latex
from nasbench.harness.compare.table_options import TableOptions
from nasbench.harness.compare.tables import tables, tables_across
from nasbench.harness.execution.run import run
from nasbench.testing.one_shot import SMALL

LONG = "a_rather.long:Name of 60 characters & 100 % #1 {~^} \\ $x$ äß é"
UNBROKEN = "Namewithnoplacetobreakanywhereinallofitssixtycharacters12345"


def relabelled(block: Block, label: str) -> Block:
    """Return a block whose rows have long names."""
    names = {one.label: f"{label[:-2]}{n:2}" for n, one in enumerate(block.contenders)}
    return replace(
        block,
        contenders=tuple(replace(one, label=names[one.label]) for one in block.contenders),
        rows=tuple(replace(row, label=names[row.label]) for row in block.rows),
        sets=tuple(replace(row, label=names[row.label]) for row in block.sets),
    )


def many(out: Path, rows: int, benchmark: str, seeds: int = 4) -> Comparison:
    for size in range(2, 2 + rows):
        settings = {"regularized-evolution": {"population": size, "sample": 2}}
        run("regularized-evolution", seeds=seeds, benchmark=benchmark, budget="8evals",
            settings=settings, out=out)  # fmt: skip
    return compare(out)


@pytest.fixture(scope="module")
def comparisons(
    synthetic_data: Path, tmp_path_factory: pytest.TempPathFactory
) -> dict[str, Comparison]:
    """Comparisons of three data sets, of one, of shared weights beside others, and of sets."""
    out = tmp_path_factory.mktemp("runs")
    with installed(synthetic_data):
        run("random-search,regularized-evolution,reinforce", seeds=6, budget="2000s",
            out=out / "three")  # fmt: skip
        run("random-search", seeds=1, benchmark="digits", budget="5evals", out=out / "one")
        found = {
            "three data sets": compare(out / "three"),
            "one row": compare(out / "one"),
            "twenty rows": many(out / "twenty", 20, "nb201"),
            "ten rows": many(out / "ten", 10, "digits"),
        }
        with toy_cifar10(synthetic_data):
            run("rsps,random-search", seeds=3, settings={"rsps": {**SMALL, "samples": 3}},
                out=out / "mix")  # fmt: skip
            found["shared weights"] = compare(out / "mix")
    for name in ("three data sets", "ten rows", "shared weights"):
        one = found[name]
        for label in (LONG, UNBROKEN):
            blocks = tuple(relabelled(block, label) for block in one.blocks)
            found[f"{name}, {label[:6]}"] = replace(one, blocks=blocks)
    return found


def written(comparison: Comparison, options: TableOptions, name: str) -> Iterator[str]:
    every = [(f"{name}-{n}", tables(one, options)) for n, one in enumerate(comparison.blocks)]
    every += [(f"{name}-a{n}", tables_across(one, options))
              for n, one in enumerate(comparison.families)]  # fmt: skip
    for folder, found in every:
        for table in found:
            yield to_latex(table, options, folder)


@pytest.mark.parametrize("where", [TWO_COLUMNS, ONE_COLUMN])
def test_all_tables_compile_within_their_margins(
    comparisons: dict[str, Comparison], where: str, tmp_path: Path
) -> None:
    """In the form that fits, in both forms where they are asked for, and with siunitx."""
    need_latex()
    usual = TableOptions(width=WIDTHS[where])
    parts = [text for name, one in comparisons.items() for text in written(one, usual, name)]
    assert len(parts) > 40
    for number, (options, names) in enumerate(
        (
            (replace(usual, form="full"), comparisons),
            (replace(usual, form="short"), ["three data sets", f"shared weights, {LONG[:6]}"]),
            (replace(usual, siunitx=True), ["three data sets", "shared weights"]),
        )
    ):
        for name in names:
            found = list(written(comparisons[name], options, f"{name}{number}"))
            packages = "booktabs,siunitx" if options.siunitx else "booktabs"
            assert all(text.startswith(f"% needs \\usepackage{{{packages}}}\n") for text in found)
            parts += found
    body = "\n\\clearpage\n".join(parts)
    text = document(where, body, "booktabs,siunitx")
    (tmp_path / "all.tex").write_text(text, encoding="utf-8")
    made = compile_latex(tmp_path, "all")
    assert [line for line in made.wrong if "undefined" not in line] == []  # labels come later
    assert "\\resizebox" not in body
    labels = re.findall(r"\\label\{(.*?)\}", body)
    assert len(set(labels)) == len(labels) == body.count("\\caption{")
    assert all(re.fullmatch(r"[A-Za-z0-9:.-]+", label) for label in labels)

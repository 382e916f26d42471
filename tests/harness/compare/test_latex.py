"""Tables as LaTeX: compiled, nothing runs over a margin, whatever the rows and names."""

import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from latex import ONE_COLUMN, TWO_COLUMNS, WIDTHS, compile_latex, document, need_latex
from matplotlib.figure import Figure
from tables import installed, toy_cifar10

from nasbench.harness.compare import Block, Comparison, compare
from nasbench.harness.compare.figures.captions import in_latex
from nasbench.harness.compare.figures.picture import Picture
from nasbench.harness.compare.tables.all_tables import results_table, tables, tables_across
from nasbench.harness.compare.tables.formats import Entry, Section, TextTable
from nasbench.harness.compare.tables.latex import to_latex
from nasbench.harness.compare.tables.latex_page import BOLD, SIZES, natural
from nasbench.harness.compare.tables.latex_text import escape_latex
from nasbench.harness.compare.tables.options import TableOptions
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
        run("random-search", seeds=2, benchmark="digits", objective="accuracy,params,latency",
            budget="9evals", out=out / "sets", workers=1)  # fmt: skip
        found["sets"] = compare(out / "sets")
        with toy_cifar10(synthetic_data):
            run("rsps,random-search", seeds=3, settings={"rsps": {**SMALL, "samples": 3}},
                out=out / "mix")  # fmt: skip
            found["shared weights"] = compare(out / "mix")
    for name in ("three data sets", "ten rows", "shared weights", "sets"):
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


def test_widths_are_estimated_honestly(tmp_path: Path) -> None:
    """A text is as wide as LaTeX's own font makes it, or a little less."""
    need_latex()
    texts = [
        "regularized-evolution", "93.80 $\\pm$ 0.29", "71.17 [70.75, 71.61]", "ImageNet16-120",
        "population=12, sample=2", "WMQ@ ill", "mean architecture",
    ]  # fmt: skip
    plain = [one.replace("$\\pm$", "±") for one in texts]
    body = "\n".join(
        f"\\setbox0\\hbox{{{font}{{}}{one}}}\\typeout{{WIDTH \\the\\wd0}}"
        for font in ("", "\\footnotesize", "\\scriptsize", "\\bfseries\\footnotesize")
        for one in texts
    )
    (tmp_path / "w.tex").write_text(document(ONE_COLUMN, body), encoding="utf-8")
    compile_latex(tmp_path, "w")
    log = (tmp_path / "w.log").read_text(encoding="utf-8")
    found = [float(one) for one in re.findall(r"WIDTH ([\d.]+)pt", log)]
    scales = [1.0, *(one.scale for one in SIZES), BOLD * SIZES[0].scale]
    made = [natural(one) * scale for scale in scales for one in plain]
    assert len(found) == len(made)
    for width, estimate in zip(found, made, strict=True):
        assert width <= estimate + 1.0
        assert estimate <= 1.12 * width


def test_a_table_goes_across_columns_and_gets_smaller_only_where_it_must() -> None:
    def table(columns: int, label: str = "row") -> TextTable:
        names = ("strategy", *(f"c{n}" for n in range(columns)))
        row = [Entry(label), *(Entry("71.17 [70.75, 71.61]") for _ in range(columns))]
        return TextTable("t", "c", names, [Section("", [row], [])], (), short=names[:2])

    def look(columns: int, label: str = "row") -> tuple[str, str, int]:
        text = to_latex(table(columns, label), TableOptions(width="icml-column"))
        kind = re.search(r"\\begin\{(table\*?)\}", text)
        size = re.search(r"\\fontsize\{(\d)\}", text)
        assert kind is not None
        assert size is not None
        return kind[1], size[1], text.count("71.17")

    assert look(2) == ("table", "8", 2)
    assert look(3) == ("table*", "8", 3)
    assert look(6) == ("table*", "7", 6)
    assert look(8) == ("table", "8", 1)  # short
    assert look(2, "x" * 200)[0] == "table*"
    long = to_latex(table(2, "x" * 200), TableOptions(width="icml-column"))
    assert long.count("\\begin{tabular}") == 1
    assert "p{" in long
    assert "\\raggedright" in long


@pytest.mark.parametrize("letter", ["i", "x", "M"])  # the narrowest, a usual one, the widest
def test_names_without_a_place_to_break_stay_within_the_margins(
    letter: str, tmp_path: Path
) -> None:
    """Of rows, data sets, metrics in captions of tables and figures, and in notes."""
    need_latex()
    name = letter * 150
    row = [Entry(name), *(Entry("71.17 [70.75, 71.61]") for _ in range(9))]
    texts = [
        TextTable("t", f"of {name}", ("strategy", *map(str, range(9))),
                  [Section(name, [row], [])], (name,)),
        TextTable("pairs", name, ("", "strategy", *map(str, range(8))),
                  [Section("", [[Entry("1"), *row[:9]]], [])], (name,), texts=2),
    ]  # fmt: skip
    figure = in_latex([Picture("x", "regret", "x", f"Regret on {name}.", lambda _: Figure())])
    for page in (ONE_COLUMN, TWO_COLUMNS):
        tables = [to_latex(text, TableOptions(width=WIDTHS[page])) for text in texts]
        (tmp_path / "all.tex").write_text(document(page, "\n".join([*tables, figure])))
        assert compile_latex(tmp_path, "all").wrong == ()


def test_words_that_fit_on_a_line_are_not_broken() -> None:
    names = ("Regularized evolution (population=10)", "a method of ours", "Softmax REINFORCE")
    rows = [[Entry(name), *(Entry("71.17 [70.75, 71.61]") for _ in range(6))] for name in names]
    columns = ("strategy", *map(str, range(6)))
    text = to_latex(TextTable("t", "", columns, [Section("", rows, [])], ()),
                    TableOptions(width="icml-column"))  # fmt: skip
    assert "raggedright" in text  # names may have several lines
    for name in names:
        assert name in text


def test_letters_that_fonts_lack_are_their_codes() -> None:
    assert escape_latex("é 中 α -- a|b") == r"é U+4E2D $\alpha$ -{}- a\textbar{}b"


def test_siunitx_aligns_numbers_and_keeps_what_follows_them(
    comparisons: dict[str, Comparison],
) -> None:
    block = comparisons["three data sets"].blocks[0]
    text = to_latex(results_table(block), TableOptions(siunitx=True))
    assert "S[table-format=2.2" in text
    row = next(line for line in text.splitlines() if line.strip().startswith("REINFORCE"))
    assert re.search(r"& (\\bfseries )?\d+\.\d\d & (\\bfseries )?\$\\pm\$ \d", row)


@pytest.mark.parametrize("size", ["11pt", "12pt"])
def test_a_class_with_larger_letters_has_the_same_tables(
    comparisons: dict[str, Comparison], size: str, tmp_path: Path
) -> None:
    need_latex()
    names = ("three data sets", "twenty rows", "shared weights")
    body = "\n\\clearpage\n".join(
        text for name in names for text in written(comparisons[name], TableOptions(), name)
    )
    text = document(ONE_COLUMN, body).replace("10pt", size)
    (tmp_path / "all.tex").write_text(text, encoding="utf-8")
    made = compile_latex(tmp_path, "all")
    assert [line for line in made.wrong if "undefined" not in line] == []

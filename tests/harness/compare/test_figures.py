"""What a user chooses about figures, the files they come in, their captions and colours."""

import io
import json
import re
import shutil
import zlib
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import matplotlib as mpl
import numpy as np
import pyarrow as pa
import pytest
from fontTools.ttLib import TTFont
from matplotlib.text import Text
from PIL import Image
from test_layout import family_of, unreadable
from typer.testing import CliRunner

from nasbench.cli.app import app
from nasbench.errors import InvalidInput
from nasbench.harness.audit.comparisons import check_comparisons
from nasbench.harness.compare import Comparison, compare
from nasbench.harness.compare.figures import saving, style
from nasbench.harness.compare.figures.across_datasets import family_pictures
from nasbench.harness.compare.figures.colours import (
    OPERATIONS,
    REFERENCE,
    distances,
    oklab,
    operation_colour,
    readable,
)
from nasbench.harness.compare.figures.looks import DASHES, looks
from nasbench.harness.compare.figures.options import KINDS, FigureOptions
from nasbench.harness.compare.figures.picture import Picture
from nasbench.harness.compare.figures.pictures import FigureChoice, _named, by_folder
from nasbench.harness.compare.figures.plots import regret_pictures
from nasbench.harness.compare.figures.ticks import written
from nasbench.harness.compare.write import write
from nasbench.harness.results.load import load_results
from nasbench.harness.results.runs import ExperimentRuns
from nasbench.strategies.registry import strategies

STORED = Path(__file__).parents[1] / "schema1"
HERE = shutil.which("latex") is not None and shutil.which("pdflatex") is not None
needs_latex = pytest.mark.skipif(not HERE, reason="LaTeX is not installed")


@pytest.fixture(scope="module")
def comparison() -> Comparison:
    return compare(STORED)


@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        ({"font": "comic"}, "font 'comic' is unknown: valid are sans, serif, tex"),
        ({"formats": "gif"}, "figure format 'gif' is unknown: valid are pdf, png, svg, pgf"),
        ({"formats": ""}, "no figure format is given: valid are pdf, png, svg, pgf"),
        ({"kinds": ["regrets"]}, "kind of figure 'regrets' is unknown: valid are regret, .*none"),
        ({"kinds": 3}, "kind of figure cannot be 3"),
        ({"title": "no"}, "title cannot be 'no': it must be True or False"),
        ({"width": 100}, "width '100' is unknown"),
    ],
)
def test_what_is_unknown_is_named(wrong: dict[str, Any], told: str) -> None:
    with pytest.raises(InvalidInput, match=told):
        FigureOptions(**wrong)


@pytest.mark.parametrize("wrong", [{"font": "tex"}, {"formats": "pdf,pgf"}])
def test_without_latex_what_needs_it_is_refused(
    wrong: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", "")
    with pytest.raises(InvalidInput, match=r"needs LaTeX, but .* is not found: install it"):
        FigureOptions(**wrong)


def test_the_command_refuses_before_it_prints(tmp_path: Path) -> None:
    for options in (["--font", "comic"], ["--figure-format", "gif"], ["--figures", "curves"]):
        done = CliRunner().invoke(app, ["compare", str(STORED), "--out", str(tmp_path), *options])
        assert isinstance(done.exception, InvalidInput)
        assert done.stdout == ""
    assert list(tmp_path.iterdir()) == []


def test_chosen_kinds_and_formats_are_written_and_no_others(
    comparison: Comparison, tmp_path: Path
) -> None:
    write(comparison, tmp_path, figures=FigureOptions(kinds="regret,losses", formats="svg"))
    (folder,) = (path for path in tmp_path.iterdir() if path.is_dir())
    names = {path.name for path in folder.iterdir() if path.suffix not in (".tex", ".md", ".csv")}
    assert {re.match("[a-z]+", name)[0] for name in names} == {"regret", "losses"}  # type: ignore[index]
    assert {Path(name).suffix for name in names} == {".svg"}
    captions = (folder / "captions.md").read_text()
    assert captions.count("## ") == len(names)
    write(comparison, tmp_path, figures=FigureOptions(kinds="none"))
    left = {path.suffix for path in folder.iterdir()}
    assert left == {".tex", ".md", ".csv"}
    assert not (folder / "captions.md").exists()


def test_words_that_are_left_out_are_in_the_captions(comparison: Comparison) -> None:
    found = by_folder(comparison, FigureChoice())
    (pictures,) = found.values()
    bare = FigureOptions(title=False, footer=False)
    block = comparison.blocks[0]
    for picture in pictures:
        assert "table" in picture.caption and re.search(r"n = \d", picture.caption)
        assert picture.caption.endswith(".")
        assert picture.caption[0].isupper()
        assert picture.kind in KINDS
    first = pictures[0]
    full, plain = (first.draw(options) for options in (FigureOptions(), bare))
    said = [" ".join(text.get_text() for text in one.texts) for one in (full, plain)]
    assert block.footer.split(",")[0] in said[0]
    assert said[1] == ""
    assert first.caption.lower().count(block.datasets[0])


def test_captions_are_derived_again_by_the_audit(tmp_path: Path) -> None:
    results = tmp_path / "results"
    shutil.copytree(STORED, results)
    options = FigureOptions(kinds="regret", formats="png")
    write(compare(results), results / "comparison", centre="median", figures=options)
    stored = json.loads((results / "comparison" / "comparison.json").read_text())
    assert stored["figures"] == {"centre": "median", "clock": None, "kinds": ["regret"]}

    def audited() -> list[str]:
        files = [path for path in results.rglob("*") if path.is_file()]
        return [one.where for one in check_comparisons(load_results(results), files)[1]]

    assert audited() == []
    for suffix in ("md", "tex"):
        (path,) = results.rglob(f"captions.{suffix}")
        whole = path.read_text()
        path.write_text(whole.replace("median", "best"))
        assert audited() == [path.relative_to(results).as_posix()]
        path.write_text(whole)


@pytest.mark.parametrize("changed", [{"centre": "best"}, {"kinds": ["all"]}, {"clock": 3}, None])
def test_a_choice_that_is_none_is_a_finding(tmp_path: Path, changed: Any) -> None:
    results = tmp_path / "results"
    shutil.copytree(STORED, results)
    write(compare(results), results / "comparison", figures=FigureOptions(kinds="none"))
    path = results / "comparison" / "comparison.json"
    stored = json.loads(path.read_text())
    stored["figures"] = changed and {**stored["figures"], **changed}
    path.write_text(json.dumps(stored))
    files = [path for path in results.rglob("*") if path.is_file()]
    (found,) = check_comparisons(load_results(results), files)[1]
    assert "does not say which figures it has" in found.what


def test_captions_can_be_pasted_into_latex(comparison: Comparison, tmp_path: Path) -> None:
    write(comparison, tmp_path, figures=FigureOptions(kinds="regret", formats="png"))
    (path,) = tmp_path.rglob("captions.tex")
    lines = [line for line in path.read_text().splitlines() if line]
    assert [line for line in lines if line.startswith("% ")] == lines[::2]
    for line in lines[1::2]:
        assert not re.search(r"(?<!\\)[%&#_]", line)


def test_names_of_files_are_portable_and_distinct() -> None:
    names = ["regret-mini:seconds", "regret-mini-seconds", "regret-MINI-seconds", "regret-a/b"]
    pictures = [Picture(name, "regret", "", "", lambda _: None) for name in names]  # type: ignore[arg-type,return-value]
    assert [one.name for one in _named(pictures)] == [
        "regret-mini-seconds", "regret-mini-seconds--2", "regret-MINI-seconds--3", "regret-a-b",
    ]  # fmt: skip


def test_a_notebook_gets_figures_by_name(comparison: Comparison) -> None:
    found = comparison.figures(FigureOptions(kinds="regret", width=4))
    assert "regret-digits-seconds" in found
    assert {one.get_figwidth() for one in found.values()} == {4}


def test_equal_figures_have_equal_bytes(comparison: Comparison, tmp_path: Path) -> None:
    (pictures,) = by_folder(comparison, FigureChoice()).values()
    for picture in (pictures[0], next(one for one in pictures if one.kind == "landscape")):
        for form in ("pdf", "png", "svg"):
            contents = []
            for number in range(2):
                with (tmp_path / f"{number}").open("wb") as file:
                    saving.save_figure(picture.draw(), form, file)
                contents.append((tmp_path / f"{number}").read_bytes())
            assert contents[0] == contents[1], (picture.name, form)


@pytest.mark.parametrize("kind", ["regret", "landscape", "distribution", "alphas"])
def test_a_pdf_and_a_png_rendered_together_are_those_rendered_alone(
    comparison: Comparison, kind: str
) -> None:
    """The same page to the byte, and pixels that differ much less than those moved by one."""
    found = by_folder(comparison, FigureChoice()).values()
    figure = next(one for some in found for one in some if one.kind == kind).draw()
    together = saving.contents(figure, ("png", "pdf"))
    alone = saving.contents(figure, ("pdf",)) | saving.contents(figure, ("png",))
    assert together["pdf"] == alone["pdf"]
    pixels = [
        np.asarray(Image.open(io.BytesIO(one["png"])).convert("L"), dtype=float)
        for one in (together, alone)
    ]
    assert pixels[0].shape == pixels[1].shape
    moved = np.roll(pixels[1], 1, axis=1)
    apart = [np.square(pixels[0] - one).mean() for one in (pixels[1], moved)]
    assert 4 * apart[0] < apart[1]


def test_characters_beyond_the_usual_are_embedded_too(comparison: Comparison) -> None:
    block = comparison.blocks[0]
    row = replace(block.contenders[0], label="Č ∞")
    figure = next(regret_pictures(replace(block, contenders=(row,)))).draw()
    content = saving.contents(figure, ("pdf",))["pdf"]
    parts = content.split(b"stream")[1::2]  # the others end with `end`
    streams = (zlib.decompressobj().decompress(part.lstrip()) for part in parts)
    maps = b"".join(one for one in streams if b"begincmap" in one).lower()
    assert b"<010c>" in maps and b"<221e>" in maps


def test_the_style_is_seaborns() -> None:
    """What our own style does not set is as in seaborn's style `ticks`, which is not loaded."""
    import seaborn

    own = {"font.sans-serif", "font.family", "image.cmap", "grid.color"}  # no grid, no images
    with style.drawing(FigureOptions()):
        found = dict(mpl.rcParams)
    with mpl.rc_context():
        mpl.rcParams.update(seaborn.axes_style("ticks"))
        wanted = {name: mpl.rcParams[name] for name in seaborn.axes_style("ticks")}
    for name, value in wanted.items():
        if name not in style._STYLE and name not in own:
            assert found[name] == value, name


def test_letters_in_a_pdf_are_truetype_of_ours(comparison: Comparison, tmp_path: Path) -> None:
    for font, name in (("sans", b"NasbenchSans"), ("serif", b"NasbenchSerif")):
        picture = next(regret_pictures(comparison.blocks[0]))
        path = tmp_path / f"{font}.pdf"
        with path.open("wb") as file:
            saving.save_figure(picture.draw(FigureOptions(font=font)), "pdf", file)
        content = path.read_bytes()
        assert name in content and b"CIDFontType2" in content and b"/Type3" not in content
        assert b"DejaVu" not in content
        assert path.stat().st_size < 100_000


@pytest.mark.parametrize("name", ["Sans", "Serif"])
def test_our_fonts_are_small_free_and_have_what_papers_need(name: str) -> None:
    folder = Path(style.__file__).parent / "fonts"
    path = folder / f"Nasbench{name}-Regular.ttf"
    assert path.stat().st_size < 100_000
    font = TTFont(path)
    names = {record.nameID: str(record) for record in font["name"].names}
    assert names[1] == f"Nasbench {name}"
    assert "Open Font License" in names[13]
    assert not any("Liberation" in names[number] for number in (1, 3, 4, 6))
    needed = "azAZ09äßéčőŁαβΩ±∞–−×≤≥→…“”%"
    assert set(map(ord, needed)) <= set(font.getBestCmap())
    assert "SIL OPEN FONT LICENSE Version 1.1" in (folder / "OFL.txt").read_text()


@needs_latex
def test_names_are_letters_to_latex_too(comparison: Comparison, tmp_path: Path) -> None:
    r"""A name with all of TeX's special characters, among them `\input`; the bytes are equal."""
    block = comparison.blocks[0]
    name = r"50%_a&b#$^{}~\input{x} č±α中"
    row = next(one for one in block.contenders if not one.experiment.task.shared)
    picture = next(regret_pictures(replace(block, contenders=(replace(row, label=name),))))
    options = FigureOptions(font="tex", width="icml-column")
    figure = picture.draw(options)
    with style.drawing(options), mpl.rc_context({"font.family": "serif"}):
        assert unreadable(figure) == []
    label = next(one for one in figure.findobj(Text) if "input" in one.get_text())
    assert r"\textbackslash{}input\{x\}" in label.get_text()
    contents = []
    for number in range(2):
        with (tmp_path / f"{number}.pdf").open("wb") as file:
            saving.save_figure(figure, "pdf", file)
        contents.append((tmp_path / f"{number}.pdf").read_bytes())
    assert contents[0] == contents[1]
    first = saving.save_pgf(figure, "regret")
    assert first == saving.save_pgf(figure, "regret")
    assert first[0][0] == "regret.pgf"
    assert rb"\textbackslash{}input\{x\}" in first[0][1]


def test_numbers_on_axes_are_short() -> None:
    values = np.array([-0.5, -0.0, 0.02, 5000, 20_000, 1_500_000, 3e9])
    assert written(values) == ["−0.5", "0", "0.02", "5000", "20k", "1.5M", "3G"]


def row(strategy: str, colour: str = "") -> Any:
    experiment = SimpleNamespace(strategy=strategy)
    given = {"colour": colour} if colour else {}
    return SimpleNamespace(
        experiment=experiment,
        runs=ExperimentRuns("x", experiment, {}, pa.table({}), given),  # type: ignore[arg-type]
        colour="",
        line="",
    )


@pytest.mark.parametrize("ours", [False, True])
def test_colours_of_twenty_strategies_can_be_told_apart(ours: bool) -> None:
    """In OKLab 0.02 can just be seen; colours of our own strategies may be closer, as stored."""
    own = [row(name, card.colour) for name, card in strategies().items()] if ours else []
    others = [row(f"package.module:Strategy{number}") for number in range(20)]
    colours = [look.colour for look in looks([*own, *others])]
    others = [*colours[len(own) :], REFERENCE]
    apart = distances(others, [*colours, REFERENCE])
    apart[apart == 0] = np.inf
    assert len(set(colours)) == len(colours)
    assert apart.min() > 0.08


def test_colours_of_our_strategies_can_be_told_apart() -> None:
    """In OKLab 0.02 can just be seen, and rows also differ in dashes and marks."""
    colours = [card.colour for card in strategies().values()]
    apart = distances(colours, colours)
    np.fill_diagonal(apart, np.inf)
    assert apart.min() > 0.02


def test_many_settings_of_one_strategy_can_be_told_apart() -> None:
    found = looks([row("mine")] * 20)
    apart = distances([one.colour for one in found], [one.colour for one in found])
    np.fill_diagonal(apart, np.inf)
    assert apart.min() > 0.08
    assert len({(str(one.dashes), one.marker) for one in found}) == 20  # in grey print too


def test_few_rows_have_dashes_of_their_own() -> None:
    found = looks([row(f"strategy{number}") for number in range(len(DASHES))])
    assert len({str(one.dashes) for one in found}) == len(DASHES)


def test_letters_are_dark_enough_to_read() -> None:
    for colour in ("#fbafe4", "#ffff00", "#56b4e9", "#ffffff"):
        assert oklab([readable(colour)])[0, 0] < 0.72
    assert readable("#0173b2") == "#0173b2"


def test_oklab_of_known_colours() -> None:
    """White, and the red of Ottosson's reference implementation."""
    np.testing.assert_allclose(oklab(["#ffffff"])[0], [1, 0, 0], atol=1e-4)
    np.testing.assert_allclose(oklab(["#ff0000"])[0], [0.62796, 0.22486, 0.12585], atol=1e-4)


def test_operations_have_one_colour_everywhere(comparison: Comparison) -> None:
    figures = comparison.figures(FigureOptions(kinds="alphas"))
    for figure in figures.values():
        for axes in figure.axes:
            for line in axes.get_lines():
                assert line.get_color() == operation_colour(str(line.get_label()))
    assert operation_colour("sep_conv_3x3") == operation_colour("sep_conv_3x3")
    assert len(set(OPERATIONS.values())) == len(OPERATIONS)


def test_curves_end_with_a_mark_where_searches_ended(comparison: Comparison) -> None:
    block = comparison.blocks[0]
    for clock in ("evaluations", "seconds"):
        figure = next(regret_pictures(block, clock=clock)).draw()
        lines = {str(line.get_label()): line for line in figure.axes[0].get_lines()}
        for one in block.contenders:
            if one.label in lines and not one.experiment.task.shared:
                line, end = lines[one.label], one.spent(clock)
                across = np.asarray(line.get_xdata(), dtype=float)
                assert end <= across[-1] <= figure.axes[0].get_xlim()[1]
                assert across[-2] <= end * 1.001
                assert line.get_markevery()[-1] == len(across) - 1
                assert line.get_marker() not in (None, "None", "")


def test_ranks_that_tell_nothing_are_not_drawn() -> None:
    family = family_of(5, long=False)
    silent = replace(family, standings=replace(family.standings, critical_difference=4.1))
    assert {one.kind for one in family_pictures(family)} == {"critical-difference", "profile"}
    assert {one.kind for one in family_pictures(silent)} == {"profile"}

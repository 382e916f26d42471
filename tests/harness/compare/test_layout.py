"""Every figure can be read: no text is cut and no two texts overlap, measured by the renderer."""

import warnings
from collections.abc import Iterator
from dataclasses import replace
from functools import cache
from itertools import combinations, product
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pytest
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.text import Text
from matplotlib.transforms import Bbox

from nasbench.harness.compare import compare
from nasbench.harness.compare.across import OneDataSet, standings_across
from nasbench.harness.compare.comparison import Block
from nasbench.harness.compare.contender import Contender
from nasbench.harness.compare.families import Family
from nasbench.harness.compare.figures.across_datasets import family_pictures
from nasbench.harness.compare.figures.diagnostics import diagnostic_pictures
from nasbench.harness.compare.figures.finals import final_pictures
from nasbench.harness.compare.figures.fronts import front_picture, planes
from nasbench.harness.compare.figures.options import KINDS, STYLES, WIDTHS, FigureOptions
from nasbench.harness.compare.figures.pareto import pareto_pictures
from nasbench.harness.compare.figures.picture import Picture
from nasbench.harness.compare.figures.plots import regret_pictures
from nasbench.harness.compare.figures.saving import save_figure
from nasbench.harness.compare.figures.set_measures import set_measure_pictures
from nasbench.harness.compare.figures.style import drawing
from nasbench.harness.compare.figures.under_limits import limit_picture
from nasbench.harness.compare.origins import Origin
from nasbench.harness.execution.run import run

STORED = Path(__file__).parents[1] / "schema1"
ROWS = (1, 2, 5, 20)
LONG = "a strategy of somebody (population_size=100, sample_size=10, "
"""A label of more than 60 characters, with a number and a bracket."""
SAMPLED = [  # of every width and style, number of rows and length of names some
    ("paper", "icml-column", 20, True),
    ("paper", None, 5, False),
    ("talk", None, 2, True),
    ("paper", "cvpr", 20, False),
    ("talk", "column", 1, True),
    ("paper", "jmlr", 5, True),
]
EVERY = list(product(STYLES, (None, *WIDTHS), ROWS, (False, True)))


@cache
def stored() -> Block:
    """Small real runs: six rows that evaluate, two one-shot rows, on the bundled table."""
    (block,) = compare(STORED).blocks
    return block


@cache
def block_of(rows: int, long: bool) -> Block:
    """A block of so many rows of strategies of their own; the last two are one-shot."""
    whole = stored()
    asking = [one for one in whole.contenders if not one.experiment.task.shared]
    sharing = [one for one in whole.contenders if one.experiment.task.shared]
    chosen = [*(asking * rows)[: max(rows - 2, min(rows, 1))], *sharing][:rows]
    made = [named(one, place, long) for place, one in enumerate(chosen)]
    return replace(whole, contenders=tuple(made))


def named(one: Contender, place: int, long: bool) -> Contender:
    strategy = f"strategy-{place}"
    experiment = replace(one.experiment, strategy=strategy)
    runs = replace(one.runs, experiment=experiment, description={})
    label = f"{LONG}n={place})" if long else strategy
    return replace(one, label=label, experiment=experiment, runs=runs)


@cache
def stored_sets() -> Block:
    """Small real runs of two objectives: four rows on the bundled table."""
    with TemporaryDirectory() as folder:
        run("random-search,nsga2,mo-rea,sms-emoa", seeds=3, benchmark="digits", workers=1,
            objective="accuracy,latency", budget="40evals", out=folder)  # fmt: skip
        (block,) = compare(folder).blocks
        for one in block.contenders:
            len(one.runs.architectures.texts)  # read while the files are there
    return block


@cache
def sets_of(rows: int, long: bool) -> Block:
    """A block of so many rows of strategies of their own, of two objectives."""
    whole = stored_sets()
    chosen = (list(whole.contenders) * rows)[:rows]
    made = [named(one, place, long) for place, one in enumerate(chosen)]
    return replace(whole, contenders=tuple(made))


@cache
def family_of(rows: int, long: bool) -> Family:
    """The block's rows on three data sets of two spaces, with a difference that ranks can reach."""
    block, generator = block_of(rows, long), np.random.default_rng(0)
    datasets = []
    for stratum, name in enumerate(("cifar10", "cifar100", "ImageNet16-120")):
        scores = tuple(generator.normal(90 - row / 9, 1, 10) for row in range(rows))
        regret = tuple((95 - sample) / 20 for sample in scores)
        space = "nb201" if stratum < 2 else "another"
        datasets.append(OneDataSet(name, stratum, scores, regret, space=space))
    standings = standings_across([one.label for one in block.contenders], datasets)
    standings = replace(standings, critical_difference=0.7 * (rows - 1), cliques=((0, 1), (0,)))
    origins = tuple(Origin.of(block, one.name) for one in datasets)
    return Family((block,), (1,), block.contenders, tuple(datasets), origins, standings)


def pictures(rows: int, long: bool) -> Iterator[Picture]:
    block = block_of(rows, long)
    yield from regret_pictures(block)
    yield from final_pictures(block)
    yield from pareto_pictures(block)
    of_sets = sets_of(rows, long)
    yield from set_measure_pictures(of_sets)
    for plane in planes(of_sets):
        yield front_picture(plane)
        yield limit_picture(plane)
    if rows > 1:
        yield from family_pictures(family_of(rows, long))
    if rows == 2:  # they show one row each, whichever stand beside it
        yield from diagnostic_pictures(block)


def boxes(figure: Figure) -> list[tuple[str, Bbox]]:
    """What a reader sees of the texts of a figure, with the room they take."""
    hidden = {id(text) for axes in figure.axes if not axes.get_visible()
              for text in axes.findobj(Text)}  # fmt: skip
    found = []
    for text in figure.findobj(Text):
        if not text.get_visible() or not text.get_text().strip() or id(text) in hidden:
            continue
        text.get_window_extent()  # a note's place is known then; its extent includes its line
        found.append((text.get_text(), Text.get_window_extent(text)))
    return found


def unreadable(figure: Figure) -> list[str]:
    """Texts that are cut or that overlap one another, a legend or axes."""
    figure.draw_without_rendering()
    texts, whole = boxes(figure), figure.bbox
    found = [
        f"cut: {name!r}" for name, box in texts
        if box.x0 < -1 or box.y0 < -1 or box.x1 > whole.x1 + 1 or box.y1 > whole.y1 + 1
    ]  # fmt: skip
    found += [f"{a[0]!r} over {b[0]!r}" for a, b in combinations(texts, 2) if over(a[1], b[1])]
    for legend in figure.legends:
        inside = {text.get_text() for text in legend.get_texts()}
        area = legend.get_window_extent()
        found += [f"legend over {n!r}" for n, box in texts if n not in inside and over(area, box)]
        found += ["legend over axes" for axes in figure.axes if over(area, axes.bbox)]
        if area.x0 < -1 or area.x1 > whole.x1 + 1:
            found.append("legend is cut")
    return found


def over(one: Bbox, other: Bbox) -> bool:
    """Whether two boxes overlap by more than two dots in both directions."""
    wide = min(one.x1, other.x1) - max(one.x0, other.x0)
    high = min(one.y1, other.y1) - max(one.y0, other.y0)
    return bool(wide > 2 and high > 2)


def check(style: str, width: str | None, rows: int, long: bool, **other: object) -> set[str]:
    """Draw and measure all figures; return their kinds."""
    options = FigureOptions(style=style, width=width, **other)  # type: ignore[arg-type]
    seen = set()
    for picture in pictures(rows, long):
        with pytest.MonkeyPatch.context() as patch:
            if long:
                patch.setattr(Block, "title_of", lambda _, name: f"{name}, {LONG}n=100)")
            figure = picture.draw(options)
        seen.add(picture.kind)
        with drawing(options):
            assert unreadable(figure) == [], (picture.name, style, width, rows, long)
        wide, high = figure.get_size_inches()
        assert wide == pytest.approx(options.inches)
        grids = [one.get_subplotspec().get_gridspec() for one in figure.axes]
        panels = max((one.nrows for one in grids if one.ncols == 1), default=1)  # in a column
        assert high < (1.2 + 0.4 * panels) * wide + 0.3 * rows, (picture.name, high)
    return seen


def test_texts_of_a_sample_of_figures() -> None:
    assert set().union(*(check(*one) for one in SAMPLED)) == set(KINDS)


def test_texts_without_title_and_footer_in_serif() -> None:
    check("paper", None, 5, True, title=False, footer=False, font="serif")


@pytest.mark.slow
@pytest.mark.parametrize("one", EVERY, ids=str)
def test_texts_of_every_figure(one: tuple[str, str | None, int, bool]) -> None:
    check(*one)


@pytest.mark.parametrize("label", ["搜索策略", "поиск", "suche_%&$^{}\\#~", "a\u202eb", "α β ± ∞"])
def test_names_in_other_scripts_are_drawn_without_a_warning(
    label: str, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    block = block_of(2, long=False)
    one = replace(block.contenders[0], label=label)
    (picture, *_) = regret_pictures(replace(block, contenders=(one,)))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        figure = picture.draw()
        for form in ("pdf", "png", "svg"):
            with (tmp_path / f"figure.{form}").open("wb") as file:
                save_figure(figure, form, file)
    assert capfd.readouterr().err == ""


def test_what_is_cut_or_overlaps_is_noticed() -> None:
    """A figure that is laid out and then made smaller: its letters stay as large as they are."""
    options = FigureOptions()
    figure = next(regret_pictures(block_of(5, long=True))).draw(options)
    with drawing(options):
        assert not unreadable(figure)
        figure.set_size_inches(3.0, 1.5)
        found = unreadable(figure)
    assert any(one.startswith("cut") for one in found)
    assert any(" over " in one for one in found)


@pytest.mark.parametrize("rows", [5, 12])
def test_a_label_beside_a_curve_has_its_dashes_and_marker_before_it(rows: int) -> None:
    """Without colours, as in grey print, these alone say which curve a label belongs to."""
    (picture, *_) = regret_pictures(block_of(rows, long=False))
    figure = picture.draw(FigureOptions(width="cvpr"))
    figure.draw_without_rendering()
    (axes,) = figure.axes
    assert not figure.legends and len(axes.texts) > 3
    curves = {str(line.get_label()): line for line in axes.get_lines()}
    samples = [one for one in figure.artists if isinstance(one, Line2D)]
    for text in axes.texts:
        name, curve = text.get_window_extent(), curves[text.get_text()]
        (sample,) = [one for one in samples if abs(middle(one.get_window_extent()) - middle(name))
                     < name.height / 4]  # fmt: skip
        seen = sample.get_window_extent()
        assert axes.bbox.x1 < seen.x0 < seen.x1 < name.x0
        for look in ("get_color", "get_marker", "get_linewidth", "get_markersize"):
            assert getattr(sample, look)() == getattr(curve, look)(), look
        assert sample._dash_pattern == curve._dash_pattern
    told = {str(one._dash_pattern) + str(one.get_marker()) for one in samples}
    assert len(told) == len(samples) == len(axes.texts)


def middle(box: Bbox) -> float:
    return float(box.y0 + box.y1) / 2


@pytest.mark.parametrize("options", [{"width": "cvpr-column"}, {"style": "talk"}], ids=str)
@pytest.mark.parametrize(("rows", "long"), list(product((2, 5, 12, 20), (False, True))))
def test_a_name_is_nearer_to_its_own_row_than_to_any_other(
    options: dict[str, str], rows: int, long: bool
) -> None:
    found = [
        *final_pictures(block_of(rows, long)), *family_pictures(family_of(rows, long)),
    ]  # fmt: skip
    for picture in found:
        if picture.kind not in ("distribution", "critical-difference"):
            continue
        figure = picture.draw(FigureOptions(**options))  # type: ignore[arg-type]
        figure.draw_without_rendering()
        (axes,) = figure.axes
        drawn = [one for one in axes.get_lines() if one.get_transform() == axes.transData]
        parts = {"distribution": 5, "critical-difference": 3}[picture.kind]  # of each row
        heights = [
            [float(y) for one in drawn[row * parts : (row + 1) * parts]
             for y in axes.transData.transform(one.get_xydata())[:, 1]]
            for row in range(rows)
        ]  # fmt: skip
        names = [text for text in axes.texts if "critical" not in text.get_text()]
        beside = [tick for tick in axes.get_yticklabels() if tick.get_text()]
        boxes_of = [one.get_window_extent() for one in names or beside]
        for row, box in enumerate(boxes_of):
            own = heights[row]
            if not names:
                assert abs(middle(box) - (min(own) + max(own)) / 2) < 0.04 * figure.dpi
                continue
            assert box.y0 >= max(own) - 1
            if row + 1 < rows:
                apart = min(own) - boxes_of[row + 1].y1
                assert apart > 1.5 * (box.y0 - max(own)) and apart > 0.05 * figure.dpi

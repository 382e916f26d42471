"""Write a comparison as one self-contained HTML file."""

import json
import os
from collections.abc import Callable, Mapping, Sequence
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING, Any, Unpack

from nasbench.arguments import require_path
from nasbench.benchmarks.titles import TABLES
from nasbench.files import RESULTS, atomic_write
from nasbench.harness.audit import Audit
from nasbench.harness.audit.all_checks import audit_of
from nasbench.harness.compare import Comparison, compare
from nasbench.harness.compare.build import Chosen, folders_of
from nasbench.harness.compare.figures.looks import looks
from nasbench.harness.compare.references import EXPECTED
from nasbench.harness.compare.tables.all_tables import tables, tables_across
from nasbench.harness.compare.tables.formats import TextTable
from nasbench.harness.report.checklist import checklist
from nasbench.harness.report.content import drill_down, provenance_rows, summary
from nasbench.harness.report.curves import CLOCKS, GREY, POINTS, block_figures, groups
from nasbench.harness.report.embed import embed
from nasbench.harness.report.fronts import KINDS, front_figures, front_rows
from nasbench.harness.report.pictures import pictures
from nasbench.harness.reproduce.reproduction import Reproduction, reproductions
from nasbench.harness.results.load import joined, load_results
from nasbench.limits import REPLAYS
from nasbench.progress import Stages, Unseen
from nasbench.provenance import provenance
from nasbench.text import printable

if TYPE_CHECKING:
    from nasbench.harness.compare.comparison import Block

NAME = "report.html"


def _silent(_: str) -> None:
    """Say nothing."""


def report(
    results: str | Path | Sequence[str | Path] = "results",
    out: str | Path | None = None,
    *,
    replays: int = 0,
    say: Callable[[str], None] = _silent,
    progress: Stages | None = None,
    **chosen: Unpack[Chosen],
) -> Path:
    """Write the comparison of results folders as a web page; return the page's path.

    `results` is a folder or a list of folders. The path is `out`, by default `report.html` in the
    first of them. The page holds the summary, curves, figures, tables, runs, the checklist, and
    the verdict of the audit, which makes `replays` runs again. `say` is called with a message for
    each damaged file that is left out and each name that fits nothing, `progress` receives how far
    it is. `chosen` are the options of `nasbench.compare` that choose and name rows. Raises
    `StoreError` for a folder without runs.
    """
    folders = folders_of(results)
    path = folders[0] / NAME if out is None else require_path("out", out)
    replays = REPLAYS.check(replays)
    progress = progress or Unseen()
    progress.stage("comparing runs")
    read = [load_results(one) for one in folders]
    stored = joined(list(dict(zip(folders, read, strict=True)).values()))
    comparison = compare(stored, **chosen)
    for message in (*stored.faults, *comparison.remarks):
        say(str(message))
    names = [Path(os.path.realpath(one)).name for one in folders]
    if len(set(names)) < len(names):
        names = list(map(str, folders))
    audits = {
        # the runs to make again are drawn anew each time; without any, the page is reproducible
        name: audit_of(one, replays=replays, seed=None if replays else 0, progress=progress)
        for name, one in zip(names, read, strict=True)
    }
    progress.stage("writing the page")
    published = [one for each in folders for one in reproductions(each, say).values()]
    text = render(comparison, audits, published, f"Comparison of {', '.join(names)}")
    with atomic_write(path, RESULTS) as file:
        file.write(text.encode(errors="replace"))  # a folder's name may not be UTF-8
    return path


def render(
    comparison: Comparison,
    audits: Mapping[str, Audit],
    published: list[Reproduction],
    title: str,
) -> str:
    """Return the page as HTML text; `audits` are by folder, `published` are the reproductions."""
    from bokeh.resources import Resources
    from jinja2 import Environment
    from markupsafe import Markup

    figures: dict[str, Any] = {}
    for number, block in enumerate(comparison.blocks, start=1):
        figures |= {**block_figures(block, number), **front_figures(block, number)}
    script, plots = embed(figures) if figures else ("", {})
    library = Resources(mode="inline", components=["bokeh"]).render_js() if figures else ""
    blocks = [
        {**_block(comparison, number, figures, plots), "pictures": drawn}
        for number, drawn in enumerate(pictures(comparison), start=1)
    ]
    environment = Environment(autoescape=True, trim_blocks=True, finalize=_seen)
    environment.globals["parts"] = _cell
    page = environment.from_string(_part("page.html.j2"))
    return page.render(
        title=title,
        version=provenance()["nasbench"] or "from source",
        runs=sum(one.runs for one in audits.values()),
        experiments=sum(one.experiments for one in audits.values()),
        style=Markup(_part("style.css")),  # noqa: S704  # our own file
        library=Markup(library + script),  # noqa: S704  # what Bokeh made
        script=Markup(_part("page.js")),  # noqa: S704
        blocks=blocks,
        points=POINTS,
        published=[one.to_table() for one in published],
        audits=audits,
        checklist=checklist(comparison, list(audits.values())),
    )


def _seen(value: Any) -> Any:
    """Return a value for a template; characters that could turn or hide other text are escaped."""
    from markupsafe import Markup

    if isinstance(value, str) and not isinstance(value, Markup):
        return printable(value, "\n\t")
    return value


def _part(name: str) -> str:
    folder = resources.files("nasbench.harness.report")
    return folder.joinpath(name).read_text(encoding="utf-8")


def _block(
    comparison: Comparison, number: int, figures: dict[str, Any], plots: dict[str, str]
) -> dict[str, Any]:
    """Return the template's values for the block with a number, counted from 1."""
    from markupsafe import Markup

    block = comparison.blocks[number - 1]
    options = comparison.options.tables
    found: list[TextTable] = tables(block, options)
    for one in comparison.families:
        found += tables_across(one, options) if number == one.numbers[0] else []
    details = {} if block.sets else drill_down(block)
    data = json.dumps(details, separators=(",", ":"), allow_nan=False) if details else ""
    return {
        "number": number,
        "heading": _heading(comparison, number),
        "title": comparison.titles[number - 1],
        "summary": list(summary(block)),
        "notes": block.notes,
        "curves": list(_curves(block, number, figures, plots)),
        "fronts": _fronts(block, number, plots),
        "tables": found,
        "footer": block.footer,
        "outcome": block.outcome,
        "provenance": provenance_rows(block.contenders),
        "drill_down": Markup(data.replace("<", "\\u003c")),  # noqa: S704  # cannot end the script
    }


def _heading(comparison: Comparison, number: int) -> str:
    """Return a short heading of a block: number, benchmark, the data set searched, the budget."""
    block = comparison.blocks[number - 1]
    task = block.task
    many = f"{number}. " if len(comparison.blocks) > 1 else ""
    dataset = block.title_of(task.query.dataset)
    benchmark = TABLES.get(task.benchmark, task.benchmark)
    where = dataset if benchmark == dataset else f"{benchmark} on {dataset}"
    return f"{many}{where}, {task.budget}"


def _cell(text: str) -> tuple[str, str]:
    """Return the value of a table's cell, and the deviation or interval written after it."""
    for sign in (" [", " ± "):
        value, found, around = text.partition(sign)
        if found:
            return value, f"{sign.strip()}{around}" if sign == " [" else f"± {around}"
    return text, ""


def _fronts(block: "Block", number: int, plots: dict[str, str]) -> dict[str, Any] | None:
    """Return the template's values for the figures of two objectives; None without any."""
    from markupsafe import Markup

    drawn = [name for name in block.datasets if f"b{number}-front-{name}" in plots]
    if not drawn:
        return None
    mine = [plots[f"b{number}-{kind}-{name}"] for kind in KINDS for name in drawn]
    return {
        "datasets": [(name, block.title_of(name)) for name in drawn],
        "kinds": list(KINDS.items()),
        "rows": front_rows(block),
        "plots": [Markup(div) for div in mine],  # noqa: S704  # what Bokeh made
    }


def _curves(block: "Block", number: int, figures: dict[str, Any], plots: dict[str, str]) -> Any:
    """Yield the template's values for every group of figures of `groups`."""
    from markupsafe import Markup

    parts = list(groups(block))
    for suffix, part in parts:
        ends = tuple(f"{clock}{suffix}" for clock in CLOCKS)
        mine = {
            name: div for name, div in plots.items()
            if name.startswith(f"b{number}-") and name.endswith(ends)
        }  # fmt: skip
        if not mine:
            continue
        shared, alike = part.task.shared, part.contenders
        heading = f"{block.regrets}{', shared weights' if shared else ''}"
        if sum(other.task.shared == shared for _, other in parts) > 1:
            heading += f", on {', '.join(alike[0].devices('seconds'))}"
        colours = [look.colour for look in looks(alike)]
        rows = [
            (one.label, colour) for one, colour in zip(alike, colours, strict=True) if len(one.runs)
        ]
        if any(one.name == EXPECTED for name in mine for one in figures[name].renderers):
            rows.append((EXPECTED, GREY))
        first = "seconds" if block.task.budget.seconds is not None or shared else "evaluations"
        names = {"seconds": "time", "evaluations": "epochs" if shared else "evaluations"}
        names = {clock: names[clock] for clock in part.task.clocks}
        yield {
            "suffix": suffix,
            "heading": heading,
            "datasets": [(name, block.title_of(name)) for name in block.datasets],
            "clocks": sorted(names.items(), key=lambda one: one[0] != first),
            "rows": rows,
            "plots": [Markup(div) for div in mine.values()],  # noqa: S704  # what Bokeh made
        }

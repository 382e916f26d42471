"""Write a comparison as one self-contained HTML file."""

import json
import os
from collections.abc import Callable
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nasbench.arguments import require_path
from nasbench.files import RESULTS, atomic_write
from nasbench.harness.audit import Audit, audit
from nasbench.harness.compare import Comparison, compare
from nasbench.harness.compare.formats import TextTable
from nasbench.harness.compare.looks import looks
from nasbench.harness.compare.references import EXPECTED
from nasbench.harness.compare.tables import ranks_table, tables
from nasbench.harness.report.checklist import checklist
from nasbench.harness.report.content import drill_down, provenance_rows, summary
from nasbench.harness.report.curves import GREY, POINTS, block_figures
from nasbench.harness.report.embed import embed
from nasbench.harness.reproduce.reproduction import Reproduction, reproductions
from nasbench.harness.results.load import load_results
from nasbench.limits import REPLAYS
from nasbench.provenance import provenance
from nasbench.text import printable

if TYPE_CHECKING:
    from nasbench.harness.compare.comparison import Block

NAME = "report.html"


def _silent(_: str) -> None:
    """Say nothing."""


def report(
    results: str | Path = "results",
    out: str | Path | None = None,
    *,
    replays: int = 0,
    say: Callable[[str], None] = _silent,
) -> Path:
    """Write the comparison of a results folder as a web page; return the page's path.

    The path is `out`, by default `report.html` in the results folder. The page holds the summary,
    curves, tables, runs, the checklist, and the verdict of the audit, which makes `replays` runs
    again. `say` is called with a message for each damaged file that is left out. Raises
    `StoreError` for a folder without runs.
    """
    folder = require_path("results", results)
    path = folder / NAME if out is None else require_path("out", out)
    replays = REPLAYS.check(replays)
    stored = load_results(folder)
    for fault in stored.faults:
        say(str(fault))
    name = Path(os.path.realpath(folder)).name
    text = render(
        compare(stored),
        # the runs to make again are drawn anew each time; without any, the page is reproducible
        audit(folder, replays=replays, seed=None if replays else 0, comparison=False),
        list(reproductions(folder, say).values()), f"Comparison of {name}",
    )  # fmt: skip
    with atomic_write(path, RESULTS) as file:
        file.write(text.encode(errors="replace"))  # a folder's name may not be UTF-8
    return path


def render(comparison: Comparison, found: Audit, published: list[Reproduction], title: str) -> str:
    """Return the page as HTML text; `found` is the audit, `published` the reproductions."""
    from bokeh.resources import Resources
    from jinja2 import Environment
    from markupsafe import Markup

    figures: dict[str, Any] = {}
    for number, block in enumerate(comparison.blocks, start=1):
        figures |= block_figures(block, number)
    script, plots = embed(figures) if figures else ("", {})
    library = Resources(mode="inline", components=["bokeh"]).render_js() if figures else ""
    blocks = [
        _block(comparison, number, figures, plots)
        for number in range(1, len(comparison.blocks) + 1)
    ]
    environment = Environment(autoescape=True, trim_blocks=True, finalize=_seen)
    page = environment.from_string(_part("page.html.j2"))
    return page.render(
        title=title,
        version=provenance()["nasbench"] or "from source",
        runs=found.runs,
        experiments=found.experiments,
        style=Markup(_part("style.css")),  # noqa: S704  # our own file
        library=Markup(library + script),  # noqa: S704  # what Bokeh made
        script=Markup(_part("page.js")),  # noqa: S704
        blocks=blocks,
        points=POINTS,
        published=[one.to_table() for one in published],
        audit=found,
        checklist=checklist(comparison, found),
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
    found: list[TextTable] = tables(block)
    found += [ranks_table(one) for one in comparison.families if number == one.numbers[0]]
    details = {} if block.sets else drill_down(block)
    data = json.dumps(details, separators=(",", ":"), allow_nan=False) if details else ""
    return {
        "number": number,
        "title": comparison.titles[number - 1],
        "summary": list(summary(block)),
        "notes": block.notes,
        "curves": list(_curves(block, number, figures, plots)),
        "tables": found,
        "footer": block.footer,
        "provenance": provenance_rows(block.contenders),
        "drill_down": Markup(data.replace("<", "\\u003c")),  # noqa: S704  # cannot end the script
    }


def _curves(block: "Block", number: int, figures: dict[str, Any], plots: dict[str, str]) -> Any:
    """Yield the template's values for one group of figures per kind of rows.

    The kinds are rows that evaluate on a benchmark, and one-shot rows.
    """
    from markupsafe import Markup

    for suffix, heading in (("", "Test regret"), ("-shared", "Test regret, shared weights")):
        mine = {
            name: div for name, div in plots.items()
            if name.startswith(f"b{number}-") and name.endswith("-shared") == bool(suffix)
        }  # fmt: skip
        if not mine:
            continue
        alike = [one for one in block.contenders if one.experiment.task.shared == bool(suffix)]
        colours = [look.colour for look in looks(alike)]
        rows = [
            (one.label, colour) for one, colour in zip(alike, colours, strict=True) if len(one.runs)
        ]
        if any(one.name == EXPECTED for name in mine for one in figures[name].renderers):
            rows.append((EXPECTED, GREY))
        first = "seconds" if block.task.budget.seconds is not None or suffix else "evaluations"
        names = {"seconds": "time", "evaluations": "epochs" if suffix else "evaluations"}
        yield {
            "suffix": suffix,
            "heading": heading,
            "datasets": block.datasets,
            "clocks": sorted(names.items(), key=lambda one: one[0] != first),
            "rows": rows,
            "plots": [Markup(div) for div in mine.values()],  # noqa: S704  # what Bokeh made
        }

"""A comparison as one HTML file that needs nothing else."""

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
from nasbench.harness.compare.plots import looks
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
    """Write a page of a results folder's comparison; return its path, `results/report.html`.

    It holds the summary, curves, tables, runs, the audit's verdict (with `replays` runs made again)
    and the checklist. `say` is told of damaged files that are left out. Raises `StoreError` for a
    folder without runs.
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
        # which runs are made again is drawn anew each time; where none is, the page repeats
        audit(folder, replays=replays, seed=None if replays else 0, comparison=False),
        list(reproductions(folder, say).values()), f"Comparison of {name}",
    )  # fmt: skip
    with atomic_write(path, RESULTS) as file:
        file.write(text.encode(errors="replace"))  # a folder's name may be no UTF-8
    return path


def render(comparison: Comparison, found: Audit, published: list[Reproduction], title: str) -> str:
    """Return the page as HTML."""
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
    """Return what a template shows, escaped where it could turn or hide other text."""
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
    """Return what the page says of a block."""
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
        "drill_down": Markup(data.replace("<", "\\u003c")),  # noqa: S704  # ends no script
    }


def _curves(block: "Block", number: int, figures: dict[str, Any], plots: dict[str, str]) -> Any:
    """Yield one group of figures per clock."""
    from markupsafe import Markup

    for suffix, heading in (("", "Test regret"), ("-shared", "Test regret, shared weights")):
        mine = {
            name: div for name, div in plots.items()
            if name.startswith(f"b{number}-") and name.endswith("-shared") == bool(suffix)
        }  # fmt: skip
        if not mine:
            continue
        alike = [one for one in block.contenders if one.experiment.task.shared == bool(suffix)]
        colours = [colour for colour, _ in looks(alike)]
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

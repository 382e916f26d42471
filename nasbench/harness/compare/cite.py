"""Make the BibTeX entries that a paper should cite for a comparison."""

import re
from collections.abc import Iterator
from functools import cache
from importlib import resources
from typing import TYPE_CHECKING

from nasbench.errors import NasbenchError
from nasbench.harness.search.task import Kind, Task
from nasbench.provenance import provenance

if TYPE_CHECKING:
    from nasbench.harness.compare.comparison import Comparison
    from nasbench.harness.results.runs import ExperimentRuns

_KEY = re.compile(r"@\w+\{([^,]+),")
_OPEN, _CLOSE, _OR = "  keywords = {", "}", " | "


def bibtex(comparison: "Comparison") -> str:
    """Return BibTeX entries of the benchmarks and their sources, the strategies and this package.

    A comment names each benchmark or strategy without an entry, such as a strategy from elsewhere
    whose card has none.
    """
    found: dict[str, str] = {}
    for block in comparison.blocks:
        for entry in _of_sources(block.task):
            found.setdefault(_key(entry), entry)
    for block in comparison.blocks:
        for one in block.contenders:
            for entry in _of_strategy(one.runs):
                found.setdefault(_key(entry), entry)
    return "\n\n".join([*found.values(), _own()])


def _key(entry: str) -> str:
    """Return the citation key of an entry, or the whole text of a comment, which has no key."""
    match = _KEY.match(entry)
    return entry if match is None else match[1]


def _of_strategy(runs: "ExperimentRuns") -> Iterator[str]:
    if runs.bibtex:
        yield from (one.strip() for one in runs.bibtex.split("\n\n"))
        return
    reference = str(runs.description.get("reference", "no reference is stored"))
    for part in reference.split("; "):
        yield _comment(runs.experiment.strategy, part)


def _of_sources(task: Task) -> Iterator[str]:
    from nasbench.benchmarks.catalogue import load_table

    if task.kind is Kind.TRAINED:
        yield _comment(task.benchmark, "every answer is trained")
        return
    try:
        attribution = load_table(task.reference.name).info.attribution
    except NasbenchError:  # not installed here
        yield _comment(task.benchmark, "benchmark whose sources are not known here")
        return
    for line in attribution:
        known = [entry for short, entry in _entries().items() if short in line]
        yield from known or [_comment(task.benchmark, line)]


def _comment(what: str, reference: str) -> str:
    return f"% {what}: {' '.join(reference.split())}"


@cache
def _entries() -> dict[str, str]:
    """Return the benchmarks' entries, keyed by the short references in their keywords field."""
    text = resources.files("nasbench.harness.compare").joinpath("bibliography.bib").read_text()
    found = {}
    for entry in text.strip().split("\n\n"):
        *lines, short, end = entry.splitlines()
        whole = "\n".join([*lines[:-1], lines[-1].removesuffix(","), end])
        for key in short.removeprefix(_OPEN).removesuffix(_CLOSE).split(_OR):
            found[key] = whole
    return found


def _own() -> str:
    here = provenance()
    version = here["nasbench"] or "from source"
    commit = f", commit {here['commit'][:12]}" if here["commit"] else ""
    return "\n".join(
        [
            "@software{nasbench,",
            "  author = {{The nasbench authors}},",
            "  title = {nasbench: comparing neural-architecture-search strategies honestly},",
            f"  version = {{{version}{commit}}}",
            "}",
        ]
    )

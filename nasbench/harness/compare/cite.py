"""What a paper that uses a comparison cites, as BibTeX."""

from collections.abc import Iterator
from functools import cache
from importlib import resources
from typing import TYPE_CHECKING

from nasbench.errors import NasbenchError
from nasbench.provenance import provenance

if TYPE_CHECKING:
    from nasbench.harness.compare.comparison import Comparison

_OPEN, _CLOSE, _OR = "  keywords = {", "}", " | "


def bibtex(comparison: "Comparison") -> str:
    """Return entries of the benchmarks and their sources, the strategies, and this package.

    What is not in the bibliography, such as a strategy from elsewhere, is named in a comment.
    """
    known = _entries()
    found: dict[str, None] = {}
    for what, reference in _references(comparison):
        keys = [key for key in known if key in reference]
        for key in keys:
            found[known[key]] = None
        if not keys:
            found[f"% {what}: {' '.join(reference.split())}"] = None
    found[_own()] = None
    return "\n\n".join(found)


def _references(comparison: "Comparison") -> Iterator[tuple[str, str]]:
    """Yield whom a comparison rests on and its reference in words."""
    for block in comparison.blocks:
        yield from _sources(block.task.benchmark)
    for block in comparison.blocks:
        for one in block.contenders:
            reference = one.runs.description.get("reference", "no reference is stored")
            for part in str(reference).split("; "):
                yield one.experiment.strategy, part


def _sources(benchmark: str) -> Iterator[tuple[str, str]]:
    from nasbench.benchmarks.catalogue import load_table

    try:
        attribution = load_table(benchmark).info.attribution
    except NasbenchError:  # trained for real, or not installed here
        yield benchmark, "benchmark whose sources are not known here"
        return
    for line in attribution:
        yield benchmark, line


@cache
def _entries() -> dict[str, str]:
    """Return the bibliography by the short references that its keywords hold."""
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

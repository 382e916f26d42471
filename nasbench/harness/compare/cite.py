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

_ENTRY = re.compile(r"@(\w+)\s*\{\s*([^\s,{}\"#%'()=~\\]+)\s*,(.*)\}", re.DOTALL)
_BETWEEN = re.compile(r"\n\s*(?=@)")
_SPECIAL = re.compile(r"(?<!\\)[&%#_]")
_VERBATIM = ("doi", "url", "eprint")
"""Fields that styles do not print as text."""
_OPEN, _CLOSE, _OR = "  keywords = {", "}", " | "


def bibtex(comparison: "Comparison") -> str:
    """Return BibTeX entries of the benchmarks and their sources, the strategies and this package.

    A comment names each benchmark or strategy without an entry, such as a strategy from elsewhere
    whose card has none or one that is no entry. Characters that LaTeX would not print are escaped,
    and an entry whose key is another's gets a key of its own.
    """
    found: dict[str, str] = {}
    for block in comparison.blocks:
        for entry in _of_sources(block.task):
            _add(found, entry)
    for block in comparison.blocks:
        for one in block.contenders:
            for entry in _of_strategy(one.runs):
                _add(found, entry)
    _add(found, _own())
    return "\n\n".join(found.values())


def _add(found: dict[str, str], entry: str) -> None:
    """Add an entry, or a comment, which is its own key, unless it is there."""
    match = _ENTRY.fullmatch(entry)
    if match is None:
        found[entry] = entry
        return
    kind, key, fields = match.groups()
    taken, number = key, 1
    while taken in found:
        made = f"@{kind}{{{taken},{fields}}}"
        if found[taken] == made:
            return
        number += 1
        taken = f"{key}-{number}"
    found[taken] = f"@{kind}{{{taken},{fields}}}"


def _valid(entry: str) -> str | None:
    """Return an entry with its fields escaped, None for a text that is no entry."""
    entry = entry.strip()
    if _ENTRY.fullmatch(entry) is None or not _is_balanced(entry):
        return None
    first, *lines = entry.splitlines()
    return "\n".join([first, *(_escaped(line) for line in lines)])


def _is_balanced(text: str) -> bool:
    """Return whether braces close what they open, the first one at the end only."""
    depth, ends = 0, []
    for place, one in enumerate(text):
        if one in "{}" and text[place - 1] != "\\":
            depth += 1 if one == "{" else -1
            ends += [place] if depth == 0 else []
    return ends == [len(text) - 1]


def _escaped(line: str) -> str:
    """Return a line of an entry with special characters escaped, those of formulas left alone."""
    if line.strip().lower().startswith(_VERBATIM):
        return line
    parts = line.split("$")
    parts[::2] = [_SPECIAL.sub(r"\\\g<0>", part) for part in parts[::2]]
    return "$".join(parts)


def _of_strategy(runs: "ExperimentRuns") -> Iterator[str]:
    name = runs.experiment.strategy
    if runs.bibtex:
        for text in _BETWEEN.split(runs.bibtex.strip()):
            yield _valid(text) or _comment(name, f"its card has no entry but this: {text}")
        return
    reference = str(runs.description.get("reference", "no reference is stored"))
    for part in reference.split("; "):
        yield _comment(name, part)


def _of_sources(task: Task) -> Iterator[str]:
    if task.kind is Kind.TRAINED:
        yield _comment(task.benchmark, "every answer is trained")
        return
    yield from _of_table(task.benchmark, task.reference.name)
    for join in task.joins:  # tables that costs of the networks are read from
        yield from _of_table(join.name, join.table)


def _of_table(title: str, name: str) -> Iterator[str]:
    from nasbench.benchmarks.catalogue import load_table

    try:
        about = load_table(name).info
    except NasbenchError:  # not installed here
        yield _comment(title, "benchmark whose sources are not known here")
        return
    for text in _BETWEEN.split(about.bibtex.strip()) if about.bibtex else ():
        yield _valid(text) or _comment(title, f"its table has no entry but this: {text}")
    for line in about.attribution:
        known = [entry for short, entry in _entries().items() if short in line]
        yield from known or [_comment(title, line)]


def _comment(what: str, reference: str) -> str:
    """Return a comment; an @ in it would begin an entry."""
    text = " ".join(f"{what}: {reference}".split())
    return f"% {text.replace('@', '(at)')}"


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
            "@misc{nasbench,",
            "  author = {{The nasbench authors}},",
            "  title = {nasbench: comparing neural-architecture-search strategies honestly},",
            f"  howpublished = {{Software, version {_escaped(version + commit)}}}",
            "}",
        ]
    )

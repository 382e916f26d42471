"""BibTeX of everything that a comparison rests on."""

import re
from pathlib import Path

import pytest
from latex import ONE_COLUMN, compile_latex, document, need_latex

from nasbench.benchmarks.catalogue import load_table
from nasbench.harness.compare import compare
from nasbench.harness.compare.cite import _entries, bibtex
from nasbench.harness.execution.run import run
from nasbench.harness.results.runs import ExperimentRuns
from nasbench.strategies.registry import strategies

_ENTRY = re.compile(
    r"@(article|incollection|inproceedings|misc|software)\{(\w+),\n"
    r"(  \w+ = \{.+(\n    .+)*\},?\n)+\}"
)


def entries() -> set[str]:
    """Return the entries of the benchmarks and of our strategies."""
    texts = [one.bibtex for one in strategies().values()]
    return {*_entries().values(), *(e.strip() for text in texts for e in text.split("\n\n"))}


def test_every_strategy_of_ours_has_an_entry_for_each_reference() -> None:
    """First author and year of each reference are an entry's."""
    for name, strategy in strategies().items():
        parts, own = strategy.reference.split("; "), strategy.bibtex.strip().split("\n\n")
        assert len(parts) == len(own), name
        for part, entry in zip(parts, own, strict=True):
            first, year = part.replace(",", "").split()[0], part[-4:]
            assert first in entry.splitlines()[1], name
            assert f"year = {{{year}}}" in entry, name


def test_the_bundled_table_is_in_the_bibliography() -> None:
    for line in load_table("digits").info.attribution:
        assert any(key in line for key in _entries()), line


def test_entries_are_complete_and_balanced() -> None:
    keys = []
    for entry in entries():
        match = _ENTRY.fullmatch(entry)
        assert match is not None, entry
        keys.append(match[2])
        assert entry.count("{") == entry.count("}")
        kind = {"article": "journal", "misc": "howpublished"}.get(match[1], "booktitle")
        for field in ("author", "title", "year", kind):
            assert f"  {field} = {{" in entry
        assert "keywords" not in entry
    assert len(set(keys)) == len(keys)


@pytest.mark.usefixtures("synthetic_nb201")
def test_a_comparison_cites_its_strategies_and_this_package_once(tmp_path: Path) -> None:
    run("random-search,regularized-evolution,reinforce-softmax", seeds=2, budget="3evals",
        out=tmp_path)  # fmt: skip
    run("random-search", seeds=2, budget="4evals", out=tmp_path)
    text = bibtex(compare(tmp_path))
    for key in ("bergstra2012random", "real2019regularized", "williams1992simple", "nasbench,"):
        assert text.count(f"{{{key}") == 1
    assert "zoph2017" not in text


def test_a_card_without_an_entry_is_a_comment(tmp_path: Path) -> None:
    run("harness.asking:AsynchronousEvolution", seeds=2, benchmark="digits", budget="3evals",
        out=tmp_path)  # fmt: skip
    assert "% harness.asking:AsynchronousEvolution: none" in bibtex(compare(tmp_path))


def test_cards_of_others_make_valid_entries(
    tmp_path: Path, synthetic_nb201: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Special characters are escaped, keys are unique, and what is no entry is a comment."""
    cards = {
        "random-search": "@article{key,\n  title = {Ham & eggs_1, 100 % #2 of $x_1$},\n"
        "  url = {https://a.b/c_d%20e}\n}",
        "regularized-evolution": "@misc{key,\n  title = {Another}\n}\n"
        "@misc{second,\n  note = {n}\n}",
        "reinforce": "@misc{open,\n  title = {Not closed\n}",
    }
    run(list(cards), seeds=1, budget="3evals", out=tmp_path)
    monkeypatch.setattr(
        ExperimentRuns, "bibtex", property(lambda one: cards[one.experiment.strategy])
    )
    text = bibtex(compare(tmp_path))
    keys = re.findall(r"^@\w+\{([^,]+),$", text, re.MULTILINE)
    assert keys == list(dict.fromkeys(keys))
    assert {"key", "key-2", "second", "nasbench"} <= set(keys)
    assert r"{Ham \& eggs\_1, 100 \% \#2 of $x_1$}" in text
    assert "{https://a.b/c_d%20e}" in text
    assert "% reinforce: its card has no entry but this: (at)misc{open," in text
    assert text.count("@") == len(keys)
    need_latex()
    (tmp_path / "all.bib").write_text(text, encoding="utf-8")
    body = "\\nocite{*}\\bibliographystyle{plain}\\bibliography{all}"
    (tmp_path / "all.tex").write_text(document(ONE_COLUMN, body), encoding="utf-8")
    steps = ("pdflatex", "bibtex", "pdflatex", "pdflatex")
    assert compile_latex(tmp_path, "all", steps).wrong == ()
    assert "error" not in (tmp_path / "all.blg").read_text(encoding="utf-8").lower()

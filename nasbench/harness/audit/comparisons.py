"""Checks that stored comparisons, anywhere below the results folder, are what their runs give."""

import json
import os
import re
from collections.abc import Collection, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nasbench.errors import CannotCompare, InvalidInput, StoreError
from nasbench.files import read_whole
from nasbench.harness.audit.differences import leaves, same_text, told
from nasbench.harness.audit.findings import Finding
from nasbench.harness.audit.sets import other_reference_points
from nasbench.harness.compare.build import compared
from nasbench.harness.compare.comparison import Comparison, Options
from nasbench.harness.results.load import Results, load_results, load_several
from nasbench.harness.results.store import experiments, holds_runs
from nasbench.provenance import provenance

if TYPE_CHECKING:
    from nasbench.harness.compare.figures.pictures import FigureChoice

_COMPARISON, _USUAL = "comparison.json", "comparison"
_REPRODUCTION = "reproduction.json"
_TABLE = re.compile(
    r"(results|cost|estimates|course|pairs|proxies|ranks|sets|picks)\.(tex|md|csv)|captions\.(tex|md)"
)
_FIGURE = re.compile(r"(regret|distribution|landscape)-.+\.(pdf|png|svg|pgf)")
_MANY = 2
"""Number of files with names that nasbench uses, from which on a folder is taken for its own."""


def check_comparisons(
    results: Results, files: Sequence[Path], there: Collection[str] | None = None
) -> tuple[int, list[Finding]]:
    """Compute every stored comparison again; return how many values were compared, and findings.

    `files` are all files below the results folder. `there` are digests of the experiments whose
    table and scores are at hand, None for all: what lacks is a finding already, and a comparison of
    other experiments is left out. Every value of each `comparison.json` is
    compared, and so are the tables beside it. Tables that belong to no comparison are faults, as
    nothing says what they were made from. Figures are not checked.
    """
    count, findings = 0, []
    kept = {file: _read(file) for file in files if file.name == _COMPARISON}
    ours = [  # files of other tools are ignored; `_loose` finds our tables beside them
        file
        for file, stored in kept.items()
        if stored is not None or file.parent == results.folder / _USUAL
    ]
    for file in ours:
        around = [path for path in files if path.is_relative_to(file.parent)]
        number, found = _check(results, file, kept[file], around, there)
        count += number
        findings += [one for one in found if _nearest(results.folder / one.where, ours) == file]
    return count, [*findings, *_loose(results.folder, files, ours)]


def _nearest(path: Path, files: Sequence[Path]) -> Path | None:
    """Return the comparison in whose folder a path is, the innermost where folders are nested."""
    around = [file for file in files if path.is_relative_to(file.parent)]
    return max(around, key=lambda file: len(file.parts), default=None)


def _read(file: Path) -> tuple[Any, str | None, Options | None] | None:
    """Return a comparison, the version that made it and its options; None for another file."""
    try:
        stored = json.loads(read_whole(file))
        options = Options.of(stored["options"]) if "options" in stored else None
        return stored, stored["nasbench"], options
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        return None


def _check(
    results: Results,
    file: Path,
    stored: tuple[Any, str | None, Options | None] | None,
    around: Sequence[Path],
    there: Collection[str] | None,
) -> tuple[int, list[Finding]]:
    """Compute one comparison again; `around` are all files in its folder."""
    where = file.relative_to(results.folder).as_posix()
    if stored is None:
        return 0, [Finding("comparison", where, "cannot be read as a comparison")]
    content, version, options = stored
    if version != provenance()["nasbench"] or options is None:
        what = f"was made by an earlier nasbench {version}, so it is not checked: make it again"
        return 0, [Finding("comparison", where, what)]
    runs = _compared(results, file, content.pop("folders", None))
    if runs is None:
        what = (
            "names folders that it is of, and they are not this one and others beside it: it "
            "cannot be checked; put the folders beside each other, or make it again"
        )
        return 0, [Finding("comparison", where, what)]
    if there is not None and _lacking(results, runs, there):
        what = "is not checked: the table or the scores of some of its runs are not at hand"
        return 0, [Finding("comparison", where, what, fault=False)]
    return _again(results, runs, file, (content, options), around)


def _again(
    results: Results,
    runs: Results,
    file: Path,
    stored: tuple[Any, Options],
    around: Sequence[Path],
) -> tuple[int, list[Finding]]:
    """Compare stored values and texts with those that `runs` give with the stored options."""
    from nasbench.harness.compare.figures.pictures import FigureChoice  # loads matplotlib
    from nasbench.harness.compare.write import FIGURES

    where, (content, options) = file.relative_to(results.folder).as_posix(), stored
    try:
        again = compared(runs, options)
    except (CannotCompare, InvalidInput) as error:
        return 0, [Finding("comparison", where, f"should have been refused: {error}")]
    expected = json.loads(json.dumps(again.to_json(), allow_nan=False))
    content.pop("files", None)  # the list of written files is not compared
    try:
        choice = FigureChoice.of(content.pop(FIGURES))
    except (ValueError, KeyError):
        return 0, [
            Finding("comparison", where, f"does not say which {FIGURES} it has: make it again")
        ]
    wrong = [*other_reference_points(content, expected), *told(content, expected)]
    findings = [Finding("comparison", where, what) for what in wrong]
    findings += _texts(again, choice, file.parent, results.folder, around)
    return sum(1 for _ in leaves(expected)), findings


def _lacking(results: Results, compared: Results, there: Collection[str]) -> bool:
    """Whether a comparison is of audited experiments that are not among those `there`."""
    audited = {one.experiment.digest() for one in results.experiments} - set(there)
    return any(one.experiment.digest() in audited for one in compared.experiments)


def _compared(results: Results, file: Path, folders: Any) -> Results | None:
    """Return the runs that were compared: those of the nearest folder around the file.

    `folders` are the stored paths, relative to the file's folder, of a comparison of several
    folders. They are believed only where they hold all experiments of the nearest folder and all
    are beside the audited folder or below it; else None is returned.
    """
    own = _nearest_runs(results, file)
    if folders is not None:
        beside = results.folder.parent
        try:
            paths = [Path(os.path.realpath(file.parent / one)) for one in folders]
            near = all(one != beside and one.is_relative_to(beside) for one in paths)
            homes = [one.path for one in experiments(own.folder, [])]
            whole = all(any(home.is_relative_to(one) for one in paths) for home in homes)
            return load_several(paths) if near and whole else None
        except (StoreError, OSError, ValueError, TypeError):
            return None
    return own


def _nearest_runs(results: Results, file: Path) -> Results:
    """Return the runs of the nearest folder around a file that holds any."""
    for folder in file.parents:
        if folder == results.folder:
            break
        if holds_runs(folder):
            try:
                return load_results(folder)
            except StoreError:
                break
    return results


def _texts(
    again: Comparison, choice: "FigureChoice", folder: Path, below: Path, around: Sequence[Path]
) -> Iterator[Finding]:
    """Compare the stored tables and captions, in all formats, with those that the runs give."""
    from nasbench.harness.compare.figures.pictures import by_folder
    from nasbench.harness.compare.write import texts

    found = texts(again, by_folder(again, choice))
    expected = {folder / place: text for place, text in found}
    for path, text in expected.items():
        where = path.relative_to(below).as_posix()
        if not path.exists():
            what = f"is missing, {_COMPARISON} is there: make the comparison again"
            yield Finding("comparison", where, what)
        elif not same_text(path, text):
            yield Finding("comparison", where, "its text is not what the runs give")
    for path in around:
        if _TABLE.fullmatch(path.name) and path not in expected:
            what = "is a table that the runs do not give: make the comparison again"
            yield Finding("comparison", path.relative_to(below).as_posix(), what)


def _loose(folder: Path, files: Sequence[Path], comparisons: Sequence[Path]) -> Iterator[Finding]:
    """Yield a finding for tables of nasbench without `comparison.json` or `reproduction.json`."""
    by_folder: dict[Path, list[Path]] = {}
    for path in files:
        if path.name in ("reproduction.md", "reproduction.tex"):
            if not path.with_name(_REPRODUCTION).exists():
                what = f"is there without the {_REPRODUCTION} that it is made of"
                yield Finding("reproduction", path.relative_to(folder).as_posix(), what)
        elif _TABLE.fullmatch(path.name) or _FIGURE.fullmatch(path.name):
            by_folder.setdefault(path.parent, []).append(path)
    for place, paths in by_folder.items():
        tables = [path for path in paths if _TABLE.fullmatch(path.name)]
        inside = _nearest(place, comparisons) is not None
        if tables and not inside and (len(paths) >= _MANY or _signed(tables[0])):
            what = (
                f"holds {len(tables)} tables without the {_COMPARISON} that says what they are "
                "of: make the comparison again"
            )
            yield Finding("comparison", place.relative_to(folder).as_posix(), what)


def _signed(path: Path) -> bool:
    """Return whether a file mentions nasbench and a protocol, as its own tables do."""
    try:
        text = read_whole(path).decode()
    except (OSError, UnicodeDecodeError):
        return False
    return "nasbench" in text and "protocol" in text.lower()

"""How a comparison looks: names, order, colours and lines of rows, names of data sets.

A style file is TOML, and every key may be left out:

    order = ["REA", "Random search"]        # the other rows follow

    [labels]
    regularized-evolution = "REA"           # what a row is called: name, title or label
    [colours]
    REA = "#d62728"                         # six hexadecimal digits, or a name of matplotlib's
    [lines]
    REA = "dashed"                          # solid, dashed, dotted or dash-dot
    [datasets]
    cifar10 = "CIFAR-10 (12 epochs)"
    [columns]
    results = ["n", "test", "regret test"]  # columns of a table after the first, in this order
"""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any, Literal, get_args

from nasbench.arguments import require_path
from nasbench.benchmarks.titles import KNOWN
from nasbench.errors import InvalidInput
from nasbench.files import read_toml
from nasbench.harness.compare.labels import known_as, labels
from nasbench.harness.compare.references import EXPECTED
from nasbench.harness.compare.set_references import FRONT, FRONT_BY_VALIDATION
from nasbench.harness.results.runs import ExperimentRuns
from nasbench.text import printable, shown

LineStyle = Literal["solid", "dashed", "dotted", "dash-dot"]
LONGEST = 120
"""Most characters of a name."""


@dataclass(frozen=True)
class Appearance:
    """Names, order and looks that replace the usual ones; rows are named as in `known_as`."""

    labels: Mapping[str, str] = field(default_factory=dict)
    order: tuple[str, ...] = ()
    colours: Mapping[str, str] = field(default_factory=dict)
    """Colours as `#` and six hexadecimal digits."""
    lines: Mapping[str, LineStyle] = field(default_factory=dict)
    datasets: Mapping[str, str] = field(default_factory=dict)
    columns: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """Columns by the name of their table."""

    def labels_of(self, rows: Sequence[ExperimentRuns]) -> list[str]:
        """Return one label per row of a block.

        Raises `InvalidInput` where a new label fits several rows, or two rows have one label.
        """
        usual = labels(rows)
        found = list(usual)
        for old, new in self.labels.items():
            fits = _fitting(old, usual, rows)
            if len(fits) > 1:
                which = " or ".join(f"'{usual[place]}'" for place in fits)
                raise InvalidInput(
                    f"label '{old}={new}' fits {len(fits)} rows: name one of them, {which}"
                )
            for place in fits:
                found[place] = new
        plain = list(map(_plain, found))
        for place, label in enumerate(found):
            if plain[place] in plain[:place]:
                raise InvalidInput(
                    f"two rows would have the label '{label}': give them different ones"
                )
            if label != usual[place] and plain[place] in _taken(place, usual, rows):
                raise InvalidInput(
                    f"label '{label}' is what another row is called: choose one that is not"
                )
        return found

    def check_apart(
        self, left_out: Sequence[ExperimentRuns], shown: Sequence[ExperimentRuns]
    ) -> None:
        """Raise `InvalidInput` where a new label is what only rows that are left out are called."""
        hidden, there = (
            {_plain(name) for row in rows for name in known_as(row.title, row)}
            for rows in (left_out, shown)
        )
        for label in self.labels.values():
            if _plain(label) in hidden - there:
                raise InvalidInput(
                    f"label '{label}' is what a row that is left out is called: choose another"
                )

    def ordered(self, found: Sequence[str], rows: Sequence[ExperimentRuns]) -> list[int]:
        """Return the positions of rows in the order in which they are shown; `found` are labels."""
        first: list[int] = []
        for name in self.order:
            first += [place for place in _fitting(name, found, rows) if place not in first]
        return [*first, *(place for place in range(len(rows)) if place not in first)]

    def colour(self, label: str, runs: ExperimentRuns) -> str:
        """Return a row's colour; empty where it has the usual one."""
        return self._of(self.colours, label, runs)

    def line(self, label: str, runs: ExperimentRuns) -> str:
        """Return a row's line style, a `LineStyle`; empty where it has the usual one."""
        return self._of(self.lines, label, runs)

    @staticmethod
    def _of(values: Mapping[str, str], label: str, runs: ExperimentRuns) -> str:
        if label in values:  # before the strategy, which may have several rows
            return values[label]
        return next((one for name, one in values.items() if name in known_as(label, runs)), "")

    def unknown(self, known: Collection[str], datasets: Collection[str]) -> Iterator[str]:
        """Yield a sentence on every name that is no row's or data set's."""
        new = set(self.labels.values())
        for kind in ("labels", "order", "colours", "lines"):
            for name in getattr(self, kind):
                if name not in known and (kind == "labels" or name not in new):
                    yield f"{kind}: no row is called {shown(name)}"
        for name in self.datasets:
            if name not in datasets:
                yield f"datasets: no data set is called {shown(name)}"


USUAL = Appearance()
_REFERENCES = (
    "optimum", "optimum by validation", FRONT, FRONT_BY_VALIDATION, EXPECTED, "mean architecture",
)  # fmt: skip


def _plain(name: str) -> str:
    """Return a name as it is told from others: without regard to case and kinds of spaces."""
    return " ".join(name.split()).casefold()


def _taken(place: int, usual: Sequence[str], rows: Sequence[ExperimentRuns]) -> set[str]:
    """Return the names that a row cannot have: those of the other rows and of reference rows."""
    mine = rows[place]
    others = {
        name
        for number, (label, row) in enumerate(zip(usual, rows, strict=True))
        if number != place
        for name in known_as(label, row) - known_as(usual[place], mine)
    }
    return {_plain(name) for name in (*others, *_REFERENCES)}


def check_titles(titles: Mapping[str, str], datasets: Sequence[str]) -> None:
    """Raise `InvalidInput` where a data set would have the name or title of another."""
    usual = {**KNOWN, **{name: KNOWN.get(name, name) for name in datasets}}
    for name, title in titles.items():
        for other, own in usual.items():
            taken = {other, own, titles.get(other, own)}
            if other != name and _plain(title) in map(_plain, taken):
                raise InvalidInput(
                    f"data set '{name}' cannot be called '{title}': that is the name of '{other}'"
                )


def _fitting(name: str, found: Sequence[str], rows: Sequence[ExperimentRuns]) -> list[int]:
    """Return the positions of the rows that a name means: those of this label, or known by it."""
    if name in found:
        return [found.index(name)]
    return [
        place
        for place, (label, row) in enumerate(zip(found, rows, strict=True))
        if name in known_as(label, row)
    ]


def read_appearance(
    style_file: str | Path | Mapping[str, Any] | None,
    names: Mapping[str, str] | None = None,
) -> Appearance:
    """Return the appearance that a style file, or a mapping with its keys, describes.

    `names` maps rows to new labels, which go before those of the file. Raises `InvalidInput`, which
    names the file, the key and what is valid.
    """
    values: dict[str, Any]
    if isinstance(style_file, Mapping):
        values, where = dict(style_file), "style"
    elif style_file is None:
        values, where = {}, "style"
    else:
        path = require_path("style_file", style_file)
        values, where = read_toml(path, "style file"), f"style file '{printable(path)}'"
    if names is not None:
        if not isinstance(names, Mapping):
            raise InvalidInput(f"labels cannot be {shown(names)}: write a dict of old to new names")
        old = values.get("labels", {})
        values["labels"] = {**(old if isinstance(old, Mapping) else {}), **names}
    return _checked(values, where)


def _checked(values: Mapping[str, Any], where: str) -> Appearance:
    valid = [one.name for one in fields(Appearance)]
    for key in values:
        if key not in valid:
            raise InvalidInput(f"{where}: {shown(key)} is unknown: valid are {', '.join(valid)}")
    found: dict[str, Any] = {}
    for key, value in values.items():
        if key == "order":
            found[key] = tuple(_texts(value, f"{where}: order"))
            continue
        if not isinstance(value, Mapping):
            raise InvalidInput(f"{where}: {key} cannot be {shown(value)}: write a table of names")
        if key == "columns":
            found[key] = {
                name: tuple(_texts(one, f"{where}: columns of {shown(name)}"))
                for name, one in value.items()
            }
            continue
        for name, one in value.items():
            _text(name, f"{where}: a name in {key}")
            _text(one, f"{where}: {key} of {shown(name)}")
        found[key] = dict(value)
    for name, one in found.get("colours", {}).items():
        found["colours"][name] = _colour(one, f"{where}: colour of {shown(name)}")
    for name, one in found.get("lines", {}).items():
        if one not in get_args(LineStyle):
            raise InvalidInput(
                f"{where}: line of {shown(name)} cannot be {shown(one)}: write "
                f"{', '.join(get_args(LineStyle))}"
            )
    return Appearance(**found)


def _colour(value: str, what: str) -> str:
    from matplotlib.colors import to_hex

    try:
        return to_hex(value)
    except ValueError:
        raise InvalidInput(
            f"{what} cannot be {shown(value)}: write # and six hexadecimal digits, or a name such "
            "as 'tab:red'"
        ) from None


def _texts(value: Any, what: str) -> list[str]:
    if not isinstance(value, list | tuple):
        raise InvalidInput(f"{what} cannot be {shown(value)}: write a list of names")
    return [_text(one, what) for one in value]


def _text(value: Any, what: str) -> str:
    if not isinstance(value, str) or not value.strip() or printable(value) != value:
        raise InvalidInput(f"{what} cannot be {shown(value)}: write a text that can be seen")
    if len(value) > LONGEST:
        raise InvalidInput(f"{what} has {len(value)} characters: write {LONGEST} at most")
    return value

"""Which tables a comparison has, with which columns, and how wide a page they are made for."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from nasbench.arguments import require_names, require_type
from nasbench.errors import InvalidInput
from nasbench.harness.compare.tables.columns import BEST, BOLD_IN, COLUMNS, KINDS, TEXTS
from nasbench.harness.compare.tables.formats import Section, TextTable
from nasbench.harness.compare.units import UNKNOWN

FORMS = ("full", "short")
_FIRST = "results"
"""The table that columns without a table's name are of."""
_NONE = "none"


@dataclass(frozen=True)
class TableOptions:
    """The options of a comparison's tables, in every format; `InvalidInput` for unknown names."""

    columns: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """Columns by table, in order. The first, with the rows' names, is always there."""
    form: str | None = None
    """`full` or `short`. By default full, and in LaTeX short where full does not fit the page."""
    siunitx: bool = False
    """Whether LaTeX tables align numbers at their points, with the package siunitx."""
    kinds: tuple[str, ...] | None = None
    """Names of the tables that are made; by default all."""
    width: str | float | None = None
    """Width of the page for LaTeX: inches or a venue's name, see `latex_page.page`."""

    def __post_init__(self) -> None:
        """Check the names; lists become tuples."""
        from nasbench.harness.compare.tables.latex_page import page

        page(self.width)
        if self.form is not None and self.form not in FORMS:
            raise InvalidInput(f"form '{self.form}' is unknown: valid are {', '.join(FORMS)}")
        if self.kinds is not None:
            kinds = [name for name in require_names("tables", self.kinds) if name != _NONE]
            for name in kinds:
                _require_kind(name, (*KINDS, _NONE))
            object.__setattr__(self, "kinds", tuple(kinds))
        columns = {}
        for kind, names in self.columns.items():
            _require_kind(kind, tuple(COLUMNS))
            columns[kind] = tuple(require_names(f"columns of table '{kind}'", names))
            if not columns[kind]:
                raise InvalidInput(f"columns of table '{kind}' are none: name one or more")
            for name in columns[kind]:
                if not (name in COLUMNS[kind] or (kind == "sets" and name.startswith(BEST))):
                    raise _unknown(name, kind, COLUMNS[kind])
        object.__setattr__(self, "columns", columns)

    @classmethod
    def read(
        cls,
        columns: Sequence[str] = (),
        form: str | None = None,
        *,
        siunitx: bool = False,
        kinds: str | None = None,
        width: str | float | None = None,
    ) -> "TableOptions":
        """Return options from texts, as the command line has them.

        Each of `columns` is `TABLE=NAME,...`, or `NAME,...` for the table `results`; `kinds` is
        `TABLE,...` or `none`.
        """
        chosen = {}
        for text in columns:
            kind, equals, names = text.partition("=")
            kind, names = (kind.strip(), names) if equals else (_FIRST, text)
            if kind in chosen:
                raise InvalidInput(f"columns of table '{kind}' are given twice: keep one of them")
            chosen[kind] = tuple(require_names(f"columns of table '{kind}'", names))
        made = None if kinds is None else tuple(require_names("tables", kinds))
        return cls(chosen, form, siunitx, made, width)

    def wants(self, kind: str) -> bool:
        """Return whether a table is made."""
        return self.kinds is None or kind in self.kinds


def for_width(options: TableOptions | None, width: str | float | None) -> TableOptions:
    """Return options with a width, unless they have one of their own."""
    options = TableOptions() if options is None else options
    require_type("tables", options, TableOptions, "nasbench.TableOptions(...)")
    return options if options.width is not None else replace(options, width=width)


def _require_kind(name: str, valid: Iterable[str]) -> None:
    if name not in valid:
        why = "has a column for each row" if name == "pairs" else "is unknown"
        raise InvalidInput(f"table '{name}' {why}: valid are {', '.join(valid)}")


def _unknown(name: str, kind: str, valid: Iterable[str]) -> InvalidInput:
    return InvalidInput(
        f"column '{name}' is unknown in table '{kind}': valid are {', '.join(valid)}"
    )


def shaped(table: TextTable, options: TableOptions) -> TextTable:
    """Return a table with the columns that are asked for, else with those that hold anything.

    Raises `InvalidInput` for a column that the table does not have.
    """
    asked = options.columns.get(table.name)
    if asked is not None:
        for name in asked:
            if name not in table.columns:
                raise _unknown(name, table.name, table.columns)
        return with_columns(replace(table, short=()), [table.columns[0], *asked])
    if table.name not in COLUMNS:
        return table
    empty = {name for place, name in enumerate(table.columns[1:], 1) if _is_empty(table, place)}
    names = table.short if options.form == "short" else table.columns
    short = () if options.form == "full" else table.short
    return with_columns(replace(table, short=short), [one for one in names if one not in empty])


def in_short(table: TextTable) -> TextTable:
    """Return the short form of a table; without one the table itself."""
    names = [name for name in table.short if name in table.columns]
    return replace(with_columns(table, names), short=()) if names else table


def with_columns(table: TextTable, names: Sequence[str]) -> TextTable:
    """Return a table with some of its columns; notes on the others are left out.

    Columns of text come first, the others in the order of `names`.
    """
    names = list(dict.fromkeys(names))
    texts = [name for name in names if name in TEXTS]
    names = [*texts, *(name for name in names if name not in TEXTS)]
    places = [table.columns.index(name) for name in names]
    sections = [
        Section(
            one.heading,
            [[row[place] for place in places] for row in one.rows],
            [[row[place] for place in places] for row in one.references],
        )
        for one in table.sections
    ]
    hidden = set(COLUMNS.get(table.name, ())) - set(names)
    bold = set(BOLD_IN.get(table.name, ())) & set(names)
    kept = [
        place
        for place, note in enumerate(table.notes)
        if (topic := note.partition(":")[0]) not in hidden
        and (bold or not (topic == "bold" or topic.startswith("nothing is bold")))
    ]
    brief = tuple(table.brief[place] for place in kept) if table.brief else ()
    return replace(
        table, columns=tuple(names), sections=sections, texts=len(texts),
        notes=tuple(table.notes[place] for place in kept), brief=brief,
    )  # fmt: skip


def _is_empty(table: TextTable, place: int) -> bool:
    """Return whether no row has anything in a column; a table without rows has no empty column."""
    texts = {row[place].text for one in table.sections for row in (*one.rows, *one.references)}
    return bool(texts) and texts <= {"", UNKNOWN}

"""Text of unknown origin as LaTeX, which every engine compiles and can break into lines."""

import re

from nasbench.harness.compare.tables.latex_page import is_latin
from nasbench.text import printable

_APART = "\0"
"""Stands between hyphens that would become a dash; no printable text has it."""
_SPECIAL = {
    "\\": r"\textbackslash{}", "&": r"\&", "%": r"\%", "$": r"\$", "#": r"\#", "_": r"\_",
    "{": r"\{", "}": r"\}", "~": r"\textasciitilde{}", "^": r"\textasciicircum{}",
    "±": r"$\pm$", "–": "--", "<": r"\textless{}", ">": r"\textgreater{}",
    "[": "{[}", "]": "{]}", "∞": r"$\infty$", "|": r"\textbar{}", '"': "''",
    "`": r"\textasciigrave{}", "×": r"$\times$", "→": r"$\to$", "≤": r"$\le$", "≥": r"$\ge$",
    "·": r"$\cdot$", "—": "---", "…": r"\ldots{}", "’": "'", "‘": "`", "“": "``", "”": "''",
    "α": r"$\alpha$", "β": r"$\beta$", "γ": r"$\gamma$", "λ": r"$\lambda$", "μ": r"$\mu$",
    "σ": r"$\sigma$", "τ": r"$\tau$", "µ": r"$\mu$", "°": r"$^\circ$", "²": "$^2$", "³": "$^3$",
    _APART: "{}",
}  # fmt: skip
_BREAK = r"\hspace{0pt plus 1pt}"
_BREAKS = re.compile(rf"{re.escape(_BREAK)}|\\allowbreak\{{\}}")
"""A place where a line may end, as it is and as earlier versions wrote it."""
_AFTER = re.compile(r"(?<=[_:.,=/()+@|])(?=[^\s_:.,=/()+@|])")
"""Places within a word where a line may end, other than after hyphens."""
_LONG = 24
"""Characters from which on a word may be broken, where the width of a line is not known."""


def escape_latex(text: str) -> str:
    """Return `text` with LaTeX's special characters escaped.

    A letter that LaTeX's usual fonts do not have becomes its code, such as `U+4E2D`.
    """
    return "".join(map(_character, re.sub(r"-(?=-)", f"-{_APART}", printable(text))))


def breakable_latex(text: str, longest: int = _LONG) -> str:
    """Return `text` as `escape_latex` does, with places where lines may end in long words.

    Of a word with more than `longest` characters these are after punctuation and, from that number
    of characters without any, everywhere.
    """
    return " ".join(_broken(word, longest) for word in printable(text).split(" "))


def without_breaks(latex: str) -> str:
    """Return what `breakable_latex` made without the places where lines may end."""
    return _BREAKS.sub("", latex)


def _character(one: str) -> str:
    found = _SPECIAL.get(one)
    if found is not None:
        return found
    return one if is_latin(one) else f"U+{ord(one):04X}"


def _broken(word: str, longest: int) -> str:
    if len(word) <= longest:
        return escape_latex(word)
    found = []
    for part in _AFTER.split(word):
        rest = map(escape_latex, part[longest:])
        found.append(_BREAK.join([escape_latex(part[:longest]), *rest]))
    return _BREAK.join(found)

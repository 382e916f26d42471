"""Is a stored comparison what its runs say?"""

import json
from collections.abc import Iterator
from pathlib import Path

from nasbench.errors import CannotCompare, InvalidInput
from nasbench.harness.audit.differences import leaves, same_text, told
from nasbench.harness.audit.findings import Finding
from nasbench.harness.compare.comparison import Comparison, Options
from nasbench.harness.compare.write import texts
from nasbench.harness.results import Results
from nasbench.provenance import provenance


def check_comparison(results: Results, file: Path) -> tuple[int, list[Finding]]:
    """Compute a stored comparison again; return how many values were compared, and findings.

    All that `comparison.json` holds, and the tables beside it. Of figures nothing is checked.
    """
    from nasbench.harness.compare import compare

    try:
        stored = json.loads(file.read_text(encoding="utf-8"))
        version = stored["nasbench"]
        options = Options.of(stored["options"]) if "options" in stored else None
    except (OSError, ValueError, KeyError, TypeError):
        return 0, [Finding("comparison", file.name, "cannot be read as a comparison")]
    if version != provenance()["nasbench"] or options is None:
        what = f"was made by an earlier nasbench {version}, so it is not checked: make it again"
        return 0, [Finding("comparison", file.name, what)]
    try:
        again = compare(results, **vars(options))
    except (CannotCompare, InvalidInput) as error:
        return 0, [Finding("comparison", file.name, f"should have been refused: {error}")]
    expected = json.loads(json.dumps(again.to_json(), allow_nan=False))
    count = sum(1 for _ in leaves(expected))
    findings = [Finding("comparison", file.name, what) for what in told(stored, expected)]
    return count, [*findings, *_texts(again, file.parent)]


def _texts(again: Comparison, folder: Path) -> Iterator[Finding]:
    """Compare the tables that are there, in all their forms, with what the runs give."""
    for place, text in texts(again):
        if not same_text(folder / place, text):
            yield Finding("comparison", place, "its text is not what the runs give")

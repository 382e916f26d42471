"""Is a stored comparison what its runs say?"""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from nasbench.errors import CannotCompare, InvalidInput
from nasbench.harness.audit.differences import leaves, told
from nasbench.harness.audit.findings import Finding
from nasbench.harness.compare.comparison import Comparison
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
        options, version = stored["options"], stored["nasbench"]
        names = {name: options[name] for name in ("merge", "datasets", "target")}
        calibrated = bool(options["calibrated"])
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return 0, [Finding("comparison", file.name, "cannot be read as a comparison")]
    if version != provenance()["nasbench"]:
        what = f"was made by nasbench {version}, so it is not checked: make it again"
        return 0, [Finding("comparison", file.name, what)]
    try:
        again = compare(results, **names)
    except (CannotCompare, InvalidInput) as error:
        return 0, [Finding("comparison", file.name, f"should have been refused: {error}")]
    expected = json.loads(json.dumps(again.to_json(), allow_nan=False))
    if calibrated:  # which is said in notes, and drawn
        expected = _without_notes(expected)
    expected.pop("options")
    count = sum(1 for _ in leaves(expected))
    findings = [Finding("comparison", file.name, what) for what in told(stored, expected)]
    return count, [*findings, *(() if calibrated else _texts(again, file.parent))]


def _without_notes(whole: dict[str, Any]) -> dict[str, Any]:
    blocks = [
        {name: value for name, value in block.items() if name != "notes"}
        for block in whole["blocks"]
    ]
    return {**whole, "blocks": blocks}


def _texts(again: Comparison, folder: Path) -> Iterator[Finding]:
    """Compare the tables that are there, in all their forms, with what the runs give."""
    for place, text in texts(again):
        path = folder / place
        if path.exists() and path.read_text(encoding="utf-8") != text:
            yield Finding("comparison", place, "its text is not what the runs give")

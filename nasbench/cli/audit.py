"""`nasbench audit`."""

import json
from pathlib import Path
from typing import Annotated

import typer

from nasbench import limits
from nasbench.cli.lines import say
from nasbench.cli.options import number
from nasbench.cli.progress import Quiet, metering


def audit(
    results: Annotated[Path, typer.Argument(help="Results folder.")] = Path("results"),
    replay: Annotated[
        int, number(limits.REPLAYS, help="Runs to make again from their seeds, drawn at random.")
    ] = 0,
    seed: Annotated[
        int | None, number(limits.SEED, help="Draws these runs. [default: another each time]")
    ] = None,
    trust: Annotated[
        bool, typer.Option("--trust", help="Replay strategies of other modules: runs their code.")
    ] = False,
    json_: Annotated[bool, typer.Option("--json", help="Print everything as JSON.")] = False,
    quiet: Quiet = False,
) -> int:
    """Compute every number of a results folder again; exit code 1 if something is wrong."""
    from nasbench.harness.audit import audit as audit_results
    from nasbench.parquet import without_pandas

    without_pandas()

    with metering("reading the results", quiet=quiet) as meter:
        found = audit_results(results, replays=replay, seed=seed, trust=trust, progress=meter)
    if json_:
        say(json.dumps(found.to_json(), indent=2))
    else:
        for finding in found.findings:
            say(finding)
        say(found.summary)
    return 1 if found.faults else 0

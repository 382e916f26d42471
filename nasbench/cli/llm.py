"""`nasbench llm`."""

import os
import shlex
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any

import typer

from nasbench import limits
from nasbench.cli.lines import say
from nasbench.cli.options import number, with_options
from nasbench.cli.run import _settings
from nasbench.harness.options import RecordOptions

app = typer.Typer(
    help="Record proposals of a language model, which `llm-replay` replays.",
    no_args_is_help=True,
    rich_markup_mode="markdown",
)


@app.command()
@with_options(RecordOptions, first=("benchmark", "budget"))
def record(
    *,
    endpoint: Annotated[
        str, typer.Option(help="OpenAI-compatible address: `http://127.0.0.1:8000/v1`.")
    ],
    model: Annotated[str, typer.Option(help="The model's name at the endpoint.")],
    transcript: Annotated[
        Path, typer.Option(help="File to write; one that is there is continued.")
    ],
    seeds: Annotated[str, typer.Option(help="As in `nasbench run`.")] = "1",
    dataset: Annotated[str | None, typer.Option(help="Data set searched.")] = None,
    given: dict[str, Any],
    set_: Annotated[
        list[str] | None, typer.Option("--set", help="`llm-replay.shown=20`; repeatable.")
    ] = None,
    temperature: Annotated[float, typer.Option(min=0.0, max=10.0)] = 1.0,
    max_tokens: Annotated[int, typer.Option(min=1, help="Of an answer.")] = 1024,
    timeout: Annotated[
        float, typer.Option(min=0.01, max=86400.0, help="Seconds for a whole answer.")
    ] = 120.0,
    retries: Annotated[
        int, typer.Option(min=0, max=100, help="Repetitions of a request without an answer.")
    ] = 2,
    key: Annotated[int, number(limits.EXPERIMENT_SEED, help="Determines the neutral names.")] = 0,
    api_key_variable: Annotated[
        str | None, typer.Option(help="Environment variable that holds the API key.")
    ] = None,
) -> None:
    """Search with a live model, once per seed, and write all it is asked and says to a file.

    Only the endpoint is called. The key itself is stored nowhere.
    """
    from nasbench.errors import InvalidInput
    from nasbench.harness.execution.endpoint import Endpoint
    from nasbench.harness.execution.record import record as make

    settings = _settings(set_ or [], {})
    if settings.keys() - {"llm-replay"}:
        raise InvalidInput("--set: only settings of llm-replay, such as llm-replay.shown=20")
    secret = ""
    if api_key_variable is not None:
        secret = os.environ.get(api_key_variable, "")
        if not secret:
            raise InvalidInput(f"environment variable '{api_key_variable}' is not set")
    sampling = {"temperature": temperature, "max_tokens": max_tokens}
    made = make(
        Endpoint(endpoint, model, sampling, timeout, retries, secret),
        {"model": model, "sampling": sampling},
        transcript, seeds=seeds, dataset=dataset, key=key,
        settings=settings.get("llm-replay"), say=lambda line: say(line, err=True), **given,
    )  # fmt: skip
    say(f"{len(made.ended)} runs in {transcript}")
    task = made.header["task"]
    amounts = [one for one in task["budget"].split(",") if " " not in one]  # the rest are options
    searched = {"benchmark": task["benchmark"], "budget": ",".join(amounts), **given}
    if dataset is not None:
        searched["dataset"] = dataset
    say(f"Now: {_replaying(transcript, seeds, set_ or [], searched)}")


def _replaying(transcript: Path, seeds: str, pairs: Sequence[str], given: Mapping[str, Any]) -> str:
    """Return the command that replays what was recorded with the same options of the search."""
    words = ["nasbench", "run", "--strategy", "llm-replay"]
    for pair in (f"llm-replay.transcript={transcript}", *pairs):
        words += ["--set", pair]
    words += ["--seeds", seeds]
    for name, value in given.items():
        text = ",".join(value) if isinstance(value, list) else str(value)
        words += [f"--{name.replace('_', '-')}", text]
    return shlex.join(words)

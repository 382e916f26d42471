"""`nasbench llm record`: searches with a live model, whose answers become a transcript.

Nothing is stored as a run here. `nasbench run` replays a transcript without a model, as often as
one likes, and its runs have the bits of the recorded search.
"""

import hashlib
import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Unpack

import nasbench
from nasbench.benchmarks.tables.sealing import seal_test
from nasbench.errors import DataError, InvalidInput
from nasbench.harness.execution.run import make_experiment
from nasbench.harness.options import RecordOptions, filled
from nasbench.harness.search.budget import Budget
from nasbench.harness.search.experiment import Experiment
from nasbench.harness.search.loop import search
from nasbench.harness.search.recorded import description
from nasbench.harness.search.runner import Runner
from nasbench.harness.search.seeds import parse_experiment_seed, parse_seeds
from nasbench.harness.search.tasks import Wanted, make_tasks
from nasbench.limits import EXPERIMENT_SEED
from nasbench.strategies.base import SearchStrategy
from nasbench.strategies.llm_replay import LlmReplay, ProposedByModel, Replayed
from nasbench.strategies.parts.model import Completion, Message, Model, ModelError
from nasbench.strategies.parts.renaming import renaming_of
from nasbench.strategies.parts.transcripts import (
    Exchange,
    Transcript,
    Writer,
    read_transcript,
    repair,
)
from nasbench.strategies.registry import name_of


class Recorded:
    """The answers of one run: those of the transcript first, then those of a model."""

    def __init__(self, model: Model, writer: Writer, seed: int) -> None:
        """Go on with the run of a seed."""
        self.key, self._model, self._writer, self._seed = (
            writer.transcript.key, model, writer, seed,
        )  # fmt: skip
        self._known = Replayed(writer.transcript, seed)
        self._left = len(writer.transcript.runs.get(seed, []))
        self._messages: list[Message] = []
        self._said: Completion

    def next(self, number: int, messages: list[Message]) -> Completion | None:
        """Return an answer; raises `ModelError` where the model gives none."""
        if number < self._left:
            return self._known.next(number, messages)
        said = self._model.complete(messages)
        self._messages, self._said = messages, said
        return said

    def used(self, number: int, proposal: str | None, reason: str) -> None:
        """Append the exchange to the transcript."""
        if number < self._left:
            self._known.used(number, proposal, reason)
            return
        made = Exchange(self._messages, self._said, proposal, reason)
        self._writer.exchange(self._seed, number, made)


class _Recorder(Runner):
    """Runs seeds with a model."""

    def __init__(self, experiment: Experiment, model: Model) -> None:
        super().__init__(experiment)
        self.model = model
        self.writer: Writer

    def _check(self) -> None:
        renaming_of(self._problem.space, 0)

    def _begin_run(self, strategy: SearchStrategy, seed: int) -> None:
        if isinstance(strategy, ProposedByModel):  # it is LlmReplay, as `record` has chosen it
            strategy.take_from(Recorded(self.model, self.writer, seed))

    def header(self, about: Mapping[str, Any], key: int) -> dict[str, Any]:
        """Return the first line of a transcript of these runs."""
        names = renaming_of(self._problem.space, key).names()
        text = json.dumps(names, sort_keys=True)
        search = description(self.experiment, LlmReplay)
        return {
            "nasbench": nasbench.__version__,
            **search,
            "task": {**search["task"], "space": self._problem.space.name},
            **about,
            "key": key,
            "renaming": names,
            "renaming_sha256": hashlib.sha256(text.encode()).hexdigest(),
        }

    def record(self, seed: int) -> str:
        """Make the run of a seed; return why it ended."""
        run = self.begin(seed)
        with seal_test():
            made = search(run.strategy, run.session, run.clock)
        return str(made.stop)


def record(
    model: Model,
    about: Mapping[str, Any],
    transcript: str | Path,
    *,
    seeds: int | str = 1,
    dataset: str | None = None,
    key: int = 0,
    settings: Mapping[str, object] | None = None,
    say: Callable[[str], None] = lambda _: None,
    **options: Unpack[RecordOptions],
) -> Transcript:
    """Search with a model, once per seed, and append what it is asked and says to a transcript.

    `about` describes the model and goes into the header; `key` determines the renaming of a new
    transcript. Options are those of `nasbench.Study`. A transcript that is there is continued: runs
    that have ended are left, an unfinished one goes on where it ended. Returns the transcript.

    Raises `NasbenchError` for input that cannot be used, `DataError` for a damaged transcript or
    one of another search, and `ModelError` where the model does not answer. What was recorded
    before stays, and the same call goes on from there.
    """
    path, wanted = Path(transcript), parse_seeds(seeds)
    EXPERIMENT_SEED.check(key)
    chosen = filled(RecordOptions, options)
    budget = chosen["budget"]
    limit = Budget.parse(budget) if isinstance(budget, str) else budget
    (task,) = make_tasks(
        chosen["benchmark"], None if dataset is None else [dataset], chosen["protocol"],
        Wanted.read(chosen, limit), say=say,
    )  # fmt: skip
    shift = parse_experiment_seed(chosen["experiment_seed"])
    given = dict(settings or {})
    if given.keys() & {*LlmReplay.files, *LlmReplay.files.values()}:
        raise InvalidInput("the transcript that is recorded is named by --transcript")
    experiment = make_experiment(task, name_of(LlmReplay), given, shift, limit)
    recorder = _Recorder(experiment, model)
    recorder.writer = _writer(path, recorder, about, key)
    for seed in wanted:
        if seed not in recorder.writer.transcript.ended:
            try:
                stop = recorder.record(seed)
            except ModelError as error:
                raise ModelError(f"{error} ({_kept(recorder.writer.transcript)})") from error
            recorder.writer.end(seed, stop)
            say(_summary(recorder.writer.transcript, seed))
    return recorder.writer.transcript


def _writer(path: Path, recorder: _Recorder, about: Mapping[str, Any], key: int) -> Writer:
    """Return the writer of a new transcript, or of one that is there and of the same search."""
    if not path.exists():
        return Writer.create(path, recorder.header(about, key))
    try:
        repair(path)
    except OSError as error:
        raise DataError(f"transcript '{path}': {error.strerror or error}") from error
    found = read_transcript(path)
    ours = {"format": found.header["format"], **recorder.header(about, key)}
    differing = [
        name
        for name in sorted(ours.keys() | found.header.keys() - {"digest"})
        if name != "nasbench" and ours.get(name) != found.header.get(name)
    ]
    if differing:
        raise InvalidInput(
            f"transcript '{path}' is of another recording ({', '.join(differing)} differ): choose "
            "another file"
        )
    return Writer(found)


def _kept(made: Transcript) -> str:
    """Return what is kept after a failure of the model, and how to go on."""
    number = sum(map(len, made.runs.values()))
    return (
        f"{number:,} answer{'' if number == 1 else 's'} recorded so far are kept in "
        f"'{made.path}': the same command goes on from there"
    )


def _summary(made: Transcript, seed: int) -> str:
    run = made.runs.get(seed, [])
    said = [one.completion for one in run]
    unusable = sum(bool(one.reason) for one in run)
    return (
        f"seed {seed}: {len(run)} answers, {unusable} unusable, "
        f"{sum(one.prompt_tokens for one in said):,} + "
        f"{sum(one.completion_tokens for one in said):,} tokens, "
        f"{sum(one.seconds for one in said):.1f} s"
    )

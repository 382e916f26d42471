"""A language model's proposals as a search, replayed from a recorded transcript."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, Protocol

from nasbench.errors import InvalidInput
from nasbench.files import sha256_of
from nasbench.problem import Answer, Evaluate, Problem, Trial
from nasbench.randomness import Random
from nasbench.spaces.base import Architecture
from nasbench.strategies.base import SearchStrategy, Tag, require
from nasbench.strategies.parts.model import Completion, Message
from nasbench.strategies.parts.prompts import again, read_answer, system_message, user_message
from nasbench.strategies.parts.renaming import Renaming, renaming_of
from nasbench.strategies.parts.transcripts import Transcript, read_transcript
from nasbench.strategies.registry import register
from nasbench.trace import MODEL_TRACES, Traces

_BIBTEX = """
@article{zheng2023can,
  author = {Mingkai Zheng and Xiu Su and Shan You and Fei Wang and Chen Qian and Chang Xu
    and Samuel Albanie},
  title = {Can {GPT}-4 Perform Neural Architecture Search?},
  journal = {arXiv preprint arXiv:2304.10970},
  year = {2023}
}

@inproceedings{yang2024large,
  author = {Chengrun Yang and Xuezhi Wang and Yifeng Lu and Hanxiao Liu and Quoc V. Le
    and Denny Zhou and Xinyun Chen},
  title = {Large Language Models as Optimizers},
  booktitle = {International Conference on Learning Representations},
  year = {2024}
}
"""


class Source(Protocol):
    """Where the answers of one run come from: a transcript, or a model that is recorded."""

    key: int
    """The number that determines the renaming."""

    def next(self, number: int, messages: list[Message]) -> Completion | None:
        """Return the answer to prompt `number` of the run, from 0; None if the record ends."""

    def used(self, number: int, proposal: str | None, reason: str) -> None:
        """Note what became of the answer: an architecture, or why it could not be used."""


class Replayed:
    """The answers of one run of a transcript; a prompt must be the recorded one."""

    def __init__(self, transcript: Transcript, seed: int) -> None:
        """Replay the run of a seed."""
        self.key, self.seed = transcript.key, seed
        self._run = transcript.runs.get(seed, [])

    def next(self, number: int, messages: list[Message]) -> Completion | None:
        """Return the recorded answer; `InvalidInput` if the recorded prompt was another one."""
        if number >= len(self._run):
            return None
        recorded = self._run[number]
        if recorded.messages != messages:
            raise InvalidInput(
                f"prompt {number} of seed {self.seed} is not the recorded one: the transcript is "
                "of another search (table, data set, objective, settings, workers or version)"
            )
        return recorded.completion

    def used(self, number: int, proposal: str | None, reason: str) -> None:
        """Raise `InvalidInput` where the record says otherwise."""
        recorded = self._run[number]
        if (recorded.proposal, recorded.reason) != (proposal, reason):
            raise InvalidInput(
                f"answer {number} of seed {self.seed} is read as {proposal or reason}, and was "
                f"recorded as {recorded.proposal or recorded.reason}"
            )


class ProposedByModel(SearchStrategy):
    """A language model proposes each architecture, after it has seen the best ones so far.

    An answer that is no architecture of the space, or one that was asked for before, is sent back
    with the reason. After `tries` such answers an architecture is drawn at random.
    """

    family = "language model"
    reference = "Zheng et al., arXiv 2023; Yang et al., ICLR 2024"

    @dataclass(frozen=True)
    class Settings:
        """Hyperparameters. `shown` is that of OPRO (Yang et al., ICLR 2024)."""

        shown: int = 20  #: evaluated architectures in a prompt, the best ones
        tries: int = 3  #: answers for one proposal, before it is drawn at random

        def __post_init__(self) -> None:
            """Check the numbers."""
            require(1 <= self.shown <= 10_000, "shown", self.shown, "1 to 10,000")
            require(1 <= self.tries <= 100, "tries", self.tries, "1 to 100")

    def setup(self) -> None:
        """Begin without history."""
        self.number = 0
        self.history: list[tuple[Architecture, tuple[float, ...] | None, float]] = []
        self.open: dict[int, Architecture] = {}
        self.seen: set[Architecture] = set()
        self.told_costs: list[dict[str, float]] = []
        self._source: Source | None = None
        self._renaming: Renaming | None = None

    def take_from(self, source: Source) -> None:
        """Take answers from `source`; called once, before the first `ask`."""
        self._source, self._renaming = source, renaming_of(self.space, source.key)

    def ask(self) -> Evaluate | None:
        """Return the model's proposal; None where the record ends or all have been asked for."""
        if len(self.seen) == self.space.size:
            return None
        costs = _no_costs()
        messages = self._prompt()
        for _ in range(self.settings.tries):
            said, found, reason = self._exchange(messages)
            if said is None:
                return None
            _add_costs(costs, said, reason)
            if not reason:
                return self._request(found, costs)
            messages = [*messages, *again(said.text, reason)]
        costs["random proposals"] += 1
        return self._request(self.space.sample(self.random), costs)

    def _prompt(self) -> list[Message]:
        _, renaming = self._ready
        best = sorted(self.history, key=lambda one: one[2])[-self.settings.shown :]
        example = renaming.write(self.space.sample(Random(0)))
        return [
            system_message(
                renaming,
                self.problem.objectives,
                example,
                constrained=bool(self.problem.constraints),
            ),
            user_message(renaming, [one[:2] for one in best], list(self.open.values())),
        ]

    @property
    def _ready(self) -> tuple[Source, Renaming]:
        if self._source is None or self._renaming is None:
            raise InvalidInput(
                "the search has no answers of a model: record some with `nasbench llm record`"
            )
        return self._source, self._renaming

    def _exchange(self, messages: list[Message]) -> tuple[Completion | None, Architecture, str]:
        """Return the answer, its architecture, and why it cannot be used; empty if it can."""
        source, renaming = self._ready
        number = self.number
        said = source.next(number, messages)
        if said is None:
            return None, None, ""
        self.number += 1
        found, reason = None, ""
        try:
            found = read_answer(said.text, renaming)
            reason = "it was proposed before" if found in self.seen else ""
        except InvalidInput as error:
            reason = str(error)
        source.used(number, None if reason else self.space.format(found), reason)
        return said, found, reason

    def _request(self, architecture: Architecture, costs: dict[str, float]) -> Evaluate:
        number = len(self.told_costs) + len(self.open)
        self.seen.add(architecture)
        self.open[number] = architecture
        return Evaluate(architecture, memo=(number, costs))

    def tell(self, trial: Trial, answer: Answer) -> None:
        """Add an evaluation to the history, and its costs to the record."""
        number, costs = trial.request.memo
        architecture = self.open.pop(number)
        values = tuple(answer.values) if self.problem.feasible(answer) else None
        self.history.append((architecture, values, self.problem.score(answer)))
        self.told_costs.append(costs)

    def traced(self) -> Sequence[Traces]:
        """Return tokens, model seconds and unusable answers of every evaluation."""
        return [_traces(costs) for costs in self.told_costs]


def _no_costs() -> dict[str, float]:
    return dict.fromkeys(MODEL_TRACES, 0.0)


def _add_costs(costs: dict[str, float], said: Completion, reason: str) -> None:
    """Add what an answer cost; `reason` says why it cannot be used, and is empty if it can."""
    costs["prompt tokens"] += said.prompt_tokens
    costs["completion tokens"] += said.completion_tokens
    costs["model seconds"] += said.seconds
    costs["unusable answers"] += bool(reason)


def _traces(costs: Mapping[str, float]) -> Traces:
    return {trace: costs[name] for name, trace in MODEL_TRACES.items()}


@register("llm-replay")
class LlmReplay(ProposedByModel):
    """Proposals of a language model from a transcript, in the manner of GENIUS (arXiv 2023).

    A model is asked by `nasbench llm record` only; a run of this strategy asks none and needs no
    network. Its seeds are those of the transcript, and it ends where the record of its seed ends.

    Deviations from GENIUS: prompts have no conversation beyond unusable answers, but the best
    evaluations in ascending order, as in OPRO (Yang et al., ICLR 2024); operations are renamed and
    decisions permuted, since public tables are in the training data of models.
    """

    title = "LLM (replayed)"
    bibtex = _BIBTEX
    colour = "#4d4dff"
    tags = frozenset({Tag.RECORDED})
    files: ClassVar[dict[str, str]] = {"transcript": "transcript_sha256"}

    @dataclass(frozen=True)
    class Settings(ProposedByModel.Settings):
        """Hyperparameters, and the transcript."""

        transcript: str = ""  #: file that `nasbench llm record` wrote
        transcript_sha256: str = ""  #: the SHA-256 of the file, found by itself

        def __post_init__(self) -> None:
            """Check the numbers, and complete the digest where the file is there."""
            ProposedByModel.Settings.__post_init__(self)
            path = Path(self.transcript)
            if self.transcript and not self.transcript_sha256 and path.is_file():
                object.__setattr__(self, "transcript_sha256", sha256_of(path))

    @classmethod
    def check(cls, problem: Problem, settings: Any) -> None:
        """Raise `NasbenchError` where the transcript is missing, changed, or of another space."""
        found = _opened(settings)
        if found.space != problem.space.name:
            raise InvalidInput(
                f"transcript '{found.path}' is of space '{found.space}', and '{problem.space.name}'"
                " is searched"
            )
        renaming_of(problem.space, found.key)

    @classmethod
    def check_seeds(cls, settings: Any, seeds: Collection[int]) -> None:
        """Raise `InvalidInput` for seeds that are not in the transcript, or not to their end."""
        found = _opened(settings)
        missing = sorted(set(seeds) - found.runs.keys())
        if missing:
            known = ", ".join(map(str, sorted(found.runs)[:20])) or "none"
            raise InvalidInput(
                f"transcript '{found.path}' has no run of seed {missing[0]}: its seeds are {known}"
            )
        unfinished = sorted(set(seeds) - found.ended)
        if unfinished:
            raise InvalidInput(
                f"transcript '{found.path}' has seed {unfinished[0]} not to its end: the same "
                "`nasbench llm record` goes on with it"
            )

    @classmethod
    def recorded_search(cls, settings: Any) -> Mapping[str, Any]:
        """Return the header of the transcript."""
        return _opened(settings).header

    @classmethod
    def recorded_evaluations(cls, settings: Any, seed: int) -> Sequence[tuple[str | None, Traces]]:
        """Return the proposals of a seed's run, with what all answers for each of them cost."""
        made: list[tuple[str | None, Traces]] = []
        costs, tries = _no_costs(), 0
        for one in _opened(settings).runs.get(seed, ()):
            tries += 1
            _add_costs(costs, one.completion, one.reason)
            if not one.reason or tries == settings.tries:
                costs["random proposals"] += bool(one.reason)
                made.append((one.proposal, _traces(costs)))
                costs, tries = _no_costs(), 0
        return made

    def begin_run(self, seed: int) -> None:
        """Take the answers of a seed's run."""
        self.check_seeds(self.settings, [seed])
        self.take_from(Replayed(_opened(self.settings), seed))


_read: dict[tuple[str, str], Transcript] = {}


def _opened(settings: Any) -> Transcript:
    """Return the transcript of some settings, which is read once per process and content."""
    if not settings.transcript:
        raise InvalidInput(
            "strategy 'llm-replay' needs a transcript: record one with `nasbench llm record` and "
            "add --set llm-replay.transcript=FILE"
        )
    path = Path(settings.transcript)
    if path.is_dir():
        raise InvalidInput(
            f"transcript '{path}' is a folder: name the file in it that `nasbench llm record` wrote"
        )
    if not path.is_file():
        raise InvalidInput(f"transcript '{path}' is not there: put it back, or name its place")
    digest = sha256_of(path)
    if digest != settings.transcript_sha256:
        raise InvalidInput(
            f"transcript '{path}' has changed: its SHA-256 is {digest[:12]}, and was "
            f"{settings.transcript_sha256[:12]}"
        )
    key = str(path), digest
    if key not in _read:
        _read.clear()
        _read[key] = read_transcript(path)
    return _read[key]

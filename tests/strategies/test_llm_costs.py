"""Every token of a search with a language model is told with exactly one evaluation."""

from llm_server import FakeModel

from nasbench.harness.search.budget import Budget, Clock
from nasbench.harness.search.loop import search
from nasbench.problem import Problem
from nasbench.randomness import Random
from nasbench.strategies.llm_replay import ProposedByModel
from nasbench.strategies.parts.model import Completion, Message
from nasbench.testing.strategies import TOY_SIZES, ToyBenchmark, toy_space
from nasbench.trace import MODEL_TRACES


class Counted:
    """Answers of a deterministic model, which are kept."""

    key = 5

    def __init__(self) -> None:
        self.asked: list[Completion] = []

    def next(self, number: int, messages: list[Message]) -> Completion:
        self.asked.append(FakeModel().complete(messages))
        return self.asked[-1]

    def used(self, number: int, proposal: str | None, reason: str) -> None:
        """Keep nothing of it."""


def test_costs_of_all_answers_are_told_with_three_workers() -> None:
    benchmark, source = ToyBenchmark(toy_space(TOY_SIZES[2]), failing=0.3), Counted()
    problem = Problem(benchmark.space, workers=3)
    made = ProposedByModel(problem, ProposedByModel.Settings(), Random(2))
    made.take_from(source)
    track = search(made, benchmark, Clock(Budget(evaluations=40)))
    assert len(track.traces) == len(track.architectures) == 40
    for name, field in (
        ("prompt tokens", "prompt_tokens"),
        ("completion tokens", "completion_tokens"),
        ("model seconds", "seconds"),
    ):
        told = sum(one[MODEL_TRACES[name]] for one in track.traces)
        assert told == sum(getattr(one, field) for one in source.asked)
    unusable = sum(one[MODEL_TRACES["unusable answers"]] for one in track.traces)
    drawn = sum(one[MODEL_TRACES["random proposals"]] for one in track.traces)
    assert len(source.asked) == 40 + unusable - drawn

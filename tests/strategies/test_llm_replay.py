"""Proposals of a model: renaming, prompts, transcripts, recording and replaying."""

import json
import shutil
import time
from pathlib import Path
from typing import Any

import pytest
from llm_server import FakeModel, FakeServer, proposal
from tables import installed

import nasbench
from nasbench.errors import DataError, InvalidInput
from nasbench.harness.compare.contender import Contender
from nasbench.harness.compare.costs import costs_of
from nasbench.harness.execution.endpoint import Endpoint
from nasbench.harness.execution.record import record
from nasbench.problem import Problem
from nasbench.randomness import Random
from nasbench.spaces import get_space
from nasbench.spaces.base import Space
from nasbench.spaces.graph import GraphSpace
from nasbench.spaces.pool import PoolSpace
from nasbench.strategies.llm_replay import ProposedByModel
from nasbench.strategies.parts.model import Completion, Message, ModelError
from nasbench.strategies.parts.prompts import read_answer
from nasbench.strategies.parts.renaming import renaming_of
from nasbench.strategies.parts.transcripts import read_transcript, sealed
from nasbench.testing.strategies import StrategyConformance
from nasbench.trace import MODEL_TRACES
from tests.harness.audit.planting import found_in, of, rewrite

SPACES = ("nb201", "transnas-micro", "transnas-macro", "gpt-s", "macro", "nb101-5v", "nats-size")
SEARCH: dict[str, Any] = {"benchmark": "digits", "budget": "8evals"}
ABOUT = {"model": "fake", "sampling": {}}


def spaces() -> list[Space]:
    return [
        *map(get_space, SPACES), GraphSpace("toy graphs", ("conv", "pool"), 5),
        PoolSpace("toy pool", [f"network {i}" for i in range(50)]),
    ]  # fmt: skip


class Live:
    """A source that asks the deterministic model."""

    key = 5

    def next(self, number: int, messages: list[Message]) -> Completion:
        return FakeModel().complete(messages)

    def used(self, number: int, proposal: str | None, reason: str) -> None:
        pass


class Scripted(ProposedByModel):
    """The search with a model in the same process."""

    def setup(self) -> None:
        super().setup()
        self.take_from(Live())


class TestScripted(StrategyConformance):
    strategy = f"{__name__}:Scripted"
    evaluations = 25
    mirrored = False


@pytest.mark.parametrize("space", spaces(), ids=lambda one: one.name)
@pytest.mark.parametrize("key", [0, 1])
def test_renaming_is_one_to_one(space: Space, key: int) -> None:
    renaming, random = renaming_of(space, key), Random(3)
    drawn = {space.sample(random) for _ in range(60)}
    written = {renaming.write(one): one for one in drawn}
    assert len(written) == len(drawn)
    for text, architecture in written.items():
        assert renaming.read(json.loads(text)) == architecture
        assert renaming_of(space, key).write(architecture) == text
    texts = "\n".join([*written, *renaming.describe()])
    assert space.name not in texts


def test_keys_are_other_renamings() -> None:
    space = get_space("nb201")
    architecture = space.sample(Random(0))
    assert len({renaming_of(space, key).write(architecture) for key in range(20)}) > 10


def test_a_whole_small_space_has_distinct_neutral_names() -> None:
    space = PoolSpace("toy pool", [f"network {i}" for i in range(50)])
    renaming = renaming_of(space, 1)
    assert sorted(renaming.neutral(one) for one in space.architectures) == list(range(1, 51))


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        ("no idea", "no JSON object"),
        ('{"architecture": 3}', "is a JSON object"),
        ('{"architecture": {"d1": "op-a"}}', "decision d. is missing|must be one of"),
        ('{"architecture": {', "no JSON object"),
    ],
)
def test_answers_that_cannot_be_used(answer: str, reason: str) -> None:
    with pytest.raises(InvalidInput, match=reason):
        read_answer(answer, renaming_of(get_space("nb201"), 0))


def test_the_last_object_of_an_answer_counts() -> None:
    renaming, space = renaming_of(get_space("nb201"), 0), get_space("nb201")
    first, last = space.sample(Random(1)), space.sample(Random(2))
    texts = [json.dumps({"architecture": renaming.neutral(one)}) for one in (first, last)]
    assert read_answer(f"{{hm}} {texts[0]}, or better {texts[1]}.", renaming) == last


def recorded(path: Path, **options: Any) -> Path:
    record(FakeModel(), ABOUT, path, **{**SEARCH, "seeds": 2, **options})
    return path


def replayed(path: Path, out: Path, **options: Any) -> Any:
    settings = {"llm-replay": {"transcript": str(path)}}
    chosen = {**SEARCH, "seeds": 2, **options}
    return nasbench.run("llm-replay", settings=settings, out=out, workers=1, **chosen)[0]


def test_replay_makes_the_recorded_search(tmp_path: Path) -> None:
    path = recorded(tmp_path / "t.jsonl")
    summary = replayed(path, tmp_path / "out")
    assert summary.finished == 2
    (runs,) = nasbench.load_results(tmp_path / "out").experiments
    made = read_transcript(path)
    assert made.ended == {0, 1}
    for run in made.runs.values():
        proposals = [one.proposal for one in run if one.proposal is not None]
        assert len(set(proposals)) == len(proposals)
    costs = costs_of(Contender(runs.label, runs.experiment, runs, 0))
    said = [one.completion for run in made.runs.values() for one in run]
    assert costs.prompt_tokens == sum(one.prompt_tokens for one in said) / 2
    assert costs.completion_tokens == sum(one.completion_tokens for one in said) / 2
    assert costs.model_seconds == pytest.approx(0.25 * len(said) / 2)
    path.unlink()  # results have a copy
    report = nasbench.audit(tmp_path / "out", replays=2)
    assert not [one for one in report.findings if one.fault]


def test_a_saved_study_has_a_copy_of_its_transcript(tmp_path: Path) -> None:
    path = recorded(tmp_path / "t.jsonl")
    study = nasbench.Study("llm-replay", seed=1, settings={"transcript": str(path)}, **SEARCH)
    folder = study.run().save(tmp_path / "out")
    (copy,) = folder.glob("transcript-*")
    assert copy.read_bytes() == path.read_bytes()
    path.unlink()
    report = nasbench.audit(tmp_path / "out", replays=1)
    assert not [one for one in report.findings if one.fault]
    copy.unlink()
    findings = nasbench.audit(tmp_path / "out", replays=1).findings
    assert any("is gone" in one.what for one in findings if one.fault)


def test_a_changed_or_missing_copy_is_found_without_a_replay(tmp_path: Path) -> None:
    replayed(recorded(tmp_path / "t.jsonl"), tmp_path / "out")
    (copy,) = tmp_path.glob("out/*/*/transcript-*")
    assert not [one for one in nasbench.audit(tmp_path / "out").findings if one.fault]
    copy.write_bytes(copy.read_bytes().replace(b"0.25", b"0.26", 1))
    (changed,) = [one for one in nasbench.audit(tmp_path / "out").findings if one.fault]
    assert (changed.check, "was changed" in changed.what) == ("files", True)
    copy.unlink()
    (gone,) = [one for one in nasbench.audit(tmp_path / "out").findings if one.fault]
    assert (gone.check, "is gone" in gone.what) == ("files", True)


def test_prompts_name_nothing_of_the_benchmark(tmp_path: Path) -> None:
    made = read_transcript(recorded(tmp_path / "t.jsonl"))
    words = ("nb201", "digits", "nor_conv", "avg_pool", "skip_connect", "none", "cifar")
    for run in made.runs.values():
        for exchange in run:
            text = json.dumps(exchange.messages).lower()
            shown = text if not exchange.reason else json.dumps(exchange.messages[:2]).lower()
            assert not [word for word in words if word in shown]


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ({"experiment_seed": 1}, "the experiment seed 0, and this one has 1"),
        ({"benchmark": "nb201", "datasets": "cifar10"}, "the table "),
        ({"objective": "loss"}, "the objectives accuracy, and this one has loss"),
        ({"simulated_workers": 2}, "the number of simulated workers 1, and this one has 2"),
        ({"shown": 3}, "the setting llm-replay.shown 20, and this one has 3"),
        ({"tries": 1}, "the setting llm-replay.tries 3, and this one has 1"),
    ],
)
def test_another_search_is_refused_before_a_run_begins(
    given: dict[str, Any], says: str, tmp_path: Path, synthetic_data: Path
) -> None:
    path = recorded(tmp_path / "t.jsonl")
    options = {name: value for name, value in given.items() if name not in ("shown", "tries")}
    shown = {name: value for name, value in given.items() if name not in options}
    settings = {"llm-replay": {"transcript": str(path), **shown}}
    with installed(synthetic_data), pytest.raises(InvalidInput, match=says) as raised:
        nasbench.run("llm-replay", settings=settings, out=tmp_path / "out", workers=1,
                     **{**SEARCH, "seeds": 2, **options})  # fmt: skip
    assert "\n" not in str(raised.value)
    assert not (tmp_path / "out").exists()


def test_prompts_that_differ_fail_the_runs(tmp_path: Path) -> None:
    """A header that was written anew, with the search that is asked for, hides nothing."""
    path, digest = recorded(tmp_path / "t.jsonl"), ""
    lines = [json.loads(line) for line in path.read_text().splitlines()]
    lines[0]["task"]["experiment_seed"] = 1
    for place, line in enumerate(lines):
        del line["digest"]
        lines[place] = sealed(line, digest)
        digest = lines[place]["digest"]
    path.write_text("".join(json.dumps(line) + "\n" for line in lines))
    failed = replayed(path, tmp_path / "a", experiment_seed=1).failed
    assert failed
    assert all("is not the recorded one" in line for line in failed.values())


def test_seeds_that_were_not_recorded_are_refused(tmp_path: Path) -> None:
    path = recorded(tmp_path / "t.jsonl")
    with pytest.raises(InvalidInput, match="no run of seed 7: its seeds are 0, 1"):
        replayed(path, tmp_path / "b", seeds="0,7")


@pytest.mark.parametrize("workers", [1, 3])
def test_an_audit_compares_costs_and_proposals_without_a_replay(
    workers: int, tmp_path: Path
) -> None:
    path = recorded(tmp_path / "t.jsonl", simulated_workers=workers, budget="20evals")
    replayed(path, tmp_path / "out", simulated_workers=workers, budget="20evals")
    assert not [one for one in nasbench.audit(tmp_path / "out").findings if one.fault]
    columns = [MODEL_TRACES[name].column for name in ("prompt tokens", "model seconds")]

    def fewer(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
        rows[1][column][4] -= 1
        return rows

    for column in columns:
        copy = Path(shutil.copytree(tmp_path / "out", tmp_path / column.replace("/", " ")))
        rewrite(of(copy, "llm-replay"), fewer)
        assert "record" in found_in(nasbench.audit(copy))


def test_a_changed_line_is_noticed(tmp_path: Path) -> None:
    path = recorded(tmp_path / "t.jsonl")
    text = path.read_text()
    path.write_text(text.replace("op-a", "op-b", 1))
    with pytest.raises(DataError, match=r"line \d+: it or a line before was changed"):
        read_transcript(path)
    path.write_text(text[:-5])
    with pytest.raises(DataError, match="it is cut off"):
        read_transcript(path)


def test_a_recording_goes_on(tmp_path: Path) -> None:
    whole = recorded(tmp_path / "whole.jsonl").read_text()
    part = tmp_path / "part.jsonl"
    lines = whole.splitlines(keepends=True)
    part.write_text("".join(lines[:5]) + lines[5][:40])
    cut = tmp_path / "cut.jsonl"
    cut.write_text("".join(lines[:5]))
    with pytest.raises(InvalidInput, match="has seed 0 not to its end"):
        replayed(cut, tmp_path / "out", seeds=1)
    recorded(part)
    assert part.read_text() == whole
    with pytest.raises(InvalidInput, match=r"\(task differ\)"):
        recorded(part, budget="9evals")


@pytest.mark.parametrize(
    ("fault", "message"),
    [
        ("500", r"HTTP 500 Internal Server Error: model not loaded \("),
        ("401", r"HTTP 401 Unauthorized: who are you\? x{187}… \("), ("redirect", "HTTP 307"),
        ("no JSON", "the answer is no JSON"), ("no usage", "no usage"),
        ("no text", "no choices"), ("slow", "no answer within 0.3 s"),
        ("drip", "no answer within 0.3 s"),
    ],
)  # fmt: skip
def test_faults_of_a_server_are_one_line(tmp_path: Path, fault: str, message: str) -> None:
    """What was recorded before stays, and the recording goes on with a server that works."""
    path = tmp_path / "t.jsonl"
    with FakeServer(fault, after=4) as server:
        model = Endpoint(server.address, "fake", timeout=0.3, retries=0)
        with pytest.raises(ModelError, match=message) as found:
            record(model, ABOUT, path, seeds=1, **SEARCH)
    assert "\n" not in str(found.value)
    assert str(found.value).endswith(
        f"(4 answers recorded so far are kept in '{path}': the same command goes on from there)"
    )
    assert len(read_transcript(path).runs[0]) == 4
    with FakeServer() as server:
        record(Endpoint(server.address, "fake"), ABOUT, path, seeds=1, **SEARCH)
        assert server.asked
    assert read_transcript(path).ended == {0}


def test_a_server_that_drips_is_cut_off_in_time() -> None:
    """Each byte comes within the limit, and the whole answer does not."""
    with FakeServer("drip") as server:
        began = time.perf_counter()
        with pytest.raises(ModelError, match=r"no answer within 0\.5 s"):
            Endpoint(server.address, "fake", timeout=0.5, retries=0).complete(
                [{"role": "system", "content": "number of an item, 1 to 9."},
                 {"role": "user", "content": "hm"}]
            )  # fmt: skip
        assert time.perf_counter() - began < 3


def test_a_folder_is_no_transcript(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match="is a folder: name the file in it"):
        replayed(tmp_path, tmp_path / "out")


def test_refused_connections_and_addresses() -> None:
    with pytest.raises(ModelError, match="Connection refused"):
        Endpoint("http://127.0.0.1:9/v1", "fake", retries=0).complete([])
    for address in ("file:///etc/passwd", "127.0.0.1:80", "http://", "http://a:x/v1"):
        with pytest.raises(InvalidInput, match="write http://"):
            Endpoint(address, "fake")


def test_requests_are_those_of_the_interface(monkeypatch: pytest.MonkeyPatch) -> None:
    """Proxies of the environment are not asked, and the key is sent as a bearer token."""
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")
    messages = [
        {"role": "system", "content": "number of an item, 1 to 9."},
        {"role": "user", "content": "hm"},
    ]
    with FakeServer() as server:
        model = Endpoint(server.address, "fake", {"temperature": 0.5}, api_key="secret")
        said = model.complete(messages)
        assert server.asked == [
            {
                "path": "/v1/chat/completions", "model": "fake", "temperature": 0.5,
                "messages": messages,
            }
        ]  # fmt: skip
        assert server.headers[0]["Authorization"] == "Bearer secret"
    assert said[:3] == (proposal(messages), 8, len(proposal(messages).split()))
    assert "secret" not in repr(model)


def test_a_search_without_a_source_says_so() -> None:
    space = get_space("nb201")
    search = ProposedByModel(Problem(space), ProposedByModel.Settings(), Random(0))
    with pytest.raises(InvalidInput, match="nasbench llm record"):
        search.ask()

"""Published tables run again: their descriptions, and what is published."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from nasbench.benchmarks.protocols import protocols
from nasbench.benchmarks.titles import KNOWN
from nasbench.cli.app import app
from nasbench.errors import InvalidInput, StoreError
from nasbench.harness.audit import audit
from nasbench.harness.audit.differences import same_text
from nasbench.harness.audit.published import check_reproduction
from nasbench.harness.compare import compare
from nasbench.harness.compare.tables.formats import to_markdown
from nasbench.harness.compare.tables.latex import to_latex
from nasbench.harness.execution.run import run
from nasbench.harness.reproduce import published_names, reproduce, reproductions
from nasbench.harness.reproduce.published_table import load_published
from nasbench.harness.reproduce.reproduction import Reproduction
from nasbench.harness.reproduce.verdict import Outcome
from nasbench.harness.results.load import load_results
from nasbench.harness.results.store import holds_runs
from nasbench.harness.search.seeds import parse_seeds
from nasbench.strategies.registry import find_strategy, make_settings, recipe_settings


def test_the_files_that_are_published_are_what_is_written_today() -> None:
    found = reproductions(Path(__file__).parents[3] / "results")
    assert len(found) == 2
    for path, one in found.items():
        for suffix, write in ((".md", to_markdown), (".tex", to_latex)):
            assert path.with_suffix(suffix).read_text(encoding="utf-8") == write(one.to_table())
        assert not [finding for finding in check_reproduction(one, path)[1] if finding.fault]
        earlier = path.with_suffix(".tex").read_text(encoding="utf-8")
        earlier = earlier.replace("\\hspace{0pt plus 1pt}", "\\allowbreak{}")
        assert same_text(path.with_suffix(".tex"), earlier)
        assert not same_text(path.with_suffix(".tex"), earlier.replace("93.", "94."))


@pytest.mark.parametrize("name", published_names())
def test_published_tables_are_complete(name: str) -> None:
    """Every row can be run or says why not, on the data sets of a protocol that there is."""
    paper = load_published(name)
    protocol = protocols()[paper.protocol]
    assert paper.protocol == {"nb101": "nb101-150"}.get(name, name)
    assert paper.searched == tuple(protocol.reports)
    for row in paper.rows:
        assert tuple(row.published) == paper.reports
        assert bool(row.not_run) or row.strategy is not None
        if row.strategy is not None:
            strategy = find_strategy(row.strategy)
            make_settings(strategy, {**recipe_settings(strategy, row.recipe), **row.settings})
        assert row.strategy is None or not row.not_run or row.recipe is not None


def test_the_mean_errors_of_nas_bench_101() -> None:
    """As Sci. Rep. s41598-025-94187-8 quotes them, with which 200 runs of 150 evaluations go."""
    paper = load_published("nb101")
    assert [row.published["cifar10"][0] for row in paper.rows] == [
        6.341, 6.109, 6.436, 6.415, 6.356, 6.267, 6.085, 6.010, 5.932, 5.923
    ]  # fmt: skip
    assert {row.runs for row in paper.rows} == {len(parse_seeds(paper.seeds))} == {200}
    assert protocols()[paper.protocol].evaluations == {"cifar10": 150}


def test_rows_are_as_the_authors_ran_them() -> None:
    """What their scripts and pages say: a node is drawn before the edge, the sample is of three."""
    for name in ("nb201-paper", "nats-bench"):
        paper = load_published(name)
        (evolution,) = (row for row in paper.rows if row.strategy == "regularized-evolution")
        assert evolution.settings == {"population": 10, "sample": 3, "mutation": "node"}
        doubted = {(row.name, at) for row in paper.rows for at in row.unconfirmed}
        assert doubted == ({("REA", "cifar100")} if name == "nats-bench" else set())


def test_an_unknown_table_is_one_line() -> None:
    with pytest.raises(InvalidInput, match="table 'nb102' is unknown: valid are nats-bench, nb1"):
        reproduce("nb102")


@pytest.fixture
def short(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the published tables have few seeds."""
    paper = replace(load_published("nb201-paper"), seeds="0-5", quick_seeds="0-3")
    for module in ("reproduce.rerun", "audit.published"):
        monkeypatch.setattr(f"nasbench.harness.{module}.load_published", lambda _: paper)


@pytest.mark.usefixtures("short", "synthetic_nb201")
def test_what_is_written_is_what_the_runs_gave(tmp_path: Path) -> None:
    found = reproduce("nb201-paper", out=tmp_path, workers=1)
    (stored,) = reproductions(tmp_path).values()
    assert stored == found
    run_here = [row for row in found.rows if row.mean is not None]
    assert [row.row for row in run_here] == ["RS", "REA", "REINFORCE"] * 3
    for row in run_here:
        assert row.runs == len(row.cells) == 6
        assert row.verdict is not None
        assert row.verdict.outcome is Outcome.DIFFERS  # the table is made up
        assert row.spread is not None
    assert len(found.rows) == 30
    text = (tmp_path / "nb201-paper" / "reproduction.md").read_text()
    assert "seeds 0-5" in text
    assert f"{run_here[0].mean:.2f}" in text
    told = run_here[0].verdict
    assert told is not None
    assert f"| RS | differs by {told.difference:+.2f} | 93.70 ± 0.36 |" in text
    assert "authors' scripts one of them, drawn at random" in text
    quick = reproduce("nb201-paper", quick=True, out=tmp_path, workers=1)
    assert [row.cells for row in quick.rows] == [row.cells[:4] for row in found.rows]
    assert quick.summary.startswith("nb201-paper: 9 numbers only; 21 not run")
    (tmp_path / "nb201-paper" / "reproduction.md").read_text().index("| RS | numbers only |")


@pytest.mark.usefixtures("short", "synthetic_nb201")
def test_published_cells_that_are_none_or_not_there_are_faults(tmp_path: Path) -> None:
    reproduce("nb201-paper", out=tmp_path, workers=1)
    path = tmp_path / "nb201-paper" / "reproduction.json"
    text = path.read_text()
    for cells in ([99_999], [-1], []):
        data = json.loads(text)
        data["rows"][0]["cells"] = cells
        path.write_text(json.dumps(data))
        assert any("RS on cifar10" in fault.what for fault in audit(tmp_path).faults)


@pytest.mark.usefixtures("short", "synthetic_nb201")
def test_a_checkout_shows_and_audits_what_is_published(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without runs; the means follow from the cells; without a table too it is shown."""
    reproduce("nb201-paper", out=tmp_path / "all", workers=1)
    path = tmp_path / "results" / "nb201-paper" / "reproduction.json"
    path.parent.mkdir(parents=True)
    text = (tmp_path / "all" / "nb201-paper" / "reproduction.json").read_text()
    path.write_text(text)
    found = audit(tmp_path / "results")
    assert found.faults == ()
    assert found.numbers > 300

    def faults(change: Callable[[dict[str, Any]], object]) -> list[str]:
        data = json.loads(text)
        change(data)
        path.write_text(json.dumps(data))
        return [fault.what.split(" is ")[0] for fault in audit(tmp_path / "results").faults]

    def forge(data: dict[str, Any]) -> None:
        data["rows"][0]["published_mean"] = data["rows"][0]["mean"]
        data["rows"][1]["verdict"]["outcome"] = "reproduced"
        data["rows"][2]["spread"]["p_value"] = 0.9

    assert faults(lambda data: data["rows"][0].update(mean=50.0)) == ["RS on cifar10.mean"]
    assert faults(forge) == [
        "RS on cifar10.published_mean", "REA on cifar10.verdict.outcome",
        "REINFORCE on cifar10.spread.p_value",
    ]  # fmt: skip
    assert faults(lambda data: data["rows"].pop(3)) == ["BOHB on cifar10: the row"]
    ours = {"row": "Ours", "dataset": "cifar10"}
    assert faults(lambda data: data["rows"].append({**data["rows"][0], **ours})) == [
        "Ours on cifar10: the row"
    ]
    assert faults(lambda data: data["rows"].append(data["rows"][0])) == ["a row"]
    assert faults(lambda data: data.update(margin=3.0, title="Ours wins")) == ["title", "margin"]
    assert faults(lambda data: data.update(seeds="0-4")) == [
        "seeds are 0-4, in the published table 0-5"
    ]
    assert faults(lambda data: data.update(table="0" * 64)) == [
        "made with table 00000000, installed"
    ]
    assert faults(lambda data: data["rows"][0].update(cells=data["rows"][0]["cells"][:5])) == [
        "RS on cifar10: 5 architectures of seeds 0-5"
    ]
    path.write_text(text)
    (stored,) = reproductions(tmp_path / "results").values()
    page = path.parent / "reproduction.md"
    for titles, name in ((KNOWN, "*CIFAR-10*"), ({}, "*cifar10*")):  # as earlier versions wrote
        page.write_text(to_markdown(stored.to_table(titles)))
        assert name in page.read_text()
        assert faults(lambda _: None) == []
    page.write_text("everything is reproduced")
    assert faults(lambda _: None) == ["its text"]
    (path.parent / "reproduction.md").unlink()
    path.write_text(text)
    monkeypatch.setenv("NASBENCH_DATA", str(tmp_path / "nothing"))
    shown = CliRunner().invoke(app, ["compare", str(tmp_path / "results")])
    assert shown.exit_code == 0
    assert "nb201-paper: 9 differs; 21 not run; variance differs in" in shown.stdout
    broken = tmp_path / "results" / "mine" / "runs-0-1-0.parquet"
    broken.parent.mkdir()
    broken.write_text("no Parquet")
    (broken.parent / "experiment.json").write_text("{}")
    # what is published does not hide what is damaged
    hurt = CliRunner().invoke(app, ["compare", str(tmp_path / "results")])
    assert isinstance(hurt.exception, StoreError)
    assert "damaged" in {fault.check for fault in audit(tmp_path / "results").faults}
    path.write_text("{}")
    assert reproductions(tmp_path / "results") == {}
    assert "reproduction" in {fault.check for fault in audit(tmp_path / "results").faults}


@pytest.mark.usefixtures("short", "synthetic_nb201")
def test_its_runs_are_kept_apart_from_a_users(tmp_path: Path) -> None:
    """Of the same table and protocol, with other seeds; a fault of either is found."""
    results = tmp_path / "results"
    run("random-search,regularized-evolution", seeds=9, out=results, workers=1)
    alone = audit(results)
    reproduce("nb201-paper", quick=True, out=results, workers=1)
    both = audit(results, replays=3)
    assert (alone.faults, both.faults) == ((), ())
    assert (both.experiments, both.runs) == (alone.experiments + 3, alone.runs + 12)
    assert both.replayed == 3
    stored = load_results(results)
    assert {one.experiment.strategy for one in stored.experiments} == {
        "random-search", "regularized-evolution"
    }  # fmt: skip
    assert len(stored.runs) == 18
    (block,) = compare(results).blocks
    assert [len(one.runs) for one in block.contenders] == [9, 9]
    (theirs,) = compare(results / "nb201-paper" / "runs").blocks
    assert [len(one.runs) for one in theirs.contenders] == [4, 4, 4]
    above = compare(results / "nb201-paper")
    assert repr(above.rows) == repr(compare(results / "nb201-paper" / "runs").rows)
    assert list(reproductions(results)) == [results / "nb201-paper" / "reproduction.json"]
    for file in (results / "nb201-paper").glob("runs/*/random-search*/runs-*.parquet"):
        file.write_bytes(file.read_bytes()[:-9])
    (fault, *_) = audit(results).faults
    assert fault.where.startswith("nb201-paper/runs/")
    with pytest.raises(StoreError, match="is damaged"):
        reproduce("nb201-paper", quick=True, out=results, workers=1)


@pytest.mark.usefixtures("short", "synthetic_nb201")
def test_those_of_an_earlier_version_have_no_mark_and_go_on(tmp_path: Path) -> None:
    first = reproduce("nb201-paper", quick=True, out=tmp_path, workers=1)
    folder = tmp_path / "nb201-paper"
    (folder / "runs" / "apart.txt").unlink()
    with pytest.raises(StoreError, match=f"or name '{folder / 'runs'}', the runs of a reprod"):
        load_results(tmp_path)
    assert audit(tmp_path).faults == ()
    assert audit(tmp_path).runs == 12
    before = {path: path.stat().st_mtime_ns for path in folder.glob("runs/*/*/runs-*.parquet")}
    again = reproduce("nb201-paper", quick=True, out=tmp_path, workers=1)
    assert again.rows == first.rows
    after = {path: path.stat().st_mtime_ns for path in folder.glob("runs/*/*/runs-*.parquet")}
    assert after == before
    (folder / "reproduction.json").unlink()  # interrupted before it was written
    assert not holds_runs(tmp_path)
    assert audit(tmp_path).runs == 12


@pytest.mark.usefixtures("short", "synthetic_nb201")
def test_progress_begins_with_all_its_runs(tmp_path: Path) -> None:
    class Told:
        def __init__(self) -> None:
            self.starts: list[tuple[int, int]] = []
            self.made = 0

        def start(self, total: int, skipped: int) -> None:
            self.starts.append((total, skipped))

        def advance(self, experiment: object, runs: int) -> None:
            self.made += runs

    told = Told()
    reproduce("nb201-paper", quick=True, out=tmp_path, workers=1, progress=told)
    # the table has one fidelity, so that BOHB's row makes none of its runs
    assert told.starts == [(16, 0), (0, 0), (0, 0), (0, 0), (-4, 0)]
    assert told.made == 12
    told = Told()
    reproduce("nb201-paper", out=tmp_path, workers=1, progress=told)
    assert told.starts == [(24, 0), *[(-4, 4)] * 3, (-6, 0)]
    assert told.made == 6


def _of_rule_1(data: dict[str, Any]) -> dict[str, Any]:
    """Return what an earlier version stored: other verdicts, and no number of their rule."""
    old = {key: value for key, value in data.items() if key not in ("rule", "deviations")}
    rows = [
        {key: value for key, value in row.items() if key not in ("spread", "unconfirmed")}
        for row in data["rows"]
    ]
    for row in rows:
        if row["verdict"] is not None:
            row["verdict"] = [row["verdict"]["difference"], 0.1, 0.01, "open"]
            row["remark"] = "as it was explained then"
    return {**old, "rows": rows, "margin": 0.3, "budget_rule": "scripts count one more"}


@pytest.mark.usefixtures("short", "synthetic_nb201")
def test_verdicts_of_the_first_rule_are_left_out_and_its_numbers_audited(tmp_path: Path) -> None:
    new = reproduce("nb201-paper", out=tmp_path, workers=1)
    path = tmp_path / "nb201-paper" / "reproduction.json"
    data = _of_rule_1(json.loads(path.read_text()))
    path.write_text(json.dumps(data))
    path.with_suffix(".md").write_text("as it was written then")
    (old,) = reproductions(tmp_path).values()
    assert old.rule == 1
    assert [row.mean for row in old.rows] == [row.mean for row in new.rows]
    assert all(row.verdict is None for row in old.rows)
    assert "9 numbers only" in old.summary
    assert "run `nasbench reproduce nb201-paper` again" in " ".join(old.to_table().notes)
    found = audit(tmp_path)
    assert found.faults == ()
    assert any("verdicts are of an earlier rule" in str(note) for note in found.findings)
    data["rows"][0]["mean"] += 0.1
    path.write_text(json.dumps(data))
    assert [fault.what.split(" is ")[0] for fault in audit(tmp_path).faults] == [
        "RS on cifar10.mean"
    ]


@pytest.mark.parametrize("text", ["[]", "null", '{"rule": 3}', '{"rule": 1}', "{", "[" * 10_000])
def test_a_damaged_reproduction_is_one_line(text: str, tmp_path: Path) -> None:
    path = tmp_path / "reproduction.json"
    path.write_text(text)
    with pytest.raises(StoreError, match="run `nasbench reproduce` again") as caught:
        Reproduction.load(path)
    assert "\n" not in str(caught.value)
    said: list[str] = []
    assert reproductions(tmp_path, said.append) == {}
    assert said == [f"left out: {caught.value}"]

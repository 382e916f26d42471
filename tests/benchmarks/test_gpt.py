"""HW-GPT-Bench's GPT-S: a pool without seconds and without a test split, from its public files."""

import re
from pathlib import Path

import numpy as np
import pytest
from scipy import stats
from typer.testing import CliRunner

from nasbench.benchmarks.sources import gpt
from nasbench.benchmarks.tables.table import Table
from nasbench.cli.app import app
from nasbench.errors import DataError, InvalidInput
from nasbench.harness.audit import audit
from nasbench.harness.compare import compare
from nasbench.harness.compare.references import EXPECTED
from nasbench.harness.execution.run import run
from nasbench.testing import TableConformance
from tests.upstream import upstream

_BUILT: list[Table] = []


def paths() -> list[Path]:
    return [upstream() / file.place for file in gpt.FILES]


def table() -> Table:
    if not _BUILT:
        _BUILT.append(gpt.build(paths()))
    return _BUILT[0]


class TestTable(TableConformance):
    @property
    def table(self) -> Table:  # type: ignore[override]
        return table()


def test_it_is_the_pool_that_others_have_read() -> None:
    """10,000 networks; 129 of them are the front of latency and perplexity; correlation -0.94.

    These are known from readings of the files by others. The text of the first network, its values
    and those of its latency are copied from the files by hand.
    """
    search, space = table().search, table().space
    assert (table().is_pool, table().has_test, space.size) == (True, False, 10_000)
    assert table().coverage == "10,000 of 1,903,784,282,946 architectures"
    perplexity = search.after("perplexity", gpt.DATASET, 1, 1)
    latency = np.asarray(search.latency(gpt.DATASET, "a100"))
    assert round(float(np.corrcoef(perplexity, latency)[0, 1]), 3) == -0.943
    assert round(float(stats.spearmanr(perplexity, latency).statistic), 3) == -0.99
    order = np.lexsort((perplexity, latency))
    least = np.minimum.accumulate(perplexity[order])
    assert 1 + int((np.diff(least) < 0).sum()) == 129
    first = space.index(space.parse("384-nobias-12x2_4x3_12x4_12x2_4x3_4x3_4x2_8x3_12x2_4x4"))
    assert perplexity[first] == 33.12157440185547
    timed = space.parse("768-nobias-4x2_12x2_12x4_4x4_4x3_12x3_12x3_8x4_4x4_12x2")
    row = space.index(timed)
    assert latency[row] == 23.6405
    times = [22.991, 23.729, 23.699, 23.717, 23.717, 23.707, 23.709, 23.711, 23.715, 23.71]
    assert latency[row] == pytest.approx(np.mean(times), abs=1e-9)
    spread = table()._read("openwebtext/spread/latency/a100")[row]
    assert spread == pytest.approx(np.std(times), abs=1e-9)
    assert search.params(gpt.DATASET)[row] == 148_591_104
    assert float(perplexity.min()) == 22.159135818481445


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("gpt")
    path = folder / "gpt-s.safetensors"
    table().save(path)
    run(
        "random-search,regularized-evolution", seeds=100, benchmark=path, out=folder / "results",
        workers=1,
    )  # fmt: skip
    return folder / "results"


def test_random_search_is_the_closed_form(results: Path) -> None:
    """100 runs of 100 evaluations, drawn with replacement from 10,000 networks."""
    block = compare(results).blocks[0]
    expected = next(one for one in block.references if one.reference == EXPECTED)
    values = np.sort(table().search.after("perplexity", gpt.DATASET, 1, 1))
    chances = 1 - (np.arange(len(values) + 1) / len(values))
    best = chances[:-1] ** 100 - chances[1:] ** 100  # of each network to be the best of 100
    assert expected.test_mean == pytest.approx(float((values * best).sum()), abs=1e-9)
    row = next(one for one in block.rows if one.label == "Random search")
    error = row.finals.test_std / np.sqrt(row.n)
    assert abs(row.finals.test.value - expected.test_mean) < 4 * error
    assert row.finals.signal == pytest.approx(row.finals.test.value)


def test_no_table_figure_or_page_speaks_of_test_or_seconds(results: Path) -> None:
    """But of statistical tests; every table and caption says that no split was held out."""
    done = CliRunner().invoke(app, ["compare", str(results)])
    assert done.exit_code == 0, done.output
    assert CliRunner().invoke(app, ["report", str(results)]).exit_code == 0
    folder = results / "comparison"
    texts = {path: path.read_text() for path in folder.rglob("*.md")}
    texts |= {path: path.read_text() for path in folder.rglob("*.tex")}
    texts[Path("screen")] = done.output
    page = (results / "report.html").read_text()
    page = re.sub(r"<script.*?</script>|<style.*?</style>", " ", page, flags=re.DOTALL)
    texts[Path("page")] = re.sub(r"<[^>]+>", " ", page)
    statistical = r"one test finds|where no test can be|by [\w-]+ tests?\b|tests? of (pairs|rows)"
    for path, text in texts.items():
        left = re.sub(statistical, "", " ".join(text.split()))
        assert not re.search(r"(?i)\btest\b", left), (path, left)
        assert not re.search(r"simulated (s|training time)|pseudo-time", left), path
        assert "no split held out" in " ".join(text.split()), path
    assert not list(folder.rglob("*-seconds.png"))
    assert len(list(folder.rglob("regret-openwebtext-evaluations.png"))) == 1


def test_runs_replay_and_their_audit_finds_what_is_changed(results: Path) -> None:
    report = audit(results, replays=3)
    assert report.faults == ()


def test_wrong_files_are_one_line(tmp_path: Path) -> None:
    files = paths()
    with pytest.raises(DataError, match="are of other networks"):
        gpt.build([*files[:-1], files[1]])
    with pytest.raises(DataError, match="not in the format of HW-GPT-Bench: 'perplexity'"):
        gpt.build([files[1], *files[1:]])
    cut = tmp_path / "cut.pkl"
    cut.write_bytes(files[0].read_bytes()[:-20])
    with pytest.raises(DataError, match="damaged or hostile pickle"):
        gpt.build([cut, *files[1:]])


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"strategies": "reinforce"}, "a space of independent decisions is needed"),
        ({"strategies": "darts"}, "table '.*' is a pool of some: use another strategy"),
        ({"budget": "100s"}, "has no seconds of its trainings; give a number of evaluations"),
        ({"simulated_workers": 2}, "has no seconds .*leave --simulated-workers away"),
        ({"promotion": "resume"}, "promotion 'resume': .*no seconds"),
        ({"fallback": "train"}, "is a pool, .*leave --fallback away"),
    ],
)
def test_what_a_pool_without_seconds_cannot_do_is_one_line(
    options: dict[str, object], words: str, tmp_path: Path
) -> None:
    path = tmp_path / "gpt-s.safetensors"
    table().save(path)
    given = {"strategies": "random-search", "seeds": 2, "benchmark": path, **options}
    with pytest.raises(InvalidInput, match=words):
        run(**given, out=tmp_path / "results", workers=1)  # type: ignore[arg-type]

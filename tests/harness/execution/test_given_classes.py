"""Strategies that are given as classes, wherever they were defined."""

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import cast

import pytest
from tables import installed

import nasbench
from nasbench.errors import InvalidInput
from nasbench.harness.audit import audit
from nasbench.harness.execution import cluster
from nasbench.harness.execution.executors import Job
from nasbench.harness.execution.run import run
from nasbench.harness.results.load import load_results
from nasbench.harness.search.experiment import Experiment
from nasbench.harness.search.study import Study
from nasbench.strategies.random_search import RandomSearch
from nasbench.strategies.registry import find_strategy, given_names, to_be_sent

pytestmark = pytest.mark.usefixtures("synthetic_nb201")

MINE = '''
from dataclasses import dataclass
from typing import Literal
import nasbench

LEAST = 1

class Mine(nasbench.SearchStrategy):
    """Draws, and keeps how often."""

    family = "random"
    reference = "nobody"

    @dataclass(frozen=True)
    class Settings:
        step: int = 1
        way: Literal["a", "b"] = "a"

    def setup(self):
        self.asked = 0

    def ask(self):
        self.asked += max(LEAST, self.settings.step)
        return nasbench.Evaluate(self.space.sample(self.random))

    def tell(self, trial, answer):
        assert self.asked
'''
RUN = """
done = nasbench.run(
    [Mine, "random-search"], settings={Mine: {"step": 2}}, seeds=4, budget="5evals", out=OUT,
    workers=WORKERS,
)
print([(one.experiment.strategy, one.finished) for one in done])
"""
REST = """
print(nasbench.Study(Mine, settings={"way": "b"}, budget="3evals").run().best.step < 3)
print(sorted(row.label for row in nasbench.compare(OUT, datasets="cifar10").rows))
print(list(nasbench.audit(OUT, replays=2, trust=True).faults))
"""


def piped(code: str, out: Path, workers: int = 1) -> list[str]:
    """Run code that Python reads from a pipe; return the lines that it prints."""
    done = subprocess.run(
        [sys.executable, "-"], input=f"OUT = {str(out)!r}\nWORKERS = {workers}\n{code}",
        capture_output=True, text=True, check=False, env={**os.environ},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


@pytest.fixture(scope="module")
def stored(tmp_path_factory: pytest.TempPathFactory, synthetic_data: Path) -> Path:
    """Runs of a class that a script defined; what the script printed is beside them."""
    folder = tmp_path_factory.mktemp("script")
    with installed(synthetic_data):
        lines = piped(MINE + RUN + REST, folder)
    (folder / "printed.txt").write_text("\n".join(lines))
    return folder


def test_a_class_of_a_script_runs_compares_and_audits(results: Path) -> None:
    lines = (results / "printed.txt").read_text().splitlines()
    assert lines[0] == "[('__main__:Mine', 4), ('random-search', 4)]"
    assert lines[1] == "True"
    assert "Mine" in lines[2]
    assert lines[3] == "[]"


def test_elsewhere_it_is_read_and_audited_but_not_replayed(results: Path) -> None:
    assert len(load_results(results).experiments) == 2
    found = audit(results, replays=8, trust=True)
    assert not found.faults
    said = "was defined in a notebook, a script or a function"
    assert any(said in one.what for one in found.findings)
    with pytest.raises(InvalidInput, match="give the class itself, or put it into a module"):
        run("__main__:Mine", seeds=9, budget="5evals", out=results, workers=1)


def test_workers_are_sent_the_class_and_make_the_same_bits(results: Path, tmp_path: Path) -> None:
    """The script's own names, such as `LEAST`, come with it; stored seeds are skipped."""
    shutil.copytree(results, tmp_path / "ray")
    for path in (tmp_path / "ray").glob("*/*/runs-*"):
        path.unlink()
    lines = piped(MINE + RUN, tmp_path / "ray", workers=2)
    assert lines == ["[('__main__:Mine', 4), ('random-search', 4)]"]
    here, ray = (load_results(folder).trajectories for folder in (results, tmp_path / "ray"))
    for name in ("experiment", "seed", "architecture", "value"):
        assert here[name].tolist() == ray[name].tolist()


def test_a_class_that_cannot_be_sent_is_one_line(local: type[nasbench.SearchStrategy]) -> None:
    class Ray:
        """Refuses as Ray does where pickling fails."""

        def put(self, what: object) -> None:
            raise TypeError(f"Could not serialize the put value {what}:\n====\nand more")

    (name,) = given_names(local)
    experiment = cast(Experiment, SimpleNamespace(strategy=name))
    with pytest.raises(InvalidInput, match="cannot be sent to workers") as raised:
        cluster._classes(Ray(), [Job(experiment, [0])])
    assert "put it into a module, or use workers=1" in str(raised.value)
    assert "\n" not in str(raised.value)


def test_classes_that_any_process_finds_are_not_sent() -> None:
    assert to_be_sent("random-search") is None
    assert to_be_sent("workers:Plain") is None


def test_a_class_typed_at_a_prompt_runs(tmp_path: Path) -> None:
    """As a notebook does, each part is compiled for itself and there is no file of it."""
    prompt = f"""
import code
console = code.InteractiveConsole({{"__name__": "__console__", "OUT": {str(tmp_path)!r}}})
for part in {[MINE, RUN.replace("WORKERS", "1")]!r}:
    console.runcode(compile(part, "<cell>", "exec"))
"""
    assert piped(prompt, tmp_path) == ["[('__console__:Mine', 4), ('random-search', 4)]"]


@pytest.fixture
def local() -> type[nasbench.SearchStrategy]:
    class Local(RandomSearch):
        """Random search by another name."""

    return Local


def test_a_class_inside_a_function_runs(
    tmp_path: Path, local: type[nasbench.SearchStrategy]
) -> None:
    (done,) = run(local, seeds=2, budget="5evals", out=tmp_path, workers=1)
    assert done.finished == 2
    name = done.experiment.strategy
    assert name.endswith(":local.<locals>.Local")
    assert find_strategy(name) is local
    assert not audit(tmp_path, replays=2, trust=True).faults


def test_a_class_that_has_a_name_is_known_by_it(tmp_path: Path) -> None:
    (done,) = run((RandomSearch,), seeds=1, budget="5evals", out=tmp_path, workers=1)
    assert done.experiment.strategy == "random-search"
    assert Study(RandomSearch, budget="3evals").run().best is not None


def test_the_class_that_was_given_last_counts(tmp_path: Path) -> None:
    """A cell that is run again defines another class of the same name."""

    def made(first: int) -> type[nasbench.SearchStrategy]:
        class Again(RandomSearch):
            """Asks the same cell always."""

            def ask(self) -> nasbench.Evaluate:
                return nasbench.Evaluate((first,) * 6)

        return Again

    for first in (1, 2):
        (done,) = run(made(first), seeds=1, budget="2evals", out=tmp_path / str(first), workers=1)
        operation = ("none", "skip", "conv_1x1")[first]
        asked = load_results(done.path.parent).trajectories["architecture"].tolist()
        assert {text.count(operation) for text in asked} == {6}


@pytest.mark.parametrize(
    ("given", "why"),
    [
        (lambda: int, "is not a subclass of nasbench.SearchStrategy"),
        (lambda: nasbench.SearchStrategy, "does not define ask, tell"),
        (lambda: [RandomSearch, 3], "a list of names"),
        (lambda: [], "no strategy"),
    ],
)
def test_what_is_no_strategy_is_one_line(
    given: Callable[[], object], why: str, tmp_path: Path
) -> None:
    with pytest.raises(InvalidInput, match=why):
        run(given(), seeds=1, out=tmp_path)  # type: ignore[arg-type]

"""The choice between this process and workers, by measured cost."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from types import SimpleNamespace

import pytest

from nasbench.harness import executors
from nasbench.harness.executors import Automatic, InProcess, Job
from nasbench.harness.experiment import Experiment, Run
from nasbench.harness.interruption import Interruption
from nasbench.harness.run import run
from nasbench.harness.store import experiments

pytestmark = pytest.mark.usefixtures("synthetic_nb201")


class Recorder:
    """An executor that runs nothing, and remembers what it was asked."""

    def __init__(self) -> None:
        self.asked: list[list[int]] = []

    def execute(self, jobs: Sequence[Job], stop: Interruption) -> Iterator[tuple[int, Run]]:
        self.asked = [list(job.seeds) for job in jobs]
        for number, job in enumerate(jobs):
            for seed in job.seeds:
                yield number, Run(seed, None, {}, 0.0)


class Timed(Recorder):
    """Takes so many seconds a run, on a clock of its own."""

    def __init__(self, clock: list[float], seconds: float) -> None:
        super().__init__()
        self._clock, self._seconds = clock, seconds

    def execute(self, jobs: Sequence[Job], stop: Interruption) -> Iterator[tuple[int, Run]]:
        for one in super().execute(jobs, stop):
            self._clock[0] += self._seconds
            yield one


@pytest.fixture
def experiment(tmp_path: Path) -> Experiment:
    run("random-search", seeds=1, out=tmp_path, workers=1)
    return next(experiments(tmp_path)).experiment


def chosen(
    monkeypatch: pytest.MonkeyPatch, experiment: Experiment, seconds: float, seeds: int, cores: int
) -> tuple[list[list[int]], list[str], list[tuple[int, int]]]:
    """Return what went to the workers, what was said, and all runs that came back."""
    clock, said, parallel = [0.0], list[str](), Recorder()
    monkeypatch.setattr(executors, "time", SimpleNamespace(perf_counter=lambda: clock[0]))
    here = Timed(clock, seconds)
    automatic = Automatic(here, parallel, cores, said.append)  # type: ignore[arg-type]
    jobs = [Job(experiment, range(seeds)), Job(experiment, range(seeds, seeds + 3))]
    runs = [(number, run.seed) for number, run in automatic.execute(jobs, Interruption())]
    return parallel.asked, said, runs


def test_long_work_goes_to_workers_once_it_is_measured(
    monkeypatch: pytest.MonkeyPatch, experiment: Experiment
) -> None:
    """At 0.3 s a run four make a second; 99 are left, 29.7 s: on 2 cores 5 s sooner, on 8 16."""
    asked, said, runs = chosen(monkeypatch, experiment, 0.3, 100, 8)
    assert asked == [list(range(4, 100)), list(range(100, 103))]
    assert runs == [(0, seed) for seed in range(100)] + [(1, seed) for seed in range(100, 103)]
    assert said == [
        "300.0 ms a run measured: the 99 left go to 8 workers, about 17 s sooner (--workers 1: "
        "here)"
    ]


@pytest.mark.parametrize(
    ("seconds", "seeds", "cores"), [(0.3, 100, 2), (0.3, 100, 1), (0.001, 1000, 64), (5.0, 3, 2)]
)
def test_short_work_stays_here(
    monkeypatch: pytest.MonkeyPatch, experiment: Experiment, seconds: float, seeds: int, cores: int
) -> None:
    asked, said, runs = chosen(monkeypatch, experiment, seconds, seeds, cores)
    assert (asked, said) == ([], [])
    assert len(runs) == seeds + 3


def test_a_request_to_stop_begins_nothing_more(experiment: Experiment) -> None:
    stop, done = Interruption(), []
    for _, finished in InProcess().execute([Job(experiment, range(9))] * 2, stop):
        done.append(finished.seed)
        stop.requested = len(done) == 3
    assert done == [0, 1, 2]

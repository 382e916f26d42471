"""The choice between this process and workers, by measured cost."""

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from types import SimpleNamespace

import pyarrow as pa
import pytest

from nasbench.harness.execution import executors
from nasbench.harness.execution.executors import Automatic, InProcess, Job
from nasbench.harness.execution.interruption import Interruption
from nasbench.harness.execution.run import run
from nasbench.harness.results.store import experiments
from nasbench.harness.search.experiment import Experiment, Run
from nasbench.harness.search.runner import Runner

pytestmark = pytest.mark.usefixtures("synthetic_nb201")


class Recorder:
    """An executor that runs nothing, and remembers what it was asked."""

    def __init__(self) -> None:
        self.asked: list[list[int]] = []

    def execute(self, jobs: Sequence[Job], stop: Interruption) -> Iterator[tuple[int, pa.Table]]:
        self.asked = [list(job.seeds) for job in jobs]
        for number, job in enumerate(jobs):
            for seed in job.seeds:
                yield number, pa.table({"seed": [seed]})


class Timed(Recorder):
    """Takes so many seconds a run, on a clock of its own."""

    def __init__(self, clock: list[float], seconds: float) -> None:
        super().__init__()
        self._clock, self._seconds = clock, seconds

    def execute(self, jobs: Sequence[Job], stop: Interruption) -> Iterator[tuple[int, pa.Table]]:
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
    runs = [
        (number, seed)
        for number, rows in automatic.execute(jobs, Interruption())
        for seed in rows["seed"].to_pylist()
    ]
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


def in_process(
    monkeypatch: pytest.MonkeyPatch,
    experiment: Experiment,
    at_third: Callable[[], None],
    stop: Interruption,
) -> Iterator[list[int]]:
    """Yield the seeds of each batch; something happens as the third run begins."""
    attempt = executors.attempt

    def counted(runner: Runner, seed: int, retries: int) -> Run:
        if seed == 2:
            at_third()
        return attempt(runner, seed, retries)

    monkeypatch.setattr(executors, "attempt", counted)
    for _, rows in InProcess().execute([Job(experiment, range(9))] * 2, stop):
        yield rows["seed"].to_pylist()


def test_a_request_to_stop_finishes_what_is_under_way(
    monkeypatch: pytest.MonkeyPatch, experiment: Experiment
) -> None:
    stop = Interruption()

    def request() -> None:
        stop.requested = True

    assert list(in_process(monkeypatch, experiment, request, stop)) == [[0, 1, 2]]


def test_a_stop_at_once_hands_over_what_is_finished(
    monkeypatch: pytest.MonkeyPatch, experiment: Experiment
) -> None:
    def interrupt() -> None:
        raise KeyboardInterrupt

    batches = in_process(monkeypatch, experiment, interrupt, Interruption())
    assert next(batches) == [0, 1]
    with pytest.raises(KeyboardInterrupt):
        next(batches)

"""A search by hand: ask, evaluate and tell in one's own loop, then judge and save."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from time import perf_counter
from typing import TYPE_CHECKING, Any, NamedTuple, Unpack

import numpy as np

from nasbench.arguments import require_path
from nasbench.benchmarks.tables.views import seal_test
from nasbench.errors import InvalidInput
from nasbench.harness.execution.run import check_types, if_shared, make_experiment, shared_among
from nasbench.harness.options import SearchOptions, filled, options_of, spelled_out
from nasbench.harness.results.records import SPLITS, to_rows, value_column
from nasbench.harness.results.store import open_folder
from nasbench.harness.search.budget import Budget, Stop
from nasbench.harness.search.experiment import Run
from nasbench.harness.search.function import begin_function, checked_answer
from nasbench.harness.search.loop import Trajectory, trajectory_of
from nasbench.harness.search.runner import Begun, Runner
from nasbench.harness.search.tasks import Wanted, make_tasks
from nasbench.limits import EXPERIMENT_SEED, PATIENCE, SEED
from nasbench.place import Place
from nasbench.problem import WAIT, Answer, Evaluate, Metric, SharedAnswer, Trial
from nasbench.spaces.base import Architecture, Space
from nasbench.strategies.registry import find_strategy, recipe_settings

if TYPE_CHECKING:
    import pandas

VALUE = Metric("value")
"""What an own function returns, unless `metrics` say otherwise: more is better."""


_OF_FUNCTIONS = {"budget", "patience", "experiment_seed", "recipe"}
"""Options that mean something to a search of a function of one's own."""


def _only_of_benchmarks(options: SearchOptions, dataset: str | None) -> None:
    """Raise `InvalidInput` for an option that means nothing to a function of one's own."""
    of_benchmarks = {"dataset": (dataset, None)} | {
        name: (options.get(name), option.default)
        for name, (_, option) in options_of(SearchOptions).items()
        if name not in _OF_FUNCTIONS
    }
    for name, (given, usual) in of_benchmarks.items():
        if given != usual:
            raise InvalidInput(f"{name} is of a benchmark: leave it away for a function")


class Best(NamedTuple):
    """One answer of a search."""

    architecture: Architecture
    text: str
    """The same as its space writes it."""
    values: tuple[float, ...]
    """Of every objective, as the search saw them."""
    step: int
    """Number of the evaluation, from 0."""


class Study:
    """One run of a strategy, step by step.

        study = nasbench.Study("regularized-evolution", benchmark="digits", seed=0)
        for trial in study:
            study.tell(trial, study.evaluate(trial))
        study.best, study.history
        study.judge()

    It is the run that `nasbench run` makes of the same options and seed in a new folder, to the
    bit; `run` does what the loop above does. `judge` reads test, once the search is over; `save`
    stores the run beside others. One trial is open at a time.

    `objective` is the name of a metric or several, as in `nasbench.run`, or a function of one's
    own: it takes an architecture of `space` and returns its value, or a tuple of one for each of
    `metrics`; nobody judges it, its seconds are real ones, and it needs a `budget`.
    """

    @spelled_out(SearchOptions)
    def __init__(
        self,
        strategy: str,
        *,
        dataset: str | None = None,
        seed: int = 0,
        settings: Mapping[str, object] | None = None,
        objective: str | Sequence[str] | Callable[[Architecture], Any] | None = None,
        space: str | Space | None = None,
        metrics: Metric | Sequence[Metric] = VALUE,
        **options: Unpack[SearchOptions],
    ) -> None:
        """Begin; on what is not told above see `nasbench.run`.

        Raises `InvalidInput` for what cannot be used.
        """
        self._began = perf_counter()
        self.seed = SEED.check(seed)
        self._runner: Runner | None = None
        chosen = filled(SearchOptions, options)
        texts = {"strategy": strategy, "dataset": dataset, "settings": settings}
        texts["settings"] = None if settings is None else {strategy: settings}
        check_types({**chosen, **texts}, "strategy", "dataset", "recipe")
        budget, patience = chosen["budget"], chosen["patience"]
        limit = Budget.parse(budget) if isinstance(budget, str) else budget
        found = find_strategy(strategy)
        values = {**recipe_settings(found, chosen["recipe"]), **(settings or {})}
        shift = EXPERIMENT_SEED.check(chosen["experiment_seed"])
        if callable(objective):
            _only_of_benchmarks(chosen, dataset)
            several = (metrics,) if isinstance(metrics, Metric) else tuple(metrics)
            if limit is not None and patience is not None:
                limit = limit.stopping(PATIENCE.check(patience), None)
            begun = begin_function(
                found, values, objective, space, several, limit, shift, self.seed
            )
        else:
            if space is not None or metrics is not VALUE:
                name = "metrics" if space is None else "space"
                raise InvalidInput(f"{name}: only for a function of one's own")
            wanted = Wanted.read({**chosen, "objective": objective}, limit or if_shared([strategy]))
            place = Place.read(chosen["device"], chosen["threads"])
            (task,) = make_tasks(
                chosen["benchmark"], None if dataset is None else [dataset], chosen["protocol"],
                wanted, shared=shared_among([strategy]), place=place,
            )  # fmt: skip
            self._runner = Runner(make_experiment(task, strategy, values, shift, limit), place)
            begun = self._runner.begin(self.seed)
        self._begun: Begun = begun
        self._asking = begun.set_up
        self._open: Trial | None = None
        self._evaluated: Answer | SharedAnswer | None = None
        self._genuine = True
        self._broken = False
        self._requests: list[Any] = []
        self._answers: list[Answer | SharedAnswer] = []
        self._numbers: list[float] = []
        self._ended: Stop | None = None
        self._judged: Mapping[str, Any] | None = None

    @property
    def space(self) -> Space:
        """What is searched."""
        return self._begun.strategy.space

    @property
    def objectives(self) -> tuple[Metric, ...]:
        """What answers have values of."""
        return self._begun.clock.objectives

    @property
    def stop(self) -> Stop | None:
        """Why the search is over; None while it is not."""
        return self._begun.clock.stop or self._ended

    def __iter__(self) -> Iterator[Trial]:
        """Yield trials until the search is over; each is told before the next is asked for."""
        while (trial := self.ask()) is not None:
            yield trial

    def ask(self) -> Trial | None:
        """Return the next trial, None where the search is over."""
        self._require_whole()
        if self._judged is not None:
            raise InvalidInput("the study is judged: a search that went on would have seen test")
        if self._open is not None:
            raise InvalidInput(f"trial {self._open.id} is open: tell its answer first")
        if self.stop is not None or self._begun.clock.full:
            return None
        began = perf_counter()
        with seal_test():
            request = self._begun.strategy.ask()
        self._asking += perf_counter() - began
        if request is WAIT:
            raise InvalidInput("the strategy waits, and no answer is still to come")
        if request is None:
            self._ended = Stop.EXHAUSTED
            return None
        self._open, self._evaluated = Trial(len(self._requests), request), None
        return self._open

    def evaluate(self, trial: Trial) -> Answer | SharedAnswer:
        """Return the benchmark's answer to a trial, or the function's; nothing is charged yet.

        The same one again where it was evaluated before.
        """
        self._require_open(trial)
        if self._evaluated is None:
            with seal_test():
                self._evaluated = self._begun.session.answer(trial.request)
        return self._evaluated

    def tell(self, trial: Trial, answer: Answer | SharedAnswer) -> None:
        """Charge an answer and tell the strategy; one that would overshoot ends the search.

        An answer of one's own, a `nasbench.Answer`, is taken, but such a study cannot be saved.
        """
        self._require_open(trial)
        if answer is not self._evaluated:
            if not isinstance(answer, Answer) or not isinstance(trial.request, Evaluate):
                raise InvalidInput(
                    "an answer is what study.evaluate(trial) returns, or a nasbench.Answer"
                )
            checked_answer(answer, len(self.objectives))
            self._genuine = False
        self._open, self._broken = None, True  # until all has been told
        clock, own = self._begun.clock, self._begun.strategy.problem.own
        started = clock.seconds
        finished = clock.begin(answer)
        if finished is None:
            self._ended, self._broken = clock.overshot, False
            return
        asked = getattr(trial.request, "fidelity", None) or own
        fidelity = 0 if asked is None else asked.epochs
        clock.end(answer, finished, fidelity)
        told = getattr(self._begun.session, "told", None)
        if told is not None:
            told(trial.request, answer)
        began = perf_counter()
        with seal_test():
            self._begun.strategy.tell(trial, answer)
        thought = self._asking + perf_counter() - began
        self._asking = 0.0
        self._requests.append(trial.request)
        self._answers.append(answer)
        self._numbers += (fidelity, thought, started, finished, 0)
        self._broken = False

    def _require_whole(self) -> None:
        if self._broken:
            raise InvalidInput("the study broke off in an error: begin another one")

    def _require_open(self, trial: Trial) -> None:
        self._require_whole()
        if self._open is None or trial is not self._open:
            raise InvalidInput("this trial is not open: use the one that study.ask() returned last")

    def run(self) -> "Study":
        """Ask, evaluate and tell until the search is over."""
        for trial in self:
            self.tell(trial, self.evaluate(trial))
        return self

    @property
    def _trajectory(self) -> Trajectory:
        self._require_whole()
        columns = np.array(self._numbers, dtype=np.float64).reshape(-1, 5).T
        stop = self.stop or Stop.EXHAUSTED
        return trajectory_of(self._requests, self._answers, columns, stop, self._begun.clock)

    @property
    def best(self) -> Best | None:
        """The answer so far, None before the first one; of several objectives see `front`."""
        if len(self.objectives) > 1:
            raise InvalidInput("a search of several objectives has no best answer: use study.front")
        return next(iter(self.front), None)

    @property
    def front(self) -> list[Best]:
        """All answers so far: one, or of several objectives what no other is better than."""
        made, write = self._trajectory, self.space.format
        return [
            Best(made.architectures[step], write(made.architectures[step]),
                 tuple(made.values[step].tolist()), step)
            for step in made.selected.tolist()
        ]  # fmt: skip

    @property
    def history(self) -> "pandas.DataFrame":
        """One row per evaluation: what was asked, told and charged, and where the answer changed.

        `value/NAME` is what was told of an objective.
        """
        import pandas

        made = self._trajectory
        changed = np.isin(np.arange(len(made.seconds)), made.incumbents)
        return pandas.DataFrame(
            {
                "architecture": list(map(self.space.format, made.architectures)),
                **{value_column(one): made.values[:, k] for k, one in enumerate(self.objectives)},
                "fidelity": made.fidelity,
                "seconds": made.seconds,
                "clock_seconds": made.finished,
                "epochs": made.epochs,
                "optimiser_seconds": made.optimiser_seconds,
                "incumbent": changed,
            }
        )

    def judge(self) -> "pandas.DataFrame":
        """Return what the judge says of the answers, once the search is over.

        One row per answer and reported data set: its text and, by objective, `valid/NAME` and
        `test/NAME`.
        """
        import pandas

        made, steps = self._trajectory, self._trajectory.selected
        at = np.searchsorted(made.incumbents, steps)
        rows = []
        for dataset, verdict in self._verdicts(made).items():
            for place, step in zip(at.tolist(), steps.tolist(), strict=True):
                row: dict[str, Any] = {
                    "architecture": self.space.format(made.architectures[step]), "dataset": dataset,
                }  # fmt: skip
                for k, one in enumerate(self.objectives):
                    for split in SPLITS:
                        row[f"{split}/{one.name}"] = float(getattr(verdict, split)[place, k])
                rows.append(row)
        return pandas.DataFrame(rows)

    def _verdicts(self, made: Trajectory) -> Mapping[str, Any]:
        if self._runner is None:
            raise InvalidInput("a function of one's own has no judge: see study.best and history")
        if self.stop is None and not self._begun.clock.full:
            raise InvalidInput("the search is not over: go on to its end, such as by study.run()")
        if self._judged is None:
            self._judged = self._runner.judge(made)
        return self._judged

    def save(self, folder: str | Path = "results", *, name: str | None = None) -> Path:
        """Judge the run and store it below a results folder; return the experiment's folder.

        Raises `InvalidInput` while the search is not over, for answers of one's own, and where the
        seed is stored already.
        """
        out = require_path("folder", folder)
        runner = self._runner
        if runner is None or not self._genuine:
            raise InvalidInput("only a study whose answers are all a benchmark's can be saved")
        made = self._trajectory
        verdicts = self._verdicts(made)
        place = open_folder(out, runner.experiment, name)
        if self.seed in place.finished():
            raise InvalidInput(
                f"seed {self.seed} is stored in '{place.path}' already: take another"
            )
        run = Run(self.seed, made, verdicts, perf_counter() - self._began)
        place.append(to_rows(runner.experiment, [run]))
        return place.path

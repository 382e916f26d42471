"""A search in a loop of the user's own: ask, evaluate and tell, then judge and save."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from time import perf_counter
from typing import TYPE_CHECKING, Any, NamedTuple, Unpack

import numpy as np

from nasbench.arguments import require_path
from nasbench.benchmarks.tables.sealing import seal_test
from nasbench.benchmarks.training.devices import resolve_device
from nasbench.errors import InvalidInput
from nasbench.harness.execution.run import (
    calibrated,
    check_types,
    if_shared,
    make_experiment,
    shared_among,
)
from nasbench.harness.options import SearchOptions, filled, options_of, spelled_out
from nasbench.harness.results.records import SPLITS, constraint_column, to_rows, value_column
from nasbench.harness.results.store import open_folder
from nasbench.harness.search.budget import Budget, Stop
from nasbench.harness.search.copies import copy_files
from nasbench.harness.search.experiment import Run
from nasbench.harness.search.function import begin_function, checked_answer
from nasbench.harness.search.loop import Trajectory, trajectory_of
from nasbench.harness.search.runner import Begun, Runner
from nasbench.harness.search.scoring import Scoring
from nasbench.harness.search.tasks import Wanted, make_tasks
from nasbench.limits import EXPERIMENT_SEED, PATIENCE, SEED
from nasbench.place import Place
from nasbench.problem import WAIT, Answer, Evaluate, Metric, Score, SharedAnswer, Trial
from nasbench.spaces.base import Architecture, Space
from nasbench.strategies.base import SearchStrategy
from nasbench.strategies.registry import find_strategy, given_names, recipe_settings

if TYPE_CHECKING:
    import pandas

VALUE = Metric("value")
"""The metric of a user's own function, unless `metrics` names others: more is better."""


_OF_FUNCTIONS = {"budget", "patience", "experiment_seed", "recipe"}
"""Options that a search with a user's own function has."""


def _only_of_benchmarks(options: SearchOptions, dataset: str | None) -> None:
    """Raise `InvalidInput` for an option that a search with a user's own function lacks."""
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
    """The architecture as text, as its space writes it."""
    values: tuple[float, ...]
    """One value per objective, as the search was told it."""
    step: int
    """Number of the evaluation, from 0."""


class Study:
    """One run of a strategy, in steps that you call yourself.

        study = nasbench.Study("regularized-evolution", benchmark="digits", seed=0)
        for trial in study:
            study.tell(trial, study.evaluate(trial))
        study.best, study.history
        study.judge()

    The run is bit for bit the one that `nasbench run` makes from the same options and seed in a new
    folder. The method `run` does what the loop above does. `judge` reads the test split, once the
    search is over; `save` stores the run beside others. Only one trial is open at a time.

    `objective` is the name of one or several metrics, as in `nasbench.run`, or a function of your
    own. `constraint` bounds costs, as in `nasbench.run`. The function takes an architecture of
    `space` and returns its value, or a tuple with one value for each of `metrics`. A search with a
    function needs a `budget`, is charged real seconds and has no judge.
    """

    @spelled_out(SearchOptions)
    def __init__(
        self,
        strategy: str | type[SearchStrategy],
        *,
        dataset: str | None = None,
        seed: int = 0,
        settings: Mapping[str, object] | None = None,
        objective: str | Sequence[str] | Callable[[Architecture], Any] | None = None,
        constraint: str | Sequence[str] | None = None,
        space: str | Space | None = None,
        metrics: Metric | Sequence[Metric] = VALUE,
        **options: Unpack[SearchOptions],
    ) -> None:
        """Begin the search; for options that are not described above see `nasbench.run`.

        `strategy` is a name or a class.

        Raises `InvalidInput` for options that cannot be used, alone or together.
        """
        self._began = perf_counter()
        strategy = given_names([strategy])[0] if isinstance(strategy, type) else strategy
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
            if constraint is not None:
                raise InvalidInput(
                    "constraint: costs are read from a table; a function of your own returns "
                    "nasbench.Answer(..., failed=True) for what is not to be an answer"
                )
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
            wanted = Wanted.read(
                {**chosen, "objective": objective, "constraint": constraint},
                limit or if_shared([strategy]),
            )
            place = Place.read(resolve_device(chosen["device"]), chosen["threads"])
            (task,) = make_tasks(
                chosen["benchmark"], None if dataset is None else [dataset], chosen["protocol"],
                wanted, shared=shared_among([strategy]), place=place,
            )  # fmt: skip
            factor = calibrated([strategy], chosen["proxy_seconds"])
            made = make_experiment(task, strategy, values, shift, limit, factor)
            self._runner = Runner(made, place)
            begun = self._runner.begin(self.seed)
        self._begun: Begun = begun
        self._scoring = Scoring(begun.strategy, begun.session, begun.clock)
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
        """The space that is searched."""
        return self._begun.strategy.space

    @property
    def objectives(self) -> tuple[Metric, ...]:
        """The metrics that an answer has values of, in the same order."""
        return self._begun.clock.objectives

    @property
    def stop(self) -> Stop | None:
        """Why the search is over; None while it is not."""
        return self._begun.clock.stop or self._ended

    def __iter__(self) -> Iterator[Trial]:
        """Yield trials until the search is over; tell each one's answer before the next."""
        while (trial := self.ask()) is not None:
            yield trial

    def ask(self) -> Trial | None:
        """Return the next trial, or None if the search is over.

        Requests for scores of zero-cost proxies are answered before, and are no trials here. Raises
        `InvalidInput` where a trial is open, where the study is judged, and where an error has
        broken it off.
        """
        self._require_whole()
        if self._judged is not None:
            raise InvalidInput("the study is judged: a search that went on would have seen test")
        if self._open is not None:
            raise InvalidInput(f"trial {self._open.id} is open: tell its answer first")
        if self.stop is not None or self._begun.clock.full:
            return None
        request = self._next_request()
        if request is WAIT:
            raise InvalidInput("the strategy waits, and no answer is still to come")
        if request is None:
            self._ended = self._begun.clock.overshot or Stop.EXHAUSTED
            return None
        number = len(self._requests) + len(self._scoring.asked)
        self._open, self._evaluated = Trial(number, request), None
        return self._open

    def _next_request(self) -> Any:
        """Return the strategy's next request, after those for scores, which are answered here.

        None where it has none, and where scores would overshoot the budget.
        """
        with seal_test():
            while True:
                began = perf_counter()
                request = self._begun.strategy.ask()
                asking = perf_counter() - began
                if type(request) is not Score:
                    self._asking += asking + self._scoring.thought()
                    return request
                ended = len(self._requests)
                number = ended + len(self._scoring.asked)
                if not self._scoring.tell(number, request, ended, asking):
                    return None

    def evaluate(self, trial: Trial) -> Answer | SharedAnswer:
        """Return the answer of the benchmark, or of your function, to the open trial.

        Nothing is charged yet. Called again for the same trial, it returns the same answer. Raises
        `InvalidInput` where `trial` is not the open one.
        """
        self._require_open(trial)
        if self._evaluated is None:
            with seal_test():
                self._evaluated = self._begun.session.answer(trial.request)
        return self._evaluated

    def tell(self, trial: Trial, answer: Answer | SharedAnswer) -> None:
        """Charge an answer and tell the strategy.

        An answer that would overshoot the budget ends the search instead. You may pass a
        `nasbench.Answer` of your own, but such a study cannot be saved. Raises `InvalidInput` where
        `trial` is not the open one, and for an answer that cannot be used.
        """
        self._require_open(trial)
        if answer is not self._evaluated:
            if not isinstance(answer, Answer) or not isinstance(trial.request, Evaluate):
                raise InvalidInput(
                    "an answer is what study.evaluate(trial) returns, or a nasbench.Answer"
                )
            checked_answer(answer, len(self.objectives), len(self._begun.clock.constraints))
            self._genuine = False
        self._open, self._broken = None, True  # stays so if an error comes before the end
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
        """Ask, evaluate and tell until the search is over; return this study."""
        for trial in self:
            self.tell(trial, self.evaluate(trial))
        return self

    @property
    def _trajectory(self) -> Trajectory:
        self._require_whole()
        columns = np.array(self._numbers, dtype=np.float64).reshape(-1, 5).T
        stop = self.stop or Stop.EXHAUSTED
        asked = [getattr(one, "architecture", None) for one in self._requests]
        begun, scored = self._begun, self._scoring.scored()
        traced = begun.strategy.traced()
        return trajectory_of(asked, self._answers, columns, stop, begun.clock, scored, traced)

    @property
    def best(self) -> Best | None:
        """The incumbent so far; None before the first one.

        Raises `InvalidInput` for several objectives, whose answer is `front`.
        """
        if len(self.objectives) > 1:
            raise InvalidInput("a search of several objectives has no best answer: use study.front")
        return next(iter(self.front), None)

    @property
    def front(self) -> list[Best]:
        """The answers so far: the incumbent or, for several objectives, the front.

        The front has the evaluations that no other is better than, at the highest fidelity reached.
        The list is empty before the first answer.
        """
        made, write = self._trajectory, self.space.format
        return [
            Best(made.architectures[step], write(made.architectures[step]),
                 tuple(made.values[step].tolist()), step)
            for step in made.selected.tolist()
        ]  # fmt: skip

    @property
    def history(self) -> "pandas.DataFrame":
        """One row per evaluation: what was asked, told and charged, and where the answer changed.

        Columns: `architecture` as text, `value/NAME` (what the strategy was told of the objective
        NAME), `constraint/NAME` (a cost that a constraint bounds), `fidelity` in epochs, `seconds`
        (cost on the run's clock), `clock_seconds` (the clock at its end), `epochs` charged,
        `optimiser_seconds` (real seconds of the strategy), and `incumbent` (whether the answer
        changed).
        """
        import pandas

        made = self._trajectory
        changed = np.isin(np.arange(len(made.seconds)), made.incumbents)
        return pandas.DataFrame(
            {
                "architecture": list(map(self.space.format, made.architectures)),
                **{value_column(one): made.values[:, k] for k, one in enumerate(self.objectives)},
                **{
                    constraint_column(one): made.constrained[:, k]
                    for k, one in enumerate(self._begun.clock.constraints)
                },
                "fidelity": made.fidelity,
                "seconds": made.seconds,
                "clock_seconds": made.finished,
                "epochs": made.epochs,
                "optimiser_seconds": made.optimiser_seconds,
                "incumbent": changed,
            }
        )

    def judge(self) -> "pandas.DataFrame":
        """Return the judge's values of the final answers, once the search is over.

        There is one row per answer and reported data set, with the columns `architecture` (as
        text), `dataset` and, for every objective NAME, `valid/NAME` and `test/NAME`. Raises
        `InvalidInput` while the search is not over and for a function of your own, `NasbenchError`
        where no evaluation succeeded. No trial can be asked for afterwards.
        """
        import pandas

        made, steps = self._trajectory, self._trajectory.selected
        at = np.searchsorted(made.incumbents, steps)
        rows = []
        for dataset, verdict in self._finals(made).items():
            for place, step in zip(at.tolist(), steps.tolist(), strict=True):
                row: dict[str, Any] = {
                    "architecture": self.space.format(made.architectures[step]), "dataset": dataset,
                }  # fmt: skip
                for k, one in enumerate(self.objectives):
                    for split in SPLITS:
                        row[f"{split}/{one.name}"] = float(getattr(verdict, split)[place, k])
                rows.append(row)
        return pandas.DataFrame(rows)

    def _finals(self, made: Trajectory) -> Mapping[str, Any]:
        if self._runner is None:
            raise InvalidInput("a function of one's own has no judge: see study.best and history")
        if self.stop is None and not self._begun.clock.full:
            raise InvalidInput("the search is not over: go on to its end, such as by study.run()")
        if self._judged is None:
            self._judged = self._runner.judge(made)
        return self._judged

    def save(self, folder: str | Path = "results", *, name: str | None = None) -> Path:
        """Judge the run and store it below a results folder; return the experiment's folder.

        Raises `InvalidInput` while the search is not over, for answers or a function of your own,
        and where the seed is stored already; `StoreError` where `name` cannot be a folder or holds
        another experiment, and where the folder cannot be written.
        """
        out = require_path("folder", folder)
        runner = self._runner
        if runner is None or not self._genuine:
            raise InvalidInput("only a study whose answers are all a benchmark's can be saved")
        made = self._trajectory
        finals = self._finals(made)
        place = open_folder(out, runner.experiment, name)
        if self.seed in place.finished():
            raise InvalidInput(
                f"seed {self.seed} is stored in '{place.path}' already: take another"
            )
        copy_files(runner.experiment, place.path)
        run = Run(self.seed, made, finals, perf_counter() - self._began)
        place.append(to_rows(runner.experiment, [run]))
        return place.path

"""The options of a search, each defined once: for Python, the command line and experiment files.

`nasbench.run` and `nasbench.Study` take them as keywords. The options of the command line
(`cli.options`) and the keys of experiment files (`execution.config`) are made from these
definitions.
"""

import inspect
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal, TypedDict, TypeVar

from nasbench import limits
from nasbench.limits import Amount, Count
from nasbench.place import HERE
from nasbench.rules import REPEATS, SIGNALS, Promotion, Selection

if TYPE_CHECKING:
    from nasbench.benchmarks.protocols import Protocol
    from nasbench.harness.search.budget import Budget

Kind = TypeVar("Kind", bound="SearchOptions")
Settings = Mapping[str, Mapping[str, object]]
"""Hyperparameters that differ from the defaults, by strategy."""
Form = Literal["text", "texts", "path"] | Count | Amount | tuple[str, ...]
"""How a value of an option is written: as a text, one or several texts, a path, a number, or one of
some words."""


@dataclass(frozen=True)
class Option:
    """The definition of an option, without its name and its type in Python."""

    default: Any
    help: str = ""
    """The help text on the command line; empty where the command line has no such option."""
    usual: str = ""
    """The default as the help text shows it; empty where the help text shows none."""
    form: Form = "text"
    valid: str = ""
    """What is valid in an experiment file, for error messages.

    Empty where it follows from `form`; if `help` is empty too, a file has no such key.
    """
    file: Any = None
    """Its type in an experiment file, where that does not follow from `form`."""
    flags: tuple[str, ...] = ()
    """The names on the command line, where they differ from the option's own name."""


class SearchOptions(TypedDict, total=False):
    """The options that define one search."""

    benchmark: Annotated[
        str | Path | Sequence[str | Path] | None,
        Option(
            None,
            "A table, or `train:nb201` to train; `nasbench run` takes several, comma-separated, "
            "or `all` installed ones, with all of their data sets.",
            "nb201 if installed, else digits",
            valid="a table's name, such as 'nb201', 'all', or a list", file=str | list[str],
        ),
    ]  # fmt: skip
    budget: Annotated[
        "str | Budget | None",
        Option(
            None, "`12000s`, `5h`, `100evals`, or both.", "the protocol's",
            valid="a text such as '12000s', '5h' or '100evals'",
        ),
    ]  # fmt: skip
    device: Annotated[
        str,
        Option(
            HERE.device, "Where it trains: `auto`, `cpu`, `cuda`, `cuda:1`.", HERE.device,
            valid="'auto', 'cpu', 'cuda', 'cuda:1' or 'mps'",
        ),
    ]  # fmt: skip
    threads: Annotated[
        int,
        Option(
            HERE.threads, "Of the CPU, of each run that trains.", str(HERE.threads),
            form=limits.per_core("threads"),
        ),
    ]  # fmt: skip
    protocol: Annotated[
        "str | Protocol | None",
        Option(
            None, "See `nasbench list protocols`.", "the first that fits",
            valid="a protocol's name, or a table with a name and what differs",
            file=str | dict[str, Any],
        ),
    ]  # fmt: skip
    recipe: Annotated[
        str | None,
        Option(
            None, "Settings of one-shot strategies by name; see `nasbench list recipes`.",
            valid="a recipe of one-shot strategies, such as 'paper'",
        ),
    ]  # fmt: skip
    patience: Annotated[
        int | None,
        Option(
            None, "Stop after so many evaluations that do not change the answer.",
            form=limits.PATIENCE,
        ),
    ]  # fmt: skip
    target_regret: Annotated[
        float | None,
        Option(
            None,
            "Stop at this validation regret on the search's signal, in the objective's unit.",
            form=limits.REGRET,
        ),
    ]  # fmt: skip
    signal: Annotated[
        str | None,
        Option(
            None, "What a query returns: the `mean` of the training seeds or a `random` one.",
            form=SIGNALS, flags=("--signal", "--trials"),
        ),
    ]  # fmt: skip
    repeats: Annotated[
        str | None, Option(None, "An architecture asked again: `charge`, `free`.", form=REPEATS)
    ]
    selection: Annotated[
        str,
        Option(
            Selection.HIGHEST.value,
            "The answer, of strategies that ask for fidelities: the best at the `highest` reached, "
            "or at the protocol's `own`.",
            Selection.HIGHEST.value, form=(Selection.HIGHEST.value, Selection.OWN.value),
        ),
    ]  # fmt: skip
    promotion: Annotated[
        str,
        Option(
            Promotion.RESTART.value,
            "An architecture asked again at a higher fidelity is charged all its epochs, "
            "`restart`, or the new ones, `resume`.",
            Promotion.RESTART.value, form=tuple(one.value for one in Promotion),
        ),
    ]  # fmt: skip
    proxy_seconds: Annotated[
        float | None,
        Option(
            None,
            "Seconds on the table's clock for each second that measuring the score of a zero-cost "
            "proxy took.",
            "such scores take no time, and the budget is a count", form=limits.PROXY_SECONDS,
        ),
    ]  # fmt: skip
    experiment_seed: Annotated[
        int,
        Option(0, "Shifts the randomness of all runs.", "0", form=limits.EXPERIMENT_SEED),
    ]


class RecordOptions(SearchOptions, total=False):
    """The options of a search of a table in this process, with a language model."""

    simulated_workers: Annotated[
        int,
        Option(
            1, "Evaluations of a run that go on at once on the table's clock.", "1",
            form=limits.SIMULATED_WORKERS,
        ),
    ]  # fmt: skip
    objective: Annotated[
        str | Sequence[str] | None,
        Option(
            None,
            "What is searched for: `accuracy`, another metric that the table has, such as `loss`, "
            "or several, comma-separated: `accuracy,latency:pixel3`. A cost may be of another "
            "table of the space: `latency:pixel3@nb201-hw:cifar10`.",
            "the table's first", form="texts",
            valid="a metric that the table has, such as 'accuracy' or 'loss', or a list",
        ),
    ]  # fmt: skip
    constraint: Annotated[
        str | Sequence[str] | None,
        Option(
            None,
            "What an answer has to meet: a bound on a cost in its unit, or several, "
            "comma-separated: `latency:pixel3<=5,params<=5e5`. Other evaluations count and are "
            "charged, and are never the answer.",
            "none", form="texts", valid="a bound on a cost, such as 'params<=1', or a list",
        ),
    ]  # fmt: skip


class RunOptions(RecordOptions, total=False):
    """The options of `nasbench.run`: those of a search, its seeds, and where and how it runs."""

    seeds: Annotated[
        int | str | Sequence[int],
        Option(
            10, "`10` is 0 to 9; `100-199`; `0,3,5-7`.", "10",
            valid="a number (10 is 0 to 9), a text ('100-199') or a list of numbers",
            file=int | str | list[int],
        ),
    ]  # fmt: skip
    datasets: Annotated[
        str | Sequence[str] | None,
        Option(
            None, "Data sets searched, comma-separated or repeated.", "the protocol's first",
            form="texts", flags=("--dataset",), valid="a data set's name or a list of them",
        ),
    ]  # fmt: skip
    trials: Annotated[
        str | None,
        Option(None, form=SIGNALS, valid="'mean' or 'random', an earlier name of signal"),
    ]
    settings: Annotated[Settings | None, Option(None)]
    name: Annotated[
        str | None,
        Option(
            None, "Name of the experiment; other settings are then refused.",
            valid="a name for the experiment's folder",
        ),
    ]  # fmt: skip
    out: Annotated[
        str | Path,
        Option("results", "Results folder.", "results", form="path", valid="a folder's path"),
    ]
    workers: Annotated[
        int | str,
        Option(
            "auto", "Runs at once, or `auto`: as many as pays.", "auto",
            valid=f"a whole number of 1 to {limits.WORKERS.most}, or 'auto'",
            file=int | Literal["auto"],
        ),
    ]  # fmt: skip
    ray_address: Annotated[
        str | None,
        Option(
            None, "A Ray cluster: `auto`, `HOST:PORT`, `ray://HOST:PORT`.", "this machine",
            valid="'auto', 'HOST:PORT' or 'ray://HOST:PORT'",
        ),
    ]  # fmt: skip
    cpus_per_run: Annotated[
        float, Option(1.0, "CPUs that a run on Ray takes.", "1", form=limits.CPUS)
    ]
    gpus_per_run: Annotated[
        float, Option(0.0, "GPUs that a run on Ray takes, such as 0.25.", "0", form=limits.GPUS)
    ]
    retries: Annotated[
        int, Option(1, "Times a run that fails is made again.", "1", form=limits.RETRIES)
    ]
    fallback: Annotated[
        str | None,
        Option(
            None, "`train`: train what the table does not know, with a note that says so.",
            form=("train",),
        ),
    ]  # fmt: skip
    tuning: Annotated[
        Mapping[str, object] | None,
        Option(None, valid="the record of `nasbench tune`", file=dict[str, Any]),
    ]


def options_of(kind: Any) -> dict[str, tuple[Any, Option]]:
    """Return the Python type and the definition of every option of a `TypedDict`, by name.

    A type of another module stays a forward reference: nothing heavy is imported for one.
    """
    hints = getattr(kind, "__annotations__", {}).items()
    return {name: (hint.__origin__, hint.__metadata__[0]) for name, hint in hints}


def filled(kind: type[Kind], given: Kind) -> Kind:
    """Return the given options, and the defaults of all others.

    Raises `TypeError` for a name that is no option, as Python does for a call.
    """
    known = options_of(kind)
    for name in given:
        if name not in known:
            raise TypeError(f"got an unexpected keyword argument '{name}'")
    values: Any = {name: option.default for name, (_, option) in known.items()}
    return values | given  # type: ignore[no-any-return]


Function = TypeVar("Function", bound=Callable[..., Any])


def spelled_out(kind: type) -> Callable[[Function], Function]:
    """Let `help` show every option of a function that takes them as `**options`."""

    def show(function: Any) -> Any:
        own = inspect.signature(function)
        kept = [one for one in own.parameters.values() if one.kind is not one.VAR_KEYWORD]
        more = [
            inspect.Parameter(
                name,
                inspect.Parameter.KEYWORD_ONLY,
                default=option.default,
                annotation=getattr(of, "__forward_arg__", of),
            )
            for name, (of, option) in options_of(kind).items()
        ]
        function.__signature__ = own.replace(parameters=[*kept, *more])
        return function

    return show

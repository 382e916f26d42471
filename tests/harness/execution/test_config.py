"""Experiment files: every mistake is one line that names the key and what is valid."""

import inspect
import tomllib
from pathlib import Path

import pytest
import typer

from nasbench.cli.app import app
from nasbench.errors import InvalidInput
from nasbench.harness.execution.config import ExperimentFile, custom_protocol, read_config
from nasbench.harness.execution.run import run
from nasbench.harness.search.study import Study


def test_every_option_is_read() -> None:
    text = """
        strategies = ["random-search", "reinforce"]
        protocol = "nats-bench"
        seeds = [3, 5]
        benchmark = "nb201"
        datasets = ["cifar10", "cifar100"]
        budget = "5h"
        patience = 20
        target_regret = 1
        trials = "random"
        repeats = "free"
        experiment_seed = 7
        name = "mine"
        out = "there"
        workers = 2
        fallback = "train"
    """
    data = tomllib.loads(text)
    assert dict(read_config(data)) == data


@pytest.mark.usefixtures("synthetic_nb201")
def test_an_experiment_file_sets_the_same_options(tmp_path: Path) -> None:
    data = {
        "seeds": "0-2",
        "budget": "10evals",
        "protocol": {"name": "short", "base": "nats-bench", "repeats": "free"},
        "strategies": {"regularized-evolution": {"population": 4}, "random-search": {}},
    }
    outcomes = run(out=tmp_path, **dict(read_config(data)))  # type: ignore[arg-type]
    assert [outcome.experiment.strategy for outcome in outcomes] == list(data["strategies"])
    assert outcomes[0].experiment.settings["population"] == 4
    assert outcomes[0].experiment.task.protocol == "short"
    assert outcomes[0].experiment.task.repeats == "free"


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("seed = 3", "key 'seed' is unknown: valid are .*; did you mean 'seeds'"),
        ("seeds = true", "'seeds' cannot be True: it is a number"),
        ("seeds = 2.5", "'seeds' cannot be 2.5: it is a number"),
        ("seeds = ['a']", "'seeds' cannot be .*: it is a number"),
        pytest.param(
            "patience = 0x" + "f" * 5000, "'patience' cannot be a number of so many", id="huge"
        ),
        ("benchmark = 3", "'benchmark' cannot be 3: it is a table's name"),
        ("datasets = 3", "'datasets' cannot be 3: it is a data set's name"),
        ("datasets = [3]", "'datasets' cannot be .*: it is a data set's name"),
        ("budget = 12000", "'budget' cannot be 12000: it is a text such as '12000s'"),
        ("patience = 2.5", "'patience' cannot be 2.5: it is a whole number of 1 or more"),
        ("patience = true", "'patience' cannot be True: it is a whole number"),
        ("patience = 0", "'patience' cannot be 0: it is a whole number of 1"),
        ("target_regret = 'low'", "'target_regret' cannot be 'low': it is a number of 0 or more"),
        ("target_regret = nan", "'target_regret' cannot be nan: it is a number of 0"),
        ("trials = 3", "'trials' cannot be 3: it is 'mean' or 'random'"),
        ("repeats = 'often'", "'repeats' cannot be 'often': it is 'charge' or 'free'"),
        ("experiment_seed = -1", "'experiment_seed' cannot be -1: it is a whole number of 0"),
        ("experiment_seed = 1.0", "'experiment_seed' cannot be 1.0: it is a whole number"),
        ("name = 3", "'name' cannot be 3: it is a name"),
        ("name = ''", "'name' cannot be '': it is a name"),
        ("out = 3", "'out' cannot be 3: it is a folder's path"),
        ("workers = '2'", "'workers' cannot be '2': it is a whole number of 1 to"),
        ("fallback = true", "'fallback' cannot be True: it is 'train'"),
        ("strategies = 3", "'strategies' cannot be 3: it is a list of names"),
        ("strategies = [3]", "'strategies' cannot be .*: it is a list of names"),
        ("strategies = {random-search = 3}", "'strategies' cannot be .*: it is a list of names"),
        ("protocol = 3", "'protocol' cannot be 3: it is a protocol's name"),
        ("protocol = {}", "protocol: key 'name' is missing: it is a name of its own"),
        ("protocol = {name = 'x', base = 'y'}", "base cannot be 'y': it is one of nb201-paper"),
        ("protocol = {name = 'nats-bench'}", "'nats-bench' is published: name yours differently"),
        ("protocol = {name = 'x', sed = 3}", "protocol: key 'sed' is unknown: valid are base"),
        ("protocol = {name = 'x', epochs = 'a'}", "protocol: 'epochs' cannot be 'a': it is an"),
        ("protocol = {name = 'x', epochs = 13}", "epochs cannot be 13: the schedule has 12"),
        ("protocol = {name = 'x', trials = 'all'}", "'trials' cannot be 'all': it is 'mean'"),
        ("protocol = {name = 'x', seconds = 5}", "'seconds' cannot be 5: it is seconds above 0"),
        ("protocol = {name = 'x', seconds = {}}", "'seconds' cannot be {}: it is seconds above 0"),
        (
            "protocol = {name = 'x', seconds = {cifar10 = true}}",
            "'seconds' cannot be True: it is seconds above 0",
        ),
        (
            "protocol = {name = 'x', seconds = {cifar100 = 9}}",
            "a budget is given for 'cifar100', but .* add reports = {cifar100 = .*cifar100",
        ),
        (
            "protocol = {name = 'x', reports = {cifar10 = 'cifar10'}}",
            "'reports' cannot be 'cifar10': it is a list of data sets",
        ),
        (
            "protocol = {name = 'x', reports = {cifar10 = []}}",
            "'reports' cannot be \\[\\]: it is a list of data sets",
        ),
        ("protocol = {name = 'x', reports = {}}", "a budget is given for 'cifar10'"),
    ],
)
def test_every_mistake_is_one_line(text: str, line: str) -> None:
    with pytest.raises(InvalidInput, match=line) as caught:
        dict(read_config(tomllib.loads(text)))
    assert "\n" not in str(caught.value)


def test_an_option_is_the_same_in_python_on_the_command_line_and_in_a_file() -> None:
    """Each is defined once; what stands in one place only is named here."""
    python = set(inspect.signature(run).parameters) - {"progress", "say"}
    screen = {one.name for one in typer.main.get_command(app).commands["run"].params}
    assert python - screen == {"strategies", "trials", "settings", "tuning"}
    assert screen - python == {"strategy", "set_", "config", "json_", "quiet"}
    assert python - set(ExperimentFile.model_fields) == {"settings"}
    assert set(ExperimentFile.model_fields) <= python
    assert set(inspect.signature(Study).parameters) - python == {
        "strategy", "dataset", "seed", "space", "metrics"
    }  # fmt: skip
    with pytest.raises(TypeError, match="unexpected keyword argument 'sed'"):
        run("random-search", sed=3)


def test_a_protocol_may_search_elsewhere_when_it_says_what_to_judge() -> None:
    made = custom_protocol(
        {"name": "x", "seconds": {"cifar100": 9}, "reports": {"cifar100": ["cifar100"]}}
    )
    assert dict(made.seconds) == {"cifar100": 9}
    assert dict(made.reports) == {"cifar100": ("cifar100",)}

"""`--protocol own`: the protocol that is made of a table."""

from pathlib import Path

import pytest

from nasbench.benchmarks.catalogue import load_table
from nasbench.benchmarks.protocols import own_protocol
from nasbench.errors import InvalidInput
from nasbench.harness.audit import audit
from nasbench.harness.execution.config import read_config
from nasbench.harness.execution.run import run
from nasbench.harness.search.study import Study

pytestmark = pytest.mark.usefixtures("synthetic_nb201")


def test_each_data_set_of_a_table_has_its_own_budget_and_audits(tmp_path: Path) -> None:
    sets = "cifar10,cifar100,ImageNet16-120"
    for seeds in (1, 2):  # the second call goes on with the first one's runs
        done = run(
            "random-search", protocol="own", datasets=sets, seeds=seeds, out=tmp_path, workers=1
        )
        assert [(one.skipped, one.finished) for one in done] == [(seeds - 1, 1)] * 3
    for one in done:
        task = one.experiment.task
        assert task.protocol == "own"
        own = own_protocol(load_table("nb201"), task.query.dataset)
        assert task.budget.seconds == own.seconds[task.query.dataset]
        assert task.reports == (task.query.dataset,)
    assert not audit(tmp_path, replays=3).faults


@pytest.mark.parametrize(
    ("options", "dataset"),
    [
        ({}, "cifar10"),
        ({"benchmark": "nb201"}, "cifar10"),
        ({"benchmark": "digits"}, "digits"),
        ({"dataset": "digits"}, "digits"),
        ({"dataset": "cifar100"}, "cifar100"),
    ],
)
def test_without_a_data_set_it_is_for_the_one_that_is_searched_by_default(
    options: dict[str, str], dataset: str
) -> None:
    study = Study("random-search", protocol="own", budget="3evals", **options)  # type: ignore[arg-type]
    assert study._runner is not None
    assert study._runner.experiment.task.query.dataset == dataset
    assert study._runner.experiment.task.protocol == "own"


def test_an_experiment_file_may_name_it(tmp_path: Path) -> None:
    options = dict(read_config({"strategies": "random-search", "protocol": "own", "seeds": 1}))
    names = options.pop("strategies")
    (done,) = run(names, out=tmp_path, workers=1, budget="5evals", **options)  # type: ignore[arg-type]
    assert done.experiment.task.protocol == "own"
    with pytest.raises(InvalidInput, match="base cannot be 'own': it is one of nb201-paper"):
        dict(read_config({"protocol": {"name": "mine", "base": "own"}}))


def test_it_is_of_a_table(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match="'own' is made of a table, and 'train:nb201' has none"):
        run("random-search", protocol="own", benchmark="train:nb201", seeds=1, out=tmp_path)
    with pytest.raises(InvalidInput, match="'shapes' is not in table 'nb201'"):
        run("random-search", protocol="own", datasets="shapes", seeds=1, out=tmp_path)
    assert not list(tmp_path.iterdir())

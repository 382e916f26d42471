"""Folders of experiments have names that every file system and archive can have."""

import zipfile
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from nasbench.errors import StoreError
from nasbench.harness.execution.run import make_experiment, run
from nasbench.harness.results.load import load_results
from nasbench.harness.results.store import folder_name, open_folder
from nasbench.harness.search.budget import Budget
from nasbench.harness.search.experiment import Experiment
from nasbench.harness.search.tasks import Wanted, make_tasks
from tests.test_text import assert_portable

WORD = st.text(st.characters(exclude_categories=("Cs",)), min_size=1, max_size=400)


@pytest.fixture(scope="module")
def usual() -> Experiment:
    (task,) = make_tasks("digits", ["digits"], None, Wanted(Budget(seconds=600)))
    return make_experiment(task, "random-search", {})


@given(module=WORD, name=WORD, dataset=WORD)
@example(module="m", name="n", dataset="ends in a dot.")
def test_names_are_portable_whatever_a_strategy_or_data_set_is_called(
    usual: Experiment, module: str, name: str, dataset: str
) -> None:
    task = replace(usual.task, query=replace(usual.task.query, dataset=f"npz:{dataset}"))
    one = replace(usual, strategy=f"{module}:{name}", task=task)
    for path in (folder_name(one, None), folder_name(one, "mine")):
        assert len(path.parts) == 2
        for part in path.parts:
            assert_portable(part)
            assert len(part.encode()) <= 255


def test_names_stay_what_they_were(usual: Experiment) -> None:
    """So that more seeds go into the folders of earlier versions."""
    digest = usual.digest()
    assert folder_name(usual, None) == Path(f"digits-digits-600s/random-search-{digest}")
    own = replace(usual, strategy="my.module:Search")
    assert folder_name(own, "x") == Path("x/my.module-Search@digits")
    long = replace(usual, strategy=f"m:{'a' * 244}")
    assert folder_name(long, None).name == f"m-{'a' * 244}-{long.digest()}"
    longer = replace(usual, strategy=f"m:{'a' * 245}")
    other = replace(usual, strategy=f"m:{'a' * 245}b")
    assert len({folder_name(one, "x") for one in (longer, other)}) == 2


@pytest.mark.parametrize("name", ["nul", "Con", "com1.x", "mine.", "a" * 161])
def test_new_names_that_some_system_cannot_have_are_refused(
    name: str, usual: Experiment, tmp_path: Path
) -> None:
    with pytest.raises(StoreError, match="cannot be a folder everywhere") as caught:
        open_folder(tmp_path, usual, name)
    assert "\n" not in str(caught.value)
    assert not list(tmp_path.iterdir())
    path = tmp_path / folder_name(usual, name)
    path.mkdir(parents=True)  # an earlier version began it
    content = open_folder(tmp_path / "other", usual, "x").path / "experiment.json"
    (path / "experiment.json").write_bytes(content.read_bytes())
    assert open_folder(tmp_path, usual, name).path == path


def test_everything_below_a_results_folder_goes_through_a_zip_file(tmp_path: Path) -> None:
    """Written by the commands themselves, of a strategy of another module and with tables."""
    run("tests.workers:Same", seeds=2, budget="3evals", benchmark="digits", out=tmp_path / "a",
        workers=1)  # fmt: skip
    files = [path for path in (tmp_path / "a").rglob("*") if path.is_file()]
    assert files
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        for path in files:
            inside = path.relative_to(tmp_path / "a").as_posix()
            for part in inside.split("/"):
                assert_portable(part)
            archive.write(path, inside)
    zipfile.ZipFile(tmp_path / "a.zip").extractall(tmp_path / "b")
    assert len(load_results(tmp_path / "b").runs) == 2

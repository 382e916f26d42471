"""The stand-ins on the public table `nb201`: what it has is answered, what it lacks raises."""

import bz2
import copy
import pickle
import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from nasbench.benchmarks.catalogue import fetch_table
from nasbench.benchmarks.tables.sealing import seal_test
from nasbench.compat import nas_201_api, nats_bench
from nasbench.compat.answers import TABLE, NotInTable
from nasbench.errors import DataError, TestSetSealed
from tests.upstream import NATS_FOLDER, upstream


@pytest.fixture(scope="module", autouse=True)
def data_folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    upstream()
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("NASBENCH_DATA", str(tmp_path_factory.mktemp("data")))
        patch.delenv(TABLE, raising=False)
        fetch_table("nb201")
        yield


@pytest.fixture(scope="module")
def api() -> Any:
    return nats_bench.create(None, "tss", fast_mode=True, verbose=False)


def official(index: int) -> Any:
    packed = (upstream() / NATS_FOLDER / f"{index:06d}.pickle.pbz2").read_bytes()
    return pickle.loads(bz2.decompress(packed))


@pytest.mark.filterwarnings("ignore:table 'nb201' has the mean")
@pytest.mark.parametrize("index", [0, 11, 284])
def test_it_agrees_with_the_official_cells(api: Any, index: int) -> None:
    """Means over the official trainings; validation seconds come from a fitted formula."""
    for hp, dataset, name, key in (
        ("12", "cifar10-valid", "x-valid", "valid-accuracy"),
        ("12", "cifar100", "x-valid", "valid-accuracy"),
        ("12", "ImageNet16-120", "x-test", "test-accuracy"),
        ("12", "cifar10", "ori-test", "test-accuracy"),
        ("200", "cifar10-valid", "x-valid", "valid-accuracy"),
        ("200", "cifar10", "ori-test", "test-accuracy"),
        ("200", "cifar100", "x-valid", "valid-accuracy"),
        ("200", "ImageNet16-120", "x-test", "test-accuracy"),
    ):
        state = official(index)[hp]
        last = int(hp) - 1
        runs = [state["all_results"][dataset, seed] for seed in state["dataset_seed"][dataset]]
        wanted = np.mean([run["eval_acc1es"][f"{name}@{last}"] for run in runs])
        info = api.get_more_info(index, dataset, hp=hp, is_random=False)
        assert info[key] == pytest.approx(wanted, abs=2e-5)
        assert api.get_more_info(index, dataset, hp=hp)[key] == pytest.approx(wanted, abs=1.0)
        costs = api.get_cost_info(index, dataset, hp)
        assert costs["flops"] == pytest.approx(runs[0]["flop"], abs=1e-5)
        assert costs["params"] == pytest.approx(runs[0]["params"], abs=1e-5)
    run = official(index)["12"]["all_results"]["cifar10-valid", 777]
    seconds = sum(run["train_times"].values())
    _, latency, cost, _ = api.simulate_train_eval(index, "cifar10")
    assert cost == pytest.approx(seconds + run["eval_times"]["x-valid@0"], abs=0.5)
    assert latency is None
    assert api.get_more_info(index, "cifar10-valid")["train-all-time"] == pytest.approx(seconds)


def test_the_best_are_the_known_ones(api: Any) -> None:
    """Published: validation 91.61 / 73.49 / 46.73, test 94.37 / 73.51 / 47.31."""
    for dataset, valid, test in (
        ("cifar10", 91.61, 94.37),
        ("cifar100", 73.49, 73.51),
        ("ImageNet16-120", 46.73, 47.31),
    ):
        assert api.find_best(dataset, "valid", hp="200")[1] == pytest.approx(valid, abs=0.006)
        index, best = api.find_best(dataset, "test", hp="200")
        assert best == pytest.approx(test, abs=0.006)
        assert index == {"cifar10": 6111, "cifar100": 9930, "ImageNet16-120": 857}[dataset]


def test_what_it_lacks_raises_one_clear_error(api: Any) -> None:
    info = api.get_more_info(5, "cifar100", hp="12")
    assert "valid-accuracy" in info
    assert "train-loss" not in info
    for call in (
        lambda: info["train-loss"],
        lambda: api.get_more_info(5, "cifar10-valid", 3, "200")["valid-accuracy"],
        lambda: api.get_more_info(5, "cifar10", hp="200")["train-all-time"],
        lambda: api.simulate_train_eval(5, "cifar100", iepoch=3, hp="200"),
        lambda: api.get_more_info(5, "cifar10", hp="90"),
        lambda: api.get_more_info(5, "no-such-set", hp="12"),
        lambda: api.get_more_info(5, "cifar100", hp="200", is_random=888),
        lambda: api.query_by_index(5, "cifar100", "200")["mean"].get_eval("ori-test", 3),
        lambda: api.query_by_index(5, "cifar100", "200")["mean"].train_losses[199],
        lambda: api.get_cost_info(5, "cifar10", "200")["T-train@total"],
        lambda: api.get_net_param(5, "cifar10", 777),
    ):
        with pytest.raises(NotInTable) as raised:
            call()
        assert "\n" not in str(raised.value)
        assert not str(raised.value).startswith("'")
        assert isinstance(raised.value, KeyError)
        assert isinstance(raised.value, ValueError)


def test_a_mean_in_place_of_trainings_is_said_once(api: Any) -> None:
    from nasbench.compat.table_source import _warn_of_means

    _warn_of_means.cache_clear()
    with pytest.warns(UserWarning, match="the mean over the trainings of cifar100 for 200 epochs"):
        runs = nats_bench.create(None, "tss", verbose=False).query_by_index(8, "cifar100", "200")
    assert list(runs) == ["mean"]
    assert set(api.query_by_index(8, "cifar10-valid", "200")) <= {777, 888, 999}


def test_an_api_and_results_can_be_copied_and_sent(api: Any) -> None:
    api.reset_time()
    api.simulate_train_eval(5, "cifar10")
    for again in (copy.deepcopy(api), pickle.loads(pickle.dumps(api))):
        assert again.used_time == api.used_time > 0
        assert again.get_more_info(5, "cifar100") == api.get_more_info(5, "cifar100")
        assert 5 in again.arch2infos_dict
        assert 15_625 not in again.arch2infos_dict
    results = api.query_by_index(5, "cifar100", "12")
    assert copy.deepcopy(results)[111].get_eval("x-valid") == results[111].get_eval("x-valid")
    found = api.get_more_info(5, "cifar100")
    with pytest.raises(NotInTable, match="no 'train-loss'"):
        pickle.loads(pickle.dumps(found))["train-loss"]
    for index in (-1, 15_625):
        with pytest.raises(ValueError, match="Did not find"):
            api.query_by_index(index)


def test_texts_say_what_is_not_known(api: Any) -> None:
    text = api.query_info_str_by_arch(api.arch(6111), "200")
    assert "test  : [loss = n/a & top1 = 94.37%]" in text
    assert "latency=None ms." in text
    other = nas_201_api.NASBench201API(None, verbose=False)
    assert "test  : [loss = n/a, top1 = 94.37%]" in other.query_by_arch(api.arch(6111), "200")


def test_random_trials_follow_pythons_generator(api: Any) -> None:
    random.seed(1)
    first = [api.get_more_info(3, "cifar10-valid", hp="200")["valid-accuracy"] for _ in range(20)]
    random.seed(1)
    again = [api.get_more_info(3, "cifar10-valid", hp="200")["valid-accuracy"] for _ in range(20)]
    assert first == again
    assert len(set(first)) == 3


def test_what_answers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The variable, else the file that is there, else the table of its name, else `nb201`."""
    gone = "/no/such/NATS-tss-v1_0-3ffb9.pickle.pbz2"
    assert "'nb201'" in repr(nats_bench.create(gone, "tss", verbose=False))
    folder = str(upstream() / NATS_FOLDER)
    assert "folder" in repr(nats_bench.create(folder, "tss", verbose=False))
    file = tmp_path / "NATS-tss-v1_0-3ffb9.pickle.pbz2"
    file.write_bytes(b"BZh")
    with pytest.raises(DataError, match=r"nasbench data import .* makes the table 'nats-tss-v1_0"):
        nats_bench.create(str(file), "tss", verbose=False)
    monkeypatch.setenv(TABLE, "digits")
    assert "'digits'" in repr(nats_bench.create(folder, "tss", verbose=False))
    monkeypatch.setenv(TABLE, folder)
    assert "folder" in repr(nats_bench.create(None, "tss", verbose=False))
    monkeypatch.setenv(TABLE, str(tmp_path))
    with pytest.raises(DataError, match="neither a table file nor an official folder"):
        nats_bench.create(None, "tss", verbose=False)
    monkeypatch.setenv(TABLE, "no-such-table")
    with pytest.raises(DataError, match="no-such-table"):
        nats_bench.create(None, "tss", verbose=False)


def test_no_public_file_has_the_size_space() -> None:
    with pytest.raises(DataError, match=r"nasbench data import NATS-sss"):
        nats_bench.create(None, "sss", verbose=False)
    with pytest.raises(DataError, match="not of the size space"):
        nats_bench.create(str(upstream() / NATS_FOLDER), "size", verbose=False)
    with pytest.raises(ValueError, match="invalid search space"):
        nats_bench.create(None, "nds", verbose=False)


def test_without_a_table_the_command_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NASBENCH_DATA", str(tmp_path))
    with pytest.raises(DataError, match="nasbench data fetch nb201"):
        nas_201_api.NASBench201API("NAS-Bench-201-v1_1-096897.pth", verbose=False)


def test_a_search_of_nasbench_cannot_read_through_it() -> None:
    fresh = nats_bench.create(None, "tss", verbose=False)
    with seal_test(), pytest.raises(TestSetSealed):
        fresh.get_more_info(100, "cifar10", hp="200")

"""The stand-ins answer as the real packages do, on the three official cells, field by field."""

import bz2
import pickle
import random
import sys
from collections.abc import Callable, Iterator
from functools import partial
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from nasbench.benchmarks.sources.official import import_official
from nasbench.compat import nas_201_api, nats_bench
from nasbench.compat.answers import TABLE
from nasbench.spaces.nb201 import NasBench201
from tests.upstream import NATS_FOLDER, NATS_SIZE_FOLDER, upstream

CELLS = (0, 11, 284)
DATASETS = ("cifar10-valid", "cifar10", "cifar100", "ImageNet16-120")
SCHEDULES = ("12", "200")
Pair = tuple[Any, Any]


@pytest.fixture(scope="module", autouse=True)
def data_folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("NASBENCH_DATA", str(tmp_path_factory.mktemp("data")))
        patch.delenv(TABLE, raising=False)
        yield


def content(keys: tuple[str, str]) -> dict[str, Any]:
    """Return the three cells as a loaded official file has them, its schedules under `keys`."""
    space = NasBench201()
    infos = {}
    for index in CELLS:
        packed = (upstream() / NATS_FOLDER / f"{index:06d}.pickle.pbz2").read_bytes()
        cell = pickle.loads(bz2.decompress(packed))
        infos[index] = {name: cell[hp] for name, hp in zip(keys, SCHEDULES, strict=True)}
    return {
        "meta_archs": [space.format(one) for one in space.architectures],
        "arch2infos": infos,
        "evaluated_indexes": set(CELLS),
    }


def nats(given: Callable[[], Any]) -> Pair:
    real = pytest.importorskip("nats_bench")
    theirs = real.create(str(upstream() / NATS_FOLDER), "tss", fast_mode=True, verbose=False)
    return theirs, nats_bench.create(given(), "tss", fast_mode=True, verbose=False)


def nas_201(given: Callable[[], Any]) -> Pair:
    real = pytest.importorskip("nas_201_api")
    theirs = real.NASBench201API(content(("less", "full")), verbose=False)
    return theirs, nas_201_api.NASBench201API(given(), verbose=False)


def imported() -> str:
    path = import_official(upstream() / NATS_FOLDER, "three", force=True).path
    return str(path)


def folder() -> str:
    return str(upstream() / NATS_FOLDER)


MAKERS = {
    "nats table": lambda: nats(imported),
    "nats folder": lambda: nats(folder),
    "nats dict": lambda: nats(lambda: content(SCHEDULES)),
    "nas_201 table": lambda: nas_201(imported),
    "nas_201 folder": lambda: nas_201(folder),
    "nas_201 dict": lambda: nas_201(lambda: content(("less", "full"))),
}


@pytest.fixture(scope="module", params=MAKERS, ids=str)
def apis(request: pytest.FixtureRequest) -> Pair:
    return MAKERS[request.param]()


def outcome(call: Callable[[], Any]) -> Any:
    """Return what a call returns, or `Exception` if it raises any."""
    try:
        return call()
    except Exception:
        return Exception


def same(pair: Pair, method: str, *words: Any, **named: Any) -> Any:
    """Call a method of both; return what ours returns, once it is equal."""
    outcomes = []
    for one in pair:
        random.seed(7)
        found = outcome(partial(getattr(one, method), *words, **named))
        outcomes.append((without_last_bit(method, found), random.random()))
    assert outcomes[1] == outcomes[0], "another result, or another number of random draws"
    return outcomes[1][0]


def without_last_bit(method: str, found: Any) -> Any:
    """Round a latency: a table stores its mean over seeds, which may be off in the last bit."""
    if found is Exception:
        return found
    if method == "get_latency":
        return round(found, 15)
    if method == "simulate_train_eval":
        return (found[0], round(found[1], 15), *found[2:])
    if method == "get_cost_info":
        return {**found, "latency": round(found["latency"], 15)}
    return found


def test_get_more_info(apis: Pair) -> None:
    compared = 0
    for index, dataset, hp in product(CELLS, DATASETS, SCHEDULES):
        for iepoch in (None, 0, 5, int(hp) - 1, int(hp)):
            for is_random in (True, False, 777, 111, 5):
                words = (index, dataset, iepoch, hp, is_random)
                got = same(apis, "get_more_info", *words)
                compared += 0 if got is Exception else len(got)
    assert compared > 3_000


def test_costs(apis: Pair) -> None:
    for index, dataset, hp in product(CELLS, DATASETS, SCHEDULES):
        costs = same(apis, "get_cost_info", index, dataset, hp)
        assert len(costs) > 5
        same(apis, "get_latency", index, dataset, hp)
        same(apis, "get_net_config", index, dataset)


def test_simulated_training_and_its_clock(apis: Pair) -> None:
    theirs, ours = apis
    for api in apis:
        api.reset_time()
    queries = list(product(CELLS, ("cifar10", "cifar100", "ImageNet16-120"), SCHEDULES))
    for index, dataset, hp in queries:
        arch = theirs.arch(index)
        same(apis, "simulate_train_eval", arch, dataset, hp=hp)
    assert ours.used_time == theirs.used_time > 0
    same(apis, "simulate_train_eval", 0, "cifar10", account_time=False)
    assert ours.used_time == theirs.used_time
    assert same(apis, "simulate_train_eval", 0, "cifar10-valid") is Exception
    ours.reset_time()
    assert ours.used_time == 0


def test_stopped_trainings(apis: Pair) -> None:
    """Validation of a stopped 200-epoch training is known on CIFAR-10, else the pooled test is."""
    _, ours = apis
    if not hasattr(ours, "is_topology"):
        pytest.skip("nas_201_api has no such argument")
    for api in apis:
        api.reset_time()
    for dataset in ("cifar10", "cifar100", "ImageNet16-120"):
        found = same(apis, "simulate_train_eval", 11, dataset, iepoch=30, hp="200")
        assert found is not Exception


def test_single_trainings(apis: Pair) -> None:
    sets = ("x-valid", "x-test", "ori-test", "valid")
    for index, dataset, hp in product(CELLS, DATASETS, SCHEDULES):
        real, stand_in = (api.query_by_index(index, dataset, hp) for api in apis)
        assert set(real) == set(stand_in)
        for seed, run in real.items():
            other = stand_in[seed]
            assert other.get_times() == run.get_times()
            assert set(other.get_eval_set()) == set(run.get_eval_set())
            assert str(other.seed) == str(run.seed)
            assert (other.params, other.flop, other.epochs) == (run.params, run.flop, run.epochs)
            for iepoch in (None, 0, 3, int(hp)):
                same((run, other), "get_train", iepoch)
                for name in sets:
                    same((run, other), "get_eval", name, iepoch)
            assert dict(other.train_acc1es) == dict(run.train_acc1es)
            assert dict(other.eval_acc1es) == dict(run.eval_acc1es)
            assert dict(other.eval_losses) == dict(run.eval_losses)
            assert dict(other.train_times) == dict(run.train_times)


def test_all_trainings_of_a_cell(apis: Pair) -> None:
    for index, hp in product(CELLS, SCHEDULES):
        theirs, ours = (api.query_meta_info_by_index(index, hp) for api in apis)
        assert ours.get_dataset_names() == theirs.get_dataset_names()
        assert ours.get_total_epoch() == theirs.get_total_epoch()
        assert ours.arch_idx_str() == theirs.arch_idx_str()
        for dataset in DATASETS:
            assert ours.get_dataset_seeds(dataset) == theirs.get_dataset_seeds(dataset)
            same((theirs, ours), "get_latency", dataset)
            for name, is_random in product(("train", "x-valid", "x-test"), (True, False, 888)):
                same((theirs, ours), "get_metrics", dataset, name, None, is_random)


def test_texts(apis: Pair, capsys: pytest.CaptureFixture[str]) -> None:
    theirs, ours = apis
    for index, hp in product(CELLS, SCHEDULES):
        text = ours.query_info_str_by_arch(ours.arch(index), hp)
        assert text == theirs.query_info_str_by_arch(theirs.arch(index), hp)
        assert text == theirs.query_by_arch(index, hp) == ours.query_by_arch(index, hp)
        capsys.readouterr()
        theirs.show(index)
        wanted = capsys.readouterr().out
        ours.show(index)
        shown = capsys.readouterr().out
        assert [one for one in shown.splitlines() if not one.startswith("arch : ")] == [
            one for one in wanted.splitlines() if not one.startswith("arch : ")
        ]


def test_the_best(apis: Pair) -> None:
    theirs, ours = apis
    limits = [{}, {"flop_max": 20.0}, {"param_max": 0.11}, {"flop_max": 1.0}]
    if not hasattr(ours, "is_topology"):
        limits = [{}, {"FLOP_max": 20.0}, {"Param_max": 0.11}]
    else:
        for index in CELLS:
            theirs.get_more_info(index, "cifar10")  # its fast mode knows what was queried
    more = {"enforce_all": False} if hasattr(ours, "is_topology") else {}
    for dataset, name, hp in product(DATASETS[1:], ("valid", "test", "train"), SCHEDULES):
        for limit in limits:
            real = theirs.find_best(dataset, name, hp=hp, **limit, **more)
            assert ours.find_best(dataset, name, hp=hp, **limit, **more) == real


def test_names_and_indices(apis: Pair) -> None:
    theirs, ours = apis
    assert len(ours) == len(theirs) == 15_625
    assert ours.meta_archs == theirs.meta_archs
    assert [ours[5], ours.arch(9)] == [theirs[5], theirs.arch(9)]

    class Cell:
        def tostr(self) -> str:
            return str(theirs.arch(77))

    for arch in (3, theirs.arch(123), "no cell", Cell(), None, 2.0):
        assert ours.query_index_by_arch(arch) == theirs.query_index_by_arch(arch)
    for call in ("arch", "query_index_by_arch"):
        for index in (-1, 15_625):
            with pytest.raises((ValueError, AssertionError)) as wanted:
                getattr(theirs, call)(index)
            with pytest.raises(wanted.type):
                getattr(ours, call)(index)
    random.seed(3)
    drawn = [theirs.random() for _ in range(20)]
    random.seed(3)
    assert [ours.random() for _ in range(20)] == drawn
    text = theirs.arch(123)
    assert ours.str2lists(text) == theirs.str2lists(text)
    assert np.array_equal(ours.str2matrix(text), theirs.str2matrix(text))
    assert sorted(ours.avaliable_hps) == sorted(SCHEDULES)


def test_cells_without_results_raise(apis: Pair) -> None:
    _, ours = apis
    assert same(apis, "get_more_info", 1, "cifar10") is Exception
    with pytest.raises(ValueError, match=r"architecture 1 has no results in .*3 of 15,625 cells"):
        ours.get_more_info(1, "cifar10")


def test_reload_and_clear(apis: Pair) -> None:
    _, ours = apis
    before = ours.get_more_info(11, "cifar100", is_random=False)
    ours.clear_params(11)
    ours.clear_params(11, "12")
    ours.reload(index=11)
    ours.reload(folder(), 11)
    assert ours.get_more_info(11, "cifar100", is_random=False) == before
    with pytest.raises(ValueError, match="no_such_folder"):
        ours.reload("no_such_folder", 11)
    with pytest.raises(ValueError, match="no weights"):
        ours.get_net_param(11, "cifar10", None)


def test_unique_texts_and_structures() -> None:
    real = pytest.importorskip("nats_bench.genotype_utils").TopologyStructure
    from nasbench.compat.nats_bench.genotype_utils import TopologyStructure, topology_str2structure

    space = NasBench201()
    texts = [space.format(one) for one in space.architectures[::50]]
    for text in texts:
        theirs, ours = real.str2structure(text), topology_str2structure(text)
        assert ours.tostr() == text
        for mode in (True, False, None):
            assert ours.to_unique_str(mode) == theirs.to_unique_str(mode)
        assert ours.check_valid() == theirs.check_valid()
        assert ours.tolist("none") == theirs.tolist("none")
        assert (len(ours), ours[1], ours.nodes) == (len(theirs), theirs[1], theirs.nodes)
        assert ours.check_valid_op(["none"]) == theirs.check_valid_op(["none"])
    part = "|nor_conv_3x3~0|+|none~1|"
    assert TopologyStructure.str2fullstructure(part).nodes == real.str2fullstructure(part).nodes


def test_unique_texts_of_the_api() -> None:
    theirs, ours = nats(folder)
    for arch in (0, 123, theirs.arch(6111)):
        assert ours.get_unique_str(arch) == theirs.get_unique_str(arch)
    assert nats_bench.version() == pytest.importorskip("nats_bench").version()
    real = pytest.importorskip("nats_bench").search_space_info
    for tags in (("nats-bench", "tss"), ("nats-bench", "size"), ("nas-bench-201", None)):
        ours_info, wanted = nats_bench.search_space_info(*tags), real(*tags)
        assert ours_info == wanted


@pytest.mark.parametrize("form", ["folder", "table"])
def test_the_size_space(form: str, capsys: pytest.CaptureFixture[str]) -> None:
    """On the one official architecture of it that is public."""
    real = pytest.importorskip("nats_bench")
    given = str(upstream() / NATS_SIZE_FOLDER)
    theirs = real.create(given, "sss", fast_mode=True, verbose=False)
    if form == "table":
        given = str(import_official(Path(given), "one-size", force=True).path)
    ours = nats_bench.create(given, "size", fast_mode=True, verbose=False)
    assert ours.meta_archs == theirs.meta_archs
    pair = (theirs, ours)
    for hp, epochs in (("01", 1), ("12", 12), ("90", 90)):
        for dataset in DATASETS:
            for iepoch, is_random in product((None, 0, epochs - 1), (True, False, 777, 888)):
                found = same(pair, "get_more_info", 0, dataset, iepoch, hp, is_random)
                assert (found is Exception) == (is_random == 888 and hp != "12")
            assert len(same(pair, "get_cost_info", 0, dataset, hp)) > 5
            assert same(pair, "get_net_config", 0, dataset)["channels"] == "8:8:8:8:8"
        for dataset in DATASETS[1:]:
            same(pair, "simulate_train_eval", "8:8:8:8:8", dataset, None, hp)
            same(pair, "find_best", dataset, "valid", None, None, hp, False)
        assert ours.query_info_str_by_arch(0, hp) == theirs.query_info_str_by_arch(0, hp)
    assert ours.used_time == theirs.used_time > 0
    assert ours.full_train_epochs == theirs.full_train_epochs
    assert sorted(ours.avaliable_hps) == sorted(theirs.avaliable_hps)
    assert (ours.is_size, ours.is_topology) == (theirs.is_size, theirs.is_topology)
    capsys.readouterr()


def test_the_real_packages_are_not_the_stand_ins() -> None:
    """Else the referees above would compare the stand-ins with themselves."""
    for name in ("nats_bench", "nas_201_api"):
        pytest.importorskip(name)
        place = Path(str(sys.modules[name].__file__))
        assert "nasbench" not in place.parts

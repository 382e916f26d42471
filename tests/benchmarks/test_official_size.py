"""Official files of NATS-Bench's size half: equal to what nats_bench says, in constant memory."""

import bz2
import io
import pickle
import shutil
import subprocess
import sys
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from nasbench import audit, load_results
from nasbench.benchmarks.protocols import find_protocol, protocols_for
from nasbench.benchmarks.sources.api import from_api
from nasbench.benchmarks.sources.halves import halves
from nasbench.benchmarks.sources.official import import_official
from nasbench.benchmarks.sources.unpickle import load
from nasbench.benchmarks.tables.columns import Series, after_epoch, query_seconds
from nasbench.benchmarks.tables.info import Split, TableInfo
from nasbench.benchmarks.tables.table import Table
from nasbench.errors import DataError, InvalidInput
from nasbench.harness.execution.run import run
from nasbench.spaces.nats_size import NatsSize
from nasbench.spaces.nb201 import INPUTS, NasBench201
from nasbench.testing import TableConformance
from tests.benchmarks import synthetic
from tests.upstream import NATS_FOLDER, NATS_SIZE_FOLDER, upstream

OFFICIAL = {"cifar10": "cifar10-valid", "cifar100": "cifar100", "ImageNet16-120": "ImageNet16-120"}
SCHEDULES = {"01": 1, "12": 12, "90": 90}
TRIALS = {"01": (777,), "12": (777, 888, 999), "90": (777,)}
EXACT = sys.version_info < (3, 12)  # from 3.12 on `sum` of floats rounds differently


@pytest.fixture(autouse=True)
def data_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("NASBENCH_DATA", str(tmp_path / "data"))
    return tmp_path / "data"


@pytest.fixture(scope="module")
def table(tmp_path_factory: pytest.TempPathFactory) -> Table:
    """The table of the one record."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("NASBENCH_DATA", str(tmp_path_factory.mktemp("data")))
        return import_official(upstream() / NATS_SIZE_FOLDER)


@pytest.fixture(scope="module")
def api() -> Any:
    nats_bench = pytest.importorskip("nats_bench")
    return nats_bench.create(
        str(upstream() / NATS_SIZE_FOLDER), "sss", fast_mode=True, verbose=False
    )


def same(ours: float, theirs: float) -> bool:
    return ours == theirs if EXACT else ours == pytest.approx(theirs, rel=1e-14)


def test_every_epoch_of_every_trial_equals_nats_bench(table: Table, api: Any) -> None:
    compared = 0
    for (hp, schedule), (dataset, official) in product(SCHEDULES.items(), OFFICIAL.items()):
        assert table.search.seeds(dataset, schedule) == TRIALS[hp]
        for seed, epoch in product(TRIALS[hp], range(schedule)):
            info = api.get_more_info(0, official, epoch, hp=hp, is_random=seed)
            for split, metric in product((Split.VALID, Split.TRAIN), ("accuracy", "loss")):
                ours = table.search.after(metric, dataset, schedule, epoch + 1, seed, split=split)
                assert ours[0] == info[f"{split}-{metric}"]
                compared += 1
            judged = api.get_more_info(0, dataset, epoch, hp=hp, is_random=seed)
            for metric in ("accuracy", "loss"):
                ours = table.test.after(metric, dataset, schedule, epoch + 1, seed)
                assert ours[0] == judged[f"test-{metric}"]
                compared += 1
    assert compared == 3 * (1 + 3 * 12 + 90) * 6


def test_pooled_images_are_the_two_halves_and_stay_away(table: Table, api: Any) -> None:
    for dataset in ("cifar100", "ImageNet16-120"):
        column = f"{dataset}/pooled/hp90/curve/accuracy/seed777"
        theirs = [
            api.get_more_info(0, dataset, epoch, hp="90", is_random=777)["valtest-accuracy"]
            for epoch in range(90)
        ]
        assert table._read(column)[0].tolist() == theirs
        halves = [table.search.curve(dataset, 90, 777)[0], table.test.after(
            "accuracy", dataset, 90, 90, 777)]  # fmt: skip
        assert (halves[0][-1] + halves[1][0]) / 2 == pytest.approx(theirs[-1], abs=1e-6)
    assert not any("/pooled/" in name or "/test/" in name for name in table.search.names)


def test_costs_and_sizes_equal_nats_bench(table: Table, api: Any) -> None:
    for (hp, schedule), (dataset, official) in product(SCHEDULES.items(), OFFICIAL.items()):
        for seed in TRIALS[hp]:
            info = api.get_more_info(0, official, None, hp=hp, is_random=seed)
            theirs = info["train-all-time"] + info["valid-per-time"]
            assert same(table.search.query_seconds(dataset, schedule, seed)[0], theirs)
        cost = api.get_cost_info(0, official, hp=hp)
        assert table.search.params(dataset)[0] == round(cost["params"] * 1e6)
        assert table.search.flops(dataset)[0] == round(cost["flops"] * 1e6)
        latency = table.search.latency(dataset, "gtx1080ti")[0]
        assert latency == pytest.approx(cost["latency"], rel=1e-14)
        charged = api.simulate_train_eval(0, dataset, iepoch=None, hp=hp)[2]
        assert table.search.query_seconds(dataset, schedule)[0] == pytest.approx(charged, rel=1e-12)
    assert not table.search.query_seconds_fitted


def test_recorded_sizes_follow_the_formulas(table: Table) -> None:
    space = NatsSize()
    for dataset, data in INPUTS.items():
        assert table.search.params(dataset)[0] == space.params(data)[0]
        assert table.search.flops(dataset)[0] == space.flops(data)[0]


def test_the_table_says_what_it_is(table: Table) -> None:
    assert (table.name, table.info.space, table.info.cells) == ("nats-size", "nats-size", 1)
    assert [one.name for one in table.metrics] == ["accuracy", "loss"]
    assert "32767 of 32768 architectures are not in the source: NaN" in table.info.notes
    assert "seeds of cifar10, schedule 90: cells 1: 1" in table.info.notes
    assert not any("NAS-Bench-201" in line for line in table.info.attribution)


def test_both_files_and_the_folder_are_one_table(tmp_path: Path) -> None:
    """A folder, a single file, and what nats_bench has loaded; two architectures of full length."""
    nats_bench = pytest.importorskip("nats_bench")
    archs = [NatsSize().format(one) for one in NatsSize().architectures]
    cells = {index: synthetic.size_cell(index, archs[index]) for index in (3, 32767)}
    content = {"meta_archs": archs, "arch2infos": cells, "evaluated_indexes": set(cells)}
    folder = tmp_path / "NATS-sss-v1_0-50262-simple"
    folder.mkdir()
    for index, cell in cells.items():
        path = folder / f"{index:06}.pickle.pbz2"
        path.write_bytes(bz2.compress(pickle.dumps(cell, protocol=4), 1))
    single = synthetic.write_bz2(
        tmp_path / "NATS-sss-v1_0-50262.pickle.pbz2", iter([pickle.dumps(content, protocol=4)])
    )
    api = nats_bench.create(content, "sss", fast_mode=False, verbose=False)
    tables = import_official(folder, "a"), import_official(single, "b"), from_api(api)
    assert len({str(one.info.columns) for one in tables}) == 1  # with each column's SHA-256
    rows = tables[0].rows
    assert rows is not None
    for hp, schedule in SCHEDULES.items():
        mean = api.get_more_info(32767, "cifar100", None, hp=hp, is_random=False)
        ours = tables[0].search.accuracy("cifar100", schedule, schedule)[rows[32767]]
        assert same(ours, mean["valid-accuracy"])


def complete(name: str) -> Table:
    """A table of all architectures with made-up numbers: of three trainings, and of one."""
    random, columns = np.random.default_rng(0), {}
    for dataset, official in OFFICIAL.items():
        for seed in TRIALS["12"]:
            signal = after_epoch(Series(official, Split.VALID, "accuracy", 12), 12, seed)
            columns[signal] = random.uniform(50, 60, 32768)
            columns[query_seconds(official, 12, seed)] = random.uniform(90, 110, 32768)
        for at, split in ((official, Split.VALID), (dataset, Split.TEST)):
            column = after_epoch(Series(at, split, "accuracy", 90), 90, 777)
            columns[column] = random.uniform(60, 70, 32768)
    size = halves()[1]
    info = TableInfo(name=name, title="made up", space="nats-size", rows=32768, cells=32768,
                     licence="MIT", columns=tuple(columns), **size.about)  # fmt: skip
    return Table.from_columns(info, {one.name: array for one, array in columns.items()})


class TestTable(TableConformance):
    @property
    def table(self) -> Table:  # type: ignore[override]
        return complete("nats-size")


def test_the_published_protocol(tmp_path: Path) -> None:
    """Found without being named: one of three trainings of 12 epochs, charged; 90 are judged."""
    path = tmp_path / "other.safetensors"
    table = complete("other")
    table.save(path)
    protocol = find_protocol("nats-bench-size", table)
    assert protocols_for(table) == [protocol]
    run("random-search,regularized-evolution,reinforce-softmax", seeds=2, benchmark=path,
        datasets="cifar10,ImageNet16-120", out=tmp_path / "results", workers=1)  # fmt: skip
    results = load_results(tmp_path / "results")
    assert set(results.runs.protocol) == {"nats-bench-size"}
    assert set(results.runs.budget) == {"20000s", "60000s"}
    space = NatsSize()
    for name in ("cifar10", "ImageNet16-120"):
        of = results.runs[results.runs.searched == name]
        assert (of.simulated_seconds <= protocol.seconds[name]).all()
        assert (of.simulated_seconds > protocol.seconds[name] - 110).all()
        for one in of.itertuples():
            index = space.index(space.parse(one.incumbent))
            trials = [table.search.accuracy(name, 12, 12, seed)[index] for seed in TRIALS["12"]]
            assert one.signal in trials
            judged = of.loc[one.Index, f"test/{name}"]
            assert judged == table.test.mean(name, 90)[index]
    assert audit(tmp_path / "results", replays=2).faults == ()


def test_what_is_foreign_is_one_line(tmp_path: Path) -> None:
    space, other = NatsSize(), NasBench201()
    folder = tmp_path / "NATS-sss-simple"
    folder.mkdir()
    text = space.format(space.architecture(0))
    path = folder / "000000.pickle.pbz2"

    def refused(content: Any, said: str) -> None:
        path.write_bytes(bz2.compress(pickle.dumps(content), 1))
        with pytest.raises(DataError, match=said) as caught:
            import_official(folder)
        assert "\n" not in str(caught.value)

    refused(synthetic.size_cell(0, "8:8:8:8:9"), "'8:8:8:8:9', which is not of the topology space")
    refused(synthetic.size_cell(7, text), "calls architecture 0 number 7")
    refused({"7": synthetic.size_cell(0, text)["12"]}, "no schedule of 01, 12, 90")
    cell = synthetic.size_cell(0, text)
    del cell["90"]["all_results"]["cifar100", 777]
    refused(cell, "not in the official format")
    whole = (upstream() / NATS_SIZE_FOLDER / "000000.pickle.pbz2").read_bytes()
    for cut in (0, 3, 100, len(whole) // 2, len(whole) - 10):
        path.write_bytes(whole[:cut])
        with pytest.raises(DataError, match=r"000000.pickle.pbz2': damaged or no bz2 file"):
            import_official(folder)
    shutil.copy(upstream() / NATS_SIZE_FOLDER / "meta.pickle.pbz2", folder)
    cell = other.format(other.architecture(0))
    refused(synthetic.cell(0, cell, keys=("12", "200")), "is not of the size space")
    shutil.copy(upstream() / NATS_FOLDER / "meta.pickle.pbz2", folder)
    refused(synthetic.size_cell(0, text), "'8:8:8:8:8', which is not of the topology space")
    mixed = {
        "meta_archs": [space.format(one) for one in space.architectures],
        "arch2infos": {0: synthetic.cell(0, cell, keys=("12", "200"))},
    }
    single = synthetic.write_bz2(tmp_path / "mixed.pickle.pbz2", iter([pickle.dumps(mixed)]))
    with pytest.raises(DataError, match="lists the architectures of the size space and holds"):
        import_official(single)


def test_a_data_set_without_trainings_is_missing(tmp_path: Path) -> None:
    """A record may name a data set that it has no seeds of."""
    folder = tmp_path / "NATS-sss-simple"
    folder.mkdir()
    cell = synthetic.size_cell(0, "8:8:8:8:8")
    for results in cell.values():
        results["dataset_seed"]["cifar100"] = []
    (folder / "000000.pickle.pbz2").write_bytes(bz2.compress(pickle.dumps(cell), 1))
    table = import_official(folder)
    assert not table.search.knows("cifar100")
    assert table.search.seeds("cifar10", 12) == TRIALS["12"]
    with pytest.raises(InvalidInput, match="'cifar100' is not in table 'nats-size': it has"):
        run("random-search", seeds=1, protocol="nats-bench-size", datasets="cifar100",
            out=tmp_path / "results", workers=1)  # fmt: skip


def test_a_data_set_or_protocol_of_another_half_is_one_line(table: Table) -> None:
    with pytest.raises(InvalidInput, match="data set 'svhn' is not searched in protocol"):
        find_protocol("nats-bench-size", table).check("svhn")
    with pytest.raises(DataError, match="has no 'svhn/"):
        table.search.params("svhn")


def test_the_record_is_what_the_pickle_holds(table: Table) -> None:
    """Read by hand: the last validation accuracy of seed 888 after 12 epochs on CIFAR-100."""
    path = upstream() / NATS_SIZE_FOLDER / "000000.pickle.pbz2"
    record = load(io.BytesIO(bz2.decompress(path.read_bytes())), path.name)
    known = record["12"]["all_results"]["cifar100", 888]["eval_acc1es"]["x-valid@11"]
    assert table.search.accuracy("cifar100", 12, 12, 888)[0] == known
    assert np.isnan(table.search.accuracy("cifar100", 12, 12, 888)[1])


_MEMORY = """
import sys
from pathlib import Path
from nasbench.benchmarks.sources.official import import_official
table = import_official(Path(sys.argv[1]), "big", force=True)
# not getrusage: its peak is inherited from the process that started this one
status = Path("/proc/self/status").read_text()
peak = next(line.split()[1] for line in status.splitlines() if line.startswith("VmHWM"))
print(table.info.cells, peak)
"""


def imported(path: Path) -> tuple[int, float]:
    """Import a file in a process of its own; return its architectures and its peak in MB."""
    done = subprocess.run(  # our own interpreter
        [sys.executable, "-c", _MEMORY, str(path)], check=True, capture_output=True, text=True
    )
    cells, peak = done.stdout.split()
    return int(cells), int(peak) / 1024


def test_memory_does_not_grow_with_the_file(tmp_path: Path) -> None:
    peaks = []
    for cells in (200, 2000):
        chunks = synthetic.size_chunks(cells, epochs=(1, 2, 3))
        path = synthetic.write_bz2(tmp_path / "big.pickle.pbz2", chunks)
        found, peak = imported(path)
        assert found == cells
        peaks.append(peak)
    assert peaks[1] - peaks[0] < 25


@pytest.mark.slow
def test_a_file_of_all_architectures(tmp_path: Path) -> None:
    """All 32,768 with trainings of 1, 2 and 3 epochs, in one file."""
    chunks = synthetic.size_chunks(32768, epochs=(1, 2, 3))
    path = synthetic.write_bz2(tmp_path / "NATS-sss-v1_0-50262.pickle.pbz2", chunks)
    cells, peak = imported(path)
    assert cells == 32768
    assert peak < 500

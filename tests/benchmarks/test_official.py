"""Official files: equal to what nats_bench says, in constant memory, and never run."""

import bz2
import io
import os
import pickle
import random
import shutil
import subprocess
import sys
from collections.abc import Callable
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from nasbench.benchmarks.catalogue import load_table
from nasbench.benchmarks.sources.official import default_name, import_official
from nasbench.benchmarks.sources.recorder import Recorder
from nasbench.benchmarks.tables.columns import Series
from nasbench.benchmarks.tables.info import Quantity, Split
from nasbench.benchmarks.tables.table import Table
from nasbench.errors import DataError, InvalidInput
from nasbench.spaces.nb201 import NasBench201
from tests.benchmarks import synthetic
from tests.upstream import NATS_FOLDER, upstream

CELLS = (0, 11, 284)
OFFICIAL = {"cifar10": "cifar10-valid", "cifar100": "cifar100", "ImageNet16-120": "ImageNet16-120"}
EXACT = sys.version_info < (3, 12)  # from 3.12 on `sum` of floats rounds differently

Write = Callable[[Path, Any], Path]
FORMS = pytest.mark.parametrize(
    ("write", "name", "keys"),
    [
        (synthetic.write_legacy_torch, "NAS-Bench-201-v1_1-096897.pth", ("less", "full")),
        (synthetic.write_zip_torch, "NAS-Bench-201-v1_1-zip.pth", ("less", "full")),
        (synthetic.write_bz2, "NATS-tss-v1_0-3ffb9.pickle.pbz2", ("12", "200")),
    ],
    ids=["legacy torch", "zip torch", "bz2"],
)


@pytest.fixture(autouse=True)
def data_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("NASBENCH_DATA", str(tmp_path / "data"))
    return tmp_path / "data"


@pytest.fixture(scope="module")
def table(tmp_path_factory: pytest.TempPathFactory) -> Table:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("NASBENCH_DATA", str(tmp_path_factory.mktemp("data")))
        return import_official(upstream() / NATS_FOLDER, "three")


@pytest.fixture(scope="module")
def api() -> Any:
    nats_bench = pytest.importorskip("nats_bench")
    return nats_bench.create(str(upstream() / NATS_FOLDER), "tss", fast_mode=True, verbose=False)


def row(table: Table, index: int) -> int:
    return index if table.rows is None else int(table.rows[index])


def same(ours: float, theirs: float) -> bool:
    return ours == theirs if EXACT else ours == pytest.approx(theirs, rel=1e-14)


@pytest.mark.parametrize("index", CELLS)
def test_every_epoch_of_every_trial_equals_nats_bench(table: Table, api: Any, index: int) -> None:
    where = row(table, index)
    compared = 0
    for hp, schedule in (("12", 12), ("200", 200)):
        for dataset, official in OFFICIAL.items():
            for seed in table.search.seeds(dataset, schedule):
                for epoch in range(schedule):
                    info = api.get_more_info(index, official, epoch, hp=hp, is_random=seed)
                    for split, metric in product((Split.VALID, Split.TRAIN), ("accuracy", "loss")):
                        key = f"{split}-{metric}"
                        if key not in info:
                            continue
                        ours = table.search.after(
                            metric, dataset, schedule, epoch + 1, seed, split=split
                        )
                        assert ours[where] == info[key]
                        compared += 1
    # (2 + 1 + 1) trials of 12 epochs, 3 of 200 on cifar10, 2 x 3 of which the last has validation
    assert compared == 4 * 12 * 4 + 3 * 200 * 4 + 2 * 3 * (200 * 2 + 2)


def with_weights(cell: dict[str, Any]) -> dict[str, Any]:
    """Give every training run the weights of a small network, as the `-full` archives have."""
    torch = pytest.importorskip("torch")
    network = torch.nn.Sequential(torch.nn.Conv2d(3, 4, 3), torch.nn.BatchNorm2d(4))
    for results in cell.values():
        for run in results["all_results"].values():
            run["net_state_dict"] = network.state_dict()
    return cell


def test_a_folder_with_weights_gives_the_table_of_one_without(tmp_path: Path) -> None:
    """The same cells, pickled by torch with their weights: the same columns, bit for bit."""
    archs = [NasBench201().format(one) for one in NasBench201().architectures[:2]]
    tables = []
    for kind in ("full", "simple"):
        folder = tmp_path / f"NATS-tss-v1_0-3ffb9-{kind}"
        folder.mkdir()
        for index, arch in enumerate(archs):
            cell = synthetic.cell(index, arch, keys=("12", "200"), seeds=(777,))
            content = pickle.dumps(with_weights(cell) if kind == "full" else cell, protocol=4)
            (folder / f"{index:06}.pickle.pbz2").write_bytes(bz2.compress(content, 1))
        tables.append(import_official(folder, kind))
    full, simple = tables
    assert b"torch" in bz2.decompress(
        (tmp_path / "NATS-tss-v1_0-3ffb9-full" / f"{0:06}.pickle.pbz2").read_bytes()
    )
    assert full.info.columns == simple.info.columns  # they hold each column's SHA-256
    assert full.info.cells == 2


@pytest.mark.parametrize("form", ["zip", "legacy", "pickle"])
def test_one_file_with_weights(tmp_path: Path, form: str) -> None:
    torch = pytest.importorskip("torch")
    space = NasBench201()
    archs = [space.format(one) for one in space.architectures]
    cells = {index: synthetic.cell(index, archs[index], seeds=(777,)) for index in (0, 1)}
    content = {"meta_archs": archs, "arch2infos": {i: with_weights(c) for i, c in cells.items()}}
    path = tmp_path / "NAS-Bench-201-v1_1-096897.pth"
    if form == "pickle":
        path = tmp_path / "NATS-tss-v1_0-3ffb9.pickle.pbz2"
        path.write_bytes(bz2.compress(pickle.dumps(content, protocol=4), 1))
    else:
        torch.save(content, path, _use_new_zipfile_serialization=form == "zip")
    table = import_official(path, "full")
    assert table.info.cells == 2
    plain = cells[1]["full"]["all_results"]["cifar10", 777]["eval_acc1es"]["ori-test@199"]
    assert table.test._measured(Series("cifar10", Split.TEST, Quantity.ACCURACY, 200), 200, 777)[
        row(table, 1)
    ] == pytest.approx(plain, rel=0)


@pytest.mark.parametrize(
    "change",
    [
        {"epochs": 10**8}, {"epochs": float("inf")}, {"epochs": -1}, {"epochs": 0},
        {"epochs": "12"}, {"params": 10**400}, {"params": None}, {"eval_names": 3},
    ],
)  # fmt: skip
def test_odd_numbers_are_one_line(tmp_path: Path, change: dict[str, Any]) -> None:
    """At once: what is asked for is not made first."""
    cell = synthetic.cell(0, NasBench201().format(NasBench201().architecture(0)), seeds=(777,))
    odd = {"12" if key == "less" else "200": results for key, results in cell.items()}
    odd["200"]["all_results"]["cifar10", 777].update(change)
    folder = tmp_path / "NATS-tss-simple"
    folder.mkdir()
    (folder / "000000.pickle.pbz2").write_bytes(bz2.compress(pickle.dumps(odd)))
    with pytest.raises(DataError, match=r"not in the official format|hostile pickle") as caught:
        import_official(folder)
    assert "\n" not in str(caught.value)


def test_odd_lists_and_endless_columns_are_one_line(tmp_path: Path) -> None:
    folder = tmp_path / "NATS-tss-simple"
    folder.mkdir()
    arch = NasBench201().format(NasBench201().architecture(0))
    one = synthetic.run("cifar10", 777, 2, arch)
    many = {("cifar10", seed): one for seed in range(3000)}
    results = {
        "arch_index": 0, "arch_str": arch, "all_results": many,
        "dataset_seed": {"cifar10": list(range(3000))},
    }  # fmt: skip
    (folder / "000000.pickle.pbz2").write_bytes(bz2.compress(pickle.dumps({"200": results}), 1))
    with pytest.raises(DataError, match="more than 2000 data sets, seeds"):
        import_official(folder)
    for archs in (5, [5], None):
        meta = bz2.compress(pickle.dumps({"meta_archs": archs}))
        (folder / "meta.pickle.pbz2").write_bytes(meta)
        with pytest.raises(DataError, match="does not hold the official list"):
            import_official(folder)


def test_a_checkpoint_is_called_one(tmp_path: Path) -> None:
    torch = pytest.importorskip("torch")
    network = torch.nn.Linear(2, 2)
    optimiser = torch.optim.SGD(network.parameters(), lr=0.1)
    whole = {"epoch": 3, "network": network.state_dict(), "optimiser": optimiser.state_dict()}
    for content, said in (
        (network.state_dict(), "but weights of a network: it is a checkpoint"),
        (whole, "but weights of a network: it is a checkpoint"),
        (network, "is a network that torch.save pickled as a whole"),
    ):
        for new in (True, False):
            path = tmp_path / "checkpoint.pth"
            torch.save(content, path, _use_new_zipfile_serialization=new)
            with pytest.raises(DataError, match=said) as caught:
                import_official(path)
            assert "\n" not in str(caught.value)
            assert "damaged" not in str(caught.value)
    (tmp_path / "archive").mkdir()
    (tmp_path / "archive" / "000157-FULL.pth").write_bytes(path.read_bytes())
    with pytest.raises(DataError, match=r"'000157-FULL.pth' is a single training.*-simple"):
        import_official(tmp_path / "archive")


def test_code_beside_weights_does_not_run(tmp_path: Path) -> None:
    target = tmp_path / "made by a pickle"

    class Payload:
        def __reduce__(self) -> Any:
            return open, (str(target), "w")

    torch = pytest.importorskip("torch")
    for new in (True, False):
        torch.save(
            {"a": torch.zeros(2), "b": Payload()},
            tmp_path / "c.pth",
            _use_new_zipfile_serialization=new,
        )
        with pytest.raises(DataError, match="may run code"):
            import_official(tmp_path / "c.pth")
    assert not target.exists()


@pytest.mark.parametrize("index", CELLS)
def test_the_cost_of_a_query_equals_nats_bench(table: Table, api: Any, index: int) -> None:
    where = row(table, index)
    assert not table.search.query_seconds_fitted
    for hp, schedule in (("12", 12), ("200", 200)):
        for dataset, official in OFFICIAL.items():
            for seed in table.search.seeds(dataset, schedule):
                info = api.get_more_info(index, official, None, hp=hp, is_random=seed)
                theirs = info["train-all-time"] + info["valid-per-time"]
                assert same(table.search.query_seconds(dataset, schedule, seed)[where], theirs)
            info = api.get_more_info(index, official, None, hp=hp, is_random=False)
            theirs = info["train-all-time"] + info["valid-per-time"]
            assert same(table.search.query_seconds(dataset, schedule)[where], theirs)
            random.seed(0)
            cost = api.simulate_train_eval(index, dataset, iepoch=None, hp=hp)[2]
            assert table.search.query_seconds(dataset, schedule)[where] == pytest.approx(
                cost, rel=1e-12
            )


@pytest.mark.parametrize("index", CELLS)
def test_final_answers_and_sizes_equal_nats_bench(table: Table, api: Any, index: int) -> None:
    where = row(table, index)
    for dataset, official in OFFICIAL.items():
        final = api.get_more_info(index, dataset, None, hp="200", is_random=False)
        assert same(table.test.mean(dataset)[where], final["test-accuracy"])
        search = api.get_more_info(index, official, None, hp="200", is_random=False)
        assert same(table.test.valid_mean(dataset)[where], search["valid-accuracy"])
        assert table.test.count(dataset)[where] == 3
        for seed in (777, 888, 999):
            one = api.get_more_info(index, dataset, None, hp="200", is_random=seed)
            assert table.test.accuracy(dataset, 200, 200, seed)[where] == one["test-accuracy"]
        cost = api.get_cost_info(index, official, hp="200")
        assert table.search.params(dataset)[where] == round(cost["params"] * 1e6)
        assert table.search.flops(dataset)[where] == round(cost["flops"] * 1e6)


def test_trials_and_means_of_the_cheap_schedule(table: Table) -> None:
    assert table.search.seeds("cifar10", 12) == (111, 777)
    assert table.search.seeds("ImageNet16-120", 12) == (111,)
    both = [table.search.accuracy("cifar10", 12, 12, seed)[row(table, 0)] for seed in (111, 777)]
    assert both[0] != both[1]
    assert table.search.accuracy("cifar10", 12, 12)[row(table, 0)] == sum(both) / 2


def test_the_validation_curve_that_contains_test_images_stays_away(table: Table) -> None:
    names = {column.name for column in table.info.columns}
    assert "cifar100/pooled/hp200/curve/accuracy/seed777" in names
    assert not any("/pooled/" in name or "/test/" in name for name in table.search.names)
    for dataset in ("cifar100", "ImageNet16-120"):
        with pytest.raises(DataError):
            table.search.curve(dataset, 200, 777)
        with pytest.raises(DataError):
            table.search.accuracy(dataset, 200, 199)
        assert table.search.curve(dataset, 12, 111).shape[1] == 12


def test_missing_architectures_are_missing_and_counted(table: Table) -> None:
    assert table.info.cells == 3
    assert "15622 of 15625 architectures are not in the source: NaN" in table.info.notes
    assert "seeds of cifar10, schedule 200: cells 3: 3" in table.info.notes
    frame = table.to_pandas()
    assert len(frame) == 15625
    column = frame["cifar100/test/hp200/ep200/accuracy/seed777"]
    assert column.notna().sum() == 3
    assert set(np.flatnonzero(column.notna())) == set(CELLS)
    assert (frame["cifar100/test/hp200/count"] > 0).sum() == 3


def test_the_same_folder_gives_the_same_table_again(table: Table, data_folder: Path) -> None:
    again = import_official(upstream() / NATS_FOLDER, "three")
    assert again.hash == table.hash
    with pytest.raises(DataError, match=r"exists already: give --name or --force"):
        import_official(upstream() / NATS_FOLDER, "three")
    assert import_official(upstream() / NATS_FOLDER, "three", force=True).hash == table.hash
    assert [path.name for path in (data_folder / "tables").iterdir()] == ["three.safetensors"]


@FORMS
def test_large_files_give_what_the_cells_hold(
    write: Write, name: str, keys: tuple[str, str], tmp_path: Path
) -> None:
    # pickles set a thousand items at a time: the legacy form goes beyond that
    cells = 1003 if write is synthetic.write_legacy_torch else 30
    path = write(tmp_path / name, synthetic.chunks(cells, keys=keys, epochs=(2, 3), seeds=(777,)))
    table = import_official(path)
    assert table.name == default_name(path)
    assert load_table(table.name).hash == table.hash
    assert table.info.cells == cells
    expected = synthetic.cell(0, "any", keys=keys, epochs=(2, 3))[keys[0]]["all_results"]
    for seed in (111, 777):
        run = expected["cifar10-valid", seed]
        curve = [run["eval_acc1es"][f"x-valid@{epoch}"] for epoch in range(2)]
        for index in {0, 29, cells - 4, cells - 1}:
            where = row(table, index)
            found = table._read(f"cifar10-valid/valid/hp12/curve/accuracy/seed{seed}")[where]
            assert found.tolist() == curve
    assert np.isnan(
        table._read("cifar10-valid/valid/hp12/curve/accuracy/seed777")[row(table, cells)]
    ).all()


@FORMS
def test_all_forms_refuse_code(
    write: Write, name: str, keys: tuple[str, str], tmp_path: Path, data_folder: Path
) -> None:
    target = tmp_path / "made by a pickle"

    class Payload:
        def __reduce__(self) -> Any:
            return os.system, (f"touch '{target}'",)

    for protocol in (2, 4):
        cells = {0: synthetic.cell(0, "any", keys=keys, epochs=(2, 3)), 1: Payload()}
        attack = pickle.dumps({"meta_archs": [], "arch2infos": cells}, protocol=protocol)
        path = write(tmp_path / name, iter([attack]))
        with pytest.raises(DataError, match=r"refused to read|not of the topology space"):
            import_official(path, "attack")
        alone = write(tmp_path / name, iter([pickle.dumps(Payload(), protocol=protocol)]))
        with pytest.raises(DataError, match=r"refused to read .*system"):
            import_official(alone, "attack")
    assert not target.exists()
    assert list(data_folder.glob("tables/*")) == []


@pytest.mark.parametrize("name", ["meta", "000000"])
def test_the_folder_refuses_code(tmp_path: Path, name: str) -> None:
    target = tmp_path / "made by a pickle"

    class Payload:
        def __reduce__(self) -> Any:
            return os.system, (f"touch '{target}'",)

    folder = tmp_path / "NATS-tss-simple"
    shutil.copytree(upstream() / NATS_FOLDER, folder)
    path = folder / f"{name}.pickle.pbz2"
    path.chmod(0o644)
    path.write_bytes(bz2.compress(pickle.dumps({"12": Payload()})))
    with pytest.raises(DataError, match=rf"refused to read '.*{name}.*system"):
        import_official(folder)
    assert not target.exists()


def test_an_architecture_without_runs_is_one_line() -> None:
    with pytest.raises(DataError, match="'a file' holds an architecture without any training run"):
        Recorder(io.BytesIO()).add({}, "a file")


@FORMS
def test_damaged_files_are_one_line(
    write: Write, name: str, keys: tuple[str, str], tmp_path: Path, data_folder: Path
) -> None:
    path = write(tmp_path / name, synthetic.chunks(5, keys=keys, epochs=(2, 3)))
    whole = path.read_bytes()
    for cut in (0, 3, 50, len(whole) // 2, len(whole) - 500):
        path.write_bytes(whole[:cut])
        with pytest.raises(DataError) as caught:
            import_official(path, "damaged")
        assert "\n" not in str(caught.value)
        assert path.name in str(caught.value)
    assert list(data_folder.glob("tables/*")) == []


def test_what_is_no_official_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="does not exist"):
        import_official(tmp_path / "absent.pth")
    other = tmp_path / "other.pth"
    for content in (b"hello world", pickle.dumps({"weights": 1}), pickle.dumps([1, 2])):
        other.write_bytes(content)
        with pytest.raises(DataError, match=r"other\.pth"):
            import_official(other)
    empty = tmp_path / "empty"
    empty.mkdir()
    with pytest.raises(DataError, match="no official folder"):
        import_official(empty)
    with pytest.raises(InvalidInput, match="no table name"):
        import_official(other, "../escape")


def test_a_wrong_order_is_refused(tmp_path: Path) -> None:
    space = NasBench201()
    arch = space.format(space.architecture(7))
    cells = {3: synthetic.cell(3, arch, keys=("12", "200"), epochs=(2, 3))}
    path = synthetic.write_bz2(
        tmp_path / "wrong.pickle.pbz2", iter([pickle.dumps({"arch2infos": cells})])
    )
    with pytest.raises(DataError, match=r"calls architecture 7 number 3"):
        import_official(path)


def test_memory_does_not_grow_with_the_file(tmp_path: Path) -> None:
    """2,000 cells take no more memory than 200 do, but for a few bytes of memo."""
    code = """
import sys
from pathlib import Path
from nasbench.benchmarks.sources.official import import_official
import_official(Path(sys.argv[1]), "big", force=True)
# not getrusage: its peak is inherited from the process that started this one
status = Path("/proc/self/status").read_text()
print(next(line.split()[1] for line in status.splitlines() if line.startswith("VmHWM")))
"""
    peaks = []
    for cells in (200, 2000):
        path = synthetic.write_legacy_torch(
            tmp_path / "big.pth", synthetic.chunks(cells, epochs=(1, 2), seeds=(777,))
        )
        done = subprocess.run(  # our own interpreter
            [sys.executable, "-c", code, str(path)], check=True, capture_output=True, text=True
        )
        peaks.append(int(done.stdout) / 1024)
    assert path.stat().st_size > 10e6
    assert peaks[1] - peaks[0] < 25
    assert peaks[1] < 250

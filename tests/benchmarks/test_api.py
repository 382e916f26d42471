"""A loaded API object becomes the same table as the importer makes of its file."""

import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from nasbench.benchmarks.sources.api import from_api
from nasbench.benchmarks.sources.official import import_official
from nasbench.benchmarks.tables.table import Table
from nasbench.errors import DataError
from nasbench.spaces.nb201 import NasBench201
from tests.benchmarks import synthetic
from tests.upstream import NATS_FOLDER, upstream


@pytest.fixture(autouse=True)
def data_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NASBENCH_DATA", str(tmp_path / "data"))


def same_numbers(first: Table, second: Table) -> None:
    assert {c.name: c.sha256 for c in first.info.columns} == {
        c.name: c.sha256 for c in second.info.columns
    }


def official(keys: tuple[str, str]) -> dict[str, Any]:
    space = NasBench201()
    archs = [space.format(one) for one in space.architectures]
    cells = {i: synthetic.cell(i, archs[i], keys=keys) for i in (0, 5)}
    return {"meta_archs": archs, "arch2infos": cells, "evaluated_indexes": {0, 5}}


def test_nats_bench_in_fast_mode() -> None:
    nats_bench = pytest.importorskip("nats_bench")
    folder = upstream() / NATS_FOLDER
    api = nats_bench.create(str(folder), "tss", fast_mode=True, verbose=False)
    same_numbers(from_api(api), import_official(folder, "three"))


def test_nats_bench_loaded_whole(tmp_path: Path) -> None:
    nats_bench = pytest.importorskip("nats_bench")
    content = official(("12", "200"))
    api = nats_bench.create(content, "tss", fast_mode=False, verbose=False)
    table = from_api(api, name="mine")
    path = synthetic.write_bz2(tmp_path / "nats.pickle.pbz2", iter([pickle.dumps(content)]))
    same_numbers(table, import_official(path))
    assert table.name == "mine"
    assert table.rows is not None
    ours = table.search.accuracy("cifar10", 12, 12)[table.rows[5]]
    theirs = api.get_more_info(5, "cifar10-valid", None, hp="12", is_random=False)
    assert ours == theirs["valid-accuracy"]
    table.save(tmp_path / "mine.safetensors")
    assert Table.open(tmp_path / "mine.safetensors").hash == table.hash


def test_nas_201_api(tmp_path: Path) -> None:
    nas_201_api = pytest.importorskip("nas_201_api")
    content = official(("less", "full"))
    api = nas_201_api.NASBench201API(content, verbose=False)
    table = from_api(api)
    path = synthetic.write_legacy_torch(
        tmp_path / "NAS-Bench-201.pth", iter([pickle.dumps(content, protocol=2)])
    )
    same_numbers(table, import_official(path))
    assert table.rows is not None
    final = api.get_more_info(5, "cifar100", None, hp="200", is_random=False)
    assert table.test.mean("cifar100")[table.rows[5]] == final["test-accuracy"]
    assert np.isnan(table.to_pandas()["cifar10-valid/query/hp12/seconds/mean"][1])


def test_other_objects_are_refused() -> None:
    with pytest.raises(DataError, match="give a loaded nats_bench or nas_201_api object"):
        from_api({"meta_archs": []})

    class Size:
        meta_archs = ("8:8:8:8:8",)
        arch2infos_dict: dict[int, Any] = {}

    with pytest.raises(DataError, match="not of the topology space"):
        from_api(Size())

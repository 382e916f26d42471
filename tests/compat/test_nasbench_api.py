"""`nasbench.api` and `nasbench.lib`: what scripts for Google's NAS-Bench-101 code call.

The constants marked as Google's were printed by its code, with a reader of TFRecords in the place
of TensorFlow.
"""

import pickle
import random
from itertools import permutations
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from nasbench import api
from nasbench.benchmarks.catalogue import fetch_table
from nasbench.compat.answers import NotInTable
from nasbench.errors import DataError
from nasbench.lib import config, graph_util, model_spec
from nasbench.spaces.nb101 import NasBench101
from tests.benchmarks.record_files import content, metrics, write
from tests.upstream import upstream

SPACE = NasBench101()
OPS = ["conv3x3-bn-relu", "conv1x1-bn-relu", "maxpool3x3"]
INCEPTION = [
    [0, 1, 1, 1, 0, 1, 0],
    [0, 0, 0, 0, 0, 0, 1],
    [0, 0, 0, 0, 0, 0, 1],
    [0, 0, 0, 0, 1, 0, 0],
    [0, 0, 0, 0, 0, 0, 1],
    [0, 0, 0, 0, 0, 0, 1],
    [0, 0, 0, 0, 0, 0, 0],
]
INCEPTION_OPS = ["input", OPS[1], OPS[0], OPS[0], OPS[0], OPS[2], "output"]
EC_NAS = (
    "PedramBakh/EC-NAS-Bench/13e373ead9d5c1fa177de1c1217b0cd9d8739aac/ecnas/ecnas/utils/data/"
    "tabular_benchmarks/energy_4V9E.tfrecord"
)


def spec(index: int) -> api.ModelSpec:
    cell = SPACE.architecture(index)
    matrix = np.zeros((cell.nodes, cell.nodes), dtype=int)
    for edge in cell.edges:
        matrix[edge] = 1
    return api.ModelSpec(matrix, ["input", *cell.operations, "output"])


def record(index: int, epochs: int, trial: int) -> bytes:
    cell = SPACE.architecture(index)
    valid, test = 0.5 + index / 1000 + trial / 100, 0.4 + index / 1000 + trial / 100
    packed = metrics(epochs, valid, test, 10.0 * epochs + trial, SPACE.parameters(cell))
    return content(SPACE.hash_of(cell), epochs, cell, packed)


@pytest.fixture(autouse=True)
def data_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NASBENCH_DATA", str(tmp_path / "data"))
    monkeypatch.delenv("NASBENCH_COMPAT_101", raising=False)


@pytest.fixture
def file(tmp_path: Path) -> str:
    rows = [record(i, e, t) for i in range(5) for e in (4, 108) for t in range(3)]
    return str(write(tmp_path / "some.tfrecord", rows))


def test_a_query_samples_a_trial_and_counts_its_cost(file: str) -> None:
    bench = api.NASBench(file, seed=3)
    draws = random.Random(3)
    seconds = epochs = 0.0
    for count in range(60):
        half, e = bool(count % 2), (4, 108)[count % 3 == 0]
        index = count % 5
        found = bench.query(spec(index), epochs=e, stop_halfway=half)
        trial = draws.randint(0, 2)
        whole = 10.0 * e + trial
        seconds += whole / 2 if half else whole
        epochs += e // 2 if half else e
        assert found["training_time"] == (whole / 2 if half else whole)
        worth = 0.5 if half else 1.0
        assert found["validation_accuracy"] == (0.5 + index / 1000 + trial / 100) * worth
        assert found["test_accuracy"] == (0.4 + index / 1000 + trial / 100) * worth
        assert found["trainable_parameters"] == SPACE.parameters(SPACE.architecture(index))
        assert bench.get_budget_counters() == (pytest.approx(seconds), epochs)
    assert bench.training_time_spent == pytest.approx(seconds)
    bench.reset_budget_counters()
    assert bench.get_budget_counters() == (0.0, 0)
    assert bench.valid_epochs == {4, 108}


def test_every_trial_by_hash_and_by_cell(file: str) -> None:
    bench = api.NASBench(file)
    hashes = list(bench.hash_iterator())
    assert hashes == [SPACE.hash_of(SPACE.architecture(i)) for i in range(5)]
    for index, name in enumerate(hashes):
        fixed, computed = bench.get_metrics_from_hash(name)
        other, same = bench.get_metrics_from_spec(spec(index))
        assert np.array_equal(fixed["module_adjacency"], other["module_adjacency"])
        assert computed == same
        assert [one["final_training_time"] for one in computed[108]] == [1080, 1081, 1082]
        assert [one["halfway_training_time"] for one in computed[4]] == [20, 20.5, 21]
        assert bench.get_module_hash(spec(index)) == name
        assert bench.computed_statistics[name] == computed
        assert bench.fixed_statistics[name]["module_operations"] == fixed["module_operations"]
    assert len(bench.fixed_statistics) == 5
    assert bench.get_budget_counters() == (0.0, 0)
    with pytest.raises(KeyError, match="all are in nasbench_only108"):
        bench.get_metrics_from_hash("0" * 32)
    with pytest.raises(NotInTable, match="which has 5 cells"):
        bench.query(spec(9))


def test_what_is_outside_the_space(file: str) -> None:
    bench = api.NASBench(file)
    eight = np.triu(np.ones((8, 8), dtype=int), 1)
    seven = np.triu(np.ones((7, 7), dtype=int), 1)
    for matrix, ops, message in (
        (eight, ["input", *[OPS[0]] * 6, "output"], "too many vertices, got 8"),
        (seven, ["input", *[OPS[0]] * 5, "output"], "too many edges, got 21"),
        ([[0, 0], [0, 0]], ["input", "output"], "disconnected"),
        ([[0, 1], [0, 0]], ["x", "output"], "first operation should be 'input'"),
        ([[0, 1], [0, 0]], ["input", "x"], "last operation should be 'output'"),
        ([[0, 1, 0], [0, 0, 1], [0, 0, 0]], ["input", "x", "output"], "unsupported op x"),
    ):
        odd = api.ModelSpec(matrix, ops)
        assert not bench.is_valid(odd)
        with pytest.raises(api.OutOfDomainError, match=message):
            bench.query(odd)
    assert bench.is_valid(spec(423_000))
    with pytest.raises(api.OutOfDomainError, match="invalid number of epochs"):
        bench.query(spec(0), epochs=12)
    with pytest.raises(NotInTable, match="trains no networks"):
        bench.evaluate(spec(0), "folder")
    for matrix, ops, message in (
        ([[0, 1]], ["input", "output"], "square"),
        ([[0, 1], [0, 0]], ["input"], "length of ops"),
        ([[0, 0], [1, 0]], ["input", "output"], "upper triangular"),
    ):
        with pytest.raises(ValueError, match=message):
            api.ModelSpec(matrix, ops)


def test_what_is_on_no_path_is_pruned() -> None:
    matrix = np.zeros((6, 6), dtype=int)
    for edge in ((0, 1), (1, 5), (0, 2), (3, 5), (3, 4)):  # 2 leads nowhere, 3 and 4 come from none
        matrix[edge] = 1
    ops = ["input", OPS[0], OPS[1], OPS[2], OPS[1], "output"]
    pruned = api.ModelSpec(matrix, ops)
    assert pruned.valid_spec
    assert pruned.matrix.tolist() == [[0, 1, 0], [0, 0, 1], [0, 0, 0]]
    assert pruned.ops == ["input", OPS[0], "output"]
    assert pruned.original_ops == ops
    assert np.array_equal(pruned.original_matrix, matrix)
    assert model_spec.ModelSpec is api.ModelSpec


def test_hashes_are_those_of_google_and_of_the_space() -> None:
    """Google's: the Inception-like cell of its README."""
    inception = api.ModelSpec(INCEPTION, INCEPTION_OPS)
    assert inception.hash_spec(OPS) == "28cfc7874f6d200472e1a9dcd8650aa0"
    for index in range(0, 423_624, 20_011):
        one = spec(index)
        assert one.hash_spec(OPS) == SPACE.hash_of(SPACE.architecture(index))


def test_graphs() -> None:
    matrix = np.array(INCEPTION)
    labels = [-1, 1, 0, 0, 0, 2, -2]
    name = graph_util.hash_module(matrix, labels)
    for order in list(permutations(range(7)))[::700]:
        other, names = graph_util.permute_graph(matrix, labels, order)
        assert all(other[order[a], order[b]] == matrix[a, b] for a in range(7) for b in range(7))
        assert [names[order[vertex]] for vertex in range(7)] == labels
        assert graph_util.hash_module(other, names) == name
        assert graph_util.is_isomorphic((matrix, labels), (other, names))
    assert not graph_util.is_isomorphic((matrix, labels), (matrix, [*labels[:-2], 0, -2]))
    made = np.fromfunction(graph_util.gen_is_edge_fn(0b101101), (4, 4), dtype=np.int8)
    assert made.astype(int).tolist() == [[0, 1, 0, 1], [0, 0, 1, 0], [0, 0, 0, 1], [0, 0, 0, 0]]
    assert graph_util.num_edges(made) == 4
    assert graph_util.is_full_dag(made)
    assert not graph_util.is_full_dag(np.array([[0, 1, 1], [0, 0, 0], [0, 0, 0]]))
    assert config.build_config()["available_ops"] == OPS


def test_the_trainings_of_ec_nas() -> None:
    """Google's code prints these of the first cell and the first query of seed 11."""
    bench = api.NASBench(str(upstream() / EC_NAS), seed=11)
    first = next(iter(bench.hash_iterator()))
    fixed, computed = bench.get_metrics_from_hash(first)
    assert computed[108][0]["final_validation_accuracy"] == 0.928786039352417
    assert computed[108][0]["halfway_training_time"] == 19.76300048828125
    assert fixed["trainable_parameters"] == 3468426
    assert len(bench.hash_iterator()) == 91
    assert {len(one) for one in computed.values()} == {3}
    known = api.ModelSpec(fixed["module_adjacency"], fixed["module_operations"])
    draws = random.Random(11)
    for _ in range(5):
        trial = computed[36][draws.randint(0, 2)]
        assert bench.query(known, 36)["test_accuracy"] == trial["final_test_accuracy"]


@pytest.mark.parametrize("name", ["nb101-20k", "nb101-5v"])
def test_tables_answer_without_a_file(name: str) -> None:
    upstream()
    table = fetch_table(name)
    bench = api.NASBench("/no/such/nasbench_full.tfrecord")
    epochs = {"nb101-20k": 36, "nb101-5v": 4}[name]
    for place in (0, 100, table.space.size - 1):
        cell = table.space.architecture(place)
        digest = SPACE.hash_of(cell)
        fixed, _ = bench.get_metrics_from_hash(digest)
        one = api.ModelSpec(fixed["module_adjacency"], fixed["module_operations"])
        assert one.hash_spec(OPS) == digest == bench.get_module_hash(one)
        found = bench.query(one, epochs)
        schedule = {"nb101-20k": 108, "nb101-5v": 4}[name]
        valid = table.search.accuracy("cifar10", schedule, epochs)[place]
        assert found["validation_accuracy"] == pytest.approx(valid / 100, rel=1e-6)
        last = bench.query(one)
        assert last["test_accuracy"] == pytest.approx(
            table.test.mean("cifar10", 108)[place] / 100, rel=1e-6
        )
    assert len(bench.hash_iterator()) == table.space.size
    assert next(iter(bench.hash_iterator())) == SPACE.hash_of(table.space.architecture(0))
    assert bench.total_epochs_spent == 3 * (epochs + 108)


def test_what_a_table_lacks_raises_and_says_which_file_has_it() -> None:
    upstream()
    fetch_table("nb101-5v")
    bench = api.NASBench()
    one = api.ModelSpec([[0, 1], [0, 0]], ["input", "output"])
    assert bench.query(one, 4)["training_time"] > 0
    assert bench.get_budget_counters()[0] > 0
    final = bench.query(one)
    for call in (
        lambda: final["validation_accuracy"],
        lambda: bench.query(one, 4, stop_halfway=True),
        lambda: bench.query(api.ModelSpec(INCEPTION, INCEPTION_OPS)),
    ):
        with pytest.raises(NotInTable, match=r"nasbench_(only108|full)\.tfrecord") as raised:
            call()
        assert "\n" not in str(raised.value)
    with pytest.raises(NotInTable, match="has no seconds of what was queried"):
        bench.get_budget_counters()
    bench.reset_budget_counters()
    assert bench.get_budget_counters() == (0.0, 0)


def test_it_can_be_sent_to_another_process(file: str) -> None:
    bench = api.NASBench(file, seed=4)
    bench.query(spec(0))
    again = pickle.loads(pickle.dumps(bench))
    assert again.get_budget_counters() == bench.get_budget_counters()
    for _ in range(9):
        ours, theirs = bench.query(spec(1)), again.query(spec(1))
        assert ours["validation_accuracy"] == theirs["validation_accuracy"]


def test_what_cannot_answer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, file: str) -> None:
    with pytest.raises(DataError, match="nasbench data fetch nb101"):
        api.NASBench()
    other = tmp_path / "other.tfrecord"
    other.write_text("no record")
    with pytest.raises(DataError, match="neither a record file"):
        api.NASBench(other)
    monkeypatch.setenv("NASBENCH_COMPAT_101", "digits")
    with pytest.raises(DataError, match="not of NAS-Bench-101"):
        api.NASBench()
    monkeypatch.setenv("NASBENCH_COMPAT_101", file)
    assert api.NASBench("/no/such/file").valid_epochs == {4, 108}


def test_regularized_evolution_of_googles_notebook(file: str) -> None:
    """Its loop ends by the budget that the queries count."""
    bench = api.NASBench(file, seed=0)
    draw, times, best = random.Random(0), [0.0], [(0.0, 0.0)]
    while times[-1] < 50_000:
        data: dict[str, Any] = bench.query(spec(draw.randrange(5)))
        best.append(max(best[-1], (data["validation_accuracy"], data["test_accuracy"])))
        times.append(bench.get_budget_counters()[0])
    assert 46 <= len(times) - 1 <= 47
    assert best[-1] == (pytest.approx(0.524), pytest.approx(0.424))

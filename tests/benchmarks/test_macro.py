"""NAS-Bench-Macro from the authors' file: what a search sees, what judges, sizes and optima."""

import json
from pathlib import Path

import numpy as np
import pytest

from nasbench import audit, load_results
from nasbench.benchmarks.protocols import protocols_for
from nasbench.benchmarks.sources.macro import FILES, build
from nasbench.benchmarks.tables.table import Table
from nasbench.errors import DataError, InvalidInput
from nasbench.harness.compare import compare
from nasbench.harness.execution.run import run
from nasbench.harness.show import describe
from nasbench.spaces.macro import STAGES, Macro
from nasbench.testing import TableConformance
from tests.upstream import upstream

_BUILT: list[Table] = []


def path() -> Path:
    return upstream() / FILES[0].place


def table() -> Table:
    if not _BUILT:
        _BUILT.append(build([path()]))
    return _BUILT[0]


class TestTable(TableConformance):
    @property
    def table(self) -> Table:  # type: ignore[override]
        return table()


def test_searches_see_one_training_and_the_others_judge() -> None:
    """The three numbers of the file of every network; the best mean of three is 93.13."""
    records, of, space = json.loads(path().read_text()), table(), Macro()
    three = np.array([records[space.format(one)]["test_acc"] for one in space.architectures])
    assert np.array_equal(of.search.accuracy("cifar10", 50, 50), three[:, 0])
    assert of.search.seeds("cifar10", 50) == (0,)
    assert of.test.seeds("cifar10", 50) == (1, 2)
    assert np.array_equal(of.test.mean("cifar10"), three[:, 1:].sum(axis=1) / 2)
    assert set(of.test.count("cifar10").tolist()) == {2}
    whole = (three[:, 0] + 2 * of.test.mean("cifar10")) / 3
    assert round(float(whole.max()), 2) == 93.13
    assert space.format(space.architecture(int(whole.argmax()))) == "22212202"
    assert of.test.is_best_epoch("cifar10", 50, "accuracy")
    assert not any("/test/" in name for name in of.search.names)


def test_the_optima_of_the_card() -> None:
    of, space = table(), Macro()
    signal, test = of.search.accuracy("cifar10", 50, 50), of.test.mean("cifar10")
    for numbers, best, text in ((signal, 93.28, "22212202"), (test, 93.24, "22211222")):
        assert round(float(numbers.max()), 2) == pytest.approx(best, abs=0.006)
        assert space.format(space.architecture(int(numbers.argmax()))) == text
    assert [round(float(np.median(one)), 2) for one in (signal, test)] == [90.97, 90.99]
    assert test[0] == pytest.approx(45.38, abs=0.006)


def by_hand(text: str) -> tuple[int, int]:
    """Weights and multiply-adds of a network, from the paper's description of its layers."""
    weights, products = [27 * 32, 2 * 32], [27 * 32 * 32**2]
    blocks, channels, side = iter(text), 32, 32

    def convolution(into: int, out: int, kernel: int, area: int, groups: int = 1) -> None:
        count = into * out // groups * kernel**2
        weights.extend((count, 2 * out))
        products.append(count * area)

    for length in STAGES:
        for layer in range(length):
            first = layer == 0
            before, out = channels, channels * 2 if first else channels
            area, after = side**2, (side // 2 if first else side) ** 2
            block = next(blocks)
            if block == "0" and first:
                convolution(before, out, 1, after)
            elif block != "0":
                expansion, kernel = {"1": (3, 3), "2": (6, 5)}[block]
                hidden = before * expansion
                convolution(before, hidden, 1, area)
                convolution(hidden, hidden, kernel, after, groups=hidden)
                convolution(hidden, out, 1, after)
            channels, side = out, side // 2 if first else side
    convolution(256, 1280, 1, side**2)
    return sum(weights) + 1280 * 10 + 10, sum(products) + 1280 * 10


def test_sizes_are_those_of_the_layers() -> None:
    """Of all networks, which also proves the order of the digits."""
    of, space = table(), Macro()
    known = [by_hand(space.format(one)) for one in space.architectures]
    assert of.search.params("cifar10").tolist() == [weights for weights, _ in known]
    assert of.search.flops("cifar10").tolist() == [products for _, products in known]


def test_equal_networks_have_equal_numbers() -> None:
    of, space = table(), Macro()
    first = [space.index(space.canonical(one)) for one in space.architectures]
    for numbers in (of.search.accuracy("cifar10", 50, 50), of.test.mean("cifar10")):
        assert np.array_equal(numbers, numbers[first])


def test_it_is_searched_with_a_budget_of_evaluations(tmp_path: Path) -> None:
    of = table()
    file = tmp_path / "macro.safetensors"
    of.save(file)
    assert [one.name for one in protocols_for(of)] == ["macro-100"]
    run("random-search,regularized-evolution", seeds=3, benchmark=file,
        out=tmp_path / "results", workers=1)  # fmt: skip
    results = load_results(tmp_path / "results")
    assert set(results.runs.budget) == {"100evals"}
    assert set(results.runs.evaluations) == {100}
    space = Macro()
    for one in results.runs.to_dict("records"):
        index = space.index(space.parse(one["incumbent"]))
        assert one["signal"] == of.search.accuracy("cifar10", 50, 50)[index]
        assert one["test/cifar10"] == of.test.mean("cifar10")[index]
    (block,) = compare(tmp_path / "results").blocks
    assert block.about_test == (
        "test on CIFAR-10: each network's best over the epochs of its training, an optimistic "
        "number",
        "validation on CIFAR-10: of another training on the images of test, so nothing is known of "
        "other images",
        "test: mean over 2 training seeds",
    )
    assert audit(tmp_path / "results", replays=2).faults == ()
    with pytest.raises(InvalidInput, match="second"):
        run("random-search", seeds=1, benchmark=file, budget="100s", out=tmp_path / "x", workers=1)
    with pytest.raises(InvalidInput, match="'cifar100' is not in table 'macro': it has cifar10"):
        run("random-search", seeds=1, benchmark=file, datasets="cifar100", out=tmp_path / "x")


def test_final_sets_say_what_their_values_are(tmp_path: Path) -> None:
    """Searches of several objectives have no references, and the same reservations."""
    file = tmp_path / "macro.safetensors"
    table().save(file)
    run("random-search", seeds=2, benchmark=file, objective="accuracy,params", budget="9evals",
        out=tmp_path / "results", workers=1)  # fmt: skip
    (block,) = compare(tmp_path / "results").blocks
    assert [line.partition(":")[0] for line in block.reservations] == [
        "test on CIFAR-10", "validation on CIFAR-10",
    ]  # fmt: skip


def test_a_network_is_shown_by_its_digits_or_its_index(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NASBENCH_DATA", str(tmp_path))
    table().save(tmp_path / "tables" / "macro.safetensors")
    by_text, by_index = (describe(one, "macro") for one in ("22212202", "6473"))
    assert (by_text.index, by_text.text) == (by_index.index, by_index.text) == (6473, "22212202")
    (record,) = by_text.records
    assert record.test is not None
    assert (record.test.rank, record.test.among) == (9, 6561)
    with pytest.raises(InvalidInput, match="use 0 to 6560"):
        describe("6561", "macro")


def test_wrong_files_are_one_line(tmp_path: Path) -> None:
    records = json.loads(path().read_text())
    wrong = tmp_path / "wrong.json"

    def refused(content: str, said: str) -> None:
        wrong.write_text(content)
        with pytest.raises(DataError, match=said) as caught:
            build([wrong])
        assert "\n" not in str(caught.value)
        assert "wrong.json" in str(caught.value) or "table 'macro'" in str(caught.value)

    refused("", "is not NAS-Bench-Macro's file")
    refused("[1, 2]", "a list instead of a dict of networks")
    refused(path().read_text()[:-1000], "is not NAS-Bench-Macro's file")
    refused(json.dumps({"0201210": records["02012100"]}), "architecture '0201210' is none of space")
    refused(json.dumps(dict(list(records.items())[:6560])), "lacks 1 of 6561 networks")
    for change, said in (
        ({"test_acc": [90.0, 91.0]}, "network 02012100 has no three accuracies"),
        ({"test_acc": ["a", "b", "c"]}, "ValueError"),
        ({"params": 10**12}, "is not NAS-Bench-Macro's file"),
        ({"test_acc": [90.0, 91.0, 192.0]}, "accuracy 192 must be 0 to 100 %"),
    ):
        refused(json.dumps({**records, "02012100": {**records["02012100"], **change}}), said)
    with pytest.raises(DataError, match="is not NAS-Bench-Macro's file"):
        build([tmp_path / "absent.json"])

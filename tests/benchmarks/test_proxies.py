"""Files of measured proxies: what is read is what was written, and nothing else."""

import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from nasbench.benchmarks import places
from nasbench.benchmarks.catalogue import load_table
from nasbench.benchmarks.proxies import (
    About,
    Proxies,
    file_name,
    find_proxies,
    proxies_folder,
    read_proxies,
    write_proxies,
)
from nasbench.errors import DataError

SIZE = 15_625
ABOUT = About(
    table="digits", dataset="digits", space="nb201", size=SIZE, seed=0, batch=8, images="noise",
    recipe="digits-15", channels=8, cells=2, initialisation="he", device="cpu",
    processor="Abacus (R) 2", threads=1, torch="2.6", wall={"naswot": 1.5},
)  # fmt: skip


def measured(**changes: float) -> Proxies:
    """Return scores of one proxy in double and one in single precision, with gaps."""
    random = np.random.default_rng(0)
    scores = {"synflow": 10.0 ** random.uniform(0, 60, SIZE), "naswot": random.normal(size=SIZE)}
    scores["naswot"] = scores["naswot"].astype(np.float32).astype(np.float64)
    scores["naswot"][[3, 5]] = [-math.inf, math.nan]
    seconds = {name: np.full(SIZE, 0.25) for name in scores}
    seconds["naswot"][5] = math.nan
    about = ABOUT.model_copy(update=changes)
    return Proxies(tuple(scores), scores, seconds, about)


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("NASBENCH_DATA", str(tmp_path))
    return tmp_path / "proxies"


def test_a_file_gives_back_every_bit(folder: Path) -> None:
    written = measured()
    write_proxies(folder / "digits.digits.parquet", written)
    read = read_proxies(folder / "digits.digits.parquet")
    assert (read.table, read.dataset, read.names) == ("digits", "digits", ("synflow", "naswot"))
    for name in read.names:
        np.testing.assert_array_equal(read.scores[name], written.scores[name])
        np.testing.assert_array_equal(read.seconds[name], written.seconds[name])
        assert not read.scores[name].flags.writeable
    assert read.info == written.info
    assert read.digest == written.digest
    assert read.measured == SIZE - 1


def test_the_digest_is_of_scores_seconds_and_settings() -> None:
    digests = [measured().digest, measured(seed=1).digest, measured(batch=9).digest]
    one = measured()
    one.scores["naswot"][0] += 1
    other = measured()
    other.seconds["synflow"][0] += 1
    digests += [one.digest, other.digest]
    assert len(set(digests)) == len(digests)
    assert measured().digest == digests[0]


def test_a_users_own_measurement_comes_before_the_shipped_one(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(places, "SHIPPED", tmp_path / "shipped")
    assert find_proxies("digits", "digits") is None
    write_proxies(tmp_path / "shipped" / file_name("digits", "digits"), measured(seed=1))
    found = find_proxies("digits", "digits")
    assert found is not None
    assert found.info.seed == 1
    write_proxies(proxies_folder() / file_name("digits", "digits"), measured(seed=2))
    found = find_proxies(load_table("digits"), "digits")
    assert found is not None
    assert found.info.seed == 2
    assert find_proxies("digits", "cifar10") is None
    assert find_proxies("other", "digits") is None


def test_names_of_data_sets_that_are_paths_become_names_of_files() -> None:
    one, other = (file_name("mine", f"folder:/data/{name}@32") for name in ("a b", "a-b"))
    assert one != other
    assert "/" not in one + other
    assert one.startswith("mine.folder-data-a-b-32-")
    assert file_name("nb201", "ImageNet16-120") == "nb201.ImageNet16-120.parquet"


@pytest.mark.parametrize("place", [0.001, 0.3, 0.5, 0.999])
def test_a_flipped_bit_is_noticed(folder: Path, place: float) -> None:
    path = folder / file_name("digits", "digits")
    write_proxies(path, measured())
    content = bytearray(path.read_bytes())
    content[int(place * len(content))] ^= 4
    path.write_bytes(content)
    with pytest.raises(
        DataError, match=r"proxies '.*' are damaged \(.*\): remove the file"
    ) as error:
        find_proxies("digits", "digits")
    assert "\n" not in str(error.value)


def test_half_a_file_and_no_file_at_all_are_noticed(folder: Path) -> None:
    path = folder / file_name("digits", "digits")
    write_proxies(path, measured())
    path.write_bytes(path.read_bytes()[:5000])
    with pytest.raises(DataError, match="are damaged"):
        find_proxies("digits", "digits")
    with pytest.raises(DataError, match="are damaged"):
        read_proxies(folder / "none.parquet")


def test_a_file_of_another_table_or_space_is_noticed(folder: Path) -> None:
    write_proxies(folder / file_name("other", "digits"), measured())
    with pytest.raises(DataError, match="it is of 'digits' of table 'digits'"):
        find_proxies("other", "digits")
    few = replace(
        measured(size=2),
        scores={name: np.ones(2) for name in ("synflow", "naswot")},
        seconds={name: np.ones(2) for name in ("synflow", "naswot")},
    )
    write_proxies(folder / file_name("digits", "digits"), few)
    with pytest.raises(DataError, match="are of 2 architectures of space 'nb201', table 'digits'"):
        find_proxies(load_table("digits"), "digits")


def test_a_newer_schema_asks_for_a_newer_nasbench(folder: Path) -> None:
    write_proxies(folder / "x.parquet", measured(schema_version=2))
    with pytest.raises(DataError, match=r"schema version 2, .* upgrade nasbench"):
        read_proxies(folder / "x.parquet")


@pytest.mark.parametrize(
    ("score", "seconds", "why"),
    [
        (math.inf, 1.0, "infinite score"),
        (math.nan, 1.0, "a score without seconds"),
        (1.0, math.nan, "a score without seconds"),
        (1.0, -1.0, "no finite number from 0"),
        (1.0, math.inf, "no finite number from 0"),
    ],
)
def test_impossible_numbers_are_not_written(
    folder: Path, score: float, seconds: float, why: str
) -> None:
    wrong = measured()
    wrong.scores["naswot"][0], wrong.seconds["naswot"][0] = score, seconds
    with pytest.raises(DataError, match=why):
        write_proxies(folder / "x.parquet", wrong)
    assert not (folder / "x.parquet").exists()

"""Official archives, image folders and arrays: parts never overlap, pickles run nothing."""

import hashlib
import pickle
import shutil
import zipfile
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from nasbench.benchmarks.training.catalogue import load_data
from nasbench.benchmarks.training.data import DataSet, Part
from nasbench.benchmarks.training.readers.arrays import npz_file
from nasbench.benchmarks.training.readers.cifar import cifar10, cifar100
from nasbench.benchmarks.training.readers.folder import image_folder
from nasbench.benchmarks.training.readers.imagenet16 import imagenet16_120
from nasbench.benchmarks.training.readers.images import Augmentation, halves, statistics
from nasbench.benchmarks.training.readers.official import Release
from nasbench.benchmarks.training.readers.releases import CIFAR10, CIFAR100, IMAGENET16
from nasbench.errors import DataError, InvalidInput
from tests.benchmarks.training import archives
from tests.benchmarks.training.archives import images, numbers, publish

OFFICIAL = [
    (cifar10, CIFAR10, archives.cifar10_files, "labels"),
    (cifar100, CIFAR100, archives.cifar100_files, "fine_labels"),
    (imagenet16_120, IMAGENET16, archives.imagenet16_files, "labels"),
]
EVERY = pytest.mark.parametrize(("read", "release", "files", "key"), OFFICIAL)


def parts(data: DataSet) -> dict[Part, list[int]]:
    return {part: numbers(data, part) for part in Part}


def disjoint(data: DataSet) -> list[int]:
    """Check that no image is in two parts; return all numbers."""
    every = [number for part in parts(data).values() for number in part]
    assert len(set(every)) == len(every)
    return sorted(every)


def test_the_synthetic_batches_are_what_python_2_wrote() -> None:
    """Against Python's own unpickler, with the options torchvision uses."""
    content = archives.python2_batch(images(0, 3, 32), [4, 5, 6], "labels")
    found = pickle.loads(content, encoding="latin1")
    assert np.array_equal(found["data"], images(0, 3, 32).reshape(3, -1))
    assert found["labels"] == [4, 5, 6]


@EVERY
def test_official_parts_are_disjoint_and_reproducible(
    tmp_path: Path, read: Any, release: Release, files: Any, key: str
) -> None:
    made = publish(tmp_path, release, files())
    data = read(tmp_path, made)
    disjoint(data)
    again = read(tmp_path / release.folder, made)  # the folder itself may be named
    assert again.fingerprint() == data.fingerprint()
    if release.archive is not None:
        shutil.rmtree(tmp_path / release.folder)
        assert read(tmp_path, made).fingerprint() == data.fingerprint()


def test_cifar10_parts(tmp_path: Path) -> None:
    data = cifar10(tmp_path, publish(tmp_path, CIFAR10, archives.cifar10_files()))
    found = parts(data)
    assert disjoint(data) == list(range(120))
    assert sorted(found[Part.TEST]) == list(range(100, 120))
    assert len(found[Part.WEIGHTS]) == len(found[Part.VALIDATION]) == 50
    for part in Part:
        assert data.parts[part].labels.tolist() == [n % 10 for n in found[part]]
    assert data.input == (32, 3, 10)


def test_cifar100_parts(tmp_path: Path) -> None:
    data = cifar100(tmp_path, publish(tmp_path, CIFAR100, archives.cifar100_files()))
    found = parts(data)
    assert found[Part.WEIGHTS] == list(range(200))
    assert disjoint(data) == list(range(260))
    assert len(found[Part.VALIDATION]) == len(found[Part.TEST]) == 30
    assert data.parts[Part.TEST].labels.tolist() == [n - 200 for n in found[Part.TEST]]


def test_imagenet16_keeps_120_classes_and_counts_from_0(tmp_path: Path) -> None:
    data = imagenet16_120(tmp_path, publish(tmp_path, IMAGENET16, archives.imagenet16_files()))
    found = parts(data)
    assert disjoint(data) == [n for n in range(450) if n % 150 < 120]
    assert len(found[Part.VALIDATION]) == len(found[Part.TEST]) == 60
    for part in Part:
        assert data.parts[part].labels.tolist() == [n % 150 for n in found[part]]
    assert data.input == (16, 3, 120)


def test_the_halves_never_change() -> None:
    """Pinned: runs of years apart must have trained on the same images."""
    weights, validation = halves("cifar10", 50_000)
    assert sorted([*weights, *validation]) == list(range(50_000))
    by_hand = sorted(range(50_000), key=lambda n: hashlib.sha256(f"cifar10/{n}".encode()).digest())
    assert sorted(by_hand[:25_000]) == weights.tolist()


def test_statistics_are_those_of_the_whole_array() -> None:
    pixels = images(0, 50, 16)
    for stored in (pixels, (pixels / 255).astype(np.float64)):
        mean, deviation = statistics(stored)
        np.testing.assert_allclose(mean, (pixels / 255).mean(axis=(0, 2, 3)), atol=1e-6)
        np.testing.assert_allclose(deviation, (pixels / 255).std(axis=(0, 2, 3)), atol=1e-6)
    assert statistics(np.zeros((2, 1, 4, 4), dtype=np.uint8)) == ((0.0,), (1.0,))


def test_augmentation_crops_and_mirrors_every_image_by_itself() -> None:
    """Every image is one of all crops of its padded self, mirrored or not; found by trying."""
    augment = Augmentation(2, True, (0.0,), (1.0,))
    batch = torch.rand(64, 1, 8, 8, generator=torch.Generator().manual_seed(0))
    before = torch.get_rng_state()
    out = augment(batch, torch.Generator().manual_seed(1))
    assert torch.equal(before, torch.get_rng_state())
    seen = set()
    for image, changed in zip(batch.numpy(), out.numpy(), strict=True):
        padded = np.pad(image, ((0, 0), (2, 2), (2, 2)))
        found = [
            (row, column, mirror)
            for row in range(5)
            for column in range(5)
            for mirror in (False, True)
            if np.array_equal(
                padded[:, row : row + 8, column : column + 8][:, :, :: -1 if mirror else 1], changed
            )
        ]
        assert len(found) == 1
        seen |= set(found)
    assert len(seen) > 25  # of 50 ways, 64 draws
    assert {mirror for *_, mirror in seen} == {False, True}
    again = augment(batch, torch.Generator().manual_seed(1))
    assert torch.equal(out, again)
    still = Augmentation(0, False, (0.5,), (0.25,))(batch, torch.Generator())
    torch.testing.assert_close(still, (batch - 0.5) / 0.25)


def test_missing_files_say_where_to_get_them(tmp_path: Path, monkeypatch: Any) -> None:
    monkeypatch.setenv("NASBENCH_IMAGES", str(tmp_path))
    for name in ("cifar10", "cifar100"):
        with pytest.raises(DataError, match=rf"{tmp_path}.*www.cs.toronto.edu/~kriz/cifar.html"):
            load_data(name)
    with pytest.raises(DataError, match=r"ImageNet16' from .*D-X-Y/NAS-Bench-201"):
        load_data("ImageNet16-120")
    with pytest.raises(DataError, match="does not exist: name another with --data-dir"):
        load_data("cifar10", tmp_path / "nowhere")
    (tmp_path / CIFAR10.folder).mkdir()
    (tmp_path / CIFAR10.folder / "data_batch_1").write_bytes(b"other")
    with pytest.raises(DataError, match=r"data_batch_2' is missing.*run `nasbench data fetch"):
        load_data("cifar10")


def test_wrong_checksums_and_missing_members(tmp_path: Path) -> None:
    made = publish(tmp_path, CIFAR10, archives.cifar10_files())
    with pytest.raises(DataError, match=r"wrong checksum: .*data_batch_1' has MD5"):
        cifar10(tmp_path, CIFAR10)
    (tmp_path / CIFAR10.folder / "data_batch_3").unlink()
    with pytest.raises(
        DataError, match=r"data_batch_3' is missing.*run `nasbench data fetch cifar10"
    ):
        cifar10(tmp_path, replace(made, archive=replace(made.archive, name="elsewhere")))
    shutil.rmtree(tmp_path / CIFAR10.folder)
    with pytest.raises(DataError, match=r"wrong checksum: .*tar.gz' has MD5"):
        cifar10(tmp_path, replace(made, archive=CIFAR10.archive))
    with pytest.raises(DataError, match="cannot read"):
        cifar10(tmp_path, replace(made, files={"data_batch_9": "0" * 32, **made.files}))


@pytest.mark.parametrize("how", ["a batch is missing", "the last is damaged", "all are damaged"])
def test_where_the_folder_is_not_right_the_archive_is_read(tmp_path: Path, how: str) -> None:
    files = archives.cifar10_files()
    made = publish(tmp_path, CIFAR10, files)
    assert made.archive is not None
    folder, packed = tmp_path / CIFAR10.folder, tmp_path / made.archive.name
    assert made.find(tmp_path) == made.whole(tmp_path) == folder
    for name in [list(files)[-1]] if how == "the last is damaged" else files:
        (folder / name).write_bytes(b"damaged")
    if how == "a batch is missing":
        (folder / "test_batch").unlink()
        assert made.find(tmp_path) == packed
    assert made.whole(tmp_path) == packed
    assert [(name, content) for name, _, content in made.read(tmp_path)] == list(files.items())
    packed.write_bytes(packed.read_bytes()[:-1])
    first = packed if how == "a batch is missing" else folder
    remedy = "remove it and run `nasbench data fetch cifar10`"
    with pytest.raises(DataError, match=f"wrong checksum: '{first}.*' has MD5 .*{remedy}"):
        list(made.read(tmp_path))


@EVERY
def test_malicious_batches_are_refused(
    tmp_path: Path, read: Any, release: Release, files: Any, key: str
) -> None:
    """Even where the checksum is right."""
    target = tmp_path / "made by a pickle"
    content = files()
    content[next(iter(content))] = archives.poisoned(target, key)
    with pytest.raises(DataError, match=r"refused to read .* asks for"):
        read(tmp_path, publish(tmp_path, release, content))
    assert not target.exists()


def test_damaged_batches_are_one_line(tmp_path: Path) -> None:
    whole = archives.cifar10_files()
    for damaged in (
        whole["data_batch_1"][:500],
        pickle.dumps({"data": [1], "labels": [1]}, protocol=2),
        archives.python2_batch(images(0, 3, 16), [1, 2, 3], "labels"),
        archives.python2_batch(images(0, 3, 32), [1, 2], "labels"),
        archives.python2_batch(images(0, 3, 32), [1, 2, 3], "other"),
    ):
        made = publish(tmp_path, CIFAR10, {**whole, "data_batch_1": damaged})
        with pytest.raises(DataError, match=r"cannot read .*data_batch_1") as caught:
            cifar10(tmp_path, made)
        assert "\n" not in str(caught.value)


def test_published_checksums_are_all_there() -> None:
    for release, count in ((CIFAR10, 6), (CIFAR100, 2), (IMAGENET16, 11)):
        assert len(set(release.files.values())) == count
        assert all(len(md5) == 32 for md5 in release.files.values())


def picture_folder(root: Path, *, each: int = 10) -> Path:
    for label, name in enumerate(("cat", "dog")):
        (root / name).mkdir(parents=True)
        for i, image in enumerate(images(100 * label, each, 16)):
            Image.fromarray(image.transpose(1, 2, 0)).save(root / name / f"{i}.png")
        (root / name / "notes.txt").write_text("no image")
    return root


def test_image_folder(tmp_path: Path) -> None:
    root = picture_folder(tmp_path / "pets")
    shutil.copy(root / "cat" / "3.png", root / "dog" / "copy.png")
    data = image_folder(root, 16)
    assert disjoint(data) == [*range(10), *range(100, 110)]  # the copy counts once
    assert [len(data.parts[part].labels) for part in Part] == [12, 4, 4]
    for part in Part:
        assert data.parts[part].labels.tolist() == [n // 100 for n in numbers(data, part)]
    (root / "dog" / "0.png").rename(root / "dog" / "zebra.PNG")
    assert parts(image_folder(root, 16)) == parts(data)  # names do not decide
    assert load_data(f"folder:{root}@8").input == (8, 3, 2)
    assert load_data(f"folder:{root}").input == (32, 3, 2)


def test_bad_image_folders(tmp_path: Path) -> None:
    root = picture_folder(tmp_path / "pets")
    with pytest.raises(InvalidInput, match="multiple of 4"):
        load_data(f"folder:{root}@10")
    (root / "dog" / "4.png").write_bytes(pickle.dumps(archives.Payload(tmp_path / "made")))
    with pytest.raises(DataError, match=r"cannot read image '.*4.png'"):
        image_folder(root, 16)
    assert not (tmp_path / "made").exists()
    with pytest.raises(DataError, match=r"class 'dog' has 4 different images, at least 5"):
        for i in range(4, 10):
            (root / "dog" / f"{i}.png").unlink()
        image_folder(root, 16)
    shutil.rmtree(root / "dog")
    with pytest.raises(DataError, match="at least two"):
        image_folder(root, 16)
    with pytest.raises(DataError, match="does not exist"):
        image_folder(root / "nowhere", 16)


def split_arrays() -> dict[str, Any]:
    arrays: dict[str, Any] = {}
    for i, (word, count) in enumerate((("train", 12), ("valid", 6), ("test", 6))):
        arrays[f"x_{word}"] = images(100 * i, count, 8).transpose(0, 2, 3, 1)
        arrays[f"y_{word}"] = np.arange(count) % 3 * 10
    return arrays


def test_npz_with_a_split(tmp_path: Path) -> None:
    path = tmp_path / "mine.npz"
    np.savez(path, **split_arrays())
    data = load_data(f"npz:{path}")
    assert {part: sorted(found) for part, found in parts(data).items()} == {
        Part.WEIGHTS: list(range(12)),
        Part.VALIDATION: list(range(100, 106)),
        Part.TEST: list(range(200, 206)),
    }
    for part in Part:
        assert data.parts[part].labels.tolist() == [n % 100 % 3 for n in numbers(data, part)]
    assert data.input == (8, 3, 3)
    assert npz_file(path).fingerprint() == data.fingerprint()


def test_any_part_of_a_sorted_file_stands_for_the_whole(tmp_path: Path) -> None:
    """A ranking reads the first validation images: they must not be the first class alone."""
    path, labels = tmp_path / "mine.npz", np.repeat(range(4), 50)
    arrays = {f"x_{word}": images(1000 * i, 200, 8) for i, word in enumerate(("train", "valid"))}
    arrays |= {"x_test": images(2000, 200, 8)}
    np.savez(path, **arrays, **dict.fromkeys(("y_train", "y_valid", "y_test"), labels))
    np.savez(tmp_path / "whole.npz", images=images(0, 200, 8), labels=labels)
    for data in (npz_file(path), npz_file(tmp_path / "whole.npz")):
        for part in (Part.VALIDATION, Part.TEST):
            assert len(data.parts[part].labels[:20].unique()) == 4


def test_npz_without_a_split(tmp_path: Path) -> None:
    path = tmp_path / "mine.npz"
    np.savez(path, images=images(0, 40, 8), labels=np.arange(40) % 2)
    data = npz_file(path)
    assert disjoint(data) == list(range(40))
    np.savez(path, images=images(0, 40, 8)[::-1], labels=(np.arange(40) % 2)[::-1])
    assert {k: sorted(v) for k, v in parts(npz_file(path)).items()} == {
        k: sorted(v) for k, v in parts(data).items()
    }
    np.savez(path, images=np.zeros((9, 8, 8), dtype=np.float32), labels=np.arange(9) % 2)
    with pytest.raises(DataError, match="class '0' has 1 different images, at least 5"):
        npz_file(path)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"x_test": None}, "has no array 'x_test'"),
        ({"y_test": np.full(6, 7)}, "'y_test' has class 7, which y_train has not"),
        ({"x_test": images(0, 12, 8)[:6].transpose(0, 2, 3, 1)}, "6 images are in both x_train"),
        ({"x_test": images(0, 6, 12)}, "differ in shape or type"),
        ({"y_test": np.zeros(6)}, "must be whole numbers"),
        ({"x_train": np.full((12, 8, 8), np.nan)}, "must be uint8 or finite floats"),
        ({"x_test": np.zeros((0, 8, 8, 3), np.uint8), "y_test": np.zeros(0, int)}, "no images"),
        ({"y_train": np.zeros(12, int), "y_valid": np.zeros(6, int), "y_test": np.zeros(6, int)},
         "at least two"),
    ],
)  # fmt: skip
def test_bad_npz(tmp_path: Path, change: dict[str, Any], message: str) -> None:
    arrays = {k: v for k, v in (split_arrays() | change).items() if v is not None}
    np.savez(tmp_path / "mine.npz", **arrays)
    with pytest.raises(DataError, match=message):
        npz_file(tmp_path / "mine.npz")


def test_npz_of_both_kinds_of_names_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "mine.npz"
    np.savez(path, images=images(0, 40, 8), labels=np.arange(40) % 2, **split_arrays())
    with pytest.raises(DataError, match=r"holds both 'images' and 'x_test': leave out one kind"):
        npz_file(path)


def test_npz_says_what_was_found(tmp_path: Path) -> None:
    path, stored = tmp_path / "mine.npz", images(0, 21, 8)
    stored[20] = stored[7]
    np.savez(path, images=stored, labels=np.arange(21) % 2, weights=np.ones(3))
    found = npz_file(path).found
    assert found is not None
    assert found.to_json() == {
        "dataset": "npz:mine.npz", "side": 8, "channels": 3,
        "classes": {
            "0": {"weights": 6, "validation": 2, "test": 2},
            "1": {"weights": 6, "validation": 2, "test": 2},
        },
        "skipped": ["weights"],
        "merged": ["image 20 is image 7"],
        "treated": {},
        "remarks": [],
    }  # fmt: skip
    np.savez(path, **split_arrays())
    found = npz_file(path).found
    assert found is not None
    assert found.images == {"weights": (4, 4, 4), "validation": (2, 2, 2), "test": (2, 2, 2)}
    assert found.classes == ("0", "10", "20")


def rezipped(path: Path, **changes: Any) -> None:
    """Set fields of every entry in a zip file's directory, as another writer would have."""
    with zipfile.ZipFile(path) as archive:
        entries = {info.filename: archive.read(info) for info in archive.infolist()}
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in entries.items():
            archive.writestr(name, content)
        for info in archive.infolist():
            for field, value in changes.items():
                setattr(info, field, value)


def wide_header(name: str) -> bytes:
    """An array whose shape no machine holds."""
    header = f"{{'descr': '|u1', 'fortran_order': False, 'shape': ({2**70}, 8, 8), }}".encode()
    return b"\x93NUMPY\x01\x00" + len(header).to_bytes(2, "little") + header


@pytest.mark.parametrize(
    ("arrays", "message"),
    [
        ({"images": np.zeros((0, 8, 8), np.uint8), "labels": np.zeros(0, int)}, "no images"),
        ({"images": np.uint8(3), "labels": np.int64(1)}, "'images' must be uint8 or finite"),
        ({"images": images(0, 9, 8), "labels": np.int64(1)}, r"'labels' must be whole.*shape \(\)"),
        ({"images": images(0, 9, 8).astype("u2"), "labels": np.arange(9)}, "it is uint16 of shape"),
        ({"images": np.full((9, 8, 8), 1e300), "labels": np.arange(9)}, "finite floats"),
        ({"images": images(0, 20, 4)[:, :, :, :0], "labels": np.arange(20) % 2}, "has no images"),
    ],
)  # fmt: skip
def test_odd_npz(tmp_path: Path, arrays: dict[str, Any], message: str) -> None:
    np.savez(tmp_path / "mine.npz", **arrays)
    with pytest.raises(DataError, match=message):
        npz_file(tmp_path / "mine.npz")


def test_npz_archives_that_cannot_be_read(tmp_path: Path, monkeypatch: Any) -> None:
    path = tmp_path / "mine.npz"
    np.savez(path, images=images(0, 40, 8), labels=np.arange(40) % 2)
    whole = path.read_bytes()
    for changes, message in (
        ({"compress_type": 99}, "compression method is not supported"),
        ({"flag_bits": 1}, "encrypted"),
    ):
        path.write_bytes(whole)
        rezipped(path, **changes)
        with pytest.raises(DataError, match=message) as caught:
            npz_file(path)
        assert "\n" not in str(caught.value)
    path.write_bytes(whole)
    with zipfile.ZipFile(path, "w") as archive:
        for name in ("images", "labels"):
            archive.writestr(f"{name}.npy", wide_header(name))
    with pytest.raises(DataError, match="cannot read"):
        npz_file(path)
    path.write_bytes(whole)
    sysconf = {"SC_PAGE_SIZE": 1, "SC_PHYS_PAGES": 1000}
    monkeypatch.setattr("os.sysconf", sysconf.__getitem__)
    with pytest.raises(DataError, match="0 GB, this machine has"):
        npz_file(path)


def test_one_pixel_needs_two_images(tmp_path: Path) -> None:
    """4x4 images are one pixel at the network's end, where batch norm has a batch of numbers."""
    path = tmp_path / "mine.npz"
    np.savez(path, images=images(0, 40, 4), labels=np.arange(40) % 2)
    data = npz_file(path)
    assert data.steps(2) == 12
    with pytest.raises(InvalidInput, match="batch 1 with images of 4x4 pixels"):
        next(data.epoch(0, 0, 1))
    arrays = {f"x_{word}": images(100 * i, 4, 4) for i, word in enumerate(("train", "valid"))}
    labels = {f"y_{word}": np.arange(4) % 2 for word in ("train", "valid")}
    np.savez(path, **arrays, **labels, x_test=images(200, 1, 4), y_test=np.zeros(1, int))
    with pytest.raises(DataError, match="one image of 4x4 pixels in its test part"):
        npz_file(path)


def test_npz_with_objects_is_refused(tmp_path: Path) -> None:
    target, path = tmp_path / "made by a pickle", tmp_path / "mine.npz"
    poisoned = np.array([archives.Payload(target)] * 3, dtype=object)
    np.savez(path, images=poisoned, labels=np.arange(3))
    with pytest.raises(DataError, match="refused to read"):
        npz_file(path)
    path.write_bytes(pickle.dumps(archives.Payload(target)))
    with pytest.raises(DataError, match="refused to read"):
        npz_file(path)
    np.save(path.with_suffix(".npy"), np.zeros(3))
    with pytest.raises(DataError, match=r"no \.npz file"):
        npz_file(path.with_suffix(".npy"))
    with pytest.raises(DataError, match="does not exist"):
        npz_file(tmp_path / "nowhere.npz")
    assert not target.exists()


def test_odd_sides_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "mine.npz"
    np.savez(path, images=images(0, 20, 10), labels=np.arange(20) % 2)
    with pytest.raises(DataError, match="10x10 pixels"):
        npz_file(path)


def test_unknown_names_are_helped() -> None:
    with pytest.raises(InvalidInput, match="did you mean 'cifar100'"):
        load_data("cifar-100")
    for name in ("folder:", "npz:", "nothing"):
        with pytest.raises(InvalidInput, match="cannot be trained on"):
            load_data(name)

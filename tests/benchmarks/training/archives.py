"""Small image archives in the official formats, every image with a number of its own."""

import hashlib
import pickle
import struct
import tarfile
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nasbench.benchmarks.training.data import DataSet, Part
from nasbench.benchmarks.training.readers.images import Augmentation
from nasbench.benchmarks.training.readers.official import Release


def images(start: int, count: int, side: int) -> NDArray[np.uint8]:
    """Noise, shape (count, 3, side, side); the first two pixels hold the image's number."""
    random = np.random.Generator(np.random.PCG64([start, count, side]))
    made = random.integers(0, 256, (count, 3, side, side), dtype=np.uint8)
    numbers = np.arange(start, start + count)
    made[:, 0, 0, 0], made[:, 0, 0, 1] = numbers // 256, numbers % 256
    return made


def numbers(data: DataSet, part: Part) -> list[int]:
    """Read the numbers back, whether or not the part is normalised."""
    pixels = data.parts[part].images.double().numpy()
    if part is not Part.WEIGHTS:
        assert isinstance(data.augment, Augmentation)
        mean = np.array(data.augment.mean)[:, None, None]
        pixels = pixels * np.array(data.augment.deviation)[:, None, None] + mean
    raw = np.rint(pixels * 255).astype(int)
    return [int(n) for n in raw[:, 0, 0, 0] * 256 + raw[:, 0, 0, 1]]


def _text(text: bytes) -> bytes:
    return b"U" + bytes([len(text)]) + text


def python2_batch(data: NDArray[np.uint8], labels: list[int], key: str) -> bytes:
    """Write the pickle that Python 2 writes of `{"data": array, key: list}`, protocol 2."""
    flat = data.reshape(len(data), -1)
    shape = b"".join(b"J" + struct.pack("<i", n) for n in flat.shape) + b"\x86"
    dtype = (
        b"cnumpy\ndtype\n" + _text(b"u1") + b"K\x00K\x01\x87R"
        b"(K\x03" + _text(b"|") + b"NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK\x00tb"
    )  # fmt: skip
    array = (
        b"cnumpy.core.multiarray\n_reconstruct\ncnumpy\nndarray\nK\x00\x85" + _text(b"b")
        + b"\x87R(K\x01" + shape + dtype + b"\x89"
        + b"T" + struct.pack("<i", flat.nbytes) + flat.tobytes() + b"tb"
    )  # fmt: skip
    numbers = b"](" + b"".join(b"J" + struct.pack("<i", label) for label in labels) + b"e"
    return b"\x80\x02}" + _text(b"data") + array + b"s" + _text(key.encode()) + numbers + b"s."


class Payload:
    """Makes a file when it is unpickled by Python itself."""

    def __init__(self, target: Path) -> None:
        self.target = str(target)

    def __reduce__(self) -> Any:
        return open, (self.target, "w")


def poisoned(target: Path, key: str) -> bytes:
    return pickle.dumps({"data": Payload(target), key: [0]}, protocol=2)


def publish(root: Path, release: Release, files: Mapping[str, bytes]) -> Release:
    """Write the files as the official folder and archive; return their release."""
    folder = root / release.folder
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in files.items():
        (folder / name).write_bytes(content)
    sums = {name: hashlib.md5(content).hexdigest() for name, content in files.items()}
    if release.archive is None:
        return replace(release, files=sums)
    path = root / release.archive.name
    with tarfile.open(path, "w:gz") as archive:
        archive.add(folder, release.folder)
    content = path.read_bytes()
    pinned = replace(
        release.archive,
        size=len(content),
        md5=hashlib.md5(content).hexdigest(),
        sha256=hashlib.sha256(content).hexdigest(),
    )
    return replace(release, files=sums, archive=pinned)


def cifar10_files(batch: int = 20) -> dict[str, bytes]:
    """Five batches and a test batch; the label of image i is i mod 10."""
    names = [*(f"data_batch_{i}" for i in range(1, 6)), "test_batch"]
    files = {}
    for i, name in enumerate(names):
        labels = [n % 10 for n in range(i * batch, (i + 1) * batch)]
        files[name] = python2_batch(images(i * batch, batch, 32), labels, "labels")
    return files


def cifar100_files() -> dict[str, bytes]:
    return {
        "train": python2_batch(images(0, 200, 32), [n % 100 for n in range(200)], "fine_labels"),
        "test": python2_batch(images(200, 60, 32), [n % 100 for n in range(60)], "fine_labels"),
    }


def imagenet16_files() -> dict[str, bytes]:
    """Image i has the official label i mod 150 + 1; those beyond 120 are other classes."""
    sizes = {**{f"train_data_batch_{i}": 30 for i in range(1, 11)}, "val_data": 150}
    files, start = {}, 0
    for name, size in sizes.items():
        labels = [n % 150 + 1 for n in range(start, start + size)]
        files[name] = python2_batch(images(start, size, 16), labels, "labels")
        start += size
    return files

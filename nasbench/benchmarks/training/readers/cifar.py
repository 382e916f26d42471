"""CIFAR-10 and CIFAR-100 (Krizhevsky, 2009) from their official Python archives."""

from pathlib import Path

import numpy as np

from nasbench.benchmarks.training.data import DataSet, Part
from nasbench.benchmarks.training.readers.images import Pixels, assemble, halves
from nasbench.benchmarks.training.readers.official import Release
from nasbench.benchmarks.training.readers.pickles import read_batch

PAGE = "https://www.cs.toronto.edu/~kriz/cifar.html"
SIDE = 32
PAD = 4
CIFAR10 = Release(
    name="cifar10",
    page=PAGE,
    folder="cifar-10-batches-py",
    files={
        "data_batch_1": "c99cafc152244af753f735de768cd75f",
        "data_batch_2": "d4bba439e000b95fd0a9bffe97cbabec",
        "data_batch_3": "54ebc095f3ab1f0389bbae665268c751",
        "data_batch_4": "634d18415352ddfa80567beed471001a",
        "data_batch_5": "482c414d41f54cd18b22e5b47cb7c3cb",
        "test_batch": "40351d587109b95175f43aff81a1287e",
    },
    archive="cifar-10-python.tar.gz",
    archive_md5="c58f30108f718f92721af3b95e74349a",
)
CIFAR100 = Release(
    name="cifar100",
    page=PAGE,
    folder="cifar-100-python",
    files={
        "train": "16019d7e3df5f24257cddd939b257f8d",
        "test": "f0ef6b0ae62326f3e7ffdfab6717acfc",
    },
    archive="cifar-100-python.tar.gz",
    archive_md5="eb9058c3a382ffc7106e4002c42a8d85",
)


def cifar10(root: Path, release: Release = CIFAR10) -> DataSet:
    """Halves of the training set for weights and validation, the test set for test.

    That is NAS-Bench-201's `cifar10-valid`. Which image is in which half is a permutation of
    our own, see `halves`; the published one is not used.
    """
    train, test = _read(root, release, labels="labels", test="test_batch")
    weights, validation = halves("cifar10", len(train.labels))
    split = {
        Part.WEIGHTS: train.take(weights),
        Part.VALIDATION: train.take(validation),
        Part.TEST: test,
    }
    return assemble("cifar10", split, 10, pad=PAD, flip=True)


def cifar100(root: Path, release: Release = CIFAR100) -> DataSet:
    """The training set for weights, halves of the test set for validation and test.

    So NAS-Bench-201 does; which image is in which half is our own permutation, see `halves`.
    """
    train, test = _read(root, release, labels="fine_labels", test="test")
    validation, held = halves("cifar100", len(test.labels))
    split = {
        Part.WEIGHTS: train,
        Part.VALIDATION: test.take(validation),
        Part.TEST: test.take(held),
    }
    return assemble("cifar100", split, 100, pad=PAD, flip=True)


def _read(root: Path, release: Release, *, labels: str, test: str) -> tuple[Pixels, Pixels]:
    """Return the training set, its batches one after the other, and the test set."""
    batches = {
        name: read_batch(content, path, labels, SIDE) for name, path, content in release.read(root)
    }
    held = batches.pop(test)
    images, numbers = zip(*batches.values(), strict=True)
    return Pixels(np.concatenate(images), np.concatenate(numbers)), held

"""Reading CIFAR-10 and CIFAR-100 (Krizhevsky, 2009) from their official Python archives."""

from pathlib import Path

import numpy as np

from nasbench.benchmarks.training.data import DataSet, Part
from nasbench.benchmarks.training.readers.images import Pixels, assemble, halves
from nasbench.benchmarks.training.readers.official import Release
from nasbench.benchmarks.training.readers.pickles import read_batch
from nasbench.benchmarks.training.readers.releases import CIFAR10, CIFAR100

SIDE = 32
PAD = 4


def cifar10(root: Path, release: Release = CIFAR10) -> DataSet:
    """Read CIFAR-10: halves of the training set for weights and validation, the test set for test.

    This is NAS-Bench-201's `cifar10-valid`, but the images are divided into halves by this
    project's own permutation (see `halves`), not by the published one. Raises `DataError` for files
    that are missing, damaged or not the official ones.
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
    """Read CIFAR-100: the training set for weights, halves of the test set for the other parts.

    NAS-Bench-201 uses the same parts, but the images are divided into halves by this project's own
    permutation, see `halves`. Raises `DataError` as `cifar10` does.
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
    """Return the training set, with its batches in order, and the test set."""
    batches = {
        name: read_batch(content, path, labels, SIDE) for name, path, content in release.read(root)
    }
    held = batches.pop(test)
    images, numbers = zip(*batches.values(), strict=True)
    return Pixels(np.concatenate(images), np.concatenate(numbers)), held

"""Reading ImageNet16-120: the first 120 classes of ImageNet at 16x16 pixels.

Source: Chrabaszcz et al., A Downsampled Variant of ImageNet, 2017. The batches and their checksums
are those of NAS-Bench-201 (Dong & Yang, ICLR 2020): 151,700 training and 6,000 validation images.
"""

from pathlib import Path

import numpy as np

from nasbench.benchmarks.training.data import DataSet, Part
from nasbench.benchmarks.training.readers.images import Pixels, assemble, halves
from nasbench.benchmarks.training.readers.official import Release
from nasbench.benchmarks.training.readers.pickles import read_batch
from nasbench.benchmarks.training.readers.releases import IMAGENET16, NAME

CLASSES = 120
SIDE = 16
PAD = 2


def imagenet16_120(root: Path, release: Release = IMAGENET16) -> DataSet:
    """Read ImageNet16-120: the training set for weights, halves of the validation set for the rest.

    NAS-Bench-201 uses the same parts, but the images are divided into halves by this project's own
    permutation, see `halves`. Raises `DataError` for files that are missing, damaged or not the
    official ones.
    """
    batches = {}
    for name, path, content in release.read(root):
        images, labels = read_batch(content, path, "labels", SIDE)
        first = np.flatnonzero((labels >= 1) & (labels <= CLASSES))  # file labels begin at 1
        batches[name] = Pixels(images[first], labels[first] - 1)
    held = batches.pop("val_data")
    images, labels = zip(*batches.values(), strict=True)
    validation, test = halves(NAME, len(held.labels))
    split = {
        Part.WEIGHTS: Pixels(np.concatenate(images), np.concatenate(labels)),
        Part.VALIDATION: held.take(validation),
        Part.TEST: held.take(test),
    }
    return assemble(NAME, split, CLASSES, pad=PAD, flip=True)

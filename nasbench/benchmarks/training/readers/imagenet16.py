"""ImageNet16-120: the first 120 classes of ImageNet at 16x16 pixels.

Chrabaszcz et al., A Downsampled Variant of ImageNet, 2017; the batches and their checksums
are those of NAS-Bench-201 (Dong & Yang, ICLR 2020), 151,700 and 6,000 images.
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
    """The training batches for weights, halves of the official validation set for the rest.

    So NAS-Bench-201 does; which image is in which half is our own permutation, see `halves`.
    """
    batches = {}
    for name, path, content in release.read(root):
        images, labels = read_batch(content, path, "labels", SIDE)
        first = np.flatnonzero((labels >= 1) & (labels <= CLASSES))  # the files count from 1
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

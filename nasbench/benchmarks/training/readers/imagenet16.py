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

NAME = "ImageNet16-120"
CLASSES = 120
SIDE = 16
PAD = 2
IMAGENET16 = Release(
    name=NAME,
    page="https://github.com/D-X-Y/NAS-Bench-201 (ImageNet16; images of https://image-net.org)",
    folder="ImageNet16",
    files={
        "train_data_batch_1": "27846dcaa50de8e21a7d1a35f30f0e91",
        "train_data_batch_2": "c7254a054e0e795c69120a5727050e3f",
        "train_data_batch_3": "4333d3df2e5ffb114b05d2ffc19b1e87",
        "train_data_batch_4": "1620cdf193304f4a92677b695d70d10f",
        "train_data_batch_5": "348b3c2fdbb3940c4e9e834affd3b18d",
        "train_data_batch_6": "6e765307c242a1b3d7d5ef9139b48945",
        "train_data_batch_7": "564926d8cbf8fc4818ba23d2faac7564",
        "train_data_batch_8": "f4755871f718ccb653440b9dd0ebac66",
        "train_data_batch_9": "bb6dd660c38c58552125b1a92f86b5d4",
        "train_data_batch_10": "8f03f34ac4b42271a294f91bf480f29b",
        "val_data": "3410e3017fdaefba8d5073aaa65e4bd6",
    },
)


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

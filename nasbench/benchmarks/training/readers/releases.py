"""The official releases of images: their files, checksums, addresses and terms.

The MD5 of files and archives are those that the authors and torchvision's loaders use; the SHA-256
of the archives are those in keras' loaders (3.15).
"""

from nasbench.benchmarks.training.readers.official import Archive, Release

_PAGE = "https://www.cs.toronto.edu/~kriz/cifar.html"
_HOST = "https://www.cs.toronto.edu/~kriz"
_TERMS = (
    "no licence is stated; the authors ask to cite Krizhevsky, Learning Multiple Layers of "
    "Features from Tiny Images, 2009"
)
NAME = "ImageNet16-120"

CIFAR10 = Release(
    name="cifar10",
    page=_PAGE,
    folder="cifar-10-batches-py",
    files={
        "data_batch_1": "c99cafc152244af753f735de768cd75f",
        "data_batch_2": "d4bba439e000b95fd0a9bffe97cbabec",
        "data_batch_3": "54ebc095f3ab1f0389bbae665268c751",
        "data_batch_4": "634d18415352ddfa80567beed471001a",
        "data_batch_5": "482c414d41f54cd18b22e5b47cb7c3cb",
        "test_batch": "40351d587109b95175f43aff81a1287e",
    },
    archive=Archive(
        name="cifar-10-python.tar.gz",
        host=_HOST,
        size=170_498_071,
        md5="c58f30108f718f92721af3b95e74349a",
        sha256="6d958be074577803d12ecdefd02955f39262c83c16fe9348329d7fe0b5c001ce",
    ),
    terms=_TERMS,
)
CIFAR100 = Release(
    name="cifar100",
    page=_PAGE,
    folder="cifar-100-python",
    files={
        "train": "16019d7e3df5f24257cddd939b257f8d",
        "test": "f0ef6b0ae62326f3e7ffdfab6717acfc",
    },
    archive=Archive(
        name="cifar-100-python.tar.gz",
        host=_HOST,
        size=169_001_437,
        md5="eb9058c3a382ffc7106e4002c42a8d85",
        sha256="85cd44d02ba6437773c5bbd22e183051d648de2e7d6b014e1ef29b855ba677a7",
    ),
    terms=_TERMS,
)
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
    terms=(
        "images of ImageNet, whose terms of access allow non-commercial research and education; "
        "cite Chrabaszcz et al., A Downsampled Variant of ImageNet, 2017"
    ),
)

RELEASES = {release.name: release for release in (CIFAR10, CIFAR100, IMAGENET16)}

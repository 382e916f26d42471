"""The official image sets: their list, their place on disk, and commands to install them.

They are kept in NASBENCH_IMAGES, or in `images/` below the data folder, in the form that their
authors publish: an archive, or a folder of batches. Every byte is checked against published
checksums when it is downloaded or imported and every time it is read.
"""

import hashlib
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from nasbench.benchmarks.places import data_folder
from nasbench.benchmarks.sources.fetch import PublicFile, fetch_all
from nasbench.benchmarks.sources.transfer import note
from nasbench.benchmarks.training.readers.official import Archive, Release
from nasbench.benchmarks.training.readers.releases import RELEASES
from nasbench.errors import DataError, InvalidInput
from nasbench.files import atomic_write
from nasbench.text import printable

IMAGES_VARIABLE = "NASBENCH_IMAGES"
_BLOCK = 1 << 20


@dataclass(frozen=True)
class _Packed(PublicFile):
    """An archive to download from its authors' page, or from NASBENCH_UPSTREAM if that is set."""

    @property
    def place(self) -> str:
        """The file's name alone, since the archive is in no repository."""
        return self.path


def images_folder() -> Path:
    """Return the folder of official images: NASBENCH_IMAGES, or `images/` in the data folder.

    Raises `InvalidInput` if NASBENCH_IMAGES names the home folder of an unknown user.
    """
    chosen = os.environ.get(IMAGES_VARIABLE)
    try:
        return Path(chosen).expanduser() if chosen else data_folder() / "images"
    except RuntimeError as error:
        raise InvalidInput(
            f"{IMAGES_VARIABLE}='{chosen}': there is no such user's folder; write the whole path"
        ) from error


def fetchable() -> tuple[str, ...]:
    """Return the names of the image sets that `fetch_images` can download."""
    return tuple(name for name, release in RELEASES.items() if release.archive is not None)


def images_at_hand(name: str) -> Path | None:
    """Return the folder or archive of an official image set, None if it is not installed.

    Checksums are not checked.
    """
    return RELEASES[name].find(images_folder()) if name in RELEASES else None


def fetch_images(name: str, *, force: bool = False, release: Release | None = None) -> Path:
    """Download the archive of an official image set into `images_folder()`; return its path.

    A partial download is continued. An installed set whose checksums are all right is kept and its
    path returned, unless `force`. A folder with a wrong checksum is kept too, but the archive is
    used instead of it. `release` gives the archive and its checksums; the default is the official
    release `name`. Raises `InvalidInput` for a set that cannot be downloaded, `DataError` as
    `fetch` does.
    """
    release = release or RELEASES.get(name)
    if release is None or release.archive is None:
        raise InvalidInput(
            f"images of '{name}' cannot be fetched: known are {', '.join(fetchable())}"
        )
    folder = release.find(images_folder())
    if folder is not None and folder.is_dir() and not force:
        try:
            release.check(folder)
        except DataError:
            note(f"'{printable(folder)}' does not hold the official files: their archive is used")
        else:
            return folder
    packed = release.archive
    file = _Packed(
        repository="", commit="", path=packed.name, size=packed.size, sha256=packed.sha256,
        licence="", authors="", taken="images", host=packed.host,
    )  # fmt: skip
    return fetch_all((file,), images_folder(), force=force)[0]


def release_at(path: Path, releases: Mapping[str, Release] = RELEASES) -> Release | None:
    """Return the official release that is at `path`, known by the names of its files; or None."""
    for release in releases.values():
        if path.is_dir() and release.find(path) is not None:
            return release
        if release.archive is not None and path.name == release.archive.name and path.is_file():
            return release
    return None


def import_images(path: Path, release: Release, *, force: bool = False) -> Path:
    """Copy a local release into `images_folder()`, checking every file; return the new path.

    Raises `DataError` if the release is installed already and `force` is not given, and for files
    that are not the official ones.
    """
    there = release.find(images_folder())
    if there is not None and not force:
        raise DataError(f"images of '{release.name}' are there already, in '{there}': give --force")
    found = path if path.is_file() else release.find(path)
    if release.archive is not None and found is not None and found.is_file():
        return _copy_archive(found, release.archive)
    target = images_folder() / release.folder
    for name, _, content in release.read(path):
        with atomic_write(target / name) as file:
            file.write(content)
    return target


def verify_images(name: str) -> Path:
    """Check every file of an installed image set against its checksum; return its path.

    Raises `DataError` if the set is missing or damaged.
    """
    return RELEASES[name].whole(images_folder())


def _copy_archive(path: Path, packed: Archive) -> Path:
    target, digest = images_folder() / packed.name, hashlib.sha256()
    try:
        origin = path.open("rb")
    except OSError as error:
        raise DataError(f"cannot read '{path}': {error.strerror or error}") from error
    with origin, atomic_write(target) as file:
        while block := origin.read(_BLOCK):
            digest.update(block)
            file.write(block)
        if digest.hexdigest() != packed.sha256:
            raise DataError(
                f"wrong checksum: '{path}' has SHA-256 {digest.hexdigest()}, the official file "
                f"{packed.sha256}: get it again from {packed.host}/{packed.name}"
            )
    return target

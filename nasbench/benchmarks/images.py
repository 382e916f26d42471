"""The official image sets: which there are, where they lie, how they get there.

They lie in NASBENCH_IMAGES, or in `images/` below the data folder, as their authors publish them:
an archive, or a folder of batches. Every byte is checked against published checksums, when it
arrives and whenever it is read.
"""

import hashlib
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from nasbench.benchmarks.catalogue import data_folder
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
    """An archive on its authors' page, or in the folder or at the address of NASBENCH_UPSTREAM."""

    @property
    def place(self) -> str:
        """It is not below a repository."""
        return self.path


def images_folder() -> Path:
    """Return where official archives are looked for: NASBENCH_IMAGES, or below the data folder."""
    chosen = os.environ.get(IMAGES_VARIABLE)
    try:
        return Path(chosen).expanduser() if chosen else data_folder() / "images"
    except RuntimeError as error:
        raise InvalidInput(
            f"{IMAGES_VARIABLE}='{chosen}': there is no such user's folder; write the whole path"
        ) from error


def fetchable() -> tuple[str, ...]:
    """Return the image sets that `fetch_images` gets."""
    return tuple(name for name, release in RELEASES.items() if release.archive is not None)


def images_at_hand(name: str) -> Path | None:
    """Return the folder or archive of an official image set if it is there, unchecked."""
    return RELEASES[name].find(images_folder()) if name in RELEASES else None


def fetch_images(name: str, *, force: bool = False, release: Release | None = None) -> Path:
    """Download the archive of an official image set to where it is found; return its path.

    A partial download is continued; what is there and whole, all checksums right, stays and is
    returned, unless `force`. A folder that is not right stays too, and the archive is used instead
    of it. `release` says what to get and how it is checked, by default the official one called
    `name`. Raises `InvalidInput` for a set that is not to be had by a download, `DataError` as
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
    """Return the official release whose batches or archive lie at `path`, by their names."""
    for release in releases.values():
        if path.is_dir() and release.find(path) is not None:
            return release
        if release.archive is not None and path.name == release.archive.name and path.is_file():
            return release
    return None


def import_images(path: Path, release: Release, *, force: bool = False) -> Path:
    """Copy a local release to where it is found, checking every file; return the place.

    Raises `DataError` where it is there already and `force` is not given, and for files that are
    not the official ones.
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
    """Check every file of an image set that is there against its checksum; return its place."""
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

"""Finding, checking and reading the files of an official image release in a local folder."""

import hashlib
import tarfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from nasbench.errors import DataError


@dataclass(frozen=True)
class Archive:
    """The single archive file in which an official release is published."""

    name: str
    host: str
    """Address of the folder that contains it."""
    size: int
    md5: str
    sha256: str


@dataclass(frozen=True)
class Release:
    """An official data set: its files, their checksums, its archive and its terms."""

    name: str
    page: str
    """Address of the official page."""
    folder: str
    """Name of the folder that contains the files, on disk or in the archive."""
    files: Mapping[str, str]
    """Published MD5 of each file, by name."""
    archive: Archive | None = None
    terms: str = ""
    """What the authors ask of users."""

    def find(self, root: Path) -> Path | None:
        """Return the folder or archive in `root` that is read first; None if there is none.

        It is `root`/`folder` or `root` itself if all files are in it, else the archive in `root`.
        Checksums are not checked.
        """
        return next(iter(self._places(root)), None)

    def read(self, root: Path) -> Iterator[tuple[str, str, bytes]]:
        """Yield name, full path and content of every file, after checking its checksum.

        The files are read from the place that `find` returns, or from another place in `root` if
        the checksums there are wrong. Raises `DataError` if files are missing, unreadable or not
        the official ones.
        """
        places = self._places(root)
        yield from self._files(places[0] if len(places) == 1 else self.whole(root))

    def whole(self, root: Path) -> Path:
        """Return the first folder or archive in `root` whose checksums are all right.

        Raises `DataError` as `read` does; if several places are damaged, the error is of the first.
        """
        fault = None
        for place in self._places(root):
            try:
                self.check(place)
            except DataError as error:
                fault = fault or error
            else:
                return place
        raise fault or self._missing(root)

    def check(self, place: Path) -> None:
        """Raise `DataError` unless all files of the folder or archive `place` are official."""
        for _ in self._files(place):
            pass

    def how_to_get(self) -> str:
        """Return a text that tells a user how to get the images."""
        if self.archive is not None:
            return (
                f"run `nasbench data fetch {self.name}`, or get '{self.folder}' or "
                f"'{self.archive.name}' from {self.page}, and put it there or name its folder "
                "with --data-dir or NASBENCH_IMAGES"
            )
        return (
            f"get '{self.folder}' from {self.page}, then run `nasbench data import FOLDER`, or "
            "name its folder with --data-dir or NASBENCH_IMAGES"
        )

    def _places(self, root: Path) -> list[Path]:
        """Return the folders with all files, then the archive, in the order of reading."""
        places = [
            folder
            for folder in (root / self.folder, root)
            if all((folder / name).is_file() for name in self.files)
        ]
        if self.archive is not None and (root / self.archive.name).is_file():
            places.append(root / self.archive.name)
        return places

    def _missing(self, root: Path) -> DataError:
        for folder in (root / self.folder, root):
            lacking = [name for name in self.files if not (folder / name).is_file()]
            if 0 < len(lacking) < len(self.files):
                return DataError(
                    f"data set '{self.name}' is not whole: '{folder / lacking[0]}' is missing: "
                    f"{self.how_to_get()}"
                )
        return DataError(f"data set '{self.name}' is not in '{root}': {self.how_to_get()}")

    def _files(self, place: Path) -> Iterator[tuple[str, str, bytes]]:
        if self.archive is not None and place.name == self.archive.name and place.is_file():
            return self._from_archive(place, self.archive)
        return self._from_folder(place)

    def _from_folder(self, folder: Path) -> Iterator[tuple[str, str, bytes]]:
        for name, md5 in self.files.items():
            path = folder / name
            try:
                content = path.read_bytes()
            except OSError as error:
                raise DataError(f"cannot read '{path}': {error.strerror or error}") from error
            self._check(str(path), content, md5)
            yield name, str(path), content

    def _from_archive(self, path: Path, packed: Archive) -> Iterator[tuple[str, str, bytes]]:
        """Yield the files from the archive; they are unpacked in memory only."""
        try:
            with path.open("rb") as file:
                digest = hashlib.file_digest(file, _md5).hexdigest()
            if digest != packed.md5:
                raise self._wrong(str(path), digest, packed.md5)
            with tarfile.open(path) as archive:
                for name, md5 in self.files.items():
                    member = archive.extractfile(f"{self.folder}/{name}")
                    content = b"" if member is None else member.read()
                    self._check(f"{path}:{name}", content, md5)
                    yield name, f"{path}:{name}", content
        except (OSError, tarfile.TarError, EOFError, KeyError) as error:
            raise DataError(f"cannot read '{path}' ({error}): {self._how_to_replace()}") from error

    def _check(self, path: str, content: bytes, md5: str) -> None:
        digest = _md5(content).hexdigest()
        if digest != md5:
            raise self._wrong(path, digest, md5)

    def _wrong(self, path: str, found: str, expected: str) -> DataError:
        return DataError(
            f"wrong checksum: '{path}' has MD5 {found}, the official file {expected}: "
            f"{self._how_to_replace()}"
        )

    def _how_to_replace(self) -> str:
        """Return a text that tells a user how to replace a damaged file."""
        if self.archive is not None:
            return (
                f"remove it and run `nasbench data fetch {self.name}`, or get it again from "
                f"{self.page}"
            )
        return f"get it again from {self.page} and run `nasbench data import FOLDER --force`"


def _md5(content: bytes = b"") -> "hashlib._Hash":
    # MD5 only detects damage; the unpickler protects against hostile files
    return hashlib.md5(content, usedforsecurity=False)

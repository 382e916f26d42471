"""Files of an official release in a local folder: found, checked, read into memory."""

import hashlib
import tarfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from nasbench.errors import DataError


@dataclass(frozen=True)
class Archive:
    """The one file that an official release is published as."""

    name: str
    host: str
    """Address of the folder it is in."""
    size: int
    md5: str
    sha256: str


@dataclass(frozen=True)
class Release:
    """What an official data set consists of."""

    name: str
    page: str
    """Address of the official page."""
    folder: str
    """Name of the folder the files lie in, unpacked or inside the archive."""
    files: Mapping[str, str]
    """Published MD5 of each file."""
    archive: Archive | None = None
    terms: str = ""
    """What its authors ask of who uses it."""

    def find(self, root: Path) -> Path | None:
        """Return the folder or archive that `read` would read, if all of it is there."""
        for folder in self._folders(root):
            if all((folder / name).is_file() for name in self.files):
                return folder
        packed = self._packed(root)
        return packed if packed is not None and packed.is_file() else None

    def read(self, root: Path) -> Iterator[tuple[str, str, bytes]]:
        """Yield name, full path and content of every file, each after its checksum is right.

        They are looked for in `root`/`folder`, in `root` itself and in the archive in `root`.
        Raises `DataError` where they are missing, unreadable or not the official ones.
        """
        first = next(iter(self.files))
        for folder in self._folders(root):
            if (folder / first).is_file():
                yield from self._from_folder(folder)
                return
        packed = self._packed(root)
        if self.archive is not None and packed is not None and packed.is_file():
            yield from self._from_archive(packed, self.archive)
            return
        raise DataError(f"data set '{self.name}' is not in '{root}': {self.how_to_get()}")

    def how_to_get(self) -> str:
        """Say what a user does to have the images here."""
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

    def _folders(self, root: Path) -> tuple[Path, Path]:
        return root / self.folder, root

    def _packed(self, root: Path) -> Path | None:
        return None if self.archive is None else root / self.archive.name

    def _from_folder(self, folder: Path) -> Iterator[tuple[str, str, bytes]]:
        for name, md5 in self.files.items():
            path = folder / name
            try:
                content = path.read_bytes()
            except FileNotFoundError:
                raise DataError(
                    f"data set '{self.name}' is not whole: '{path}' is missing; get it from "
                    f"{self.page}"
                ) from None
            except OSError as error:
                raise DataError(f"cannot read '{path}': {error.strerror or error}") from error
            self._check(str(path), content, md5)
            yield name, str(path), content

    def _from_archive(self, path: Path, packed: Archive) -> Iterator[tuple[str, str, bytes]]:
        """Read the members in memory: nothing is unpacked to the disk."""
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
            raise DataError(
                f"cannot read '{path}' ({error}): get it again from {self.page}"
            ) from error

    def _check(self, path: str, content: bytes, md5: str) -> None:
        digest = _md5(content).hexdigest()
        if digest != md5:
            raise self._wrong(path, digest, md5)

    def _wrong(self, path: str, found: str, expected: str) -> DataError:
        return DataError(
            f"wrong checksum: '{path}' has MD5 {found}, the official file {expected}: get it "
            f"again from {self.page}"
        )


def _md5(content: bytes = b"") -> "hashlib._Hash":
    # it tells a damaged file from a whole one; safety is the unpickler's part
    return hashlib.md5(content, usedforsecurity=False)

"""Files of an official release in a local folder: found, checked, read into memory."""

import hashlib
import tarfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from nasbench.errors import DataError


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
    archive: str | None = None
    archive_md5: str = ""

    def read(self, root: Path) -> Iterator[tuple[str, str, bytes]]:
        """Yield name, full path and content of every file, each after its checksum is right.

        They are looked for in `root`/`folder`, in `root` itself and in the archive in `root`.
        Raises `DataError` where they are missing, unreadable or not the official ones.
        """
        first = next(iter(self.files))
        for folder in (root / self.folder, root):
            if (folder / first).is_file():
                yield from self._from_folder(folder)
                return
        if self.archive is not None and (root / self.archive).is_file():
            yield from self._from_archive(root / self.archive)
            return
        wanted = f"'{self.folder}'" + (f" or '{self.archive}'" if self.archive else "")
        raise DataError(
            f"data set '{self.name}' is not in '{root}': get {wanted} from {self.page}, and put "
            "it there or name its folder with --data-dir or NASBENCH_IMAGES"
        )

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

    def _from_archive(self, path: Path) -> Iterator[tuple[str, str, bytes]]:
        """Read the members in memory: nothing is unpacked to the disk."""
        try:
            with path.open("rb") as file:
                digest = hashlib.file_digest(file, _md5).hexdigest()
            if digest != self.archive_md5:
                raise self._wrong(str(path), digest, self.archive_md5)
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

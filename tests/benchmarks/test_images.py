"""Official image sets: fetched with pins, imported, found, never taken unchecked."""

import hashlib
import http.server
import shutil
import threading
from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest
from typer.testing import CliRunner

from nasbench.benchmarks import images
from nasbench.benchmarks.images import (
    fetch_images,
    images_at_hand,
    images_folder,
    import_images,
    release_at,
    verify_images,
)
from nasbench.benchmarks.training.readers.cifar import cifar10
from nasbench.benchmarks.training.readers.imagenet16 import imagenet16_120
from nasbench.benchmarks.training.readers.official import Release
from nasbench.benchmarks.training.readers.releases import CIFAR10, CIFAR100, IMAGENET16, RELEASES
from nasbench.cli.data import app
from nasbench.errors import DataError, InvalidInput, NasbenchError
from tests.benchmarks.training import archives


@pytest.fixture(autouse=True)
def data_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("NASBENCH_DATA", str(tmp_path / "data"))
    monkeypatch.delenv("NASBENCH_IMAGES", raising=False)
    monkeypatch.delenv("NASBENCH_UPSTREAM", raising=False)
    return tmp_path / "data"


class Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def authors(tmp_path: Path) -> Iterator[tuple[Path, str]]:
    """A folder that a server shows, and its address."""
    (tmp_path / "authors").mkdir()
    handler = partial(Quiet, directory=str(tmp_path / "authors"))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield tmp_path / "authors", f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


def small(folder: Path, host: str = "") -> Release:
    """A small CIFAR-10 in `folder`, as an archive and unpacked, with pins of its own."""
    made = archives.publish(folder, CIFAR10, archives.cifar10_files())
    assert made.archive is not None
    return replace(made, archive=replace(made.archive, host=host or made.archive.host))


def test_what_is_fetched_is_found_and_read(authors: tuple[Path, str]) -> None:
    folder, address = authors
    release = small(folder, address)
    assert images_at_hand("cifar10") is None
    path = fetch_images("cifar10", release=release)
    assert path == images_folder() / "cifar-10-python.tar.gz" == images_at_hand("cifar10")
    assert path.read_bytes() == (folder / path.name).read_bytes()
    read = cifar10(images_folder(), release)
    assert read.fingerprint() == cifar10(folder, release).fingerprint()
    (folder / path.name).unlink()
    assert fetch_images("cifar10", release=release) == path  # nothing is asked of the server


def test_a_partial_download_is_finished(authors: tuple[Path, str]) -> None:
    folder, address = authors
    release = small(folder, address)
    content = (folder / "cifar-10-python.tar.gz").read_bytes()
    images_folder().mkdir(parents=True)
    (images_folder() / ".cifar-10-python.tar.gz.partial").write_bytes(content[: len(content) // 2])
    assert images_at_hand("cifar10") is None
    assert fetch_images("cifar10", release=release).read_bytes() == content


@pytest.mark.parametrize("force", [False, True])
def test_a_folder_of_other_bytes_is_not_taken_for_what_is_fetched(
    authors: tuple[Path, str],
    force: bool,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    folder, address = authors
    release = small(folder, address)
    monkeypatch.setitem(images.RELEASES, "cifar10", release)
    junk = images_folder() / release.folder
    shutil.copytree(folder / release.folder, junk)
    assert fetch_images("cifar10") == junk  # it is right: nothing is asked of the server
    assert not (images_folder() / "cifar-10-python.tar.gz").exists()
    for path in junk.iterdir():
        path.write_bytes(b"junk")
    place = fetch_images("cifar10", force=force)
    assert place == images_folder() / "cifar-10-python.tar.gz" == verify_images("cifar10")
    assert ("does not hold the official files" in capsys.readouterr().err) is not force
    read = [one[2] for one in release.read(images_folder())]
    assert read == list(archives.cifar10_files().values())
    assert {path.read_bytes() for path in junk.iterdir()} == {b"junk"}  # it is the user's


def test_other_bytes_are_refused(
    authors: tuple[Path, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    folder, address = authors
    release = small(folder, address)
    path = folder / "cifar-10-python.tar.gz"
    content = bytearray(path.read_bytes())
    content[-20] ^= 1
    path.write_bytes(content)
    with pytest.raises(DataError, match="is not the expected file"):
        fetch_images("cifar10", release=release)
    monkeypatch.setenv("NASBENCH_UPSTREAM", str(folder))  # the official pins hold wherever it is
    with pytest.raises(DataError, match="is not the expected file"):
        fetch_images("cifar10")
    assert images_at_hand("cifar10") is None
    with pytest.raises(InvalidInput, match="known are cifar10, cifar100"):
        fetch_images("ImageNet16-120")


def test_the_pins_are_those_of_keras() -> None:
    """SHA-256 in keras 3.15's cifar10.py and cifar100.py; bytes as the server states them."""
    pins = {one.archive.sha256[:16]: one.archive.size for one in (CIFAR10, CIFAR100) if one.archive}
    assert pins == {"6d958be074577803": 170_498_071, "85cd44d02ba64377": 169_001_437}


@pytest.mark.parametrize(
    ("official", "files", "unpacked"),
    [
        (CIFAR10, archives.cifar10_files, True),
        (CIFAR10, archives.cifar10_files, False),
        (CIFAR100, archives.cifar100_files, True),
        (IMAGENET16, archives.imagenet16_files, True),
    ],
)
def test_what_is_imported_is_found(
    tmp_path: Path, official: Release, files: object, unpacked: bool
) -> None:
    release = archives.publish(tmp_path / "mine", official, files())  # type: ignore[operator]
    path = tmp_path / "mine" / release.folder
    if not unpacked and release.archive is not None:
        shutil.rmtree(path)
        path = tmp_path / "mine" / release.archive.name
    assert release_at(path, {release.name: release}) is release
    place = import_images(path, release)
    assert release.find(images_folder()) == place
    assert [one[2] for one in release.read(images_folder())] == list(files().values())  # type: ignore[operator]
    with pytest.raises(DataError, match="are there already"):
        import_images(path, release)
    assert import_images(path, release, force=True) == place


def test_only_official_files_are_imported(tmp_path: Path) -> None:
    release = archives.publish(tmp_path, IMAGENET16, archives.imagenet16_files())
    with pytest.raises(DataError, match="wrong checksum"):
        import_images(tmp_path / release.folder, IMAGENET16)
    assert images_at_hand("ImageNet16-120") is None
    small(tmp_path / "c")
    with pytest.raises(DataError, match="wrong checksum"):
        import_images(tmp_path / "c" / "cifar-10-python.tar.gz", CIFAR10)
    assert images_at_hand("cifar10") is None
    with pytest.raises(DataError, match=r"is not in .*run `nasbench data fetch cifar10`"):
        verify_images("cifar10")


def run(*words: str) -> str:
    result = CliRunner().invoke(app, words)
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    assert result.exit_code == 0, result.output
    return result.output


def test_the_commands(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert "cifar10                   images, not there: nasbench data fetch cifar10" in run("list")
    made = archives.publish(tmp_path / "mine", IMAGENET16, archives.imagenet16_files())
    monkeypatch.setitem(RELEASES, "ImageNet16-120", made)
    said = run("import", str(tmp_path / "mine"))
    assert f"ImageNet16-120: images, in {images_folder() / 'ImageNet16'}" in said
    assert "terms    images of ImageNet, whose terms of access" in said
    assert f"ImageNet16-120            images, in {images_folder() / 'ImageNet16'}" in run("list")
    assert run("verify", "ImageNet16-120").startswith("ImageNet16-120: whole, in")
    assert run("path", "ImageNet16-120").strip() == str(images_folder() / "ImageNet16")
    assert "train_data_batch_1  MD5" in run("info", "ImageNet16-120")
    read = imagenet16_120(images_folder(), made)
    assert read.input == (16, 3, 120)
    batch = images_folder() / "ImageNet16" / "val_data"
    batch.write_bytes(b"x")
    with pytest.raises(DataError, match="wrong checksum"):
        run("verify", "ImageNet16-120")
    for words, message in (
        (("fetch", "cifar-10"), "did you mean 'cifar10'"),
        (("fetch", "ImageNet16-120"), "known are cifar10, cifar100"),
        (("import", str(tmp_path / "mine"), "--name", "x"), "always called 'ImageNet16-120'"),
    ):
        with pytest.raises(NasbenchError, match=message):
            run(*words)


def test_the_terms_are_printed_with_a_fetch(
    authors: tuple[Path, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    release = small(*authors)
    monkeypatch.setitem(images.RELEASES, "cifar10", release)
    said = run("fetch", "cifar10")
    assert "the authors ask to cite Krizhevsky" in said
    place = Path(said.splitlines()[0].split(", in ")[1])
    assert release.archive is not None
    assert hashlib.sha256(place.read_bytes()).hexdigest() == release.archive.sha256

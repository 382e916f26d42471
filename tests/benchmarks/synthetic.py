"""Files in the official format with made-up numbers, of any number of architectures.

A full cell has 50,000 pickled objects; pickling thousands would take the memory that the
importer must not. So one cell is pickled once, after a preface that holds what all cells
share, and its bytes are written again and again with other memo numbers, index and string,
which is what pickling them all in one dict would have written.
"""

import bz2
import io
import pickle
import pickletools
import zipfile
from collections import OrderedDict
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from nasbench.spaces.nats_size import NatsSize
from nasbench.spaces.nb201 import NasBench201

MAGIC = 0x1950A86A20F9469CFC6C
_INDEX = 54321
_STRING = "@ARCHITECTURE@"
# fmt: off
_KEYS = [
    "name", "train_acc1es", "train_acc5es", "train_losses", "train_times", "arch_config",
    "params", "flop", "seed", "epochs", "latency", "eval_names", "eval_acc1es", "eval_times",
    "eval_losses", "net_state_dict", "arch_index", "arch_str", "all_results", "dataset_seed",
    "clear_net_done", "cifar10-valid", "cifar10", "cifar100", "ImageNet16-120", "x-valid",
    "x-test", "ori-test", "channel", "num_cells", "class_num", "01", "12", "90", "200", "less",
    "full",
]
# fmt: on
_EVALUATIONS = {
    "cifar10-valid": ("x-valid", "ori-test"),
    "cifar10": ("ori-test",),
    "cifar100": ("ori-test", "x-valid", "x-test"),
    "ImageNet16-120": ("ori-test", "x-valid", "x-test"),
}


def run(
    dataset: str, seed: int, epochs: int, arch: str, *, last_only: tuple[str, ...] = ()
) -> dict[str, Any]:
    """Return one training run as `ResultsCount.state_dict()` gives it."""
    random = np.random.default_rng([seed, epochs, len(dataset)])
    names = _EVALUATIONS[dataset]

    def curve() -> dict[int, float]:
        return dict(enumerate(random.uniform(10, 90, epochs).tolist()))

    def evaluations() -> dict[str, float]:
        return {
            f"{name}@{epoch}": float(random.uniform(10, 90))
            for name in names
            for epoch in (range(epochs) if name not in last_only else [epochs - 1])
        }

    return {
        "name": dataset,
        "train_acc1es": curve(),
        "train_acc5es": None,
        "train_losses": curve(),
        "train_times": OrderedDict((epoch, 7.25 + 1 / 3) for epoch in range(epochs)),
        "arch_config": {"channel": 16, "num_cells": 5, "arch_str": arch, "class_num": 10},
        "params": np.float64(0.129306),
        "flop": 15.64737,
        "seed": f"{seed:04d}",
        "epochs": epochs,
        "latency": [np.float64(0.0139)],
        "eval_names": list(names),
        "eval_acc1es": evaluations(),
        "eval_times": {f"{name}@{e}": 2.5 + 1 / 7 for name in names for e in range(epochs)},
        "eval_losses": evaluations(),
        "net_state_dict": None,
    }


def cell(
    index: int,
    arch: str,
    *,
    keys: tuple[str, str] = ("less", "full"),
    epochs: tuple[int, int] = (12, 200),
    seeds: tuple[int, ...] = (777, 888, 999),
) -> dict[str, Any]:
    """Return one architecture with two schedules, as the official files hold it."""
    cheap: dict[tuple[str, int], Any] = {}
    for dataset, trials in (("cifar10-valid", (111, 777)), ("cifar10", (111,))):
        for seed in trials:
            cheap[dataset, seed] = run(dataset, seed, epochs[0], arch)
    for dataset in ("cifar100", "ImageNet16-120"):
        cheap[dataset, 111] = run(dataset, 111, epochs[0], arch)
    final = {
        (dataset, seed): run(
            dataset,
            seed,
            epochs[1],
            arch,
            last_only=("ori-test",) if dataset == "cifar10-valid" else ("x-valid", "x-test"),
        )
        for dataset in _EVALUATIONS
        for seed in seeds
    }
    return _results(index, arch, dict(zip(keys, (cheap, final), strict=True)))


def size_cell(
    index: int, arch: str, *, epochs: tuple[int, int, int] = (1, 12, 90)
) -> dict[str, Any]:
    """Return one architecture of the size half with its three schedules."""
    trials = {"01": (777,), "12": (777, 888, 999), "90": (777,)}
    runs = {
        key: {
            (dataset, seed): run(dataset, seed, of, arch)
            for dataset in _EVALUATIONS
            for seed in trials[key]
        }
        for key, of in zip(trials, epochs, strict=True)
    }
    return _results(index, arch, runs)


def _results(index: int, arch: str, runs: Mapping[str, Mapping[Any, Any]]) -> dict[str, Any]:
    """Return what the official files hold of an architecture, from its runs by schedule."""
    return {
        key: {
            "arch_index": index,
            "arch_str": arch,
            "all_results": results,
            "dataset_seed": {
                dataset: sorted(seed for name, seed in results if name == dataset)
                for dataset in _EVALUATIONS
            },
            "clear_net_done": True,
        }
        for key, results in runs.items()
    }


class _Template:
    """The opcodes of one cell, to be written with other memo numbers, index and string."""

    def __init__(self, make: Callable[[int, str], Any]) -> None:
        buffer = io.BytesIO()
        pickler = pickle.Pickler(buffer, protocol=2)
        # 256 entries and more, so that every later memo number takes four bytes
        shared = [*(_KEYS), *(f"padding {i}" for i in range(256))]
        pickler.dump(shared)
        self.preface = _body(buffer.getvalue())
        start = buffer.tell()
        pickler.dump(make(_INDEX, _STRING))
        raw = buffer.getvalue()[start:]
        self.body = np.frombuffer(raw, dtype=np.uint8)
        self.base = len(shared) + 1
        self.count, places = 0, []
        for opcode, argument, position in pickletools.genops(raw):
            assert position is not None
            if opcode.name in ("LONG_BINPUT", "LONG_BINGET") and int(argument or 0) >= self.base:
                places.append(position + 1)
            self.count += opcode.name == "LONG_BINPUT"
        self.places = np.array(places)[:, None] + np.arange(4)

    def write(self, position: int, index: int, arch: str) -> bytes:
        body = self.body.copy()
        numbers = body[self.places].view("<u4") + np.uint32(position * self.count)
        body[self.places] = numbers.view(np.uint8)
        return (
            _body(body.tobytes())
            .replace(b"M" + _INDEX.to_bytes(2, "little"), b"M" + index.to_bytes(2, "little"))
            .replace(_text(_STRING), _text(arch))
        )


def chunks(
    cells: int,
    *,
    keys: tuple[str, str] = ("less", "full"),
    epochs: tuple[int, int] = (12, 200),
    seeds: tuple[int, ...] = (777, 888, 999),
) -> Iterator[bytes]:
    """Yield the pickle of an official file with the first `cells` architectures."""
    space = NasBench201()
    archs = [space.format(one) for one in space.architectures]
    return _chunks(cells, archs, partial(cell, keys=keys, epochs=epochs, seeds=seeds))


def size_chunks(cells: int, *, epochs: tuple[int, int, int] = (1, 12, 90)) -> Iterator[bytes]:
    """Yield the pickle of an official file of the size half."""
    space = NatsSize()
    archs = [space.format(one) for one in space.architectures]
    return _chunks(cells, archs, partial(size_cell, epochs=epochs))


def _chunks(cells: int, archs: Sequence[str], make: Callable[[int, str], Any]) -> Iterator[bytes]:
    template = _Template(make)
    yield b"\x80\x02" + template.preface + b"0}("
    yield _text("meta_archs") + b"](" + b"".join(map(_text, archs)) + b"e"
    yield _text("arch2infos") + b"}"
    for start in range(0, cells, 1000):
        yield b"("
        for index in range(start, min(start + 1000, cells)):
            yield b"M" + index.to_bytes(2, "little")
            yield template.write(index, index, archs[index])
        yield b"u"
    yield _text("evaluated_indexes") + b"c__builtin__\nset\n](K\x00K\x01e\x85R"
    yield b"u."


def _body(pickled: bytes) -> bytes:
    return pickled[2:-1]  # without PROTO and STOP


def _text(text: str) -> bytes:
    encoded = text.encode()
    return b"X" + len(encoded).to_bytes(4, "little") + encoded


def write_legacy_torch(path: Path, pickled: Iterator[bytes]) -> Path:
    """Write what torch.save wrote before version 1.6: pickles in a row."""
    with path.open("wb") as file:
        for preamble in (MAGIC, 1001, {"protocol_version": 1001, "little_endian": True}):
            file.write(pickle.dumps(preamble, protocol=2))
        file.writelines(pickled)
        file.write(pickle.dumps([], protocol=2))
    return path


def write_zip_torch(path: Path, pickled: Iterator[bytes]) -> Path:
    """Write what torch.save writes since version 1.6: a zip file."""
    with zipfile.ZipFile(path, "w") as archive:
        with archive.open("archive/data.pkl", "w", force_zip64=True) as entry:
            for chunk in pickled:
                entry.write(chunk)
        archive.writestr("archive/version", "3\n")
    return path


def write_bz2(path: Path, pickled: Iterator[bytes]) -> Path:
    """Write what NATS-Bench's `pickle_save` writes."""
    with bz2.open(path, "wb", compresslevel=1) as file:
        for chunk in pickled:
            file.write(chunk)
    return path

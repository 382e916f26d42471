"""Damaged results folders, checkpoints, caches and shards, given to the real command line.

Everything is drawn from a seed. A case prepares a folder from healthy files and damages one of
them; its commands are run in forked children, and what must never happen is counted: tracebacks,
other exit codes than 0, 1 and 2, commands that do not end, memory without bound.

    python -m tests.hostile.damage --count 10000 --seed 0
"""

import argparse
import importlib
import json
import math
import os
import random
import resource
import shutil
import signal
import sys
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

SECONDS, MEGABYTES = 120, 3000
_LOADED = (
    "nasbench.harness.report.page", "nasbench.harness.compare.write", "nasbench.harness.run",
    "nasbench.benchmarks.training.assemble", "nasbench.benchmarks.training.fit",
    "nasbench.benchmarks.training.protocol", "nasbench.harness.shared", "nasbench.cli.app",
    "pandas", "scipy.stats", "torch._dynamo", "pydantic", "PIL.Image",
)  # fmt: skip
_ODD: tuple[Any, ...] = (
    None, True, -1, 0, 5, 10**30, 2**63, -0.5, math.nan, math.inf, "", "x", "..", "\u202e\x1b[31m",
    [], [None], [[1]], {}, {"a": 1}, "9" * 5000,
)  # fmt: skip


@dataclass(frozen=True)
class Case:
    """One damaged folder and the command lines that read it."""

    name: str
    prepare: Callable[[Path], None]
    """Fill an empty folder."""
    commands: Callable[[Path], list[list[str]]]
    """Arguments of `nasbench`, given that folder."""


@dataclass(frozen=True)
class Ended:
    """How a command ended."""

    code: int
    """Exit code, or minus the signal."""
    text: str
    megabytes: float

    @property
    def fault(self) -> str:
        """What is wrong with it; empty if nothing is."""
        if self.code == -signal.SIGALRM:
            return "hang"
        if "Traceback (most recent call last)" in self.text:
            return "traceback"
        if self.megabytes > MEGABYTES:
            return "memory"
        return "" if self.code in (0, 1, 2) else f"exit code {self.code}"


def invoke(arguments: list[str], output: Path) -> Ended:
    """Run `nasbench` in a forked child that knows what this process has patched."""
    child = os.fork()
    if not child:
        _be_nasbench(arguments, output)
    _, status, usage = os.wait4(child, 0)
    code = os.waitstatus_to_exitcode(status)
    return Ended(code, output.read_text(errors="replace"), usage.ru_maxrss / 1024)


def _be_nasbench(arguments: list[str], output: Path) -> None:
    code = 70
    try:
        handle = os.open(output, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
        os.dup2(handle, 1)
        os.dup2(handle, 2)
        sys.stdout, sys.stderr = (os.fdopen(os.dup(number), "w") for number in (1, 2))
        signal.signal(signal.SIGALRM, signal.SIG_DFL)
        signal.alarm(SECONDS)
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        os.environ["NASBENCH_TRACEBACK"] = "1"
        sys.argv = ["nasbench", *arguments]
        from nasbench.cli.app import main

        main()
    except SystemExit as ended:
        code = ended.code if isinstance(ended.code, int) else 1
    except BaseException:
        import traceback

        traceback.print_exc()
    finally:
        for stream in (sys.stdout, sys.stderr):
            stream.flush()
        os._exit(code)


# What damages a file


def damage(path: Path, draw: random.Random) -> str:
    """Damage a file in a way that fits its kind; return what was done."""
    structured = {".json": _json, ".parquet": _parquet, ".csv": _bytes, ".pt": _checkpoint}
    kinds = [_bytes, structured[path.suffix], structured[path.suffix]]
    return f"{path.name} {draw.choice(kinds)(path, draw)}"


def _bytes(path: Path, draw: random.Random) -> str:
    content = bytearray(path.read_bytes())
    match draw.choice(("flip", "cut", "zeros", "noise", "empty", "twice", "folder", "link")):
        case "flip":
            at = [draw.randrange(8 * len(content)) for _ in range(draw.choice((1, 1, 1, 3, 50)))]
            for bit in at:
                content[bit // 8] ^= 1 << bit % 8
            done = f"bits {at[:3]} flipped"
        case "cut":
            content = content[: draw.randrange(len(content))]
            done = f"cut to {len(content)}"
        case "zeros":
            start = draw.randrange(len(content))
            content[start : start + 64] = bytes(len(content[start : start + 64]))
            done = f"zeros at {start}"
        case "noise":
            content, done = bytearray(draw.randbytes(200)), "noise"
        case "twice":
            content, done = content * 2, "twice"
        case "folder":
            path.unlink()
            path.mkdir()
            return "a folder"
        case "link":
            path.unlink()
            path.symlink_to(path.name)
            return "a link to itself"
        case _:
            content, done = bytearray(), "empty"
    path.write_bytes(content)
    return done


def _json(path: Path, draw: random.Random) -> str:
    """Replace, delete or add a value somewhere; the file's hash is made anew, or left out."""
    tree = json.loads(path.read_text())
    tree.pop("seal", None)
    done = _twist(tree, draw)
    path.write_text(json.dumps(tree))
    return done


def _twist(tree: Any, draw: random.Random) -> str:
    places = list(_places(tree))
    where, key = draw.choice(places)
    match draw.choice(("put", "put", "put", "drop", "add")):
        case "drop":
            del where[key]
            return f"{key} dropped"
        case "add" if isinstance(where, dict):
            where["more"] = draw.choice(_ODD)
            return "a key added"
    where[key] = draw.choice(_ODD)
    return f"{key} = {str(where[key])[:30]!r}"


def _places(tree: Any) -> Iterator[tuple[Any, Any]]:
    """Yield every container of a tree with every key or index in it."""
    pairs = list(tree.items()) if isinstance(tree, dict) else list(enumerate(tree))
    for key, value in pairs:
        yield tree, key
        if isinstance(value, dict | list):
            yield from _places(value)


def _parquet(path: Path, draw: random.Random) -> str:
    """Write other columns, without a hash, as an earlier version would have."""
    table = pq.read_table(path)
    about = json.loads((table.schema.metadata or {}).get(b"nasbench", b"{}"))
    name = draw.choice(table.column_names)
    number, count = table.column_names.index(name), len(table)
    match draw.choice(("drop", "again", "type", "value", "value", "value", "rows", "about")):
        case "drop":
            table, done = table.drop_columns([name]), f"{name} dropped"
        case "again":
            table, done = (
                table.append_column(draw.choice((name, "x")), table[name]),
                f"{name} twice",
            )
        case "type":
            array = draw.choice(_arrays(count))
            table, done = table.set_column(number, name, array), f"{name} as {array.type}"
        case "rows":
            table, done = table.slice(0, draw.randrange(count)), "fewer rows"
        case "about":
            done = _twist(about, draw)
        case _:
            table, done = _revalue(table, name, draw)
    text = json.dumps(about).encode()
    if draw.random() < 0.1:
        text, done = text[:-3] + b"\xff", f"{done}, broken metadata"
    pq.write_table(table.replace_schema_metadata({b"nasbench": text}), path)
    return done


def _arrays(count: int) -> list[pa.Array]:
    return [
        pa.array([["a"]] * count), pa.array([{"a": 1}] * count), pa.array([b"\xff"] * count),
        pa.array([2**63] * count, pa.uint64()), pa.array([None] * count), pa.array([1.5] * count),
        pa.array([[[1]]] * count), pa.array([[]] * count, pa.list_(pa.float64())),
        pa.array(["x"] * count), pa.array([True] * count), pa.array([[1.0, None]] * count),
    ]  # fmt: skip


def _revalue(table: pa.Table, name: str, draw: random.Random) -> tuple[pa.Table, str]:
    rows = table.to_pylist()
    row = draw.choice(rows)
    odd = draw.choice(
        (None, -1, 0, 10**9, 15_625, 1e300, math.nan, math.inf, -5.5, 99_999, "", "x")
    )
    if isinstance(row[name], list):
        if row[name] and draw.random() < 0.6:
            row[name][draw.randrange(len(row[name]))] = odd
        else:
            row[name] = draw.choice(([], row[name][:-1], row[name] * 2, None))
    else:
        row[name] = odd
    try:
        return pa.Table.from_pylist(rows, schema=table.schema), f"{name} holds {odd!r}"
    except (pa.ArrowException, TypeError, OverflowError, ValueError):
        return table, "as it was"


def _checkpoint(path: Path, draw: random.Random) -> str:
    """Change what a checkpoint says, sealed as if it were its writer's work."""
    import torch

    from nasbench.benchmarks.training.checkpoint import read_checkpoint, write_checkpoint

    content = read_checkpoint(path)
    places = [(one, key) for one, key in _places(content) if isinstance(one, dict | list)]
    where, key = draw.choice([*places[:8], draw.choice(places)])
    if draw.random() < 0.3 and isinstance(key, str) and key:
        bit = 1 << draw.randrange(5)
        other = chr(ord(key[0]) ^ bit) + key[1:]
        where[other] = where.pop(key)
        done = f"key {key} is {other!r}"
    else:
        odd = (*_ODD, torch.tensor(1), torch.zeros(3), torch.full((1, 3), torch.nan))
        where[key] = draw.choice(odd)
        done = f"{key} = {str(where[key])[:30]!r}"
    write_checkpoint(path, content)
    return done


# What is damaged


def prepare_templates(folder: Path) -> None:
    """Make healthy folders of every kind; this process learns the recipe `tiny`.

    It also loads what commands load, so that their forked children need not.
    """
    for module in _LOADED:
        importlib.import_module(module)
    from nasbench.benchmarks.training.recipes import RECIPES
    from tests.benchmarks.training import tiny
    from tests.tables import synthetic_table

    for recipe in (tiny.RECIPE, tiny.FINAL):
        RECIPES[recipe.name] = recipe
    os.environ["NASBENCH_DATA"] = str(folder / "data")
    os.environ["NASBENCH_IMAGES"] = str(folder / "images")
    os.environ["NASBENCH_TRAININGS"] = str(folder / "training" / "cache")
    synthetic_table().save(folder / "data" / "tables" / "nb201.safetensors")
    generator = np.random.Generator(np.random.PCG64(0))
    images = generator.integers(0, 256, (60, 8, 8), dtype=np.uint8)
    np.savez(folder / "mine.npz", images=images, labels=np.arange(60) % 2)
    results, training = folder / "results", folder / "training"
    training.mkdir()
    common = ["--workers", "1", "--out", str(results), "--budget", "6evals"]
    lines = [
        ["run", "--strategy", "random-search,regularized-evolution", "--seeds", seeds, *common]
        for seeds in ("0-2", "3-5")
    ]
    lines += _training(folder, training).values()
    for line in lines:
        ended = invoke(line, folder / "said")
        if ended.code:
            raise RuntimeError(f"{' '.join(line)}: {ended.text}")
    (training / "half" / "result.json").unlink()  # goes on from its checkpoint


def _training(root: Path, folder: Path) -> dict[str, list[str]]:
    """Return commands that train, search by training and tabulate below a folder, by name."""
    data = ["--dataset", f"npz:{root / 'mine.npz'}"]
    train = ["train", "123", *data, "--recipe", "tiny", "--out"]
    return {
        "half": [*train, str(folder / "half")],
        "done": [*train, str(folder / "done")],
        "runs": [
            "run", "--strategy", "random-search", *data, "--benchmark", "train:nb201",
            "--protocol", "tiny:1@0/tiny-final@0", "--budget", "2evals", "--seeds", "1",
            "--workers", "1", "--out", str(folder / "runs"),
        ],
        "table": [
            "tabulate", *data, "--recipe", "tiny", "--cells", "3", "--seeds", "1", "--costs", "0",
            "--workers", "1", "--name", "tiny", "--out", str(folder / "table"),
        ],
    }  # fmt: skip


def cases(seed: int, templates: Path) -> Iterator[Case]:
    """Yield cases without end, of all kinds in turn."""
    number = 0
    while True:
        draw = random.Random(1_000_003 * seed + number)
        if number % 4 == 3:
            yield _training_case(draw, templates, number)
        else:
            yield _results_case(draw, templates, number)
        number += 1


def _results_case(draw: random.Random, templates: Path, number: int) -> Case:
    healthy = templates / "results"
    files = sorted(path.relative_to(healthy) for path in healthy.rglob("*.*") if path.is_file())
    chosen = draw.sample(files, draw.choice((1, 1, 1, 2, len(files))))
    seeds = [draw.randrange(2**32) for _ in chosen]

    def prepare(folder: Path) -> None:
        shutil.copytree(healthy, folder / "results")
        for one, seed in zip(chosen, seeds, strict=True):
            damage(folder / "results" / one, random.Random(seed))

    def commands(folder: Path) -> list[list[str]]:
        results = str(folder / "results")
        lines = [["list", "results", results], ["compare", results, "--cite"], ["audit", results]]
        if number % 40 == 38:
            lines += [["report", results], ["compare", results]]
        if number % 10 == 1:
            lines += [["run", "--strategy", "random-search", "--seeds", "7", "--workers", "1",
                       "--budget", "6evals", "--out", results]]  # fmt: skip
        return lines

    return Case(f"results {number}: {', '.join(map(str, chosen))[:100]}", prepare, commands)


def _training_case(draw: random.Random, templates: Path, number: int) -> Case:
    healthy = templates / "training"
    kinds = {
        "half": ("half/checkpoint.pt", "half/curve.csv"), "done": ("done/result.json",),
        "runs": ("cache/*/*/*.json",), "table": ("table/shards/*.parquet",),
    }  # fmt: skip
    kind = draw.choice(sorted(kinds))
    files = [
        path.relative_to(healthy)
        for pattern in kinds[kind]
        for path in sorted(healthy.glob(pattern))
    ]
    chosen, seed = draw.choice(files), draw.randrange(2**32)

    def prepare(folder: Path) -> None:
        shutil.copytree(healthy, folder / "training")
        if kind == "runs":
            shutil.rmtree(folder / "training" / "runs")  # made again, from the cache
        damage(folder / "training" / chosen, random.Random(seed))
        os.environ["NASBENCH_TRAININGS"] = str(folder / "training" / "cache")

    def commands(folder: Path) -> list[list[str]]:
        line = _training(templates, folder / "training")[kind]
        return [[*line, "--assemble"] if kind == "table" else line]

    return Case(f"training {number}: {chosen}", prepare, commands)


def count_faults(
    count: int, seed: int, templates: Path, say: Callable[[str], None] = print
) -> Counter[str]:
    """Run cases; return how many commands ended how: `good`, or what is wrong with them."""
    found: Counter[str] = Counter()
    for number, case in zip(range(count), cases(seed, templates), strict=False):
        if number and number % 100 == 0:
            say(f"{number} cases: {dict(found)}")
        with tempfile.TemporaryDirectory(dir=templates) as folder:
            case.prepare(Path(folder))
            for line in case.commands(Path(folder)):
                ended = invoke(line, templates / "said")
                found[ended.fault or "good"] += 1
                if ended.fault:
                    say(f"{ended.fault}: {case.name}: {' '.join(line)}\n{ended.text[-1500:]}")
    return found


def main() -> None:
    """Count over as many cases as are asked for."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=0)
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        prepare_templates(Path(folder))
        print(dict(count_faults(asked.count, asked.seed, Path(folder))))


if __name__ == "__main__":
    main()

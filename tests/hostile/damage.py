"""Damages the files that nasbench stores: their bytes, or what they say, with all hashes redone."""

import json
import math
from collections.abc import Iterator
from pathlib import Path
from random import Random
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

_ODD: tuple[Any, ...] = (
    None, True, -1, 0, 5, 10**30, 2**63, -0.5, math.nan, math.inf, "", "x", "..", "\u202e\x1b[31m",
    "a\udcff", [], [None], [[1]], {}, {"a": 1}, "9" * 5000,
)  # fmt: skip


def damage(path: Path, draw: Random) -> str:
    """Damage a file in a way that fits its kind; return what was done."""
    structured = {".json": _json, ".parquet": _parquet, ".csv": _bytes, ".pt": _checkpoint}
    kinds = [_bytes, structured[path.suffix], structured[path.suffix]]
    return f"{path.name} {draw.choice(kinds)(path, draw)}"


def _bytes(path: Path, draw: Random) -> str:
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


def _json(path: Path, draw: Random) -> str:
    """Replace, delete or add a value somewhere; the file's hash is made anew, or left out."""
    tree = json.loads(path.read_text())
    tree.pop("seal", None)
    done = _twist(tree, draw)
    path.write_text(json.dumps(tree))
    return done


def _twist(tree: Any, draw: Random) -> str:
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


def _parquet(path: Path, draw: Random) -> str:
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


def _revalue(table: pa.Table, name: str, draw: Random) -> tuple[pa.Table, str]:
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


def _checkpoint(path: Path, draw: Random) -> str:
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

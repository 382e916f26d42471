"""Runs generated bad inputs of all kinds through the command line; counts what must not happen.

    python -m tests.hostile.runner --inputs 10000 --seed 0

What is counted says `children`. Kinds take turns in an order drawn from the seed. After every 100
inputs the state is printed; `--begin 3000` goes on behind the first 3,000. `--only KIND:NUMBER`
repeats one case. Of a tenth of the inputs the last command line is a process of its own; all
others are forked children.
"""

import argparse
import importlib
import multiprocessing
import os
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from hostile.children import Case

STATE = 100


class Kind(NamedTuple):
    """Where the cases of a kind come from, and how many of 100 inputs they are."""

    module: str
    cases: str
    share: int


KINDS = {
    "command_lines": Kind("test_command_lines", "cases", 24),
    "choices": Kind("choices", "cases", 10),
    "tables": Kind("test_bad_tables", "cases", 10),
    "pickles": Kind("test_pickles", "cases", 10),
    "servers": Kind("test_servers", "cases", 5),
    "results_folders": Kind("stored", "results_folders", 16),
    "checkpoints": Kind("stored", "checkpoints", 7),
    "caches": Kind("stored", "caches", 5),
    "shards": Kind("stored", "shards", 3),
    "image_sets": Kind("image_sets", "cases", 10),
}


class Chosen(NamedTuple):
    """What a call asks for."""

    inputs: int
    seed: int
    kinds: tuple[str, ...]
    real: float
    begin: int
    only: str
    talk: bool
    workers: int


@dataclass
class Counts:
    """What inputs came to."""

    inputs: int = 0
    real: int = 0
    lines: int = 0
    codes: Counter[str] = field(default_factory=Counter)
    troubles: Counter[str] = field(default_factory=Counter)
    seconds: Counter[str] = field(default_factory=Counter)
    """Of the command lines of forked children and of processes, by these names."""
    ends: Counter[str] = field(default_factory=Counter)
    slowest: float = 0.0
    memory: int = 0

    def add(self, other: "Counts") -> None:
        self.inputs, self.real = self.inputs + other.inputs, self.real + other.real
        self.lines += other.lines
        for name in ("codes", "troubles", "seconds", "ends"):
            getattr(self, name).update(getattr(other, name))
        self.slowest = max(self.slowest, other.slowest)
        self.memory = max(self.memory, other.memory)

    def __str__(self) -> str:
        means = ", ".join(
            f"{self.seconds[how] / count:.2f} s a line {how}" for how, count in self.ends.items()
        )
        return (
            f"{self.inputs} inputs ({self.real} as processes), {self.lines} command lines; "
            f"{means}; the slowest {self.slowest:.1f} s, at most {self.memory / 2**30:.2f} GB; "
            f"{self.troubles['traceback']} tracebacks; all troubles: "
            f"{dict(self.troubles) or 'none'}"
        )


class Input(NamedTuple):
    """A case of the order in which they are run."""

    kind: str
    number: int
    case: "Case"
    real: bool

    @property
    def name(self) -> str:
        return f"{self.kind}:{self.number}"


def order(chosen: Chosen) -> Iterator[Input]:
    """Yield all inputs that a seed stands for, in the order in which they are run."""
    kinds = {name: KINDS[name] for name in chosen.kinds}
    made = {}
    for name, kind in kinds.items():
        module = importlib.import_module(f"hostile.{kind.module}")
        made[name] = getattr(module, kind.cases)(Random(f"{chosen.seed} {name}"))
    numbers: Counter[str] = Counter()
    turns, processes = Random(f"{chosen.seed} turns"), 0
    shares = [kind.share for kind in kinds.values()]
    for place in range(chosen.inputs):
        (name,) = turns.choices(list(kinds), shares)
        case, number = next(made[name]), numbers[name]
        numbers[name] += 1
        real = case.alone and processes < round((place + 1) * chosen.real)
        processes += real
        yield Input(name, number, case, real)


def work(chosen: Chosen, worker: int) -> Counts:
    """Run every so-many-th input, print what is found, count."""
    total, began = Counts(), time.monotonic()
    for place, one in enumerate(order(chosen)):
        if place < chosen.begin or place % chosen.workers != worker:
            continue
        if chosen.only in ("", one.name):
            total.add(run_input(one, chosen))
            if total.inputs % STATE == 0:
                print(
                    f"[{time.monotonic() - began:.0f} s, next --begin {place + 1}] {total}",
                    flush=True,
                )
            if chosen.only:
                break
    return total


def run_input(one: Input, chosen: Chosen) -> Counts:
    """Run a case in a folder of its own, far enough down that `../..` holds nothing else."""
    from hostile.children import run_case

    found = Counts(inputs=1, real=int(one.real))
    with tempfile.TemporaryDirectory(prefix="nasbench-hostile-", ignore_cleanup_errors=True) as top:
        folder = Path(top, "a", "b")
        folder.mkdir(parents=True)
        outcomes = run_case(one.case, folder, real=one.real)
    for number, ended in enumerate(outcomes, 1):
        how = "in processes" if one.real and number == len(outcomes) else "forked"
        found.lines += 1
        found.codes[f"{one.kind} {ended.code}"] += 1
        found.seconds[how] += ended.seconds
        found.ends[how] += 1
        found.slowest = max(found.slowest, ended.seconds)
        found.memory = max(found.memory, ended.memory)
        said = ended.text.strip().splitlines() or [""]
        if ended.trouble:
            found.troubles[ended.trouble] += 1
            print(f"\n{ended.trouble}, {how}: --seed {chosen.seed} --only {one.name}")
            print(f"  {one.case.name}: {ended.line!r:.300}")
            print("  " + "\n  ".join(said[-6:])[:2000], flush=True)
        if chosen.only or (chosen.talk and not ended.trouble):
            shown = said if chosen.only else [said[0 if ended.code else -1]]
            print(f"{ended.code} {ended.seconds:.1f} s {how} {ended.line!r:.200}")
            print("    " + "\n    ".join(shown)[:4000], flush=True)
    return found


def many(chosen: Chosen) -> Counts:
    """Run all inputs that were asked for."""
    from hostile.children import preload

    preload()
    next(order(chosen._replace(inputs=1)))  # healthy folders are made before workers are forked
    if chosen.workers == 1:
        return work(chosen, 0)
    total = Counts()
    with multiprocessing.get_context("fork").Pool(chosen.workers) as pool:
        for part in pool.starmap(work, [(chosen, worker) for worker in range(chosen.workers)]):
            total.add(part)
    return total


def main() -> None:
    """Read the options."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--inputs", type=int, default=10_000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--kind", action="append", default=[], choices=tuple(KINDS))
    parser.add_argument("--real", type=float, default=0.1, help="share run as processes")
    parser.add_argument("--begin", type=int, default=0, help="pass over so many inputs")
    parser.add_argument("--only", default="", help="KIND:NUMBER of one case")
    parser.add_argument("--talk", action="store_true", help="print every line and its answer")
    parser.add_argument("--workers", type=int, default=1, help="processes that fork")
    given = parser.parse_args()
    kinds = tuple(given.kind) or tuple(KINDS)
    sys.path.insert(0, str(Path(__file__).parents[1]))
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    total = many(
        Chosen(given.inputs, given.seed, kinds, given.real, given.begin, given.only, given.talk,
               given.workers)
    )  # fmt: skip
    for name, count in sorted(total.codes.items()):
        print(f"  {name}: {count}")
    print(total)
    sys.exit(1 if total.troubles else 0)


if __name__ == "__main__":
    main()

"""Digests of runs, by which later versions are known to make the same bits.

    python -m tests.harness.kept FILE

stores those of the present code, with the processor's instruction set: it decides the last bits of
trainings. It needs the public files (`NASBENCH_UPSTREAM`). The digests in `kept.json` are those of
the commit before spaces, metrics and fidelities became general.
"""

import hashlib
import json
import os
import sys
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np

from nasbench.benchmarks.catalogue import fetch_table
from nasbench.harness.execution.run import make_experiment
from nasbench.harness.search.experiment import Experiment, Run, entropy_of
from nasbench.harness.search.runner import Runner
from nasbench.harness.search.tasks import Wanted, make_tasks
from nasbench.strategies.registry import find_strategy

STRATEGIES = ("random-search", "regularized-evolution", "reinforce", "reinforce-softmax")
PLACES = (
    ("nb201", "cifar10", "nb201-paper"),
    ("nb201", "cifar100", "nats-bench"),
    ("digits", "digits", None),
)
"""Table, data set and protocol; None is the one made of the table."""
SEEDS = 50
SHARED = ("darts", "darts-2nd", "gdas", "enas", "rsps", "spos", "fbnet", "proxylessnas")
EPOCHS, SHARED_SEEDS = 2, 2


def searches() -> Iterator[tuple[str, Experiment]]:
    """Yield every search that asks a table, by both rules of entropy, and its name."""
    for benchmark, dataset, protocol in PLACES:
        (task,) = make_tasks(benchmark, [dataset], protocol, Wanted())
        for name in STRATEGIES:
            new = make_experiment(task, name, {})
            defaults = asdict(find_strategy(name).Settings())
            old = entropy_of(0, task, name, new.settings, defaults)
            yield f"{task.protocol} {dataset} {name} rule 1", new
            yield (
                f"{task.protocol} {dataset} {name} rule 0",
                replace(new, entropy=old, entropy_rule=0),
            )


def shared_searches() -> Iterator[tuple[str, Experiment]]:
    """Yield short searches with shared weights on the bundled images, and their names."""
    (task,) = make_tasks("digits", ["digits"], None, Wanted())
    for name in SHARED:
        yield name, make_experiment(task, name, {"epochs": EPOCHS})


def digest(run: Run) -> str:
    """Return 12 hexadecimal digits of what a run did and what the judge said, timings apart."""
    assert run.trajectory is not None, run.error
    made = run.trajectory
    hashed = hashlib.sha256()
    hashed.update(json.dumps([list(one) for one in made.architectures]).encode())
    for array, kind in (
        (made.signal, "<f8"), (made.epochs, "<i8"), (made.incumbents, "<i8"),
        *(() if made.derived else ((made.seconds, "<f8"),)),
        *((part, "<f8") for one in run.finals.values() for part in (one.valid, one.test)),
    ):  # fmt: skip
        hashed.update(np.asarray(array).astype(kind).tobytes())
    return hashed.hexdigest()[:12]


def of_tables(seeds: int = SEEDS) -> dict[str, list[str]]:
    """Return the digests of all searches that ask a table; `nb201` must be installed."""
    return {
        name: [digest(Runner(one).run(seed)) for seed in range(seeds)] for name, one in searches()
    }


def of_shared_weights(
    names: Sequence[str] = SHARED, seeds: int = SHARED_SEEDS
) -> dict[str, list[str]]:
    """Return the digests of short searches with shared weights."""
    return {
        name: [digest(Runner(one).run(seed)) for seed in range(seeds)]
        for name, one in shared_searches()
        if name in names
    }


def instructions() -> str:
    """Return what decides the last bits of trainings: torch, and the instructions it uses."""
    import torch

    return f"torch {torch.__version__.split('+')[0]}, {torch.backends.cpu.get_cpu_capability()}"


def main() -> None:
    """Write the digests to a file."""
    with tempfile.TemporaryDirectory() as folder:
        os.environ["NASBENCH_DATA"] = folder
        fetch_table("nb201")
        content = {
            "instructions": instructions(), "tables": of_tables(), "shared": of_shared_weights()
        }  # fmt: skip
        Path(sys.argv[1]).write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()

"""CPU of proposing and learning: strategies beside other packages' optimisers, interleaved.

    python3.11 -m venv PEERS && PEERS/bin/pip install optuna hyperopt scikit-optimize syne-tune \
        hpbandster dehb "numpy<2"
    python bench/strategy_speed.py --peer-python PEERS/bin/python [--repeats 5]

Each search has 150 evaluations of the bundled table `digits` (six decisions with five choices),
validation after 5 epochs, or after 2 to 15 for searches at several fidelities. Every search is a
process of its own with one thread, which has made a short search before; a strategy and its peer
take turns with the same seeds. CPU milliseconds (user and system) per evaluation, without the
look-up of values: medians, the median of the ratios of neighbouring turns, and the mean of the best
validation accuracy that a search saw (at its most epochs) with its standard error. Peers that
cannot be imported, and strategies that are not registered, are left out and named.
"""

import argparse
import importlib.metadata
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from nasbench.benchmarks.catalogue import load_table
from nasbench.problem import ACCURACY, WAIT, Answer, Evaluate, Fidelity, Problem, Trial
from nasbench.randomness import Random
from nasbench.spaces import get_categorical
from nasbench.strategies.base import Tag
from nasbench.strategies.registry import find_strategy, make_settings, strategies

FULL = 5
"""Epochs of the validation that searches of one fidelity see."""
PAIRS = (
    ("tpe", "optuna TPE"),
    ("tpe", "hyperopt TPE"),
    ("gp", "scikit-optimize GP"),
    ("smac-rf", "scikit-optimize RF"),
    ("bananas", "scikit-optimize GP"),
    ("asha", "syne-tune ASHA"),
    ("bohb", "syne-tune BOHB"),
    ("bohb", "hpbandster BOHB"),
    ("dehb", "DEHB"),
)
HERE = Path(__file__).resolve().parent


def measured() -> NDArray[np.float64]:
    """Return the validation accuracies of `digits`, shape (5, 5, 5, 5, 5, 5, 15)."""
    table = load_table("digits")
    curves = [table.search.accuracy("digits", 15, epochs) for epochs in range(1, 16)]
    codes = get_categorical("nb201").codes
    values = np.zeros((*get_categorical("nb201").sizes, 15))
    values[tuple(codes.T)] = np.stack(curves, axis=1)[table.rows]
    return values


def searched(
    name: str, values: NDArray[np.float64], evaluations: int, seed: int, settings: Sequence[str]
) -> dict[str, float]:
    """Search with a strategy of nasbench; return CPU seconds, evaluations and the best value."""
    strategy = find_strategy(name)
    offered = tuple(map(Fidelity, range(2, 16))) if Tag.FIDELITIES in strategy.tags else ()
    problem = Problem(get_categorical("nb201"), (ACCURACY,), offered, 1, Fidelity(FULL))
    spent, best, number = 0.0, (0, -np.inf), 0
    began = time.process_time()
    search = strategy(
        problem, make_settings(strategy, dict(one.split("=", 1) for one in settings)), Random(seed)
    )
    while number < evaluations:
        request = search.ask()
        spent += time.process_time() - began
        if request is WAIT or not isinstance(request, Evaluate):
            break
        epochs = (request.fidelity or Fidelity(FULL)).epochs
        value = float(values[request.architecture][epochs - 1])
        answer, best = Answer((value,), 1.0, epochs), max(best, (epochs, value))
        began = time.process_time()
        search.tell(Trial(number, request), answer)
        number += 1
    return {"cpu": spent, "evaluations": number, "best": best[1]}


def child(python: str, words: list[str]) -> dict[str, float] | str:
    """Return what a process prints as JSON, or the last line of its error."""
    one = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")
    own = python == sys.executable
    environment = {**os.environ, **one} if own else {**os.environ, **one, "PYTHONPATH": ""}
    done = subprocess.run(
        [python, *words], env=environment, capture_output=True, text=True, check=False
    )
    if done.returncode:
        return (done.stderr.strip().splitlines() or ["no message"])[-1]
    found: dict[str, float] = json.loads(done.stdout.strip().splitlines()[-1])
    return found


def compared(name: str, peer: str, given: argparse.Namespace, file: str) -> str:
    """Return a line of the table: a strategy and its peer, taking turns."""
    turns: list[tuple[dict[str, float], dict[str, float]]] = []
    for seed in range(1000, 1000 + given.repeats):
        rest = [file, str(given.evaluations), str(seed)]
        own = [__file__, "--child", name, *rest, "--set", *given.set]
        ours = child(sys.executable, own)
        theirs = child(given.peer_python, [str(HERE / "strategy_peers.py"), peer, *rest, str(FULL)])
        for who, found in ((name, ours), (peer, theirs)):
            if isinstance(found, str):
                return f"{who} is left out: {found}"
        turns.append((ours, theirs))  # type: ignore[arg-type]
    each = [[1e3 * one["cpu"] / one["evaluations"] for one in side]
            for side in zip(*turns, strict=True)]  # fmt: skip
    ratio = statistics.median(ours / theirs for ours, theirs in zip(*each, strict=True))
    best = [shown([one["best"] for one in side]) for side in zip(*turns, strict=True)]
    return (
        f"| `{name}` | {peer} {turns[0][1]['version']} | {statistics.median(each[0]):.3f} | "
        f"{statistics.median(each[1]):.3f} | {ratio:.3f} | {best[0]} | {best[1]} |"
    )


def shown(best: list[float]) -> str:
    """Return a mean with its standard error."""
    error = np.std(best) / np.sqrt(max(len(best) - 1, 1))
    return f"{statistics.mean(best):.2f} ± {error:.2f}"


def main() -> None:
    """Take turns and print the table, or, as a child, search once."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--peer-python", help="the interpreter of an environment with the peers")
    parser.add_argument("--evaluations", type=int, default=150)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--strategies", nargs="+", help="only these")
    parser.add_argument("--peers", nargs="+", help="only these")
    parser.add_argument("--set", nargs="*", default=[], help="settings, such as gamma=0.25")
    parser.add_argument("--child", nargs=4, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.child:
        name, file, evaluations, seed = given.child
        values = np.load(file)
        searched(name, values, 25, 99, given.set)
        print(json.dumps(searched(name, values, int(evaluations), int(seed), given.set)))
        return
    if not given.peer_python:
        parser.error("--peer-python is needed: see the head of this file")
    print(f"nasbench {importlib.metadata.version('nasbench')}, {given.evaluations} evaluations")
    print("| strategy | peer | ms | peer's ms | ratio | best | peer's best |")
    print("|---|---|---|---|---|---|---|")
    with tempfile.TemporaryDirectory() as folder:
        file = str(Path(folder, "values.npy"))
        np.save(file, measured())
        for name, peer in PAIRS:
            if name not in (given.strategies or [name]) or peer not in (given.peers or [peer]):
                continue
            if name not in strategies():
                print(f"{name} is left out: it is not registered", flush=True)
                continue
            print(compared(name, peer, given, file), flush=True)


if __name__ == "__main__":
    main()

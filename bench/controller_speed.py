"""CPU seconds of many table runs of each strategy, and of an LSTM controller together and alone.

    python -m bench.controller_speed [--seeds 500] [--repeats 3]

Each figure is a whole `nasbench.run` on NAS-Bench-201 and CIFAR-10 with the protocol's budget, from
ask to stored rows, in this process (user and system time), after start-up. `reinforce` is run as it
is, several seeds together, and with each seed alone, taking turns: medians, and the median of the
ratios of neighbouring turns. Last are the parts of an update of the controller, alone and in a
group as large as `reinforce` asks for: the least of many turns, per search.
"""

import argparse
import os
import statistics
import tempfile
import time
from collections.abc import Callable

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import nasbench
from nasbench.randomness import Random
from nasbench.strategies.parts.lstm_policy import (
    LstmPolicy,
    reinforce_together,
    sample_together,
)
from nasbench.strategies.reinforce import Reinforce

OTHERS = ("random-search", "regularized-evolution", "reinforce-softmax")


def cpu_seconds(strategy: str, seeds: int) -> float:
    """Return the CPU seconds of a command that runs `seeds` seeds of a strategy."""
    with tempfile.TemporaryDirectory() as out:
        began = time.process_time()
        nasbench.run(
            strategy, seeds=seeds, benchmark="nb201", datasets="cifar10", out=out, workers=1
        )
        return time.process_time() - began


def alone(seeds: int) -> float:
    """Return the CPU seconds of `reinforce` where it advances one run after the other."""
    together = Reinforce.together
    Reinforce.together = 1
    try:
        return cpu_seconds("reinforce", seeds)
    finally:
        Reinforce.together = together


def least(call: Callable[[], object], repeats: int) -> float:
    """Return the least microseconds that `call` takes."""
    times = []
    for _ in range(repeats):
        began = time.perf_counter()
        call()
        times.append(time.perf_counter() - began)
    return min(times) * 1e6


def parts(searches: int, repeats: int = 300) -> str:
    """Return the microseconds of sampling, of a whole update and of its Adam step, per search."""
    shape = (5,) * 6, 35, 2, 0.003, 0.0
    randoms = [Random(seed) for seed in range(searches)]
    policies = [LstmPolicy(*shape, random) for random in randoms]
    gradient = policies[0].weights.copy()
    sampling = least(lambda: sample_together(policies, randoms), repeats) / searches
    rewards = [1.0] * searches
    both = least(
        lambda: reinforce_together(policies, sample_together(policies, randoms), rewards), repeats
    )
    adam = least(lambda: policies[0].adam.step(gradient.copy(), gradient.copy()), repeats)
    return f"sample {sampling:.0f}, sample and update {both / searches:.0f}, of it Adam {adam:.0f}"


def main() -> None:
    """Take turns; print medians, ratios and parts."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", type=int, default=500)
    parser.add_argument("--repeats", type=int, default=3)
    given = parser.parse_args()
    for name in (*OTHERS, "reinforce"):
        cpu_seconds(name, 2)  # start-up
    for name in OTHERS:
        times = [cpu_seconds(name, given.seeds) for _ in range(given.repeats)]
        print(f"{name}, {given.seeds} seeds: {statistics.median(times):.2f} s of CPU", flush=True)
    turns = [(cpu_seconds("reinforce", given.seeds), alone(given.seeds))
             for _ in range(given.repeats)]  # fmt: skip
    ours, theirs = (statistics.median(one) for one in zip(*turns, strict=True))
    ratio = statistics.median(one / other for one, other in turns)
    print(
        f"reinforce, {given.seeds} seeds: {ours:.2f} s of CPU, {Reinforce.together} together; "
        f"{theirs:.2f} s alone; ratio {ratio:.3f}"
    )
    for searches in (1, Reinforce.together):
        print(f"us per search, {searches} together: {parts(searches)}")


if __name__ == "__main__":
    main()

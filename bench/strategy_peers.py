"""CPU seconds that optimisers of other packages take, on values of a table; no nasbench needed.

    PEER/bin/python bench/strategy_peers.py PEER VALUES.npy EVALUATIONS SEED

`VALUES.npy` holds validation accuracies, shape (choices of each decision ..., epochs). Printed is
JSON: CPU seconds of proposing and learning, without the look-up of values; evaluations; the best
value that the search saw at its most epochs; the version. `bench/strategy_speed.py` calls it.
"""

import importlib.metadata
import json
import logging
import sys
import tempfile
import time
import warnings
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

Architecture = tuple[int, ...]
ETA, LOWEST = 3, 2
"""Reduction, and the epochs of the lowest rung, of searches at several fidelities."""


class Meter:
    """Reads values from a table, and the CPU seconds that pass between its reads."""

    def __init__(self, values: "np.ndarray[Any, Any]", evaluations: int) -> None:
        """Begin to count CPU seconds after `begin` is called."""
        self.values, self.left = values, evaluations
        self.spent, self.best, self.number = 0.0, (0, -np.inf), 0
        self.sizes, self.most = values.shape[:-1], values.shape[-1]

    def begin(self) -> None:
        """Start the clock of the optimiser."""
        self.began = time.process_time()

    def read(self, architecture: Architecture, epochs: int) -> float:
        """Stop the clock, return an accuracy in percent, and start the clock again."""
        self.spent += time.process_time() - self.began
        value = float(self.values[architecture][epochs - 1])
        self.best = max(self.best, (epochs, value))
        self.number += 1
        self.left -= 1
        self.began = time.process_time()
        return value


def optuna_tpe(meter: Meter, seed: int, full: int) -> None:
    """Optuna's TPE with its defaults."""
    import optuna

    optuna.logging.set_verbosity(optuna.logging.ERROR)
    names = [f"d{i}" for i in range(len(meter.sizes))]
    meter.begin()
    sampler = optuna.samplers.TPESampler(seed=seed)
    study = optuna.create_study(direction="maximize", sampler=sampler)
    while meter.left:
        trial = study.ask()
        one = [trial.suggest_categorical(name, list(range(size)))
               for name, size in zip(names, meter.sizes, strict=True)]  # fmt: skip
        study.tell(trial, meter.read(tuple(one), full))


def hyperopt_tpe(meter: Meter, seed: int, full: int) -> None:
    """Hyperopt's TPE with its defaults."""
    import hyperopt

    space = [hyperopt.hp.choice(f"d{i}", list(range(n))) for i, n in enumerate(meter.sizes)]
    meter.begin()
    hyperopt.fmin(
        lambda one: -meter.read(tuple(one), full), space, algo=hyperopt.tpe.suggest,
        max_evals=meter.left, rstate=np.random.default_rng(seed), show_progressbar=False,
        verbose=False,
    )  # fmt: skip


def skopt_with(estimator: str) -> Callable[[Meter, int, int], None]:
    """Return a search with scikit-optimize: `GP` or `RF`, expected improvement."""

    def search(meter: Meter, seed: int, full: int) -> None:
        from skopt import Optimizer
        from skopt.space import Categorical

        meter.begin()
        space = [Categorical(list(range(n))) for n in meter.sizes]
        optimizer = Optimizer(space, base_estimator=estimator, acq_func="EI", random_state=seed)
        while meter.left:
            one = optimizer.ask()
            optimizer.tell(one, -meter.read(tuple(map(int, one)), full))

    return search


def syne_tune_with(method: str) -> Callable[[Meter, int, int], None]:
    """Return a search with syne-tune's `ASHA` or `BOHB`: a report at each rung."""

    def search(meter: Meter, seed: int, full: int) -> None:
        from syne_tune.backend.trial_status import Trial
        from syne_tune.config_space import choice
        from syne_tune.optimizer import baselines

        space = {f"d{i}": choice(list(range(n))) for i, n in enumerate(meter.sizes)}
        rungs = [LOWEST * ETA**k for k in range(9) if LOWEST * ETA**k < meter.most] + [meter.most]
        meter.begin()
        scheduler = getattr(baselines, method)(
            space, metric="accuracy", time_attr="epoch", max_t=meter.most, do_minimize=False,
            random_seed=seed, grace_period=LOWEST, reduction_factor=ETA,
        )  # fmt: skip
        number = 0
        while meter.left:
            config = scheduler.suggest().config
            trial = Trial(number, config, None)
            number += 1
            scheduler.on_trial_add(trial)
            for epochs in rungs[: meter.left]:
                accuracy = meter.read(tuple(config[name] for name in space), epochs)
                result = {"accuracy": accuracy, "epoch": epochs}
                if scheduler.on_trial_result(trial, result) == "STOP":
                    break

    return search


def _brackets(top: int) -> Iterator[list[tuple[int, int]]]:
    """Yield number of configurations and level of each rung of Hyperband's brackets, repeated."""
    while True:
        for s in range(top, -1, -1):
            began = (top + 1) // (s + 1) * ETA**s
            yield [(max(began // ETA**i, 1), top - s + i) for i in range(s + 1)]


def hpbandster_bohb(meter: Meter, seed: int, full: int) -> None:
    """The generator of BOHB's authors, in brackets as Hyperband's, without their servers."""
    import ConfigSpace
    from hpbandster.core.dispatcher import Job
    from hpbandster.optimizers.config_generators.bohb import BOHB

    np.random.seed(seed)  # noqa: NPY002, TID251  # what it draws from
    space = ConfigSpace.ConfigurationSpace(seed=seed)
    names = [f"d{i}" for i in range(len(meter.sizes))]
    space.add([ConfigSpace.CategoricalHyperparameter(name, list(range(n)))
               for name, n in zip(names, meter.sizes, strict=True)])  # fmt: skip
    levels = [LOWEST * ETA**k for k in range(9) if LOWEST * ETA**k < meter.most] + [meter.most]
    meter.begin()
    generator = BOHB(space)
    for bracket in _brackets(len(levels) - 1):
        ranked: list[tuple[float, dict[str, int]]] = []
        for size, level in bracket:
            promoted = [one for _, one in sorted(ranked, key=lambda of: of[0])][:size]
            configs = promoted or [generator.get_config(levels[level])[0] for _ in range(size)]
            ranked = []
            for config in configs:
                if not meter.left:
                    return
                loss = -meter.read(tuple(int(config[name]) for name in names), levels[level])
                job = Job((0, 0, 0), budget=levels[level], config=config)
                job.result = {"loss": loss}
                generator.new_result(job)
                ranked.append((loss, config))


def dehb(meter: Meter, seed: int, full: int) -> None:
    """DEHB of its authors, asked and told."""
    import ConfigSpace
    from dehb import DEHB

    space = ConfigSpace.ConfigurationSpace(seed=seed)
    names = [f"d{i}" for i in range(len(meter.sizes))]
    space.add([ConfigSpace.CategoricalHyperparameter(name, list(range(n)))
               for name, n in zip(names, meter.sizes, strict=True)])  # fmt: skip
    with tempfile.TemporaryDirectory() as out:
        lowest = 0.999 * meter.most / ETA**2  # a little less, so that there are three levels
        meter.begin()
        search = DEHB(
            f=None, cs=space, min_fidelity=lowest, max_fidelity=meter.most, eta=ETA, n_workers=1,
            seed=seed, output_path=out, save_freq="end", log_level="ERROR",
        )  # fmt: skip
        while meter.left:
            job = search.ask()
            epochs = max(1, round(job["fidelity"]))
            accuracy = meter.read(tuple(int(job["config"][name]) for name in names), epochs)
            search.tell(job, {"fitness": -accuracy, "cost": float(epochs)})


PEERS: dict[str, tuple[str, Callable[[Meter, int, int], None]]] = {
    "optuna TPE": ("optuna", optuna_tpe),
    "hyperopt TPE": ("hyperopt", hyperopt_tpe),
    "scikit-optimize GP": ("scikit-optimize", skopt_with("GP")),
    "scikit-optimize RF": ("scikit-optimize", skopt_with("RF")),
    "syne-tune ASHA": ("syne-tune", syne_tune_with("ASHA")),
    "syne-tune BOHB": ("syne-tune", syne_tune_with("BOHB")),
    "hpbandster BOHB": ("hpbandster", hpbandster_bohb),
    "DEHB": ("dehb", dehb),
}
"""The distribution of each peer, and its search."""


def main() -> None:
    """Search once for what is loaded only once, then with a meter; print what it read."""
    warnings.simplefilter("ignore")
    logging.disable(logging.CRITICAL)
    name, file, evaluations, seed, full = sys.argv[1:]
    distribution, search = PEERS[name]
    values = np.load(file)
    search(Meter(values, 25), 99, int(full))
    meter = Meter(values, int(evaluations))
    search(meter, int(seed), int(full))
    version = importlib.metadata.version(distribution)
    found = {"cpu": meter.spent, "evaluations": meter.number, "best": meter.best[1]}
    print(json.dumps({**found, "version": version}))


if __name__ == "__main__":
    main()

"""The results of one training, and of all trainings of an architecture under one schedule.

These have the attributes and methods of the classes of the same names in `nats_bench` and
`nas_201_api`. `MEAN` is in the place of a training's seed where a table has only the mean over
trainings.
"""

import copy
import random
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, ClassVar

from nasbench.compat.answers import ADVICE, Answer, NotInTable

MEAN = "mean"
"""The seed of the mean over trainings, where single ones are not known."""
LEGACY_SEED = 888
"""The training whose size counts where the trainings of official files differ in it."""

Seed = int | str


def average(values: Sequence[float]) -> float:
    """Return the mean, with the bits of `nats_bench`: a sum from left to right, divided."""
    return sum(values) / len(values)


class ResultsCount:
    """The results of one training.

    The dictionaries of epochs have keys 0, 1, … for training and `x-valid@0`, … for evaluation.
    """

    bad_epoch: ClassVar[type[Exception]] = ValueError

    name: str
    seed: str
    epochs: int
    arch_config: Mapping[str, Any]
    params: float  # millions
    flop: float  # millions
    latency: Sequence[float] | None  # seconds
    train_acc1es: Mapping[int, float]
    train_losses: Mapping[int, float]
    train_times: Mapping[int, float] | None
    eval_names: Sequence[str]
    eval_acc1es: Mapping[str, float]
    eval_losses: Mapping[str, float]
    eval_times: Mapping[str, float]
    where: str = ""

    @staticmethod
    def average(values: Sequence[float]) -> float:
        """Return the mean of times, with the library's rounding."""
        return average(values)

    @staticmethod
    def total(values: Sequence[float]) -> float:
        """Return the sum of times, with the library's rounding."""
        return sum(values)

    def lazily(self, attribute: str, make: Callable[[], Any]) -> None:
        """Have `make` return an attribute when it is first read."""
        self.__dict__.setdefault("_lazy", {})[attribute] = make

    def __getattr__(self, attribute: str) -> Any:
        make = self.__dict__.get("_lazy", {}).get(attribute)
        if make is None:
            raise AttributeError(f"a training has no '{attribute}'")
        value = self.__dict__[attribute] = make()
        return value

    @classmethod
    def create_from_state_dict(cls, state: Mapping[str, Any]) -> "ResultsCount":
        """Return the training with the attributes of an official state."""
        made = cls()
        made.__dict__.update(state)
        return made

    def state_dict(self) -> dict[str, Any]:
        """Return all attributes."""
        return dict(self.__dict__)

    def __deepcopy__(self, memo: object) -> "ResultsCount":
        return copy.copy(self)  # what it reads from does not change

    def get_latency(self) -> float:
        """Return the latency in seconds, -1 if it was not measured."""
        return self.average(self.latency) if self.latency else -1.0

    def get_total_epoch(self) -> int:
        """Return the number of epochs of the schedule."""
        return self.epochs

    def get_eval_set(self) -> Sequence[str]:
        """Return the names of the evaluated sets of images."""
        return self.eval_names

    def get_times(self) -> dict[str, float | None]:
        """Return the mean and the total seconds of training and evaluation.

        They are None where an official file has none, and missing where a table has none.
        """
        info = dict(self._times("train", self.train_times, range(self.epochs)))
        for name in self.eval_names:
            keys = [f"{name}@{epoch}" for epoch in range(self.epochs)]
            info.update(self._times(name, self.eval_times, keys))
        return info

    def _times(
        self, name: str, known: Mapping[Any, float] | None, keys: Sequence[Any]
    ) -> Iterator[tuple[str, float | None]]:
        if known is not None and all(key in known for key in keys):
            times = [known[key] for key in keys]
            yield f"T-{name}@epoch", self.average(times)
            yield f"T-{name}@total", self.total(times)
        elif not isinstance(known, Answer):
            yield f"T-{name}@epoch", None
            yield f"T-{name}@total", None

    def get_train(self, iepoch: int | None = None) -> dict[str, Any]:
        """Return loss, accuracy and seconds of training at an epoch, by default the last."""
        epoch = self._epoch(iepoch)
        info: dict[str, Any] = {"iepoch": epoch}
        self._put(info, self.train_losses, self.train_acc1es, epoch)
        if self.train_times is None:
            info |= {"cur_time": None, "all_time": None}
        elif all(one in self.train_times for one in range(epoch + 1)):
            times = [self.train_times[one] for one in range(epoch + 1)]
            info |= {"cur_time": times[-1], "all_time": sum(times)}
        return self._answer(info, "training", epoch)

    def get_eval(self, name: str, iepoch: int | None = None) -> dict[str, Any]:
        """Return loss, accuracy and seconds on a set of images at an epoch, by default the last.

        Raises `NotInTable` if neither loss nor accuracy is known.
        """
        epoch = self._epoch(iepoch)
        name = "x-valid" if name == "valid" else name
        key = f"{name}@{epoch}"
        info: dict[str, Any] = {"iepoch": epoch}
        self._put(info, self.eval_losses, self.eval_acc1es, key)
        if len(info) == 1:
            raise NotInTable(f"no '{name}' of {self.where} after epoch {epoch + 1}: {ADVICE}")
        keys = [f"{name}@{one}" for one in range(epoch + 1)]
        if not self.eval_times and not isinstance(self.eval_times, Answer):
            info |= {"cur_time": None, "all_time": None}
        elif all(one in self.eval_times for one in keys):
            times = [self.eval_times[one] for one in keys]
            info |= {"cur_time": times[-1], "all_time": sum(times)}
        return self._answer(info, f"'{name}'", epoch)

    def _put(
        self,
        info: dict[str, Any],
        losses: Mapping[Any, float],
        accuracies: Mapping[Any, float],
        key: Any,
    ) -> None:
        if key in losses:
            info["loss"] = losses[key]
        if key in accuracies:
            info["accuracy"] = accuracies[key]

    def _answer(self, info: dict[str, Any], what: str, epoch: int) -> dict[str, Any]:
        return Answer(info, f"{what} of {self.where} after epoch {epoch + 1}")

    def _epoch(self, iepoch: int | None) -> int:
        epoch = self.epochs - 1 if iepoch is None else iepoch
        if not 0 <= epoch < self.epochs:
            raise self.bad_epoch(f"invalid iepoch={iepoch} < {self.epochs}")
        return epoch

    def get_net_param(self, clone: bool = False) -> Any:
        """Raise `NotInTable`: no weights are kept."""
        raise NotInTable(f"no weights of {self.where}: only the official -full archives have them")

    def get_config(self, str2structure: Callable[[str], Any] | None) -> dict[str, Any]:
        """Return what builds the network; the cell as text, or made of it by `str2structure`."""
        known = self.arch_config
        if "genotype" in known:  # of the size space
            made = {key: known[key] for key in ("name", "channels", "genotype")}
        else:
            made = {"name": "infer.tiny", "C": known["channel"], "N": known["num_cells"]}
            made["arch_str"] = known["arch_str"]
        if str2structure is not None:
            made["genotype"] = str2structure(made.pop("arch_str", None) or made["genotype"])
        return {**made, "num_classes": known["class_num"]}

    def __repr__(self) -> str:
        names = ", ".join(self.eval_names)
        return (
            f"ResultsCount({self.name}, arch={self.arch_config['arch_str']}, "
            f"FLOP={self.flop:.2f}M, Param={self.params:.3f}MB, seed={self.seed}, "
            f"{len(self.eval_names)} eval-sets: [{names}])"
        )


class ArchResults:
    """All trainings of an architecture under one schedule.

    `dataset_seed` has the seeds of each data set; trainings are made when they are first needed.
    """

    half: ClassVar[str] = "topology"
    """The half of NATS-Bench: `topology` or `size`."""
    training: ClassVar[type[ResultsCount]] = ResultsCount
    mends_sizes: ClassVar[bool] = True
    """Whether of trainings that differ in size only that of seed 888 counts, as in `nats_bench`."""

    @staticmethod
    def average(values: Sequence[float]) -> float:
        """Return the mean over seeds, with the library's rounding."""
        return average(values)

    def __init__(
        self,
        arch_index: int,
        arch_str: str,
        dataset_seed: Mapping[str, list[Seed]],
        make: Callable[[str, Seed], ResultsCount],
        where: str,
    ) -> None:
        """Hold the trainings that `make` returns for a data set and seed."""
        self.arch_index, self.arch_str = arch_index, arch_str
        self.dataset_seed = dict(dataset_seed)
        self.clear_net_done = True
        self._make, self._where = make, where
        self._made: dict[tuple[str, Seed], ResultsCount] = {}
        self.latencies: dict[str, float] = {}

    @classmethod
    def create_from_state_dict(
        cls, state: Mapping[str, Any], source: str = "a dict"
    ) -> "ArchResults":
        """Return the results of an official state, as its files and `state_dict` have it."""
        runs = state["all_results"]
        where = f"architecture {state['arch_index']} in {source}"

        def make(dataset: str, seed: Seed) -> ResultsCount:
            made = cls.training.create_from_state_dict(runs[dataset, seed])
            made.where = f"seed {seed} on {dataset}, {where}"
            return made

        return cls(int(state["arch_index"]), state["arch_str"], state["dataset_seed"], make, where)

    def state_dict(self) -> dict[str, Any]:
        """Return an official state."""
        return {
            "arch_index": self.arch_index,
            "arch_str": self.arch_str,
            "all_results": {key: one.state_dict() for key, one in self.all_results.items()},
            "dataset_seed": copy.deepcopy(self.dataset_seed),
            "clear_net_done": self.clear_net_done,
        }

    def __deepcopy__(self, memo: object) -> "ArchResults":
        return copy.copy(self)  # what it reads from does not change

    @property
    def all_results(self) -> dict[tuple[str, Seed], ResultsCount]:
        """All trainings, by data set and seed."""
        pairs = [(name, seed) for name, seeds in self.dataset_seed.items() for seed in seeds]
        return {pair: self._one(*pair) for pair in pairs}

    def _one(self, dataset: str, seed: Seed) -> ResultsCount:
        key = dataset, seed
        if key not in self._made:
            self._made[key] = self._make(dataset, seed)
        return self._made[key]

    def _seeds(self, dataset: str) -> list[Seed]:
        try:
            return self.dataset_seed[dataset]
        except KeyError:
            known = ", ".join(self.dataset_seed) or "nothing"
            raise NotInTable(
                f"no '{dataset}' of {self._where}, which has {known}: {ADVICE}"
            ) from None

    def get_compute_costs(self, dataset: str) -> dict[str, Any]:
        """Return FLOPs and parameters in millions, latency and times in seconds; means."""
        seeds = self._seeds(dataset)
        runs = [self._one(dataset, seed) for seed in seeds]
        latencies = [latency for latency in (one.get_latency() for one in runs) if latency > 0]
        if dataset in self.latencies:
            latencies = [self.latencies[dataset]]
        info: dict[str, Any] = {
            "flops": self._size([one.flop for one in runs], seeds),
            "params": self._size([one.params for one in runs], seeds),
            "latency": self.average(latencies) if latencies else None,
        }
        times = [one.get_times() for one in runs]
        for key in times[0]:
            known = [one[key] for one in times if key in one]
            info[key] = None if known[0] is None else self.average(known)  # type: ignore[arg-type]
        return Answer(info, f"the costs of {dataset}, {self._where}")

    def _size(self, sizes: Sequence[float], seeds: Sequence[Seed]) -> float:
        differ = len({f"{size:.5f}" for size in sizes}) > 1
        if differ and self.mends_sizes and LEGACY_SEED in seeds:
            return self.average([sizes[list(seeds).index(LEGACY_SEED)]])
        return self.average(sizes)

    def get_metrics(
        self, dataset: str, setname: str, iepoch: int | None = None, is_random: bool | Seed = False
    ) -> dict[str, Any]:
        """Return loss, accuracy and seconds of a data set on a set of images.

        `setname` is `train`, `x-valid`, `x-test` or `ori-test`. With `is_random` False, numbers are
        means over the seeds, with True those of a random seed, else those of the seed it is.
        """
        seeds = self._seeds(dataset)
        if is_random is False:
            return self._mean(dataset, setname, iepoch)
        if is_random is True:  # all are read first: what one lacks raises before a seed is drawn
            infos = [self._of(self._one(dataset, seed), setname, iepoch) for seed in seeds]
            return infos[random.randint(0, len(infos) - 1)]  # noqa: S311
        if not isinstance(is_random, int | str):
            raise ValueError(f"invalid value for is_random: {is_random}")
        if is_random not in seeds:
            raise NotInTable(
                f"can not find random seed ({is_random}) from {seeds} of {dataset}, {self._where}"
            )
        return self._of(self._one(dataset, is_random), setname, iepoch)

    @staticmethod
    def _of(run: ResultsCount, setname: str, iepoch: int | None) -> dict[str, Any]:
        return run.get_train(iepoch) if setname == "train" else run.get_eval(setname, iepoch)

    def _mean(self, dataset: str, setname: str, iepoch: int | None) -> dict[str, Any]:
        infos = [
            self._of(self._one(dataset, seed), setname, iepoch) for seed in self._seeds(dataset)
        ]
        shared = [key for key in infos[0] if all(key in one for one in infos)]
        means = {
            key: None if infos[0][key] is None else self.average([one[key] for one in infos])
            for key in shared
        }
        return Answer(means, f"'{setname}' of {dataset}, {self._where}")

    def get_dataset_names(self) -> list[str]:
        """Return the data sets with trainings."""
        return list(self.dataset_seed)

    def get_dataset_seeds(self, dataset: str) -> list[Seed]:
        """Return the seeds of the trainings on a data set."""
        return list(self._seeds(dataset))

    def get_latency(self, dataset: str) -> float:
        """Return the mean latency in seconds; `NotInTable` if it was not measured."""
        latency: float | None = self.get_compute_costs(dataset)["latency"]
        if latency is None:
            raise NotInTable(f"no latency of {dataset}, {self._where}: {ADVICE}")
        return latency

    def get_total_epoch(self, dataset: str | None = None) -> int:
        """Return the number of epochs of the schedule."""
        name = next(iter(self.dataset_seed)) if dataset is None else dataset
        return self._one(name, self._seeds(name)[0]).get_total_epoch()

    def query(self, dataset: str, seed: Seed | None = None) -> Any:
        """Return the training of a seed; without one, all on a data set by their seeds."""
        seeds = self._seeds(dataset)
        if seed is None:
            return {one: self._one(dataset, one) for one in seeds}
        if seed not in seeds:
            raise NotInTable(f"no seed {seed} of {dataset}, {self._where}: it has {seeds}")
        return self._one(dataset, seed)

    def get_net_param(self, dataset: str, seed: int | None = None) -> Any:
        """Raise `NotInTable`: no weights are kept."""
        return self._one(dataset, self._seeds(dataset)[0]).get_net_param()

    def arch_idx_str(self) -> str:
        """Return the index as six digits."""
        return f"{self.arch_index:06d}"

    def clear_params(self) -> None:
        """Do nothing: there are no weights to remove."""

    def __repr__(self) -> str:
        runs = sum(map(len, self.dataset_seed.values()))
        return (
            f"ArchResults(arch-index={self.arch_index}, arch={self.arch_str}, "
            f"{runs} runs, clear={self.clear_net_done})"
        )

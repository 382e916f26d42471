"""What the APIs of `nats_bench` and `nas_201_api` have in common."""

import copy
import random
from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property
from math import isnan
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from nasbench.benchmarks.sources.halves import Half, halves
from nasbench.benchmarks.tables.info import Quantity
from nasbench.compat.answers import ADVICE, Answer, NotInTable
from nasbench.compat.printing import results_text
from nasbench.compat.sources import FolderSource, find_source
from nasbench.compat.structure import read_nodes
from nasbench.compat.table_source import Results, TableSource
from nasbench.compat.trainings import ArchResults, Seed
from nasbench.spaces.nb201 import OPERATIONS

_SEARCHED = ("cifar10", "cifar100", "ImageNet16-120")
_VALUES = ("train", "valid", "test")


class Infos(Mapping[int, Results]):
    """Results by index and schedule, read when they are first needed."""

    def __init__(self, api: "QueryAPI") -> None:
        """Hold the results of `api`."""
        self._api = api

    def __getitem__(self, index: int) -> Results:
        found = self._api.results(index)
        if found is None:
            raise NotInTable(self._api.missing(index))
        return found

    def __contains__(self, index: object) -> bool:
        there = isinstance(index, int) and 0 <= index < len(self._api)
        return there and self._api.results(index) is not None  # type: ignore[arg-type]

    def __iter__(self) -> Iterator[int]:
        return iter(self._api.evaluated_indexes)

    def __len__(self) -> int:
        return len(self._api.evaluated_indexes)


class QueryAPI:
    """Queries about the architectures of a space; a subclass has the signatures of one library."""

    kind: ClassVar[type[ArchResults]] = ArchResults
    joint: ClassVar[str] = " & "
    bad_index: ClassVar[type[Exception]] = ValueError

    def __init__(self, file_path_or_dict: Any, verbose: bool) -> None:
        """Answer from the file or dict given, or from the table that `find_source` finds."""
        self._given = file_path_or_dict
        self._source = find_source(file_path_or_dict, self.kind)
        self._reloaded: dict[int, Results] = {}
        self.verbose = verbose
        given = file_path_or_dict
        self.filename = Path(str(given)).name if isinstance(given, str | Path) else None
        self.arch2infos_dict = Infos(self)
        self.reset_time()
        if verbose:
            print(f"{type(self).__name__}: {self._source.name} answers")

    def __getstate__(self) -> dict[str, Any]:
        """Return what another process needs to open the same source."""
        hidden = {"_source", "arch2infos_dict", "_reloaded", "evaluated_indexes", "_half"}
        return {name: value for name, value in vars(self).items() if name not in hidden}

    def __setstate__(self, state: dict[str, Any]) -> None:
        vars(self).update(state)
        self._source = find_source(self._given, self.kind)
        self._reloaded, self.arch2infos_dict = {}, Infos(self)

    @cached_property
    def _half(self) -> Half:
        return next(one for one in halves() if one.name == self.kind.half)

    @cached_property
    def meta_archs(self) -> list[str]:
        """The official strings of all cells, in official order."""
        return list(self._half.listed)

    @cached_property
    def archstr2index(self) -> dict[str, int]:
        """The index of every official string."""
        return {text: index for index, text in enumerate(self.meta_archs)}

    @cached_property
    def evaluated_indexes(self) -> Sequence[int]:
        """The indices of the cells with results, ascending."""
        return self._source.evaluated()

    @property
    def avaliable_hps(self) -> list[str]:
        """The schedules."""
        return list(self._source.schedules())

    @property
    def used_time(self) -> float:
        """The seconds of `simulate_train_eval` since the last `reset_time`."""
        return self._used_time

    def reset_time(self) -> None:
        """Set the used seconds to 0."""
        self._used_time = 0.0

    def __getitem__(self, index: int) -> str:
        return self.meta_archs[index]

    def __len__(self) -> int:
        return len(self.meta_archs)

    def arch(self, index: int) -> str:
        """Return the official string of a cell."""
        if not 0 <= index < len(self):
            raise self.bad_index(f"invalid index : {index} vs. {len(self)}.")
        return self.meta_archs[index]

    def random(self) -> int:
        """Return a random index, drawn from Python's global generator."""
        return random.randint(0, len(self) - 1)  # noqa: S311

    def query_index_by_arch(self, arch: Any) -> int:
        """Return the index of a string, an index, or an object with `tostr`; -1 for another."""
        if isinstance(arch, int):
            if 0 <= arch < len(self):
                return arch
            raise ValueError(f"Invalid architecture index {arch} vs [0, {len(self)}].")
        if isinstance(arch, str):
            return self.archstr2index.get(arch, -1)
        if hasattr(arch, "tostr"):
            return self.archstr2index.get(arch.tostr(), -1)
        return -1

    def results(self, index: int) -> Results | None:
        """Return the results of a cell by schedule; None if there are none."""
        return self._reloaded.get(index) or self._source.results(index)

    def missing(self, index: int) -> str:
        """Return the error about a cell without results."""
        return (
            f"architecture {index} has no results in {self._source.name}, which has "
            f"{len(self.evaluated_indexes):,} of {len(self):,} cells: {ADVICE}"
        )

    def _under(self, index: int, hp: str) -> ArchResults:
        """Return the results of a cell under a schedule; `NotInTable` if there are none."""
        if not 0 <= index < len(self):
            raise ValueError(f"Did not find {index} from arch2infos_dict.")
        found = self.results(index)
        if found is None:
            raise NotInTable(self.missing(index))
        if hp not in found:
            raise NotInTable(
                f"The {index}-th architecture only has hyper-parameters of {list(found)} instead "
                f"of {hp} in {self._source.name}."
            )
        return found[hp]

    def query_meta_info_by_index(self, arch_index: int, hp: str = "12") -> ArchResults:
        """Return the results of a cell under a schedule."""
        return copy.copy(self._under(arch_index, hp))

    def query_by_index(self, arch_index: int, dataname: str | None = None, hp: str = "12") -> Any:
        """Return the results of a cell, or with a data set its trainings by their seeds."""
        info = self.query_meta_info_by_index(arch_index, hp)
        return info if dataname is None else info.query(dataname)

    def query_info_str_by_arch(self, arch: Any, hp: str = "12") -> str | None:
        """Return the official text about a cell's results under a schedule."""
        index = self.query_index_by_arch(arch)
        return "\n".join(results_text(self._under(index, hp), f"arch-index={index}", self.joint))

    def query_by_arch(self, arch: Any, hp: str) -> str | None:
        """Return `query_info_str_by_arch`."""
        return self.query_info_str_by_arch(arch, hp)

    def _more_info(
        self, index: Any, dataset: str, iepoch: int | None, hp: str, is_random: bool | Seed
    ) -> dict[str, Any]:
        """Return accuracies, losses and seconds as `get_more_info` does; missing keys raise."""
        index = self.query_index_by_arch(index)
        results = self._under(index, str(hp))
        if is_random is True:  # the seed first, as the official code draws
            is_random = random.choice(results.get_dataset_seeds(dataset))  # noqa: S311
        training = results.get_metrics(dataset, "train", iepoch, is_random)
        total = training["iepoch"] + 1
        info = _entries("train", training, total)
        tested = "ori-test" if dataset in ("cifar10", "cifar10-valid") else "x-test"
        sets = {"valid": "x-valid", "test": tested, "valtest": "ori-test"}
        if dataset in ("cifar10", "cifar10-valid"):
            del sets["valtest"]
        for name, setname in sets.items():
            try:
                found = results.get_metrics(dataset, setname, iepoch, is_random)
            except NotInTable:
                continue
            except KeyError:
                continue
            info |= _entries(name, found, total)
        where = f"architecture {index} on {dataset}, hp={hp}, epoch {total}, {self._source.name}"
        return Answer(info, where)

    def _simulated(
        self,
        info: Mapping[str, Any],
        per_pass: Mapping[str, Any],
        latency: float | None,
        counts: bool,
    ) -> tuple[float, float | None, float, float]:
        """Charge one training and one validation pass; return what `simulate_train_eval` does."""
        known = "valid" if "valid-accuracy" in info or "valtest-accuracy" not in info else "valtest"
        seconds = info["train-all-time"] + per_pass["valid-per-time"]
        accuracy = info[f"{known}-accuracy"]
        if counts:
            self._used_time += seconds
        return accuracy, latency, seconds, self._used_time

    def get_cost_info(self, index: int, dataset: str, hp: str = "12") -> dict[str, Any]:
        """Return FLOPs and parameters in millions, latency in seconds, and times."""
        return self.query_meta_info_by_index(index, hp).get_compute_costs(dataset)

    def get_latency(self, index: int, dataset: str, hp: str = "12") -> float | None:
        """Return the latency in seconds, None if it is not known."""
        latency: float | None = self.get_cost_info(index, dataset, hp)["latency"]
        return latency

    def get_net_config(self, index: int, dataset: str) -> dict[str, Any]:
        """Return what builds the network of a cell for a data set."""
        results = next(iter(self.arch2infos_dict[index].values()))
        config: dict[str, Any] = next(iter(results.query(dataset).values())).get_config(None)
        return config

    def get_net_param(self, index: int, dataset: str, seed: int | None, hp: str = "12") -> Any:
        """Raise `NotInTable`: no weights are kept."""
        return self._under(index, hp).get_net_param(dataset, seed)

    def clear_params(self, index: int, hp: str | None = None) -> None:
        """Do nothing: there are no weights to remove."""

    def reload(self, archive_root: str | None = None, index: int | None = None) -> None:
        """Read cells from an official folder in place of what answered; without one do nothing."""
        if index is not None and not 0 <= index < len(self):
            raise ValueError(f"invalid index of {index}")
        if archive_root is None:
            return
        folder = Path(archive_root)
        if not folder.is_dir():
            raise ValueError(f"Invalid archive_root : {archive_root}")
        source = FolderSource(folder, self.kind)
        for one in range(len(self)) if index is None else [index]:
            found = source.results(one)
            if found is None:
                raise NotInTable(f"architecture {one} is not in '{folder}'")
            self._reloaded[one] = found

    def _best(
        self,
        where: tuple[str, str],
        flop_max: float | None,
        param_max: float | None,
        hp: str,
    ) -> tuple[int, float | None]:
        """Return the first cell of highest mean accuracy within the limits, and that accuracy."""
        dataset, setname = where
        best, highest = -1, None
        for index, accuracy in self._accuracies(dataset, setname, hp):
            if flop_max is not None or param_max is not None:
                costs = self._sizes(index, dataset, hp)
                if flop_max is not None and costs["flops"] > flop_max:
                    continue
                if param_max is not None and costs["params"] > param_max:
                    continue
            if highest is None or highest < accuracy:
                best, highest = index, accuracy
        return best, highest

    def _accuracies(self, dataset: str, setname: str, hp: str) -> Iterator[tuple[int, float]]:
        """Yield every cell with results and its mean accuracy; `NotInTable` where there is none."""
        known: Sequence[float] = ()
        if isinstance(self._source, TableSource) and not self._reloaded:
            known = self._source.mean_accuracy(dataset, setname, hp).tolist()
        for index in self.evaluated_indexes:
            if known and not isnan(known[index]):
                yield index, known[index]
            else:
                yield index, self._under(index, hp).get_metrics(dataset, setname)["accuracy"]

    def _sizes(self, index: int, dataset: str, hp: str) -> Mapping[str, float]:
        if isinstance(self._source, TableSource) and not self._reloaded:
            flops, params = (
                self._source.sizes(dataset, one) for one in (Quantity.FLOPS, Quantity.PARAMS)
            )
            if len(flops) and len(params):
                return {"flops": float(flops[index]), "params": float(params[index])}
        return self._under(index, hp).get_compute_costs(dataset)

    def statistics(self, dataset: str, hp: str | int) -> dict[int, int]:
        """Return how many cells have how many trainings on a data set."""
        known = ("cifar10-valid", *_SEARCHED)
        if dataset not in known:
            raise ValueError(f"{dataset} not in {list(known)}")
        counts: dict[int, int] = {}
        for index in self.evaluated_indexes:
            seeds = self._under(index, str(hp)).dataset_seed.get(dataset, ())
            counts[len(seeds)] = counts.get(len(seeds), 0) + 1
        return counts

    def show(self, index: int = -1) -> None:
        """Print what is known of a cell; of all cells for a negative index."""
        if index >= len(self):
            print(f"This index ({index}) is out of range (0~{len(self)}).")
            return
        if index < 0:
            print(self)
        for one in self.evaluated_indexes if index < 0 else [index]:
            print(f"arch : {self.meta_archs[one]}")
            for results in self.arch2infos_dict[one].values():
                print(f"{'>' * 40} {results.get_total_epoch():03d} epochs {'>' * 40}")
                print("\n".join(results_text(results, joint=self.joint)))
            print(f"{'<' * 40}------------{'<' * 40}")

    @staticmethod
    def str2lists(arch_str: str) -> list[tuple[tuple[str, int], ...]]:
        """Return the (operation, source) pairs of each node of an official string."""
        return read_nodes(arch_str)

    @staticmethod
    def str2matrix(arch_str: str, search_space: Sequence[str] = OPERATIONS) -> NDArray[np.float64]:
        """Return the matrix with the operation's number at [target, source], shape (4, 4)."""
        nodes = read_nodes(arch_str)
        matrix = np.zeros((len(nodes) + 1, len(nodes) + 1))
        for target, node in enumerate(nodes, 1):
            for operation, source in node:
                if operation not in search_space:
                    raise ValueError(f"this op ({operation}) is not in {search_space}")
                matrix[target, source] = list(search_space).index(operation)
        return matrix


def searched(dataset: str) -> str:
    """Return the official name of the trainings that a search on a data set sees.

    Raises `ValueError` for another data set.
    """
    if dataset not in _SEARCHED:
        raise ValueError(f"Invalid dataset name : {dataset} vs {_SEARCHED}")
    return "cifar10-valid" if dataset == "cifar10" else dataset


def remap_dataset_set_names(
    dataset: str, metric_on_set: str, verbose: bool = False
) -> tuple[str, str]:
    """Return the official data set and set of images for `train`, `valid` or `test`."""
    if metric_on_set == "valid" and dataset in _SEARCHED:
        return searched(dataset), "x-valid"
    if metric_on_set == "test" and dataset in _SEARCHED:
        return dataset, "ori-test" if dataset == "cifar10" else "x-test"
    return dataset, metric_on_set


def _entries(name: str, found: Mapping[str, Any], total: int) -> dict[str, Any]:
    """Return loss, accuracy and seconds under the keys of `get_more_info`."""
    info = {f"{name}-{key}": found[key] for key in ("loss", "accuracy") if key in found}
    if "all_time" in found:
        seconds = found["all_time"]
        info[f"{name}-per-time"] = None if seconds is None else seconds / total
        info[f"{name}-all-time"] = seconds
    return info

"""What both APIs of `nats_bench` have in common: the one of topology and the one of size."""

from typing import Any

from nasbench.compat.queries import QueryAPI, remap_dataset_set_names, searched
from nasbench.compat.sources import FolderSource
from nasbench.compat.trainings import ArchResults, Seed

_COMMENT = (
    "In this dict, train-loss/accuracy/time is the metric on the {part} of CIFAR-10. The "
    "test-loss/accuracy/time is the performance of the CIFAR-10 test set after training on the "
    "{same} by {hp} epochs. The per-time and total-time indicate the per epoch and total time "
    "costs, respectively."
)
_PARTS = {
    "cifar10-valid": ("train set", "train set"),
    "cifar10": ("train+valid sets", "train+valid sets"),
}


class NatsAPI(QueryAPI):
    """Queries about one space of NATS-Bench.

    `fast_mode` changes nothing, since every query is fast.
    """

    is_size, is_topology = False, True
    search_space_name = "topology"
    full_train_epochs = full_epochs_in_paper = 200

    def __init__(
        self, file_path_or_dict: Any = None, fast_mode: bool = False, verbose: bool = True
    ) -> None:
        """Answer from the table that `nasbench.compat.sources` finds."""
        super().__init__(file_path_or_dict, verbose)
        self.fast_mode = fast_mode

    @property
    def archive_dir(self) -> str | None:
        """The official folder that answers; None for a table."""
        return str(self._source.folder) if isinstance(self._source, FolderSource) else None

    def reset_fast_mode(self, fast_mode: bool) -> None:
        """Set the mode, which changes nothing."""
        self.fast_mode = fast_mode

    def query_meta_info_by_index(self, arch_index: int, hp: str = "12") -> ArchResults:
        """Return the results of a cell under a schedule."""
        return super().query_meta_info_by_index(arch_index, str(hp))

    def get_more_info(
        self,
        index: Any,
        dataset: str,
        iepoch: int | None = None,
        hp: str = "12",
        is_random: bool | Seed = True,
    ) -> dict[str, Any]:
        """Return accuracies, losses and seconds of a cell; missing keys raise `NotInTable`."""
        info = self._more_info(index, dataset, iepoch, hp, is_random)
        if dataset in _PARTS:
            part, same = _PARTS[dataset]
            info["comment"] = _COMMENT.format(part=part, same=same, hp=hp)
        return info

    def simulate_train_eval(
        self,
        arch: Any,
        dataset: str,
        iepoch: int | None = None,
        hp: str = "12",
        account_time: bool = True,
    ) -> tuple[float, float | None, float, float]:
        """Return validation accuracy, latency, seconds of this query and of all queries."""
        index, official = self.query_index_by_arch(arch), searched(dataset)
        info = self.get_more_info(index, official, iepoch, hp, True)
        per_pass = info
        if "valid-accuracy" not in info and "valtest-accuracy" in info:
            per_pass = self.get_more_info(index, dataset, None, hp, True)
        latency = self.get_latency(index, dataset, hp)
        return self._simulated(info, per_pass, latency, account_time)

    def find_best(
        self,
        dataset: str,
        metric_on_set: str,
        flop_max: float | None = None,
        param_max: float | None = None,
        hp: str = "12",
        enforce_all: bool | None = None,
    ) -> tuple[int, float | None]:
        """Return the cell of highest mean accuracy, and that accuracy."""
        where = remap_dataset_set_names(dataset, metric_on_set)
        return self._best(where, flop_max, param_max, hp)

    def __repr__(self) -> str:
        return (
            f"{type(self).__name__}({len(self.evaluated_indexes)}/{len(self)} architectures, "
            f"fast_mode={self.fast_mode}, file={self._source.name})"
        )

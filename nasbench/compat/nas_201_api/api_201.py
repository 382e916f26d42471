"""Stand-in for `nas_201_api.api_201`."""

from typing import Any

from nasbench.compat.nas_201_api.api_utils import ArchResults
from nasbench.compat.printing import results_text
from nasbench.compat.queries import QueryAPI, remap_dataset_set_names, searched
from nasbench.compat.trainings import Seed

__all__ = ["ALL_BENCHMARK_FILES", "NASBench201API", "print_information"]

ALL_BENCHMARK_FILES = ["NAS-Bench-201-v1_0-e61699.pth", "NAS-Bench-201-v1_1-096897.pth"]
ALL_ARCHIVE_DIRS = ["NAS-Bench-201-v1_1-archive"]


def print_information(
    information: ArchResults, extra_info: str | None = None, show: bool = False
) -> list[str]:
    """Return the official lines about results; print them with `show`."""
    lines = results_text(information, extra_info, NASBench201API.joint)
    if show:
        print("\n".join(lines))
    return lines


class NASBench201API(QueryAPI):
    """NAS-Bench-201."""

    kind = ArchResults
    joint = ", "
    bad_index = AssertionError

    def __init__(self, file_path_or_dict: Any = None, verbose: bool = True) -> None:
        """Answer from the table that `nasbench.compat.sources` finds."""
        super().__init__(file_path_or_dict, verbose)

    def get_more_info(
        self,
        index: Any,
        dataset: str,
        iepoch: int | None = None,
        hp: str = "12",
        is_random: bool | Seed = True,
    ) -> dict[str, Any]:
        """Return accuracies, losses and seconds of a cell; missing keys raise `NotInTable`."""
        return self._more_info(index, dataset, iepoch, hp, is_random)

    def simulate_train_eval(
        self, arch: Any, dataset: str, hp: str = "12", account_time: bool = True
    ) -> tuple[float, float | None, float, float]:
        """Return validation accuracy, latency, seconds of this query and of all queries."""
        index, official = self.query_index_by_arch(arch), searched(dataset)
        info = self.get_more_info(index, official, None, hp, True)
        return self._simulated(info, info, self.get_latency(index, dataset), account_time)

    def find_best(
        self,
        dataset: str,
        metric_on_set: str,
        FLOP_max: float | None = None,  # noqa: N803
        Param_max: float | None = None,  # noqa: N803
        hp: str = "12",
    ) -> tuple[int, float | None]:
        """Return the cell of highest mean accuracy, and that accuracy."""
        where = remap_dataset_set_names(dataset, metric_on_set)
        return self._best(where, FLOP_max, Param_max, hp)

    def __repr__(self) -> str:
        return (
            f"NASBench201API({len(self.evaluated_indexes)}/{len(self)} architectures, "
            f"file={self._source.name})"
        )

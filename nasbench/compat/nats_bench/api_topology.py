"""Stand-in for `nats_bench.api_topology`."""

from typing import Any

from nasbench.compat.nats import NatsAPI
from nasbench.compat.printing import results_text
from nasbench.compat.structure import TopologyStructure
from nasbench.compat.trainings import ArchResults

__all__ = ["ALL_BASE_NAMES", "ArchResults", "NATStopology", "print_information"]

ALL_BASE_NAMES = ["NATS-tss-v1_0-3ffb9"]


def print_information(
    information: ArchResults, extra_info: str | None = None, show: bool = False
) -> list[str]:
    """Return the official lines about results; print them with `show`."""
    lines = results_text(information, extra_info)
    if show:
        print("\n".join(lines))
    return lines


class NATStopology(NatsAPI):
    """The topology space, which is NAS-Bench-201."""

    def get_unique_str(self, arch: Any) -> str:
        """Return a text that is equal for cells that the paper calls isomorphic."""
        text = self.meta_archs[self.query_index_by_arch(arch)]
        return TopologyStructure.str2structure(text).to_unique_str(consider_zero=True)

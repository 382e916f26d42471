"""Stand-in for `nats_bench.api_size`, which says that the size space is not there."""

from typing import Any

from nasbench.compat.answers import NotInTable

ALL_BASE_NAMES = ["NATS-sss-v1_0-50262"]


class NATSsize:
    """The size space of NATS-Bench, of which nasbench has no table."""

    def __init__(
        self, file_path_or_dict: Any = None, fast_mode: bool = False, verbose: bool = True
    ) -> None:
        """Raise `NotInTable`."""
        raise NotInTable(
            "the stand-in of nats_bench answers for the topology space only: the size space (sss) "
            "needs the package nats_bench and its official files"
        )

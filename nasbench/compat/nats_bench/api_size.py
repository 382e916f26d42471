"""Stand-in for `nats_bench.api_size`: no public files have its results, official ones do."""

from nasbench.compat import trainings
from nasbench.compat.nats import NatsAPI
from nasbench.compat.nats_bench.api_topology import print_information

__all__ = ["ALL_BASE_NAMES", "ArchResults", "NATSsize", "print_information"]

ALL_BASE_NAMES = ["NATS-sss-v1_0-50262"]


class ArchResults(trainings.ArchResults):
    """All trainings of an architecture of the size space under one schedule."""

    half = "size"


class NATSsize(NatsAPI):
    """The size space."""

    kind = ArchResults
    is_size, is_topology = True, False
    search_space_name = "size"
    full_train_epochs = full_epochs_in_paper = 90

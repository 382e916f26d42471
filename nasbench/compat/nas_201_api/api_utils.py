"""Stand-in for `nas_201_api.api_utils`: means and sums are NumPy's there."""

from collections.abc import Sequence

import numpy as np

from nasbench.compat import trainings
from nasbench.compat.queries import QueryAPI as NASBenchMetaAPI
from nasbench.compat.queries import remap_dataset_set_names

__all__ = ["ArchResults", "NASBenchMetaAPI", "ResultsCount", "remap_dataset_set_names"]


class ResultsCount(trainings.ResultsCount):
    """The results of one training."""

    bad_epoch = AssertionError

    @staticmethod
    def average(values: Sequence[float]) -> float:
        """Return the mean of times."""
        return float(np.mean(values))

    @staticmethod
    def total(values: Sequence[float]) -> float:
        """Return the sum of times."""
        return float(np.sum(values))

    def get_latency(self) -> float:
        """Return the latency in seconds, -1 if it was not measured."""
        return trainings.average(self.latency) if self.latency else -1.0


class ArchResults(trainings.ArchResults):
    """All trainings of an architecture under one schedule."""

    training = ResultsCount
    mends_sizes = False

    @staticmethod
    def average(values: Sequence[float]) -> float:
        """Return the mean over seeds."""
        return float(np.mean(values))

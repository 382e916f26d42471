"""Accuracy against cost."""

from pathlib import Path

import numpy as np
from figures import drawn

from nasbench.benchmarks.catalogue import load_table
from nasbench.harness.compare import compare
from nasbench.harness.compare.figures.pareto import pareto_pictures
from nasbench.harness.execution.run import run
from nasbench.spaces import get_space
from nasbench.spaces.nb201 import NasBench201
from nasbench.spaces.networks.base import Shape, networks_of
from nasbench.testing.one_shot import SMALL, toy_data


def test_points_are_what_the_runs_ended_with(toy_images: Path, tmp_path: Path) -> None:
    """The cost of each run's last cell, worked out anew, and its accuracy in the table."""
    for weight in (0.0, 1000.0):
        settings = {"fbnet": {**SMALL, "form": "sum", "cost_weight": weight}}
        run("fbnet", seeds=3, settings=settings, out=tmp_path)
    (block,) = compare(tmp_path, datasets="cifar10").blocks
    ((name, figure),) = drawn(pareto_pictures(block))
    assert name == "pareto-cifar10-million-multiply-adds"
    space, truth = get_space("nb201"), load_table("nb201").test.mean("cifar10")
    assert isinstance(space, NasBench201)
    lookup = networks_of(space).multiply_adds(
        toy_data().input, Shape(SMALL["channels"], SMALL["cells"])
    )
    points = [line for line in figure.axes[0].lines if len(line.get_xdata()) == 3]
    for one, line in zip(block.contenders, points, strict=True):
        cells = one.incumbents.indices.last()
        expected = [lookup.of(space.architecture(cell)) for cell in cells]
        np.testing.assert_allclose(line.get_xdata(), expected)
        np.testing.assert_allclose(line.get_ydata(), truth[cells])

"""Curves whose last epoch is read on more images than the others say so."""

import numpy as np
from typer.testing import CliRunner

from nasbench.benchmarks.cards import curve_images
from nasbench.benchmarks.catalogue import load_table
from nasbench.benchmarks.tables.table import Table
from nasbench.cli.data import app


def counted(table: Table, images: int, epochs: slice) -> bool:
    """Whether accuracies of some epochs are whole numbers of so many images."""
    for seed in (0, 1):
        correct = (
            table.search.curve("digits", 15, seed)[:, epochs].astype(np.float64) * images / 100
        )
        if np.abs(correct - np.rint(correct)).max() > 1e-3:
            return False
    return True


def test_the_bundled_curves_are_read_on_1100_images_and_last_on_5500() -> None:
    table = load_table("digits")
    found = curve_images(table.info)
    assert found is not None
    assert found.number == 1100
    assert counted(table, 1100, slice(0, 14))
    assert not counted(table, 1100, slice(14, 15))
    assert counted(table, 5500, slice(14, 15))


def test_the_card_and_the_columns_say_so() -> None:
    said = CliRunner().invoke(app, ["info", "digits"]).output
    assert "of every epoch but the last are read on the first 1100 images" in said
    lines = [line for line in said.splitlines() if "on 1100 images, last epoch on all" in line]
    assert len(lines) == 8  # accuracy and loss of two seeds on validation and test
    assert not any("/train/" in line for line in lines)
    assert load_table("digits").hash.startswith("eedab661")

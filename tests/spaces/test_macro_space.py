"""The space of NAS-Bench-Macro against the authors' description."""

from itertools import product

import pytest

from nasbench.errors import InvalidInput
from nasbench.spaces import get_space
from nasbench.spaces.macro import Macro
from nasbench.testing import SpaceConformance


class TestSpace(SpaceConformance):
    space = "macro"


def test_all_texts_of_eight_digits_are_networks() -> None:
    space = Macro()
    texts = ["".join(digits) for digits in product("012", repeat=8)]
    assert [space.format(one) for one in space.architectures] == texts
    assert space.size == len(texts) == 6561


def test_networks_that_are_equal() -> None:
    """Identities after the first layer of a stage are no layers, wherever they stand.

    Stages of n layers have 3 (1 + 2 + ... + 2^(n-1)) different sequences: 9, 21 and 21.
    """
    space = Macro()
    keys = {space.canonical(one) for one in space.architectures}
    assert len(keys) == 9 * 21 * 21 == 3969
    assert all(space.canonical(key) == key for key in keys)
    stages = {"00 001 002": "00 010 020", "20 101 011": "20 110 011", "01 002 010": "01 020 010"}
    for one, same in stages.items():
        found = space.canonical(space.parse(one.replace(" ", "")))
        assert space.format(found) == same.replace(" ", "")


@pytest.mark.parametrize("text", ["0201210", "020121000", "02012103", "0201210 ", "６2012100", ""])
def test_other_texts_are_one_line(text: str) -> None:
    with pytest.raises(InvalidInput, match="none of space 'macro': write the digits") as told:
        get_space("macro").parse(text)
    assert "\n" not in str(told.value)

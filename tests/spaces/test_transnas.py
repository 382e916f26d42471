"""The spaces of TransNAS-Bench-101 against their published counts, and a census by hand."""

from collections import Counter
from itertools import combinations, product

import pytest

from nasbench.errors import InvalidInput
from nasbench.randomness import Random
from nasbench.spaces import get_space
from nasbench.spaces.transnas import TransNasMacro, TransNasMicro
from nasbench.testing import SpaceConformance


class TestMicro(SpaceConformance):
    space = "transnas-micro"


class TestMacro(SpaceConformance):
    space = "transnas-macro"


def skeletons() -> set[str]:
    """Every macro network by the places of its doublings and of its halvings."""
    found = set()
    for length in (4, 5, 6):
        places = range(length)
        doubled = [c for n in (1, 2, 3) for c in combinations(places, n)]
        halved = [c for n in (1, 2, 3, 4) for c in combinations(places, n)]
        for twice, half in product(doubled, halved):
            codes = (str(1 + (i in twice) + 2 * (i in half)) for i in places)
            found.add(f"64-{''.join(codes)}-basic")
    return found


def test_the_macro_networks_are_those_of_the_paper() -> None:
    space = TransNasMacro()
    written = [space.format(one) for one in space.architectures]
    assert len(written) == space.size == 3256
    assert set(written) == skeletons()
    lengths = Counter(len(one) - len("64--basic") for one in written)
    assert lengths == {4: 210, 5: 750, 6: 2296}


def test_the_micro_networks_are_those_of_the_paper() -> None:
    """The authors' example: skip into node 1; none and 1x1 into 2; three times 3x3 into 3."""
    space = TransNasMicro()
    assert space.size == 4096
    assert space.parse("64-41414-1_02_333") == (1, 0, 2, 3, 3, 3)
    assert space.index((0, 0, 0, 0, 0, 1)) == 1
    assert space.format(space.architecture(4095)) == "64-41414-3_33_333"


def test_macro_networks_are_drawn_uniformly() -> None:
    """Lengths by their shares, within five standard errors of 20,000 draws."""
    space, random, draws = TransNasMacro(), Random(0), 20_000
    counts = Counter(len(space.sample(random)) - 1 for _ in range(draws))
    for length, number in {4: 210, 5: 750, 6: 2296}.items():
        share = number / 3256
        error = (share * (1 - share) / draws) ** 0.5
        assert abs(counts[length] / draws - share) < 5 * error


@pytest.mark.parametrize(
    "text",
    ["64-1111-basic", "64-2111-basic", "64-222233-basic", "64-333331-basic", "64-123-basic",
     "64-1235-basic", "32-1234-basic", "64-1234", ""],
)  # fmt: skip
def test_texts_outside_the_macro_space_are_refused(text: str) -> None:
    with pytest.raises(InvalidInput, match=r"none of space 'transnas-macro': write 64-"):
        get_space("transnas-macro").parse(text)


@pytest.mark.parametrize("text", ["64-41414-1_02_33", "64-41414-1_02_334", "64-1234-basic", "10"])
def test_texts_outside_the_micro_space_are_refused(text: str) -> None:
    with pytest.raises(InvalidInput, match=r"none of space 'transnas-micro': write 64-41414-"):
        get_space("transnas-micro").parse(text)

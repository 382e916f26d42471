"""Spaces by name, from entry points and from modules."""

from importlib.metadata import EntryPoint
from pathlib import Path

import pytest

from nasbench.errors import InvalidInput
from nasbench.randomness import Random
from nasbench.spaces import (
    get_categorical,
    get_enumerable,
    get_space,
    import_space,
    register_space,
    registry,
    spaces,
)
from nasbench.spaces.base import Space
from nasbench.spaces.categorical import CategoricalSpace, Decision
from nasbench.spaces.pool import PoolSpace


@pytest.fixture(autouse=True)
def _own(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(registry, "_registered", {})


class Three(CategoricalSpace):
    def __init__(self) -> None:
        super().__init__("whatever", (Decision("d", ("a", "b", "c")),))


class Half(Space):
    def sample(self, random: Random) -> int:
        return random.integer(2)


def test_a_registered_space_is_found_by_its_name() -> None:
    register_space("three")(Three)
    assert "three" in spaces()
    assert get_space("three") is get_space("three")
    assert (get_space("three").name, get_categorical("three").size) == ("three", 3)


def test_a_space_of_another_package_is_found(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "elsewhere_spaces.py").write_text(
        "from nasbench.spaces.pool import PoolSpace\n\n"
        "class Zoo(PoolSpace):\n"
        "    def __init__(self):\n"
        "        super().__init__('zoo', ('a', 'b'))\n\n"
        "class Broken(Zoo):\n"
        "    def __init__(self):\n"
        "        raise RuntimeError('no memory\\nleft')\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    entry = EntryPoint("zoo", "elsewhere_spaces:Zoo", registry.GROUP)
    monkeypatch.setattr(registry, "_elsewhere", lambda: {"zoo": entry})
    assert "zoo" in spaces()
    assert isinstance(get_space("zoo"), PoolSpace)
    with pytest.raises(InvalidInput, match="space 'elsewhere_spaces:Zoo' is unknown"):
        get_space("elsewhere_spaces:Zoo")  # a name in a file must run no module
    assert import_space("elsewhere_spaces:Zoo").size == 2
    assert get_enumerable("elsewhere_spaces:Zoo").size == 2
    with pytest.raises(InvalidInput, match=r"cannot be made \(RuntimeError: no memory left\)"):
        import_space("elsewhere_spaces:Broken")
    with pytest.raises(InvalidInput, match="has no class 'Nothing'"):
        import_space("elsewhere_spaces:Nothing")
    with pytest.raises(InvalidInput, match="this works for such spaces only"):
        get_categorical("zoo")


@pytest.mark.parametrize("name", ["", "a,b", "a:b", "../a", " a", "a\n", 3])
def test_odd_names_are_refused(name: object) -> None:
    with pytest.raises(InvalidInput, match="a space's name"):
        register_space(name)(Three)  # type: ignore[arg-type]


def test_what_is_no_space_is_refused() -> None:
    with pytest.raises(InvalidInput, match="'nb201' is one of nasbench's own"):
        register_space("nb201")(Three)
    with pytest.raises(InvalidInput, match=r"no subclass of nasbench\.Space"):
        register_space("x")(int)  # type: ignore[type-var]
    with pytest.raises(InvalidInput, match=r"space 'nb210' is unknown: did you mean 'nb201'\?"):
        get_space("nb210")
    with pytest.raises(InvalidInput, match="'nowhere' cannot be imported"):
        import_space("nowhere:Space")
    with pytest.raises(InvalidInput, match="'half' does not define contains, format, parse"):
        register_space("half")(Half)

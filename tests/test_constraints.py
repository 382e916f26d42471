"""`constraints.txt` pins every package that an installation for the tests has."""

from importlib.metadata import PackageNotFoundError, requires
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

FILE = Path(__file__).parents[1] / "constraints.txt"
FREE = {"setuptools"}  # as the file's first lines say


def needed(name: str, extras: frozenset[str], seen: set[tuple[str, frozenset[str]]]) -> set[str]:
    """Return the packages that an installed package needs on this system, itself included."""
    name = canonicalize_name(name)
    if (name, extras) in seen:
        return set()
    seen.add((name, extras))
    found = {name}
    for text in requires(name) or []:
        one = Requirement(text)
        marks = [{"extra": extra} for extra in extras or {""}]
        if one.marker is None or any(one.marker.evaluate(mark) for mark in marks):
            found |= needed(one.name, frozenset(one.extras), seen)
    return found


def test_all_packages_are_pinned_exactly() -> None:
    lines = [line for line in FILE.read_text().splitlines() if not line.startswith("#")]
    pins = [Requirement(line) for line in lines]
    assert all([spec.operator for spec in pin.specifier] == ["=="] for pin in pins)
    names = [canonicalize_name(pin.name) for pin in pins]
    assert len(names) == len(set(names))
    try:
        wanted = needed("nasbench", frozenset({"dev", "official"}), set()) - {"nasbench"}
    except PackageNotFoundError as error:
        raise AssertionError("install nasbench with '.[dev]' to test it") from error
    assert wanted - set(names) - FREE == set()

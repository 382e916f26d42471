"""Protocols: named, published ways to spend a search and to report it."""

from collections.abc import Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from types import MappingProxyType

from nasbench.errors import InvalidInput

TRIALS = ("mean", "random")
REPEATS = ("charge", "free")


@dataclass(frozen=True)
class Protocol:
    """What a search sees, what it may spend and where it is judged, per data set searched."""

    name: str
    source: str
    space: str
    schedule: int
    """Training schedule of the search's signal, named by its epochs (`hp` in the files)."""
    epochs: int
    """Epoch of that schedule at which validation is read."""
    final_schedule: int
    """Schedule of the final accuracy, read at its last epoch, mean over training seeds."""
    seconds: Mapping[str, float]
    """Published budget by the data set that is searched."""
    reports: Mapping[str, tuple[str, ...]]
    """Data sets the judge reports, by the data set that is searched."""
    trials: str = "mean"
    """Signal of one query: the mean of the training trials, or a random single one."""
    repeats: str = "charge"
    """Whether a cell asked again is charged again or free."""
    table: str = "nb201"
    """Name of the table it is made for."""

    @property
    def datasets(self) -> tuple[str, ...]:
        """Data sets it searches on."""
        return tuple(self.seconds)

    def check(self, dataset: str) -> None:
        """Raise `InvalidInput` unless this protocol searches on `dataset`."""
        if dataset not in self.seconds:
            near = get_close_matches(dataset, self.seconds, n=1, cutoff=0.4)
            hint = f"; did you mean '{near[0]}'?" if near else ""
            raise InvalidInput(
                f"data set '{dataset}' is not searched in protocol '{self.name}': "
                f"valid are {', '.join(self.seconds)}{hint}"
            )


_NB201_SETS = ("cifar10", "cifar100", "ImageNet16-120")

_PROTOCOLS = {
    protocol.name: protocol
    for protocol in (
        Protocol(
            name="nb201-paper",
            source="Dong & Yang, NAS-Bench-201, ICLR 2020, section 5: 500 runs",
            space="nb201",
            schedule=12,
            epochs=12,
            final_schedule=200,
            seconds=MappingProxyType({"cifar10": 12_000.0}),
            reports=MappingProxyType({"cifar10": _NB201_SETS}),
        ),
        Protocol(
            name="nats-bench",
            source="Dong et al., NATS-Bench, TPAMI 2021, section 5: 500 runs",
            space="nb201",
            schedule=12,
            epochs=12,
            final_schedule=200,
            seconds=MappingProxyType(
                {"cifar10": 20_000.0, "cifar100": 40_000.0, "ImageNet16-120": 120_000.0}
            ),
            reports=MappingProxyType({name: (name,) for name in _NB201_SETS}),
        ),
    )
}


def protocols() -> dict[str, Protocol]:
    """Return all named protocols."""
    return dict(_PROTOCOLS)


def find_protocol(name: str) -> Protocol:
    """Return a protocol by name."""
    if name not in _PROTOCOLS:
        raise InvalidInput(f"protocol '{name}' is unknown: valid are {', '.join(_PROTOCOLS)}")
    return _PROTOCOLS[name]


def default_protocol(datasets: tuple[str, ...]) -> Protocol:
    """Return the first protocol that searches on every one of `datasets`."""
    for protocol in _PROTOCOLS.values():
        if set(datasets) <= set(protocol.seconds):
            return protocol
    known = {name: None for protocol in _PROTOCOLS.values() for name in protocol.seconds}
    unknown = next(name for name in datasets if name not in known)
    near = get_close_matches(unknown, known, n=1, cutoff=0.4)
    hint = f"did you mean '{near[0]}'? " if near else ""
    raise InvalidInput(f"data set '{unknown}' is unknown: {hint}valid are {', '.join(known)}")

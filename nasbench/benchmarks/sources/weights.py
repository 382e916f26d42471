"""Pickles that hold networks' weights beside results: read without them.

Weights are tensors, which a pickle rebuilds by calling torch. Here every such name is answered with
a stand-in that keeps nothing, so results that lie beside weights are read, torch is not needed and
nothing of the file is run.
"""

from typing import Any

from nasbench.benchmarks.sources.unpickle import Names, stand_ins
from nasbench.errors import DataError

_REBUILT = (
    ("torch._utils", "_rebuild_tensor"),
    ("torch._utils", "_rebuild_tensor_v2"),
    ("torch._utils", "_rebuild_parameter"),
)
_LEFT_OUT = (
    ("torch.storage", "_load_from_bytes"),
    ("torch.storage", "TypedStorage"),
    ("torch.storage", "UntypedStorage"),
    *(("torch", f"{kind}Storage") for kind in ("BFloat16", "Char", "Short")),
)


class Weights:
    """Counts the tensors that one file holds."""

    def __init__(self, source: str) -> None:
        """Name the file for messages."""
        self.source = source
        self.tensors = 0

    def names(self) -> Names:
        """Return the allow-list with stand-ins for all that tensors are made of."""

        class Tensor(_Nothing):
            def __init__(tensor, *parts: object) -> None:  # noqa: N805  # `self` is the count
                self.tensors += 1

        found = _Names(self.source, stand_ins())
        found.update(dict.fromkeys(_REBUILT, Tensor))
        found.update({name: type("Storage", (_Nothing,), {}) for name in _LEFT_OUT})
        found["collections", "OrderedDict"] = type("Mapping", (_Mapping,), {})
        return found


class _Names(dict[tuple[str, str], Any]):
    """An allow-list that knows what a whole network looks like: it is refused for what it is."""

    def __init__(self, source: str, names: Names) -> None:
        super().__init__(names)
        self._source = source

    def __missing__(self, key: tuple[str, str]) -> Any:
        if key[0].startswith("torch.nn."):
            raise DataError(
                f"'{self._source}' is a network that torch.save pickled as a whole, not results of "
                "NAS-Bench-201 or NATS-Bench"
            )
        raise KeyError(key)


class _Nothing:
    """Takes whatever a pickle gives it and keeps none of it."""

    def __init__(self, *_: object) -> None:
        pass

    def __setstate__(self, _: Any) -> None:
        pass


class _Mapping(dict[Any, Any]):
    """An ordered dict whose attributes, which state dicts of torch have, are left out."""

    def __setstate__(self, _: Any) -> None:
        pass

"""Reading results from pickles that also contain networks' weights, without the weights.

Weights are tensors, which a pickle rebuilds by calling torch. Here every such name is replaced by a
stand-in that keeps nothing. So results beside weights can be read, torch is not needed, and no code
of the file is run.
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
    """Counts the tensors in one file, in `tensors`."""

    def __init__(self, source: str) -> None:
        """Start at 0; `source` is the file's name in error messages."""
        self.source = source
        self.tensors = 0

    def names(self) -> Names:
        """Return an allow-list that also has stand-ins for the parts of tensors."""

        class Tensor(_Nothing):
            def __init__(tensor, *parts: object) -> None:  # noqa: N805  # `self` is the count
                self.tensors += 1

        found = _Names(self.source, stand_ins())
        found.update(dict.fromkeys(_REBUILT, Tensor))
        found.update({name: type("Storage", (_Nothing,), {}) for name in _LEFT_OUT})
        found["collections", "OrderedDict"] = type("Mapping", (_Mapping,), {})
        return found


class _Names(dict[tuple[str, str], Any]):
    """An allow-list whose error for a pickled torch module says that the file is a network."""

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
    """A stand-in that accepts any arguments and state and keeps nothing."""

    def __init__(self, *_: object) -> None:
        pass

    def __setstate__(self, _: Any) -> None:
        pass


class _Mapping(dict[Any, Any]):
    """An ordered dict without attributes; torch's state dicts have some, which are left out."""

    def __setstate__(self, _: Any) -> None:
        pass

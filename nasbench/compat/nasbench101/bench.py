"""`NASBench` of Google's NAS-Bench-101 code, answered by a record file or a table."""

import random
import sys
from collections.abc import Callable, Iterator, KeysView, Mapping
from typing import Any

from nasbench.compat.answers import Answer, NotInTable
from nasbench.compat.nasbench101.sources import Computed, Fixed, find_source
from nasbench.compat.nasbench101.spec import ModelSpec
from nasbench.spaces.nb101_codes import MOST_EDGES, MOST_VERTICES, OPERATIONS

_ENDS = ("input", "output")
_MEASURED = ("training_time", "train_accuracy", "validation_accuracy", "test_accuracy")


def build_config() -> dict[str, Any]:
    """Return the settings of the search space and of the trainings, as Google's code has them."""
    return {
        "module_vertices": MOST_VERTICES,
        "max_edges": MOST_EDGES,
        "available_ops": list(OPERATIONS),
        "num_repeats": 3,
        "num_labels": 10,
        "stem_filter_size": 128,
        "num_stacks": 3,
        "num_modules_per_stack": 3,
        "batch_size": 256,
        "train_epochs": 108,
        "learning_rate": 0.1,
        "momentum": 0.9,
        "weight_decay": 1e-4,
    }


class OutOfDomainError(Exception):
    """A cell, or a number of epochs, is outside the search space."""


class NASBench:
    """Queries about cells, with counters of what they cost.

    A query samples one of a cell's trainings with a generator of its own, seeded by `seed`.
    """

    def __init__(self, dataset_file: Any = None, seed: int | None = None) -> None:
        """Answer from a record file or a table: see `nasbench101.sources`."""
        self.config = build_config()
        self._given = dataset_file
        self._random = random.Random(seed)  # noqa: S311
        self._open()
        self.history: dict[Any, Any] = {}
        self.total_epochs_spent = 0
        self._seconds: float | None = 0.0

    def _open(self) -> None:
        self._source = find_source(self._given)
        print(f"nasbench.api: {self._source.name} answers", file=sys.stderr)
        self.valid_epochs = self._source.epochs
        self.fixed_statistics = _ByHash(self.hash_iterator(), self._fixed)
        self.computed_statistics = _ByHash(self.hash_iterator(), self._computed)

    def __getstate__(self) -> dict[str, Any]:
        """Return what another process needs to open the same source."""
        hidden = {"_source", "fixed_statistics", "computed_statistics"}
        return {name: value for name, value in vars(self).items() if name not in hidden}

    def __setstate__(self, state: dict[str, Any]) -> None:
        vars(self).update(state)
        self._open()

    def query(
        self, model_spec: ModelSpec, epochs: int = 108, stop_halfway: bool = False
    ) -> dict[str, Any]:
        """Return one training of a cell and count its seconds and epochs.

        With `stop_halfway`, the values are those after half of the epochs, and half of them count.
        Raises `OutOfDomainError` for a cell or number of epochs outside the search space, and
        `NotInTable` for what is inside and not known.
        """
        if epochs not in self.valid_epochs:
            raise OutOfDomainError(f"invalid number of epochs, must be one of {self.valid_epochs}")
        self._check_spec(model_spec)
        key = self._source.key(model_spec)
        points = self._source.trained(key, epochs)
        if not points:
            raise NotInTable(f"no training of {epochs} epochs of this cell in {self._source.name}")
        point = points[self._random.randint(0, len(points) - 1)]
        part = "halfway" if stop_halfway else "final"
        known = {name: point[f"{part}_{name}"] for name in _MEASURED if f"{part}_{name}" in point}
        if not known:
            return {name: point[f"{part}_{name}"] for name in _MEASURED}  # raises for the first
        self._count(known.get("training_time"), epochs // 2 if stop_halfway else epochs)
        where = getattr(point, "where", self._source.name)
        return Answer(self._source.fixed(key) | known, where, getattr(point, "advice", ""))

    def _count(self, seconds: float | None, epochs: int) -> None:
        self.total_epochs_spent += epochs
        if seconds is None or self._seconds is None:
            self._seconds = None
        else:
            self._seconds += seconds

    @property
    def training_time_spent(self) -> float:
        """The seconds of all queries; `NotInTable` after one whose seconds are not known."""
        if self._seconds is None:
            raise NotInTable(
                f"{self._source.name} has no seconds of what was queried: count queries or epochs, "
                "or use nasbench_only108.tfrecord or nasbench_full.tfrecord, which have them"
            )
        return self._seconds

    def get_budget_counters(self) -> tuple[float, int]:
        """Return the seconds and epochs of all queries."""
        return self.training_time_spent, self.total_epochs_spent

    def reset_budget_counters(self) -> None:
        """Set both counters to 0."""
        self._seconds, self.total_epochs_spent = 0.0, 0

    def is_valid(self, model_spec: ModelSpec) -> bool:
        """Whether a cell is in the search space."""
        try:
            self._check_spec(model_spec)
        except OutOfDomainError:
            return False
        return True

    def hash_iterator(self) -> KeysView[str]:
        """Return the hashes of all cells."""
        return self._source.hashes()

    def get_module_hash(self, model_spec: ModelSpec) -> str:
        """Return the hash of a cell; `OutOfDomainError` outside the search space."""
        self._check_spec(model_spec)
        return self._hash_spec(model_spec)

    def get_metrics_from_hash(self, module_hash: str) -> tuple[Fixed, Computed]:
        """Return what is fixed of a cell, and all its trainings by epochs; nothing is counted."""
        return self._metrics(self._source.key_of_hash(module_hash))

    def get_metrics_from_spec(self, model_spec: ModelSpec) -> tuple[Fixed, Computed]:
        """Return what is fixed of a cell, and all its trainings by epochs; nothing is counted."""
        self._check_spec(model_spec)
        return self._metrics(self._source.key(model_spec))

    def _metrics(self, key: Any) -> tuple[Fixed, Computed]:
        trained = {epochs: self._source.trained(key, epochs) for epochs in self.valid_epochs}
        computed = {epochs: points for epochs, points in trained.items() if points}
        return self._source.fixed(key), computed

    def _fixed(self, module_hash: str) -> Fixed:
        return self.get_metrics_from_hash(module_hash)[0]

    def _computed(self, module_hash: str) -> Computed:
        return self.get_metrics_from_hash(module_hash)[1]

    def evaluate(self, model_spec: ModelSpec, model_dir: str) -> dict[str, Any]:
        """Raise `NotInTable`: nothing is trained here."""
        raise NotInTable("the stand-in trains no networks: Google's code does, with TensorFlow")

    def _check_spec(self, model_spec: ModelSpec) -> None:
        if not model_spec.valid_spec:
            raise OutOfDomainError("invalid spec, provided graph is disconnected.")
        vertices, edges = len(model_spec.ops), int(model_spec.matrix.sum())
        if vertices > MOST_VERTICES:
            raise OutOfDomainError(
                f"too many vertices, got {vertices} (max vertices = {MOST_VERTICES})"
            )
        if edges > MOST_EDGES:
            raise OutOfDomainError(f"too many edges, got {edges} (max edges = {MOST_EDGES})")
        for place, name in ((0, "first"), (-1, "last")):
            if model_spec.ops[place] != _ENDS[place]:
                raise OutOfDomainError(f"{name} operation should be '{_ENDS[place]}'")
        for name in model_spec.ops[1:-1]:
            if name not in OPERATIONS:
                raise OutOfDomainError(
                    f"unsupported op {name} (available ops = {list(OPERATIONS)})"
                )

    def _hash_spec(self, model_spec: ModelSpec) -> str:
        return model_spec.hash_spec(OPERATIONS)


class _ByHash(Mapping[str, Any]):
    """What is known of every cell, by hash, read when it is asked for."""

    def __init__(self, hashes: KeysView[str], read: Callable[[str], Any]) -> None:
        self._hashes, self._read = hashes, read

    def __getitem__(self, module_hash: str) -> Any:
        return self._read(module_hash)

    def __iter__(self) -> Iterator[str]:
        return iter(self._hashes)

    def __len__(self) -> int:
        return len(self._hashes)

    def __contains__(self, module_hash: object) -> bool:
        return module_hash in self._hashes

"""Measuring zero-cost proxies of a table's networks, each distinct network once."""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from nasbench.benchmarks.proxies import About, Floats, Proxies, file_name, proxies_folder
from nasbench.benchmarks.tables.costs import per_architecture
from nasbench.benchmarks.tables.objectives import costs_of, read_cost
from nasbench.benchmarks.tables.table import Table
from nasbench.benchmarks.training.costs import device_clock
from nasbench.benchmarks.training.devices import accelerator
from nasbench.benchmarks.training.failures import device_failures
from nasbench.benchmarks.training.proxies.catalogue import OF_NETWORKS, SIZES
from nasbench.benchmarks.training.proxies.minibatch import Minibatch
from nasbench.benchmarks.training.proxies.record import Record
from nasbench.benchmarks.training.recipes import Recipe
from nasbench.benchmarks.training.streams import Purpose, initialisation, stream
from nasbench.benchmarks.training.threads import torch_threads
from nasbench.benchmarks.training.train import find_device
from nasbench.errors import InvalidInput
from nasbench.progress import Progress, Unseen
from nasbench.provenance import processor
from nasbench.spaces.base import EnumerableSpace
from nasbench.spaces.networks.base import Networks, networks_of
from nasbench.spaces.subspace import Subspace

THREADS = 1
_SAMPLE = 203
"""Seed of the order in which architectures are measured."""


@dataclass(frozen=True, eq=False)
class Measurement:
    """What is measured: proxies by name, of a table's networks of a recipe, on a minibatch.

    No `names` stand for all proxies that can be had. Each network has the initial weights of a
    training with `seed`. `minibatch` and `recipe` may be None where no networks are needed
    (`needs_networks`); then only sizes that the table stores are known.
    """

    table: Table
    dataset: str
    names: tuple[str, ...]
    minibatch: Minibatch | None
    recipe: Recipe | None
    seed: int = 0
    sample: int | None = None
    """Number of architectures, drawn at random; None means all. A larger sample contains the
    smaller ones."""
    device: str = "cpu"

    @property
    def path(self) -> Path:
        """The file of the finished scores."""
        return proxies_folder() / file_name(self.table.name, self.dataset)

    def about(self) -> About:
        """Return the description of the file, without the seconds."""
        batch, recipe = self.minibatch, self.recipe
        return About(
            table=self.table.name,
            dataset=self.dataset,
            space=self.table.space.name,
            size=self.table.space.size,
            seed=self.seed,
            batch=len(batch.images.labels) if batch else 0,
            images=batch.about if batch else "none",
            fingerprint=batch.fingerprint if batch else "",
            recipe=recipe.name if recipe else "none",
            channels=recipe.shape.channels if recipe else 0,
            cells=recipe.shape.cells if recipe else 0,
            initialisation=recipe.start.value if recipe else "none",
            device=accelerator(self.device) or self.device,
            processor=processor(),
            threads=THREADS,
            torch=torch.__version__,
            wall={},
        )


def measure(
    wanted: Measurement, *, fresh: bool = False, progress: Progress | None = None
) -> Proxies:
    """Measure what is missing, write the file and return its scores.

    What an earlier call measured counts, unless `fresh`; interrupted work is kept. Raises
    `InvalidInput` for a sample larger than the space, a proxy that the space cannot have, and
    scores measured with other settings; `DataError` if a file is damaged or cannot be written.
    """
    space, order = wanted.table.space, _order(wanted)
    sizes = _sizes(wanted)
    names = wanted.names or (*sizes, *(OF_NETWORKS if has_networks(space) else ()))
    _check(wanted, names, sizes)
    record = Record(wanted.path, wanted.about(), fresh=fresh)
    for name in (one for one in names if one in SIZES):
        scores, seconds = record.columns(name)
        scores[:] = sizes[name]
        seconds[:] = np.where(np.isnan(scores), np.nan, 0.0)
    scored = [name for name in names if name in OF_NETWORKS]
    if scored:
        networks = networks_of(_whole(space))
        classes = _classes(space, networks)
        for name in scored:
            record.share(name, classes, order)
        try:
            _measure_all(wanted, record, networks, classes, order, scored, progress or Unseen())
        finally:
            record.keep(now=True)
    return record.finish((*SIZES, *OF_NETWORKS))


def has_networks(space: EnumerableSpace) -> bool:
    """Whether networks of a space can be built and scored."""
    return bool(_whole(space).networks)


def needs_networks(table: Table, dataset: str, names: Sequence[str]) -> bool:
    """Whether proxies, of which none stand for all, need networks that the space has."""
    stored = {metric.name for metric in costs_of(table).get(dataset, ())}
    return has_networks(table.space) and not (names and stored.issuperset(names))


def _check(wanted: Measurement, names: Sequence[str], sizes: Mapping[str, Floats]) -> None:
    space = wanted.table.space
    if not has_networks(space) and (not names or set(names) & set(OF_NETWORKS)):
        raise InvalidInput(
            f"space '{space.name}' has no networks to score: measure proxies of a table of another "
            "space, or give the space networks (docs/space.md)"
        )
    for name in names:
        if name in SIZES and name not in sizes:
            raise InvalidInput(
                f"proxy '{name}' is known neither to table '{wanted.table.name}' nor to the "
                f"networks of space '{space.name}': name others with --proxy"
            )


def _order(wanted: Measurement) -> NDArray[np.int64]:
    """Return the positions of the architectures to measure, in a random order."""
    size = wanted.table.space.size
    if wanted.sample is not None and not 1 <= wanted.sample <= size:
        raise InvalidInput(
            f"sample {wanted.sample}: table '{wanted.table.name}' has 1 to {size} architectures"
        )
    order = np.random.default_rng(_SAMPLE).permutation(size)
    return order[: wanted.sample].astype(np.int64)


def _measure_all(
    wanted: Measurement,
    record: Record,
    networks: Networks,
    classes: NDArray[np.int64],
    order: NDArray[np.int64],
    names: Sequence[str],
    progress: Progress,
) -> None:
    every, members = list(dict.fromkeys(classes[order].tolist())), _members(classes, order)
    todo = {
        one: [name for name in names if np.isnan(record.columns(name)[0][members[one][0]])]
        for one in every
    }
    missing = [one for one in every if todo[one]]
    progress.start(len(every), len(every) - len(missing))
    assert wanted.minibatch is not None  # noqa: S101  # there are networks to score
    batch = wanted.minibatch
    with (
        torch_threads(THREADS),
        device_failures(wanted.device, f"the batch (now {len(batch.images.labels)})"),
    ):
        scorer = Scorer(wanted, batch, networks)
        if missing:
            scorer.scores(missing[0], todo[missing[0]])  # prepares what later ones reuse
        for one in missing:
            for name, found in scorer.scores(one, todo[one]).items():
                scores, seconds = record.columns(name)
                scores[members[one]], seconds[members[one]] = found.score, found.seconds
                record.wall[name] = record.wall.get(name, 0.0) + found.wall
            record.keep()
            progress.advance()


@dataclass(frozen=True)
class Score:
    """A score, the CPU seconds that it cost (on a GPU wall seconds), and the wall seconds."""

    score: float
    seconds: float
    wall: float


class Scorer:
    """Scores single networks; each proxy's cost includes that of building the network."""

    def __init__(self, wanted: Measurement, batch: Minibatch, networks: Networks) -> None:
        """Put the minibatch on the device; `InvalidInput` if it is not there or cannot be used."""
        assert wanted.recipe is not None  # noqa: S101
        self.recipe: Recipe = wanted.recipe
        self.seed, self.input, self.networks = wanted.seed, batch.input, networks
        self.device = find_device(wanted.device)
        if self.device.type == "mps":
            raise InvalidInput("device 'mps' has no double precision, which proxies need: use cpu")
        self.images = batch.images.to(self.device, torch.float32)
        self.clock = device_clock(self.device)

    def scores(self, network_class: int, names: Sequence[str]) -> dict[str, Score]:
        """Return the scores of the network of a class, the index of its first architecture."""
        start, wall = self.clock(), time.perf_counter()
        space = self.networks.space
        assert isinstance(space, EnumerableSpace)  # noqa: S101
        network = self.networks.build(
            space.architecture(network_class), self.input, self.recipe.shape,
            generator=initialisation(network_class, self.seed),
            initialisation=self.recipe.start,
        ).to(self.device)  # fmt: skip
        built, waited = self.clock() - start, time.perf_counter() - wall
        found = {}
        for name in names:
            start, wall = self.clock(), time.perf_counter()
            generator = stream(Purpose.PROXIES, network_class, self.seed)
            score = OF_NETWORKS[name](network, self.images, generator)
            spent, passed = self.clock() - start, time.perf_counter() - wall
            lowest = score if np.isfinite(score) else -np.inf
            found[name] = Score(lowest, built + spent, waited + passed)
        return found


def _members(classes: NDArray[np.int64], order: NDArray[np.int64]) -> dict[int, NDArray[np.int64]]:
    """Return the positions in `order` of the architectures of each class."""
    by_class = order[np.argsort(classes[order], kind="stable")]
    found, starts = np.unique(classes[by_class], return_index=True)
    return dict(zip(found.tolist(), np.split(by_class, starts[1:]), strict=True))


def _whole(space: EnumerableSpace) -> EnumerableSpace:
    return space.whole if isinstance(space, Subspace) else space


def _classes(space: EnumerableSpace, networks: Networks) -> NDArray[np.int64]:
    """Return for every architecture the index of the one that is trained in its place."""
    classes = np.asarray(networks.classes, dtype=np.int64)
    return classes[space.indices] if isinstance(space, Subspace) else classes


def _sizes(wanted: Measurement) -> dict[str, Floats]:
    """Return numbers of weights and multiply-adds, from the table or else from the networks."""
    table, space = wanted.table, wanted.table.space
    found = {}
    for metric in costs_of(table).get(wanted.dataset, ()):
        if metric.name in SIZES:
            stored = read_cost(table.search, metric, wanted.dataset)
            found[metric.name] = per_architecture(stored, table.rows)
    if len(found) < len(SIZES) and wanted.minibatch and wanted.recipe:
        networks = networks_of(_whole(space))
        built = networks.sizes(wanted.minibatch.input, wanted.recipe.shape)
        for name in (one for one in built if one not in found):
            values = built[name]
            found[name] = values[space.indices] if isinstance(space, Subspace) else values
    return {name: np.asarray(one, dtype=np.float64) for name, one in found.items()}

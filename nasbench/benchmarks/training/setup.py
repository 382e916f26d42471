"""The settings of a search by training, and their form as one line of text.

    nb201-12:6@0/nb201-200@1,2,3/float32

This means: search with the first 6 epochs of recipe nb201-12 and training seed 0; judge with recipe
nb201-200 and the mean over seeds 1, 2, 3; compute in float32. The precision may be left out, and so
may the epochs (all epochs of the recipe) and the seeds. The device is not part of the text. Earlier
versions wrote it before the precision, and such texts can still be read.
"""

import hashlib
import re
from dataclasses import dataclass, replace
from pathlib import Path

from nasbench.benchmarks.training.benchmark import TrainedBenchmark, TrainedJudge, Trainer
from nasbench.benchmarks.training.cache import cache_folder
from nasbench.benchmarks.training.catalogue import default_recipe, shared_data
from nasbench.benchmarks.training.recipes import Recipe, recipe
from nasbench.benchmarks.training.step import PRECISIONS
from nasbench.errors import InvalidInput
from nasbench.place import HERE, Place, is_device, known_device
from nasbench.spaces import get_space

SEARCH_SEEDS = (0,)
FINAL_SEEDS = (1, 2, 3)
"""They differ from the search's seeds, so that a lucky training of the search is not reused."""

_PART = re.compile(r"(?P<recipe>[\w.-]+)(?::(?P<epochs>\d+))?(?:@(?P<seeds>\d+(?:,\d+)*))?")


@dataclass(frozen=True)
class TrainingSetup:
    """The settings of the trainings of a search and of its judge.

    Raises `InvalidInput` for an unknown recipe or precision and for epochs that the recipe lacks.
    """

    search: str
    """Name of the recipe of evaluations."""
    final: str
    """Name of the recipe of the judge, trained to its last epoch."""
    epochs: int
    """Number of epochs of the search recipe that an evaluation trains."""
    search_seeds: tuple[int, ...] = SEARCH_SEEDS
    final_seeds: tuple[int, ...] = FINAL_SEEDS
    precision: str = "float32"
    device: str | None = None
    """The device, which was part of the text in earlier versions; None in a later text."""
    earlier: bool = False
    """Whether the names mean the earlier recipes of these names; not part of the text."""

    def __post_init__(self) -> None:
        """Raise `InvalidInput` for unknown recipes or precisions and epochs out of range."""
        recipe(self.final)
        longest = recipe(self.search).epochs
        if not 1 <= self.epochs <= longest:
            raise InvalidInput(
                f"recipe '{self.search}' has epochs 1 to {longest}: {self.epochs} cannot be used"
            )
        check_precision(self.precision)

    @property
    def recipes(self) -> tuple[Recipe, Recipe]:
        """The recipe of the search and that of the judge."""
        search, final = (recipe(name, earlier=self.earlier) for name in (self.search, self.final))
        return search, final

    def meanings(self) -> tuple["TrainingSetup", ...]:
        """Return the two meanings of the text: with today's recipes and with the earlier ones."""
        return replace(self, earlier=False), replace(self, earlier=True)

    def __str__(self) -> str:
        """Return the full text, which `parse` reads."""
        seeds = [",".join(map(str, some)) for some in (self.search_seeds, self.final_seeds)]
        return "/".join([
            f"{self.search}:{self.epochs}@{seeds[0]}", f"{self.final}@{seeds[1]}",
            *([] if self.device is None else [self.device]), self.precision,
        ])  # fmt: skip

    @classmethod
    def parse(cls, text: str) -> "TrainingSetup":
        """Read a text as `__str__` writes it, or without its optional parts.

        Raises `InvalidInput` for a text of another form.
        """
        parts = text.split("/")
        matches = [_PART.fullmatch(part) for part in parts[:2]]
        if len(parts) > 4 or len(matches) < 2 or not (matches[0] and matches[1]):
            raise InvalidInput(
                f"protocol '{text}' of a search by training: write "
                "RECIPE:EPOCHS@SEEDS/RECIPE@SEEDS, such as nb201-12@0/nb201-200@1,2,3"
            )
        search, final = matches[0], matches[1]
        more = parts[2:]
        earlier = bool(more) and (
            is_device(more[0]) or (len(more) == 2 and more[0] not in PRECISIONS)
        )
        devices = more[:1] if earlier else []
        precisions = more[len(devices) :]
        if final["epochs"] is not None:
            raise InvalidInput(f"protocol '{text}': the final recipe is trained to its last epoch")
        return cls(
            search["recipe"],
            final["recipe"],
            int(search["epochs"] or recipe(search["recipe"]).epochs),
            _seeds(search["seeds"]) or SEARCH_SEEDS,
            _seeds(final["seeds"]) or FINAL_SEEDS,
            precisions[-1] if precisions else "float32",
            known_device(devices[0]) if devices else None,
        )

    @classmethod
    def default(cls, dataset: str) -> "TrainingSetup":
        """Return the default settings for a data set.

        Both recipes are the one made for the data set; if there is none, they are `nb201-12` for
        the search and `nb201-200` for the judge.
        """
        name = default_recipe(dataset)
        final = "nb201-200" if name == "nb201-12" else name
        return cls(name, final, recipe(name).epochs)


def open_training(
    name: str,
    dataset: str,
    setup: TrainingSetup,
    place: Place = HERE,
    folder: Path | None = None,
) -> tuple[TrainedBenchmark, TrainedJudge]:
    """Return a benchmark and a judge that train, for a search of the space `name` on a data set.

    Official images are read from `folder`, else from `images_folder()`. Finished trainings are kept
    in `cache_folder()`. Raises `InvalidInput` for an unknown space, data set or device, `DataError`
    for missing or damaged images.
    """
    space = get_space(name)
    data = shared_data(dataset, folder)

    def trainer(chosen: Recipe) -> Trainer:
        return Trainer(
            space, data, chosen,
            place=place, precision=setup.precision, fingerprint=data.fingerprint(),
        )  # fmt: skip

    search, final = setup.recipes
    return (
        TrainedBenchmark(
            trainer(search), cache_folder(),
            epochs=setup.epochs, seeds=setup.search_seeds,
        ),
        TrainedJudge(
            trainer(final),
            cache_folder(),
            seeds=setup.final_seeds,
            name=dataset,
        ),
    )  # fmt: skip


def training_hash(dataset: str, setup: TrainingSetup, folder: Path | None = None) -> str:
    """Return the SHA-256 of data, settings and recipes, used like the hash of a table."""
    fingerprint = shared_data(dataset, folder).fingerprint()
    return hashlib.sha256(repr((fingerprint, str(setup), setup.recipes)).encode()).hexdigest()


def check_precision(name: str) -> None:
    """Raise `InvalidInput` unless `name` is one of `PRECISIONS`."""
    if name not in PRECISIONS:
        raise InvalidInput(f"precision '{name}' is unknown: use one of {', '.join(PRECISIONS)}")


def _seeds(text: str | None) -> tuple[int, ...]:
    return tuple(int(seed) for seed in text.split(",")) if text else ()

"""Training one architecture to the end, with files on disk and one evaluation on test.

OUT/curve.csv        one line per epoch
OUT/checkpoint.pt    written after every epoch; a stopped training continues from it
OUT/result.json      written at the end: what was trained, where, and its test accuracy
"""

import csv
import io
import json
import math
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

import torch

from nasbench.benchmarks.training.data import Part
from nasbench.benchmarks.training.devices import accelerator
from nasbench.benchmarks.training.failures import device_failures
from nasbench.benchmarks.training.train import Training
from nasbench.errors import DataError, NasbenchError, StoreError
from nasbench.files import RESULTS, atomic_write, read_whole
from nasbench.progress import Progress, Unseen
from nasbench.provenance import processor
from nasbench.seal import BLANK, check_seal, sealed

CURVE, CHECKPOINT, RESULT = "curve.csv", "checkpoint.pt", "result.json"


@dataclass(frozen=True)
class Epoch:
    """One line of the learning curve: accuracy in percent, losses as mean cross entropy."""

    epoch: int
    train_loss: float
    validation_loss: float
    validation_accuracy: float
    seconds: float
    """Real seconds of training and the validation pass; NaN if they were lost by a stop."""

    @property
    def told(self) -> str:
        """Losses and accuracy in words."""
        return (
            f"loss {self.train_loss:.3f}, validation {self.validation_accuracy:.2f} % "
            f"(loss {self.validation_loss:.3f})"
        )


@dataclass(frozen=True)
class Result:
    """The result of a finished training: accuracies in percent, losses as mean cross entropy."""

    training: dict[str, Any]
    """All that the numbers depend on, the CPU's threads too: see `Training.identity`."""
    validation_accuracy: float
    validation_loss: float
    test_accuracy: float
    test_loss: float
    seconds: float
    """Real seconds of all epochs and their validation passes."""
    machine: str


Watch = Callable[[Epoch], None]


def fit(
    training: Training,
    folder: Path,
    watch: Watch | None = None,
    progress: Progress | None = None,
) -> Result:
    """Train a single network to its last epoch, then evaluate it on test once.

    A checkpoint in `folder` is continued, on a CPU with the same bits, since it keeps its number of
    threads. A finished training in `folder` is read, not repeated. `watch` is called with every
    epoch, those before a stop too; `progress` receives how many epochs are done. Raises `DataError`
    if the folder contains another training or a damaged file, `NasbenchError` if the loss is no
    longer finite, `InvalidInput` if memory is too small, `StoreError` if a file cannot be written.
    """
    done = _read_result(folder / RESULT, training)
    if done is not None:
        for epoch in _read_curve(folder / CURVE):
            _tell(watch, epoch)
        return done
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise StoreError(
            f"cannot make folder '{folder}': {error.strerror}: choose another --out"
        ) from error
    if (folder / CHECKPOINT).exists():
        training.load(folder / CHECKPOINT)
    epochs = _restored(training, _read_curve(folder / CURVE))
    for epoch in epochs:
        _tell(watch, epoch)
    progress = progress or Unseen()
    progress.start(training.recipe.epochs, training.epoch)
    while training.epoch < training.recipe.epochs:
        epochs.append(_one_epoch(training))
        _write_curve(folder / CURVE, epochs)  # before the checkpoint: no epoch loses its seconds
        training.save(folder / CHECKPOINT)
        _tell(watch, epochs[-1])
        progress.advance(note=epochs[-1].told)
    result = _finish(training, epochs)
    with atomic_write(folder / RESULT, RESULTS) as file:
        content = {**asdict(result), "seal": BLANK}
        file.write(sealed(f"{json.dumps(content, indent=2)}\n".encode()))
    return result


def train_epochs(training: Training, epochs: int) -> bool:
    """Train until `epochs` epochs of the schedule are done, without any evaluation.

    Returns True. If the training loss is not finite after an epoch, it stops and returns False.
    """
    with device_failures(training.device, f"the batch (now {training.recipe.batch})"):
        while training.epoch < epochs:
            training.train_epoch()
            if bool(training.diverged.any()):
                return False
    return True


def evaluate(training: Training, part: Part) -> tuple[float, float]:
    """Return accuracy (%) and loss of a single network after its last trained epoch."""
    with device_failures(training.device, f"the batch (now {training.recipe.batch})"):
        training.evaluate(part)
    column = training.epoch - 1
    return (
        float(training.curves[f"{part.value}_accuracy"][0, column]),
        float(training.curves[f"{part.value}_loss"][0, column]),
    )


def machine(device: torch.device) -> str:
    """Return the name of the processor or GPU that trains."""
    return accelerator(str(device)) or processor()


def _one_epoch(training: Training) -> Epoch:
    number = training.epoch + 1
    began = time.perf_counter()
    if not train_epochs(training, number):
        raise _diverged(number)
    accuracy, loss = evaluate(training, Part.VALIDATION)
    if not math.isfinite(loss):
        raise _diverged(number)
    return Epoch(number, _train_loss(training, number), loss, accuracy, _since(began))


def _finish(training: Training, epochs: list[Epoch]) -> Result:
    accuracy, loss = evaluate(training, Part.TEST)
    if not math.isfinite(loss):
        raise _diverged(training.epoch)
    return Result(
        training=training.identity(),
        validation_accuracy=epochs[-1].validation_accuracy,
        validation_loss=epochs[-1].validation_loss,
        test_accuracy=accuracy,
        test_loss=loss,
        seconds=round(sum(e.seconds for e in epochs if math.isfinite(e.seconds)), 3),
        machine=machine(training.device),
    )


def _diverged(epoch: int) -> NasbenchError:
    return NasbenchError(
        f"training diverged in epoch {epoch}: its loss is no longer finite; use another recipe or "
        "seed"
    )


def _restored(training: Training, written: list[Epoch]) -> list[Epoch]:
    """Return the epochs of a restored training, with their seconds from the curve's file."""
    seconds = {epoch.epoch: epoch.seconds for epoch in written}
    curves = training.curves
    return [
        Epoch(
            number,
            _train_loss(training, number),
            float(curves["validation_loss"][0, number - 1]),
            float(curves["validation_accuracy"][0, number - 1]),
            seconds.get(number, math.nan),
        )
        for number in range(1, training.epoch + 1)
    ]


def _train_loss(training: Training, epoch: int) -> float:
    return float(training.curves["train_loss"][0, epoch - 1])


def _since(began: float) -> float:
    return round(time.perf_counter() - began, 6)


def _tell(watch: Watch | None, epoch: Epoch) -> None:
    if watch is not None:
        watch(epoch)


def _write_curve(path: Path, epochs: list[Epoch]) -> None:
    text = io.StringIO()
    writer = csv.DictWriter(text, [field.name for field in fields(Epoch)], lineterminator="\n")
    writer.writeheader()
    writer.writerows(asdict(epoch) for epoch in epochs)
    with atomic_write(path, RESULTS) as file:
        file.write(text.getvalue().encode())


def _read_curve(path: Path) -> list[Epoch]:
    try:
        with path.open(encoding="utf-8", newline="") as file:
            return [
                Epoch(int(row.pop("epoch")), **{key: float(value) for key, value in row.items()})
                for row in csv.DictReader(file)
            ]
    except FileNotFoundError:
        return []
    except (OSError, ValueError, TypeError, KeyError) as error:
        raise DataError(f"learning curve '{path}' is damaged: remove it") from error


def _read_result(path: Path, training: Training) -> Result | None:
    """Return the stored result of this training, None without a file.

    Raises `DataError` if the file is damaged or of another training.
    """
    try:
        content = read_whole(path)
        check_seal(content)
        stored = json.loads(content.decode())
        if isinstance(stored, dict):
            stored.pop("seal", None)
        result = Result(**stored)
        _check(result)
    except (FileNotFoundError, NotADirectoryError):
        return None
    except (OSError, ValueError, TypeError, RecursionError) as error:
        raise DataError(f"result '{path}' is damaged: remove it") from error
    if not training.is_of(result.training):
        raise DataError(
            f"'{path.parent}' holds another training (cell, seed, recipe, precision or data "
            "differ): choose another --out"
        )
    return result


def _check(result: Result) -> None:
    """Raise `ValueError` or `TypeError` for values that no finished training has."""
    for name, most in (
        ("validation_accuracy", 100), ("test_accuracy", 100),
        ("validation_loss", math.inf), ("test_loss", math.inf), ("seconds", math.inf),
    ):  # fmt: skip
        value = getattr(result, name)
        number = isinstance(value, int | float) and not isinstance(value, bool)
        if not (number and math.isfinite(value) and 0 <= value <= most):
            raise ValueError(f"{name} is {value}")
    if not isinstance(result.machine, str):
        raise TypeError("machine is no text")

"""The training loop: SGD with Nesterov momentum and a cosine schedule, curves, checkpoints.

`Training` trains a module that maps images to logits of shape (G, B, classes): one network
(`single`) or G networks side by side (`grouped.py`). The loss is the sum of the networks' mean
losses, and SGD updates each weight separately, so every network gets exactly its own gradient.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from functools import partial
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from nasbench.benchmarks.training.checkpoint import (
    check_tensor,
    check_tensors,
    read_checkpoint,
    same_values,
    unreadable,
    write_checkpoint,
)
from nasbench.benchmarks.training.data import DataSet, Images, Part
from nasbench.benchmarks.training.devices import recorder
from nasbench.benchmarks.training.recipes import Recipe
from nasbench.benchmarks.training.step import PRECISIONS, Graph, Losses, TrainingStep, computing
from nasbench.benchmarks.training.streams import initialisation
from nasbench.benchmarks.training.threads import torch_threads
from nasbench.errors import DataError, InvalidInput
from nasbench.files import RESULTS
from nasbench.place import MOST_THREADS, known_device
from nasbench.spaces.base import Architecture, Space
from nasbench.spaces.networks.base import networks_of
from nasbench.spaces.networks.recordings import RepeatedStep
from nasbench.spaces.networks.transfer import sent

CURVES = ("train_loss", "validation_accuracy", "validation_loss", "test_accuracy", "test_loss")
"""Names of the learning curves: accuracies in percent, losses as mean cross entropy."""
_EVALUATED_AT_ONCE = {"cpu": 1 << 21, "cuda": 1 << 25}
"""Limit of numbers in the widest layer of an evaluation batch; a CPU's fit into its cache. The
columns of a group's 3x3 convolutions (see `as_products`) may be 27 times as many: 4 GB on a GPU."""

_NOT_COMPARED = {"lr": 0.0, "foreach": None, "fused": None}
"""Settings of a stored optimiser that may be others: the rate of a step and how it is computed."""


class Training:
    """A training of one or several networks, epoch by epoch.

    On a CPU it always uses the same number of threads, `threads`: torch's number at its creation
    or, if it continues from a checkpoint, that of the checkpoint. With another number, sums are
    added in another order, so the last bits differ.

    `curves` maps each of `CURVES` to a float32 tensor (networks, epochs), NaN where not
    measured; `diverged`, bool (networks,), is true where a training loss was not finite; `epoch` is
    the number of epochs trained.
    """

    def __init__(
        self,
        network: nn.Module,
        names: Sequence[str],
        seed: int,
        data: DataSet,
        recipe: Recipe,
        *,
        device: str = "cpu",
        precision: str = "float32",
        fused: bool | None = None,
        graph: Graph | None = None,
    ) -> None:
        """Move `network`, which computes logits (len(names), B, classes), and `data` to `device`.

        `names` are the architectures' texts, `precision` is one of `PRECISIONS`. `fused` is the
        form of `TrainingStep`, by default that of the kind of device. `graph` makes the step of
        whole batches; a smaller batch is trained without it. Raises `InvalidInput` for a device
        that does not exist.
        """
        self.names, self.size = tuple(names), len(names)
        self.seed, self.recipe, self.precision = seed, recipe, precision
        self.device = find_device(device)
        self.threads = torch.get_num_threads() if self.device.type == "cpu" else None
        dtype = PRECISIONS[precision]
        self.data = data.to(self.device, dtype)
        self.network = network.to(self.device, dtype)
        self._losses = Losses(self.network, self.size, precision)
        on_gpu = self.device.type == "cuda"
        self._step = TrainingStep(self._losses, recipe, fused=on_gpu if fused is None else fused)
        self._whole_step = self._step if graph is None else graph(self._step)
        self.optimiser = self._step.optimiser
        self.epoch = 0
        self.curves = {name: torch.full((self.size, recipe.epochs), torch.nan) for name in CURVES}
        self.diverged = torch.zeros(self.size, dtype=torch.bool)

    def run(self, after: Callable[["Training"], None] | None = None) -> None:
        """Train all remaining epochs, with an evaluation on validation and test after each.

        `after` is called with this training after every epoch.
        """
        while self.epoch < self.recipe.epochs:
            self.train_epoch()
            self.evaluate(Part.VALIDATION)
            self.evaluate(Part.TEST)
            if after is not None:
                after(self)

    def train_epoch(self) -> None:
        """Train one epoch on the images for the weights."""
        with self._computing():
            self._train_epoch()

    @contextmanager
    def _computing(self) -> Iterator[None]:
        threads = nullcontext() if self.threads is None else torch_threads(self.threads)
        with threads, computing(self.precision):
            yield

    def _train_epoch(self) -> None:
        self.network.train()
        total, images = torch.zeros(self.size, dtype=torch.float64, device=self.device), 0
        batches = self.data.epoch(self.seed, self.epoch, self.recipe.batch)
        for rate, batch in zip(self._rates(), batches, strict=True):
            number = len(batch.labels)
            step = self._whole_step if number == self.recipe.batch else self._step
            total += step(batch.images, batch.labels, rate) * number
            images += number
        mean = (total / images).cpu()
        self.curves["train_loss"][:, self.epoch] = mean.float()
        self.diverged |= ~mean.isfinite()
        self.epoch += 1

    def _rates(self) -> Tensor:
        """Return the learning rates of the steps of the next epoch, shape (steps,)."""
        steps, epochs = self.data.steps(self.recipe.batch), self.recipe.epochs
        rates = [self.recipe.rate((self.epoch + step / steps) / epochs) for step in range(steps)]
        if self.device.type == "cuda":  # where the fused optimiser reads single precision
            return sent(torch.tensor(rates, dtype=torch.float32), self.device)
        return torch.tensor(rates, dtype=torch.float64)

    def evaluate(self, part: Part) -> None:
        """Write accuracy and loss on a part, after the last trained epoch, into `curves`.

        Before the recipe's last epoch only its first `curve_images` images are used.
        """
        with self._computing(), torch.no_grad():
            self._evaluate(part)

    def _evaluate(self, part: Part) -> None:
        self.network.eval()
        images, labels = self.data.parts[part]
        if self.epoch < self.recipe.epochs:
            images, labels = images[: self.recipe.curve_images], labels[: self.recipe.curve_images]
        widest = self.size * self.recipe.shape.channels * self.data.input.side**2
        chunk = max(1, _EVALUATED_AT_ONCE.get(self.device.type, 1 << 21) // widest)
        loss = torch.zeros(self.size, dtype=torch.float64, device=self.device)
        correct = torch.zeros_like(loss)
        for batch in map(Images, torch.split(images, chunk), torch.split(labels, chunk)):
            losses, logits = self._losses(*batch)
            loss += losses * len(batch.labels)
            correct += (logits.argmax(dim=2) == batch.labels).sum(dim=1)
        column = self.epoch - 1
        read = torch.stack([loss / len(labels), 100 * correct / len(labels)]).cpu()
        for name, values in zip(("loss", "accuracy"), read, strict=True):
            self.curves[f"{part.value}_{name}"][:, column] = values

    def identity(self) -> dict[str, Any]:
        """Return all that the numbers depend on; a checkpoint to continue from must have the same.

        Only the number of threads may be another, see `is_of`.
        """
        return {
            "networks": list(self.names),
            "seed": self.seed,
            "recipe": repr(self.recipe),
            "precision": self.precision,
            "data": self.data.fingerprint(),
            **({"threads": self.threads} if self.threads else {}),
        }

    def is_of(self, identity: object) -> bool:
        """Whether a stored identity is that of this training, with any number of threads."""
        if not isinstance(identity, dict):
            return False
        return same_values({**identity, "threads": 0}, {**self.identity(), "threads": 0})

    def save(self, path: Path) -> None:
        """Write a checkpoint atomically; `StoreError` if it cannot be written."""
        state = {
            "identity": self.identity(),
            "epoch": self.epoch,
            "network": self.network.state_dict(),
            "optimiser": self.optimiser.state_dict(),
            "curves": self.curves,
            "diverged": self.diverged,
        }
        write_checkpoint(path, state, RESULTS)

    def load(self, path: Path) -> None:
        """Continue from a checkpoint; on a CPU the result has the same bits as without a stop.

        It continues with the checkpoint's number of threads, if that is stated. Raises
        `DataError`, and changes nothing, if the file is damaged or belongs to another training.
        """
        state = read_checkpoint(path, self.device)
        if not self.is_of(state.get("identity")):
            raise DataError(
                f"checkpoint {path} is of another training (cells, seed, recipe, precision "
                f"or data differ): remove it or choose another folder"
            )
        try:
            self._check(state)
        except Exception as error:  # a check may raise any error for values of wrong types
            raise unreadable(path, error) from error
        threads = state["identity"].get("threads", self.threads)
        if self.threads:
            self.threads = threads
        self.network.load_state_dict(state["network"])
        settings = self.optimiser.state_dict()["param_groups"]
        self.optimiser.load_state_dict({**state["optimiser"], "param_groups": settings})
        self.epoch = state["epoch"]
        self.curves = {name: curve.cpu() for name, curve in state["curves"].items()}
        self.diverged = state["diverged"].cpu()

    def _check(self, state: Mapping[str, Any]) -> None:
        """Raise an error for a state that this training cannot have."""
        epoch, threads = state["epoch"], state["identity"].get("threads", 1)
        if type(epoch) is not int or not 0 <= epoch <= self.recipe.epochs:
            raise ValueError(f"its epoch is {epoch} of {self.recipe.epochs}")
        if type(threads) is not int or not 1 <= threads <= MOST_THREADS:
            raise ValueError(f"its threads are {threads}")
        check_tensors(state["network"], self.network.state_dict(), "weights")
        self._check_optimiser(state["optimiser"])
        check_tensors(state["curves"], self.curves, "curves")
        check_tensor(state["diverged"], self.diverged, "flags of divergence")
        for name, curve in state["curves"].items():
            least, most = 0.0, 100.0 if name.endswith("accuracy") else torch.inf
            read = curve[:, :epoch]
            if not bool((read.isnan() | ((read >= least) & (read <= most))).all()):
                raise ValueError(f"its curve '{name}' has values that are none")
            if not bool(curve[:, epoch:].isnan().all()):
                raise ValueError(f"its curve '{name}' goes beyond its epoch {epoch}")
        finite = all(bool(t.isfinite().all()) for t in state["network"].values())
        if not finite and not bool(state["diverged"].any()):
            raise ValueError("its weights are not finite")

    def _check_optimiser(self, stored: Mapping[str, Any]) -> None:
        """Raise an error unless the settings that decide about results and the momenta fit."""
        parameters = list(self.network.parameters())
        if not isinstance(stored, dict) or not isinstance(stored["param_groups"], list):
            raise ValueError("its optimiser has no settings")
        here, there = self.optimiser.state_dict()["param_groups"], stored["param_groups"]
        if not same_values(
            *([{**group, **_NOT_COMPARED} for group in groups] for groups in (there, here))
        ):
            raise ValueError("its optimiser has other settings")
        for number, buffers in stored["state"].items():
            if number not in range(len(parameters)) or buffers.keys() != {"momentum_buffer"}:
                raise ValueError("its optimiser is of another network")
            if buffers["momentum_buffer"] is not None:
                check_tensor(buffers["momentum_buffer"], parameters[number], "momenta")


class One(nn.Module):
    """A single network as a group of one: images -> logits (1, B, classes)."""

    def __init__(self, network: nn.Module) -> None:
        """Put the weights into channels_last memory, which is 1.4 to 3.8 times faster."""
        super().__init__()
        self.alone = network
        network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]

    def forward(self, images: Tensor) -> Tensor:
        """Images (B, channels, side, side) -> logits (1, B, classes)."""
        logits: Tensor = self.alone(images.contiguous(memory_format=torch.channels_last))
        return logits[None]


def initial_network(
    space: Space, architecture: Architecture, seed: int, data: DataSet, recipe: Recipe
) -> nn.Module:
    """Return the network that a training of an architecture starts from.

    Architectures with the same network share it. Its weights depend only on the network, the recipe
    and the seed.
    """
    networks = networks_of(space)
    return networks.build(
        networks.trained_as(architecture),
        data.input,
        recipe.shape,
        generator=initialisation(networks.number(architecture), seed),
        initialisation=recipe.start,
    )


def single(
    space: Space,
    architecture: Architecture,
    seed: int,
    data: DataSet,
    recipe: Recipe,
    *,
    device: str = "cpu",
    precision: str = "float32",
    fused: bool | None = None,
    graph: Graph | None = None,
) -> Training:
    """Return the training of one architecture alone, before its first epoch; see `Training`.

    By default steps are recorded where `recorder` says so; so are those of `grouped`.
    """
    return Training(
        One(initial_network(space, architecture, seed, data, recipe)),
        [space.format(architecture)],
        seed,
        data,
        recipe,
        device=device,
        precision=precision,
        fused=fused,
        graph=graph or recorded_steps(space, device),
    )


def recorded_steps(space: Space, device: str) -> Graph | None:
    """Return how the steps of a space's networks are recorded; None where they are not."""
    record = recorder(torch.device(device), networks_of(space))
    return None if record is None else partial(RepeatedStep, record=record)


def find_device(name: str) -> torch.device:
    """Return the device called `name`; `InvalidInput` if this machine does not have it."""
    try:
        device = torch.device(known_device(name))
        torch.empty(0, device=device)
    except (RuntimeError, AssertionError) as error:
        why = (str(error).strip() or type(error).__name__).splitlines()[0]
        raise InvalidInput(f"device '{name}' is not there ({why}): use cpu") from error
    return device

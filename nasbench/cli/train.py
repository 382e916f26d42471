"""`nasbench train`."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from nasbench import limits
from nasbench.cli.lines import say
from nasbench.cli.options import chosen_device, number
from nasbench.cli.progress import Quiet, metering
from nasbench.limits import Count

if TYPE_CHECKING:
    from nasbench.benchmarks.training.found_images import Found
    from nasbench.benchmarks.training.train_one import Epoch, Result
    from nasbench.spaces.base import Architecture, Space

    Watch = Callable[[Epoch], None]


def train(
    architecture: Annotated[
        str, typer.Argument(metavar="ARCH", help="Architecture: its string or its index.")
    ],
    space: Annotated[
        str, typer.Option(help="Search space; `package.module:Class` for your own.")
    ] = "nb201",
    dataset: Annotated[
        str,
        typer.Option(
            help="`digits`, `cifar10`, `cifar100`, `ImageNet16-120`, `folder:PATH[@SIDE]` or "
            "`npz:PATH`."
        ),
    ] = "digits",
    recipe: Annotated[
        str | None,
        typer.Option(
            help="Training recipe: its name, or a TOML file. [default: the data set's, or nb201-12]"
        ),
    ] = None,
    epochs: Annotated[
        int | None,
        number(limits.EPOCHS, help="Length of the schedule. [default: the recipe's]"),
    ] = None,
    batch: Annotated[
        int | None, number(limits.BATCH, help="Images per step. [default: the recipe's]")
    ] = None,
    seed: Annotated[int, number(limits.TRAINING_SEED, help="Training seed.")] = 0,
    device: Annotated[str, typer.Option(help="`auto`, `cpu`, `cuda`, `cuda:1`.")] = "cpu",
    threads: Annotated[
        int, number(limits.per_core("threads"), help="Of the CPU; others give other last bits.")
    ] = 1,
    precision: Annotated[
        str, typer.Option(help="`float32`, `tf32` (for GPUs) or `bfloat16`.")
    ] = "float32",
    data_dir: Annotated[
        Path | None,
        typer.Option(help="Folder of official archives. [default: NASBENCH_IMAGES]"),
    ] = None,
    out: Annotated[
        Path | None, typer.Option(help="Folder of this training. [default: trainings/...]")
    ] = None,
    tensorboard: Annotated[
        bool, typer.Option("--tensorboard", help="Write TensorBoard events, too.")
    ] = False,
    json_: Annotated[bool, typer.Option("--json", help="Print the result as JSON.")] = False,
    quiet: Quiet = False,
) -> None:
    """Train one architecture from scratch and read the test split once, at the end.

    Started again, it resumes where it stopped; on the CPU the result has the same bits, as it goes
    on with the threads that it was begun with.
    """
    from nasbench.benchmarks.training.catalogue import default_recipe, load_data
    from nasbench.benchmarks.training.failures import device_failures
    from nasbench.benchmarks.training.own_recipe import changed, find_recipe
    from nasbench.benchmarks.training.setup import check_precision
    from nasbench.benchmarks.training.threads import torch_threads
    from nasbench.benchmarks.training.train import find_device, single
    from nasbench.benchmarks.training.train_one import fit
    from nasbench.spaces import find_space

    searched = find_space(space)
    asked = _architecture(searched, architecture)
    chosen = changed(find_recipe(recipe or default_recipe(dataset)), epochs, batch)
    check_precision(precision)
    device = chosen_device(device)
    find_device(device)
    data = load_data(dataset, data_dir)
    if data.found is not None and not json_:
        say("\n".join(data.found.lines()))
    name = data.name.replace(":", "-")
    folder = out or Path("trainings") / _folder(name, chosen.name, searched, asked, seed)
    with device_failures(device, f"--batch (now {chosen.batch})"), torch_threads(threads):
        training = single(searched, asked, seed, data, chosen, device=device, precision=precision)
    with ExitStack() as stack:
        meter = stack.enter_context(metering("epochs", quiet=quiet))
        watch = stack.enter_context(_events(folder)) if tensorboard else None
        here = training.threads
        result = fit(training, folder, watch, meter)
    began_with = result.training.get("threads", here)
    if began_with != here:
        say(
            f"note: this training was begun on {began_with} threads and keeps them, as another "
            f"number gives other last bits; for --threads {here} choose another --out",
            err=True,
        )
    if data.found is not None:
        data.found.save(folder)
    _say(result, folder, json_, data.found)


def _folder(data: str, recipe: str, space: "Space", architecture: "Architecture", seed: int) -> str:
    """Return the name of a training's folder, with the architecture's index or else a hash."""
    import hashlib

    from nasbench.spaces.base import EnumerableSpace
    from nasbench.text import file_name

    if isinstance(space, EnumerableSpace):
        which = str(space.index(architecture))
    else:
        which = hashlib.sha256(space.format(architecture).encode()).hexdigest()[:8]
    of = "" if space.name == "nb201" else f"{space.name}-"
    return file_name(f"{of}{data}-{recipe}-{which}-seed{seed}")


def _architecture(space: "Space", text: str) -> "Architecture":
    from nasbench.spaces.base import EnumerableSpace

    if isinstance(space, EnumerableSpace) and text.strip().lstrip("+-").isdecimal():
        return space.architecture(Count("architecture", 0, space.size - 1).read(text))
    return space.parse(text)


@contextmanager
def _events(folder: Path) -> "Iterator[Watch]":
    """Write TensorBoard events below `folder`."""
    from nasbench.errors import InvalidInput

    try:
        from tensorboardX import SummaryWriter  # type: ignore[import-untyped]
    except ImportError as error:
        raise InvalidInput(
            "--tensorboard needs the package tensorboardX: run `pip install tensorboardX`"
        ) from error

    with SummaryWriter(str(folder / "tensorboard")) as writer:

        def tell(epoch: "Epoch") -> None:
            writer.add_scalar("loss/train", epoch.train_loss, epoch.epoch)
            writer.add_scalar("loss/validation", epoch.validation_loss, epoch.epoch)
            writer.add_scalar("accuracy/validation", epoch.validation_accuracy, epoch.epoch)

        yield tell


def _say(result: "Result", folder: Path, as_json: bool, found: "Found | None") -> None:
    if as_json:
        import json
        from dataclasses import asdict

        images = {} if found is None else {"images": found.to_json()}
        say(json.dumps({**asdict(result), **images}, indent=2))
        return
    say(
        f"validation {result.validation_accuracy:.2f} %, test {result.test_accuracy:.2f} % "
        f"after {result.seconds:.1f} s on {result.machine}{_threads(result)} → {folder}"
    )


def _threads(result: "Result") -> str:
    """Return how many threads trained, as text; empty where no CPU did or it is not stored."""
    number = result.training.get("threads")
    return "" if number is None else f" ({number} thread{'' if number == 1 else 's'})"

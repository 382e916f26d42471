"""`nasbench data proxies`."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from nasbench import limits
from nasbench.cli.lines import say
from nasbench.cli.options import chosen_device, number, split
from nasbench.cli.progress import Quiet, metering

if TYPE_CHECKING:
    from nasbench.benchmarks.proxies import Proxies
    from nasbench.benchmarks.tables.table import Table


def proxies(
    table: Annotated[str, typer.Argument(help="Table whose architectures are scored.")],
    dataset: Annotated[
        str | None, typer.Option(help="Data set of the table. [default: its only one]")
    ] = None,
    proxy: Annotated[
        list[str] | None,
        typer.Option(help="Proxies, such as `synflow,naswot`. [default: all that can be had]"),
    ] = None,
    sample: Annotated[
        int | None,
        number(limits.SAMPLE, help="A random sample of so many architectures. [default: all]"),
    ] = None,
    seed: Annotated[
        int, number(limits.TRAINING_SEED, help="Seed of initial weights, images and noise.")
    ] = 0,
    batch: Annotated[int, number(limits.COMPARED_IMAGES, help="Images of the minibatch.")] = 32,
    images: Annotated[
        str | None,
        typer.Option(help="`data` or `noise`. [default: noise where there are no images]"),
    ] = None,
    data_dir: Annotated[
        Path | None, typer.Option(help="Folder of official image files, for those data sets.")
    ] = None,
    recipe: Annotated[
        str | None,
        typer.Option(
            help="Recipe whose networks are scored: its name, or a TOML file. [default: that made "
            "for the data set]"
        ),
    ] = None,
    device: Annotated[str, typer.Option(help="`auto`, `cpu`, `cuda`, `cuda:1`.")] = "cpu",
    force: Annotated[
        bool, typer.Option("--force", help="Measure anew what is there already.")
    ] = False,
    quiet: Quiet = False,
) -> None:
    """Measure what zero-cost proxies say of a table's networks; another call goes on."""
    from nasbench.benchmarks.catalogue import load_table
    from nasbench.benchmarks.training.catalogue import default_recipe
    from nasbench.benchmarks.training.own_recipe import find_recipe
    from nasbench.benchmarks.training.proxies.catalogue import chosen_proxies
    from nasbench.benchmarks.training.proxies.measure import (
        Measurement,
        has_networks,
        measure,
        needs_networks,
    )
    from nasbench.benchmarks.training.proxies.minibatch import minibatch

    names = chosen_proxies(split(proxy) or [])
    found = load_table(table)
    chosen = _dataset(found, dataset)
    builds = needs_networks(found, chosen, names)
    wanted = Measurement(
        found, chosen, names,
        minibatch(chosen, batch, seed, images, data_dir) if builds else None,
        find_recipe(recipe or default_recipe(chosen)) if builds else None,
        seed=seed, sample=sample, device=chosen_device(device),
    )  # fmt: skip
    with metering("networks", quiet=quiet) as meter:
        done = measure(wanted, fresh=force, progress=meter)
    if not has_networks(found.space):
        say(f"note: space '{found.space.name}' has no networks: the sizes that the table stores")
    _show(done, wanted.path)


def _dataset(table: "Table", name: str | None) -> str:
    """Return the data set of a table that is meant; `InvalidInput` for one that it lacks."""
    from nasbench.errors import InvalidInput
    from nasbench.text import shown

    known = datasets_of(table)
    if name is None and len(known) == 1:
        return known[0]
    if name not in known:
        asked = "name one with --dataset" if name is None else f"not {shown(name)}"
        raise InvalidInput(f"table '{table.name}' has data sets {', '.join(known)}: {asked}")
    return name


def datasets_of(table: "Table") -> list[str]:
    """Return the data sets of a table's columns, as a search names them."""
    names = {searched: known for known, searched in table.search.searched.items()}
    columns = [one for one in table.info.columns if one.dataset]
    return list(dict.fromkeys(names.get(str(one.dataset), str(one.dataset)) for one in columns))


def _show(found: "Proxies", path: Path) -> None:
    import numpy as np

    about = found.info
    say(
        f"{about.table}: {len(found.names)} proxies of {found.measured:,} of {about.size:,} "
        f"architectures on {about.dataset}, digest {found.digest}"
    )
    say(f"  in {path} ({path.stat().st_size / 1e6:.2f} MB)")
    if about.batch:
        say(
            f"  networks of recipe {about.recipe}, seed {about.seed}; {about.batch} images: "
            f"{about.images}"
        )
    for name in found.names:
        there = ~np.isnan(found.scores[name])
        lost = int(np.isneginf(found.scores[name]).sum())
        seconds = found.seconds[name][there]
        cost = f"{1000 * seconds.mean():9.2f} ms each" if seconds.any() else "free"
        none = f", {lost:,} have none" if lost else ""
        say(f"  {name:<12} {there.sum():>7,} scores, {cost}{none}")

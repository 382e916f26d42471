"""`nasbench data`: get, read, list and check benchmark tables and image sets."""

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from nasbench.cli.lines import say
from nasbench.cli.proxies import datasets_of, proxies

if TYPE_CHECKING:
    from nasbench.benchmarks.tables.table import Table

app = typer.Typer(
    help="Get, read, list and check benchmark tables and image sets.",
    no_args_is_help=True,
    add_completion=False,
)

Name = Annotated[str, typer.Argument(help="Table or image set, such as nb201 or cifar10.")]
Force = Annotated[bool, typer.Option("--force", help="Replace what is there.")]


@app.command()
def fetch(name: Name = "nb201", force: Force = False) -> None:
    """Download a table's public files and build the table, or download an image set."""
    from nasbench.benchmarks.catalogue import fetch_table, table_sources
    from nasbench.benchmarks.images import fetch_images, fetchable
    from nasbench.benchmarks.training.readers.releases import RELEASES

    if name in RELEASES:
        _say_images(name, fetch_images(name, force=force))
        return
    if name not in table_sources():
        raise _unknown(name, (*table_sources(), *fetchable()))
    table = fetch_table(name, force=force)
    _say_installed(table)
    _say_attribution(table)


@app.command("import")
def import_(
    path: Annotated[
        Path,
        typer.Argument(
            help="NATS-Bench '-simple' folder or '.pickle.pbz2' (topology or size), NAS-Bench-201 "
            "'.pth' or NAS-Bench-101 '.tfrecord'; or the batches of ImageNet16-120 or CIFAR, or "
            "CIFAR's archive."
        ),
    ],
    name: Annotated[str | None, typer.Option(help="Name of the table, else from the file.")] = None,
    force: Force = False,
) -> None:
    """Read official benchmark files into a table, or copy official images to their folder."""
    from nasbench.benchmarks.images import import_images, release_at
    from nasbench.benchmarks.sources.official import import_official
    from nasbench.errors import InvalidInput

    release = release_at(path)
    if release is not None:
        if name is not None:
            raise InvalidInput(f"--name: images are always called '{release.name}'; leave it out")
        _say_images(release.name, import_images(path, release, force=force))
        return
    table = import_official(path, name, force=force)
    _say_installed(table)
    for note in table.info.notes:
        say(f"  {note}")
    _say_attribution(table)


@app.command("list")
def list_() -> None:
    """Show the installed tables and image sets, and how to get the others."""
    from nasbench.benchmarks.catalogue import list_tables
    from nasbench.benchmarks.images import images_at_hand
    from nasbench.benchmarks.training.readers.releases import RELEASES

    for line in list_tables():
        if line.problem:
            say(f"{line.name:<24}  broken: {line.problem}")
        elif line.installed:
            size = f"{line.bytes / 1e6:.1f} MB"
            say(
                f"{line.name:<24}  {line.cells:>6} architectures  {size:>9}  {line.hash[:12]}  "
                f"{line.title}"
            )
        else:
            say(f"{line.name:<24}  not installed: nasbench data fetch {line.name}  ({line.title})")
    say(f"{'digits':<24}  images, made of the digits that scikit-learn bundles")
    for name, release in RELEASES.items():
        found = images_at_hand(name)
        get = f"fetch {name}" if release.archive else f"import FOLDER  ({release.page})"
        where = f"in {found}" if found else f"not there: nasbench data {get}"
        say(f"{name:<24}  images, {where}")


app.command()(proxies)


@app.command()
def info(name: Name = "nb201") -> None:
    """Show what a table holds, where it comes from and under which licence."""
    from nasbench.benchmarks.cards import curve_images
    from nasbench.benchmarks.catalogue import load_table
    from nasbench.benchmarks.protocols import protocols_for
    from nasbench.benchmarks.tables.objectives import objectives_of
    from nasbench.text import printable

    if _is_images(name):
        _show_images(name)
        return
    table = load_table(name)
    about = table.info
    say(f"{about.name}: {about.title}")
    searched = ", all that a search can ask for" if table.is_pool else ""
    say(f"space    {about.space}, {table.coverage}{searched}")
    say(f"hash     {table.hash}")
    say(f"file     {table.path}")
    say(f"licence  {_licence_of(table)}")
    for metric in dict.fromkeys(objectives_of(table)):
        better = "more" if metric.direction == "max" else "less"
        say(f"metric   {metric.title}: {better} is better")
    for protocol in protocols_for(table):
        say(f"protocol {printable(protocol.name)}: {printable(protocol.source)}")
    for line in _proxies_of(table):
        say(line)
    _say_attribution(table)
    for note in about.notes:
        say(f"note     {note}")
    images = curve_images(about)
    if images is not None:
        say(f"note     {images.sentence}")
    for source in about.sources:
        say(f"source   {source.url} ({source.licence}): {source.taken}")
    for column in sorted(about.columns, key=lambda one: one.name):
        parts = [column.unit, column.averaging if column.averaging != "none" else "", column.dtype]
        parts.append("x".join(map(str, column.shape)) if column.curve else "")
        parts.append("fitted" if column.fitted else "")
        parts.append(images.of(column) if images is not None else "")
        say(f"  {column.name}  [{', '.join(part for part in parts if part)}]")


def _proxies_of(table: "Table") -> Iterator[str]:
    """Yield a line on each data set of a table for which proxies are measured, or damaged."""
    from nasbench.benchmarks.proxies import find_proxies
    from nasbench.errors import DataError

    for dataset in datasets_of(table):
        try:
            found = find_proxies(table, dataset)
        except DataError as error:
            yield f"proxies  of {dataset}: broken: {error}"
            continue
        if found is not None:
            yield (
                f"proxies  {', '.join(found.names)} of {dataset}, {found.measured:,} "
                f"architectures, digest {found.digest[:12]}"
            )


@app.command()
def verify(name: Name = "nb201") -> None:
    """Check every byte of a table, or of an image set, against its published hash."""
    from nasbench.benchmarks.catalogue import verify_table
    from nasbench.benchmarks.images import verify_images

    if _is_images(name):
        say(f"{name}: whole, in {verify_images(name)}")
        return
    table = verify_table(name)
    say(f"{name}: whole, {len(table.info.columns)} columns, hash {table.hash}")


@app.command()
def path(
    name: Annotated[
        str | None, typer.Argument(help="Table or image set; none: the data folder.")
    ] = None,
) -> None:
    """Print the data folder, or where a table or an image set is."""
    from nasbench.benchmarks.catalogue import table_path
    from nasbench.benchmarks.images import images_at_hand, images_folder
    from nasbench.benchmarks.places import data_folder

    if name is not None and _is_images(name):
        say(str(images_at_hand(name) or images_folder()))
        return
    say(str(data_folder() if name is None else table_path(name)))


def _is_images(name: str) -> bool:
    """Return whether a name means an image set; an installed table of that name has precedence."""
    from nasbench.benchmarks.catalogue import table_path
    from nasbench.benchmarks.training.readers.releases import RELEASES

    return name in RELEASES and not (name.islower() and table_path(name).exists())


def _show_images(name: str) -> None:
    from nasbench.benchmarks.images import images_at_hand
    from nasbench.benchmarks.training.readers.releases import RELEASES

    release, found = RELEASES[name], images_at_hand(name)
    say(f"{name}: images to train on")
    say(f"place    {found or f'not there: {release.how_to_get()}'}")
    say(f"from     {release.page}")
    say(f"terms    {release.terms}")
    for file, md5 in release.files.items():
        say(f"  {file}  MD5 {md5}")


def _say_images(name: str, place: Path) -> None:
    from nasbench.benchmarks.training.readers.releases import RELEASES

    say(f"{name}: images, in {place}")
    say(f"from     {RELEASES[name].page}")
    say(f"terms    {RELEASES[name].terms}")
    say(f"Now: nasbench run --strategy darts --dataset {name}")


def _unknown(name: str, known: tuple[str, ...]) -> Exception:
    """Return the error for what cannot be fetched."""
    import difflib

    from nasbench.benchmarks.protocols import protocols
    from nasbench.errors import InvalidInput

    if name in {one.table for one in protocols().values()}:
        return InvalidInput(
            f"'{name}' cannot be fetched: it is made of the official files, by "
            "`nasbench data import PATH`"
        )
    near = difflib.get_close_matches(name, known, n=1)
    hint = f"; did you mean '{near[0]}'?" if near else ""
    return InvalidInput(f"'{name}' cannot be fetched: known are {', '.join(known)}{hint}")


def _say_installed(table: "Table") -> None:
    about = table.info
    say(f"{about.name}: {table.coverage}, hash {table.hash}")
    say(f"  in {table.path}")


def _licence_of(table: "Table") -> str:
    """Return a table's licence; of one that refers to its sources, those that they have."""
    stored = table.info.licence
    if not stored.endswith(", see sources"):
        return stored
    ends = (line.removesuffix(" licence").rpartition(", ") for line in table.info.attribution)
    names = list(dict.fromkeys(name for _, comma, name in ends if comma))
    *first, last = names or [stored.removesuffix(", see sources")]
    return f"{', '.join(first)} and {last}, see sources" if first else f"{last}, see sources"


def _say_attribution(table: "Table") -> None:
    """Print whose numbers a table has, and the copyright notices that their licences ask for."""
    from nasbench.benchmarks.catalogue import table_sources

    for line in table.info.attribution:
        say(f"from     {line}")
    known = table_sources().get(table.name)
    files = known.files if known else ()
    notices = (
        f"{file.authors}: {file.copyright}, {file.licence} licence"
        for file in files if file.copyright
    )  # fmt: skip
    for notice in dict.fromkeys(notices):
        say(f"notice   {notice}")

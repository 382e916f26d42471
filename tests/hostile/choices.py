"""Odd choices of rows, names, looks and tables on results folders that are whole.

`test_command_lines` gives these options, too, but mostly to folders without runs, so that the
options themselves are seldom looked at.
"""

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from random import Random

from hostile.children import Case
from hostile.stored import ENVIRONMENT, healthy
from hostile.test_command_lines import NUMBERS, PATHS, TEXTS

ROWS = (
    "random-search", "Random search", "RANDOM SEARCH", "regularized-evolution", "nosuch",
    "Regularized evolution", "random-search, regularized-evolution", "optimum", "SuccessiveHalving",
    "mean architecture", "asking:AsynchronousEvolution", "random-search (objective=loss)", "",
)  # fmt: skip
NAMES = (*ROWS, "a" * 120, "a" * 121, "$x_1$", "50 %", "&", "_" * 30, "\\input{x}", "#", "{", "^")
DATASETS = ("cifar10", "CIFAR-10", "cifar100", "ImageNet16-120", "digits", "Digits", "cifar10,",
            "cifar10,cifar10", "ImageNet16-120,cifar10")  # fmt: skip
SEEDS = ("common", "0", "0-2", "1,1", "2-0", "99", "0-99", "common,0", "0-")
COLUMNS = (
    "n",
    "test",
    "n,test",
    "results=n",
    "results=",
    "course=n",
    "cost=nosuch",
    "=",
    "pairs=n",
)
KINDS = ("regret", "none", "regret,none", "landscape,pareto", "profile", "nosuch", "")
WIDTHS = ("column", "icml-column", "0", "0.1", "3.25", "99", "1e9", "nan", "nosuch", "neurips")
EXPERIMENTS = ("nb201", "random-search", "digits", "nosuch", "..", "", "/", "nb201-cifar10*")
TOML = (
    "{key} = {value}", "[labels]\n{row} = {value}", "[colours]\n{row} = {value}",
    "[lines]\n{row} = {value}", "[datasets]\n{row} = {value}", "[columns]\n{row} = {value}",
    "[columns]\nresults = {value}", "order = [{value}]", "order = {value}",
    "[labels]\n{row} = {value}\n[labels]\n{row} = {value}", "labels = {value}", "[{row}]",
)  # fmt: skip
VALUES = (
    '"REA"', '"solid"', '"dashed"', '"red"', '"#ff0000"', '"#ff"', '"C0"', '"tab:blue"', '"none"',
    "1", "nan", "true", "[]", "{{}}", "1979-05-27", '[["n"]]', '["n", "test"]', '["nosuch"]', '""',
    '"random-search"', '"Random search"', '"cifar100"', '"\\u001b[31m"', '"\\u202e"', '"$x$"',
)  # fmt: skip
FLAGS = ("--cite", "--merge", "--siunitx", "--no-title", "--no-footer")


def cases(random: Random) -> Iterator[Case]:
    """Yield one command line on healthy results after the other, without end."""
    while True:
        folders = random.choice((("results",), ("results",), ("general",), ("results", "general"),
                                 ("earlier",), ("results", "copy")))  # fmt: skip
        line = random.choice((_compare, _compare, _compare, _report, _results, _results, _export))
        said = line(random, folders)
        toml = _style(random)
        lines = [tuple(word.replace("\0", "") for word in said)]
        if lines[0][0] == "results":  # what is left of the folder can be read
            lines += [("results", "list", folders[0]), ("compare", folders[0], "--figures", "none")]
        yield Case(" ".join(said)[:100], tuple(lines), _laid(folders, toml), ENVIRONMENT)


def _laid(folders: tuple[str, ...], toml: str) -> Callable[[Path], None]:
    def prepare(folder: Path) -> None:
        whole = healthy()
        (folder / "data").symlink_to(whole / "data")
        for one in folders:
            shutil.copytree(whole / ("results" if one == "copy" else one), folder / one)
        (folder / "style.toml").write_text(toml, encoding="utf-8")

    return prepare


def _style(random: Random) -> str:
    parts = []
    for _ in range(random.choice((1, 1, 1, 2))):
        row = random.choice((*ROWS, *DATASETS, "results", "course"))
        key = random.choice(("labels", "order", "colours", "colors", "x"))
        part = random.choice(TOML).format(row=f'"{row}"', key=key, value=random.choice(VALUES))
        parts.append(part.replace("{{", "{").replace("}}", "}"))
    return "\n".join(parts)


def _choice(random: Random) -> list[str]:
    """Return one option that chooses or names, with its value."""
    odd = random.random() < 0.15
    options: tuple[tuple[str, Callable[[], str]], ...] = (
        ("--strategy", lambda: random.choice(ROWS)), ("--exclude", lambda: random.choice(ROWS)),
        ("--dataset", lambda: random.choice(DATASETS)), ("--seeds", lambda: random.choice(SEEDS)),
        ("--label", lambda: f"{random.choice(ROWS)}={random.choice(NAMES)}"),
        ("--style-file", lambda: "style.toml"),
    )  # fmt: skip
    name, value = random.choice(options)
    return [f"{name}={_odd(random) if odd else value()}"]


def _odd(random: Random) -> str:
    return random.choice((*TEXTS, *NUMBERS, *PATHS))


def _compare(random: Random, folders: tuple[str, ...]) -> list[str]:
    said = ["compare", *folders, *(part for _ in range(random.choice((1, 2))) for part in
                                   _choice(random))]  # fmt: skip
    shown = random.choice((
        [], [f"--columns={random.choice(COLUMNS)}"], [f"--tables={random.choice(COLUMNS)}"],
        [f"--width={random.choice(WIDTHS)}"], [f"--table-width={random.choice(WIDTHS)}"],
        [f"--figure-format={random.choice(('svg', 'png,png', 'pdf,x', '', 'pgf'))}"],
        [f"--font={random.choice(('sans', 'serif', 'tex', 'x'))}"], [random.choice(FLAGS)],
        ["--style=talk"], [f"--out={random.choice(PATHS)}"], ["--form=short", "--format=latex"],
    ))  # fmt: skip
    kinds = random.choice(KINDS) if random.random() < 0.5 else "none"
    return [*said, *shown, f"--figures={kinds}"]


def _report(random: Random, folders: tuple[str, ...]) -> list[str]:
    return ["report", *folders, *_choice(random), "--replay=0"]


def _export(random: Random, folders: tuple[str, ...]) -> list[str]:
    what = random.choice(("trajectories", "best,best", "architectures", "", "x", _odd(random)))
    form = random.choice(("csv", "parquet", "x"))
    out = random.choice(("out", folders[0], *PATHS))
    return ["export", folders[0], f"--what={what}", f"--format={form}", f"--out={out}"]


def _results(random: Random, folders: tuple[str, ...]) -> list[str]:
    one = random.choice((*EXPERIMENTS, *ROWS, _odd(random)))
    name = random.choice((*NAMES, _odd(random)))
    into = random.choice(("new", "earlier", *folders, *PATHS))
    command = random.choice((
        ["list", random.choice((*folders, *PATHS))], ["list", folders[0], "--all"],
        ["show", folders[0], one], ["rename", folders[0], one, name],
        ["rename", folders[0], "--reset", one], ["rename", folders[0], one],
        ["merge", *folders, f"--into={into}"], ["rm", folders[0], one],
        ["rm", "--yes", folders[0], one], ["rm", "--yes", folders[0], one, one],
    ))  # fmt: skip
    place = next((n for n, word in enumerate(command) if n and word.startswith("-") and
                  not word.startswith("--")), None)  # fmt: skip
    if place is not None and "--" not in command:
        command.insert(place, "--")
    return ["results", *command]

"""Every command and option of the command line, with odd values of every type."""

from collections.abc import Iterator
from enum import Enum
from pathlib import Path
from random import Random
from typing import Any

import pytest
from hostile.children import Case, preload, run_case

QUICK = 30
"""Command lines in the suite; `python -m tests.hostile.runner` runs thousands."""

HUGE = ("1" + "0" * 30, str(2**63), str(2**64), "9" * 5000, "1e400", "1e300", "-" + "9" * 40)
NUMBERS = (
    "0", "-1", "1", "2", "007", "+3", "1.5", "nan", "inf", "-inf", "1e3", "0x10", "1_0", "٣", "²",
    "--", "-0", "1e-300", " 3", "3 ", *HUGE,
)  # fmt: skip
TEXTS = (
    "", " ", ",", ",,", "..", "../..", "/", ".", "~", "~nobody-here", "-", "--help", "a" * 300,
    "x" * 5000, "ü", "日本", "a b", "a\nb", "a\tb", "\x1b[31mred\x1b[0m", "\u202eturned", "\x7f",
    "\udcff", "a\udc80b", "%s", "{}", "{0}", "[red]", "[/]", "$HOME", "`id`", "';--", "<b>", "\\",
    "a:b", "a.b:C", "os:system", "nasbench.strategies.base:SearchStrategy", "digits", "nb201",
    "random-search", "darts", "reinforce", "cifar10", "ImageNet16-120", "train:nb201", "train:",
    "nb201+train", "paper", "small", "digits-15", "mean", "random", "free", "charge", "auto",
    "10", "0-9", "9-0", "0,1", "1-", "5s", "3evals", "0s", "-5s", "1e9s", "1h,1h", "5epochs",
    "folder:", "folder:/", "folder:.@3", "folder:nosuch", "npz:", "npz:/dev/null", "npz:nosuch",
    "0", "123", "15624", "15625", "|avg_pool_3x3~0|+|none~0|none~1|+|none~0|none~1|none~2|",
    "|a~0|", "|" * 500, "cpu", "cuda", "cuda:99", "cpu:0", "privateuseone", "meta", "float32",
    "bfloat16", "population=5..10", "population=9..1", "x=1..2", "rate=", "=", "a=b=c",
    "reinforce.hidden=5", "regularized-evolution.population=0", "regularized-evolution.sample=" +
    "9" * 30, "reinforce.learning_rate=nan", "reinforce.nosuch=1", "x.y", "a.b=", "ray://", "::1",
    "localhost:1", "loss", "accuracy", "latency", "accuracy,latency", "accuracy,accuracy",
    "loss,accuracy,seconds", "latency/amd-epyc", "perplexity", "highest", "task", "front", "own",
    "resume", "restart", "tests.nosuch:Space", "harness.asking:SuccessiveHalving",
)  # fmt: skip
PATHS = (
    "nosuch", "/", ".", "/dev/null", "/dev/zero", "/proc/self/mem", "/proc", "a\nb", "\udcff",
    "x" * 300, "loop", "empty", "file", "unreadable", "a.toml", "odd.toml", "table.safetensors",
    "picture.png", "picture.xyz", "~/x", "ü/ü", "../..", "\x1b[31m", "folder/\u202e",
)  # fmt: skip
BEFORE: dict[str, tuple[str, ...]] = {
    "run": ("--strategy", "random-search", "--seeds", "2", "--budget", "3evals", "--workers", "1"),
    "tune": ("--strategy", "regularized-evolution", "--space", "population=5..9",
             "--tuning-seeds", "1000-1001", "--budget", "3evals", "--samples", "1"),
    "train": ("--recipe", "digits-15", "--epochs", "1", "--dataset", "npz:nosuch"),
    "tabulate": ("--recipe", "digits-15", "--out", "o", "--assemble"),
    "calibrate": ("--cells", "1", "--benchmark", "nosuch"),
    "latency": ("--rounds", "1", "--dataset", "nosuch"),
    "proxies": ("--sample", "1", "--batch", "2", "--recipe", "nosuch"),
    "reproduce": ("--quick", "--workers", "0"),
}  # fmt: skip
"""Options that let a command end soon; an option given again goes first."""
WEIGHTS = {"run": 8, "train": 3, "tune": 4, "compare": 3, "tabulate": 3}
TOML = (
    "", "[", "seeds = 10", 'strategies = ["random-search"]\nout = "a\\u0000b"',
    'strategies = "random-search"\nseeds = 99999999999999999999999',
    'strategies = ["random-search"]\nworkers = 10000000000000000000000000',
    'strategies = ["random-search"]\nprotocol = {name = "..", base = "nb201-paper"}',
    'strategies = ["random-search"]\nprotocol = {name = "x", epochs = 100000000000}',
    'strategies = ["random-search"]\ndatasets = ["\\u001b[31m"]', "a = " + "[" * 5000,
    'strategies = ["random-search"]\nbudget = "1e400s"', 'strategies = {}', "strategies = []",
    'strategies = ["random-search"]\nname = "../../x"', 'x = nan', "\x00", "ü" * 1000,
    'strategies = ["random-search"]\ntuning = {}', 'strategies = {random-search = {a = 1}}',
    'strategies = ["random-search"]\ntarget_regret = inf', '"\\u202e" = 1',
)  # fmt: skip


def tree() -> dict[tuple[str, ...], Any]:
    """Return every command by its words, as typer knows them."""
    import typer

    from nasbench.cli.app import app

    found: dict[tuple[str, ...], Any] = {}

    def walk(command: Any, words: tuple[str, ...]) -> None:
        below = getattr(command, "commands", None)
        if below is None:
            found[words] = command
            return
        for name, one in below.items():
            walk(one, (*words, name))

    walk(typer.main.get_command(app), ())
    return found


def cases(random: Random) -> Iterator[Case]:
    """Yield command lines without end."""
    commands = tree()
    weighted = [words for words in commands for _ in range(WEIGHTS.get(words[0], 1))]
    while True:
        words = random.choice(weighted)
        line = _line(words, commands[words], random)
        toml = random.choice(TOML)
        name, alone = " ".join(words), words != ("tune",)  # a healthy one would start Ray
        yield Case(name, (line,), lambda folder, toml=toml: prepare(folder, toml), alone=alone)


def prepare(folder: Path, toml: str) -> None:
    """Lay odd files into the folder that paths of `PATHS` name."""
    (folder / "empty").mkdir()
    (folder / "file").write_text("text\n")
    (folder / "loop").symlink_to("loop")
    (folder / "a.toml").write_text('strategies = ["random-search"]\nseeds = 1\nbudget = "1evals"\n')
    (folder / "odd.toml").write_text(toml, encoding="utf-8")
    (folder / "table.safetensors").write_bytes(b"\x08\0\0\0\0\0\0\0{}      ")
    unreadable = folder / "unreadable"
    unreadable.mkdir()
    unreadable.chmod(0)


def _line(words: tuple[str, ...], command: Any, random: Random) -> tuple[str, ...]:
    options = [one for one in command.params if one.opts[0].startswith("-")]
    arguments = [one for one in command.params if not one.opts[0].startswith("-")]
    parts = [*words, *BEFORE.get(words[-1], ())]
    if words[0] == "reproduce" and random.random() < 0.5:
        parts = ["reproduce", "--workers", "1"]
    for one in arguments:
        if one.required or random.random() < 0.5:
            value = _value(one, random)
            if words[0] == "reproduce" and value in ("nb201-paper", "nats-bench"):
                value = "nosuch"
            parts += ["--", value] if value.startswith("-") and len(arguments) == 1 else [value]
    for one in random.choices(options, k=random.choice([0, 1, 1, 1, 2, 2, 3])) if options else []:
        place = len(words) if "--" in parts else len(parts)
        flag = getattr(one, "is_flag", False)
        value = _value(one, random)
        if one.name == "config":
            value = random.choice(["odd.toml", "odd.toml", "a.toml", value])
        if flag:
            parts[place:place] = [one.opts[0]]
        elif random.random() < 0.3:
            parts[place:place] = [f"{one.opts[0]}={value}"]
        else:
            parts[place:place] = [one.opts[0], value]
    if random.random() < 0.05:
        parts.insert(random.randrange(len(parts) + 1), random.choice(TEXTS))
    return tuple(part.replace("\0", "") for part in parts)


def _value(parameter: Any, random: Random) -> str:
    kind = parameter.type_descriptor.annotation
    chance = random.random()
    counted = parameter.name in ("seeds", "tuning_seeds", "workers", "budget")
    if kind in (int, float) or (counted and chance < 0.4):
        return random.choice(NUMBERS) if chance < 0.9 else random.choice(TEXTS)
    if kind is Path:
        return random.choice(PATHS) if chance < 0.8 else random.choice(TEXTS)
    if isinstance(kind, type) and issubclass(kind, Enum) and chance < 0.6:
        return str(random.choice(list(kind)).value)
    return random.choice(TEXTS) if chance < 0.8 else random.choice((*NUMBERS, *PATHS))


@pytest.mark.parametrize(
    "line",
    [
        "run -s random-search --benchmark loop.safetensors", "run -s random-search --out loop "
        "--seeds 1 --budget 1evals", "audit loop", "report loop", "compare loop",
        "data import loop",
    ],
)  # fmt: skip
def test_a_link_that_leads_to_itself_is_one_line(line: str, tmp_path: Path) -> None:
    def prepare(folder: Path) -> None:
        (folder / "loop").symlink_to("loop")
        (folder / "loop.safetensors").symlink_to("loop.safetensors")

    preload()
    (outcome,) = run_case(Case("loop", (tuple(line.split()),), prepare), tmp_path)
    assert (outcome.code, outcome.trouble) == (2, ""), outcome.text[-800:]


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("compare file", "'file' is a file, not a folder"), ("audit file", "is a file, not a"),
        ("report file", "is a file, not a folder"), ("list results file", "is a file, not a"),
        ("train 5 --dataset folder:file", "is a file, not a folder"),
        ("train 5 --dataset cifar10 --data-dir file", "is a file, not a folder"),
        ("tabulate --dataset digits --recipe digits-15 --assemble --out o --also file", "is a f"),
        ("run -s random-search --benchmark t.safetensors", "t.safetensors' is a folder"),
        ("compare nosuch", "does not exist"),
    ],
)  # fmt: skip
def test_what_is_there_is_not_said_to_be_missing(line: str, words: str, tmp_path: Path) -> None:
    def prepare(folder: Path) -> None:
        (folder / "file").write_text("text")
        (folder / "t.safetensors").mkdir()

    preload()
    (outcome,) = run_case(Case("kind", (tuple(line.split()),), prepare), tmp_path)
    assert (outcome.code, outcome.trouble) == (2, ""), outcome.text[-800:]
    assert words in outcome.text


@pytest.mark.parametrize("seed", range(2))
def test_bad_command_lines_end_in_one_line(seed: int, tmp_path: Path) -> None:
    preload()
    made = cases(Random(f"suite {seed}"))
    for number in range(QUICK // 2):
        case = next(made)
        folder = tmp_path / str(number)
        folder.mkdir()
        for outcome in run_case(case, folder):
            assert not outcome.trouble, (outcome.trouble, outcome.line, outcome.text[-800:])

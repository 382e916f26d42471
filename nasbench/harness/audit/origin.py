"""Does an experiment say of itself what its runs' files, its strategy and the format say?

Version, commit, machine and command cannot be derived: they are compared with each other where
they are stored more than once. Whoever changes all copies alike is not found.
"""

import io
import json
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from fnmatch import fnmatch
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

from nasbench.errors import InvalidInput
from nasbench.files import read_whole
from nasbench.harness.audit.differences import told, unknown
from nasbench.harness.audit.findings import Finding
from nasbench.harness.results.load import Results
from nasbench.harness.results.store import ExperimentFolder, flatten
from nasbench.harness.search.experiment import ENTROPY_RULE
from nasbench.harness.search.seeds import parse_seeds
from nasbench.provenance import provenance
from nasbench.strategies.base import SearchStrategy
from nasbench.strategies.registry import strategies

_CODE = ("nasbench", "commit")
_MACHINE = ("python", "platform", "processor")
_OURS = "nasbench.strategies."
"""Module names of the strategies that come with the package begin so."""
_LONG = 60
"""Characters of a value that are shown."""


@dataclass(frozen=True)
class RunsFile:
    """A file of runs, as far as an audit needs it beside its rows."""

    path: Path
    about: Mapping[str, Any]
    """What it says of the code and the machine that wrote it; empty where it says nothing."""


def runs_files(files: Sequence[Path]) -> list[RunsFile]:
    """Return those of some files that hold runs and can be read; others are named elsewhere."""
    found = [(path, _about(path)) for path in files if fnmatch(path.name, "runs-*.parquet")]
    return [RunsFile(path, about) for path, about in found if about is not None]


def _about(path: Path) -> Mapping[str, Any] | None:
    """Return what a file of runs says of itself; None where it is damaged."""
    try:
        content = io.BytesIO(read_whole(path))  # Arrow opens no path that is not UTF-8
        stored = pq.read_schema(content).metadata or {}
        about = json.loads(stored.get(b"nasbench", b"{}"))
    except Exception:  # of a damaged file pyarrow raises whatever it stumbles on
        return None
    return about if isinstance(about, dict) else {}


def check_provenance(
    results: Results, folders: Sequence[ExperimentFolder], files: Sequence[RunsFile]
) -> Iterator[Finding]:
    """See that all runs come from the same code, and name other differences.

    What an earlier version began goes on by its own entropy rule, with runs of both versions:
    between those and others, another code is only worth knowing.
    """
    earlier = {one.path for one in folders if _of_an_earlier_rule(one)}
    versions: dict[str, dict[str, str]] = defaultdict(dict)
    codes: dict[str, set[str]] = defaultdict(set)
    for file in files:
        where = file.path.parent.relative_to(results.folder).as_posix()
        for name, value in _traits(file.about).items():
            if file.path.parent not in earlier:
                codes[name].add(value)
            if name not in ("processor", "scipy", "pandas", "pyarrow", "ray", "command"):
                versions[name].setdefault(value, where)
    for one in results.experiments:
        for name in one.processors:
            versions["processor"].setdefault(name, one.label)
        for device, threads in one.places:
            versions["device"].setdefault(device, one.label)
            versions["threads"].setdefault(str(threads), one.label)
    for name, places in versions.items():
        if len(places) > 1:
            said = "; ".join(f"{value} in {where}" for value, where in places.items())
            yield Finding(
                "code" if name in _CODE else "environment",
                results.folder.name, f"runs differ in {name}: {said}",
                fault=name in _CODE and len(codes[name]) > 1,
            )  # fmt: skip
    for value, where in versions["commit"].items():
        if value.endswith("-dirty"):
            yield Finding("code", where, f"made from changed sources ({value[:12]})", fault=False)


def check_origin(folder: ExperimentFolder, files: Sequence[RunsFile]) -> Iterator[Finding]:
    """See that what an experiment says of code, machine and command is what its runs' files say.

    The process that made the folder may have ended before it stored a run, and another one gone
    on elsewhere or with another command: but for the code, that is only worth knowing. So is the
    code where an earlier version began the experiment.
    """
    written = [_traits(one.about) for one in files if one.path.parent == folder.path]
    if not written:
        return
    for name, value in _traits(folder.provenance).items():
        known = {one.get(name, "None") for one in written}
        if value not in known:
            said = " or ".join(sorted(one[:_LONG] for one in known))
            yield Finding(
                "code" if name in _CODE else "environment",
                folder.label, f"its experiment.json says {name} {value[:_LONG]}, its runs {said}",
                fault=name in _CODE and not _of_an_earlier_rule(folder),
            )  # fmt: skip


def _of_an_earlier_rule(folder: ExperimentFolder) -> bool:
    """Whether an earlier version began an experiment, so that this one may have gone on with it."""
    return folder.experiment.entropy_rule < ENTROPY_RULE


def _traits(made: Mapping[str, Any]) -> dict[str, str]:
    """Return what is stored of code, machine, libraries and command, by name."""
    libraries, command = made.get("libraries"), made.get("command")
    return {
        **{name: str(made.get(name)) for name in (*_CODE, *_MACHINE)},
        **{str(k): str(v) for k, v in (libraries if isinstance(libraries, dict) else {}).items()},
        "command": " ".join(map(str, command)) if isinstance(command, list) else str(command),
    }


def check_description(folder: ExperimentFolder) -> Iterator[Finding]:
    """See that what a strategy of this package said of itself is what it says.

    Another version of it may have said something else: then it is only worth knowing. A setting
    that its experiment does not have either came later, and is none of its defaults.
    """
    strategy = _ours(folder.experiment.strategy)
    if strategy is None:
        return
    defaults = json.loads(json.dumps(asdict(strategy.Settings())))
    here, there = made_here(folder.provenance), folder.description.get("defaults")
    if not here and isinstance(there, dict):
        known = there.keys() | folder.experiment.settings.keys()
        defaults = {name: value for name, value in defaults.items() if name in known}
    expected = {"family": strategy.family, "reference": strategy.reference, "defaults": defaults}
    for name in ("colour", "bibtex"):
        if name in folder.description:  # which earlier versions did not store
            expected[name] = getattr(strategy, name).strip()
    stored = {name: folder.description.get(name) for name in expected}
    for what in told(stored, expected):
        yield Finding("description", folder.label, what, fault=here)


def check_keys(folder: ExperimentFolder) -> Iterator[Finding]:
    """See that an experiment.json holds nothing that this package does not write there."""
    path = folder.path / "experiment.json"
    try:
        stored = json.loads(read_whole(path))
        experiment = json.loads(json.dumps(folder.experiment.to_json()))
        known = {
            "": dict.fromkeys(("schema", "experiment", "strategy", "provenance")),
            "strategy": dict.fromkeys(
                ("family", "reference", "colour", "bibtex", "defaults", "tuning")
            ),
            "provenance": {**provenance(), "images": None},
        }
        extra = [
            *unknown(stored, known[""]),
            *unknown(flatten(stored["experiment"]), flatten(experiment), "experiment"),
            *unknown(stored.get("strategy"), known["strategy"], "strategy"),
            *unknown(stored["provenance"], known["provenance"], "provenance"),
        ]
    except (OSError, ValueError, KeyError, AttributeError):
        return  # changed while it was read
    if extra:
        what = f"its experiment.json has what nasbench does not write: {', '.join(sorted(extra))}"
        yield Finding("description", folder.label, what[:300], fault=made_here(folder.provenance))


def check_asked(
    folder: ExperimentFolder, files: Sequence[RunsFile], seeds: Sequence[int]
) -> Iterator[Finding]:
    """Name seeds that a stored command asked for and that are not there, failed or finished."""
    there = set(seeds)
    commands = [folder.provenance, *(one.about for one in files if one.path.parent == folder.path)]
    for text in dict.fromkeys(_asked(one.get("command")) for one in commands):
        try:
            missing = [seed for seed in parse_seeds(text) if seed not in there] if text else []
        except InvalidInput:
            continue
        if missing:
            yield Finding(
                "seeds", folder.label,
                f"its command asked for seeds {text[:_LONG]}, {len(missing)} of them are not "
                f"there, such as {missing[0]}: was it interrupted, or were runs left out?",
                fault=False,
            )  # fmt: skip


def _asked(command: Any) -> str:
    """Return the seeds that a command of `nasbench run` names, empty where it names none."""
    if not isinstance(command, list) or "run" not in command:
        return ""
    words = [str(word) for word in command]
    for word, following in zip(words, [*words[1:], ""], strict=True):
        if word == "--seeds":
            return following
        if word.startswith("--seeds="):
            return word.removeprefix("--seeds=")
    return ""


def _ours(name: str) -> type[SearchStrategy] | None:
    """Return the strategy of this package that has a name; what results name is not imported."""
    found = None if ":" in name else strategies().get(name)
    return found if found is not None and found.__module__.startswith(_OURS) else None


def is_ours(strategy: str) -> bool:
    """Whether a strategy comes with this package."""
    return _ours(strategy) is not None


def made_here(about: Mapping[str, Any]) -> bool:
    """Whether a provenance says that the code which now reads it wrote it."""
    return all(about.get(name) == provenance()[name] for name in _CODE)

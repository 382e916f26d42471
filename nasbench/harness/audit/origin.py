"""Checks what an experiment says of itself against its files of runs, its strategy and the format.

Version, commit, machine and command cannot be computed again: they are compared with each other
where they are stored more than once. A change of all copies is not found.
"""

import json
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from typing import Any

from nasbench.errors import InvalidInput
from nasbench.files import read_whole
from nasbench.harness.audit.differences import told, unknown
from nasbench.harness.audit.findings import Finding
from nasbench.harness.results.load import Results
from nasbench.harness.results.runs import ExperimentRuns, StoredFile
from nasbench.harness.results.store import ExperimentFolder, flatten
from nasbench.harness.search.experiment import ENTROPY_RULE
from nasbench.harness.search.seeds import parse_seeds
from nasbench.provenance import provenance
from nasbench.strategies.base import SearchStrategy
from nasbench.strategies.registry import strategies

_CODE = ("nasbench", "commit")
_MACHINE = ("python", "platform", "processor")
_OURS = "nasbench.strategies."
"""Beginning of the module names of the strategies that come with the package."""
_LONG = 60
"""Most characters of a value that are shown."""


def check_provenance(
    results: Results, kept: Sequence[tuple[ExperimentFolder, ExperimentRuns]]
) -> Iterator[Finding]:
    """Check that all runs come from the same code, and note other differences.

    An experiment that an earlier version began, with its entropy rule, may have runs of two
    versions: a difference in code between such runs and others is only a note.
    """
    versions: dict[str, dict[str, str]] = defaultdict(dict)
    codes: dict[str, set[str]] = defaultdict(set)
    written = [(folder, _traits(file.provenance)) for folder, runs in kept for file in runs.files]
    for folder, traits in written:
        where = folder.path.relative_to(results.folder).as_posix()
        for name, value in traits.items():
            if not _of_an_earlier_rule(folder):
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


def check_origin(folder: ExperimentFolder, files: Sequence[StoredFile]) -> Iterator[Finding]:
    """Check that an experiment names the same code, machine and command as its files of runs.

    The process that made the folder may have ended before it stored a run, and another process may
    have continued on another machine or with another command. So only a difference in code is a
    fault, other differences are notes; where an earlier version began the experiment, a difference
    in code is a note, too.
    """
    written = [_traits(one.provenance) for one in files]
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
    """Return whether an earlier version began an experiment, which this one may have continued."""
    return folder.experiment.entropy_rule < ENTROPY_RULE


def _traits(made: Mapping[str, Any]) -> dict[str, str]:
    """Return the stored code, machine, libraries and command of a provenance, by name."""
    libraries, command = made.get("libraries"), made.get("command")
    return {
        **{name: str(made.get(name)) for name in (*_CODE, *_MACHINE)},
        **{str(k): str(v) for k, v in (libraries if isinstance(libraries, dict) else {}).items()},
        "command": " ".join(map(str, command)) if isinstance(command, list) else str(command),
    }


def check_description(folder: ExperimentFolder) -> Iterator[Finding]:
    """Check that the stored description of a strategy of this package is the strategy's own.

    Another version of the strategy may have described itself differently, so a difference is then
    only a note. A setting that the experiment does not have either is newer, and is not compared.
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
    for name in ("title", "colour", "bibtex"):
        if name in folder.description:  # which earlier versions did not store
            expected[name] = getattr(strategy, name).strip()
    stored = {name: folder.description.get(name) for name in expected}
    for what in told(stored, expected):
        yield Finding("description", folder.label, what, fault=here)


def check_keys(folder: ExperimentFolder) -> Iterator[Finding]:
    """Check that an experiment.json has no key that this package does not write."""
    path = folder.path / "experiment.json"
    try:
        stored = json.loads(read_whole(path))
        experiment = json.loads(json.dumps(folder.experiment.to_json()))
        known = {
            "": dict.fromkeys(("schema", "experiment", "strategy", "provenance")),
            "strategy": dict.fromkeys(
                ("title", "family", "reference", "colour", "bibtex", "defaults", "files", "tuning")
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
    folder: ExperimentFolder, files: Sequence[StoredFile], seeds: Sequence[int]
) -> Iterator[Finding]:
    """Yield a finding for seeds that a stored command asked for and of which no run is stored."""
    there = set(seeds)
    commands = [folder.provenance, *(one.provenance for one in files)]
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
    """Return the text of seeds in a command of `nasbench run`, empty where it has none."""
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
    """Return this package's strategy of a name, else None; no module of a user is imported."""
    found = None if ":" in name else strategies().get(name)
    return found if found is not None and found.__module__.startswith(_OURS) else None


def is_ours(strategy: str) -> bool:
    """Return whether a strategy comes with this package."""
    return _ours(strategy) is not None


def made_here(about: Mapping[str, Any]) -> bool:
    """Return whether a provenance has the version and the commit of the code that runs now."""
    return all(about.get(name) == provenance()[name] for name in _CODE)

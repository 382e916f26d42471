"""Where a result or a measurement comes from: versions, commit, platform."""

import os
import platform
import subprocess
import sys
from functools import cache
from importlib import metadata
from pathlib import Path
from typing import Any

_LIBRARIES = ("numpy", "scipy", "pandas", "pyarrow", "torch", "ray")


@cache
def provenance() -> dict[str, Any]:
    """Return what identifies the code and the machine that made a result."""
    return {
        "nasbench": version("nasbench"),
        "commit": _commit(),
        "python": platform.python_version(),
        "platform": platform.platform(),
        "processor": processor(),
        "libraries": {name: version(name) for name in _LIBRARIES},
        "command": [Path(sys.argv[0]).name, *sys.argv[1:]],
    }


def own_version() -> str:
    """Return the version of nasbench; of a source tree that is not installed, `unknown`."""
    return version("nasbench") or "unknown"


def version_line() -> str:
    """Return one line: the version, the commit if this runs from a source tree, and Python's."""
    commit = _commit()
    of = f" (commit {commit})" if commit else ""
    return f"nasbench {own_version()}{of}, Python {platform.python_version()}"


def version(name: str) -> str | None:
    """Return the version of an installed distribution, None if it is not installed."""
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return None


def _commit() -> str | None:
    """Return the commit of the source tree this package runs from, with `-dirty` if changed.

    None if the package is installed: a git repository around the installation is not its source.
    """
    if not _git("ls-files", "--error-unmatch", Path(__file__).name):
        return None
    return _git("describe", "--always", "--dirty", "--abbrev=40", "--exclude=*")


def _git(*arguments: str) -> str | None:
    try:
        done = subprocess.run(
            ["git", *arguments],
            cwd=Path(__file__).parent,
            capture_output=True,
            text=True,
            timeout=5,
            check=True,
        )
    except (OSError, subprocess.SubprocessError):
        return None
    return done.stdout.strip() or None


@cache
def processor() -> str:
    """Return the name of this machine's processor."""
    try:
        for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    except OSError:
        pass
    return platform.processor() or platform.machine()


def cores() -> int:
    """Return how many cores this process may use."""
    try:
        return len(os.sched_getaffinity(0))
    except AttributeError:  # not on every platform
        return os.cpu_count() or 1

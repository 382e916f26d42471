"""Ends what is left of a private Ray instance when the process that started it has ended.

`ray_instance` runs this file as a script, which needs the standard library alone, with the
instance's temporary folder as its argument. The script's standard input ends when the driver (the
process that started the instance) ends, in whatever way. Ray's own processes end after their
parents, but those that are just starting take a minute to do so. They are recognised by a mark in
their environment, which the driver did not have when it began, or by their open files.
"""

import os
import shutil
import signal
import sys
import time
from contextlib import suppress
from pathlib import Path

GOODBYE = b"."
"""Sent by a driver that has shut its instance down; then one sweep that finds nothing is enough."""
VARIABLE = "NASBENCH_INSTANCE"
"""Environment variable with the mark; Ray's own token is removed from its agents' environment."""
_PAUSE = 0.25
_QUIET = 8
"""Number of sweeps in a row that must find nothing, before the script ends."""


_IGNORED = ("SIGHUP", "SIGINT", "SIGQUIT", "SIGTERM", "SIGUSR1", "SIGUSR2", "SIGXCPU")
"""Signals that a batch system or a terminal sends to all processes of a job. The script ignores
them, as it ends its work only after the driver."""


def main() -> None:
    """Wait for the end of standard input, then end the instance's processes; remove its folder."""
    for name in _IGNORED:
        signal.signal(getattr(signal, name), signal.SIG_IGN)
    spared = {os.getpid(), os.getppid()}  # the driver may still hold a log open
    quiet = _QUIET if sys.stdin.buffer.read() != GOODBYE else 1
    mark, empty = f"{VARIABLE}={os.environ[VARIABLE]}".encode(), 0
    while empty < quiet:
        empty = 0 if _sweep(mark, sys.argv[1], spared) else empty + 1
        if empty < quiet:
            time.sleep(_PAUSE)
    shutil.rmtree(sys.argv[1], ignore_errors=True)


def _sweep(mark: bytes, folder: str, spared: set[int]) -> int:
    """End all other processes of the instance; return how many there were."""
    found = 0
    for entry in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            if int(entry.name) not in spared and _belongs(entry, mark, folder):
                os.kill(int(entry.name), signal.SIGKILL)
                found += 1
    return found


def _belongs(process: Path, mark: bytes, folder: str) -> bool:
    """Return whether a process has the mark, or is this interpreter with open files in the folder.

    Ray's Python processes rename themselves, which can overwrite their environment.
    """
    if mark in (process / "environ").read_bytes():
        return True
    if not (process / "exe").samefile("/proc/self/exe"):
        return False
    files = [str(file.readlink()) for file in (process / "fd").iterdir()]
    return any(file.startswith(f"{folder}/") for file in files)


if __name__ == "__main__":
    main()

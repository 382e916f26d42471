"""Ends what is left of a private Ray instance when the process that started it is gone.

Run as a script, with the standard library alone, by `ray_instance`, with the instance's temporary
folder as its argument: standard input ends when the driver does, however it ends. Ray's own
processes follow their parents, but those that are just starting take a minute to notice. They are
known by the instance's mark in their environment, which the driver itself had not when it began,
or by their open files.
"""

import os
import shutil
import signal
import sys
import time
from contextlib import suppress
from pathlib import Path

GOODBYE = b"."
"""Sent by a driver that has shut its instance down: then one look is enough."""
VARIABLE = "NASBENCH_INSTANCE"
"""Name of the mark; Ray takes its own token from its agents' environment."""
_PAUSE = 0.25
_QUIET = 8
"""Looks in a row that find nothing, before it is believed that nothing is left."""


_IGNORED = ("SIGHUP", "SIGINT", "SIGQUIT", "SIGTERM", "SIGUSR1", "SIGUSR2", "SIGXCPU")
"""Sent to all processes of a job, by a batch system or a terminal: here it is the driver's end."""


def main() -> None:
    """Wait for the end of standard input, then end what is marked and remove its folder."""
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
    """Whether a process carries the mark, or is this interpreter and writes into the folder.

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

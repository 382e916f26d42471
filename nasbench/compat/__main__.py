"""Run a script of others: `python -m nasbench.compat SCRIPT ...` or `... -m MODULE ...`.

The script's imports of `nats_bench` and `nas_201_api` give the stand-ins, in the script's own
processes too. A `NasbenchError` that the script does not catch ends it with one line and exit
code 2; its other exceptions are shown as Python does.
"""

import os
import runpy
import sys
import traceback
from pathlib import Path
from types import TracebackType

from nasbench.errors import NasbenchError
from nasbench.text import one_line

USAGE = "usage: python -m nasbench.compat SCRIPT [ARGUMENTS], or -m MODULE [ARGUMENTS]"
IMPORTS = Path(__file__).parent / "imports"
"""Folder with packages of the names of others."""


def main() -> None:
    """Run the script that the command line names."""
    words = sys.argv[1:]
    if not words or words[0] in ("-h", "--help"):
        print(USAGE, file=sys.stdout if words else sys.stderr)
        sys.exit(0 if words else 2)
    is_module = words[0] == "-m"
    if is_module and len(words) < 2:
        _end(USAGE)
    name, arguments = (words[1], words[2:]) if is_module else (words[0], words[1:])
    if not is_module and not Path(name).is_file():
        _end(f"script '{name}' does not exist")
    answer_imports()
    sys.argv = [name, *arguments]
    sys.path[0] = str(Path.cwd()) if is_module else str(Path(name).resolve().parent)
    sys.path.insert(0, str(IMPORTS))
    try:
        if is_module:
            runpy.run_module(name, run_name="__main__", alter_sys=True)
        else:
            runpy.run_path(name, run_name="__main__")
    except NasbenchError as error:
        _end(f"{error}{_asked(error.__traceback__)}")
    except SystemExit:
        raise
    except BaseException as error:
        if isinstance(error, ImportError) and _only_ours(error.__traceback__):
            _end(f"module '{name}' cannot be run: {error}")
        error.__traceback__ = _own(error.__traceback__)
        sys.excepthook(type(error), error, error.__traceback__)
        sys.exit(130 if isinstance(error, KeyboardInterrupt) else 1)


def answer_imports() -> None:
    """Have the processes that the script starts find the stand-ins, too."""
    known = os.environ.get("PYTHONPATH", "").split(os.pathsep)
    os.environ["PYTHONPATH"] = os.pathsep.join([str(IMPORTS), *filter(None, known)])


def _own(trace: TracebackType | None) -> TracebackType | None:
    """Return a traceback without the frames before the script's."""
    there = trace
    while there is not None and _is_ours(there):
        there = there.tb_next
    return there or trace


def _only_ours(trace: TracebackType | None) -> bool:
    """Whether nothing of the script has run: it was not found."""
    return trace is None or (_is_ours(trace) and _only_ours(trace.tb_next))


def _is_ours(trace: TracebackType) -> bool:
    file = trace.tb_frame.f_code.co_filename
    return file == __file__ or "runpy" in file


def _asked(trace: TracebackType | None) -> str:
    """Return the place in the script that asked, for a one-line message."""
    package = str(Path(__file__).parents[1])
    for frame in reversed(traceback.extract_tb(_own(trace))):
        if not frame.filename.startswith((package, "<")):
            return f" (asked in {frame.filename}, line {frame.lineno})"
    return ""


def _end(line: str) -> None:
    print(f"nasbench: {one_line(line)}", file=sys.stderr)
    sys.exit(2)


if __name__ == "__main__":
    main()

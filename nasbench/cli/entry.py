"""The process of a command: its streams and signals, and the one place where errors are handled.

A user reads one line about an error. The exit code is 0 for success; 1 where no run finished or an
audit found faults; 2 for input that cannot be used and work that cannot be done; 128 + n where
signal n ended the command, such as 141 where the reader of a pipe has closed it.
`NASBENCH_TRACEBACK=1` shows where an error of nasbench itself came from.
"""

import errno
import io
import os
import select
import signal
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from types import FrameType
from typing import NoReturn

from nasbench.errors import NasbenchError
from nasbench.text import one_line

TRACEBACK = "NASBENCH_TRACEBACK"
_INTERRUPTED = 128 + signal.SIGINT
_LEFT = 128 + signal.SIGPIPE
_ENDING = ("SIGHUP", "SIGQUIT", "SIGTERM", "SIGUSR1", "SIGUSR2", "SIGALRM", "SIGXCPU")
"""Signals that end a process; a command first cleans up, as after Ctrl-C. Batch systems send
several of them."""
_AGAIN_SECONDS = 0.05
_COMPLETE = "NASBENCH_COMPLETE"
"""End of the name of the variable by which a shell asks to complete a line."""
_COMPLETION = ("--install-completion", "--show-completion")


def run(load: Callable[[], Callable[..., object]]) -> NoReturn:
    """Run the command line that `load` returns, and end the process.

    Users see no traceback, not even of an error while modules are imported.
    """
    _open_streams()
    os.environ["MPLBACKEND"] = "agg"  # figures go to files, whatever this is set to
    with _ended_cleanly() as received:
        completing = any(name.endswith(_COMPLETE) for name in os.environ)
        code = _flushed(_complete(load) if completing else _run(load, sys.argv[1:]))
    with suppress(ValueError):  # not the main thread
        signal.signal(signal.SIGINT, signal.SIG_DFL)  # only Python's own end is left
    sys.exit(128 + received[0] if received and code == _INTERRUPTED else code)


def _run(load: Callable[[], Callable[..., object]], words: Sequence[str]) -> int:
    """Run a command and return the exit code, whatever it does."""
    try:
        with suppress(OSError):
            _remove_leftovers()
        result = _command(load(), words)
    except KeyboardInterrupt:
        result = _INTERRUPTED
    except SystemExit as error:
        return _exited(error, words)
    except NasbenchError as error:
        return _say(str(error), 2)
    except (OSError, MemoryError) as error:
        return _system(error)
    except BaseException as error:  # those of native libraries are no `Exception`
        return _fault(error)
    if result == _INTERRUPTED:  # typer returns this code after Ctrl-C
        return _say("interrupted; what is finished is stored, the same command goes on", result)
    return result if isinstance(result, int) else 0


def _complete(load: Callable[[], Callable[..., object]]) -> int:
    """Complete a line for a shell, which shows nothing of an error."""
    try:
        load()(standalone_mode=False)
    except SystemExit as error:
        return error.code if isinstance(error.code, int) else 0
    except BaseException:  # a shell would show it between the words of its user
        return 1
    return 0


def _command(app: Callable[..., object], words: Sequence[str]) -> object:
    """Let typer run the command."""
    from typer.exceptions import Abort, TyperException

    from nasbench.cli.options import filled

    try:
        return app(filled(words) or ["--help"], standalone_mode=False)
    except TyperException as error:
        reason = error.format_message().strip()
        return _say(f"{reason.splitlines()[0]} (see --help)", 2) if reason else 0  # help was shown
    except Abort:
        return _INTERRUPTED


def _remove_leftovers() -> None:
    from nasbench.leftovers import remove_leftovers

    remove_leftovers()


def _exited(error: SystemExit, words: Sequence[str]) -> int:
    """Return the exit code after a `sys.exit` that nasbench did not call.

    A library may call it for a broken pipe or for shell completion; any other call is an error.
    """
    cause = error.__context__
    if isinstance(cause, OSError) and cause.errno == errno.EPIPE:
        return _LEFT
    if any(word.startswith(_COMPLETION) for word in words):
        return error.code if isinstance(error.code, int) else 0
    return _say(
        f"a module that was loaded or called, such as a strategy's, ended the command with "
        f"sys.exit({error.code!r}): let it raise an exception instead",
        2,
    )


def _system(error: OSError | MemoryError) -> int:
    """Report an error of the operating system, and return the exit code."""
    if isinstance(error, MemoryError):
        return _say("out of memory: use fewer --workers, or fewer seeds per call", 2)
    if isinstance(error, BrokenPipeError) and _reader_left():
        return _LEFT
    return _say(f"{error.filename or 'system'}: {error.strerror or error}", 2)


def _fault(error: BaseException) -> int:
    """Report an error in nasbench itself, and how to see where it is; return the exit code."""
    kind = type(error)
    if os.environ.get(TRACEBACK):
        from traceback import print_exception

        print_exception(error)
        return _say(f"a fault of nasbench ({kind.__name__}): please report the lines above", 2)
    return _say(
        f"a fault of nasbench ({kind.__name__}: {_first_words(error)}): please report it with what "
        f"the same command prints after {TRACEBACK}=1",
        2,
    )


def _first_words(error: BaseException) -> str:
    try:
        return " ".join(str(error).split())[:200]
    except Exception:  # making the text fails, too
        return "no text"


def _say(line: str, code: int) -> int:
    print(f"nasbench: {one_line(line)}", file=sys.stderr)
    return code


def _open_streams() -> None:
    """Make sure that stdin, stdout and stderr are open and accept every character.

    If the caller has closed one, the next file that is opened would get its number, and output
    would be written into that file. Text that cannot be written to stderr is lost, and the command
    continues.
    """
    while (lowest := os.open(os.devnull, os.O_RDWR)) <= 2:
        os.set_inheritable(lowest, True)
    os.close(lowest)
    sys.stdin = sys.stdin or open(0, encoding="utf-8", closefd=False)  # noqa: SIM115
    sys.stdout = sys.stdout or _to(1)
    if sys.stderr is None or _is_descriptor(sys.stderr, 2):
        sys.stderr = _to(2)
    if isinstance(sys.stdout, io.TextIOWrapper):  # a terminal of few characters shows "?"
        sys.stdout.reconfigure(errors="replace")


def _to(number: int) -> "_Notes":
    encoding = getattr(sys.stderr, "encoding", None) or "utf-8"
    file = io.FileIO(number, "w", closefd=False)
    return _Notes(file, encoding, errors="replace", line_buffering=True)


class _Notes(io.TextIOWrapper):
    """A stream that drops text that it cannot write, such as to a full disk or a closed pipe."""

    def write(self, text: str) -> int:
        with suppress(OSError):
            super().write(text)
        return len(text)

    def flush(self) -> None:
        with suppress(OSError):
            super().flush()


def _is_descriptor(stream: object, number: int) -> bool:
    try:
        return isinstance(stream, io.TextIOWrapper) and stream.fileno() == number
    except (OSError, ValueError):
        return False


def _flushed(code: int) -> int:
    """Write the rest of the output; return `code`, or another exit code if that fails."""
    try:
        sys.stdout.flush()
    except BrokenPipeError:
        code = _LEFT
    except OSError as error:
        code = _say(f"the output could not be written: {error.strerror}", code or 2)
    else:
        return code
    with suppress(OSError, ValueError):  # else Python tries it again when it ends
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, sys.stdout.fileno())
    return code


def _reader_left() -> bool:
    """Return whether the reader of stdout or stderr has closed its pipe."""
    poll = select.poll()
    for number in (1, 2):
        poll.register(number, select.POLLERR)
    return any(event & select.POLLERR for _, event in poll.poll(0))


@contextmanager
def _ended_cleanly() -> Iterator[list[int]]:
    """Let signals that end a process end a command as Ctrl-C does; yield a list of those received.

    A signal that the caller ignores (`nohup`), or that has a handler already, is not changed. An
    interruption that Python ignored, because it came inside a destructor, is raised again. Errors
    in a thread or a destructor are not shown, unless `NASBENCH_TRACEBACK` is set.
    """
    received: list[int] = []

    def interrupt(number: int, _: FrameType | None) -> None:
        received.append(number)
        raise KeyboardInterrupt

    def passed_over(what: "sys.UnraisableHookArgs") -> None:
        if isinstance(what.exc_value, KeyboardInterrupt):
            number = signal.Signals(received[-1]) if received else signal.SIGINT
            main = threading.main_thread().ident, number
            again = threading.Timer(_AGAIN_SECONDS, signal.pthread_kill, main)
            again.daemon = True
            again.start()  # raised here, it would be ignored as well

    if threading.current_thread() is not threading.main_thread():
        yield received
        return
    here = [getattr(signal, name) for name in _ENDING]
    taken = [number for number in here if signal.getsignal(number) is signal.SIG_DFL]
    hooks = sys.unraisablehook, threading.excepthook
    for number in taken:
        signal.signal(number, interrupt)
    if not os.environ.get(TRACEBACK):
        sys.unraisablehook, threading.excepthook = passed_over, lambda _: None
    try:
        yield received
    finally:
        for number in taken:
            signal.signal(number, signal.SIG_DFL)
        sys.unraisablehook, threading.excepthook = hooks

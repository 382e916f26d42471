"""The runner finds what it looks for, and the same seed is the same inputs."""

import os
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from hostile import children
from hostile.children import Case, preload, run_case
from hostile.runner import KINDS, Chosen, Counts, order, work

GOOD = ("list", "spaces")
BAD = ("compare", "nosuch")


def fails() -> None:
    raise RuntimeError("planted")


def warns() -> None:
    print("/x/y.py:7: RuntimeWarning: planted", file=sys.stderr)


def speaks() -> None:
    print("planted", file=sys.stderr)


def breaks() -> None:
    """Plant a fault that the command line turns into its one line."""
    from nasbench.harness.results import store

    store.experiments = lambda *_: fails()  # type: ignore[assignment]
    from nasbench.harness.results import inventory, load

    load.read_results = lambda *_: fails()  # type: ignore[assignment]
    inventory.inventory = lambda *_: fails()  # type: ignore[assignment]


def says_all() -> None:
    from nasbench.cli import entry

    entry.one_line = lambda line: line * 200


PLANTED: dict[str, tuple[tuple[str, ...], Callable[[], object]]] = {
    "traceback": (GOOD, fails),
    "exit code 3": (GOOD, lambda: os._exit(3)),
    "exit code 137": (GOOD, lambda: os.kill(os.getpid(), 9)),
    "control characters": (GOOD, lambda: print("\x1b[31mred")),
    "a warning of Python's": (GOOD, warns),
    "more than one line": (BAD, speaks),
    "no line that says why": (GOOD, lambda: os._exit(2)),
    "an endless line": (BAD, says_all),
    "hangs for 2 s": (GOOD, lambda: time.sleep(30)),
    "": (BAD, lambda: print("note: of a healthy command", file=sys.stderr)),
}


@pytest.mark.parametrize("trouble", PLANTED)
def test_what_is_planted_is_found(
    trouble: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    preload()
    line, inside = PLANTED[trouble]
    if trouble.startswith("hangs"):
        monkeypatch.setattr(children, "SECONDS", 2.0)
    (outcome,) = run_case(Case("planted", (line,), inside=inside), tmp_path)
    assert outcome.trouble == trouble, outcome


def test_a_fault_that_users_see_as_one_line_counts_as_a_traceback(tmp_path: Path) -> None:
    preload()
    case = Case("planted", (("list", "results", "."),), inside=breaks)
    (outcome,) = run_case(case, tmp_path)
    assert (outcome.code, outcome.trouble) == (2, "traceback")
    assert "a fault of nasbench (RuntimeError)" in outcome.text
    assert "RuntimeError: planted" in outcome.text


def test_too_much_memory_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    preload()
    monkeypatch.setattr(children, "MEMORY", 1 << 20)
    case = Case("planted", (GOOD,), inside=lambda: time.sleep(5))
    assert run_case(case, tmp_path)[0].trouble == "more than 0 GB"


CHOSEN = Chosen(400, 7, ("command_lines", "servers"), 0.1, 0, "", False, 1)


def test_a_seed_is_one_order_of_which_a_tenth_are_processes() -> None:
    made = [list(order(CHOSEN)) for _ in range(2)]
    names, again = ([(one.name, one.case.lines, one.real) for one in each] for each in made)
    assert names == again
    assert sum(one.real for one in made[0]) == 40
    assert not any(one.real for one in made[0] if not one.case.alone)
    assert sum(kind.share for kind in KINDS.values()) == 100


def test_workers_share_the_inputs_and_begin_passes_some_over(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    done: list[str] = []

    def note(one: object, _: Chosen) -> Counts:
        done.append(one.name)  # type: ignore[attr-defined]
        return Counts(inputs=1)

    monkeypatch.setattr("hostile.runner.run_input", note)
    chosen = CHOSEN._replace(workers=2, begin=150)
    assert sum(work(chosen, worker).inputs for worker in range(2)) == 250
    assert sorted(done) == sorted(one.name for one in list(order(CHOSEN))[150:])

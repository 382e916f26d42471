"""Python calls with arguments of other types: one line that names the argument, nothing begun."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import nasbench
from nasbench.errors import NasbenchError

run: Any = nasbench.run
SEARCH = "random-search"
MISUSES: dict[str, tuple[Callable[[], object], str]] = {
    **{
        f"run {name}={value!r}": (
            lambda name=name, value=value: run(SEARCH, **{"budget": "2evals", name: value}), word
        )
        for name, value, word in (
            ("datasets", 5, "datasets cannot be 5"),
            ("datasets", [5], "datasets cannot be [5]"),
            ("out", None, "out cannot be None"),
            ("out", 5, "out cannot be 5"),
            ("out", "a\0b", r"out cannot be 'a\x00b'"),
            ("out", b"a", "out cannot be b'a'"),
            ("benchmark", 5, "benchmark cannot be 5"),
            ("benchmark", "a\0.safetensors", "benchmark cannot be"),
            ("budget", 5, "budget cannot be 5"),
            ("protocol", 5, "protocol cannot be 5"),
            ("settings", 5, "settings cannot be 5"),
            ("settings", {SEARCH: 5}, "settings of 'random-search' cannot be 5"),
            ("settings", {5: {}}, "a strategy's name in settings cannot be 5"),
            ("settings", {SEARCH: {5: 5}}, "a setting's name of 'random-search' cannot be 5"),
            ("name", 5, "name cannot be 5"),
            ("recipe", 5, "recipe cannot be 5"),
            ("trials", [], "trials cannot be []"),
            ("repeats", 5, "repeats cannot be 5"),
            ("fallback", 5, "fallback cannot be 5"),
            ("ray_address", 5, "ray_address cannot be 5"),
            ("tuning", 5, "tuning cannot be 5"),
            ("patience", "5", "patience cannot be '5'"),
            ("target_regret", "5", "target regret cannot be '5'"),
            ("seeds", None, "seeds None"),
            ("seeds", [[]], "seed cannot be []"),
            ("workers", None, "workers cannot be None"),
            ("retries", None, "retries cannot be None"),
            ("experiment_seed", None, "experiment seed cannot be None"),
        )
    },
    "run none": (lambda: run(None), "strategies cannot be None"),
    "run a class": (lambda: run(nasbench.SearchStrategy), "does not define ask"),
    "compare": (lambda: nasbench.compare(5), "results cannot be 5"),
    "compare nul": (lambda: nasbench.compare("a\0b"), "results cannot be"),
    "compare out": (lambda: nasbench.compare("x", out=5), "out cannot be 5"),
    "compare target": (lambda: nasbench.compare("x", target="5"), "target cannot be '5'"),
    "calibration": (lambda: nasbench.compare("x", calibration=5), "calibration cannot be 5"),
    "report": (lambda: nasbench.report(5), "results cannot be 5"),
    "report out": (lambda: nasbench.report("x", 5), "out cannot be 5"),
    "report replays": (lambda: nasbench.report("x", replays="5"), "replay cannot be '5'"),
    "audit": (lambda: nasbench.audit(5), "results cannot be 5"),
    "audit nul": (lambda: nasbench.audit("a\0b"), "results cannot be"),
    "audit replays": (lambda: nasbench.audit("x", replays=None), "replay cannot be None"),
    "audit seed": (lambda: nasbench.audit("x", seed="5"), "seed cannot be '5'"),
    "reproduce": (lambda: nasbench.reproduce([]), "name cannot be []"),
    "reproduce out": (lambda: nasbench.reproduce("nb201-paper", out=5), "out cannot be 5"),
    "load_results": (lambda: nasbench.load_results(None), "results cannot be None"),
    "load_table": (lambda: nasbench.load_table(5), "table cannot be 5"),
    "load_table list": (lambda: nasbench.load_table([]), "table cannot be []"),
    "get_space": (lambda: nasbench.get_space([]), "space cannot be []"),
    "from_api": (lambda: nasbench.from_api(object(), 5), "name cannot be 5"),
    "register": (lambda: nasbench.register(5), "a strategy's name cannot be 5"),
    "register bare": (lambda: nasbench.register(nasbench.SearchStrategy), "cannot be <class"),
    "register two": (lambda: nasbench.register("a,b"), "a strategy's name cannot be 'a,b'"),
    "register no class": (lambda: nasbench.register("mine")(5), "strategy 'mine' is 5, no sub"),
}  # fmt: skip


@pytest.mark.parametrize("kind", MISUSES)
def test_an_argument_of_another_type_is_named(
    kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing is written: the working folder stays empty."""
    monkeypatch.chdir(tmp_path)
    misuse, words = MISUSES[kind]
    with pytest.raises(NasbenchError) as error:
        misuse()
    assert words in str(error.value)
    assert len(str(error.value).splitlines()) == 1
    assert not list(tmp_path.iterdir())


def test_any_path_object_and_any_collection_of_names_will_do(tmp_path: Path) -> None:
    """A path of another library has `__fspath__` only (PEP 519)."""

    class Place:
        def __fspath__(self) -> str:
            return str(tmp_path / "there")

    (outcome,) = run(dict.fromkeys([SEARCH]), seeds=1, budget="2evals", benchmark="digits",
                     datasets=("digits",), out=Place())  # fmt: skip
    assert outcome.path.is_relative_to(tmp_path / "there")
    assert len(nasbench.load_results(Place()).runs) == 1  # type: ignore[arg-type]

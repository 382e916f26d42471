"""The house rules that a reader cannot see: imports run one way, randomness is passed in."""

import ast
import subprocess
import sys
from collections.abc import Iterator
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[1] / "nasbench"
ROOMS = ("spaces", "benchmarks", "strategies", "harness", "cli", "compat")
MAY_IMPORT = {
    "spaces": set(),
    "benchmarks": {"spaces"},
    "strategies": {"spaces"},
    "harness": {"spaces", "benchmarks", "strategies"},
    "cli": {"spaces", "benchmarks", "strategies", "harness"},
    "compat": {"spaces", "benchmarks"},
}
TORCH_ROOMS = (
    "spaces/networks", "spaces/mix.py", "benchmarks/training", "strategies", "testing/one_shot.py"
)  # fmt: skip


def modules(room: str = "") -> list[Path]:
    return sorted((PACKAGE / room).rglob("*.py"))


def imported(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module


@pytest.mark.parametrize("room", ROOMS)
def test_imports_run_one_way(room: str) -> None:
    found = modules(room)
    assert found
    for path in found:
        for name in imported(path):
            parts = name.split(".")
            if parts[0] == "nasbench" and len(parts) > 1 and parts[1] in ROOMS:
                assert parts[1] in MAY_IMPORT[room] | {room}, f"{path} imports {name}"


def test_only_networks_training_and_strategies_import_torch() -> None:
    """Strategies that update weights do it inside their methods: see `test_start_is_light`."""
    for path in modules():
        place = path.relative_to(PACKAGE).as_posix()
        if not place.startswith(TORCH_ROOMS):
            assert not any(name.split(".")[0] == "torch" for name in imported(path)), place


def test_no_global_randomness_and_no_open_pickle() -> None:
    banned = (
        "np.random.seed(", "np.random.rand", "np.random.choice(", "torch.manual_seed(",
        "random.seed(", "pickle.load(", "pickle.loads(", "pickle.dump", "weights_only=False",
    )  # fmt: skip
    for path in modules():
        text = path.read_text(encoding="utf-8")
        assert not any(word in text for word in banned), path


def used(path: Path, names: set[str]) -> set[str]:
    """Return the modules of ours that a module imports, inside functions too, types aside."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    for node in ast.walk(tree):
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.dump(node.test):
            node.body.clear()
    found = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom):
            found |= {node.module or "", *(f"{node.module}.{one.name}" for one in node.names)}
        elif isinstance(node, ast.Import):
            found |= {one.name for one in node.names}
    return found & names


def test_imports_go_in_no_circle() -> None:
    """None is hidden in a function either."""
    paths = {
        ".".join(path.relative_to(PACKAGE.parent).with_suffix("").parts): path for path in modules()
    }
    named = {name.removesuffix(".__init__"): path for name, path in paths.items()}
    graph = {name: used(path, set(named)) - {name, "nasbench"} for name, path in named.items()}
    TopologicalSorter(graph).prepare()  # raises `CycleError`, which names the modules


def test_commands_print_through_what_escapes_names() -> None:
    """`print`, `typer.echo` and rich's own console show control characters of names as they are."""
    for path in modules("cli"):
        calls = [
            node.func
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
            if isinstance(node, ast.Call)
        ]
        raw = [one.id for one in calls if isinstance(one, ast.Name) and one.id == "print"]
        raw += [one.attr for one in calls if isinstance(one, ast.Attribute) and one.attr == "echo"]
        escaping = {"lines.py": 1, "entry.py": 1, "run.py": 1}  # what they print is escaped
        assert len(raw) == escaping.get(path.name, 0), path


def test_test_modules_have_names_of_their_own() -> None:
    """pytest imports a test file by its bare name: of two files of one name it reads one only."""
    names = [path.name for path in Path(__file__).parent.rglob("*.py")]
    assert sorted(names) == sorted(set(names))


@pytest.mark.parametrize(
    "start",
    [
        "import nasbench.cli.app",
        "from nasbench import register, SearchStrategy",
        "from nasbench.strategies.registry import strategies; strategies()",
    ],
)
def test_start_is_light(start: str) -> None:
    heavy = ("torch", "ray", "seaborn", "matplotlib", "pandas", "scipy", "pyarrow", "numpy")
    code = f"import sys; {start}; print([m for m in {heavy!r} if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


@pytest.mark.parametrize(
    ("start", "heavy"),
    [
        ("import nasbench.harness.audit", ("torch", "ray", "matplotlib", "pandas", "scipy")),
        ("import nasbench.harness.compare.write", ("torch", "ray", "seaborn", "scipy.stats")),
        ("import nasbench.harness.report.page", ("torch", "ray", "seaborn", "scipy.stats")),
    ],
)
def test_commands_load_what_they_use(start: str, heavy: tuple[str, ...]) -> None:
    """Of libraries that take half a second and more to load."""
    code = f"import sys; {start}; print([m for m in {heavy!r} if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"

"""The script for machines with a GPU: every part of it runs here too, with small sizes."""

import json
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]
_WITHOUT = """
import runpy, sys
for name in ("pandas", "pyarrow", "pydantic", "ray", "scipy", "sklearn", "matplotlib", "typer"):
    sys.modules[name] = None  # importing it fails
sys.argv = ["gpu.py", "--device", "cpu", "--quick", *sys.argv[1:]]
runpy.run_path("bench/gpu.py", run_name="__main__")
"""


def run(*options: str) -> tuple[int, list[str]]:
    done = subprocess.run(
        [sys.executable, "-c", _WITHOUT, *options],
        cwd=ROOT, capture_output=True, text=True, check=False, timeout=300,
    )  # fmt: skip
    return done.returncode, done.stdout.splitlines()


def test_every_part_runs_with_torch_and_numpy_alone() -> None:
    status, lines = run()
    found = json.loads(lines[-1])
    assert (status, found["failed"]) == (0, [])
    assert found["device"] == "cpu"
    equal = [value for name, value in found["figures"].items() if "difference" in name]
    assert len(equal) >= 10
    assert max(equal) < 1e-4
    ratios = [value for name, value in found["figures"].items() if name.endswith("ratio")]
    assert len(ratios) >= 5
    assert min(ratios) > 0


def test_a_part_that_fails_is_named_and_the_others_go_on(tmp_path: Path) -> None:
    """A peer's folder without its network."""
    status, lines = run("--peer", str(tmp_path), "--parts", "darts_steps,sampled_steps")
    found = json.loads(lines[-1])
    assert (status, found["failed"]) == (1, ["darts_steps"])
    assert any(name.startswith("sampled step") for name in found["figures"])
    assert "darts_steps failed: No module named 'xautodl'" in lines

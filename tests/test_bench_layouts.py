"""The benchmark of the layouts of groups: it is right, and needs torch and numpy alone."""

import json
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]
_WITHOUT = """
import json, sys
from functools import partial
for name in ("pandas", "pyarrow", "pydantic", "ray", "scipy", "sklearn", "matplotlib", "typer"):
    sys.modules[name] = None  # importing it fails
sys.path.insert(0, "bench")
from group_layouts import Work, differences, rates
from nasbench.spaces.networks.recordings import RepeatedStep, Rerun
graph = partial(RepeatedStep, record=Rerun)
work = Work(batch=4, steps=5, evaluated=8)
found = rates("cpu", 4, work, repeats=1, alone=1, graph=graph)
print(json.dumps([found, differences("cpu", graph=graph), rates("cpu", 4, work, only=["alone"])]))
"""


def test_every_way_is_timed_and_is_the_same_training() -> None:
    done = subprocess.run(
        [sys.executable, "-c", _WITHOUT],
        cwd=ROOT, capture_output=True, text=True, check=True, timeout=300,
    )  # fmt: skip
    rates, differences, alone = json.loads(done.stdout.splitlines()[-1])
    ways = ["alone", "channels", "products"]
    ways += [f"{name} as graph" for name in ways]
    assert list(rates) == list(differences) == ways
    assert min(rates.values()) > 0
    assert differences["alone"] == 0  # the same on the same device
    assert max(differences.values()) < 1e-6
    assert list(alone) == ["alone"]

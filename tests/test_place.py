"""Where runs train: the device that a user names, or `auto`."""

import warnings
from pathlib import Path

import pytest
import torch
from typer.testing import CliRunner

from nasbench import run
from nasbench.benchmarks.training.devices import accelerator, resolve_device
from nasbench.benchmarks.training.train import find_device
from nasbench.cli.app import app
from nasbench.errors import InvalidInput
from nasbench.harness.results.load import load_results
from nasbench.place import Place
from nasbench.testing.one_shot import SMALL


def test_auto_is_a_gpu_where_there_is_one(monkeypatch: pytest.MonkeyPatch) -> None:
    said: list[str] = []
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "get_device_name", lambda _: "NVIDIA H100")
    assert resolve_device("auto", said.append) == "cuda"
    assert accelerator("cuda:1") == "NVIDIA H100"
    assert said == ["device auto: cuda, NVIDIA H100"]
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    assert resolve_device("auto", said.append) == "cpu"
    assert said[1:] == ["device auto: cpu, as there is no CUDA GPU"]


def test_a_driver_that_is_too_old_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    words = "The NVIDIA driver on your system is too old (found version 11040)."

    def too_old() -> bool:
        warnings.warn(f"CUDA initialization: {words}\nPlease update.", stacklevel=1)
        return False

    said: list[str] = []
    monkeypatch.setattr(torch.cuda, "is_available", too_old)
    assert resolve_device("auto", said.append) == "cpu"
    assert said == [f"device auto: cpu, as CUDA initialization: {words}"]

    def refuse(*_: object, **__: object) -> None:
        raise RuntimeError(f"{words}\nPlease update.")

    monkeypatch.setattr(torch, "empty", refuse)
    with pytest.raises(InvalidInput, match=r"too old.*: use cpu$") as caught:
        find_device("cuda")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("name", ["tpu", "", "Auto", 7, None])
def test_other_names_are_refused(name: object) -> None:
    with pytest.raises(InvalidInput, match="use auto, cpu, cuda"):
        resolve_device(name, print)


def test_what_is_stored_is_the_device_that_was_found(toy_images: Path, tmp_path: Path) -> None:
    run("rsps", seeds=1, settings={"rsps": SMALL}, device="auto", out=tmp_path, workers=1)
    (found,) = load_results(tmp_path).experiments
    assert found.places == (Place("cuda" if torch.cuda.is_available() else "cpu", 1),)


@pytest.mark.parametrize(
    "line",
    ["latency --rounds 1", "train 123 --dataset digits", "calibrate --benchmark digits",
     "run -s rsps --dataset digits --seeds 1", "tabulate --dataset digits --recipe digits-15",
     "tune -s rsps --space epochs=1..2 --benchmark digits --tuning-seeds 1000-1001"],
)  # fmt: skip
def test_every_command_that_trains_asks_for_it(
    line: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def asked(name: object, _: object) -> str:
        raise InvalidInput(f"asked for {name}")

    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("nasbench.benchmarks.training.devices.resolve_device", asked)
    monkeypatch.setattr("nasbench.harness.execution.tune.resolve_device", asked)
    out = [] if line.startswith("latency") else ["--out", "o"]
    done = CliRunner().invoke(app, [*line.split(), "--device", "auto", *out])
    assert str(done.exception) == "asked for auto"

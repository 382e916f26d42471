"""`nasbench data proxies`, as a user meets it."""

from pathlib import Path

import pytest
from tables import synthetic_table
from typer.testing import CliRunner

from nasbench.benchmarks.proxies import file_name, read_proxies
from nasbench.benchmarks.sources import macro
from nasbench.benchmarks.training import recipes
from nasbench.benchmarks.training.recipes import Recipe
from nasbench.cli.app import app
from nasbench.errors import NasbenchError
from nasbench.spaces.networks.base import Shape
from tests.upstream import upstream


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("NASBENCH_DATA", str(tmp_path))
    monkeypatch.setenv("NASBENCH_UPSTREAM", str(upstream()))
    tiny = Recipe("digits-15", Shape(2, 1), epochs=1, batch=8)
    monkeypatch.setitem(recipes.RECIPES, "digits-15", tiny)
    return tmp_path


def run(*arguments: str) -> str:
    result = CliRunner().invoke(app, ["data", "proxies", *arguments])
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    assert result.exit_code == 0, result.output
    return result.output


def test_a_sample_is_scored_and_stored(folder: Path) -> None:
    said = run("digits", "--sample", "3", "--batch", "8", "--quiet")
    path = folder / "proxies" / file_name("digits", "digits")
    found = read_proxies(path)
    assert f"digits: 11 proxies of 3 of 15,625 architectures on digits, digest {found.digest}" in (
        said
    )
    assert "8 images: training images of digits" in said
    assert "params        15,625 scores, free" in said
    assert str(path) in said.replace("\n", "")
    assert "zen                3 scores" in said
    more = run("digits", "--sample", "4", "--batch", "8", "--proxy", "naswot,synflow", "--quiet")
    assert "naswot             4 scores" in more
    assert "zen                3 scores" in more


def test_noise_is_said_to_be_noise(folder: Path) -> None:
    synthetic_table().save(folder / "tables" / "nb201.safetensors")
    said = run(
        "nb201", "--dataset", "cifar100", "--proxy", "synflow", "--sample", "1", "--batch", "2",
        "--recipe", "digits-15", "--quiet",
    )  # fmt: skip
    assert "2 images: standard normal noise of 32x32x3, random labels" in said


def test_a_space_without_networks_has_the_sizes_of_its_table(folder: Path) -> None:
    macro.build([upstream() / file.place for file in macro.FILES]).save(
        folder / "tables" / "macro.safetensors"
    )
    said = run("macro", "--quiet")
    assert "note: space 'macro' has no networks: the sizes that the table stores" in said
    assert "params         6,561 scores, free" in said
    with pytest.raises(NasbenchError, match="space 'macro' has no networks to score"):
        run("macro", "--proxy", "synflow")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("nothing",), "table 'nothing' is not installed"),
        (("digits", "--proxy", "synfow"), "proxy 'synfow' is unknown: .*; did you mean 'synflow'?"),
        (("digits", "--dataset", "cifar10"), "table 'digits' has data sets digits: not 'cifar10'"),
        (("digits", "--sample", "15626"), "sample 15626: table 'digits' has 1 to 15625"),
        (("digits", "--sample", "0"), "sample cannot be 0: it must be a whole number of 1 to"),
        (("digits", "--batch", "1"), "batch cannot be 1: it must be a whole number of 2 to"),
        (("digits", "--images", "some"), "images 'some' are unknown"),
        (("digits", "--recipe", "none"), "recipe 'none' is unknown"),
        (("digits", "--device", "abacus"), "device 'abacus' is unknown"),
    ],
)
def test_mistakes_are_one_line(arguments: tuple[str, ...], message: str) -> None:
    with pytest.raises(NasbenchError, match=message) as error:
        run(*arguments)
    assert "\n" not in str(error.value)


def test_a_damaged_file_is_one_line_and_may_be_replaced(folder: Path) -> None:
    options = ("digits", "--sample", "1", "--batch", "8", "--proxy", "synflow", "--quiet")
    run(*options)
    path = folder / "proxies" / file_name("digits", "digits")
    path.write_bytes(path.read_bytes()[:-100])
    with pytest.raises(NasbenchError, match="are damaged"):
        run(*options)
    run(*options, "--force")
    assert read_proxies(path).measured == 1


def test_a_damaged_file_is_named_and_the_table_is_described(folder: Path) -> None:
    run("digits", "--sample", "1", "--batch", "8", "--proxy", "synflow", "--quiet")
    path = folder / "proxies" / file_name("digits", "digits")
    path.write_bytes(path.read_bytes()[:-100])
    result = CliRunner().invoke(app, ["data", "info", "digits"])
    assert result.exit_code == 0
    (line,) = [one for one in result.output.splitlines() if one.startswith("proxies ")]
    assert "of digits: broken: " in line
    assert path.name in line
    assert "digits/valid/" in result.output


def test_several_data_sets_ask_for_one(folder: Path) -> None:
    synthetic_table().save(folder / "tables" / "nb201.safetensors")
    with pytest.raises(NasbenchError, match="cifar10, cifar100: name one with --dataset"):
        run("nb201")

"""The strategy of docs/fidelities.md, as it stands there."""

import re
from pathlib import Path

import numpy as np
import pytest

from nasbench.errors import InvalidInput
from nasbench.harness.audit import audit
from nasbench.harness.execution.run import run
from nasbench.harness.results.load import load_results

PAGE = Path(__file__).parents[3] / "docs" / "fidelities.md"


@pytest.fixture
def halving(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    (code,) = re.findall(r"```python\n# halving.py\n(.*?)```", PAGE.read_text(), re.DOTALL)
    (tmp_path / "halving_of_the_page.py").write_text(code)
    monkeypatch.syspath_prepend(tmp_path)
    return "halving_of_the_page:Halving"


def test_the_best_third_goes_on(halving: str, tmp_path: Path) -> None:
    """27 after 2 epochs, 9 after 5, 3 after 15, whose best is the answer; then it begins anew."""
    for promotion in ("restart", "resume"):
        run(halving, benchmark="digits", seeds=2, budget="45evals", promotion=promotion,
            out=tmp_path / promotion, workers=1)  # fmt: skip
        (one,) = load_results(tmp_path / promotion).experiments
        fidelity, epochs, cells = (
            one.lists("fidelity")[0], one.lists("epochs")[0], one.architectures.indices[0]
        )  # fmt: skip
        assert fidelity.tolist() == [2] * 27 + [5] * 9 + [15] * 3 + [2] * 6
        again = [2] * 27 + ([5] * 9 + [15] * 3 if promotion == "restart" else [3] * 9 + [10] * 3)
        assert epochs.tolist() == [*again, *[2] * 6]
        signal = one.signal[0]
        assert sorted(cells[27:36]) == sorted(cells[np.argsort(-signal[:27], kind="stable")[:9]])
        assert one.lists("incumbents")[0][-1] == 36 + int(np.argmax(signal[36:39]))
        assert audit(tmp_path / promotion, replays=2, trust=True).faults == ()


@pytest.mark.usefixtures("synthetic_nb201")
def test_one_fidelity_is_too_few(halving: str, tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match="compares fidelities, and this search has 1"):
        run(halving, benchmark="nb201", seeds=1, out=tmp_path)

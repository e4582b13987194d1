"""The notebooks of the manual run from top to bottom."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import matplotlib.figure
import pytest

ROOT = Path(__file__).parents[1]


def _run(name: str) -> dict[str, object]:
    notebook = json.loads((ROOT / "docs" / "notebooks" / name).read_text("utf-8"))
    names: dict[str, object] = {"__name__": "__main__"}
    for number, cell in enumerate(notebook["cells"]):
        if cell["cell_type"] == "code":
            assert not cell["outputs"], "outputs would be a machine's, and stale"
            exec(compile("".join(cell["source"]), f"{name}, cell {number}", "exec"), names)
    return names


def test_a_report_is_read(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.chdir(ROOT)
    names = _run("read_a_report.ipynb")
    page = (ROOT / "reports" / "step1-mobilenet-v2" / "report.md").read_text("utf-8")
    first = capsys.readouterr().out.splitlines()[0]
    assert first.startswith("Best split: ")
    assert first in page
    assert isinstance(names["figure"], matplotlib.figure.Figure)


@pytest.mark.slow
def test_a_network_of_ones_own_is_scaled(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [*sys.path])
    names = _run("scale_my_own_network.ipynb")
    assert names["run"].table["status"].eq("completed").sum() == 3  # type: ignore[attr-defined]
    assert (tmp_path / "my_net_grid" / "report.html").exists()

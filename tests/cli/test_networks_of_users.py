"""STEP 1 from start to finish on networks in users' styles: planned, trained, resumed, exported."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import Result

Run = Callable[..., Result]
NETWORKS = Path(__file__).parents[1] / "fixtures" / "networks"
NAMES = (
    *("convnext", "shufflenet", "ghostnet", "densenet", "se_resnext", "vit", "rows"),
    *("regnet", "shufflenet_v2", "mnasnet"),
)
SHORT = (
    *("--phi=1", "--step=0.25", "--max-networks=2", "--images=16", "--batch-size=8", "--held-out=18"),
    *("--seeds=1", "--baseline-resolution=32", "--resolution-multiple=16", "--no-latency", "--device=cpu"),
    *("--threads=1", "--jobs=2"),
)


def _rows(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text)))


@pytest.mark.slow
@pytest.mark.timeout(600)
# What torch says of its own export of a GRU.
@pytest.mark.filterwarnings("ignore:.*_check_is_size", "ignore:The tensor attributes")
@pytest.mark.parametrize("name", NAMES)
def test_a_grid_and_an_export(name: str, run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(NETWORKS)
    folder = tmp_path / "run"
    result = run("grid", f"--baseline=zoo:{name}", *SHORT, f"--out={folder}")
    assert result.exit_code == 0, result.output
    rows = _rows((folder / "candidates.csv").read_text("utf-8"))
    trained = [row for row in rows if row["status"] == "completed"]
    assert len(trained) == 2
    assert not [row for row in rows if row["status"] == "failed"]
    page = (folder / "report.md").read_text("utf-8")
    assert "The baseline is trained at its own width and 32 px" in page
    assert ("Maps lie channels first" in page) == (name in ("densenet", "regnet"))
    assert (folder / "source" / "zoo.py").read_bytes() == (NETWORKS / "zoo.py").read_bytes()
    assert run("resume", folder).stdout == result.stdout
    exported = run("export", folder, f"--out={tmp_path / 'out'}", "--format=csv")
    assert exported.exit_code == 0, exported.output
    checks = {row["format"]: row["check"] for row in _rows(exported.stdout)}
    assert checks == dict.fromkeys(("onnx", "program", "safetensors"), "passed")
    # torch's graph of attention is of one size of batch alone.
    assert ("onnx and program take 1 image in every pass" in exported.stderr) == (name == "vit")

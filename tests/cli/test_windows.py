"""Commands on windows of large pictures."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from click.testing import Result
from PIL import Image

Run = Callable[..., Result]


@pytest.fixture
def pictures(tmp_path: Path) -> Path:
    """Two pictures, red and blue, in a folder and a folder in it."""
    for name, channel in (("red.png", 0), ("trip/blue.png", 2)):
        pixels = np.random.default_rng(channel).integers(0, 80, (120, 230, 3), dtype=np.uint8)
        pixels[..., channel] += 150
        (tmp_path / "pictures" / name).parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(pixels).save(tmp_path / "pictures" / name)
    return tmp_path / "pictures"


def test_a_grid_is_trained_on_windows_reported_and_exported(
    tmp_path: Path, run: Run, tiny: tuple[str, ...], pictures: Path
) -> None:
    out = tmp_path / "out"
    (pictures / "notes.txt").write_text("of the trip")
    grid = ("grid", "--phi=1", "--max-networks=1", *tiny[1:], f"--dataset=windows:{pictures}", f"--out={out}")
    planned = run(*grid, "--dry-run")
    assert planned.exit_code == 0, planned.output
    assert f"Note: windows:{pictures}: left out files of other kinds (.txt 1): 1" in planned.stderr
    done = run(*grid)
    assert done.exit_code == 0, done.output
    exported = run("export", out, "--to=safetensors")
    assert exported.exit_code == 0, exported.output
    # A picture that is another now is other data.
    shutil.copy(pictures / "red.png", tmp_path / "red.png")
    Image.new("RGB", (230, 120)).save(pictures / "red.png")
    other = run("resume", out)
    assert other.exit_code == 2
    assert "must be the data that the run in" in other.stderr
    assert "1 image changed (such as red.png)" in other.stderr
    shutil.copy(tmp_path / "red.png", pictures / "red.png")
    again = run("resume", out)
    assert again.exit_code == 0, again.output


def test_bad_folders_of_pictures_are_one_line(tmp_path: Path, run: Run, pictures: Path) -> None:
    (pictures / "torn.jpg").write_bytes(b"\xff\xd8\xff")
    for folder, said in (
        (pictures, "--dataset holds a broken image: "),
        (tmp_path / "none", "must be a folder of pictures, got none there"),
        ("", "must name a folder after 'windows:'"),
    ):
        refused = run(
            "grid", "--phi=1", f"--dataset=windows:{folder}", f"--out={tmp_path / 'out'}", "--dry-run"
        )
        assert refused.exit_code == 2
        *_, error = refused.stderr.splitlines()
        assert error.startswith("Error: ")
        assert said in error
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("patience", [1e9, -1.0])
def test_what_takes_no_while_says_its_error_alone(
    patience: float, tmp_path: Path, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("scalesearch.runs.progress.PATIENCE_S", patience)
    Image.new("RGB", (40, 40)).save(tmp_path / "small.png")
    Image.new("RGB", (41, 40)).save(tmp_path / "second.png")
    result = run("grid", "--dry-run", f"--dataset=windows:{tmp_path}", f"--out={tmp_path / 'run'}")
    assert result.exit_code == 2
    *before, error = result.stderr.splitlines()
    assert error.startswith("Error: --dataset must hold pictures of at least 64 by 216 pixels")
    assert before == ([] if patience > 0 else ["Reading images: 2"])

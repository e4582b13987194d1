"""The program that makes data of unpacked packages: what is one series, what is held out, what is kept."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
from click.testing import CliRunner
from PIL import Image

PROGRAM = Path(__file__).parents[2] / "experiments" / "second_dataset.py"


@pytest.fixture(scope="module")
def program() -> ModuleType:
    spec = importlib.util.spec_from_file_location("second_dataset", PROGRAM)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def draw(path: Path, seed: int, size: tuple[int, int] = (200, 160), mode: str = "RGBA") -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    coarse = np.random.default_rng(seed).integers(0, 256, (8, 8, len(mode)), dtype=np.uint8)
    Image.fromarray(coarse, mode).resize(size, Image.Resampling.NEAREST).save(path)


@pytest.mark.parametrize(
    ("name", "series"),
    [
        ("eagle_01.png", "eagle"),
        ("eagle_.png", "eagle"),
        ("Elephants_3840x2160.jpg", "elephants"),
        ("wood-d.webp", "wood"),
        ("Kay/contents/images/720x1440.jpg", "kay"),
        ("Kay/contents/screenshot.png", "kay"),
        ("42.png", "42"),
    ],
)
def test_a_series_has_one_name(program: ModuleType, name: str, series: str) -> None:
    assert program.series_name(Path(name)) == series


def test_drawings_that_look_the_same_are_one_series_whatever_their_names(program: ModuleType) -> None:
    looks = np.random.default_rng(0).uniform(0, 255, (4, 768)).astype(np.float32)
    looks[2] = looks[0] + 3
    assert program.series(["a", "b", "c", "b"], looks) == [0, 1, 0, 1]


def test_a_fifth_is_held_out_in_whole_series(program: ModuleType) -> None:
    groups = [0, 0, 0, 0, 4, 5, 6, 7, 8, 9] * 3
    judged = program.held_out(groups, [str(place) for place in range(30)])
    assert 0 < len(judged) <= 6
    chosen = {groups[place] for place in judged}
    assert {place for place, group in enumerate(groups) if group in chosen} == judged


def test_drawings_become_classes_in_two_parts(program: ModuleType, tmp_path: Path) -> None:
    for subject in ("animals", "tools", "unsorted"):
        for number in range(10):
            draw(
                tmp_path / "png" / subject / f"{'abcdefghij'[number]}{subject}.png", hash_of(subject, number)
            )
    (tmp_path / "png" / "tools" / "link.png").symlink_to(tmp_path / "png" / "animals" / "aanimals.png")
    draw(tmp_path / "png" / "few" / "a.png", 99)
    out = tmp_path / "out"
    made = CliRunner().invoke(
        program.main, ["drawings", str(tmp_path / "png"), str(out), "--least", "5", "--most", "10"]
    )
    assert made.exit_code == 0, made.output
    assert "2 classes, 16 drawings to train on, 4 that judge" in made.output
    assert f"--dataset folder:{out}" in made.output
    assert sorted(path.name for path in out.glob("*/*")) == ["animals", "animals", "tools", "tools"]
    with Image.open(next(out.glob("train/animals/*"))) as image:
        assert (image.size, image.mode) == ((160, 128), "RGB")
    again = CliRunner().invoke(program.main, ["drawings", str(tmp_path / "png"), str(out)])
    assert again.exit_code == 2


def hash_of(subject: str, number: int) -> int:
    return 100 * len(subject) + number


def test_of_a_picture_in_several_sizes_the_largest_is_kept(program: ModuleType, tmp_path: Path) -> None:
    packages = tmp_path / "wallpapers"
    for size in ((100, 160), (320, 200)):
        draw(packages / "Kay" / "contents" / "images" / f"{size[0]}x{size[1]}.png", 1, size, "RGB")
    draw(packages / "dune.png", 2, (300, 200), "RGB")
    draw(packages / "icon.png", 3, (40, 40), "RGB")
    out = tmp_path / "out"
    made = CliRunner().invoke(program.main, ["pictures", str(packages), str(out), "--short-side", "100"])
    assert made.exit_code == 0, made.output
    assert "2 pictures" in made.output
    assert f"--dataset windows:{out}" in made.output
    assert sorted(path.name for path in out.iterdir()) == ["dune.png", "kay.png"]
    with Image.open(out / "kay.png") as image:
        assert image.size == (320, 200)

"""A run goes on with the data that it was begun with, or not at all."""

from __future__ import annotations

import gzip
import shutil
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest
from click.testing import Result

from scalesearch.runs.lifecycle import IMAGES_FILE, changes
from scalesearch.training.dataset import ImageRow
from tests.study.conftest import Lab

Run = Callable[..., Result]


def rows(**images: str) -> list[ImageRow]:
    """``name="class digest"``."""
    return [ImageRow(name, *_class_and_digest(text)) for name, text in images.items()]


def _class_and_digest(text: str) -> tuple[str, str, str]:
    label, digest = text.split()
    return label, "train", digest


BEFORE = rows(a="cat 1", b="cat 2", c="dog 3")


@pytest.mark.parametrize(
    ("now", "said"),
    [
        (rows(a="cat 1", b="cat 2", c="dog 3", d="dog 4"), "1 image added (such as d)"),
        (rows(a="cat 1", c="dog 3"), "1 image removed (such as b)"),
        (rows(a="cat 9", b="cat 2", c="dog 3"), "1 image changed (such as a)"),
        (rows(a="dog 1", b="dog 2", c="cat 3"), "3 images under another label (such as a)"),
        (rows(a="cat 3", b="cat 2", c="dog 1"), "2 images under another label (such as a)"),
        (
            rows(b="dog 2", c="dog 8", d="dog 4", e="dog 5"),
            "1 image under another label (such as b), 1 image changed (such as c), 2 images added (such as d), "
            "1 image removed (such as a)",
        ),
        (rows(x="cat 1", b="cat 2", c="dog 3"), "the same images under other names or in another split"),
    ],
)
def test_what_changed_is_named(now: Sequence[ImageRow], said: str) -> None:
    assert changes(BEFORE, now) == said


def _swap(root: Path) -> None:
    (root / "red").rename(root / "x")
    (root / "blue").rename(root / "red")
    (root / "x").rename(root / "blue")


def test_a_run_is_not_carried_on_with_other_data(
    tmp_path: Path, run: Run, tiny: tuple[str, ...], image_folder: Path, lab: Lab
) -> None:
    folder = tmp_path / "run"
    options = (f"--out={folder}", *tiny, f"--dataset=folder:{image_folder}")
    lab.fails = lambda _job: "no memory"
    assert run("grid", *options).exit_code == 1
    lab.fails = lambda _job: None
    _swap(image_folder)
    message = (
        f"Error: --dataset folder:{image_folder} must be the data that the run in {folder} was begun with, got "
        "20 images under another label (such as blue/0.png); put that right, or begin anew in another folder (--out)"
    )
    for command in (("grid", *options), ("resume", folder, "--retry-failed"), ("resume", folder)):
        result = run(*command)
        assert result.exit_code == 2
        assert result.stderr.splitlines()[-1] == message
    assert not lab.ledger


def test_a_run_that_is_done_knows_its_data_but_does_not_need_it(
    tmp_path: Path, run: Run, tiny: tuple[str, ...], image_folder: Path, lab: Lab
) -> None:
    folder = tmp_path / "run"
    digests: set[str] = set()
    (image_folder / "red" / "._0.png").write_bytes(b"a Mac's")
    (image_folder / "red" / "a.heic").write_bytes(b"a phone's")
    lab.on_result = lambda job: digests.add(job["data"]["digest"])
    result = run("grid", f"--out={folder}", *tiny, f"--dataset=folder:{image_folder}")
    assert result.exit_code == 0
    left_out = "left out hidden or system names: 1; files of other kinds (.heic 1): 1"
    assert f"Note: folder:{image_folder}: {left_out}\n" in result.stderr
    assert [len(digest) for digest in digests] == [64]
    table = gzip.decompress((folder / IMAGES_FILE).read_bytes()).decode()
    assert table.splitlines()[0] == "file,label,side,sha256"
    assert len(table.splitlines()) == 21
    (folder / IMAGES_FILE).write_bytes(b"torn")
    _swap(image_folder)
    result = run("resume", folder)
    assert result.exit_code == 2
    assert "was begun with, got other files or labels; put that right" in result.stderr
    shutil.rmtree(image_folder)
    assert run("resume", folder).exit_code == 0

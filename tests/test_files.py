"""Names from anybody's files become paths within a folder, or nothing."""

from __future__ import annotations

from pathlib import Path

import pytest

from scalesearch.files import inside, write_bytes

BAD = [
    *(
        "",
        ".",
        "..",
        "../victim",
        "../../victim",
        "/etc/passwd",
        "a/b",
        "a\\b",
        "..\\victim",
        "~",
        "~/victim",
    ),
    *(
        "C:victim",
        "C:\\victim",
        "a\0b",
        "a\nb",
        "x" * 201,
        "é" * 101,
        "victim.",
        "victim ",
        " victim",
        "a*",
        "a?",
    ),
    *("\ud800", "\u202evictim", 7, None, ["a"]),
]


@pytest.mark.parametrize("name", BAD, ids=[ascii(name)[:20] for name in BAD])
def test_a_name_that_is_more_than_a_name_is_refused(tmp_path: Path, name: str) -> None:
    for names in ((name,), ("folder", name), (name, "file")):
        with pytest.raises(ValueError, match="^`dir` must hold plain names of files, got ") as raised:
            inside(tmp_path, *names)
        assert "\n" not in str(raised.value)


def test_a_plain_name_is_a_path_in_the_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in (
        "a.log",
        "0d1e-seed0.safetensors",
        "x0.5",
        ".hidden",
        "größe (2)",
        "x" * 200,
        "..."[:0] + "a..b",
    ):
        assert inside(tmp_path, "weights", name) == tmp_path / "weights" / name
    monkeypatch.chdir(tmp_path)
    assert inside(Path(), "weights", "a") == Path("weights/a")


def test_a_link_may_lead_within_the_folder_only(tmp_path: Path) -> None:
    folder, victim = tmp_path / "run", tmp_path / "victim"
    (folder / "real").mkdir(parents=True)
    victim.mkdir()
    (folder / "weights").symlink_to(victim)
    (folder / "linked").symlink_to(folder / "real")
    (folder / "loop").symlink_to(folder / "loop")
    (folder / "real" / "a.log").symlink_to(victim / "a.log")
    for names in (("weights",), ("weights", "a"), ("loop", "a"), ("real", "a.log"), ("linked", "a.log")):
        with pytest.raises(ValueError, match="^`dir` must hold no link that leads out of it, got "):
            inside(folder, *names)
    assert inside(folder, "linked", "b") == folder / "linked" / "b"
    # The folder itself is the user's own choice.
    (tmp_path / "elsewhere").symlink_to(folder)
    assert inside(tmp_path / "elsewhere", "b") == tmp_path / "elsewhere" / "b"


def test_nothing_is_written_through_a_link(tmp_path: Path) -> None:
    victim = tmp_path / "victim"
    victim.write_text("precious")
    (tmp_path / "a.csv").symlink_to(victim)
    (tmp_path / "a.csv.tmp").symlink_to(victim)
    write_bytes(tmp_path / "a.csv", b"new")
    assert (victim.read_text(), (tmp_path / "a.csv").read_text()) == ("precious", "new")
    assert not (tmp_path / "a.csv").is_symlink()

from __future__ import annotations

import errno
import json
import os
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from scalesearch.study.driver import Events, events_folder

RUN = {"network": "abc", "seed": 1, "recipe": {"name": "steady", "batch_size": 8}, "data": "f00"}
CURVE = [{"images": 8 * n, "train_loss": 3.0 / n, "loss": 2.0 / n, "top1": 1 - 0.5 / n} for n in range(1, 5)]
Look = Mapping[str, Any]


class Heard:
    def __init__(self) -> None:
        self.looks: list[int] = []
        self.ends: list[bool] = []

    def look(self, _task: str, run: Mapping[str, Any], look: Look) -> None:
        assert run["network"] == "abc"
        self.looks.append(look["images"])

    def ended(self, _task: str, *, whole: bool) -> None:
        self.ends.append(whole)


def _events(folder: Path, listener: Heard | None = None) -> Events:
    return Events(folder / "events", pytest.fail, listener)


def _lines(folder: Path) -> list[dict[str, Any]]:
    text = (folder / "events" / "abc-seed1.jsonl").read_text()
    assert text.endswith("\n")
    return [json.loads(line) for line in text.splitlines()]


def _looks(folder: Path) -> list[dict[str, Any]]:
    first, *looks = _lines(folder)
    assert first == {"event": "run", **RUN}
    assert all(look["event"] == "look" for look in looks)
    return [{name: look[name] for name in CURVE[0]} for look in looks]


def test_a_run_has_a_line_and_each_look_another(tmp_path: Path) -> None:
    listener = Heard()
    events = _events(tmp_path, listener)
    for done in range(5):
        events.heard("abc-seed1", RUN, CURVE[:done], 1.5 * done)
        assert _looks(tmp_path) == CURVE[:done]
    events.ended("abc-seed1", whole=True)
    looks = _lines(tmp_path)[1:]
    assert [look["steps"] for look in looks] == [1, 2, 3, 4]
    assert [look["seconds"] for look in looks] == [1.5, 3.0, 4.5, 6.0]
    times = [datetime.fromisoformat(look["time"]) for look in looks]
    assert times == sorted(times)
    assert all(time.utcoffset().total_seconds() == 0 for time in times)
    assert (listener.looks, listener.ends) == ([8, 16, 24, 32], [True])


def test_a_run_that_goes_on_gives_no_look_twice_and_loses_none(tmp_path: Path) -> None:
    _events(tmp_path).heard("abc-seed1", RUN, CURVE[:1], 1.0)
    before = _lines(tmp_path)
    listener = Heard()
    # The driver died before it heard of looks that the checkpoint has.
    _events(tmp_path, listener).heard("abc-seed1", RUN, CURVE[:3], 3.0)
    assert _lines(tmp_path)[:2] == before
    assert [look["seconds"] for look in _lines(tmp_path)[1:]] == [1.0, None, 3.0]
    assert listener.looks == [16, 24]
    _events(tmp_path, listener).heard("abc-seed1", RUN, CURVE[:3], 3.0)
    assert _looks(tmp_path) == CURVE[:3]
    assert listener.looks == [16, 24]


def test_looks_that_a_run_has_lost_are_taken_back(tmp_path: Path) -> None:
    _events(tmp_path).heard("abc-seed1", RUN, CURVE, 4.0)
    # Its checkpoint was damaged, so it begins anew, on another kind of device.
    _events(tmp_path).heard("abc-seed1", RUN, [], 0.0)
    assert _looks(tmp_path) == []
    other = [CURVE[0] | {"loss": 1.25}]
    _events(tmp_path).heard("abc-seed1", RUN, other, 1.0)
    assert _looks(tmp_path) == other


def test_a_listener_hears_once_of_a_look_that_a_run_has_again(tmp_path: Path) -> None:
    listener = Heard()
    events = _events(tmp_path, listener)
    for looks in (
        0,
        1,
        2,
        3,
        1,
        2,
        3,
        4,
    ):  # its node was lost after the third, its checkpoint was the first's
        events.heard("abc-seed1", RUN, CURVE[:looks], 1.0 * looks)
        assert _looks(tmp_path) == CURVE[:looks]
    assert listener.looks == [8, 16, 24, 32]


def test_a_file_that_was_changed_meanwhile_is_read_again(tmp_path: Path) -> None:
    events = _events(tmp_path)
    events.heard("abc-seed1", RUN, CURVE[:2], 2.0)
    path = tmp_path / "events" / "abc-seed1.jsonl"
    for content in (b"", path.read_bytes()[:-5], None):
        if content is None:
            path.unlink()
        else:
            path.write_bytes(content)
        events.heard("abc-seed1", RUN, CURVE[:3], 3.0)
        assert _looks(tmp_path) == CURVE[:3]


@pytest.mark.parametrize(
    "change", [{"seed": 2}, {"data": "ba4"}, {"recipe": RUN["recipe"] | {"name": "quick"}}, {"network": "x"}]
)
def test_a_file_of_another_run_is_begun_anew(change: dict[str, Any], tmp_path: Path) -> None:
    _events(tmp_path).heard("abc-seed1", RUN | change, CURVE, 4.0)
    _events(tmp_path).heard("abc-seed1", RUN, CURVE[:2], 2.0)
    assert _looks(tmp_path) == CURVE[:2]


def test_another_device_is_no_other_run(tmp_path: Path) -> None:
    _events(tmp_path).heard("abc-seed1", RUN | {"device": "cuda"}, CURVE[:1], 1.0)
    _events(tmp_path).heard("abc-seed1", RUN | {"device": "cpu"}, CURVE[:2], 2.0)
    assert [line.get("device") for line in _lines(tmp_path)] == ["cuda", None, None]


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60)
@given(
    known=st.integers(0, 4),
    cut=st.integers(0, 2000),
    junk=st.sampled_from(
        [b"", b"\n", b"{}", b"[1]\n", b"\xff\n", b'{"event": "look"}\n', b"[" * 9999 + b"\n"]
    ),
    now=st.integers(0, 4),
)
def test_whatever_is_torn_a_file_has_the_looks_of_its_run(
    tmp_path: Path, known: int, cut: int, junk: bytes, now: int
) -> None:
    _events(tmp_path).heard("abc-seed1", RUN, CURVE[:known], 1.0)
    path = tmp_path / "events" / "abc-seed1.jsonl"
    path.write_bytes(path.read_bytes()[:cut] + junk)
    _events(tmp_path).heard("abc-seed1", RUN, CURVE[:now], 1.0)
    assert _looks(tmp_path) == CURVE[:now]


def test_a_full_disk_is_said_once_and_mended_with_the_next_look(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    told: list[str] = []
    listener = Heard()
    events = Events(tmp_path / "events", told.append, listener)
    events.heard("abc-seed1", RUN, CURVE[:1], 1.0)
    write = os.write
    with monkeypatch.context() as patch:
        patch.setattr(os, "write", lambda handle, data: write(handle, data[:10]))
        events.heard("abc-seed1", RUN, CURVE[:2], 2.0)
        events.heard("abc-seed1", RUN, CURVE[:2], 2.0)
    no_space = os.strerror(errno.ENOSPC)
    assert told == [f"Note: {tmp_path / 'events'} can't be written ({no_space}); training goes on"]
    events.heard("abc-seed1", RUN, CURVE[:3], 3.0)
    assert _looks(tmp_path) == CURVE[:3]
    assert set(listener.looks) == {8, 16, 24}


def test_a_link_leads_no_events_out_of_their_folder(tmp_path: Path) -> None:
    (tmp_path / "victim").mkdir()
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "events").symlink_to(tmp_path / "victim")
    with pytest.raises(ValueError, match="`dir` must hold no link that leads out of it"):
        events_folder(tmp_path / "run", "grid", "name")
    events = Events(tmp_path / "run" / "events", pytest.fail)
    with pytest.raises(ValueError, match="`dir` must hold"):
        events.heard("../abc", RUN, CURVE, 1.0)
    assert list((tmp_path / "victim").iterdir()) == []


def test_lengths_of_a_fidelity_run_have_folders_of_their_own(tmp_path: Path) -> None:
    assert events_folder(tmp_path, "grid", "x2") == tmp_path / "events"
    assert events_folder(tmp_path, "fidelity", "x2") == tmp_path / "events" / "x2"

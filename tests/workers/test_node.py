"""A node takes jobs with their files and says what becomes of them; code and data are told apart."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator, Mapping
from concurrent.futures import Future
from pathlib import Path
from typing import Any

import pytest

from scalesearch.training.dataset import DataSpec
from scalesearch.workers import node as nodes
from scalesearch.workers.executor import TrialFailedError, WorkerLostError
from scalesearch.workers.node import Node, code, difference, keep_data, lacking, packed


class _Held:
    """In place of a node's executor: jobs end when the test says so."""

    def __init__(self, *_: object, **__: object) -> None:
        self.jobs: list[tuple[Mapping[str, Any], Any, Any, Future[dict[str, Any]]]] = []
        self.ended = False

    def submit(self, job: Mapping[str, Any], on_step: Any, on_look: Any) -> Future[dict[str, Any]]:
        self.jobs.append((job, on_step, on_look, Future()))
        return self.jobs[-1][-1]

    def shutdown(self, *, kill: bool = False) -> None:
        self.ended = kill


@pytest.fixture
def held(monkeypatch: pytest.MonkeyPatch) -> _Held:
    made = _Held()
    monkeypatch.setattr(nodes, "training_executor", lambda *_, **__: made)
    return made


@pytest.fixture
def node(held: _Held, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Node]:  # noqa: ARG001
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    made = Node(device="cpu", most=1, stall_timeout=None)
    yield made
    made.shutdown()


JOB = {
    "kind": "train",
    "key": "abc",
    "checkpoint": "/there/c.safetensors",
    "weights": "/there/w",
    "start": "",
}


def test_files_go_with_a_job_and_come_back_with_its_messages(node: Node, held: _Held) -> None:
    node.begin(7, JOB, {"checkpoint": b"where it stood"}, {"mine/net.py": b"x = 1"})
    job, on_step, on_look, future = held.jobs[0]
    checkpoint = Path(job["checkpoint"])
    assert checkpoint.read_bytes() == b"where it stood"
    assert job["start"] == ""
    # Where processes of the node look for a user's own code.
    assert Path("mine/net.py").read_bytes() == b"x = 1"
    on_step(5, 20)
    on_step(10, 20)
    assert node.messages(0.0) == [{"event": "step", "id": 7, "done": 10, "of": 20}]
    checkpoint.write_bytes(b"farther")
    on_look([{"images": 8}], 1.5)
    (look,) = node.messages(0.0)
    assert (look["event"], look["checkpoint"], look["seconds"]) == ("look", b"farther", 1.5)
    Path(job["weights"]).write_bytes(b"weights")
    logs = node._folder / "logs"
    logs.mkdir()
    (logs / "abc.train.log").write_bytes(b"said")
    on_step(15, 20)
    future.set_result({"top1": 0.5})
    (result,) = node.messages(0.0)
    assert result == {
        "event": "result",
        "id": 7,
        "result": {"top1": 0.5},
        "weights": b"weights",
        "log": b"said",
    }
    assert not checkpoint.exists()
    assert node.messages(0.0) == []


@pytest.mark.parametrize(
    ("error", "elsewhere"),
    [
        (TrialFailedError("diverged"), False),
        (TrialFailedError("out of memory: CUDA out of memory"), True),
        (TrialFailedError("no space left on device: x"), True),
        (WorkerLostError("the worker was killed by SIGKILL"), True),
    ],
)
def test_a_failure_says_whether_another_node_may_do_better(
    node: Node, held: _Held, error: Exception, elsewhere: bool
) -> None:
    node.begin(1, JOB, {}, {})
    held.jobs[0][-1].set_exception(error)
    (told,) = node.messages(0.0)
    assert (told["event"], told["reason"], told["elsewhere"], told["lacks"]) == (
        "failure",
        str(error),
        elsewhere,
        "",
    )


def test_a_failure_without_data_names_their_place(node: Node, held: _Held, tmp_path: Path) -> None:
    gone = DataSpec(name="folder:/there/images", place=str(tmp_path / "gone")).to_dict()
    node.begin(1, {**JOB, "data": gone}, {}, {})
    held.jobs[0][-1].set_exception(TrialFailedError("no such file"))
    (told,) = node.messages(0.0)
    assert told["lacks"] == str(tmp_path / "gone")


def test_code_stays_in_its_folder(node: Node, held: _Held, tmp_path: Path) -> None:
    node.begin(1, JOB, {}, {"../../escaped.py": b"x"})
    (told,) = node.messages(0.0)
    assert told["event"] == "failure"
    assert "must hold plain names" in told["reason"]
    assert held.jobs == []
    assert not list(tmp_path.rglob("escaped.py"))


def test_what_killed_nodes_left_is_removed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    mine, dead, other = (
        tmp_path / f"{nodes.PREFIX}{name}" for name in (f"{os.getpid()}-a", "999999999-b", "c")
    )
    for folder in (mine, dead, other):
        folder.mkdir()
    nodes._sweep()
    assert [folder.exists() for folder in (mine, dead, other)] == [True, False, True]


def test_data_are_unpacked_once_under_their_identity(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    folder = tmp_path / "images"
    (folder / "cat").mkdir(parents=True)
    (folder / "cat" / "1.png").write_bytes(b"png" * 1000)
    (tmp_path / "outside.png").write_bytes(b"linked")
    (folder / "cat" / "2.png").symlink_to(tmp_path / "outside.png")
    place = keep_data("a" * 64, packed(folder))
    assert place == tmp_path / "cache" / "scalesearch" / "sent" / ("a" * 64) / "data"
    assert (place / "cat" / "1.png").read_bytes() == b"png" * 1000
    assert (place / "cat" / "2.png").read_bytes() == b"linked"
    assert not (place / "cat" / "2.png").is_symlink()

    def never() -> Iterator[bytes]:
        raise AssertionError("sent twice")
        yield b""

    assert keep_data("a" * 64, never()) == place
    one = tmp_path / "one.safetensors"
    one.write_bytes(b"tensors")
    assert keep_data("b" * 64, packed(one)).read_bytes() == b"tensors"
    with pytest.raises(ValueError, match="plain names"):
        keep_data("../x", packed(one))


def test_what_a_machine_lacks(tmp_path: Path) -> None:
    images = tmp_path / "images"
    assert lacking(DataSpec().to_dict()) == ""
    assert lacking(DataSpec(name=f"folder:{images}").to_dict()) == str(images)
    assert lacking(DataSpec(name="cifar10", data_dir=str(images)).to_dict()) == str(images)
    images.mkdir()
    assert lacking(DataSpec(name="folder:/elsewhere", place=str(images)).to_dict()) == ""


def test_code_is_compared_by_versions_and_files(monkeypatch: pytest.MonkeyPatch) -> None:
    here = code()
    assert set(here) == {"scalesearch", "torch", "torchvision"}
    assert difference(here, here) == ""
    assert difference({**here, "torch": "1.0"}, here) == f"torch 1.0 there and {here['torch']} here"
    assert difference({}, here) == f"scalesearch not installed there and {here['scalesearch']} here"
    monkeypatch.setattr(nodes, "version", lambda package: f"{package}-9+cu130")
    code.cache_clear()
    # Another build of the same version.
    assert code()["torch"] == "torch-9"
    code.cache_clear()

"""A node takes jobs with their files and says what becomes of them; code and data are told apart."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Future
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from PIL import Image

from scalesearch.training.dataset import DataError, DataSpec
from scalesearch.training.folders import candidates, layout, read_tree
from scalesearch.workers import node as nodes
from scalesearch.workers.executor import TrialFailedError, WorkerLostError
from scalesearch.workers.node import Node, code, difference, keep_data, kept_data, lacking, packed


class _Held:
    """In place of a node's executor: jobs end when the test says so."""

    on_note: Callable[[str], None]

    def __init__(self) -> None:
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

    def training_executor(_device: str, **options: Any) -> _Held:
        made.on_note = options["on_note"]
        return made

    monkeypatch.setattr(nodes, "training_executor", training_executor)
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
        "checkpoint": None,
        "log": b"said",
    }
    assert not checkpoint.exists()
    assert node.messages(0.0) == []


@pytest.mark.parametrize(
    ("whole", "weights", "comes"), [(True, False, False), (True, True, True), (False, False, True)]
)
def test_a_large_checkpoint_comes_seldom_and_once_more_where_a_run_goes_on_from_it(
    node: Node, held: _Held, monkeypatch: pytest.MonkeyPatch, whole: bool, weights: bool, comes: bool
) -> None:
    clock = [100.0]
    monkeypatch.setattr(nodes, "time", SimpleNamespace(monotonic=lambda: clock[0]))
    node.checkpoint_bytes_s = 10.0
    node.begin(1, JOB, {}, {})
    job, _, on_look, future = held.jobs[0]

    def look(after_s: float, content: bytes) -> bytes | None:
        clock[0] += after_s
        Path(job["checkpoint"]).write_bytes(content)
        on_look([{"images": 8}], 1.5)
        (told,) = node.messages(0.0)
        assert told["curve"] == [{"images": 8}]
        return told["checkpoint"]

    # 50 bytes at 10 a second.
    assert look(4.9, b"1" * 50) is None
    assert look(0.2, b"2" * 50) == b"2" * 50
    assert look(1.9, b"3" * 20) is None
    assert look(0.2, b"4" * 20) == b"4" * 20
    assert look(2.1, b"5" * 20) == b"5" * 20
    assert look(0.2, b"last") is None
    if weights:
        Path(job["weights"]).write_bytes(b"weights")
    future.set_result({"complete": whole})
    (result,) = node.messages(0.0)
    assert result["checkpoint"] == (b"last" if comes else None)


def test_the_newest_checkpoint_comes_with_a_failure(
    node: Node, held: _Held, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(nodes, "time", SimpleNamespace(monotonic=lambda: 100.0))
    node.checkpoint_bytes_s = 1.0
    node.begin(1, JOB, {}, {})
    job, _, on_look, future = held.jobs[0]
    Path(job["checkpoint"]).write_bytes(b"newest")
    on_look([{"images": 8}], 1.5)
    (look,) = node.messages(0.0)
    assert look["checkpoint"] is None
    future.set_exception(WorkerLostError("the worker was killed by SIGKILL"))
    (told,) = node.messages(0.0)
    assert (told["event"], told["checkpoint"]) == ("failure", b"newest")


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
        tmp_path / f"{nodes._prefix()}{name}" for name in (f"{os.getpid()}-a", "999999999-b", "c")
    )
    # Of a container that shares the folder: whether its process runs can't be seen from here.
    with monkeypatch.context() as there:
        there.setattr(nodes, "process_space", lambda: "elsewhere")
        elsewhere = tmp_path / f"{nodes._prefix()}999999999-d"
    for folder in (mine, dead, other, elsewhere):
        folder.mkdir()
    nodes._sweep()
    assert [folder.exists() for folder in (mine, dead, other, elsewhere)] == [True, False, True, True]


def test_data_are_unpacked_once_under_their_identity(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    folder = tmp_path / "images"
    (folder / "cat").mkdir(parents=True)
    (folder / "cat" / "1.png").write_bytes(b"png" * 1000)
    (tmp_path / "outside.png").write_bytes(b"linked")
    (folder / "cat" / "2.png").symlink_to(tmp_path / "outside.png")
    with packed(folder) as pieces:
        place = keep_data("a" * 64, pieces)
    assert place == tmp_path / "cache" / "scalesearch" / "sent" / ("a" * 64) / "data"
    assert (place / "cat" / "1.png").read_bytes() == b"png" * 1000
    assert (place / "cat" / "2.png").read_bytes() == b"linked"
    assert (place / "cat" / "2.png").resolve().is_relative_to(place.parent)

    def never() -> Iterator[bytes]:
        raise AssertionError("sent twice")
        yield b""

    assert keep_data("a" * 64, never()) == place
    one = tmp_path / "one.safetensors"
    one.write_bytes(b"tensors")
    with packed(one) as pieces:
        assert keep_data("b" * 64, pieces).read_bytes() == b"tensors"
    with pytest.raises(ValueError, match="plain names"):
        keep_data("../x", never())


def test_a_folder_that_is_sent_lists_alike(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever the listing reads, links to nothing and around in circles among it."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    folder, outside = tmp_path / "images", tmp_path / "outside"
    for number, place in enumerate(
        (folder / "cat", folder / "dog", folder / "dog" / "deep", outside / "more", tmp_path / "fox")
    ):
        place.mkdir(parents=True)
        for of in range(3):
            Image.new("RGB", (8, 8), (number * 9, of, 1)).save(place / f"{number}-{of}.png")
    (folder / "dog" / "of-cat.png").symlink_to(folder / "cat" / "0-0.png")
    (folder / "dog" / "again.png").hardlink_to(folder / "dog" / "1-0.png")
    for name in ("cat", "dog"):  # under two classes
        (folder / name / "both.png").symlink_to(outside / "more" / "3-0.png")
    (folder / "cat" / "gone.png").symlink_to(tmp_path / "nothing")
    (folder / "cat" / "around").symlink_to(tmp_path)
    (folder / "cat" / "itself").symlink_to(folder / "cat")
    (folder / "cat" / "whole").symlink_to(folder)
    (folder / "dog" / "more").symlink_to(outside)
    (folder / "fox").symlink_to("../fox")
    (folder / "cat" / "notes.txt").write_text("not read", "utf-8")

    def rows(place: Path) -> list[tuple[str, bool]]:
        tree = read_tree(place)
        files = candidates(tree, layout(tree), arrays_alone=False)
        return [(f"{image.label} {image.name}", image.stamp[2] > 0) for image in files.train]

    with packed(folder) as pieces:
        there = keep_data("a" * 64, pieces)
    assert rows(there) == rows(folder)
    assert len(rows(there)) > 9
    assert not (there / "cat" / "notes.txt").exists()
    # What the listing can't read is named.
    (folder / "cat" / "0-0.png").chmod(0)
    if os.getuid():
        with pytest.raises(DataError, match="0-0.png"), packed(folder):
            pass


def test_a_python_that_unpacks_nothing_safely_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.delattr(nodes.tarfile, "data_filter")
    with pytest.raises(OSError, match=r"3\.11\.4 does"):
        keep_data("a" * 64, [])


def test_the_log_of_a_gpu_is_that_of_its_process(node: Node, held: _Held) -> None:
    node._kind = "cuda"
    logs = node._folder / "logs"
    logs.mkdir()
    for age, name in ((9, "cuda-0.1.log"), (1, "cuda-0.2.log"), (0, "other.log")):
        (logs / name).write_bytes(name.encode())
        os.utime(logs / name, (1e9 - age, 1e9 - age))
    node.begin(1, JOB, {}, {})
    held.jobs[0][-1].set_exception(TrialFailedError("diverged"))
    (told,) = node.messages(0.0)
    assert told["log"] == b"cuda-0.2.log"


def test_a_reason_goes_without_the_name_of_a_file_that_its_reader_has_not(node: Node, held: _Held) -> None:
    node._kind = "cuda"
    logs = node._folder / "logs"
    logs.mkdir()
    for name in ("cuda-0.1.log", "cuda-0.2.log"):
        (logs / name).write_bytes(name.encode())
    node.begin(1, JOB, {}, {})
    held.jobs[0][-1].set_exception(WorkerLostError("the worker was killed by SIGKILL", "cuda-0.1.log"))
    (told,) = node.messages(0.0)
    assert (told["reason"], told["see_log"]) == ("the worker was killed by SIGKILL", True)
    assert told["log"] == b"cuda-0.1.log"
    held.on_note("cuda:0: it died; see logs/cuda-0.1.log; its 2 runs are tried again")
    (note,) = node.messages(0.0)
    assert note["text"] == "cuda:0: it died; its 2 runs are tried again"


def _answer(held: _Held, problem: Callable[[str], str]) -> None:
    """Has questions for facts answered at once, by the place of the data."""

    def submit(job: Mapping[str, Any], *_: object) -> Future[dict[str, Any]]:
        future: Future[dict[str, Any]] = Future()
        future.set_result({"machine": "m", "problem": problem(job["data"].get("place", ""))})
        return future

    held.submit = submit  # type: ignore[method-assign]


def test_a_node_says_where_data_lie_that_it_was_sent(
    node: Node, held: _Held, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    images = tmp_path / "images"
    images.mkdir()
    Image.new("RGB", (8, 8)).save(images / "1.png")
    data = DataSpec(name="folder:images", place="/nowhere", digest="a" * 64).to_dict()
    _answer(held, lambda place: "" if Path(place).exists() else "none there")
    kept = str(kept_data("a" * 64))
    for pieces in (None, []):
        told = node.facts("cpu", data, pieces)
        assert (told["problem"], told["sent"]) == ("none there", "")
    with packed(images) as archive:
        told = node.facts("cpu", data, archive)
    assert (told["problem"], told["sent"]) == ("", kept)
    # Nothing has to be sent where it was before.
    assert node.facts("cpu", data, [])["sent"] == kept
    assert node.facts("cpu", {**data, "place": kept}, [])["sent"] == ""
    assert node.facts("cpu", {}, [])["sent"] == ""


def test_what_a_machine_lacks(tmp_path: Path) -> None:
    images = tmp_path / "images"
    assert lacking(DataSpec().to_dict()) == ""
    assert lacking(DataSpec(name=f"folder:{images}").to_dict()) == str(images)
    assert lacking(DataSpec(name="cifar10", data_dir=str(images)).to_dict()) == str(images)
    images.mkdir()
    assert lacking(DataSpec(name="folder:/elsewhere", place=str(images)).to_dict()) == ""


def test_other_machines_look_for_data_from_the_root_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    there = DataSpec(name="folder:images", data_dir="data").from_the_root_on()
    assert (there.name, there.folder) == ("folder:images", tmp_path / "images")
    assert there.data_dir == str(tmp_path / "data")
    assert DataSpec().from_the_root_on().place == ""


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

"""The half of Ray's engine that runs here, over a cluster made up in this process: who gets what, and what is kept."""

from __future__ import annotations

import json
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from scalesearch.errors import RunFailedError, ScalesearchError
from scalesearch.networks.baselines import EFFICIENTNET_B0
from scalesearch.training.dataset import DataSpec
from scalesearch.training.recipe import RECIPES
from scalesearch.workers import ray_engine
from scalesearch.workers.engines import Work
from scalesearch.workers.executor import TrialFailedError
from scalesearch.workers.jobs import LatencySpec, ProbeSpec
from scalesearch.workers.node import code, identity_of
from scalesearch.workers.ray_engine import ATTEMPTS, RayExecutor
from scalesearch.workers.worker import TrialSpec


@dataclass
class _Node:
    """A node of the made-up cluster: what it has, and what it says of itself."""

    cpus: int = 1
    gpus: int = 0
    alive: bool = True
    code: Mapping[str, str] = field(default_factory=code)
    machine: str = "m1"
    data: str = "d" * 64
    problem: str = ""
    receives: Callable[[], Any] = lambda: "/kept/data"


class _Ref:
    def __init__(self, cluster: _Cluster, take: Callable[[], Any]) -> None:
        self.cluster, self.take = cluster, take


class _Actor:
    """A place: says hello, answers what it is, and else says what the test has it say."""

    def __init__(self, cluster: _Cluster, node: str, options: Mapping[str, Any]) -> None:
        self.cluster, self.node, self.options = cluster, node, options
        self.told: list[dict[str, Any]] = [
            {"event": "hello", "node": node, "host": node, "code": dict(cluster.nodes[node].code)}
        ]
        self.jobs: dict[str, tuple[int, dict[str, Any], dict[str, bytes]]] = {}
        self.dead = False
        self.messages = SimpleNamespace(remote=lambda _wait: _Ref(cluster, self._messages))
        self.begin = SimpleNamespace(remote=self._begin)
        self.facts = SimpleNamespace(remote=self._facts)

    def _messages(self) -> list[dict[str, Any]] | None:
        if self.dead or not self.cluster.nodes[self.node].alive:
            raise ConnectionError("the actor died")
        told, self.told = self.told, []
        return told or None

    def _begin(self, number: int, job: str, files: dict[str, bytes], _code: object) -> None:
        asked = json.loads(job)
        self.jobs[asked["key"]] = (number, asked, files)
        self.cluster.begun.append((asked["key"], self.node))

    def _facts(self, _device: str, data: dict[str, Any], pieces: Sequence[bytes] | None) -> _Ref:
        node = self.cluster.nodes[self.node]
        facts = {"machine": node.machine, "hardware": "cpu", "data": node.data, "problem": "", "sent": ""}
        if pieces:
            self.cluster.sent.append((self.node, identity_of(data), b"".join(pieces)))

        def take() -> Any:
            if self.dead:
                raise ConnectionError("the actor died")
            where = node.receives() if pieces else ""
            return (
                None if where is None else facts | {"sent": where, "problem": "" if where else node.problem}
            )

        return _Ref(self.cluster, take)

    def say(self, key: str, **message: Any) -> None:
        self.told.append({"id": self.jobs[key][0], **message})


class _Cluster:
    """In place of the module ``ray``."""

    def __init__(self, **nodes: _Node) -> None:
        self.nodes_: dict[str, _Node] = nodes
        self.actors: list[_Actor] = []
        self.begun: list[tuple[str, str]] = []
        self.sent: list[tuple[str, str, bytes]] = []
        self.turns: list[int] = []

    def get_runtime_context(self) -> Any:
        return SimpleNamespace(gcs_address="127.0.0.1:1")

    def remote(self, _class: type) -> Any:
        def options(**asked: Any) -> Any:
            return SimpleNamespace(remote=lambda _node: self._place(asked))

        return SimpleNamespace(options=options)

    def _place(self, asked: Mapping[str, Any]) -> Any:
        selector = asked.get("label_selector", {}).get("ray.io/node-id", "!in()")
        out = selector.removeprefix("!in(").removesuffix(")").split(",")
        taken = [a.node for a in self.actors if not a.dead and self.nodes[a.node].alive]
        for name, node in self.nodes.items():
            room = node.gpus if asked["num_gpus"] else node.cpus
            if node.alive and name not in out and taken.count(name) < room:
                self.actors.append(_Actor(self, name, asked))
                return self.actors[-1]
        never = SimpleNamespace(remote=lambda _wait: _Ref(self, lambda: None))
        return SimpleNamespace(messages=never, node="")

    @property
    def nodes(self) -> Any:
        return _Nodes(self.nodes_)

    def wait(
        self, refs: Sequence[_Ref], timeout: float, num_returns: int = 1
    ) -> tuple[list[_Ref], list[_Ref]]:
        """As Ray's: no more than asked for, however many are ready."""
        ends = time.monotonic() + timeout
        while True:
            ready = [ref for ref in refs if _has(ref)][:num_returns]
            if len(ready) == num_returns or time.monotonic() >= ends:
                self.turns.append(len(ready))
                return ready, [ref for ref in refs if ref not in ready]
            time.sleep(0.001)

    def get(self, ref: Any) -> Any:
        value = ref.value if hasattr(ref, "value") else ref.take()
        if isinstance(value, Exception):
            raise value
        return value

    def put(self, piece: bytes) -> bytes:
        return piece

    def kill(self, actor: Any) -> None:
        actor.dead = True


class _Nodes(dict[str, _Node]):
    """``ray.nodes()``, and the nodes by their names."""

    def __call__(self) -> list[dict[str, Any]]:
        return [
            {
                "NodeID": name,
                "Alive": node.alive,
                "NodeManagerHostname": name,
                "NodeManagerAddress": "127.0.0.1",
                "Resources": {"CPU": float(node.cpus), "GPU": float(node.gpus)},
            }
            for name, node in self.items()
        ]


def _has(ref: Any) -> bool:
    if hasattr(ref, "value"):
        return True
    try:
        value = ref.take()
    except Exception as error:
        ref.value = error
        return True
    if value is None:
        return False
    ref.value = value
    return True


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ray_engine, "WAIT_S", 0.01)
    monkeypatch.setattr(ray_engine, "NODES_S", 0.0)
    monkeypatch.setattr(ray_engine, "PATIENCE_S", 0.2)
    monkeypatch.setattr(ray_engine, "_answers", lambda _address: True)


Make = Callable[..., RayExecutor]


@pytest.fixture
def make(tmp_path: Path) -> Iterator[Make]:
    made: list[RayExecutor] = []

    def executor(cluster: _Cluster, **work: Any) -> RayExecutor:
        fields = {"device": "cpu", "jobs": 1, "log_dir": tmp_path / "logs"} | work
        made.append(RayExecutor(cluster, "ray", Work(**fields)))
        return made[-1]

    yield executor
    for each in made:
        each.shutdown(kill=True)


def _train(key: str, tmp_path: Path, **data: Any) -> dict[str, Any]:
    return TrialSpec(
        key=key,
        arch=EFFICIENTNET_B0,
        recipe=RECIPES["quick"].to_dict(),
        data=DataSpec(**({"digest": "d" * 64} | data)).to_dict(),
        device="cpu",
        threads=1,
        checkpoint=str(tmp_path / "checkpoints" / f"{key}.safetensors"),
        weights=str(tmp_path / "weights" / f"{key}.safetensors"),
    ).to_dict()


def _submit(
    executor: RayExecutor, job: dict[str, Any], heard: list[int] | None = None
) -> Future[dict[str, Any]]:
    looks = heard if heard is not None else []
    return executor.submit(job, lambda _d, _s: None, lambda curve, _s: looks.append(len(curve)))


def _until(holds: Callable[[], Any]) -> None:
    ends = time.monotonic() + 10
    while not holds():
        assert time.monotonic() < ends
        time.sleep(0.002)


def _on(cluster: _Cluster, key: str) -> _Actor:
    """The place that a job is on now."""
    _until(lambda: any(key in actor.jobs and not actor.dead for actor in cluster.actors))
    return [actor for actor in cluster.actors if key in actor.jobs][-1]


def _look(actor: _Actor, key: str, looks: int, checkpoint: bytes | None = None) -> None:
    actor.say(key, event="look", curve=[{}] * looks, seconds=1.0, checkpoint=checkpoint)


def _end(actor: _Actor, key: str, weights: bytes | None = None) -> None:
    actor.say(key, event="result", result={"key": key}, weights=weights, log=b"logged", see_log=False)


def test_files_come_back_before_what_they_are_of_is_told(make: Make, tmp_path: Path) -> None:
    cluster, heard = _Cluster(a=_Node()), []
    future = _submit(make(cluster), _train("k", tmp_path), heard)
    place = _on(cluster, "k")
    assert place.jobs["k"][2] == {}
    _look(place, "k", 1, b"at one")
    _until(lambda: heard == [1])
    assert (tmp_path / "checkpoints" / "k.safetensors").read_bytes() == b"at one"
    _end(place, "k", b"weights")
    assert future.result(10) == {"key": "k"}
    assert (tmp_path / "weights" / "k.safetensors").read_bytes() == b"weights"
    assert (tmp_path / "logs" / "k.train.log").read_bytes() == b"logged"


def test_a_run_of_a_lost_node_goes_on_elsewhere_from_its_last_look(make: Make, tmp_path: Path) -> None:
    cluster = _Cluster(a=_Node(), b=_Node(alive=False))
    future = _submit(make(cluster), _train("k", tmp_path))
    _look(_on(cluster, "k"), "k", 3, b"at three")
    _until((tmp_path / "checkpoints" / "k.safetensors").exists)
    cluster.nodes["a"].alive, cluster.nodes["b"].alive = False, True
    _until(lambda: ("k", "b") in cluster.begun)
    place = _on(cluster, "k")
    assert place.jobs["k"][2] == {"checkpoint": b"at three"}
    _end(place, "k")
    assert future.result(10) == {"key": "k"}


def test_a_run_in_vain_too_often_fails_and_a_checkpoint_begins_the_count_anew(
    make: Make, tmp_path: Path
) -> None:
    cluster = _Cluster(a=_Node())
    future = _submit(make(cluster), _train("k", tmp_path))

    def lose(times: int) -> None:
        for _ in range(times):
            begun = len(cluster.begun)
            _on(cluster, "k").dead = True
            _until(lambda before=begun: len(cluster.begun) > before or future.done())

    lose(ATTEMPTS - 1)
    _look(_on(cluster, "k"), "k", 1, b"at one")
    _until((tmp_path / "checkpoints" / "k.safetensors").exists)
    _look(_on(cluster, "k"), "k", 2)  # what is not kept here is trained again
    _until(lambda: not _on(cluster, "k").told)
    time.sleep(0.05)
    lose(ATTEMPTS - 1)
    assert not future.done()
    _on(cluster, "k").dead = True
    with pytest.raises(TrialFailedError, match=f"tried {ATTEMPTS} times: its place was lost"):
        future.result(10)


def test_a_run_that_pauses_leaves_its_checkpoint_here(make: Make, tmp_path: Path) -> None:
    cluster = _Cluster(a=_Node())
    future = _submit(make(cluster), _train("k", tmp_path))
    end = {"result": {"complete": False}, "weights": None, "checkpoint": b"paused", "log": b""}
    _on(cluster, "k").say("k", event="result", **end)
    assert future.result(10)
    assert (tmp_path / "checkpoints" / "k.safetensors").read_bytes() == b"paused"


@pytest.mark.parametrize(("log", "see_log", "named"), [(b"said", True, True), (b"", True, False)])
def test_a_reason_names_the_log_that_is_kept_here(
    make: Make, tmp_path: Path, log: bytes, see_log: bool, named: bool
) -> None:
    cluster = _Cluster(a=_Node())
    future = _submit(make(cluster), _train("k", tmp_path))
    failure = {"reason": "it died", "elsewhere": False, "lacks": "", "log": log, "see_log": see_log}
    _on(cluster, "k").say("k", event="failure", **failure)
    with pytest.raises(TrialFailedError) as failed:
        future.result(10)
    assert str(failed.value) == "it died" + "; see logs/k.train.log" * named
    assert (tmp_path / "logs" / "k.train.log").exists() == named


def test_nobody_waits_while_data_are_packed(
    make: Make, tmp_path: Path, images: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    packing, packed = threading.Event(), threading.Event()

    @contextmanager
    def pack(_place: Path) -> Iterator[Iterator[bytes]]:
        packing.set()
        assert packed.wait(10)
        yield iter([b"pixels"])

    monkeypatch.setattr(ray_engine, "packed", pack)
    cluster = _Cluster(lacks=_Node(problem="none"), good=_Node())
    executor = make(cluster, jobs=2, send_data=True)
    futures = [_submit(executor, _train(f"k{number}", tmp_path, name=images)) for number in range(3)]
    assert packing.wait(10)
    for number, future in enumerate(futures):
        _end(_on(cluster, f"k{number}"), f"k{number}")
        assert future.result(10)
    assert {node for _, node in cluster.begun} == {"good"}
    packed.set()
    _submit(executor, _train("more", tmp_path, name=images))
    _submit(executor, _train("most", tmp_path, name=images))
    _until(lambda: "lacks" in {node for _, node in cluster.begun})


def test_memory_that_one_node_lacks_is_looked_for_on_another(make: Make, tmp_path: Path) -> None:
    cluster = _Cluster(a=_Node(), b=_Node())
    executor = make(cluster, jobs=2)
    first, second = (_submit(executor, _train(key, tmp_path)) for key in ("large", "small"))
    place = _on(cluster, "large")
    _look(_on(cluster, "small"), "small", 0)
    place.say(
        "large",
        event="failure",
        reason="out of memory: CUDA",
        elsewhere=True,
        lacks="",
        log=b"",
        see_log=False,
    )
    time.sleep(0.05)
    assert [node for key, node in cluster.begun if key == "large"] == [place.node]
    _end(_on(cluster, "small"), "small")
    assert second.result(10)
    other = {"a": "b", "b": "a"}[place.node]
    _until(lambda: ("large", other) in cluster.begun)
    for actor in cluster.actors:
        if actor.node == other:
            _end(actor, "large")
    assert first.result(10)


def test_a_failure_of_its_own_is_not_tried_again(make: Make, tmp_path: Path) -> None:
    cluster = _Cluster(a=_Node(), b=_Node())
    future = _submit(make(cluster), _train("k", tmp_path))
    _on(cluster, "k").say(
        "k", event="failure", reason="diverged", elsewhere=False, lacks="", log=b"", see_log=False
    )
    with pytest.raises(TrialFailedError, match="^diverged$"):
        future.result(10)
    assert len(cluster.begun) == 1


@pytest.mark.parametrize(
    ("bad", "message"),
    [
        (
            {"code": {**code(), "torch": "1.0"}},
            "must have nodes with the code of this machine, got torch 1.0 there and",
        ),
        (
            {"data": "e" * 64},
            "got photographs with the identity eeeeeeee there and dddddddd here on node bad",
        ),
        (
            {"problem": "`dataset` /there is no folder"},
            "must have nodes with the data, got .*/there is no folder on",
        ),
    ],
)
def test_a_node_that_differs_is_set_aside_by_name(
    make: Make, tmp_path: Path, bad: dict[str, Any], message: str
) -> None:
    notes: list[str] = []
    cluster = _Cluster(bad=_Node(**bad), good=_Node())
    future = _submit(make(cluster, on_note=notes.append), _train("k", tmp_path))
    _until(lambda: cluster.begun == [("k", "good")])
    assert any("node bad (127.0.0.1, bad) is not used" in note for note in notes)
    _end(_on(cluster, "k"), "k")
    assert future.result(10)
    # Where there is no other node, the run ends in a line that names it.
    alone = _Cluster(bad=_Node(**bad))
    with pytest.raises(ScalesearchError, match=message) as error:
        _submit(make(alone), _train("k", tmp_path)).result(10)
    assert error.value.exit_code == 2
    assert alone.begun == []


def test_data_that_vanish_cost_no_attempt_and_are_waited_for(make: Make, tmp_path: Path) -> None:
    cluster = _Cluster(a=_Node())
    future = _submit(make(cluster), _train("k", tmp_path))
    for _ in range(ATTEMPTS + 1):
        place, begun = _on(cluster, "k"), len(cluster.begun)
        place.say("k", event="failure", reason="gone", elsewhere=False, lacks="/data", log=b"", see_log=False)
        _until(lambda before=begun: len(cluster.begun) > before)
    _end(_on(cluster, "k"), "k")
    assert future.result(10)


def test_data_are_sent_once_to_each_node_that_lacks_them(make: Make, tmp_path: Path) -> None:
    images = tmp_path / "images"
    images.mkdir()
    (images / "1.png").write_bytes(b"pixels")
    lacks = {"cpus": 2, "problem": "`dataset` must be a folder, got none"}
    cluster = _Cluster(a=_Node(**lacks), b=_Node(**lacks))
    executor = make(cluster, jobs=4, send_data=True)
    futures = [_submit(executor, _train(f"k{n}", tmp_path, name=f"folder:{images}")) for n in range(4)]
    for number, future in enumerate(futures):
        place = _on(cluster, f"k{number}")
        data = place.jobs[f"k{number}"][1]["data"]
        # Its name is part of what it is; where it lies is not.
        assert (data["name"], data["place"]) == (f"folder:{images}", "/kept/data")
        _end(place, f"k{number}")
        assert future.result(10)
    assert {node for node, _, _ in cluster.sent} == {"a", "b"}
    assert {digest for _, digest, _ in cluster.sent} == {"d" * 64}
    assert all(b"pixels" in content for _, _, content in cluster.sent)


def _raises(error: Exception) -> Callable[[], Any]:
    def receive() -> Any:
        raise error

    return receive


@pytest.fixture
def images(tmp_path: Path) -> str:
    folder = tmp_path / "images"
    folder.mkdir()
    (folder / "1.png").write_bytes(b"pixels")
    return f"folder:{folder}"


@pytest.mark.parametrize("error", [OSError(28, "No space left on device"), ConnectionError("the actor died")])
def test_a_node_that_cannot_take_the_data_is_set_aside_and_the_others_train(
    make: Make, tmp_path: Path, images: str, error: Exception
) -> None:
    lacks = {"problem": "`dataset` must be a folder, got none"}
    cluster = _Cluster(full=_Node(**lacks, receives=_raises(error)), good=_Node(**lacks))
    notes: list[str] = []
    executor = make(cluster, jobs=2, send_data=True, on_note=notes.append)
    future = _submit(executor, _train("k", tmp_path, name=images))
    _end(_on(cluster, "k"), "k")
    assert future.result(10)
    assert {node for _, node in cluster.begun} == {"good"}
    # Where there is no other, the run ends in a line that names it; Ray is not lost.
    alone = _Cluster(full=_Node(**lacks, receives=_raises(error)))
    with pytest.raises(
        ScalesearchError, match=r"must have nodes that take the data, got .* on node full"
    ) as failure:
        _submit(make(alone, send_data=True), _train("k", tmp_path, name=images)).result(10)
    assert failure.value.exit_code == 2


def test_a_place_that_dies_while_data_are_sent_sets_its_node_aside(
    make: Make, tmp_path: Path, images: str
) -> None:
    cluster = _Cluster(a=_Node(problem="none", receives=lambda: None))
    future = _submit(make(cluster, send_data=True), _train("k", tmp_path, name=images))
    _until(lambda: cluster.sent)
    cluster.actors[0].dead = True
    _until(lambda: len(cluster.sent) > 1 or future.done())
    cluster.nodes["a"].receives = lambda: "/kept/data"
    _end(_on(cluster, "k"), "k")
    assert future.result(10)


def test_others_train_while_data_are_sent_and_none_wait_for_good(
    make: Make, tmp_path: Path, images: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ray_engine, "SENDING_S", 0.5)
    cluster = _Cluster(slow=_Node(problem="none", receives=lambda: None), good=_Node())
    notes: list[str] = []
    executor = make(cluster, jobs=2, send_data=True, on_note=notes.append)
    futures = [_submit(executor, _train(f"k{number}", tmp_path, name=images)) for number in range(3)]
    for number, future in enumerate(futures):
        _end(_on(cluster, f"k{number}"), f"k{number}")
        assert future.result(10)
    _submit(executor, _train("more", tmp_path, name=images))
    _submit(executor, _train("most", tmp_path, name=images))
    _until(lambda: any("no answer in 0.5 s" in note for note in notes))


def test_data_that_cannot_be_packed_here_end_the_run(make: Make, tmp_path: Path) -> None:
    cluster = _Cluster(a=_Node(problem="none"), b=_Node(problem="none"))
    executor = make(cluster, send_data=True)
    with pytest.raises(ScalesearchError, match="^`dataset` must be a file or folder that can be packed"):
        _submit(executor, _train("k", tmp_path, name=f"folder:{tmp_path / 'gone'}")).result(10)
    assert cluster.sent == []


def test_all_that_is_there_is_taken_in_one_turn(make: Make) -> None:
    cluster = _Cluster(a=_Node(cpus=8))
    executor = make(cluster, jobs=8)
    futures = [_submit(executor, ProbeSpec(key=f"p{number}").to_dict()) for number in range(8)]
    _until(lambda: len(cluster.begun) == 8)
    with executor._changed:  # nothing is taken in meanwhile
        for number in range(8):
            _end(_on(cluster, f"p{number}"), f"p{number}")
        cluster.turns.clear()
    assert all(future.result(10) for future in futures)
    assert max(cluster.turns) > 1


def test_nodes_that_say_nothing_are_waited_for_together(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = [0.0]
    waits: list[float] = []

    def get(_answer: object, timeout: float) -> Any:
        waits.append(timeout)
        clock[0] += timeout
        raise TimeoutError("no answer")

    asked = SimpleNamespace(remote=lambda _data: None)
    ray = SimpleNamespace(
        nodes=_Cluster(**{f"n{number}": _Node() for number in range(5)}).nodes,
        remote=lambda _function: SimpleNamespace(options=lambda **_options: asked),
        get=get,
    )
    monkeypatch.setattr(ray_engine, "connected", lambda _address: ray)
    monkeypatch.setattr(ray_engine, "time", SimpleNamespace(monotonic=lambda: clock[0]))
    monkeypatch.setitem(
        sys.modules,
        "ray.util.scheduling_strategies",
        SimpleNamespace(NodeAffinitySchedulingStrategy=lambda *_, **__: None),
    )
    for parent in ("ray", "ray.util"):
        monkeypatch.setitem(sys.modules, parent, SimpleNamespace())
    monkeypatch.setattr(ray_engine.importlib.util, "find_spec", lambda _name: True)
    hellos = ray_engine.RayEngine().hellos("head:1", None)
    assert [hello.problem for hello in hellos.values()] == ["no answer"] * 5
    assert sum(waits) == ray_engine.HELLO_S


def test_an_address_that_is_none_is_shown_as_it_was_given() -> None:
    with pytest.raises(
        ScalesearchError, match="`executor` must be ray, or HOST:PORT .* got 'ray://head' without a port$"
    ):
        ray_engine._spoken("head")


def test_a_job_without_a_log_leaves_no_file(make: Make, tmp_path: Path) -> None:
    future = _submit(make(cluster := _Cluster(a=_Node())), _train("k", tmp_path))
    _on(cluster, "k").say("k", event="result", result={"key": "k"}, weights=None, log=b"")
    assert future.result(10)
    assert not (tmp_path / "logs" / "k.train.log").exists()


def test_times_are_measured_on_machines_of_one_kind(make: Make) -> None:
    job = LatencySpec(key="k", arch=EFFICIENTNET_B0, batch_size=1, device="cpu", threads=1).to_dict()
    cluster = _Cluster(new=_Node(machine="m2"), old=_Node(machine="m1"))
    future = _submit(make(cluster, timed_on="m1"), job)
    _until(lambda: cluster.begun == [("k", "old")])
    _end(_on(cluster, "k"), "k")
    assert future.result(10)
    alone = _Cluster(new=_Node(machine="m2"))
    with pytest.raises(
        TrialFailedError, match="machine m1, which timed this run's other networks, got machine m2"
    ):
        _submit(make(alone, timed_on="m1"), job).result(10)


def test_runs_share_gpus_and_a_gpu_that_joins_is_used(make: Make, tmp_path: Path) -> None:
    cluster = _Cluster(a=_Node(gpus=1))
    executor = make(cluster, device="cuda", jobs=4)
    for number in range(4):
        _submit(executor, _train(f"k{number}", tmp_path))
    place = _on(cluster, "k0")
    assert place.options["num_gpus"] == 1
    # One by one: how much memory the next takes is known once the last has begun.
    time.sleep(0.05)
    assert list(place.jobs) == ["k0"]
    _look(place, "k0", 0)
    _until(lambda: "k1" in place.jobs)
    cluster.nodes_["b"] = _Node(gpus=1)
    _until(lambda: ("k2", "b") in cluster.begun)


def test_jobs_in_flight_are_counted_over_all_nodes(make: Make) -> None:
    cluster = _Cluster(a=_Node(cpus=8), b=_Node(cpus=8))
    executor = make(cluster, jobs=3)
    futures = [_submit(executor, ProbeSpec(key=f"p{number}").to_dict()) for number in range(9)]
    _until(lambda: len(cluster.begun) == 3)
    time.sleep(0.05)
    assert len(cluster.begun) == 3
    assert len(cluster.actors) == 3
    for number, future in enumerate(futures):
        _end(_on(cluster, f"p{number}"), f"p{number}")
        assert future.result(10) == {"key": f"p{number}"}


def test_a_lost_head_ends_the_run_and_fails_no_network(
    make: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cluster = _Cluster(a=_Node())
    executor = make(cluster)
    future = _submit(executor, _train("k", tmp_path))
    place = _on(cluster, "k")
    monkeypatch.setattr(ray_engine, "_answers", lambda _address: False)
    place.dead = True
    with pytest.raises(RunFailedError, match=r"ray was lost \(its head is gone\); what is done is kept"):
        future.result(10)
    with pytest.raises(RunFailedError):
        _submit(executor, _train("k", tmp_path)).result(10)


def test_a_folder_that_was_removed_is_not_brought_back(make: Make, tmp_path: Path) -> None:
    cluster = _Cluster(a=_Node())
    gone = tmp_path / "gone"
    future = _submit(make(cluster), _train("k", gone))
    _look(_on(cluster, "k"), "k", 1, b"at one")
    with pytest.raises(TrialFailedError):
        future.result(10)
    assert not gone.exists()


def test_callbacks_may_come_back_to_the_executor(make: Make) -> None:
    """A driver submits the next job when one is done, from whichever thread hears of it."""
    cluster, executor_of = _Cluster(a=_Node()), []
    done = threading.Event()
    executor = make(cluster)
    executor_of.append(executor)
    first = _submit(executor, ProbeSpec(key="first").to_dict())
    first.add_done_callback(
        lambda _f: _submit(executor, ProbeSpec(key="second").to_dict()).add_done_callback(
            lambda _g: done.set()
        )
    )
    _end(_on(cluster, "first"), "first")
    _end(_on(cluster, "second"), "second")
    assert done.wait(10)

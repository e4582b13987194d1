"""Ray's nodes, killed in every way at random times: what a run gives is what it gives on this machine alone."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from concurrent.futures import Future
from contextlib import AbstractContextManager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from scalesearch.networks.baselines import EFFICIENTNET_B0
from scalesearch.networks.scaled import scale
from scalesearch.networks.spec import Rounding
from scalesearch.scaling import Multipliers
from scalesearch.training.dataset import DataSpec, photographs_digest
from scalesearch.training.recipe import RECIPES
from scalesearch.workers import ray_engine
from scalesearch.workers.engines import Work, engine
from scalesearch.workers.executor import ProcessExecutor
from scalesearch.workers.worker import TrialSpec
from tests.processes import ended, started

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="needs SIGKILL"),
    # Ray's own, in its threads and when its sockets are collected.
    pytest.mark.filterwarnings("ignore::ResourceWarning", "ignore::pytest.PytestUnraisableExceptionWarning"),
    pytest.mark.timeout(600),
]
# Before Ray is loaded: everything stays on the loopback interface, and nobody is told.
os.environ |= {"RAY_USAGE_STATS_ENABLED": "0", "RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER": "0"}
pytest.importorskip("ray", reason="needs scalesearch[ray]")

ARCH = replace(
    scale(EFFICIENTNET_B0, Multipliers(width=0.125), Rounding(channel_divisor=1), resolution=16), classes=18
)
SMALL = replace(ARCH, stages=ARCH.stages[:3])
KILLS = 21
IMAGES, LOOKS = 1600, 20
SEED = 20


class Nodes:
    """A cluster of this machine whose nodes come and go."""

    def __init__(self) -> None:
        from ray.cluster_utils import Cluster

        self.cluster = Cluster(
            initialize_head=True,
            head_node_args={"num_cpus": 0, "include_dashboard": False, **self._common},
        )
        self.nodes: list[Any] = []

    _common: Mapping[str, Any] = {"node_ip_address": "127.0.0.1", "object_store_memory": 80 * 2**20}

    @property
    def address(self) -> str:
        return str(self.cluster.address)

    def join(self, cpus: int = 1, **resources: Any) -> None:
        self.nodes.append(self.cluster.add_node(num_cpus=cpus, **self._common, **resources))

    def die(self, index: int = 0) -> None:
        self.cluster.remove_node(self.nodes.pop(index), allow_graceful=False)

    def end(self) -> None:
        import ray

        ray.shutdown()
        self.cluster.shutdown()


@pytest.fixture
def nodes() -> Iterator[Nodes]:
    made = Nodes()
    yield made
    made.end()
    engine.cache_clear()


def _job(seed: int, folder: Path, images: int = 64, looks: int = 2, **spec: Any) -> dict[str, Any]:
    recipe = replace(RECIPES["quick"], images=images, batch_size=8, looks=looks, seed=seed, dropout=0.2)
    fields = {"data": DataSpec(held_out=18, digest=photographs_digest()).to_dict(), "count": False} | spec
    job = TrialSpec(
        key=f"abc-seed{seed}",
        arch=SMALL,
        recipe=recipe.to_dict(),
        device="cpu",
        threads=1,
        checkpoint=str(folder / "checkpoints" / f"{seed}.safetensors"),
        weights=str(folder / "weights" / f"{seed}.safetensors"),
        **fields,
    )
    return job.to_dict()


def _ignore(_done: int, _steps: int) -> None:
    pass


def _told(result: dict[str, Any]) -> dict[str, Any]:
    """All but how long it took."""
    return json.loads(json.dumps({name: value for name, value in result.items() if name != "train_seconds"}))


def _executor(nodes: Nodes, folder: Path, **work: Any) -> Any:
    found, address = engine(f"ray://{nodes.address}")
    return found.executor(address, Work(device="cpu", log_dir=folder / "logs", **({"jobs": 2} | work)))


def _processes(words: str) -> list[int]:
    """The processes of this user whose command line begins so, or that descend from the nodes' places."""
    found = []
    for place in Path("/proc").iterdir():
        try:
            line = (place / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
        except OSError:
            continue
        if place.name.isdecimal() and line.startswith(words):
            found.append(int(place.name))
    return found


def _children(pid: int) -> list[int]:
    try:
        tasks = list(Path(f"/proc/{pid}/task").iterdir())
        direct = [int(child) for task in tasks for child in (task / "children").read_text().split()]
    except OSError:
        return []
    return direct + [below for child in direct for below in _children(child)]


def test_runs_killed_in_every_way_are_the_runs_they_would_have_been(
    nodes: Nodes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # By chance the same run may be hit five times in a row.
    monkeypatch.setattr(ray_engine, "ATTEMPTS", KILLS + 1)
    for _ in range(2):
        nodes.join()
    jobs = [_job(seed, tmp_path, images=IMAGES, looks=LOOKS) for seed in range(4)]
    looks: list[list[int]] = [[] for _ in jobs]
    notes: list[str] = []
    with ended(_executor(nodes, tmp_path, stall_timeout=60.0, on_note=notes.append)) as executor:
        futures: list[Future[dict[str, Any]]] = [
            executor.submit(job, _ignore, lambda curve, _seconds, of=seen: of.append(len(curve)))
            for job, seen in zip(jobs, looks, strict=True)
        ]
        chance, kills, ends = (
            random.Random(SEED),
            {"node": 0, "place": 0, "process": 0},
            time.monotonic() + 240,
        )
        while sum(kills.values()) < KILLS and not all(f.done() for f in futures) and time.monotonic() < ends:
            # Not before somebody has trained since, or nobody ever would.
            before, patience = sum(map(len, looks)), time.monotonic() + 20
            while sum(map(len, looks)) < before + 2 and time.monotonic() < patience:
                time.sleep(0.02)
            time.sleep(chance.uniform(0.0, 0.5))
            places = _processes("ray::Place")
            kind = chance.choice(["process", "process", "place", "node"])
            if kind == "node":
                nodes.die(chance.randrange(len(nodes.nodes)))
                nodes.join()
            else:
                trained = [pid for place in places for pid in _children(place)]
                among = places if kind == "place" else trained
                if not among:
                    continue
                try:
                    os.kill(chance.choice(among), signal.SIGKILL)
                except ProcessLookupError:
                    continue
            kills[kind] += 1

        given = [future.result(timeout=240) for future in futures]

    assert sum(kills.values()) >= KILLS
    assert all(kills.values())
    with ended(ProcessExecutor(jobs=2, log_dir=tmp_path / "alone-logs")) as alone:
        expected = [
            alone.submit(_job(seed, tmp_path / "alone", images=IMAGES, looks=LOOKS), _ignore)
            for seed in range(4)
        ]
        assert list(map(_told, given)) == [_told(future.result()) for future in expected]
    for seen in looks:
        # Each goes on from its last look: nothing was trained twice but what came after that.
        assert seen == sorted(seen)
        assert set(seen) == set(range(LOOKS + 1))
    for seed in range(4):
        mine, theirs = (
            folder / "weights" / f"{seed}.safetensors" for folder in (tmp_path, tmp_path / "alone")
        )
        assert mine.read_bytes() == theirs.read_bytes()


def test_a_run_whose_checkpoints_come_seldom_goes_on_from_the_last_that_came(
    nodes: Nodes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its looks since then are looked at again; the others and what it gives are what they would have been."""
    nodes.join()
    job = _job(0, tmp_path, images=IMAGES, looks=LOOKS)
    came: list[Path] = []
    write = ray_engine.write_bytes

    def write_bytes(path: Path, content: bytes) -> Path:
        came.append(path)
        return write(path, content)

    monkeypatch.setattr(ray_engine, "write_bytes", write_bytes)
    # The first comes at once, the next after some seconds.
    monkeypatch.setattr(ray_engine, "CHECKPOINT_BYTES_S", 50_000)
    executor = _executor(nodes, tmp_path, jobs=1, stall_timeout=60.0)
    seen: list[int] = []
    future = executor.submit(job, _ignore, lambda curve, _seconds: seen.append(len(curve)))
    ends = time.monotonic() + 120
    while len(seen) < 6 and time.monotonic() < ends:
        time.sleep(0.02)
    for place in _processes("ray::Place"):
        os.kill(place, signal.SIGKILL)
    given = future.result(timeout=240)
    executor.shutdown()
    assert 0 < came.count(Path(job["checkpoint"])) < len(seen) / 2
    assert seen != sorted(seen)
    assert set(seen) == set(range(LOOKS + 1))
    alone = ProcessExecutor(jobs=1, log_dir=tmp_path / "alone-logs")
    expected = alone.submit(_job(0, tmp_path / "alone", images=IMAGES, looks=LOOKS), _ignore)
    assert _told(given) == _told(expected.result())
    alone.shutdown()


OPTIONS = (
    *("grid", "--phi=1", "--max-networks=3", "--images=800", "--batch-size=8", "--held-out=18", "--seeds=2"),
    *("--baseline-width=0.125", "--baseline-channel-divisor=1", "--baseline-resolution=16", "--match=none"),
    *("--device=cpu", "--threads=1", "--jobs=2", "--regret=0", "--no-latency", "--format=csv"),
)
CLOCKS = ["train_seconds"]


def _command(*words: object) -> AbstractContextManager[subprocess.Popen[str]]:
    return started(
        *(sys.executable, "-m", "scalesearch", *map(str, words)),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def _wait_for_looks(folder: Path, more: int, driver: subprocess.Popen[str]) -> None:
    def told() -> int:
        return sum(path.read_bytes().count(b"\n") - 1 for path in folder.glob("events/*.jsonl"))

    before, ends = told(), time.monotonic() + 120
    while told() < before + more and driver.poll() is None and time.monotonic() < ends:
        time.sleep(0.05)
    assert driver.poll() is None, driver.communicate()


def test_a_driver_that_is_killed_and_a_head_that_is_lost_cost_nothing(nodes: Nodes, tmp_path: Path) -> None:
    for _ in range(2):
        nodes.join()
    folder, whole = tmp_path / "run", tmp_path / "whole"
    with _command(*OPTIONS, f"--out={folder}", f"--executor=ray://{nodes.address}") as driver:
        _wait_for_looks(folder, 3, driver)
        os.killpg(driver.pid, signal.SIGKILL)
        driver.communicate()
    with _command("resume", folder, "--format=csv") as driver:
        _wait_for_looks(folder, 3, driver)
        nodes.cluster.head_node.kill_all_processes(check_alive=False, allow_graceful=False)
        out, err = driver.communicate(timeout=120)
    assert driver.returncode == 1
    assert out == ""
    (line,) = [line for line in err.splitlines() if line.startswith("Error: ")]
    assert "was lost (its head is gone); what is done is kept" in line
    assert "Traceback" not in err
    for words in (("resume", folder, "--executor=processes", "--format=csv"), (*OPTIONS, f"--out={whole}")):
        with _command(*words) as driver:
            _, err = driver.communicate(timeout=240)
        assert driver.returncode == 0, err
    one, other = (pd.read_csv(place / "candidates.csv").drop(columns=CLOCKS) for place in (folder, whole))
    pd.testing.assert_frame_equal(one, other)
    from tests.study.conftest import assert_events_are_the_curves

    assert_events_are_the_curves(folder)

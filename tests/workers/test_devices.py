"""Many runs in one process of a device: what each gives alone, whatever becomes of its neighbours."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scalesearch.networks.baselines import EFFICIENTNET_B0
from scalesearch.networks.scaled import scale
from scalesearch.networks.spec import Arch, CodeSpec, Rounding
from scalesearch.networks.user_network import settled
from scalesearch.scaling import Multipliers
from scalesearch.training.dataset import DataSpec
from scalesearch.training.recipe import RECIPES
from scalesearch.workers.executor import WORTH, Crowd, DeviceExecutor, ProcessExecutor, TrialFailedError
from scalesearch.workers.jobs import CountSpec
from scalesearch.workers.worker import TrialSpec
from tests.processes import ended

ARCH = replace(
    scale(EFFICIENTNET_B0, Multipliers(width=0.125), Rounding(channel_divisor=1), resolution=16), classes=18
)
SMALL = replace(ARCH, stages=ARCH.stages[:3])
Make = Callable[..., DeviceExecutor]


@pytest.fixture
def make(tmp_path: Path) -> Iterator[Make]:
    """Executors on stand-ins for devices: processes that train on the CPU."""
    with ExitStack() as ends:

        def executor(devices: int = 1, jobs: int = 3, **options: Any) -> DeviceExecutor:
            options = {"log_dir": tmp_path / "logs", "window_s": 0.01} | options
            made = DeviceExecutor(devices=["cpu"] * devices, jobs=jobs, **options)
            return ends.enter_context(ended(made))

        yield executor


def _job(seed: int = 0, arch: Arch = SMALL, images: int = 64, **spec: Any) -> dict[str, Any]:
    recipe = replace(RECIPES["quick"], images=images, batch_size=8, looks=2, seed=seed, dropout=0.2)
    fields = {"data": DataSpec(held_out=18).to_dict(), "count": False} | spec
    job = TrialSpec(
        key=f"abc-seed{seed}", arch=arch, recipe=recipe.to_dict(), device="cpu", threads=1, **fields
    )
    return job.to_dict()


def _network(name: str, folder: Path, forward: str, monkeypatch: pytest.MonkeyPatch) -> CodeSpec:
    """A user's own network whose forward pass in training is what ``forward`` says, after 20 harmless ones."""
    (folder / f"{name}.py").write_text(
        "import os, pathlib, time, torch\n"
        "from torch import nn\n"
        "class Own(nn.Module):\n"
        "    def __init__(self, classes):\n"
        "        super().__init__()\n"
        "        self.head = nn.Linear(3, classes)\n"
        "        self.passes = 0\n"
        "    def forward(self, images):\n"
        "        self.passes += self.training\n"
        "        if self.passes > 20:\n"
        f"            {forward}\n"
        "        return self.head(images.mean((2, 3)))\n"
        "def build(depth, width, num_classes):\n"
        "    return Own(num_classes)\n"
    )
    monkeypatch.chdir(folder)
    spec: CodeSpec = settled(CodeSpec(name=name, target=f"{name}:build", resolution=16, classes=18))
    return spec


def _ignore(_done: int, _steps: int) -> None:
    pass


def _told(result: dict[str, Any]) -> dict[str, Any]:
    """All but how long it took."""
    return {name: value for name, value in result.items() if name != "train_seconds"}


@pytest.mark.slow
def test_runs_side_by_side_give_what_each_gives_in_a_process_of_its_own(make: Make, tmp_path: Path) -> None:
    jobs = [_job(seed, images=64 + 32 * seed) for seed in range(3)]
    with ended(ProcessExecutor(jobs=1, log_dir=tmp_path / "alone")) as alone:
        expected = [alone.submit(job, _ignore).result() for job in jobs]
    looks: list[int] = []
    steps: list[tuple[int, int]] = []
    executor = make()
    futures = [
        executor.submit(
            job,
            lambda done, of: steps.append((done, of)),
            lambda curve, _seconds: looks.append(len(curve)),
        )
        for job in jobs
    ]
    given = [future.result() for future in futures]
    assert list(map(_told, given)) == list(map(_told, expected))
    assert sorted(looks) == sorted([0, 1, 2] * 3)
    assert {(8, 8), (12, 12), (16, 16)} <= set(steps)
    executor.shutdown()


def test_a_count_is_made_beside_the_run_and_comes_with_its_result(make: Make) -> None:
    executor = make()
    result = executor.submit(_job(count=True), _ignore).result()
    count = CountSpec(key="count", arch=SMALL).to_dict()
    assert result["fvcore_total"] == executor.submit(count, _ignore).result()["total"] > 0


def test_several_devices_share_the_work(make: Make, tmp_path: Path) -> None:
    executor = make(devices=2, jobs=2)
    futures = [executor.submit(_job(seed), _ignore) for seed in range(4)]
    assert all(future.result()["complete"] for future in futures)
    executor.shutdown()
    assert len(list((tmp_path / "logs").glob("cpu.*.log"))) == 2


def _process_of(executor: DeviceExecutor) -> int:
    (process,) = executor._processes
    pid: int | None = process.pid
    assert pid is not None
    return pid


@pytest.mark.slow
@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="needs SIGKILL")
def test_runs_of_a_killed_process_are_tried_again_one_by_one(make: Make, tmp_path: Path) -> None:
    notes: list[str] = []
    flying: set[int] = set()

    def stepping(seed: int) -> Callable[[int, int], None]:
        def on_step(_done: int, _of: int) -> None:
            if seed not in flying:
                flying.add(seed)

        return on_step

    executor = make(jobs=2, on_note=notes.append)
    jobs = [
        _job(seed, images=960, checkpoint=str(tmp_path / "c" / f"{seed}.safetensors")) for seed in range(2)
    ]
    futures = [executor.submit(job, stepping(seed)) for seed, job in enumerate(jobs)]
    deadline = time.monotonic() + 60
    while len(flying) < 2 and time.monotonic() < deadline:
        time.sleep(0.01)
    os.kill(_process_of(executor), signal.SIGKILL)
    killed = [future.result() for future in futures]
    assert len(notes) == 1
    assert "SIGKILL" in notes[0]
    assert "its 2 runs are tried again one by one" in notes[0]
    whole = [make(jobs=1).submit(_job(seed, images=960), _ignore).result() for seed in range(2)]
    assert list(map(_told, killed)) == list(map(_told, whole))


def test_a_run_that_takes_its_process_with_it_costs_no_other(
    make: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    deadly = _network("deadly", tmp_path, "os._exit(3)", monkeypatch)
    executor = make(jobs=3)
    jobs = [_job(0, images=400), _job(1, deadly, images=400), _job(2, images=400)]
    first, fatal, third = [executor.submit(job, _ignore) for job in jobs]
    with pytest.raises(TrialFailedError, match="ended with exit code 3"):
        fatal.result()
    assert first.result()["complete"]
    assert third.result()["complete"]


def test_a_run_that_fails_says_why_and_the_others_go_on(make: Make) -> None:
    executor = make(jobs=2)
    fails = executor.submit(_job(0, data=DataSpec(held_out=18, digest="0" * 64).to_dict()), _ignore)
    goes = executor.submit(_job(1), _ignore)
    with pytest.raises(TrialFailedError, match="must be the data that the run was begun with"):
        fails.result()
    assert goes.result()["complete"]


def test_a_process_that_cannot_start_costs_a_run_and_no_more(make: Make, tmp_path: Path) -> None:
    (tmp_path / "logs" / "cpu.1.log").mkdir(parents=True)  # where its log should be
    executor = make(jobs=1)
    first, second = (executor.submit(_job(seed), _ignore) for seed in range(2))
    with pytest.raises(TrialFailedError, match=r"ended with exit code 1 and no result; see logs/cpu\.1\.log"):
        first.result()
    assert second.result()["complete"]


@pytest.mark.slow
def test_a_silent_process_is_killed(make: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    silent = _network("silent", tmp_path, "time.sleep(600)", monkeypatch)
    executor = make(stall_timeout=8.0)
    with pytest.raises(TrialFailedError, match="said nothing for 8 s and was killed"):
        executor.submit(_job(0, silent, images=400), _ignore).result()


def test_shutdown_ends_what_runs_and_what_waits(make: Make) -> None:
    executor = make(jobs=1)
    started = threading.Event()
    futures = [
        executor.submit(_job(seed, images=64_000), lambda _done, _of: started.set()) for seed in range(3)
    ]
    assert started.wait(60)
    pid = _process_of(executor)
    executor.shutdown(kill=True)
    for future in futures:
        with pytest.raises(TrialFailedError, match="stopped"):
            future.result(timeout=10)
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)


@given(
    st.integers(1, 40),
    st.floats(0.1, 1e5),
    st.integers(1, 64),
    st.lists(st.floats(0.9, 1.1), min_size=12, max_size=12),
)
def test_a_crowd_grows_while_it_is_faster(most: int, alone: float, room: int, noise: list[float]) -> None:
    """Speed grows with the runs up to some number: about as many are found, and never more than there may be."""
    crowd = Crowd(most)
    for factor in noise:
        runs = crowd.limit
        assert 1 <= runs <= most
        crowd.measured(runs, alone * min(runs, room) * factor)
    if room >= most * 2:
        assert crowd.limit > most / 2
    assert crowd.limit <= max(1, 4 * room)
    settled_at = crowd.limit
    crowd.measured(settled_at, alone * 1e9)
    if settled_at < most:
        assert crowd.limit == settled_at


def test_what_has_no_memory_is_not_tried_again() -> None:
    crowd = Crowd(16)
    for runs, rate in ((1, 100.0), (2, 200.0)):
        crowd.measured(runs, rate)
    assert crowd.limit == 4
    crowd.was_too_large(4)
    assert crowd.limit == 3
    crowd.measured(3, 1e9)
    assert crowd.limit == 3
    for runs in (3, 2, 1, 1):
        crowd.was_too_large(runs)
    assert crowd.limit == 1


def test_fewer_runs_than_there_is_room_for_say_nothing() -> None:
    crowd = Crowd(8)
    crowd.measured(1, 100)
    assert crowd.limit == 2
    crowd.measured(1, 90)  # the other one ended
    assert crowd.limit == 2
    crowd.measured(2, 100 * WORTH + 1)
    assert crowd.limit == 4


def test_where_memory_ends_fewer_train_side_by_side_and_nothing_is_lost(
    make: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    told = f"pathlib.Path({str(tmp_path / 'told')!r})"
    once = f"if not {told}.exists(): {told}.touch(); raise torch.OutOfMemoryError('CUDA out of memory')"
    large = _network("large", tmp_path, once, monkeypatch)
    notes: list[str] = []
    executor = make(jobs=2, first=2, on_note=notes.append)
    beside = executor.submit(_job(0, images=1600), _ignore)
    crowded = executor.submit(_job(1, large, images=400), _ignore)
    assert crowded.result()["complete"]
    assert beside.result()["complete"]
    assert notes == ["cpu: no memory for 2 side by side: now 1"]


def test_what_has_no_memory_alone_fails(make: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    huge = _network("huge", tmp_path, "raise torch.OutOfMemoryError('CUDA out of memory')", monkeypatch)
    with pytest.raises(TrialFailedError, match="out of memory"):
        make().submit(_job(0, huge, images=400), _ignore).result()

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import pytest

from scalesearch.networks.baselines import EFFICIENTNET_B0
from scalesearch.networks.scaled import scale
from scalesearch.networks.spec import Rounding
from scalesearch.scaling import Multipliers
from scalesearch.training.dataset import DataSpec
from scalesearch.training.recipe import RECIPES
from scalesearch.workers.executor import ProcessExecutor, TrialFailedError
from scalesearch.workers.jobs import LatencySpec
from scalesearch.workers.worker import TrialResult, TrialSpec
from tests.processes import ended

ARCH = replace(
    scale(EFFICIENTNET_B0, Multipliers(width=0.125), Rounding(channel_divisor=1), resolution=16), classes=18
)


@pytest.fixture
def make(tmp_path: Path) -> Iterator[Callable[..., ProcessExecutor]]:
    """Executors whose processes are gone when the test is done or fails."""
    with ExitStack() as ends:

        def executor(**options: Any) -> ProcessExecutor:
            options = {"jobs": 1, "log_dir": tmp_path / "logs"} | options
            return ends.enter_context(ended(ProcessExecutor(**options)))

        yield executor


@pytest.fixture
def executor(make: Callable[..., ProcessExecutor]) -> ProcessExecutor:
    return make()


def _spec(**recipe: Any) -> TrialSpec:
    changed = replace(RECIPES["quick"], **({"images": 32, "batch_size": 8} | recipe))
    return TrialSpec(
        key="abc",
        arch=ARCH,
        recipe=changed.to_dict(),
        data=DataSpec(held_out=18).to_dict(),
        device="cpu",
        threads=1,
    )


def _ignore(_done: int, _steps: int) -> None:
    pass


def test_specs_survive_json() -> None:
    spec = _spec()
    assert TrialSpec.from_dict(json.loads(json.dumps(spec.to_dict()))) == spec
    latency = LatencySpec(key="abc", arch=ARCH, batch_size=2, device="cpu", threads=1)
    assert LatencySpec.from_dict(json.loads(json.dumps(latency.to_dict()))) == latency


def test_a_trial_gives_its_result_and_says_how_far_it_is(executor: ProcessExecutor) -> None:
    steps: list[tuple[int, int]] = []
    looks: list[tuple[list[dict[str, Any]], float]] = []
    job = _spec().to_dict()
    future = executor.submit(
        job,
        lambda done, of: steps.append((done, of)),
        lambda curve, seconds: looks.append((list(curve), seconds)),
    )
    result = TrialResult.from_dict(future.result())
    assert result.images_seen == 32
    assert result.held_out_images == 18
    assert result.fvcore_total > 0
    assert steps[-1] == (4, 4)
    # When the run is taken up, and after each of its four looks: all of them so far.
    curve = [asdict(point) for point in result.curve]
    assert [told for told, _ in looks] == [curve[:count] for count in range(5)]
    assert looks[0][1] == 0
    assert looks[-1][1] == result.train_seconds
    # Replayed from its spec alone, on the same machine, a trial is the same to the bit.
    again = TrialResult.from_dict(executor.submit(job, _ignore).result())
    assert again.curve == result.curve


def test_a_log_is_written_in_the_folder_of_logs_alone(
    executor: ProcessExecutor, make: Callable[..., ProcessExecutor], tmp_path: Path
) -> None:
    (tmp_path / "victim.train.log").write_text("precious")
    with pytest.raises(ValueError, match="`dir` must hold plain names of files"):
        executor.submit(_spec().to_dict() | {"key": "../victim"}, _ignore).result()
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "logs").symlink_to(tmp_path)
    linked = make(log_dir=tmp_path / "run" / "logs")
    with pytest.raises(ValueError, match="`dir` must hold no link that leads out of it"):
        linked.submit(_spec().to_dict() | {"key": "victim"}, _ignore).result()
    assert (tmp_path / "victim.train.log").read_text() == "precious"


def test_divergence_is_a_failure_with_its_reason(executor: ProcessExecutor) -> None:
    future = executor.submit(_spec(optimizer="sgd", learning_rate=1e30).to_dict(), _ignore)
    with pytest.raises(TrialFailedError, match="loss became (nan|inf) within"):
        future.result()


def test_a_killed_worker_fails_its_trial_and_the_next_one_runs(executor: ProcessExecutor) -> None:
    alive = threading.Event()
    future = executor.submit(_spec(images=80_000).to_dict(), lambda _done, _steps: alive.set())
    assert alive.wait(timeout=120)
    (process,) = executor._running
    os.kill(process.pid, signal.SIGKILL)
    with pytest.raises(TrialFailedError, match=r"the worker was killed by SIGKILL .*out of memory"):
        future.result(timeout=60)
    latency = LatencySpec(key="abc", arch=ARCH, batch_size=1, device="cpu", threads=1)
    assert len(executor.submit(latency.to_dict(), _ignore).result()["samples_s"]) >= 5


@pytest.mark.slow
def test_a_hung_worker_is_killed_at_its_deadline(make: Callable[..., ProcessExecutor]) -> None:
    executor = make(stall_timeout=20)
    alive = threading.Event()
    future = executor.submit(_spec(images=800_000).to_dict(), lambda _done, _steps: alive.set())
    assert alive.wait(timeout=120)
    (process,) = executor._running
    os.kill(process.pid, signal.SIGSTOP)
    with pytest.raises(TrialFailedError) as caught:
        future.result(timeout=120)
    assert str(caught.value) == "the worker said nothing for 20 s and was killed; see logs/abc.train.log"
    assert process.exitcode == -signal.SIGKILL


def test_out_of_memory_is_named(executor: ProcessExecutor) -> None:
    vast = replace(ARCH, resolution=100_000)
    greedy = LatencySpec(key="abc", arch=vast, batch_size=10**6, device="cpu", threads=1)
    with pytest.raises(TrialFailedError, match=r"^out of memory: .*allocate"):
        executor.submit(greedy.to_dict(), _ignore).result()


def test_a_broken_job_is_a_failure_not_a_hang(executor: ProcessExecutor) -> None:
    job = _spec().to_dict() | {"data": {"name": "photographs", "held_out": 1}}
    with pytest.raises(TrialFailedError, match="`held_out` must be >= 2, got 1"):
        executor.submit(job, _ignore).result()


def test_kill_ends_running_jobs_and_drops_queued_ones(executor: ProcessExecutor) -> None:
    alive = threading.Event()
    running = executor.submit(_spec(images=80_000).to_dict(), lambda _done, _steps: alive.set())
    queued = executor.submit(_spec().to_dict(), _ignore)
    assert alive.wait(timeout=120)
    executor.shutdown(kill=True)
    assert isinstance(running.exception(), TrialFailedError)
    assert queued.cancelled()


@pytest.mark.slow
def test_a_module_in_the_users_folder_cannot_pose_as_torch(tmp_path: Path) -> None:
    (tmp_path / "torch.py").write_text("raise SystemExit('not torch')")
    job = LatencySpec(key="abc", arch=ARCH, batch_size=1, device="cpu", threads=1).to_dict()
    program = tmp_path / "elsewhere" / "program.py"
    program.parent.mkdir()
    program.write_text(
        "import json, sys\n"
        "from pathlib import Path\n"
        "from scalesearch.workers.executor import ProcessExecutor\n"
        "if __name__ == '__main__':\n"
        "    executor = ProcessExecutor(jobs=1, log_dir=Path(sys.argv[1]))\n"
        "    job = json.loads(sys.argv[2])\n"
        "    print(executor.submit(job, lambda done, steps: None).result()['batch_size'])\n"
        "    executor.shutdown()\n"
    )
    done = subprocess.run(
        [sys.executable, str(program), str(tmp_path / "logs"), json.dumps(job)],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.stdout, done.stderr) == ("1\n", "")

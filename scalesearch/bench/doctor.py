"""Whether scalesearch works on this machine: each thing it needs is tried once, on a small scale."""

from __future__ import annotations

import shutil
import uuid
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from statistics import median
from typing import Any

from scalesearch.architecture.baselines import EFFICIENTNET_B0
from scalesearch.architecture.spec import Arch, Rounding, scale
from scalesearch.bench.finding import Finding, one_line
from scalesearch.bench.optional_parts import compiler, cuda, nvml, onnx
from scalesearch.files import write_bytes
from scalesearch.records.timing import Setup
from scalesearch.scaling import Multipliers
from scalesearch.workers.executor import Executor, TrialFailedError
from scalesearch.workers.jobs import MeasureSpec
from scalesearch.workers.trial import TrialSpec

__all__ = [
    "examine",
    "measurement",
    "measuring_is_right",
    "photographs",
    "space",
    "training_step",
    "writing",
]

LEAST_FREE_BYTES = 2**30


def examine(executor: Executor, *, folder: Path, device: str, log_dir: Path) -> Iterator[Finding]:
    """Tries everything, one finding after the other.

    Args:
        executor: runs what is tried in fresh processes.
        folder: where reports go.
        device: where a network is trained and measured: ``cpu``, ``cuda`` or ``cuda:N``.
        log_dir: where the executor's workers log.
    """
    yield writing(folder)
    yield space(folder)
    yield photographs()
    yield training_step(executor, device, log_dir)
    yield measurement(executor, device, log_dir)
    yield from measuring_is_right()
    yield onnx()
    yield compiler(device)
    yield cuda(device)
    yield nvml(device)


def writing(folder: Path) -> Finding:
    """Puts a file into the folder as reports are put there, reads it, and leaves nothing behind."""
    name = "writing reports"
    made = [place for place in (folder, *folder.parents) if not place.exists()]
    path = folder / f".doctor-{uuid.uuid4().hex}"
    try:
        write_bytes(path, b"written")
        read = path.read_bytes()
        path.unlink()
        for place in made:
            place.rmdir()
    except OSError as error:
        reason = f"{folder}: {error.strerror or error}"
        return Finding(name=name, outcome="failed", detail=reason, advice="name another folder with --out")
    if read != b"written":
        return Finding(
            name=name,
            outcome="failed",
            detail=f"{folder} gave back something else than was written",
            advice="check the disk, or name another folder with --out",
        )
    return Finding(name=name, outcome="ok", detail=f"{folder} takes files")


def space(folder: Path, least_bytes: int = LEAST_FREE_BYTES) -> Finding:
    """Whether there is room for reports and checkpoints."""
    name = "free space"
    there = next(place for place in (folder.absolute(), *folder.absolute().parents) if place.exists())
    try:
        free = shutil.disk_usage(there).free
    except OSError as error:
        detail = f"{folder}: {error.strerror or error}"
        return Finding(name=name, outcome="failed", detail=detail, advice="name another folder with --out")
    detail = f"{free / 2**30:.1f} GiB where {folder} is"
    if free < least_bytes:
        advice = f"free at least {least_bytes / 2**30:.2g} GiB, or name a folder on another disk with --out"
        return Finding(name=name, outcome="failed", detail=detail, advice=advice)
    return Finding(name=name, outcome="ok", detail=detail)


def photographs() -> Finding:
    """Whether the embedded photographs can be read."""
    from scalesearch.proxy.dataset import PHOTOGRAPHS

    broken = []
    for photograph in PHOTOGRAPHS:
        try:
            import skimage.data

            getattr(skimage.data, photograph)()
        except Exception as error:  # an image library has many ways to fail
            broken.append(f"{photograph} ({one_line(error)})")
    name = "embedded photographs"
    if broken:
        return Finding(
            name=name,
            outcome="failed",
            detail=", ".join(broken)[:300],
            advice="pip install --force-reinstall scikit-image, or train on your own: --dataset folder:PATH",
        )
    return Finding(name=name, outcome="ok", detail=f"all {len(PHOTOGRAPHS)} of them")


def training_step(executor: Executor, device: str, log_dir: Path) -> Finding:
    """Trains a tiny network for a step on the embedded photographs, in a fresh process."""
    from scalesearch.proxy.dataset import PHOTOGRAPHS, DataSpec
    from scalesearch.proxy.recipe import RECIPES

    spec = TrialSpec(
        key="doctor",
        arch=replace(_tiny(), classes=len(PHOTOGRAPHS)),
        recipe=replace(RECIPES["quick"], images=8, batch_size=8, looks=1).to_dict(),
        data=DataSpec(held_out=len(PHOTOGRAPHS)).to_dict(),
        device=device,
        threads=1,
        count=False,
    )

    def said(result: dict[str, Any]) -> str:
        seconds = result["train_seconds"]
        return f"a tiny network on {device}, one step in {seconds:.2g} s, in a fresh process"

    return _in_a_process("a training step", executor, spec.to_dict(), log_dir, said)


def measurement(executor: Executor, device: str, log_dir: Path) -> Finding:
    """Measures a tiny network's latency and memory in a fresh process."""
    setup = Setup(device=device)
    spec = MeasureSpec(key="doctor", arch=_tiny(), setup=setup, min_run_time_s=0.05)

    def said(result: dict[str, Any]) -> str:
        samples = result["samples_s"]
        return (
            f"a tiny network on {device}, {median(samples) * 1e3:.2f} ms from {len(samples)} samples, "
            "in a fresh process"
        )

    return _in_a_process("a measurement", executor, spec.to_dict(), log_dir, said)


def measuring_is_right() -> Iterator[Finding]:
    """The self-test of measuring: known times, noise, and pairs that differ or don't."""
    from scalesearch.bench.selftest import self_test

    name = "self-test"
    try:
        checks = self_test()
    except Exception as error:  # whatever it is, the other findings are still worth having
        advice = "the reason above is one of torch or of the system"
        yield Finding(name=name, outcome="failed", detail=one_line(error), advice=advice)
        return
    for check in checks:
        yield Finding(
            name=f"{name}: {check.name}",
            outcome="ok" if check.passed else "failed",
            detail=check.detail,
            advice="" if check.passed else "run it again while nothing else is busy on the machine",
        )


def _tiny() -> Arch:
    """EfficientNet-B0 at an eighth of its width, 16 px."""
    return scale(EFFICIENTNET_B0, Multipliers(width=0.125), Rounding(channel_divisor=1), resolution=16)


def _in_a_process(
    name: str,
    executor: Executor,
    job: dict[str, Any],
    log_dir: Path,
    said: Callable[[dict[str, Any]], str],
) -> Finding:
    try:
        result = executor.submit(job, lambda _done, _of: None).result()
    except TrialFailedError as error:
        reason, _, log = str(error).partition("; see logs/")
        last = _last_line(log_dir / log) if log else ""
        return Finding(
            name=name,
            outcome="failed",
            detail=f"{reason}: {last}" if last else reason,
            advice="check that torch works here: python -m torch.utils.collect_env",
        )
    return Finding(name=name, outcome="ok", detail=said(result))


def _last_line(log: Path) -> str:
    try:
        lines = log.read_text("utf-8", errors="replace").split("\n")
    except OSError:
        return ""
    return next((line.strip()[:300] for line in reversed(lines) if line.strip()), "")

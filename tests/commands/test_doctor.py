from __future__ import annotations

import itertools
import os
import shutil
import subprocess
import sys
from collections import namedtuple
from collections.abc import Callable
from concurrent.futures import Future
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import skimage.data
import torch

import scalesearch.commands.doctor.run as parts
import scalesearch.hardware.device as devices
from scalesearch.commands.doctor import run
from scalesearch.commands.doctor.run import Finding, works
from scalesearch.workers.executor import TrialFailedError
from scalesearch.workers.worker import TrialSpec, run_trial

Usage = namedtuple("Usage", "total used free")


class Fake:
    """An executor whose jobs end as they are told to."""

    def __init__(self, result: dict[str, Any] | Exception) -> None:
        self.result = result
        self.jobs: list[dict[str, Any]] = []

    def submit(self, job: dict[str, Any], on_step: object) -> Future[dict[str, Any]]:
        self.jobs.append(job)
        future: Future[dict[str, Any]] = Future()
        if isinstance(self.result, Exception):
            future.set_exception(self.result)
        else:
            future.set_result(self.result)
        return future

    def shutdown(self, *, kill: bool = False) -> None:
        pass


def self_test(monkeypatch: pytest.MonkeyPatch, outcome: tuple[bool, str] | Exception) -> None:
    """Has each check of the self-test come out like this."""

    def patiently(*_: object, **__: object) -> SimpleNamespace:
        if isinstance(outcome, Exception):
            raise outcome
        return SimpleNamespace(passed=outcome[0], detail=outcome[1])

    monkeypatch.setattr("scalesearch.commands.doctor.selftest.patiently", patiently)


def test_writing_leaves_nothing_behind(tmp_path: Path) -> None:
    there = tmp_path / "reports"
    there.mkdir()
    (there / "run.toml").write_text("")
    assert run.writing(there) == Finding(name="writing reports", outcome="ok", detail=f"{there} takes files")
    assert [path.name for path in there.iterdir()] == ["run.toml"]
    assert run.writing(tmp_path / "a" / "b").outcome == "ok"
    assert not (tmp_path / "a").exists()


def test_a_folder_that_cannot_be_written(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_text("")
    found = run.writing(file)
    assert (found.outcome, found.needed) == ("failed", True)
    assert found.detail.startswith(f"{file}: ")
    assert found.advice == "name another folder with --out"
    assert file.read_text() == ""


def test_a_disk_that_gives_back_something_else(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(run, "write_bytes", lambda path, _content: path.write_bytes(b"writ"))
    assert run.writing(tmp_path).outcome == "failed"
    assert not list(tmp_path.iterdir())


def test_free_space_is_that_of_the_nearest_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[Path] = []

    def usage(path: Path) -> Usage:
        asked.append(path)
        return Usage(0, 0, 3 * 2**29)

    monkeypatch.setattr(shutil, "disk_usage", usage)
    folder = tmp_path / "not" / "yet"
    assert run.space(folder) == Finding(name="free space", outcome="ok", detail=f"1.5 GiB where {folder} is")
    assert asked == [tmp_path]
    short = run.space(folder, 2**31)
    assert (short.outcome, short.advice) == (
        "failed",
        "free at least 2 GiB, or name a folder on another disk with --out",
    )


def test_the_photographs(monkeypatch: pytest.MonkeyPatch) -> None:
    assert run.photographs().detail == "all 18 of them"

    def lost() -> None:
        raise FileNotFoundError("no such image")

    monkeypatch.setattr(skimage.data, "coins", lost)
    found = run.photographs()
    assert (found.outcome, found.detail) == ("failed", "coins (no such image)")


def test_the_training_step_is_one_that_runs(tmp_path: Path) -> None:
    fake = Fake({"train_seconds": 0.1234})
    found = run.training_step(fake, "cpu", tmp_path)
    assert found.detail == "a tiny network on cpu, one step in 0.12 s, in a fresh process"
    steps: list[tuple[int, int]] = []
    result = run_trial(TrialSpec.from_dict(fake.jobs[0]), lambda *step: steps.append(step))
    assert result.complete
    assert steps[-1] == (1, 1)


def test_the_measurement_names_its_device(tmp_path: Path) -> None:
    fake = Fake({"samples_s": [0.003, 0.001, 0.002]})
    found = run.measurement(fake, "cuda:1", tmp_path)
    assert found.detail == "a tiny network on cuda:1, 2.00 ms from 3 samples, in a fresh process"
    assert fake.jobs[0]["kind"] == "measure"
    assert fake.jobs[0]["setup"]["device"] == "cuda:1"


def test_a_graph_is_tried_where_there_is_cuda_and_gradients_on_mps(tmp_path: Path) -> None:
    fake = Fake({"samples_s": [0.003, 0.001, 0.002]})

    def names(device: str) -> list[tuple[str, bool]]:
        steps = run.steps(fake, folder=tmp_path, device=device, log_dir=tmp_path)
        return [(step.name, step.needed) for step in steps]

    assert set(names("cuda:1")) - set(names("cpu")) == {("GPU", True), ("a CUDA graph", False)}
    assert set(names("mps")) - set(names("cpu")) == {("GPU", True), ("gradients", True)}
    found = run.captured(fake, "cuda:1", tmp_path)
    assert (found.name, found.outcome, found.needed) == ("a CUDA graph", "ok", False)
    assert found.detail == "a tiny network's training step recorded and replayed in 2.00 ms"
    assert {name: fake.jobs[-1]["setup"][name] for name in ("runtime", "mode", "device")} == {
        "runtime": "graph",
        "mode": "training",
        "device": "cuda:1",
    }
    failed = run.captured(Fake(TrialFailedError("not permitted when stream is capturing")), "cuda", tmp_path)
    assert (failed.outcome, failed.needed) == ("failed", False)
    assert run.measurement(fake, "mps", tmp_path).outcome == "ok"
    assert fake.jobs[-1]["setup"]["channels_last"] is False


def test_gradients_are_compared(monkeypatch: pytest.MonkeyPatch) -> None:
    assert run.gradients("cpu").outcome == "ok"
    monkeypatch.setattr("scalesearch.hardware.gradients.disagreement", lambda *_: "stem is off by 50%")
    found = run.gradients("cpu")
    assert (found.outcome, found.advice) == ("failed", "train with --device cpu")
    assert "stem is off by 50%" in found.detail


def test_a_process_that_fails_says_why(tmp_path: Path) -> None:
    said = run.training_step(Fake(TrialFailedError("no module torch")), "cpu", tmp_path)
    assert (said.outcome, said.detail) == ("failed", "no module torch")
    (tmp_path / "doctor.train.log").write_text("one\nIllegal instruction\n\n")
    died = TrialFailedError("the worker was killed by SIGILL; see logs/doctor.train.log")
    assert (
        run.training_step(Fake(died), "cpu", tmp_path).detail
        == "the worker was killed by SIGILL: Illegal instruction"
    )
    gone = TrialFailedError("the worker was killed by SIGILL; see logs/other.log")
    assert run.training_step(Fake(gone), "cpu", tmp_path).detail == "the worker was killed by SIGILL"


def test_each_check_of_the_self_test_is_a_finding(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(run, "busy", lambda: "")
    name, ends = "injected noise is flagged", []
    self_test(monkeypatch, (True, "10 ms"))
    good = run.measuring_is_right(name, ends)
    assert good == Finding(name=f"self-test: {name}", outcome="ok", detail="10 ms")
    assert len(ends) == 1, "the first check sets when all have to end"
    self_test(monkeypatch, (False, "not flagged"))
    bad = run.measuring_is_right(name, ends)
    assert (bad.outcome, bad.detail) == ("failed", "not flagged")
    assert bad.advice
    assert len(ends) == 1
    self_test(monkeypatch, RuntimeError("no\nclock"))
    broken = run.measuring_is_right(name, ends)
    assert (broken.outcome, broken.detail) == ("failed", "no clock")
    assert not works([broken])


def test_what_a_busy_machine_keeps_from_being_known_is_a_warning(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(run, "busy", lambda: "load 9.0 on 2 cores")
    self_test(monkeypatch, (False, "ratio 1.8; 3 attempts"))
    timed = run.measuring_is_right("A is told from 2A", [])
    assert timed.outcome == "warning"
    assert timed.detail == "ratio 1.8; 3 attempts; the machine is busy: load 9.0 on 2 cores"
    assert works([timed])
    # What is broken is broken, however busy the machine.
    self_test(monkeypatch, RuntimeError("no clock"))
    assert run.measuring_is_right("A is told from 2A", []).outcome == "failed"
    assert run.training_step(Fake(TrialFailedError("no module torch")), "cpu", tmp_path).outcome == "failed"


@pytest.mark.parametrize(("around", "outcome"), [("", "failed"), ("load 9.0 on 2 cores", "warning")])
def test_a_process_that_gives_no_result_in_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, around: str, outcome: str
) -> None:
    monkeypatch.setattr(run, "busy", lambda: around)
    found = run.training_step(Fake(TimeoutError()), "cpu", tmp_path)
    assert found.outcome == outcome
    assert found.detail.startswith("no result within 20 s; " if around else "no result within 45 s")


def test_busy_is_what_the_load_or_the_share_of_a_core_shows(monkeypatch: pytest.MonkeyPatch) -> None:
    load = {"load_1m": 0.5}
    monkeypatch.setattr("scalesearch.hardware.machine.conditions", lambda: load)
    monkeypatch.setattr("scalesearch.hardware.machine.usable_cores", lambda: 2)

    def ticks(step: float) -> Callable[[], float]:
        counter = itertools.count()
        return lambda: step * next(counter)

    def got(share: float) -> str:
        """A clock that is looked at for 21 times, and its time as far as this process had a core."""
        clock, used = ticks(0.01), iter((0.0, share * 0.21))
        return run.busy(clock, lambda: next(used))

    assert got(1.1) == ""
    assert got(0.5).startswith("a process gets ")
    load["load_1m"] = 2.5
    assert got(1.1) == "load 2.5 on 2 cores"
    del load["load_1m"]  # on Windows
    assert got(1.1) == ""


def test_everything_is_tried_whatever_fails(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    self_test(monkeypatch, RuntimeError("no clock"))
    (tmp_path / "file").write_text("")
    steps = run.steps(
        Fake(TrialFailedError("broken")), folder=tmp_path / "file", device="cpu", log_dir=tmp_path
    )
    found = [step.examine() for step in steps]
    assert [(finding.name, finding.needed) for finding in found] == [
        (step.name, step.needed) for step in steps
    ]
    assert [finding.name for finding in found] == [
        "writing reports",
        "free space",
        "torch.compile",
        "GPU",
        "NVML",
        "embedded photographs",
        "a training step",
        "a measurement",
        "self-test: a known time is measured",
        "self-test: injected noise is flagged",
        "self-test: A is told from 2A",
        "self-test: A is not told from A",
        "ONNX",
    ]
    assert all(finding.advice for finding in found if finding.outcome != "ok")
    assert {f.name for f in found if not f.needed} == {"ONNX", "torch.compile", "GPU", "NVML"}


def test_only_what_is_needed_decides() -> None:
    fine = Finding(name="a", outcome="ok", detail="")
    assert works([fine, Finding(name="b", outcome="missing", detail="", needed=False)])
    assert works([fine, Finding(name="b", outcome="failed", detail="", needed=False)])
    assert works([fine, Finding(name="b", outcome="warning", detail="")])
    assert not works([fine, Finding(name="b", outcome="failed", detail="")])
    assert not works([fine, Finding(name="b", outcome="missing", detail="")])


def test_onnx_that_is_not_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parts, "missing_onnx", lambda: ("onnxruntime",))
    assert parts.onnx() == Finding(
        name="ONNX",
        outcome="missing",
        detail="no onnxruntime",
        advice="pip install 'scalesearch[onnx]'",
        needed=False,
    )
    monkeypatch.setattr(parts, "missing_onnx", lambda: ())
    monkeypatch.setattr(parts, "version", lambda name: f"1 of {name}")
    assert parts.onnx().detail == "onnx 1 of onnx, onnxruntime 1 of onnxruntime, onnxscript 1 of onnxscript"


def test_no_compiler() -> None:
    found = parts.compiler(environment={"CXX": "no-such-compiler"})
    assert (found.outcome, found.detail, found.needed) == (
        "missing",
        "no C++ compiler no-such-compiler",
        False,
    )


def test_no_triton_on_a_gpu(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parts, "find_spec", lambda _name: None)
    assert parts.compiler("cuda").detail == "no Triton"
    assert parts.compiler("cpu").detail != "no Triton"


@pytest.mark.skipif(sys.platform != "linux", reason="the compiler is tried on Linux alone")
def test_a_compiler_that_does_not_compile(tmp_path: Path) -> None:
    broken = tmp_path / "c++"
    broken.write_text("#!/bin/sh\necho 'note: x' >&2; echo 'fatal error: Python.h: no' >&2; exit 1\n")
    broken.chmod(0o755)
    found = parts.compiler(environment={"CXX": str(broken)})
    assert found.outcome == "failed"
    assert found.detail == f"{broken} can't compile for Python: fatal error: Python.h: no"
    broken.write_text("#!/bin/sh\nexit 0\n")
    assert parts.compiler(environment={"CXX": str(broken)}).outcome == "ok"


def test_a_cpu_without_a_driver_loads_no_torch() -> None:
    code = (
        "import sys, pathlib; import scalesearch.hardware.device as d; d.DRIVER_NODES = ();"
        "import scalesearch.commands.doctor.run as p; f = p.accelerator('cpu'); "
        "assert f.outcome == 'missing' and not f.needed, f; assert 'torch' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)


def test_a_driver_that_torch_cannot_use(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(devices, "DRIVER_NODES", (tmp_path,))
    monkeypatch.setattr(torch.accelerator, "current_accelerator", lambda: None)
    monkeypatch.setattr(torch.accelerator, "is_available", lambda: False)
    found = parts.accelerator("cpu")
    assert (found.outcome, found.needed) == ("missing", False)
    assert (
        found.detail
        == f"there may be a driver, but torch {torch.__version__} (built without one) sees no GPU"
    )
    assert parts.accelerator("cuda").needed
    monkeypatch.setattr(torch.accelerator, "current_accelerator", lambda: torch.device("xpu"))
    assert "(built for XPU" in parts.accelerator("cpu").detail


@pytest.mark.parametrize("kind", ["cuda", "xpu"])
def test_the_gpus_that_torch_sees(kind: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(devices, "DRIVER_NODES", (tmp_path,))
    monkeypatch.setattr(torch.accelerator, "current_accelerator", lambda: torch.device(kind))
    monkeypatch.setattr(torch.accelerator, "is_available", lambda: True)
    monkeypatch.setattr(torch.accelerator, "device_count", lambda: 2)
    monkeypatch.setattr(getattr(torch, kind), "get_device_name", lambda device: "AB"[device.index])
    assert parts.accelerator("cpu").detail == f"{kind}:0 A, {kind}:1 B"


def test_nvml(monkeypatch: pytest.MonkeyPatch) -> None:
    import scalesearch.hardware.machine as module

    monkeypatch.setattr(module, "nvml_works", lambda: False)
    assert (parts.nvml("cuda").outcome, parts.nvml("cuda").needed) == ("missing", False)
    monkeypatch.setattr(module, "nvml_works", lambda: True)
    monkeypatch.setattr(module, "gpu_state", lambda _device: {"sm_mhz": 1980, "throttle": []})
    assert parts.nvml("cuda").detail == "sm_mhz 1980"
    assert parts.nvml("cpu").detail == "the driver answers"


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root writes anywhere")
def test_a_folder_without_permission(tmp_path: Path) -> None:
    tmp_path.chmod(0o555)
    try:
        assert run.writing(tmp_path / "x").outcome == "failed"
    finally:
        tmp_path.chmod(0o755)

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections import namedtuple
from concurrent.futures import Future
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import skimage.data
import torch

import scalesearch.bench.optional_parts as parts
import scalesearch.measure.device as devices
from scalesearch.bench import doctor
from scalesearch.bench.finding import Finding, one_line, works
from scalesearch.workers.executor import TrialFailedError
from scalesearch.workers.trial import TrialSpec, run_trial

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


def self_test(monkeypatch: pytest.MonkeyPatch, *checks: tuple[str, bool, str] | Exception) -> None:
    def test() -> tuple[SimpleNamespace, ...]:
        for check in checks:
            if isinstance(check, Exception):
                raise check
        return tuple(SimpleNamespace(name=c[0], passed=c[1], detail=c[2]) for c in checks)  # type: ignore[index]

    monkeypatch.setitem(sys.modules, "scalesearch.bench.selftest", SimpleNamespace(self_test=test))


def test_writing_leaves_nothing_behind(tmp_path: Path) -> None:
    there = tmp_path / "reports"
    there.mkdir()
    (there / "run.toml").write_text("")
    assert doctor.writing(there) == Finding(
        name="writing reports", outcome="ok", detail=f"{there} takes files"
    )
    assert [path.name for path in there.iterdir()] == ["run.toml"]
    assert doctor.writing(tmp_path / "a" / "b").outcome == "ok"
    assert not (tmp_path / "a").exists()


def test_a_folder_that_cannot_be_written(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_text("")
    found = doctor.writing(file)
    assert (found.outcome, found.needed) == ("failed", True)
    assert found.detail.startswith(f"{file}: ")
    assert found.advice == "name another folder with --out"
    assert file.read_text() == ""


def test_a_disk_that_gives_back_something_else(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doctor, "write_bytes", lambda path, _content: path.write_bytes(b"writ"))
    assert doctor.writing(tmp_path).outcome == "failed"
    assert not list(tmp_path.iterdir())


def test_free_space_is_that_of_the_nearest_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[Path] = []

    def usage(path: Path) -> Usage:
        asked.append(path)
        return Usage(0, 0, 3 * 2**29)

    monkeypatch.setattr(shutil, "disk_usage", usage)
    folder = tmp_path / "not" / "yet"
    assert doctor.space(folder) == Finding(
        name="free space", outcome="ok", detail=f"1.5 GiB where {folder} is"
    )
    assert asked == [tmp_path]
    short = doctor.space(folder, 2**31)
    assert (short.outcome, short.advice) == (
        "failed",
        "free at least 2 GiB, or name a folder on another disk with --out",
    )


def test_the_photographs(monkeypatch: pytest.MonkeyPatch) -> None:
    assert doctor.photographs().detail == "all 18 of them"

    def lost() -> None:
        raise FileNotFoundError("no such image")

    monkeypatch.setattr(skimage.data, "coins", lost)
    found = doctor.photographs()
    assert (found.outcome, found.detail) == ("failed", "coins (no such image)")


def test_the_training_step_is_one_that_runs(tmp_path: Path) -> None:
    fake = Fake({"train_seconds": 0.1234})
    found = doctor.training_step(fake, "cpu", tmp_path)
    assert found.detail == "a tiny network on cpu, one step in 0.12 s, in a fresh process"
    steps: list[tuple[int, int]] = []
    result = run_trial(TrialSpec.from_dict(fake.jobs[0]), lambda *step: steps.append(step))
    assert result.complete
    assert steps[-1] == (1, 1)


def test_the_measurement_names_its_device(tmp_path: Path) -> None:
    fake = Fake({"samples_s": [0.003, 0.001, 0.002]})
    found = doctor.measurement(fake, "cuda:1", tmp_path)
    assert found.detail == "a tiny network on cuda:1, 2.00 ms from 3 samples, in a fresh process"
    assert fake.jobs[0]["kind"] == "measure"
    assert fake.jobs[0]["setup"]["device"] == "cuda:1"


def test_a_process_that_fails_says_why(tmp_path: Path) -> None:
    said = doctor.training_step(Fake(TrialFailedError("no module torch")), "cpu", tmp_path)
    assert (said.outcome, said.detail) == ("failed", "no module torch")
    (tmp_path / "doctor.train.log").write_text("one\nIllegal instruction\n\n")
    died = TrialFailedError("the worker was killed by SIGILL; see logs/doctor.train.log")
    assert (
        doctor.training_step(Fake(died), "cpu", tmp_path).detail
        == "the worker was killed by SIGILL: Illegal instruction"
    )
    gone = TrialFailedError("the worker was killed by SIGILL; see logs/other.log")
    assert doctor.training_step(Fake(gone), "cpu", tmp_path).detail == "the worker was killed by SIGILL"


def test_each_check_of_the_self_test_is_a_finding(monkeypatch: pytest.MonkeyPatch) -> None:
    self_test(monkeypatch, ("sleep", True, "10 ms"), ("noise", False, "not flagged"))
    good, bad = doctor.measuring_is_right()
    assert good == Finding(name="self-test: sleep", outcome="ok", detail="10 ms")
    assert (bad.name, bad.outcome, bad.detail) == ("self-test: noise", "failed", "not flagged")
    assert bad.advice
    self_test(monkeypatch, RuntimeError("no\nclock"))
    assert [f.detail for f in doctor.measuring_is_right()] == ["no clock"]
    assert not works(doctor.measuring_is_right())


def test_everything_is_tried_whatever_fails(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    self_test(monkeypatch, RuntimeError("no clock"))
    (tmp_path / "file").write_text("")
    found = list(
        doctor.examine(
            Fake(TrialFailedError("broken")), folder=tmp_path / "file", device="cpu", log_dir=tmp_path
        )
    )
    assert [finding.name for finding in found] == [
        "writing reports",
        "free space",
        "embedded photographs",
        "a training step",
        "a measurement",
        "self-test",
        "ONNX",
        "torch.compile",
        "CUDA",
        "NVML",
    ]
    assert all(finding.advice for finding in found if finding.outcome != "ok")
    assert {f.name for f in found if not f.needed} == {"ONNX", "torch.compile", "CUDA", "NVML"}


def test_only_what_is_needed_decides() -> None:
    fine = Finding(name="a", outcome="ok", detail="")
    assert works([fine, Finding(name="b", outcome="missing", detail="", needed=False)])
    assert works([fine, Finding(name="b", outcome="failed", detail="", needed=False)])
    assert not works([fine, Finding(name="b", outcome="failed", detail="")])
    assert not works([fine, Finding(name="b", outcome="missing", detail="")])


def test_one_line_of_an_error() -> None:
    assert one_line(ValueError("a\n  b")) == "a b"
    assert one_line(ValueError()) == "ValueError"
    assert len(one_line("x" * 999)) == 300


def test_onnx_that_is_not_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parts, "find_spec", lambda name: None if name == "onnxruntime" else object())
    assert parts.onnx() == Finding(
        name="ONNX",
        outcome="missing",
        detail="no onnxruntime",
        advice='pip install "scalesearch[onnx]"',
        needed=False,
    )
    monkeypatch.setattr(parts, "find_spec", lambda _name: object())
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
        "import sys, pathlib; import scalesearch.measure.device as d; d.DRIVER_NODES = ();"
        "import scalesearch.bench.optional_parts as p; f = p.cuda('cpu'); "
        "assert f.outcome == 'missing' and not f.needed, f; assert 'torch' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)


def test_a_driver_that_torch_cannot_use(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(devices, "DRIVER_NODES", (tmp_path,))
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    found = parts.cuda("cpu")
    assert (found.outcome, found.needed) == ("missing", False)
    assert found.detail.startswith("there is a driver, but torch ")
    assert parts.cuda("cuda").needed
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    monkeypatch.setattr(torch.cuda, "get_device_name", lambda index: "AB"[index])
    assert parts.cuda("cuda").detail == "cuda:0 A, cuda:1 B"


def test_nvml(monkeypatch: pytest.MonkeyPatch) -> None:
    import scalesearch.measure.nvml as module

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
        assert doctor.writing(tmp_path / "x").outcome == "failed"
    finally:
        tmp_path.chmod(0o755)

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import pytest
from click.testing import Result

from scalesearch.commands.doctor import run as bench
from scalesearch.commands.doctor.run import Finding
from scalesearch.hardware.machine import machine

Run = Callable[..., Result]
OK = Finding(name="a training step", outcome="ok", detail="one step [bold] in 0.1 s")
NO_ONNX = Finding(
    name="ONNX", outcome="missing", detail="no onnx", advice="pip install 'scalesearch[onnx]'", needed=False
)
BROKEN = Finding(name="a measurement", outcome="failed", detail="no torch", advice="install torch")


@pytest.fixture
def finds(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Has the doctor find what it is told to."""

    def find(*findings: Finding) -> None:
        steps = tuple(bench.Step(f.name, f.needed, lambda f=f: f) for f in findings)
        monkeypatch.setattr(bench, "steps", lambda *_, **__: steps)

    return find


def test_the_machine_and_what_works(run: Run, finds: Callable[..., None], tmp_path: Path) -> None:
    finds(OK, NO_ONNX)
    result = run("doctor", "--device=cpu", f"--out={tmp_path}")
    assert result.exit_code == 0, result.output
    facts = machine("cpu")
    lines = [line.split(None, 1) for line in result.stdout.splitlines() if line.strip()]
    assert ["key", facts["key"]] in [[word.strip() for word in line] for line in lines]
    assert str(facts["cpu"]) in result.stdout
    assert result.stdout.endswith(
        "What works\n"
        "[1/2] a training step  ok       one step [bold] in 0.1 s\n"
        "[2/2] ONNX (optional)  missing  no onnx\n"
        "    -> pip install 'scalesearch[onnx]'\n"
    )


def test_each_line_is_there_as_its_check_ends(
    run: Run, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Whether or not anybody watches: the name of what is tried first, then what came of it."""
    written: list[str] = []
    monkeypatch.setattr("scalesearch.cli.doctor.echo", lambda text, **_: written.append(text))
    seen: list[str] = []

    def examine(finding: Finding) -> Finding:
        seen.append(written[-1])
        return finding

    steps = tuple(bench.Step(f.name, f.needed, lambda f=f: examine(f)) for f in (OK, NO_ONNX))
    monkeypatch.setattr(bench, "steps", lambda *_, **__: steps)
    run("doctor", "--device=cpu", f"--out={tmp_path}")
    assert seen == ["[1/2] a training step  ", "[2/2] ONNX (optional)  "]
    assert written[-1] == "    -> pip install 'scalesearch[onnx]'"


def test_a_warning_ends_with_0(run: Run, finds: Callable[..., None], tmp_path: Path) -> None:
    finds(OK, Finding(name="self-test: A", outcome="warning", detail="the machine is busy", advice="again"))
    result = run("doctor", "--device=cpu", f"--out={tmp_path}")
    assert (result.exit_code, result.stderr) == (0, "")
    assert "[2/2] self-test: A     warning  the machine is busy\n" in result.stdout


def test_what_is_needed_and_fails_ends_with_1(run: Run, finds: Callable[..., None], tmp_path: Path) -> None:
    finds(OK, BROKEN, NO_ONNX)
    result = run("doctor", "--device=cpu", f"--out={tmp_path}")
    assert result.exit_code == 1
    assert "[2/3] a measurement    failed   no torch\n" in result.stdout
    assert result.stderr.endswith("Error: not everything that is needed works: a measurement\n")


def test_json_holds_every_fact(run: Run, finds: Callable[..., None], tmp_path: Path) -> None:
    finds(OK, BROKEN)
    result = run("doctor", "--device=cpu", f"--out={tmp_path}", "--format=json")
    assert result.exit_code == 1
    report = json.loads(result.stdout)
    assert "[2/2] a measurement    failed   no torch\n" in result.stderr
    assert report["machine"] == machine("cpu")
    assert report["works"] is False
    assert report["findings"][1] == {
        "name": "a measurement",
        "outcome": "failed",
        "detail": "no torch",
        "advice": "install torch",
        "needed": True,
    }


def test_a_device_that_is_not_there(run: Run) -> None:
    result = run("doctor", "--device=tpu")
    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr.startswith("Error: --device must be cpu or an available device, got 'tpu'")


def test_all_of_it_on_this_machine(run: Run, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Real processes; the self-test, which needs quiet around it, is a test of its own."""
    check = SimpleNamespace(passed=True, detail="10 ms")
    monkeypatch.setattr("scalesearch.commands.doctor.selftest.patiently", lambda *_, **__: check)
    monkeypatch.setattr(bench, "busy", lambda: "")
    monkeypatch.setattr(bench, "WAIT_S", 240.0)
    out = tmp_path / "reports"
    result = run("doctor", "--device=cpu", f"--out={out}", "--format=json")
    report = json.loads(result.stdout)
    outcomes = {finding["name"]: finding["outcome"] for finding in report["findings"]}
    assert outcomes["a training step"] == outcomes["a measurement"] == "ok", report
    assert outcomes["self-test: A is told from 2A"] == outcomes["writing reports"] == "ok"
    assert not out.exists()

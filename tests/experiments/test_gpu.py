"""The program that runs all that needs a GPU: its parts, its clock, its table."""

from __future__ import annotations

import importlib.util
import json
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from types import ModuleType, SimpleNamespace

import pytest

PROGRAM = Path(__file__).parents[2] / "experiments" / "benchmarks" / "gpu.py"
FACTS = {
    "machine": {"gpu": "NVIDIA H100", "driver": "580.1", "cuda": "13.0", "torch": "2.11.0", "cores": 16},
    "versions": {"torch": "2.11.0"},
    "uuid": "GPU-1",
}


@pytest.fixture
def gpu(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    spec = importlib.util.spec_from_file_location("gpu_program", PROGRAM)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    monkeypatch.setitem(sys.modules, "gpu_program", module)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def call(gpu: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., dict[str, str]]:
    """Runs the program with the given parts; says how each ended."""
    monkeypatch.setattr(gpu, "machine", lambda _device: FACTS)
    monkeypatch.setattr(gpu, "GRACE_S", 6.0)

    def run(codes: dict[str, tuple[str, float]], *options: str) -> dict[str, str]:
        made = tuple(gpu.Part(name, ("-c", code), limit, name) for name, (code, limit) in codes.items())
        monkeypatch.setattr(gpu, "parts", lambda _options: made)
        monkeypatch.setattr(sys, "argv", ["gpu.py", f"--out={tmp_path}", *options])
        gpu.main()
        return {outcome.part: outcome.how for outcome in gpu.outcomes(tmp_path)}

    return run


@pytest.mark.slow
def test_a_part_that_fails_or_takes_too_long_does_not_stop_the_others(
    call: Callable[..., dict[str, str]], tmp_path: Path
) -> None:
    # It takes Ctrl-C for a sign to write down what it has.
    slow = (
        "import time\nprint('begun', flush=True)\n"
        "try:\n    time.sleep(60)\nexcept KeyboardInterrupt:\n    print('kept', flush=True)\n    time.sleep(60)"
    )
    codes = {
        "tests": ("raise SystemExit('broken')", 90.0),
        "grid": (slow, 4.0),
        "law": ("print('fine')", 90.0),
    }
    assert call(codes) == {"tests": "failed", "grid": "out of time", "law": "done"}
    assert (tmp_path / "grid.log").read_text() == "begun\nkept\n"
    page = (tmp_path / "summary.md").read_text("utf-8")
    assert page.startswith("# NVIDIA H100\n\nDriver 580.1, CUDA 13.0, torch 2.11.0")
    assert "| tests | failed | 0 | broken |" in page
    assert "| grid | out of time |" in page


def test_a_second_call_runs_what_is_not_finished(call: Callable[..., dict[str, str]], tmp_path: Path) -> None:
    counts = tmp_path / "counts"
    note = f"open({str(counts)!r}, 'a').write('{{}}')"
    codes = {"tests": (note.format("t"), 90.0), "law": (f"{note.format('l')}; raise SystemExit(1)", 90.0)}
    assert call(codes, "--parts=tests,law") == {"tests": "done", "law": "failed"}
    mended = codes | {"law": (note.format("L"), 90.0)}
    assert call(mended, "--parts=law") == {"tests": "done", "law": "done"}
    call(mended)
    assert counts.read_text() == "tlL"
    run = tmp_path / "law" / "run.toml"
    run.parent.mkdir()
    run.touch()
    call(mended, "--again")
    assert counts.read_text() == "tlLtL"
    assert not run.exists()


def test_the_seconds_of_a_part_that_goes_on_add_up(
    gpu: ModuleType, call: Callable[..., dict[str, str]], tmp_path: Path
) -> None:
    (tmp_path / "parts.json").write_text(json.dumps([gpu.Outcome("grid", "out of time", 100.0).__dict__]))
    assert call({"grid": ("print('finished')", 90.0)}) == {"grid": "done"}
    (outcome,) = gpu.outcomes(tmp_path)
    assert 100 <= outcome.seconds < 109


def test_without_time_nothing_is_begun(call: Callable[..., dict[str, str]]) -> None:
    codes = {"tests": ("raise SystemExit('begun')", 90.0)}
    assert call(codes, "--minutes=0.001") == {"tests": "no time left"}


def test_every_goal_is_read_from_what_the_parts_write(gpu: ModuleType, tmp_path: Path) -> None:
    """Each from files as the parts write them, just reached; the same a little off are not."""

    def write(slack: float) -> None:
        training = {
            "beyond_steady_s": [9.0, 2.5 / slack, 0.1],
            "comparisons": [
                _compared("one run", 8000 * slack, {"plain eager loop, pixels on the device": 9 * slack}),
                _compared("group", 25_000 * slack, {}),
                _compared("group, large batch", 55_000 * slack, {}),
                _compared(
                    "B0", 4400 * slack, {"plain eager": 1.0, "timm, as its benchmark does, AMP": 0.95 * slack}
                ),
            ],
        }
        (tmp_path / "training.json").write_text(json.dumps(training))
        inference = {
            "comparisons": [_compared(name, 1.0, {"timm": 0.951 * slack}) for name in ("float32", "bfloat16")]
        }
        (tmp_path / "inference.json").write_text(json.dumps(inference))
        failures = 0 if slack >= 1 else 1
        (tmp_path / "tests.xml").write_text(
            f'<testsuites><testsuite tests="30" skipped="4" errors="0" failures="{failures}"/></testsuites>'
        )
        for folder in ("grid", "law", "measure", "compile"):
            (tmp_path / folder).mkdir(exist_ok=True)
        runs = [f"completed,{64_000 * slack}" for _ in range(24)]
        (tmp_path / "grid" / "runs.csv").write_text("\n".join(["status,images_seen", *runs]))
        busy = ["5,1", "59,1", f"61,{80 * slack}", f"150,{80 * slack}"]
        (tmp_path / "busy.csv").write_text("\n".join(["seconds,gpu_percent", *busy]))
        (tmp_path / "law" / "laws.csv").write_text(f"median_error\n0.02\n{0.0999 / slack}\n")
        for folder, rows in (("measure", 64), ("compile", 1)):
            count = rows if slack >= 1 else rows - 1
            outcomes = ["measured"] * count + ["failed"]
            (tmp_path / folder / "measurements.csv").write_text("\n".join(["outcome", *outcomes]))
        (tmp_path / "parts.json").write_text(json.dumps([gpu.Outcome("grid", "done", 180 / slack).__dict__]))

    def verdicts() -> dict[str, str]:
        return {row["what"]: row["verdict"] for row in gpu.summary(tmp_path, FACTS, False)[1]}

    assert set(verdicts().values()) == {"not measured"}
    write(1.0)
    assert set(verdicts().values()) == {"reached"}, verdicts()
    write(0.99)
    assert set(verdicts().values()) == {"not reached"}, verdicts()


def _compared(key: str, speed: float, ratios: dict[str, float]) -> dict[str, object]:
    return {"key": key, "medians": {"scalesearch": speed, **dict.fromkeys(ratios, 1.0)}, "ratios": ratios}


def test_tests_that_were_all_skipped_reach_nothing(gpu: ModuleType, tmp_path: Path) -> None:
    (tmp_path / "tests.xml").write_text('<testsuite tests="4" skipped="4" errors="0" failures="0"/>')
    assert gpu.failed_tests(tmp_path) is None


def test_how_busy_the_gpu_is(gpu: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []
    fake = SimpleNamespace(
        nvmlInit=lambda: None,
        nvmlDeviceGetHandleByUUID=lambda uuid: asked.append(uuid) or uuid,
        nvmlDeviceGetUtilizationRates=lambda _handle: SimpleNamespace(gpu=37),
    )
    monkeypatch.setitem(sys.modules, "pynvml", fake)
    monkeypatch.setattr(gpu, "SAMPLE_S", 0.001)
    busy, ended = gpu.Busy("GPU-1"), threading.Event()
    watch = threading.Thread(target=busy.watch, args=(ended,))
    watch.start()
    while len(busy.samples) < 3:
        time.sleep(0.001)
    ended.set()
    watch.join()
    assert asked == ["GPU-1"]
    assert {percent for _, percent in busy.samples} == {37.0}
    monkeypatch.setitem(sys.modules, "pynvml", SimpleNamespace())
    nothing = gpu.Busy("GPU-1")
    nothing.watch(threading.Event())
    assert nothing.samples == []


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (
            ["--parts=grid,nets"],
            "`--parts` must be some of tests, training, grid, measure, law, inference, compile",
        ),
        (["--minutes=0"], "`--minutes` must be > 0, got 0"),
        (["--timm-benchmark=/nowhere.py"], "`--timm-benchmark` must be a file, got /nowhere.py"),
    ],
)
def test_bad_input(
    gpu: ModuleType,
    options: list[str],
    message: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(sys, "argv", ["gpu.py", "--out=x", *options])
    with pytest.raises(SystemExit) as ended:
        gpu.main()
    assert ended.value.code == 2
    assert message in capsys.readouterr().err


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_all_of_it_at_a_tiny_size_on_a_cpu(tmp_path: Path) -> None:
    called = subprocess.run(
        [sys.executable, str(PROGRAM), f"--out={tmp_path}", "--device=cpu", "--quick", "--minutes=14"],
        capture_output=True,
        text=True,
        timeout=890,
        check=False,
    )
    assert called.returncode == 0, called.stderr
    results = json.loads((tmp_path / "results.json").read_text("utf-8"))
    ended = {part["part"]: part["how"] for part in json.loads((tmp_path / "parts.json").read_text("utf-8"))}
    # Compiling may take longer than the minute that it has, on a slow machine.
    assert {name: how for name, how in ended.items() if name != "compile"} == dict.fromkeys(
        ("tests", "training", "grid", "measure", "law", "inference"), "done"
    ), {log.name: log.read_text("utf-8")[-500:] for log in tmp_path.glob("*.log")}
    missing = {goal["what"] for goal in results["goals"] if goal["got"] is None}
    assert missing <= {
        "tests on the GPU that fail",
        "GPU busy, % after the first minute",
        "rows of b0..b7, compiled in a minute",
    }
    assert "A trial of the script at a tiny size: its figures say nothing." in called.stdout
    for folder in ("grid", "measure", "law", "compile"):
        assert (tmp_path / folder / "run.toml").exists(), folder

from __future__ import annotations

import csv
import io
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from click.testing import Result

from scalesearch.records.timings import MachineRecord
from tests.commands.fakes import Bench
from tests.processes import started

Run = Callable[..., Result]
TWO = ("efficientnet-b0:1,0.125,0.1", "efficientnet-b0:2,0.125,0.1")
NAMES = ["efficientnet-b0-d1-w0.125-r22", "efficientnet-b0-d2-w0.125-r22"]
SMALL = (*TWO, "--threads=1", "--device=cpu")


@pytest.fixture
def bench(monkeypatch: pytest.MonkeyPatch) -> Bench:
    """Fake workers in place of real ones."""
    made = Bench()
    monkeypatch.setattr("scalesearch.runs.planning.ProcessExecutor", made.executor)
    # However little memory is left just now.
    monkeypatch.setattr("scalesearch.commands.measure.run.no_room", lambda _arch, _setup: "")
    for name in ("latency", "throughput", "memory", "law"):  # seconds, and tested elsewhere
        monkeypatch.setattr(f"scalesearch.commands.measure.view.{name}_figure", lambda _rows: None)
    return made


def _rows(path: Path) -> list[dict[str, str]]:
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


def _files(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.mark.slow
def test_two_networks_are_measured_by_fresh_processes(tmp_path: Path, run: Run) -> None:
    result = run(
        "measure", *SMALL, "--processes=1", "--min-time=0.01s", "--batch-size=2", f"--out={tmp_path}"
    )
    assert result.exit_code == 0, result.output
    rows = _rows(tmp_path / "measurements.csv")
    assert [row["name"] for row in rows] == NAMES
    assert all(float(row["latency_median_s"]) > 0 and int(row["peak_bytes"]) > 0 for row in rows)
    assert {row["outcome"] for row in rows} == {"measured"}
    assert len({row["machine"] for row in rows}) == 1
    assert all(name in result.stdout for name in NAMES)
    assert f"Report: {tmp_path / 'report.md'}" in result.stdout


def test_every_combination_is_a_row_and_raw_samples_stay(tmp_path: Path, run: Run, bench: Bench) -> None:
    result = run("measure", *TWO, "--threads=1,2", "--batch-size=1,8", "--device=cpu", f"--out={tmp_path}")
    assert result.exit_code == 0, result.output
    rows = _rows(tmp_path / "measurements.csv")
    combos = [(row["name"], row["threads"], row["batch_size"]) for row in rows]
    assert combos == [(name, threads, batch) for name in NAMES for threads in "12" for batch in "18"]
    assert {(row["processes"], row["samples"]) for row in rows} == {("3", "15")}
    assert len(list((tmp_path / "samples").rglob("*.json"))) == len(bench.jobs) == 24
    assert len(_rows(tmp_path / "samples.csv")) == 120


def test_the_report_is_made_again_from_the_raw_files_byte_for_byte(
    tmp_path: Path, run: Run, bench: Bench
) -> None:
    first = run("measure", *SMALL, f"--out={tmp_path}")
    before = _files(tmp_path)
    for name in ("measurements.csv", "report.md", "samples.csv"):
        (tmp_path / name).unlink()
    jobs = len(bench.jobs)
    again = run("report", tmp_path)
    assert again.exit_code == 0, again.output
    assert again.stdout == first.stdout
    assert _files(tmp_path) == before
    assert len(bench.jobs) == jobs


def test_the_same_command_again_and_resume_measure_nothing_twice(
    tmp_path: Path, run: Run, bench: Bench
) -> None:
    first = run("measure", *SMALL, f"--out={tmp_path}")
    for command in (("measure", *SMALL, f"--out={tmp_path}"), ("resume", tmp_path)):
        again = run(*command)
        assert again.exit_code == 0, again.output
        assert again.stdout == first.stdout
    assert len(bench.jobs) == 6
    other = run("measure", *SMALL, "--batch-size=8", f"--out={tmp_path}")
    assert other.exit_code == 2
    assert "batch_size: [1] there, [8] asked" in other.stderr


@pytest.mark.parametrize("command", ["measure", "compare"])
def test_layout_is_contiguous_on_mps_unless_asked_for(
    command: str, tmp_path: Path, run: Run, bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("scalesearch.hardware.device.auto_device", lambda: "mps")
    monkeypatch.setattr("scalesearch.hardware.device.resolve_devices", lambda name: (torch.device(name),))
    result = run(command, *TWO, f"--out={tmp_path}")
    assert result.exit_code == 0, result.output
    setups = [setup for job in bench.jobs for name, setup in job.items() if name.startswith("setup")]
    assert {(setup["device"], setup["channels_last"]) for setup in setups} == {("mps", False)}


@pytest.mark.parametrize("command", ["measure", "resume"])
def test_a_process_may_take_as_long_as_is_said(
    command: str, tmp_path: Path, run: Run, bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    options = ("measure", *SMALL, "--process-limit=1m", f"--out={tmp_path}")
    if command == "resume":
        assert run(*options).exit_code == 0
    limits = []
    monkeypatch.setattr(
        "scalesearch.runs.planning.ProcessExecutor",
        lambda **how: limits.append(how["stall_timeout"]) or bench,
    )
    assert run(*(options if command == "measure" else ("resume", tmp_path))).exit_code == 0
    assert limits == [60.0]


@pytest.mark.slow
def test_a_process_that_takes_longer_is_a_row_that_says_so(tmp_path: Path, run: Run) -> None:
    result = run("measure", *SMALL, "--processes=1", "--process-limit=0.01s", f"--out={tmp_path}")
    assert result.exit_code == 1
    assert {row["outcome"] for row in _rows(tmp_path / "measurements.csv")} == {"failed"}
    assert "nothing could be measured: the worker said nothing for 0.01 s and was killed" in result.stderr


def test_ctrl_c_keeps_what_is_measured_and_says_how_to_go_on(tmp_path: Path, run: Run, bench: Bench) -> None:
    def interrupt(_job: object) -> None:
        if len(bench.jobs) == 4:
            raise KeyboardInterrupt

    bench.on_result = interrupt
    result = run("measure", *SMALL, f"--out={tmp_path}")
    assert result.exit_code == 130
    assert (
        f"Stopped: 3 of 6 processes are done and kept. Go on with: scalesearch resume {tmp_path}"
        in result.stderr
    )
    shown = run("report", tmp_path, "--format=json")
    assert shown.exit_code == 0, shown.output
    assert [(row["processes"], row["outcome"]) for row in json.loads(shown.stdout)] == [
        (2, "waiting"),
        (1, "waiting"),
    ]
    bench.on_result = lambda _job: None
    assert run("resume", tmp_path).exit_code == 0
    assert len(bench.jobs) == 7  # the fourth was in flight: it runs again
    assert {row["processes"] for row in _rows(tmp_path / "measurements.csv")} == {"3"}


@pytest.mark.slow
@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="needs SIGKILL")
def test_kill_9_costs_at_most_the_measurement_in_flight(tmp_path: Path, run: Run) -> None:
    folder = tmp_path / "run"
    options = (*SMALL, "--processes=3", "--min-time=0.05s", "--no-memory", f"--out={folder}")
    for kept in (1, 3):
        with started(
            *(sys.executable, "-m", "scalesearch", "measure", *options),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            env=os.environ | {"OMP_NUM_THREADS": "1"},
        ) as driver:
            limit = time.monotonic() + 120
            while len(list(folder.glob("samples/*/*.json"))) < kept and time.monotonic() < limit:
                time.sleep(0.02)
            driver.send_signal(signal.SIGKILL)
            driver.wait()
        files = {path: path.read_bytes() for path in folder.glob("samples/*/*.json")}
        assert len(files) >= kept
        assert all(json.loads(content)["result"]["samples_s"] for content in files.values())
    result = run("resume", folder)
    assert result.exit_code == 0, result.output
    assert all(path.read_bytes() == content for path, content in files.items())
    assert len(list(folder.glob("samples/*/*.json"))) == 6
    rows = _rows(folder / "measurements.csv")
    assert [(row["outcome"], row["processes"]) for row in rows] == [("measured", "3")] * 2


def test_out_of_memory_is_a_row_and_the_rest_goes_on(tmp_path: Path, run: Run, bench: Bench) -> None:
    bench.fails = lambda job: "out of memory: 9 GB" if job.get("setup", {}).get("batch_size") == 8 else None
    result = run("measure", *SMALL, "--batch-size=1,8", "--largest-batch", f"--out={tmp_path}")
    assert result.exit_code == 0, result.output
    rows = _rows(tmp_path / "measurements.csv")
    assert [(row["outcome"], row["largest_batch"]) for row in rows] == [
        ("measured", "64"), ("out of memory", "64"),
    ] * 2  # fmt: skip
    assert "out of memory" in result.stdout


def test_nothing_measured_at_all_is_exit_code_1(tmp_path: Path, run: Run, bench: Bench) -> None:
    bench.fails = lambda _job: "no compiler"
    result = run("measure", *SMALL, f"--out={tmp_path}")
    assert result.exit_code == 1
    assert result.stderr.splitlines()[-1] == "Error: nothing could be measured: no compiler"
    bench.fails = lambda _job: None
    assert run("resume", tmp_path).exit_code == 1
    assert run("resume", tmp_path, "--retry-failed").exit_code == 0


@pytest.mark.usefixtures("bench")
def test_formats_on_standard_output(tmp_path: Path, run: Run) -> None:
    def printed(form: str) -> str:
        result = run("measure", *SMALL, "--batch-size=8", f"--out={tmp_path}", f"--format={form}")
        assert result.exit_code == 0, result.output
        return result.stdout

    assert printed("csv") == (tmp_path / "measurements.csv").read_text()
    assert [row["name"] for row in json.loads(printed("json"))] == NAMES
    timm = list(csv.DictReader(io.StringIO(printed("timm"))))
    assert list(timm[0]) == [
        "model", "infer_img_size", "infer_samples_per_sec", "infer_step_time", "infer_batch_size", "param_count",
        "infer_gmacs", "infer_macts",
    ]  # fmt: skip
    assert [row["model"] for row in timm] == NAMES


@pytest.mark.usefixtures("bench")
def test_a_runs_own_file_is_a_config(tmp_path: Path, run: Run) -> None:
    first, second = tmp_path / "first", tmp_path / "second"
    assert run("measure", *SMALL, "--batch-size=1,8", "--dtype=bf16", f"--out={first}").exit_code == 0
    result = run("measure", f"--config={first / 'run.toml'}", "--processes=1", f"--out={second}")
    assert result.exit_code == 0, result.output
    kept = [(row["name"], row["batch_size"], row["dtype"]) for row in _rows(second / "measurements.csv")]
    assert kept == [(name, batch, "bfloat16") for name in NAMES for batch in "18"]


@pytest.mark.usefixtures("bench")
def test_a_folder_of_another_machine_is_refused_unless_asked_for(
    tmp_path: Path, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    def machine(key: str) -> Any:
        return lambda _device="cpu": MachineRecord(key=key, facts={"cpu": f"a CPU called {key}"})

    monkeypatch.setattr("scalesearch.hardware.machine.describe", machine("aaaa1111"))
    assert run("measure", *SMALL, f"--out={tmp_path}").exit_code == 0
    monkeypatch.setattr("scalesearch.hardware.machine.describe", machine("bbbb2222"))
    for command in (("measure", *SMALL, f"--out={tmp_path}"), ("resume", tmp_path)):
        result = run(*command)
        assert result.exit_code == 2
        assert result.stderr.strip() == (
            f"Error: --out must be a folder of this machine (bbbb2222), got {tmp_path}, which holds figures of "
            "aaaa1111; choose another folder, or have both in one with --mix-machines"
        )
    result = run("measure", *SMALL, f"--out={tmp_path}", "--mix-machines")
    assert result.exit_code == 0, result.output
    assert [row["machine"] for row in _rows(tmp_path / "measurements.csv")] == ["aaaa1111"] * 2 + [
        "bbbb2222"
    ] * 2


@pytest.mark.usefixtures("bench")
def test_a_table_that_changed_since_is_refused(tmp_path: Path, run: Run) -> None:
    table = tmp_path / "family.csv"
    table.write_text("phi,depth,width,resolution\n0,1,0.125,32\n")
    options = ("measure", table, "--threads=1", "--device=cpu", f"--out={tmp_path / 'out'}")
    assert run(*options).exit_code == 0
    table.write_text("phi,depth,width,resolution\n0,1,0.125,48\n")
    result = run(*options)
    assert result.exit_code == 2
    assert "--out must be a folder without a run of other networks, got" in result.stderr
    # What was begun goes on without its source.
    table.unlink()
    assert run("resume", tmp_path / "out").exit_code == 0


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((), "NETWORK must name at least one network, got none: scalesearch measure b0 b1"),
        (
            ("b9",),
            "NETWORK must be a network that scalesearch describe lists, a range such as b0..b7, a baseline with "
            "multipliers such as efficientnet-b0:1.2,1.1,1.15, a .toml file or package.module:function with or "
            "without them, a family or candidates file, or a run's folder, got 'b9'",
        ),
        (
            ("b0", "--dtype=int8"),
            "--dtype must be one or more of fp32, bf16, fp16, each once, with commas between them, "
            "got 'int8'",
        ),
        (
            ("b0", "--runtime=tvm"),
            "--runtime must be one or more of eager, graph, compile, onnxruntime, each once, with commas "
            "between them, got 'tvm'",
        ),
        (
            ("b0", "--batch-size=0"),
            "--batch-size must be whole numbers >= 1, each once, with commas between them, got '0'",
        ),
        (
            ("b0", "--batch-size=1,1"),
            "--batch-size must be whole numbers >= 1, each once, with commas between them, got '1,1'",
        ),
        (
            ("b0", "--mode=training"),
            "--batch-size must be >= 2 to train: batch norm needs two images, got 1",
        ),
        (
            ("b0", "--mode=training", "--batch-size=8", "--runtime=onnxruntime"),
            "--runtime must be eager, graph or compile to time training, got 'onnxruntime'",
        ),
        (
            ("b0", "--runtime=eager,graph", "--device=cpu"),
            "--runtime must be one that works on cpu, got 'graph', which works on cuda alone",
        ),
        (
            ("b0@runtime=graph", "--device=cpu"),
            "--runtime must be one that works on cpu, got 'graph', which works on cuda alone",
        ),
        (
            ("b0", "--device=xpu", "--runtime=onnxruntime"),
            "--runtime must be one that works on xpu, got 'onnxruntime', which works on cpu and cuda alone",
        ),
        (
            ("b0", "--device=mps", "--channels-last"),
            "--channels-last must be off on mps, where batch norm's gradient is wrong so laid out, got on",
        ),
        (("b0", "--runtime=graph", "--device=cuda:99"), "--device must be cpu or an available device, got"),
        (("b0", "--device=tpu"), "--device must be cpu or an available device, got 'tpu': torch sees"),
        (("b0", "--process-limit=0"), "--process-limit must be a time above 0 such as"),
        (("b0", "--device=cuda:0,2"), "--device must be one device to measure on, got 'cuda:0,2'"),
        (("b0@device=tpu",), "--device must be cpu or an available device, got 'tpu': torch sees"),
        (("b0", "--law=nowhere"), "--law must be a law.json or a folder with one, got nowhere"),
    ],
)
def test_bad_input_is_one_clear_line(
    tmp_path: Path, run: Run, bench: Bench, arguments: tuple[str, ...], message: str
) -> None:
    result = run("measure", *arguments, "--threads=1", f"--out={tmp_path / 'out'}")
    assert result.exit_code == 2
    assert result.stderr.splitlines()[-1].startswith(f"Error: {message}")
    assert not (tmp_path / "out").exists()
    assert bench.jobs == []


@pytest.mark.usefixtures("bench")
def test_a_runtime_that_is_not_installed_is_refused_before_anything_runs(
    tmp_path: Path, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "onnx", None)
    result = run("measure", "b0", "--runtime=eager,onnxruntime", "--device=cpu", f"--out={tmp_path / 'out'}")
    assert result.exit_code == 2
    assert result.stderr.strip() == (
        "Error: --runtime must be one that is installed, got 'onnxruntime': pip install 'scalesearch[onnx]'"
    )
    assert not (tmp_path / "out").exists()


@pytest.mark.slow
def test_the_driver_of_a_cpu_run_does_without_torch(tmp_path: Path) -> None:
    program = (
        "import sys\n"
        "from tests.commands.fakes import Bench\n"
        "import scalesearch.runs.planning as workers\n"
        "workers.ProcessExecutor = Bench().executor\n"
        "from scalesearch.cli import cli\n"
        f"cli(['measure', {TWO[0]!r}, '--threads=1', '--device=cpu', '--out', {str(tmp_path)!r}], standalone_mode=False)\n"
        "assert 'torch' not in sys.modules\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("command", ["report", "resume"])
def test_a_folder_without_its_raw_files_is_left_as_it_is(tmp_path: Path, run: Run, command: str) -> None:
    """As a clone has it, where a report was committed without them."""
    (tmp_path / "run.toml").write_text(
        '[run]\nkind = "measure"\nname = "m"\ncommand = "scalesearch measure b0"\n[measure]\nnetworks = ["b0"]\n'
    )
    (tmp_path / "measurements.csv").write_text("name\n")
    result = run(command, tmp_path)
    assert result.exit_code == 2
    assert result.stderr == (
        f"Error: DIR must hold the raw files of its run, got {tmp_path}, which has no networks.json, nor "
        "measurements.csv and samples.csv to report of; to measure again, with another --out: "
        "scalesearch measure b0\n"
    )
    assert sorted(path.name for path in tmp_path.iterdir()) == ["measurements.csv", "run.toml"]


@pytest.mark.usefixtures("bench")
def test_more_threads_than_cores_are_noted(run: Run, tmp_path: Path) -> None:
    result = run("measure", TWO[0], "--threads=999", "--device=cpu", f"--out={tmp_path / 'out'}")
    assert "Note: 999 threads share " in result.stderr

from __future__ import annotations

import csv
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import Result

from scalesearch.records.timings import MachineRecord
from tests.commands.fakes import Bench

Run = Callable[..., Result]
A, B = "efficientnet-b0:1,0.125,0.1", "efficientnet-b0:2,0.125,0.1"
NAMES = ("efficientnet-b0-d1-w0.125-r22", "efficientnet-b0-d2-w0.125-r22")
HERE = ("--threads=1", "--device=cpu")


@pytest.fixture
def bench(monkeypatch: pytest.MonkeyPatch) -> Bench:
    """Fake workers in place of real ones."""
    made = Bench()
    monkeypatch.setattr("scalesearch.runs.planning.ProcessExecutor", made.executor)
    # However little memory is left just now.
    monkeypatch.setattr("scalesearch.commands.measure.run.no_room", lambda _arch, _setup: "")
    monkeypatch.setattr("scalesearch.commands.compare.run.no_room", lambda _arch, _setup: "")
    for name in ("latency", "throughput", "memory", "law"):  # seconds, and tested elsewhere
        monkeypatch.setattr(f"scalesearch.commands.measure.view.{name}_figure", lambda _rows: None)
    monkeypatch.setattr("scalesearch.commands.compare.view.write_figures", lambda _figures, _folder: ())
    return made


def _pairs(folder: Path) -> int:
    with (folder / "pairs.csv").open(newline="") as file:
        return len(list(csv.DictReader(file)))


def test_two_networks_are_timed_in_turn_by_fresh_processes(tmp_path: Path, run: Run) -> None:
    result = run("compare", A, B, *HERE, "--pairs=4", "--processes=2", f"--out={tmp_path}")
    assert result.exit_code == 0, result.output
    verdict, *_ = result.stdout.splitlines()
    assert "B takes " in verdict
    assert verdict.endswith(f"A is {NAMES[0]}, B is {NAMES[1]}.")
    assert _pairs(tmp_path) == 8
    assert len(list((tmp_path / "samples").rglob("*.json"))) == 2
    assert (tmp_path / "report.md").exists()


def test_a_comparison_goes_on_and_is_reported_again(tmp_path: Path, run: Run, bench: Bench) -> None:
    def interrupt(_job: object) -> None:
        if len(bench.jobs) == 2:
            raise KeyboardInterrupt

    bench.on_result = interrupt
    stopped = run("compare", A, B, *HERE, "--pairs=5", f"--out={tmp_path}")
    assert stopped.exit_code == 130
    assert (
        f"Stopped: 1 of 3 processes are done and kept. Go on with: scalesearch resume {tmp_path}"
        in stopped.stderr
    )
    bench.on_result = lambda _job: None
    done = run("resume", tmp_path)
    assert done.exit_code == 0, done.output
    assert (len(bench.jobs), _pairs(tmp_path)) == (4, 15)
    page = (tmp_path / "report.md").read_bytes()
    again = run("report", tmp_path)
    assert (again.exit_code, again.stdout) == (0, done.stdout)
    assert (tmp_path / "report.md").read_bytes() == page
    same = run("compare", A, B, *HERE, "--pairs=5", f"--out={tmp_path}")
    assert (same.exit_code, same.stdout, len(bench.jobs)) == (0, done.stdout, 4)
    other = run("compare", A, B, *HERE, "--pairs=6", f"--out={tmp_path}")
    assert other.exit_code == 2
    assert "pairs: 5 there, 6 asked" in other.stderr


def test_one_network_in_two_setups(tmp_path: Path, run: Run, bench: Bench) -> None:
    result = run("compare", f"{A}@batch=1", f"{A}@batch=8", *HERE, f"--out={tmp_path}")
    assert result.exit_code == 0, result.output
    assert {(j["setup_a"]["batch_size"], j["setup_b"]["batch_size"]) for j in bench.jobs} == {(1, 8)}


def test_a_comparison_without_a_single_figure_is_exit_code_1(tmp_path: Path, run: Run, bench: Bench) -> None:
    bench.fails = lambda _job: "out of memory: 9 GB"
    result = run("compare", A, B, *HERE, f"--out={tmp_path}")
    assert result.exit_code == 1
    assert result.stderr.splitlines()[-1] == "Error: nothing could be timed: out of memory: 9 GB"
    bench.fails = lambda _job: None
    assert run("resume", tmp_path, "--retry-failed").exit_code == 0


@pytest.fixture
def measured(tmp_path: Path, run: Run, bench: Bench, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Path]:
    """Makes a finished run of measure, on a machine of that key."""
    del bench

    def make(name: str, *options: str, key: str = "aaaa1111") -> Path:
        def describe(_device: str = "cpu") -> MachineRecord:
            return MachineRecord(key=key, facts={"cpu": f"a CPU called {key}"})

        monkeypatch.setattr("scalesearch.hardware.machine.describe", describe)
        result = run("measure", A, B, "--device=cpu", *options, f"--out={tmp_path / name}")
        assert result.exit_code == 0, result.output
        return tmp_path / name

    return make


def test_finished_runs_are_compared_row_by_row(tmp_path: Path, run: Run, measured: Any) -> None:
    before, after = measured("before", "--threads=1,2"), measured("after", "--threads=1")
    out = tmp_path / "out"
    result = run("compare", before, after, f"--out={out}")
    assert result.exit_code == 0, result.output
    # Two networks with one thread are what the two have in common.
    assert result.stdout.count("No difference shown: B takes 1.000 times as long as A") == 2
    assert f"A is {NAMES[0]} of before, B is {NAMES[0]} of after" in result.stdout
    assert len(list(out.glob("*/report.md"))) == 2
    again = run("report", out)
    assert (again.exit_code, again.stdout) == (0, result.stdout)


def test_rows_of_finished_runs_are_named_and_narrowed(tmp_path: Path, run: Run, measured: Any) -> None:
    folder = measured("runs", "--threads=1,2")
    result = run(
        "compare",
        f"{folder}:{NAMES[0]}@threads=1",
        f"{folder}:{NAMES[1]}@threads=2",
        f"--out={tmp_path / 'out'}",
    )
    assert result.exit_code == 0, result.output
    assert NAMES[0] in result.stdout
    assert (tmp_path / "out" / "report.md").exists()


def test_two_machines_are_refused_unless_asked_for(tmp_path: Path, run: Run, measured: Any) -> None:
    one = measured("one", "--threads=1")
    other = measured("other", "--threads=1", key="bbbb2222")
    refused = run("compare", one, other, f"--out={tmp_path / 'out'}")
    assert refused.exit_code == 2
    assert refused.stderr.strip() == (
        f"Error: A and B must be of one machine, got {one} of aaaa1111 and {other} of bbbb2222; --mix-machines "
        "compares them all the same"
    )
    assert not (tmp_path / "out").exists()
    mixed = run("compare", one, other, "--mix-machines", f"--out={tmp_path / 'out'}")
    assert mixed.exit_code == 0, mixed.output
    assert "Of two machines, aaaa1111 and bbbb2222" in mixed.stdout


def test_finished_runs_without_a_common_row_are_refused(tmp_path: Path, run: Run, measured: Any) -> None:
    one, two = measured("one", "--threads=1"), measured("two", "--threads=2")
    result = run("compare", one, two, f"--out={tmp_path / 'out'}")
    assert result.exit_code == 2
    assert result.stderr.strip() == (
        f"Error: A and B must have measured the same network in the same setup, got '{one}' and '{two}', which share "
        "no row; name the networks (DIR:NAME) or what differs (DIR@threads=2)"
    )
    result = run("compare", f"{one}@threads=1", f"{two}@threads=2", f"--out={tmp_path / 'out'}")
    assert result.exit_code == 0, result.output


def test_a_run_and_a_network_are_refused(tmp_path: Path, run: Run, measured: Any) -> None:
    folder = measured("one", "--threads=1")
    result = run("compare", folder, "b0", f"--out={tmp_path / 'out'}")
    assert result.exit_code == 2
    assert result.stderr.strip() == (
        f"Error: A and B must both be networks or both be finished runs of measure, got '{folder}' and 'b0'"
    )
    result = run("compare", f"{folder}:b7", folder, f"--out={tmp_path / 'out'}")
    assert result.exit_code == 2
    assert result.stderr.strip() == (
        f"Error: A and B must name rows of a run, got none of {folder} for b7 with any setup; it holds "
        f"{NAMES[0]}, {NAMES[1]}"
    )


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (
            ("b0", "nonsense"),
            "B must be a network that scalesearch describe lists, a range such as b0..b7, a baseline with "
            "multipliers such as efficientnet-b0:1.2,1.1,1.15, a .toml file or package.module:function with or "
            "without them, a family or candidates file, or a run's folder, got 'nonsense'",
        ),
        (
            ("b0..b7", "b0"),
            "A must be one network, got 'b0..b7', which is 8: efficientnet-b0, efficientnet-b1, efficientnet-b2, ...",
        ),
        (("b0", "b0@dtype=int8"), "B must have one of fp32, bf16, fp16 as dtype after @, got 'dtype=int8'"),
        (
            ("b0", "b1", "--dtype=int8"),
            "--dtype must be one of fp32, bf16, fp16, got 'int8'",
        ),
        (
            ("b0", "b1", "--runtime=tvm"),
            "--runtime must be one of eager, graph, compile, onnxruntime, got 'tvm'",
        ),
        (
            ("b0", "b1", "--batch-size=0"),
            "--batch-size must be a whole number >= 1, got '0'",
        ),
        (
            ("b0", "b1", "--batch-size=1,8"),
            "--batch-size must be a whole number >= 1, got '1,8'",
        ),
        (("b0", "b1@device=tpu"), "--device must be cpu or an available device, got 'tpu': torch sees"),
        (
            ("b0", "b0@mode=training"),
            "--batch-size must be >= 2 to train: batch norm needs two images, got 1",
        ),
    ],
)
def test_bad_input_is_one_clear_line(
    tmp_path: Path, run: Run, bench: Bench, arguments: tuple[str, ...], message: str
) -> None:
    result = run("compare", *arguments, "--threads=1", f"--out={tmp_path / 'out'}")
    assert result.exit_code == 2
    assert result.stderr.splitlines()[-1].startswith(f"Error: {message}")
    assert not (tmp_path / "out").exists()
    assert bench.jobs == []


@pytest.mark.usefixtures("bench")
def test_a_runtime_that_is_not_installed_is_refused_before_anything_runs(
    tmp_path: Path, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "onnx", None)
    result = run("compare", "b0", "b0@runtime=onnxruntime", *HERE, f"--out={tmp_path / 'out'}")
    assert result.exit_code == 2
    assert result.stderr.strip() == (
        "Error: --runtime must be one that is installed, got 'onnxruntime': pip install 'scalesearch[onnx]'"
    )

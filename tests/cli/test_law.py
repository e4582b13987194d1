from __future__ import annotations

import csv
import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from click.testing import Result

from scalesearch.hardware.machine import describe
from scalesearch.records import CostLaw, HeldOut, Setup
from scalesearch.runs.laws import find_law, read_laws
from tests.commands.law_fakes import LawBench

Run = Callable[..., Result]
SMALL = (
    *("law", "--threads=1", "--device=cpu", "--processes=1", "--random=2"),
    *("--baseline-width=0.125", "--baseline-resolution=32"),
)
KEY = describe("cpu").key
LAW = CostLaw(
    machine=KEY,
    setup=Setup(threads=2),
    seconds={"constant": 1e-3, "macs": 1e-11, "activations": 1e-9, "params": 0.0, "layers": 1e-4},
    held_out=(HeldOut(name="a", key="k", measured_s=1.0, predicted_s=1.1),),
)


@pytest.fixture
def bench(monkeypatch: pytest.MonkeyPatch) -> LawBench:
    """Fake workers in place of real ones."""
    made = LawBench()
    monkeypatch.setattr("scalesearch.runs.planning.ProcessExecutor", made.executor)
    # However little memory is left just now.
    monkeypatch.setattr("scalesearch.commands.measure.run.no_room", lambda _arch, _setup: "")
    return made


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Figures take seconds, and are tested elsewhere."""
    for name in ("held_out", "prices", "kinds", "split", "best"):
        monkeypatch.setattr(f"scalesearch.commands.law.view.{name}_figure", lambda _record: None)


def _write(folder: Path, *laws: CostLaw) -> Path:
    folder.mkdir(exist_ok=True)
    (folder / "law.json").write_text(json.dumps({"laws": [law.to_dict() for law in laws]}))
    return folder


def test_the_law_of_this_machine_is_found_by_folder_and_by_file(tmp_path: Path) -> None:
    folder = _write(tmp_path / "law", LAW, replace(LAW, setup=Setup(threads=1)))
    assert find_law(folder, Setup(threads=2, batch_size=1)) == LAW
    assert find_law(folder / "law.json", Setup(threads=1, batch_size=1)).setup.threads == 1
    assert read_laws(folder)[0] == LAW


def test_by_default_the_law_is_where_the_command_writes_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "reports").mkdir()
    _write(tmp_path / "reports" / f"law-{KEY}", LAW)
    assert find_law(None, Setup(threads=2, batch_size=1)) == LAW


def test_the_layout_of_the_other_commands_is_preferred(tmp_path: Path) -> None:
    first = replace(LAW, setup=Setup(threads=2, channels_last=False))
    assert find_law(_write(tmp_path / "law", first, LAW), Setup(threads=2, batch_size=1)) == LAW
    assert find_law(_write(tmp_path / "law", first), Setup(threads=2, batch_size=1)) == first


def test_a_layout_that_was_named_is_that_of_the_law(tmp_path: Path) -> None:
    asked = Setup(threads=2, batch_size=1, channels_last=False)
    other = replace(LAW, setup=asked)
    assert find_law(_write(tmp_path / "both", LAW, other), asked, same_layout=True) == other
    folder = _write(tmp_path / "law", LAW)
    assert find_law(folder, asked) == LAW
    with pytest.raises(ValueError) as caught:
        find_law(folder, asked, same_layout=True)
    assert str(caught.value) == (
        f"`law` must hold {asked.label}, got {folder}, which holds {LAW.setup.label}; "
        "run: scalesearch law --threads 2 --batch-size 1 --no-channels-last"
    )


def test_there_is_no_law_yet(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ValueError) as caught:
        find_law(None, Setup(threads=2, batch_size=8, dtype="bfloat16", runtime="compile"))
    assert str(caught.value) == (
        f"`law` must be measured before a latency can be planned with, got none in reports/law-{KEY}; run: "
        "scalesearch law --threads 2 --batch-size 8 --dtype bfloat16 --runtime compile"
    )


def test_another_machines_law_is_found_where_its_place_is_named(tmp_path: Path) -> None:
    elsewhere = replace(LAW, machine="other-1")
    assert find_law(_write(tmp_path / "law", elsewhere), Setup(threads=2, batch_size=1)) == elsewhere


def test_another_setup_is_refused_and_those_there_are_listed(tmp_path: Path) -> None:
    folder = _write(tmp_path / "law", LAW)
    with pytest.raises(ValueError) as caught:
        find_law(folder, Setup(threads=1, batch_size=1))
    assert str(caught.value) == (
        f"`law` must hold {Setup().label}, got {folder}, which holds {LAW.setup.label}; "
        "run: scalesearch law --threads 1 --batch-size 1"
    )


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("{", "Expecting property name"),
        ("[]", "list indices"),
        ('{"laws": [{}]}', "law must be a cost law as scalesearch law writes it: machine is missing"),
    ],
)
def test_a_file_that_is_no_law(tmp_path: Path, text: str, reason: str) -> None:
    path = tmp_path / "law.json"
    path.write_text(text)
    with pytest.raises(ValueError) as caught:
        read_laws(path)
    start = f"`law` must be a law.json that scalesearch law wrote, got {path}: "
    assert str(caught.value).startswith(start + reason)


def test_a_path_without_a_law(tmp_path: Path) -> None:
    with pytest.raises(ValueError) as caught:
        read_laws(tmp_path)
    assert str(caught.value) == f"`law` must be a law.json or a folder with one, got {tmp_path}"


@pytest.mark.usefixtures("bench", "quick")
def test_laws_are_measured_fitted_written_and_found_again(tmp_path: Path, run: Run) -> None:
    folder = tmp_path / "law"
    result = run(*SMALL, "--batch-size=1,8", f"--out={folder}", "--format=csv")
    assert result.exit_code == 0, result.output
    rows = list(csv.DictReader(result.stdout.splitlines()))
    assert [row["batch_size"] for row in rows] == ["1", "8"]
    assert all(float(row["median_error"]) < 1e-6 for row in rows)
    assert float(rows[0]["s_per_gmac"]) == pytest.approx(1, rel=1e-3), "the fake machine's 1 ns"
    assert find_law(folder, Setup(threads=1, batch_size=8)).setup.batch_size == 8
    measured = list(csv.DictReader((folder / "measurements.csv").read_text().splitlines()))
    assert len(measured) == 2 * (8 + 2 + 3)
    assert (folder / "report.md").read_text().startswith("# What time costs on ")
    assert f"Report: {folder / 'report.md'}" in result.stderr


@pytest.mark.usefixtures("quick")
def test_a_finished_law_is_reported_again_byte_for_byte_and_measured_no_more(
    tmp_path: Path, run: Run, bench: LawBench
) -> None:
    folder = tmp_path / "law"
    assert run(*SMALL, f"--out={folder}").exit_code == 0
    jobs = len(bench.jobs)
    assert jobs == 13 + 4
    names = ("report.md", "law.json", "laws.csv", "measurements.csv", "samples.csv")
    before = {name: (folder / name).read_bytes() for name in names}
    for again in (("report", str(folder)), ("resume", str(folder)), (*SMALL, f"--out={folder}")):
        for name in names:
            (folder / name).unlink()
        result = run(*again)
        assert result.exit_code == 0, result.output
        assert {name: (folder / name).read_bytes() for name in names} == before
    assert len(bench.jobs) == jobs


@pytest.mark.usefixtures("bench", "quick")
def test_other_settings_need_another_folder(tmp_path: Path, run: Run) -> None:
    folder = tmp_path / "law"
    assert run(*SMALL, f"--out={folder}").exit_code == 0
    result = run(*SMALL, "--seed=1", f"--out={folder}")
    assert result.exit_code == 2
    assert "--out must be a folder without a run of other settings" in result.stderr


@pytest.mark.usefixtures("quick")
def test_what_cannot_be_measured_makes_no_law(tmp_path: Path, run: Run, bench: LawBench) -> None:
    bench.fails = lambda _job: "bang"
    result = run(*SMALL, f"--out={tmp_path / 'law'}")
    assert result.exit_code == 1
    assert "no law could be fitted: No law for inference, batch 1, 1 thread" in result.stderr


@pytest.mark.parametrize(
    ("option", "message"),
    [
        ("--batch-size=0", "must be whole numbers >= 1, each once"),
        ("--dtype=fp8", "must be one or more of fp32, bf16, fp16, each once"),
        (
            "--runtime=tvm",
            "must be one or more of eager, graph, compile, onnxruntime, each once",
        ),
        ("--run=nowhere", "--run must be the folder of a grid or a sweep, got nowhere: no candidates.csv"),
    ],
)
def test_bad_input_is_refused_in_one_line(tmp_path: Path, run: Run, option: str, message: str) -> None:
    folder = tmp_path / "law"
    result = run(*SMALL, option, f"--out={folder}")
    assert result.exit_code == 2
    assert message in " ".join(result.stderr.split())
    assert not folder.exists()


@pytest.mark.slow
def test_a_law_of_this_machine_from_real_measurements(tmp_path: Path, run: Run) -> None:
    folder = tmp_path / "law"
    result = run(*SMALL, "--random=0", "--min-time=0.01s", f"--out={folder}")
    assert result.exit_code == 0, result.output
    law = find_law(folder, Setup(threads=1, batch_size=1))
    assert len(law.held_out) == 11
    assert sum(law.seconds.values()) > 0
    assert "### Why: where the time goes" in (folder / "report.md").read_text()


@pytest.mark.usefixtures("quick", "bench")
def test_a_user_s_network_is_timed_in_the_layout_that_it_runs_in(
    tmp_path: Path, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(Path(__file__).parents[1] / "fixtures" / "networks")
    layouts = {}
    for name in ("densenet", "convnext"):
        words = (
            f"--baseline=zoo:{name}",
            "--baseline-resolution=32",
            "--random=6",
            f"--out={tmp_path / name}",
        )
        result = run("law", *words, "--threads=1", "--processes=1", "--format=csv")
        assert result.exit_code == 0, result.output
        layouts[name] = {law.setup.channels_last for law in read_laws(tmp_path / name)}
        said = f"Note: zoo:{name} can't be run channels last: all networks of the law are timed contiguous"
        assert (said in result.stderr) == (name == "densenet")
    assert layouts == {"densenet": {False}, "convnext": {True}}

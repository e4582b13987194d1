from __future__ import annotations

import csv
import io
import json
import subprocess
import sys
import tomllib
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest
from click.testing import Result

from scalesearch.commands.audit.run import AUDITED
from tests.study.conftest import Lab

Run = Callable[..., Result]
TRAIN = (
    *("--train", "--images=40", "--batch-size=4", "--baseline-width=0.125", "--baseline-resolution=32"),
    *("--device=cpu", "--threads=1", "--jobs=1", "--no-latency", "--seeds=2"),
)
TWO = ("--baseline=mobilenet-v2", "--baseline=resnet-50")


def test_the_tables_are_audited(tmp_path: Path, run: Run) -> None:
    folder = tmp_path / "audit"
    result = run("audit", f"--out={folder}")
    assert result.exit_code == 0, result.output
    assert {path.name for path in folder.iterdir()} >= {
        *("audit.md", "audit.csv", "rules.csv", "matched.csv", "figures", "run.toml"),
    }
    assert not (folder / "train").exists()
    assert f"Report: {folder / 'audit.md'}" in result.stdout
    assert tomllib.loads((folder / "run.toml").read_text())["audit"] == {
        "baselines": ["mobilenet-v1", "mobilenet-v2", "resnet-50", "efficientnet-b0"],
        "train": False,
    }

    page = (folder / "audit.md").read_bytes()
    again = run("report", folder)
    assert (again.exit_code, again.stdout) == (0, result.stdout)
    assert (folder / "audit.md").read_bytes() == page


@pytest.mark.parametrize("width", [80, 100])
def test_a_narrow_terminal_has_a_small_table_for_each_baseline(
    tmp_path: Path, run: Run, wide: Callable[[int], None], width: int
) -> None:
    wide(width)
    result = run("audit", f"--out={tmp_path / 'audit'}")
    assert result.exit_code == 0, result.output
    tables = result.stdout.partition("\n\n")[0].splitlines()
    assert max(map(len, tables)) <= width
    lines = [" ".join(line.split()) for line in tables]
    assert "resolution 16.4 16.351 -0.3% official 16.351 yes 4.00 4.00 4.00 77.5%" in lines
    assert "width 1.8 1.450 -19.4% official 1.450 no 4.50 4.00 3.76 78.9%" in lines
    assert [line for line in lines if line in AUDITED] == list(AUDITED)


def test_results_go_to_standard_output_in_the_form_asked_for(tmp_path: Path, run: Run) -> None:
    asked = ("audit", "--baseline=resnet-50", f"--out={tmp_path / 'audit'}")
    rows = list(csv.DictReader(io.StringIO(run(*asked, "--format=csv").stdout)))
    assert [row["scaling"] for row in rows] == ["none", "depth", "width", "resolution", "compound"]
    assert float(rows[1]["flops_published"]) == 16.2e9
    assert int(rows[1]["macs"]) == 14_570_749_952
    result = run(*asked, "--format=json")
    assert [row["baseline"] for row in json.loads(result.stdout)] == ["resnet-50"] * 5
    assert "Report:" in result.stderr


@pytest.mark.slow
def test_counting_needs_no_torch(tmp_path: Path) -> None:
    program = (
        "import sys; from click.testing import CliRunner; from scalesearch.cli import cli; "
        f"r = CliRunner().invoke(cli, ['audit', '--baseline=mobilenet-v1', '--out={tmp_path / 'audit'}']); "
        "print(r.exit_code, 'torch' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "0 False"


def test_rows_are_trained_at_equal_cost(tmp_path: Path, run: Run, lab: Lab) -> None:
    folder = tmp_path / "audit"
    result = run("audit", "--baseline=mobilenet-v2", *TRAIN, f"--out={folder}")
    assert result.exit_code == 0, result.output
    # The baseline and its four ways, two seeds each.
    assert len(lab.ledger) == 5 * 2
    table = pd.read_csv(folder / "train/mobilenet-v2/sweep.csv")
    assert set(table["role"]) == {"baseline", "depth", "width", "resolution", "compound"}
    scaled = table[table["role"] != "baseline"]
    assert (scaled["macs_ratio"] - 4).abs().max() < 0.2
    compound = table[table["role"] == "compound"].iloc[0]
    assert (compound["alpha"], compound["beta"], compound["gamma"]) == (1.4, 1.2, 1.3)
    assert len(pd.read_csv(folder / "order.csv")) == 6
    page = (folder / "audit.md").read_text("utf-8")
    assert "## Does the order hold at equal cost?" in page
    assert "![What each way of scaling gained" in page


@pytest.mark.slow
def test_nothing_is_trained_twice(tmp_path: Path, run: Run, lab: Lab) -> None:
    folder = tmp_path / "audit"
    assert run("audit", *TWO, *TRAIN, f"--out={folder}").exit_code == 0
    page = (folder / "audit.md").read_text("utf-8")
    trained = len(lab.ledger)
    assert trained == 2 * 5 * 2
    assert run("audit", *TWO, *TRAIN, f"--out={folder}").exit_code == 0
    assert run("resume", folder).exit_code == 0
    assert run("report", folder).exit_code == 0
    # What it trained stays on the page of an audit that asks for no training.
    assert run("audit", *TWO, f"--out={folder}").exit_code == 0
    assert (folder / "audit.md").read_text("utf-8") == page
    assert len(lab.ledger) == trained
    # Its run.toml asks for the same again.
    other = tmp_path / "other"
    assert run("audit", f"--config={folder / 'run.toml'}", f"--out={other}").exit_code == 0
    tables = [tomllib.loads((place / "run.toml").read_text())["audit"] for place in (folder, other)]
    assert tables[0] == tables[1]
    assert (other / "order.csv").read_bytes() == (folder / "order.csv").read_bytes()


def test_an_audit_may_be_trained_later(tmp_path: Path, run: Run, lab: Lab) -> None:
    folder = tmp_path / "audit"
    assert run("audit", "--baseline=mobilenet-v1", f"--out={folder}").exit_code == 0
    result = run("audit", "--baseline=mobilenet-v1", *TRAIN, f"--out={folder}")
    assert result.exit_code == 0, result.output
    assert len(lab.ledger) == 5 * 2
    assert tomllib.loads((folder / "run.toml").read_text())["audit"]["train"] is True


@pytest.mark.slow
def test_stopped_and_resumed_it_ends_up_the_same(tmp_path: Path, run: Run, lab: Lab) -> None:
    whole, stopped = tmp_path / "whole", tmp_path / "stopped"
    assert run("audit", *TWO, *TRAIN, f"--out={whole}").exit_code == 0
    trained = len(lab.ledger)
    done = []

    def stop(job: object) -> None:
        done.append(job)
        if len(done) == 13:
            raise KeyboardInterrupt

    lab.on_result = stop
    result = run("audit", *TWO, *TRAIN, f"--out={stopped}")
    assert result.exit_code == 130, result.output
    assert f"Go on with: scalesearch resume {stopped}" in result.stderr
    lab.on_result = lambda _job: None
    assert run("report", stopped).exit_code == 0
    assert "**The sweep of resnet-50 is not finished:**" in (stopped / "audit.md").read_text("utf-8")
    assert run("resume", stopped).exit_code == 0
    assert len(lab.ledger) - 2 * trained <= 1  # at most what was in flight
    for name in ("order.csv", "audit.csv"):
        assert (stopped / name).read_bytes() == (whole / name).read_bytes()


def test_where_nothing_can_be_trained_it_says_so(tmp_path: Path, run: Run, lab: Lab) -> None:
    lab.fails = lambda _job: "out of memory"
    result = run("audit", "--baseline=resnet-50", *TRAIN, f"--out={tmp_path / 'audit'}")
    assert result.exit_code == 1
    assert result.stderr.endswith(
        f"Error: no network could be trained; the reasons are in {tmp_path / 'audit/train/resnet-50'}\n"
    )


@pytest.mark.usefixtures("lab")
def test_a_report_without_studies_and_tables_is_left_as_it_is(tmp_path: Path, run: Run) -> None:
    folder = tmp_path / "audit"
    assert run("audit", "--baseline=mobilenet-v1", *TRAIN, f"--out={folder}").exit_code == 0
    (folder / "train/mobilenet-v1/study.db").unlink()
    (folder / "train/mobilenet-v1/study.csv").unlink()
    page = (folder / "audit.md").read_bytes()
    for arguments in (("report", folder), ("audit", "--baseline=mobilenet-v1", f"--out={folder}")):
        result = run(*arguments)
        assert (result.exit_code, result.stdout) == (2, "")
        assert result.stderr.startswith(
            f"Error: DIR must hold the studies of its sweeps, got {folder}: {folder / 'train/mobilenet-v1'} has "
            "no study.db, as a report that was committed without it; nor has it the tables of single runs"
        )
    assert (folder / "audit.md").read_bytes() == page


@pytest.mark.usefixtures("lab")
def test_a_dry_run_trains_nothing_and_says_how_long_it_takes(tmp_path: Path, run: Run) -> None:
    result = run("audit", *TWO, *TRAIN, "--dry-run", "--format=csv", f"--out={tmp_path / 'audit'}")
    assert result.exit_code == 0, result.output
    table = pd.read_csv(io.StringIO(result.stdout))
    assert list(table["baseline"]) == ["mobilenet-v2", "resnet-50"]
    assert list(table["networks"]) == [5, 5]
    assert set(table["rows"][0].split(", ")) == {"baseline", "depth", "width", "resolution", "compound"}
    assert (table["seconds"] > 0).all()
    assert "In all " in result.stderr
    assert not (tmp_path / "audit").exists()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--images=5"], "--images must come with --train: without it nothing is trained"),
        (["--dry-run"], "--dry-run must come with --train: without it nothing is trained"),
        (
            ["--baseline=resnet-18"],
            "--baseline must be one of mobilenet-v1, mobilenet-v2, resnet-50, efficientnet-b0, got 'resnet-18'; did you mean resnet-50?",
        ),
        # One file can't be the start of several baselines.
        (["--train", "--pretrained=own.safetensors"], "--pretrained is no option of scalesearch audit"),
        (["--train", "--start=grown"], "--start is no option of scalesearch audit"),
        (["--train", "--phi=0"], "--phi must hold budgets other than 0, the baseline's, got 0"),
        (
            ["--train", "--dataset=folder:/no/such/place"],
            "--dataset folder:/no/such/place must be a folder with one folder of images per class, got none there",
        ),
        (["--train", "--baseline-width=0"], "--baseline-width must be a finite number > 0, got 0.0"),
    ],
)
def test_bad_input_is_one_line_and_touches_nothing(
    tmp_path: Path, run: Run, options: list[str], message: str
) -> None:
    result = run("audit", f"--out={tmp_path / 'run'}", *options)
    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr.startswith(f"Error: {message}")  # click may add what else was meant
    assert result.stderr.count("\n") == 1
    assert not (tmp_path / "run").exists()


def test_a_folder_of_other_settings_is_refused(tmp_path: Path, run: Run, lab: Lab) -> None:
    folder = tmp_path / "audit"
    assert run("audit", "--baseline=resnet-50", *TRAIN, f"--out={folder}").exit_code == 0
    trained = len(lab.ledger)
    for options in (TRAIN, ("--baseline=resnet-50", *TRAIN, "--images=80"), ()):
        result = run("audit", *options, f"--out={folder}")
        assert result.exit_code == 2
        assert result.stderr.startswith("Error: --out must be a folder without a run of other settings, got ")
    assert len(lab.ledger) == trained
    other = run("sweep", f"--out={folder}")
    assert other.stderr.startswith("Error: --out must be a folder without a run of another command")


@pytest.mark.usefixtures("lab")
def test_a_sweep_may_name_the_ways_it_tries(tmp_path: Path, run: Run) -> None:
    folder = tmp_path / "sweep"
    small = [option for option in TRAIN if option != "--train"]
    result = run("sweep", "--phi=1", "--roles=depth,compound", *small, f"--out={folder}")
    assert result.exit_code == 0, result.output
    assert set(pd.read_csv(folder / "sweep.csv")["role"]) == {"baseline", "depth", "compound"}
    wrong = run("sweep", "--roles=depth,length", f"--out={tmp_path / 'none'}")
    assert wrong.exit_code == 2
    assert "must be one or more of depth, width, resolution, compound, fast" in wrong.stderr

"""`--start`, `--pretrained` and `--scratch-run` on the commands that train."""

from __future__ import annotations

import csv
import shutil
import tomllib
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from click.testing import Result

from scalesearch.commands.grid.view import started
from scalesearch.export.state import read_state, write_state
from scalesearch.networks.baselines import EFFICIENTNET_B0
from scalesearch.networks.build import build
from scalesearch.networks.scaled import reduce
from scalesearch.networks.spec import ArchSpec, Rounding
from scalesearch.runs.kept import kept_run
from scalesearch.runs.lifecycle import data_size
from scalesearch.runs.planning import scratch_record
from scalesearch.training.dataset import DataSpec
from tests.study.conftest import Lab

Run = Callable[..., Result]
BASE = replace(reduce(EFFICIENTNET_B0, 0.125, Rounding(channel_divisor=1), resolution=16), classes=5)


def write_baseline(path: Path, seed: int = 0) -> str:
    """The tiny runs' baseline with other weights and classes; returns the digest."""
    torch.manual_seed(seed)
    write_state(path, BASE, build(BASE).state_dict(), {})
    return read_state(path).digest


@pytest.fixture
def jobs(lab: Lab) -> list[Mapping[str, Any]]:
    """What workers were handed; the weights that jobs of a baseline leave are there."""
    handed: list[Mapping[str, Any]] = []

    def remember(job: Mapping[str, Any]) -> None:
        handed.append(job)
        if job["key"].startswith("start-"):
            Path(job["weights"]).parent.mkdir(exist_ok=True)
            arch = ArchSpec.from_dict(job["arch"])
            facts = {"recipe": job["recipe"], "dataset": job["data"]["name"]}
            write_state(Path(job["weights"]), arch, build(arch).state_dict(), facts)

    lab.on_result = remember
    return handed


@pytest.mark.slow
def test_the_weights_of_a_file_are_kept_and_the_file_is_needed_no_more(
    tmp_path: Path, run: Run, tiny: tuple[str, ...], jobs: list[Mapping[str, Any]]
) -> None:
    file, folder = tmp_path / "own.safetensors", tmp_path / "run"
    digest = write_baseline(file)
    command = ("grid", f"--out={folder}", *tiny, f"--pretrained={file}")
    result = run(*command)
    assert result.exit_code == 0, result.output
    assert {job["start"] for job in jobs} == {str(folder / "start.safetensors")}
    kept = read_state(folder / "start.safetensors")
    assert (kept.arch, kept.digest) == (BASE, digest)
    recorded = tomllib.loads((folder / "run.toml").read_text())
    assert recorded["run"]["start"] == {
        **{"kind": "pretrained", "network": "efficientnet-b0", "classes": 5},
        **{"file": "own.safetensors", "digest": digest},
    }
    assert (recorded["grid"]["start"], recorded["grid"]["pretrained"]) == ("grown", str(file))
    assert (
        f"`own.safetensors` (efficientnet-b0, digest `{digest[:12]}`)" in (folder / "report.md").read_text()
    )
    values = started(kept_run(folder).record, None)
    assert values is not None
    assert (values.classifier, values.file_classes, values.classes) == ("replaced", 5, 18)

    file.unlink()
    trained = len(jobs)
    for again in (("resume", folder), ("report", folder), command):
        result = run(*again)
        assert result.exit_code == 0, result.output
    assert run("grid", f"--config={folder / 'run.toml'}", f"--out={folder}").exit_code == 0
    assert len(jobs) == trained
    write_baseline(file, seed=1)
    result = run(*command)
    assert result.exit_code == 2
    assert result.stderr.splitlines()[-1] == (
        f"Error: --pretrained must be the file that the run was begun with, got {file}, which has changed; "
        "choose another folder"
    )
    (folder / "start.safetensors").unlink()
    result = run("resume", folder)
    assert result.exit_code == 2
    assert "DIR must hold start.safetensors, the weights that its networks start from, got" in result.stderr


@pytest.mark.usefixtures("jobs")
def test_a_scratch_run_on_other_data_is_refused(
    tmp_path: Path, run: Run, tiny: tuple[str, ...], image_folder: Path
) -> None:
    options = (*(option for option in tiny if not option.startswith("--held-out")), "--held-out=6")
    own, other = tmp_path / "own", tmp_path / "other"
    assert run("grid", f"--out={own}", *options, f"--dataset=folder:{image_folder}").exit_code == 0
    assert run("grid", f"--out={other}", *options, "--held-out=18").exit_code == 0

    def grown(dataset: str, scratch: Path) -> Result:
        words = ("grid", "--start=grown", f"--scratch-run={scratch}", f"--dataset={dataset}", *options)
        held_out = "--held-out=18" if dataset == "photographs" else "--held-out=6"
        return run(*words, f"--out={tmp_path / 'grown'}", held_out)

    for dataset, scratch, there in (
        ("photographs", own, f"folder:{image_folder}"),
        (f"folder:{image_folder}", other, "photographs"),
    ):
        result = grown(dataset, scratch)
        assert result.exit_code == 2, result.output
        assert result.stderr.splitlines()[-1] == (
            f"Error: --scratch-run must hold a run on the same data as this one ({dataset}), got {scratch}, "
            f"which was trained on {there}"
        )
    apart = DataSpec(name=f"folder:{image_folder}", apart=True)
    with pytest.raises(
        ValueError, match="judged on the same images as this one, .* --confirm-on same here too"
    ):
        scratch_record(own, 1, (apart, data_size(apart)))
    moved = image_folder.rename(tmp_path / "moved")
    same = grown(f"folder:{moved}", own)
    assert same.exit_code == 0, "the same files under another name are the same data"
    shutil.rmtree(tmp_path / "grown")
    (first, second, *_) = sorted((moved / "red").iterdir())
    first.write_bytes(second.read_bytes())
    result = grown(f"folder:{moved}", own)
    assert result.exit_code == 2, result.output
    assert "which was trained on folder:" in result.stderr
    assert not (tmp_path / "grown" / "study.db").exists()


@pytest.mark.slow
def test_a_grown_run_tells_of_its_baseline_and_compares_with_scratch(
    tmp_path: Path, run: Run, tiny: tuple[str, ...], jobs: list[Mapping[str, Any]]
) -> None:
    scratch, grown = tmp_path / "scratch", tmp_path / "grown"
    assert run("grid", f"--out={scratch}", *tiny, "--seeds=2").exit_code == 0
    assert started(kept_run(scratch).record, None) is None
    assert "Start:" not in (scratch / "report.md").read_text()
    assert "start" not in tomllib.loads((scratch / "run.toml").read_text())["run"]
    jobs.clear()
    options = ("grid", f"--out={grown}", *tiny, "--seeds=2", "--start=grown")
    result = run(*options)
    assert result.exit_code == 0, result.output
    assert "Training the baseline: 2 networks" in result.stderr
    assert [job["key"].startswith("start-") for job in jobs] == [True] * 2 + [False] * 6
    values = started(kept_run(grown).record, None)
    assert values is not None
    assert (values.images, values.networks_images, values.share) == (64, 192, pytest.approx(1 / 3))
    assert (values.agreement, values.unknown) == (None, "")
    # Named afterwards, it trains nothing and is told.
    trained = len(jobs)
    result = run(*options, f"--scratch-run={scratch}")
    assert result.exit_code == 0, result.output
    assert len(jobs) == trained
    other = tmp_path / "other"
    assert run(*options[:1], f"--out={other}", *options[2:], f"--scratch-run={scratch}").exit_code == 0
    for folder in (grown, other):
        page = (folder / "report.md").read_text()
        # Three networks are too few for a surface, and the page says so.
        assert "**Not known:** the two runs " in page
    assert run("report", other).exit_code == 0
    assert (other / "report.md").read_text() == page
    scratch.rename(tmp_path / "moved")
    assert run("report", other).exit_code == 0
    gone = (other / "report.md").read_text()
    assert "**Not known:** --scratch-run must be a run's folder, got" in gone.replace("\\", "")


@pytest.mark.parametrize(
    "command",
    [
        ("search", "--trials=2"),
        ("alternate", "--max-rounds=2", "--max-networks=2", "--budget-ratio=2"),
        ("sweep", "--phi=1"),
    ],
)
def test_other_commands_grow_too(
    command: tuple[str, ...], tmp_path: Path, run: Run, tiny: tuple[str, ...], jobs: list[Mapping[str, Any]]
) -> None:
    shared = [option for option in tiny if not option.startswith("--max-networks")]
    result = run(*command, f"--out={tmp_path / 'run'}", *shared, "--start=grown")
    assert result.exit_code == 0, result.output
    # An alternation trains its baseline once a round.
    rounds = (1, 2) if command[0] == "alternate" else (1,)
    grown = [job for job in jobs if not job["key"].startswith("start-")]
    assert len(jobs) - len(grown) in rounds
    assert jobs[0]["key"].startswith("start-")
    assert all(job["start"].endswith("starts/seed0.safetensors") for job in grown)
    assert len(jobs) > 2


def test_a_suggestion_that_cannot_be_grown_is_trained_by_nobody(
    tmp_path: Path, run: Run, tiny: tuple[str, ...], jobs: list[Mapping[str, Any]]
) -> None:
    # Matched by width, the deepest networks are narrower than the baseline.
    shared = [option for option in tiny if not option.startswith("--max-networks")]
    options = ("--trials=6", "--sampler=random", "--match=macs", "--match-by=width", "--budget-tolerance=1")
    result = run("search", f"--out={tmp_path / 'run'}", *shared, *options, "--start=grown")
    assert result.exit_code == 0, result.output
    with (tmp_path / "run" / "trials.csv").open() as file:
        trials = list(csv.DictReader(file))
    ungrown = {trial["key"] for trial in trials if trial["status"] == "failed"}
    assert 0 < len(ungrown) < len({trial["key"] for trial in trials})
    reasons = {trial["reason"] for trial in trials if trial["key"] in ungrown}
    assert all(reason.startswith("can't be grown from efficientnet-b0: ") for reason in reasons)
    assert not any(job["key"].startswith(tuple(ungrown)) for job in jobs)


def test_a_search_for_smaller_networks_is_refused_before_its_baseline_is_trained(
    tmp_path: Path, run: Run, tiny: tuple[str, ...], lab: Lab
) -> None:
    shared = [option for option in tiny if not option.startswith("--max-networks")]
    write_baseline(tmp_path / "own.safetensors")
    for start in ("--start=grown", f"--pretrained={tmp_path / 'own.safetensors'}"):
        result = run("search", f"--out={tmp_path / 'run'}", *shared, "--phi=-1", "--trials=2", start)
        assert result.exit_code == 2, result.output
        assert result.stderr.startswith(
            "Error: --start must be scratch for these networks, none of which can be grown from efficientnet-b0: "
        )
        assert result.stderr.count("\n") == 1
    assert lab.ledger == []
    assert not (tmp_path / "run").exists()


@pytest.mark.slow
def test_longer_runs_start_where_the_short_ones_did(
    tmp_path: Path, run: Run, tiny: tuple[str, ...], jobs: list[Mapping[str, Any]]
) -> None:
    file, folder = tmp_path / "own.safetensors", tmp_path / "run"
    write_baseline(file)
    seven = (*tiny, "--max-networks=7")
    assert run("grid", f"--out={folder}", *seven, f"--pretrained={file}").exit_code == 0
    file.unlink()
    jobs.clear()
    result = run("fidelity", folder, "--lengths=2", "--networks=7")
    assert result.exit_code == 0, result.output
    assert [job["start"] for job in jobs] == [str(folder / "start.safetensors")] * 7


def test_a_dry_run_tells_of_the_start_and_leaves_nothing(
    tmp_path: Path, run: Run, tiny: tuple[str, ...], jobs: list[Mapping[str, Any]]
) -> None:
    plain = run("grid", f"--out={tmp_path / 'run'}", *tiny, "--dry-run")
    result = run("grid", f"--out={tmp_path / 'run'}", *tiny, "--dry-run", "--start=grown")
    assert result.exit_code == 0, result.output
    assert "grown from           the baseline, trained first for as long as they are\n" in result.stdout
    assert "training images      128 in all" in result.stdout
    assert "training images      96 in all" in plain.stdout
    assert not (tmp_path / "run").exists()
    assert jobs


@pytest.mark.usefixtures("jobs")
@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--pretrained=gone.pth",), "--pretrained must be a file of weights, got gone.pth: no such file"),
        (
            ("--pretrained=own.safetensors", "--start=scratch"),
            "--start must be grown with the weights of own.safetensors, got 'scratch'",
        ),
        (
            ("--pretrained=own.safetensors", "--baseline-width=0.0625"),
            "--pretrained must hold a network that the baseline as trained can be grown from, got "
            "efficientnet-b0: stem, layer 1 has 2 channels, fewer than the 4 there; --baseline-width 1 keeps all "
            "of the file's channels",
        ),
        (
            ("--pretrained=own.safetensors", "--baseline=resnet-18"),
            "--pretrained must hold a network that the baseline as trained can be grown from, got "
            "efficientnet-b0: it has 4 stages, and 7 there; --baseline-width 1 keeps all of the file's channels",
        ),
        (
            ("--scratch-run=there",),
            "--scratch-run must be given for a run that does not start from scratch itself, got 'there'",
        ),
        (
            ("--start=grown", "--scratch-run=there"),
            "--scratch-run must be a run's folder, got there: no such folder",
        ),
        (
            ("--start=grown", "--phi=-1", "--gamma-max=1"),
            "--start must be scratch for these networks, none of which can be grown from efficientnet-b0: ",
        ),
    ],
)
def test_what_does_not_fit_is_said_before_anything_is_trained(
    options: tuple[str, ...],
    message: str,
    tmp_path: Path,
    run: Run,
    tiny: tuple[str, ...],
    lab: Lab,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    write_baseline(tmp_path / "own.safetensors")
    result = run("grid", "--out=run", *tiny, *options)
    assert result.exit_code == 2, result.output
    assert result.stderr.startswith(f"Error: {message}")
    assert result.stderr.count("\n") == 1
    assert lab.ledger == []
    assert not (tmp_path / "run").exists()


def test_a_run_to_compare_with_must_be_from_scratch_and_at_the_same_phi(
    tmp_path: Path, run: Run, tiny: tuple[str, ...], jobs: list[Mapping[str, Any]]
) -> None:
    assert run("grid", f"--out={tmp_path / 'a'}", *tiny, "--start=grown").exit_code == 0
    trained = len(jobs)
    result = run("grid", f"--out={tmp_path / 'b'}", *tiny, "--start=grown", f"--scratch-run={tmp_path / 'a'}")
    assert result.exit_code == 2
    assert "--scratch-run must hold a grid run from scratch, got" in result.stderr
    assert run("grid", f"--out={tmp_path / 'c'}", *tiny, "--phi=0.5").exit_code == 0
    result = run("grid", f"--out={tmp_path / 'b'}", *tiny, "--start=grown", f"--scratch-run={tmp_path / 'c'}")
    assert "--scratch-run must hold a run at phi 1, got" in result.stderr
    assert len([job for job in jobs[trained:] if job["start"]]) == 0


def test_a_baseline_that_cannot_be_trained_ends_the_run(
    tmp_path: Path, run: Run, tiny: tuple[str, ...], lab: Lab
) -> None:
    lab.fails = lambda job: "diverged" if job["key"].startswith("start-") else None
    result = run("grid", f"--out={tmp_path / 'run'}", *tiny, "--start=grown")
    assert result.exit_code == 1
    assert result.stderr.splitlines()[-1] == (
        "Error: the baseline that the networks start from could not be trained: diverged"
    )

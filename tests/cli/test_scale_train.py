from __future__ import annotations

import pickle
import tomllib
from collections.abc import Callable, Mapping
from concurrent.futures import Future
from dataclasses import replace
from hashlib import md5
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from click.testing import Result
from torchvision.datasets import CIFAR10

from scalesearch.networks.baselines import baseline
from scalesearch.networks.cost import count
from scalesearch.networks.scaled import compound, reduce
from scalesearch.networks.spec import Rounding
from scalesearch.scaling import Coefficients
from tests.study.conftest import Lab

Run = Callable[..., Result]
SMALL = ("--images=40", "--batch-size=4", "--baseline-width=0.125", "--device=cpu", "--threads=1", "--jobs=1")


class Here:
    """An executor that does real workers' work in this process."""

    def __init__(self, **_ignored: Any) -> None:
        pass

    def submit(
        self, job: Mapping[str, Any], on_step: Callable[[int, int], None], _on_look: object = None
    ) -> Future[dict[str, Any]]:
        from scalesearch.workers.worker import TrialSpec, run_job, run_trial

        done: Future[dict[str, Any]] = Future()
        if job["kind"] == "train":
            done.set_result(run_trial(TrialSpec.from_dict(job), on_step).to_dict())
        else:
            done.set_result(run_job(dict(job)))
        return done

    def shutdown(self, *, kill: bool = False) -> None:
        """Nothing runs."""


@pytest.fixture
def cifar(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """CIFAR-10's layout with ten images a class, with the checksums that torchvision demands."""
    root = tmp_path / "data" / "cifar-10-batches-py"
    root.mkdir(parents=True)
    generator = np.random.default_rng(0)

    def write(name: str, content: dict[str, object]) -> list[str]:
        data = pickle.dumps(content)
        (root / name).write_bytes(data)
        return [name, md5(data).hexdigest()]

    pixels = generator.integers(0, 256, (100, 3072), dtype=np.uint8)
    batches = [write("data_batch_1", {"data": pixels, "labels": [*range(10)] * 10})]
    meta = write("batches.meta", {"label_names": [f"class {i}" for i in range(10)]})
    monkeypatch.setattr(CIFAR10, "train_list", batches)
    monkeypatch.setattr(CIFAR10, "test_list", [])
    monkeypatch.setattr(CIFAR10, "meta", {"filename": meta[0], "key": "label_names", "md5": meta[1]})
    return root.parent


@pytest.mark.slow
@pytest.mark.usefixtures("cifar")
def test_the_blog_s_wish_runs_end_to_end(tmp_path: Path, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """``scalesearch scale --train --dataset cifar10``, but for what keeps it small; really trained."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("scalesearch.runs.planning.ProcessExecutor", Here)
    monkeypatch.setattr("scalesearch.workers.executor.ProcessExecutor", Here)
    result = run(
        "scale", "--train", "--dataset=cifar10", *SMALL, "--baseline-resolution=16", "--seeds=2", "--images=16"
    )  # fmt: skip
    assert result.exit_code == 0, result.output
    folder = Path("reports/scale-efficientnet-b0-trained")
    trained = pd.read_csv(folder / "trained.csv")
    assert list(trained["phi"]) == [0, 1, 2, 3]
    assert set(trained["seeds"]) == {2}
    assert len(list((folder / "weights").iterdir())) == 8
    family = pd.read_csv(folder / "family.csv")
    assert list(family["phi"]) == list(range(8))
    assert list(family["params"][:1]) == [5288548]
    assert list(trained["full_macs"]) == list(family["macs"][:4])
    page = (folder / "derivation.md").read_text()
    assert "**Does accuracy rise with phi here?" in page
    assert page.index("## Trained") < page.index("## 1. The rule")
    assert tomllib.loads((folder / "run.toml").read_text())["run"]["classes"] == 10
    # Before it starts, the plan says what the larger ones would take.
    assert "  phi 7" in result.stderr
    assert ", not trained" in result.stderr
    assert "--train-phi 0,1,2,3,4,5,6,7 trains those left out too" in result.stderr


def test_a_family_is_trained_at_the_proxy_s_size_and_derived_at_full_size(
    tmp_path: Path, run: Run, lab: Lab
) -> None:
    folder = tmp_path / "run"
    result = run("scale", "--train", f"--out={folder}", "--phi=0,1.5", "--seeds=2", *SMALL)
    assert result.exit_code == 0, result.output
    paper = Coefficients(alpha=1.2, beta=1.1, gamma=1.15)
    rounding = Rounding(channel_divisor=1)
    base = reduce(baseline("efficientnet-b0"), 0.125, rounding, resolution=52)
    expected = [compound(replace(base, classes=18), paper, phi, rounding) for phi in (0, 1.5)]
    trained = pd.read_csv(folder / "trained.csv")
    assert list(trained["macs"]) == [count(arch).macs for arch in expected]
    assert list(trained["key"]) == [
        f"{arch.key}-phi{phi}" for arch, phi in zip(expected, ("0", "1.5"), strict=True)
    ]
    full = compound(baseline("efficientnet-b0"), paper, 1.5, Rounding())
    assert list(pd.read_csv(folder / "family.csv")["macs"])[1] == count(full).macs
    assert {path.stem for path in (folder / "figures").glob("*.png")} == {"trained", "cost"}
    # Three networks were timed for the plan, or as many as there are; four runs trained.
    assert len([one for one in lab.ledger if not one.key.startswith("speed")]) == 4

    # Nothing is trained twice, its own run.toml asks for the same, and the report needs the study alone.
    before, files = (
        len(lab.ledger),
        {path.name: path.read_bytes() for path in folder.iterdir() if path.is_file()},
    )
    assert run("scale", f"--config={folder / 'run.toml'}", f"--out={folder}").exit_code == 0
    for command in ("resume", "report"):
        (folder / "derivation.md").unlink()
        (folder / "family.csv").unlink()
        result = run(command, folder)
        assert result.exit_code == 0, result.output
        assert f"Report: {folder / 'derivation.md'}" in result.stdout.splitlines()[-1]
    assert len(lab.ledger) == before
    for name in ("trained.csv", "family.csv", "published.csv"):
        assert (folder / name).read_bytes() == files[name]


@pytest.mark.slow
def test_a_run_killed_half_way_ends_as_an_uninterrupted_one(tmp_path: Path, run: Run, lab: Lab) -> None:
    class Killed(BaseException):
        pass

    def die(job: Mapping[str, Any]) -> None:
        if job["kind"] == "train" and not job["key"].startswith("speed"):
            done.append(job["key"])
        if len(done) == 3:
            raise Killed

    done: list[str] = []
    options = ("--train", "--phi=0..2", "--seeds=2", *SMALL)
    assert run("scale", *options, f"--out={tmp_path / 'whole'}").exit_code == 0
    lab.on_result = die
    with pytest.raises(Killed):
        run("scale", *options, f"--out={tmp_path / 'killed'}")
    lab.on_result = lambda _job: None
    before = len(lab.ledger)
    assert run("report", tmp_path / "killed").exit_code == 0
    assert "**This run is not finished:**" in (tmp_path / "killed" / "derivation.md").read_text()
    result = run("resume", tmp_path / "killed")
    assert result.exit_code == 0, result.output
    assert len(lab.ledger) - before <= 4
    for name in ("trained.csv", "family.csv"):
        assert (tmp_path / "killed" / name).read_bytes() == (tmp_path / "whole" / name).read_bytes()


@pytest.mark.usefixtures("lab")
@pytest.mark.parametrize(
    ("chosen", "input_size", "classes_apart"),
    [("--baseline=blog", "52 px", True), ("--baseline-resolution=48x32", "48x32 px", False)],
)
def test_variants_and_oblong_inputs_are_trained_too(
    tmp_path: Path, run: Run, chosen: str, input_size: str, classes_apart: bool
) -> None:
    result = run("scale", "--train", chosen, "--phi=0,1", "--seeds=2", f"--out={tmp_path / 'run'}", *SMALL)
    assert result.exit_code == 0, result.output
    page = (tmp_path / "run" / "derivation.md").read_text()
    assert f"| {input_size} |" in page
    assert input_size in result.stdout
    assert ("No family was published" in page) == classes_apart
    header = (tmp_path / "run" / "trained.csv").read_text().splitlines()[0].split(",")
    assert ("resolution_width" in header) == ("x" in input_size.removesuffix(" px"))


@pytest.mark.usefixtures("lab")
def test_a_dry_run_tells_the_plan_and_leaves_nothing(tmp_path: Path, run: Run) -> None:
    result = run("scale", "--train", "--dry-run", f"--out={tmp_path / 'run'}", "--format=csv", *SMALL)
    assert result.exit_code == 0, result.output
    lines = result.stdout.splitlines()
    assert lines[0] == "phi,resolution,blocks,params,macs,expected_s,trained"
    assert [line.rsplit(",", 1)[1] for line in lines[1:]] == ["yes"] * 4 + ["no"] * 4
    seconds = [float(line.split(",")[-2]) for line in lines[1:]]
    assert seconds == sorted(seconds)
    assert not (tmp_path / "run").exists()


@pytest.mark.usefixtures("lab")
def test_networks_of_a_trained_family_are_found_again(tmp_path: Path, run: Run) -> None:
    from scalesearch.commands.measure.subjects import Base, named_networks

    folder = tmp_path / "run"
    options = ("--train", "--phi=0,1", "--in-channels=1", "--baseline-resolution=40x24", "--seeds=1", *SMALL)
    assert run("scale", *options, f"--out={folder}").exit_code == 0
    trained = dict(named_networks(folder, "", Base()))
    assert [arch.input_size for arch in trained.values()] == [(40, 24), (46, 28)]
    assert {arch.in_channels for arch in trained.values()} == {1}
    whole = dict(named_networks(folder / "family.csv", "", Base()))
    assert [arch.input_size for arch in whole.values()] == [(224, 224), (258, 258)]
    ((_, network),) = named_networks(folder, "phi=1", Base())
    assert network.input_size == (46, 28)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (
            ["--dataset=cifar10"],
            "--dataset must come with --train: without it nothing is trained",
        ),
        (["--dry-run"], "--dry-run must come with --train: without it nothing is trained"),
        (["--train", "--seeds=0"], "--seeds must be a whole number >= 1, got 0"),
        (["--train", "--alpha=0.5"], "--alpha must be >= 1, got 0.5"),
        (
            ["--train", "--train-phi=-90"],
            "--train-phi must make a network that can be built, got -90: resolution must leave at least 1 pixel, "
            "got 52 px x 3.445e-06 rounded to a multiple of 1",
        ),
        (
            ["--train", "--in-channels=2"],
            "--in-channels must be 1 (grey), 3 (RGB) or 4 (RGBA) for photographs, got 2; any other number takes "
            "folder:PATH with .npy arrays (height, width, channels)",
        ),
    ],
)
def test_bad_input_is_one_line_and_touches_nothing(
    tmp_path: Path, run: Run, options: list[str], message: str
) -> None:
    result = run("scale", f"--out={tmp_path / 'run'}", *options)
    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr == f"Error: {message}\n"
    assert not (tmp_path / "run").exists()


@pytest.mark.usefixtures("lab")
def test_a_trained_folder_is_not_overwritten_by_a_derivation(tmp_path: Path, run: Run) -> None:
    folder = tmp_path / "run"
    assert run("scale", "--train", "--phi=0,1", "--seeds=1", *SMALL, f"--out={folder}").exit_code == 0
    assert "**Does accuracy rise with phi here? Not tested:**" in (folder / "derivation.md").read_text()
    result = run("scale", "--phi=0", f"--out={folder}")
    assert result.exit_code == 2
    assert "which holds a run of scalesearch scale --train; choose another folder" in result.stderr

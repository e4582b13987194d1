"""--recipe FILE.toml in every command that trains, and what a folder keeps of it."""

from __future__ import annotations

import json
import tomllib
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import Result

from scalesearch.cli.grid import grid
from scalesearch.cli.options import resolve_training
from scalesearch.training.recipe import RECIPES
from tests.conftest import slow_but
from tests.study.conftest import Lab

Run = Callable[..., Result]
SMALL = (
    *("--held-out=18", "--baseline-width=0.125", "--baseline-channel-divisor=1", "--baseline-resolution=16"),
    *("--device=cpu", "--threads=1", "--jobs=1", "--seeds=1"),
)
QUIET = ("--no-latency",)
COMMANDS = {
    "grid": ("grid", "--max-networks=2", *QUIET),
    "search": ("search", "--trials=2", "--batch=2", *QUIET),
    "sweep": ("sweep", "--phi=1", *QUIET),
    "alternate": ("alternate", "--max-networks=2", "--max-rounds=1", *QUIET),
    "scale": ("scale", "--train", "--phi=0", *QUIET),
    "audit": ("audit", "--train", "--baseline=resnet-50", *QUIET),
}


@pytest.fixture
def mine(tmp_path: Path) -> Path:
    path = tmp_path / "mine.toml"
    path.write_text('base = "steady"\nlearning_rate = 0.05\nbatch_size = 8\nimages = 64\nlooks = 2\n')
    return path


@pytest.mark.parametrize("name", slow_but(("grid", "search", "audit"), COMMANDS))
def test_every_command_that_trains_takes_a_recipe_and_keeps_it(
    name: str, run: Run, lab: Lab, mine: Path, tmp_path: Path
) -> None:
    trained = []
    lab.on_result = lambda job: trained.append(job.get("recipe"))
    out = tmp_path / "out"
    result = run(*COMMANDS[name], *SMALL, f"--recipe={mine}", f"--out={out}")
    assert result.exit_code == 0, result.stderr
    recipes = [recipe for recipe in trained if recipe is not None]
    assert recipes
    for recipe in recipes:
        assert (recipe["name"], recipe["learning_rate"], recipe["batch_size"]) == ("mine", 0.05, 8)
    kept = tomllib.loads((out / "run.toml").read_text())[name]
    assert (kept["recipe"], kept["images"], kept["batch_size"]) == ("mine", 64, 8)
    assert kept["recipe_values"]["learning_rate"] == 0.05
    # Nothing that comes after needs the file.
    mine.unlink()
    for again in (("resume", out), ("report", out)):
        result = run(*again)
        assert result.exit_code == 0, result.stderr


@pytest.mark.usefixtures("lab")
def test_a_run_is_repeated_without_the_file_and_refused_where_it_changed(
    run: Run, mine: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    command = (*COMMANDS["grid"], *SMALL, f"--recipe={mine}")
    assert run(*command, f"--out={out}").exit_code == 0
    assert "Recipe: `mine`, of the user's own" in (out / "report.md").read_text()
    assert tomllib.loads((out / "run.toml").read_text())["grid"]["recipe_values"]["learning_rate"] == 0.05
    mine.write_text(mine.read_text().replace("0.05", "0.06"))
    changed = run(*command, f"--out={out}")
    assert changed.exit_code == 2
    assert "recipe.learning_rate: 0.05 there, 0.06 asked" in changed.stderr
    mine.unlink()
    again = run("grid", f"--config={out / 'run.toml'}", f"--out={tmp_path / 'again'}")
    assert again.exit_code == 0, again.stderr
    first, second = (
        tomllib.loads((folder / "run.toml").read_text())["grid"] for folder in (out, tmp_path / "again")
    )
    assert first == second


def test_fidelity_trains_by_the_runs_own_recipe(run: Run, lab: Lab, mine: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    command = ("grid", "--max-networks=7", *QUIET, *SMALL)
    assert run(*command, f"--recipe={mine}", f"--out={out}").exit_code == 0
    trained = []
    lab.on_result = lambda job: trained.append(job.get("recipe"))
    result = run("fidelity", out, "--lengths=2", "--networks=7")
    assert result.exit_code == 0, result.stderr
    assert {(recipe["learning_rate"], recipe["images"]) for recipe in trained} == {(0.05, 128)}


@pytest.mark.usefixtures("lab")
def test_a_run_file_with_a_doctored_recipe_is_one_line(run: Run, mine: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    assert run(*COMMANDS["grid"], *SMALL, f"--recipe={mine}", f"--out={out}").exit_code == 0
    text = (out / "run.toml").read_text().replace("learning_rate = 0.05", 'learning_rate = "x"')
    copy = tmp_path / "copy.toml"
    copy.write_text(text)
    result = run("grid", f"--config={copy}", f"--out={tmp_path / 'again'}")
    assert result.exit_code == 2
    assert f"{copy}: [grid] recipe_values: learning_rate must be a number, got 'x'" in result.stderr


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("learning_rat = 1", "unknown key 'learning_rat'; did you mean learning_rate?"),
        ('base = "steady"\nmomentum = "x"', "momentum must be a number, got 'x'"),
    ],
)
def test_a_wrong_file_is_one_line_that_names_file_and_key(
    text: str, reason: str, run: Run, tmp_path: Path
) -> None:
    path = tmp_path / "mine.toml"
    path.write_text(text)
    for command in ("grid", "sweep", "describe"):
        result = run(command, f"--recipe={path}")
        assert result.exit_code == 2
        assert result.stderr.splitlines()[-1] == (
            f"Error: --recipe must describe a recipe, got {path}: {reason}"
        )


@pytest.mark.parametrize("name", sorted(RECIPES))
def test_what_describe_prints_of_a_recipe_is_a_file_of_it(name: str, run: Run, tmp_path: Path) -> None:
    described = run("describe", f"--recipe={name}", "--format=toml")
    assert described.exit_code == 0, described.stderr
    path = tmp_path / "copy.toml"
    path.write_text(described.stdout)
    assert run("describe", f"--recipe={path}", "--format=toml").stdout == described.stdout
    changed = tmp_path / "mine.toml"
    changed.write_text(described.stdout.replace(f'name = "{name}"', 'name = "mine"').replace("0.1", "0.2"))
    again = run("describe", f"--recipe={changed}", "--format=toml").stdout
    assert 'name = "mine"' in again
    assert "label_smoothing = 0.2" in again


def test_a_recipe_is_described_with_what_it_comes_to(run: Run) -> None:
    table = run("describe", "--recipe=quick").stdout
    assert "4,000 images (the default on cpu): 125 steps of 32" in table
    assert "64,000 images (the default on cuda, xpu): 2,000 steps of 32" in table
    assert "the rate peaks at 0.004; the weights themselves are judged" in table
    data = json.loads(run("describe", "--recipe=paper", "--format=json").stdout)
    assert data["recipe"]["optimizer"] == "rmsprop"
    (length,) = data["lengths"]
    assert (length["peak_rate"], length["pass_images"], length["average_steps"]) == (0.256, 128, 10_000)
    assert length["steps"] == 350 * 3600 // 4096
    assert "label_smoothing,0.1," in run("describe", "--recipe=paper", "--format=csv").stdout


def test_describe_takes_a_network_or_a_recipe(run: Run) -> None:
    for arguments, reason in (
        (("--classes=3",), "NETWORK must be given with --classes"),
        (("b0", "--recipe=steady"), "--recipe must be given without NETWORK"),
        (("--recipe=steady", "--depth=2"), "--recipe must be given without --depth"),
    ):
        result = run("describe", *arguments)
        assert result.exit_code == 2
        assert reason in result.stderr


@pytest.mark.usefixtures("lab")
def test_a_dry_run_says_how_long_runs_are_and_why(run: Run) -> None:
    command = ("grid", "--max-networks=2", *SMALL, "--dry-run")
    default = run(*command)
    assert "4,000 images, 125 steps of 32 (the default on a CPU; 64,000 on a GPU)" in default.stdout
    assert "64 images, 2 steps of 32\n" in run(*command, "--images=64").stdout


@pytest.mark.usefixtures("lab")
def test_runs_of_two_recipes_are_compared_value_by_value(run: Run, mine: Path, tmp_path: Path) -> None:
    command = ("grid", "--max-networks=8", *QUIET, *SMALL, "--seeds=2", "--images=64", "--batch-size=8")
    for name, recipe in (("a", mine), ("b", "steady")):
        assert run(*command, f"--recipe={recipe}", f"--out={tmp_path / name}").exit_code == 0
    (tmp_path / "a" / "study.db").unlink()  # as a report that is committed: its tables know the recipe
    assert run("report", tmp_path / "a").exit_code == 0
    assert "Recipe: `mine`" in (tmp_path / "a" / "report.md").read_text()
    result = run("transfer", tmp_path / "a", tmp_path / "b", f"--out={tmp_path / 'c'}")
    assert result.exit_code == 0, result.stderr
    page = (tmp_path / "c" / "transfer.md").read_text()
    assert "`recipe` (mine, steady)" in page
    assert "`recipe.learning_rate` (0.05, 0.032)" in page
    assert "momentum" not in page.split("## ")[1]


@pytest.mark.parametrize(
    ("arguments", "images", "epochs"),
    [
        (("--device=cpu",), 4000, None),
        (("--device=cuda",), 64_000, None),
        (("--device=cuda:0,1",), 64_000, None),
        (("--device=xpu:1", "--recipe=quick"), 64_000, None),
        (("--device=mps",), 4000, None),
        (("--device=cuda", "--images=500"), 500, None),
        (("--device=cuda", "--epochs=2"), None, 2.0),
        (("--device=cuda", "--recipe=paper"), None, 350.0),
        (("--device=cuda", "--recipe=MINE"), 64, None),
        (("--device=auto",), 64_000, None),
    ],
)
def test_how_long_a_run_is_by_default_is_up_to_the_kind_of_device(
    arguments: tuple[str, ...],
    images: int | None,
    epochs: float | None,
    mine: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("scalesearch.hardware.device.auto_device", lambda: "cuda")
    given = [argument.replace("MINE", str(mine)) for argument in arguments]
    with grid.make_context("grid", given) as context:
        resolved = resolve_training(context.params)
    assert (resolved["images"], resolved["epochs"]) == (images, epochs)


def test_a_tracker_that_is_not_installed_is_one_line(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda _name: None)
    for command in (("grid",), ("sweep",), ("scale", "--train"), ("audit", "--train"), ("alternate",)):
        result = run(*command, "--track=mlflow")
        assert result.exit_code == 2
        assert result.stderr == (
            "Error: --track must name a tracker that is installed, got mlflow, which needs its package: pip "
            "install 'scalesearch[mlflow]'\n"
        )


@pytest.mark.slow
@pytest.mark.usefixtures("lab")
def test_a_run_that_is_tracked_is_the_same_run(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("tensorboard")
    out = tmp_path / "out"
    command = (*COMMANDS["grid"], *SMALL, f"--out={out}")
    tracked = run(*command, "--track=tensorboard")
    assert tracked.exit_code == 0, tracked.stderr
    assert {job.parent.name for job in (out / "tracking").rglob("events.out.*")} == {
        path.stem for path in (out / "events").glob("*.jsonl")
    }
    before = (out / "candidates.csv").read_bytes()
    assert run(*command).exit_code == 0  # nothing is other than it was
    assert (out / "candidates.csv").read_bytes() == before
    # Where its package is gone, the run goes on.
    monkeypatch.setattr("scalesearch.runs.lifecycle.missing_package", lambda _name: "which is gone")
    resumed = run("resume", out)
    assert resumed.exit_code == 0
    assert "Note: this run goes on without tensorboard, which is gone" in resumed.stderr

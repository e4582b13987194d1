from __future__ import annotations

import csv
import json
import re
import shutil
import tomllib
from collections.abc import Callable
from pathlib import Path

import optuna
import pytest
from click.testing import Result
from filelock import FileLock

from scalesearch.study.grid_plan import GridSettings, plan_grid
from scalesearch.training.dataset import PHOTOGRAPHS_SIZE, DataSize, DataSpec

COLUMNS = [
    "key",
    "alpha",
    "beta",
    "gamma",
    "product",
    "depth",
    "width",
    "resolution",
    "params",
    "macs",
    "macs_ratio",
    "fvcore_total",
    "latency_median_s",
    "latency_iqr_s",
    "top1",
    "loss",
    "train_seconds",
    "images_seen",
    "merged",
    "status",
    "reason",
    "pareto",
]

Run = Callable[..., Result]


def _rows(folder: Path) -> list[dict[str, str]]:
    with (folder / "candidates.csv").open(newline="") as file:
        return list(csv.DictReader(file))


def test_a_run_writes_everything_it_promises(finished_run: Path) -> None:
    names = {str(path.relative_to(finished_run)) for path in finished_run.rglob("*") if path.is_file()}
    figures = {f"figures/{name}.{kind}" for name in ("pareto", "learning_curves") for kind in ("svg", "png")}
    assert {"study.db", "run.toml", "candidates.csv", "pareto.csv", "report.md", *figures} <= names


def test_every_distinct_network_has_a_row_and_every_trained_one_its_figures(finished_run: Path) -> None:
    rows = _rows(finished_run)
    assert list(rows[0])[: len(COLUMNS)] == COLUMNS
    assert sum(int(row["merged"]) for row in rows) == 109
    trained = [row for row in rows if row["status"] == "completed"]
    assert len(trained) == 3
    for row in trained:
        assert 0 <= float(row["top1"]) <= 1
        assert float(row["latency_median_s"]) > 0
        assert int(row["images_seen"]) == 32
        assert int(row["fvcore_total"]) > int(row["macs"])
        assert float(row["full_macs_ratio"]) > 1
    for row in rows:
        assert abs(float(row["product"]) - 2) <= 0.1
        assert row["status"] in ("completed", "skipped")
        assert (row["top1"] == "") == (row["status"] == "skipped")


def test_optunas_own_tools_open_the_study(finished_run: Path) -> None:
    study = optuna.load_study(study_name=None, storage=f"sqlite:///{finished_run / 'study.db'}")
    trained = [row for row in _rows(finished_run) if row["status"] == "completed"]
    assert len(study.trials) == len({trial.user_attrs["key"] for trial in study.trials}) == 3
    assert study.best_value == max(float(row["top1"]) for row in trained)
    assert {(t.params["alpha"], t.params["beta"], t.params["gamma"]) for t in study.trials} == {
        (float(row["alpha"]), float(row["beta"]), float(row["gamma"])) for row in trained
    }
    assert all(len(trial.intermediate_values) == 4 for trial in study.trials)


def test_run_toml_has_every_setting_and_starts_the_same_run_again(
    finished_run: Path, tmp_path: Path, run: Run
) -> None:
    tables = tomllib.loads((finished_run / "run.toml").read_text())
    assert tables["grid"]["seed"] == 0
    assert tables["grid"]["tolerance"] == 0.1
    assert tables["versions"]["torch"]
    assert tables["machine"]["cores"] >= 1
    copy = tmp_path / "again"
    config = finished_run / "run.toml"
    result = run("grid", f"--config={config}", f"--out={copy}", "--no-latency", "--images=24")
    assert result.exit_code == 0, result.output
    again = tomllib.loads((copy / "run.toml").read_text())["grid"]
    assert again == tables["grid"] | {"latency": False, "images": 24}


@pytest.mark.slow
def test_a_files_epochs_give_way_to_the_command_lines_images(
    tmp_path: Path, run: Run, tiny: tuple[str, ...]
) -> None:
    config = tmp_path / "mine.toml"
    config.write_text("[grid]\nepochs = 3\nphi = [0.5]\n")
    folder = tmp_path / "run"
    result = run("grid", f"--config={config}", f"--out={folder}", *tiny, "--max-networks=1")
    assert result.exit_code == 0, result.output
    settings = tomllib.loads((folder / "run.toml").read_text())["grid"]
    assert settings["images"] == 32
    assert "epochs" not in settings
    assert settings["phi"] == 0.5


@pytest.mark.parametrize("output_format", ["csv", "json", "table"])
def test_results_go_to_standard_output_alone(finished_run: Path, run: Run, output_format: str) -> None:
    result = run("report", finished_run, f"--format={output_format}")
    assert result.exit_code == 0
    if output_format == "csv":
        assert result.stdout == (finished_run / "candidates.csv").read_text()
    elif output_format == "json":
        rows = json.loads(result.stdout)
        assert [row["key"] for row in rows] == [row["key"] for row in _rows(finished_run)]
        assert {row["status"] for row in rows} == {"completed", "skipped"}
    else:
        assert "alpha" in result.stdout
        *_, page, learnt, last = result.stdout.rstrip().splitlines()
        assert page == f"Report: {finished_run / 'report.md'}; scalesearch open {finished_run} shows it"
        assert learnt.startswith("No network has learnt anything that shows")
        assert last.startswith("No answer yet: ")  # of three networks


@pytest.mark.parametrize("phis", ["0", "1,0"])
def test_phi_0_searches_nothing_and_is_refused(tmp_path: Path, run: Run, phis: str) -> None:
    result = run("grid", f"--phi={phis}", f"--out={tmp_path / 'run'}")
    assert result.exit_code == 2
    assert result.stderr == (
        "Error: --phi must be another number than 0 for a search, got 0: any coefficient to the power of 0 is 1, so "
        "every network is the baseline; 1 asks for twice its compute, -1 for half\n"
    )
    assert not (tmp_path / "run").exists()


@pytest.mark.slow
def test_several_phis_are_several_runs(tmp_path: Path, run: Run, tiny: tuple[str, ...]) -> None:
    result = run("grid", "--phi=0.5,1", f"--out={tmp_path}", *tiny, "--max-networks=1")
    assert result.exit_code == 0, result.output
    assert len(_rows(tmp_path / "phi0.5")) > 5
    assert len(_rows(tmp_path / "phi1")) > 10


def test_a_folder_of_images_is_searched_on(
    tmp_path: Path, run: Run, tiny: tuple[str, ...], image_folder: Path
) -> None:
    folder = tmp_path / "run"
    result = run("grid", f"--out={folder}", *tiny, f"--dataset=folder:{image_folder}", "--max-networks=1")
    assert result.exit_code == 0, result.output
    assert "2 classes" in (folder / "report.md").read_text() or "50" in (folder / "report.md").read_text()
    study = optuna.load_study(study_name=None, storage=f"sqlite:///{folder / 'study.db'}")
    assert study.user_attrs["run"]["classes"] == 2
    assert study.trials[0].user_attrs["run/0"]["held_out_images"] == 4


@pytest.mark.slow
def test_failed_trials_are_rows_and_the_search_goes_on(
    tmp_path: Path, run: Run, tiny: tuple[str, ...], image_folder: Path
) -> None:
    """An image that breaks after the run was begun fails its trials; repaired, they are retried on request."""
    folder = tmp_path / "run"
    options = (f"--dataset=folder:{image_folder}", "--max-networks=1", "--held-out=20")
    assert run("grid", f"--out={folder}", *tiny, *options).exit_code == 0
    shutil.rmtree(folder)
    config = (f"--out={folder}", *tiny, *options, "--storage=sqlite:///" + str(tmp_path / "other.db"))
    images = {path: path.read_bytes() for path in image_folder.rglob("*.png")}

    import scalesearch.runs.lifecycle as cli_run

    data_size = cli_run.data_size

    def break_after_the_check(data: DataSpec) -> DataSize:
        size = data_size(data)
        for number, path in enumerate(images):
            path.write_bytes(b"no image %d" % number)
        return size

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(cli_run, "data_size", break_after_the_check)
        result = run("grid", *config)
    assert result.exit_code == 1
    assert result.stderr.endswith(
        f"Error: no network could be trained; the reasons are in {folder / 'report.md'}\n"
    )
    (failed,) = [row for row in _rows(folder) if row["status"] == "failed"]
    assert "must be the data that the run was begun with, got other files or labels" in failed["reason"]
    for path, content in images.items():
        path.write_bytes(content)
    assert run("resume", folder).exit_code == 1  # a failure is a result: it is kept
    assert run("resume", folder, "--retry-failed").exit_code == 0
    assert [row["status"] for row in _rows(folder) if row["status"] != "skipped"] == ["completed"]


def test_a_passwords_place_is_in_no_file(tmp_path: Path, run: Run, tiny: tuple[str, ...]) -> None:
    folder = tmp_path / "run"
    result = run("grid", f"--out={folder}", *tiny, "--storage=postgresql+nodriver://me:hush@127.0.0.1:1/x")
    assert result.exit_code == 2
    assert "hush" not in result.output
    assert "me:***@127.0.0.1" in result.output or "hush" not in result.stderr
    assert "hush" not in "".join(p.read_text() for p in folder.rglob("*") if p.is_file())


BAD = {
    "a descending range": (
        ["--phi=7..0"],
        "--phi must be a number, a list such as 0,0.5,1 or a rising range of whole numbers such as 0..7 (at most 100 of them), got '7..0'",
    ),
    "an open range": (["--phi=0.."], "such as 0..7 (at most 100 of them), got '0..'"),
    "a word for phi": (["--phi=x"], "such as 0..7 (at most 100 of them), got 'x'"),
    "a phi twice": (["--phi=1,1"], "must name each phi once, got '1,1'"),
    "a phi that is not finite": (["--phi=inf"], "such as 0..7 (at most 100 of them), got 'inf'"),
    "a coefficient below 1": (["--alpha-min=0.9"], "--alpha-min must be a finite number >= 1, got 0.9"),
    "a coefficient that is no number": (
        ["--beta-max=nan"],
        "--beta-max must be a finite number >= 1, got nan",
    ),
    "a network under one pixel": (
        ["--phi=-60"],
        "--phi must make a network that can be built, got -60: resolution must leave at least 1 pixel",
    ),
    "cuda without cuda": (["--device=cuda"], "--device must be cpu or an available device, got 'cuda'"),
    "an unknown device": (["--device=tpu"], "--device must be cpu or an available device, got 'tpu'"),
    "a device twice": (["--device=cuda:1,0,1"], "--device must name each device once, got 'cuda:1,0,1'"),
    "devices of two kinds": (
        ["--device=cpu,cuda"],
        "--device must be cpu or devices of one kind, such as cuda:0,2, got 'cpu,cuda': torch sees",
    ),
    "no such data": (
        ["--dataset=folder:/nowhere/at/all"],
        "--dataset folder:/nowhere/at/all must be a folder",
    ),
    "an unknown dataset": (
        ["--dataset=mnist"],
        "--dataset must be one of photographs, cifar10, cifar100, folder:PATH, windows:PATH or tensors:FILE",
    ),
    "two lengths": (
        ["--images=64", "--epochs=2"],
        "--epochs and --images say the same thing: give one of them",
    ),
    "less than a batch": (
        ["--images=8", "--batch-size=32"],
        "--images must be at least one batch of 32, got 8",
    ),
    "no seed": (["--seeds=0"], "--seeds must be a whole number >= 1, got 0"),
    "no time": (
        ["--time-budget=x"],
        "--time-budget must be a time above 0 such as 90s, 10m or 1.5h, got 'x'",
    ),
    "time and rungs": (
        ["--time-budget=10m", "--rungs=6:0.5,2:1"],
        "Error: --time-budget says how many whole designs are trained: give it or --rungs, not both",
    ),
    "a check and rungs": (
        ["--check-recipe", "--rungs=6:0.5,2:1"],
        "Error: --check-recipe must be left out with --rungs (6:0.5,2:1), got true: it goes by an answer, in "
        "which networks that are stopped early have no part",
    ),
    "a confirmation of too few networks": (
        ["--max-networks=6", "--confirm=4"],
        "Error: --max-networks must be at least 7, or 0 for all, with --confirm: a surface over splits takes as "
        "many, and there is no answer without one, got 6",
    ),
    "a check of too few networks": (
        ["--max-networks=3", "--check-recipe"],
        "Error: --max-networks must be at least 7, or 0 for all, with --check-recipe: a surface over splits takes "
        "as many, and there is no answer without one, got 3",
    ),
    "confirmation and rungs": (
        ["--rungs=6:0.5,2:1", "--confirm=4"],
        "Error: --confirm must be left out with --rungs (6:0.5,2:1), got 4: it goes by an answer, in which "
        "networks that are stopped early have no part",
    ),
    "regret and rungs": (
        ["--regret=0", "--rungs=6:0.5,2:1"],
        "Error: --regret must be left out with --rungs (6:0.5,2:1), got 0: it goes by an answer, in which "
        "networks that are stopped early have no part",
    ),
    "rungs of one length": (
        ["--rungs=6:0.4,2:0.4001,1:1"],
        "Error: --rungs must be a batch of ",
    ),
    "rungs of nearly one length": (
        ["--rungs=6:0.5,2:0.51,1:1", "--images=4000", "--batch-size=32"],
        "Error: --rungs must be at least 5% apart in length, got 6:0.5,2:0.51,1:1: 1,984 and 2,048 images; "
        "shares further apart would do",
    ),
    "a last rung of nearly the whole length": (
        ["--rungs=6:0.5,2:0.98,1:1", "--images=4000", "--batch-size=32"],
        "Error: --rungs must be at least 5% apart in length, got 6:0.5,2:0.98,1:1: 3,904 and 4,000 images; "
        "shares further apart would do",
    ),
    "no rungs": (
        ["--rungs=nonsense"],
        "Error: --rungs must be NETWORKS:SHARE steps with fewer networks and a greater share each, the last "
        "share 1, such as 65:0.125,16:0.5,5:1, or none, got 'nonsense'",
    ),
    "an unknown constraint": (
        ["--constraint=flops"],
        "--constraint must be one of product, macs, params, activations, memory, latency, got 'flops'",
    ),
    "an unknown match": (
        ["--match=flops"],
        "--match must be one of none, macs, params, activations, memory, latency, got 'flops'",
    ),
    "params by resolution": (
        ["--match=params", "--match-by=resolution"],
        "Error: --match-by must be width or depth for params: they are the same at any resolution, "
        "got resolution",
    ),
    "no tolerance of the budget": (
        ["--match=macs", "--budget-tolerance=-1"],
        "Error: --budget-tolerance must be a finite number >= 0, got -1.0",
    ),
    "an unknown option": (["--speed=9"], "--speed is no option of scalesearch grid; did you mean"),
    "an unknown choice": (
        ["--recipe=slow"],
        "must be one of steady, quick, paper or a .toml file, got 'slow'",
    ),
    "no storage": (["--storage=nonsense"], "--storage must be a database URL such as sqlite:///study.db"),
    "no anchor": (
        ["--anchor=1.2"],
        "--anchor must be three numbers >= 1 such as 1.2,1.1,1.15, or none, got '1.2'",
    ),
}


@pytest.mark.parametrize(("options", "message"), BAD.values(), ids=list(BAD))
def test_bad_input_is_one_line_and_touches_nothing(
    tmp_path: Path, run: Run, options: list[str], message: str
) -> None:
    folder = tmp_path / "run"
    result = run("grid", f"--out={folder}", *options)
    assert result.exit_code == 2
    assert result.stdout == ""
    assert result.stderr.startswith("Error: ")
    assert message in result.stderr
    assert result.stderr.count("\n") == 1
    assert not folder.exists() or not any(p.suffix in (".toml", ".csv") for p in folder.iterdir())


def test_an_empty_feasible_set_has_its_own_exit_code(tmp_path: Path, run: Run) -> None:
    result = run(
        "grid",
        f"--out={tmp_path / 'run'}",
        "--alpha-max=1.2",
        "--beta-max=1.1",
        "--gamma-max=1.1",
        "--step=0.1",
    )
    assert result.exit_code == 3
    assert "the closest product is 1.75692 at (alpha, beta, gamma) = (1.2, 1.1, 1.1)" in result.stderr
    assert "--tolerance 0.24308 would admit it" in result.stderr
    assert not (tmp_path / "run").exists()


def test_a_budget_that_no_network_meets_has_the_same_exit_code(tmp_path: Path, run: Run) -> None:
    options = ("--constraint=macs", "--step=0.25", "--phi=0.3")
    result = run("grid", f"--out={tmp_path / 'run'}", *options, "--budget-tolerance=0")
    assert result.exit_code == 3
    found = re.fullmatch(
        r"Error: --budget-tolerance must admit at least one network, got 0: none has macs within it of \S+; "
        r"the nearest has \S+ at \(alpha, beta, gamma\) = \(\S+, \S+, \S+\); "
        r"--budget-tolerance (\S+) would admit it\n",
        result.stderr,
    )
    assert found
    settings = GridSettings(step=0.25, phi=0.3, constraint="macs", budget_tolerance=float(found[1]))
    assert plan_grid(settings, PHOTOGRAPHS_SIZE).chosen


def test_a_run_of_another_command_is_refused(finished_run: Path, run: Run) -> None:
    for command in ("sweep", "alternate"):
        result = run(command, f"--out={finished_run}")
        assert result.exit_code == 2
        assert result.stderr == (
            f"Error: --out must be a folder without a run of another command, got {finished_run}, which holds a "
            "run of scalesearch grid; choose another folder\n"
        )


def test_other_settings_are_refused_with_the_difference_and_nothing_touched(
    finished_run: Path, run: Run, tiny: tuple[str, ...]
) -> None:
    before = {path: path.read_bytes() for path in finished_run.rglob("*") if path.is_file()}
    result = run("grid", f"--out={finished_run}", *tiny, "--latency", "--seed=5", "--tolerance=0.2")
    assert result.exit_code == 2
    assert "(seed: 0 there, 5 asked; tolerance: 0.1 there, 0.2 asked)" in result.stderr
    assert {path: path.read_bytes() for path in finished_run.rglob("*") if path.is_file()} == before


def test_a_second_driver_is_refused_while_the_first_lives(
    finished_run: Path, tmp_path: Path, run: Run
) -> None:
    folder = tmp_path / "run"
    shutil.copytree(finished_run, folder)
    with FileLock(folder / "driver.lock"):
        result = run("resume", folder)
    assert result.exit_code == 2
    assert "the folder must be one that no other run works on" in result.stderr
    assert run("resume", folder).exit_code == 0


@pytest.mark.parametrize("command", ["resume", "report"])
def test_what_is_no_run_is_refused(tmp_path: Path, run: Run, command: str) -> None:
    result = run(command, tmp_path / "nowhere")
    assert (result.exit_code, result.stderr) == (
        2,
        f"Error: DIR must be a run's folder, got {tmp_path / 'nowhere'}: no such folder\n",
    )
    result = run(command, tmp_path)
    assert result.exit_code == 2
    # Every kind of run, by the command that makes it: scale keeps none unless it trains.
    assert result.stderr == (
        "Error: DIR must be the folder of a run of grid, search, sweep, scale --train, alternate, fidelity, "
        f"audit, transfer, measure, compare or law, got {tmp_path}: it holds none\n"
    )
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("damage", [b"this is no database", None])
@pytest.mark.parametrize("command", ["grid", "resume", "report"])
def test_a_corrupt_study_is_named_and_left_alone(
    finished_run: Path, tmp_path: Path, run: Run, tiny: tuple[str, ...], damage: bytes | None, command: str
) -> None:
    folder = tmp_path / "run"
    shutil.copytree(finished_run, folder)
    database = folder / "study.db"
    database.write_bytes(damage or database.read_bytes()[:6000])
    before = database.read_bytes()
    arguments = [f"--out={folder}", *tiny, "--latency"] if command == "grid" else [folder]
    result = run(command, *arguments)
    assert result.exit_code == 2
    assert result.stderr.count("\n") == 1
    assert "must be a readable Optuna study" in result.stderr
    assert "study.db" in result.stderr
    assert database.read_bytes() == before


def test_a_folder_that_cannot_be_written_is_named(tmp_path: Path, run: Run) -> None:
    (tmp_path / "file").write_text("")
    result = run("grid", f"--out={tmp_path / 'file' / 'run'}")
    assert result.exit_code == 2
    assert (
        f"--out must be a writable folder, got {tmp_path / 'file' / 'run'}: Not a directory" in result.stderr
    )


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            "[grid]\nsped = 1\n",
            "[grid] has no setting 'sped'; did you mean seed or seeds? (scalesearch grid --help lists them all)",
        ),
        ("[grid]\nqqqq = 1\n", "[grid] has no setting 'qqqq' (scalesearch grid --help lists them all)"),
        (
            "[gird]\nseed = 1\n",
            "may hold the tables grid, search, sweep, alternate, scale, measure, compare, law, audit, run, machine, versions, "
            "got 'gird'",
        ),
        ("seed = \n", "is not TOML"),
        ("[scale]\nalpha = 1.2\n", "must have a table [grid], got none"),
        ("[grid]\nseed = 1979-05-27\n", "seed must be a whole number, got datetime.date(1979, 5, 27)"),
        ("[grid]\nmax_networks = 2.5\n", "max_networks must be a whole number, got 2.5"),
        ("[grid]\nimages = true\n", "images must be a whole number, got True"),
        ('[grid]\nlatency = "maybe"\n', "latency must be true or false, got 'maybe'"),
        ("[grid]\nseed = -1\n", "--seed must be a whole number from 0 to 4294967295, got -1"),
        ('[grid]\nphi = "7..0"\n', "--phi must be a number, a list"),
    ],
)
def test_a_wrong_config_is_refused(tmp_path: Path, run: Run, text: str, message: str) -> None:
    config = tmp_path / "bad.toml"
    config.write_text(text)
    result = run("grid", f"--config={config}", f"--out={tmp_path / 'run'}")
    assert result.exit_code == 2
    assert message in result.stderr
    assert result.stderr.count("\n") == 1


def test_a_folder_without_a_run_is_told_what_it_holds(tmp_path: Path, run: Run) -> None:
    for name in ("report.md", "summary.csv"):
        (tmp_path / name).write_text("")
    result = run("report", tmp_path)
    assert result.exit_code == 2
    assert result.stderr.endswith(
        f"got {tmp_path}: it holds none, only report.md, summary.csv; scalesearch open {tmp_path} shows its page\n"
    )

"""Reports made again without the study: the tables of single runs stand in for it, or a line says what is wrong."""

from __future__ import annotations

import csv
import io
import re
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from scalesearch.cli.main import cli
from scalesearch.files import read_toml
from scalesearch.records.runs import LATENCY, LOOKS, PLAN, RUNS, STUDY, TABLES
from scalesearch.runs.kept import kept_run, kept_tables, open_run_study
from tests.study.conftest import Job, Lab

Run = Callable[..., Result]
SMALL = (
    *("--images=40", "--batch-size=4", "--device=cpu", "--threads=1", "--jobs=1"),
    *("--baseline-width=0.125", "--baseline-resolution=16", "--baseline-channel-divisor=1"),
)
COARSE = ("--step=0.25", "--tolerance=0.3", *SMALL)
KINDS = {
    "grid": ("grid", "--max-networks=3", "--seeds=2", *COARSE),
    "rungs": ("grid", "--rungs=4:0.5,2:1", "--match=macs", "--seeds=2", "--no-latency", *COARSE),
    "search": (
        *("search", "--trials=4", "--sampler=random", "--objectives=top1,macs", "--seeds=2", "--no-latency"),
        *SMALL,
    ),
    "sweep": ("sweep", "--phi=1", "--seeds=2", "--no-latency", *SMALL),
    "alternate": ("alternate", "--max-networks=2", "--max-rounds=2", "--seeds=1", "--no-latency", *COARSE),
    "scale": (
        *("scale", "--train", "--train-phi=0,1", "--phi=0,1", "--seeds=2", "--no-latency"),
        *("--alpha=1.2", "--beta=1.1", "--gamma=1.15", *SMALL),
    ),
    "audit": ("audit", "--train", "--baseline=mobilenet-v2", "--phi=1", "--seeds=2", "--no-latency", *SMALL),
}


def _trained(kind: str, folder: Path, fails: Callable[[Job], str | None] = lambda _job: None) -> Path:
    """A finished run of that kind, by fake workers."""
    lab = Lab(fails=fails)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("scalesearch.runs.planning.ProcessExecutor", lab.executor)
        patch.setattr("scalesearch.workers.executor.ProcessExecutor", lab.executor)
        result = CliRunner().invoke(cli, [*KINDS[kind], f"--out={folder}"])
    assert result.exit_code == 0, result.output
    return folder


COMMANDS = re.compile(rb"^```sh\n.*?\n```$", re.MULTILINE | re.DOTALL)
"""On a page: what to do next, which goes by what the folder still has."""


def _files(folder: Path) -> dict[str, bytes]:
    """All that a report consists of."""
    return {
        str(path.relative_to(folder)): COMMANDS.sub(b"", path.read_bytes())
        for path in sorted(folder.rglob("*"))
        if path.suffix in (".md", ".csv", ".toml", ".svg", ".png")
    }


def _committed(folder: Path) -> None:
    """Leaves of a run what is committed: no study, no weights; and no page, table or figure of its report."""
    for path in sorted(folder.rglob("*"), reverse=True):
        if path.is_dir():
            if not any(path.iterdir()):
                path.rmdir()
        elif path.name not in (*TABLES, "run.toml"):
            path.unlink()


@pytest.fixture(scope="module")
def grid(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A finished grid with latency. Not to be changed: copy it first."""

    def fails(job: Job) -> str | None:
        return "it was not to be" if failing.setdefault("key", job["key"]) == job["key"] else None

    failing: dict[str, str] = {}
    return _trained("grid", tmp_path_factory.mktemp("kept") / "grid", fails)


@pytest.fixture
def copy(grid: Path, tmp_path: Path) -> Path:
    """The grid as it is committed: without its study."""
    folder = Path(shutil.copytree(grid, tmp_path / "copy"))
    (folder / "study.db").unlink()
    return folder


@pytest.mark.parametrize(
    "kind", [kind if kind == "rungs" else pytest.param(kind, marks=pytest.mark.slow) for kind in KINDS]
)
def test_the_report_of_every_kind_is_the_same_without_the_study(kind: str, tmp_path: Path, run: Run) -> None:
    folder = _trained(kind, tmp_path / "run")
    told = run("report", folder)
    assert told.exit_code == 0, told.output
    before = _files(folder)
    tables = {Path(name).name for name in before} & set(TABLES)
    assert tables >= {STUDY, PLAN, RUNS, LOOKS}
    _committed(folder)
    again = run("report", folder)
    assert again.exit_code == 0, again.output
    assert again.output == told.output
    assert _files(folder) == before


@pytest.mark.slow
@pytest.mark.usefixtures("lab")
def test_the_report_of_other_lengths_is_the_same_without_the_studies(tmp_path: Path, run: Run) -> None:
    folder = tmp_path / "run"
    grid = ("grid", "--max-networks=7", "--seeds=1", "--no-latency", *COARSE, "--step=0.2", f"--out={folder}")
    for command in (grid, ("fidelity", folder, "--lengths=0.5,2", "--networks=7")):
        assert run(*command).exit_code == 0
    before = _files(folder)
    assert {f"fidelity/{name}" for name in (STUDY, PLAN, RUNS, LOOKS)} <= set(before)
    _committed(folder)
    result = run("report", folder / "fidelity")
    assert result.exit_code == 0, result.output
    assert _files(folder) == before


def test_the_records_of_study_and_tables_are_equal(grid: Path, copy: Path) -> None:
    record = open_run_study(grid, "").record()
    assert {c.status for c in record.candidates} == {"completed", "failed", "skipped"}
    assert any(c.latency is not None for c in record.candidates)
    kept = kept_run(copy)
    assert kept.study is None
    assert kept.record == record
    assert kept_run(grid).study is not None


def test_a_row_is_a_training_run(grid: Path) -> None:
    record = open_run_study(grid, "").record()
    rows = list(csv.DictReader(io.StringIO((grid / RUNS).read_text("utf-8"))))
    assert [(row["key"], int(row["seed"])) for row in rows] == [
        (c.key, run.seed) for c in record.candidates for run in c.runs
    ]
    for row in rows:
        candidate = next(c for c in record.candidates if c.key == row["key"])
        trained = next(r for r in candidate.runs if r.seed == int(row["seed"]))
        assert [float(row[name]) for name in ("alpha", "beta", "gamma", "phi")] == [
            *(candidate.alpha, candidate.beta, candidate.gamma, candidate.phi)
        ]
        assert row["status"] == candidate.status
        assert int(row["images_seen"]) == 40
        # To the last digit.
        assert (float(row["top1"]), float(row["loss"])) == (trained.top1, trained.loss)
        assert float(row["train_seconds"]) == trained.train_seconds


def test_a_run_that_was_stopped_has_the_rows_of_what_it_did(tmp_path: Path, run: Run, lab: Lab) -> None:
    def stop(_job: Job) -> None:
        if len(lab.ledger) == 3:
            raise KeyboardInterrupt

    lab.on_result = stop
    folder = tmp_path / "run"
    assert run(*KINDS["grid"], f"--out={folder}").exit_code == 130
    assert run("report", folder).exit_code == 0
    before = _files(folder)
    assert len((folder / RUNS).read_text("utf-8").splitlines()) == 1 + 2
    (folder / "study.db").unlink()
    assert run("report", folder).exit_code == 0
    assert _files(folder) == before
    assert "is not finished" in before["report.md"].decode()


def test_a_study_comes_before_the_tables(grid: Path, tmp_path: Path, run: Run) -> None:
    folder = Path(shutil.copytree(grid, tmp_path / "run"))
    (folder / RUNS).write_text("nothing\n")
    assert run("report", folder).exit_code == 0
    assert _files(folder) == _files(grid)


def test_without_its_study_a_run_is_compared_but_not_gone_on_with(
    copy: Path, tmp_path: Path, run: Run
) -> None:
    other = Path(shutil.copytree(copy, tmp_path / "other"))
    result = run("transfer", copy, other, f"--out={tmp_path / 'transfer'}")
    # It was read; of its two networks nothing can be said.
    assert result.exit_code == 2
    assert f"got 2 in {copy};" in result.stderr
    for command in (("resume", copy), ("fidelity", copy)):
        result = run(*command)
        assert result.exit_code == 2
        assert f"got {copy}: it has no study.db" in result.output
        assert "scalesearch report reads" in result.output
        assert f"to train anew: scalesearch grid --config {copy}/run.toml --out {copy}-again" in result.output
    result = run("export", copy, "--to=safetensors", f"--out={tmp_path / 'export'}")
    assert result.exit_code == 2
    assert "which has none" in result.output
    before = _files(copy)
    result = run(*KINDS["grid"], f"--out={copy}")
    assert result.exit_code == 2
    assert result.stderr == (
        f"Error: --out must be a new folder, or one with its study, got {copy}: its runs.csv holds a run whose "
        "study isn't there, as in a report that was committed without it, and would be replaced; give another "
        f"--out, or make its page again by: scalesearch report {copy}\n"
    )
    assert _files(copy) == before


@pytest.mark.usefixtures("lab")
def test_the_command_that_trains_anew_asks_for_what_the_run_was_whatever_the_defaults_are_now(
    copy: Path, run: Run
) -> None:
    # A setting that is as no default of today's, and that the run's command doesn't say.
    text = (copy / "run.toml").read_text("utf-8").replace("held_out = 900", "held_out = 450")
    (copy / "run.toml").write_text(text, "utf-8")
    refused = run("resume", copy)
    words = refused.output.partition("to train anew: scalesearch ")[2].split()
    anew = run(*words)
    assert anew.exit_code == 0, anew.output
    before, after = (read_toml(place / "run.toml")["grid"] for place in (copy, Path(words[-1])))
    assert before["held_out"] == 450
    assert after == before


def test_a_committed_run_of_an_earlier_version_is_trained_anew_by_how_it_met_its_budget(run: Run) -> None:
    there = Path(__file__).parents[2] / "reports" / "step1-resnet-18"
    anew = f"--config {there}/run.toml --match-by resolution,width --out {there}-again"
    for command in (("resume", there), ("fidelity", there, "--dry-run")):
        assert run(*command).stderr.endswith(f"; to train anew: scalesearch grid {anew}\n")


@pytest.mark.parametrize("table", ["runs.csv", "study.csv"])
@pytest.mark.parametrize("kind", ["grid", "search", "sweep", "alternate"])
def test_no_run_is_begun_over_the_tables_of_another(kind: str, table: str, run: Run, tmp_path: Path) -> None:
    """Whichever command it is, wherever its study would be."""
    (tmp_path / table).write_text("kept\n")
    before = _files(tmp_path)
    for storage in ((), (f"--storage=sqlite:///{tmp_path.parent}/{tmp_path.name}.db",)):
        if storage and kind == "alternate":
            continue
        result = run(*KINDS[kind], f"--out={tmp_path}", *storage)
        assert result.exit_code == 2
        assert result.stderr.startswith(
            f"Error: --out must be a new folder, or one with its study, got {tmp_path}: "
        )
        assert result.stderr.count("\n") == 1
        assert _files(tmp_path) == before


def _edited(folder: Path, name: str, row: int, column: str, value: str) -> None:
    """Puts ``value`` in a cell; row 1 is the header."""
    rows = list(csv.reader(io.StringIO((folder / name).read_text("utf-8"))))
    rows[row - 1][rows[0].index(column)] = value
    stream = io.StringIO()
    csv.writer(stream, lineterminator="\n").writerows(rows)
    (folder / name).write_text(stream.getvalue(), "utf-8")


@pytest.mark.parametrize(
    ("name", "column", "value", "what"),
    [
        (RUNS, "top1", "many", "must be a number, got 'many'"),
        (RUNS, "top1", "", "must be a number, got ''"),
        (RUNS, "top1", "NaN", "must be a finite number, got nan"),
        (RUNS, "top1", "1.5", "must be between 0 and 1, got 1.5"),
        (RUNS, "top1", "true", "must be a number, got True"),
        (RUNS, "loss", "Infinity", "must be a finite number, got inf"),
        (RUNS, "loss", "1e999", "must be a finite number, got inf"),
        (RUNS, "seed", "0.5", "must be a whole number, got 0.5"),
        (RUNS, "seed", "-1", "must be >= 0, got -1"),
        (RUNS, "seed", "[" * 100_000, "must be a number, got '[["),
        (RUNS, "train_seconds", "-3", "must be >= 0, got -3"),
        (RUNS, "held_out_images", "0", "must be > 0, got 0"),
        (RUNS, "key", "../../etc/passwd", "must be a network of plan.csv, got '../../etc/passwd'"),
        (RUNS, "study", "another", "must be a name of study.csv, got 'another'"),
        (RUNS, "alpha", "1.9", "as in plan.csv, got 1.9"),
        (RUNS, "status", "failed", "must be 'completed' as in plan.csv, got 'failed'"),
        (LOOKS, "top1", "-0.1", "must be between 0 and 1, got -0.1"),
        (LOOKS, "seed", "9", "must be a run of runs.csv, got none of seed 9"),
        (LATENCY, "seconds", "fast", "must be a number, got 'fast'"),
        (LATENCY, "key", "start", "must be a network of plan.csv, got 'start'"),
        (PLAN, "key", "../up", "must be letters, digits, points, dashes and underscores, got '../up'"),
        (PLAN, "status", "won", "must be one of completed, pruned, failed, skipped, waiting, got 'won'"),
        (PLAN, "merged", "[[1, 2]]", "must be a list of 3, got [1, 2]"),
        (PLAN, "params", "9" * 30, "must be at most 9,223,372,036,854,775,807, got 9999"),
        (PLAN, "macs", "-1", "must be > 0, got -1"),
        (PLAN, "study", "another", "must be a name of study.csv, got 'another'"),
        (STUDY, "kind", "sweeping", "must be one of grid, search, sweep, scale, fidelity, got 'sweeping'"),
        (STUDY, "kind", "sweep", "must be 'grid' as in its run.toml, got 'sweep'"),
        (STUDY, "rungs", "[{}]", "images is missing"),
        (STUDY, "rungs", "many", "must be a text or JSON as it was written, got 'many'"),
        (STUDY, "settings", "3", "must be a table, got 3"),
    ],
)
def test_a_cell_that_cannot_be_is_named(
    copy: Path, run: Run, name: str, column: str, value: str, what: str
) -> None:
    _edited(copy, name, 2, column, value)
    result = run("report", copy)
    assert result.exit_code == 2, result.output
    assert f"{name}, row 2, column {column}: " in result.output
    assert what in result.output
    assert result.output.startswith("Error: DIR must hold tables as they were written, got ")
    assert len(result.output.splitlines()) == 1


def _without_column(text: str) -> str:
    return text.replace("top1", "accuracy", 1)


def _ragged(text: str) -> str:
    return text + "1,2,3\n"


def _repeated(text: str) -> str:
    return text + text.splitlines()[1] + "\n"


def _twice(text: str) -> str:
    return text.replace("held_out_images", "seed", 1)


@pytest.mark.parametrize(
    ("change", "what"),
    [
        (_without_column, "runs.csv, row 1: must have the column top1, got study, key"),
        (lambda _text: "", "runs.csv, row 1: must have the column held_out_images, got none"),
        (_ragged, "cells as its header, got 3"),
        (_repeated, "column seed: must be another than in row 2, got 0 again"),
        (_twice, "runs.csv, row 1: must have the column held_out_images"),
        (lambda text: text.replace("\n", ',"\n', 2), "runs.csv"),
    ],
)
def test_a_table_that_is_not_as_written_is_named(
    copy: Path, run: Run, change: Callable[[str], str], what: str
) -> None:
    (copy / RUNS).write_text(change((copy / RUNS).read_text("utf-8")), "utf-8")
    result = run("report", copy)
    assert result.exit_code == 2
    assert what in result.output
    assert len(result.output.splitlines()) == 1


@pytest.mark.parametrize("name", [STUDY, PLAN, RUNS, LOOKS])
def test_a_table_that_is_gone_or_no_text_is_named(copy: Path, run: Run, name: str) -> None:
    (copy / name).write_bytes(b"\xff\xfe\x00")
    result = run("report", copy)
    assert result.exit_code == 2
    assert f"{copy / name} cannot be read" in result.output
    (copy / name).unlink()
    result = run("report", copy)
    assert result.exit_code == 2
    gone = "it has no study.db" if name == STUDY else f"must hold {name} beside {STUDY}"
    assert gone in result.output


def test_settings_no_report_can_be_made_of_are_one_line(copy: Path, run: Run) -> None:
    _edited(copy, STUDY, 2, "baseline", "{}")
    result = run("report", copy)
    assert result.exit_code == 2
    assert "of which no report can be made" in result.output


def test_columns_of_a_later_version_and_a_byte_order_mark_are_read_and_stay(copy: Path, run: Run) -> None:
    lines = (copy / RUNS).read_text("utf-8").splitlines()
    marked = "\ufeff" + "\n".join([lines[0] + ",note", *(line + ",mine" for line in lines[1:])]) + "\n"
    (copy / RUNS).write_text(marked, "utf-8")
    assert run("report", copy).exit_code == 0
    assert (copy / RUNS).read_text("utf-8") == marked


@pytest.mark.slow
@pytest.mark.usefixtures("lab")
def test_a_database_elsewhere_that_is_gone_has_its_tables(tmp_path: Path, run: Run) -> None:
    folder, database = tmp_path / "run", tmp_path / "elsewhere.db"
    assert run(*KINDS["rungs"], f"--out={folder}", f"--storage=sqlite:///{database}").exit_code == 0
    before = _files(folder)
    database.unlink()
    result = run("report", folder)
    assert result.exit_code == 0
    assert f"read from the tables in {folder} instead" in result.stderr
    assert _files(folder) == before
    assert kept_tables(folder).keys() == {"grid-efficientnet-b0-phi1"}

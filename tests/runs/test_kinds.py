"""The registry of kinds of run: what resumes, reports and opens a folder goes by it alone."""

from __future__ import annotations

import dataclasses
import importlib
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import pandas as pd
import pytest
from click.testing import Result

import scalesearch as ss
from scalesearch.files import write_text
from scalesearch.page.columns import Columns
from scalesearch.runs import kinds
from scalesearch.runs.folder import read_run_file, write_run_file
from scalesearch.runs.kinds import GoingOn, Kind, Outcome
from scalesearch.runs.lifecycle import begin, carry_on
from scalesearch.runs.planning import grid_plan
from scalesearch.study.grid_plan import GridSettings
from scalesearch.study.plan import Plan
from scalesearch.training.dataset import DataSize
from tests.study.conftest import lab

__all__ = ["lab"]

Run = Callable[..., Result]
HERE = "tests.runs.test_kinds"

# A kind of run of this test: it counts to a number, a step at each start.


def read(folder: Path, _storage: str = "") -> int:
    return int((folder / "count").read_text())


def table(record: int) -> pd.DataFrame:
    return pd.DataFrame({"step": range(1, record + 1)})


def answer(record: int) -> tuple[str, ...]:
    return (f"Counted to {record}.",)


def report(folder: Path, _storage: str = "") -> Outcome:
    record = read(folder)
    page = write_text(folder / "counting.md", f"# Counting\n\n{answer(record)[0]}\n")
    return Outcome(
        kind="counting",
        folder=folder,
        record=record,
        table=table(record),
        page=page,
        lines=answer(record),
    )


def resume(folder: Path, how: GoingOn) -> Outcome:
    most = read_run_file(folder)["counting"]["most"]
    done = read(folder) + (how.computing.jobs or 1)
    write_text(folder / "count", str(min(done, most)))
    failure = None if done >= most else ss.RunFailedError(f"counted to {done} of {most}")
    return dataclasses.replace(report(folder), failure=failure)


@pytest.fixture
def counting(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of a run of that kind, which is known."""
    kind = Kind(
        name="counting",
        module=HERE,
        table=f"{HERE}:table",
        answer=f"{HERE}:answer",
        page="counting.md",
    )
    monkeypatch.setattr(kinds, "KINDS", {**kinds.KINDS, kind.name: kind})
    folder = tmp_path / "run"
    facts = {"name": "run", "command": "scalesearch counting", "machine": {}, "versions": {}}
    folder.mkdir()
    write_run_file(folder, "counting", {"most": 3}, facts)
    write_text(folder / "count", "1")
    return folder


def test_a_new_kind_is_resumed_and_reported_without_a_change_elsewhere(counting: Path, run: Run) -> None:
    result = run("report", counting)
    assert (result.exit_code, result.stderr) == (0, "")
    assert result.stdout == (
        f"step\n   1\nCounted to 1.\nReport: {counting / 'counting.md'}; scalesearch open {counting} shows it\n"
    )
    result = run("resume", counting)
    assert (result.exit_code, result.stderr) == (1, "Error: counted to 2 of 3\n")
    assert "Counted to 2." in result.stdout
    assert run("resume", counting, "--jobs=2", "--format=csv").stdout == "step\n1\n2\n3\n"


def test_python_opens_a_new_kind(counting: Path) -> None:
    opened = ss.open(counting)
    assert (opened.kind, opened.record, opened.table["step"].tolist()) == ("counting", 1, [1])
    assert (repr(opened.answer), opened.plot()) == ("Counted to 1.", None)
    with pytest.raises(ss.RunFailedError, match="counted to 2 of 3"):
        opened.resume()
    assert opened.resume().record == 3
    assert opened.report() == counting / "report.html"
    assert (counting / "counting.md").read_text() == "# Counting\n\nCounted to 3.\n"


def test_the_page_of_a_new_kind_is_opened(counting: Path, run: Run) -> None:
    report(counting)
    result = run("open", "--print", counting)
    assert (result.exit_code, result.stdout) == (0, f"{counting / 'report.html'}\n")
    assert "Counted to 1." in (counting / "report.html").read_text()


def test_a_kind_that_trains_nothing_keeps_its_threads(
    counting: Path, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    kind = dataclasses.replace(kinds.KINDS["counting"], trains=False, raw_file="raw.json")
    monkeypatch.setattr(kinds, "KINDS", {**kinds.KINDS, kind.name: kind})
    result = run("resume", counting, "--threads=2")
    assert result.exit_code == 2
    assert result.stderr.startswith(
        "Error: --threads must be left to the run, got 2: this one is of scalesearch"
    )
    result = run("report", counting)
    assert result.exit_code == 2
    assert "which has no raw.json" in result.stderr


def test_a_kind_that_nobody_knows_is_one_line(
    counting: Path, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    known = {name: kind for name, kind in kinds.KINDS.items() if name != "counting"}
    monkeypatch.setattr(kinds, "KINDS", known)
    for command in ("resume", "report"):
        result = run(command, counting)
        assert result.exit_code == 2
        assert result.stderr == (f"Error: DIR must hold a run of {', '.join(known)}, got one of 'counting'\n")


TINY: dict[str, Any] = {
    "step": 0.2,
    "tolerance": 0.3,
    "max_networks": 3,
    "match": "none",
    "baseline_width": 0.125,
    "baseline_resolution": 16,
    "images": 64,
    "batch_size": 16,
    "held_out": 18,
    "latency": False,
}


@pytest.mark.usefixtures("lab")
def test_a_new_kind_that_trains_is_resumed_and_reported_from_its_study_and_from_its_tables(
    tmp_path: Path, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    kind = dataclasses.replace(kinds.KINDS["grid"], name="twin")
    monkeypatch.setattr(kinds, "KINDS", {**kinds.KINDS, kind.name: kind})
    settings, folder = GridSettings(**TINY), tmp_path / "run"

    def plan(size: DataSize) -> Plan:
        return dataclasses.replace(grid_plan(settings, size, folder), kind="twin")

    with begin(folder, "run", "twin", settings, "scalesearch twin", plan) as begun:
        outcome = carry_on(begun)
    assert (outcome.kind, outcome.failure) == ("twin", None)
    assert outcome.last[0].startswith("No answer yet")
    for command in ("resume", "report"):
        result = run(command, folder)
        assert result.exit_code == 0, result.output
        assert "No answer yet" in result.stdout
    before = (folder / "candidates.csv").read_bytes()
    (folder / "study.db").unlink()
    assert run("report", folder).exit_code == 0
    assert (folder / "candidates.csv").read_bytes() == before
    opened = ss.open(folder)
    assert (opened.kind, len(opened.table)) == ("twin", len(outcome.table))
    assert opened.answer.lines == outcome.last


@pytest.mark.parametrize("name", kinds.KINDS)
def test_all_that_a_kind_names_is_there(name: str) -> None:
    kind = kinds.KINDS[name]
    assert kind.name == name
    places = [value for value in dataclasses.astuple(kind) if isinstance(value, str) and ":" in value]
    of_study = dataclasses.astuple(kind.study) if kind.study else ()
    places += [place for place in of_study if isinstance(place, str) and place]
    places += [f"{kind.module}:{name}" for name in ("read", "report", "resume")]
    assert len(places) >= 5
    for place in places:
        module, _, attribute = place.partition(":")
        loaded: ModuleType = importlib.import_module(module)
        named = getattr(loaded, attribute)
        assert isinstance(named, Columns) if place == kind.columns else callable(named)

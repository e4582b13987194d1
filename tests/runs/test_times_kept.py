"""Reports of times where the raw files are gone: their tables give the same page."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from functools import cache
from pathlib import Path

import pytest

from scalesearch.errors import FolderError
from scalesearch.runs.again import read, report, resume
from scalesearch.runs.kinds import GoingOn
from tests.golden.make import STORED


@pytest.fixture(scope="module")
def reported(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """Stored runs by name, each reported once from its raw files."""
    folder = tmp_path_factory.mktemp("reported")

    @cache
    def of(name: str) -> Path:
        shutil.copytree(STORED / name / "run", folder / name)
        report(folder / name)
        return folder / name

    return of


def _tables(run: Path, place: Path) -> Path:
    """A copy of what a clone has of a committed report."""
    return shutil.copytree(run, place, ignore=shutil.ignore_patterns("samples", "machines", "networks.json"))


@pytest.mark.parametrize("name", ["measure", pytest.param("measure-train", marks=pytest.mark.slow), "law"])
def test_a_report_is_the_same_from_raw_files_and_from_tables(
    name: str, tmp_path: Path, reported: Callable[[str], Path]
) -> None:
    run = _tables(reported(name), tmp_path / name)
    before = {path: path.read_bytes() for path in sorted(run.rglob("*")) if path.is_file()}
    assert len(before) > 8
    # The tables are enough, without a page or figures.
    shutil.rmtree(run / "figures")
    (run / "report.md").unlink()
    report(run)
    assert {path: path.read_bytes() for path in before} == before


def test_what_tables_of_an_earlier_version_lack_is_left_out(
    tmp_path: Path, reported: Callable[[str], Path]
) -> None:
    run = _tables(reported("law"), tmp_path / "law")
    (run / "conditions.json").unlink()
    (run / "kinds.csv").unlink()
    record = read(run)
    assert (record.measured.sessions, record.kinds, len(record.laws)) == (0, (), 1)
    assert [machine.key for machine in record.measured.machines] == [record.laws[0].machine]
    page = report(run).page.read_text("utf-8")
    assert "Time: not recorded" in page
    assert "kinds.csv" in page


@pytest.mark.parametrize(
    ("file", "before", "after", "message"),
    [
        (
            "samples.csv",
            ",training,",
            ",inference,",
            "samples.csv must have 2 processes of measurements.csv, row 2",
        ),
        ("samples.csv", ",2,1,", ",4,1,", "samples.csv, row [0-9]+, column process: must go up by 1, got 4"),
        ("measurements.csv", ",1,cpu", ",one,cpu", "measurements.csv, row 2, column threads"),
        ("measurements.csv", ",yes,4,", ",maybe,4,", "measurements.csv, row 2, column channels_last"),
        (
            "measurements.csv",
            ",machine,",
            ",place,",
            "measurements.csv, row 2: must be as it was written: .*machine",
        ),
        ("conditions.json", '"sessions": ', '"sitting": ', "conditions.json must be as scalesearch wrote it"),
    ],
)
def test_tables_that_were_changed_are_refused_in_a_line(
    file: str, before: str, after: str, message: str, tmp_path: Path, reported: Callable[[str], Path]
) -> None:
    run = _tables(reported("measure-train"), tmp_path / "run")
    text = (run / file).read_text("utf-8")
    assert before in text
    (run / file).write_text(text.replace(before, after), "utf-8")
    with pytest.raises(FolderError, match=f"^`dir` must hold tables as they were written.*{message}"):
        read(run)


def test_tables_that_stand_in_for_samples_are_not_gone_on_with(
    tmp_path: Path, reported: Callable[[str], Path]
) -> None:
    run = Path(shutil.copytree(reported("measure"), tmp_path / "run"))
    shutil.rmtree(run / "samples")
    report(run)
    before = (run / "samples.csv").read_bytes()
    with pytest.raises(
        FolderError, match="its tables are enough for scalesearch report .*, not to go on with"
    ):
        resume(run, GoingOn())
    assert (run / "samples.csv").read_bytes() == before


def test_conditions_of_other_rows_are_refused(tmp_path: Path, reported: Callable[[str], Path]) -> None:
    run = _tables(reported("measure"), tmp_path / "run")
    around = json.loads((run / "conditions.json").read_text("utf-8"))
    around["processes"].pop()
    (run / "conditions.json").write_text(json.dumps(around), "utf-8")
    with pytest.raises(FolderError, match="must be of the 4 rows of measurements.csv, got 3"):
        read(run)

from __future__ import annotations

import shutil
import webbrowser
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import Result

Run = Callable[..., Result]
REPORTS = Path(__file__).parents[2] / "reports"


@pytest.fixture
def opened(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What the browser was asked to open; it is there."""
    addresses: list[str] = []
    monkeypatch.setattr(webbrowser, "open", lambda address: addresses.append(address) or True)
    return addresses


def test_a_page_is_opened_and_its_path_printed(run: Run, opened: list[str], tmp_path: Path) -> None:
    folder = tmp_path / "a run # 1"
    folder.mkdir()
    (folder / "report.html").write_text("a page")
    result = run("open", folder)
    assert (result.exit_code, result.stdout, result.stderr) == (0, f"{folder / 'report.html'}\n", "")
    assert opened == [(folder / "report.html").resolve().as_uri()]
    assert "%23" in opened[0]
    assert (folder / "report.html").read_text() == "a page"


@pytest.mark.parametrize("how", ["says no", "is none"])
def test_where_there_is_no_browser_the_path_is_all(
    run: Run, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, how: str
) -> None:
    def none(_: str) -> bool:
        if how == "is none":
            raise webbrowser.Error("could not locate runnable browser")
        return False

    monkeypatch.setattr(webbrowser, "open", none)
    (tmp_path / "report.html").write_text("a page")
    result = run("open", tmp_path)
    assert (result.exit_code, result.stdout) == (0, f"{tmp_path / 'report.html'}\n")
    assert len(result.stderr.splitlines()) == 1


def test_print_opens_nothing(run: Run, opened: list[str], tmp_path: Path) -> None:
    (tmp_path / "report.html").write_text("a page")
    assert run("open", "--print", tmp_path).stdout == f"{tmp_path / 'report.html'}\n"
    assert not opened


@pytest.mark.usefixtures("opened")
def test_a_folder_with_the_markdown_alone_gets_its_page_from_the_runs_record(
    run: Run, tmp_path: Path
) -> None:
    folder = tmp_path / "run"
    shutil.copytree(REPORTS / "step1-efficientnet-b0-16000", folder)
    (folder / "report.html").unlink(missing_ok=True)
    before = {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    assert run("open", folder).exit_code == 0
    page = (folder / "report.html").read_text()
    assert 'id="triangle"' in page
    assert '"rates"' in page
    after = {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    assert {path: data for path, data in after.items() if path.name != "report.html"} == before


@pytest.mark.parametrize(
    "name", ["measure-b0-b7", "step2-efficientnet-b0", "audit-of-the-paper", "transfer-three-networks"]
)
def test_where_the_record_is_gone_the_page_has_what_there_is_to_read(
    run: Run, tmp_path: Path, name: str
) -> None:
    folder = tmp_path / "run"
    shutil.copytree(REPORTS / name, folder)
    (folder / "report.html").unlink(missing_ok=True)
    assert run("open", folder).exit_code == 0
    page = (folder / "report.html").read_text()
    assert "data:image/" in page
    assert "<table" in page
    assert "How this was made" in page


def test_report_is_advised_where_it_makes_the_page_alone(run: Run, opened: list[str], tmp_path: Path) -> None:
    folder = tmp_path / "a run"
    shutil.copytree(REPORTS / "step1-efficientnet-b0-16000", folder)
    for page in ("report.md", "report.html"):
        (folder / page).unlink(missing_ok=True)
    begin = (
        f"Error: DIR must be a folder with a page, got {folder}, which has neither report.html nor report.md"
    )
    assert run("open", folder).stderr.splitlines()[-1] == f"{begin}; scalesearch report '{folder}' makes it"
    assert run("report", folder).exit_code == 0
    assert run("open", folder).exit_code == 0
    (folder / "report.md").unlink()
    (folder / "report.html").unlink()
    (folder / "study.csv").unlink()
    result = run("open", folder)
    assert (result.exit_code, result.stderr) == (2, f"{begin}, nor a run to make one of\n")
    assert run("report", folder).exit_code == 2
    assert len(opened) == 1


@pytest.mark.parametrize("what", ["empty", "missing", "file"])
def test_a_folder_without_a_page_is_one_line(run: Run, opened: list[str], tmp_path: Path, what: str) -> None:
    folder = tmp_path / "x"
    if what == "empty":
        folder.mkdir()
    elif what == "file":
        folder.write_text("")
    result = run("open", folder)
    assert result.exit_code == 2
    assert result.stderr.startswith("Error: DIR must be a")
    assert str(folder) in result.stderr
    assert len(result.stderr.splitlines()) == 1
    assert not opened
    assert folder.exists() == (what != "missing")

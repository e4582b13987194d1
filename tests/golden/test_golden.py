"""What the commands print and write for stored runs, byte for byte: a change of words or tables is one diff.

``pytest tests/golden --update-golden`` writes it anew, to be read before it is committed. The records come from
``tests/golden/make.py``; figures and HTML pages are not compared, but that the same ones are there.
"""

from __future__ import annotations

import math
import re
import shlex
import shutil
from collections.abc import Callable, Mapping
from pathlib import Path

import click
import pytest
from click.testing import CliRunner, Result

from scalesearch.cli import cli
from scalesearch.cli.main import COMMANDS
from tests.golden.make import RECORDS, REPORTS, SLOW, STORED, TABLES_OF_RUNS, Record, restored

EXPECTED = Path(__file__).parent / "expected"
COMPARED = (".md", ".csv")
PICTURES = (".html", ".svg", ".png")

Check = Callable[[str, Mapping[str, str]], None]


@pytest.fixture
def check(request: pytest.FixtureRequest) -> Check:
    """Compares texts by their names with those expected in a folder, or writes them there where that is asked for."""

    def compare(name: str, texts: Mapping[str, str]) -> None:
        folder = EXPECTED / name
        if request.config.getoption("--update-golden"):
            shutil.rmtree(folder, ignore_errors=True)
            for file, text in texts.items():
                (folder / file).parent.mkdir(parents=True, exist_ok=True)
                (folder / file).write_bytes(text.encode())
            return
        expected = {
            str(path.relative_to(folder)): path.read_bytes().decode()
            for path in folder.rglob("*")
            if path.is_file()
        }
        assert sorted(texts) == sorted(expected)
        for file, text in texts.items():
            assert text == expected[file], (
                f"{name}/{file}: is it meant? then pytest tests/golden --update-golden"
            )

    return compare


@pytest.mark.parametrize(
    "name", [pytest.param(n, marks=pytest.mark.slow) if n in SLOW else n for n in RECORDS]
)
def test_a_stored_run(name: str, check: Check, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    record, folder = RECORDS[name], tmp_path / "here"
    monkeypatch.setenv("COLUMNS", "80")
    # What a command says where it takes a while depends on the machine.
    monkeypatch.setattr("scalesearch.runs.progress.PATIENCE_S", math.inf)
    _copy(name, record, folder)
    monkeypatch.chdir(folder)
    before = {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    # A page says by which command it was made.
    monkeypatch.setattr("sys.argv", ["scalesearch", *record.shown.split()])
    result = CliRunner().invoke(cli, record.shown.split())
    written = {
        path.relative_to(folder)
        for path in folder.rglob("*")
        if path.is_file() and before.get(path) != path.read_bytes()
    }
    texts = {
        str(path): (folder / path).read_text(encoding="utf-8")
        for path in sorted(written)
        if path.suffix in COMPARED
    }
    pictures = [str(path) for path in sorted(written) if path.suffix in PICTURES]
    texts = {file: _rounded(text) if file.endswith(".csv") else text for file, text in texts.items()}
    texts["terminal.txt"] = _terminal(record, result, pictures)
    if record.machine:
        texts = {file: _without_machine(text) for file, text in texts.items()}
    if record.trains:
        texts = {file: _without_floats(texts[file]) for file in ("run/runs.csv", "terminal.txt")}
    check(name, texts)


def _copy(name: str, record: Record, folder: Path) -> None:
    """The record as a user would have it, in a folder of the test's own."""
    folder.mkdir()
    if record.made:
        shutil.copytree(STORED / name, folder, dirs_exist_ok=True)
        restored(folder)
    for report in record.read:
        (folder / "reports" / report).mkdir(parents=True)
        for file in TABLES_OF_RUNS:
            if (REPORTS / report / file).exists():
                shutil.copy(REPORTS / report / file, folder / "reports" / report)


def _terminal(record: Record, result: Result, pictures: list[str]) -> str:
    """All that a user sees of a command, and the names of the figures and HTML pages that it wrote."""
    parts = [f"$ scalesearch {record.shown}\n", "" if record.trains else result.stdout]
    if result.stderr:
        # How far it is, is told after a while: how often depends on the machine.
        told = re.sub(r"; about .* left$", "", result.stderr, flags=re.MULTILINE)
        parts.append(f"\n(standard error)\n{told}")
    if pictures:
        parts.append("\n(figures and pages to open)\n" + "".join(f"{picture}\n" for picture in pictures))
    return "".join(parts) + f"\n(exit code {result.exit_code})\n"


def _rounded(table: str) -> str:
    """A table's long numbers with nine digits: the last ones are the processor's and its libraries' own."""
    return re.sub(r"-?\d+\.\d{8,}(e-?\d+)?", lambda number: f"{float(number.group()):.9g}", table)


def _without_machine(text: str) -> str:
    """A page without the seconds that it took and the values of its tables of the machine and of versions."""
    head, mark, tail = re.sub(r"^- Time: .*$", "- Time: ...", text, flags=re.MULTILINE).partition(
        "### Machine"
    )
    return head + mark + re.sub(r"^(\| `\w+` \|).*\|$", r"\1 ... |", tail, flags=re.MULTILINE)


def _without_floats(text: str) -> str:
    """A text without numbers that have a point, a unit or a percent sign."""
    return re.sub(r"-?\d[\d,]*(\.\d+)?(e-?\d+)?( ?(ms|s|%|points|min)\b|%)|-?\d+\.\d+(e-?\d+)?", "#", text)


def test_every_help_page(check: Check, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    pages = {"scalesearch.txt": CliRunner().invoke(cli, ["--help"]).stdout}
    for command in COMMANDS:
        result, whole = (CliRunner().invoke(cli, [command, page]) for page in ("--help", "--help-all"))
        assert (result.exit_code, whole.exit_code) == (0, 0)
        pages[f"{command}.txt"] = result.stdout
        if whole.stdout != result.stdout:
            pages[f"{command}-all.txt"] = whole.stdout
    check("help", pages)


MOST_WORDS = 1000
"""Of a page, its tables aside: what is longer isn't read."""


@pytest.mark.parametrize("page", sorted(EXPECTED.rglob("*.md")), ids=lambda p: str(p.relative_to(EXPECTED)))
def test_a_page_is_short_and_bounds_nothing_beyond_100_points(page: Path) -> None:
    text = page.read_text("utf-8")
    lines = [line for line in text.splitlines() if not line.startswith("|")]
    assert sum(len(line.split()) for line in lines) < MOST_WORDS
    intervals = re.findall(r"\(([-+]?[\d.]+) to ([-+]?[\d.]+)\)", text)
    shown = [f"({low} to {high})" for low, high in intervals if max(abs(float(low)), abs(float(high))) > 100]
    shown += re.findall(r"\d{3,}\.\d+ points", text)
    assert not shown, "no two accuracies are further apart than 100 points: say that the runs don't bound it"


@pytest.mark.parametrize("page", sorted(EXPECTED.rglob("*.md")), ids=lambda p: str(p.relative_to(EXPECTED)))
def test_what_a_page_tells_to_do_next_is_a_command(
    page: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its command lines are taken apart as a shell would and parsed, with a folder that is there for DIR."""
    blocks = re.findall(r"^```sh\n(.*?)\n```$", page.read_text("utf-8"), re.MULTILINE | re.DOTALL)
    lines = [line.partition("  #")[0] for block in blocks for line in block.splitlines()]
    commands = [line for line in lines if line and not line.startswith("#")]
    for place in (REPORTS / page.parent.name, STORED / page.parent.relative_to(EXPECTED)):
        if (place / "run.toml").exists():
            shutil.copy(place / "run.toml", tmp_path)
    for name in re.findall(r"--config reports/([\w-]+)/run\.toml", "\n".join(commands)):
        (tmp_path / "reports" / name).mkdir(parents=True)
        shutil.copy(REPORTS / name / "run.toml", tmp_path / "reports" / name)
    monkeypatch.chdir(tmp_path)
    for line in commands:
        if made := re.search(r" > (\S+\.toml)", line):
            recipe = CliRunner().invoke(cli, ["describe", "--recipe", "steady", "--format", "toml"])
            Path(made[1]).write_text(recipe.stdout)
        for command in re.split(r" && | \| ", line):
            words = shlex.split(re.sub(r"\bDIR\b", str(tmp_path), command))
            if words[0] != "scalesearch":
                assert words[0] in ("mv", "sed"), line
                continue
            if ">" in words:
                words = words[: words.index(">")]
            parsed = cli.get_command(click.Context(cli), words[1])
            assert parsed is not None, line
            parsed.make_context(words[1], words[2:])


def test_nothing_is_kept_that_no_record_needs() -> None:
    assert {path.name for path in STORED.iterdir()} == {
        name for name, record in RECORDS.items() if record.made
    }
    assert {path.name for path in EXPECTED.iterdir()} == {*RECORDS, "help"}

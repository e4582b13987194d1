"""What the README and the manual show is what happens: commands are run, links lead somewhere, settings are there."""

from __future__ import annotations

import re
import shlex
import subprocess
import tomllib
from collections.abc import Callable
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import click
import pytest
from click.testing import Result

from scalesearch.cli import cli
from scalesearch.cli.grid import grid
from scalesearch.page.markdown import MANUAL, METHOD, with_links
from scalesearch.scaling import Coefficients
from scalesearch.training.recipe import RECIPES, read_recipe

ROOT = Path(__file__).parents[1]
# Pages under docs/commands are made of help texts when the site is built.
DOCUMENTS = (ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").glob("*.md")))
TEXTS = {path: path.read_text("utf-8") for path in DOCUMENTS}
README = TEXTS[ROOT / "README.md"]


def _blocks(language: str, text: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", text, flags=re.DOTALL | re.MULTILINE)


def _commands(text: str) -> list[str]:
    lines = [
        line.partition(" #")[0].strip() for block in _blocks("console", text) for line in block.splitlines()
    ]
    return [line for line in lines if line.startswith("scalesearch ")]


EVERY_COMMAND = sorted({command for text in TEXTS.values() for command in _commands(text)})
SMALL = (
    *("--baseline-width=0.125", "--baseline-resolution=16", "--baseline-channel-divisor=1", "--images=32"),
    *("--batch-size=16", "--held-out=36", "--device=cpu", "--jobs=1", "--threads=1", "--no-latency"),
)
"""What a command that would train gets beside ``--dry-run``: it then plans networks that cost next to nothing."""
CLUSTERS = ("ray", "ray://head:10001", "10.0.0.5:6379")
RUN_AS_WRITTEN = ("describe", "explain")
"""Commands that need seconds and no folder."""
SLOW = ("grid", "search", "sweep", "alternate", "explain b4", "explain --variant")
"""They count networks with other tools, or time a training step for the plan."""


def _marked(command: str) -> object:
    slow = any(command.startswith(f"scalesearch {name}") for name in SLOW)
    return pytest.param(command, marks=pytest.mark.slow) if slow else command


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with the files that the pages show and name."""
    for text in TEXTS.values():
        for block in _blocks("toml", text):
            (tmp_path / block.split()[1].removesuffix(":")).write_text(block)
    (tmp_path / "experiments").symlink_to(ROOT / "experiments")
    (tmp_path / "reports").mkdir()
    for report in (ROOT / "reports").iterdir():
        (tmp_path / "reports" / report.name).symlink_to(report)
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.parametrize("command", EVERY_COMMAND)
def test_every_command_is_understood_as_written(command: str, place: Path) -> None:  # noqa: ARG001
    name, *arguments = shlex.split(command.partition(" > ")[0])[1:]
    loaded = cli.get_command(click.Context(cli), name)
    assert loaded is not None
    loaded.make_context(name, arguments)  # parses every option and its value, runs nothing


@pytest.mark.parametrize(
    "command",
    [_marked(c) for c in EVERY_COMMAND if c.split()[1] in (*RUN_AS_WRITTEN, "grid", "search", "sweep")],
)
def test_a_command_of_a_page_runs(command: str, place: Path, run: Callable[..., Result]) -> None:
    name, *arguments = shlex.split(command.partition(" > ")[0])[1:]
    if name not in RUN_AS_WRITTEN:
        if needs := {
            "cifar10",
            "windows:my/photographs",
            "folder:my/images",
            "cuda",
            "cuda:0,2",
            *CLUSTERS,
        } & {*arguments}:
            pytest.skip(f"a clone has no {needs}")
        if {"--law", "--scratch-run", "--pretrained"} & {*arguments}:
            pytest.skip("goes on from another command's folder or file")
        command_of = cli.get_command(click.Context(cli), name)
        assert command_of is not None
        if not any("--dry-run" in option.opts for option in command_of.params):
            pytest.skip(f"{name} trains, and has no dry run")
        if "--dry-run" not in arguments:
            arguments.append("--dry-run")
        arguments += [*SMALL, f"--out={place / 'out'}"]
    result = run(name, *arguments)
    assert result.exit_code == 0, result.output


def test_the_main_commands_are_there() -> None:
    assert "scalesearch grid --phi 1" in _commands(README)
    assert "scalesearch scale --alpha 1.2 --beta 1.1 --gamma 1.15 --phi 0..7" in _commands(README)


def test_no_folder_that_a_command_writes_where_none_is_named_holds_a_committed_report() -> None:
    """``sweep`` and ``law`` refuse to begin over one; what needs no study would write over it without a word."""
    # What a reader of the README has written there meanwhile is none of them.
    words = ("git", "-C", str(ROOT), "ls-files", "reports/*/*")
    listed = subprocess.run(words, capture_output=True, text=True, check=True).stdout.splitlines()
    committed = {Path(name).parts[1] for name in listed}
    assert "step1-efficientnet-b0" in committed
    patterns = {"audit", "grid-.*-phi.*", "search-.*-phi.*", "scale-.*", "alternate-.*"}
    assert not [name for name in committed for pattern in patterns if re.fullmatch(pattern, name)]
    named = [shlex.split(command) for command in EVERY_COMMAND]
    folders = {after for words in named for word, after in pairwise(words) if word == "--out"}
    assert not {Path(folder).name for folder in folders} & committed
    assert "--out reports/demo" in (ROOT / "Makefile").read_text()
    assert "reports/demo/" in (ROOT / ".gitignore").read_text()


def test_every_command_is_on_a_page() -> None:
    shown = {command.split()[1] for command in EVERY_COMMAND}
    assert {name for name in cli.list_commands(click.Context(cli)) if name not in shown} == set()


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: path.name)
def test_the_make_targets_exist(path: Path) -> None:
    makefile = (ROOT / "Makefile").read_text()
    for target in re.findall(r"(?:^|`)make (\w+)(?=[`\s])", TEXTS[path], flags=re.MULTILINE):
        assert re.search(rf"^{target}:", makefile, flags=re.MULTILINE), target


def test_the_toml_example_sets_what_it_says(place: Path) -> None:
    text = (place / "my.toml").read_text()
    options = grid.make_context("grid", ["--config=my.toml", "--tolerance=0.2"]).params
    assert options["dataset"] == tomllib.loads(text)["grid"]["dataset"]
    assert (options["epochs"], options["max_networks"]) == (20.0, 0)
    assert options["tolerance"] == 0.2


def test_the_recipe_of_the_example_is_what_it_says(place: Path) -> None:
    expected = replace(RECIPES["steady"], name="mine", learning_rate=0.016, ema_share=0.0)
    assert read_recipe(place / "mine.toml") == expected


@pytest.mark.parametrize(
    "path", [path for path in DOCUMENTS if _blocks("python", TEXTS[path])], ids=lambda p: p.name
)
def test_the_python_of_a_page_runs(path: Path) -> None:
    for code in _blocks("python", TEXTS[path]):
        exec(compile(code, path.name, "exec"), {})


def test_the_figures_that_the_text_quotes_are_true() -> None:
    assert Coefficients(alpha=1.2, beta=1.1, gamma=1.15).product == pytest.approx(1.92, abs=0.005)
    assert grid.make_context("grid", []).params["max_networks"] == 12


def test_the_answer_of_the_readme_is_that_of_its_run() -> None:
    page = (ROOT / "reports" / "step1-efficientnet-b0-16000" / "report.md").read_text("utf-8")
    (answer,) = _blocks("text", README)
    first, second, following = answer.splitlines()
    assert f"**{first}**" in page
    assert second in page.splitlines()
    assert following.removeprefix("Next: ").partition(";")[0] in page.splitlines()


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: path.name)
def test_every_link_leads_somewhere(path: Path) -> None:
    for target, anchor in re.findall(r"\]\((?!https?:)([^)#]*)(?:#([^)]*))?\)", TEXTS[path]):
        file = (path.parent / target).resolve() if target else path
        assert file.is_file(), target
        if anchor:
            titles = re.findall(r"^#+ (.*)$", file.read_text("utf-8"), flags=re.MULTILINE)
            assert anchor in {re.sub(r"[^\w -]", "", title.lower()).replace(" ", "-") for title in titles}


def test_every_page_of_the_manual_is_in_its_contents() -> None:
    contents = TEXTS[ROOT / "docs" / "index.md"]
    listed = {
        line
        for block in re.findall(r"```\{toctree\}\n(.*?)```", contents, re.DOTALL)
        for line in block.split()
    }
    assert {path.stem for path in DOCUMENTS if path.parent.name == "docs"} - {"index"} <= listed


def test_a_page_links_to_the_manual_where_there_is_one(tmp_path: Path) -> None:
    inside = with_links(METHOD, ROOT / "reports" / "mine")
    assert [(ROOT / "reports" / "mine" / link).resolve() for link in re.findall(r"\]\((.*?)\)", inside)] == [
        ROOT / page for page in MANUAL
    ]
    assert with_links(METHOD, tmp_path) == METHOD

"""What the README shows is what happens."""

from __future__ import annotations

import re
import shlex
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
from scalesearch.scaling import Coefficients
from scalesearch.training.recipe import RECIPES, read_recipe

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text("utf-8")


def _blocks(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", README, flags=re.DOTALL)


def _commands() -> list[str]:
    lines = [line.partition(" #")[0].strip() for block in _blocks("console") for line in block.splitlines()]
    return [line for line in lines if line.startswith("scalesearch ")]


@pytest.mark.parametrize("command", _commands())
def test_every_command_is_understood_as_written(
    command: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    name, *arguments = shlex.split(command.partition(" > ")[0])[1:]
    if "mine.toml" in arguments:  # the file that the page shows
        (tmp_path / "mine.toml").write_text(_blocks("toml")[1])
        monkeypatch.chdir(tmp_path)
    loaded = cli.get_command(click.Context(cli), name)
    assert loaded is not None
    loaded.make_context(name, arguments)  # parses every option and its value, runs nothing


def test_the_main_commands_are_there() -> None:
    assert "scalesearch grid --phi 1" in _commands()
    assert "scalesearch scale --alpha 1.2 --beta 1.1 --gamma 1.15 --phi 0..7" in _commands()


def test_no_folder_that_a_command_writes_where_none_is_named_holds_a_committed_report() -> None:
    """``sweep`` and ``law`` refuse to begin over one; what needs no study would write over it without a word."""
    committed = {path.name for path in (ROOT / "reports").iterdir() if path.is_dir()}
    patterns = {"audit", "grid-.*-phi.*", "search-.*-phi.*", "scale-.*", "alternate-.*"}
    assert not [name for name in committed for pattern in patterns if re.fullmatch(pattern, name)]
    named = [shlex.split(line) for line in _commands()]
    folders = {after for words in named for word, after in pairwise(words) if word == "--out"}
    assert not {Path(folder).name for folder in folders} & committed
    assert "--out reports/demo" in (ROOT / "Makefile").read_text()
    assert "reports/demo/" in (ROOT / ".gitignore").read_text()


def test_the_make_targets_exist() -> None:
    makefile = (ROOT / "Makefile").read_text()
    for target in re.findall(r"^make (\w+)", README, flags=re.MULTILINE):
        assert re.search(rf"^{target}:", makefile, flags=re.MULTILINE), target


def test_the_toml_example_sets_what_it_says(tmp_path: Path) -> None:
    text, _recipe = _blocks("toml")
    config = tmp_path / "my.toml"
    config.write_text(text)
    options = grid.make_context("grid", [f"--config={config}", "--tolerance=0.2"]).params
    assert options["dataset"] == tomllib.loads(text)["grid"]["dataset"]
    assert (options["epochs"], options["max_networks"]) == (20.0, 0)
    assert options["tolerance"] == 0.2


def test_the_recipe_of_the_example_is_what_it_says(tmp_path: Path) -> None:
    path = tmp_path / "mine.toml"
    path.write_text(_blocks("toml")[1])
    expected = replace(RECIPES["steady"], name="mine", learning_rate=0.016, ema_share=0.0)
    assert read_recipe(path) == expected


def test_the_library_example_runs() -> None:
    (code,) = _blocks("python")
    names: dict[str, object] = {}
    exec(compile(code, "README.md", "exec"), names)
    assert names["arch"].resolution == 300


def test_the_figures_that_the_text_quotes_are_true(run: Callable[..., Result]) -> None:
    assert Coefficients(alpha=1.2, beta=1.1, gamma=1.15).product == pytest.approx(1.92, abs=0.005)
    result = run("grid", "--help-all")
    assert "[default: 12; x>=0]" in " ".join(result.stdout.split())


def test_every_linked_file_is_there() -> None:
    for target in re.findall(r"\]\(([^)#:]+)\)", README):
        assert (ROOT / target).exists(), target

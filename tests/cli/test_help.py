from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Callable

import click
import pytest
from click.testing import CliRunner, Result

from scalesearch.cli import cli
from scalesearch.cli.help import FEW, Command, Option
from scalesearch.cli.main import COMMANDS, SECTIONS
from scalesearch.fields import Topic

Run = Callable[..., Result]


@pytest.mark.parametrize("command", COMMANDS)
def test_every_commands_page_has_an_example_and_explains_every_option(run: Run, command: str) -> None:
    result = run(command, "--help")
    assert result.exit_code == 0
    assert "Example" in result.stdout
    assert f"scalesearch {command} " in result.stdout
    loaded = cli.get_command(click.Context(cli), command)
    assert loaded is not None
    for option in loaded.params:
        if isinstance(option, click.Option):
            assert option.help, option.name


@pytest.mark.parametrize("name", COMMANDS)
def test_the_whole_page_has_every_option_once_in_a_group_and_the_short_page_the_common_ones(
    run: Run, name: str
) -> None:
    command = cli.get_command(click.Context(cli), name)
    assert isinstance(command, Command)
    short, whole = run(name, "--help").stdout, run(name, "--help-all").stdout
    options = [param for param in command.params if isinstance(param, Option)]
    assert len(options) == sum(isinstance(param, click.Option) for param in command.params)
    for option in options:
        assert _shows(whole, option) == 1, option.name
    if command.count <= FEW:
        assert short == whole
        return
    assert all(option.group is not None for option in options)
    assert [option.name for option in options if _shows(short, option)] == [
        option.name for option in options if option.common
    ]
    assert 8 <= sum(option.common for option in options) <= 12
    assert len(short.splitlines()) < 80 < len(whole.splitlines())
    assert f"scalesearch {name} --help-all shows all {len(options)}" in short
    shown = [topic for topic in Topic if f"\n{topic}:\n" in whole]
    assert sorted(shown, key=lambda topic: whole.index(f"\n{topic}:\n")) == shown
    assert {option.group for option in options if not option.common} == set(shown)


def _shows(page: str, option: click.Option) -> int:
    """How often a page has a line that begins with the option."""
    options = page[re.search(r"^(Common options|Options):$", page, re.MULTILINE).start() :]
    return len(re.findall(rf"^  {option.opts[-1]}\b(?!-)", options, re.MULTILINE))


def test_an_option_says_more_on_the_whole_page_alone(run: Run) -> None:
    short, whole = (" ".join(run("grid", page).stdout.split()) for page in ("--help", "--help-all"))
    assert "mobilenet-v4-conv-small" in whole
    assert "mobilenet-v4-conv-small" not in short
    assert "[default: efficientnet-b0]" in short
    assert whole.count("[default: efficientnet-b0]") == 1


def test_every_command_is_in_one_section_of_the_first_page(run: Run) -> None:
    page = run("--help").stdout
    for title, commands in SECTIONS.items():
        section = page.partition(f"\n{title}:\n")[2].partition("\n\n")[0]
        assert re.findall(r"^  (\w+) ", section, re.MULTILINE) == list(commands)


def test_help_loads_neither_torch_nor_optuna_nor_pandas() -> None:
    code = (
        "import sys; from click.testing import CliRunner; from scalesearch.cli import cli; "
        "pages = ([], *([name] for name in cli.list_commands(None))); "
        "results = {CliRunner().invoke(cli, [*page, '--help']).exit_code for page in pages}; "
        "print(results, {'torch', 'optuna', 'pandas', 'matplotlib', 'sqlalchemy'} & set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "{0} set()\n"


def test_an_unknown_command_is_answered_with_the_list(run: Run) -> None:
    result = run("gird")
    assert (result.exit_code, result.stderr) == (
        2,
        "Error: COMMAND must be one of grid, search, sweep, alternate, scale, describe, export, measure, compare, law, doctor, explain, audit, fidelity, transfer, resume, report, open, got 'gird'; did you mean grid?\n",
    )


def test_the_version_is_the_packages(run: Run) -> None:
    from scalesearch import __version__

    assert run("--version").stdout == f"scalesearch, version {__version__}\n"


def test_a_reader_that_goes_away_is_no_traceback() -> None:
    done = subprocess.run(
        f"{sys.executable} -m scalesearch grid --help | head -1",
        shell=True,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stdout.startswith("Usage: ")
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    ("typed", "offered"),
    [
        ("scalesearch gr", "plain,grid"),
        ("scalesearch grid --tim", "plain,--time-budget"),
        ("scalesearch grid --match act", "plain,activations"),
        ("scalesearch grid --baseline regn", "plain,regnety-016"),
        ("scalesearch grid --baseline my_", "file,my_"),
        ("scalesearch describe mobilenet-v3", "plain,mobilenet-v3-large"),
        ("scalesearch resume repo", "file,repo"),
    ],
)
def test_a_shell_completes_commands_options_choices_networks_and_files(typed: str, offered: str) -> None:
    asked = {"COMP_WORDS": typed, "COMP_CWORD": str(len(typed.split()) - 1)}
    done = CliRunner().invoke(
        cli, prog_name="scalesearch", env={"_SCALESEARCH_COMPLETE": "bash_complete", **asked}
    )
    assert done.stdout.split() == [offered]

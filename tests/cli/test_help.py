from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable

import click
import pytest
from click.testing import Result

from scalesearch.cli import cli
from scalesearch.cli.main import COMMANDS

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
        "Error: COMMAND must be one of grid, search, sweep, alternate, fidelity, scale, describe, measure, compare, law, export, explain, audit, transfer, doctor, resume, report, open, got 'gird'; did you mean grid?\n",
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

"""The ``scalesearch`` command: parse, call, print."""

from scalesearch.cli.main import cli
from scalesearch.cli.terminal import hide_passwords, open_streams

__all__ = ["cli", "main"]


def main() -> None:
    """Entry point of the installed command."""
    open_streams()
    hide_passwords()
    cli(prog_name="scalesearch")

"""The ``scalesearch`` command: parse, call, print."""

from scalesearch.cli.main import cli
from scalesearch.cli.terminal import open_streams

__all__ = ["cli", "main"]


def main() -> None:
    """Entry point of the installed command."""
    open_streams()
    cli(prog_name="scalesearch")

"""The ``scalesearch`` command: parse, call, print."""

from scalesearch.cli.main import cli

__all__ = ["cli", "main"]


def main() -> None:
    """Entry point of the installed command."""
    cli(prog_name="scalesearch")

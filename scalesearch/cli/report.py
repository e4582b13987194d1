"""``scalesearch report``: tables and figures again, from the study alone."""

from __future__ import annotations

from pathlib import Path

import click

from scalesearch.cli.options import format_option
from scalesearch.cli.repeat import repeat_command

__all__ = ["report"]


@click.command
@click.argument("folder", metavar="DIR", type=click.Path(path_type=Path))
@click.option(
    "--storage",
    default="",
    metavar="URL",
    help="The study's database, where it is not study.db in DIR; SCALESEARCH_STORAGE in the environment may "
    "hold it instead.",
)
@format_option
def report(folder: Path, storage: str, output_format: str) -> None:
    """Make the tables, figures and page of the run in DIR again, from its study alone.

    Nothing is trained or measured. Works on a run that is still going, or was stopped: the page says what is
    missing.

    \b
    Example:
      scalesearch report reports/grid-efficientnet-b0-phi1
    """
    from scalesearch.cli.folder import begun_elsewhere
    from scalesearch.cli.run import open_run_study, show_report

    with begun_elsewhere(folder):
        if not repeat_command(folder, output_format, train=False, storage=storage):
            show_report(open_run_study(folder, storage).record(), folder, output_format)

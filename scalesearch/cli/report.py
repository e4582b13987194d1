"""``scalesearch report``: tables and figures again, from the study or the tables of single runs alone."""

from __future__ import annotations

from pathlib import Path

import click

from scalesearch.cli.help import Command
from scalesearch.cli.options import STORAGE_ON, format_option
from scalesearch.cli.terminal import Place


@click.command(cls=Command)
@click.argument("folder", metavar="DIR", type=Place())
@STORAGE_ON
@format_option
def report(folder: Path, storage: str, output_format: str) -> None:
    """Make the tables, figures and page of the run in DIR again, from what the folder keeps.

    Nothing is trained or measured. Works on a run that is still going, or was stopped: the page says what is
    missing. Where the study is gone, as in a report that was committed without it, the tables of single runs
    stand in for it: study.csv, plan.csv, runs.csv, looks.csv (and latency.csv).

    \b
    Example:
      scalesearch report reports/grid-efficientnet-b0-phi1
    """
    from scalesearch.cli.running import show
    from scalesearch.runs import again

    show(again.report(folder, storage), output_format)

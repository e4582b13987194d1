"""``scalesearch transfer``: would the coefficients of one search have served another?"""

from __future__ import annotations

from pathlib import Path

import click

from scalesearch.cli.help import Command
from scalesearch.cli.options import command_line, format_option, out_option
from scalesearch.cli.terminal import Place


@click.command(cls=Command)
@click.argument("folders", metavar="DIR DIR [DIR...]", nargs=-1, type=Place())
@out_option("reports/transfer-A-vs-B")
@format_option
def transfer(folders: tuple[Path, ...], out: Path | None, output_format: str) -> None:
    """Do several finished searches want the same split of the compute, and would one's serve another?

    Each DIR is a finished run of scalesearch grid or search with seven trained networks or more. The runs
    may differ in baseline, data, recipe or start, but not in phi. A surface over all splits is fitted to
    each, and the surfaces are compared by tests. Nothing is trained.

    Writes transfer.md, pairs.csv, rates.csv and figures/.

    \b
    Examples:
      scalesearch transfer reports/step1-efficientnet reports/step1-resnet-18
      scalesearch transfer reports/mine reports/mine-longer --format csv
    """
    from scalesearch.cli.running import show
    from scalesearch.runs.transfer import compare_searches, default_folder

    show(compare_searches(folders, out or default_folder(folders), command_line()), output_format)

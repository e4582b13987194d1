"""``scalesearch fidelity``: how far a run's short trainings can be trusted."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from scalesearch.cli.help import Command, option
from scalesearch.cli.options import EXECUTOR_ON, JOBS_ON, THREADS_ON, command_line, format_option
from scalesearch.cli.terminal import Place, Whole
from scalesearch.commands.fidelity.run import FEWEST_NETWORKS, LENGTHS, FidelitySettings
from scalesearch.study.settings import Computing


class _Lengths(click.ParamType[tuple[float, ...]]):
    """Multiples of a run's length, such as ``0.5,2,4``."""

    name = "lengths"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> tuple[float, ...]:
        if isinstance(value, tuple):
            return value
        try:
            return tuple(float(part) for part in str(value).split(","))
        except ValueError:
            self.fail(f"{LENGTHS}, got {str(value)!r}", param, ctx)


@click.command(cls=Command)
@click.argument("folder", metavar="DIR", type=Place())
@option(
    "--lengths",
    type=_Lengths(),
    default="0.5,2,4",
    help="Train for so many times the run's length; the greatest is what the others are judged by.",
)
@option(
    "--networks",
    type=Whole(min=FEWEST_NETWORKS),
    default=12,
    help="How many of the run's networks, spread as far apart as can be. A surface takes seven.",
)
@option(
    "--seeds",
    type=Whole(min=1),
    default=1,
    help="Seeds at the other lengths, from the run's first one on; at most the run's.",
)
@JOBS_ON
@THREADS_ON
@EXECUTOR_ON
@format_option
def fidelity(
    folder: Path,
    lengths: tuple[float, ...],
    networks: int,
    seeds: int,
    jobs: int | None,
    threads: int | None,
    executor: str | None,
    output_format: str,
) -> None:
    """Train networks of the run in DIR longer, and see whether the short runs' answer holds.

    Reports what moving compute between depth, width and resolution brings at each length, and whether that
    moves with training; what the short runs' best split loses in the longest; and Kendall's tau between the
    rankings. DIR's own report gets the line that says so.

    Writes DIR/fidelity with fidelity.csv, runs.csv, report.md, figures/ and study.db.

    \b
    Example:
      scalesearch fidelity reports/grid-efficientnet-b0-phi1 --lengths 0.5,2,4
    """
    settings = FidelitySettings(lengths=lengths, networks=networks, seeds=seeds)
    from scalesearch.cli.running import show
    from scalesearch.runs.fidelity import judge

    computing = Computing(jobs=jobs, threads=threads, executor=executor)
    show(judge(folder, settings, command_line(), computing), output_format)

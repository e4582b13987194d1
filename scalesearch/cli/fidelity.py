"""``scalesearch fidelity``: how far a run's short trainings can be trusted."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from scalesearch.cli.help import Command
from scalesearch.cli.options import Form, command_line, dry_run_option, format_option, listed, options_of
from scalesearch.cli.terminal import Place
from scalesearch.commands.fidelity.run import LENGTHS, FidelitySettings
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
@options_of(FidelitySettings, forms={"lengths": Form(_Lengths(), listed)})
@options_of(Computing, but=("device",))
@dry_run_option("Print what would be trained, its time and memory, and train nothing.")
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
    *,
    dry_run: bool,
) -> None:
    """Train networks of the run in DIR longer, and see whether the short runs' answer holds.

    Says what moving compute between depth, width and resolution brings at each length of training and
    whether that changes with longer training, how much accuracy the short runs' best split loses in the
    longest ones, and whether networks keep their order (Kendall's tau). The page of DIR then says so too.

    Writes DIR/fidelity with fidelity.csv, runs.csv, report.md, figures/ and study.db.

    \b
    Examples:
      scalesearch fidelity reports/grid-efficientnet-b0-phi1 --dry-run
      scalesearch fidelity reports/grid-efficientnet-b0-phi1 --lengths 0.5,2,4
    """
    settings = FidelitySettings(lengths=lengths, networks=networks, seeds=seeds)
    from scalesearch.runs.fidelity import judge, plans_of_lengths

    computing = Computing(jobs=jobs, threads=threads, executor=executor)
    if dry_run:
        from scalesearch.cli.planning import show_lengths

        show_lengths(plans_of_lengths(folder, settings, computing), output_format)
        return
    from scalesearch.cli.running import show

    show(judge(folder, settings, command_line(), computing), output_format)

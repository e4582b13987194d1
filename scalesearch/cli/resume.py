"""``scalesearch resume``: carry on a stopped run."""

from __future__ import annotations

from pathlib import Path

import click

from scalesearch.cli.help import Command, option
from scalesearch.cli.options import STORAGE_ON, format_option, options_of
from scalesearch.cli.terminal import Place
from scalesearch.study.settings import Computing


@click.command(cls=Command)
@click.argument("folder", metavar="DIR", type=Place())
@option("--retry-failed", is_flag=True, help="Train or measure once more what failed.")
@STORAGE_ON
@options_of(Computing)
@format_option
def resume(
    folder: Path,
    retry_failed: bool,
    storage: str,
    jobs: int | None,
    threads: int | None,
    executor: str | None,
    device: str | None,
    output_format: str,
) -> None:
    """Carry on the run in DIR, however it was stopped.

    Networks that are trained stay trained; those that were in flight go on from their last look. With the
    threads that the run was begun with, the table of a CPU ends up the same as that of an uninterrupted
    run on this machine, clock columns aside. Other --threads, or another --device, change accuracies as
    another seed would: the table says what each network was trained with. Where the run's baseline is
    somebody's own code, that code is run, and has to build the same network: do this only with folders of
    people you trust.

    \b
    Examples:
      scalesearch resume reports/grid-efficientnet-b0-phi1
      scalesearch resume reports/grid-efficientnet-b0-phi1 --jobs 4 --device cpu
    """
    from scalesearch.cli.running import show
    from scalesearch.hardware.device import auto_device
    from scalesearch.runs import again
    from scalesearch.runs.defaults import default_jobs
    from scalesearch.runs.kinds import GoingOn

    device = auto_device() if device == "auto" else device
    usual = None if device is None else default_jobs(device)
    computing = Computing(jobs=jobs, threads=threads, device=device, executor=executor, usual_jobs=usual)
    how = GoingOn(storage=storage, computing=computing, retry_failed=retry_failed)
    show(again.resume(folder, how), output_format)

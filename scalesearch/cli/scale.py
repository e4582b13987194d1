"""``scalesearch scale``: STEP 2."""

from __future__ import annotations

import shlex
import sys
import time
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from scalesearch.cli.options import (
    PHI,
    baseline_options,
    config_option,
    format_option,
    out_option,
    rounding_options,
)

if TYPE_CHECKING:
    from scalesearch.records import FlopRecord, LatencyRecord
    from scalesearch.search.family import ScaleSettings

__all__ = ["scale"]


@click.command
@config_option
@click.option("--alpha", type=float, required=True, help="Depth coefficient, >= 1.")
@click.option("--beta", type=float, required=True, help="Width coefficient, >= 1.")
@click.option("--gamma", type=float, required=True, help="Resolution coefficient, >= 1.")
@click.option(
    "--phi", type=PHI, default="0..7", show_default=True, help="A number, a list 0,0.5,1 or a range 0..7."
)
@baseline_options(1.0, "the baseline's own")
@rounding_options
@click.option(
    "--latency/--no-latency", default=False, show_default=True, help="Measure each network's latency."
)
@click.option(
    "--latency-batch-size",
    type=click.IntRange(min=1),
    default=1,
    show_default=True,
    help="Images per forward pass.",
)
@click.option(
    "--device", default="auto", show_default=True, help="Where to measure: auto, cpu, cuda or cuda:N."
)
@click.option(
    "--threads", type=click.IntRange(min=1), help="CPU threads when measuring.  [default: all cores]"
)
@out_option("reports/scale-BASELINE")
@format_option
def scale(out: Path | None, output_format: str, **options: Any) -> None:
    """STEP 2: the family of networks that ALPHA, BETA and GAMMA make of a baseline as phi rises.

    Depth grows by ALPHA^phi, width by BETA^phi, resolution by GAMMA^phi. Each network is counted in closed
    form and by fvcore, with the nominal cost of the rule beside the real one. For EfficientNet-B0 the
    published B1 to B7 are rebuilt and set against the rule.

    Writes family.csv, published.csv, derivation.md and figures/.

    \b
    Examples:
      scalesearch scale --alpha 1.2 --beta 1.1 --gamma 1.15 --phi 0..7
      scalesearch scale --alpha 1.3 --beta 1.1 --gamma 1.1 --phi 0,0.5,1 --latency --out reports/mine
    """
    from scalesearch.cli.run import require_device, writable
    from scalesearch.cli.show import FAMILY_COLUMNS, PUBLISHED_COLUMNS, print_table
    from scalesearch.measure.device import auto_device
    from scalesearch.measure.machine import machine, usable_cores, versions
    from scalesearch.records import ScaleRecord
    from scalesearch.report.scale import published_table, write_scale_report
    from scalesearch.search.family import ScaleSettings, build_family, rebuild_published

    started = time.perf_counter()
    options["phis"] = options.pop("phi")
    options["baseline_resolution"] = options["baseline_resolution"] or 0
    options["device"] = auto_device() if options["device"] == "auto" else options["device"]
    options["threads"] = options["threads"] or usable_cores()
    settings = ScaleSettings(**options)
    require_device(settings.device)
    name = f"scale-{settings.baseline}"
    folder = out or Path("reports") / name
    with writable(folder):
        flops, latency = _measure(settings, folder)
        published = rebuild_published(settings, flops)
        record = ScaleRecord(
            name=name,
            command=shlex.join(["scalesearch", *sys.argv[1:]]),
            baseline=settings.baseline,
            alpha=settings.alpha,
            beta=settings.beta,
            gamma=settings.gamma,
            product=settings.coefficients.product,
            settings=asdict(settings) | {"phis": list(settings.phis)},
            machine=machine(settings.device),
            versions=versions(),
            wall_s=time.perf_counter() - started,
            family=build_family(settings, flops, latency),
            published=published,
        )
        report = write_scale_report(record, folder)
    print_table(report.family, output_format, columns=FAMILY_COLUMNS, title="The family, by the rule")
    if output_format == "table" and published:
        print_table(
            published_table(record),
            output_format,
            columns=PUBLISHED_COLUMNS,
            title="\nThe published family, rebuilt",
        )
    click.echo(f"Report: {folder / 'derivation.md'}", err=output_format != "table")


def _measure(settings: ScaleSettings, folder: Path) -> tuple[dict[str, FlopRecord], dict[str, LatencyRecord]]:
    """What fvcore counts, and the latency where it is asked for, by the networks' keys."""
    from scalesearch.cli.main import Fail
    from scalesearch.cli.progress import track
    from scalesearch.measure.machine import usable_cores
    from scalesearch.search.executor import ProcessExecutor, TrialFailedError
    from scalesearch.search.family import count_all, family_archs, measure_all, published_archs

    family = family_archs(settings)
    executors = []

    def workers(jobs: int) -> ProcessExecutor:
        executors.append(ProcessExecutor(jobs=jobs, log_dir=folder / "logs"))
        return executors[-1]

    try:
        # Two at a time, however many cores there are: each holds a whole network at full resolution.
        counters = workers(min(2, usable_cores()))
        flops = count_all([*family.values(), *published_archs(settings)], counters, track)
        latency = measure_all(settings, family, workers(1), track) if settings.latency else {}
    except TrialFailedError as failure:
        raise Fail(f"a network of the family could not be measured: {failure}", 1) from failure
    finally:
        for executor in executors:
            executor.shutdown(kill=True)
    return flops, latency

"""``scalesearch scale``: STEP 2."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from click.core import ParameterSource

from scalesearch.cli.options import (
    PHI,
    baseline_options,
    config_option,
    format_option,
    out_option,
    rounding_options,
)
from scalesearch.cli.spending_options import resolve_spending, spending_options
from scalesearch.cli.training_options import command_line

if TYPE_CHECKING:
    from scalesearch.records import FlopRecord, LatencyRecord
    from scalesearch.search.family import ScaleSettings

__all__ = ["scale"]

FAILURE = "a network of the family could not be measured"


@click.command
@config_option
@click.option("--alpha", type=float, required=True, help="Depth coefficient, >= 1.")
@click.option("--beta", type=float, required=True, help="Width coefficient, >= 1.")
@click.option("--gamma", type=float, required=True, help="Resolution coefficient, >= 1.")
@click.option(
    "--phi", type=PHI, default="0..7", show_default=True, help="A number, a list 0,0.5,1 or a range 0..7."
)
@spending_options
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

    With --budget the greatest phi is found whose network stays within it: latency=12ms, macs=800M.

    Writes family.csv, published.csv, derivation.md and figures/.

    \b
    Examples:
      scalesearch scale --alpha 1.2 --beta 1.1 --gamma 1.15 --phi 0..7
      scalesearch scale --alpha 1.3 --beta 1.1 --gamma 1.1 --phi 0,0.5,1 --latency --out reports/mine
      scalesearch scale --alpha 1.2 --beta 1.1 --gamma 1.15 --budget macs=2G --out reports/within-2g
    """
    from scalesearch.cli.folder import read_run_file, writable
    from scalesearch.cli.main import Fail
    from scalesearch.cli.run import require_device
    from scalesearch.cli.show import FAMILY_COLUMNS, PUBLISHED_COLUMNS, print_table
    from scalesearch.measure.device import auto_device
    from scalesearch.measure.machine import machine, usable_cores, versions
    from scalesearch.records import ScaleRecord
    from scalesearch.search.family import (
        ScaleSettings,
        build_family,
        rebuild_published,
        with_affordable_phi,
    )

    started = time.perf_counter()
    phi_given = click.get_current_context().get_parameter_source("phi") is not ParameterSource.DEFAULT
    options["phis"] = options.pop("phi") if phi_given or not options["budget"] else (0.0,)
    options.pop("phi", None)
    options["baseline_resolution"] = options["baseline_resolution"] or 0
    options["device"] = auto_device() if options["device"] == "auto" else options["device"]
    options["threads"] = options["threads"] or usable_cores()
    settings = with_affordable_phi(ScaleSettings(**resolve_spending(options)))
    require_device(settings.device)
    name = f"scale-{settings.baseline}"
    folder = out or Path("reports") / name
    if (there := read_run_file(folder).get("run", {}).get("kind")) is not None:
        raise Fail(
            f"--out must be a folder without a run of another command, got {folder}, which holds a run of "
            f"scalesearch {there}; choose another folder"
        )
    with writable(folder):
        with _counting(settings, folder) as counted:
            # What the report needs takes seconds to load: it does so while the workers count.
            from scalesearch.report.budgets import within_budget
            from scalesearch.report.scale import published_table, write_scale_report

            flops = counted()
        latency = _latency(settings, folder) if settings.latency else {}
        published = rebuild_published(settings, flops)
        record = ScaleRecord(
            name=name,
            command=command_line(),
            baseline=settings.baseline,
            alpha=settings.alpha,
            beta=settings.beta,
            gamma=settings.gamma,
            product=settings.coefficients.product,
            settings=settings.to_dict(),
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
    if settings.budget:
        click.echo(within_budget(record.family), err=output_format != "table")
    click.echo(f"Report: {folder / 'derivation.md'}", err=output_format != "table")


@contextmanager
def _counting(settings: ScaleSettings, folder: Path) -> Iterator[Callable[[], dict[str, FlopRecord]]]:
    """Has fvcore count every network of the command; what it gives waits for the counts, by key."""
    from scalesearch.cli.progress import track
    from scalesearch.cli.workers import workers
    from scalesearch.measure.machine import usable_cores
    from scalesearch.search.family import family_archs, published_archs, start_counting
    from scalesearch.workers.executor import TO_MEASURE

    archs = [*family_archs(settings).values(), *published_archs(settings)]
    # Two at a time, however many cores there are: each holds a whole network at full resolution.
    with workers(min(2, usable_cores()), folder / "logs", TO_MEASURE, FAILURE) as executor:
        yield start_counting(archs, executor, track)


def _latency(settings: ScaleSettings, folder: Path) -> dict[str, LatencyRecord]:
    """The latency of each network of the family, by key, nothing else running."""
    from scalesearch.cli.progress import track
    from scalesearch.cli.workers import workers
    from scalesearch.search.family import family_archs, measure_all
    from scalesearch.workers.executor import TO_MEASURE

    with workers(1, folder / "logs", TO_MEASURE, FAILURE) as executor:
        return measure_all(settings, family_archs(settings), executor, track)

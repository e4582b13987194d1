"""``scalesearch grid``: STEP 1."""

from __future__ import annotations

import shlex
import sys
from pathlib import Path
from typing import Any

import click

from scalesearch.cli.main import Fail
from scalesearch.cli.options import (
    PHI,
    Decorator,
    baseline_options,
    config_option,
    format_option,
    out_option,
    rounding_options,
)
from scalesearch.proxy.recipe import RECIPES
from scalesearch.search.settings import GridSettings

__all__ = ["grid"]

DEFAULT = GridSettings()


def _bound(name: str, end: str) -> Decorator:
    field = f"{name}_{end}"
    return click.option(
        f"--{name}-{end}",
        type=float,
        default=getattr(DEFAULT, field),
        show_default=True,
        help=f"{'Least' if end == 'min' else 'Greatest'} {name} on the grid.",
    )


@click.command
@config_option
@baseline_options(DEFAULT.baseline_width, str(DEFAULT.baseline_resolution))
@click.option(
    "--baseline-channel-divisor",
    type=click.IntRange(min=1),
    default=DEFAULT.baseline_channel_divisor,
    show_default=True,
    help="Channel divisor of the networks that are trained: a narrow baseline needs a finer one than "
    "--channel-divisor to keep the proportions of the full-size networks.",
)
@click.option(
    "--phi",
    type=PHI,
    default="1",
    show_default=True,
    help="Compound exponent to search at; with several, one run each.",
)
@_bound("alpha", "min")
@_bound("alpha", "max")
@_bound("beta", "min")
@_bound("beta", "max")
@_bound("gamma", "min")
@_bound("gamma", "max")
@click.option("--step", type=float, default=DEFAULT.step, show_default=True, help="Distance of grid points.")
@click.option(
    "--tolerance",
    type=float,
    default=DEFAULT.tolerance,
    show_default=True,
    help="Greatest |alpha * beta^2 * gamma^2 - 2|. Below 0.08 the paper's own (1.2, 1.1, 1.15) is left out.",
)
@click.option(
    "--max-networks",
    type=click.IntRange(min=0),
    default=DEFAULT.max_networks,
    show_default=True,
    help="Train at most this many distinct networks, spread as far apart as can be; 0 trains all.",
)
@click.option(
    "--anchor",
    default=DEFAULT.anchor,
    show_default=True,
    help="Coefficients that are always trained where the grid holds them, or none.",
)
@rounding_options
@click.option(
    "--dataset",
    default=DEFAULT.dataset,
    show_default=True,
    metavar="NAME",
    help="photographs (embedded), cifar10, cifar100, or folder:PATH with one folder of images per class "
    "(or two such folders, train and val).",
)
@click.option("--data-dir", default=DEFAULT.data_dir, show_default=True, help="Where CIFAR lies.")
@click.option("--download", is_flag=True, help="Fetch CIFAR into --data-dir if it is not there.")
@click.option(
    "--held-out",
    type=click.IntRange(min=2),
    default=DEFAULT.held_out,
    show_default=True,
    help="Images that judge a network and that no training run sees: at most this many, and at most a "
    "fifth of each class where the data is split here.",
)
@click.option(
    "--recipe",
    type=click.Choice(tuple(RECIPES)),
    default=DEFAULT.recipe,
    show_default=True,
    help="quick: minutes on a CPU. paper: the paper's own 350 epochs at batch 4096.",
)
@click.option(
    "--images", type=click.IntRange(min=1), help="Training images each network sees.  [default: the recipe's]"
)
@click.option(
    "--epochs",
    type=click.FloatRange(min=0, min_open=True),
    help="Passes over the training images, instead of --images.",
)
@click.option(
    "--batch-size", type=click.IntRange(min=2), help="Images per training step.  [default: the recipe's]"
)
@click.option(
    "--seed",
    type=click.IntRange(0, 2**32 - 1),
    default=0,
    show_default=True,
    help="Seed of every training run.",
)
@click.option("--device", default="auto", show_default=True, help="auto, cpu, cuda or cuda:N.")
@click.option(
    "--jobs",
    type=click.IntRange(min=1),
    help="Networks trained at the same time.  [default: one per core, at most 8]",
)
@click.option(
    "--threads",
    type=click.IntRange(min=1),
    help="CPU threads of each.  [default: 1, or with --jobs the cores shared out]",
)
@click.option(
    "--latency/--no-latency", default=True, show_default=True, help="Measure each trained network's latency."
)
@click.option(
    "--latency-batch-size",
    type=click.IntRange(min=1),
    default=DEFAULT.latency_batch_size,
    show_default=True,
    help="Images per forward pass when measuring.",
)
@click.option(
    "--storage",
    default="",
    metavar="URL",
    help="Any Optuna database URL.  [default: study.db in the output folder]",
)
@out_option("reports/grid-BASELINE-phiPHI")
@format_option
def grid(phi: tuple[float, ...], out: Path | None, output_format: str, **options: Any) -> None:
    """STEP 1: search for alpha, beta and gamma at a fixed phi.

    Every grid point that meets |alpha * beta^2 * gamma^2 - 2| <= TOLERANCE is turned into a network. Points
    that round to the same network are merged, and at most --max-networks of the distinct networks are
    trained for a short while and judged on held-out images. The default run takes under ten minutes on
    two cores.

    Writes candidates.csv, pareto.csv, report.md, figures/, run.toml and study.db (an Optuna study).
    Calling it again with the same settings, or `scalesearch resume DIR`, goes on where it was stopped.

    \b
    Examples:
      scalesearch grid --phi 1
      scalesearch grid --phi 1 --dataset folder:my/images --max-networks 0 --epochs 10
      scalesearch grid --config reports/grid-efficientnet-b0-phi1/run.toml --seed 1 --out reports/seed1
    """
    runs = [_resolve(options | {"phi": one}) for one in phi]
    from scalesearch.cli.run import begin, carry_on  # after the checks: it takes a second to load

    for one, settings in zip(phi, runs, strict=True):
        name = f"grid-{settings.baseline}-phi{one:g}"
        folder = out or Path("reports") / name
        if out is not None and len(phi) > 1:
            folder = out / f"phi{one:g}"
        command = shlex.join(["scalesearch", *_arguments()])
        with begin(folder, name, settings, command) as run:
            carry_on(run, output_format)


def _arguments() -> list[str]:
    """The command line as typed, a password in a storage URL aside."""
    from scalesearch.search.study import masked_argument

    return [masked_argument(argument) for argument in sys.argv[1:]]


def _resolve(options: dict[str, Any]) -> GridSettings:
    """The options with every default filled in that depends on others or on the machine."""
    from scalesearch.measure.device import auto_device
    from scalesearch.measure.machine import usable_cores

    options = dict(options)
    _choose_length(click.get_current_context(), options)
    recipe = RECIPES[options["recipe"]]
    if options["images"] is None and options["epochs"] is None:
        options["images"], options["epochs"] = recipe.images, recipe.epochs
    cores = usable_cores()
    device = auto_device() if options["device"] == "auto" else options["device"]
    # A GPU is shared badly: one job, unless asked otherwise.
    jobs = options["jobs"] or (1 if device.startswith("cuda") else min(cores, 8))
    return GridSettings(
        **options
        | {
            "batch_size": options["batch_size"] or recipe.batch_size,
            "baseline_resolution": options["baseline_resolution"] or DEFAULT.baseline_resolution,
            "device": device,
            "jobs": jobs,
            # Small networks train best on one thread each; --jobs shares the cores out as it says.
            "threads": options["threads"] or (max(1, cores // jobs) if options["jobs"] else 1),
        }
    )


def _choose_length(ctx: click.Context, options: dict[str, Any]) -> None:
    """Keeps one of --images and --epochs: the command line's, where the other is a file's."""
    if options["images"] is None or options["epochs"] is None:
        return
    typed = [
        name
        for name in ("images", "epochs")
        if ctx.get_parameter_source(name) is click.core.ParameterSource.COMMANDLINE
    ]
    if len(typed) != 1:
        raise Fail("--epochs and --images say the same thing: give one of them")
    options["epochs" if typed == ["images"] else "images"] = None

"""What every command takes that trains: the data, the recipe, seeds, device, workers."""

from __future__ import annotations

import re
import sys
from collections.abc import Mapping
from typing import Any

import click
from click.core import ParameterSource

from scalesearch.architecture.code_spec import CodeSpec
from scalesearch.cli.choice import Choice, NumberWithin, Whole
from scalesearch.cli.main import Fail
from scalesearch.cli.options import STORAGE_VARIABLE, Decorator, baseline_options, group
from scalesearch.cli.recipe_option import RECIPE, name_and_values
from scalesearch.cli.rounding_options import rounding_options
from scalesearch.measure.device import DEVICE_HELP
from scalesearch.proxy.recipe import (
    ACCELERATOR_IMAGES,
    ACCELERATORS,
    CPU_IMAGES,
    RECIPES,
    default_images,
)
from scalesearch.search.settings import STARTS, TrainingSettings
from scalesearch.text import command
from scalesearch.workers.tracking import TRACKERS, missing_package

__all__ = [
    "CHANNEL_DIVISOR",
    "DURATION",
    "IN_CHANNELS",
    "JOBS",
    "JOBS_ON",
    "START",
    "STORAGE",
    "STORAGE_ON",
    "THREADS_ON",
    "UPKEEP",
    "command_line",
    "default_jobs",
    "length_options",
    "resolve_training",
    "training_options",
]

DEFAULT = TrainingSettings()
MOST_PROCESSES = 8
MOST_SIDE_BY_SIDE = 16
UNITS = {"s": 1.0, "m": 60.0, "h": 3600.0}


class _Duration(click.ParamType[float]):
    """Seconds, written as ``90s``, ``10m``, ``1.5h`` or a plain number of seconds."""

    name = "duration"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        if isinstance(value, int | float):  # a file's, 0 where none was given: the settings check it
            return float(value)
        match = re.fullmatch(r"(\d+(?:\.\d+)?)\s*([smh]?)", str(value).strip())
        seconds = float(match[1]) * UNITS[match[2] or "s"] if match else 0.0
        if seconds <= 0:
            self.fail(f"must be a time above 0 such as 90s, 10m or 1.5h, got {str(value)!r}", param, ctx)
        return seconds


DURATION = _Duration()

IN_CHANNELS = click.option(
    "--in-channels",
    type=Whole(min=1),
    help="Channels of the images: 1 for grey, 3 for RGB, 4 for RGBA (opaque where files have no alpha), "
    "in arrays too; any other number takes --dataset folder:PATH with .npy arrays of uint8 (height, width, "
    "channels).  "
    "[default: the baseline's own]",
)
CHANNEL_DIVISOR = click.option(
    "--baseline-channel-divisor",
    type=Whole(min=1),
    default=DEFAULT.baseline_channel_divisor,
    show_default=True,
    help="Channel divisor of the networks that are trained: a narrow baseline needs a finer one than "
    "--channel-divisor to keep the proportions of the full-size networks.",
)
JOBS = click.option(
    "--jobs",
    type=Whole(min=1),
    help="Networks trained at the same time. On a GPU these are the most: as many train side by side as is "
    "faster and as memory allows.  [default: one per core, at most 8; on GPUs 16 each]",
)
JOBS_ON = click.option("--jobs", type=Whole(min=1), help="Networks trained at a time.  [default: the run's]")
THREADS_ON = click.option(
    "--threads",
    type=Whole(min=1),
    help="CPU threads of each; another number than the run's changes accuracies as another seed would.  "
    "[default: the run's]",
)
UPKEEP = group(
    click.option(
        "--stall-timeout",
        type=DURATION,
        default="30m",
        show_default=True,
        help="A worker that has said nothing for so long is taken for hung and killed.",
    ),
    click.option(
        "--keep-weights/--no-keep-weights",
        default=DEFAULT.keep_weights,
        show_default=True,
        help="Keep the weights of each network that was trained to its end, for scalesearch export.",
    ),
    click.option(
        "--track",
        type=Choice(tuple(TRACKERS)),
        help="Tell a tracker of every look too, in the run's folder: tensorboard, mlflow (or where "
        "MLFLOW_TRACKING_URI says), wandb (offline, unless WANDB_MODE says otherwise), trackio. Each needs "
        "its package. events/ has the looks in any case.",
    ),
)
STORAGE = click.option(
    "--storage",
    default="",
    metavar="URL",
    envvar=STORAGE_VARIABLE,
    help=f"Any Optuna database URL. The environment variable {STORAGE_VARIABLE} may hold it instead, so that "
    "no other user of the machine sees its password; no folder keeps one.  "
    "[default: study.db in the output folder]",
)


STORAGE_ON = click.option(
    "--storage",
    default="",
    metavar="URL",
    help=f"The study's database, where it is not study.db in DIR; {STORAGE_VARIABLE} in the environment may "
    "hold it instead.",
)


START = group(
    click.option(
        "--start",
        type=Choice(STARTS),
        help="grown: the proxy baseline is trained first, once per seed, and every network is grown from it "
        "without changing what it computes (Net2Net), then trained as usual. Networks narrower or shallower "
        "than it are skipped: where the cost is matched, --match-by resolution makes none.  "
        "[default: scratch; grown with --pretrained]",
    ),
    click.option(
        "--pretrained",
        metavar="FILE",
        help="Grow every network from these weights: torchvision's or timm's of the baseline (safetensors, "
        "or a state dict saved by torch, in a training script's checkpoint too, where averaged weights are "
        "read first), or a network that scalesearch trained. A file of the whole baseline needs "
        "--baseline-width 1.",
    ),
)


def length_options(seeds: int | None, seeds_help: str = "") -> Decorator:
    """The data, the recipe, its length and the seeds.

    ``seeds`` is the command's default; None where that depends on what ``seeds_help`` says.
    """
    return group(
        click.option(
            "--dataset",
            default=DEFAULT.dataset,
            show_default=True,
            help="photographs (embedded), cifar10, cifar100, or folder:PATH with one folder per class, of "
            "images or .npy arrays; or with parts such as train and val that hold these. windows:PATH takes "
            "any folder of large pictures, without labels: which picture is a window from?",
        ),
        click.option("--data-dir", default=DEFAULT.data_dir, show_default=True, help="Where CIFAR lies."),
        click.option("--download", is_flag=True, help="Fetch CIFAR into --data-dir if it is not there."),
        click.option(
            "--held-out",
            type=Whole(min=2),
            default=DEFAULT.held_out,
            show_default=True,
            help="Images that judge a network and that no training run sees: at most this many, and at most "
            "a fifth of each class where the data is split here.",
        ),
        click.option(
            "--recipe",
            type=RECIPE,
            callback=name_and_values,
            default=DEFAULT.recipe,
            show_default=True,
            help="steady: minutes on a CPU. quick: as short, by the schedule of 0.1.0. paper: the paper's "
            "own 350 epochs at batch 4096. Or a file of your own, as scalesearch describe --recipe steady "
            "--format toml prints one.",
        ),
        click.option(
            "--images",
            type=Whole(min=1),
            help="Training images each run sees.  [default: the recipe's, where it has any; else "
            f"{CPU_IMAGES:,} on a CPU, {ACCELERATOR_IMAGES:,} on a GPU ({', '.join(ACCELERATORS)})]",
        ),
        click.option(
            "--epochs",
            type=NumberWithin(min=0, min_open=True),
            help="Passes over the training images, instead of --images.",
        ),
        click.option("--batch-size", type=Whole(min=2), help="Images per step.  [default: the recipe's]"),
        click.option(
            "--seed",
            type=Whole(0, 2**32 - 1),
            default=0,
            show_default=True,
            help="First seed of the training runs.",
        ),
        click.option(
            "--seeds",
            type=Whole(min=1),
            default=seeds,
            show_default=seeds is not None,
            help="Train each network with so many seeds: means, intervals and tests need at least 2."
            + (f"  [default: {seeds_help}]" if seeds is None else ""),
        ),
    )


def training_options(
    *, seeds: int | None = 1, seeds_help: str = "", chosen: Decorator | None = None
) -> Decorator:
    """All of ``TrainingSettings`` as options; ``seeds`` and ``seeds_help`` are those of ``length_options``.

    ``chosen`` is a --baseline option of the command's own.
    """
    return group(
        baseline_options(
            DEFAULT.baseline_width,
            str(DEFAULT.baseline_resolution),
            " Your own code is trained at its own width, 1, unless this says otherwise.",
            chosen,
        ),
        IN_CHANNELS,
        CHANNEL_DIVISOR,
        rounding_options,
        length_options(seeds, seeds_help),
        click.option("--device", default="auto", show_default=True, help=DEVICE_HELP),
        JOBS,
        click.option(
            "--threads",
            type=Whole(min=1),
            help="CPU threads of each. Another number adds up in another order: accuracies then differ, as "
            "with another seed.  [default: 1, or with --jobs the cores shared out]",
        ),
        UPKEEP,
        click.option(
            "--latency/--no-latency",
            default=True,
            show_default=True,
            help="Measure each trained network's latency.",
        ),
        click.option(
            "--latency-batch-size",
            type=Whole(min=1),
            default=DEFAULT.latency_batch_size,
            show_default=True,
            help="Images per forward pass when measuring.",
        ),
        STORAGE,
    )


def resolve_training(options: dict[str, Any]) -> dict[str, Any]:
    """The options with every default filled in that depends on others or on the machine."""
    from scalesearch.measure.device import auto_device
    from scalesearch.measure.machine import usable_cores

    options = dict(options)
    if (tracker := options.get("track")) and (missing := missing_package(tracker)):
        raise Fail(f"--track must name a tracker that is installed, got {tracker}, {missing}")
    _choose_length(click.get_current_context(), options)
    recipe = options["recipe_values"] or RECIPES[options["recipe"]]
    if options["images"] is None and options["epochs"] is None:
        options["images"], options["epochs"] = recipe.images, recipe.epochs
    cores = usable_cores()
    device = auto_device() if options["device"] == "auto" else options["device"]
    if options["images"] is None and options["epochs"] is None:
        options["images"] = default_images(device)
    jobs = options["jobs"] or default_jobs(device)
    batch_size = options["batch_size"] or recipe.batch_size
    if options["recipe_values"] and batch_size != recipe.batch_size:
        # What is kept is what is trained: in how many passes, too.
        options["recipe_values"] = recipe.at_batch(batch_size)
    return options | {
        "baseline_width": own_width(options),
        "batch_size": batch_size,
        "baseline_resolution": options["baseline_resolution"] or DEFAULT.baseline_resolution,
        "device": device,
        "jobs": jobs,
        # Small networks train best on one thread each; --jobs shares the cores out as it says.
        "threads": options["threads"] or (max(1, cores // jobs) if options["jobs"] else 1),
    }


def default_jobs(device: str) -> int:
    """How many networks train at a time where nobody says: on accelerators at most, on a CPU always."""
    from scalesearch.measure.device import resolve_devices
    from scalesearch.measure.machine import usable_cores

    if device == "cpu":
        return min(usable_cores(), MOST_PROCESSES)
    try:
        return MOST_SIDE_BY_SIDE * len(resolve_devices(device))
    except ValueError:  # which is told where the device is needed
        return MOST_SIDE_BY_SIDE


def own_width(options: Mapping[str, Any]) -> float:
    """The width multiplier of the baseline: of a user's own code its own, unless it was said otherwise."""
    source = click.get_current_context().get_parameter_source("baseline_width")
    told = source is not None and source is not ParameterSource.DEFAULT
    unasked = isinstance(options.get("baseline_arch"), CodeSpec) and not told
    return 1.0 if unasked else float(options["baseline_width"])


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


def command_line() -> str:
    """The command line as typed, without what may be secret in a storage's URL."""
    from scalesearch.search.storage import masked_arguments

    return command(["scalesearch", *masked_arguments(sys.argv[1:])])

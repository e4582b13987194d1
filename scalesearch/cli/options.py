"""What several commands take: option groups, the phi list, the TOML file."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from dataclasses import replace
from functools import wraps
from pathlib import Path
from typing import Any

import click
from click.core import ParameterSource

from scalesearch.architecture.baselines import BASELINES, baseline
from scalesearch.architecture.spec import Arch, with_exponents
from scalesearch.architecture.variants import VARIANTS
from scalesearch.cli.choice import NUMBER, Choice, Place, Whole
from scalesearch.cli.main import Fail
from scalesearch.cli.network_types import (
    BASELINE,
    INPUT_SIZE,
    height_and_width,
    joined,
    name_and_network,
)
from scalesearch.cli.recipe_option import with_recipe
from scalesearch.files import read_toml
from scalesearch.plain import is_number, shown
from scalesearch.proxy.recipe import ProxyRecipe
from scalesearch.search.settings import TrainingSettings
from scalesearch.text import near

__all__ = [
    "MEMORY",
    "PHI",
    "STAGES",
    "STORAGE_VARIABLE",
    "Decorator",
    "baseline_options",
    "config_option",
    "format_option",
    "group",
    "out_option",
    "refuse_without_train",
    "require_phi",
]

Decorator = Callable[[Callable[..., Any]], Callable[..., Any]]
FORMAT = ("table", "csv", "json")
# Tables that a TOML file may hold: one for each command with settings, and what run.toml says of a run.
CONFIG = (
    *("grid", "search", "sweep", "alternate", "scale", "measure", "compare", "law", "audit"),
    *("run", "machine", "versions"),
)
MOST_PHIS = 100
STORAGE_VARIABLE = "SCALESEARCH_STORAGE"
"""The environment variable that may hold the URL of a study's database, password and all."""
MEMORY = (
    "Memory is what the tensors of a training step take at its peak, the same on every machine; what a "
    "library's kernels take for themselves beside them is not counted."
)
"""What a budget of memory promises, for the help of every option that has one."""
# Types of options that a run.toml keeps as what they are resolved to.
NUMBER_OR_TEXT = ("duration",)
LIST_OR_TEXT = ("rungs", "objectives", "law", "list")


class _PhiList(click.ParamType[tuple[float, ...]]):
    """One phi, a list of them, or a rising range of whole numbers."""

    name = "phi"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> tuple[float, ...]:
        if isinstance(value, list | tuple):
            value = ",".join(str(item) for item in value)
        text = str(value).strip()
        low, dots, high = text.partition("..")
        try:
            if dots:
                first, last = int(low), int(high)
                phis: tuple[float, ...] = tuple(map(float, range(first, last + 1)[: MOST_PHIS + 1]))
            else:
                phis = tuple(float(part) for part in text.split(","))
        except ValueError:
            phis = ()
        if not phis or not all(map(math.isfinite, phis)) or len(phis) > MOST_PHIS:
            self.fail(
                f"must be a number, a list such as 0,0.5,1 or a rising range of whole numbers such as 0..7 "
                f"(at most {MOST_PHIS} of them), got {text!r}",
                param,
                ctx,
            )
        if len(set(phis)) != len(phis):
            self.fail(f"must name each phi once, got {text!r}", param, ctx)
        return phis


PHI = _PhiList()


def _load_config(ctx: click.Context, param: click.Parameter, value: Path | None) -> None:
    """Makes the command's table of a TOML file its defaults: the command line wins over it."""
    if value is None:
        return
    try:
        tables = read_toml(value)
    except (OSError, UnicodeDecodeError) as error:
        raise click.BadParameter(f"cannot read {value}: {error}", ctx, param) from error
    except ValueError as error:
        raise click.BadParameter(f"{value} is not TOML: {error}", ctx, param) from error
    unknown = sorted(set(tables) - set(CONFIG))
    if unknown:
        raise click.BadParameter(
            f"{value} may hold the tables {', '.join(CONFIG)}, got {unknown[0]!r}", ctx, param
        )
    name = ctx.info_name or ""
    table = tables.get(name)
    if not isinstance(table, dict):
        raise click.BadParameter(f"{value} must have a table [{name}], got none", ctx, param)
    run = tables.get("run", {"kind": name})
    if not isinstance(run, dict):
        raise click.BadParameter(f"{value}: run must be a table, got {shown(run)}", ctx, param)
    if name == "grid" and "kind" not in run:
        # Version 0.1.0 wrote it, and did not know all that is asked for today.
        table = {**TrainingSettings.BEFORE, "match": "none"} | table
    options = {option.name: option for option in ctx.command.params if option.expose_value}
    try:
        table = with_recipe(joined(table, options), options)
    except ValueError as error:
        reason = str(error).replace("`", "")
        raise click.BadParameter(f"{value}: [{name}] {reason}", ctx, param) from error
    settings = sorted(str(option) for option in options if option not in ("out", "output_format"))
    for key, setting in table.items():
        if key not in settings:
            raise click.BadParameter(
                f"{value}: [{name}] has no setting {key!r}{near(key, settings)} "
                f"(scalesearch {name} --help lists them all)",
                ctx,
                param,
            )
        wanted = _wanted(options[key], setting)
        if wanted:
            raise click.BadParameter(f"{value}: {key} must be {wanted}, got {shown(setting)}", ctx, param)
    ctx.default_map = {**(ctx.default_map or {}), **table}


def _wanted(option: click.Parameter, setting: object) -> str:
    """What a setting's type should be; empty where it is. click would make a number of true, or 2 of 2.5."""
    number = is_number(setting)
    if option.nargs == -1 or option.multiple:
        texts = isinstance(setting, list) and all(isinstance(item, str) for item in setting)
        return "" if texts else "a list of texts"
    if isinstance(option.type, click.types.BoolParamType):
        return "" if isinstance(setting, bool) else "true or false"
    if isinstance(option.type, click.types.IntParamType):
        return "" if isinstance(setting, int) and number else "a whole number"
    if option.type is INPUT_SIZE:
        whole = isinstance(setting, int) and number
        return "" if whole or isinstance(setting, str) else "a whole number or a text such as 96x64"
    if isinstance(option.type, click.types.FloatParamType):
        return "" if number else "a number"
    if option.type is PHI:
        return "" if number or _flat(setting) else "a number, a list or a text"
    if isinstance(setting, Arch | ProxyRecipe):
        return ""
    if option.type.name in NUMBER_OR_TEXT:
        return "" if number or isinstance(setting, str) else "a number or a text"
    if option.type.name in LIST_OR_TEXT:
        return "" if _flat(setting) else "a list or a text"
    return "" if isinstance(setting, str) else "a text"


def _flat(setting: object) -> bool:
    """Whether a setting is a text, or a list of texts and numbers."""
    items = setting if isinstance(setting, list) else [setting] if isinstance(setting, str) else None
    return items is not None and all(isinstance(item, str) or is_number(item) for item in items)


def config_option(command: Callable[..., Any]) -> Callable[..., Any]:
    """--config."""
    return click.option(
        "--config",
        type=Place(exists=True, dir_okay=False),
        callback=_load_config,
        is_eager=True,
        expose_value=False,
        metavar="FILE",
        help="TOML file with settings in a table named after the command, such as [grid]; option names with "
        "underscores. The command line wins over it. A run's own run.toml is such a file.",
    )(command)


def format_option(command: Callable[..., Any]) -> Callable[..., Any]:
    """--format."""
    return click.option(
        "--format",
        "output_format",
        type=Choice(FORMAT),
        default="table",
        show_default=True,
        help="How results are printed on standard output.",
    )(command)


def out_option(default: str) -> Decorator:
    """--out."""

    def add(command: Callable[..., Any]) -> Callable[..., Any]:
        return click.option(
            "--out",
            type=Place(file_okay=False),
            metavar="DIR",
            help=f"Folder to write.  [default: {default}]",
        )(command)

    return add


def require_phi(phis: Iterable[float], budget: str) -> None:
    """Refuses to search where every network is the baseline; with a budget, that is what sets the size.

    Raises:
        ValueError: if a phi is 0.
    """
    if not budget and 0 in phis:
        raise ValueError(
            "`phi` must be another number than 0 for a search, got 0: any coefficient to the power of 0 "
            "is 1, so every network is the baseline; 1 asks for twice its compute, -1 for half"
        )


def option_names(*options: Decorator) -> tuple[str, ...]:
    """What a command calls the values of these options, in their order."""

    @click.command
    @group(*options)
    def command() -> None:
        """Never called."""

    return tuple(str(param.name) for param in command.params)


def refuse_without_train(context: click.Context, names: Iterable[str]) -> None:
    """Refuses what was typed for nothing, where --train was not.

    Raises:
        Fail: if an option of training was, of those named.
    """
    typed = [name for name in names if context.get_parameter_source(name) is ParameterSource.COMMANDLINE]
    if typed:
        flag = next(param.opts[0] for param in context.command.params if param.name == typed[0])
        raise Fail(f"{flag} must come with --train: without it nothing is trained")


def group(*options: Decorator) -> Decorator:
    """Several options as one decorator, shown in this order."""

    def add(command: Callable[..., Any]) -> Callable[..., Any]:
        for option in reversed(options):
            command = option(command)
        return command

    return add


STAGES = click.option(
    "--stages",
    multiple=True,
    metavar="depth=E,E,...",
    help="How strongly depth, or width=, works on each stage, in the order of describe: its multiplier is "
    "raised to these powers; 0 leaves a stage as it is. depth=0,1,1,1,1.5,1.5,2 adds more blocks to later "
    "stages.",
)


def _baseline_with_stages(command: Callable[..., Any]) -> Callable[..., Any]:
    """Hands the command the baseline that --stages makes, as if it had come from a file."""

    @wraps(command)
    def call(*, stages: tuple[str, ...], **options: Any) -> Any:
        if stages:
            name, given = options["baseline"], options["baseline_arch"]
            if name in VARIANTS and given is None:
                raise Fail(
                    f"--stages must be left out for {name}, whose rounding goes with its name; describe "
                    f"{name} --format toml prints its table, to change in a file"
                )
            network = with_exponents(given or baseline(name), stages)
            # A network of a built-in one's name is that one.
            own = replace(network, name=f"my-{name}") if given is None else network
            options |= {"baseline": own.name, "baseline_arch": own}
        return command(**options)

    return call


def baseline_options(
    width: float, resolution: str, width_note: str = "", chosen: Decorator | None = None
) -> Decorator:
    """--baseline and how it is reduced; ``width_note`` says more of the width's default.

    ``chosen`` is a --baseline option of the command's own.
    """
    return group(
        chosen
        or click.option(
            "--baseline",
            type=BASELINE,
            callback=name_and_network,
            default="efficientnet-b0",
            show_default=True,
            help=f"The network to scale: {', '.join(BASELINES)}; EfficientNet as others wrote it: "
            f"{', '.join(VARIANTS)}; a file as describe prints it; or your own code as "
            "package.module:function, a function of depth, width and num_classes that returns a torch "
            "module. "
            "It is run, by resume and --config too: take run folders only from people you trust.",
        ),
        click.option(
            "--stem-stride",
            type=Whole(min=1),
            help="Stride of its first convolution; 1, for small images, leaves a max pool after it out too.  "
            "[default: the baseline's own]",
        ),
        *(() if chosen else (STAGES,)),
        click.option(
            "--baseline-width",
            type=NUMBER,
            default=width,
            show_default=True,
            help="Width multiplier that makes the network at phi 0 of the baseline, stem and head included."
            + width_note,
        ),
        click.option(
            "--baseline-resolution",
            type=INPUT_SIZE,
            callback=height_and_width,
            help=f"Its input in pixels: 64, or height x width 96x64.  [default: {resolution}]",
        ),
        *(() if chosen else (_baseline_with_stages,)),
    )

"""Options that several commands share."""

from __future__ import annotations

import math
import re
import sys
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import asdict, fields, replace
from functools import wraps
from pathlib import Path
from typing import Any, get_args

import click
from click.core import ParameterSource
from click.shell_completion import CompletionItem

from scalesearch.cli.help import Topic, option
from scalesearch.cli.main import Fail
from scalesearch.cli.terminal import NUMBER, Choice, NumberWithin, Place, Whole
from scalesearch.files import read_toml
from scalesearch.hardware.device import DEVICE_HELP
from scalesearch.networks.baselines import (
    BASELINES,
    VARIANTS,
    baseline,
    built_in,
    published_network,
    published_networks,
    rounding_of,
)
from scalesearch.networks.spec import (
    Arch,
    ChannelsRule,
    RepeatsRule,
    Rounding,
    arch_from_dict,
    is_target,
    with_exponents,
)
from scalesearch.plain import is_number, shown, typed
from scalesearch.study.settings import STARTS, STORAGE_VARIABLE, TrainingSettings
from scalesearch.text import command, near
from scalesearch.training.recipe import (
    ACCELERATOR_IMAGES,
    ACCELERATORS,
    CPU_IMAGES,
    RECIPES,
    ProxyRecipe,
    read_recipe,
)
from scalesearch.workers.tracking import TRACKERS

# ----------------------------------------------------------------------------------------------------
# Networks and their inputs as a user writes them: a name, a file or a function, ``224`` or ``320x192``.


class _Baseline(click.ParamType[str | Arch]):
    """A built-in network by its name, a file that describes one, or a user's function that builds one."""

    name = "baseline"

    def get_metavar(self, param: click.Parameter, ctx: click.Context) -> str:
        return "NAME|FILE.toml|MODULE:FUNCTION"

    def shell_complete(
        self, ctx: click.Context, param: click.Parameter, incomplete: str
    ) -> list[CompletionItem]:
        """The built-in names that go on so; files, where none does."""
        names = [CompletionItem(name) for name in built_in() if name.startswith(incomplete)]
        return names or [CompletionItem(incomplete, type="file")]

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str | Arch:
        from scalesearch.runs.given import given_baseline

        try:
            return given_baseline(value)
        except ValueError as error:
            return self.fail(str(error).removeprefix("`baseline` "), param, ctx)


BASELINE = _Baseline()


class _Network(_Baseline):
    """Also a published network by its name, which may be written as in the papers."""

    name = "network"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str | Arch:
        text = str(value)
        if isinstance(value, Arch) or text in built_in() or is_target(text) or text.endswith(".toml"):
            return super().convert(value, param, ctx)
        if (row := published_network(text)) is not None:
            return row.arch()
        names = (*published_networks(), *built_in())
        return self.fail(
            "must be a network that scalesearch describe lists, a .toml file or package.module:function, "
            f"got {text!r}" + near(text.lower().removeprefix("efficientnet-"), names),
            param,
            ctx,
        )


NETWORK = _Network()


class _InputSize(click.ParamType[tuple[int, int]]):
    """``224``, or ``320x192``: height and width in pixels."""

    name = "HxW"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> tuple[int, int]:
        found = re.fullmatch(r"([1-9]\d*)(?:x([1-9]\d*))?", str(value).strip())
        if found is None:
            self.fail(
                f"must be pixels such as 224, or height x width such as 320x192, got {str(value)!r}",
                param,
                ctx,
            )
        return int(found[1]), int(found[2] or found[1])


INPUT_SIZE = _InputSize()


def height_and_width(
    ctx: click.Context, _param: click.Parameter, value: tuple[int, int] | None
) -> int | None:
    """The height in pixels; the width, where it is another, as ``baseline_resolution_width`` beside it."""
    height, width = value or (None, None)
    ctx.params["baseline_resolution_width"] = None if width == height else width
    return height


def name_and_network(ctx: click.Context, _param: click.Parameter, value: str | Arch) -> str:
    """The baseline's name; its network, where it isn't built in, as ``baseline_arch`` beside it."""
    ctx.params["baseline_arch"] = value if isinstance(value, Arch) else None
    return value.name if isinstance(value, Arch) else value


def joined(table: dict[str, Any], options: Collection[str | None]) -> dict[str, Any]:
    """A run's settings with what the two functions above took apart as what the options take.

    Raises:
        ValueError: if the network that the run kept cannot be.
    """
    table = dict(table)
    if "baseline" in options and isinstance(network := table.get("baseline_arch"), dict):
        del table["baseline_arch"]
        table["baseline"] = arch_from_dict(network)
    if "baseline_resolution" in options and "baseline_resolution_width" in table:
        across = table.pop("baseline_resolution_width")
        table["baseline_resolution"] = f"{table.get('baseline_resolution')}x{across}"
    return table


# ----------------------------------------------------------------------------------------------------
# --recipe: a built-in recipe by its name, or a file of the user's own.


class _Recipe(click.ParamType[str | ProxyRecipe]):
    """The name of a built-in recipe, or a file that describes one."""

    name = "recipe"

    def get_metavar(self, param: click.Parameter, ctx: click.Context) -> str:
        return "NAME|FILE.toml"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> str | ProxyRecipe:
        if isinstance(value, ProxyRecipe) or value in RECIPES:
            chosen: str | ProxyRecipe = value
            return chosen
        text = str(value)
        if not text.lower().endswith(".toml"):
            self.fail(
                f"must be one of {', '.join(RECIPES)} or a .toml file, got {text!r}{near(text, RECIPES)}",
                param,
                ctx,
            )
        try:
            recipe = read_recipe(Path(text))
        except ValueError as error:
            self.fail(str(error).removeprefix("`recipe` "), param, ctx)
        # What describe printed of a built-in recipe is that recipe.
        return recipe.name if recipe.name in RECIPES else recipe


RECIPE = _Recipe()


def name_and_values(
    ctx: click.Context, _param: click.Parameter, value: str | ProxyRecipe | None
) -> str | None:
    """The recipe's name; its values, where it isn't built in, as ``recipe_values`` beside it."""
    ctx.params["recipe_values"] = value if isinstance(value, ProxyRecipe) else None
    return value.name if isinstance(value, ProxyRecipe) else value


def with_recipe(table: dict[str, Any], options: Collection[str | None]) -> dict[str, Any]:
    """A run's settings with the values that it keeps of a user's recipe as what --recipe takes.

    Raises:
        ValueError: if the values can't be a recipe's.
    """
    if "recipe" not in options or not isinstance(values := table.get("recipe_values"), dict):
        return table
    try:
        recipe = typed(ProxyRecipe, values)
    except ValueError as error:
        raise ValueError(f"`recipe_values`: {error}") from error
    return {name: value for name, value in table.items() if name != "recipe_values"} | {"recipe": recipe}


# ----------------------------------------------------------------------------------------------------
# What several commands take: option groups, the phi list, the TOML file.

Decorator = Callable[[Callable[..., Any]], Callable[..., Any]]
FORMAT = ("table", "csv", "json")
# Tables that a TOML file may hold: one for each command with settings, and what run.toml says of a run.
CONFIG = (
    *("grid", "search", "sweep", "alternate", "scale", "measure", "compare", "law", "audit"),
    *("run", "machine", "versions"),
)
MOST_PHIS = 100
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
    return option(
        "--config",
        group=Topic.OUTPUT,
        type=Place(exists=True, dir_okay=False),
        callback=_load_config,
        is_eager=True,
        expose_value=False,
        metavar="FILE",
        help="Read settings from a TOML file, such as the run.toml of a run; the command line wins over it.",
        more="They are in a table named after the command, such as [grid]; option names with underscores.",
    )(command)


def format_option(command: Callable[..., Any]) -> Callable[..., Any]:
    """--format."""
    return option(
        "--format",
        "output_format",
        group=Topic.OUTPUT,
        type=Choice(FORMAT),
        default="table",
        help="How results are printed: a table to read, or CSV or JSON to go on with.",
    )(command)


def out_option(default: str) -> Decorator:
    """--out."""

    def add(command: Callable[..., Any]) -> Callable[..., Any]:
        return option(
            "--out",
            group=Topic.OUTPUT,
            common=True,
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
        for decorate in reversed(options):
            command = decorate(command)
        return command

    return add


STAGES = option(
    "--stages",
    group=Topic.NETWORK,
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
        or option(
            "--baseline",
            group=Topic.NETWORK,
            common=True,
            type=BASELINE,
            callback=name_and_network,
            default="efficientnet-b0",
            help="The network to scale: a built-in one such as resnet-50, a file as `scalesearch describe` "
            "prints it, or your own PyTorch code as package.module:function.",
            more=f"Built in: {', '.join(BASELINES)}; EfficientNet as others wrote it: "
            f"{', '.join(VARIANTS)}. Your own code is a function of depth, width and num_classes that "
            "returns a torch module. It is run, by resume and --config too: take run folders only from "
            "people you trust.",
        ),
        option(
            "--stem-stride",
            group=Topic.NETWORK,
            type=Whole(min=1),
            help="Stride of its first convolution. 1 suits small images, and leaves out a max pool after "
            "it too.  [default: the baseline's own]",
        ),
        *(() if chosen else (STAGES,)),
        option(
            "--baseline-width",
            group=Topic.NETWORK,
            type=NUMBER,
            default=width,
            help="Width multiplier of the network at phi 0: below 1 it makes the networks small and quick "
            "to train, stem "
            "and head included." + width_note,
        ),
        option(
            "--baseline-resolution",
            group=Topic.NETWORK,
            type=INPUT_SIZE,
            callback=height_and_width,
            help="Input of the network at phi 0 in pixels: 64, or height x width 96x64.  [default: "
            f"{resolution}]",
        ),
        *(() if chosen else (_baseline_with_stages,)),
    )


# ----------------------------------------------------------------------------------------------------
# How real multipliers become whole layers, channels and pixels, as options.

OF_DEPTH_AND_WIDTH = (
    *(rule.name for rule in fields(Rounding) if rule.name != "resolution_multiple"),
    "baseline_channel_divisor",
)


def given_rules(options: Mapping[str, Any]) -> dict[str, Any]:
    """Those of the command's rounding options that the user gave, on the command line or in a file."""
    source = click.get_current_context().get_parameter_source
    names = [rule.name for rule in fields(Rounding)]
    return {name: options[name] for name in names if source(name) is not ParameterSource.DEFAULT}


def rounding_of_options(options: Mapping[str, Any]) -> Rounding:
    """The rules that the command's rounding options make."""
    return Rounding(**{rule.name: options[rule.name] for rule in fields(Rounding)})


def _leave_to_the_code(options: Mapping[str, Any]) -> None:
    """Raises ValueError if a rule was asked for that the code has instead; a run.toml names all defaults."""
    context = click.get_current_context()
    defaults = {param.name: param.default for param in context.command.params}
    for name in OF_DEPTH_AND_WIDTH:
        if name not in options:
            continue
        source = context.get_parameter_source(name)
        in_file = source is ParameterSource.DEFAULT_MAP and options[name] != defaults[name]
        if source is ParameterSource.COMMANDLINE or in_file:
            raise ValueError(
                f"`{name}` must be left to the code where that builds the network, got {options[name]}"
            )


def rounding_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Every rule that turns real multipliers into whole layers, channels and pixels.

    A variant's own rules are the defaults where ``network`` or ``baseline`` names one. A user's own code
    rounds depth and width itself: rules for these are refused.
    """

    @wraps(command)
    def with_own_rules(*args: Any, **options: Any) -> Any:
        named = options.get("network", options.get("baseline"))
        if any(getattr(arch, "code", "") for arch in (named, options.get("baseline_arch"))):
            _leave_to_the_code(options)
        if isinstance(named, str) and named in VARIANTS:
            options |= asdict(rounding_of(named, given_rules(options)))
        return command(*args, **options)

    return group(
        option(
            "--channel-divisor",
            group=Topic.NETWORK,
            type=Whole(min=1),
            default=8,
            help="Channels are rounded to a multiple of this. A variant has rounding rules of its own, which "
            "are its defaults.",
        ),
        option(
            "--channels-rule",
            group=Topic.NETWORK,
            type=Choice(get_args(ChannelsRule)),
            default="nearest",
            help="How channels become a multiple: to the nearest, or by the ceil or floor of how many "
            "times it fits.",
        ),
        option(
            "--min-kept-fraction",
            group=Topic.NETWORK,
            type=NumberWithin(0, 1),
            default=0.9,
            help="Go one multiple up where rounding to the nearest would keep less than this part of the "
            "channels.",
        ),
        option(
            "--repeats-rule",
            group=Topic.NETWORK,
            type=Choice(get_args(RepeatsRule)),
            default="ceil",
            help="How the number of blocks of a stage becomes whole.",
        ),
        option(
            "--resolution-multiple",
            group=Topic.NETWORK,
            type=Whole(min=1),
            default=1,
            help="Resolutions are rounded to a multiple of this many pixels.",
        ),
    )(with_own_rules)


# ----------------------------------------------------------------------------------------------------
# What every command takes that trains: the data, the recipe, seeds, device, workers.

DEFAULT = TrainingSettings()
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

IN_CHANNELS = option(
    "--in-channels",
    group=Topic.DATA,
    type=Whole(min=1),
    help="Channels of the images: 1 for grey, 3 for RGB, 4 for RGBA (opaque where files have no alpha), in "
    "arrays too. Any other number needs --dataset folder:PATH with .npy arrays of uint8 (height, width, "
    "channels).  [default: the baseline's own]",
)
CHANNEL_DIVISOR = option(
    "--baseline-channel-divisor",
    group=Topic.NETWORK,
    type=Whole(min=1),
    default=DEFAULT.baseline_channel_divisor,
    help="Channel divisor of the networks that are trained: a narrow baseline needs a finer one than "
    "--channel-divisor to keep the proportions of the full-size networks.",
)
EXECUTOR = option(
    "--executor",
    group=Topic.TRAINING,
    metavar="NAME",
    help="What runs the training: processes of this machine; ray, a Ray cluster of this machine; or a "
    "cluster elsewhere, by its address as ray://HOST:PORT or HOST:PORT.  [default: processes]",
    more="Ray needs pip install 'scalesearch[ray]', here and on each node. Other engines are added by "
    "packages (docs/many-gpus.md).",
)
EXECUTOR_ON = option(
    "--executor",
    group=Topic.TRAINING,
    metavar="NAME",
    help="What runs the training from now on: processes, ray or ray://HOST:PORT.  [default: the run's]",
)
JOBS = option(
    "--jobs",
    group=Topic.TRAINING,
    type=Whole(min=1),
    help="Networks trained at the same time, over all nodes where there are several. On a GPU these are the "
    "most: as many train side by side as is faster and as memory allows.  [default: one per core, at most 8; "
    "on GPUs 16 each; with another --executor as many as its nodes have room for]",
)
JOBS_ON = option(
    "--jobs",
    group=Topic.TRAINING,
    type=Whole(min=1),
    help="Networks trained at a time.  [default: the run's]",
)
THREADS_ON = option(
    "--threads",
    group=Topic.TRAINING,
    type=Whole(min=1),
    help="CPU threads of each; another number than the run's changes accuracies as another seed would.  "
    "[default: the run's]",
)
UPKEEP = group(
    option(
        "--stall-timeout",
        group=Topic.TRAINING,
        type=DURATION,
        default="30m",
        help="How long a training process may say nothing before it is taken for hung and ended.",
    ),
    option(
        "--keep-weights/--no-keep-weights",
        group=Topic.OUTPUT,
        default=DEFAULT.keep_weights,
        help="Keep the weights of each network that was trained to its end, for scalesearch export.",
    ),
    option(
        "--track",
        group=Topic.OUTPUT,
        type=Choice(tuple(TRACKERS)),
        help="Send every look at a training run to a tracker too: tensorboard, mlflow, wandb or trackio, "
        "in the run's folder.",
        more="mlflow goes where MLFLOW_TRACKING_URI says, wandb is offline unless WANDB_MODE says "
        "otherwise. Each needs its package; events/ has the looks in any case.",
    ),
)
STORAGE = option(
    "--storage",
    group=Topic.OUTPUT,
    default="",
    metavar="URL",
    envvar=STORAGE_VARIABLE,
    help="Database of the Optuna study, as any URL that Optuna takes.  [default: study.db in the output "
    "folder]",
    more=f"The environment variable {STORAGE_VARIABLE} may hold it instead, so that no other user of the "
    "machine sees its password; no folder keeps one.",
)


STORAGE_ON = option(
    "--storage",
    group=Topic.OUTPUT,
    default="",
    metavar="URL",
    help=f"The study's database, where it is not study.db in DIR; {STORAGE_VARIABLE} in the environment may "
    "hold it instead.",
)


START = group(
    option(
        "--start",
        group=Topic.TRAINING,
        type=Choice(STARTS),
        help="grown: train the network at phi 0 first, once per seed, then grow every network from it "
        "without changing what it computes (Net2Net), and train that as usual. Networks narrower or "
        "shallower than it are skipped: where the cost is matched, --match-by resolution makes none.  "
        "[default: scratch; grown with --pretrained]",
    ),
    option(
        "--pretrained",
        group=Topic.TRAINING,
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
        option(
            "--dataset",
            group=Topic.DATA,
            common=True,
            default=DEFAULT.dataset,
            metavar="DATASET",
            help="The images: photographs (built in), cifar10, cifar100, folder:PATH with a folder for "
            "each class, or windows:PATH, a folder of large pictures without labels.",
            more="A folder holds images or .npy arrays, or parts such as train and val that hold the "
            "classes. With windows: the task is to say from which picture a window was cut. "
            "tensors:FILE is safetensors with images (N, channels, height, width), uint8, and labels (N,).",
        ),
        option(
            "--data-dir",
            group=Topic.DATA,
            default=DEFAULT.data_dir,
            metavar="DIR",
            help="Where the files of CIFAR are.",
        ),
        option(
            "--download",
            group=Topic.DATA,
            is_flag=True,
            help="Fetch CIFAR into --data-dir if it is not there.",
        ),
        option(
            "--held-out",
            group=Topic.DATA,
            type=Whole(min=2),
            default=DEFAULT.held_out,
            help="Images that networks are judged by and never trained on: at most so many, and at most a "
            "fifth of each class where the data is split here.",
        ),
        option(
            "--recipe",
            group=Topic.TRAINING,
            type=RECIPE,
            callback=name_and_values,
            default=DEFAULT.recipe,
            help="How networks are trained. steady: minutes on a CPU. quick: as short, by the schedule of "
            "0.1.0. paper: the paper's own 350 epochs at batch 4096. Or a file of yours, as `scalesearch "
            "describe --recipe steady --format toml` prints one.",
        ),
        option(
            "--images",
            group=Topic.TRAINING,
            type=Whole(min=1),
            help="How long each network is trained: the images it sees, repeats counted.  [default: the "
            f"recipe's, where it has any; else {CPU_IMAGES:,} on a CPU, {ACCELERATOR_IMAGES:,} on a GPU "
            f"({', '.join(ACCELERATORS)})]",
        ),
        option(
            "--epochs",
            group=Topic.TRAINING,
            type=NumberWithin(min=0, min_open=True),
            help="The same as passes over the training images, instead of --images.",
        ),
        option(
            "--batch-size",
            group=Topic.TRAINING,
            type=Whole(min=2),
            help="Images in a training step.  [default: the recipe's]",
        ),
        option(
            "--seed",
            group=Topic.TRAINING,
            type=Whole(0, 2**32 - 1),
            default=0,
            help="First seed: of the weights, and of the order of the images.",
        ),
        option(
            "--seeds",
            group=Topic.TRAINING,
            common=True,
            type=Whole(min=1),
            default=seeds,
            show_default=seeds is not None,
            help="Train each network so many times, from other random numbers: means, intervals and tests "
            "need at least "
            "2." + (f"  [default: {seeds_help}]" if seeds is None else ""),
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
        option(
            "--device",
            group=Topic.TRAINING,
            common=True,
            default="auto",
            metavar="DEVICE",
            help=f"Where to train: {DEVICE_HELP}",
        ),
        EXECUTOR,
        JOBS,
        option(
            "--threads",
            group=Topic.TRAINING,
            type=Whole(min=1),
            help="CPU threads of each training process. Another number adds up in another order: "
            "accuracies then differ, as with another seed.  [default: 1, or with --jobs the cores shared "
            "out]",
        ),
        UPKEEP,
        option(
            "--latency/--no-latency",
            group=Topic.MEASURING,
            default=True,
            help="Measure each trained network's latency.",
        ),
        option(
            "--latency-batch-size",
            group=Topic.MEASURING,
            type=Whole(min=1),
            default=DEFAULT.latency_batch_size,
            help="Images per forward pass when measuring latency.",
        ),
        STORAGE,
    )


def resolve_training(options: dict[str, Any]) -> dict[str, Any]:
    """The options with every default filled in that depends on others or on the machine."""
    from scalesearch.runs.defaults import training_defaults

    options = dict(options)
    _choose_length(click.get_current_context(), options)
    return training_defaults(options | {"baseline_width": own_width(options)})


def own_width(options: Mapping[str, Any]) -> float:
    """The width multiplier of the baseline: of a user's own code its own, unless it was said otherwise."""
    source = click.get_current_context().get_parameter_source("baseline_width")
    told = source is not None and source is not ParameterSource.DEFAULT
    unasked = getattr(options.get("baseline_arch"), "code", "") and not told
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
    from scalesearch.study.storage import masked_arguments

    return command(["scalesearch", *masked_arguments(sys.argv[1:])])


# ----------------------------------------------------------------------------------------------------
# --budget and --law: what a network may spend, in its own unit, and what predicts its latency.


class _Law(click.ParamType[Path | tuple[str, ...]]):
    """The place of a law, or the law itself as a run.toml keeps it."""

    name = "law"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> Path | tuple[str, ...]:
        return tuple(map(str, value)) if isinstance(value, list | tuple) else Path(value)


spending_options = group(
    option(
        "--budget",
        group=Topic.BUDGET,
        common=True,
        default="",
        metavar="KIND=AMOUNT",
        help="What the full-size network may spend: latency=12ms, macs=800M, params=5M, activations=20M or "
        "memory=2GiB.",
        more="A latency is predicted by this machine's cost law, for one image on all cores unless it says "
        f"so: latency=12ms@batch=8,threads=2. {MEMORY}",
    ),
    option(
        "--law",
        group=Topic.BUDGET,
        type=_Law(),
        metavar="PATH",
        help="With a budget of latency: the cost law that predicts it, a law.json or its folder, also "
        "another machine's.  [default: reports/law-MACHINE of this one, as `scalesearch law` writes it]",
    ),
)


def resolve_spending(options: dict[str, Any]) -> dict[str, Any]:
    """The options with the law that a budget of latency needs read, and without one that nothing needs.

    Raises:
        ValueError: if the budget is none, or no law of its setup is there.
    """
    from scalesearch.runs.defaults import spending_defaults

    return spending_defaults(options)

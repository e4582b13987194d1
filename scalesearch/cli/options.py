"""Options that several commands share."""

from __future__ import annotations

import math
import re
import sys
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from functools import wraps
from pathlib import Path
from types import MappingProxyType, UnionType
from typing import Any, Union, get_args, get_origin

import click
from click.core import ParameterSource
from click.shell_completion import CompletionItem

from scalesearch.cli.help import option
from scalesearch.cli.main import Fail
from scalesearch.cli.terminal import NUMBER, Choice, NumberWithin, Place, Whole, echo
from scalesearch.fields import SAME, Setting, Topic, default_of, settings_of
from scalesearch.files import read_toml
from scalesearch.networks.baselines import (
    VARIANTS,
    built_in,
    published_network,
    published_networks,
    rounding_of,
    staged_baseline,
)
from scalesearch.networks.spec import (
    Arch,
    Rounding,
    arch_from_dict,
    is_target,
)
from scalesearch.plain import LIMITS, Limit, field_types, is_number, shown, typed
from scalesearch.records.timings import SHORT_DTYPES, dtype_of, whole_number
from scalesearch.study.settings import (
    STORAGE_VARIABLE,
    BaselineSettings,
    RoundingSettings,
    StagesSettings,
    TrainingSettings,
)
from scalesearch.text import bare, command, near, quoted
from scalesearch.training.recipe import RECIPES, ProxyRecipe, read_recipe

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
            f"got {text!r}"
            + (
                f", which is a folder; scalesearch open {quoted(text)} shows a run's page"
                if text.strip() and Path(text).is_dir()
                else near(text.lower().removeprefix("efficientnet-"), names)
            ),
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


def listed(numbers: object) -> str:
    """A number, or several with commas between them, as an option takes them."""
    return ",".join(f"{number:g}" for number in (numbers if isinstance(numbers, tuple) else (numbers,)))


class _RungList(click.ParamType[tuple[str, ...]]):
    """The steps of successive halving, as the settings keep them."""

    name = "rungs"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> tuple[str, ...]:
        if isinstance(value, list | tuple):
            return tuple(str(step) for step in value)
        return () if value == "none" else tuple(str(value).split(","))


class ListOf(click.ParamType[tuple[Any, ...]]):
    """Values with commas between them, each once; ``several`` off takes one value alone."""

    name = "list"

    def __init__(
        self, read: Callable[[str], Any], wanted: str, *, several: bool = True, names: Sequence[str] = ()
    ) -> None:
        self.read = read
        self.wanted = wanted
        self.several = several
        self.names = names

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """The values as a tuple, or the one value."""
        if isinstance(value, tuple) or (isinstance(value, int) and not self.several):
            return value
        if isinstance(value, list):  # a run.toml's
            value = ",".join(str(item) for item in value)
        try:
            values = tuple(self.read(part.strip()) for part in str(value).split(","))
        except (ValueError, KeyError):
            values = ()
        if not values or len(set(values)) < len(values) or (len(values) > 1 and not self.several):
            each = ", each once, with commas between them" if self.several else ""
            wrong = [part.strip() for part in str(value).split(",") if part.strip() not in self.names]
            meant = near(wrong[0], self.names) if wrong else ""
            self.fail(f"must be {self.wanted}{each}, got {str(value)!r}{meant}", param, ctx)
        return values if self.several else values[0]


class _Names(click.ParamType[tuple[str, ...]]):
    """Names with commas between them, as the settings keep and check them."""

    name = "objectives"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> tuple[str, ...]:
        parts = value if isinstance(value, list | tuple) else str(value).split(",")
        return tuple(str(part).strip() for part in parts)


UNITS = {"s": 1.0, "m": 60.0, "h": 3600.0}


class _Duration(click.ParamType[float]):
    """Seconds, written as ``90s``, ``10m`` or ``1.5h``; a file's number, which has no unit, is seconds."""

    name = "duration"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        if isinstance(value, int | float):  # a file's, 0 where none was given: the settings check it
            return float(value)
        match = re.fullmatch(r"(\d*\.?\d+)\s*([smh]?)", str(value).strip())
        if match and not match[2] and float(match[1]):
            self.fail(
                f"must have a unit, {match[1]}s, {match[1]}m or {match[1]}h, got {str(value)!r}", param, ctx
            )
        seconds = float(match[1]) * UNITS[match[2] or "s"] if match else 0.0
        if seconds <= 0:
            self.fail(f"must be a time above 0 such as 90s, 10m or 1.5h, got {str(value)!r}", param, ctx)
        return seconds


DURATION = _Duration()


def _lasting(seconds: float) -> str:
    """A time as an option takes it: ``30m``."""
    unit = next((name for name, each in reversed(UNITS.items()) if seconds >= each), "s")
    return f"{seconds / UNITS[unit]:g}{unit}"


class _Law(click.ParamType[Path | tuple[str, ...]]):
    """The place of a law, or the law itself as a run.toml keeps it."""

    name = "law"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> Path | tuple[str, ...]:
        return tuple(map(str, value)) if isinstance(value, list | tuple) else Path(value)


# ----------------------------------------------------------------------------------------------------
# Options made of settings' fields: what each is, may be and does is said there, once.


@dataclass(frozen=True, slots=True)
class Form:
    """How a text says a value that its type alone does not tell how to read.

    Attributes:
        type: what reads it, or what makes that of the setting.
        write: what makes a text of a default, for help.
        callback: as click's, for a text that says two settings.
    """

    type: click.ParamType[Any] | Callable[[Setting], click.ParamType[Any]]
    write: Callable[[Any], str] = str
    callback: Callable[[click.Context, click.Parameter, Any], Any] | None = None


def _list_of(setting: Setting) -> ListOf:
    names = {name: name for name in setting.choices}
    return ListOf(names.__getitem__, f"one or more of {', '.join(names)}", names=setting.choices)


def _one_of(setting: Setting) -> ListOf:
    names = {name: name for name in setting.choices}
    return ListOf(names.__getitem__, f"one of {', '.join(names)}", several=False, names=setting.choices)


_SHORT = {name: short for short, name in SHORT_DTYPES.items()}


FORMS: Mapping[str, Form] = MappingProxyType(
    {
        "baseline": Form(BASELINE, callback=name_and_network),
        "size": Form(INPUT_SIZE, callback=height_and_width),
        "recipe": Form(RECIPE, callback=name_and_values),
        "phis": Form(PHI, listed),
        "rungs": Form(_RungList(), lambda rungs: ",".join(rungs) or "none"),
        "duration": Form(DURATION, _lasting),
        "names": Form(_Names(), ",".join),
        "list": Form(_list_of, ",".join),
        "one": Form(_one_of),
        "wholes": Form(ListOf(whole_number, "whole numbers >= 1"), listed),
        "whole": Form(ListOf(whole_number, "a whole number >= 1", several=False)),
        "dtypes": Form(
            ListOf(dtype_of, f"one or more of {', '.join(SHORT_DTYPES)}", names=tuple(SHORT_DTYPES)),
            lambda names: ",".join(_SHORT[name] for name in names),
        ),
        "dtype": Form(
            ListOf(dtype_of, f"one of {', '.join(SHORT_DTYPES)}", several=False, names=tuple(SHORT_DTYPES)),
            _SHORT.__getitem__,
        ),
        "law": Form(_Law()),
        "folder": Form(Place(file_okay=False)),
    }
)
"""By the name that a setting has as its ``form``."""


def option_of(settings: type, name: str, forms: Mapping[str, Form] = FORMS) -> Decorator:
    """The option that sets a field: its type, bounds, default, help and group are those of the field."""
    setting, kind = settings_of(settings)[name], _kind(field_types(settings)[name])
    form = forms[setting.form] if setting.form else None
    default = default_of(settings, name)
    if form is not None and default is not None:
        default = form.write(default)
    if setting.given is not SAME or setting.unset:
        default = None if setting.given is SAME else setting.given
    shown = setting.option or f"--{name.replace('_', '-')}"
    if kind is bool and default and not setting.option:
        shown += f"/--no-{shown[2:]}"
    words: dict[str, Any] = {
        "group": setting.topic,
        "common": setting.common,
        "help": setting.help + (f"  [default: {setting.unset}]" if setting.unset else ""),
        "more": setting.more,
        "type": _type_of(setting, kind, form),
        "multiple": form is None and get_origin(kind) is tuple,
        "callback": form and form.callback,
        "metavar": setting.metavar or None,
        "envvar": setting.variable or None,
    }
    if kind is bool and "/" not in shown:
        words["is_flag"] = True
    elif default is not None:
        words |= {"default": default, "show_default": False} if setting.unset else {"default": default}
    return option(shown, name, **words)


def _kind(hint: Any) -> Any:
    """A field's type, whether or not it may be None."""
    if get_origin(hint) not in (Union, UnionType):
        return hint
    return next(part for part in get_args(hint) if part is not type(None))


def _type_of(setting: Setting, kind: Any, form: Form | None) -> click.ParamType[Any] | None:
    """What reads the values of a setting; None leaves it to click."""
    if form is not None:
        return form.type if isinstance(form.type, click.ParamType) else form.type(setting)
    if setting.choices:
        return Choice(setting.choices)
    if kind is int:
        limit = setting.limit or Limit(-math.inf, math.inf)
        least = int(limit.least) if math.isfinite(limit.least) else None
        return Whole(min=least, max=int(limit.most) if limit.firm else None)
    if kind is float:
        return NUMBER if setting.limit is None or setting.limit.least < 0 else NumberWithin(setting.limit)
    return None


def options_of(
    settings: type,
    *,
    of: type | None = None,
    above: type | None = None,
    but: Collection[str] = (),
    forms: Mapping[str, Form] = FORMS,
) -> Decorator:
    """An option for each field of a class of settings that says what one does, in the fields' order.

    Args:
        settings: the class.
        of: a base class of it, whose fields alone are meant.
        above: a base class whose fields are not meant.
        but: fields that the command has no option for, or places itself.
        forms: those of the command, where it has some of its own.
    """
    names = [field.name for field in fields(of or settings)]
    below = {field.name for field in fields(above)} if above is not None else set()
    described = settings_of(settings)
    return group(
        *(
            option_of(settings, name, forms)
            for name in names
            if name not in below and name not in but and name in described and described[name].help
        )
    )


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
    if name == "grid" and "run" in tables:
        # Of a run that set no images apart to confirm by: it is to be made again as it was.
        table = {"confirm_on": "same"} | table
    options = {option.name: option for option in ctx.command.params if option.expose_value}
    try:
        table = with_recipe(joined(table, options), options)
    except ValueError as error:
        raise click.BadParameter(f"{value}: [{name}] {bare(error)}", ctx, param) from error
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


def dry_run_option(text: str) -> Decorator:
    """--dry-run."""
    return option("--dry-run", group=Topic.OUTPUT, common=True, is_flag=True, help=text)


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


def require_phi(phis: Iterable[float], budget: str = "") -> None:
    """Refuses phis as ``require_size`` does; those of a file may stand beside a budget.

    Raises:
        ScalesearchError: as there.
    """
    from scalesearch.runs.defaults import require_size

    source = click.get_current_context().get_parameter_source("phi")
    require_size(phis, budget, given=source is ParameterSource.COMMANDLINE)


def require_match(match: str) -> None:
    """Refuses to be told how networks are matched where they are matched to nothing.

    Raises:
        Fail: if that was typed.
    """
    typed = click.get_current_context().get_parameter_source("match_by") is ParameterSource.COMMANDLINE
    if typed and match == "none":
        raise Fail("--match-by must come with --match, such as --match macs: without it nothing is matched")


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


STAGES = option_of(StagesSettings, "stages")


def _baseline_with_stages(command: Callable[..., Any]) -> Callable[..., Any]:
    """Hands the command the baseline that --stages makes, as if it had come from a file."""

    @wraps(command)
    def call(*, stages: tuple[str, ...], **options: Any) -> Any:
        if stages:
            network = staged_baseline(options["baseline"], options["baseline_arch"], stages)
            options |= {"baseline": network.name, "baseline_arch": network}
        return command(**options)

    return call


BASELINE_FIELDS = ("baseline", "stem_stride", "baseline_width", "baseline_resolution")


def baseline_options(settings: type) -> Decorator:
    """--baseline and how it is reduced."""
    *which, width, resolution = (option_of(settings, name) for name in BASELINE_FIELDS)
    return group(*which, STAGES, width, resolution, _baseline_with_stages)


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

    return options_of(RoundingSettings)(with_own_rules)


# ----------------------------------------------------------------------------------------------------
# What every command takes that trains: the data, the recipe, seeds, device, workers.

STORAGE_ON = option(
    "--storage",
    group=Topic.OUTPUT,
    default="",
    metavar="URL",
    help=f"The study's database, where it is not study.db in DIR; {STORAGE_VARIABLE} in the environment may "
    "hold it instead.",
)


def training_options(settings: type, *, but: Collection[str] = ()) -> Decorator:
    """All of ``TrainingSettings`` as options, with the defaults and the words of the command's settings.

    ``but`` are fields that the command has no option for; without ``baseline`` there are no --stages.
    """
    baseline_with_stages = baseline_options(settings)
    if "baseline" in but:
        baseline_with_stages = group(
            *(option_of(settings, name) for name in BASELINE_FIELDS if name not in but)
        )
    but = (*but, *BASELINE_FIELDS)
    return group(
        baseline_with_stages,
        options_of(settings, of=BaselineSettings, above=RoundingSettings, but=but),
        options_of(settings, of=TrainingSettings, above=BaselineSettings, but=but),
        rounding_options,
    )


def resolve_training(options: dict[str, Any]) -> dict[str, Any]:
    """The options with every default filled in that depends on others or on the machine."""
    from scalesearch.runs.defaults import training_defaults

    options = dict(options)
    _choose_length(click.get_current_context(), options)
    return training_defaults(options | {"baseline_width": own_width(options)})


def resolve_setups(options: dict[str, Any], *, several: bool) -> dict[str, Any]:
    """The options with the device and the threads that this machine makes of their defaults."""
    from scalesearch.hardware.device import auto_device
    from scalesearch.hardware.machine import usable_cores

    cores = usable_cores()
    device = auto_device() if options["device"] == "auto" else options["device"]
    source = click.get_current_context().get_parameter_source("channels_last")
    if device == "mps" and source is ParameterSource.DEFAULT:
        options = options | {"channels_last": False}
    threads: Any = options["threads"] or ((cores,) if several else cores)
    most = max(threads) if several else threads
    if cores < most <= LIMITS["threads"].most:
        echo(f"Note: {most:,} threads share {cores} cores here: they wait for one another", err=True)
    return options | {"device": device, "threads": threads}


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


def resolve_spending(options: dict[str, Any]) -> dict[str, Any]:
    """The options with the law that a budget of latency needs read, and without one that nothing needs.

    Raises:
        ValueError: if the budget is none, or no law of its setup is there.
    """
    from scalesearch.runs.defaults import spending_defaults

    return spending_defaults(options)

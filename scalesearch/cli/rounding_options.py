"""How real multipliers become whole layers, channels and pixels, as options."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict, fields
from functools import wraps
from typing import Any, get_args

import click
from click.core import ParameterSource

from scalesearch.architecture.code_spec import CodeSpec
from scalesearch.architecture.spec import ChannelsRule, RepeatsRule, Rounding
from scalesearch.architecture.variants import VARIANTS, rounding_of
from scalesearch.cli.choice import Choice, NumberWithin, Whole
from scalesearch.cli.options import group

__all__ = ["given_rules", "rounding_of_options", "rounding_options"]

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
        if any(isinstance(arch, CodeSpec) for arch in (named, options.get("baseline_arch"))):
            _leave_to_the_code(options)
        if isinstance(named, str) and named in VARIANTS:
            options |= asdict(rounding_of(named, given_rules(options)))
        return command(*args, **options)

    return group(
        click.option(
            "--channel-divisor",
            type=Whole(min=1),
            default=8,
            show_default=True,
            help="Channels are rounded to a multiple of this. A variant has rounding rules of its own, which "
            "are its defaults.",
        ),
        click.option(
            "--channels-rule",
            type=Choice(get_args(ChannelsRule)),
            default="nearest",
            show_default=True,
            help="To which multiple: the nearest, or that of their whole part's ceil or floor.",
        ),
        click.option(
            "--min-kept-fraction",
            type=NumberWithin(0, 1),
            default=0.9,
            show_default=True,
            help="Channels go one step up where rounding to the nearest would keep less than this share.",
        ),
        click.option(
            "--repeats-rule",
            type=Choice(get_args(RepeatsRule)),
            default="ceil",
            show_default=True,
            help="How a stage's repeats are rounded.",
        ),
        click.option(
            "--resolution-multiple",
            type=Whole(min=1),
            default=1,
            show_default=True,
            help="Resolutions are rounded to a multiple of this many pixels.",
        ),
    )(with_own_rules)

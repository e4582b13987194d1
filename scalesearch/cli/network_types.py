"""Networks and their inputs as a user writes them: a name, a file or a function, ``224`` or ``320x192``."""

from __future__ import annotations

import re
from collections.abc import Collection
from pathlib import Path
from typing import Any

import click

from scalesearch.architecture.baselines import built_in
from scalesearch.architecture.code_spec import is_target
from scalesearch.architecture.published import published_network, published_networks
from scalesearch.architecture.spec import Arch, arch_from_dict
from scalesearch.text import near

__all__ = [
    "BASELINE",
    "INPUT_SIZE",
    "NETWORK",
    "height_and_width",
    "joined",
    "name_and_network",
]


class _Baseline(click.ParamType[str | Arch]):
    """A built-in network by its name, a file that describes one, or a user's function that builds one."""

    name = "baseline"

    def get_metavar(self, param: click.Parameter, ctx: click.Context) -> str:
        return "NAME|FILE.toml|MODULE:FUNCTION"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str | Arch:
        if isinstance(value, Arch) or value in built_in():
            chosen: str | Arch = value
            return chosen
        code = is_target(str(value))
        if not (code or str(value).endswith(".toml")):
            self.fail(
                f"must be one of {', '.join(built_in())}, a .toml file or package.module:function, "
                f"got {str(value)!r}{near(str(value), built_in())}",
                param,
                ctx,
            )
        try:
            if code:
                from scalesearch.architecture.code_network import code_baseline  # loads torch

                return code_baseline(str(value))
            from scalesearch.architecture.table_file import read_network

            network = read_network(Path(value))
        except ValueError as error:
            self.fail(str(error).removeprefix("`baseline` "), param, ctx)
        # What describe printed of a built-in network is that network.
        return network.name if network.name in built_in() else network


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
            f"must be a published network ({', '.join(published_networks())}), one of "
            f"{', '.join(built_in())}, a .toml file or package.module:function, got {text!r}"
            + near(text.lower().removeprefix("efficientnet-"), names),
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

"""Networks and their inputs as a user writes them: a name or a file, ``224`` or ``320x192``."""

from __future__ import annotations

import re
from collections.abc import Collection
from pathlib import Path
from typing import Any

import click

from scalesearch.architecture.baselines import BASELINES
from scalesearch.architecture.spec import ArchSpec

__all__ = ["BASELINE", "INPUT_SIZE", "height_and_width", "joined", "name_and_network"]


class _Baseline(click.ParamType[str | ArchSpec]):
    """A built-in network by its name, or a file that describes one."""

    name = "baseline"

    def get_metavar(self, param: click.Parameter, ctx: click.Context) -> str:
        return "NAME|FILE.toml"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str | ArchSpec:
        if isinstance(value, ArchSpec) or value in BASELINES:
            chosen: str | ArchSpec = value
            return chosen
        if not str(value).endswith(".toml"):
            self.fail(
                f"must be one of {', '.join(BASELINES)} or a .toml file, got {str(value)!r}", param, ctx
            )
        from scalesearch.architecture.table_file import read_network

        try:
            network = read_network(Path(value))
        except ValueError as error:
            self.fail(str(error).removeprefix("`baseline` "), param, ctx)
        # What describe printed of a built-in network is that network.
        return network.name if network.name in BASELINES else network


BASELINE = _Baseline()


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


def name_and_network(ctx: click.Context, _param: click.Parameter, value: str | ArchSpec) -> str:
    """The baseline's name; its network, where it isn't built in, as ``baseline_arch`` beside it."""
    ctx.params["baseline_arch"] = value if isinstance(value, ArchSpec) else None
    return value.name if isinstance(value, ArchSpec) else value


def joined(table: dict[str, Any], options: Collection[str | None]) -> dict[str, Any]:
    """A run's settings with what the two functions above took apart as what the options take.

    Raises:
        ValueError: if the network that the run kept cannot be.
    """
    table = dict(table)
    if "baseline" in options and isinstance(network := table.get("baseline_arch"), dict):
        del table["baseline_arch"]
        table["baseline"] = ArchSpec.from_dict(network)
    if "baseline_resolution" in options and "baseline_resolution_width" in table:
        across = table.pop("baseline_resolution_width")
        table["baseline_resolution"] = f"{table.get('baseline_resolution')}x{across}"
    return table

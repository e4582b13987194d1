"""``scalesearch describe``: a network as its paper's table, or as a file."""

from __future__ import annotations

from dataclasses import asdict, replace
from typing import TYPE_CHECKING, Any

import click

from scalesearch.architecture.baselines import baseline, chosen_baseline
from scalesearch.architecture.checks import blamed_on
from scalesearch.architecture.code_spec import CodeSpec
from scalesearch.architecture.cost import count
from scalesearch.architecture.rows import Row, rows
from scalesearch.architecture.spec import Arch, ArchSpec, require_resolution, scale
from scalesearch.architecture.table_file import network_toml
from scalesearch.cli.choice import Choice
from scalesearch.cli.main import Fail
from scalesearch.cli.network_types import INPUT_SIZE, NETWORK
from scalesearch.cli.rounding_options import rounding_of_options, rounding_options
from scalesearch.cli.terminal import echo, fits, print_narrow, terminal
from scalesearch.scaling import Multipliers

if TYPE_CHECKING:
    from rich.table import Table

__all__ = ["describe"]

WIDTH = 200
"""Columns of the table where no terminal says how many it has: what is piped stays whole."""
# In a narrow terminal, over two lines.
SHORT_HEADS = {"channels": "chan-\nnels", "repeats": "re-\npeats", "activations": "activa-\ntions"}

COLUMNS = (
    *("name", "operator", "input_height", "input_width", "stride", "channels", "repeats"),
    *("params", "macs", "activations"),
)

CODE_COLUMNS = {
    "name": "{}",
    "depth": "{:g}",
    "width": "{:g}",
    "input_height": "{:d}",
    "input_width": "{:d}",
    "layers": "{:,d}",
    "params": "{:,d}",
    "macs": "{:,d}",
    "activations": "{:,d}",
}


@click.command
@click.argument("network", type=NETWORK)
@click.option("--depth", type=float, default=1.0, show_default=True, help="Times as many blocks in a stage.")
@click.option("--width", type=float, default=1.0, show_default=True, help="Times as many channels.")
@click.option("--resolution", type=INPUT_SIZE, help="Input in pixels: 224, or 320x192.  [default: its own]")
@click.option("--stem-stride", type=click.IntRange(min=1), help="1: for small images.  [default: its own]")
@click.option("--classes", type=click.IntRange(min=1), help="Outputs.  [default: its own]")
@click.option("--in-channels", type=click.IntRange(min=1), help="Channels of the input.  [default: its own]")
@rounding_options
@click.option(
    "--format",
    "output_format",
    type=Choice(("table", "toml", "csv", "json")),
    default="table",
    show_default=True,
    help="table: to read. toml: a file that --baseline takes. csv, json: the table's rows.",
)
def describe(network: str | Arch, output_format: str, **options: Any) -> None:
    """Prints NETWORK, by its name or a .toml file, as a table like the paper's Table 1.

    Of your own code (package.module:function) it prints the whole cost: what its parts are, it alone knows.

    Each row says what its blocks are, what they read and what they cost. As TOML it is a file to change and
    to scale in the baseline's place: depth multiplies its repeats, width its channels.

    \b
    Examples:
      scalesearch describe efficientnet-b0
      scalesearch describe lite3
      scalesearch describe mobilenet-v2 --width 0.75 --resolution 160
      scalesearch describe resnet-18 --stem-stride 1 --resolution 32x32 --classes 10
      scalesearch describe resnet-50 --format toml > my_net.toml
      scalesearch grid --baseline my_net.toml
    """
    with blamed_on("`network`"):
        arch = _made(network, options)
    require_resolution(arch, "resolution")
    if isinstance(arch, CodeSpec):
        _describe_code(arch, output_format)
    elif output_format == "toml":
        echo(network_toml(arch), nl=False)
    elif output_format == "table":
        _print(arch)
    else:
        from scalesearch.cli.show import print_table  # pandas takes a second to load
        from scalesearch.report.frame import frame

        print_table(frame([_plain(row) for row in rows(arch)], COLUMNS), output_format)


def _made(network: str | Arch, options: dict[str, Any]) -> Arch:
    """The network with what the options change of it; under another name where that is another network."""
    known = baseline(network) if isinstance(network, str) else network
    rounding = rounding_of_options(options)
    arch = chosen_baseline(known.name, known, options["stem_stride"])
    arch = scale(arch, Multipliers(depth=options["depth"], width=options["width"]), rounding)
    if options["resolution"] is not None:
        height, width = options["resolution"]
        arch = replace(arch, resolution=height, resolution_width=width)
    given = {name: options[name] for name in ("classes", "in_channels") if options[name] is not None}
    arch = replace(arch, **given)
    if isinstance(arch, CodeSpec) or arch == known:
        return arch
    return replace(arch, name=f"my-{known.name}")


def _plain(row: Row) -> dict[str, Any]:
    height, width = row.input_size
    return asdict(row) | {"input_height": height, "input_width": width}


def _describe_code(arch: CodeSpec, output_format: str) -> None:
    if output_format == "toml":
        raise Fail("--format must be table, csv or json for a network of your own code, got 'toml'")
    import pandas as pd

    from scalesearch.cli.show import print_table

    with blamed_on("`network`"):
        cost = count(arch)
    height, width = arch.input_size
    row = {
        "name": arch.name,
        "depth": arch.depth,
        "width": arch.width,
        "input_height": height,
        "input_width": width,
        "layers": cost.layers,
        "params": cost.params,
        "macs": cost.macs,
        "activations": cost.activations,
    }
    print_table(pd.DataFrame([row]), output_format, columns=CODE_COLUMNS)


def _print(arch: ArchSpec) -> None:
    console = terminal(WIDTH)
    table = _table(arch)
    if fits(console, table):
        console.print(table)
    else:
        print_narrow(console, _table(arch, narrow=True))


def _table(arch: ArchSpec, *, narrow: bool = False) -> Table:
    """The network's table; a narrow one has short numbers, and operators that go on in the next line."""
    from rich.table import Table

    from scalesearch.report.markdown import si

    cost = count(arch)
    totals = {"params": cost.params, "macs": cost.macs, "activations": cost.activations}
    table = Table(
        title=arch.name,
        title_justify="left",
        box=None,
        pad_edge=False,
        show_footer=True,
        collapse_padding=narrow,
    )
    table.add_column("row", footer="all", no_wrap=narrow)
    table.add_column("operator", no_wrap=not narrow, overflow="fold")
    heads = SHORT_HEADS if narrow else {}
    for name in ("input", "stride", "channels", "repeats"):
        table.add_column(heads.get(name, name), justify="right", no_wrap=True)
    for name, total in totals.items():
        footer = si(total) if narrow else f"{total:,d}"
        table.add_column(heads.get(name, name), justify="right", no_wrap=True, footer=footer)
    for row in rows(arch):
        costs = (row.params, row.macs, row.activations)
        table.add_row(
            *(row.name, row.operator, ("x" if narrow else " x ").join(map(str, row.input_size))),
            *(f"{number:d}" for number in (row.stride, row.channels, row.repeats)),
            *(si(number) if narrow else f"{number:,d}" for number in costs),
        )
    return table

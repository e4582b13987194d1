"""``scalesearch describe``: a network as its paper's table, or as a file."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import asdict, fields
from typing import TYPE_CHECKING, Any

import click
from click.core import ParameterSource

from scalesearch.cli.help import Command, option
from scalesearch.cli.main import Fail
from scalesearch.cli.options import (
    INPUT_SIZE,
    NETWORK,
    RECIPE,
    STAGES,
    Form,
    options_of,
    rounding_of_options,
    rounding_options,
)
from scalesearch.cli.terminal import Choice, echo, fits, print_narrow, terminal
from scalesearch.commands.describe.run import DescribeSettings, described, lengths
from scalesearch.networks.baselines import VARIANTS, built_in, network_toml, published_networks
from scalesearch.networks.cost import Row, count, rows
from scalesearch.networks.spec import Arch, ArchSpec, CodeSpec, blamed_on, require_resolution
from scalesearch.page.columns import Cell
from scalesearch.study.settings import StagesSettings
from scalesearch.training.recipe import (
    MEANINGS,
    NETWORKS_OWN,
    OF_NETWORK,
    RECIPES,
    ProxyRecipe,
    recipe_toml,
    recipe_values,
)

if TYPE_CHECKING:
    from rich.table import Table

# In a narrow terminal, over two lines.
SHORT_HEADS = {"channels": "chan-\nnels", "repeats": "re-\npeats", "activations": "activa-\ntions"}

# What help calls them here, and how each is read.
FORMS = {"recipe": Form(RECIPE), "size": Form(INPUT_SIZE)}

COLUMNS = (
    *("name", "operator", "input_height", "input_width", "stride", "channels", "repeats"),
    *("params", "macs", "activations", "scaled"),
)

LISTED = {
    "name": Cell(left=True),
    "resolution": Cell("{:d} px"),
    "blocks": Cell("{:d}"),
    "params": Cell("{:,d}"),
    "macs": Cell("{:,d}"),
    "what": Cell(),
}

CODE_COLUMNS = {
    "name": Cell(left=True),
    "depth": Cell("{:g}"),
    "width": Cell("{:g}"),
    "input_height": Cell("{:d}"),
    "input_width": Cell("{:d}"),
    "layers": Cell("{:,d}"),
    "params": Cell("{:,d}"),
    "macs": Cell("{:,d}"),
    "activations": Cell("{:,d}"),
}


@click.command(cls=Command)
@click.argument("network", type=NETWORK, metavar="NETWORK", required=False)
@options_of(DescribeSettings, above=StagesSettings, forms=FORMS)
@STAGES
@rounding_options
@option(
    "--format",
    "output_format",
    type=Choice(("table", "toml", "csv", "json")),
    default="table",
    help="table: to read. toml: a file that --baseline takes, or --recipe. csv, json: the table's rows.",
)
def describe(network: str | Arch | None, output_format: str, **options: Any) -> None:
    """Print NETWORK as a table like the paper's Table 1: its blocks, what they read and what they cost.

    NETWORK is a built-in one by its name, or a .toml file. Without NETWORK all built-in ones are listed. Of
    your own code (package.module:function) only the cost of the whole can be told.

    --format toml prints it as a file that you can change and use as a baseline: scaling multiplies its
    repeats (depth) and its channels (width).

    --recipe NAME prints how networks are trained instead: by a built-in recipe (steady, quick, paper) or a
    file of your own. With --format toml that is a file to change and to train by.

    \b
    Examples:
      scalesearch describe
      scalesearch describe efficientnet-b0
      scalesearch describe lite3
      scalesearch describe mobilenet-v2 --width 0.75 --resolution 160
      scalesearch describe resnet-18 --stem-stride 1 --resolution 32x32 --classes 10
      scalesearch describe efficientnetv2-s --stages depth=0,1,1,1,1.5,2 --depth 1.4
      scalesearch describe resnet-50 --format toml > my_net.toml
      scalesearch grid --baseline my_net.toml
      scalesearch describe --recipe steady --format toml > mine.toml
      scalesearch grid --recipe mine.toml
    """
    recipe = options["recipe"]
    if recipe is not None:
        _require_recipe_alone()
        _describe_recipe(RECIPES[recipe] if isinstance(recipe, str) else recipe, output_format)
        return
    if network is None:
        _list_networks(output_format)
        return
    settings = DescribeSettings(**{field.name: options[field.name] for field in fields(DescribeSettings)})
    with blamed_on("`network`"):
        arch = described(network, settings, rounding_of_options(options))
    require_resolution(arch, "resolution")
    if isinstance(arch, CodeSpec):
        _describe_code(arch, output_format)
    elif output_format == "toml":
        echo(network_toml(arch), nl=False)
    elif output_format == "table":
        _print(arch)
    else:
        from scalesearch.cli.terminal import print_table  # pandas takes a second to load
        from scalesearch.page.tables import frame

        print_table(frame([_plain(row) for row in rows(arch)], COLUMNS), output_format)


def _options_of_a_network() -> Iterator[str]:
    """What is on the command line and says something of a network."""
    context = click.get_current_context()
    for param in context.command.params:
        typed = context.get_parameter_source(str(param.name)) is ParameterSource.COMMANDLINE
        if typed and param.name not in ("recipe", "output_format"):
            yield "NETWORK" if param.name == "network" else param.opts[0]


def _require_recipe_alone() -> None:
    """Refuses what says something of a network beside --recipe."""
    for name in _options_of_a_network():
        raise Fail(f"--recipe must be given without {name}: a recipe is no network's")


def _list_networks(output_format: str) -> None:
    """Every network that goes by a name: the baselines, what was published of two of them, the variants."""
    from scalesearch.cli.terminal import print_table  # pandas takes a second to load
    from scalesearch.page.tables import frame

    for name in _options_of_a_network():
        raise Fail(f"NETWORK must be given with {name}, such as b0")
    if output_format == "toml":
        raise Fail("NETWORK must be given with --format toml, such as b0")
    named = [
        *((name, "baseline", arch) for name, arch in built_in().items() if name not in VARIANTS),
        *((name, "published", published.arch()) for name, published in published_networks().items()),
        *((name, VARIANTS[name].title, variant.arch) for name, variant in VARIANTS.items()),
    ]
    networks = [
        {"name": name, "resolution": arch.resolution, "blocks": arch.blocks, **_costs(arch), "what": what}
        for name, what, arch in named
    ]
    print_table(frame(networks, tuple(LISTED)), output_format, columns=LISTED)


def _costs(arch: ArchSpec) -> dict[str, int]:
    cost = count(arch)
    return {"params": cost.params, "macs": cost.macs}


def _describe_recipe(recipe: ProxyRecipe, output_format: str) -> None:
    values, lasting = recipe_values(recipe), lengths(recipe)
    if output_format == "toml":
        echo(recipe_toml(recipe), nl=False)
    elif output_format == "json":
        echo(json.dumps({"recipe": values, "lengths": lasting}, indent=2))
    elif output_format == "csv":
        import pandas as pd

        from scalesearch.cli.terminal import print_table

        rows = [{"value": name, "is": values.get(name), "means": MEANINGS[name]} for name in MEANINGS]
        print_table(pd.DataFrame(rows), output_format)
    else:
        _print_recipe(recipe, lasting)


def _print_recipe(recipe: ProxyRecipe, lasting: list[dict[str, Any]]) -> None:
    from rich.table import Table

    whose = "comes with scalesearch" if recipe.name in RECIPES else "a recipe of your own"
    table = Table(title=f"{recipe.name} ({whose})", title_justify="left", box=None, pad_edge=False)
    table.add_column("value", no_wrap=True)
    table.add_column("is", no_wrap=True)
    table.add_column("what it means", overflow="fold")
    for name, meaning in MEANINGS.items():
        value = getattr(recipe, name)
        unset = NETWORKS_OWN if name in OF_NETWORK else "-"
        shown = unset if value is None else str(value).lower() if isinstance(value, bool) else str(value)
        table.add_row(name, shown, meaning)
    console = terminal()
    console.print(table)
    for row in lasting:
        where = "" if row["device"] == "any" else f" (the default on {row['device']})"
        passes = f" in passes of {row['pass_images']}" if recipe.accumulation > 1 else ""
        average = (
            "the weights themselves are judged"
            if row["average_steps"] is None
            else f"the judged average looks back over about {row['average_steps']:,g} steps (decay "
            f"{row['average_decay']:.6g})"
        )
        looks = ", ".join(f"{images:,}" for images in row["looks_at"])
        echo(
            f"\n{row['images']:,} images{where}: {row['steps']:,} steps of {recipe.batch_size:,}{passes}, "
            f"{row['epochs_of_photographs']:,.3g} epochs of the photographs; the rate peaks at "
            f"{row['peak_rate']:.4g}; {average}; looks after {looks} images"
        )


def _plain(row: Row) -> dict[str, Any]:
    height, width = row.input_size
    return asdict(row) | {"input_height": height, "input_width": width}


def _describe_code(arch: CodeSpec, output_format: str) -> None:
    if output_format == "toml":
        raise Fail("--format must be table, csv or json for a network of your own code, got 'toml'")
    import pandas as pd

    from scalesearch.cli.terminal import print_table

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
    console = terminal()
    table = _table(arch)
    if fits(console, table):
        console.print(table)
    else:
        print_narrow(console, _table(arch, narrow=True))


def _table(arch: ArchSpec, *, narrow: bool = False) -> Table:
    """The network's table; a narrow one has short numbers, and operators that go on in the next line."""
    from rich.table import Table

    from scalesearch.page.markdown import si

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
    by_stage = any(stage.has_exponents for stage in arch.stages)
    if by_stage:
        table.add_column("scaled by", no_wrap=True)
    for row in rows(arch):
        costs = (row.params, row.macs, row.activations)
        table.add_row(
            *(row.name, row.operator, ("x" if narrow else " x ").join(map(str, row.input_size))),
            *(f"{number:d}" for number in (row.stride, row.channels, row.repeats)),
            *(si(number) if narrow else f"{number:,d}" for number in costs),
            *([row.scaled] if by_stage else ()),
        )
    return table

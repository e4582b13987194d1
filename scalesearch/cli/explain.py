"""``scalesearch explain``: why the numbers disagree."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import fields
from functools import cache, partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from scalesearch.cli.help import Command, option
from scalesearch.cli.main import Fail
from scalesearch.cli.options import (
    NETWORK,
    STAGES,
    given_rules,
    options_of,
    rounding_of_options,
    rounding_options,
)
from scalesearch.cli.terminal import Choice, Place, echo, terminal
from scalesearch.commands.explain.run import ExplainSettings, explained, variant_alone
from scalesearch.errors import FolderError
from scalesearch.networks.baselines import VARIANTS, published_network
from scalesearch.networks.spec import Arch, blamed_on
from scalesearch.study.settings import StagesSettings

if TYPE_CHECKING:
    import pandas as pd

    from scalesearch.commands.explain.view import Section


class _What(click.ParamType[str | Arch]):
    """A published network's name as it is; any other network as elsewhere."""

    name = "network"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str | Arch:
        if isinstance(value, str) and published_network(value) is not None:
            return value
        return NETWORK.convert(value, param, ctx)


@click.command(cls=Command)
@click.argument("network", metavar="WHAT", type=_What(), required=False)
@option("--variant", metavar="NAME", help="Instead of WHAT: in what a variant differs from the paper's.")
@option("--list", "list_variants", is_flag=True, help="The variants that there are.")
@options_of(ExplainSettings, above=StagesSettings)
@STAGES
@rounding_options
@option(
    "--format",
    "output_format",
    type=Choice(("table", "csv", "json", "markdown")),
    default="table",
    help="table, markdown: everything, to read. csv: the rows of the network, or a variant's differences. "
    "json: all numbers.",
)
@option(
    "--out",
    type=Place(file_okay=False),
    metavar="DIR",
    help="Folder for explain.md and a CSV file of each table.  [default: none is written]",
)
def explain(
    network: str | Arch | None,
    variant: str | None,
    list_variants: bool,
    output_format: str,
    out: Path | None,
    **options: Any,
) -> None:
    """Why WHAT costs what it does, and why others say another number.

    WHAT is a published network (b0 to b8, l2, lite0 to lite4), a baseline or a variant by its name, a .toml
    file, or code of yours (package.module:function). It is explained as published, or as it is, or scaled by
    the multipliers --depth, --width and --resolution, or by the coefficients --alpha, --beta and --gamma at
    --phi.

    Says which phi each dimension implies, what each rounding did to each row, how the nominal ratio became
    the realised one, and what fvcore, torch, timm, TensorFlow and the paper would count.

    \b
    Examples:
      scalesearch explain b4
      scalesearch explain lite3 --format markdown
      scalesearch explain mobilenet-v2 --alpha 1.2 --beta 1.1 --gamma 1.15 --phi 2
      scalesearch explain efficientnet-b0 --depth 1.4 --repeats-rule round
      scalesearch explain --variant blog
    """
    if list_variants:
        if network is not None or variant is not None:
            raise Fail("--list must stand alone: it lists the variants, got a network too")
        for known in VARIANTS.values():
            echo(f"{known.name:<22}{known.title}")
        return
    if (network is None) == (variant is None):
        raise Fail(
            "WHAT must be one network, or --variant NAME in its place, got "
            + ("neither: scalesearch explain b4" if network is None else "both")
        )
    settings = ExplainSettings(**{field.name: options[field.name] for field in fields(ExplainSettings)})
    if variant is not None:
        from scalesearch.commands.explain.view import variant_tables, variant_text

        chosen = variant_alone(variant, settings, given_rules(options))
        title, tables = f"{chosen.name}: {chosen.title}", cache(partial(variant_tables, chosen))
        answer, sections = variant_text(chosen)
    else:
        assert network is not None  # as either is given
        from scalesearch.commands.explain.view import explanation_tables, explanation_text

        with blamed_on("WHAT"):
            explanation, published = explained(network, settings, rounding_of_options(options))
            answer, sections = explanation_text(explanation, published)
        title, tables = explanation.arch.name, cache(partial(explanation_tables, explanation, published))
    _show(title, answer, sections, tables, output_format)
    if out is not None:
        _write(out, title, answer, sections, tables())
        echo(f"Page: {out / 'explain.md'}", err=True)


def _show(
    title: str,
    answer: str,
    sections: Sequence[Section],
    tables: Callable[[], Mapping[str, pd.DataFrame]],
    output_format: str,
) -> None:
    if output_format == "table":
        _print(title, answer, sections)
    elif output_format == "markdown":
        from scalesearch.cli.options import command_line
        from scalesearch.commands.explain.view import explain_page

        echo(explain_page(title, answer, sections, command_line()), nl=False)
    elif output_format == "csv":
        from scalesearch.cli.terminal import print_table

        found = tables()
        print_table(next(found[name] for name in ("rows", "differences", "network") if name in found), "csv")
    else:
        import json

        plain = {name: json.loads(numbers.to_json(orient="records")) for name, numbers in tables().items()}
        echo(json.dumps(plain, indent=2))


def _print(title: str, answer: str, sections: Sequence[Section]) -> None:
    from rich.padding import Padding
    from rich.table import Table
    from rich.text import Text

    console = terminal()
    console.print(Text(title, style="bold"))
    console.print(Text(answer))
    for section in sections:
        table = Table(title=Text(section.title, style="bold"), title_justify="left", box=None, pad_edge=False)
        for index, name in enumerate(section.header):
            # A number wraps sooner than that a narrow terminal cuts it off.
            table.add_column(name, justify="left" if index < section.left else "right", overflow="fold")
        for row in section.rows:
            table.add_row(*map(Text, row))
        console.print(Padding(table, (1, 0, 0, 0), expand=False))
        if section.note:
            console.print(Text(section.note, style="dim"))


def _write(
    out: Path, title: str, answer: str, sections: Sequence[Section], tables: Mapping[str, pd.DataFrame]
) -> None:
    from scalesearch.cli.options import command_line
    from scalesearch.commands.explain.view import explain_page, write_tables

    try:
        write_tables(out, explain_page(title, answer, sections, command_line()), tables)
    except OSError as error:
        raise FolderError(f"`out` must be a writable folder, got {out}: {error.strerror or error}") from error

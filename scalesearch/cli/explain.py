"""``scalesearch explain``: why the numbers disagree."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import cache, partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from scalesearch.cli.help import Command, option
from scalesearch.cli.main import Fail
from scalesearch.cli.options import NETWORK, STAGES, given_rules, rounding_of_options, rounding_options
from scalesearch.cli.terminal import NUMBER, Choice, Place, echo, terminal
from scalesearch.networks.baselines import (
    BASELINES,
    PAPER_COEFFICIENTS,
    VARIANTS,
    baseline,
    published_network,
)
from scalesearch.networks.spec import Arch, blamed_on, with_exponents
from scalesearch.scaling import Coefficients, Multipliers
from scalesearch.text import near

if TYPE_CHECKING:
    import pandas as pd

    from scalesearch.commands.explain.view import Section
    from scalesearch.networks.baselines import PublishedNetwork
    from scalesearch.networks.explaining import Explanation

MULTIPLIERS = ("depth", "width", "resolution")
COEFFICIENTS = ("alpha", "beta", "gamma")
SHARPEST = 16.0
"""A resolution multiplier above this is taken for pixels."""


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
@option("--depth", type=NUMBER, help="Times as deep.  [default: 1]")
@option("--width", type=NUMBER, help="Times as wide.  [default: 1]")
@option("--resolution", type=NUMBER, help="Times as sharp, not pixels.  [default: 1]")
@option("--alpha", type=NUMBER, help="Depth coefficient, >= 1.  [default: 1.2, the paper's]")
@option("--beta", type=NUMBER, help="Width coefficient, >= 1.  [default: 1.1, the paper's]")
@option("--gamma", type=NUMBER, help="Resolution coefficient, >= 1.  [default: 1.15, the paper's]")
@option("--phi", type=NUMBER, help="Scale WHAT by the coefficients at this exponent.")
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
        for known in VARIANTS.values():
            echo(f"{known.name:<22}{known.title}")
        return
    if (network is None) == (variant is None):
        raise Fail(
            "WHAT must be one network, or --variant NAME in its place, got "
            + ("neither" if network is None else "both")
        )
    if variant is not None:
        from scalesearch.commands.explain.view import variant_tables, variant_text

        chosen = _variant(variant, options)
        title, tables = f"{chosen.name}: {chosen.title}", cache(partial(variant_tables, chosen))
        answer, sections = variant_text(chosen)
    else:
        assert network is not None  # as either is given
        from scalesearch.commands.explain.view import explanation_tables, explanation_text

        with blamed_on("WHAT"):
            explanation, published = _explained(network, options)
            answer, sections = explanation_text(explanation, published)
        title, tables = explanation.arch.name, cache(partial(explanation_tables, explanation, published))
    _show(title, answer, sections, tables, output_format)
    if out is not None:
        _write(out, title, answer, sections, tables())
        echo(f"Page: {out / 'explain.md'}", err=True)


def _variant(name: str, options: Mapping[str, Any]) -> Any:
    """The variant of that name; other options than its name change nothing and are refused."""
    if name not in VARIANTS:
        titles = "; ".join(f"{known.name} ({known.title})" for known in VARIANTS.values())
        raise Fail(f"--variant must be one of {titles}; got {name!r}{near(name, VARIANTS)}")
    given = [option for option in (*MULTIPLIERS, *COEFFICIENTS, "phi") if options[option] is not None]
    if given:
        raise Fail(
            f"--{given[0]} must be left out with --variant, got {options[given[0]]:g}; "
            f"scalesearch explain {name} --{given[0]} ... scales it"
        )
    if options["stages"]:
        raise Fail(
            f"--stages must be left out with --variant, got {options['stages'][0]}: it has its own rules"
        )
    if rules := given_rules(options):
        rule, value = next(iter(rules.items()))
        option = f"--{rule.replace('_', '-')}"
        raise Fail(
            f"{option} must be left out with --variant, got {value}; scalesearch explain {name} {option} ... "
            "rounds by it"
        )
    return VARIANTS[name]


def _explained(what: str | Arch, options: Mapping[str, Any]) -> tuple[Explanation, PublishedNetwork | None]:
    """The explanation that is asked for, with the network's published row where it has one."""
    from scalesearch.networks.explaining import explain as explain_network

    rounding = rounding_of_options(options)
    coefficients = _coefficients(options)
    asked = _multipliers(options, coefficients)
    row = published_network(what) if isinstance(what, str) else None
    stages = options["stages"]
    if stages and isinstance(what, str) and what in VARIANTS:
        raise Fail(
            f"--stages must be left out for {what}, whose rounding goes with its name, got {stages[0]}"
        )
    if row is not None and asked is None:
        explanation = explain_network(
            with_exponents(BASELINES[row.baseline], stages),
            row.multipliers,
            rounding,
            coefficients,
            resolution=row.resolution,
            name=f"{'my-' if stages else ''}efficientnet-{row.name}",
        )
        return explanation, None if stages else row
    base = row.arch() if row is not None else baseline(what) if isinstance(what, str) else what
    base = with_exponents(base, stages)
    multipliers = asked or Multipliers()
    values = (multipliers.depth, multipliers.width, multipliers.resolution)
    name = base.name if asked is None else f"{base.name}:{','.join(f'{value:.4g}' for value in values)}"
    return explain_network(base, multipliers, rounding, coefficients, name=name), None


def _coefficients(options: Mapping[str, Any]) -> Coefficients:
    """Those that were given, or the paper's."""
    given = {name: options[name] for name in COEFFICIENTS if options[name] is not None}
    if not given:
        return PAPER_COEFFICIENTS
    if missing := [name for name in COEFFICIENTS if name not in given]:
        raise Fail(f"--{missing[0]} must be given where --{next(iter(given))} is: the three go together")
    return Coefficients(**given)


def _multipliers(options: Mapping[str, Any], coefficients: Coefficients) -> Multipliers | None:
    """What the network is to be scaled by; None where nothing was said."""
    given = {name: options[name] for name in MULTIPLIERS if options[name] is not None}
    if options["phi"] is not None:
        if given:
            raise Fail(f"--phi must be left out where --{next(iter(given))} is given, got {options['phi']:g}")
        if options["alpha"] is None:
            raise Fail(
                f"--phi must come with --alpha, --beta and --gamma, got {options['phi']:g} without them"
            )
        return coefficients.at(options["phi"])
    if (sharper := given.get("resolution", 1.0)) > SHARPEST:
        raise Fail(f"--resolution must be a multiplier such as 1.15, not pixels, got {sharper:g}")
    return Multipliers(**given) if given else None


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
        raise Fail(f"--out must be a writable folder, got {out}: {error.strerror or error}") from error

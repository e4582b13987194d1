"""What the commands take that search a grid, or repair networks to a budget."""

from __future__ import annotations

from collections.abc import Sequence

import click

from scalesearch.cli.options import MEMORY, Decorator, group
from scalesearch.cli.terminal import NUMBER, Choice, Whole
from scalesearch.study.grid_plan import CONSTRAINTS, MATCH_BY, MATCHES, GridSettings

DEFAULT = GridSettings()


def _bound(name: str, end: str) -> Decorator:
    field = f"{name}_{end}"
    return click.option(
        f"--{name}-{end}",
        type=NUMBER,
        default=getattr(DEFAULT, field),
        show_default=True,
        help=f"{'Least' if end == 'min' else 'Greatest'} {name} on the grid.",
    )


def match_options(kinds: Sequence[str], default: str) -> Decorator:
    """--match, with these budgets and this default, and how it is done."""
    return group(
        click.option(
            "--match",
            type=Choice(kinds),
            default=default,
            show_default=True,
            help="Repair each network so that all spend the same of this, 2^phi times the baseline: MACs, "
            "parameters, activations, memory, or measured latency (where it is offered); none keeps the "
            "networks as the rule and its rounding make them, as your own code is kept unless this is given. "
            f"{MEMORY}",
        ),
        click.option(
            "--match-by",
            type=Choice(MATCH_BY),
            default=DEFAULT.match_by,
            show_default=True,
            help="The dimensions that are solved for, in this order. auto: for macs all three together, so "
            "that depth, width and resolution get the shares of the cost that the coefficients ask for; for "
            "params the width alone, for latency the resolution alone, for the others, and for macs of your "
            "own code, the resolution, then the width for what whole pixels leave.",
        ),
        click.option(
            "--budget-tolerance",
            type=NUMBER,
            default=DEFAULT.budget_tolerance,
            show_default=True,
            help="How far from a budget a network may be, relative to it; farther ones are not trained.",
        ),
    )


networks_options = group(
    click.option(
        "--max-networks",
        type=Whole(min=0),
        default=DEFAULT.max_networks,
        show_default=True,
        help="Train at most this many distinct networks (of each round), spread as far apart as can be; 0 "
        "trains all.",
    ),
    click.option(
        "--anchor",
        default=DEFAULT.anchor,
        show_default=True,
        help="A triple that is trained in any case if the grid holds it, or none.",
    ),
)

grid_points_options = group(
    _bound("alpha", "min"),
    _bound("alpha", "max"),
    _bound("beta", "min"),
    _bound("beta", "max"),
    _bound("gamma", "min"),
    _bound("gamma", "max"),
    click.option(
        "--step", type=NUMBER, default=DEFAULT.step, show_default=True, help="Distance of grid points."
    ),
    click.option(
        "--tolerance",
        type=NUMBER,
        default=DEFAULT.tolerance,
        show_default=True,
        help="Greatest |alpha * beta^2 * gamma^2 - 2|. Below 0.08 the paper's own (1.2, 1.1, 1.15) is out.",
    ),
)


def budget_options(match: str) -> Decorator:
    """--constraint and --match, the latter with this default."""
    return group(
        click.option(
            "--constraint",
            type=Choice(CONSTRAINTS),
            default=DEFAULT.constraint,
            show_default=True,
            help="What a grid point must meet: the paper's product of coefficients, or a budget that the "
            "network as built must spend to within --budget-tolerance of 2^phi times the baseline; nothing "
            "is matched then, unless --match asks for it.",
        ),
        match_options(MATCHES, match),
    )

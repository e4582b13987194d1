"""What the commands take that search a grid, or repair networks to a budget."""

from __future__ import annotations

from collections.abc import Sequence

from scalesearch.cli.help import Topic, option
from scalesearch.cli.options import MEMORY, Decorator, group
from scalesearch.cli.terminal import NUMBER, Choice, Whole
from scalesearch.study.grid_plan import CONSTRAINTS, MATCH_BY, MATCHES, GridSettings

DEFAULT = GridSettings()


def _bound(name: str, end: str) -> Decorator:
    field = f"{name}_{end}"
    return option(
        f"--{name}-{end}",
        group=Topic.SPACE,
        type=NUMBER,
        default=getattr(DEFAULT, field),
        help=f"{'Least' if end == 'min' else 'Greatest'} {name} on the grid.",
    )


def match_options(kinds: Sequence[str], default: str) -> Decorator:
    """--match, with these budgets and this default, and how it is done."""
    return group(
        option(
            "--match",
            group=Topic.BUDGET,
            type=Choice(kinds),
            default=default,
            help="What all networks spend alike: each is adjusted until it costs 2^phi times the baseline "
            "in MACs, parameters, activations, memory or measured latency (where it is offered). none "
            "keeps the networks as the rule and its rounding make them; so is your own code kept unless "
            "this is given.",
            more=MEMORY,
        ),
        option(
            "--match-by",
            group=Topic.BUDGET,
            type=Choice(MATCH_BY),
            default=DEFAULT.match_by,
            help="What is adjusted to get there, in this order. auto: for macs all three dimensions "
            "together, so that depth, width and resolution get the shares of the cost that the "
            "coefficients ask for; for params the width, for latency the resolution, for the others, and "
            "for macs of your own code, the resolution, then the width for what whole pixels leave.",
        ),
        option(
            "--budget-tolerance",
            group=Topic.BUDGET,
            type=NUMBER,
            default=DEFAULT.budget_tolerance,
            help="How far a network may be from what it should cost, as a part of that; farther ones are "
            "not trained.",
        ),
    )


networks_options = group(
    option(
        "--max-networks",
        group=Topic.BUDGET,
        type=Whole(min=0),
        default=DEFAULT.max_networks,
        help="Train at most so many different networks, spread as far apart as can be; 0 trains all of the "
        "grid.",
    ),
    option(
        "--anchor",
        group=Topic.SPACE,
        default=DEFAULT.anchor,
        metavar="TRIPLE",
        help="A point of the grid that is trained in any case, as alpha,beta,gamma, or none.",
    ),
)

grid_points_options = group(
    _bound("alpha", "min"),
    _bound("alpha", "max"),
    _bound("beta", "min"),
    _bound("beta", "max"),
    _bound("gamma", "min"),
    _bound("gamma", "max"),
    option(
        "--step", group=Topic.SPACE, type=NUMBER, default=DEFAULT.step, help="Distance between grid points."
    ),
    option(
        "--tolerance",
        group=Topic.SPACE,
        type=NUMBER,
        default=DEFAULT.tolerance,
        help="Greatest |alpha * beta^2 * gamma^2 - 2|. Below 0.08 the paper's own (1.2, 1.1, 1.15) is out.",
    ),
)


def budget_options(match: str) -> Decorator:
    """--constraint and --match, the latter with this default."""
    return group(
        option(
            "--constraint",
            group=Topic.BUDGET,
            type=Choice(CONSTRAINTS),
            default=DEFAULT.constraint,
            help="Which grid points count. product: those whose alpha * beta^2 * gamma^2 is within "
            "--tolerance of 2. The others: those whose network as built costs 2^phi times the baseline, to "
            "within --budget-tolerance; no network is adjusted then, unless --match asks for it.",
        ),
        match_options(MATCHES, match),
    )

"""--budget and --law: what a network may spend, in its own unit, and what predicts its latency."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from scalesearch.cli.options import MEMORY, group
from scalesearch.cli.terminal import echo
from scalesearch.records.law import CostLaw
from scalesearch.records.timing import Setup

__all__ = ["resolve_spending", "spending_options"]


class _Law(click.ParamType[Path | tuple[str, ...]]):
    """The place of a law, or the law itself as a run.toml keeps it."""

    name = "law"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> Path | tuple[str, ...]:
        return tuple(map(str, value)) if isinstance(value, list | tuple) else Path(value)


spending_options = group(
    click.option(
        "--budget",
        default="",
        metavar="KIND=AMOUNT",
        help="What the full-size network may spend: latency=12ms, macs=800M, params=5M, activations=20M or "
        f"memory=2GiB. {MEMORY} A latency is predicted by this machine's cost law, for one image "
        "on all cores unless it says so: latency=12ms@batch=8,threads=2.",
    ),
    click.option(
        "--law",
        type=_Law(),
        metavar="PATH",
        help="The cost law of a budget of latency: a law.json or its folder, also another machine's.  "
        "[default: reports/law-MACHINE of this one, as scalesearch law writes it]",
    ),
)


def resolve_spending(options: dict[str, Any]) -> dict[str, Any]:
    """The options with the law that a budget of latency needs read, and without one that nothing needs.

    Raises:
        ValueError: if the budget is none, or no law of its setup is there.
    """
    from scalesearch.search.spending import law_texts, parse_spending

    law = options["law"]
    if not options["budget"]:
        if law:  # a run.toml's may be empty
            raise ValueError(f"`law` must be given with a budget of latency, got {law} without budget")
        return options | {"law": ()}
    asked = parse_spending(options["budget"])
    if asked.kind != "latency":
        return options | {"law": ()}
    if isinstance(law, tuple):  # a run.toml's
        return options | {"law": law}
    from scalesearch.cli.laws import find_law
    from scalesearch.measure.machine import describe, usable_cores

    setup = Setup(**{"device": options["device"], "threads": usable_cores(), **asked.setup})
    found = find_law(law, setup, same_layout="channels_last" in asked.setup)
    _say(found, asked.target, describe(found.setup.device).key)
    return options | {"law": law_texts(found)}


def _say(law: CostLaw, target_s: float, own: str) -> None:
    """What a law's latency is worth, on standard error."""
    from scalesearch.belief.law import errors

    whose = "this machine" if law.machine == own else f"the machine {law.machine} (this one is {own})"
    held_out = (
        f"; half of the networks it never saw are within {errors(law).median:.0%}" if law.held_out else ""
    )
    echo(f"Latency by the law of {whose}: {law.setup.label}{held_out}", err=True)
    low, high = law.spread
    if law.held_out and not low <= target_s <= high:
        echo(
            f"Note: {1e3 * target_s:.3g} ms lies outside the {1e3 * low:.3g} to {1e3 * high:.3g} ms that it "
            "rests on: an extrapolation",
            err=True,
        )

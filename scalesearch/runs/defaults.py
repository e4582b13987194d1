"""What settings are where nobody says: by the recipe, the kind of device, the machine and each other."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from scalesearch.errors import ScalesearchError
from scalesearch.runs.telling import say
from scalesearch.study.grid_plan import (
    MOST_SEEDS,
    REGRET_ON_CPU,
    REGRET_ON_GPU,
    SEEDS_ON_CPU,
    SEEDS_ON_GPU,
    GridSettings,
)
from scalesearch.study.settings import AT_ONCE, TrainingSettings
from scalesearch.training.recipe import ACCELERATORS, RECIPES, default_images
from scalesearch.workers.engines import is_here, resources_of
from scalesearch.workers.tracking import missing_package

if TYPE_CHECKING:
    from scalesearch.records.timings import CostLaw

MOST_PROCESSES = 8
MOST_SIDE_BY_SIDE = 16


def training_defaults(options: Mapping[str, Any]) -> dict[str, Any]:
    """The options with every default filled in that depends on others, on the machine or the engine.

    Args:
        options: fields of ``TrainingSettings`` by name. ``images``, ``epochs``, ``jobs``, ``threads``,
            ``batch_size``, ``baseline_resolution`` and ``baseline_width`` may be None, ``device`` may be
            ``auto``.

    Raises:
        ScalesearchError: if a tracker or an engine is asked for that isn't installed, or nobody answers at
            the engine's address.
    """
    from scalesearch.hardware.device import auto_device
    from scalesearch.hardware.machine import usable_cores

    filled = dict(options)
    if (tracker := filled.get("track")) and (missing := missing_package(tracker)):
        raise ScalesearchError(f"`track` must name a tracker that is installed, got {tracker}, {missing}")
    recipe = filled["recipe_values"] or RECIPES[filled["recipe"]]
    if filled["images"] is None and filled["epochs"] is None:
        filled["images"], filled["epochs"] = recipe.images, recipe.epochs
    elsewhere = None if is_here(filled.get("executor")) else resources_of(filled["executor"])
    cores = usable_cores()
    device = filled["device"]
    if device == "auto":
        device = auto_device() if elsewhere is None else elsewhere.device
    if filled["images"] is None and filled["epochs"] is None:
        filled["images"] = default_images(device)
    if elsewhere is None:
        jobs = filled["jobs"] or default_jobs(device)
    else:
        # How cores are shared out is up to the nodes.
        filled["threads"] = filled["threads"] or 1
        jobs = filled["jobs"] or min(elsewhere.jobs(device, filled["threads"]), int(AT_ONCE.most))
    batch_size = filled["batch_size"] or recipe.batch_size
    if filled["recipe_values"] and batch_size != recipe.batch_size:
        # What is kept is what is trained: in how many passes, too.
        filled["recipe_values"] = recipe.at_batch(batch_size)
    if filled["baseline_width"] is None:
        # A user's own code is trained at its own width.
        own = getattr(filled.get("baseline_arch"), "code", "")
        filled["baseline_width"] = 1.0 if own else TrainingSettings().baseline_width
    return filled | {
        "batch_size": batch_size,
        "baseline_resolution": filled["baseline_resolution"] or TrainingSettings().baseline_resolution,
        "device": device,
        "jobs": jobs,
        # Small networks train best on one thread each; jobs share the cores out as they say.
        "threads": filled["threads"] or (max(1, cores // jobs) if filled["jobs"] else 1),
    }


def default_jobs(device: str) -> int:
    """How many networks train at a time where nobody says: on accelerators at most, on a CPU always."""
    from scalesearch.hardware.device import resolve_devices
    from scalesearch.hardware.machine import usable_cores

    if device == "cpu":
        return min(usable_cores(), MOST_PROCESSES)
    try:
        return MOST_SIDE_BY_SIDE * len(resolve_devices(device))
    except ValueError:  # which is told where the device is needed
        return MOST_SIDE_BY_SIDE


def require_size(phis: Iterable[float], budget: object = "", *, given: bool = True) -> None:
    """Refuses to search where every network is the baseline, and a size said in two ways.

    Args:
        phis: to search at.
        budget: as the settings have it; empty where nobody gave one.
        given: whether somebody gave the phis.

    Raises:
        ScalesearchError: if a phi is 0 without a budget, or given beside one, which says itself how much.
    """
    phis = tuple(phis)
    if budget and given:
        shown = ",".join(f"{phi:g}" if isinstance(phi, float) else str(phi) for phi in phis)
        raise ScalesearchError(
            f"`phi` must be left out beside `budget`, which says itself how much compute, got {shown} beside "
            f"{budget}"
        )
    if not budget and 0 in phis:
        raise ScalesearchError(
            "`phi` must be another number than 0 for a search, got 0: any coefficient to the power of 0 "
            "is 1, so every network is the baseline; 1 asks for twice its compute, -1 for half"
        )


def grid_defaults(options: Mapping[str, Any]) -> dict[str, Any]:
    """The options of a grid with how many designs, and how sure an answer, by the device and the time.

    Args:
        options: fields of ``GridSettings``, of which ``seeds``, ``regret``, ``max_networks`` and
            ``time_budget`` may be None; ``device`` is resolved.

    Raises:
        ScalesearchError: if rungs and a time are both to say what is trained.
    """
    rungs, time_budget = options["rungs"], options["time_budget"] or 0.0
    if rungs and time_budget:
        raise ScalesearchError(
            "`time_budget` says how many whole designs are trained: give it or `rungs`, not both"
        )
    accelerated = options["device"].partition(":")[0] in ACCELERATORS
    seeds = options["seeds"] or (MOST_SEEDS if time_budget else SEEDS_ON_GPU if accelerated else SEEDS_ON_CPU)
    regret, networks = options["regret"], options["max_networks"]
    if regret is None and not rungs:
        regret = REGRET_ON_GPU if accelerated else REGRET_ON_CPU
    if networks is None:
        # Rungs say themselves how many networks there are.
        networks = 0 if rungs else GridSettings().max_networks
    return {
        **options,
        "seeds": seeds,
        "regret": regret,
        "max_networks": networks,
        "time_budget": time_budget,
    }


def spending_defaults(options: Mapping[str, Any]) -> dict[str, Any]:
    """The options with the law that a budget of latency needs read, and without one that nothing needs.

    Args:
        options: with ``budget``, ``device``, and ``law``: the path of a law.json or of a folder with one,
            the text of one, or nothing for this machine's own.

    Raises:
        ValueError: if the budget is none, or no law of its setup is there.
    """
    from scalesearch.records.timings import Setup
    from scalesearch.study.budget import law_texts, parse_spending

    law = options["law"]
    if not options["budget"]:
        if law:  # a run.toml's may be empty
            raise ValueError(f"`law` must be given with a budget of latency, got {law} without budget")
        return {**options, "law": ()}
    asked = parse_spending(options["budget"])
    if asked.kind != "latency":
        return {**options, "law": ()}
    if isinstance(law, tuple):  # a run.toml's
        return {**options, "law": law}
    from scalesearch.hardware.machine import describe, usable_cores
    from scalesearch.runs.laws import find_law

    setup = Setup(**{"device": options["device"], "threads": usable_cores(), **asked.setup})
    found = find_law(law, setup, same_layout="channels_last" in asked.setup)
    _say_law(found, asked.target, describe(found.setup.device).key)
    return {**options, "law": law_texts(found)}


def _say_law(law: CostLaw, target_s: float, own: str) -> None:
    """What a law's latency is worth."""
    from scalesearch.statistics.law import errors

    whose = "this machine" if law.machine == own else f"the machine {law.machine} (this one is {own})"
    held_out = (
        f"; half of the networks it never saw are within {errors(law).median:.0%}" if law.held_out else ""
    )
    say(f"Latency by the law of {whose}: {law.setup.label}{held_out}")
    low, high = law.spread
    if law.held_out and not low <= target_s <= high:
        say(
            f"Note: {1e3 * target_s:.3g} ms lies outside the {1e3 * low:.3g} to {1e3 * high:.3g} ms that it "
            "rests on: an extrapolation"
        )

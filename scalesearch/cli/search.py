"""``scalesearch search``: a sampler instead of a grid."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from scalesearch.cli.help import Command
from scalesearch.cli.options import (
    command_line,
    config_option,
    dry_run_option,
    format_option,
    options_of,
    out_option,
    require_match,
    require_phi,
    resolve_spending,
    resolve_training,
    training_options,
)
from scalesearch.commands.search.run import (
    SearchSettings,
    plan_search,
    with_examples,
    with_reward_target,
)
from scalesearch.study.settings import TrainingSettings


@click.command(cls=Command)
@config_option
@options_of(SearchSettings, above=TrainingSettings)
@dry_run_option("Print what would be trained, its time and memory, and train nothing.")
@training_options(SearchSettings)
@out_option("reports/search-BASELINE-phiPHI")
@format_option
def search(phi: float, out: Path | None, output_format: str, dry_run: bool, **options: Any) -> None:
    """STEP 1 without a grid: a sampler suggests how to share the compute.

    A suggestion is three shares that add up to 1: a of the growth in cost for depth, b for width, c for
    resolution. Then alpha = 2^a, beta = 2^(b/2), gamma = 2^(c/2), and alpha * beta^2 * gamma^2 is 2
    exactly: no suggestion is wasted. All samplers but random and qmc learn from the results before.

    Writes trials.csv, front.csv, runs.csv, report.md, figures/, run.toml and study.db (an Optuna study).
    Calling it again with the same settings, or `scalesearch resume DIR`, goes on where it was stopped, and
    ends with the same suggestions as if it had not been (a measured latency as an objective aside).

    \b
    Examples:
      scalesearch search --phi 1 --trials 20
      scalesearch search --phi 1 --trials 20 --dry-run
      scalesearch search --phi 1 --sampler nsga2 --objectives top1,macs
      scalesearch search --phi 1 --sampler gp --match macs --pruner halving
      scalesearch search --phi -1 --objectives reward
      scalesearch search --budget latency=12ms --trials 20
    """
    require_phi((phi,), options["budget"])
    settings = SearchSettings(**resolve_spending(resolve_training(options)) | {"phi": phi})
    require_match(settings.match)
    from scalesearch.cli.planning import show_plan  # after the checks: it takes a second to load
    from scalesearch.cli.running import show
    from scalesearch.runs.lifecycle import begin_search, carry_on, data_size, default_folder, require_place
    from scalesearch.runs.planning import start_network

    folder = out or default_folder("search", settings)
    if dry_run:
        size = data_size(settings.data)
        settings = with_reward_target(settings, size)
        require_place(folder, default_folder("search", settings).name, "search", settings)
        plan = plan_search(settings, size, start_network(settings, size.classes, folder))
        show_plan(with_examples(plan, settings), settings, output_format)
        return
    with begin_search(folder, settings, command_line()) as run:
        show(carry_on(run), output_format)

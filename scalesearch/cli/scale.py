"""``scalesearch scale``: STEP 2."""

from __future__ import annotations

import time
from dataclasses import fields
from pathlib import Path
from typing import Any

import click
from click.core import ParameterSource

from scalesearch.cli.help import Command
from scalesearch.cli.options import (
    BASELINE_FIELDS,
    baseline_options,
    command_line,
    config_option,
    dry_run_option,
    format_option,
    option_names,
    option_of,
    options_of,
    out_option,
    refuse_without_train,
    resolve_spending,
    resolve_training,
    rounding_options,
)
from scalesearch.cli.terminal import echo, tell_page
from scalesearch.commands.scale.run import FamilyTrainingSettings, ScaleSettings
from scalesearch.fields import default_of
from scalesearch.runs.deriving import derived
from scalesearch.study.settings import BaselineSettings, RoundingSettings, TrainingSettings

# Of the settings of training those that the family itself has too, or that a family is not trained by.
SHARED = (*(field.name for field in fields(ScaleSettings)), "start", "pretrained")
# What asks for networks to be trained, or says how: of no use without --train.
HOW_TO_TRAIN = options_of(FamilyTrainingSettings, of=TrainingSettings, but=SHARED)
TRAINING = ("train_phi", "dry_run", *option_names(HOW_TO_TRAIN))


@click.command(cls=Command)
@config_option
@options_of(FamilyTrainingSettings, above=TrainingSettings, but=("train", "train_phi"))
@baseline_options(ScaleSettings)
@options_of(ScaleSettings, of=BaselineSettings, above=RoundingSettings, but=BASELINE_FIELDS)
@rounding_options
@options_of(ScaleSettings, above=BaselineSettings, but=BASELINE_FIELDS)
@option_of(FamilyTrainingSettings, "train")
@option_of(FamilyTrainingSettings, "train_phi")
@dry_run_option("With --train: print what would be trained and how long it takes, no more.")
@HOW_TO_TRAIN
@out_option(
    "reports/scale-BASELINE, and more for another family; with --train reports/scale-BASELINE-trained"
)
@format_option
def scale(out: Path | None, output_format: str, **options: Any) -> None:
    """STEP 2: the family of networks that ALPHA, BETA and GAMMA make of a baseline as phi rises.

    Depth grows by ALPHA^phi, width by BETA^phi, resolution by GAMMA^phi. Each network is counted in closed
    form and by fvcore, with the nominal cost of the rule beside the real one. For EfficientNet-B0 and
    EfficientNet-Lite0 the published family is rebuilt and set against the rule.

    With --budget the greatest phi is found whose network stays within it: latency=12ms, macs=800M.

    With --train the networks of the family are trained as small proxies, with several seeds, and the page
    says whether accuracy rises with phi, by how much for each doubling of the cost, and how far. The plan
    says first how long each takes. `scalesearch resume DIR` carries on a stopped run.

    Writes family.csv, published.csv, derivation.md and figures/; with --train also trained.csv, run.toml and
    runs.csv (each training run) and study.db.

    \b
    Examples:
      scalesearch scale --phi 0..7
      scalesearch scale --alpha 1.3 --beta 1.1 --gamma 1.1 --phi 0,0.5,1 --latency --out reports/mine
      scalesearch scale --alpha 1.2 --beta 1.1 --gamma 1.15 --budget macs=2G --out reports/within-2g
      scalesearch scale --train --dataset cifar10
      scalesearch scale --train --phi 0..7 --dry-run
    """
    context = click.get_current_context()
    training = {name: options.pop(name) for name in (*TRAINING, "recipe_values")}
    phi_given = context.get_parameter_source("phi") is not ParameterSource.DEFAULT
    options["phi"] = options["phi"] if phi_given or not options["budget"] else (0.0,)
    if options.pop("train"):
        _train(context, out, output_format, options | training, phi_given=phi_given)
    else:
        refuse_without_train(context, TRAINING)
        _derive(out, output_format, options)


def _train(
    context: click.Context, out: Path | None, output_format: str, options: dict[str, Any], *, phi_given: bool
) -> None:
    """The family derived and trained."""
    if context.get_parameter_source("baseline_width") is ParameterSource.DEFAULT:
        options["baseline_width"] = default_of(TrainingSettings, "baseline_width")
    dry_run = options.pop("dry_run")
    resolved = resolve_spending(resolve_training(options))
    from scalesearch.cli.running import show
    from scalesearch.runs.family import begin_family, default_folder, family_settings
    from scalesearch.runs.lifecycle import carry_on

    settings = family_settings(resolved, phi_given=phi_given)
    if dry_run:
        _show_plan(settings, output_format)
        return
    with begin_family(out or default_folder(settings), settings, command_line()) as run:
        show(carry_on(run), output_format)


def _show_plan(settings: FamilyTrainingSettings, output_format: str) -> None:
    """Prints what would be trained, how long that takes and how much memory it needs; trains nothing."""
    from scalesearch.cli.terminal import print_table
    from scalesearch.commands.scale.run import plan_family
    from scalesearch.page.parts import counted_parts
    from scalesearch.page.tables import FAMILY_PLAN
    from scalesearch.runs.family import plan_lines, plan_rows
    from scalesearch.runs.lifecycle import data_size, require_workers
    from scalesearch.runs.planning import planned_speed, tried

    require_workers(settings)
    size = data_size(settings.data)
    plan = tried(plan_family(settings, size))
    speed = planned_speed(plan, settings)
    for line in plan_lines(settings, plan, size, speed):
        echo(line, err=output_format != "table")
    for note in plan.notes:
        echo(f"Note: {note}", err=True)
    rows = plan_rows(settings, plan, size, speed)
    heads = {"blocks": counted_parts(settings.to_dict())}
    print_table(FAMILY_PLAN.frame(rows), output_format, columns=FAMILY_PLAN.cells, heads=heads)


def _derive(out: Path | None, output_format: str, options: dict[str, Any]) -> None:
    """The family derived alone."""
    from scalesearch.cli.terminal import print_table
    from scalesearch.commands.scale.run import default_name, with_affordable_phi, without_refused
    from scalesearch.hardware.device import auto_device
    from scalesearch.hardware.machine import usable_cores
    from scalesearch.page.parts import counted_parts, within_budget
    from scalesearch.page.tables import FAMILY, PUBLISHED, published_table
    from scalesearch.runs.lifecycle import require_device

    started = time.perf_counter()
    options["phis"] = options.pop("phi")
    options["baseline_resolution"] = options["baseline_resolution"] or 0
    options["device"] = auto_device() if options["device"] == "auto" else options["device"]
    options["threads"] = options["threads"] or usable_cores()
    asked = with_affordable_phi(ScaleSettings(**resolve_spending(options)))
    settings, left_out = without_refused(asked)
    require_device(settings.device, to_train=False)
    name = default_name(settings)
    folder = out or Path("reports") / name
    record, report = derived(folder, settings, name=name, command=command_line(), started=started)
    heads = {"blocks": counted_parts(settings.to_dict())}
    print_table(
        report.table, output_format, columns=FAMILY.cells, title="The family, by the rule", heads=heads
    )
    if output_format == "table" and record.published:
        print_table(
            published_table(record),
            output_format,
            columns=PUBLISHED.cells,
            title="\nThe published family, rebuilt",
        )
    if settings.budget:
        echo(within_budget(record.family), err=output_format != "table")
    if left_out:
        echo(f"Note: {left_out}", err=True)
    tell_page(folder / "derivation.md", err=output_format != "table")

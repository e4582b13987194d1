"""``scalesearch audit``: the paper's rows rebuilt and counted, and trained at equal cost."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from scalesearch.cli.help import Command
from scalesearch.cli.main import Fail
from scalesearch.cli.options import (
    command_line,
    config_option,
    dry_run_option,
    format_option,
    option_of,
    options_of,
    out_option,
    refuse_without_train,
    resolve_training,
    training_options,
)
from scalesearch.cli.terminal import echo
from scalesearch.commands.audit.run import AUDITED, AuditSettings
from scalesearch.page.columns import Cell
from scalesearch.study.settings import TrainingSettings

# What an audit that trains nothing takes.
WITHOUT_TRAINING = frozenset({"baselines", "train", "out", "output_format"})


@click.command(cls=Command)
@config_option
@options_of(AuditSettings, above=TrainingSettings, but=("baselines",))
@dry_run_option("With --train: show what would be trained and how long it takes.")
@option_of(AuditSettings, "baselines")
@training_options(AuditSettings, but=("baseline", "start", "pretrained"))
@out_option("reports/audit")
@format_option
def audit(out: Path | None, output_format: str, *, dry_run: bool, **options: Any) -> None:
    """The rows of Tables 3 and 7 of the EfficientNet paper, rebuilt and counted.

    Each row scales MobileNetV1, MobileNetV2, ResNet-50 or EfficientNet-B0 by depth, width or resolution
    alone, or by the compound rule (1.4, 1.2, 1.3). Shown are its published FLOPs, its exact multiply-adds
    under every documented rounding, which of them fits, and what the compound row spent against its rivals.

    With --train small copies of the rows are trained too, all of one baseline at the same real cost: does the
    published order hold? What was stopped goes on with scalesearch resume.

    Writes audit.md, audit.csv, rules.csv, matched.csv, figures/, run.toml and, with --train, order.csv and a
    sweep's folder for each baseline in train/.

    \b
    Examples:
      scalesearch audit
      scalesearch audit --baseline mobilenet-v2 --format csv
      scalesearch audit --train --dataset folder:my/images --seeds 3
    """
    context = click.get_current_context()
    train, baselines = options.pop("train"), options.pop("baselines")
    chosen = tuple(name for name in AUDITED if name in baselines)
    if train:
        settings = AuditSettings(**resolve_training(options), baselines=chosen, train=True)
    else:
        refuse_without_train(context, [name for name in context.params if name not in WITHOUT_TRAINING])
        settings = AuditSettings(baselines=chosen)
    if dry_run:
        _show_plan(settings, output_format)
        return
    from scalesearch.cli.running import show
    from scalesearch.runs.audit import default_folder, run_audit

    show(run_audit(out or default_folder(), settings, command_line()), output_format)


def _show_plan(settings: AuditSettings, output_format: str) -> None:
    """Prints what would be trained, how long that takes and how much memory it needs; trains nothing."""
    import pandas as pd

    from scalesearch.cli.terminal import print_table
    from scalesearch.runs.audit import plan_rows
    from scalesearch.runs.progress import duration

    if not settings.train:
        raise Fail("--dry-run must come with --train: without it nothing is trained")
    rows, lines = plan_rows(settings)
    frame = pd.DataFrame(rows)
    columns = {
        **dict.fromkeys(("baseline", "networks", "rows", "seeds"), Cell()),
        **dict.fromkeys(("macs_min", "macs_max", "images"), Cell("{:,d}")),
        "seconds": Cell(lambda row: duration(row["seconds"]), head="time"),
        "peak_bytes": Cell(lambda row: f"{row['peak_bytes'] / 2**30:.1f} GiB", head="memory"),
    }
    print_table(frame, output_format, columns=columns)
    for line in lines:
        echo(line, err=output_format != "table")

"""``scalesearch export``: a network as ONNX, torch.export program, safetensors and Python."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from scalesearch.cli.help import Command
from scalesearch.cli.options import format_option, options_of, out_option
from scalesearch.cli.terminal import echo
from scalesearch.export.formats import SPEC, ExportSettings
from scalesearch.page.columns import Cell

COLUMNS = {
    "format": Cell(),
    "file": Cell(),
    "bytes": Cell("{:,d}"),
    "difference": Cell("{:.1e}"),
    "bound": Cell("{:.1e}"),
    "check": Cell(),
}


@click.command(cls=Command)
@click.argument("source")
@options_of(ExportSettings)
@out_option("exports/NAME")
@format_option
def export(source: str, out: Path | None, output_format: str, **options: Any) -> None:
    """Hand a network over: as ONNX, as a torch.export program, as safetensors, as one file of Python.

    \b
    SOURCE is one of these:
      a run's folder: its network with the highest mean top-1, or that of
        --candidate
      a file of weights that such a run wrote
      with --untrained, a network without trained weights: a published one
        (b3), or a baseline with multipliers of depth, width and resolution
        (efficientnet-b0:1.2,1.1,1.15)

    Each file is read back, and its output for random images is compared with the original network's.
    spec.json says what the network is, how images become its input, and where its weights come from. Without
    --to, all formats are written that this network and the installed packages allow; the rest is listed with
    the reason. The Python file is written of EfficientNets only and needs nothing but torch. ONNX needs
    pip install 'scalesearch[onnx]'.

    Where the networks are somebody's own code (package.module:function), that code is run to build them: do
    this only with folders of people you trust. Its weights are exported for use with the same code.

    \b
    Examples:
      scalesearch export reports/mine
      scalesearch export reports/mine --candidate 8492a --to onnx --batch-size 1
      scalesearch export b3 --untrained --to python,safetensors
    """
    import pandas as pd

    from scalesearch.cli.terminal import print_table
    from scalesearch.runs.exporting import export_network

    settings = ExportSettings(**options)
    handover = export_network(source, settings, out)
    rows = [
        {
            "format": item.format,
            "file": str(item.file),
            "bytes": item.bytes,
            "difference": item.difference,
            "bound": item.bound,
            "check": "passed" if item.passed else item.reason or "differs",
        }
        for item in handover.files
    ]
    print_table(pd.DataFrame(rows), output_format, columns=COLUMNS)
    echo(f"Spec: {handover.folder / SPEC}", err=output_format != "table")
    fixed = [item.format for item in handover.files if item.written and item.batch_size]
    if fixed and settings.batch_size is None:
        echo(
            f"Note: {' and '.join(fixed)} take{'s' * (len(fixed) == 1)} 1 image in every pass, as {SPEC} "
            "says: torch can make no graph of this network for any number; --batch-size fixes another",
            err=True,
        )
    if handover.left_out:
        told = "; ".join(f"{name} ({why})" for name, why in handover.left_out.items())
        echo(f"Left out: {told}", err=True)
    if handover.failure is not None:
        raise handover.failure

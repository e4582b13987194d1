"""``scalesearch export``: a network as ONNX, torch.export program, safetensors and Python."""

from __future__ import annotations

from typing import Any

import click

from scalesearch.cli.help import Command, option
from scalesearch.cli.options import format_option, out_option
from scalesearch.cli.terminal import Whole, echo
from scalesearch.export.formats import DEFAULT_OPSET, FORMATS, OPSETS, SPEC
from scalesearch.page.columns import Cell
from scalesearch.text import near

COLUMNS = {
    "format": Cell(),
    "file": Cell(),
    "bytes": Cell("{:,d}"),
    "difference": Cell("{:.1e}"),
    "bound": Cell("{:.1e}"),
    "check": Cell(),
}


class _Formats(click.ParamType[tuple[str, ...]]):
    """Some of the formats, such as ``onnx,python``."""

    name = "formats"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> tuple[str, ...]:
        names = tuple(dict.fromkeys(part.strip() for part in str(value).split(",")))
        if unknown := [name for name in names if name not in FORMATS]:
            self.fail(
                f"must be some of {', '.join(FORMATS)}, got {unknown[0]!r}{near(unknown[0], FORMATS)}",
                param,
                ctx,
            )
        return names


@click.command(cls=Command)
@click.argument("source")
@option(
    "--candidate",
    default="highest",
    metavar="KEY",
    help="Of a run: the network, by the first letters of its key, or that of the highest mean top-1.",
)
@option(
    "--seed",
    type=Whole(0, 2**32 - 1),
    help="Of a run: the training run.  [default: the best one]  With --untrained: of the random weights.  "
    "[default: 0]",
)
@option("--untrained", is_flag=True, help="Random weights: nothing that was trained is asked for.")
@option(
    "--to",
    "formats",
    type=_Formats(),
    help=f"What to write, some of {', '.join(FORMATS)} with commas between them; python brings safetensors "
    "with it, which has its weights.  [default: all that this network and what is installed here allow]",
)
@option(
    "--batch-size",
    type=Whole(min=1),
    help="Images in every pass of the ONNX model and the program.  [default: any number, or 1 where torch "
    "can make no graph for any]",
)
@option(
    "--opset",
    type=Whole(OPSETS[0], OPSETS[-1]),
    default=DEFAULT_OPSET,
    help="Version of the ONNX model's operators.",
)
@out_option("exports/NAME")
@format_option
def export(source: str, formats: tuple[str, ...] | None, output_format: str, **options: Any) -> None:
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

    handover = export_network(source, formats=formats, **options)
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
    if fixed and options["batch_size"] is None:
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

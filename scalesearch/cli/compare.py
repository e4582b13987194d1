"""`scalesearch compare`: two networks timed in turn, or stored runs set against each other."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from scalesearch.cli.help import Command, option
from scalesearch.cli.options import command_line, config_option, options_of, out_option, resolve_setups
from scalesearch.commands.compare.run import CompareSettings


@click.command(cls=Command)
@click.argument("a", metavar="A")
@click.argument("b", metavar="B")
@config_option
@options_of(CompareSettings)
@option("--mix-machines", is_flag=True, help="Compare finished runs of two machines all the same.")
@out_option("reports/compare-A-vs-B")
def compare(a: str, b: str, mix_machines: bool, out: Path | None, **options: Any) -> None:
    """How many times as long as A does B take, and is a difference shown at all?

    A and B are networks, named as for scalesearch measure. They are timed in turn, A B B A, in several fresh
    processes, so that whatever else the machine does slows both alike. Options set up both; after @ a network
    has a setting of its own (b0@runtime=onnxruntime).

    A and B may instead be folders of finished runs of scalesearch measure: DIR, or DIR:NAME for one of its
    networks. What was measured in the same setup is then compared.

    Writes report.md and figures/; the raw samples stay in samples/.

    \b
    Examples:
      scalesearch compare b0 b1 --threads 2
      scalesearch compare b0@runtime=eager b0@runtime=onnxruntime --batch-size 8
      scalesearch compare reports/measure-before reports/measure-after
    """
    from scalesearch.cli.running import show
    from scalesearch.commands.compare.run import StoredSettings
    from scalesearch.runs.comparing import compare_networks, default_folder, named_pair
    from scalesearch.runs.comparing_stored import are_stored, compare_stored

    default = default_folder(a, b)
    if are_stored(a, b):
        sides = StoredSettings(a=a, b=b, mix_machines=mix_machines)
        outcome = compare_stored(out or default, sides, command_line())
    else:
        settings = CompareSettings(a=a, b=b, **resolve_setups(options, several=False))
        subjects, command = named_pair(a, b), command_line()
        outcome = compare_networks(out or default, settings, subjects, name=default.name, command=command)
    show(outcome, "table")
